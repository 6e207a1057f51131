/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One guest: its VM, vCPUs, memory and devices, and how it ended.
 *
 * There are two machines. The plain one has a vCPU without a local APIC, a few ports,
 * and one thread. A PC (pc.c) has vCPUs with local APICs, each in a thread of its own,
 * the devices of a small PC, and the event loop in the main thread.
 *
 * Locks, outer first; none is held in TVX_VCPU_RUN:
 *	lock		devices, console, loop
 *	end_lock	end
 */
#ifndef VMCTL_MACHINE_H
#define VMCTL_MACHINE_H

#include <pthread.h>
#include <stdio.h>

#include "console.h"
#include "devices/device.h"
#include "libtvx.h"
#include "load.h"
#include "loop.h"
#include "options.h"
#include "ram.h"
#include "status.h"

/**
 * struct outcome - how it ended
 * @status: the exit status
 * @by_guest: the guest chose it, by the debug-exit port, HLT or power-off
 * @vcpu: which vCPU's doing it is, -1: none's
 * @reason: one word for machines
 * @why: a sentence for people
 */
struct outcome {
	int status;
	bool by_guest;
	int vcpu;
	const char *reason;
	char why[320];
};

/* Registers at the exit before, for the trace. */
struct trace_regs {
	uint64_t gpr[TVX_NR_GPRS];
	uint64_t rflags;
};

/**
 * struct vcpu - a vCPU, of the thread that runs it
 * @started: [main thread] in a PC there is @thread
 * @ran: the run page is worth a look
 */
struct vcpu {
	struct machine *m;
	struct tvx_vcpu tvx;
	pthread_t thread;
	bool started;
	bool ran;
	uint64_t exits[TVX_NR_EXITS];
	uint64_t nr_exits;
	struct trace_regs traced;
};

struct machine {
	const struct run_options *opt;
	struct tvx_dev dev;
	struct tvx_vm vm;
	unsigned int nr_vcpus;
	struct vcpu *vcpu;
	struct ram ram;
	uint32_t rsdp;			/* of the ACPI tables, 0: none */
	FILE *trace;			/* NULL: off */
	FILE *fwlog;			/* the same */
	bool extint;			/* [any thread] the 8259 has an interrupt for vCPU 0 */

	pthread_mutex_t lock;
	struct loop loop;
	struct console console;
	struct devices devices;
	struct irq_ops irq;

	pthread_mutex_t end_lock;
	bool ended;			/* [any thread] read without the lock: @end stays */
	struct outcome end;
};

/* The first end counts; each returns its status. From any thread. */

/** machine_end - from outside, or before the guest runs */
int __attribute__((format(printf, 4, 5)))
machine_end(struct machine *m, int status, const char *reason, const char *why, ...);
/** machine_end_errno - an operation failed for reasons of the system */
int machine_end_errno(struct machine *m, const char *what, int err);
/** vcpu_end - for what the guest does on @c */
int __attribute__((format(printf, 4, 5)))
vcpu_end(struct vcpu *c, int status, const char *reason, const char *why, ...);
/** guest_end - the guest wants it so */
int __attribute__((format(printf, 4, 5)))
guest_end(struct vcpu *c, int status, const char *reason, const char *why, ...);

static inline bool machine_ended(const struct machine *m)
{
	return __atomic_load_n(&m->ended, __ATOMIC_ACQUIRE);
}

void machine_init(struct machine *m, const struct run_options *opt);
/* In this order; each returns 0 or, after an end, the status. */
int machine_alloc_ram(struct machine *m);
int machine_add_devices(struct machine *m);	/* and the tables that tell of them */
int machine_open(struct machine *m);
int machine_boot(struct machine *m, const struct boot *boot);	/* boot.c */
void machine_run(struct machine *m);	/* vcpu.c */
void machine_close(struct machine *m);

/* pc.c: what only PCs have; parts of the functions above */
int pc_add_devices(struct machine *m);
int pc_set_cpuid(struct machine *m);
int pc_set_apics(struct machine *m, const struct boot *boot);
/** pc_offer_extint - before RUN: give the 8259's interrupt, or ask to be told when */
void pc_offer_extint(struct vcpu *c);

/* exits.c */
void handle_exit(struct vcpu *c);

/* explain.c: after the end, for people */
void explain_end(struct machine *m, FILE *f);
void dump_machine(struct machine *m, FILE *f);

/* stats.c */
void print_stats(struct machine *m, FILE *f);
void print_json(struct machine *m, FILE *f);

/* trace.c */
int trace_open(struct machine *m, const char *path);
void trace_exit(struct vcpu *c);
void trace_close(struct machine *m);
/** describe_exit - the exit's own fields, in words */
void describe_exit(const struct tvx_run_out *out, char *buf, size_t size);

#endif
