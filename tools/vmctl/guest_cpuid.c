// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's CPUID table describes one processor without a local APIC, the Intel SDM's
 * "CPUID" tells what the registers mean. A PC differs in four things:
 *
 * - it has local APICs, and as many cores as vCPUs, one thread each;
 * - it says how fast its clocks are: the local APIC's timer counts TSC ticks, so that both
 *   come from one crystal, and no guest needs to measure them;
 * - it names itself KVM, with next to nothing of what that offers: to Linux this means that
 *   x2APIC mode needs no interrupt remapping, and that timers need no test;
 * - what needs more than there is (MWAIT, counters, thermal and machine-check MSRs...) stays
 *   away, even if a later module should know of it.
 */
#include <stdbool.h>
#include <string.h>

#include <asm/kvm_para.h>

#include "guest_cpuid.h"

#define BIT(n)		(1U << (n))
#define ALL		(~0U)

#define MAX_BASIC	0x16
#define KVM_CPUID_TIMING	0x40000010

/* Leaf 1 */
#define ECX_NOT_GIVEN	/* DTES64 MONITOR DS_CPL VMX SMX EST TM2 SDBG xTPR PDCM */ \
	(BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(11) | BIT(14) | BIT(15))
#define ECX_X2APIC	BIT(21)
#define ECX_TSC_DEADLINE	BIT(24)
#define ECX_HYPERVISOR	BIT(31)
#define EDX_NOT_GIVEN	/* MCE MTRR MCA DS ACPI TM PBE */ \
	(BIT(7) | BIT(12) | BIT(14) | BIT(21) | BIT(22) | BIT(29) | BIT(31))
#define EDX_APIC	BIT(9)
#define EDX_HTT		BIT(28)

#define ARAT		BIT(2)	/* leaf 6: the APIC timer never stops */

/* Leaf 0xb: level number and type in ECX */
#define LEVEL_SMT	0x100
#define LEVEL_CORE	0x201

enum { EAX, EBX, ECX, EDX, NR_REGS };

/**
 * struct pc - what the values of a row are made from
 * @cpus: vCPUs
 * @ids: APIC ids of the package, a power of two
 * @shift: its logarithm
 * @khz: of the TSC
 */
struct pc {
	uint32_t cpus, ids, shift;
	uint64_t khz;
};

typedef uint32_t (*value_fn)(const struct pc *pc);

static uint32_t logical_cpus(const struct pc *pc)
{
	return (pc->ids < 0xff ? pc->ids : 0xff) << 16;
}

static uint32_t htt(const struct pc *pc)
{
	return pc->cpus > 1 ? EDX_HTT : 0;
}

static uint32_t shift(const struct pc *pc)
{
	return pc->shift;
}

static uint32_t cpus(const struct pc *pc)
{
	return pc->cpus;
}

/* Hz have 32 bits: faster TSCs are told as a multiple of their crystal. */
static uint32_t crystal_ratio(const struct pc *pc)
{
	return pc->khz * 1000 / UINT32_MAX + 1;
}

static uint32_t crystal_hz(const struct pc *pc)
{
	return pc->khz * 1000 / crystal_ratio(pc);
}

static uint32_t mhz(const struct pc *pc)
{
	return pc->khz / 1000;
}

static uint32_t khz(const struct pc *pc)
{
	return pc->khz;
}

/* Of "KVMKVMKVM" and three zero bytes. */
#define SIGNATURE(i) \
	((uint32_t)KVM_SIGNATURE[4 * (i)] | (uint32_t)KVM_SIGNATURE[4 * (i) + 1] << 8 | \
	 (uint32_t)KVM_SIGNATURE[4 * (i) + 2] << 16 | (uint32_t)KVM_SIGNATURE[4 * (i) + 3] << 24)

/* When a row counts. */
enum when {
	ALWAYS,
	WITH_TSC,	/* its frequency is known */
};

/*
 * One row per register: what the module says loses the bits of @clear, and gains
 * those of @set and what @value makes. An entry that is not there is made.
 */
