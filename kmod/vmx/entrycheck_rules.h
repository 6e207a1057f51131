/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tables of VM-entry rules are made of. To add a rule is to add a row
 * to the table of its area, and a case to selftests/unit/test_entrycheck.c.
 */
#ifndef TINYVMX_ENTRYCHECK_RULES_H
#define TINYVMX_ENTRYCHECK_RULES_H

#include <linux/kernel.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>
#include "entrycheck.h"
#include "entrycheck_newer.h"

/*
 * A rule applies when all of some bits of one of these words are 1: the
 * control fields as the CPU takes them, and facts drawn from the VMCS.
 */
enum entry_word {
	WORD_FACTS,		/* row 0: a rule that names no word always applies */
	WORD_PIN,
	WORD_PROC,
	WORD_PROC2,
	WORD_PROC3,
	WORD_EXIT,
	WORD_EXIT2,
	WORD_ENTRY,
	NR_ENTRY_WORDS,
};

/* In the order of the VMCS encodings: field of ES + 2 * n. */
enum entry_seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR };

#define FACT_V8086		BIT(0)	/* guest RFLAGS.VM is 1 */
#define FACT_NOT_V8086		BIT(1)
#define FACT_RESTRICTED		BIT(2)	/* not v8086, and "unrestricted guest" is 0 */
#define FACT_UNRESTRICTED	BIT(3)
#define FACT_GUEST32		BIT(4)	/* "IA-32e mode guest" is 0 */
#define FACT_GUEST64_CODE	BIT(5)	/* IA-32e mode and CS.L */
#define FACT_GUEST32_CODE	BIT(6)	/* the contrary */
#define FACT_HOST32		BIT(7)	/* "host address-space size" is 0 */
#define FACT_PAGING		BIT(8)	/* guest CR0.PG is 1 */
#define FACT_PAE_EPT		BIT(9)	/* guest uses PAE paging, "enable EPT" is 1 */
#define FACT_PAE_NO_EPT		BIT(10)
#define FACT_INJECT		BIT(11)	/* an event is injected */
#define FACT_INJECT_INTR	BIT(12)	/* it is an external interrupt */
#define FACT_INJECT_NMI		BIT(13)
#define FACT_INJECT_SOFT	BIT(14)	/* its delivery uses the instruction length */
#define FACT_INJECT_CODE	BIT(15)	/* it pushes an error code */
#define FACT_LINK		BIT(16)	/* the VMCS link pointer is not all ones */
#define FACT_TPR_THRESHOLD	BIT(17)	/* TPR shadow, no virtual-interrupt delivery */
#define FACT_NO_PREEMPT_TIMER	BIT(18)
#define FACT_HOST_TRACING	BIT(19)
#define FACT_GUEST_CET		BIT(20)	/* guest CR4.CET is 1 */
#define FACT_HOST_CET		BIT(21)
#define FACT_PENDING_RTM	BIT(22)	/* pending debug exceptions have bit RTM */
/* A segment register whose descriptor is in use, not in virtual-8086 mode. */
#define FACT_IN_USE(seg)	BIT(24 + (seg))

struct entry_view {
	const struct entry_source *src;
	const struct entry_caps *caps;
	u64 word[NR_ENTRY_WORDS];
};

/**
 * struct entry_rule - one row
 * @field: the VMCS field that is to blame
 * @word: the rule applies when, in this word,
 * @when: all of these bits are 1
 * @wrong: the wrong bits of the field, ENTRY_WHOLE_VALUE, or 0 when the rule holds
 * @arg: parameter of @wrong
 * @text: what is wrong
 */
struct entry_rule {
	u32 field;
	enum entry_word word;
	u64 when;
	u64 (*wrong)(const struct entry_view *v, const struct entry_rule *r);
	u64 arg;
	const char *text;
};

#define ON(w, bits)		.word = WORD_##w, .when = (bits)
#define MUST_BE_0(mask)		.wrong = entry_must_be_0, .arg = (mask)
#define MUST_BE_1(mask)		.wrong = entry_must_be_1, .arg = (mask)
/* Pending debug exceptions: inside a transaction. Not among the names of debugreg.h. */
#define PENDING_DBG_RTM		BIT(16)

