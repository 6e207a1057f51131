// SPDX-License-Identifier: GPL-2.0-only
/* A local APIC's timer in its three modes. */
#include "unit.h"
#include "lapic_fixture.h"

#define VECTOR		0xec
#define ONE_SHOT	VECTOR
#define PERIODIC	(APIC_LVT_TIMER_PERIODIC | VECTOR)
#define DEADLINE	(APIC_LVT_TIMER_TSCDEADLINE | VECTOR)
#define RESERVED	(3 << 17 | VECTOR)
#define FAR		1000000		/* a count well beyond the floor of periods */

static int wr_at(u32 offset, u32 value, u64 now)
{
	return lapic_write(&a, offset, value, now);
}

static u32 count_at(u64 now)
{
	return lapic_read(&a, APIC_TMCCT, now);
}

static void arm(u32 lvt, u32 divide, u32 count)
{
	setup_xapic(ID);
	wr(APIC_LVTT, lvt);
	wr(APIC_TDCR, divide);
	EXPECT_EQ(wr(APIC_TMICT, count), count ? LAPIC_TIMER : LAPIC_NOTHING);
}

static void expect_fires(u64 now, bool fires)
{
	memset(&page[APIC_IRR], 0, 0x80);
	EXPECT_EQ(lapic_timer(&a, now), fires);
	EXPECT_EQ(lapic_highest_irr(&a), fires ? VECTOR : -1);
}

TEST(divisors)
{
	static const struct {
		u32 tdcr, divisor;
	} cases[] = {
		{ APIC_TDR_DIV_1, 1 }, { APIC_TDR_DIV_2, 2 }, { APIC_TDR_DIV_4, 4 },
		{ APIC_TDR_DIV_8, 8 }, { APIC_TDR_DIV_16, 16 }, { APIC_TDR_DIV_32, 32 },
		{ APIC_TDR_DIV_64, 64 }, { APIC_TDR_DIV_128, 128 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		arm(ONE_SHOT, cases[i].tdcr, 1000);
		EXPECT_EQ(a.deadline, NOW + 1000 * cases[i].divisor);
		arm(ONE_SHOT, cases[i].tdcr, ~0U);
		EXPECT_EQ(a.deadline, NOW + 0xffffffffull * cases[i].divisor);
		EXPECT_EQ(count_at(NOW), ~0U);
	}
}

TEST(one_shot)
{
	arm(ONE_SHOT, APIC_TDR_DIV_16, 100);
	EXPECT_EQ(a.period, 0);
	EXPECT_EQ(count_at(NOW), 100);
	EXPECT_EQ(count_at(NOW + 1), 100);
	EXPECT_EQ(count_at(NOW + 16), 99);
	EXPECT_EQ(count_at(NOW + 1599), 1);
	EXPECT_EQ(count_at(NOW + 1600), 0);
	EXPECT_EQ(count_at(NOW + 99999), 0);
	expect_fires(NOW + 1599, false);
	expect_fires(NOW + 1600, true);
	EXPECT_EQ(a.deadline, LAPIC_NEVER);
	expect_fires(NOW + 99999, false);
	EXPECT_EQ(count_at(NOW), 0);
	EXPECT_EQ(rd(APIC_TMICT), 100);
	/* Late. */
	arm(ONE_SHOT, APIC_TDR_DIV_16, 100);
	expect_fires(NOW + 12345678, true);
	expect_fires(NOW + 22345678, false);
	/* Armed again while it counts, and stopped. */
	arm(ONE_SHOT, APIC_TDR_DIV_1, 100);
	EXPECT_EQ(wr_at(APIC_TMICT, 200, NOW + 50), LAPIC_TIMER);
	EXPECT_EQ(a.deadline, NOW + 250);
	EXPECT_EQ(wr_at(APIC_TMICT, 0, NOW + 50), LAPIC_TIMER);
	EXPECT_EQ(a.deadline, LAPIC_NEVER);
	expect_fires(NOW + 250, false);
	EXPECT_EQ(wr_at(APIC_TMICT, 0, NOW + 50), LAPIC_NOTHING);
	/* A count of one is not stretched. */
	arm(ONE_SHOT, APIC_TDR_DIV_1, 1);
	EXPECT_EQ(a.deadline, NOW + 1);
}

TEST(periodic)
{
	u64 t = NOW;
	unsigned int i;

	arm(PERIODIC, APIC_TDR_DIV_1, FAR);
	EXPECT_EQ(a.period, FAR);
	for (i = 0; i < 10; i++) {
		t += FAR;
		expect_fires(t - 1, false);
		/* Being late moves nothing. */
		expect_fires(t + i * 1000, true);
		EXPECT_EQ(a.deadline, t + FAR);
	}
	EXPECT_EQ(count_at(t), FAR);
	EXPECT_EQ(count_at(t + 10), FAR - 10);
	/* Ten periods late: one interrupt, and on in step. */
	t += 10 * FAR;
	EXPECT_EQ(count_at(t + 5), FAR - 5);	/* as if it had fired */
	expect_fires(t + 5, true);
	EXPECT_EQ(a.deadline, t + FAR);
	expect_fires(t + 5, false);
	expect_fires(t + FAR, true);
	EXPECT_EQ(wr_at(APIC_TMICT, 0, t), LAPIC_TIMER);
	expect_fires(t + 100 * FAR, false);
	EXPECT_EQ(a.period, 0);
}

TEST(periodic_floor)
{
	static const u32 counts[] = { 1, 2, 100, LAPIC_MIN_PERIOD - 1, LAPIC_MIN_PERIOD };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		arm(PERIODIC, APIC_TDR_DIV_1, counts[i]);
		EXPECT_EQ(a.period, LAPIC_MIN_PERIOD);
		EXPECT_EQ(a.deadline, NOW + LAPIC_MIN_PERIOD);
		EXPECT_EQ(count_at(NOW), counts[i]);
		EXPECT_EQ(count_at(NOW + LAPIC_MIN_PERIOD - 1), 1);
		expect_fires(NOW + LAPIC_MIN_PERIOD, true);
		EXPECT_EQ(a.deadline, NOW + 2 * LAPIC_MIN_PERIOD);
	}
	/* By ticks, not by count. */
	arm(PERIODIC, APIC_TDR_DIV_128, 1000);
	EXPECT_EQ(a.period, 128000);
	arm(PERIODIC, APIC_TDR_DIV_1, 0);
	EXPECT_EQ(a.deadline, LAPIC_NEVER);
}

