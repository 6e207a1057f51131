/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The out-half of the run page, but for an exit's own fields: these, its handler
 * writes.  A part of run.c: inline, for all exits to user space come through here.
 */
#ifndef TVX_RUN_OUT_H
#define TVX_RUN_OUT_H

#include <asm/processor-flags.h>

#include "exits/exits.h"
#include "trace.h"
#include "vmx/intr.h"
#include "vmx/ops.h"

static inline u32 pending_flags(const struct vmx_vcpu *hw)
{
	u32 flags = 0;

	if (likely(!vmx_events_wait(hw, 0)))
		return 0;
	if (hw->exception.flags)
		flags |= TVX_OUT_PENDING_EXC;
	if (hw->nmi_pending)
		flags |= TVX_OUT_PENDING_NMI;
	if (hw->intr.flags)
		flags |= TVX_OUT_PENDING_INTR;
	return flags;
}

/* Written out: compilers leave a loop, or make a slow REP MOVS of a memcpy(). */
static inline void give_gprs(__u64 *to, const unsigned long *from)
{
#define GIVE4(n) (to[n] = from[n], to[n + 1] = from[n + 1], \
		  to[n + 2] = from[n + 2], to[n + 3] = from[n + 3])
	BUILD_BUG_ON(TVX_NR_GPRS != 16);
	GIVE4(0);
	GIVE4(4);
	GIVE4(8);
	GIVE4(12);
#undef GIVE4
}

/*
 * give_out() - tell user space of vcpu->exit: what all exits have
 * @hw_reason: the hardware's, if it was one of its exits; else 0
 * @hw_qual: the same
 * @insn_len: how far it is to the next instruction, where that counts; else 0
 * @flags: TVX_OUT_* that the vCPU does not know
 * In a loaded VMCS, under vcpu->lock.
 */
static __always_inline void give_out(struct tvx_vcpu *vcpu, u32 hw_reason, u64 hw_qual,
				     u32 insn_len, u32 flags)
{
	struct tvx_run_out *page = &vcpu->run->out;
	u64 rip = vmread(GUEST_RIP), rflags = vmread(GUEST_RFLAGS);
	struct vmx_vcpu *hw = &vcpu->hw;

	flags |= pending_flags(hw);
	if (rflags & X86_EFLAGS_IF && !vmx_intr_shadow())
		flags |= TVX_OUT_INTR_OPEN;
	page->exit = vcpu->exit;
	page->flags = flags;
	page->hw_reason = hw_reason;
	page->hw_qual = hw_qual;
	page->insn_len = insn_len;
	give_gprs(page->gpr, hw->gpr);
	page->gpr[TVX_RSP] = vmread(GUEST_RSP);
	page->rip = rip;
	page->rflags = rflags;
	page->next_rip = rip + insn_len;
	trace_tvx_user_exit(vcpu->id, vcpu->exit);
}

#endif
