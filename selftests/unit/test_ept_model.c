// SPDX-License-Identifier: GPL-2.0-only
/*
 * A long random walk over EPT tables, compared with a plain array that has one
 * element for each 4 KiB page of a small range. The range crosses a 512 GiB
 * border. Between the calls a guest accesses memory through hardware that
 * caches all it may, so that a missing flush or an early free shows.
 */
#include "unit.h"
#include "ept_fixture.h"

#define BASE		(SZ_512G - SZ_1G)
#define SIZE		(3 * SZ_1G)
#define NR_PAGES	(SIZE / SZ_4K)
#define OPERATIONS	20000

/* One 4 KiB page. level 0: not mapped. hpa is of the piece, not of the page that it is part of. */
struct model_page {
	u64 hpa;
	u16 flags;
	u8 level;
};

static struct model_page model[NR_PAGES];
static bool with_ad;

static u64 pages_of(int level)
{
	return ept_level_size(level) / SZ_4K;
}

/* The first piece of the page that maps @nr. */
static u64 first_of(u64 nr)
{
	return model[nr].level ? ALIGN_DOWN(nr, pages_of(model[nr].level)) : nr;
}

/* The first piece after the page that maps @nr. */
static u64 after(u64 nr)
{
	return model[nr].level ? first_of(nr) + pages_of(model[nr].level) : nr + 1;
}

static void model_split(u64 nr, int level, u16 flags)
{
	while (model[nr].level > level) {
		u64 i, end = after(nr);
		int smaller = model[nr].level - 1;

		for (i = first_of(nr); i < end; i++) {
			model[i].level = smaller;
			if (smaller == EPT_4K)
				model[i].flags |= flags & EPT_EXEC;
		}
	}
}

static void model_map(u64 nr, u64 hpa, int level, u16 flags)
{
	u64 i;

	model_split(nr, level, flags);
	if (model[nr].level == level && model[nr].hpa == hpa)
		flags |= model[nr].flags & EPT_AD;
	for (i = 0; i < pages_of(level); i++)
		model[nr + i] = (struct model_page){ hpa + i * SZ_4K, flags, level };
}

/* Clear @flags of the pages that overlap [@from, @to); return those that were set. */
static u16 model_clear(u64 from, u64 to, u16 flags)
{
	u64 nr, end = after(to - 1);
	u16 found = 0;

	for (nr = first_of(from); nr < end; nr++) {
		if (!model[nr].level)
			continue;
		found |= model[nr].flags & flags;
		model[nr].flags &= ~flags;
		if (!(model[nr].flags & EPT_RWX))
			model[nr] = (struct model_page){};
	}
	return found;
}

static void model_access(u64 nr, u16 flags)
{
	u64 i, end = after(nr);

	for (i = first_of(nr); i < end; i++)
		model[i].flags |= flags;
}

static void compare(u64 nr)
{
	const struct model_page *m = &model[nr];
	u64 gpa = BASE + nr * SZ_4K;
	struct ept_entry e = {};

	if (ept_lookup(&ept, gpa, &e)) {
		EXPECT(!m->level, "%#llx is not mapped", gpa);
		return;
	}
	EXPECT(m->level == e.level, "%#llx: level %d, expected %d", gpa, e.level, m->level);
	EXPECT(m->flags == e.flags, "%#llx: flags %#llx, not %#x", gpa, e.flags, m->flags);
	EXPECT(m->hpa == e.hpa + (gpa & (ept_level_size(e.level) - 1)),
	       "%#llx: hpa %#llx, not %#llx", gpa, e.hpa, m->hpa);
}

static u16 random_flags(void)
{
	static const u16 prots[] = { EPT_READ, EPT_READ | EPT_WRITE, EPT_RWX, EPT_RWX,
				     EPT_READ | EPT_EXEC };

	return prots[unit_random_below(ARRAY_SIZE(prots))] |
	       (unit_random_below(8) ? WB : EPT_MEMTYPE(0)) |
	       (unit_random_below(8) ? 0 : EPT_IPAT);
}

static int random_level(void)
{
	u64 r = unit_random_below(100);

	return r < 2 ? EPT_1G : r < 20 ? EPT_2M : EPT_4K;
}

