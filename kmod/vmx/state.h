/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest registers as the VMCS and struct vmx_vcpu hold them. kmod/vmx/ only; all [loaded]. */
#ifndef TVX_STATE_H
#define TVX_STATE_H

#include "vmx.h"

/* regs.c: set, without the checks that a guest's own instruction would meet */
void regs_set_control(struct vmx_vcpu *v, u64 cr0, u64 cr3, u64 cr4, u64 efer);
void regs_set_efer(struct vmx_vcpu *v, u64 efer);
/* Reserved bits of CR0, CR4, EFER by the guest's policy. Return: 0 or -EINVAL. */
int regs_check_control(struct vmx_vcpu *v, u64 cr0, u64 cr4, u64 efer);

/* msr.c */
void msr_setup(void);		/* once, at module load */
void vmx_reset_msrs(struct vmx_vcpu *v);

/* inject.c: 0 or -EINVAL */
int event_check(const struct tvx_event *e);

#endif
