/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the EPT tables share: a tree, its cache and list, and an owner's manners. */
#ifndef EPT_FIXTURE_H
#define EPT_FIXTURE_H

#include <linux/atomic.h>
/* Memory types that <asm/vmx.h> has since 6.12, without asking for them itself. */
#include <asm/msr-index.h>
#include "mock_mmu.h"

/* Hardware that sets flags of an entry just before ept.c changes it; once. */
static u64 hw_sets_flags;

static inline void hw_interferes(u64 *entry)
{
	__atomic_fetch_or(entry, hw_sets_flags, __ATOMIC_SEQ_CST);
	hw_sets_flags = 0;
}

#undef try_cmpxchg
#define try_cmpxchg(entry, old, new) ({					\
	hw_interferes(entry);						\
	__atomic_compare_exchange_n(entry, old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
})

#include "../../kmod/vmx/ept.c"

#define SZ_4K	(1ull << 12)
#define SZ_2M	(1ull << 21)
#define SZ_1G	(1ull << 30)
#define SZ_512G	(1ull << 39)
#define WB	EPT_MEMTYPE(6)
#define RWX_WB	(EPT_RWX | WB)

static const struct ept_caps all_caps = {
	.levels = 4, .phys_bits = 52, .has_2m = true, .has_1g = true, .has_ad = true,
	.exec_only = true,
};
static const struct ept_caps no_ad_caps = {
	.levels = 4, .phys_bits = 52, .has_2m = true, .has_1g = true,
};

static struct ept ept;
static struct ept_cache cache;
static struct ept_freelist freed;

static void setup(const struct ept_caps *caps)
{
	mmu_flush();
	mock_on_free = mmu_assert_not_cached;
	EXPECT_EQ(ept_init(&ept, caps, &mock_ops, MOCK_CTX), 0);
}

/* After any change: flush if told to, then free; nothing stale or freed may be left to see. */
static void settle(bool flush)
{
	if (freed.nr)
		EXPECT(flush, "tables on the free list, but no flush was asked for");
	if (flush)
		mmu_flush();
	ept_free_list(&ept, &freed);
	EXPECT_EQ(freed.nr, 0);
	mmu_check_tlb(ept_pointer(&ept));
	EXPECT_EQ(mmu_cache_tables(ept_pointer(&ept)), ept.nr_tables);
}

static void teardown(void)
{
	ept_cache_drop(&ept, &cache);
	mmu_flush();
	ept_destroy(&ept);
	EXPECT_NULL(ept.root);
	EXPECT_EQ(ept.nr_tables, 0);
	EXPECT_EQ(mock_nr_used, 0);
}

/* Map as an owner does, and settle. What ept_map() returned. */
static int map(u64 gpa, u64 hpa, enum ept_level level, u64 flags)
{
	struct ept_entry page = { .hpa = hpa, .flags = flags, .level = level };
	int ret;

	EXPECT_EQ(ept_cache_fill(&ept, &cache, EPT_CACHE_ENOUGH), 0);
	ret = ept_map(&ept, gpa, &page, &cache, &freed);
	settle(ret > 0);
	return ret;
}

static bool unmap(u64 start, u64 end)
{
	bool flush = ept_unmap(&ept, start, end, &freed);

	settle(flush);
	return flush;
}

static bool guest(u64 gpa, unsigned int how)
{
	return mmu_access(ept_pointer(&ept), gpa, how);
}

#define EXPECT_PAGE(gpa, want_hpa, want_level, want_flags) do {		\
	struct ept_entry unit_e = {};					\
	EXPECT_EQ(ept_lookup(&ept, gpa, &unit_e), 0);			\
	EXPECT_EQ(unit_e.hpa, want_hpa);				\
	EXPECT_EQ((int)unit_e.level, (int)(want_level));		\
	EXPECT_EQ(unit_e.flags, want_flags);				\
} while (0)

#define EXPECT_NO_PAGE(gpa) do {					\
	struct ept_entry unit_e;					\
	EXPECT_EQ(ept_lookup(&ept, gpa, &unit_e), -ENOENT);		\
} while (0)

#endif /* EPT_FIXTURE_H */
