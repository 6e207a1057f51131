/* SPDX-License-Identifier: GPL-2.0-only */
/* The one writer of RIP: inline, for user space sets it with nearly every RUN. */
#ifndef TVX_RIP_H
#define TVX_RIP_H

#include "../vmx/intr.h"
#include "../vmx/ops.h"

/* Where the guest goes on; ends an STI or MOV SS shadow. [section] or loaded */
static __always_inline void exit_set_rip(u64 rip)
{
	vmwrite(GUEST_RIP, rip);
	vmx_end_shadow();
}

#endif
