// SPDX-License-Identifier: GPL-2.0-only
/*
 * Explain a failed VM entry: the walk over the tables of rules, and what the
 * rules of several tables share.
 */
#include <linux/bits.h>
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/types.h>
#include <asm/apicdef.h>
#include "entrycheck.h"
#include "entrycheck_rules.h"

const struct entry_table entry_tables[5] = {
	{ ENTRY_CONTROLS, entry_control_rules, &entry_control_rules_count },
	{ ENTRY_HOST, entry_host_rules, &entry_host_rules_count },
	{ ENTRY_GUEST, entry_guest_rules, &entry_guest_rules_count },
	{ ENTRY_GUEST, entry_segment_rules, &entry_segment_rules_count },
	{ ENTRY_GUEST, entry_state_rules, &entry_state_rules_count },
};

/* Cut a value to the width that the field's encoding gives. */
static u64 entry_cut(u32 field, u64 value)
{
	switch ((field >> 13) & 3) {
	case 0:
		return (u16)value;
	case 2:
		return (u32)value;
	default:
		return value;
	}
}

u64 entry_value(const struct entry_view *v, u32 field)
{
	switch (field) {
	case SECONDARY_VM_EXEC_CONTROL:
		return v->word[WORD_PROC2];
	case TERTIARY_VM_EXEC_CONTROL:
		return v->word[WORD_PROC3];
	case SECONDARY_VM_EXIT_CONTROLS:
		return v->word[WORD_EXIT2];
	default:
		return entry_cut(field, v->src->read(v->src->ctx, field));
	}
}

static void entry_read_controls(struct entry_view *v)
{
	u64 *word = v->word;

	word[WORD_PIN] = entry_value(v, PIN_BASED_VM_EXEC_CONTROL);
	word[WORD_PROC] = entry_value(v, CPU_BASED_VM_EXEC_CONTROL);
	word[WORD_EXIT] = entry_value(v, VM_EXIT_CONTROLS);
	word[WORD_ENTRY] = entry_value(v, VM_ENTRY_CONTROLS);
	if (word[WORD_PROC] & CPU_BASED_ACTIVATE_SECONDARY_CONTROLS)
		word[WORD_PROC2] = (u32)v->src->read(v->src->ctx, SECONDARY_VM_EXEC_CONTROL);
	if (word[WORD_PROC] & CPU_BASED_ACTIVATE_TERTIARY_CONTROLS)
		word[WORD_PROC3] = v->src->read(v->src->ctx, TERTIARY_VM_EXEC_CONTROL);
	if (word[WORD_EXIT] & VM_EXIT_ACTIVATE_SECONDARY_CONTROLS)
		word[WORD_EXIT2] = v->src->read(v->src->ctx, SECONDARY_VM_EXIT_CONTROLS);
}

static u64 entry_control_facts(const struct entry_view *v)
{
	const u64 *word = v->word;
	u64 facts = 0;

	if (word[WORD_PROC2] & SECONDARY_EXEC_UNRESTRICTED_GUEST)
		facts |= FACT_UNRESTRICTED;
	if (!(word[WORD_EXIT] & VM_EXIT_HOST_ADDR_SPACE_SIZE))
		facts |= FACT_HOST32;
	if (!(word[WORD_PIN] & PIN_BASED_VMX_PREEMPTION_TIMER))
		facts |= FACT_NO_PREEMPT_TIMER;
	if ((word[WORD_PROC] & CPU_BASED_TPR_SHADOW) &&
	    !(word[WORD_PROC2] & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY))
		facts |= FACT_TPR_THRESHOLD;
	if (v->src->host_tracing)
		facts |= FACT_HOST_TRACING;
	if (entry_value(v, HOST_CR4) & X86_CR4_CET)
		facts |= FACT_HOST_CET;
	return facts;
}

static u64 entry_mode_facts(const struct entry_view *v)
{
	bool ia32e = v->word[WORD_ENTRY] & VM_ENTRY_IA32E_MODE;
	bool ept = v->word[WORD_PROC2] & SECONDARY_EXEC_ENABLE_EPT;
	bool v8086 = entry_value(v, GUEST_RFLAGS) & X86_EFLAGS_VM;
	u64 cr0 = entry_value(v, GUEST_CR0), cr4 = entry_value(v, GUEST_CR4);
	u64 facts = v8086 ? FACT_V8086 : FACT_NOT_V8086;

	if (!v8086 && !(v->word[WORD_PROC2] & SECONDARY_EXEC_UNRESTRICTED_GUEST))
		facts |= FACT_RESTRICTED;
	if (!ia32e)
		facts |= FACT_GUEST32;
	if (ia32e && (entry_seg_ar(v, SEG_CS) & VMX_AR_L_MASK))
		facts |= FACT_GUEST64_CODE;
	else
		facts |= FACT_GUEST32_CODE;
	if (cr0 & X86_CR0_PG)
		facts |= FACT_PAGING;
	if (!ia32e && (cr0 & X86_CR0_PG) && (cr4 & X86_CR4_PAE))
		facts |= ept ? FACT_PAE_EPT : FACT_PAE_NO_EPT;
	if (cr4 & X86_CR4_CET)
		facts |= FACT_GUEST_CET;
	return facts;
}

