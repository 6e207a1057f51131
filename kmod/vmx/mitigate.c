// SPDX-License-Identifier: GPL-2.0-only
/* The slow halves of mitigate.h, and what is decided once. */
#define pr_fmt(fmt) "tinyvmx: " fmt

#include <linux/cpu.h>
#include <linux/hardirq.h>
#include <linux/sched/smt.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/vmx.h>

#include "mitigate.h"

/* The software flush reads as much as any L1D holds. */
#define L1D_ORDER 4

DEFINE_STATIC_KEY_FALSE(mitigate_l1d);
DEFINE_STATIC_KEY_FALSE(mitigate_spec);
DEFINE_STATIC_KEY_FALSE(mitigate_perf);
static bool l1d_always __ro_after_init;	/* before each entry, not only where it may be dirty */
static void *l1d_pages;

static bool l1d_needs_flush(void)
{
	u64 caps = 0;

	if (!boot_cpu_has_bug(X86_BUG_L1TF) || l1tf_mitigation == L1TF_MITIGATION_OFF)
		return false;
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, caps);
	return !(caps & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH);
}

static bool l1d_flush_always(void)
{
	return l1tf_mitigation == L1TF_MITIGATION_FULL ||
	       l1tf_mitigation == L1TF_MITIGATION_FULL_FORCE;
}

/* Without a PMU driver nobody programs counters: it registers at boot, or never. */
static bool perf_has_driver(void)
{
	bool has;
	int nr;

	preempt_disable();
	has = boot_cpu_has(X86_FEATURE_ARCH_PERFMON) && perf_guest_get_msrs(&nr, NULL);
	preempt_enable();
	return has;
}

int mitigate_setup(void)
{
	if (boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL))
		static_branch_enable(&mitigate_spec);
	if (perf_has_driver())
		static_branch_enable(&mitigate_perf);
	if (!l1d_needs_flush())
		return 0;
	static_branch_enable(&mitigate_l1d);
	l1d_always = l1d_flush_always();
	if (l1tf_mitigation != L1TF_MITIGATION_FLUSH_NOWARN && sched_smt_active())
		pr_warn("L1TF and SMT: a guest can read what a sibling CPU has in its L1D; see the kernel's l1tf documentation\n");
	if (boot_cpu_has(X86_FEATURE_FLUSH_L1D))
		return 0;
	l1d_pages = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, L1D_ORDER);
	return l1d_pages ? 0 : -ENOMEM;
}

void mitigate_teardown(void)
{
	free_pages((unsigned long)l1d_pages, L1D_ORDER);
	l1d_pages = NULL;
}

#define LINE	64
#define LINES	32

/* Written out, for the loop would be most of what is executed. */
static __always_inline void read_lines(const char *p)
{
#define READ4(n) (READ_ONCE(p[(n) * LINE]), READ_ONCE(p[((n) + 1) * LINE]), \
		  READ_ONCE(p[((n) + 2) * LINE]), READ_ONCE(p[((n) + 3) * LINE]))
	READ4(0);
	READ4(4);
	READ4(8);
	READ4(12);
	READ4(16);
	READ4(20);
	READ4(24);
	READ4(28);
#undef READ4
}

void mitigate_flush_l1d(void)
{
	unsigned long i;

	if (!l1d_always)
		kvm_clear_cpu_l1tf_flush_l1d();
	if (!l1d_pages) {
		wrmsrl(MSR_IA32_FLUSH_CMD, L1D_FLUSH);
		return;
	}
	/* First the TLB, then the cache, so that no page walk spoils it. */
	for (i = 0; i < PAGE_SIZE << L1D_ORDER; i += PAGE_SIZE)
		READ_ONCE(*(char *)(l1d_pages + i));
	/* A serialising instruction between the two rounds. */
	(void)cpuid_eax(0);
	for (i = 0; i < PAGE_SIZE << L1D_ORDER; i += LINES * LINE)
		read_lines(l1d_pages + i);
	asm volatile("lfence" : : : "memory");
}

/* Counters that must not count in a guest, PEBS that must not write into one. */
void mitigate_perf_switch(bool to_guest)
{
	struct perf_guest_switch_msr *msrs;
	int i, nr;

	msrs = perf_guest_get_msrs(&nr, NULL);
	for (i = 0; msrs && i < nr; i++)
		if (msrs[i].host != msrs[i].guest)
			wrmsrl(msrs[i].msr, to_guest ? msrs[i].guest : msrs[i].host);
}
