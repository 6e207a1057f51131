// SPDX-License-Identifier: GPL-2.0-only
/* Invalidations that are under way: each holds up its own pages, and as many end as begin. */
#include "unit.h"
#include "kmod/mem_busy.h"

TEST(two_apart_do_not_hold_what_is_between)
{
	struct tvx_busy busy = { };

	tvx_busy_add(&busy, 0x1000, 0x2000);
	tvx_busy_add(&busy, 0x9000, 0xa000);
	EXPECT_TRUE(tvx_busy_with(&busy, 0x1000, 0x2000));
	EXPECT_TRUE(tvx_busy_with(&busy, 0x0, 0x1001));
	EXPECT_TRUE(tvx_busy_with(&busy, 0x9fff, 0xb000));
	EXPECT_FALSE(tvx_busy_with(&busy, 0x2000, 0x9000));
	EXPECT_FALSE(tvx_busy_with(&busy, 0xa000, ~0ul));
	EXPECT_TRUE(tvx_busy_remove(&busy, 0x1000, 0x2000));
	EXPECT_FALSE(tvx_busy_with(&busy, 0, 0x9000));
	EXPECT_TRUE(tvx_busy_with(&busy, 0x9000, 0x9001));
	EXPECT_TRUE(tvx_busy_remove(&busy, 0x9000, 0xa000));
	EXPECT_FALSE(tvx_busy_with(&busy, 0, ~0ul));
	EXPECT_FALSE(tvx_busy_remove(&busy, 0x9000, 0xa000));
}

/* The same range may be under way twice. */
TEST(twice_the_same)
{
	struct tvx_busy busy = { };

	tvx_busy_add(&busy, 0x1000, 0x2000);
	tvx_busy_add(&busy, 0x1000, 0x2000);
	EXPECT_TRUE(tvx_busy_remove(&busy, 0x1000, 0x2000));
	EXPECT_TRUE(tvx_busy_with(&busy, 0x1fff, 0x2000));
	EXPECT_TRUE(tvx_busy_remove(&busy, 0x1000, 0x2000));
	EXPECT_FALSE(tvx_busy_with(&busy, 0x1fff, 0x2000));
}

/* Too many: all pages wait, until those have ended that nobody knows. */
TEST(more_than_are_known)
{
	struct tvx_busy busy = { };
	unsigned long i;

	for (i = 0; i < TVX_MAX_BUSY + 2; i++)
		tvx_busy_add(&busy, i << 12, (i + 1) << 12);
	EXPECT_TRUE(tvx_busy_with(&busy, 0x80000000, 0x80001000));
	/* Those that are known end; the others still hold all. */
	for (i = 0; i < TVX_MAX_BUSY; i++)
		EXPECT_TRUE(tvx_busy_remove(&busy, i << 12, (i + 1) << 12));
	EXPECT_TRUE(tvx_busy_with(&busy, 0x80000000, 0x80001000));
	EXPECT_TRUE(tvx_busy_remove(&busy, 8 << 12, 9 << 12));
	EXPECT_TRUE(tvx_busy_remove(&busy, 9 << 12, 10 << 12));
	EXPECT_FALSE(tvx_busy_with(&busy, 0, ~0ul));
}

/* Any order of beginnings and ends leaves nothing, and holds nothing up that is not under way. */
TEST(random_orders)
{
	struct tvx_busy busy = { };
	unsigned long on[20];
	unsigned int nr = 0, round, i;

	for (round = 0; round < 100000; round++) {
		if (nr < 20 && (!nr || unit_random() & 1)) {
			on[nr] = (unit_random() % 50) << 12;
			tvx_busy_add(&busy, on[nr], on[nr] + 0x1000);
			nr++;
		} else {
			i = unit_random() % nr;
			EXPECT_TRUE(tvx_busy_remove(&busy, on[i], on[i] + 0x1000));
			on[i] = on[--nr];
		}
		for (i = 0; i < nr; i++)
			EXPECT_TRUE(tvx_busy_with(&busy, on[i], on[i] + 1));
		if (!nr)
			EXPECT_FALSE(tvx_busy_with(&busy, 0, ~0ul));
	}
}
