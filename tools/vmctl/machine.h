/* SPDX-License-Identifier: GPL-2.0-only */
/* One guest: its VM, vCPU, memory and devices, and how it ended. */
#ifndef VMCTL_MACHINE_H
#define VMCTL_MACHINE_H

#include <stdio.h>

#include "console.h"
#include "devices/device.h"
#include "libtvx.h"
#include "load.h"
#include "ram.h"
#include "status.h"

/* What `vmctl run` was asked for. */
#define MAX_SETTINGS 32

struct run_options {
	struct load_options load;
	const char *guest;
	uint64_t mem;
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
};

/**
 * struct outcome - how it ended
 * @status: the exit status
 * @by_guest: the guest chose it, by the debug-exit port or HLT
 * @reason: one word for machines
 * @why: a sentence for people
 */
struct outcome {
	int status;
	bool by_guest;
	const char *reason;
	char why[320];
};

struct trace {
	FILE *file;			/* NULL: off */
	uint64_t gpr[TVX_NR_GPRS];	/* at the exit before */
	uint64_t rflags;
};

struct machine {
	const struct run_options *opt;
	struct tvx_dev dev;
	struct tvx_vm vm;
	struct tvx_vcpu vcpu;
	struct ram ram;
	struct console console;
	struct devices devices;
	struct trace trace;
	uint64_t exits[TVX_NR_EXITS];
	uint64_t nr_exits;
	bool ran;		/* the run page is worth a look */
	bool ended;
	struct outcome end;
};

/** machine_end - the first end counts; returns its status */
int __attribute__((format(printf, 4, 5)))
machine_end(struct machine *m, int status, const char *reason, const char *why, ...);
/** machine_end_errno - an operation failed for reasons of the system */
int machine_end_errno(struct machine *m, const char *what, int err);

void machine_init(struct machine *m, const struct run_options *opt);
/* In this order; each returns 0 or, after machine_end(), the status. */
int machine_alloc_ram(struct machine *m);
int machine_open(struct machine *m);
int machine_boot(struct machine *m, const struct boot *boot);
void machine_run(struct machine *m);
void machine_close(struct machine *m);

/* explain.c: after the end, for people */
void explain_end(struct machine *m, FILE *f);
void dump_machine(struct machine *m, FILE *f);

/* stats.c */
void print_stats(struct machine *m, FILE *f);
void print_json(struct machine *m, FILE *f);

/* trace.c */
int trace_open(struct trace *t, const char *path);
void trace_exit(struct trace *t, uint64_t number, const struct tvx_run_out *out);
void trace_close(struct trace *t);
/** describe_exit - the exit's own fields, in words */
void describe_exit(const struct tvx_run_out *out, char *buf, size_t size);

#endif
