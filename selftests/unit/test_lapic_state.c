// SPDX-License-Identifier: GPL-2.0-only
/* All of a local APIC, out and in: what comes out goes in again, and nothing else does. */
#include "unit.h"
#include "lapic_fixture.h"

static struct tvx_apic good;

/* One in full use. */
static void use(u64 base)
{
	setup_xapic(ID);
	wr(APIC_TASKPRI, 0x21);
	wr(APIC_LDR, 0x20 << 24);
	wr(APIC_DFR, APIC_DFR_CLUSTER);
	wr(APIC_LVTERR, 0xfe);
	wr(APIC_LVT0, APIC_DM_EXTINT | APIC_LVT_LEVEL_TRIGGER);
	wr(APIC_LVT1, APIC_DM_NMI);
	wr(APIC_LVTT, APIC_LVT_TIMER_PERIODIC | 0xec);
	wr(APIC_TDCR, APIC_TDR_DIV_1);
	wr(APIC_TMICT, 500000);
	wr(APIC_ICR2, 7 << 24);
	wr(APIC_ICR, 0x44);
	take(0x45, true);
	take(0x46, false);
	lapic_acknowledge(&a, 0x46);
	if (base != ON)
		EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, base) > 0);
	if (base == X2APIC)
		wrmsr(MSR(APIC_ICR), 0x1234567800000044);
}

static void get(u64 now, struct tvx_apic *out)
{
	memset(out, 0, sizeof(*out));
	lapic_get(&a, now, out);
}

static void expect_same(const struct tvx_apic *x, const struct tvx_apic *y)
{
	unsigned int n;

	EXPECT_EQ(x->base, y->base);
	EXPECT_EQ(x->tsc_deadline, y->tsc_deadline);
	EXPECT_EQ(x->timer, y->timer);
	for (n = 0; n < 64; n++)
		EXPECT(x->reg[n] == y->reg[n], "register %#x: %#x and %#x", n << 4, x->reg[n],
		       y->reg[n]);
}

TEST(get)
{
	struct tvx_apic out;

	use(ON);
	get(NOW + 1000, &out);
	EXPECT_EQ(out.base, ON);
	EXPECT_EQ(out.tsc_deadline, 0);
	EXPECT_EQ(out.timer, 499000);
	EXPECT_EQ(out.size | out.flags, 0);
	EXPECT_EQ(out.reg[0x02], ID << 24);
	EXPECT_EQ(out.reg[0x03], LAPIC_VERSION);
	EXPECT_EQ(out.reg[0x08], 0x21);
	EXPECT_EQ(out.reg[0x0a], 0x40);
	EXPECT_EQ(out.reg[0x0d], 0x20000000);
	EXPECT_EQ(out.reg[0x0e], 0x0fffffff);
	EXPECT_EQ(out.reg[0x0f], 0x1ff);
	EXPECT_EQ(out.reg[0x12], BIT(6));
	EXPECT_EQ(out.reg[0x1a], BIT(5));
	EXPECT_EQ(out.reg[0x22], BIT(5));
	EXPECT_EQ(out.reg[0x30], 0x44);
	EXPECT_EQ(out.reg[0x31], 0x07000000);
	EXPECT_EQ(out.reg[0x32], 0x200ec);
	EXPECT_EQ(out.reg[0x38], 500000);
	EXPECT_EQ(out.reg[0x39], 499000);
	use(X2APIC);
	get(NOW, &out);
	EXPECT_EQ(out.base, X2APIC);
	EXPECT_EQ(out.reg[0x02], ID);
	EXPECT_EQ(out.reg[0x0d], 0x20);
	EXPECT_EQ(out.reg[0x30], 0x44);
	EXPECT_EQ(out.reg[0x31], 0x12345678);
}

TEST(get_has_what_is_posted)
{
	struct tvx_apic out;

	use(ON);
	EXPECT_TRUE(post(&a, 0x45, false));
	EXPECT_TRUE(post(&a, 0x60, true));
	EXPECT_TRUE(post(&a, 0xff, true));
	EXPECT_FALSE(post(&a, 7, true));
	get(NOW, &out);
	EXPECT_TRUE(lapic_has_posted(&a));
	EXPECT_EQ(out.reg[0x20], 0);
	EXPECT_EQ(out.reg[0x22], BIT(5));
	EXPECT_EQ(out.reg[0x23], BIT(0));
	EXPECT_EQ(out.reg[0x27], BIT(31));
	EXPECT_EQ(out.reg[0x18], 0);
	EXPECT_EQ(out.reg[0x1a], 0);
	EXPECT_EQ(out.reg[0x1b], BIT(0));
	EXPECT_EQ(out.reg[0x1f], BIT(31));
	/* What was posted is replaced, what was requested is not. */
	lapic_request(&a, LAPIC_REQ_NMI);
	EXPECT_EQ(lapic_set(&a, NOW, &out), 0);
	EXPECT_FALSE(lapic_sync(&a));
	EXPECT_EQ(lapic_take_requests(&a), BIT(LAPIC_REQ_NMI));
	EXPECT_EQ(latched(), 0);
	get(NOW, &good);
	expect_same(&good, &out);
}

