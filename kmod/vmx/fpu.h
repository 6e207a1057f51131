/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's FPU state, in XSAVE's standard format or FXSAVE's. kmod/vmx/ only. */
#ifndef TVX_FPU_H
#define TVX_FPU_H

#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>

#include "vmx.h"

/*
 * At module load: which components guests have, how large the area is.
 * Return: 0, or -EOPNOTSUPP if the kernel is not as its headers say.
 */
int fpu_setup(void);
/* A vCPU's area in the state after RESET.  Return: 0 or -ENOMEM. */
int fpu_alloc(struct vmx_vcpu *v);
void fpu_free(struct vmx_vcpu *v);

/*
 * Constant after fpu_setup(): the components that guests have (0: no XSAVE, or the
 * kernel does not use it), and the host's XCR0 (0 likewise, and so is the guests').
 */
extern u64 fpu_xfeatures, fpu_host_xcr0;

/*
 * Preemption off: the host's user state is saved away, then the guest's goes in.
 * On some kernels softirqs are off until fpu_leave(), which runs those that came.
 */
static __always_inline void fpu_enter(struct vmx_vcpu *v)
{
	kernel_fpu_begin_mask(0);
	if (fpu_xfeatures)
		asm volatile("xrstor64 %0"
			     : : "m" (*(char (*)[])v->xsave), "a" ((u32)fpu_xfeatures),
				 "d" ((u32)(fpu_xfeatures >> 32))
			     : "memory");
	else
		asm volatile("fxrstor64 %0" : : "m" (*(struct fxregs_state *)v->xsave));
	if (v->xcr0 != fpu_host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, v->xcr0);
}

static __always_inline void fpu_leave(struct vmx_vcpu *v)
{
	if (v->xcr0 != fpu_host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, fpu_host_xcr0);
	if (fpu_xfeatures)
		asm volatile("xsave64 %0"
			     : "+m" (*(char (*)[])v->xsave)
			     : "a" ((u32)fpu_xfeatures), "d" ((u32)(fpu_xfeatures >> 32))
			     : "memory");
	else
		asm volatile("fxsave64 %0" : "+m" (*(struct fxregs_state *)v->xsave));
	kernel_fpu_end();
}

#endif
