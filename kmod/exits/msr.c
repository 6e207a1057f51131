// SPDX-License-Identifier: GPL-2.0-only
/* RDMSR and WRMSR that the bitmap does not let through: policy first, then our tables. */
#include "../trace.h"
#include "exits.h"

static int to_user(struct tvx_vcpu *vcpu, u32 exit, u32 index, u64 value)
{
	vcpu->out.exit = exit;
	vcpu->out.msr.index = index;
	vcpu->out.msr.value = value;
	return EXIT_USER;
}

static int finish(struct tvx_vcpu *vcpu, int err)
{
	if (err)
		vmx_raise_gp(&vcpu->hw);
	else
		exit_skip(vcpu);
	return EXIT_RESUME;
}

int exit_rdmsr(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	u32 index = hw->gpr[TVX_RCX];
	enum tvx_action action;
	u64 value = 0;
	int err = 0;

	action = policy_msr(hw->policy, index, false, &value);
	if (action == TVX_ACT_EXIT)
		return to_user(vcpu, TVX_EXIT_RDMSR, index, 0);
	if (action == TVX_ACT_FAULT)
		err = -EINVAL;
	else if (action != TVX_ACT_CONST)
		err = vmx_get_msr(hw, index, &value);
	trace_tvx_msr(vcpu->id, false, index, value, err);
	if (!err) {
		hw->gpr[TVX_RAX] = (u32)value;
		hw->gpr[TVX_RDX] = value >> 32;
	}
	return finish(vcpu, err);
}

int exit_wrmsr(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	u32 index = hw->gpr[TVX_RCX];
	u64 value = (u32)hw->gpr[TVX_RAX] | (u64)hw->gpr[TVX_RDX] << 32;
	enum tvx_action action;
	u64 constant;
	int err = 0;

	action = policy_msr(hw->policy, index, true, &constant);
	if (action == TVX_ACT_EXIT)
		return to_user(vcpu, TVX_EXIT_WRMSR, index, value);
	if (action == TVX_ACT_FAULT)
		err = -EINVAL;
	else if (action != TVX_ACT_CONST)
		err = vmx_set_msr(hw, index, value);
	trace_tvx_msr(vcpu->id, true, index, value, err);
	return finish(vcpu, err);
}
