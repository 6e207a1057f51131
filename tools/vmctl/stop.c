// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>

#include "stop.h"

/* Told again while it is not heeded: we may have been about to block in a write. */
#define REPEAT_US	200000

static void (*wake_up)(void *ctx);
static void *wake_ctx;
static int reason;

int stop_reason(void)
{
	return __atomic_load_n(&reason, __ATOMIC_ACQUIRE);
}

void stop_request(int why)
{
	int none = 0;

	__atomic_compare_exchange_n(&reason, &none, why, false, __ATOMIC_ACQ_REL,
				    __ATOMIC_ACQUIRE);
	if (wake_up)
		wake_up(wake_ctx);
}

static void on_signal(int sig)
{
	int error = errno;

	stop_request(sig);
	errno = error;
}

int stop_watch(void (*wake)(void *ctx), void *ctx, uint64_t timeout_ms)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGALRM };
	struct sigaction sa = { .sa_handler = on_signal }, old;
	struct itimerval timer = {
		.it_interval.tv_usec = REPEAT_US,
		.it_value = { timeout_ms / 1000, timeout_ms % 1000 * 1000 },
	};
	unsigned int i;

	wake_ctx = ctx;
	wake_up = wake;
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
	wake_up = NULL;
}
