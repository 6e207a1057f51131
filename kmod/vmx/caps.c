// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capability negotiation.  One row per control bit: required, or optional with
 * the feature it gives; one loop.  This is the only reader of the VMX
 * capability MSRs.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>

#include "caps.h"

#define MSR(name) (MSR_IA32_VMX_##name)
#define CAP(caps, name) ((caps)->msrs[MSR(name) - MSR_IA32_VMX_BASIC])

/* The SDM's number of the write-back memory type; the kernels name it each their own way. */
#define MEMTYPE_WB 6
/* 6.12 calls it SECONDARY_EXEC_ENABLE_XSAVES. */
#define EXEC_XSAVES VMCS_CONTROL_BIT(XSAVES)

/* All that TVX_FEAT_APICV stands for. */
#define APICV (SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES | SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE | \
	       SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)
/* Exits that EPT makes pointless, and that are on by default without the TRUE MSRs. */
#define PAGING_EXITS (CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING | \
		      CPU_BASED_INVLPG_EXITING)

enum group { PIN, PROC, PROC2, EXIT, ENTRY, NR_GROUPS };

static const struct {
	u32 msr, true_msr;
} groups[NR_GROUPS] = {
	[PIN]	= { MSR(PINBASED_CTLS), MSR(TRUE_PINBASED_CTLS) },
	[PROC]	= { MSR(PROCBASED_CTLS), MSR(TRUE_PROCBASED_CTLS) },
	[PROC2]	= { MSR(PROCBASED_CTLS2), 0 },
	[EXIT]	= { MSR(EXIT_CTLS), MSR(TRUE_EXIT_CTLS) },
	[ENTRY]	= { MSR(ENTRY_CTLS), MSR(TRUE_ENTRY_CTLS) },
};

/* Optional, and no feature of the uapi's: a mark of this table's, never told to user space. */
#define TVX_FEAT_NONE BIT_ULL(62)

/* feature 0: required.  The order counts: what depends on a row follows it. */
static const struct control {
	u8 group;
	u32 bit;
	u64 feature;
	const char *what;
} controls[] = {
	{ PIN, PIN_BASED_EXT_INTR_MASK, 0, "external-interrupt exiting" },
	{ PIN, PIN_BASED_NMI_EXITING, 0, "NMI exiting" },
	{ PIN, PIN_BASED_VIRTUAL_NMIS, TVX_FEAT_VNMI, "virtual NMIs" },
	{ PIN, PIN_BASED_VMX_PREEMPTION_TIMER, TVX_FEAT_SLICE, "VMX-preemption timer" },

	{ PROC, CPU_BASED_HLT_EXITING, 0, "HLT exiting" },
	{ PROC, CPU_BASED_UNCOND_IO_EXITING, 0, "unconditional I/O exiting" },
	{ PROC, CPU_BASED_USE_TSC_OFFSETTING, 0, "TSC offsetting" },
	{ PROC, CPU_BASED_MONITOR_EXITING, 0, "MONITOR exiting" },
	{ PROC, CPU_BASED_MWAIT_EXITING, 0, "MWAIT exiting" },
	{ PROC, CPU_BASED_RDPMC_EXITING, 0, "RDPMC exiting" },
	{ PROC, CPU_BASED_USE_MSR_BITMAPS, 0, "MSR bitmaps" },
	{ PROC, CPU_BASED_MOV_DR_EXITING, 0, "MOV-DR exiting" },
	{ PROC, CPU_BASED_ACTIVATE_SECONDARY_CONTROLS, 0, "secondary controls" },
	{ PROC, CPU_BASED_TPR_SHADOW, TVX_FEAT_TPR_SHADOW, "TPR shadow" },

	{ PROC2, SECONDARY_EXEC_ENABLE_EPT, 0, "EPT" },
	{ PROC2, SECONDARY_EXEC_ENABLE_VPID, TVX_FEAT_VPID, "VPID" },
	{ PROC2, SECONDARY_EXEC_UNRESTRICTED_GUEST, TVX_FEAT_UNRESTRICTED,
	  "unrestricted guest" },
	{ PROC2, SECONDARY_EXEC_ENABLE_RDTSCP, TVX_FEAT_RDTSCP, "RDTSCP" },
	{ PROC2, SECONDARY_EXEC_ENABLE_INVPCID, TVX_FEAT_INVPCID, "INVPCID" },
	/* A guest's would empty the caches of the whole package, uninterrupted. */
	{ PROC2, SECONDARY_EXEC_WBINVD_EXITING, TVX_FEAT_NONE, "WBINVD exiting" },

	{ EXIT, VM_EXIT_HOST_ADDR_SPACE_SIZE, 0, "64-bit host" },
	{ EXIT, VM_EXIT_SAVE_DEBUG_CONTROLS, 0, "save debug controls" },
	{ EXIT, VM_EXIT_SAVE_IA32_EFER, 0, "save IA32_EFER" },
	{ EXIT, VM_EXIT_LOAD_IA32_EFER, 0, "load IA32_EFER at exit" },
	{ EXIT, VM_EXIT_LOAD_IA32_PAT, 0, "load IA32_PAT at exit" },
	{ ENTRY, VM_ENTRY_LOAD_DEBUG_CONTROLS, 0, "load debug controls" },
	{ ENTRY, VM_ENTRY_LOAD_IA32_EFER, 0, "load IA32_EFER at entry" },
	{ ENTRY, VM_ENTRY_LOAD_IA32_PAT, 0, "load IA32_PAT at entry" },
};

