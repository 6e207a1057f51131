// SPDX-License-Identifier: GPL-2.0-only
/*
 * "Checks on Guest Non-Register State" and "Checks on Guest Page-Directory-
 * Pointer-Table Entries": VM exit with reason 33.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/types.h>
#include <asm/trapnr.h>
#include <uapi/asm/debugreg.h>
#include "entrycheck.h"
#include "entrycheck_rules.h"

static u64 state_activity_unknown(const struct entry_view *v, const struct entry_rule *r)
{
	u64 misc = v->caps->misc;

	switch (entry_value(v, r->field)) {
	case GUEST_ACTIVITY_ACTIVE:
		return 0;
	case GUEST_ACTIVITY_HLT:
		return misc & VMX_MISC_ACTIVITY_HLT ? 0 : ENTRY_WHOLE_VALUE;
	case GUEST_ACTIVITY_SHUTDOWN:
		return misc & VMX_MISC_ACTIVITY_SHUTDOWN ? 0 : ENTRY_WHOLE_VALUE;
	case GUEST_ACTIVITY_WAIT_SIPI:
		return misc & VMX_MISC_ACTIVITY_WAIT_SIPI ? 0 : ENTRY_WHOLE_VALUE;
	default:
		return ENTRY_WHOLE_VALUE;
	}
}

static u64 state_hlt_cpl(const struct entry_view *v, const struct entry_rule *r)
{
	return entry_value(v, r->field) == GUEST_ACTIVITY_HLT &&
	       VMX_AR_DPL(entry_seg_ar(v, SEG_SS)) ? ENTRY_WHOLE_VALUE : 0;
}

static u64 state_inactive_shadow(const struct entry_view *v, const struct entry_rule *r)
{
	u64 shadow = entry_value(v, GUEST_INTERRUPTIBILITY_INFO) &
		     (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS);

	return shadow && entry_value(v, r->field) != GUEST_ACTIVITY_ACTIVE ? ENTRY_WHOLE_VALUE : 0;
}

/* Type and vector of the injected event. */
#define STATE_EVENT(type, vector)	((type) | (vector))

static u64 state_hlt_event(const struct entry_view *v, const struct entry_rule *r)
{
	u32 event = entry_value(v, VM_ENTRY_INTR_INFO_FIELD) &
		    (INTR_INFO_INTR_TYPE_MASK | INTR_INFO_VECTOR_MASK);

	if (entry_value(v, r->field) != GUEST_ACTIVITY_HLT)
		return 0;
	switch (event) {
	case STATE_EVENT(INTR_TYPE_EXT_INTR, 0) ... STATE_EVENT(INTR_TYPE_EXT_INTR, 255):
	case STATE_EVENT(INTR_TYPE_NMI_INTR, X86_TRAP_NMI):
	case STATE_EVENT(INTR_TYPE_HARD_EXCEPTION, X86_TRAP_DB):
	case STATE_EVENT(INTR_TYPE_HARD_EXCEPTION, X86_TRAP_MC):
	case STATE_EVENT(INTR_TYPE_OTHER_EVENT, 0):
		return 0;
	default:
		return ENTRY_WHOLE_VALUE;
	}
}

static u64 state_shutdown_event(const struct entry_view *v, const struct entry_rule *r)
{
	u32 event = entry_value(v, VM_ENTRY_INTR_INFO_FIELD) &
		    (INTR_INFO_INTR_TYPE_MASK | INTR_INFO_VECTOR_MASK);

	if (entry_value(v, r->field) != GUEST_ACTIVITY_SHUTDOWN)
		return 0;
	switch (event) {
	case STATE_EVENT(INTR_TYPE_NMI_INTR, X86_TRAP_NMI):
	case STATE_EVENT(INTR_TYPE_HARD_EXCEPTION, X86_TRAP_MC):
		return 0;
	default:
		return ENTRY_WHOLE_VALUE;
	}
}

