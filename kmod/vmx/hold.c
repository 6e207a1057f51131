// SPDX-License-Identifier: GPL-2.0-only
/*
 * How VMX is held: own, ride, window (see window.c).
 *
 * Our own VMX is on while a VM exists and no longer: an idle module leaves it to whoever
 * else wants it.  It is ours only while kvm_intel is not loaded: KVM may turn VMX on at any
 * time, and has the kernel's one callback for a crash.  kvm_intel that is loaded later takes
 * our own VMX away: what the VMs get from then on are windows.  (A parameter can refuse it.)
 *
 * Locks: vmx_users and vmx_owning change under the CPU hotplug read lock and then hold_lock.
 */
#define pr_fmt(fmt) "tinyvmx: " fmt

#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <asm/special_insns.h>

#include "../compat.h"
#include "power.h"
#include "probe.h"

static DEFINE_MUTEX(hold_lock);
static unsigned int vmx_users;

static char *hold = "auto";
module_param(hold, charp, 0444);
MODULE_PARM_DESC(hold, "how VMX is held: own (kvm_intel cannot be loaded meanwhile), ride (on KVM's, which is kept on), window (turned on for each window), or auto: own while kvm_intel is not loaded, else ride or window (default auto)");

static bool may_own __ro_after_init, may_ride __ro_after_init, may_open __ro_after_init;

/* ---- why not --------------------------------------------------------------------- */

int hold_refuse(struct refusal *r, enum refused why, int err)
{
	if (!atomic_cmpxchg(&r->err, 0, err)) {
		r->why = why;
		r->cpu = raw_smp_processor_id();
		r->reg = probe_cr_fixed(&r->wrong);
	}
	return err;
}

void hold_tell(const struct refusal *r)
{
	switch (r->why) {
	case REBOOTING:
		break;
	case TAKEN:
		pr_err("VMX is on already: another hypervisor holds it: stop its VMs or unload it\n");
		break;
	case BAD_CR:
		pr_err("CPU %d: bits 0x%lx of %s do not allow VMX operation\n",
		       r->cpu, r->wrong, r->reg);
		break;
	case VMXON_FAILED:
		pr_err("VMXON failed on CPU %d\n", r->cpu);
		break;
	case RIVAL:
		pr_err("kvm_intel is loaded, and hold=own leaves VMX to it: unload it, or load this module with hold=auto\n");
		break;
	case NOT_PINNED:
		pr_err("hold=ride: VMX is KVM's, and whoever makes a VM has to hand one of KVM's over with it\n");
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
		hold_tell(r);
}

/* ---- users -------------------------------------------------------------------- */

static void is_on_here(void *cpus)
{
	if (__read_cr4() & X86_CR4_VMXE)
		atomic_inc(cpus);
}

/* On how many CPUs? */
static int is_on(void)
{
	atomic_t cpus = ATOMIC_INIT(0);

	on_each_cpu(is_on_here, &cpus, 1);
	return atomic_read(&cpus);
}

bool vmx_share;

void hold_rival(bool there)
{
	bool forced = may_open && strcmp(hold, "auto");

	WRITE_ONCE(vmx_share, forced || (there && compat_kvm_was_read()));
}

static bool riding_is_known(void)
{
	return compat_kvm_was_read() || !strcmp(hold, "ride");
}

/*
 * The first user.  Our own VMX needs nobody, and costs least; and it is not for us where
 * KVM may come and want it (emergency.c says whether).
 */
static int hold_first(struct refusal *r)
{
	int err = -EBUSY;

	if (may_own && !emergency_rival()) {
		static_branch_disable_cpuslocked(&vmx_borrows);
		err = power_all_on(r);
		if (err != -EBUSY || READ_ONCE(vmx_rebooting))
			return err;
	}
	if (!may_open && !may_ride)
		return atomic_read(&r->err) ? err : hold_refuse(r, RIVAL, err);
	*r = (struct refusal){ };
	/* All windows may be of another kind from here on. */
	static_branch_enable_cpuslocked(&vmx_borrows);
	return 0;
}

static int hold_one_more(bool pinned, struct refusal *r)
{
	int err = 0;

	lockdep_assert_held(&hold_lock);
	if (!vmx_users)
		err = hold_first(r);
	if (err)
		return err;
	if (vmx_owning)
		return TVX_HOLD_OWN;
	if (pinned && may_ride && riding_is_known()) {
		if (is_on() != num_online_cpus())
			return -EINVAL;
		power_follow_kvm();
		return TVX_HOLD_RIDE;
	}
	if (!may_open)
		return hold_refuse(r, NOT_PINNED, -EBUSY);
	/* Not KVM's, or that of a KVM which nobody has read. */
	if (!READ_ONCE(vmx_share) && is_on())
		return hold_refuse(r, TAKEN, -EBUSY);
	return TVX_HOLD_WINDOW;
}

int vmx_hold(bool pinned)
{
	struct refusal r = { };
	int how;

	cpus_read_lock();
	mutex_lock(&hold_lock);
	emergency_watch(true);
	how = hold_one_more(pinned, &r);
	if (how >= 0)
		vmx_users++;
	else if (!vmx_users)
		emergency_watch(false);
	mutex_unlock(&hold_lock);
	cpus_read_unlock();
	if (how < 0)
		tell_rarely(&r);
	return how;
}

void vmx_release(void)
{
	cpus_read_lock();
	mutex_lock(&hold_lock);
	if (!--vmx_users) {
		if (vmx_owning)
			power_all_off();
		emergency_watch(false);
	}
	mutex_unlock(&hold_lock);
	cpus_read_unlock();
}

enum tvx_hold vmx_hold_next(void)
{
	enum tvx_hold next = TVX_HOLD_WINDOW;
	bool rival;

	mutex_lock(&hold_lock);
	rival = emergency_ask_rival();
	if (vmx_users ? vmx_owning : may_own && !rival)
		next = TVX_HOLD_OWN;
	else if (may_ride && riding_is_known() && rival)
		next = TVX_HOLD_RIDE;
	mutex_unlock(&hold_lock);
	return next;
}

/* kvm_intel is about to be loaded.  Return: 0, or -EBUSY: it cannot be now. */
int hold_make_way(void)
{
	int err = 0;

	cpus_read_lock();
	mutex_lock(&hold_lock);
	if (vmx_owning && !may_open) {
		err = -EBUSY;
	} else if (vmx_owning) {
		static_branch_enable_cpuslocked(&vmx_borrows);
		/* Whoever is in a window is waited for, and the next one is of the other kind. */
		power_all_off();
		pr_info("kvm_intel is being loaded: VMX is turned on for each window from now on\n");
	}
	mutex_unlock(&hold_lock);
	cpus_read_unlock();
	return err;
}

int hold_setup(void)
{
	bool all = !strcmp(hold, "auto");

	may_own = COMPAT_CAN_OWN && (all || !strcmp(hold, "own"));
	may_ride = (all || !strcmp(hold, "ride")) && !compat_hyperv_vmcs();
	may_open = (all || !strcmp(hold, "window")) && !compat_hyperv_vmcs();
	if (may_own || may_ride || may_open)
		return 0;
	if (!strcmp(hold, "own"))
		pr_err("hold=own: this kernel lets no module keep VMX on: hold=window, or auto, does without\n");
	else if (compat_hyperv_vmcs())
		pr_err("Hyper-V may keep VMCSs of KVM's that no other hypervisor can put back: only hold=own is possible here\n");
	else
		pr_err("hold=%s: there are own, ride, window and auto\n", hold);
	return -EINVAL;
}