TEST(masked)
{
	arm(ONE_SHOT | APIC_LVT_MASKED, APIC_TDR_DIV_1, 100);
	EXPECT_EQ(count_at(NOW + 40), 60);
	EXPECT_TRUE(lapic_timer(&a, NOW + 100));
	EXPECT_EQ(lapic_highest_irr(&a), -1);
	EXPECT_EQ(a.deadline, LAPIC_NEVER);
	arm(PERIODIC | APIC_LVT_MASKED, APIC_TDR_DIV_1, FAR);
	EXPECT_TRUE(lapic_timer(&a, NOW + FAR));
	EXPECT_EQ(lapic_highest_irr(&a), -1);
	EXPECT_EQ(wr(APIC_LVTT, PERIODIC), LAPIC_NOTHING);
	expect_fires(NOW + 2 * FAR, true);
	/* Software-disabled while it counts. */
	wr(APIC_SPIV, 0xff);
	memset(&page[APIC_IRR], 0, 0x80);
	EXPECT_TRUE(lapic_timer(&a, NOW + 3 * FAR));
	EXPECT_EQ(lapic_highest_irr(&a), -1);
}

TEST(illegal_vector)
{
	setup_xapic(ID);
	wr(APIC_LVTERR, 0xfe);
	wr(APIC_LVTT, 0x0f);
	wr(APIC_TMICT, 1);
	EXPECT_TRUE(lapic_timer(&a, NOW + FAR));
	EXPECT_TRUE(irr(0xfe));
	EXPECT_FALSE(irr(0x0f));
	EXPECT_EQ(latched(), APIC_ESR_RECVILL);
}

TEST(interrupt_is_an_edge)
{
	arm(ONE_SHOT, APIC_TDR_DIV_1, 1);
	take(VECTOR, true);
	EXPECT_TRUE(lapic_timer(&a, NOW + 1));
	EXPECT_FALSE(tmr(VECTOR));
}

/* ---- changes while it counts ---- */