/* What the CPU must be able to do at times, without it being on in every VMCS. */
static const struct control usable[] = {
	{ PROC, CPU_BASED_INTR_WINDOW_EXITING, 0, "interrupt-window exiting" },
	{ PROC, CPU_BASED_CR3_LOAD_EXITING, 0, "CR3-load exiting" },
	{ PROC, CPU_BASED_CR3_STORE_EXITING, 0, "CR3-store exiting" },
	{ PROC, CPU_BASED_CR8_LOAD_EXITING, 0, "CR8-load exiting" },
	{ PROC, CPU_BASED_CR8_STORE_EXITING, 0, "CR8-store exiting" },
	{ ENTRY, VM_ENTRY_IA32E_MODE, 0, "IA-32e mode guest" },
	{ PROC, CPU_BASED_NMI_WINDOW_EXITING, TVX_FEAT_VNMI, "NMI-window exiting" },
	{ PROC2, EXEC_XSAVES, TVX_FEAT_XSAVES, "XSAVES" },
	{ PROC2, SECONDARY_EXEC_TSC_SCALING, TVX_FEAT_TSC_SCALING, "TSC scaling" },
	{ PROC2, SECONDARY_EXEC_ENABLE_PML, TVX_FEAT_PML, "PML" },
	{ PROC2, SECONDARY_EXEC_PAUSE_LOOP_EXITING, TVX_FEAT_PLE, "PAUSE-loop exiting" },
	{ PROC2, APICV, TVX_FEAT_APICV, "APIC virtualization" },
};

/*
 * CPUs on which a control is offered and does not do what the manual says: CPUID.1:EAX,
 * less its reserved bits, under @mask.  The numbers are those of Intel's specification
 * updates.
 */
