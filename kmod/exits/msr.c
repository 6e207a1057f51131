// SPDX-License-Identifier: GPL-2.0-only
/* RDMSR and WRMSR that the bitmap does not let through: policy first, then our tables. */
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

/* The MSR and its value are in vcpu->out.msr. */
static int to_user(struct tvx_vcpu *vcpu, u32 exit)
{
	vcpu->out.exit = exit;
	vcpu->out.msr.reserved = 0;
	return EXIT_USER;
}

static int finish(struct tvx_vcpu *vcpu, int err)
{
	if (likely(!err))
		return exit_skip(vcpu);
	vmx_raise_gp(&vcpu->hw);
	return EXIT_RESUME;
}

int exit_rdmsr(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	u32 index = hw->gpr[TVX_RCX];
	const struct tvx_msr_rule *rule = policy_msr_rule(hw->policy, index);
	enum tvx_action action = read_action(rule);
	u64 *value = &vcpu->out.msr.value;
	int err = 0;

	vcpu->out.msr.index = index;
	*value = 0;
	if (action == TVX_ACT_EXIT)
		return to_user(vcpu, TVX_EXIT_RDMSR);
	if (action == TVX_ACT_FAULT)
		err = -EINVAL;
	else if (action == TVX_ACT_CONST)
		*value = rule->value;
	else
		err = vmx_get_msr(hw, index, value);
	if (trace_tvx_msr_enabled())
		trace_tvx_msr(vcpu->id, false, index, *value, err);
	if (!err) {
		hw->gpr[TVX_RAX] = (u32)*value;
		hw->gpr[TVX_RDX] = *value >> 32;
	}
	return finish(vcpu, err);
}

int exit_wrmsr(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	u32 index = hw->gpr[TVX_RCX];
	u64 value = (u32)hw->gpr[TVX_RAX] | (u64)hw->gpr[TVX_RDX] << 32;
	enum tvx_action action = write_action(policy_msr_rule(hw->policy, index));
	int err = 0;

	switch (action) {
	case TVX_ACT_EXIT:
		vcpu->out.msr.index = index;
		vcpu->out.msr.value = value;
		return to_user(vcpu, TVX_EXIT_WRMSR);
	case TVX_ACT_FAULT:
		err = -EINVAL;
		break;
	case TVX_ACT_CONST:
		break;
	default:
		err = vmx_set_msr(hw, index, value);
	}
	if (trace_tvx_msr_enabled())
		trace_tvx_msr(vcpu->id, true, index, value, err);
	return finish(vcpu, err);
}
