// SPDX-License-Identifier: GPL-2.0-only
/* A local APIC's registers: what they are after reset, each bit of each, and the modes. */
#include "unit.h"
#include "lapic_fixture.h"

/*
 * The xAPIC page as the SDM has it: after RESET; and after a write of all ones, and of
 * zeros, to a software-enabled one.
 */
static const struct {
	u32 offset, reset, ones, zeros;
} xapic[] = {
	{ 0x020, ID << 24, ID << 24, ID << 24 },	/* ID */
	{ 0x030, 0x50014, 0x50014, 0x50014 },		/* version */
	{ 0x080, 0, 0xff, 0 },				/* TPR */
	{ 0x090, 0, 0, 0 },				/* APR */
	{ 0x0a0, 0, 0, 0 },				/* PPR */
	{ 0x0b0, 0, 0, 0 },				/* EOI */
	{ 0x0c0, 0, 0, 0 },				/* RRD */
	{ 0x0d0, 0, 0xff000000, 0 },			/* LDR */
	{ 0x0e0, ~0U, ~0U, 0x0fffffff },		/* DFR */
	{ 0x0f0, 0xff, 0x3ff, 0 },			/* SVR */
	{ 0x280, 0, 0, 0 },				/* ESR */
	{ 0x300, 0, 0xccfff, 0 },			/* ICR */
	{ 0x310, 0, 0xff000000, 0 },
	{ 0x320, 0x10000, 0x700ff, 0 },			/* LVT: timer */
	{ 0x330, 0x10000, 0x107ff, 0 },			/* thermal */
	{ 0x340, 0x10000, 0x107ff, 0 },			/* performance counters */
	{ 0x350, 0x10000, 0x1a7ff, 0 },			/* LINT0 */
	{ 0x360, 0x10000, 0x1a7ff, 0 },			/* LINT1 */
	{ 0x370, 0x10000, 0x100ff, 0 },			/* error */
	{ 0x380, 0, ~0U, 0 },				/* initial count */
	{ 0x390, 0, 0, 0 },				/* current count */
	{ 0x3e0, 0, 0xb, 0 },				/* divisor */
};

static u32 expected(u32 offset, unsigned int column)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(xapic); i++)
		if (xapic[i].offset == offset)
			return column == 0 ? xapic[i].reset : column == 1 ? xapic[i].ones :
			       xapic[i].zeros;
	return 0;	/* vectors, and what is no register */
}

TEST(xapic_registers)
{
	u32 offset;

	for (offset = 0; offset < LAPIC_REGS_SIZE; offset += 4) {
		setup(ID);
		EXPECT(rd(offset) == expected(offset, 0), "%#x after reset: %#x", offset, rd(offset));
		setup_xapic(ID);
		wr(offset, ~0U);
		EXPECT(rd(offset) == expected(offset, 1), "%#x, ones: %#x", offset, rd(offset));
		setup_xapic(ID);
		wr(offset, 0);
		EXPECT(rd(offset) == expected(offset, 2), "%#x, zeros: %#x", offset, rd(offset));
	}
}

/* A write that the CPU has put into the page, at the offsets of "APIC-Write Emulation". */
TEST(xapic_registers_written_by_the_cpu)
{
	static const u16 passed[] = {
		0x20, 0x80, 0xb0, 0xd0, 0xe0, 0xf0, 0x280, 0x300, 0x310,
		0x320, 0x330, 0x340, 0x350, 0x360, 0x370, 0x380, 0x3e0,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(passed); i++) {
		setup_xapic(ID);
		written(passed[i], ~0U);
		EXPECT(rd(passed[i]) == expected(passed[i], 1), "%#x, ones: %#x", passed[i],
		       rd(passed[i]));
		setup_xapic(ID);
		written(passed[i], 0);
		EXPECT(rd(passed[i]) == expected(passed[i], 2), "%#x, zeros: %#x", passed[i],
		       rd(passed[i]));
	}
	setup_xapic(ID);
	EXPECT_EQ(written(0x400, 1), LAPIC_NOTHING);
	EXPECT_EQ(written(0x3f0, 0x41), LAPIC_NOTHING);
	EXPECT_FALSE(irr(0x41));
}

