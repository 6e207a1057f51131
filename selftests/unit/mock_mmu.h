/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hardware side of EPT, written from the manual and not from ept.c: a page
 * walk that checks each entry for what would be a misconfiguration and sets
 * accessed and dirty flags, and the worst cache that the architecture allows. It
 * keeps every translation and every table that it ever saw until it is flushed.
 */
#ifndef MOCK_MMU_H
#define MOCK_MMU_H

#include "mock_host.h"
#include <asm/vmx.h>

#define MMU_READ	1
#define MMU_WRITE	2
#define MMU_EXEC	4
#define MMU_LARGE	(1ull << 7)
#define MMU_ADDR	0x000ffffffffff000ull
#define MMU_TLB		512

static struct mmu_tlb {
	u64 gpa, entry;		/* of a 4 KiB piece, the entry with the piece's own address */
} mmu_tlb[MMU_TLB];
static unsigned int mmu_tlb_nr;
static bool mmu_may_walk[MOCK_PAGES];	/* pages that a paging-structure cache may point to */

/* The reserved bits and bad combinations of the manual's list of EPT misconfigurations. */
static void mmu_check_entry(u64 entry, int level, bool leaf)
{
	unsigned int type = (entry >> 3) & 7;

	EXPECT((entry & 3) != 2, "writable but not readable: %#llx", entry);
	EXPECT(level == 1 || level == 4 || leaf == !!(entry & MMU_LARGE), "bad PS: %#llx", entry);
	if (leaf) {
		EXPECT(type != 2 && type != 3 && type != 7, "memory type: %#llx", entry);
		EXPECT(level == 1 || !(entry & ((1ull << (9 * level + 3)) - 1) & MMU_ADDR),
		       "address bits of a large page: %#llx", entry);
		EXPECT(level > 1 || !(entry & MMU_LARGE), "PS at level 1: %#llx", entry);
	} else {
		EXPECT(!(entry & 0xf8), "reserved bits of a table entry: %#llx", entry);
		EXPECT((entry & 7) == 7, "a table that takes permissions: %#llx", entry);
	}
}

/* Walk for @gpa; the entry of the page, or NULL. The tables on the way may be cached now. */
static u64 *mmu_walk(u64 eptp, u64 gpa, int *level)
{
	u64 *table = mock_phys_to_virt(eptp & MMU_ADDR);

	for (*level = 4; ; --*level) {
		u64 *entry = &table[(gpa >> (3 + 9 * *level)) & 511];
		bool leaf;

		mmu_may_walk[mock_index(table)] = true;
		if (!(*entry & 7))
			return NULL;
		leaf = *level == 1 || (*entry & MMU_LARGE);
		mmu_check_entry(*entry, *level, leaf);
		if (leaf)
			return entry;
		if (eptp & VMX_EPTP_AD_ENABLE_BIT)
			*entry |= VMX_EPT_ACCESS_BIT;
		table = mock_phys_to_virt(*entry & MMU_ADDR);
	}
}

static u64 mmu_piece(u64 entry, u64 gpa, int level)
{
	u64 inside = ((1ull << (3 + 9 * level)) - 1) & MMU_ADDR;

	return (entry & ~MMU_LARGE) | (gpa & inside);
}

/*
 * The guest reads, writes or executes @gpa. False: an EPT violation, which also
 * drops what is cached for the address. A cached translation is used if there is one.
 */
static bool mmu_access(u64 eptp, u64 gpa, unsigned int how)
{
	unsigned int i;
	u64 *entry;
	int level;

	gpa &= ~0xfffull;
	for (i = 0; i < mmu_tlb_nr; i++)
		if (mmu_tlb[i].gpa == gpa)
			break;
	if (i < mmu_tlb_nr && (mmu_tlb[i].entry & how) == how &&
	    (how != MMU_WRITE || (mmu_tlb[i].entry & VMX_EPT_DIRTY_BIT) ||
	     !(eptp & VMX_EPTP_AD_ENABLE_BIT)))
		return true;
	if (i < mmu_tlb_nr)
		mmu_tlb[i] = mmu_tlb[--mmu_tlb_nr];

	entry = mmu_walk(eptp, gpa, &level);
	if (!entry || (*entry & how) != how)
		return false;
	if (eptp & VMX_EPTP_AD_ENABLE_BIT)
		*entry |= VMX_EPT_ACCESS_BIT | (how == MMU_WRITE ? VMX_EPT_DIRTY_BIT : 0);
	if (mmu_tlb_nr < MMU_TLB)
		mmu_tlb[mmu_tlb_nr++] = (struct mmu_tlb){ gpa, mmu_piece(*entry, gpa, level) };
	return true;
}

/* Mark @table and every table below it as cached, and see that none of them is free. */
static void mmu_mark_tables(const u64 *table, int level, unsigned long *count)
{
	unsigned int i;

	EXPECT(mock_used[mock_index(table)], "a freed table is reachable at level %d", level);
	mmu_may_walk[mock_index(table)] = true;
	++*count;
	for (i = 0; i < 512; i++) {
		if (!(table[i] & 7))
			EXPECT(!table[i], "an entry is neither present nor clean: %#llx", table[i]);
		else if (level > 1 && !(table[i] & MMU_LARGE))
			mmu_mark_tables(mock_phys_to_virt(table[i] & MMU_ADDR), level - 1, count);
	}
}

/* Cache every table of the tree; how many there are. */
static unsigned long mmu_cache_tables(u64 eptp)
{
	unsigned long count = 0;

	mmu_mark_tables(mock_phys_to_virt(eptp & MMU_ADDR), 4, &count);
	return count;
}

/* INVEPT */
static void mmu_flush(void)
{
	memset(mmu_may_walk, 0, sizeof(mmu_may_walk));
	mmu_tlb_nr = 0;
}

/* For mock_on_free: the page must not be cached. */
static void mmu_assert_not_cached(const void *page)
{
	EXPECT(!mmu_may_walk[mock_index(page)], "a table was freed before the flush");
}

/* No cached translation may allow what the tree does not allow, or lead elsewhere. */
static void mmu_check_tlb(u64 eptp)
{
	u64 fixed = ~(7ull | VMX_EPT_ACCESS_BIT | VMX_EPT_DIRTY_BIT);
	unsigned int i;

	for (i = 0; i < mmu_tlb_nr; i++) {
		const struct mmu_tlb *t = &mmu_tlb[i];
		u64 *entry, now;
		int level;

		entry = mmu_walk(eptp, t->gpa, &level);
		now = entry ? mmu_piece(*entry, t->gpa, level) : 0;
		EXPECT(!((t->entry ^ now) & fixed) && !(t->entry & ~now & 7),
		       "stale: gpa %#llx cached as %#llx, is %#llx", t->gpa, t->entry, now);
	}
}

#endif /* MOCK_MMU_H */
