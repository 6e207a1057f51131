/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's FPU state, in XSAVE's standard format or FXSAVE's. kmod/vmx/ only. */
#ifndef TVX_FPU_H
#define TVX_FPU_H

#include "vmx.h"

/* At module load: which components guests have, how large the area is. */
void fpu_setup(void);
/* A vCPU's area in the state after RESET.  Return: 0 or -ENOMEM. */
int fpu_alloc(struct vmx_vcpu *v);
void fpu_free(struct vmx_vcpu *v);
/* Preemption off: the host's user state is saved away, then the guest's goes in. */
void fpu_enter(struct vmx_vcpu *v);
void fpu_leave(struct vmx_vcpu *v);

#endif