TEST(mode_changes)
{
	arm(ONE_SHOT, APIC_TDR_DIV_1, FAR);
	EXPECT_EQ(wr_at(APIC_LVTT, PERIODIC, NOW + 10), LAPIC_NOTHING);
	EXPECT_EQ(a.period, FAR);
	expect_fires(NOW + FAR, true);
	EXPECT_EQ(a.deadline, NOW + 2 * FAR);
	EXPECT_EQ(wr_at(APIC_LVTT, ONE_SHOT, NOW + FAR + 10), LAPIC_NOTHING);
	EXPECT_EQ(a.period, 0);
	expect_fires(NOW + 2 * FAR, true);
	EXPECT_EQ(a.deadline, LAPIC_NEVER);
	/* One that has fired does not start by itself. */
	EXPECT_EQ(wr_at(APIC_LVTT, PERIODIC, NOW + 3 * FAR), LAPIC_NOTHING);
	EXPECT_EQ(a.deadline, LAPIC_NEVER);
	EXPECT_EQ(a.period, 0);

	/* To TSC-deadline mode and back: disarmed each time. */
	arm(PERIODIC, APIC_TDR_DIV_1, FAR);
	EXPECT_EQ(wr(APIC_LVTT, DEADLINE), LAPIC_TIMER);
	EXPECT_EQ(a.deadline, LAPIC_NEVER);
	EXPECT_EQ(rd(APIC_TMICT), 0);
	EXPECT_EQ(wrmsr(MSR_IA32_TSC_DEADLINE, NOW + GUEST_AHEAD + 500), LAPIC_TIMER);
	EXPECT_EQ(wr(APIC_LVTT, DEADLINE | APIC_LVT_MASKED), LAPIC_NOTHING);
	EXPECT_EQ(a.deadline, NOW + 500);
	EXPECT_EQ(wr(APIC_LVTT, PERIODIC), LAPIC_TIMER);
	EXPECT_EQ(a.deadline, LAPIC_NEVER);
	EXPECT_EQ(rdmsr(MSR_IA32_TSC_DEADLINE), 0);
	EXPECT_EQ(rd(APIC_TMICT), 0);
	expect_fires(NOW + FAR, false);

	/* The reserved mode counts nothing. */
	arm(ONE_SHOT, APIC_TDR_DIV_1, FAR);
	EXPECT_EQ(wr(APIC_LVTT, RESERVED), LAPIC_TIMER);
	EXPECT_EQ(a.deadline, LAPIC_NEVER);
	EXPECT_EQ(wr(APIC_TMICT, 5), LAPIC_NOTHING);
	EXPECT_EQ(wrmsr(MSR_IA32_TSC_DEADLINE, 5), LAPIC_NOTHING);
	EXPECT_EQ(rd(APIC_TMICT) | rd(APIC_TMCCT), 0);
}

TEST(divisor_changes)
{
	arm(ONE_SHOT, APIC_TDR_DIV_4, 1000);
	EXPECT_EQ(wr_at(APIC_TDCR, APIC_TDR_DIV_16, NOW + 400), LAPIC_TIMER);
	EXPECT_EQ(count_at(NOW + 400), 900);
	EXPECT_EQ(a.deadline, NOW + 400 + 900 * 16);
	EXPECT_EQ(wr_at(APIC_TDCR, APIC_TDR_DIV_1, NOW + 400), LAPIC_TIMER);
	EXPECT_EQ(count_at(NOW + 400), 900);
	EXPECT_EQ(a.deadline, NOW + 400 + 900);
	EXPECT_EQ(wr_at(APIC_TDCR, APIC_TDR_DIV_1, NOW + 500), LAPIC_NOTHING);
	EXPECT_EQ(a.deadline, NOW + 400 + 900);
	/* It is time already. */
	EXPECT_EQ(wr_at(APIC_TDCR, APIC_TDR_DIV_128, NOW + 2000), LAPIC_TIMER);
	EXPECT_EQ(a.deadline, NOW + 2000);

	arm(PERIODIC, APIC_TDR_DIV_2, FAR);
	EXPECT_EQ(wr_at(APIC_TDCR, APIC_TDR_DIV_8, NOW + FAR), LAPIC_TIMER);
	EXPECT_EQ(a.deadline, NOW + FAR + FAR * 4);
	EXPECT_EQ(a.period, FAR * 8);
	/* Not armed, or in the mode that does not divide. */
	setup_xapic(ID);
	EXPECT_EQ(wr(APIC_TDCR, APIC_TDR_DIV_8), LAPIC_NOTHING);
	wr(APIC_LVTT, DEADLINE);
	wrmsr(MSR_IA32_TSC_DEADLINE, NOW + GUEST_AHEAD + 500);
	EXPECT_EQ(wr(APIC_TDCR, APIC_TDR_DIV_1), LAPIC_NOTHING);
	EXPECT_EQ(a.deadline, NOW + 500);
	/* By the CPU, which has overwritten the old one. */
	arm(ONE_SHOT, APIC_TDR_DIV_4, 1000);
	EXPECT_EQ(written(APIC_TDCR, APIC_TDR_DIV_8), LAPIC_TIMER);
	EXPECT_EQ(a.deadline, NOW + 8000);
}

