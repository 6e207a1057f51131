// SPDX-License-Identifier: GPL-2.0-only
/* RDMSR and WRMSR that the bitmap does not let through: policy first, then our tables. */
#include <linux/minmax.h>

#include "../trace.h"
#include "exits.h"

static enum tvx_action read_action(const struct tvx_msr_rule *rule)
{
	return likely(!rule) ? TVX_ACT_DEFAULT : rule->read;
}

static enum tvx_action write_action(const struct tvx_msr_rule *rule)
{
	return likely(!rule) ? TVX_ACT_DEFAULT : rule->write;
}

static int to_user(struct tvx_vcpu *vcpu, u32 exit, u32 index, u64 value)
{
	struct tvx_run_out *out = &vcpu->run->out;

	out->msr.index = index;
	out->msr.reserved = 0;
	out->msr.value = value;
	return exit_user(vcpu, exit);
}

/* What no table knows may be the local APIC's. */
static int read_msr(struct tvx_vcpu *vcpu, u32 index, u64 *value)
{
	int err = vmx_get_msr(&vcpu->hw, index, value);

	if (unlikely(err == -ENOENT) && vcpu->hw.lapic && lapic_has_msr(index))
		err = apic_rdmsr(vcpu, index, value);
	return err;
}

static int finish(struct tvx_vcpu *vcpu, int err)
{
	if (likely(!err))
		return exit_skip(vcpu);
	return exit_general_protection(vcpu);
}

static u32 index_of(const struct vmx_vcpu *hw)
{
	return hw->gpr[TVX_RCX];
}

static u64 value_of(const struct vmx_vcpu *hw)
{
	return (u32)hw->gpr[TVX_RAX] | (u64)hw->gpr[TVX_RDX] << 32;
}

/* As read_msr(); LAPIC_* for what is to be done after the instruction. */
static int write_msr(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	int err = vmx_set_msr(hw, index_of(hw), value_of(hw));

	if (unlikely(err == -ENOENT) && hw->lapic && lapic_has_msr(index_of(hw)))
		err = apic_wrmsr(vcpu, index_of(hw), value_of(hw));
	return err;
}

int exit_rdmsr(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	u32 index = index_of(hw);
	const struct tvx_msr_rule *rule = policy_msr_rule(hw->policy, index);
	enum tvx_action action = read_action(rule);
	u64 *value = &vcpu->msr_value;
	int err = 0;

	*value = 0;
	if (action == TVX_ACT_EXIT)
		return to_user(vcpu, TVX_EXIT_RDMSR, index, 0);
	if (action == TVX_ACT_FAULT)
		err = -EINVAL;
	else if (action == TVX_ACT_CONST)
		*value = rule->value;
	else
		err = read_msr(vcpu, index, value);
	if (trace_tvx_msr_enabled())
		trace_tvx_msr(vcpu->id, false, index, *value, err);
	if (!err) {
		hw->gpr[TVX_RAX] = (u32)*value;
		hw->gpr[TVX_RDX] = *value >> 32;
	}
	return finish(vcpu, err);
}

/* The registers say which MSR and what value, until the end. */
int exit_wrmsr(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	int err = 0;

	switch (write_action(policy_msr_rule(hw->policy, index_of(hw)))) {
	case TVX_ACT_EXIT:
		return to_user(vcpu, TVX_EXIT_WRMSR, index_of(hw), value_of(hw));
	case TVX_ACT_FAULT:
		err = -EINVAL;
		break;
	case TVX_ACT_CONST:
		break;
	default:
		err = write_msr(vcpu);
	}
	if (trace_tvx_msr_enabled())
		trace_tvx_msr(vcpu->id, true, index_of(hw), value_of(hw), min(err, 0));
	if (likely(!err) || err < 0)
		return finish(vcpu, err);
	exit_skip(vcpu);
	return tvx_irq_effects(vcpu, err);
}
