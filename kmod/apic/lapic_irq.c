// SPDX-License-Identifier: GPL-2.0-only
/*
 * A local APIC: interrupts, from whoever posts them to IRR, ISR and EOI.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>

#include "lapic_regs.h"

#define WORDS	(256 / 32)

static bool is_set(const struct lapic *a, u32 base, u8 vector)
{
	return *lapic_word(a, base, vector / 32) & BIT(vector % 32);
}

static void set(struct lapic *a, u32 base, u8 vector)
{
	*lapic_word(a, base, vector / 32) |= BIT(vector % 32);
}

static void clear(struct lapic *a, u32 base, u8 vector)
{
	*lapic_word(a, base, vector / 32) &= ~BIT(vector % 32);
}

static int highest(const struct lapic *a, u32 base)
{
	const u32 *first = lapic_word(a, base, 0), *word = lapic_word(a, base, WORDS - 1);

	for (; word >= first; word -= 4)
		if (*word)
			return (word - first) * 8 + fls(*word) - 1;
	return -1;
}

int lapic_highest_irr(const struct lapic *a)
{
	return highest(a, APIC_IRR);
}

int lapic_highest_isr(const struct lapic *a)
{
	return highest(a, APIC_ISR);
}

/* ---- priority ---- */

static int class_of(int vector)
{
	return vector & 0xf0;
}

/* The register itself may be stale: the CPU writes TPR and ISR too. */
u32 lapic_ppr(const struct lapic *a)
{
	int tpr = lapic_reg(a, APIC_TASKPRI), isr = max(lapic_highest_isr(a), 0);

	return class_of(tpr) >= class_of(isr) ? tpr : class_of(isr);
}

void lapic_update_ppr(struct lapic *a)
{
	lapic_put(a, APIC_PROCPRI, lapic_ppr(a));
}

static bool beats_ppr(const struct lapic *a, int vector)
{
	return vector >= 0 && lapic_is_on(a) && class_of(vector) > class_of(lapic_ppr(a));
}

int lapic_deliverable(const struct lapic *a)
{
	int irr = lapic_highest_irr(a);

	return beats_ppr(a, irr) ? irr : -1;
}

bool lapic_wakes(const struct lapic *a)
{
	int n, posted = -1;

	for (n = 0; n < ARRAY_SIZE(a->posted); n++)
		if (lapic_posted(a, n))
			posted = n * BITS_PER_LONG + __fls(lapic_posted(a, n));
	return beats_ppr(a, max(lapic_highest_irr(a), posted));
}

/* ---- from IRR to EOI ---- */

void lapic_acknowledge(struct lapic *a, u8 vector)
{
	clear(a, APIC_IRR, vector);
	set(a, APIC_ISR, vector);
	lapic_update_ppr(a);
}

int lapic_eoi(struct lapic *a)
{
	int vector = lapic_highest_isr(a);

	if (vector < 0)
		return LAPIC_NOTHING;
	clear(a, APIC_ISR, vector);
	lapic_update_ppr(a);
	if (!is_set(a, APIC_TMR, vector))
		return LAPIC_UPDATE;
	a->eoi_vector = vector;
	return LAPIC_UPDATE | LAPIC_EOI;
}

int lapic_accept(struct lapic *a, u8 vector)
{
	if (vector < LAPIC_LEGAL_VECTOR)
		return lapic_error(a, APIC_ESR_RECVILL);
	set(a, APIC_IRR, vector);
	clear(a, APIC_TMR, vector);
	return LAPIC_CAME;
}

/* The interrupt tells of an error once, until ESR is written. */
int lapic_error(struct lapic *a, u32 error)
{
	u32 lvt = lapic_reg(a, APIC_LVTERR);

	if (a->esr & error)
		return LAPIC_NOTHING;
	a->esr |= error;
	/* Its own vector may be illegal: one more error, and no further. */
	return lvt & APIC_LVT_MASKED ? LAPIC_NOTHING : lapic_accept(a, lvt & APIC_VECTOR_MASK);
}

/* ---- posting ----
 *
 * Whoever posts sets bits first and @on last; who takes in clears @on first: what is
 * not seen then has @on set again.
 */

bool lapic_post(struct lapic *a, u8 vector, bool level, bool *first)
{
	if (!lapic_is_on(a) || !(READ_ONCE(a->regs[APIC_SPIV / 4]) & APIC_SPIV_APIC_ENABLED)) {
		*first = false;
		return false;
	}
	assign_bit(vector, a->posted_level, level);
	smp_mb__before_atomic();	/* a posted bit tells of its level */
	set_bit(vector, a->posted);
	*first = !test_and_set_bit(0, &a->on);	/* orders what is before it, set_bit() would not */
	return vector >= LAPIC_LEGAL_VECTOR;
}

unsigned long lapic_posted(const struct lapic *a, unsigned int n)
{
	unsigned long illegal = n ? 0 : GENMASK(LAPIC_LEGAL_VECTOR - 1, 0);

	return READ_ONCE(a->posted[n]) & ~illegal;
}

void lapic_drop_posted(struct lapic *a)
{
	unsigned int n;

	test_and_clear_bit(0, &a->on);
	for (n = 0; n < ARRAY_SIZE(a->posted); n++)
		xchg(&a->posted[n], 0);
}

/* Half a word of @posted. */
static bool take_in(struct lapic *a, unsigned int n, u32 vectors, u32 levels)
{
	u32 *irr = lapic_word(a, APIC_IRR, n), *tmr = lapic_word(a, APIC_TMR, n);
	u32 new_irr = *irr | vectors, new_tmr = (*tmr & ~vectors) | (levels & vectors);
	bool changed = new_irr != *irr || new_tmr != *tmr;

	*irr = new_irr;
	*tmr = new_tmr;
	return changed;
}

bool lapic_sync(struct lapic *a)
{
	bool changed = false;
	unsigned int n;

	if (!READ_ONCE(a->on))
		return false;
	if (!lapic_is_on(a)) {
		/* Turned off while it was on its way. */
		lapic_drop_posted(a);
		return false;
	}
	test_and_clear_bit(0, &a->on);
	for (n = 0; n < ARRAY_SIZE(a->posted); n++) {
		unsigned long all = xchg(&a->posted[n], 0), vectors = all, levels;

		if (!all)
			continue;
		levels = READ_ONCE(a->posted_level[n]);
		if (!n)
			vectors &= ~GENMASK(LAPIC_LEGAL_VECTOR - 1, 0);
		if (vectors != all)
			changed |= lapic_error(a, APIC_ESR_RECVILL);
		changed |= take_in(a, 2 * n, lower_32_bits(vectors), lower_32_bits(levels));
		changed |= take_in(a, 2 * n + 1, upper_32_bits(vectors), upper_32_bits(levels));
	}
	return changed;
}

void lapic_request(struct lapic *a, unsigned int req)
{
	if (req == LAPIC_REQ_INIT)
		clear_bit(LAPIC_REQ_SIPI, &a->requests);
	smp_mb__before_atomic();	/* a SIPI tells of its vector */
	if (test_and_set_bit(req, &a->requests) && req == LAPIC_REQ_NMI)
		set_bit(LAPIC_REQ_NMI2, &a->requests);
}

unsigned long lapic_take_requests(struct lapic *a)
{
	return READ_ONCE(a->requests) ? xchg(&a->requests, 0) : 0;
}
