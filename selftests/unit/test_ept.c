// SPDX-License-Identifier: GPL-2.0-only
/* EPT tables, case by case. test_ept_model.c has the random walk. */
#include "unit.h"
#include "ept_fixture.h"

TEST(init_and_pointer)
{
	struct ept_caps caps = all_caps;
	struct ept zero = {};

	ept_destroy(&zero);
	setup(&all_caps);
	EXPECT_EQ(ept.root_pa, mock_virt_to_phys(ept.root));
	EXPECT_EQ(ept_pointer(&ept), ept.root_pa | 0x5e);	/* WB, walk of 4, A/D */
	EXPECT_EQ(ept.nr_tables, 1);
	teardown();
	ept_destroy(&ept);

	setup(&no_ad_caps);
	EXPECT_EQ(ept_pointer(&ept), ept.root_pa | 0x1e);
	teardown();

	caps.levels = 5;
	EXPECT_EQ(ept_init(&ept, &caps, &mock_ops, MOCK_CTX), -EINVAL);
	ept_destroy(&ept);
	caps.levels = 4;
	caps.phys_bits = 53;
	EXPECT_EQ(ept_init(&ept, &caps, &mock_ops, MOCK_CTX), -EINVAL);
	ept_destroy(&ept);
	unit_fail_alloc(1);
	EXPECT_EQ(ept_init(&ept, &all_caps, &mock_ops, MOCK_CTX), -ENOMEM);
	ept_destroy(&ept);
}

TEST(map_each_size)
{
	setup(&all_caps);
	EXPECT_EQ(map(0x1000, 0x123456000, EPT_4K, RWX_WB), 0);
	EXPECT_EQ(ept.nr_tables, 4);
	EXPECT_EQ(map(SZ_2M, 0x40000000, EPT_2M, RWX_WB), 0);
	EXPECT_EQ(ept.nr_tables, 4);
	EXPECT_EQ(map(SZ_1G, 0x80000000, EPT_1G, RWX_WB), 0);
	EXPECT_EQ(ept.nr_tables, 4);
	EXPECT_PAGE(0x1000, 0x123456000, EPT_4K, RWX_WB);
	EXPECT_PAGE(0x1fff, 0x123456000, EPT_4K, RWX_WB);
	EXPECT_PAGE(SZ_2M + 0x5123, 0x40000000, EPT_2M, RWX_WB);
	EXPECT_PAGE(2 * SZ_1G - 1, 0x80000000, EPT_1G, RWX_WB);
	EXPECT_NO_PAGE(0);
	EXPECT_NO_PAGE(0x2000);
	EXPECT_NO_PAGE(2 * SZ_2M);
	EXPECT_NO_PAGE(2 * SZ_1G);
	teardown();
}

