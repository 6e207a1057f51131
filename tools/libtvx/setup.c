// SPDX-License-Identifier: GPL-2.0-only
/* The state of a vCPU at the start of a guest in each mode. */
#include <errno.h>
#include <string.h>

#include <asm/processor-flags.h>

#include "libtvx.h"
#include "paging.h"

/* Access rights: present, accessed, DPL 0; G and D or L where the mode wants them. */
#define AR_REAL_CODE	0x009b
#define AR_REAL_DATA	0x0093
#define AR_FLAT_CODE	0xc09b
#define AR_FLAT_DATA	0xc093
#define AR_LONG_CODE	0xa09b
#define AR_LDT		0x0082
#define AR_BUSY_TSS	0x008b

/*
 * A TSS, for which there is no room in guest memory, one byte short of its pointer to an I/O
 * permission bitmap: in ring 3 ports are #GP, whatever there is at address 0.
 */
#define TSS_LIMIT	0x66

#define SEL_CODE	0x08
#define SEL_DATA	0x10

#define GIB		(1ULL << 30)
#define LARGE_PAGE	(2ULL << 20)
#define ENTRIES		512
#define PTE_TABLE	0x003ULL	/* present, writable */
#define PTE_LARGE	0x083ULL	/* + page size */

static void set_segments(struct tvx_state *state, uint16_t code, uint16_t data,
			 uint32_t code_ar, uint32_t data_ar, uint32_t limit)
{
	unsigned int i;

	for (i = TVX_ES; i <= TVX_GS; i++)
		state->seg[i] = (struct tvx_segment){
			.limit = limit, .ar = data_ar, .selector = data,
		};
	state->seg[TVX_CS].ar = code_ar;
	state->seg[TVX_CS].selector = code;
	state->seg[TVX_LDTR] = (struct tvx_segment){ .ar = AR_LDT | TVX_AR_UNUSABLE };
	state->seg[TVX_TR] = (struct tvx_segment){ .limit = TSS_LIMIT, .ar = AR_BUSY_TSS };
}

/* What all modes share: nothing pending, clean registers, caches on. */
static void set_common(struct tvx_state *state, uint64_t rip)
{
	memset(state->gpr, 0, sizeof(state->gpr));
	state->rip = rip;
	state->rflags = X86_EFLAGS_FIXED;
	state->cr0 &= ~(X86_CR0_PE | X86_CR0_PG | X86_CR0_CD | X86_CR0_NW);
	state->cr3 = 0;
	state->cr4 = 0;
	state->efer = 0;
	state->activity = TVX_ACTIVE;
	state->shadow = 0;
	state->sections = TVX_STATE_ALL;
}

void tvx_setup_real(struct tvx_state *state, uint16_t cs, uint16_t ip)
{
	set_common(state, ip);
	set_segments(state, cs, 0, AR_REAL_CODE, AR_REAL_DATA, 0xffff);
	state->seg[TVX_CS].base = (uint64_t)cs << 4;
	/* As after a reset, for a guest that goes on to protected mode without an LTR. */
	state->seg[TVX_TR].limit = 0xffff;
	/* Where a BIOS puts its interrupt table. */
	state->idtr = (struct tvx_dtable){ .limit = 0x3ff };
	state->gdtr = (struct tvx_dtable){ .limit = 0xffff };
}

void tvx_setup_protected(struct tvx_state *state, uint32_t entry)
{
	set_common(state, entry);
	set_segments(state, SEL_CODE, SEL_DATA, AR_FLAT_CODE, AR_FLAT_DATA, 0xffffffff);
	state->cr0 |= X86_CR0_PE;
	state->idtr = (struct tvx_dtable){ .limit = 0 };
	state->gdtr = (struct tvx_dtable){ .limit = 0 };
}

/* Page directories for 4 GiB and all memory; one PDPT holds no more than 512 of them. */
static unsigned int nr_directories(const struct tvx_vm *vm)
{
	uint64_t top = 4 * GIB;
	unsigned int i;

	for (i = 0; i < vm->nr_slots; i++)
		if (vm->slots[i].gpa + vm->slots[i].len > top)
			top = vm->slots[i].gpa + vm->slots[i].len;
	top = (top + GIB - 1) / GIB;
	return top < ENTRIES ? top : ENTRIES;
}

uint64_t tvx_long_tables_size(const struct tvx_vm *vm)
{
	return (3 + nr_directories(vm)) * TVX_PAGE_SIZE;
}

static void fill_tables(uint64_t *host, uint64_t gpa, unsigned int nr)
{
	uint64_t *pml4 = host, *pdpt = host + ENTRIES, *pd = host + 2 * ENTRIES;
	unsigned int i;

	pml4[0] = (gpa + TVX_PAGE_SIZE) | PTE_TABLE;
	for (i = 0; i < nr; i++)
		pdpt[i] = (gpa + (2 + i) * TVX_PAGE_SIZE) | PTE_TABLE;
	for (i = 0; i < nr * ENTRIES; i++)
		pd[i] = i * LARGE_PAGE | PTE_LARGE;
}

/* A flat segment's descriptor from its access rights: the limit is all ones. */
static uint64_t descriptor(uint32_t ar)
{
	return 0x000f00000000ffffULL | (uint64_t)ar << 40;
}

int tvx_setup_long(const struct tvx_vm *vm, struct tvx_state *state, uint64_t entry,
		   uint64_t tables)
{
	uint64_t size = tvx_long_tables_size(vm), gdt = tables + size - TVX_PAGE_SIZE;
	uint64_t *host = tvx_vm_host(vm, tables, size), *descs;

	if (!host || tables % TVX_PAGE_SIZE)
		return -EINVAL;
	memset(host, 0, size);
	fill_tables(host, tables, nr_directories(vm));
	descs = host + (size - TVX_PAGE_SIZE) / sizeof(*descs);
	descs[SEL_CODE / 8] = descriptor(AR_LONG_CODE);
	descs[SEL_DATA / 8] = descriptor(AR_FLAT_DATA);

	set_common(state, entry);
	set_segments(state, SEL_CODE, SEL_DATA, AR_LONG_CODE, AR_FLAT_DATA, 0xffffffff);
	state->cr0 |= X86_CR0_PE | X86_CR0_MP | X86_CR0_NE | X86_CR0_WP | X86_CR0_PG;
	state->cr3 = tables;
	/* Compilers use SSE in 64-bit code without being asked. */
	state->cr4 = X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	state->efer = TVX_EFER_LME | TVX_EFER_LMA;
	state->idtr = (struct tvx_dtable){ .limit = 0 };
	state->gdtr = (struct tvx_dtable){ .base = gdt, .limit = 0x17 };
	return 0;
}
