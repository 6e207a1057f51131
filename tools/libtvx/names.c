// SPDX-License-Identifier: GPL-2.0-only
/* Numbers in words. */
#include <asm/vmx.h>

#include "libtvx.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static const char *const exit_names[TVX_NR_EXITS] = {
	[TVX_EXIT_NONE]		= "NONE",
	[TVX_EXIT_INTERRUPTED]	= "INTERRUPTED",
	[TVX_EXIT_IO]		= "IO",
	[TVX_EXIT_MMIO]		= "MMIO",
	[TVX_EXIT_MEMORY_FAULT]	= "MEMORY_FAULT",
	[TVX_EXIT_HLT]		= "HLT",
	[TVX_EXIT_HYPERCALL]	= "HYPERCALL",
	[TVX_EXIT_CPUID]	= "CPUID",
	[TVX_EXIT_RDMSR]	= "RDMSR",
	[TVX_EXIT_WRMSR]	= "WRMSR",
	[TVX_EXIT_EXCEPTION]	= "EXCEPTION",
	[TVX_EXIT_INTR_WINDOW]	= "INTR_WINDOW",
	[TVX_EXIT_NMI_WINDOW]	= "NMI_WINDOW",
	[TVX_EXIT_SLICE]	= "SLICE",
	[TVX_EXIT_SHUTDOWN]	= "SHUTDOWN",
	[TVX_EXIT_TASK_SWITCH]	= "TASK_SWITCH",
	[TVX_EXIT_PAUSE]	= "PAUSE",
	[TVX_EXIT_RDTSC]	= "RDTSC",
	[TVX_EXIT_DESC]		= "DESC",
	[TVX_EXIT_RANDOM]	= "RANDOM",
	[TVX_EXIT_CR3]		= "CR3",
	[TVX_EXIT_WBINVD]	= "WBINVD",
	[TVX_EXIT_FAIL_ENTRY]	= "FAIL_ENTRY",
	[TVX_EXIT_UNKNOWN]	= "UNKNOWN",
	[TVX_EXIT_EOI]		= "EOI",
};
_Static_assert(TVX_NR_EXITS == 25, "a name for each exit");

static const struct { uint32_t number; const char *name; } hw_exits[] = { VMX_EXIT_REASONS };

static const char *const exceptions[] = {
	"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM",
	"#DF", "#9", "#TS", "#NP", "#SS", "#GP", "#PF", "#15",
	"#MF", "#AC", "#MC", "#XM", "#VE", "#CP",
};

static const char *const gprs[TVX_NR_GPRS] = {
	"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
};

static const char *const sregs[] = { "es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr" };

static const char *pick(const char *const *names, unsigned int nr, unsigned int i)
{
	return i < nr && names[i] ? names[i] : "unknown";
}

const char *tvx_exit_name(uint32_t exit)
{
	return pick(exit_names, ARRAY_SIZE(exit_names), exit);
}

const char *tvx_hw_exit_name(uint32_t basic)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hw_exits); i++)
		if (hw_exits[i].number == basic)
			return hw_exits[i].name;
	return "unknown";
}

const char *tvx_exception_name(uint8_t vector)
{
	return pick(exceptions, ARRAY_SIZE(exceptions), vector);
}

const char *tvx_gpr_name(unsigned int reg)
{
	return pick(gprs, ARRAY_SIZE(gprs), reg);
}

const char *tvx_sreg_name(unsigned int sreg)
{
	return pick(sregs, ARRAY_SIZE(sregs), sreg);
}

static const struct tvx_feature features[] = {
	{ TVX_FEAT_UNRESTRICTED, "unrestricted guest", "guests in real mode",
	  "only guests that start in protected or long mode run" },
	{ TVX_FEAT_VPID, "VPID", "the guest's TLB survives exits",
	  "each exit and entry flushes the TLB" },
	{ TVX_FEAT_EPT_2M, "EPT 2 MiB pages", "large mappings of guest memory",
	  "more EPT faults and TLB misses" },
	{ TVX_FEAT_EPT_1G, "EPT 1 GiB pages", "huge mappings of guest memory",
	  "slightly more TLB misses with hugetlbfs" },
	{ TVX_FEAT_EPT_AD, "EPT accessed/dirty", "the host sees which guest pages are in use",
	  "it sees that by taking them away for a moment: EPT faults" },
	{ TVX_FEAT_PML, "page-modification log", "a list of dirtied pages from hardware", NULL },
	{ TVX_FEAT_SLICE, "preemption timer", "time slices (run_in.slice)",
	  "a run cannot be bounded in guest time" },
	{ TVX_FEAT_VNMI, "virtual NMIs", "NMI blocking and NMI windows",
	  "NMI windows are refused" },
	{ TVX_FEAT_TPR_SHADOW, "TPR shadow", "CR8 without exits", "each CR8 access exits" },
	{ TVX_FEAT_APICV, "APIC virtualisation", "local APIC registers without exits",
	  "each APIC access exits" },
	{ TVX_FEAT_PLE, "PAUSE-loop exiting", "spinning vCPUs are noticed",
	  "a spinning vCPU burns its time" },
	{ TVX_FEAT_TSC_SCALING, "TSC scaling", "a guest TSC of another frequency", NULL },
	{ TVX_FEAT_XSAVE, "XSAVE", "AVX and later state for guests", "guests have x87 and SSE only" },
	{ TVX_FEAT_XSAVES, "XSAVES", "supervisor and compacted XSAVE for guests", NULL },
	{ TVX_FEAT_INVPCID, "INVPCID", "the instruction works in guests",
	  "guests do not see INVPCID" },
	{ TVX_FEAT_RDTSCP, "RDTSCP", "RDTSCP and RDPID work in guests",
	  "guests do not see RDTSCP" },
	{ TVX_FEAT_CHECKING, "checking build", "the module checks itself (slower)",
	  "a release build: nothing lost" },
	{ 0, NULL, NULL, NULL },
};

const struct tvx_feature *tvx_features(void)
{
	return features;
}
