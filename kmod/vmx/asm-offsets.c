// SPDX-License-Identifier: GPL-2.0-only
/* Offsets for entry.S; the build turns this into vmx/asm-offsets.h. */
#define COMPILE_OFFSETS

#include <linux/kbuild.h>
#include <asm/vmx.h>
#include "vmx.h"

static void __used common(void)
{
	OFFSET(VCPU_gpr, vmx_vcpu, gpr);
	OFFSET(VCPU_spec_guest, vmx_vcpu, spec_guest);
	OFFSET(VCPU_spec_host, vmx_vcpu, spec_host);
	OFFSET(VCPU_spec_switch, vmx_vcpu, spec_switch);
	OFFSET(VCPU_launched, vmx_vcpu, launched);
	OFFSET(VCPU_host_rsp, vmx_vcpu, host_rsp);
	OFFSET(VCPU_cr2, vmx_vcpu, cr2);
	OFFSET(VCPU_exit_reason, vmx_vcpu, exit_reason);
	DEFINE(FIELD_HOST_RSP, HOST_RSP);
	DEFINE(FIELD_EXIT_REASON, VM_EXIT_REASON);
	DEFINE(FIELD_INTR_INFO, VM_EXIT_INTR_INFO);
	DEFINE(INTR_TYPE_MASK, INTR_INFO_INTR_TYPE_MASK);
	DEFINE(INTR_TYPE_NMI, INTR_TYPE_NMI_INTR);
}
