// SPDX-License-Identifier: GPL-2.0-only
/*
 * Running: in a plain machine the one vCPU, in a PC a thread for each, beside the event
 * loop in the main thread, which also gets all signals.
 *
 * Whoever ends the machine kicks all vCPUs. A kick that comes between a thread's look at
 * machine_ended() and its RUN is not lost: it ends that RUN.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "machine.h"
#include "stop.h"

#define JOIN_NS		100000000	/* then the thread is kicked again */
#define NS_PER_S	1000000000

/* Make all threads look at what there is; also from a signal handler. */
static void wake_all(void *ctx)
{
	struct machine *m = ctx;
	unsigned int i;

	for (i = 0; i < m->nr_vcpus; i++)
		tvx_vcpu_kick(&m->vcpu[i].tvx);
	if (m->opt->pc)
		loop_end(&m->loop);
}

static void check_stop(struct machine *m)
{
	int why = stop_reason();

	if (!why || why == STOP_ENDED)
		return;
	if (why == STOP_KEY)
		machine_end(m, ST_SIGNAL + SIGINT, "key", "ended by Ctrl-A x");
	else if (why == SIGALRM)
		machine_end(m, ST_TIMEOUT, "timeout", "the guest still ran after %llu.%03llu seconds",
			    (unsigned long long)m->opt->timeout_ms / 1000,
			    (unsigned long long)m->opt->timeout_ms % 1000);
	else
		machine_end(m, ST_SIGNAL + why, "signal", "ended by signal %d (%s)", why,
			    strsignal(why));
}

static bool run_once(struct vcpu *c)
{
	int err = tvx_vcpu_run(&c->tvx);

	if (err && err != -EINTR) {
		machine_end_errno(c->m, "running the vCPU", err);
		return false;
	}
	handle_exit(c);
	return true;
}

static void run_plain(struct machine *m)
{
	while (!machine_ended(m) && run_once(&m->vcpu[0]))
		check_stop(m);
}

static void *run_vcpu(void *arg)
{
	struct vcpu *c = arg;

	while (!machine_ended(c->m)) {
		pc_offer_extint(c);
		if (!run_once(c))
			break;
	}
	return NULL;
}

/* They inherit a mask that leaves them only the signals for faults of their own. */
static void start_threads(struct machine *m)
{
	static const int faults[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP };
	sigset_t most, before;
	unsigned int i;
	int err = 0;

	sigfillset(&most);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&most, faults[i]);
	pthread_sigmask(SIG_SETMASK, &most, &before);
	for (i = 0; i < m->nr_vcpus && !err; i++) {
		err = pthread_create(&m->vcpu[i].thread, NULL, run_vcpu, &m->vcpu[i]);
		m->vcpu[i].started = !err;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		machine_end_errno(m, "starting a vCPU's thread", -err);
}

static void join_threads(struct machine *m)
{
	struct timespec until;
	struct vcpu *c;

	for (c = m->vcpu; c < m->vcpu + m->nr_vcpus; c++) {
		while (c->started) {
			tvx_vcpu_kick(&c->tvx);
			clock_gettime(CLOCK_REALTIME, &until);
			until.tv_nsec += JOIN_NS;
			until.tv_sec += until.tv_nsec / NS_PER_S;
			until.tv_nsec %= NS_PER_S;
			c->started = pthread_timedjoin_np(c->thread, NULL, &until);
		}
	}
}

static void run_pc(struct machine *m)
{
	int err;

	start_threads(m);
	err = loop_run(&m->loop);
	if (err)
		machine_end_errno(m, "waiting for events", err);
	check_stop(m);
	/* Nothing else ends the loop; were it so, threads must not be left behind. */
	machine_end(m, ST_SYSTEM, "system", "the event loop ended");
	join_threads(m);
	console_flush(&m->console);
}

void machine_run(struct machine *m)
{
	int err = stop_watch(wake_all, m, m->opt->timeout_ms);

	if (err)
		machine_end_errno(m, "setting the time limit", err);
	else if (m->opt->pc)
		run_pc(m);
	else
		run_plain(m);
}