TEST(set_what_was_got)
{
	static const u64 bases[] = { ON, ON | BSP, X2APIC, OFF };
	unsigned int from, to;
	struct tvx_apic out;

	for (from = 0; from < ARRAY_SIZE(bases); from++) {
		for (to = 0; to < ARRAY_SIZE(bases); to++) {
			use(bases[to]);
			get(NOW, &good);
			use(bases[from]);
			post(&a, 0x99, true);
			/* Another host, at another time. */
			EXPECT_EQ(lapic_set(&a, 5 * NOW, &good), 0);
			get(5 * NOW, &out);
			expect_same(&good, &out);
			EXPECT_EQ(lapic_is_x2apic(&a), bases[to] == X2APIC);
			EXPECT_EQ(lapic_ppr(&a), lapic_reg(&a, APIC_PROCPRI));
			/* Where the page has nothing. */
			EXPECT_EQ(lapic_reg(&a, APIC_TMCCT), 0);
			EXPECT_EQ(lapic_reg(&a, bases[to] == X2APIC ? 0x310 : 0x304), 0);
		}
	}
}

TEST(set_of_timers)
{
	struct tvx_apic out;

	/* Periodic, near its end. */
	use(ON);
	get(NOW + 499990, &good);
	EXPECT_EQ(good.timer, 10);
	setup(ID);
	EXPECT_EQ(lapic_set(&a, NOW, &good), 0);
	EXPECT_EQ(a.deadline, NOW + 10);
	EXPECT_TRUE(lapic_timer(&a, NOW + 10));
	EXPECT_EQ(a.deadline, NOW + 10 + 500000);
	/* It should have fired: it will. */
	use(ON);
	get(NOW + 600000, &good);
	EXPECT_EQ(good.timer, 1);
	EXPECT_EQ(lapic_set(&a, NOW, &good), 0);
	EXPECT_TRUE(lapic_timer(&a, NOW + 1));
	/* Fired. */
	good.timer = 0;
	EXPECT_EQ(lapic_set(&a, NOW, &good), 0);
	EXPECT_EQ(a.deadline, LAPIC_NEVER);
	EXPECT_EQ(a.period, 0);
	/* A stretched period. */
	good.reg[APIC_TMICT >> 4] = 3;
	good.timer = LAPIC_MIN_PERIOD;
	EXPECT_EQ(lapic_set(&a, NOW, &good), 0);
	EXPECT_EQ(a.deadline, NOW + LAPIC_MIN_PERIOD);
	good.timer++;
	EXPECT_EQ(lapic_set(&a, NOW, &good), -EINVAL);
	/* A divisor that is not the old one. */
	good.reg[APIC_TMICT >> 4] = 500000;
	good.reg[APIC_TDCR >> 4] = APIC_TDR_DIV_4;
	good.timer = 2000000;
	EXPECT_EQ(lapic_set(&a, NOW, &good), 0);
	EXPECT_EQ(rd(APIC_TMCCT), 500000);
	EXPECT_EQ(a.period, 2000000);

	/* In TSC-deadline mode the guest's TSC decides. */
	use(ON);
	wr(APIC_LVTT, APIC_LVT_TIMER_TSCDEADLINE | 0xec);
	wrmsr(MSR_IA32_TSC_DEADLINE, NOW + GUEST_AHEAD + 700);
	get(NOW, &good);
	EXPECT_EQ(good.timer, 700);
	EXPECT_EQ(good.tsc_deadline, NOW + GUEST_AHEAD + 700);
	setup(ID);
	lapic_set_tsc_offset(&a, GUEST_AHEAD + 200, NOW);
	EXPECT_EQ(lapic_set(&a, NOW, &good), 0);
	EXPECT_EQ(a.deadline, NOW + 500);
	get(NOW, &out);
	EXPECT_EQ(out.timer, 500);
	EXPECT_EQ(out.tsc_deadline, good.tsc_deadline);
	good.tsc_deadline = 0;
	EXPECT_EQ(lapic_set(&a, NOW, &good), 0);
	EXPECT_EQ(a.deadline, LAPIC_NEVER);
}