static u64 entry_event_facts(const struct entry_view *v)
{
	u32 info = entry_value(v, VM_ENTRY_INTR_INFO_FIELD);
	u64 facts = 0;

	if (entry_value(v, VMCS_LINK_POINTER) != ~0ull)
		facts |= FACT_LINK;
	if (entry_value(v, GUEST_PENDING_DBG_EXCEPTIONS) & PENDING_DBG_RTM)
		facts |= FACT_PENDING_RTM;
	if (!(info & INTR_INFO_VALID_MASK))
		return facts;

	facts |= FACT_INJECT;
	if (info & INTR_INFO_DELIVER_CODE_MASK)
		facts |= FACT_INJECT_CODE;
	switch (info & INTR_INFO_INTR_TYPE_MASK) {
	case INTR_TYPE_EXT_INTR:
		return facts | FACT_INJECT_INTR;
	case INTR_TYPE_NMI_INTR:
		return facts | FACT_INJECT_NMI;
	case INTR_TYPE_SOFT_INTR:
	case INTR_TYPE_PRIV_SW_EXCEPTION:
	case INTR_TYPE_SOFT_EXCEPTION:
		return facts | FACT_INJECT_SOFT;
	default:
		return facts;
	}
}

/* CS and TR are in use whatever their "unusable" bit says; v8086 mode has rules of its own. */
static u64 entry_segment_facts(const struct entry_view *v)
{
	bool v8086 = entry_value(v, GUEST_RFLAGS) & X86_EFLAGS_VM;
	u64 facts = FACT_IN_USE(SEG_TR);
	int seg;

	for (seg = SEG_ES; seg <= SEG_LDTR; seg++) {
		if (v8086 && seg != SEG_LDTR)
			continue;
		if (seg == SEG_CS || !(entry_seg_ar(v, seg) & VMX_AR_UNUSABLE_MASK))
			facts |= FACT_IN_USE(seg);
	}
	return facts;
}

static bool entry_rule_applies(const struct entry_view *v, const struct entry_rule *r)
{
	return (v->word[r->word] & r->when) == r->when;
}

static int entry_walk(const struct entry_view *v, const struct entry_table *t,
		      entry_report_fn report, void *arg)
{
	struct entry_violation violation = { .area = t->area };
	const struct entry_rule *r;
	int found = 0;

	for (r = t->rules; r < t->rules + *t->count; r++) {
		if (!entry_rule_applies(v, r))
			continue;
		violation.bits = r->wrong(v, r);
		if (!violation.bits)
			continue;
		violation.field = r->field;
		violation.value = entry_value(v, r->field);
		violation.rule = r->text;
		report(arg, &violation);
		found++;
	}
	return found;
}

int entry_check(const struct entry_source *src, unsigned int areas, entry_report_fn report,
		void *arg)
{
	struct entry_view v = { .src = src, .caps = src->caps };
	unsigned int i;
	int found = 0;

	entry_read_controls(&v);
	v.word[WORD_FACTS] = entry_control_facts(&v) | entry_mode_facts(&v) |
			     entry_event_facts(&v) | entry_segment_facts(&v);
	for (i = 0; i < ARRAY_SIZE(entry_tables); i++) {
		if (entry_tables[i].area & areas)
			found += entry_walk(&v, &entry_tables[i], report, arg);
	}
	return found;
}

u64 entry_phys_reserved(const struct entry_view *v)
{
	if (v->caps->basic & VMX_BASIC_32BIT_PHYS_ADDR_ONLY)
		return HIGH_HALF;
	return entry_above(v->caps->maxphyaddr);
}

u64 entry_must_be_0(const struct entry_view *v, const struct entry_rule *r)
{
	return entry_value(v, r->field) & r->arg;
}

u64 entry_must_be_1(const struct entry_view *v, const struct entry_rule *r)
{
	return ~entry_value(v, r->field) & r->arg;
}

u64 entry_zero(const struct entry_view *v, const struct entry_rule *r)
{
	return entry_value(v, r->field) ? 0 : ENTRY_WHOLE_VALUE;
}

u64 entry_beyond_physical(const struct entry_view *v, const struct entry_rule *r)
{
	return entry_value(v, r->field) & entry_phys_reserved(v);
}

u64 entry_not_canonical(const struct entry_view *v, const struct entry_rule *r)
{
	u64 sign = entry_above(v->caps->linear_bits - 1);
	u64 high = entry_value(v, r->field) & sign;

	return high && high != sign ? ENTRY_WHOLE_VALUE : 0;
}