#define ANY_STEPPING	0x0fff0ff0
#define THIS_STEPPING	0x0fff0fff
static const struct erratum {
	u32 signature, mask;
	enum { BAD_TIMER, BAD_PERF_LOAD } what;
} errata[] = {
	/* The preemption timer does not count at the rate that IA32_VMX_MISC tells. */
	{ 0x106a0, THIS_STEPPING, BAD_TIMER },	/* AAM126 */
	{ 0x106a1, THIS_STEPPING, BAD_TIMER },	/* AAM126 */
	{ 0x106a4, THIS_STEPPING, BAD_TIMER },	/* AAJ124 */
	{ 0x106a5, THIS_STEPPING, BAD_TIMER },	/* AAJ124, AAK139, AAM126 */
	{ 0x106e5, THIS_STEPPING, BAD_TIMER },	/* AAN92, AAO95, AAP86 */
	{ 0x20652, THIS_STEPPING, BAD_TIMER },	/* AAT59, AAU65, AAX65 */
	{ 0x20655, THIS_STEPPING, BAD_TIMER },	/* AAU65 */
	{ 0x206e6, THIS_STEPPING, BAD_TIMER },	/* BA86 */
	{ 0x306a8, THIS_STEPPING, BAD_TIMER },	/* seen on Xeon E3-1220 V2 */
	/* An exit may clear bits of IA32_PERF_GLOBAL_CTRL that it is to load. */
	{ 0x106a0, ANY_STEPPING, BAD_PERF_LOAD }, /* AAK155 */
	{ 0x106e0, ANY_STEPPING, BAD_PERF_LOAD }, /* AAP115 */
	{ 0x20650, ANY_STEPPING, BAD_PERF_LOAD }, /* AAT100 */
	{ 0x206c0, ANY_STEPPING, BAD_PERF_LOAD }, /* BC86, AAY89, BD102 */
	{ 0x206e0, ANY_STEPPING, BAD_PERF_LOAD }, /* BA97 */
};

/* Bits of IA32_VMX_EPT_VPID_CAP; the kernel names them, the table tells them. */
static const struct {
	u64 bit;
	u64 feature;
	const char *what;
} ept_caps[] = {
	{ VMX_EPT_PAGE_WALK_4_BIT, 0, "EPT page walks of 4 levels" },
	{ VMX_EPTP_WB_BIT, 0, "write-back EPT paging structures" },
	{ VMX_EPT_INVEPT_BIT, 0, "INVEPT" },
	{ VMX_EPT_EXTENT_GLOBAL_BIT, 0, "INVEPT of all contexts" },
	{ VMX_EPT_2MB_PAGE_BIT, TVX_FEAT_EPT_2M, "2 MiB EPT pages" },
	{ VMX_EPT_1GB_PAGE_BIT, TVX_FEAT_EPT_1G, "1 GiB EPT pages" },
	{ VMX_EPT_AD_BIT, TVX_FEAT_EPT_AD, "EPT accessed and dirty flags" },
};

static int refuse(struct caps_refusal *why, const char *what, u32 msr, int bit)
{
	*why = (struct caps_refusal){ .what = what, .msr = msr, .bit = bit };
	return -EOPNOTSUPP;
}

static int bit_number(u64 bit)
{
	return bit ? __builtin_ctzll(bit) : -1;
}

/* The MSR that counts for a group. */
static u32 group_msr(const struct vmx_caps *caps, enum group g)
{
	bool true_ctls = CAP(caps, BASIC) & VMX_BASIC_TRUE_CTLS;

	return true_ctls && groups[g].true_msr ? groups[g].true_msr : groups[g].msr;
}

static u64 allowed(const struct vmx_caps *caps, enum group g)
{
	return caps->msrs[group_msr(caps, g) - MSR_IA32_VMX_BASIC];
}

static int read_msrs(struct vmx_caps *caps, int (*rdmsr)(u32, u64 *), struct caps_refusal *why)
{
	unsigned int i;

	for (i = 0; i < TVX_NR_VMX_MSRS; i++)
		if (rdmsr(MSR_IA32_VMX_BASIC + i, &caps->msrs[i]))
			caps->msrs[i] = 0;
	/* Absent MSRs may read as anything where the CPU does not say it has them. */
	for (i = 0; i < NR_GROUPS; i++)
		if (groups[i].true_msr && !(CAP(caps, BASIC) & VMX_BASIC_TRUE_CTLS))
			caps->msrs[groups[i].true_msr - MSR_IA32_VMX_BASIC] = 0;
	if (!(CAP(caps, PROCBASED_CTLS) >> 32 & CPU_BASED_ACTIVATE_SECONDARY_CONTROLS))
		CAP(caps, PROCBASED_CTLS2) = 0;
	if (!(CAP(caps, PROCBASED_CTLS2) >> 32 &
	      (SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_ENABLE_VPID)))
		CAP(caps, EPT_VPID_CAP) = 0;
	if (!CAP(caps, BASIC))
		return refuse(why, "IA32_VMX_BASIC", MSR(BASIC), -1);
	return 0;
}

