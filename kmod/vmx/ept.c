// SPDX-License-Identifier: GPL-2.0-only
/*
 * EPT page tables. See ept.h for the contract.
 *
 * A live entry is only ever written as a whole: by a plain store when it was
 * not present, so that hardware had no reason to touch it, and otherwise by an
 * exchange that either carries along the accessed and dirty flags that hardware
 * set or drops them on purpose.
 */
#include <linux/align.h>
#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <asm/io.h>
#include <asm/vmx.h>

#include "ept.h"

#define EPT_ENTRIES	512
#define EPT_ROOT_LEVEL	4
#define EPT_ADDR_MASK	GENMASK_ULL(51, 12)
#define EPT_LARGE	BIT_ULL(7)	/* at levels 2 and 3: a page, not a table */
#define EPT_AD		(EPT_ACCESSED | EPT_DIRTY)
#define EPT_FLAGS	(EPT_RWX | EPT_MEMTYPE_MASK | EPT_IPAT | EPT_AD)

static_assert(EPT_READ == VMX_EPT_READABLE_MASK);
static_assert(EPT_WRITE == VMX_EPT_WRITABLE_MASK);
static_assert(EPT_EXEC == VMX_EPT_EXECUTABLE_MASK);
static_assert(EPT_MEMTYPE_MASK == VMX_EPT_MT_MASK);
static_assert(EPT_IPAT == VMX_EPT_IPAT_BIT);
static_assert(EPT_ACCESSED == VMX_EPT_ACCESS_BIT);
static_assert(EPT_DIRTY == VMX_EPT_DIRTY_BIT);

static bool is_present(u64 entry)
{
	return entry & EPT_RWX;
}

static bool is_leaf(u64 entry, int level)
{
	return level == EPT_4K || (entry & EPT_LARGE);
}

static unsigned int index_of(u64 gpa, int level)
{
	return (gpa / ept_level_size(level)) % EPT_ENTRIES;
}

static u64 *table_of(u64 entry)
{
	return phys_to_virt(entry & EPT_ADDR_MASK);
}

static u64 table_entry(u64 *table)
{
	return virt_to_phys(table) | EPT_RWX;
}

/*
 * Chains of pages go through entry 0 of each. Hardware may still be walking a
 * page on a free list, so the link must not look like a mapping: the address
 * of a page has no permission bit, which makes it an entry that is not present.
 */
static void chain_push(u64 **head, u64 *page)
{
	WRITE_ONCE(page[0], (u64)(unsigned long)*head);
	*head = page;
}

static u64 *chain_pop(u64 **head)
{
	u64 *page = *head;

	*head = (u64 *)(unsigned long)page[0];
	return page;
}

/* The caches and the free list */

int ept_cache_fill(struct ept *ept, struct ept_cache *cache, unsigned int nr)
{
	while (cache->nr < nr) {
		u64 *page = ept->ops->page_alloc(ept->ctx);

		if (!page)
			return -ENOMEM;
		chain_push(&cache->head, page);
		cache->nr++;
	}
	return 0;
}

static u64 *cache_take(struct ept *ept, struct ept_cache *cache)
{
	u64 *page = chain_pop(&cache->head);

	page[0] = 0;
	cache->nr--;
	ept->nr_tables++;
	return page;
}

void ept_cache_drop(struct ept *ept, struct ept_cache *cache)
{
	while (cache->head)
		ept->ops->page_free(ept->ctx, chain_pop(&cache->head));
	cache->nr = 0;
}

void ept_free_list(struct ept *ept, struct ept_freelist *freed)
{
	while (freed->head)
		ept->ops->page_free(ept->ctx, chain_pop(&freed->head));
	freed->nr = 0;
}

