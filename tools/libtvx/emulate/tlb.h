/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A TLB that is never stale. An entry keeps the paging-structure entries that its
 * walk read, and counts only while memory still holds the same. So a hit gives
 * what a new walk would give, accessed and dirty flags included, whoever changed
 * the tables: nothing has to be invalidated.
 *
 * Entries point into host memory: they are good for one generation of the VM's
 * slots. Whoever changes slots while another thread handles an exit has to keep
 * the two apart himself, as with all that uses tvx_vm_host().
 */
#ifndef TVX_TLB_H
#define TVX_TLB_H

#include "paging.h"

/* A page of the guest; without a host pointer for the direction asked it is a device's. */
struct tvx_page {
	uint64_t gpa;
	uint8_t *from;
	uint8_t *to;
};

#define TVX_MAX_LEVELS	5

/*
 * What a walk read, from the root on, each as the walk left it. All places are
 * filled: the last entry again, or without paging a zero of our own.
 */
struct tvx_walk {
	bool complete;			/* no register beside the context decided */
	unsigned int entry_bytes;	/* 4 in 32-bit paging, else 8 */
	const void *at[TVX_MAX_LEVELS];
	uint64_t value[TVX_MAX_LEVELS];
};

struct tvx_tlb_entry {
	uint64_t key;			/* linear page and tag; 0: none */
	struct tvx_page page;
	struct tvx_walk walk;
} __attribute__((aligned(64)));		/* cache lines of its own */

#define TVX_TLB_ENTRIES		16	/* of each kind: a power of two */

/**
 * struct tvx_tlb - a TLB
 * @slots: the VM's generation of slots
 * @generation: the one that the entries are of
 * @tag: tells the contexts of the vCPU apart, in bits 4 to 11 and never 0: all
 *	registers that decide what a walk gives, but RFLAGS.AC
 */
struct tvx_tlb {
	const uint64_t *slots;
	uint64_t generation;
	uint64_t tag;
	struct tvx_tlb_entry fetch[TVX_TLB_ENTRIES];
	struct tvx_tlb_entry read[TVX_TLB_ENTRIES];
	struct tvx_tlb_entry write[TVX_TLB_ENTRIES];
};

/* Other vCPUs may change tables meanwhile: read each entry once, in one piece. */
static inline uint64_t tvx_load_entry(const void *at, unsigned int entry_bytes)
{
	if (entry_bytes == 4)
		return __atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED);
	return __atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED);
}

/* In the walk's order: where an entry has changed, what it led to may be gone. */
static inline bool tvx_walk_holds(const struct tvx_walk *walk)
{
	unsigned int i;

	if (__builtin_expect(walk->entry_bytes == 4, 0)) {
		for (i = 0; i < TVX_MAX_LEVELS; i++)
			if (tvx_load_entry(walk->at[i], 4) != walk->value[i])
				return false;
		return true;
	}
#pragma GCC unroll 5
	for (i = 0; i < TVX_MAX_LEVELS; i++)
		if (tvx_load_entry(walk->at[i], 8) != walk->value[i])
			return false;
	return true;
}

static inline bool tvx_tlb_outdated(const struct tvx_tlb *tlb)
{
	return tlb->generation != __atomic_load_n(tlb->slots, __ATOMIC_RELAXED);
}

/* RFLAGS.AC suspends SMAP, and changes too often to be a part of the context. */
static inline uint64_t tvx_tlb_tag(const struct tvx_tlb *tlb, bool ac)
{
	return tlb->tag | (ac ? 8 : 0);
}

static inline uint64_t tvx_tlb_key(uint64_t gla, uint64_t tag)
{
	return (gla & ~(TVX_PAGE_SIZE - 1)) | tag;
}

/* What may be written may be read: an access that does both is a write. */
static inline struct tvx_tlb_entry *tvx_tlb_slot(struct tvx_tlb *tlb, uint64_t gla,
						 unsigned int access, uint64_t tag)
{
	struct tvx_tlb_entry *kind = access & TVX_ACC_FETCH ? tlb->fetch :
				     access & TVX_ACC_WRITE ? tlb->write : tlb->read;

	return &kind[(gla >> 12 ^ gla >> 20 ^ tag >> 3) % TVX_TLB_ENTRIES];
}

/* The page, if a walk would still find it. The TLB must not be outdated. */
static inline const struct tvx_page *tvx_tlb_find(struct tvx_tlb *tlb, uint64_t gla,
						  unsigned int access, uint64_t tag)
{
	const struct tvx_tlb_entry *e = tvx_tlb_slot(tlb, gla, access, tag);

	return e->key == tvx_tlb_key(gla, tag) && tvx_walk_holds(&e->walk) ? &e->page : NULL;
}

/* Forget all, and begin with the slots as they are now. */
void tvx_tlb_flush(struct tvx_tlb *tlb);

/* As tvx_translate(); also what the walk read. */
enum tvx_xlate tvx_walk(const struct tvx_paging *p, const struct tvx_mem_ops *mem, uint64_t gla,
			unsigned int access, struct tvx_walk *walk, uint64_t *gpa,
			uint32_t *pf_error);

/* The page at @gla for @access, by the TLB where @p has one. */
enum tvx_xlate tvx_map_page(const struct tvx_paging *p, const struct tvx_mem_ops *mem,
			    uint64_t gla, unsigned int access, struct tvx_page *page,
			    uint32_t *pf_error);

#endif