/* CR3 is wider than an address of a VMX structure, and has bits of linear-address masking. */
u64 entry_bad_cr3(const struct entry_view *v, const struct entry_rule *r)
{
	u64 reserved = entry_above(v->caps->maxphyaddr);

	if (v->caps->cr4_fixed1 & X86_CR4_LAM_SUP)
		reserved &= ~(X86_CR3_LAM_U57 | X86_CR3_LAM_U48);
	return entry_value(v, r->field) & reserved;
}

u64 entry_bad_pat(const struct entry_view *v, const struct entry_rule *r)
{
	/* UC, WC, WT, WP, WB, UC- */
	const u8 known = BIT(0) | BIT(1) | BIT(4) | BIT(5) | BIT(6) | BIT(7);
	u64 pat = entry_value(v, r->field);
	u64 bad = 0;
	int shift;

	for (shift = 0; shift < 64; shift += 8) {
		u8 type = pat >> shift;

		if (type > 7 || !(known & BIT(type)))
			bad |= 0xffull << shift;
	}
	return bad;
}

u64 entry_bad_cet_tracker(const struct entry_view *v, const struct entry_rule *r)
{
	const u64 both = CET_SUPPRESS | CET_WAIT_ENDBR;

	return (entry_value(v, r->field) & both) == both ? both : 0;
}

static u64 entry_cap(const struct entry_view *v, const struct entry_rule *r)
{
	return *(const u64 *)((const char *)v->caps + r->arg);
}

u64 entry_not_allowed(const struct entry_view *v, const struct entry_rule *r)
{
	return entry_value(v, r->field) & ~entry_cap(v, r);
}

u64 entry_not_set(const struct entry_view *v, const struct entry_rule *r)
{
	return ~entry_value(v, r->field) & entry_cap(v, r);
}

u64 entry_not_allowed1(const struct entry_view *v, const struct entry_rule *r)
{
	return entry_value(v, r->field) & ~(entry_cap(v, r) >> 32);
}

u64 entry_not_allowed0(const struct entry_view *v, const struct entry_rule *r)
{
	return ~entry_value(v, r->field) & (u32)entry_cap(v, r);
}

static bool msr_is_segment_base(const struct vmx_msr_entry *e)
{
	return e->index == MSR_FS_BASE || e->index == MSR_GS_BASE;
}

static bool msr_is_x2apic(const struct vmx_msr_entry *e)
{
	return e->index >> 8 == APIC_BASE_MSR >> 8;
}

static bool msr_is_smm_only(const struct vmx_msr_entry *e)
{
	return e->index == MSR_IA32_SMM_MONITOR_CTL;
}

static bool msr_is_microcode(const struct vmx_msr_entry *e)
{
	return e->index == MSR_IA32_UCODE_WRITE || e->index == MSR_IA32_UCODE_REV;
}

static bool msr_has_reserved(const struct vmx_msr_entry *e)
{
	return e->reserved;
}

const struct entry_msr_rule entry_msr_rules[] = {
	{ msr_is_segment_base, "MSR-load area has FS_BASE or GS_BASE, which have VMCS fields" },
	{ msr_is_x2apic, "MSR-load area has an MSR of the x2APIC range" },
	{ msr_is_smm_only, "MSR-load area has an MSR that can be written in SMM only" },
	{ msr_is_microcode, "MSR-load area has a microcode-update MSR" },
	{ msr_has_reserved, "MSR-load area has an entry whose bits 63:32 are not 0" },
};

const unsigned int entry_msr_rules_count = ARRAY_SIZE(entry_msr_rules);

int entry_check_msr_load(const struct vmx_msr_entry *list, u32 count, entry_report_fn report,
			 void *arg)
{
	struct entry_violation violation = {
		.area = ENTRY_GUEST,
		.field = VM_ENTRY_MSR_LOAD_ADDR,
		.bits = ENTRY_WHOLE_VALUE,
	};
	unsigned int rule;
	int found = 0;
	u32 i;

	for (i = 0; i < count; i++) {
		for (rule = 0; rule < entry_msr_rules_count; rule++) {
			if (!entry_msr_rules[rule].wrong(&list[i]))
				continue;
			violation.value = list[i].index;
			violation.rule = entry_msr_rules[rule].text;
			report(arg, &violation);
			found++;
		}
	}
	return found;
}

int entry_violation_text(char *buf, size_t size, const struct entry_violation *v)
{
	const char *name = vmcs_field_name(v->field) ?: "(unknown field)";

	if (v->bits == ENTRY_WHOLE_VALUE)
		return snprintf(buf, size, "%s = 0x%llx: %s", name, v->value, v->rule);
	if (v->bits & (v->bits - 1))
		return snprintf(buf, size, "%s = 0x%llx: %s (bits 0x%llx)", name, v->value,
				v->rule, v->bits);
	return snprintf(buf, size, "%s = 0x%llx: %s (bit %d)", name, v->value, v->rule,
			fls64(v->bits) - 1);
}