/* Put a table, which nothing in the tree points to any more, on the free list with all below it. */
static void detach_table(struct ept *ept, u64 *table, int level, struct ept_freelist *freed)
{
	unsigned int i;

	for (i = 0; level > EPT_4K && i < EPT_ENTRIES; i++) {
		u64 entry = READ_ONCE(table[i]);

		if (is_present(entry) && !is_leaf(entry, level))
			detach_table(ept, table_of(entry), level - 1, freed);
	}
	chain_push(&freed->head, table);
	freed->nr++;
	ept->nr_tables--;
}

/* Life and death */

int ept_init(struct ept *ept, const struct ept_caps *caps, const struct tvx_host_ops *ops,
	     void *ctx)
{
	*ept = (struct ept){ .ops = ops, .ctx = ctx, .caps = *caps };
	if (caps->levels != EPT_ROOT_LEVEL || caps->phys_bits < 32 || caps->phys_bits > 52)
		return -EINVAL;
	ept->root = ops->page_alloc(ctx);
	if (!ept->root)
		return -ENOMEM;
	ept->root_pa = virt_to_phys(ept->root);
	ept->nr_tables = 1;
	return 0;
}

void ept_destroy(struct ept *ept)
{
	struct ept_freelist freed = {};

	if (!ept->root)
		return;
	detach_table(ept, ept->root, EPT_ROOT_LEVEL, &freed);
	ept_free_list(ept, &freed);
	ept->root = NULL;
	ept->root_pa = 0;
}

u64 ept_pointer(const struct ept *ept)
{
	return ept->root_pa | VMX_EPTP_MT_WB | VMX_EPTP_PWL_4 |
	       (ept->caps.has_ad ? VMX_EPTP_AD_ENABLE_BIT : 0);
}

/* Mapping */

static bool level_is_valid(const struct ept_caps *caps, enum ept_level level)
{
	if (likely(level == EPT_4K))
		return true;
	return level == EPT_2M ? caps->has_2m : level == EPT_1G && caps->has_1g;
}

/* What hardware would call a misconfiguration must never reach an entry. */
static bool flags_are_valid(const struct ept_caps *caps, u64 flags)
{
	/* Memory types 2, 3 and 7 are reserved. */
	static const u8 reserved_types = BIT(2) | BIT(3) | BIT(7);

	if (flags & ~EPT_FLAGS)
		return false;
	if ((flags & EPT_AD) && !caps->has_ad)
		return false;
	if (reserved_types & BIT((flags & EPT_MEMTYPE_MASK) >> VMX_EPT_MT_EPTE_SHIFT))
		return false;
	if (!(flags & EPT_READ))
		return (flags & EPT_RWX) == EPT_EXEC && caps->exec_only;
	return true;
}

static bool page_is_valid(const struct ept *ept, u64 gpa, const struct ept_entry *page)
{
	const struct ept_caps *caps = &ept->caps;

	return level_is_valid(caps, page->level) && flags_are_valid(caps, page->flags) &&
	       IS_ALIGNED(gpa | page->hpa, ept_level_size(page->level)) &&
	       gpa < EPT_GPA_END && page->hpa < BIT_ULL(caps->phys_bits);
}

/* How many tables are missing between the root and a page at @level? */
static unsigned int tables_needed(struct ept *ept, u64 gpa, int level)
{
	u64 *table = ept->root;
	int l;

	for (l = EPT_ROOT_LEVEL; l > level; l--) {
		u64 entry = READ_ONCE(table[index_of(gpa, l)]);

		if (!is_present(entry) || is_leaf(entry, l))
			break;
		table = table_of(entry);
	}
	return l - level;
}

/*
 * Put @table, full of equal parts of the page, in the place of a large page.  Parts of 4 KiB
 * may be executed, too, if @flags may: or each would fault by itself.
 */
static void split_leaf(u64 *entry, int level, u64 *table, u64 flags)
{
	u64 step = ept_level_size(level - 1);
	u64 old = READ_ONCE(*entry);
	unsigned int i;

	do {
		u64 part = level - 1 == EPT_4K ? (old & ~EPT_LARGE) | (flags & EPT_EXEC) : old;

		for (i = 0; i < EPT_ENTRIES; i++)
			table[i] = part + i * step;
		/* Fails if hardware set a flag meanwhile: the parts inherit that too. */
	} while (!try_cmpxchg(entry, &old, table_entry(table)));
}

