/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event loop of the main thread: files that become readable, and timers.
 * Callbacks run with the devices' lock held, as the vCPUs' accesses do, so that
 * devices need no lock of their own.
 */
#ifndef VMCTL_LOOP_H
#define VMCTL_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define LOOP_MAX_SOURCES	64

typedef void (*loop_fn)(void *ctx);

/**
 * struct loop - what is waited for
 * @lock: held over each callback; the caller's to initialise
 */
struct loop {
	pthread_mutex_t *lock;
	int wake_fd;			/* an eventfd */
	bool ended;
	bool dispatching;		/* under the lock: a callback runs */
	unsigned int nr;
	struct loop_source {
		int fd;			/* -1: free */
		bool timer;		/* a timerfd of ours */
		bool paused;
		loop_fn ready;
		void *ctx;
	} source[LOOP_MAX_SOURCES];
};

/** loop_init - 0 or -errno */
int loop_init(struct loop *l, pthread_mutex_t *lock);

/**
 * loop_add - call @ready while @fd is readable (or at its end); lock held, or before loop_run()
 * Returns a number for the calls below, or -errno. @fd stays the caller's.
 */
int loop_add(struct loop *l, int fd, loop_fn ready, void *ctx);

/** loop_remove - lock held; a timer's file is closed */
void loop_remove(struct loop *l, int source);

/** loop_pause - do not look at it for now, or look again: a device with no room for input */
void loop_pause(struct loop *l, int source, bool paused);

/** loop_add_timer - a timer, not armed; returns a number or -errno */
int loop_add_timer(struct loop *l, loop_fn expired, void *ctx);

/** loop_arm - @ns from now, then each @period_ns if not 0; @ns 0 disarms */
void loop_arm(struct loop *l, int timer, uint64_t ns, uint64_t period_ns);

/** loop_run - until loop_end(); called without the lock. 0 or -errno */
int loop_run(struct loop *l);

/** loop_end - from any thread or a signal handler; loop_run() then returns at once */
void loop_end(struct loop *l);

void loop_destroy(struct loop *l);

#endif