/* In wait-for-SIPI, neither an event nor an entry to SMM: row by @word and @when. */
static u64 state_waits_for_sipi(const struct entry_view *v, const struct entry_rule *r)
{
	return entry_value(v, r->field) == GUEST_ACTIVITY_WAIT_SIPI ? ENTRY_WHOLE_VALUE : 0;
}

static u64 state_both_shadows(const struct entry_view *v, const struct entry_rule *r)
{
	const u64 both = GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS;

	return (entry_value(v, r->field) & both) == both ? both : 0;
}

static u64 state_sti_without_if(const struct entry_view *v, const struct entry_rule *r)
{
	if (entry_value(v, GUEST_RFLAGS) & X86_EFLAGS_IF)
		return 0;
	return entry_value(v, r->field) & GUEST_INTR_STATE_STI;
}

static u64 state_nmi_blocked(const struct entry_view *v, const struct entry_rule *r)
{
	if (!(v->word[WORD_PIN] & PIN_BASED_VIRTUAL_NMIS))
		return 0;
	return entry_value(v, r->field) & GUEST_INTR_STATE_NMI;
}

/* An interrupted enclave: not on a CPU without SGX, and not behind MOV SS. */
static u64 state_enclave(const struct entry_view *v, const struct entry_rule *r)
{
	return v->caps->sgx ? 0 : entry_value(v, r->field) & GUEST_INTR_STATE_ENCLAVE_INTR;
}

static u64 state_enclave_shadow(const struct entry_view *v, const struct entry_rule *r)
{
	const u64 both = GUEST_INTR_STATE_ENCLAVE_INTR | GUEST_INTR_STATE_MOV_SS;

	return (entry_value(v, r->field) & both) == both ? both : 0;
}

/* DR_TRAP_BITS, "enabled breakpoint" (12), BS, RTM, and bus locks where the CPU detects them. */
static u64 state_pending_reserved(const struct entry_view *v, const struct entry_rule *r)
{
	u64 known = DR_TRAP_BITS | BIT(12) | DR_STEP | PENDING_DBG_RTM;

	if ((v->caps->proc2 >> 32) & SECONDARY_EXEC_BUS_LOCK_DETECTION)
		known |= DR_BUS_LOCK;
	return entry_value(v, r->field) & ~known;
}

/*
 * With the debug exception of the last instruction still to come (blocking by
 * STI or MOV SS, or HLT), BS must say whether that instruction was stepped.
 * @arg: the value of BS that this row is about.
 */
static u64 state_pending_step(const struct entry_view *v, const struct entry_rule *r)
{
	bool held = (entry_value(v, GUEST_INTERRUPTIBILITY_INFO) &
		     (GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS)) ||
		    entry_value(v, GUEST_ACTIVITY_STATE) == GUEST_ACTIVITY_HLT;
	bool steps = (entry_value(v, GUEST_RFLAGS) & X86_EFLAGS_TF) &&
		     !(entry_value(v, GUEST_IA32_DEBUGCTL) & DEBUGCTLMSR_BTF);
	u64 bs = entry_value(v, r->field) & DR_STEP;

	return held && !!bs == r->arg && steps != !!bs ? DR_STEP : 0;
}

static u64 state_pending_rtm_others(const struct entry_view *v, const struct entry_rule *r)
{
	u64 value = entry_value(v, r->field);

	return (value & (GENMASK_ULL(11, 0) | GENMASK_ULL(15, 13) | GENMASK_ULL(63, 17))) |
	       (~value & BIT(12));
}

static u64 state_pending_rtm_absent(const struct entry_view *v, const struct entry_rule *r)
{
	return v->caps->rtm ? 0 : PENDING_DBG_RTM;
}

static u64 state_link_revision(const struct entry_view *v, const struct entry_rule *r)
{
	u64 want = vmx_basic_vmcs_revision_id(v->caps->basic);
	u64 addr = entry_value(v, r->field);
	u64 revision;

	if (v->word[WORD_PROC2] & SECONDARY_EXEC_SHADOW_VMCS)
		want |= BIT(31);
	if (addr & 7 || !v->src->read_phys || !v->src->read_phys(v->src->ctx, addr, &revision))
		return 0;
	return (u32)revision == want ? 0 : ENTRY_WHOLE_VALUE;
}

