// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which CPU holds which VMCS.  A VMCS is loaded where it ran last until another CPU
 * wants it (VMCLEAR by IPI first), that CPU's VMX goes off, or the window ends in which
 * VMX was not surely on for longer (window.c).
 */
#include <linux/lockdep.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <asm/desc.h>
#include <asm/cpu_entry_area.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/special_insns.h>

#include "../compat.h"
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

void load_clear(struct vmx_cpu *c, struct vmx_vcpu *v)
{
	vmclear(v->vmcs_pa);
	v->launched = 0;
	list_del_init(&v->loaded);
	/* Another VMCS may come to be in that page. */
	if (c->left == v->vmcs_pa)
		c->left = VMX_NONE_LEFT;
	/* Pairs with vmx_clear(): who reads -1 finds VMCS and launch state as they are now. */
	smp_store_release(&v->cpu, -1);
}

static void clear_here(void *vcpu)
{
	struct vmx_vcpu *v = vcpu;
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);

	/* VMX off on this CPU in the meantime did it for us. */
	if (v->cpu != smp_processor_id())
		return;
	load_clear(c, v);
	check_vmcs_cleared(v);
	if (vmx_ready(v))
		this_cpu_write(vmx_current, NULL);
	if (c->last_ran == v)
		c->last_ran = NULL;
}

void vmx_clear(struct vmx_vcpu *v)
{
	/* Pairs with the release in load_clear(). */
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

/* The vCPU was last on another CPU, or this one was offline or asleep since. */
static void settle_here(struct vmx_cpu *c, struct vmx_vcpu *v)
{
	struct desc_ptr idt;
	unsigned int i;

	store_idt(&idt);
	vmwrite(HOST_GDTR_BASE, c->gdt.address);
	vmwrite(HOST_IDTR_BASE, idt.address);
	vmwrite(HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(v->cpu)->tss.x86_tss);
	vmwrite(HOST_CR0, read_cr0());
	for (i = 0; i < ARRAY_SIZE(host_msr_fields); i++) {
		u64 value;

		rdmsrl(host_msr_fields[i].msr, value);
		vmwrite(host_msr_fields[i].field, value);
	}
	/*
	 * This CPU may remember an earlier stay of ours, an earlier owner of the VPID, or of the
	 * page that is our EPT root: KVM frees its own without a flush; or what was flushed while
	 * it was offline.
	 */
	vmx_invvpid(v->vpid);
	vmx_invept(v->space->eptp);
	/* After a suspend the TSC of each CPU starts again. */
	follow_tsc(v);
	v->settled = c->epoch;
	v->migrations++;
}

void load_here(struct vmx_cpu *c, struct vmx_vcpu *v)
{
	int cpu = smp_processor_id();

	check_vmcs_free(v);
	if (v->cpu != cpu) {
		/* First, and cleared last: an NMI in which the machine crashes looks there. */
		list_add(&v->loaded, &c->loaded);
		if (unlikely(!v->vmcs_made)) {
			/* The region becomes a VMCS by this. */
			vmclear(v->vmcs_pa);
			v->vmcs_made = true;
		}
	}
	vmptrld(&v->vmcs_pa);
	this_cpu_write(vmx_current, v);
	v->cpu = cpu;
	if (unlikely(v->settled != c->epoch))
		settle_here(c, v);
}

int vmx_load_slow(struct vmx_vcpu *v)
{
	for (;;) {
		preempt_enable();
		/*
		 * A suspend must be able to freeze the thread, however long it waits. It holds
		 * mutexes, vcpu->lock or vm->lock, that no other thread waits for
		 * uninterruptibly.
		 */
		set_current_state(TASK_KILLABLE | TASK_FREEZABLE_UNSAFE);
		schedule_timeout(1);
		if (fatal_signal_pending(current))
			return -EINTR;
		preempt_disable();
		if (vmx_open(v))
			return 0;
	}
}
