// SPDX-License-Identifier: GPL-2.0-only
/*
 * Crash and emergency reboot: VMX goes off on each CPU, without locks and mostly
 * in NMI context.  In VMX operation a CPU takes no INIT, and no CR4 without VMXE,
 * which is what a next kernel begins with: a crash dump would end in a triple fault.
 * And a cached VMCS must not be written back into memory that has another use by then.
 *
 * Kernels have one callback for it, and warn when two are registered.  KVM's is registered
 * as kvm_intel is loaded, or as long as KVM has VMX on, which it may try at any time.  So
 * ours is there while kvm_intel is not; and where kvm_intel is, VMX is not ours (hold.c) but
 * in a window that has turned it on: an NMI there finds CR4.VMXE set, and KVM's callback
 * turns off what it finds on.  Kernels that do all this in their core have no callback.
 */
#define pr_fmt(fmt) "tinyvmx: " fmt

#include <linux/kernel.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <asm/reboot.h>
#include <asm/tlbflush.h>

#include "../compat.h"
#include "check.h"
#include "ops.h"
#include "power.h"

/* Who else wants the callback, and VMX. */
#define RIVAL "kvm_intel"

static DEFINE_MUTEX(callback_lock);	/* guards the four below */
static bool callback_ours;
static bool rival;		/* is loaded, or about to be; read without the lock */
static bool rival_told;		/* by the module notifier; until then /sys/module is asked */
static bool vmx_in_use;

/*
 * On each CPU, which will run nothing but what follows in the emergency.  It may be
 * in the middle of turning it on or off: CR4.VMXE can be set with VMX off, and then
 * no VMCS is loaded and VMXOFF faults, which is no harm.
 */
static void __maybe_unused turn_off_here(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);
	unsigned int cleared = 0;
	struct vmx_vcpu *v;

	/* Another hypervisor's VMX is left to its own callback, which knows its VMCSs. */
	if (!(READ_ONCE(c->on) || READ_ONCE(c->turned_on)) || !(__read_cr4() & X86_CR4_VMXE))
		return;
	this_cpu_write(vmx_current, NULL);
	list_for_each_entry(v, &c->loaded, loaded) {
		vmclear(v->vmcs_pa);
		check_vmcs_cleared(v);
		cleared++;
	}
	vmxoff();
	/* The kernel's shadow of it does not matter any more. */
	native_set_cr4(__read_cr4() & ~X86_CR4_VMXE);
	c->on = false;
	c->turned_on = false;
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
	compat_emergency_register(turn_off_here);
	callback_ours = true;
}

static void give_callback_up(void)
{
	lockdep_assert_held(&callback_lock);
	if (!callback_ours)
		return;
	callback_ours = false;
	compat_emergency_unregister(turn_off_here);
}

/* From here on nobody begins to own VMX; whoever does gives it up, or we say no. */
static int rival_comes(void)
{
	int err;

	mutex_lock(&callback_lock);
	rival_told = true;
	WRITE_ONCE(rival, true);
	mutex_unlock(&callback_lock);
	err = hold_make_way();
	mutex_lock(&callback_lock);
	if (err)
		WRITE_ONCE(rival, false);
	else
		give_callback_up();
	hold_rival(!err);
	mutex_unlock(&callback_lock);
	if (err)
		pr_err("kvm_intel cannot be loaded while a VM of ours has VMX (hold=own)\n");
	return err;
}

static void rival_goes(void)
{
	mutex_lock(&callback_lock);
	rival_told = true;
	WRITE_ONCE(rival, false);
	hold_rival(false);
	if (vmx_in_use)
		take_callback();
	mutex_unlock(&callback_lock);
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
	if (event == MODULE_STATE_COMING)
		return notifier_from_errno(rival_comes());
	if (event == MODULE_STATE_GOING)
		rival_goes();
	return NOTIFY_OK;
}

static struct notifier_block module_notifier = { .notifier_call = module_event };

bool emergency_rival(void)
{
	return READ_ONCE(rival);
}

/*
 * A kvm_intel that is half way into the kernel, or out of it, while this module is loaded: the
 * notifier has told of it before we listened, and /sys/module shows the opposite for a while.
 * Who owns VMX does not ask again: it would be too late.
 */
static void look_for_rival(void)
{
	lockdep_assert_held(&callback_lock);
	if (rival_told || (vmx_in_use && !rival))
		return;
	WRITE_ONCE(rival, rival_is_there());
	hold_rival(rival);
	if (rival)
		give_callback_up();
}

bool emergency_ask_rival(void)
{
	bool there;

	mutex_lock(&callback_lock);
	look_for_rival();
	there = rival;
	mutex_unlock(&callback_lock);
	return there;
}

void emergency_watch(bool in_use)
{
	mutex_lock(&callback_lock);
	if (in_use)
		look_for_rival();
	vmx_in_use = in_use;
	/* Once taken it is kept: to give it up takes a grace period. */
	if (in_use && !rival)
		take_callback();
	mutex_unlock(&callback_lock);
}

/* ---- module load and unload ------------------------------------------------------------ */

int emergency_setup(void)
{
	int err = register_module_notifier(&module_notifier);

	if (!err) {
		mutex_lock(&callback_lock);
		look_for_rival();
		mutex_unlock(&callback_lock);
	}
	return err;
}

void emergency_teardown(void)
{
	/* While we are told of the rival: it may come right now. */
	mutex_lock(&callback_lock);
	give_callback_up();
	mutex_unlock(&callback_lock);
	unregister_module_notifier(&module_notifier);
}
