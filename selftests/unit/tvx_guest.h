/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pretended guest for tests of the instruction executor: 1 MiB of memory at 0,
 * of which a part can be read-only, a device of 64 KiB that remembers what it
 * is written and how it was accessed, and 4-level page tables.
 */
#ifndef TVX_GUEST_H
#define TVX_GUEST_H

#include <stdint.h>
#include <string.h>

#include <asm/processor-flags.h>

#define GUEST_RAM	0x100000ULL
#define GUEST_DEV	0xf0000000ULL
#define GUEST_DEV_SIZE	0x10000ULL
#define GUEST_CR3	0x1000ULL
#define GUEST_ROM	0xf0000ULL	/* up to the end of memory */

#define PT_P	1ULL
#define PT_W	2ULL
#define PT_U	4ULL
#define PT_A	0x20ULL
#define PT_D	0x40ULL
#define PT_PS	0x80ULL
#define PT_NX	(1ULL << 63)

struct guest_access {
	bool write;
	uint64_t gpa;
	unsigned int len;
	uint64_t val;
};

static uint8_t guest_ram[GUEST_RAM] __attribute__((aligned(4096)));
static uint8_t guest_dev[GUEST_DEV_SIZE];
static struct guest_access guest_log[64];
static unsigned int guest_nr_accesses;
static uint64_t guest_next_table;

static void *guest_host(void *ctx, uint64_t gpa, size_t len, bool write)
{
	(void)ctx;
	if (gpa >= GUEST_RAM || GUEST_RAM - gpa < len || (write && gpa >= GUEST_ROM))
		return NULL;
	return guest_ram + gpa;
}

static void guest_note(bool write, uint64_t gpa, unsigned int len, uint64_t val)
{
	if (len < 8)	/* what a device returns beyond that must not matter */
		val &= (1ULL << 8 * len) - 1;
	if (guest_nr_accesses < 64)
		guest_log[guest_nr_accesses] = (struct guest_access){ write, gpa, len, val };
	guest_nr_accesses++;
}

static uint64_t guest_mmio_read(void *ctx, uint64_t gpa, unsigned int len)
{
	uint64_t val = ~0ULL;

	(void)ctx;
	if (gpa >= GUEST_DEV && gpa - GUEST_DEV <= GUEST_DEV_SIZE - len)
		memcpy(&val, guest_dev + (gpa - GUEST_DEV), len);
	guest_note(false, gpa, len, val);
	return val;
}

static void guest_mmio_write(void *ctx, uint64_t gpa, unsigned int len, uint64_t val)
{
	(void)ctx;
	if (gpa >= GUEST_DEV && gpa - GUEST_DEV <= GUEST_DEV_SIZE - len)
		memcpy(guest_dev + (gpa - GUEST_DEV), &val, len);
	guest_note(true, gpa, len, val);
}

static const struct tvx_mem_ops guest_mem = { .host = guest_host };

static const struct tvx_mmio_ops guest_mmio __attribute__((unused)) = {
	.read = guest_mmio_read, .write = guest_mmio_write,
};

static void guest_put(uint64_t gpa, uint64_t val, unsigned int len)
{
	memcpy(guest_ram + gpa, &val, len);
}

static uint64_t guest_get(uint64_t gpa, unsigned int len)
{
	uint64_t val = 0;

	memcpy(&val, guest_ram + gpa, len);
	return val;
}

/* Map one page in the 4-level tables; upper levels allow everything. */
static __attribute__((unused)) void guest_map(uint64_t gla, uint64_t gpa, uint64_t flags)
{
	uint64_t table = GUEST_CR3;
	int shift;

	for (shift = 39; shift > 12; shift -= 9) {
		uint64_t at = table + (gla >> shift & 0x1ff) * 8;

		if (!(guest_get(at, 8) & PT_P)) {
			guest_put(at, guest_next_table | PT_P | PT_W | PT_U, 8);
			guest_next_table += 4096;
		}
		table = guest_get(at, 8) & 0xffffffffff000ULL;
	}
	guest_put(table + (gla >> 12 & 0x1ff) * 8, gpa | flags, 8);
}

static void guest_reset(void)
{
	memset(guest_ram, 0, sizeof(guest_ram));
	memset(guest_dev, 0, sizeof(guest_dev));
	guest_nr_accesses = 0;
	guest_next_table = GUEST_CR3 + 4096;
}

/* A vCPU at ring 0 in @mode: 64-bit with paging, 32-bit flat, or 16-bit real. */
static __attribute__((unused)) struct tvx_cpu guest_cpu(int mode)
{
	struct tvx_cpu cpu = { .rflags = X86_EFLAGS_FIXED, .paging.maxphyaddr = 40 };
	uint32_t limit = mode == 16 ? 0xffff : 0xffffffff;
	int i;

	for (i = 0; i < TVX_NR_SREGS; i++)
		cpu.seg[i] = (struct tvx_segment){
			.limit = limit,
			.ar = 3 | TVX_AR_PRESENT | 1 << 4 | (mode == 32 ? TVX_AR_DB : 0),
		};
	cpu.seg[TVX_CS].ar |= TVX_AR_CODE;
	if (mode != 16)
		cpu.paging.cr0 = X86_CR0_PE;
	if (mode == 64) {
		cpu.seg[TVX_CS].ar |= TVX_AR_L;
		cpu.paging.cr0 |= X86_CR0_PG | X86_CR0_WP;
		cpu.paging.cr3 = GUEST_CR3;
		cpu.paging.cr4 = X86_CR4_PAE;
		cpu.paging.efer = TVX_EFER_LME | TVX_EFER_LMA | TVX_EFER_NXE;
	}
	return cpu;
}

#endif
