/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_ASM_PERF_EVENT_H
#define UNIT_ASM_PERF_EVENT_H

#include <linux/types.h>

struct perf_guest_switch_msr {
	unsigned int msr;
	u64 host, guest;
};

#endif /* UNIT_ASM_PERF_EVENT_H */
