/* SPDX-License-Identifier: GPL-2.0-only */
/* What `vmctl run` is asked for. */
#ifndef VMCTL_OPTIONS_H
#define VMCTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "load.h"

#define MAX_SETTINGS	32
#define MAX_ADDED	16
#define MAX_CPUS	255	/* APIC ids have 8 bits, and all ones means everybody */

/* A device of a PC, as virtio_add() takes it. */
struct added_device {
	const char *kind;
	const char *options;
};

struct run_options {
	struct load_options load;
	const char *guest;
	bool pc;
	unsigned int cpus;
	bool xapic;		/* even a kernel that knows x2APIC mode starts without */
	bool testdev;
	bool fwlog;
	const char *fwlog_file;	/* NULL: standard error */
	bool virtio_console;
	unsigned int nr_added;
	struct added_device added[MAX_ADDED];
	uint64_t mem;		/* 0: the default */
	uint64_t timeout_ms;	/* 0: none */
	bool stats;
	bool trace;
	const char *trace_file;	/* NULL: standard error */
	bool dump;
	bool json;
	const char *json_file;	/* NULL: standard error */
	bool premap;
	bool strict;
	bool verbose;
	unsigned int nr_settings;
	const char *settings[MAX_SETTINGS];	/* --set, checked */
	char cmdline[160];	/* of a kernel, without --append */
};

#define OPTIONS_RUN	(-1)	/* go on and run */

/** parse_run_options - OPTIONS_RUN, or the status to end with, all that is to be said being said */
int parse_run_options(int argc, char **argv, struct run_options *opt);

/** max_guest_size - of a guest's file: no memory, asked for or by default, and no ROM is larger */
uint64_t max_guest_size(const struct run_options *opt);

/** settle_run_options - what depends on the guest: whether it is in a PC, and the defaults */
void settle_run_options(struct run_options *opt, const struct blob *image);

#endif
