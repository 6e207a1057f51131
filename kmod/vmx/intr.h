/* SPDX-License-Identifier: GPL-2.0-only */
/* What holds interrupts off, in a loaded VMCS: inline, most exits ask for it. */
#ifndef TVX_INTR_H
#define TVX_INTR_H

#include <asm/processor-flags.h>

#include "ops.h"

#define INTR_SHADOWS	(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)

/* Do STI or MOV SS hold them off for one more instruction? */
static __always_inline bool vmx_intr_shadow(void)
{
	return vmread(GUEST_INTERRUPTIBILITY_INFO) & INTR_SHADOWS;
}

/* For what they do not block: an instruction that is done, an event that is being delivered. */
static __always_inline void vmx_end_shadow(void)
{
	u32 state = vmread(GUEST_INTERRUPTIBILITY_INFO);

	if (unlikely(state & INTR_SHADOWS))
		vmwrite(GUEST_INTERRUPTIBILITY_INFO, state & ~INTR_SHADOWS);
}

/* Could an interrupt be taken right now? */
static __always_inline bool vmx_intr_open(void)
{
	return vmread(GUEST_RFLAGS) & X86_EFLAGS_IF && !vmx_intr_shadow();
}

#endif