TEST(borders)
{
	static const u64 at[] = {
		0, SZ_2M - SZ_4K, SZ_2M, SZ_1G - SZ_4K, SZ_1G, SZ_512G - SZ_4K, SZ_512G,
		511 * SZ_512G, EPT_GPA_END - SZ_4K,
	};
	unsigned int i;

	setup(&all_caps);
	for (i = 0; i < ARRAY_SIZE(at); i++)
		EXPECT_EQ(map(at[i], at[i] ^ 0xabc000, EPT_4K, RWX_WB), 0);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		EXPECT_PAGE(at[i], at[i] ^ 0xabc000, EPT_4K, RWX_WB);
		EXPECT_TRUE(guest(at[i], MMU_READ));
	}
	EXPECT_NO_PAGE(EPT_GPA_END);
	EXPECT_NO_PAGE(~0ull);
	EXPECT_TRUE(unmap(EPT_GPA_END - SZ_4K, ~0ull));
	EXPECT_NO_PAGE(EPT_GPA_END - SZ_4K);
	EXPECT_PAGE(511 * SZ_512G, 511 * SZ_512G ^ 0xabc000, EPT_4K, RWX_WB | EPT_ACCESSED);
	EXPECT_TRUE(unmap(SZ_512G - SZ_4K, SZ_512G));
	EXPECT_NO_PAGE(SZ_512G - SZ_4K);
	EXPECT_PAGE(SZ_512G, SZ_512G ^ 0xabc000, EPT_4K, RWX_WB | EPT_ACCESSED);
	EXPECT_TRUE(unmap(0, EPT_GPA_END));
	for (i = 0; i < ARRAY_SIZE(at); i++)
		EXPECT_NO_PAGE(at[i]);
	EXPECT_EQ(ept.nr_tables, 1);
	EXPECT_FALSE(unmap(0, EPT_GPA_END));
	EXPECT_FALSE(unmap(0x2000, 0x1000));
	EXPECT_EQ(map(0, 0, EPT_4K, RWX_WB | EPT_ACCESSED), 0);
	EXPECT_FALSE(unmap(EPT_GPA_END, ~0ull));
	EXPECT_FALSE(ept_wrprotect(&ept, EPT_GPA_END, ~0ull));
	EXPECT_FALSE(ept_wrprotect(&ept, SZ_4K, ~0ull));
	EXPECT_EQ(ept_age(&ept, SZ_4K, ~0ull), 0);
	EXPECT_FALSE(ept_test_young(&ept, SZ_4K, ~0ull));
	EXPECT_PAGE(0, 0, EPT_4K, RWX_WB | EPT_ACCESSED);
	teardown();
}

TEST(refuses_bad_pages)
{
	static const struct {
		u64 gpa, hpa, flags;
		int level;
	} bad[] = {
		{ 0x1001, 0x1000, RWX_WB, EPT_4K },
		{ 0x1000, 0x1800, RWX_WB, EPT_4K },
		{ SZ_4K, 0, RWX_WB, EPT_2M },
		{ 0, SZ_4K, RWX_WB, EPT_2M },
		{ SZ_2M, 0, RWX_WB, EPT_1G },
		{ 0, SZ_2M, RWX_WB, EPT_1G },
		{ EPT_GPA_END, 0, RWX_WB, EPT_4K },
		{ ~0xfffull, 0, RWX_WB, EPT_4K },
		{ 0, 1ull << 52, RWX_WB, EPT_4K },
		{ 0, 0, RWX_WB, 0 },
		{ 0, 0, RWX_WB, 4 },
		{ 0, 0, RWX_WB, -1 },
		{ 0, 0, 0, EPT_4K },
		{ 0, 0, WB, EPT_4K },
		{ 0, 0, EPT_WRITE | WB, EPT_4K },
		{ 0, 0, EPT_WRITE | EPT_EXEC | WB, EPT_4K },
		{ 0, 0, EPT_RWX | EPT_MEMTYPE(2), EPT_4K },
		{ 0, 0, EPT_RWX | EPT_MEMTYPE(3), EPT_4K },
		{ 0, 0, EPT_RWX | EPT_MEMTYPE(7), EPT_4K },
		{ 0, 0, RWX_WB | BIT_ULL(7), EPT_4K },
		{ 0, 0, RWX_WB | BIT_ULL(10), EPT_4K },
		{ 0, 0, RWX_WB | BIT_ULL(63), EPT_4K },
	};
	unsigned int i;

	setup(&all_caps);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT(map(bad[i].gpa, bad[i].hpa, bad[i].level, bad[i].flags) == -EINVAL,
		       "case %u was taken", i);
	EXPECT_EQ(ept.nr_tables, 1);
	teardown();
}

