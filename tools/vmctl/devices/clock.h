/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's clocks, in ns. */
#ifndef VMCTL_CLOCK_H
#define VMCTL_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_SECOND	1000000000LL

static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

#endif
