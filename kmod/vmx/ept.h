/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EPT page tables: pages, permissions, memory types and levels. Nothing here
 * knows a VM, a vCPU or a VMX instruction.
 *
 * Locking: the owner's mmu_lock is held over every call that takes a struct
 * ept, except ept_init(), ept_destroy(), ept_pointer() and ept_free_list().
 * Hardware is the only other walker, and the only other writer: it sets
 * accessed and dirty bits at any time.
 *
 * Memory: nothing allocates under the lock. The owner tops up a struct
 * ept_cache before it takes the lock. Tables that leave the tree gather in a
 * struct ept_freelist, and the owner gives them back with ept_free_list() after
 * the INVEPT that it was asked for, since hardware may walk them until then.
 *
 * A fault is served like this:
 *
 *	ept_cache_fill(ept, &cache, EPT_CACHE_ENOUGH);
 *	lock(mmu_lock);
 *	ret = ept_map(ept, gpa, &page, &cache, &freed);
 *	if (ret > 0)
 *		flush();
 *	unlock(mmu_lock);
 *	ept_free_list(ept, &freed);
 */
#ifndef TVX_EPT_H
#define TVX_EPT_H

#include <linux/bits.h>
#include <linux/types.h>

#include "hostops.h"

/* Flags of a page. They are the bits of an entry, so nothing is translated. */
#define EPT_READ	BIT_ULL(0)
#define EPT_WRITE	BIT_ULL(1)
#define EPT_EXEC	BIT_ULL(2)
#define EPT_RWX		(EPT_READ | EPT_WRITE | EPT_EXEC)
#define EPT_MEMTYPE(t)	((u64)(t) << 3)		/* t: MTRR_TYPE_* */
#define EPT_MEMTYPE_MASK GENMASK_ULL(5, 3)
#define EPT_IPAT	BIT_ULL(6)		/* ignore the guest's PAT */
#define EPT_ACCESSED	BIT_ULL(8)		/* these two only with caps.has_ad */
#define EPT_DIRTY	BIT_ULL(9)

/* The end of what four levels translate. */
#define EPT_GPA_END	BIT_ULL(48)

/* As many tables as one ept_map() can need. */
#define EPT_CACHE_ENOUGH 3

/* What a call that changed entries tells its caller: a mask. */
#define EPT_FLUSH	BIT(0)	/* INVEPT before the lock is dropped */
#define EPT_YOUNG	BIT(1)	/* a page of the range was accessed */

/* The size of a page, named by the level of the table that holds its entry. */
enum ept_level {
	EPT_4K = 1,
	EPT_2M = 2,
	EPT_1G = 3,
};

static inline u64 ept_level_size(enum ept_level level)
{
	return 1ull << (12 + 9 * (level - 1));
}

/**
 * struct ept_caps - what the processor's EPT can do
 * @levels: length of the page walk; only 4 is accepted
 * @phys_bits: width of a host-physical address (MAXPHYADDR)
 * @has_2m: 2 MiB pages
 * @has_1g: 1 GiB pages
 * @has_ad: accessed and dirty flags
 * @exec_only: pages that can be executed and not read
 */
struct ept_caps {
	u8 levels;
	u8 phys_bits;
	bool has_2m;
	bool has_1g;
	bool has_ad;
	bool exec_only;
};

/**
 * struct ept - a tree of tables
 * @root: its top table, NULL when there is none
 * @root_pa: host-physical address of @root
 * @ops: the host
 * @ctx: passed to @ops
 * @caps: what the tree may use
 * @nr_tables: tables in the tree, @root included
 */
struct ept {
	u64 *root;
	phys_addr_t root_pa;
	const struct tvx_host_ops *ops;
	void *ctx;
	struct ept_caps caps;
	unsigned long nr_tables;
};

/**
 * struct ept_entry - a page as the tree maps it
 * @hpa: host-physical address of its first byte
 * @flags: EPT_READ... EPT_DIRTY
 * @level: its size
 */
struct ept_entry {
	u64 hpa;
	u64 flags;
	enum ept_level level;
};

/**
 * struct ept_cache - zeroed pages at hand for new tables; starts as {}
 * @head: the first; the others are chained through the pages
 * @nr: how many
 */
struct ept_cache {
	u64 *head;
	unsigned int nr;
};

/**
 * struct ept_freelist - tables that left the tree and await a flush; starts as {}
 * @head: the first; the others are chained through the pages
 * @nr: how many
 */
struct ept_freelist {
	u64 *head;
	unsigned int nr;
};

/**
 * ept_init - make an empty tree
 * @ept: filled in
 * @caps: what the processor can do; copied
 * @ops: the host. Its page_alloc() is called here and in ept_cache_fill() only,
 *	with no lock of this library's held
 * @ctx: passed to @ops
 *
 * Return: 0; -EINVAL for @caps that no tree can have; -ENOMEM. After an error
 * @ept can be given to ept_destroy(), and need not be.
 */