/* Often around the same places, so that operations meet. */
static u64 random_page(void)
{
	static const u64 around[] = { 0, 512, 512 * 512 - 1024, 512 * 512, 2 * 512 * 512 };

	if (unit_random_below(4))
		return (around[unit_random_below(ARRAY_SIZE(around))] + unit_random_below(2048)) %
		       NR_PAGES;
	return unit_random_below(NR_PAGES);
}

static u64 random_length(u64 from)
{
	u64 length = 1 + unit_random_below(1ull <<
					   unit_random_below(unit_random_below(8) ? 11 : 20));

	return min(length, (u64)NR_PAGES - from);
}

static void do_map(u64 nr)
{
	int level = random_level();
	u16 flags = random_flags();
	u64 hpa;

	nr = ALIGN_DOWN(nr, pages_of(level));
	/* Often the frame that is there, or the one that a large page would have there. */
	hpa = unit_random_below(3) ? nr * SZ_4K : unit_random_below(64) * ept_level_size(level);
	hpa = ALIGN_DOWN(hpa, ept_level_size(level));
	model_map(nr, hpa, level, flags);
	EXPECT_LE(0, map(BASE + nr * SZ_4K, hpa, level, flags));
}

static void do_unmap(u64 from, u64 to)
{
	bool had = model_clear(from, to, 0xffff);
	bool flush = unmap(BASE + from * SZ_4K, BASE + to * SZ_4K);

	EXPECT_TRUE(flush || !had);
}

static void do_wrprotect(u64 from, u64 to)
{
	bool had = model_clear(from, to, EPT_WRITE);
	bool flush = ept_wrprotect(&ept, BASE + from * SZ_4K, BASE + to * SZ_4K);

	EXPECT_EQ(flush, had);
	settle(flush);
}

static void do_age(u64 from, u64 to)
{
	u64 start = BASE + from * SZ_4K, end = BASE + to * SZ_4K;
	bool young = ept_test_young(&ept, start, end);
	bool had = model_clear(from, to, with_ad ? EPT_ACCESSED : 0xffff);
	unsigned int ret = ept_age(&ept, start, end);

	EXPECT_EQ(young, had);
	EXPECT_EQ(ret, !had ? 0 : with_ad ? EPT_YOUNG : EPT_YOUNG | EPT_FLUSH);
	/* Without a flush, what is cached sets no flag again: keep hardware and model in step. */
	if (with_ad && young)
		mmu_flush();
	settle(ret & EPT_FLUSH);
}

static void do_access(u64 nr)
{
	static const u8 hows[] = { EPT_READ, EPT_WRITE, EPT_EXEC };
	u8 how = hows[unit_random_below(ARRAY_SIZE(hows))];
	bool may = (model[nr].flags & how) == how;

	EXPECT_EQ(guest(BASE + nr * SZ_4K, how), may);
	if (may && with_ad)
		model_access(nr, EPT_ACCESSED | (how == EPT_WRITE ? EPT_DIRTY : 0));
}

static void operate(void)
{
	u64 r = unit_random_below(100), nr = random_page(), to = nr + random_length(nr);
	unsigned int i;

	if (r < 40)
		do_map(nr);
	else if (r < 52)
		do_unmap(nr, to);
	else if (r < 60)
		do_wrprotect(nr, to);
	else if (r < 65)
		do_age(nr, to);
	else
		for (i = 0; i < 4; i++)
			do_access(min(nr + i, (u64)NR_PAGES - 1));
	compare(nr);
	compare(nr ? nr - 1 : 0);
	compare(to - 1);
	compare(min(to, (u64)NR_PAGES - 1));
	compare(random_page());
}

static void random_walk(const struct ept_caps *caps, u64 seed)
{
	unsigned int op;
	u64 nr;

	unit_seed(seed);
	memset(model, 0, sizeof(model));
	with_ad = caps->has_ad;
	setup(caps);
	for (op = 0; op < OPERATIONS && !unit_failures; op++) {
		operate();
		for (nr = 0; op % 1000 == 999 && nr < NR_PAGES; nr++)
			compare(nr);
	}
	if (unit_failures)
		printf("# seed %llu, operation %u\n", (unsigned long long)seed, op);
	unmap(0, EPT_GPA_END);
	EXPECT_EQ(ept.nr_tables, 1);
	teardown();
}

TEST(random_walk_with_ad)
{
	random_walk(&all_caps, 0x5eed);
}

TEST(random_walk_without_ad)
{
	random_walk(&no_ad_caps, 0xbeef);
}
