/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux on two hypervisors: the same kernel, memory, devices and tables, which are vmctl's. */
#ifndef BENCH_BOOT_H
#define BENCH_BOOT_H

#include "machine.h"

/* A result: "boot", or "boot_" and what was counted. */
void report(const char *key, uint64_t value);
void die(const char *what) __attribute__((noreturn));

/**
 * struct hypervisor - what runs the machine, whose memory, devices and guest are there
 * @open: all that comes before the first entry
 * @run: until the guest has ended the machine
 * @count: report() the exits
 */
struct hypervisor {
	const char *name;
	void (*open)(struct machine *m, const struct boot *boot);
	void (*run)(struct machine *m);
	void (*count)(struct machine *m);
};

extern const struct hypervisor kvm_hypervisor, tvx_hypervisor;

#endif
