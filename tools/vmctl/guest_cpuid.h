/* SPDX-License-Identifier: GPL-2.0-only */
/* What CPUID tells the guests of a PC. Pure. */
#ifndef VMCTL_GUEST_CPUID_H
#define VMCTL_GUEST_CPUID_H

#include <stdint.h>

#include "uapi/tinyvmx.h"

/**
 * guest_cpuid - edit the module's table for a PC
 * @table: TVX_MAX_CPUID entries, of which the first @count are filled in
 * @nr_cpus: vCPUs, at least 1
 * @tsc_khz: of the guest, 0 if unknown
 * Returns how many entries there are then, 0 if there is no room for all.
 */
unsigned int guest_cpuid(struct tvx_cpuid_entry *table, unsigned int count, unsigned int nr_cpus,
			 uint64_t tsc_khz);

#endif
