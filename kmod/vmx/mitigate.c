// SPDX-License-Identifier: GPL-2.0-only
/* The slow halves of mitigate.h, and what is decided once. */
#define pr_fmt(fmt) "tinyvmx: " fmt

#include <linux/cpu.h>
#include <linux/hardirq.h>
#include <linux/kvm_host.h>
#include <linux/sched/smt.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/vmx.h>

#include "../compat.h"
#include "mitigate.h"
#include "ops.h"

/* The software flush reads as much as any L1D holds. */
#define L1D_ORDER 4

DEFINE_STATIC_KEY_FALSE(mitigate_l1d);
DEFINE_STATIC_KEY_FALSE(mitigate_spec);
DEFINE_STATIC_KEY_FALSE(mitigate_perf);
static bool l1d_always __ro_after_init;	/* before each entry, not only where it may be dirty */
static void *l1d_pages;

/* What the kernel's own parameter l1tf says, where it may be known. */
enum { FLUSH_NEVER, FLUSH_COND, FLUSH_ALWAYS };

#ifdef TVX_OPEN_l1tf_mitigation
static int l1tf_mode(void)
{
	switch (l1tf_mitigation) {
	case L1TF_MITIGATION_OFF:
		return FLUSH_NEVER;
	case L1TF_MITIGATION_FULL:
	case L1TF_MITIGATION_FULL_FORCE:
		return FLUSH_ALWAYS;
	default:
		return FLUSH_COND;
	}
}

static bool l1tf_warns(void)
{
	return l1tf_mitigation != L1TF_MITIGATION_FLUSH_NOWARN;
}
#else
static char *l1tf = "cond";
module_param(l1tf, charp, 0444);
MODULE_PARM_DESC(l1tf, "on CPUs with L1TF the L1D cache is flushed before a guest runs: always, cond (if there may be something in it), never (default cond)");

static int l1tf_mode(void)
{
	if (!strcmp(l1tf, "always"))
		return FLUSH_ALWAYS;
	return strcmp(l1tf, "never") ? FLUSH_COND : FLUSH_NEVER;
}

static bool l1tf_warns(void)
{
	return true;
}
#endif

static bool l1d_needs_flush(void)
{
	u64 caps = 0;

	if (!boot_cpu_has_bug(X86_BUG_L1TF) || l1tf_mode() == FLUSH_NEVER)
		return false;
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, caps);
	return !(caps & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH);
}

#ifdef TVX_OPEN_perf_guest_get_msrs
/* What perf wants to know of a guest's own PMU; newer kernels look at it unasked. */
static struct kvm_pmu no_pmu;

static struct perf_guest_switch_msr *perf_msrs(int *nr)
{
	return perf_guest_get_msrs(nr, &no_pmu);
}
#else
/*
 * All that the host counts is off in guests, what it wants to count there too.  In a window
 * perf's NMI may turn the counters off and on, which leaves them as they were.
 */
static DEFINE_PER_CPU(struct perf_guest_switch_msr[2], own_msrs);

static struct perf_guest_switch_msr *perf_msrs(int *nr)
{
	struct perf_guest_switch_msr *msrs = *this_cpu_ptr(&own_msrs);

	msrs[0] = (struct perf_guest_switch_msr){ .msr = MSR_CORE_PERF_GLOBAL_CTRL };
	msrs[0].host = cpu_rdmsr(MSR_CORE_PERF_GLOBAL_CTRL);
	*nr = 1;
	if (boot_cpu_has(X86_FEATURE_DS) && boot_cpu_has(X86_FEATURE_PEBS)) {
		msrs[1] = (struct perf_guest_switch_msr){ .msr = MSR_IA32_PEBS_ENABLE };
		msrs[1].host = cpu_rdmsr(MSR_IA32_PEBS_ENABLE);
		*nr = 2;
	}
	return msrs;
}
#endif

/* Without a PMU driver nobody programs counters: it registers at boot, or never. */
static bool perf_has_driver(void)
{
	bool has;
	int nr;

	preempt_disable();
	has = boot_cpu_has(X86_FEATURE_ARCH_PERFMON) && perf_msrs(&nr);
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
	l1d_always = l1tf_mode() == FLUSH_ALWAYS;
	if (l1tf_warns() && sched_smt_active())
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

int mitigate_alloc(struct vmx_vcpu *v)
{
	if (!static_branch_unlikely(&mitigate_perf))
		return 0;
	/* A power of two, and so aligned to it: the CPU wants 16 bytes. */
	static_assert(sizeof(*v->perf_lists) == 256);
	v->perf_lists = kzalloc(sizeof(*v->perf_lists), GFP_KERNEL_ACCOUNT);
	return v->perf_lists ? 0 : -ENOMEM;
}

void mitigate_free(struct vmx_vcpu *v)
{
	kfree(v->perf_lists);
	v->perf_lists = NULL;
}

/* Once for each vCPU whose VMCS is new; the counts and controls there are 0. */
void mitigate_vmcs(struct vmx_vcpu *v)
{
	if (!v->perf_lists)
		return;
	vmwrite(VM_ENTRY_MSR_LOAD_ADDR, __pa(v->perf_lists->entry));
	vmwrite(VM_EXIT_MSR_LOAD_ADDR, __pa(v->perf_lists->exit));
}

static void load_perf_global(struct vmx_vcpu *v, const struct perf_plan *plan)
{
	u32 entry = vmread(VM_ENTRY_CONTROLS), exit = vmx_caps.exit;

	/* The CPU keeps a bit of the guest's mode there. */
	entry &= ~VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL;
	if (plan->load) {
		entry |= VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL;
		exit |= VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL;
		vmwrite(GUEST_IA32_PERF_GLOBAL_CTRL, plan->load_guest);
		vmwrite(HOST_IA32_PERF_GLOBAL_CTRL, plan->load_host);
	}
	vmwrite(VM_ENTRY_CONTROLS, entry);
	vmwrite(VM_EXIT_CONTROLS, exit);
}

void mitigate_perf_switch(struct vmx_vcpu *v)
{
	struct perf_guest_switch_msr *msrs;
	struct perf_plan plan;
	int nr;

	msrs = perf_msrs(&nr);
	if (!perf_make_plan(&plan, v->perf_lists, msrs, msrs ? nr : 0, vmx_caps.perf_load))
		pr_warn_once("a guest runs with some of the host's performance counters on\n");
	/* A record on its way takes a while: the entry itself would not wait for it. */
	if (plan.pebs)
		cpu_wrmsr(MSR_IA32_PEBS_ENABLE, 0);
	if (plan.load != v->perf.load || plan.load_guest != v->perf.load_guest ||
	    plan.load_host != v->perf.load_host)
		load_perf_global(v, &plan);
	if (plan.nr != v->perf.nr) {
		vmwrite(VM_ENTRY_MSR_LOAD_COUNT, plan.nr);
		vmwrite(VM_EXIT_MSR_LOAD_COUNT, plan.nr);
	}
	v->perf = plan;
}