TEST(refuses_what_the_processor_lacks)
{
	static const struct ept_caps poor = { .levels = 4, .phys_bits = 36 };

	setup(&poor);
	EXPECT_EQ(map(0, 0, EPT_2M, RWX_WB), -EINVAL);
	EXPECT_EQ(map(0, 0, EPT_1G, RWX_WB), -EINVAL);
	EXPECT_EQ(map(0, 0, EPT_4K, EPT_EXEC | WB), -EINVAL);
	EXPECT_EQ(map(0, 0, EPT_4K, RWX_WB | EPT_ACCESSED), -EINVAL);
	EXPECT_EQ(map(0, 0, EPT_4K, RWX_WB | EPT_DIRTY), -EINVAL);
	EXPECT_EQ(map(0, 1ull << 36, EPT_4K, RWX_WB), -EINVAL);
	EXPECT_EQ(ept.nr_tables, 1);
	EXPECT_EQ(map(0, (1ull << 36) - SZ_4K, EPT_4K, RWX_WB), 0);
	teardown();
}

TEST(every_flag)
{
	static const u64 prots[] = { EPT_READ, EPT_READ | EPT_WRITE, EPT_READ | EPT_EXEC, EPT_RWX,
				     EPT_EXEC };
	static const u64 types[] = { 0, 1, 4, 5, 6 };
	static const u64 extras[] = {
		0, EPT_IPAT, EPT_ACCESSED, EPT_DIRTY, EPT_ACCESSED | EPT_IPAT
	};
	unsigned int p, t, x;
	int level;

	setup(&all_caps);
	for (level = EPT_4K; level <= EPT_1G; level++)
		for (p = 0; p < ARRAY_SIZE(prots); p++)
			for (t = 0; t < ARRAY_SIZE(types); t++)
				for (x = 0; x < ARRAY_SIZE(extras); x++) {
					u64 flags = prots[p] | EPT_MEMTYPE(types[t]) | extras[x];

					EXPECT_EQ(map(0, SZ_1G, level, flags), 0);
					EXPECT_PAGE(0, SZ_1G, level, flags);
					EXPECT_EQ(guest(0, MMU_READ), !!(flags & EPT_READ));
					EXPECT_EQ(guest(0, MMU_WRITE), !!(flags & EPT_WRITE));
					EXPECT_EQ(guest(0, MMU_EXEC), !!(flags & EPT_EXEC));
					EXPECT_TRUE(unmap(0, 1));
				}
	EXPECT_EQ(ept.nr_tables, 1);
	teardown();
}

/* Which changes of a present page ask for a flush, and which keep its flags? */
TEST(remap)
{
	setup(&all_caps);
	EXPECT_EQ(map(0, 0x1000, EPT_4K, EPT_READ | WB), 0);
	EXPECT_TRUE(guest(0, MMU_READ));
	EXPECT_EQ(map(0, 0x1000, EPT_4K, EPT_READ | WB), 0);
	EXPECT_PAGE(0, 0x1000, EPT_4K, EPT_READ | WB | EPT_ACCESSED);
	EXPECT_FALSE(guest(0, MMU_WRITE));
	EXPECT_EQ(map(0, 0x1000, EPT_4K, RWX_WB), 0);
	EXPECT_TRUE(guest(0, MMU_WRITE));
	EXPECT_PAGE(0, 0x1000, EPT_4K, RWX_WB | EPT_ACCESSED | EPT_DIRTY);
	EXPECT_EQ(map(0, 0x1000, EPT_4K, EPT_READ | WB), EPT_FLUSH);
	EXPECT_PAGE(0, 0x1000, EPT_4K, EPT_READ | WB | EPT_ACCESSED | EPT_DIRTY);
	EXPECT_EQ(map(0, 0x1000, EPT_4K, EPT_READ), EPT_FLUSH);
	EXPECT_EQ(map(0, 0x1000, EPT_4K, EPT_READ | EPT_IPAT), EPT_FLUSH);
	EXPECT_EQ(map(0, 0x2000, EPT_4K, EPT_READ | EPT_IPAT), EPT_FLUSH);
	EXPECT_PAGE(0, 0x2000, EPT_4K, EPT_READ | EPT_IPAT);
	EXPECT_EQ(ept.nr_tables, 4);
	teardown();
}