/* ---- refusals: all else is as it should be ---- */

static void expect_refused(const struct tvx_apic *in, const char *what, unsigned int n)
{
	static u8 page_before[LAPIC_REGS_SIZE];
	struct lapic before = a;

	memcpy(page_before, page, sizeof(page));
	EXPECT(lapic_set(&a, NOW, in) == -EINVAL, "%s %#x is accepted", what, n);
	EXPECT_TRUE(!memcmp(page, page_before, sizeof(page)) && !memcmp(&a, &before, sizeof(a)));
}

TEST(refused_bases)
{
	static const u64 bad[] = {
		0, OFF | X2APIC_ENABLE, ON | BIT(0), ON | BIT(9), ON | BIT_ULL(52), ~0ULL,
		X2APIC,		/* with an id as xAPICs have it */
		OFF,		/* with all in use */
	};
	struct tvx_apic in;
	unsigned int i;

	use(ON);
	get(NOW, &good);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		in = good;
		in.base = bad[i];
		expect_refused(&in, "base", i);
	}
	use(X2APIC);
	get(NOW, &good);
	good.base = ON;
	expect_refused(&good, "xAPIC", 0);
}

/* A period that was stretched, and then made one shot of. */
TEST(stretched_timer)
{
	struct tvx_apic in, out;

	use(ON);
	wr(APIC_TDCR, APIC_TDR_DIV_1);
	wr(APIC_LVTT, APIC_LVT_TIMER_PERIODIC | 0x41);
	wr(APIC_TMICT, 10);
	wr(APIC_LVTT, 0x41);
	EXPECT_TRUE(a.deadline > NOW + 10);
	get(NOW, &in);
	EXPECT_EQ(in.timer, 10);
	EXPECT_EQ(lapic_set(&a, NOW, &in), 0);
	EXPECT_EQ(a.deadline, NOW + 10);
	get(NOW, &out);
	expect_same(&in, &out);
}

/* The registers are the same wherever their page is, and in each mode it may be moved. */
TEST(moved)
{
	static const u64 elsewhere[] = {
		ON + 0x1000, ON - 0x1000, XAPIC_ENABLE, ON | BIT_ULL(36), ON | BIT_ULL(51),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(elsewhere); i++) {
		setup_xapic(ID);
		EXPECT_FALSE(lapic_is_moved(&a));
		wr(APIC_TASKPRI, 0x20);
		take(0x45, true);
		/* VMX has to know; nothing else changes. */
		EXPECT_EQ(wrmsr(MSR_IA32_APICBASE, elsewhere[i]), LAPIC_MODE);
		EXPECT_EQ(rdmsr(MSR_IA32_APICBASE), elsewhere[i]);
		EXPECT_TRUE(lapic_is_moved(&a));
		EXPECT_TRUE(lapic_is_on(&a) && !lapic_is_x2apic(&a));
		EXPECT_EQ(rd(APIC_TASKPRI), 0x20);
		EXPECT_TRUE(irr(0x45));
		/* INIT leaves it there. */
		lapic_reset(&a);
		EXPECT_EQ(rdmsr(MSR_IA32_APICBASE), elsewhere[i]);
		EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, X2APIC) & LAPIC_MODE);
		EXPECT_FALSE(lapic_is_moved(&a));
		EXPECT_EQ(rdmsr(MSR(APIC_ID)), ID);
		EXPECT_EQ(wrmsr(MSR_IA32_APICBASE, elsewhere[i] | X2APIC_ENABLE), LAPIC_MODE);
		EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, elsewhere[i] & ~XAPIC_ENABLE) & LAPIC_MODE);
		EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, ON) & LAPIC_MODE);
		EXPECT_FALSE(lapic_is_moved(&a));
	}
}

TEST(moved_base)
{
	struct tvx_apic in, out;

	use(ON);
	get(NOW, &in);
	in.base = ON - 0x1000;
	EXPECT_EQ(lapic_set(&a, NOW, &in), 0);
	EXPECT_TRUE(lapic_is_moved(&a));
	get(NOW, &out);
	EXPECT_EQ(out.base, ON - 0x1000);
	expect_same(&in, &out);
}

