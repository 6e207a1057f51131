// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX on each CPU, and what happens to it at the right step of everything that can happen
 * to a machine: module load and unload, CPU hotplug, suspend, reboot, kexec (and crash:
 * emergency.c).  hold.c decides whether VMX is ours.
 *
 * Hotplug callbacks run with the hotplug lock held for writing: vmx_owning, which changes
 * under the read lock, stays as it is.
 */
#define pr_fmt(fmt) "tinyvmx: " fmt

#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/slab.h>
#include <asm/desc.h>
#include <asm/intel_pt.h>
#include <asm/perf_event.h>
#include <asm/tlbflush.h>

#include "../compat.h"
#include "check.h"
#include "fpu.h"
#include "mitigate.h"
#include "ops.h"
#include "power.h"
#include "probe.h"
#include "state.h"
#include "switch.h"

DEFINE_PER_CPU(struct vmx_cpu, vmx_cpu);
DEFINE_PER_CPU(struct vmx_vcpu *, vmx_current);

bool vmx_rebooting;

bool vmx_owning;

static enum cpuhp_state hotplug_state;

/* ---- one CPU ---------------------------------------------------------------- */

static const u32 switched_index[VMX_NR_SWITCHED] = {
	[VMX_SW_STAR] = MSR_STAR,
	[VMX_SW_LSTAR] = MSR_LSTAR,
	[VMX_SW_CSTAR] = MSR_CSTAR,
	[VMX_SW_SFMASK] = MSR_SYSCALL_MASK,
	[VMX_SW_TSC_AUX] = MSR_TSC_AUX,
};

void power_read_host_msrs(u64 *values)
{
	unsigned int i;

	for (i = 0; i < VMX_NR_SWITCHED; i++)
		if (switched_index[i])
			rdmsrl_safe(switched_index[i], &values[i]);
}

/*
 * Neither VMXOFF nor VMXON drops what was cached of guests, and a flush leaves
 * out CPUs whose VMX is off.
 */
void power_forget_translations(void)
{
	if (invept(VMX_EPT_EXTENT_GLOBAL, 0))
		vmx_op_failed("INVEPT", 0);
	if (vmx_caps.features & TVX_FEAT_VPID)
		invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0);
}

/* Something else than before, for whoever was settled on this CPU. */
static void new_epoch(struct vmx_cpu *c)
{
	c->epoch++;
}

#ifdef TVX_CAN_OWN
/*
 * Interrupts off.  Return: 0, or -EBUSY: another has VMX on, or the machine reboots;
 * -ENODEV: VMXON or a CR bit failed.  @r has the reason then.
 */
static int cpu_on(struct refusal *r)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);
	unsigned long wrong;

	/* Nobody would turn it off again before the next kernel starts. */
	if (READ_ONCE(vmx_rebooting))
		return hold_refuse(r, REBOOTING, -EBUSY);
	if (__read_cr4() & X86_CR4_VMXE)
		return hold_refuse(r, TAKEN, -EBUSY);
	if (probe_cr_fixed(&wrong))
		return hold_refuse(r, BAD_CR, -ENODEV);
	intel_pt_handle_vmx(1);
	/* An NMI may come at any point, and the machine may crash in it. */
	WRITE_ONCE(c->on, true);
	cr4_set_bits(X86_CR4_VMXE);
	if (vmxon(__pa(c->region))) {
		cr4_clear_bits(X86_CR4_VMXE);
		WRITE_ONCE(c->on, false);
		intel_pt_handle_vmx(0);
		return hold_refuse(r, VMXON_FAILED, -ENODEV);
	}
	power_forget_translations();
	power_read_host_msrs(c->host_msrs);
	c->msrs_known = true;
	c->last_ran = NULL;
	return 0;
}

static void vmx_off(struct vmx_cpu *c)
{
	if (vmxoff())
		vmx_op_failed("VMXOFF", __pa(c->region));
	cr4_clear_bits(X86_CR4_VMXE);
	WRITE_ONCE(c->on, false);
	intel_pt_handle_vmx(0);
}
#else
static int cpu_on(struct refusal *r)
{
	return hold_refuse(r, TAKEN, -EBUSY);
}

static void vmx_off(struct vmx_cpu *c)
{
}
#endif

/*
 * Interrupts off.  What is loaded is VMCLEARed, while VMX is surely on: it runs elsewhere
 * later.  VMX goes off if it is ours.
 */
static void cpu_off(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);
	struct vmx_vcpu *v, *next;

	/* Whoever has the CPU next, finds no guest's values in it. */
	section_interrupted();
	list_for_each_entry_safe(v, next, &c->loaded, loaded)
		load_clear(c, v);
	check_nothing_loaded(&c->loaded);
	this_cpu_write(vmx_current, NULL);
	c->last_ran = NULL;
	if (c->on)
		vmx_off(c);
}

static void cpu_off_ipi(void *unused)
{
	cpu_off();
}

static void cpu_on_ipi(void *refusal)
{
	cpu_on(refusal);
}

void power_all_off(void)
{
	on_each_cpu(cpu_off_ipi, NULL, 1);
	vmx_owning = false;
}

int power_all_on(struct refusal *r)
{
	on_each_cpu(cpu_on_ipi, r, 1);
	vmx_owning = true;
	if (atomic_read(&r->err))
		power_all_off();
	return atomic_read(&r->err);
}

/* ---- suspend -------------------------------------------------------------------- */

/* What TSCs read before a suspend, and have lost by all of them. */
static u64 suspend_tsc, tsc_lost;

u64 vmx_tsc_lost(void)
{
	return READ_ONCE(tsc_lost);
}