static u64 state_link_to_itself(const struct entry_view *v, const struct entry_rule *r)
{
	return entry_value(v, r->field) == v->src->vmcs ? ENTRY_WHOLE_VALUE : 0;
}

static u64 state_pdpte_reserved(const struct entry_view *v, u64 pdpte)
{
	u64 reserved = entry_above(v->caps->maxphyaddr) | GENMASK_ULL(8, 5) | GENMASK_ULL(2, 1);

	return pdpte & 1 ? pdpte & reserved : 0;
}

static u64 state_pdpte_field(const struct entry_view *v, const struct entry_rule *r)
{
	return state_pdpte_reserved(v, entry_value(v, r->field));
}

/* @arg: number of the entry in the table that CR3 points to. */
static u64 state_pdpte_memory(const struct entry_view *v, const struct entry_rule *r)
{
	u64 table = entry_value(v, r->field) & GENMASK_ULL(31, 5);
	u64 pdpte;

	if (!v->src->read_phys || !v->src->read_phys(v->src->ctx, table + 8 * r->arg, &pdpte))
		return 0;
	return state_pdpte_reserved(v, pdpte) ? ENTRY_WHOLE_VALUE : 0;
}

#define STATE_PDPTE(n)									\
	{ GUEST_PDPTR##n, ON(FACTS, FACT_PAE_EPT), .wrong = state_pdpte_field,		\
	  .text = "reserved bits of PDPTE " #n " are not 0" },				\
	{ GUEST_CR3, ON(FACTS, FACT_PAE_NO_EPT), .wrong = state_pdpte_memory, .arg = n,	\
	  .text = "reserved bits of PDPTE " #n " in memory are not 0" }

const struct entry_rule entry_state_rules[] = {
	/* Activity state */
	{ GUEST_ACTIVITY_STATE, .wrong = state_activity_unknown,
	  .text = "this CPU does not have the activity state" },
	{ GUEST_ACTIVITY_STATE, .wrong = state_hlt_cpl,
	  .text = "activity state is HLT with guest SS.DPL not 0" },
	{ GUEST_ACTIVITY_STATE, .wrong = state_inactive_shadow,
	  .text = "activity state is not active with blocking by STI or MOV SS" },
	{ GUEST_ACTIVITY_STATE, ON(FACTS, FACT_INJECT), .wrong = state_hlt_event,
	  .text = "activity state is HLT, out of which the injected event cannot bring" },
	{ GUEST_ACTIVITY_STATE, ON(FACTS, FACT_INJECT), .wrong = state_shutdown_event,
	  .text = "activity state is shutdown and the injected event not NMI or #MC" },
	{ GUEST_ACTIVITY_STATE, ON(FACTS, FACT_INJECT), .wrong = state_waits_for_sipi,
	  .text = "activity state is wait-for-SIPI and an event is injected" },
	{ GUEST_ACTIVITY_STATE, ON(ENTRY, VM_ENTRY_SMM), .wrong = state_waits_for_sipi,
	  .text = "activity state is wait-for-SIPI in an entry to SMM" },

	/* Interruptibility state */
	{ GUEST_INTERRUPTIBILITY_INFO, MUST_BE_0(GENMASK_ULL(31, 5)),
	  .text = "reserved bits of the interruptibility state are not 0" },
	{ GUEST_INTERRUPTIBILITY_INFO, .wrong = state_both_shadows,
	  .text = "blocking by both STI and MOV SS" },
	{ GUEST_INTERRUPTIBILITY_INFO, .wrong = state_sti_without_if,
	  .text = "blocking by STI with guest RFLAGS.IF 0" },
	{ GUEST_INTERRUPTIBILITY_INFO, ON(FACTS, FACT_INJECT_INTR),
	  MUST_BE_0(GUEST_INTR_STATE_STI | GUEST_INTR_STATE_MOV_SS),
	  .text = "external interrupt injected under blocking by STI or MOV SS" },
	{ GUEST_INTERRUPTIBILITY_INFO, ON(FACTS, FACT_INJECT_NMI),
	  MUST_BE_0(GUEST_INTR_STATE_MOV_SS),
	  .text = "NMI injected under blocking by MOV SS" },
	{ GUEST_INTERRUPTIBILITY_INFO, ON(FACTS, FACT_INJECT_NMI),
	  MUST_BE_0(GUEST_INTR_STATE_STI),
	  .text = "NMI injected under blocking by STI, which some CPUs refuse" },
	{ GUEST_INTERRUPTIBILITY_INFO, ON(FACTS, FACT_INJECT_NMI), .wrong = state_nmi_blocked,
	  .text = "NMI injected under blocking by NMI, with virtual NMIs" },
	{ GUEST_INTERRUPTIBILITY_INFO, MUST_BE_0(GUEST_INTR_STATE_SMI),
	  .text = "blocking by SMI outside SMM" },
	{ GUEST_INTERRUPTIBILITY_INFO, ON(ENTRY, VM_ENTRY_SMM), MUST_BE_1(GUEST_INTR_STATE_SMI),
	  .text = "no blocking by SMI in an entry to SMM" },
	{ GUEST_INTERRUPTIBILITY_INFO, .wrong = state_enclave,
	  .text = "enclave interruption on a CPU without SGX" },
	{ GUEST_INTERRUPTIBILITY_INFO, .wrong = state_enclave_shadow,
	  .text = "enclave interruption with blocking by MOV SS" },

	/* Pending debug exceptions */
	{ GUEST_PENDING_DBG_EXCEPTIONS, .wrong = state_pending_reserved,
	  .text = "reserved bits of the pending debug exceptions are not 0" },
	{ GUEST_PENDING_DBG_EXCEPTIONS, .wrong = state_pending_step, .arg = 0,
	  .text = "pending debug exceptions lack BS, RFLAGS.TF being 1" },
	{ GUEST_PENDING_DBG_EXCEPTIONS, .wrong = state_pending_step, .arg = 1,
	  .text = "pending debug exceptions have BS, RFLAGS.TF being 0 or IA32_DEBUGCTL.BTF 1" },
	{ GUEST_PENDING_DBG_EXCEPTIONS, ON(FACTS, FACT_PENDING_RTM),
	  .wrong = state_pending_rtm_others,
	  .text = "pending debug exceptions with RTM need bit 12 and no other" },
	{ GUEST_PENDING_DBG_EXCEPTIONS, ON(FACTS, FACT_PENDING_RTM),
	  .wrong = state_pending_rtm_absent,
	  .text = "pending debug exceptions have RTM on a CPU without it" },
	{ GUEST_INTERRUPTIBILITY_INFO, ON(FACTS, FACT_PENDING_RTM),
	  MUST_BE_0(GUEST_INTR_STATE_MOV_SS),
	  .text = "pending debug exceptions have RTM under blocking by MOV SS" },

	/* VMCS link pointer */
	PAGE_ADDR(VMCS_LINK_POINTER, "VMCS link pointer", ON(FACTS, FACT_LINK)),
	{ VMCS_LINK_POINTER, ON(FACTS, FACT_LINK), .wrong = state_link_revision,
	  .text = "VMCS link pointer leads to no VMCS of the kind expected" },
	{ VMCS_LINK_POINTER, ON(FACTS, FACT_LINK), .wrong = state_link_to_itself,
	  .text = "VMCS link pointer leads to the current VMCS" },

	/* Page-directory-pointer-table entries */
	STATE_PDPTE(0),
	STATE_PDPTE(1),
	STATE_PDPTE(2),
	STATE_PDPTE(3),
};

const unsigned int entry_state_rules_count = ARRAY_SIZE(entry_state_rules);
