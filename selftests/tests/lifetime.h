/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of lifetimes share: who uses the module, and guests that count. */
#ifndef LIFETIME_H
#define LIFETIME_H

#include "tvx_test.h"

#define PAGE		4096
#define TRIES		500	/* of 10 ms: what goes away may take a moment */

GUEST64(count, "1: incq 0x800000\njmp 1b");
GUEST64(hlt, "hlt");

/* Open fds of ours, in all processes. */
static inline int users(void)
{
	FILE *f = fopen("/sys/module/tinyvmx/refcnt", "r");
	int n = -1;

	must(!f || fscanf(f, "%d", &n) != 1 ? EIO : 0);
	fclose(f);
	return n;
}

static inline int users_become(int n)
{
	int i;

	for (i = 0; i < TRIES && users() != n; i++)
		usleep(10000);
	return users();
}

/* A guest that adds to @counter, ready to run; guest_close() lets it go. */
static inline void make_counting(struct guest *g, uint64_t *counter)
{
	guest_open(g);
	must(tvx_vm_set_slot(&g->vm, 1, 0x800000, PAGE, counter, 0));
	guest_vcpu(g);
	start(g, GUEST_LONG, count);
}

static inline uint64_t *shared_page(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(page == MAP_FAILED ? errno : 0);
	return page;
}

/* RUN is over: the kernel had other work for the thread, and then the fd was gone. */
static volatile bool left;

static inline void wait_for_change(volatile uint64_t *counter)
{
	uint64_t seen = *counter;

	while (*counter == seen && !left)
		usleep(1000);
}

static inline void reap(pid_t child, int signal)
{
	int status;

	must(waitpid(child, &status, 0) != child ? errno : 0);
	must(signal ? !WIFSIGNALED(status) || WTERMSIG(status) != signal : status != 0);
}

#endif