/* The other CPUs are offline by then: this is the last one, interrupts off. */
static int machine_suspend(void)
{
	cpu_off();
	new_epoch(this_cpu_ptr(&vmx_cpu));
	suspend_tsc = rdtsc();
	return 0;
}

static void machine_resume(void)
{
	struct refusal r = { };
	u64 now = rdtsc();

	if (now < suspend_tsc)
		tsc_lost += suspend_tsc - now;
	if (vmx_owning && cpu_on(&r)) {
		hold_tell(&r);
		pr_err("no VMX after resume: VMs of CPU %d cannot go on\n", smp_processor_id());
	}
}

COMPAT_SYSCORE(vmx_syscore, machine_suspend, machine_resume);

/*
 * Whoever has registered last is suspended first.  We have to come before KVM, which turns
 * VMX off and knows nothing of our VMCSs; and KVM has registered, as it has VMX on.
 */
void power_follow_kvm(void)
{
	compat_unregister_syscore(&vmx_syscore);
	compat_register_syscore(&vmx_syscore);
}

/* ---- hotplug, reboot --------------------------------------------------- */

static int vmx_cpu_online(unsigned int cpu)
{
	struct refusal r = { };
	unsigned long flags;
	int err;

	err = probe_cpu();
	if (err)
		return err;
	local_irq_save(flags);
	this_cpu_write(vmx_cpu.offline, false);
	native_store_gdt(&this_cpu_ptr(&vmx_cpu)->gdt);
	if (vmx_owning)
		err = cpu_on(&r);
	local_irq_restore(flags);
	if (err)
		hold_tell(&r);
	return err;
}

/*
 * User threads have left, but for one on PREEMPT_RT that was preempted with a lock held, where it
 * may not migrate: it is not to leave VMX on behind us, nor a VMCS in this CPU.
 */
static int vmx_cpu_offline(unsigned int cpu)
{
	unsigned long flags;

	local_irq_save(flags);
	this_cpu_write(vmx_cpu.offline, true);
	cpu_off();
	new_epoch(this_cpu_ptr(&vmx_cpu));
	local_irq_restore(flags);
	return 0;
}

/* Reboot and kexec: INIT must get through, VMCSs must not be written back later. */
static int machine_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	WRITE_ONCE(vmx_rebooting, true);
	on_each_cpu(cpu_off_ipi, NULL, 1);
	return NOTIFY_OK;
}

/* Before KVM's, which turns VMX off and knows nothing of our VMCSs. */
static struct notifier_block reboot_notifier = {
	.notifier_call = machine_reboot, .priority = INT_MAX,
};

/* ---- module load and unload ------------------------------------------------------- */

struct vmcs *vmx_alloc_region(int node)
{
	struct page *page = alloc_pages_node(node, GFP_KERNEL_ACCOUNT | __GFP_ZERO, 0);

	if (!page)
		return NULL;
	*(u32 *)page_address(page) = vmx_caps.revision;
	return page_address(page);
}

static void free_regions(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		free_page((unsigned long)per_cpu(vmx_cpu, cpu).region);
		per_cpu(vmx_cpu, cpu).region = NULL;
	}
}

static int alloc_regions(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct vmx_cpu *c = &per_cpu(vmx_cpu, cpu);

		INIT_LIST_HEAD(&c->loaded);
		c->theirs = VMX_NO_VMCS;
		c->left = VMX_NONE_LEFT;
		c->epoch = (u64)cpu << 32 | 1;
		c->region = vmx_alloc_region(cpu_to_node(cpu));
		if (!c->region)
			return -ENOMEM;
	}
	return 0;
}

/* A window is ours to open, whoever has VMX on: will one open? */
static void try_window(void *refusal)
{
	struct refusal *r = refusal;
	unsigned long wrong;

	if (probe_cr_fixed(&wrong))
		hold_refuse(r, BAD_CR, -ENODEV);
	else if (window_try())
		hold_refuse(r, VMXON_FAILED, -ENODEV);
}

/* A trial: what can go wrong with VMXON is told now, not at the first VM. */
static int try_all(void)
{
	struct refusal r = { };
	int err;

	cpus_read_lock();
	err = probe_machine() ?: alloc_regions();
	if (err)
		goto unlock;
	on_each_cpu(try_window, &r, 1);
	err = atomic_read(&r.err);
	if (err)
		hold_tell(&r);
unlock:
	cpus_read_unlock();
	return err;
}

int vmx_setup(void)
{
	int err;

	err = hold_setup() ?: emergency_setup();
	if (err)
		return err;
	err = try_all();
	if (err)
		goto free;
	if (!(vmx_caps.features & TVX_FEAT_SLICE))
		static_branch_enable(&vmx_lacks_timer);
	msr_setup();
	err = fpu_setup() ?: mitigate_setup();
	if (err)
		goto free;
	/* On each CPU again: one may have come online since try_all(). */
	err = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "x86/tinyvmx:online",
				vmx_cpu_online, vmx_cpu_offline);
	if (err < 0)
		goto free_mitigate;
	hotplug_state = err;
	err = register_reboot_notifier(&reboot_notifier);
	if (err)
		goto remove_hotplug;
	compat_register_syscore(&vmx_syscore);
	return 0;

remove_hotplug:
	cpuhp_remove_state_nocalls(hotplug_state);
free_mitigate:
	mitigate_teardown();
free:
	free_regions();
	emergency_teardown();
	return err;
}

void vmx_teardown(void)
{
	compat_unregister_syscore(&vmx_syscore);
	unregister_reboot_notifier(&reboot_notifier);
	cpuhp_remove_state_nocalls(hotplug_state);
	mitigate_teardown();
	free_regions();
	emergency_teardown();
}
