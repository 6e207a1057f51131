// SPDX-License-Identifier: GPL-2.0-only
/* On tinyvmx: vmctl's own machine, its threads and event loop too. */
#include <errno.h>

#include "boot.h"

static void tvx_boot_open(struct machine *m, const struct boot *boot)
{
	if (machine_open(m) || machine_boot(m, boot)) {
		errno = 0;
		die(m->end.why);
	}
}

/* By the hardware's basic exit reasons, which tvx_hw_exit_name() names. */
static const struct {
	const char *key;
	uint8_t reasons[4];
} groups[] = {
	{ "boot_io", { 30 } },
	{ "boot_msr", { 31, 32 } },
	{ "boot_ept", { 48, 49 } },
	{ "boot_cpuid", { 10 } },
	{ "boot_cr", { 28 } },
	{ "boot_hlt", { 12 } },
	{ "boot_interrupt", { 1 } },
	{ "boot_timer", { 52 } },
};

static void tvx_boot_count(struct machine *m)
{
	uint64_t all = 0, group, shown = 0;
	struct tvx_stats s;
	unsigned int i, j;

	if (tvx_vcpu_get_stats(&m->vcpu[0].tvx, &s))
		die("tvx_vcpu_get_stats");
	for (i = 0; i < TVX_NR_EXIT_REASONS; i++)
		all += s.reason[i].count;
	report("boot_exits", all);
	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		for (j = 0, group = 0; j < sizeof(groups[i].reasons); j++)
			if (groups[i].reasons[j])
				group += s.reason[groups[i].reasons[j]].count;
		report(groups[i].key, group);
		shown += group;
	}
	report("boot_other", all - shown);
	report("boot_guest", s.guest_cycles);
}

const struct hypervisor tvx_hypervisor = {
	.name = "tvx",
	.open = tvx_boot_open,
	.run = machine_run,
	.count = tvx_boot_count,
};
