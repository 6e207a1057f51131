// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU that is not active (HLT, waiting for STARTUP) sleeps in RUN: until an
 * interrupt, a request, its local APIC's timer, a kick or a signal.  It polls for a
 * while first if that has paid of late.
 */
#include <linux/bits.h>
#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/rcuwait.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>
#include <asm/msr.h>
#include <asm/tsc.h>

#include "compat.h"
#include "objects.h"

/* Longer than any guest waits, and short enough to be counted in nanoseconds. */
#define MAX_TICKS	BIT_ULL(50)

/* What a first success polls for the next time, as a part of the most. */
#define POLL_STEP	16

static enum hrtimer_restart expired(struct hrtimer *timer)
{
	struct tvx_vcpu *vcpu = container_of(timer, struct tvx_vcpu, timer);

	/* On a CPU that is left alone (nohz_full=) the timer may be another one's. */
	tvx_wake(vcpu);
	return HRTIMER_NORESTART;
}

void tvx_halt_init(struct tvx_vcpu *vcpu)
{
	rcuwait_init(&vcpu->wait);
	compat_hrtimer_setup(&vcpu->timer, expired, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
}

void tvx_halt_destroy(struct tvx_vcpu *vcpu)
{
	hrtimer_cancel(&vcpu->timer);
}

void tvx_wake(struct tvx_vcpu *vcpu)
{
	if (!rcuwait_wake_up(&vcpu->wait))
		vmx_nudge(&vcpu->hw);
}

/* When there is something to do at the latest: the timer's, or the caller's. */
static u64 wait_end(const struct tvx_vcpu *vcpu)
{
	/* A vCPU that waits for STARTUP does not wake for its timer. */
	if (vcpu->hw.activity == TVX_WAIT_SIPI)
		return vcpu->in.slice ? vcpu->slice_end : LAPIC_NEVER;
	return vcpu->in.slice ? min(vcpu->lapic.deadline, vcpu->slice_end) :
	       vcpu->lapic.deadline;
}

/*
 * Is there anything to look at?  A section decides what it is worth.  What it has found
 * to be worth nothing must not be due again, or the two would go in circles.
 */
static bool is_due(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	struct lapic *a = &vcpu->lapic;
	u32 windows = vcpu->in.requests;

	if (atomic_read(&vcpu->kick) || READ_ONCE(a->requests) || READ_ONCE(vcpu->vm->dead))
		return true;
	/* Only INIT and STARTUP count there, and the caller's slice; the rest waits. */
	if (hw->activity == TVX_WAIT_SIPI)
		return rdtsc() >= wait_end(vcpu);
	return rdtsc() >= wait_end(vcpu) || lapic_has_posted(a) ||
	       (vcpu->halt_intr && (windows & TVX_REQ_INTR_WINDOW || lapic_wakes(a))) ||
	       (vcpu->halt_nmi && (windows & TVX_REQ_NMI_WINDOW || hw->nmi_pending));
}

static u64 to_ns(u64 ticks)
{
	/* Without a known frequency: as if the TSC ran at 1 GHz. */
	return mul_u64_u32_div(min(ticks, MAX_TICKS), USEC_PER_SEC, tsc_khz ?: 1000000);
}

void tvx_halt_start_timer(struct tvx_vcpu *vcpu)
{
	u64 now = rdtsc(), deadline = wait_end(vcpu);

	if (deadline == LAPIC_NEVER)
		return;
	/* Rounded up; were it early all the same, it would be started again. */
	hrtimer_start(&vcpu->timer,
		      ns_to_ktime(deadline > now ? to_ns(deadline - now) + 1 : 0),
		      HRTIMER_MODE_REL_HARD);
}

/* Return: whether something came while we looked. */
static bool poll(struct tvx_vcpu *vcpu)
{
	u64 end = rdtsc() + vcpu->halt_poll;

	while (vcpu->halt_poll && rdtsc() < end) {
		if (is_due(vcpu))
			return true;
		if (need_resched() || signal_pending(current) || !single_task_running())
			break;
		cpu_relax();
	}
	return is_due(vcpu);
}

/* A sleep that polling would have spared makes it longer, one that it would not ends it. */
static void adapt(struct tvx_vcpu *vcpu, u64 slept)
{
	u64 step = tvx_halt_poll / POLL_STEP;

	if (slept > tvx_halt_poll)
		vcpu->halt_poll = 0;
	else
		vcpu->halt_poll = min(max(vcpu->halt_poll * 2, step), tvx_halt_poll);
}

static int sleep(struct tvx_vcpu *vcpu)
{
	int err = 0;

	/*
	 * The timer may be early by the TSC, or one that is masked may have nothing to
	 * say: start it for each sleep.
	 */
	prepare_to_rcuwait(&vcpu->wait);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (is_due(vcpu))
			break;
		if (signal_pending(current)) {
			err = -EINTR;
			break;
		}
		tvx_halt_start_timer(vcpu);
		schedule();
	}
	finish_rcuwait(&vcpu->wait);
	hrtimer_cancel(&vcpu->timer);
	return err;
}

int tvx_halt(struct tvx_vcpu *vcpu)
{
	u64 start;
	int err;

	/* Whoever has found nothing to enter has not looked at these. */
	if (signal_pending(current))
		return -EINTR;
	err = tvx_thread_work();
	if (err)
		return err;
	if (poll(vcpu))
		return 0;
	start = rdtsc();
	err = sleep(vcpu);
	adapt(vcpu, rdtsc() - start);
	/* Each sleep leaves some, for which the next section would end at once. */
	return err ?: tvx_thread_work();
}