#define HIGH_HALF		GENMASK_ULL(63, 32)

/* Two rows: the physical address of something with 2^@align bytes alignment. */
#define PHYS_ADDR(fld, align, what, ...)					\
	{ .field = fld, __VA_ARGS__, MUST_BE_0(GENMASK_ULL((align) - 1, 0)),	\
	  .text = what " is misaligned" },					\
	{ .field = fld, __VA_ARGS__, .wrong = entry_beyond_physical,		\
	  .text = what " is beyond the physical-address width" }
#define PAGE_ADDR(fld, what, ...)	PHYS_ADDR(fld, 12, what, __VA_ARGS__)

struct entry_table {
	enum entry_area area;
	const struct entry_rule *rules;
	const unsigned int *count;
};

extern const struct entry_rule entry_control_rules[];
extern const unsigned int entry_control_rules_count;
extern const struct entry_rule entry_host_rules[];
extern const unsigned int entry_host_rules_count;
extern const struct entry_rule entry_guest_rules[];
extern const unsigned int entry_guest_rules_count;
extern const struct entry_rule entry_segment_rules[];
extern const unsigned int entry_segment_rules_count;
extern const struct entry_rule entry_state_rules[];
extern const unsigned int entry_state_rules_count;
extern const struct entry_table entry_tables[5];

struct entry_msr_rule {
	bool (*wrong)(const struct vmx_msr_entry *e);
	const char *text;
};

extern const struct entry_msr_rule entry_msr_rules[];
extern const unsigned int entry_msr_rules_count;

/* The value of a field as the CPU takes it. */
u64 entry_value(const struct entry_view *v, u32 field);

/* Bits of a physical address that the VMX structures cannot have. */
u64 entry_phys_reserved(const struct entry_view *v);

/* Predicates that more than one table uses. */
u64 entry_must_be_0(const struct entry_view *v, const struct entry_rule *r);
u64 entry_must_be_1(const struct entry_view *v, const struct entry_rule *r);
u64 entry_zero(const struct entry_view *v, const struct entry_rule *r);
u64 entry_beyond_physical(const struct entry_view *v, const struct entry_rule *r);
u64 entry_not_canonical(const struct entry_view *v, const struct entry_rule *r);
u64 entry_bad_cr3(const struct entry_view *v, const struct entry_rule *r);
u64 entry_bad_pat(const struct entry_view *v, const struct entry_rule *r);
u64 entry_bad_cet_tracker(const struct entry_view *v, const struct entry_rule *r);
/*
 * The next four take the offset of a capability in struct entry_caps: bits that
 * may be 1, bits that must be 1, and both of them in one control MSR.
 */
u64 entry_not_allowed(const struct entry_view *v, const struct entry_rule *r);
u64 entry_not_set(const struct entry_view *v, const struct entry_rule *r);
u64 entry_not_allowed1(const struct entry_view *v, const struct entry_rule *r);
u64 entry_not_allowed0(const struct entry_view *v, const struct entry_rule *r);

#define CAP(name)		.arg = offsetof(struct entry_caps, name)
#define MAY_BE_1(cap)		.wrong = entry_not_allowed, CAP(cap)
#define HAS_TO_BE_1(cap)	.wrong = entry_not_set, CAP(cap)

/* The bits of a 64-bit value from bit @width on. */
static inline u64 entry_above(unsigned int width)
{
	return width < 64 ? ~0ull << width : 0;
}

static inline u64 entry_seg_ar(const struct entry_view *v, enum entry_seg seg)
{
	return entry_value(v, GUEST_ES_AR_BYTES + 2 * seg);
}

static inline u64 entry_seg_sel(const struct entry_view *v, enum entry_seg seg)
{
	return entry_value(v, GUEST_ES_SELECTOR + 2 * seg);
}

#endif /* TINYVMX_ENTRYCHECK_RULES_H */
