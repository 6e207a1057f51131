// SPDX-License-Identifier: GPL-2.0-only
/*
 * "Checks on the Guest State Area", registers other than segment registers:
 * what makes a VM entry end in a VM exit with reason 33.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/types.h>
#include "entrycheck.h"
#include "entrycheck_rules.h"

static u64 guest_cr0_needs(const struct entry_view *v, const struct entry_rule *r)
{
	u64 need = v->caps->cr0_fixed0 & ~(X86_CR0_CD | X86_CR0_NW);

	if (v->word[WORD_FACTS] & FACT_UNRESTRICTED)
		need &= ~(X86_CR0_PE | X86_CR0_PG);
	return ~entry_value(v, r->field) & need;
}

static u64 guest_cr0_allows(const struct entry_view *v, const struct entry_rule *r)
{
	u64 allowed = v->caps->cr0_fixed1 | X86_CR0_CD | X86_CR0_NW;

	return entry_value(v, r->field) & ~allowed;
}

static u64 guest_efer_lma(const struct entry_view *v, const struct entry_rule *r)
{
	u64 want = v->word[WORD_ENTRY] & VM_ENTRY_IA32E_MODE ? EFER_LMA : 0;

	return (entry_value(v, r->field) & EFER_LMA) ^ want;
}

static u64 guest_efer_lme(const struct entry_view *v, const struct entry_rule *r)
{
	u64 efer = entry_value(v, r->field);

	if (!(v->word[WORD_FACTS] & FACT_PAGING) || !(efer & EFER_LMA) == !(efer & EFER_LME))
		return 0;
	return EFER_LMA | EFER_LME;
}

/* The linear address in bits 63:12. */
static u64 guest_bndcfgs_address(const struct entry_view *v, const struct entry_rule *r)
{
	u64 sign = entry_above(v->caps->linear_bits - 1);
	u64 high = entry_value(v, r->field) & sign;

	return high && high != sign ? GENMASK_ULL(63, 12) : 0;
}

static u64 guest_cet_high(const struct entry_view *v, const struct entry_rule *r)
{
	return v->word[WORD_FACTS] & r->arg ? entry_value(v, r->field) & HIGH_HALF : 0;
}

static u64 guest_rip_canonical(const struct entry_view *v, const struct entry_rule *r)
{
	/* One bit more than canonical: RIP may be just past the lower half. */
	u64 sign = entry_above(v->caps->linear_bits);
	u64 high = entry_value(v, r->field) & sign;

	return high && high != sign ? sign : 0;
}

static u64 guest_vm_flag(const struct entry_view *v, const struct entry_rule *r)
{
	bool pe = entry_value(v, GUEST_CR0) & X86_CR0_PE;

	return pe ? 0 : entry_value(v, r->field) & X86_EFLAGS_VM;
}

#define GUEST_CANONICAL(fld, what, ...)							\
	{ .field = fld, __VA_ARGS__, .wrong = entry_not_canonical,			\
	  .text = what " is not canonical" }

#define CET_LOADED	ON(ENTRY, VM_ENTRY_LOAD_CET_STATE)