/* ---- IA32_TSC_DEADLINE ---- */

static void deadline_mode(u64 tsc_offset)
{
	setup_xapic(ID);
	EXPECT_EQ(lapic_set_tsc_offset(&a, tsc_offset, NOW), LAPIC_NOTHING);
	wr(APIC_LVTT, DEADLINE);
}

TEST(tsc_deadline)
{
	u64 guest = NOW + GUEST_AHEAD;

	setup_xapic(ID);
	EXPECT_EQ(wrmsr(MSR_IA32_TSC_DEADLINE, guest + 5), LAPIC_NOTHING);
	EXPECT_EQ(rdmsr(MSR_IA32_TSC_DEADLINE), 0);
	EXPECT_EQ(a.deadline, LAPIC_NEVER);

	deadline_mode(GUEST_AHEAD);
	EXPECT_EQ(wrmsr(MSR_IA32_TSC_DEADLINE, guest + 5), LAPIC_TIMER);
	EXPECT_EQ(a.deadline, NOW + 5);
	EXPECT_EQ(rdmsr(MSR_IA32_TSC_DEADLINE), guest + 5);
	/* Counts are of other modes. */
	EXPECT_EQ(wr(APIC_TMICT, 77), LAPIC_NOTHING);
	EXPECT_EQ(rd(APIC_TMICT) | rd(APIC_TMCCT), 0);
	EXPECT_EQ(written(APIC_TMICT, 77), LAPIC_NOTHING);
	EXPECT_EQ(rd(APIC_TMICT), 0);
	expect_fires(NOW + 4, false);
	expect_fires(NOW + 5, true);
	EXPECT_EQ(rdmsr(MSR_IA32_TSC_DEADLINE), 0);
	EXPECT_EQ(a.deadline, LAPIC_NEVER);
	expect_fires(NOW + 500, false);

	/* Disarmed by 0; past, and at this very moment. */
	wrmsr(MSR_IA32_TSC_DEADLINE, guest + 5);
	EXPECT_EQ(wrmsr(MSR_IA32_TSC_DEADLINE, 0), LAPIC_TIMER);
	expect_fires(NOW + 500, false);
	wrmsr(MSR_IA32_TSC_DEADLINE, 1);
	EXPECT_EQ(rdmsr(MSR_IA32_TSC_DEADLINE), 1);
	expect_fires(NOW, true);
	wrmsr(MSR_IA32_TSC_DEADLINE, guest);
	expect_fires(NOW, true);
	/* Masked: gone, and nobody hears of it. */
	wr(APIC_LVTT, DEADLINE | APIC_LVT_MASKED);
	wrmsr(MSR_IA32_TSC_DEADLINE, guest + 5);
	memset(&page[APIC_IRR], 0, 0x80);
	EXPECT_TRUE(lapic_timer(&a, NOW + 5));
	EXPECT_EQ(lapic_highest_irr(&a), -1);
	EXPECT_EQ(rdmsr(MSR_IA32_TSC_DEADLINE), 0);
}

