// SPDX-License-Identifier: GPL-2.0-only
/*
 * "Checks on Guest Segment Registers": the longest list of the guest-state
 * area, hence a file of its own. @arg of every predicate is the segment register.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/types.h>
#include <asm/segment.h>
#include "entrycheck.h"
#include "entrycheck_rules.h"

#define SEG_DPL_BITS		(3u << VMX_AR_DPL_SHIFT)
#define SEG_AR_V8086		0xf3	/* present, DPL 3, writable and accessed data */
#define SEG_TYPE_DATA		3	/* writable, accessed */
#define SEG_TYPE_DATA_DOWN	7	/* the same, expand-down */
#define SEG_CONFORMING		(VMX_AR_TYPE_CODE_MASK | BIT(2))

static u32 seg_type(const struct entry_view *v, enum entry_seg seg)
{
	return entry_seg_ar(v, seg) & VMX_AR_TYPE_MASK;
}

static u32 seg_dpl(const struct entry_view *v, enum entry_seg seg)
{
	return VMX_AR_DPL(entry_seg_ar(v, seg));
}

static u32 seg_rpl(const struct entry_view *v, enum entry_seg seg)
{
	return entry_seg_sel(v, seg) & SEGMENT_RPL_MASK;
}

static u64 seg_ss_cs_rpl(const struct entry_view *v, const struct entry_rule *r)
{
	return seg_rpl(v, SEG_SS) == seg_rpl(v, SEG_CS) ? 0 : SEGMENT_RPL_MASK;
}

static u64 seg_v8086_base(const struct entry_view *v, const struct entry_rule *r)
{
	return entry_value(v, r->field) == entry_seg_sel(v, r->arg) << 4 ? 0 : ENTRY_WHOLE_VALUE;
}

static u64 seg_v8086_limit(const struct entry_view *v, const struct entry_rule *r)
{
	return entry_value(v, r->field) == 0xffff ? 0 : ENTRY_WHOLE_VALUE;
}

static u64 seg_v8086_ar(const struct entry_view *v, const struct entry_rule *r)
{
	return entry_value(v, r->field) == SEG_AR_V8086 ? 0 : ENTRY_WHOLE_VALUE;
}

/* With granularity 0 the limit has 20 bits; with 1 its low 12 bits are ones. */
static u64 seg_granular_low(const struct entry_view *v, const struct entry_rule *r)
{
	u64 limit = entry_value(v, GUEST_ES_LIMIT + 2 * r->arg);

	return ~limit & GENMASK_ULL(11, 0) ? entry_value(v, r->field) & VMX_AR_G_MASK : 0;
}

static u64 seg_granular_high(const struct entry_view *v, const struct entry_rule *r)
{
	u64 limit = entry_value(v, GUEST_ES_LIMIT + 2 * r->arg);

	return limit & GENMASK_ULL(31, 20) ? ~entry_value(v, r->field) & VMX_AR_G_MASK : 0;
}

static u64 seg_cs_type(const struct entry_view *v, const struct entry_rule *r)
{
	u32 type = seg_type(v, SEG_CS);

	if (type == SEG_TYPE_DATA && (v->word[WORD_FACTS] & FACT_UNRESTRICTED))
		return 0;
	return (type & VMX_AR_TYPE_CODE_MASK) && (type & VMX_AR_TYPE_ACCESSES_MASK) ?
	       0 : VMX_AR_TYPE_MASK;
}

static u64 seg_cs_data_dpl(const struct entry_view *v, const struct entry_rule *r)
{
	return seg_type(v, SEG_CS) == SEG_TYPE_DATA && seg_dpl(v, SEG_CS) ? SEG_DPL_BITS : 0;
}

static u64 seg_cs_code_dpl(const struct entry_view *v, const struct entry_rule *r)
{
	bool code = (seg_type(v, SEG_CS) & SEG_CONFORMING) == VMX_AR_TYPE_CODE_MASK;

	return code && seg_dpl(v, SEG_CS) != seg_dpl(v, SEG_SS) ? SEG_DPL_BITS : 0;
}

static u64 seg_cs_conforming_dpl(const struct entry_view *v, const struct entry_rule *r)
{
	bool code = (seg_type(v, SEG_CS) & SEG_CONFORMING) == SEG_CONFORMING;

	return code && seg_dpl(v, SEG_CS) > seg_dpl(v, SEG_SS) ? SEG_DPL_BITS : 0;
}

static u64 seg_cs_default_size(const struct entry_view *v, const struct entry_rule *r)
{
	return v->word[WORD_FACTS] & FACT_GUEST64_CODE ?
	       entry_value(v, r->field) & VMX_AR_DB_MASK : 0;
}

static u64 seg_ss_type(const struct entry_view *v, const struct entry_rule *r)
{
	u32 type = seg_type(v, SEG_SS);

	return type == SEG_TYPE_DATA || type == SEG_TYPE_DATA_DOWN ? 0 : VMX_AR_TYPE_MASK;
}

