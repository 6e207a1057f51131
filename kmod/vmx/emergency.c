// SPDX-License-Identifier: GPL-2.0-only
/*
 * Crash and emergency reboot: VMX goes off on each CPU, without locks and mostly
 * in NMI context.  In VMX operation a CPU takes no INIT, and no CR4 without VMXE,
 * which is what a next kernel begins with: a crash dump would end in a triple fault.
 * And a cached VMCS must not be written back into memory that has another use by then.
 *
 * There are two ways to be called, and both are used, for neither is there always:
 *
 * - The kernel's callback for it.  There can be one, and the kernel warns when two
 *   are registered; KVM's is registered as kvm_intel is loaded, or as long as KVM has
 *   VMX on, which it may try at any time.  So ours is there while kvm_intel is not.
 *
 * - Probes on the kernel's functions that look for the callback, whoever's it is: it
 *   finds VMX off and our VMCSs cleared.  And where there may be no callback while
 *   kvm_intel is there, ours takes the place at the very last moment.
 *   A kernel may have been built without probes, root can turn them off, and one that
 *   is hit in the handler of another is passed over.
 */
#define pr_fmt(fmt) "tinyvmx: " fmt

#include <linux/kernel.h>
#include <linux/kobject.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <asm/reboot.h>
#include <asm/tlbflush.h>

#include "../compat.h"
#include "check.h"
#include "ops.h"
#include "power.h"

/* Who else wants the callback. */
#define RIVAL "kvm_intel"

static DEFINE_MUTEX(callback_lock);	/* guards the next two */
static bool callback_ours;		/* the restart probe reads it without */
static bool rival_came;
static bool vmx_in_use;

/*
 * On each CPU, which will run nothing but what follows in the emergency.  It may be
 * in the middle of cpu_on() or cpu_off(): CR4.VMXE can be set with VMX off, and then
 * no VMCS is loaded and VMXOFF faults, which is no harm.
 */
static void turn_off_here(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);
	unsigned int cleared = 0;
	struct vmx_vcpu *v;

	/* Another hypervisor's VMX is left to its own callback, which knows its VMCSs. */
	if (!READ_ONCE(c->on) || !(__read_cr4() & X86_CR4_VMXE))
		return;
	this_cpu_write(vmx_current, NULL);
	list_for_each_entry(v, &c->loaded, loaded) {
		vmclear(v->vmcs_pa);
		check_vmcs_cleared(v);
		cleared++;
	}
	vmxoff();
	cr4_clear_bits(X86_CR4_VMXE);
	c->on = false;
	check_emergency(cleared);
}

/* ---- the callback ------------------------------------------------------------------ */

/* /sys/module has the loaded modules, and those in the kernel that have parameters. */
static bool rival_is_there(void)
{
	struct kset *modules = THIS_MODULE->mkobj.kobj.kset;
	struct kobject *place = modules ? kset_find_obj(modules, RIVAL) : NULL;
	bool found = place;

	kobject_put(place);
	return found;
}

static void take_callback(void)
{
	lockdep_assert_held(&callback_lock);
	if (callback_ours)
		return;
	cpu_emergency_register_virt_callback(turn_off_here);
	callback_ours = true;
}

static void give_callback_up(void)
{
	lockdep_assert_held(&callback_lock);
	if (!callback_ours)
		return;
	callback_ours = false;
	cpu_emergency_unregister_virt_callback(turn_off_here);
}

/*
 * Before a module's init, where it has no place in /sys/module yet; and after its
 * exit, or its failed init, where it still has one.
 */
static int module_event(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct module *module = data;

	if (strcmp(module->name, RIVAL))
		return NOTIFY_DONE;
	mutex_lock(&callback_lock);
	if (event == MODULE_STATE_COMING) {
		rival_came = true;
		give_callback_up();
	} else if (event == MODULE_STATE_GOING) {
		rival_came = false;
		if (vmx_in_use)
			take_callback();
	}
	mutex_unlock(&callback_lock);
	return NOTIFY_OK;
}

static struct notifier_block module_notifier = { .notifier_call = module_event };

void emergency_watch(bool in_use)
{
	mutex_lock(&callback_lock);
	WRITE_ONCE(vmx_in_use, in_use);
	/* Once taken it is kept: to give it up takes a grace period. */
	if (in_use && !callback_ours && !rival_came && !rival_is_there())
		take_callback();
	mutex_unlock(&callback_lock);
}

/* ---- the probes ---------------------------------------------------------------------- */

static int at_disable(struct kprobe *probe, struct pt_regs *regs)
{
	turn_off_here();
	return 0;
}

/*
 * No KVM has VMX on, so where its callback is there only meanwhile the place is free.
 * Without any callback such kernels reset the machine with VMX on.
 */
static int __maybe_unused at_start(struct kprobe *probe, struct pt_regs *regs)
{
	if (READ_ONCE(vmx_in_use) && !READ_ONCE(callback_ours))
		cpu_emergency_register_virt_callback(turn_off_here);
	return 0;
}

/*
 * The callback is called by cpu_emergency_disable_virtualization(), of which the
 * compiler may have put a copy into what stands in the same file: the NMI handler.
 * All others are called from another file or by a pointer.
 */
static struct kprobe probes[] = {
	{ .symbol_name = "cpu_emergency_disable_virtualization", .pre_handler = at_disable },
#ifdef CONFIG_SMP
	{ .symbol_name = "crash_nmi_callback", .pre_handler = at_disable },
#endif
#ifdef TVX_HAVE_KVM_IDLE
	{ .symbol_name = "machine_emergency_restart", .pre_handler = at_start },
#ifdef CONFIG_CRASH_DUMP
	{ .symbol_name = "native_machine_crash_shutdown", .pre_handler = at_start },
#endif
#endif
};

static void set_probes(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		err = register_kprobe(&probes[i]);
		if (err)
			pr_warn("no probe on %s (error %d): if the machine crashes while kvm_intel is loaded and a VM exists, there may be no crash dump\n",
				probes[i].symbol_name, err);
	}
}

/* One that could not be set is passed over. */
static void remove_probes(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		unregister_kprobe(&probes[i]);
}

/* ---- module load and unload ------------------------------------------------------------ */

int emergency_setup(void)
{
	int err = register_module_notifier(&module_notifier);

	if (!err)
		set_probes();
	return err;
}

void emergency_teardown(void)
{
	remove_probes();
	/* While we are told of the rival: it may come right now. */
	mutex_lock(&callback_lock);
	give_callback_up();
	mutex_unlock(&callback_lock);
	unregister_module_notifier(&module_notifier);
}
