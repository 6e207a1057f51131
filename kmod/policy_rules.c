// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM's policy: who answers for MSRs, ports and hypercalls, by rules that are checked when
 * they are set, looked up at exits; and the MSR bitmap that they make.
 */
#include <linux/bitmap.h>
#include <linux/errno.h>
#include <linux/kernel.h>

#include "policy.h"

#define WANT_ALL \
	(TVX_WANT_PAUSE | TVX_WANT_RDTSC | TVX_WANT_DESC | TVX_WANT_RANDOM | \
	 TVX_WANT_CR3 | TVX_WANT_WBINVD)

/* ---- rules ---- */

static int check_msr_rule(const struct tvx_msr_rule *r, bool (*may_pass)(u32 msr))
{
	u32 i;

	if (!r->count || r->count - 1 > ~r->first ||
	    r->read > TVX_ACT_PASS || r->write > TVX_ACT_PASS)
		return -EINVAL;
	if (r->read != TVX_ACT_PASS && r->write != TVX_ACT_PASS)
		return 0;
	/* Few MSRs may be passed: a long range ends at the first that may not. */
	for (i = 0; i < r->count; i++)
		if (!may_pass(r->first + i))
			return -EOPNOTSUPP;
	return 0;
}

static int check_io_rule(const struct tvx_io_rule *r)
{
	if (r->reserved || !r->count || r->count > 0x10000u - r->first ||
	    r->action > TVX_ACT_PASS)
		return -EINVAL;
	return r->action == TVX_ACT_PASS ? -EOPNOTSUPP : 0;
}

int policy_set_rules(struct policy *p, const struct tvx_policy *u,
		     const struct tvx_msr_rule *msr, const struct tvx_io_rule *io,
		     bool (*may_pass)(u32 msr))
{
	int err;
	u32 i;

	if (u->nr_msr_rules > TVX_MAX_RULES || u->nr_io_rules > TVX_MAX_RULES ||
	    u->flags || u->reserved || u->exits & ~WANT_ALL || u->hypercall > TVX_ACT_PASS)
		return -EINVAL;
	if (u->hypercall == TVX_ACT_PASS)
		return -EOPNOTSUPP;
	for (i = 0; i < u->nr_msr_rules; i++) {
		err = check_msr_rule(&msr[i], may_pass);
		if (err)
			return err;
	}
	for (i = 0; i < u->nr_io_rules; i++) {
		err = check_io_rule(&io[i]);
		if (err)
			return err;
	}

	for (i = 0; i < u->nr_msr_rules; i++)
		p->msr_rules[i] = msr[i];
	for (i = 0; i < u->nr_io_rules; i++)
		p->io_rules[i] = io[i];
	p->nr_msr_rules = u->nr_msr_rules;
	p->nr_io_rules = u->nr_io_rules;
	p->exceptions = u->exceptions;
	p->exits = u->exits;
	p->hypercall = u->hypercall ?: TVX_ACT_CONST;
	p->hypercall_value = u->hypercall ? u->hypercall_value : (u64)-ENOSYS;
	return 0;
}

const struct tvx_msr_rule *policy_search_msr_rule(const struct policy *p, u32 msr)
{
	const struct tvx_msr_rule *r;

	for (r = p->msr_rules; r < p->msr_rules + p->nr_msr_rules; r++)
		if (msr - r->first < r->count)
			return r;
	return NULL;
}

const struct tvx_io_rule *policy_search_io_rule(const struct policy *p, u16 port)
{
	const struct tvx_io_rule *r;

	for (r = p->io_rules; r < p->io_rules + p->nr_io_rules; r++)
		if ((u32)port - r->first < r->count)
			return r;
	return NULL;
}

/* ---- the MSR bitmap ---- */

#define BITMAP_MSRS	0x2000U		/* in each of its parts */
#define BITMAP_BITS	(4 * BITMAP_MSRS)

/* The parts in their order: reads of low and high MSRs, then writes. */
static const struct part {
	u32 base;
	bool write;
} parts[] = {
	{ 0, false }, { 0xc0000000, false }, { 0, true }, { 0xc0000000, true },
};

/* In the part that starts at @bit: no exits for the MSRs of @pass between @first and @last. */
static void pass_listed(unsigned long *bitmap, const struct part *part, u32 bit,
			const u32 *pass, u32 first, u32 last)
{
	for (; *pass; pass++)
		if (*pass >= first && *pass <= last)
			__clear_bit(bit + (*pass - part->base), bitmap);
}

static void apply_rule(unsigned long *bitmap, const struct part *part, u32 bit,
		       const u32 *pass, const struct tvx_msr_rule *r)
{
	u32 first = max(r->first, part->base);
	u32 last = min(r->first + (r->count - 1), part->base + (BITMAP_MSRS - 1));
	u32 action = part->write ? r->write : r->read;

	if (first > last)
		return;
	if (action == TVX_ACT_PASS)
		bitmap_clear(bitmap, bit + (first - part->base), last - first + 1);
	else
		bitmap_set(bitmap, bit + (first - part->base), last - first + 1);
	if (action == TVX_ACT_DEFAULT)
		pass_listed(bitmap, part, bit, pass, first, last);
}

void policy_msr_bitmap(const struct policy *p, const u32 *pass, unsigned long *bitmap)
{
	u32 i, n, bit;

	bitmap_fill(bitmap, BITMAP_BITS);
	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		const struct part *part = &parts[i];

		bit = i * BITMAP_MSRS;
		pass_listed(bitmap, part, bit, pass, part->base, part->base + (BITMAP_MSRS - 1));
		/* Backwards, so that the first rule that covers an MSR has the last word. */
		for (n = p->nr_msr_rules; n--;)
			apply_rule(bitmap, part, bit, pass, &p->msr_rules[n]);
	}
}
