// SPDX-License-Identifier: GPL-2.0-only
/*
 * A local APIC: LVT entries, of which the timer's is most.  The timer counts TSC
 * ticks.  Whatever its mode, what is kept is the host TSC when it fires next.
 */
#include "lapic_regs.h"

static u32 lvt_mode(u32 lvt)
{
	return lvt & LAPIC_TIMER_MODE;
}

/* One-shot or periodic: mode 3 is reserved, and counts nothing. */
static bool counts(u32 lvt)
{
	return lvt_mode(lvt) <= APIC_LVT_TIMER_PERIODIC;
}

/* log2: 2, 4, ... 128, and 1 in the place of 256. */
static u8 divisor_of(u32 tdcr)
{
	return (((tdcr & 3) | (tdcr & 8) >> 1) + 1) & 7;
}

/* Initial count to expiry, as ticks; 0 for a count of 0. */
static u64 full_ticks(u32 lvt, u32 count, u8 divisor)
{
	u64 ticks = (u64)count << divisor;

	if (count && lvt_mode(lvt) == APIC_LVT_TIMER_PERIODIC)
		ticks = max_t(u64, ticks, LAPIC_MIN_PERIOD);
	return ticks;
}

static u64 initial_ticks(const struct lapic *a)
{
	return full_ticks(lapic_reg(a, APIC_LVTT), lapic_reg(a, APIC_TMICT), a->divisor);
}

/* Far beyond what TSCs reach is late enough. */
static u64 after(u64 now, u64 ticks)
{
	return ticks < LAPIC_NEVER - 1 - now ? now + ticks : LAPIC_NEVER - 1;
}

static bool is_armed(const struct lapic *a)
{
	return a->deadline != LAPIC_NEVER;
}

static void disarm(struct lapic *a)
{
	a->deadline = LAPIC_NEVER;
	a->period = 0;
	a->tsc_deadline = 0;
}

void lapic_timer_reset(struct lapic *a)
{
	disarm(a);
	a->divisor = divisor_of(0);
}

/* ---- counting down ---- */

static void set_period(struct lapic *a)
{
	bool periodic = lvt_mode(lapic_reg(a, APIC_LVTT)) == APIC_LVT_TIMER_PERIODIC;

	a->period = periodic && is_armed(a) ? initial_ticks(a) : 0;
}

static void count_from(struct lapic *a, u64 now, u64 ticks)
{
	a->deadline = after(now, ticks);
	set_period(a);
}

/* TSC-deadline mode and the others share nothing: a change between them disarms. */
static void mode_written(struct lapic *a)
{
	u32 lvt = lapic_reg(a, APIC_LVTT);
	bool by_deadline = lvt_mode(lvt) == APIC_LVT_TIMER_TSCDEADLINE;

	if (by_deadline != !!a->tsc_deadline || !(by_deadline || counts(lvt)))
		disarm(a);
	if (!counts(lvt))
		lapic_put(a, APIC_TMICT, 0);
	set_period(a);
}

static void count_written(struct lapic *a, u64 now)
{
	if (!counts(lapic_reg(a, APIC_LVTT))) {
		lapic_put(a, APIC_TMICT, 0);
		return;
	}
	disarm(a);
	if (lapic_reg(a, APIC_TMICT))
		count_from(a, now, initial_ticks(a));
}

/* The count stays what it is; what a unit of it takes changes. */
static void divisor_written(struct lapic *a, u64 now)
{
	u8 old = a->divisor;

	a->divisor = divisor_of(lapic_reg(a, APIC_TDCR));
	if (is_armed(a) && !a->tsc_deadline && a->divisor != old) {
		u64 left = a->deadline > now ? a->deadline - now : 0;

		count_from(a, now, left << a->divisor >> old);
	}
}

int lapic_timer_written(struct lapic *a, u32 offset, u64 now)
{
	u64 old = a->deadline;

	switch (offset) {
	case APIC_LVTT:
		mode_written(a);
		break;
	case APIC_TMICT:
		count_written(a, now);
		break;
	case APIC_TDCR:
		divisor_written(a, now);
		break;
	}
	return a->deadline != old ? LAPIC_TIMER : LAPIC_NOTHING;
}