/* The registers that x2APIC MSRs reach: what can be read, and which bits can be written. */
static const struct {
	u32 msr;
	bool read;
	u64 reset;		/* on the way here software-enabled */
	u64 writable, ignored;
} x2apic[] = {
	{ 0x802, true, 0x123, 0, 0 },
	{ 0x803, true, 0x50014, 0, 0 },
	{ 0x808, true, 0, 0xff, 0 },
	{ 0x80a, true, 0, 0, 0 },
	{ 0x80b, false, 0, 0, 0 },
	{ 0x80d, true, 0x120008, 0, 0 },
	{ 0x80f, true, 0x1ff, 0x3ff, 0 },
	{ 0x828, true, 0, 0, 0 },
	{ 0x830, true, 0, 0xffffffff000ccfff, 0x1000 },
	{ 0x832, true, 0x10000, 0x700ff, 0x1000 },
	{ 0x833, true, 0x10000, 0x107ff, 0x1000 },
	{ 0x834, true, 0x10000, 0x107ff, 0x1000 },
	{ 0x835, true, 0x10000, 0x1a7ff, 0x5000 },
	{ 0x836, true, 0x10000, 0x1a7ff, 0x5000 },
	{ 0x837, true, 0x10000, 0x100ff, 0x1000 },
	{ 0x838, true, 0, 0xffffffff, 0 },
	{ 0x839, true, 0, 0, 0 },
	{ 0x83e, true, 0, 0xb, 0 },
	{ 0x83f, false, 0, 0xff, 0 },
};

static int row_of(u32 msr)
{
	int i;

	for (i = 0; i < (int)ARRAY_SIZE(x2apic); i++)
		if (x2apic[i].msr == msr)
			return i;
	return -1;
}

/* ISR, TMR, IRR */
static bool is_vectors(u32 msr)
{
	return msr >= 0x810 && msr < 0x828;
}

TEST(x2apic_reads)
{
	u32 msr;
	int row;

	setup_x2apic(0x123);
	for (msr = 0x800; msr < 0x900; msr++) {
		row = row_of(msr);
		if (is_vectors(msr))
			EXPECT_EQ(rdmsr(msr), 0);
		else if (row < 0 || !x2apic[row].read)
			EXPECT(rdmsr_error(msr) == -EINVAL, "MSR %#x can be read", msr);
		else
			EXPECT(rdmsr(msr) == x2apic[row].reset, "MSR %#x is %#llx", msr,
			       (unsigned long long)rdmsr(msr));
	}
}

static void expect_refused(u32 msr, u64 value)
{
	static u8 page_before[LAPIC_REGS_SIZE];
	struct lapic before = a;

	memcpy(page_before, page, sizeof(page));
	EXPECT(wrmsr(msr, value) == -EINVAL, "MSR %#x takes %#llx", msr, (unsigned long long)value);
	EXPECT(!memcmp(page, page_before, sizeof(page)), "MSR %#x changed", msr);
	EXPECT(!memcmp(&a, &before, sizeof(a)), "MSR %#x changed the state", msr);
}

TEST(x2apic_writes_bit_by_bit)
{
	unsigned int bit;
	u32 msr;
	int row;

	for (msr = 0x800; msr < 0x900; msr++) {
		row = row_of(msr);
		for (bit = 0; bit < 64; bit++) {
			u64 value = BIT_ULL(bit);

			setup_x2apic(0x123);
			if (row < 0 || !(value & (x2apic[row].writable | x2apic[row].ignored))) {
				expect_refused(msr, value);
				continue;
			}
			EXPECT(wrmsr(msr, value) >= 0, "MSR %#x refuses bit %u", msr, bit);
			if (x2apic[row].read)
				EXPECT(rdmsr(msr) == (value & x2apic[row].writable),
				       "MSR %#x, bit %u: %#llx", msr, bit,
				       (unsigned long long)rdmsr(msr));
		}
	}
}

TEST(x2apic_writes_of_zero)
{
	u32 msr;
	int row;

	for (msr = 0x800; msr < 0x900; msr++) {
		setup_x2apic(0x123);
		row = row_of(msr);
		/* ESR and EOI take this and nothing else. */
		if (msr == 0x80b || msr == 0x828 || (row >= 0 && x2apic[row].writable))
			EXPECT(wrmsr(msr, 0) >= 0, "MSR %#x refuses 0", msr);
		else
			expect_refused(msr, 0);
	}
}

