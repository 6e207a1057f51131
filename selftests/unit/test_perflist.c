// SPDX-License-Identifier: GPL-2.0-only
/* What of the host's PMU the CPU switches at entry and exit, and by what. */
#include <linux/bits.h>
#include <linux/kernel.h>
#include "unit.h"
#include "kmod/vmx/perflist.h"

#define GLOBAL_CTRL	0x38f
#define PEBS_ENABLE	0x3f1
#define DATA_CFG	0x3f2
#define DS_AREA		0x600
#define EVENTSEL0	0x186

static struct perf_lists lists;
static struct perf_plan plan;

static bool make(const struct perf_guest_switch_msr *msrs, int nr, bool can_load)
{
	memset(&plan, 0xff, sizeof(plan));
	memset(&lists, 0, sizeof(lists));
	return perf_make_plan(&plan, &lists, msrs, nr, can_load);
}

static void expect_listed(unsigned int at, u32 msr, u64 guest, u64 host)
{
	EXPECT_EQ(lists.entry[at].index, msr);
	EXPECT_EQ(lists.entry[at].value, guest);
	EXPECT_EQ(lists.exit[at].index, msr);
	EXPECT_EQ(lists.exit[at].value, host);
	EXPECT_EQ(lists.entry[at].reserved | lists.exit[at].reserved, 0);
}

/* Nothing counts, or what counts may do so in guests: the entry is as without perf. */
TEST(nothing_to_switch)
{
	static const struct perf_guest_switch_msr idle[] = {
		{ GLOBAL_CTRL, 0x70000000f, 0x70000000f }, { PEBS_ENABLE, 0, 0 },
	};

	EXPECT_TRUE(make(NULL, 0, true));
	EXPECT_EQ(plan.load | plan.pebs | plan.nr, 0);
	EXPECT_TRUE(make(idle, 2, true));
	EXPECT_EQ(plan.load | plan.pebs | plan.nr, 0);
	EXPECT_TRUE(make(idle, 2, false));
	EXPECT_EQ(plan.load | plan.pebs | plan.nr, 0);
}

/* perf record -e cycles:H */
TEST(by_controls)
{
	static const struct perf_guest_switch_msr msrs[] = {
		{ GLOBAL_CTRL, 0x70000000f, 0x70000000e },
	};

	EXPECT_TRUE(make(msrs, 1, true));
	EXPECT_TRUE(plan.load);
	EXPECT_EQ(plan.load_guest, 0x70000000e);
	EXPECT_EQ(plan.load_host, 0x70000000f);
	EXPECT_EQ(plan.nr, 0);
}

/* A CPU without the controls, or with broken ones: never by WRMSR. */
TEST(by_lists)
{
	static const struct perf_guest_switch_msr msrs[] = { { GLOBAL_CTRL, 0xf, 0xe } };

	EXPECT_TRUE(make(msrs, 1, false));
	EXPECT_FALSE(plan.load);
	ASSERT_EQ(plan.nr, 1);
	expect_listed(0, GLOBAL_CTRL, 0xe, 0xf);
}

/* perf record -e cycles:pp, without isolation of PEBS */
TEST(pebs)
{
	static const struct perf_guest_switch_msr msrs[] = {
		{ GLOBAL_CTRL, 0xf, 0xe }, { PEBS_ENABLE, 1, 0 },
	};

	EXPECT_TRUE(make(msrs, 2, true));
	EXPECT_TRUE(plan.load);
	EXPECT_TRUE(plan.pebs);
	ASSERT_EQ(plan.nr, 1);
	expect_listed(0, PEBS_ENABLE, 0, 1);
}

/* Where PEBS writes and what, it may keep: it writes nothing. */
TEST(pebs_areas_stay)
{
	static const struct perf_guest_switch_msr msrs[] = {
		{ GLOBAL_CTRL, 0xf, 0xf }, { DS_AREA, 0xfffffe0000001000, 0 }, { DATA_CFG, 3, 0 },
	};

	EXPECT_TRUE(make(msrs, 3, true));
	EXPECT_EQ(plan.load | plan.pebs | plan.nr, 0);
}

/* A PMU without GLOBAL_CTRL: the counters' own registers, as many as there is room for. */
TEST(event_selects)
{
	struct perf_guest_switch_msr msrs[PERF_LIST_MAX + 1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(msrs); i++)
		msrs[i] = (struct perf_guest_switch_msr){ EVENTSEL0 + i, BIT(22), 0 };
	EXPECT_FALSE(make(msrs, ARRAY_SIZE(msrs), true));
	EXPECT_EQ(plan.nr, PERF_LIST_MAX);
	EXPECT_TRUE(make(msrs, PERF_LIST_MAX, true));
	ASSERT_EQ(plan.nr, PERF_LIST_MAX);
	for (i = 0; i < PERF_LIST_MAX; i++)
		expect_listed(i, EVENTSEL0 + i, 0, BIT(22));
}