static int basics(struct vmx_caps *caps, struct caps_refusal *why)
{
	u64 basic = CAP(caps, BASIC);

	caps->revision = basic & 0x7fffffff;
	caps->vmcs_size = basic >> 32 & 0x1fff;
	caps->timer_shift = vmx_misc_preemption_timer_rate(CAP(caps, MISC));
	caps->cr0_fixed1 = CAP(caps, CR0_FIXED0);
	caps->cr0_allowed = CAP(caps, CR0_FIXED1);
	caps->cr4_fixed1 = CAP(caps, CR4_FIXED0);
	caps->cr4_allowed = CAP(caps, CR4_FIXED1);

	if (!caps->vmcs_size || caps->vmcs_size > 4096)
		return refuse(why, "a VMCS of at most 4096 bytes", MSR(BASIC), 32);
	if (basic & BIT_ULL(48))
		return refuse(why, "VMCS addresses above 4 GiB", MSR(BASIC), 48);
	if ((basic >> 50 & 0xf) != MEMTYPE_WB)
		return refuse(why, "write-back VMCS memory", MSR(BASIC), 50);
	return 0;
}

static int choose_controls(struct vmx_caps *caps, struct caps_refusal *why)
{
	u32 chosen[NR_GROUPS];
	unsigned int i;

	for (i = 0; i < NR_GROUPS; i++)
		chosen[i] = (u32)allowed(caps, i);	/* must be 1 */
	for (i = 0; i < ARRAY_SIZE(controls) + ARRAY_SIZE(usable); i++) {
		bool on = i < ARRAY_SIZE(controls);
		const struct control *c = on ? &controls[i] : &usable[i - ARRAY_SIZE(controls)];

		if (c->bit & ~(allowed(caps, c->group) >> 32)) {
			if (!c->feature)
				return refuse(why, c->what, group_msr(caps, c->group),
					      32 + bit_number(c->bit));
			continue;
		}
		caps->features |= c->feature;
		if (on)
			chosen[c->group] |= c->bit;
	}
	/* Where it is missing there is no ENCLS either: no feature of which anybody must know. */
	chosen[PROC2] |= SECONDARY_EXEC_ENCLS_EXITING & (allowed(caps, PROC2) >> 32);
	caps->pin = chosen[PIN];
	caps->proc = chosen[PROC];
	caps->proc2 = chosen[PROC2];
	caps->exit = chosen[EXIT];
	caps->entry = chosen[ENTRY];
	caps->pin_allowed = allowed(caps, PIN);
	caps->proc_allowed = allowed(caps, PROC);
	caps->proc2_allowed = allowed(caps, PROC2);
	caps->exit_allowed = allowed(caps, EXIT);
	caps->entry_allowed = allowed(caps, ENTRY);
	return 0;
}

static int ept_and_vpid(struct vmx_caps *caps, struct caps_refusal *why)
{
	u64 cap = CAP(caps, EPT_VPID_CAP);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ept_caps); i++) {
		if (cap & ept_caps[i].bit)
			caps->features |= ept_caps[i].feature;
		else if (!ept_caps[i].feature)
			return refuse(why, ept_caps[i].what, MSR(EPT_VPID_CAP),
				      bit_number(ept_caps[i].bit));
	}
	caps->invept_context = cap & VMX_EPT_EXTENT_CONTEXT_BIT;
	caps->invvpid_context = cap >> 32 & VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT;
	return 0;
}

/* A feature is of no use without what it stands on: turn it off as a whole. */
static void drop(struct vmx_caps *caps, u64 feature, u32 *word, u32 bit)
{
	caps->features &= ~feature;
	*word &= ~bit;
}