TEST(msrs_of_other_modes)
{
	u32 msr;

	for (msr = 0x800; msr < 0x900; msr++) {
		setup_xapic(ID);
		EXPECT_EQ(rdmsr_error(msr), -EINVAL);
		expect_refused(msr, 0);
		EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, OFF) > 0);
		EXPECT_EQ(rdmsr_error(msr), -EINVAL);
		expect_refused(msr, 0);
	}
	/* Nor what is no MSR of ours, if it comes here all the same. */
	setup_x2apic(ID);
	EXPECT_EQ(rdmsr_error(0x7ff), -EINVAL);
	EXPECT_EQ(rdmsr_error(0x10000808), -EINVAL);
	expect_refused(0x10000808, 0);
	for (msr = 0; msr < 0x1000; msr++)
		EXPECT_EQ(lapic_has_msr(msr),
			  msr == 0x1b || msr == 0x6e0 || (msr >= 0x800 && msr <= 0x8ff));
	EXPECT_FALSE(lapic_has_msr(~0U));
}

TEST(no_page_outside_of_xapic_mode)
{
	u32 offset;

	setup_x2apic(ID);
	for (offset = 0; offset < LAPIC_REGS_SIZE; offset += 16) {
		EXPECT_EQ(rd(offset), 0);
		EXPECT_EQ(wr(offset, ~0U), LAPIC_NOTHING);
	}
	EXPECT_EQ(rdmsr(MSR(APIC_TASKPRI)), 0);
	setup_xapic(ID);
	EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, OFF) > 0);
	for (offset = 0; offset < LAPIC_REGS_SIZE; offset += 16) {
		EXPECT_EQ(rd(offset), 0);
		EXPECT_EQ(wr(offset, ~0U), LAPIC_NOTHING);
	}
}

/* ---- modes ---- */

TEST(init)
{
	setup(0);
	EXPECT_EQ(rdmsr(MSR_IA32_APICBASE), ON | BSP);
	EXPECT_TRUE(lapic_is_on(&a));
	EXPECT_FALSE(lapic_is_x2apic(&a));
	EXPECT_FALSE(lapic_has_posted(&a));
	EXPECT_EQ(a.deadline, LAPIC_NEVER);
	setup(ID);
	EXPECT_EQ(rdmsr(MSR_IA32_APICBASE), ON);
	EXPECT_EQ(rdmsr(MSR_IA32_TSC_DEADLINE), 0);
}

TEST(base_transitions)
{
	static const u64 modes[] = { OFF, ON, X2APIC };
	static const struct {
		u64 from, to;
		bool allowed;
	} cases[] = {
		{ OFF, ON, true },
		{ OFF, X2APIC, false },
		{ ON, OFF, true },
		{ ON, X2APIC, true },
		{ X2APIC, OFF, true },
		{ X2APIC, ON, false },
	};
	static const u64 bad[] = {
		OFF | X2APIC_ENABLE,			/* EXTD without EN */
		ON | BIT(0), ON | BIT(7), ON | BIT(9),	/* reserved */
		ON | BIT_ULL(52), ON | BIT_ULL(63),
		~0ULL,
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		setup_x2apic(ID);
		if (cases[i].from != X2APIC)
			EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, OFF) > 0);
		if (cases[i].from == ON)
			EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, ON) > 0);
		if (!cases[i].allowed) {
			expect_refused(MSR_IA32_APICBASE, cases[i].to);
			continue;
		}
		EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, cases[i].to) & LAPIC_MODE);
		EXPECT_EQ(rdmsr(MSR_IA32_APICBASE), cases[i].to);
		EXPECT_EQ(lapic_is_on(&a), cases[i].to != OFF);
		EXPECT_EQ(lapic_is_x2apic(&a), cases[i].to == X2APIC);
	}
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		setup_xapic(ID);
		if (modes[i] != ON)
			EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, modes[i]) > 0);
		for (j = 0; j < ARRAY_SIZE(bad); j++)
			expect_refused(MSR_IA32_APICBASE, bad[j]);
		/* The same again, and with the flag of the bootstrap processor. */
		EXPECT_EQ(wrmsr(MSR_IA32_APICBASE, modes[i]), LAPIC_NOTHING);
		EXPECT_EQ(wrmsr(MSR_IA32_APICBASE, modes[i] | BSP), LAPIC_MODE);
		EXPECT_EQ(rdmsr(MSR_IA32_APICBASE), modes[i] | BSP);
	}
}

