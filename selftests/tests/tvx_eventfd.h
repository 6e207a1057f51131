/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of irqfd and ioeventfd share: eventfds, and how they are tied to a VM. */
#ifndef TVX_EVENTFD_H
#define TVX_EVENTFD_H

#include <sys/eventfd.h>

#include "tvx_apic.h"

#define PORT		0x1234
#define NOT_OPEN	999

static inline int new_eventfd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	must(fd < 0 ? errno : 0);
	return fd;
}

static inline void signal_it(int fd)
{
	uint64_t one = 1;

	must(write(fd, &one, sizeof(one)) != sizeof(one) ? errno : 0);
}

/* How often it was signalled since the last call. */
static inline uint64_t signals_of(int fd)
{
	uint64_t n = 0;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

static inline int irqfd(struct guest *g, int fd, uint32_t data, uint32_t flags)
{
	return tvx_vm_irqfd(&g->vm, fd, APIC_GPA, data, flags);
}

#endif