static u64 seg_ss_dpl_rpl(const struct entry_view *v, const struct entry_rule *r)
{
	return seg_dpl(v, SEG_SS) == seg_rpl(v, SEG_SS) ? 0 : SEG_DPL_BITS;
}

static u64 seg_ss_real_dpl(const struct entry_view *v, const struct entry_rule *r)
{
	bool real = !(entry_value(v, GUEST_CR0) & X86_CR0_PE) ||
		    seg_type(v, SEG_CS) == SEG_TYPE_DATA;

	return real && seg_dpl(v, SEG_SS) ? SEG_DPL_BITS : 0;
}

static u64 seg_unreadable_code(const struct entry_view *v, const struct entry_rule *r)
{
	u32 type = seg_type(v, r->arg);

	return (type & VMX_AR_TYPE_CODE_MASK) && !(type & VMX_AR_TYPE_READABLE_MASK) ?
	       VMX_AR_TYPE_READABLE_MASK : 0;
}

static u64 seg_data_dpl_rpl(const struct entry_view *v, const struct entry_rule *r)
{
	bool conforming = (seg_type(v, r->arg) & SEG_CONFORMING) == SEG_CONFORMING;

	if (!(v->word[WORD_FACTS] & FACT_RESTRICTED) || conforming)
		return 0;
	return seg_dpl(v, r->arg) < seg_rpl(v, r->arg) ? SEG_DPL_BITS : 0;
}

static u64 seg_tr_type(const struct entry_view *v, const struct entry_rule *r)
{
	u32 type = seg_type(v, SEG_TR);

	if (type == VMX_AR_TYPE_BUSY_32_TSS)
		return 0;
	/* In IA-32e mode there is no 16-bit TSS. */
	if (type == VMX_AR_TYPE_BUSY_16_TSS && (v->word[WORD_FACTS] & FACT_GUEST32))
		return 0;
	return VMX_AR_TYPE_MASK;
}

static u64 seg_ldtr_type(const struct entry_view *v, const struct entry_rule *r)
{
	return seg_type(v, SEG_LDTR) == VMX_AR_TYPE_LDT ? 0 : VMX_AR_TYPE_MASK;
}

#define IN_USE(seg)	ON(FACTS, FACT_IN_USE(SEG_##seg))