u32 lapic_timer_count(const struct lapic *a, u64 now)
{
	u64 left;

	if (!is_armed(a) || a->tsc_deadline)
		return 0;
	if (now < a->deadline)
		left = a->deadline - now;
	else
		left = a->period ? a->period - (now - a->deadline) % a->period : 0;
	/* Rounded up: 0 is when it has fired.  With a stretched period it waits at the top. */
	left = (left + (1U << a->divisor) - 1) >> a->divisor;
	return min_t(u64, left, lapic_reg(a, APIC_TMICT));
}

/* ---- IA32_TSC_DEADLINE ---- */

/* Neither TSC need be the greater one; of the guest's, a deadline not ahead is past. */
static void set_deadline(struct lapic *a, u64 value, u64 now)
{
	u64 guest = now + a->tsc_offset;

	a->tsc_deadline = value;
	a->deadline = !value ? LAPIC_NEVER : after(now, value > guest ? value - guest : 0);
}

int lapic_timer_write_deadline(struct lapic *a, u64 value, u64 now)
{
	if (lvt_mode(lapic_reg(a, APIC_LVTT)) != APIC_LVT_TIMER_TSCDEADLINE)
		return LAPIC_NOTHING;
	set_deadline(a, value, now);
	return LAPIC_TIMER;
}

int lapic_set_tsc_offset(struct lapic *a, u64 tsc_offset, u64 now)
{
	a->tsc_offset = tsc_offset;
	if (!a->tsc_deadline)
		return LAPIC_NOTHING;
	set_deadline(a, a->tsc_deadline, now);
	return LAPIC_TIMER;
}

void lapic_tsc_set_back(struct lapic *a, u64 ticks)
{
	a->tsc_offset += ticks;
	if (is_armed(a))
		a->deadline -= min(a->deadline, ticks);
}

/* ---- firing ---- */

bool lapic_timer(struct lapic *a, u64 now)
{
	u32 lvt = lapic_reg(a, APIC_LVTT);
	u64 period = a->period;

	if (!is_armed(a) || now < a->deadline)
		return false;
	if (!(lvt & APIC_LVT_MASKED))
		lapic_accept(a, lvt & APIC_VECTOR_MASK);
	if (period)
		/* One interrupt for all the periods that have passed. */
		a->deadline = now + period - (now - a->deadline) % period;
	else
		disarm(a);
	return true;
}

/* ---- out and in ---- */

u64 lapic_timer_left(const struct lapic *a, u64 now)
{
	u64 left;

	if (!is_armed(a))
		return 0;
	left = a->deadline > now ? a->deadline - now : 1;
	/* What is left of a stretched period may be more than the count says by now. */
	return a->tsc_deadline ? left : min(left, initial_ticks(a));
}

bool lapic_timer_is_valid(const u32 *reg, u64 left, u64 tsc_deadline)
{
	u32 lvt = reg[APIC_LVTT >> 4], count = reg[APIC_TMICT >> 4];

	if (counts(lvt))
		return !tsc_deadline &&
		       left <= full_ticks(lvt, count, divisor_of(reg[APIC_TDCR >> 4]));
	if (lvt_mode(lvt) == APIC_LVT_TIMER_TSCDEADLINE)
		return !count;
	return !count && !left && !tsc_deadline;
}

void lapic_timer_restore(struct lapic *a, u64 left, u64 tsc_deadline, u64 now)
{
	a->divisor = divisor_of(lapic_reg(a, APIC_TDCR));
	disarm(a);
	if (!counts(lapic_reg(a, APIC_LVTT)))
		set_deadline(a, tsc_deadline, now);
	else if (left)
		count_from(a, now, left);
}

/* ---- LINT0 and LINT1: the pins themselves if there is no APIC ---- */

static bool is_open_for(const struct lapic *a, u32 offset, u32 delivery)
{
	u32 lvt = lapic_reg(a, offset);

	return !lapic_is_on(a) || (lvt & (APIC_MODE_MASK | APIC_LVT_MASKED)) == delivery;
}

bool lapic_takes_extint(const struct lapic *a)
{
	return is_open_for(a, APIC_LVT0, APIC_DM_EXTINT);
}

bool lapic_takes_lint1_nmi(const struct lapic *a)
{
	return is_open_for(a, APIC_LVT1, APIC_DM_NMI);
}