TEST(split_2m)
{
	u64 ad = EPT_ACCESSED | EPT_DIRTY;

	setup(&all_caps);
	EXPECT_EQ(map(SZ_2M, SZ_1G, EPT_2M, RWX_WB), 0);
	EXPECT_TRUE(guest(SZ_2M, MMU_WRITE));
	EXPECT_EQ(map(SZ_2M + 5 * SZ_4K, 0x7000, EPT_4K, EPT_READ), EPT_FLUSH);
	EXPECT_PAGE(SZ_2M + 5 * SZ_4K, 0x7000, EPT_4K, EPT_READ);
	EXPECT_PAGE(SZ_2M, SZ_1G, EPT_4K, RWX_WB | ad);
	EXPECT_PAGE(SZ_2M + 4 * SZ_4K, SZ_1G + 4 * SZ_4K, EPT_4K, RWX_WB | ad);
	EXPECT_PAGE(2 * SZ_2M - 1, SZ_1G + SZ_2M - SZ_4K, EPT_4K, RWX_WB | ad);
	EXPECT_NO_PAGE(2 * SZ_2M);
	EXPECT_NO_PAGE(SZ_2M - 1);
	teardown();
}

/* Where large pages may not be executed: one fetch is enough for all 4 KiB of them. */
TEST(split_for_execution)
{
	u64 data = RWX_WB & ~EPT_EXEC;

	setup(&all_caps);
	EXPECT_EQ(map(SZ_2M, SZ_1G, EPT_2M, data), 0);
	EXPECT_EQ(map(SZ_2M + 5 * SZ_4K, SZ_1G + 5 * SZ_4K, EPT_4K, RWX_WB), EPT_FLUSH);
	EXPECT_PAGE(SZ_2M, SZ_1G, EPT_4K, RWX_WB);
	EXPECT_PAGE(SZ_2M + 5 * SZ_4K, SZ_1G + 5 * SZ_4K, EPT_4K, RWX_WB);
	EXPECT_PAGE(2 * SZ_2M - 1, SZ_1G + SZ_2M - SZ_4K, EPT_4K, RWX_WB);
	/* What stays large stays as it was, and a page that is not executed gives nothing. */
	EXPECT_EQ(map(SZ_1G, 4 * SZ_1G, EPT_1G, data), 0);
	EXPECT_EQ(map(SZ_1G + SZ_4K, 4 * SZ_1G + SZ_4K, EPT_4K, RWX_WB), EPT_FLUSH);
	EXPECT_PAGE(SZ_1G, 4 * SZ_1G, EPT_4K, RWX_WB);
	EXPECT_PAGE(SZ_1G + SZ_2M, 4 * SZ_1G + SZ_2M, EPT_2M, data);
	EXPECT_EQ(map(SZ_1G + SZ_2M + SZ_4K, 0x9000, EPT_4K, data), EPT_FLUSH);
	EXPECT_PAGE(SZ_1G + SZ_2M, 4 * SZ_1G + SZ_2M, EPT_4K, data);
	teardown();
}

TEST(split_1g)
{
	setup(&all_caps);
	EXPECT_EQ(map(SZ_1G, 4 * SZ_1G, EPT_1G, RWX_WB | EPT_IPAT), 0);
	EXPECT_EQ(ept.nr_tables, 2);
	EXPECT_EQ(map(SZ_1G + 3 * SZ_2M, 0, EPT_2M, EPT_READ), EPT_FLUSH);
	EXPECT_EQ(ept.nr_tables, 3);
	EXPECT_PAGE(SZ_1G + 3 * SZ_2M, 0, EPT_2M, EPT_READ);
	EXPECT_PAGE(SZ_1G + 2 * SZ_2M, 4 * SZ_1G + 2 * SZ_2M, EPT_2M, RWX_WB | EPT_IPAT);
	EXPECT_EQ(map(3 * SZ_1G, 5 * SZ_1G, EPT_1G, RWX_WB), 0);
	EXPECT_EQ(map(3 * SZ_1G + 7 * SZ_2M + SZ_4K, 0x9000, EPT_4K, RWX_WB), EPT_FLUSH);
	EXPECT_EQ(ept.nr_tables, 5);
	EXPECT_PAGE(3 * SZ_1G + 7 * SZ_2M, 5 * SZ_1G + 7 * SZ_2M, EPT_4K, RWX_WB);
	EXPECT_PAGE(3 * SZ_1G + 7 * SZ_2M + SZ_4K, 0x9000, EPT_4K, RWX_WB);
	EXPECT_PAGE(3 * SZ_1G + 8 * SZ_2M, 5 * SZ_1G + 8 * SZ_2M, EPT_2M, RWX_WB);
	EXPECT_PAGE(4 * SZ_1G - 1, 6 * SZ_1G - SZ_2M, EPT_2M, RWX_WB);
	teardown();
}