/*
 * Where there is nothing, or a large page, let there be a table, for a page of @flags.
 * Return 0 or EPT_FLUSH.
 */
static noinline int make_table(struct ept *ept, u64 *entry, int level, u64 flags,
			       struct ept_cache *cache)
{
	u64 *table = cache_take(ept, cache);

	if (is_present(READ_ONCE(*entry))) {
		split_leaf(entry, level, table, flags);
		return EPT_FLUSH;
	}
	smp_wmb(); /* the table is clean before hardware finds it */
	WRITE_ONCE(*entry, table_entry(table));
	return 0;
}

/* May a CPU that cached @old go on with it after the entry became @new? */
static bool must_flush(u64 old, u64 new)
{
	u64 fixed = ~(EPT_RWX | EPT_AD);

	if (!is_present(old))
		return false;
	return ((old ^ new) & fixed) || (old & ~new & EPT_RWX);
}

/* Make a live entry a page, whatever it was. Return 0 or EPT_FLUSH. */
static int set_leaf(struct ept *ept, u64 *entry, int level, u64 leaf, struct ept_freelist *freed)
{
	u64 old = READ_ONCE(*entry), new;

	if (is_present(old) && !is_leaf(old, level)) {
		old = xchg(entry, leaf);
		detach_table(ept, table_of(old), level - 1, freed);
		return EPT_FLUSH;
	}
	do {
		new = leaf;
		if (is_present(old) && !((old ^ leaf) & EPT_ADDR_MASK))
			new |= old & EPT_AD;
	} while (!try_cmpxchg(entry, &old, new));
	return must_flush(old, new) ? EPT_FLUSH : 0;
}

int ept_map(struct ept *ept, u64 gpa, const struct ept_entry *page, struct ept_cache *cache,
	    struct ept_freelist *freed)
{
	u64 leaf = page->hpa | page->flags | (page->level > EPT_4K ? EPT_LARGE : 0);
	u64 *table = ept->root, *entry;
	int level, ret = 0;

	if (!page_is_valid(ept, gpa, page))
		return -EINVAL;
	if (cache->nr < EPT_CACHE_ENOUGH && tables_needed(ept, gpa, page->level) > cache->nr)
		return -ENOMEM;

	for (level = EPT_ROOT_LEVEL; level > page->level; level--) {
		entry = &table[index_of(gpa, level)];
		if (unlikely(!is_present(READ_ONCE(*entry)) || READ_ONCE(*entry) & EPT_LARGE))
			ret |= make_table(ept, entry, level, page->flags, cache);
		table = table_of(READ_ONCE(*entry));
	}
	return ret | set_leaf(ept, &table[index_of(gpa, level)], level, leaf, freed);
}

/* Unmapping */

static bool is_empty(const u64 *table)
{
	unsigned int i;

	for (i = 0; i < EPT_ENTRIES; i++)
		if (is_present(READ_ONCE(table[i])))
			return false;
	return true;
}

/* Unmap [start, last] of the table at @level. @start and @last lie in what it translates. */
static bool unmap_table(struct ept *ept, u64 *table, int level, u64 start, u64 last,
			struct ept_freelist *freed)
{
	u64 size = ept_level_size(level), next;
	bool flush = false;

	for (; start <= last; start = next) {
		u64 *entry = &table[index_of(start, level)];
		u64 old = READ_ONCE(*entry);
		u64 *child;

		next = ALIGN_DOWN(start, size) + size;
		if (!is_present(old))
			continue;
		if (is_leaf(old, level)) {
			xchg(entry, 0);
			flush = true;
			continue;
		}
		child = table_of(old);
		if (!IS_ALIGNED(start, size) || next - 1 > last) {
			flush |= unmap_table(ept, child, level - 1, start, min(next - 1, last),
					     freed);
			if (!is_empty(child))
				continue;
		}
		xchg(entry, 0);
		detach_table(ept, child, level - 1, freed);
		flush = true;
	}
	return flush;
}