/* The TSCs of guest and host may be anywhere, and a deadline too. */
TEST(tsc_deadline_wraps_nowhere)
{
	static const u64 offsets[] = { 0, GUEST_AHEAD, -NOW, -NOW + 100, 1ull << 63, -1ull - NOW };
	static const u64 deltas[] = { 1, 100, 1ull << 32, 1ull << 62 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		u64 guest = NOW + offsets[i];

		deadline_mode(offsets[i]);
		for (j = 0; j < ARRAY_SIZE(deltas); j++) {
			if (guest + deltas[j] < guest)
				continue;
			wrmsr(MSR_IA32_TSC_DEADLINE, guest + deltas[j]);
			EXPECT_EQ(a.deadline, NOW + deltas[j]);
			EXPECT_EQ(rdmsr(MSR_IA32_TSC_DEADLINE), guest + deltas[j]);
			if (deltas[j] >= guest)
				continue;
			wrmsr(MSR_IA32_TSC_DEADLINE, guest - deltas[j]);
			EXPECT_EQ(rdmsr(MSR_IA32_TSC_DEADLINE), guest - deltas[j]);
			expect_fires(NOW, true);
		}
	}
	/* Never, but armed. */
	deadline_mode(-NOW);
	wrmsr(MSR_IA32_TSC_DEADLINE, LAPIC_NEVER - NOW);
	EXPECT_EQ(a.deadline, LAPIC_NEVER - 1);
	wrmsr(MSR_IA32_TSC_DEADLINE, ~0ULL);
	EXPECT_EQ(a.deadline, LAPIC_NEVER - 1);
	EXPECT_EQ(rdmsr(MSR_IA32_TSC_DEADLINE), ~0ULL);
	expect_fires(1ull << 63, false);
}

TEST(tsc_offset_changes)
{
	deadline_mode(0);
	EXPECT_EQ(lapic_set_tsc_offset(&a, 1000, NOW), LAPIC_NOTHING);
	wrmsr(MSR_IA32_TSC_DEADLINE, NOW + 1000 + 600);
	EXPECT_EQ(a.deadline, NOW + 600);
	EXPECT_EQ(lapic_set_tsc_offset(&a, 1500, NOW), LAPIC_TIMER);
	EXPECT_EQ(a.deadline, NOW + 100);
	EXPECT_EQ(lapic_set_tsc_offset(&a, 5000, NOW), LAPIC_TIMER);
	EXPECT_EQ(rdmsr(MSR_IA32_TSC_DEADLINE), NOW + 1600);
	expect_fires(NOW, true);
	/* Counts are ticks, whatever the guest's clock says. */
	arm(ONE_SHOT, APIC_TDR_DIV_1, 100);
	EXPECT_EQ(lapic_set_tsc_offset(&a, 5000, NOW), LAPIC_NOTHING);
	EXPECT_EQ(a.deadline, NOW + 100);
}

/* A suspend of the host: what is left of a wait is left. */
TEST(host_tsc_set_back)
{
	u64 lost = NOW - 20;

	arm(PERIODIC, APIC_TDR_DIV_1, FAR);
	lapic_tsc_set_back(&a, lost);
	EXPECT_EQ(count_at(20), FAR);
	expect_fires(20 + FAR - 1, false);
	expect_fires(20 + FAR, true);
	EXPECT_EQ(a.deadline, 20 + 2 * FAR);

	arm(DEADLINE, APIC_TDR_DIV_1, 0);
	EXPECT_EQ(wrmsr(MSR_IA32_TSC_DEADLINE, NOW + GUEST_AHEAD + 1000), LAPIC_TIMER);
	lapic_tsc_set_back(&a, lost);
	EXPECT_EQ(a.deadline, 20 + 1000);
	EXPECT_EQ(rdmsr(MSR_IA32_TSC_DEADLINE), NOW + GUEST_AHEAD + 1000);
	/* The next one is counted in the guest's time too, which is what it was. */
	EXPECT_EQ(lapic_timer_write_deadline(&a, NOW + GUEST_AHEAD + 500, 20), LAPIC_TIMER);
	EXPECT_EQ(a.deadline, 20 + 500);

	/* Nothing armed, or due long ago. */
	arm(ONE_SHOT, APIC_TDR_DIV_1, 0);
	lapic_tsc_set_back(&a, lost);
	EXPECT_EQ(a.deadline, LAPIC_NEVER);
	arm(ONE_SHOT, APIC_TDR_DIV_1, 1);
	lapic_tsc_set_back(&a, 2 * NOW);
	EXPECT_EQ(a.deadline, 0);
	expect_fires(1, true);
}

/* At the end of time there is no wrap either. */
TEST(far_future)
{
	arm(ONE_SHOT, APIC_TDR_DIV_128, 1);
	EXPECT_EQ(wr_at(APIC_TMICT, ~0U, LAPIC_NEVER - 5), LAPIC_TIMER);
	EXPECT_EQ(a.deadline, LAPIC_NEVER - 1);
	expect_fires(NOW, false);
}
