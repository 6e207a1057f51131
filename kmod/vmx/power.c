// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX on and off, on every CPU, at the right step of everything that can happen
 * to a machine: module load and unload, CPU hotplug, suspend, reboot, kexec
 * (and crash: emergency.c).
 *
 * VMX is on while a VM exists and no longer: an idle module leaves it to
 * whoever else wants it (kvm_intel).
 *
 * Locks: vmx_users changes under the CPU hotplug read lock and then power_lock.
 * Hotplug callbacks run with the hotplug lock held for writing, so that they
 * read vmx_users without power_lock (taking it would be the other order).
 */
#define pr_fmt(fmt) "tinyvmx: " fmt

#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/reboot.h>
#include <linux/slab.h>
#include <asm/desc.h>
#include <asm/intel_pt.h>
#include <asm/perf_event.h>
#include <asm/tlbflush.h>

#include "../compat.h"
#include "fpu.h"
#include "mitigate.h"
#include "ops.h"
#include "power.h"
#include "probe.h"
#include "state.h"

DEFINE_PER_CPU(struct vmx_cpu, vmx_cpu);
DEFINE_PER_CPU(struct vmx_vcpu *, vmx_current);

bool vmx_rebooting;

static DEFINE_MUTEX(power_lock);
static unsigned int vmx_users;
static enum cpuhp_state hotplug_state;

/* ---- one CPU ---------------------------------------------------------------- */

static const u32 switched_index[VMX_NR_SWITCHED] = {
	[VMX_SW_STAR] = MSR_STAR,
	[VMX_SW_LSTAR] = MSR_LSTAR,
	[VMX_SW_CSTAR] = MSR_CSTAR,
	[VMX_SW_SFMASK] = MSR_SYSCALL_MASK,
	[VMX_SW_TSC_AUX] = MSR_TSC_AUX,
};

static void remember_host_msrs(struct vmx_cpu *c)
{
	unsigned int i;

	for (i = 0; i < VMX_NR_SWITCHED; i++)
		if (switched_index[i])
			rdmsrl_safe(switched_index[i], &c->host_switched[i]);
}

/*
 * Neither VMXOFF nor VMXON drops what was cached of guests, and a flush leaves
 * out CPUs whose VMX is off.
 */
static void forget_translations(void)
{
	invept(VMX_EPT_EXTENT_GLOBAL, 0);
	if (vmx_caps.features & TVX_FEAT_VPID)
		invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0);
}

enum refused { REBOOTING, TAKEN, BAD_CR, VMXON_FAILED };

/* Why VMX does not go on: filled in by the first CPU that fails, told by who asked. */
struct refusal {
	atomic_t err;
	enum refused why;
	int cpu;
	const char *reg;
	unsigned long wrong;
};

static int refuse(struct refusal *r, enum refused why, int err)
{
	if (!atomic_cmpxchg(&r->err, 0, err)) {
		r->why = why;
		r->cpu = smp_processor_id();
		r->reg = probe_cr_fixed(&r->wrong);
	}
	return err;
}

static void tell(const struct refusal *r)
{
	switch (r->why) {
	case REBOOTING:
		break;
	case TAKEN:
		pr_err("VMX is on already on CPU %d: another hypervisor holds it, most likely kvm_intel: stop its VMs or unload it\n",
		       r->cpu);
		break;
	case BAD_CR:
		pr_err("CPU %d: bits 0x%lx of %s do not allow VMX operation\n",
		       r->cpu, r->wrong, r->reg);
		break;
	case VMXON_FAILED:
		pr_err("VMXON failed on CPU %d\n", r->cpu);
		break;
	}
}

/* Whoever may create VMs can fail to as often as they like. */
static void tell_rarely(const struct refusal *r)
{
	static DEFINE_RATELIMIT_STATE(once_a_minute, 60 * HZ, 1);

	/* How many are not told is of no interest. */
	ratelimit_set_flags(&once_a_minute, RATELIMIT_MSG_ON_RELEASE);
	if (__ratelimit(&once_a_minute))
		tell(r);
}

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
		return refuse(r, REBOOTING, -EBUSY);
	if (__read_cr4() & X86_CR4_VMXE)
		return refuse(r, TAKEN, -EBUSY);
	if (probe_cr_fixed(&wrong))
		return refuse(r, BAD_CR, -ENODEV);
	intel_pt_handle_vmx(1);
	/* An NMI may come at any point, and the machine may crash in it. */
	WRITE_ONCE(c->on, true);
	cr4_set_bits(X86_CR4_VMXE);
	if (vmxon(__pa(c->region))) {
		cr4_clear_bits(X86_CR4_VMXE);
		WRITE_ONCE(c->on, false);
		intel_pt_handle_vmx(0);
		return refuse(r, VMXON_FAILED, -ENODEV);
	}
	forget_translations();
	remember_host_msrs(c);
	native_store_gdt(&c->gdt);
	return 0;
}