TEST(collapse)
{
	unsigned int i;

	setup(&all_caps);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(map(i * SZ_2M, i * SZ_4K, EPT_4K, RWX_WB), 0);
	EXPECT_EQ(ept.nr_tables, 3 + 8);
	EXPECT_EQ(map(3 * SZ_2M, 7 * SZ_2M, EPT_2M, RWX_WB), EPT_FLUSH);
	EXPECT_EQ(ept.nr_tables, 3 + 7);
	EXPECT_PAGE(3 * SZ_2M, 7 * SZ_2M, EPT_2M, RWX_WB);
	EXPECT_PAGE(4 * SZ_2M, 4 * SZ_4K, EPT_4K, RWX_WB);
	EXPECT_EQ(map(0, SZ_1G, EPT_1G, RWX_WB), EPT_FLUSH);
	EXPECT_EQ(ept.nr_tables, 2);
	EXPECT_PAGE(4 * SZ_2M, SZ_1G, EPT_1G, RWX_WB);
	teardown();
}

/* Tables are freed neither too early nor, once empty, never. */
TEST(unmap_frees_tables)
{
	setup(&all_caps);
	EXPECT_EQ(map(0, 0, EPT_4K, RWX_WB), 0);
	EXPECT_EQ(map(0x1000, 0, EPT_4K, RWX_WB), 0);
	EXPECT_FALSE(ept_unmap(&ept, 0x2000, 0x3000, &freed));
	EXPECT_TRUE(ept_unmap(&ept, 0x1000, 0x1001, &freed));
	EXPECT_EQ(freed.nr, 0);
	settle(true);
	EXPECT_TRUE(guest(0, MMU_READ));
	EXPECT_TRUE(ept_unmap(&ept, 0xfff, 0x1000, &freed));
	EXPECT_EQ(freed.nr, 3);
	EXPECT_EQ(ept.nr_tables, 1);
	EXPECT_EQ(mock_nr_used, 4 + cache.nr);
	/* Hardware with stale tables finds nothing but not-present entries at the links. */
	EXPECT_FALSE(freed.head[0] & EPT_RWX);
	settle(true);
	EXPECT_EQ(mock_nr_used, 1 + cache.nr);
	teardown();
}

/* The mock must object to an owner who frees before the flush, or its silence means nothing. */
TEST(mock_sees_early_free)
{
	unsigned long before = unit_failures;

	setup(&all_caps);
	EXPECT_EQ(map(0, 0, EPT_4K, RWX_WB), 0);
	EXPECT_TRUE(guest(0, MMU_READ));
	ASSERT_EQ(unit_failures, before);
	EXPECT_TRUE(ept_unmap(&ept, 0, SZ_1G, &freed));
	printf("# failures that are meant to be:\n");
	ept_free_list(&ept, &freed);		/* three tables too early */
	mmu_check_tlb(ept_pointer(&ept));	/* one stale translation */
	if (unit_failures == before + 4)
		unit_failures = before;
	else
		EXPECT(false, "the mock saw %lu failures, not 4", unit_failures - before);
	teardown();
}