/* What virtual-8086 mode asks of six registers. */
#define V8086_SEGMENT(seg)								\
	{ GUEST_##seg##_BASE, ON(FACTS, FACT_V8086), .wrong = seg_v8086_base,		\
	  .arg = SEG_##seg,								\
	  .text = "guest " #seg " base is not selector << 4 in virtual-8086 mode" },	\
	{ GUEST_##seg##_LIMIT, ON(FACTS, FACT_V8086), .wrong = seg_v8086_limit,		\
	  .text = "guest " #seg " limit is not 0xffff in virtual-8086 mode" },		\
	{ GUEST_##seg##_AR_BYTES, ON(FACTS, FACT_V8086), .wrong = seg_v8086_ar,		\
	  .text = "guest " #seg " access rights are not 0xf3 in virtual-8086 mode" }

/* What every register in use has in common; @s: MUST_BE_1 for memory, MUST_BE_0 for TR, LDTR. */
#define ANY_SEGMENT(seg, s, kind)							\
	{ GUEST_##seg##_AR_BYTES, IN_USE(seg), s(VMX_AR_S_MASK),			\
	  .text = "guest " #seg " is not a " kind " segment" },				\
	{ GUEST_##seg##_AR_BYTES, IN_USE(seg), MUST_BE_1(VMX_AR_P_MASK),		\
	  .text = "guest " #seg " is not present" },					\
	{ GUEST_##seg##_AR_BYTES, IN_USE(seg),						\
	  MUST_BE_0(VMX_AR_RESERVD_MASK & ~VMX_AR_UNUSABLE_MASK),			\
	  .text = "reserved bits of guest " #seg " access rights are not 0" },		\
	{ GUEST_##seg##_AR_BYTES, IN_USE(seg), .wrong = seg_granular_low,		\
	  .arg = SEG_##seg,								\
	  .text = "guest " #seg " has granularity 1 with bits 11:0 of its limit not all 1" }, \
	{ GUEST_##seg##_AR_BYTES, IN_USE(seg), .wrong = seg_granular_high,		\
	  .arg = SEG_##seg,								\
	  .text = "guest " #seg " has granularity 0 with bits 31:20 of its limit not all 0" }

#define DATA_SEGMENT(seg)								\
	{ GUEST_##seg##_AR_BYTES, IN_USE(seg), MUST_BE_1(VMX_AR_TYPE_ACCESSES_MASK),	\
	  .text = "guest " #seg " is not accessed" },					\
	{ GUEST_##seg##_AR_BYTES, IN_USE(seg), .wrong = seg_unreadable_code,		\
	  .arg = SEG_##seg, .text = "guest " #seg " is code that cannot be read" },	\
	{ GUEST_##seg##_AR_BYTES, IN_USE(seg), .wrong = seg_data_dpl_rpl,		\
	  .arg = SEG_##seg, .text = "guest " #seg " has DPL below RPL" }

#define LOW_BASE(seg)									\
	{ GUEST_##seg##_BASE, IN_USE(seg), MUST_BE_0(HIGH_HALF),			\
	  .text = "bits 63:32 of guest " #seg " base are not 0" }
#define CANONICAL_BASE(seg, ...)							\
	{ .field = GUEST_##seg##_BASE, __VA_ARGS__, .wrong = entry_not_canonical,	\
	  .text = "guest " #seg " base is not canonical" }

const struct entry_rule entry_segment_rules[] = {
	/* Selectors */
	{ GUEST_TR_SELECTOR, MUST_BE_0(SEGMENT_TI_MASK),
	  .text = "guest TR is in the LDT" },
	{ GUEST_LDTR_SELECTOR, IN_USE(LDTR), MUST_BE_0(SEGMENT_TI_MASK),
	  .text = "guest LDTR is in the LDT" },
	{ GUEST_SS_SELECTOR, ON(FACTS, FACT_RESTRICTED), .wrong = seg_ss_cs_rpl,
	  .text = "RPL of guest SS is not RPL of CS" },

	/* Bases */
	LOW_BASE(ES),
	LOW_BASE(CS),
	LOW_BASE(SS),
	LOW_BASE(DS),
	CANONICAL_BASE(FS, ON(FACTS, 0)),
	CANONICAL_BASE(GS, ON(FACTS, 0)),
	CANONICAL_BASE(TR, ON(FACTS, 0)),
	CANONICAL_BASE(LDTR, IN_USE(LDTR)),

	/* Virtual-8086 mode */
	V8086_SEGMENT(ES),
	V8086_SEGMENT(CS),
	V8086_SEGMENT(SS),
	V8086_SEGMENT(DS),
	V8086_SEGMENT(FS),
	V8086_SEGMENT(GS),

	/* Access rights */
	ANY_SEGMENT(ES, MUST_BE_1, "code or data"),
	DATA_SEGMENT(ES),
	ANY_SEGMENT(CS, MUST_BE_1, "code or data"),
	{ GUEST_CS_AR_BYTES, IN_USE(CS), .wrong = seg_cs_type,
	  .text = "guest CS is not accessed code" },
	{ GUEST_CS_AR_BYTES, IN_USE(CS), .wrong = seg_cs_data_dpl,
	  .text = "guest CS is data with DPL not 0" },
	{ GUEST_CS_AR_BYTES, IN_USE(CS), .wrong = seg_cs_code_dpl,
	  .text = "guest CS is non-conforming with DPL not that of SS" },
	{ GUEST_CS_AR_BYTES, IN_USE(CS), .wrong = seg_cs_conforming_dpl,
	  .text = "guest CS is conforming with DPL above that of SS" },
	{ GUEST_CS_AR_BYTES, IN_USE(CS), .wrong = seg_cs_default_size,
	  .text = "guest CS.D is 1 in 64-bit mode" },
	ANY_SEGMENT(SS, MUST_BE_1, "code or data"),
	{ GUEST_SS_AR_BYTES, IN_USE(SS), .wrong = seg_ss_type,
	  .text = "guest SS is not writable and accessed data" },
	{ GUEST_SS_AR_BYTES, ON(FACTS, FACT_RESTRICTED), .wrong = seg_ss_dpl_rpl,
	  .text = "DPL of guest SS is not its RPL" },
	{ GUEST_SS_AR_BYTES, ON(FACTS, FACT_NOT_V8086), .wrong = seg_ss_real_dpl,
	  .text = "DPL of guest SS is not 0 in real mode or with CS being data" },
	ANY_SEGMENT(DS, MUST_BE_1, "code or data"),
	DATA_SEGMENT(DS),
	ANY_SEGMENT(FS, MUST_BE_1, "code or data"),
	DATA_SEGMENT(FS),
	ANY_SEGMENT(GS, MUST_BE_1, "code or data"),
	DATA_SEGMENT(GS),

	/* LDTR and TR */
	ANY_SEGMENT(LDTR, MUST_BE_0, "system"),
	{ GUEST_LDTR_AR_BYTES, IN_USE(LDTR), .wrong = seg_ldtr_type,
	  .text = "guest LDTR is not an LDT" },
	ANY_SEGMENT(TR, MUST_BE_0, "system"),
	{ GUEST_TR_AR_BYTES, .wrong = seg_tr_type,
	  .text = "guest TR is not a busy TSS" },
	{ GUEST_TR_AR_BYTES, MUST_BE_0(VMX_AR_UNUSABLE_MASK),
	  .text = "guest TR is unusable" },
};

const unsigned int entry_segment_rules_count = ARRAY_SIZE(entry_segment_rules);
