// SPDX-License-Identifier: GPL-2.0-only
/*
 * A local APIC: all of its state, out and in.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/string.h>

#include <tinyvmx.h>

#include "lapic_regs.h"

#define NR(offset)	((offset) >> 4)

static u32 icr2_of(u64 base)
{
	return base & X2APIC_ENABLE ? LAPIC_X2APIC_ICR2 : APIC_ICR2;
}

void lapic_get(const struct lapic *a, u64 now, struct tvx_apic *out)
{
	unsigned int n;

	out->base = a->base;
	out->tsc_deadline = a->tsc_deadline;
	out->timer = lapic_timer_left(a, now);
	for (n = 0; n < LAPIC_ROWS; n++)
		out->reg[n] = lapic_reg(a, n << 4);
	/* The CPU leaves there what the guest wrote; it can be read by nobody. */
	out->reg[NR(APIC_SELF_IPI)] = 0;
	out->reg[NR(APIC_PROCPRI)] = lapic_ppr(a);
	out->reg[NR(APIC_TMCCT)] = lapic_timer_count(a, now);
	out->reg[NR(APIC_ICR2)] = lapic_reg(a, icr2_of(a->base));
	for (n = 0; n < 256 / 32; n++) {
		u32 vectors = lapic_posted(a, n / 2) >> (n % 2 * 32);
		u32 levels = READ_ONCE(a->posted_level[n / 2]) >> (n % 2 * 32);
		u32 *tmr = &out->reg[NR(APIC_TMR) + n];

		out->reg[NR(APIC_IRR) + n] |= vectors;
		*tmr = (*tmr & ~vectors) | (levels & vectors);
	}
}

static bool is_enabled(const struct tvx_apic *in)
{
	return in->reg[NR(APIC_SPIV)] & APIC_SPIV_APIC_ENABLED;
}

/* Can the register have that value, when the others have theirs? */
static bool register_is_valid(const struct lapic *a, const struct tvx_apic *in, unsigned int n)
{
	const struct lapic_row *row = lapic_row(n << 4);
	bool x2apic = in->base & X2APIC_ENABLE;
	u32 value = in->reg[n];

	switch (n << 4) {
	case APIC_ID:
		return value == lapic_id_value(a, in->base);
	case APIC_LVR:
		return value == LAPIC_VERSION;
	case APIC_PROCPRI:
	case APIC_TMCCT:
		return true;
	case APIC_LDR:
		if (x2apic)
			return value == lapic_x2apic_ldr(a);
		break;
	case APIC_DFR:
		return (value | APIC_DFR_CLUSTER) == value && (!x2apic || value == APIC_DFR_FLAT);
	case APIC_ISR:
	case APIC_TMR:
	case APIC_IRR:
		return !(value & GENMASK(LAPIC_LEGAL_VECTOR - 1, 0));
	case APIC_ICR2:
		if (x2apic)
			return true;
		break;
	case APIC_LVTT ... APIC_LVTERR:
		if (!is_enabled(in) && !(value & APIC_LVT_MASKED))
			return false;
		break;
	}
	if (!row || !(row->access & (LAPIC_XAPIC_R | LAPIC_X2APIC_R)))
		return !value;
	return !(value & ~row->bits);
}

static bool is_valid(const struct lapic *a, const struct tvx_apic *in)
{
	unsigned int n;

	if (!lapic_base_is_valid(in->base))
		return false;
	for (n = 0; n < LAPIC_ROWS; n++)
		if (!register_is_valid(a, in, n))
			return false;
	if (!lapic_timer_is_valid(in->reg, in->timer, in->tsc_deadline))
		return false;
	/* Nothing comes from one that is off. */
	return lapic_mode(in->base) ||
	       !(is_enabled(in) || in->timer || in->tsc_deadline);
}

int lapic_set(struct lapic *a, u64 now, const struct tvx_apic *in)
{
	unsigned int n;

	if (!is_valid(a, in))
		return -EINVAL;
	WRITE_ONCE(a->base, in->base);
	for (n = 0; n < LAPIC_ROWS; n++)
		if (n != NR(APIC_ICR2))
			lapic_put(a, n << 4, in->reg[n]);
	lapic_put(a, APIC_TMCCT, 0);
	lapic_put(a, APIC_ICR2, 0);
	lapic_put(a, LAPIC_X2APIC_ICR2, 0);
	lapic_put(a, icr2_of(in->base), in->reg[NR(APIC_ICR2)]);
	lapic_update_ppr(a);
	a->esr = 0;
	lapic_timer_restore(a, in->timer, in->tsc_deadline, now);
	lapic_drop_posted(a);
	return 0;
}