TEST(unmap_large_in_part)
{
	setup(&all_caps);
	EXPECT_EQ(map(0, 0, EPT_2M, RWX_WB), 0);
	EXPECT_EQ(map(SZ_2M, 0, EPT_2M, RWX_WB), 0);
	EXPECT_EQ(map(2 * SZ_2M, 0, EPT_2M, RWX_WB), 0);
	EXPECT_TRUE(unmap(SZ_2M - 1, SZ_2M + 1));
	EXPECT_NO_PAGE(0);
	EXPECT_NO_PAGE(SZ_2M);
	EXPECT_PAGE(2 * SZ_2M, 0, EPT_2M, RWX_WB);
	teardown();
}

TEST(wrprotect)
{
	u64 ad = EPT_ACCESSED | EPT_DIRTY;

	setup(&all_caps);
	EXPECT_EQ(map(0, 0, EPT_4K, RWX_WB), 0);
	EXPECT_EQ(map(0x1000, 0, EPT_4K, RWX_WB), 0);
	EXPECT_EQ(map(SZ_2M, 0, EPT_2M, RWX_WB), 0);
	EXPECT_TRUE(guest(0, MMU_WRITE));
	EXPECT_TRUE(ept_wrprotect(&ept, 0, 0x1000));
	settle(true);
	EXPECT_PAGE(0, 0, EPT_4K, EPT_READ | EPT_EXEC | WB | ad);
	EXPECT_PAGE(0x1000, 0, EPT_4K, RWX_WB);
	EXPECT_FALSE(guest(0, MMU_WRITE));
	EXPECT_FALSE(ept_wrprotect(&ept, 0, 0x1000));
	EXPECT_TRUE(ept_wrprotect(&ept, 0x1000, SZ_2M + 1));
	settle(true);
	EXPECT_PAGE(0x1000, 0, EPT_4K, EPT_READ | EPT_EXEC | WB);
	EXPECT_PAGE(SZ_2M, 0, EPT_2M, EPT_READ | EPT_EXEC | WB);
	EXPECT_FALSE(ept_wrprotect(&ept, 0, EPT_GPA_END));
	teardown();
}

TEST(age_with_flags)
{
	setup(&all_caps);
	EXPECT_EQ(map(0, 0, EPT_4K, RWX_WB), 0);
	EXPECT_EQ(map(SZ_2M, 0, EPT_2M, RWX_WB), 0);
	EXPECT_FALSE(ept_test_young(&ept, 0, EPT_GPA_END));
	EXPECT_EQ(ept_age(&ept, 0, EPT_GPA_END), 0);
	EXPECT_TRUE(guest(SZ_2M + 0x3000, MMU_WRITE));
	EXPECT_FALSE(ept_test_young(&ept, 0, SZ_2M));
	EXPECT_TRUE(ept_test_young(&ept, 2 * SZ_2M - 1, 2 * SZ_2M));
	EXPECT_EQ(ept_age(&ept, 0, SZ_2M), 0);
	EXPECT_EQ(ept_age(&ept, SZ_2M, SZ_2M + 1), EPT_YOUNG);
	EXPECT_PAGE(SZ_2M, 0, EPT_2M, RWX_WB | EPT_DIRTY);
	EXPECT_FALSE(ept_test_young(&ept, 0, EPT_GPA_END));
	teardown();
}

TEST(age_without_flags)
{
	setup(&no_ad_caps);
	EXPECT_EQ(map(0, 0, EPT_4K, RWX_WB), 0);
	EXPECT_TRUE(guest(0, MMU_WRITE));
	EXPECT_PAGE(0, 0, EPT_4K, RWX_WB);
	EXPECT_TRUE(ept_test_young(&ept, 0, 1));
	EXPECT_FALSE(ept_test_young(&ept, 0x1000, EPT_GPA_END));
	EXPECT_EQ(ept_age(&ept, 0x1000, EPT_GPA_END), 0);
	EXPECT_EQ(ept_age(&ept, 0, 1), EPT_YOUNG | EPT_FLUSH);
	settle(true);
	EXPECT_NO_PAGE(0);
	EXPECT_EQ(ept_age(&ept, 0, 1), 0);
	EXPECT_EQ(ept.nr_tables, 4);
	unmap(0, SZ_1G);	/* the empty tables go with the next unmap */
	EXPECT_EQ(ept.nr_tables, 1);
	teardown();
}

