// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which CPU holds which VMCS.  A VMCS is loaded where it ran last until another
 * CPU wants it (VMCLEAR by IPI first) or that CPU's VMX goes off.
 */
#include <linux/lockdep.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <asm/desc.h>
#include <asm/cpu_entry_area.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/special_insns.h>

#include "check.h"
#include "ops.h"
#include "power.h"

/* Host state that an exit loads, and that is the same on this CPU at all times. */
static const struct {
	u32 msr, field;
} host_msr_fields[] = {
	{ MSR_GS_BASE, HOST_GS_BASE },
	{ MSR_EFER, HOST_IA32_EFER },
	{ MSR_IA32_CR_PAT, HOST_IA32_PAT },
	{ MSR_IA32_SYSENTER_CS, HOST_IA32_SYSENTER_CS },
	{ MSR_IA32_SYSENTER_ESP, HOST_IA32_SYSENTER_ESP },
	{ MSR_IA32_SYSENTER_EIP, HOST_IA32_SYSENTER_EIP },
};

static void clear_here(void *vcpu)
{
	struct vmx_vcpu *v = vcpu;
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);

	/* VMX off on this CPU in the meantime did it for us. */
	if (v->cpu != smp_processor_id())
		return;
	vmclear(v->vmcs_pa);
	check_vmcs_cleared(v);
	v->launched = 0;
	list_del_init(&v->loaded);
	if (vmx_ready(v))
		this_cpu_write(vmx_current, NULL);
	if (c->last_ran == v)
		c->last_ran = NULL;
	/* Whoever reads -1 finds VMCS and launch state as they are now. */
	smp_store_release(&v->cpu, -1);
}

void vmx_clear(struct vmx_vcpu *v)
{
	/* Pairs with the release in clear_here(). */
	int cpu = smp_load_acquire(&v->cpu);

	/* Fails if that CPU went offline: its VMX went off, and cleared the VMCS. */
	if (cpu >= 0)
		smp_call_function_single(cpu, clear_here, v, 1);
}

/* A suspend has set the host's TSC back: the guest's goes on from where it was. */
static void follow_tsc(struct vmx_vcpu *v)
{
	u64 lost = vmx_tsc_lost() - v->tsc_lost;

	if (likely(!lost))
		return;
	v->tsc_lost += lost;
	v->tsc_offset += lost;
	v->quiet_due = 0;
	vmwrite(TSC_OFFSET, v->tsc_offset);
	if (v->lapic)
		lapic_tsc_set_back(v->lapic, lost);
}

/* A CPU that this vCPU was not on: what is per CPU in the VMCS, and its TLB. */
static void settle_here(struct vmx_vcpu *v)
{
	struct desc_ptr gdt, idt;
	unsigned int i;

	native_store_gdt(&gdt);
	store_idt(&idt);
	vmwrite(HOST_GDTR_BASE, gdt.address);
	vmwrite(HOST_IDTR_BASE, idt.address);
	vmwrite(HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(v->cpu)->tss.x86_tss);
	vmwrite(HOST_CR0, read_cr0());
	for (i = 0; i < ARRAY_SIZE(host_msr_fields); i++) {
		u64 value;

		rdmsrl(host_msr_fields[i].msr, value);
		vmwrite(host_msr_fields[i].field, value);
	}
	/* This CPU may remember an earlier stay of ours, or an earlier owner of the VPID. */
	vmx_invvpid(v->vpid);
	/* No VMCS outlasts a suspend on its CPU. */
	follow_tsc(v);
	v->migrations++;
}

/* Preemption is off, and stays so.  -EAGAIN: VMX is off on this CPU just now. */
static int load_here(struct vmx_vcpu *v)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);
	int cpu = smp_processor_id();
	unsigned long flags;
	bool here;

	if (vmx_ready(v)) {
		check_vmcs_current(v);
		return 0;
	}
	if (v->cpu != cpu)
		vmx_clear(v);

	/* Hotplug and suspend turn VMX off by interrupt or with interrupts off. */
	local_irq_save(flags);
	if (!c->on) {
		local_irq_restore(flags);
		return -EAGAIN;
	}
	check_vmcs_free(v);
	here = v->cpu == cpu;
	if (!here) {
		/* First, and cleared last: an NMI in which the machine crashes looks there. */
		list_add(&v->loaded, &c->loaded);
		/* A region that was never loaded becomes a VMCS by this. */
		vmclear(v->vmcs_pa);
	}
	vmptrld(v->vmcs_pa);
	this_cpu_write(vmx_current, v);
	if (!here) {
		v->cpu = cpu;
		settle_here(v);
	}
	local_irq_restore(flags);
	return 0;
}

int vmx_load_slow(struct vmx_vcpu *v)
{
	for (;;) {
		preempt_disable();
		if (!load_here(v))
			return 0;
		preempt_enable();
		schedule_timeout_killable(1);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
}
