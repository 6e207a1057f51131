// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's work for a thread that it leaves for the thread's way to user space:
 * after each preemption the CPU number of its rseq area, NUMA balancing, throttling by
 * its memory cgroup.  A RUN that went there for it would cost a whole exit each time.
 */
#ifdef TVX_HAVE_ENTRY_VIRT
#include <linux/entry-virt.h>
#else
#include <linux/entry-kvm.h>
#endif
#include <linux/kvm_host.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <asm/tsc.h>

#include "compat.h"
#include "objects.h"

#if defined(CONFIG_VIRT_XFER_TO_GUEST_WORK)
static int notify_resume(void)
{
	return xfer_to_guest_mode_handle_work();
}
#elif defined(CONFIG_KVM_XFER_TO_GUEST_WORK)
/* Where the kernel's function says that a signal came in between: nobody reads it. */
static struct kvm_run nobodys_run;
static struct kvm_vcpu nobody = { .run = &nobodys_run };

static int notify_resume(void)
{
	return xfer_to_guest_mode_handle_work(&nobody);
}
#else
/* Only the border to user space can do it. */
static int notify_resume(void)
{
	return -EINTR;
}
#endif

int tvx_thread_work(void)
{
	if (read_thread_flags() & COMPAT_TIF_RESCHED)
		schedule();
	return test_thread_flag(TIF_NOTIFY_RESUME) ? notify_resume() : 0;
}

/* RCU looks for quiescent states at the host's ticks: more than two a tick are for nothing. */
void tvx_tell_rcu(struct tvx_vcpu *vcpu, u64 now)
{
	lockdep_assert_irqs_disabled();
	rcu_note_context_switch(false);
	vcpu->hw.quiet_due = now + tsc_khz * (1000ull / HZ) / 2;
}