/* A flag that hardware sets while an entry is being changed survives the change. */
TEST(hardware_flags_are_not_lost)
{
	u64 ad = EPT_ACCESSED | EPT_DIRTY, rx = EPT_READ | EPT_EXEC | WB;

	setup(&all_caps);
	EXPECT_EQ(map(0, 0, EPT_4K, EPT_READ | WB), 0);
	hw_sets_flags = EPT_ACCESSED;
	EXPECT_EQ(map(0, 0, EPT_4K, RWX_WB), 0);
	EXPECT_PAGE(0, 0, EPT_4K, RWX_WB | EPT_ACCESSED);
	hw_sets_flags = EPT_DIRTY;
	EXPECT_EQ(ept_age(&ept, 0, 1), EPT_YOUNG);
	EXPECT_PAGE(0, 0, EPT_4K, RWX_WB | EPT_DIRTY);
	hw_sets_flags = EPT_ACCESSED;
	EXPECT_TRUE(ept_wrprotect(&ept, 0, 1));
	EXPECT_PAGE(0, 0, EPT_4K, rx | ad);

	EXPECT_EQ(map(SZ_1G, 0, EPT_1G, RWX_WB), 0);
	hw_sets_flags = ad;
	EXPECT_EQ(map(SZ_1G, 0, EPT_2M, RWX_WB), EPT_FLUSH);
	EXPECT_EQ(hw_sets_flags, 0);
	EXPECT_PAGE(SZ_1G, 0, EPT_2M, RWX_WB | ad);
	EXPECT_PAGE(SZ_1G + 9 * SZ_2M, 9 * SZ_2M, EPT_2M, RWX_WB | ad);
	teardown();
}

TEST(out_of_memory)
{
	struct ept_entry page = { .hpa = 0x5000, .flags = RWX_WB, .level = EPT_4K };
	unsigned int n;

	/* Each allocation in turn fails; the next try, from where that left off, does not. */
	for (n = 1; n <= EPT_CACHE_ENOUGH; n++) {
		setup(&all_caps);
		unit_fail_alloc(n);
		EXPECT_EQ(ept_cache_fill(&ept, &cache, EPT_CACHE_ENOUGH), -ENOMEM);
		EXPECT_EQ(cache.nr, n - 1);
		EXPECT_EQ(ept_map(&ept, 0, &page, &cache, &freed), -ENOMEM);
		EXPECT_EQ(cache.nr, n - 1);
		EXPECT_EQ(ept.nr_tables, 1);
		EXPECT_EQ(map(0, 0x5000, EPT_4K, RWX_WB), 0);
		EXPECT_EQ(cache.nr, 0);
		/* A page beside it needs no table, so an empty cache will do. */
		EXPECT_EQ(ept_map(&ept, 0x1000, &page, &cache, &freed), 0);
		teardown();
	}
	/* A split that lacks its second table does not begin. */
	setup(&all_caps);
	EXPECT_EQ(map(0, 0, EPT_1G, RWX_WB), 0);
	ept_cache_drop(&ept, &cache);
	EXPECT_EQ(ept_cache_fill(&ept, &cache, 1), 0);
	EXPECT_EQ(ept_map(&ept, 0, &page, &cache, &freed), -ENOMEM);
	EXPECT_PAGE(0x5000, 0, EPT_1G, RWX_WB);
	EXPECT_EQ(ept.nr_tables, 2);
	teardown();
}