/* Each bit of each register, turned over: which may be? */
static u32 may_turn(u64 base, u32 offset)
{
	bool x2 = base == X2APIC;

	switch (offset) {
	case 0x080:
		return 0xff;
	case 0x0d0:
		return x2 ? 0 : 0xff000000;
	case 0x0e0:
		return x2 ? 0 : 0xf0000000;
	case 0x0f0:
		return base == OFF ? 0x2ff : 0x3ff;
	case 0x100: case 0x180: case 0x200:
		return 0xffff0000;
	case 0x280:
		return 0x60;
	case 0x300:
		return 0xccfff;
	case 0x310:
		return x2 ? ~0U : 0xff000000;
	case 0x330: case 0x340:
		return base == OFF ? 0x7ff : 0x107ff;
	case 0x350: case 0x360:
		return base == OFF ? 0xa7ff : 0x1a7ff;
	case 0x370:
		return base == OFF ? 0xff : 0x100ff;
	case 0x0a0: case 0x390:
		return ~0U;	/* follow from others */
	case 0x3e0:
		return 0xb;
	}
	return offset > 0x100 && offset < 0x280 ? ~0U : 0;
}

TEST(refused_bits)
{
	static const u64 bases[] = { ON, X2APIC, OFF };
	struct tvx_apic in;
	unsigned int i, n, bit;

	for (i = 0; i < ARRAY_SIZE(bases); i++) {
		use(bases[i]);
		/* So that the divisor and LVT entries can be turned freely. */
		if (bases[i] != OFF) {
			get(NOW, &in);
			in.timer = 0;
			for (n = 0x33; n <= 0x37; n++)
				in.reg[n] |= APIC_LVT_MASKED;
			EXPECT_EQ(lapic_set(&a, NOW, &in), 0);
		}
		get(NOW, &good);
		for (n = 0; n < 64; n++) {
			if (n << 4 == APIC_LVTT || n << 4 == APIC_TMICT)
				continue;	/* below */
			for (bit = 0; bit < 32; bit++) {
				in = good;
				in.reg[n] ^= BIT(bit);
				/* LVT entries are unmasked only in an enabled APIC. */
				if (n << 4 == APIC_SPIV && bit == 8)
					in.reg[0x32] |= APIC_LVT_MASKED;
				if (!(may_turn(bases[i], n << 4) & BIT(bit))) {
					expect_refused(&in, "bit of", n << 8 | bit);
					continue;
				}
				EXPECT(!lapic_set(&a, NOW, &in), "bit %u of %#x is refused", bit,
				       n << 4);
				EXPECT_EQ(lapic_set(&a, NOW, &good), 0);
			}
		}
	}
}

TEST(refused_timers)
{
	static const struct {
		u32 lvt, count;
		u64 timer, deadline;
		bool valid;
	} cases[] = {
		{ 0x000ec, 100, 0, 0, true },
		{ 0x000ec, 100, 100, 0, true },
		{ 0x000ec, 100, 101, 0, false },
		{ 0x000ec, 0, 1, 0, false },
		{ 0x000ec, 100, 0, 5, false },
		{ 0x000ec, ~0U, 0xffffffff, 0, true },
		{ 0x000ec, ~0U, 0x100000000, 0, false },
		{ 0x200ec, 100, LAPIC_MIN_PERIOD, 0, true },
		{ 0x200ec, 0, 1, 0, false },
		{ 0x200ec, 100, 1, 5, false },
		{ 0x400ec, 0, 0, 0, true },
		{ 0x400ec, 0, 0, 5, true },
		{ 0x400ec, 0, 5, ~0ULL, true },
		{ 0x400ec, 1, 0, 5, false },
		{ 0x600ec, 0, 0, 0, true },
		{ 0x600ec, 1, 0, 0, false },
		{ 0x600ec, 0, 1, 0, false },
		{ 0x600ec, 0, 0, 5, false },
		{ 0x008ec, 0, 0, 0, false },	/* reserved bits */
		{ 0x001ec, 0, 0, 0, false },
		{ 0x010ec, 0, 0, 0, false },
		{ 0x800ec, 0, 0, 0, false },
	};
	struct tvx_apic in, out;
	unsigned int i;

	use(ON);
	get(NOW, &good);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		in = good;
		in.reg[APIC_LVTT >> 4] = cases[i].lvt;
		in.reg[APIC_TMICT >> 4] = cases[i].count;
		in.timer = cases[i].timer;
		in.tsc_deadline = cases[i].deadline;
		if (!cases[i].valid) {
			expect_refused(&in, "timer case", i);
			continue;
		}
		EXPECT(!lapic_set(&a, NOW, &in), "timer case %u is refused", i);
		get(NOW, &out);
		EXPECT_EQ(out.reg[APIC_LVTT >> 4], cases[i].lvt);
		EXPECT_EQ(out.tsc_deadline, cases[i].deadline);
	}
}