const struct entry_rule entry_guest_rules[] = {
	/* Control registers */
	{ GUEST_CR0, .wrong = guest_cr0_needs,
	  .text = "a bit of guest CR0 that VMX needs is 0" },
	{ GUEST_CR0, .wrong = guest_cr0_allows,
	  .text = "a bit of guest CR0 that VMX does not allow is 1" },
	{ GUEST_CR0, ON(FACTS, FACT_PAGING), MUST_BE_1(X86_CR0_PE),
	  .text = "guest CR0.PG needs CR0.PE" },
	{ GUEST_CR4, HAS_TO_BE_1(cr4_fixed0),
	  .text = "a bit of guest CR4 that VMX needs is 0" },
	{ GUEST_CR4, MAY_BE_1(cr4_fixed1),
	  .text = "a bit of guest CR4 that VMX does not allow is 1" },
	{ GUEST_CR0, ON(FACTS, FACT_GUEST_CET), MUST_BE_1(X86_CR0_WP),
	  .text = "guest CR4.CET needs CR0.WP" },
	{ GUEST_CR0, ON(ENTRY, VM_ENTRY_IA32E_MODE), MUST_BE_1(X86_CR0_PG),
	  .text = "IA-32e mode guest needs CR0.PG" },
	{ GUEST_CR4, ON(ENTRY, VM_ENTRY_IA32E_MODE), MUST_BE_1(X86_CR4_PAE),
	  .text = "IA-32e mode guest needs CR4.PAE" },
	{ GUEST_CR4, ON(FACTS, FACT_GUEST32), MUST_BE_0(X86_CR4_PCIDE),
	  .text = "CR4.PCIDE outside an IA-32e mode guest" },
	{ GUEST_CR3, .wrong = entry_bad_cr3,
	  .text = "guest CR3 is beyond the physical-address width" },

	/* Debug registers and MSRs */
	{ GUEST_IA32_DEBUGCTL, ON(ENTRY, VM_ENTRY_LOAD_DEBUG_CONTROLS), MAY_BE_1(debugctl),
	  .text = "reserved bits of guest IA32_DEBUGCTL are not 0" },
	{ GUEST_DR7, ON(ENTRY, VM_ENTRY_LOAD_DEBUG_CONTROLS), MUST_BE_0(HIGH_HALF),
	  .text = "bits 63:32 of guest DR7 are not 0" },
	GUEST_CANONICAL(GUEST_SYSENTER_ESP, "guest IA32_SYSENTER_ESP", ON(FACTS, 0)),
	GUEST_CANONICAL(GUEST_SYSENTER_EIP, "guest IA32_SYSENTER_EIP", ON(FACTS, 0)),
	{ GUEST_IA32_PERF_GLOBAL_CTRL, ON(ENTRY, VM_ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL),
	  MAY_BE_1(perf_global_ctrl),
	  .text = "reserved bits of guest IA32_PERF_GLOBAL_CTRL are not 0" },
	{ GUEST_IA32_PAT, ON(ENTRY, VM_ENTRY_LOAD_IA32_PAT), .wrong = entry_bad_pat,
	  .text = "guest IA32_PAT has an unknown memory type" },
	{ GUEST_IA32_EFER, ON(ENTRY, VM_ENTRY_LOAD_IA32_EFER), MAY_BE_1(efer),
	  .text = "reserved bits of guest IA32_EFER are not 0" },
	{ GUEST_IA32_EFER, ON(ENTRY, VM_ENTRY_LOAD_IA32_EFER), .wrong = guest_efer_lma,
	  .text = "guest IA32_EFER.LMA does not match IA-32e mode guest" },
	{ GUEST_IA32_EFER, ON(ENTRY, VM_ENTRY_LOAD_IA32_EFER), .wrong = guest_efer_lme,
	  .text = "guest IA32_EFER.LMA and LME differ with CR0.PG 1" },
	{ GUEST_BNDCFGS, ON(ENTRY, VM_ENTRY_LOAD_BNDCFGS), MUST_BE_0(MSR_IA32_BNDCFGS_RSVD),
	  .text = "reserved bits of guest IA32_BNDCFGS are not 0" },
	{ GUEST_BNDCFGS, ON(ENTRY, VM_ENTRY_LOAD_BNDCFGS), .wrong = guest_bndcfgs_address,
	  .text = "address in guest IA32_BNDCFGS is not canonical" },
	{ GUEST_IA32_RTIT_CTL, ON(ENTRY, VM_ENTRY_LOAD_IA32_RTIT_CTL), MAY_BE_1(rtit_ctl),
	  .text = "reserved bits of guest IA32_RTIT_CTL are not 0" },
	{ GUEST_IA32_LBR_CTL, ON(ENTRY, VM_ENTRY_LOAD_IA32_LBR_CTL), MAY_BE_1(lbr_ctl),
	  .text = "reserved bits of guest IA32_LBR_CTL are not 0" },
	{ GUEST_IA32_PKRS, ON(ENTRY, VM_ENTRY_LOAD_IA32_PKRS), MUST_BE_0(HIGH_HALF),
	  .text = "bits 63:32 of guest IA32_PKRS are not 0" },
	{ GUEST_UINV, ON(ENTRY, VM_ENTRY_LOAD_UINV), MUST_BE_0(GENMASK_ULL(15, 8)),
	  .text = "guest user-interrupt notification vector is above 255" },
	GUEST_CANONICAL(GUEST_S_CET, "guest IA32_S_CET", CET_LOADED),
	{ GUEST_S_CET, CET_LOADED, MUST_BE_0(CET_RESERVED),
	  .text = "reserved bits of guest IA32_S_CET are not 0" },
	{ GUEST_S_CET, CET_LOADED, .wrong = entry_bad_cet_tracker,
	  .text = "guest IA32_S_CET has both SUPPRESS and TRACKER" },
	{ GUEST_S_CET, CET_LOADED, .wrong = guest_cet_high, .arg = FACT_GUEST32,
	  .text = "bits 63:32 of IA32_S_CET outside an IA-32e mode guest are not 0" },
	GUEST_CANONICAL(GUEST_INTR_SSP_TABLE, "guest IA32_INTERRUPT_SSP_TABLE_ADDR", CET_LOADED),

	/* Descriptor-table registers */
	GUEST_CANONICAL(GUEST_GDTR_BASE, "guest GDTR base", ON(FACTS, 0)),
	GUEST_CANONICAL(GUEST_IDTR_BASE, "guest IDTR base", ON(FACTS, 0)),
	{ GUEST_GDTR_LIMIT, MUST_BE_0(GENMASK_ULL(31, 16)),
	  .text = "bits 31:16 of guest GDTR limit are not 0" },
	{ GUEST_IDTR_LIMIT, MUST_BE_0(GENMASK_ULL(31, 16)),
	  .text = "bits 31:16 of guest IDTR limit are not 0" },

	/* RIP, RFLAGS and SSP */
	{ GUEST_RIP, ON(FACTS, FACT_GUEST32_CODE), MUST_BE_0(HIGH_HALF),
	  .text = "bits 63:32 of guest RIP are not 0 outside 64-bit mode" },
	{ GUEST_RIP, ON(FACTS, FACT_GUEST64_CODE), .wrong = guest_rip_canonical,
	  .text = "guest RIP is beyond the linear-address width" },
	{ GUEST_RFLAGS, MUST_BE_0(GENMASK_ULL(63, 22) | BIT(15) | BIT(5) | BIT(3)),
	  .text = "reserved bits of guest RFLAGS are not 0" },
	{ GUEST_RFLAGS, MUST_BE_1(X86_EFLAGS_FIXED),
	  .text = "bit 1 of guest RFLAGS is 0" },
	{ GUEST_RFLAGS, ON(ENTRY, VM_ENTRY_IA32E_MODE), MUST_BE_0(X86_EFLAGS_VM),
	  .text = "guest RFLAGS.VM in an IA-32e mode guest" },
	{ GUEST_RFLAGS, .wrong = guest_vm_flag,
	  .text = "guest RFLAGS.VM with CR0.PE 0" },
	{ GUEST_RFLAGS, ON(FACTS, FACT_INJECT_INTR), MUST_BE_1(X86_EFLAGS_IF),
	  .text = "external interrupt injected with guest RFLAGS.IF 0" },
	{ GUEST_SSP, CET_LOADED, MUST_BE_0(GENMASK_ULL(1, 0)),
	  .text = "bits 1:0 of guest SSP are not 0" },
	{ GUEST_SSP, CET_LOADED, .wrong = guest_cet_high, .arg = FACT_GUEST32_CODE,
	  .text = "bits 63:32 of guest SSP are not 0 outside 64-bit mode" },
	GUEST_CANONICAL(GUEST_SSP, "guest SSP", CET_LOADED),
};

const unsigned int entry_guest_rules_count = ARRAY_SIZE(entry_guest_rules);
