/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One guest, two hypervisors: what the operations need of a back end.
 *
 * Both back ends are meant to be what a careful author of a small VMM writes:
 * one system call per exit, the same devices, no library but libtvx, which
 * tinyvmx needs to decode what KVM decodes in the kernel. Whatever fails ends
 * the program with a word why.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "ops.h"

#define NR_VCPUS 2

/* The image's first words: see guest.S. */
struct guest_header {
	uint64_t long_entry;
	uint64_t real_entry;	/* in its segment */
	uint64_t results;
	uint64_t signalled;
	uint64_t gdt;
	uint64_t idt;
	uint64_t pml4;
};

extern const uint8_t guest_image[], guest_image_end[];
#define GUEST_HEADER ((const struct guest_header *)guest_image)
#define GDT_LIMIT (3 * 8 - 1)
#define IDT_LIMIT ((LAST_VECTOR + 1) * 16 - 1)

/* Local APICs, as each vCPU begins: in x2APIC mode, switched on, the timer in TSC-deadline mode. */
#define APIC_BASE_X2APIC (1u << 10)
#define APIC_SPIV	0xf0
#define APIC_SPIV_VALUE	0x1ff
#define APIC_LVTT	0x320
#define APIC_LVTT_VALUE	(2u << 17 | APIC_VECTOR)

/* Where a vCPU starts, and with what. */
struct entry {
	bool real;
	uint32_t op, iterations, rounds, trace;	/* EDI, ESI, EDX, EBX */
};

enum stop { STOP_END, STOP_HLT, STOP_IO, STOP_SIGNAL };

/* A step is one of the functions below, so that each can be timed alone. */
struct backend {
	const char *name;
	void (*open)(void);			/* the device */
	void (*cheapest)(void);			/* the ioctl of it that does least */
	void (*create)(bool apic);		/* a VM, with local APICs or without */
	void (*eventfd)(uint16_t port, int fd);	/* any OUT to the port signals it */
	void (*slot)(unsigned int nr, uint64_t gpa, uint64_t len, void *hva, bool premap);
	void (*vcpu)(unsigned int id);
	void (*start)(unsigned int id, const struct entry *entry);
	/* Runs until the guest ends, halts (unless @wake: an interrupt comes then), or a signal. */
	enum stop (*run)(unsigned int id, bool wake, bool stop_at_io);
	void (*close_vcpu)(unsigned int id);
	void (*close_vm)(void);
	void (*close)(void);
};

extern const struct backend kvm_backend, tvx_backend;

/* bench.c: the memory of the VMs, and what the list of operations is made into. */
enum op {
#define OP(name, iterations) OP_##name,
	LONG_OPS(OP)
	APIC_OPS(OP)
	NR_LONG_OPS,
	/* Their numbers start at 0 again: see entry_of(). */
	REAL_OPS(OP)
#undef OP
};

extern uint8_t *memory;		/* guest-physical 0 */

static inline bool needs_apic(enum op op)
{
	return op >= OP_apic_self_ipi && op < NR_LONG_OPS;
}

void open_vm(const struct backend *vmm, bool apic);
void close_vm(const struct backend *vmm, unsigned int nr_vcpus);
struct entry entry_of(enum op op, uint32_t rounds);
/* Begins a line of results; each result is added by result(), and the line is ended by done(). */
void results(const char *who, const char *key, unsigned int divisor);
void result(uint64_t ticks);
void done(void);

/* What user space times: life.c, touches in bench.c. */
void time_lives(const struct backend *vmm, bool trace);
void time_signals(const struct backend *vmm);
void time_turns(const struct backend *vmm);
/* With two CPUs: an IPI from a vCPU that runs to another one. ipi.c */
void time_ipis(const struct backend *vmm);

/* CR4 of 64-bit guests: PAE, OSFXSR, OSXMMEXCPT, and OSXSAVE where the host has it on. */
uint32_t long_cr4(void);

/* In a VM that is open, with vCPUs that are started: what the guest has timed. */
void guest_results(const struct backend *vmm, const char *key, const struct entry *entry);

/* The devices of both. */
uint32_t device_read(void);
void device_write(uint32_t value);

void die(const char *what) __attribute__((noreturn));

static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a" (low), "=d" (high) : : "memory");
	return low | (uint64_t)high << 32;
}

/* Begins and ends a trace of the emulator's; elsewhere it does nothing. */
static inline void magic(void)
{
	asm volatile("xchgw %%bx, %%bx" : : : "memory");
}

#endif