bool ept_unmap(struct ept *ept, u64 start, u64 end, struct ept_freelist *freed)
{
	end = min(end, EPT_GPA_END);
	if (start >= end)
		return false;
	return unmap_table(ept, ept->root, EPT_ROOT_LEVEL, start, end - 1, freed);
}

/* Changing and reading what is mapped */

typedef unsigned int (*leaf_fn)(struct ept *ept, u64 *entry);

/* Call @fn for each page that overlaps [start, last]; or the results together. */
static unsigned int walk_table(struct ept *ept, u64 *table, int level, u64 start, u64 last,
			       leaf_fn fn)
{
	u64 size = ept_level_size(level), next;
	unsigned int ret = 0;

	for (; start <= last; start = next) {
		u64 *entry = &table[index_of(start, level)];
		u64 old = READ_ONCE(*entry);

		next = ALIGN_DOWN(start, size) + size;
		if (!is_present(old))
			continue;
		if (is_leaf(old, level))
			ret |= fn(ept, entry);
		else
			ret |= walk_table(ept, table_of(old), level - 1, start,
					  min(next - 1, last), fn);
	}
	return ret;
}

static unsigned int for_each_leaf(struct ept *ept, u64 start, u64 end, leaf_fn fn)
{
	end = min(end, EPT_GPA_END);
	if (start >= end)
		return 0;
	return walk_table(ept, ept->root, EPT_ROOT_LEVEL, start, end - 1, fn);
}

/* Clear bits of a live entry and return which of them were set. */
static u64 clear_bits(u64 *entry, u64 bits)
{
	u64 old = READ_ONCE(*entry);

	do {
		if (!(old & bits))
			return 0;
	} while (!try_cmpxchg(entry, &old, old & ~bits));
	return old & bits;
}

static unsigned int wrprotect_leaf(struct ept *ept, u64 *entry)
{
	return clear_bits(entry, EPT_WRITE) ? EPT_FLUSH : 0;
}

static unsigned int age_leaf(struct ept *ept, u64 *entry)
{
	if (ept->caps.has_ad)
		return clear_bits(entry, EPT_ACCESSED) ? EPT_YOUNG : 0;
	xchg(entry, 0);
	return EPT_YOUNG | EPT_FLUSH;
}

static unsigned int test_leaf(struct ept *ept, u64 *entry)
{
	return !ept->caps.has_ad || (READ_ONCE(*entry) & EPT_ACCESSED) ? EPT_YOUNG : 0;
}

bool ept_wrprotect(struct ept *ept, u64 start, u64 end)
{
	return for_each_leaf(ept, start, end, wrprotect_leaf) & EPT_FLUSH;
}

unsigned int ept_age(struct ept *ept, u64 start, u64 end)
{
	return for_each_leaf(ept, start, end, age_leaf);
}

bool ept_test_young(struct ept *ept, u64 start, u64 end)
{
	return for_each_leaf(ept, start, end, test_leaf) & EPT_YOUNG;
}

int ept_lookup(struct ept *ept, u64 gpa, struct ept_entry *out)
{
	u64 *table = ept->root;
	int level;

	if (gpa >= EPT_GPA_END)
		return -ENOENT;
	for (level = EPT_ROOT_LEVEL; ; level--) {
		u64 entry = READ_ONCE(table[index_of(gpa, level)]);

		if (!is_present(entry))
			return -ENOENT;
		if (is_leaf(entry, level)) {
			out->hpa = entry & EPT_ADDR_MASK;
			out->flags = entry & EPT_FLAGS;
			out->level = level;
			return 0;
		}
		table = table_of(entry);
	}
}