TEST(x2apic_id_and_ldr)
{
	static const struct {
		u32 id, ldr;
	} cases[] = {
		{ 0, 0x00001 }, { 5, 0x00020 }, { 15, 0x08000 }, { 16, 0x10001 },
		{ 63, 0x38000 }, { 0x123, 0x120008 }, { 0xffffe, 0xffff4000 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		setup_x2apic(cases[i].id);
		EXPECT_EQ(rdmsr(MSR(APIC_ID)), cases[i].id);
		EXPECT_EQ(rdmsr(MSR(APIC_LDR)), cases[i].ldr);
	}
}

TEST(entering_x2apic_keeps_most)
{
	setup_xapic(ID);
	wr(APIC_TASKPRI, 0x20);
	wr(APIC_LDR, 0x11 << 24);
	wr(APIC_DFR, 0);
	wr(APIC_ICR2, 0x12 << 24);
	wr(APIC_LVT0, APIC_DM_EXTINT);
	wr(APIC_TDCR, APIC_TDR_DIV_1);
	wr(APIC_TMICT, 1000);
	take(0x45, true);
	EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, X2APIC) > 0);
	EXPECT_EQ(rdmsr(MSR(APIC_TASKPRI)), 0x20);
	EXPECT_EQ(rdmsr(MSR(APIC_SPIV)), ENABLED);
	EXPECT_EQ(rdmsr(MSR(APIC_LVT0)), APIC_DM_EXTINT);
	EXPECT_EQ(rdmsr(MSR(APIC_ICR)), 0);
	EXPECT_EQ(rdmsr(MSR(APIC_LDR)), 0x20);
	EXPECT_EQ(rdmsr(MSR(APIC_TMCCT)), 1000);
	EXPECT_EQ(a.deadline, NOW + 1000);
	EXPECT_TRUE(irr(0x45) && tmr(0x45));
}

TEST(turning_off_resets)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		if (i)
			setup_x2apic(ID);
		else
			setup_xapic(ID);
		take(0x45, true);
		lapic_acknowledge(&a, 0x45);
		EXPECT_TRUE(post(&a, 0x46, false));
		EXPECT_EQ(wrmsr(MSR_IA32_APICBASE, OFF), LAPIC_MODE | LAPIC_TIMER | LAPIC_UPDATE);
		EXPECT_FALSE(post(&a, 0x47, false));
		EXPECT_FALSE(lapic_has_posted(&a));
		EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, ON) > 0);
		EXPECT_FALSE(lapic_sync(&a));
		EXPECT_EQ(rd(APIC_ID), ID << 24);
		EXPECT_EQ(rd(APIC_LDR), 0);
		EXPECT_EQ(rd(APIC_SPIV), 0xff);
		EXPECT_EQ(lapic_highest_isr(&a), -1);
		EXPECT_EQ(lapic_highest_irr(&a), -1);
		EXPECT_FALSE(tmr(0x45));
	}
	/* What was on its way when it was turned off does not come later. */
	setup_xapic(ID);
	EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, OFF) > 0);
	set_bit(0x46, a.posted);
	set_bit(0, &a.on);
	EXPECT_FALSE(lapic_sync(&a));
	EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, ON) > 0);
	EXPECT_FALSE(lapic_sync(&a));
	EXPECT_FALSE(irr(0x46));
}

TEST(reset_by_init)
{
	setup_x2apic(ID);
	EXPECT_EQ(wrmsr(MSR_IA32_APICBASE, X2APIC | BSP), LAPIC_MODE);
	wrmsr(MSR(APIC_TASKPRI), 0x30);
	wrmsr(MSR(APIC_ICR), 0x1234500000045);
	wrmsr(MSR(APIC_TMICT), 55);
	wrmsr(MSR(APIC_SELF_IPI), 3);		/* an error */
	EXPECT_EQ(a.esr, APIC_ESR_SENDILL);
	EXPECT_TRUE(post(&a, 0x77, false));
	lapic_request(&a, LAPIC_REQ_SIPI);
	lapic_reset(&a);
	EXPECT_EQ(rdmsr(MSR_IA32_APICBASE), X2APIC | BSP);
	EXPECT_EQ(rdmsr(MSR(APIC_ID)), ID);
	EXPECT_EQ(rdmsr(MSR(APIC_LDR)), 0x20);
	EXPECT_EQ(rdmsr(MSR(APIC_TASKPRI)), 0);
	EXPECT_EQ(rdmsr(MSR(APIC_ICR)), 0);
	EXPECT_EQ(rdmsr(MSR(APIC_SPIV)), 0xff);
	EXPECT_EQ(rdmsr(MSR(APIC_LVTERR)), APIC_LVT_MASKED);
	EXPECT_EQ(a.deadline, LAPIC_NEVER);
	EXPECT_EQ(latched(), 0);
	EXPECT_FALSE(lapic_sync(&a));
	EXPECT_TRUE(lapic_has_posted(&a));
	EXPECT_EQ(lapic_take_requests(&a), BIT(LAPIC_REQ_SIPI));
	EXPECT_FALSE(lapic_has_posted(&a));
}