static const struct edit {
	uint32_t leaf;
	uint8_t index;
	bool indexed;
	uint8_t reg;
	enum when when;
	uint32_t clear;
	uint32_t set;
	value_fn value;
} edits[] = {
	{ 0x1, 0, false, EBX, ALWAYS, 0xff0000, 0, logical_cpus },
	{ 0x1, 0, false, ECX, ALWAYS, ECX_NOT_GIVEN,
	  ECX_X2APIC | ECX_TSC_DEADLINE | ECX_HYPERVISOR, NULL },
	{ 0x1, 0, false, EDX, ALWAYS, EDX_NOT_GIVEN | EDX_HTT, EDX_APIC, htt },
	{ 0x6, 0, false, EAX, ALWAYS, ALL, ARAT, NULL },
	{ 0x6, 0, false, EBX, ALWAYS, ALL, 0, NULL },
	{ 0x6, 0, false, ECX, ALWAYS, ALL, 0, NULL },
	/* No performance monitoring. */
	{ 0xa, 0, false, EAX, ALWAYS, ALL, 0, NULL },
	{ 0xa, 0, false, EBX, ALWAYS, ALL, 0, NULL },
	{ 0xa, 0, false, ECX, ALWAYS, ALL, 0, NULL },
	{ 0xa, 0, false, EDX, ALWAYS, ALL, 0, NULL },
	/* EDX, the x2APIC id, is the module's. One thread in a core... */
	{ 0xb, 0, true, EAX, ALWAYS, ALL, 0, NULL },
	{ 0xb, 0, true, EBX, ALWAYS, ALL, 1, NULL },
	{ 0xb, 0, true, ECX, ALWAYS, ALL, LEVEL_SMT, NULL },
	/* ... and all cores in one package. */
	{ 0xb, 1, true, EAX, ALWAYS, ALL, 0, shift },
	{ 0xb, 1, true, EBX, ALWAYS, ALL, 0, cpus },
	{ 0xb, 1, true, ECX, ALWAYS, ALL, LEVEL_CORE, NULL },
	/* TSC Hz = ECX * EBX / EAX */
	{ 0x15, 0, false, EAX, WITH_TSC, ALL, 1, NULL },
	{ 0x15, 0, false, EBX, WITH_TSC, ALL, 0, crystal_ratio },
	{ 0x15, 0, false, ECX, WITH_TSC, ALL, 0, crystal_hz },
	/* Base and highest frequency, and that of a bus nobody has. */
	{ 0x16, 0, false, EAX, WITH_TSC, ALL, 0, mhz },
	{ 0x16, 0, false, EBX, WITH_TSC, ALL, 0, mhz },
	{ 0x16, 0, false, ECX, WITH_TSC, ALL, 100, NULL },
	{ KVM_CPUID_SIGNATURE, 0, false, EAX, ALWAYS, ALL, KVM_CPUID_TIMING, NULL },
	{ KVM_CPUID_SIGNATURE, 0, false, EBX, ALWAYS, ALL, SIGNATURE(0), NULL },
	{ KVM_CPUID_SIGNATURE, 0, false, ECX, ALWAYS, ALL, SIGNATURE(1), NULL },
	{ KVM_CPUID_SIGNATURE, 0, false, EDX, ALWAYS, ALL, SIGNATURE(2), NULL },
	/* No clock, EOI, page faults... by way of memory: only what needs nothing of us. */
	{ KVM_CPUID_FEATURES, 0, false, EAX, ALWAYS, ALL, BIT(KVM_FEATURE_NOP_IO_DELAY), NULL },
	{ KVM_CPUID_TIMING, 0, false, EAX, WITH_TSC, ALL, 0, khz },
	{ KVM_CPUID_TIMING, 0, false, EBX, WITH_TSC, ALL, 0, khz },
};

static struct tvx_cpuid_entry *find(struct tvx_cpuid_entry *table, unsigned int count,
				    uint32_t leaf, uint32_t index)
{
	struct tvx_cpuid_entry *e;

	for (e = table; e < table + count; e++)
		if (e->function == leaf && (!(e->flags & TVX_CPUID_INDEX) || e->index == index))
			return e;
	return NULL;
}

static void edit_entry(struct tvx_cpuid_entry *e, const struct edit *edit, const struct pc *pc)
{
	uint32_t *const reg[NR_REGS] = { &e->eax, &e->ebx, &e->ecx, &e->edx };

	*reg[edit->reg] = (*reg[edit->reg] & ~edit->clear) | edit->set |
			  (edit->value ? edit->value(pc) : 0);
}

/* Who shares a cache: of the first two levels nobody, of others the whole package. */
static void edit_caches(struct tvx_cpuid_entry *table, unsigned int count, const struct pc *pc)
{
	uint32_t ids = pc->ids - 1, level;
	struct tvx_cpuid_entry *e;

	for (e = table; e < table + count; e++) {
		if (e->function != 4)
			continue;
		level = (e->eax >> 5) & 7;
		e->eax &= 0x3fff;
		e->eax |= (ids < 0x3f ? ids : 0x3f) << 26;
		if (level > 2)
			e->eax |= (ids < 0xfff ? ids : 0xfff) << 14;
	}
}

unsigned int guest_cpuid(struct tvx_cpuid_entry *table, unsigned int count, unsigned int nr_cpus,
			 uint64_t tsc_khz)
{
	struct pc pc = { .cpus = nr_cpus, .ids = 1, .khz = tsc_khz };
	struct tvx_cpuid_entry *e = find(table, count, 0, 0);
	const struct edit *edit;

	for (; pc.ids < nr_cpus; pc.ids *= 2)
		pc.shift++;
	/* What is above the host's own range is zero, but for the rows below. */
	if (e && e->eax < MAX_BASIC)
		e->eax = MAX_BASIC;
	for (edit = edits; edit < edits + sizeof(edits) / sizeof(edits[0]); edit++) {
		if (edit->when == WITH_TSC && !tsc_khz)
			continue;
		e = find(table, count, edit->leaf, edit->index);
		if (!e) {
			if (count == TVX_MAX_CPUID)
				return 0;
			e = &table[count++];
			*e = (struct tvx_cpuid_entry){
				.function = edit->leaf,
				.index = edit->index,
				.flags = edit->indexed ? TVX_CPUID_INDEX : 0,
			};
		}
		edit_entry(e, edit, &pc);
	}
	edit_caches(table, count, &pc);
	return count;
}
