/* SPDX-License-Identifier: GPL-2.0-only */
/* What ends a run from outside: signals, the time limit, a key. */
#ifndef VMCTL_STOP_H
#define VMCTL_STOP_H

#include <stdint.h>

/* Reasons that are no signals. */
#define STOP_ENDED	(-1)	/* the machine has ended by itself */
#define STOP_KEY	(-2)	/* Ctrl-A x */

/**
 * stop_watch - from now on SIGINT, SIGTERM, SIGHUP and @timeout_ms (0: none) are requests
 * @wake: called at each request, in any thread or in a signal handler
 *
 * Signals go to the threads that do not block them.
 */
int stop_watch(void (*wake)(void *ctx), void *ctx, uint64_t timeout_ms);
/** stop_unwatch - nobody is woken any more; other threads make no requests by now */
void stop_unwatch(void);
/** stop_request - end the run for that reason, unless there is one already; from any thread */
void stop_request(int reason);
/** stop_reason - the signal that came, SIGALRM for the time limit, STOP_*, or 0; from any thread */
int stop_reason(void);

#endif
