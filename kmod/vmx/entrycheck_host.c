// SPDX-License-Identifier: GPL-2.0-only
/*
 * "Checks on Host State": what makes a VM entry fail with VM-instruction
 * error 8.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/types.h>
#include <asm/segment.h>
#include "entrycheck.h"
#include "entrycheck_rules.h"

/* LMA and LME must both be as the host address-space size says. */
static u64 host_efer_mode(const struct entry_view *v, const struct entry_rule *r)
{
	const u64 mode = EFER_LMA | EFER_LME;
	u64 want = v->word[WORD_FACTS] & FACT_HOST32 ? 0 : mode;

	return (entry_value(v, r->field) & mode) ^ want;
}

static u64 host_cet_high(const struct entry_view *v, const struct entry_rule *r)
{
	return v->word[WORD_FACTS] & FACT_HOST32 ? entry_value(v, r->field) & HIGH_HALF : 0;
}

#define HOST_SELECTOR(seg)									\
	{ HOST_##seg##_SELECTOR, MUST_BE_0(SEGMENT_RPL_MASK | SEGMENT_TI_MASK),		\
	  .text = "RPL and TI of host " #seg " are not 0" }
#define HOST_CANONICAL(fld, what, ...)							\
	{ .field = fld, __VA_ARGS__, .wrong = entry_not_canonical,			\
	  .text = what " is not canonical" }

const struct entry_rule entry_host_rules[] = {
	/* Control registers, MSRs and SSP */
	{ HOST_CR0, HAS_TO_BE_1(cr0_fixed0),
	  .text = "a bit of host CR0 that VMX needs is 0" },
	{ HOST_CR0, MAY_BE_1(cr0_fixed1),
	  .text = "a bit of host CR0 that VMX does not allow is 1" },
	{ HOST_CR4, HAS_TO_BE_1(cr4_fixed0),
	  .text = "a bit of host CR4 that VMX needs is 0" },
	{ HOST_CR4, MAY_BE_1(cr4_fixed1),
	  .text = "a bit of host CR4 that VMX does not allow is 1" },
	{ HOST_CR0, ON(FACTS, FACT_HOST_CET), MUST_BE_1(X86_CR0_WP),
	  .text = "host CR4.CET needs CR0.WP" },
	{ HOST_CR3, .wrong = entry_bad_cr3,
	  .text = "host CR3 is beyond the physical-address width" },
	HOST_CANONICAL(HOST_IA32_SYSENTER_ESP, "host IA32_SYSENTER_ESP", ON(FACTS, 0)),
	HOST_CANONICAL(HOST_IA32_SYSENTER_EIP, "host IA32_SYSENTER_EIP", ON(FACTS, 0)),
	{ HOST_IA32_PERF_GLOBAL_CTRL, ON(EXIT, VM_EXIT_LOAD_IA32_PERF_GLOBAL_CTRL),
	  MAY_BE_1(perf_global_ctrl),
	  .text = "reserved bits of host IA32_PERF_GLOBAL_CTRL are not 0" },
	{ HOST_IA32_PAT, ON(EXIT, VM_EXIT_LOAD_IA32_PAT), .wrong = entry_bad_pat,
	  .text = "host IA32_PAT has an unknown memory type" },
	{ HOST_IA32_EFER, ON(EXIT, VM_EXIT_LOAD_IA32_EFER), MAY_BE_1(efer),
	  .text = "reserved bits of host IA32_EFER are not 0" },
	{ HOST_IA32_EFER, ON(EXIT, VM_EXIT_LOAD_IA32_EFER), .wrong = host_efer_mode,
	  .text = "host IA32_EFER.LMA and LME do not match host address-space size" },
	{ HOST_IA32_PKRS, ON(EXIT, VM_EXIT_LOAD_IA32_PKRS), MUST_BE_0(HIGH_HALF),
	  .text = "bits 63:32 of host IA32_PKRS are not 0" },
	HOST_CANONICAL(HOST_S_CET, "host IA32_S_CET", ON(EXIT, VM_EXIT_LOAD_CET_STATE)),
	{ HOST_S_CET, ON(EXIT, VM_EXIT_LOAD_CET_STATE), MUST_BE_0(CET_RESERVED),
	  .text = "reserved bits of host IA32_S_CET are not 0" },
	{ HOST_S_CET, ON(EXIT, VM_EXIT_LOAD_CET_STATE), .wrong = entry_bad_cet_tracker,
	  .text = "host IA32_S_CET has both SUPPRESS and TRACKER" },
	HOST_CANONICAL(HOST_SSP, "host SSP", ON(EXIT, VM_EXIT_LOAD_CET_STATE)),
	{ HOST_SSP, ON(EXIT, VM_EXIT_LOAD_CET_STATE), MUST_BE_0(GENMASK_ULL(1, 0)),
	  .text = "bits 1:0 of host SSP are not 0" },
	HOST_CANONICAL(HOST_INTR_SSP_TABLE, "host IA32_INTERRUPT_SSP_TABLE_ADDR",
		       ON(EXIT, VM_EXIT_LOAD_CET_STATE)),

	/* Segment and descriptor-table registers */
	HOST_SELECTOR(ES),
	HOST_SELECTOR(CS),
	HOST_SELECTOR(SS),
	HOST_SELECTOR(DS),
	HOST_SELECTOR(FS),
	HOST_SELECTOR(GS),
	HOST_SELECTOR(TR),
	{ HOST_CS_SELECTOR, .wrong = entry_zero, .text = "host CS is null" },
	{ HOST_TR_SELECTOR, .wrong = entry_zero, .text = "host TR is null" },
	{ HOST_SS_SELECTOR, ON(FACTS, FACT_HOST32), .wrong = entry_zero,
	  .text = "host SS is null in a 32-bit host" },
	HOST_CANONICAL(HOST_FS_BASE, "host FS base", ON(FACTS, 0)),
	HOST_CANONICAL(HOST_GS_BASE, "host GS base", ON(FACTS, 0)),
	HOST_CANONICAL(HOST_TR_BASE, "host TR base", ON(FACTS, 0)),
	HOST_CANONICAL(HOST_GDTR_BASE, "host GDTR base", ON(FACTS, 0)),
	HOST_CANONICAL(HOST_IDTR_BASE, "host IDTR base", ON(FACTS, 0)),

	/* Address-space size */
	{ VM_EXIT_CONTROLS, MUST_BE_1(VM_EXIT_HOST_ADDR_SPACE_SIZE),
	  .text = "host is in IA-32e mode but host address-space size is 0" },
	{ VM_ENTRY_CONTROLS, ON(FACTS, FACT_HOST32), MUST_BE_0(VM_ENTRY_IA32E_MODE),
	  .text = "IA-32e mode guest in a 32-bit host" },
	{ HOST_CR4, ON(FACTS, FACT_HOST32), MUST_BE_0(X86_CR4_PCIDE),
	  .text = "CR4.PCIDE in a 32-bit host" },
	{ HOST_RIP, ON(FACTS, FACT_HOST32), MUST_BE_0(HIGH_HALF),
	  .text = "bits 63:32 of RIP of a 32-bit host are not 0" },
	{ HOST_S_CET, ON(EXIT, VM_EXIT_LOAD_CET_STATE), .wrong = host_cet_high,
	  .text = "bits 63:32 of IA32_S_CET of a 32-bit host are not 0" },
	{ HOST_SSP, ON(EXIT, VM_EXIT_LOAD_CET_STATE), .wrong = host_cet_high,
	  .text = "bits 63:32 of SSP of a 32-bit host are not 0" },
	{ HOST_CR4, ON(EXIT, VM_EXIT_HOST_ADDR_SPACE_SIZE), MUST_BE_1(X86_CR4_PAE),
	  .text = "host CR4.PAE is 0 in a 64-bit host" },
	HOST_CANONICAL(HOST_RIP, "host RIP", ON(EXIT, VM_EXIT_HOST_ADDR_SPACE_SIZE)),
};

const unsigned int entry_host_rules_count = ARRAY_SIZE(entry_host_rules);