int ept_init(struct ept *ept, const struct ept_caps *caps, const struct tvx_host_ops *ops,
	     void *ctx);

/**
 * ept_destroy - free every table
 * @ept: zeroed, or from ept_init(), failed or not; destroying twice is harmless
 *
 * No CPU may use the tree, nor have anything of it cached.
 */
void ept_destroy(struct ept *ept);

/**
 * ept_pointer - the value of the VMCS field EPT_POINTER for this tree
 * @ept: the tree
 *
 * Return: root, write-back tables, four levels, accessed and dirty flags if there are any.
 */
u64 ept_pointer(const struct ept *ept);

/**
 * ept_cache_fill - top up a cache
 * @ept: the tree whose host gives the pages
 * @cache: has at least @nr pages afterwards, unless this fails
 * @nr: EPT_CACHE_ENOUGH for each ept_map() that is to come
 *
 * Not under the lock. Return: 0 or -ENOMEM, when @cache keeps what it has.
 */
int ept_cache_fill(struct ept *ept, struct ept_cache *cache, unsigned int nr);

/**
 * ept_cache_drop - give back what a cache holds
 * @ept: the tree that filled it
 * @cache: empty afterwards
 */
void ept_cache_drop(struct ept *ept, struct ept_cache *cache);

/**
 * ept_map - map one page
 * @ept: the tree
 * @gpa: its guest-physical address, aligned to its size
 * @page: what to map there
 * @cache: where new tables come from
 * @freed: takes the tables that a large page replaces
 *
 * A small page put into a larger one splits it: the rest stays mapped as it
 * was, but that parts of 4 KiB can be executed if the page can. A large page
 * replaces all smaller ones, and their accessed and dirty flags are lost. Mapping
 * the frame that is mapped already keeps its accessed and dirty flags.
 *
 * Return: 0; EPT_FLUSH if a translation that hardware may have cached was
 * replaced or narrowed (one that was only widened needs no flush: the violation
 * it causes elsewhere drops it); or, with nothing changed, -EINVAL for an
 * address, size, or flag that is misaligned, out of range or not supported, and
 * -ENOMEM if @cache has too few pages.
 */
int ept_map(struct ept *ept, u64 gpa, const struct ept_entry *page, struct ept_cache *cache,
	    struct ept_freelist *freed);

/**
 * ept_unmap - unmap every page that overlaps a range
 * @ept: the tree
 * @start: guest-physical address
 * @end: the first one after the range; beyond EPT_GPA_END is cut off
 * @freed: takes the tables that became empty
 *
 * A large page goes as a whole even if it overlaps in part, so this never
 * needs memory; what was hit beyond the range faults back in.
 *
 * Return: whether to flush, and always true if @freed got any table.
 */
bool ept_unmap(struct ept *ept, u64 start, u64 end, struct ept_freelist *freed);

/**
 * ept_wrprotect - take write permission from every page that overlaps a range
 * @ept: the tree
 * @start: guest-physical address
 * @end: the first one after the range
 *
 * Return: whether to flush.
 */
bool ept_wrprotect(struct ept *ept, u64 start, u64 end);

/**
 * ept_age - learn whether a range was accessed since it was last aged, and start anew
 * @ept: the tree
 * @start: guest-physical address
 * @end: the first one after the range
 *
 * With accessed flags, clears them. A translation that hardware has cached does
 * not set the flag again: a caller who wants precision flushes on EPT_YOUNG.
 * Without, unmaps the pages (tables stay), so that the next access faults: what
 * is mapped was accessed. Then, and only then, EPT_FLUSH is returned as well.
 *
 * Return: a mask of EPT_YOUNG and EPT_FLUSH.
 */
unsigned int ept_age(struct ept *ept, u64 start, u64 end);

/**
 * ept_test_young - was a range accessed since it was last aged? Changes nothing
 * @ept: the tree
 * @start: guest-physical address
 * @end: the first one after the range
 *
 * Return: what ept_age() would say in EPT_YOUNG.
 */
bool ept_test_young(struct ept *ept, u64 start, u64 end);

/**
 * ept_lookup - find the page that maps an address
 * @ept: the tree
 * @gpa: any guest-physical address
 * @out: filled in if there is one
 *
 * Return: 0 or -ENOENT.
 */
int ept_lookup(struct ept *ept, u64 gpa, struct ept_entry *out);

/**
 * ept_free_list - give back tables that left the tree
 * @ept: the tree they were in
 * @freed: empty afterwards
 *
 * Only after the flush: hardware may walk these pages until then. The lock need not be held.
 */
void ept_free_list(struct ept *ept, struct ept_freelist *freed);

#endif /* TVX_EPT_H */