/* ---- software-disabled ---- */

TEST(software_disabled)
{
	u32 lvt;

	setup(ID);
	EXPECT_FALSE(post(&a, 0x40, false));
	EXPECT_FALSE(lapic_has_posted(&a));
	for (lvt = APIC_LVTT; lvt <= APIC_LVTERR; lvt += 16) {
		EXPECT_EQ(wr(lvt, 0x31), LAPIC_NOTHING);
		EXPECT_EQ(rd(lvt), APIC_LVT_MASKED | 0x31);
	}
	wr(APIC_SPIV, ENABLED);
	for (lvt = APIC_LVTT; lvt <= APIC_LVTERR; lvt += 16) {
		EXPECT_EQ(rd(lvt), APIC_LVT_MASKED | 0x31);
		wr(lvt, 0x32);
		EXPECT_EQ(rd(lvt), 0x32);
	}
	take(0x40, false);
	wr(APIC_SPIV, 0xef);
	for (lvt = APIC_LVTT; lvt <= APIC_LVTERR; lvt += 16)
		EXPECT_EQ(rd(lvt), APIC_LVT_MASKED | 0x32);
	EXPECT_EQ(rd(APIC_SPIV), 0xef);
	/* What waits is held, IPIs go out, the others still come. */
	EXPECT_EQ(lapic_deliverable(&a), 0x40);
	EXPECT_EQ(wr(APIC_ICR, 0x41), LAPIC_IPI);
	lapic_request(&a, LAPIC_REQ_NMI);
	EXPECT_EQ(lapic_take_requests(&a), BIT(LAPIC_REQ_NMI));
	EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, X2APIC) > 0);
	EXPECT_EQ(wrmsr(MSR(APIC_SELF_IPI), 0x42), LAPIC_NOTHING);
	EXPECT_FALSE(irr(0x42));
	EXPECT_EQ(written(APIC_LVT0, APIC_DM_EXTINT), LAPIC_NOTHING);
	EXPECT_EQ(rdmsr(MSR(APIC_LVT0)), APIC_DM_EXTINT | APIC_LVT_MASKED);
}

TEST(pins)
{
	static const struct {
		u32 lvt;
		bool extint, nmi;
	} cases[] = {
		{ APIC_DM_EXTINT, true, false },
		{ APIC_DM_EXTINT | APIC_LVT_LEVEL_TRIGGER | 0x20, true, false },
		{ APIC_DM_EXTINT | APIC_LVT_MASKED, false, false },
		{ APIC_DM_NMI, false, true },
		{ APIC_DM_NMI | APIC_LVT_MASKED, false, false },
		{ APIC_DM_FIXED | 0x40, false, false },
	};
	unsigned int i;

	setup(ID);
	EXPECT_FALSE(lapic_takes_extint(&a));
	EXPECT_FALSE(lapic_takes_lint1_nmi(&a));
	setup_xapic(ID);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		wr(APIC_LVT0, cases[i].lvt);
		wr(APIC_LVT1, APIC_LVT_MASKED);
		EXPECT_EQ(lapic_takes_extint(&a), cases[i].extint);
		EXPECT_FALSE(lapic_takes_lint1_nmi(&a));
		wr(APIC_LVT0, APIC_LVT_MASKED);
		wr(APIC_LVT1, cases[i].lvt);
		EXPECT_FALSE(lapic_takes_extint(&a));
		EXPECT_EQ(lapic_takes_lint1_nmi(&a), cases[i].nmi);
	}
	/* Without an APIC they are what they were before there was one. */
	wrmsr(MSR_IA32_APICBASE, OFF);
	EXPECT_TRUE(lapic_takes_extint(&a));
	EXPECT_TRUE(lapic_takes_lint1_nmi(&a));
}