static void settle(struct vmx_caps *caps)
{
	u32 vpid = CAP(caps, EPT_VPID_CAP) >> 32;

	if (!(vpid & VMX_VPID_INVVPID_BIT) ||
	    !(vpid & VMX_VPID_EXTENT_GLOBAL_CONTEXT_BIT))
		drop(caps, TVX_FEAT_VPID, &caps->proc2, SECONDARY_EXEC_ENABLE_VPID);
	/* NMI-window exiting is a part of virtual NMIs, not to be had alone. */
	if (!(caps->proc_allowed >> 32 & CPU_BASED_NMI_WINDOW_EXITING) ||
	    !(caps->pin & PIN_BASED_VIRTUAL_NMIS))
		drop(caps, TVX_FEAT_VNMI, &caps->pin, PIN_BASED_VIRTUAL_NMIS);
	if (!(caps->features & TVX_FEAT_TPR_SHADOW))
		caps->proc |= CPU_BASED_CR8_LOAD_EXITING | CPU_BASED_CR8_STORE_EXITING;
	if (!(caps->features & TVX_FEAT_TPR_SHADOW))
		caps->features &= ~TVX_FEAT_APICV;
	if (!(caps->features & TVX_FEAT_EPT_AD))
		caps->features &= ~TVX_FEAT_PML;
	caps->features &= ~TVX_FEAT_NONE;
	caps->perf_load = caps->exit_allowed >> 32 & VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL &&
			  caps->entry_allowed >> 32 & VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL;
	if (caps->features & TVX_FEAT_UNRESTRICTED)
		caps->cr0_fixed1 &= ~(u64)(X86_CR0_PE | X86_CR0_PG);
}

int caps_negotiate(struct vmx_caps *caps, int (*rdmsr)(u32 msr, u64 *value),
		   struct caps_refusal *why)
{
	int err;

	caps->features = 0;
	err = read_msrs(caps, rdmsr, why) ?: basics(caps, why) ?:
	      choose_controls(caps, why) ?: ept_and_vpid(caps, why);
	if (err)
		return err;
	if ((u32)caps->proc_allowed & PAGING_EXITS)
		return refuse(why, "control over CR3 and INVLPG exits (the TRUE MSRs)",
			      MSR(BASIC), 55);
	settle(caps);
	return 0;
}

void caps_apply_errata(struct vmx_caps *caps, u32 signature)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errata); i++) {
		if ((signature ^ errata[i].signature) & errata[i].mask)
			continue;
		if (errata[i].what == BAD_TIMER)
			drop(caps, TVX_FEAT_SLICE, &caps->pin, PIN_BASED_VMX_PREEMPTION_TIMER);
		else
			caps->perf_load = false;
	}
}

bool caps_vmx_enabled(u64 feat_ctl, bool kernel_agrees)
{
	u64 both = FEAT_CTL_VMX_ENABLED_INSIDE_SMX | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX;

	if ((feat_ctl & both) == both)
		return true;
	return feat_ctl & both && kernel_agrees;
}

const char *caps_differ(const struct vmx_caps *a, const struct vmx_caps *b)
{
	unsigned int i;

	for (i = 0; i < TVX_NR_VMX_MSRS; i++)
		if (a->msrs[i] != b->msrs[i])
			break;
	if (i == TVX_NR_VMX_MSRS)
		return NULL;
	if (a->revision != b->revision)
		return "the VMCS revision id";
	if (a->pin != b->pin || a->proc != b->proc || a->proc2 != b->proc2 ||
	    a->proc_allowed != b->proc_allowed || a->proc2_allowed != b->proc2_allowed)
		return "the execution controls";
	if (a->exit != b->exit || a->entry != b->entry)
		return "the exit or entry controls";
	if (a->cr0_fixed1 != b->cr0_fixed1 || a->cr0_allowed != b->cr0_allowed ||
	    a->cr4_fixed1 != b->cr4_fixed1 || a->cr4_allowed != b->cr4_allowed)
		return "the fixed bits of CR0 and CR4";
	if (a->features != b->features || a->timer_shift != b->timer_shift)
		return "the optional features";
	if (a->invept_context != b->invept_context || a->invvpid_context != b->invvpid_context)
		return "the types of INVEPT or INVVPID";
	/* A difference in something that we do not use. */
	return NULL;
}