/* Interrupts off.  What is loaded is VMCLEARed: it runs elsewhere later. */
static void cpu_off(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);
	struct vmx_vcpu *v, *next;

	if (!c->on)
		return;
	list_for_each_entry_safe(v, next, &c->loaded, loaded) {
		vmclear(v->vmcs_pa);
		v->launched = 0;
		list_del_init(&v->loaded);
		/* Pairs with vmx_clear(): who reads -1 may use the VMCS. */
		smp_store_release(&v->cpu, -1);
	}
	this_cpu_write(vmx_current, NULL);
	c->last_ran = NULL;
	if (vmxoff())
		vmx_op_failed("VMXOFF", __pa(c->region));
	cr4_clear_bits(X86_CR4_VMXE);
	WRITE_ONCE(c->on, false);
	intel_pt_handle_vmx(0);
}

static void cpu_off_ipi(void *unused)
{
	cpu_off();
}

static void cpu_on_ipi(void *refusal)
{
	cpu_on(refusal);
}

static void all_off(void)
{
	on_each_cpu(cpu_off_ipi, NULL, 1);
	emergency_watch(false);
}

/* With the hotplug lock held: all CPUs, or none and the first error. */
static int all_on(struct refusal *r)
{
	emergency_watch(true);
	on_each_cpu(cpu_on_ipi, r, 1);
	if (atomic_read(&r->err))
		all_off();
	return atomic_read(&r->err);
}

/* ---- users -------------------------------------------------------------------- */

int vmx_hold(void)
{
	struct refusal r = { };
	int err = 0;

	cpus_read_lock();
	mutex_lock(&power_lock);
	if (!vmx_users)
		err = all_on(&r);
	if (!err)
		vmx_users++;
	mutex_unlock(&power_lock);
	cpus_read_unlock();
	if (err)
		tell_rarely(&r);
	return err;
}

void vmx_release(void)
{
	cpus_read_lock();
	mutex_lock(&power_lock);
	if (!--vmx_users)
		all_off();
	mutex_unlock(&power_lock);
	cpus_read_unlock();
}

/* ---- hotplug, suspend, reboot --------------------------------------------------- */

static int vmx_cpu_online(unsigned int cpu)
{
	struct refusal r = { };
	unsigned long flags;
	int err;

	err = probe_cpu();
	if (err || !vmx_users)
		return err;
	local_irq_save(flags);
	err = cpu_on(&r);
	local_irq_restore(flags);
	if (err)
		tell(&r);
	return err;
}

static int vmx_cpu_offline(unsigned int cpu)
{
	unsigned long flags;

	local_irq_save(flags);
	cpu_off();
	local_irq_restore(flags);
	return 0;
}

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
	suspend_tsc = rdtsc();
	return 0;
}

static void machine_resume(void)
{
	struct refusal r = { };
	u64 now = rdtsc();

	if (now < suspend_tsc)
		tsc_lost += suspend_tsc - now;
	if (vmx_users && cpu_on(&r)) {
		tell(&r);
		pr_err("no VMX after resume: VMs of CPU %d cannot go on\n", smp_processor_id());
	}
}

COMPAT_SYSCORE(vmx_syscore, machine_suspend, machine_resume);

/* Reboot and kexec: INIT must get through, VMCSs must not be written back later. */
static int machine_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	WRITE_ONCE(vmx_rebooting, true);
	on_each_cpu(cpu_off_ipi, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block reboot_notifier = { .notifier_call = machine_reboot };

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
		c->region = vmx_alloc_region(cpu_to_node(cpu));
		if (!c->region)
			return -ENOMEM;
	}
	return 0;
}

/* A trial: what can go wrong with VMXON is told now, not at the first VM. */
static int try_all(void)
{
	struct refusal r = { };
	int err;

	cpus_read_lock();
	err = probe_machine() ?: alloc_regions();
	if (!err) {
		err = all_on(&r);
		if (err)
			tell(&r);
		else
			all_off();
	}
	cpus_read_unlock();
	return err;
}

int vmx_setup(void)
{
	int err;

	err = emergency_setup();
	if (err)
		return err;
	err = try_all();
	if (err)
		goto free;
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
