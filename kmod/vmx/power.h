/* SPDX-License-Identifier: GPL-2.0-only */
/* VMX on each CPU, and which VMCSs each CPU holds: inside kmod/vmx/ only. */
#ifndef TVX_POWER_H
#define TVX_POWER_H

#include <linux/percpu.h>
#include <asm/desc_defs.h>
#include "vmx.h"

/**
 * struct vmx_cpu - one CPU's share of VMX; touched on that CPU only, with
 * interrupts off, but for @region, and @gdt and @host_switched, constant while @on
 * @on: VMX is ours here: on, or about to go on or off with interrupts off. For an NMI, in
 *	which the machine crashes, it is set as long as CR4.VMXE is
 * @region: the VMXON region, allocated for each possible CPU
 * @loaded: vCPUs whose VMCS may be cached in this CPU (VMPTRLD since its last VMCLEAR)
 * @gdt: the host's GDT, with the limit that an exit loses
 * @last_ran: whose guest ran here last; NULL once that vCPU is gone
 * @host_switched: the host's values of the switched MSRs that never change here
 */
struct vmx_cpu {
	bool on;
	struct vmcs *region;
	struct list_head loaded;
	struct desc_ptr gdt;
	struct vmx_vcpu *last_ran;
	u64 host_switched[VMX_NR_SWITCHED];
};

DECLARE_PER_CPU(struct vmx_cpu, vmx_cpu);

/* VMX goes off for good: failing VMX instructions are nobody's fault from now on. */
extern bool vmx_rebooting;

/**
 * vmx_clear() - VMCLEAR @v's VMCS on whatever CPU holds it; v->cpu is -1 after
 *
 * Waits for that CPU.  Preemption may be off, interrupts are on.
 */
void vmx_clear(struct vmx_vcpu *v);

/* emergency.c: at module load and unload.  Return: 0 or an error of the module notifier's. */
int emergency_setup(void);
void emergency_teardown(void);
/**
 * emergency_watch() - Be called in a crash or an emergency reboot
 * @in_use: VMX is about to go on; or is off everywhere
 */
void emergency_watch(bool in_use);

/* A page for a VMCS or VMXON region, with the revision id in it; NULL: no memory. */
struct vmcs *vmx_alloc_region(int node);

#endif
