/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters that must not count in a guest, PEBS that must not write into one: which of
 * perf's MSRs the CPU is to switch, and how.  Pure.
 *
 * It does so itself, as a part of entry and exit: an NMI of perf's cannot come between.  One
 * that came after a WRMSR of ours would turn all on again for the guest.
 */
#ifndef TVX_PERFLIST_H
#define TVX_PERFLIST_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/msr-index.h>
#include <asm/perf_event.h>
#include <asm/vmx.h>

/* As many as KVM has room for: Intel's driver names four at most. */
#define PERF_LIST_MAX	8

/* The areas of MSRs that entry and exit load; allocated as one, of a size that aligns them. */
struct perf_lists {
	struct vmx_msr_entry entry[PERF_LIST_MAX], exit[PERF_LIST_MAX];
};

/**
 * struct perf_plan - what is switched at an entry and its exit
 * @load: IA32_PERF_GLOBAL_CTRL by the controls for it
 * @load_guest: its value at entry
 * @load_host: its value at exit
 * @nr: so many MSRs by the lists
 * @pebs: one of them is IA32_PEBS_ENABLE
 */
struct perf_plan {
	bool load, pebs;
	u32 nr;
	u64 load_guest, load_host;
};

/**
 * perf_make_plan() - from what the host's driver says
 * @lists: the first @plan->nr of each are filled in
 * @can_load: there are controls for IA32_PERF_GLOBAL_CTRL, and they work; else it is listed
 * Return: false if there are more than the lists have room for.
 */
static inline bool perf_make_plan(struct perf_plan *plan, struct perf_lists *lists,
				  const struct perf_guest_switch_msr *msrs, int nr, bool can_load)
{
	bool fits = true;
	int i;

	*plan = (struct perf_plan){ };
	for (i = 0; i < nr; i++) {
		if (likely(msrs[i].host == msrs[i].guest))
			continue;
		/* Where PEBS would write, and what: in our guests it writes nothing. */
		if (msrs[i].msr == MSR_IA32_DS_AREA || msrs[i].msr == MSR_PEBS_DATA_CFG)
			continue;
		if (msrs[i].msr == MSR_CORE_PERF_GLOBAL_CTRL && can_load) {
			plan->load = true;
			plan->load_guest = msrs[i].guest;
			plan->load_host = msrs[i].host;
			continue;
		}
		if (plan->nr == PERF_LIST_MAX) {
			fits = false;
			continue;
		}
		if (msrs[i].msr == MSR_IA32_PEBS_ENABLE)
			plan->pebs = true;
		lists->entry[plan->nr].index = msrs[i].msr;
		lists->entry[plan->nr].value = msrs[i].guest;
		lists->exit[plan->nr].index = msrs[i].msr;
		lists->exit[plan->nr].value = msrs[i].host;
		plan->nr++;
	}
	return fits;
}

#endif
