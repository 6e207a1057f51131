// SPDX-License-Identifier: GPL-2.0-only
/* IN, OUT, INS, OUTS. SDM: exit qualification for I/O instructions. */
#include <linux/kernel.h>
#include <asm/msr-index.h>
#include <asm/vmx.h>

#include "../trace.h"
#include "../vmx/ops.h"
#include "exits.h"

#define QUAL_WIDTH(q)	(((q) & 7) + 1)
#define QUAL_IN		BIT(3)
#define QUAL_STRING	BIT(4)
#define QUAL_REP	BIT(5)
#define QUAL_PORT(q)	((u16)((q) >> 16))

/* VM-exit instruction information for INS and OUTS */
#define INFO_ADDR_WIDTH(i) (2 << ((i) >> 7 & 7))
#define INFO_SREG(i)	((i) >> 15 & 7)

static u64 mask_of(unsigned int bytes)
{
	return GENMASK_ULL(8 * bytes - 1, 0);
}

static bool has_insn_info(void)
{
	return vmx_caps.msrs[0] >> 54 & 1;	/* IA32_VMX_BASIC */
}

static noinline int string_to_user(struct tvx_vcpu *vcpu, unsigned long qual)
{
	struct tvx_run_out *out = &vcpu->run->out;
	u32 flags = qual & QUAL_IN ? TVX_IO_IN | TVX_IO_STRING : TVX_IO_STRING;
	u32 info = 0, addr_width = 0;

	/* An old CPU does not say: user space decodes the prefixes. */
	if (has_insn_info()) {
		info = vmread(VMX_INSTRUCTION_INFO);
		addr_width = INFO_ADDR_WIDTH(info);
	}
	if (qual & QUAL_REP) {
		flags |= TVX_IO_REP;
		out->io.count = vcpu->hw.gpr[TVX_RCX] & mask_of(addr_width ?: 8);
	}
	out->io.flags = flags;
	out->io.gla = vmread(GUEST_LINEAR_ADDRESS);
	out->io.sreg = qual & QUAL_IN ? TVX_ES : INFO_SREG(info);
	out->io.addr_width = addr_width;
	vmx_fill_ctx(&vcpu->hw, &out->ctx);
	return exit_user(vcpu, TVX_EXIT_IO);
}

static __always_inline int to_user(struct tvx_vcpu *vcpu, unsigned long qual)
{
	struct tvx_run_out *out = &vcpu->run->out;
	u32 width = QUAL_WIDTH(qual);

	memset(&out->io, 0, sizeof(out->io));
	out->io.port = QUAL_PORT(qual);
	out->io.width = width;
	out->io.count = 1;
	if (qual & QUAL_IN)
		out->io.flags = TVX_IO_IN;
	else
		out->io.value = vcpu->hw.gpr[TVX_RAX] & mask_of(width);
	if (unlikely(qual & QUAL_STRING))
		return string_to_user(vcpu, qual);
	return exit_user(vcpu, TVX_EXIT_IO);
}

/* 32-bit results clear the upper half of RAX, smaller ones leave the rest alone. */
static void set_accumulator(struct vmx_vcpu *hw, u32 width, u32 value)
{
	if (width == 4)
		hw->gpr[TVX_RAX] = value;
	else
		hw->gpr[TVX_RAX] = (hw->gpr[TVX_RAX] & ~mask_of(width)) | (value & mask_of(width));
}

/* Ports for which eventfds may stand. */
static noinline int by_eventfd(struct tvx_vcpu *vcpu, unsigned long qual)
{
	u32 width = QUAL_WIDTH(qual);

	if (!(qual & (QUAL_IN | QUAL_STRING)) &&
	    tvx_ioeventfd_signal(vcpu->vm, QUAL_PORT(qual), width,
				 vcpu->hw.gpr[TVX_RAX] & mask_of(width)))
		return exit_skip(vcpu);
	return to_user(vcpu, qual);
}

/* An access to a port that rules may cover. */
static noinline int by_rule(struct tvx_vcpu *vcpu, unsigned long qual)
{
	const struct tvx_io_rule *rule = policy_io_rule(vcpu->hw.policy, QUAL_PORT(qual));
	struct vmx_vcpu *hw = &vcpu->hw;

	if (!rule || rule->action == TVX_ACT_DEFAULT)
		return by_eventfd(vcpu, qual);
	if (rule->action == TVX_ACT_FAULT)
		return exit_general_protection(vcpu);
	/* The memory side of a string instruction is user space's to do. */
	if (rule->action != TVX_ACT_CONST || qual & QUAL_STRING)
		return to_user(vcpu, qual);
	if (qual & QUAL_IN)
		set_accumulator(hw, QUAL_WIDTH(qual), rule->value);
	return exit_skip(vcpu);
}

static noinline void trace_io(struct tvx_vcpu *vcpu, unsigned long qual)
{
	trace_tvx_io(vcpu->id, qual & QUAL_IN, QUAL_PORT(qual), QUAL_WIDTH(qual),
		     vcpu->hw.gpr[TVX_RAX]);
}

/* Rules and eventfds by functions of their own: most guests have neither. */
int exit_io(struct tvx_vcpu *vcpu)
{
	unsigned long qual = vmread(EXIT_QUALIFICATION);

	if (trace_tvx_io_enabled())
		trace_io(vcpu, qual);
	if (unlikely(vcpu->hw.policy->nr_io_rules))
		return by_rule(vcpu, qual);
	if (unlikely(rcu_access_pointer(vcpu->vm->ioeventfds)))
		return by_eventfd(vcpu, qual);
	return to_user(vcpu, qual);
}
