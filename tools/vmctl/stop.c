// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "stop.h"

/* Told again while it is not heeded: we may have been about to block in a write. */
#define REPEAT_US	200000

static struct tvx_vcpu *watched;
static volatile sig_atomic_t reason;

int stop_reason(void)
{
	return reason;
}

/* A kick is not lost if it comes just before RUN, as the mere signal would be. */
static void on_signal(int sig)
{
	int error = errno;

	if (!reason)
		reason = sig;
	if (watched)
		tvx_vcpu_kick(watched);
	errno = error;
}

int stop_watch(struct tvx_vcpu *vcpu, uint64_t timeout_ms)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM };
	struct sigaction sa = { .sa_handler = on_signal }, old;
	struct itimerval timer = {
		.it_interval.tv_usec = REPEAT_US,
		.it_value = { timeout_ms / 1000, timeout_ms % 1000 * 1000 },
	};
	unsigned int i;

	watched = vcpu;
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* What our parent had us ignore (nohup) stays ignored. */
		sigaction(signals[i], NULL, &old);
		if (old.sa_handler != SIG_IGN || signals[i] == SIGALRM)
			sigaction(signals[i], &sa, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
	return setitimer(ITIMER_REAL, &timer, NULL) ? -errno : 0;
}

void stop_unwatch(void)
{
	struct itimerval off = { 0 };

	setitimer(ITIMER_REAL, &off, NULL);
	watched = NULL;
}
