/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the world switch and the rest of kmod/vmx/. */
#ifndef TVX_SWITCH_H
#define TVX_SWITCH_H

#include "vmx.h"

enum vmx_entry_result {
	VMX_ENTRY_EXITED,	/* the guest ran, or a check of guest state failed */
	VMX_ENTRY_FAILED,	/* VMfail: VM_INSTRUCTION_ERROR says why */
	VMX_ENTRY_FAULTED,	/* VMX is off */
};

/* entry.S */
enum vmx_entry_result vmx_enter_guest(struct vmx_vcpu *v);
void vmx_exit_point(void);

/* Interrupts off, before an entry: debug registers of a guest that uses them. */
void switch_dr_in(struct vmx_vcpu *v);

/* DR7 is another one in the VMCS, which is loaded. */
void switch_dr7_changed(struct vmx_vcpu *v);

/* ---- section.c ---- */

/* Interrupts off: VMX goes off on this CPU, perhaps in the gap of a section. */
void section_interrupted(void);

/* In a section: the guest can execute SYSCALL from now on. */
void section_syscall_in(struct vmx_vcpu *v);

#endif
