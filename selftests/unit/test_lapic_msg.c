// SPDX-License-Identifier: GPL-2.0-only
/* Messages to local APICs: what ICR and MSIs say, and whom they reach. */
#include "unit.h"
#include "lapic_fixture.h"

static void expect_message(const struct lapic_message *m, const struct lapic_message *want)
{
	EXPECT_EQ(m->dest, want->dest);
	EXPECT_EQ(m->vector, want->vector);
	EXPECT_EQ(m->delivery, want->delivery);
	EXPECT_EQ(m->shorthand, want->shorthand);
	EXPECT_EQ(m->logical, want->logical);
	EXPECT_EQ(m->level, want->level);
	EXPECT_EQ(m->deassert, want->deassert);
	EXPECT_EQ(m->x2apic, want->x2apic);
}

/* ---- ICR ---- */

TEST(icr)
{
	static const struct {
		u32 low, high;
		struct lapic_message m;
	} cases[] = {
		{ 0x00041, 0, { .vector = 0x41 } },
		{ 0x04041, 7, { .vector = 0x41, .dest = 7 } },
		{ 0x008fe, 0xff, { .vector = 0xfe, .dest = 0xff, .logical = true } },
		{ 0x00930, 3, { .vector = 0x30, .dest = 3, .delivery = LAPIC_LOWEST,
				.logical = true } },
		{ 0x00200, 3, { .dest = 3, .delivery = LAPIC_SMI } },
		{ 0x04402, 3, { .vector = 2, .dest = 3, .delivery = LAPIC_NMI } },
		{ 0x04500, 3, { .dest = 3, .delivery = LAPIC_INIT } },
		{ 0x0c500, 3, { .dest = 3, .delivery = LAPIC_INIT } },
		{ 0x08500, 3, { .dest = 3, .delivery = LAPIC_INIT, .deassert = true } },
		{ 0x00500, 3, { .dest = 3, .delivery = LAPIC_INIT } },
		{ 0x0469f, 3, { .vector = 0x9f, .dest = 3, .delivery = LAPIC_STARTUP } },
		{ 0x44041, 0, { .vector = 0x41, .shorthand = LAPIC_SELF } },
		{ 0x84041, 0, { .vector = 0x41, .shorthand = LAPIC_ALL } },
		{ 0xc4041, 0, { .vector = 0x41, .shorthand = LAPIC_OTHERS } },
		/* The trigger mode counts for INIT alone. */
		{ 0x08041, 0, { .vector = 0x41 } },
		{ 0x0c041, 0, { .vector = 0x41 } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct lapic_message m, want = cases[i].m;

		setup_xapic(ID);
		EXPECT_EQ(wr(APIC_ICR2, cases[i].high << 24 | 0x123456), LAPIC_NOTHING);
		/* BUSY and reserved bits are dropped. */
		EXPECT_EQ(wr(APIC_ICR, cases[i].low | 0xfff33000), LAPIC_IPI);
		EXPECT_EQ(rd(APIC_ICR), cases[i].low);
		EXPECT_EQ(rd(APIC_ICR2), cases[i].high << 24);
		m = lapic_icr(&a);
		expect_message(&m, &want);

		setup_x2apic(ID);
		EXPECT_EQ(wrmsr(MSR(APIC_ICR), (0xabcd00ull | cases[i].high) << 32 | 0x1000 |
				cases[i].low), LAPIC_IPI);
		EXPECT_EQ(rdmsr(MSR(APIC_ICR)), (0xabcd00ull | cases[i].high) << 32 | cases[i].low);
		/* Where a CPU with APIC virtualisation has it. */
		EXPECT_EQ(lapic_reg(&a, 0x304), 0xabcd00 | cases[i].high);
		EXPECT_EQ(lapic_reg(&a, 0x310), 0);
		want.x2apic = true;
		want.dest |= 0xabcd00;
		m = lapic_icr(&a);
		expect_message(&m, &want);
	}
	/* The CPU wrote it. */
	setup_xapic(ID);
	EXPECT_EQ(written(APIC_ICR2, 0x07ffffff), LAPIC_NOTHING);
	EXPECT_EQ(written(APIC_ICR, 0x01041), LAPIC_IPI);
	EXPECT_EQ(rd(APIC_ICR), 0x41);
	EXPECT_EQ(lapic_icr(&a).dest, 7);
}

/* ---- message-signalled interrupts ---- */

TEST(msi)
{
	static const struct {
		u64 address;
		u32 data;
		struct lapic_message m;
	} cases[] = {
		{ 0xfee00000, 0x0041, { .vector = 0x41 } },
		{ 0xfeeff000, 0x4041, { .vector = 0x41, .dest = 0xff } },
		{ 0xfee07000, 0x0041, { .vector = 0x41, .dest = 7 } },
		{ 0xfee07ff3, 0x0041, { .vector = 0x41, .dest = 7 } },	/* reserved, don't care */
		{ 0xfee07004, 0x0041, { .vector = 0x41, .dest = 7, .logical = true } },
		/* The redirection hint: only of a logical destination. */
		{ 0xfee0700c, 0x0041, { .vector = 0x41, .dest = 7, .logical = true,
					.delivery = LAPIC_LOWEST } },
		{ 0xfee07008, 0x0041, { .vector = 0x41, .dest = 7 } },
		{ 0xfee0700c, 0x0441, { .vector = 0x41, .dest = 7, .logical = true,
					.delivery = LAPIC_NMI } },
		{ 0xfee07004, 0x0141, { .vector = 0x41, .dest = 7, .logical = true,
					.delivery = LAPIC_LOWEST } },
		/* levels */
		{ 0xfee07000, 0xc041, { .vector = 0x41, .dest = 7, .level = true } },
		{ 0xfee07000, 0x8041, { .vector = 0x41, .dest = 7, .level = true,
					.deassert = true } },
		{ 0xfee07000, 0xc141, { .vector = 0x41, .dest = 7, .level = true,
					.delivery = LAPIC_LOWEST } },
		/* Others are edges, whatever they say. */
		{ 0xfee07000, 0x8200, { .dest = 7, .delivery = LAPIC_SMI } },
		{ 0xfee07000, 0x8400, { .dest = 7, .delivery = LAPIC_NMI } },
		{ 0xfee07000, 0xc500, { .dest = 7, .delivery = LAPIC_INIT } },
		{ 0xfee07000, 0x0500, { .dest = 7, .delivery = LAPIC_INIT } },
		{ 0xfee07000, 0x8500, { .dest = 7, .delivery = LAPIC_INIT, .deassert = true } },
		{ 0xfee07000, 0x8700, { .dest = 7, .delivery = LAPIC_EXTINT } },
		/* an illegal vector, which is the receiver's error */
		{ 0xfee07000, 0x0005, { .dest = 7, .vector = 5 } },
		{ 0xfee07000, 0xffff3041, { .dest = 7, .vector = 0x41 } },
	};
	static const struct {
		u64 address;
		u32 data;
	} bad[] = {
		{ 0xfee07000, 0x0341 },	/* reserved delivery modes */
		{ 0xfee07000, 0x0641 },
		{ 0xfed07000, 0x0041 },
		{ 0xfef00000, 0x0041 },
		{ 0x1fee07000, 0x0041 },
		{ 0xffffffff00000000 | 0xfee07000, 0x0041 },
		{ 0, 0x0041 },
	};
	struct lapic_message m;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(&m, 0xff, sizeof(m));
		EXPECT(lapic_from_msi(cases[i].address, cases[i].data, &m), "case %u", i);
		expect_message(&m, &cases[i].m);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT(!lapic_from_msi(bad[i].address, bad[i].data, &m), "bad case %u", i);
}

/* ---- destinations ---- */

#define FLAT	0xffffffff
#define CLUSTER	0x0fffffff

static const struct {
	u64 base;
	u32 id;
	u32 ldr;		/* xAPIC: its upper byte */
	u32 dfr;
	bool x2apic, logical;	/* of the message */
	u32 dest;
	bool match;
} destinations[] = {
	/* xAPIC to xAPIC, physical */
	{ ON, 5, 0, FLAT, false, false, 5, true },
	{ ON, 5, 0, FLAT, false, false, 4, false },
	{ ON, 5, 0, FLAT, false, false, 0xff, true },
	{ ON, 0, 0, FLAT, false, false, 0, true },
	{ ON, 5, 0xff, FLAT, false, false, 1, false },	/* LDR does not count */
	/* logical, flat */
	{ ON, 5, 0x20, FLAT, false, true, 0x20, true },
	{ ON, 5, 0x20, FLAT, false, true, 0x31, true },
	{ ON, 5, 0x20, FLAT, false, true, 0xdf, false },
	{ ON, 5, 0x20, FLAT, false, true, 0, false },
	{ ON, 5, 0x00, FLAT, false, true, 0x7f, false },
	{ ON, 5, 0x00, FLAT, false, true, 0xff, true },
	/* logical, cluster */
	{ ON, 5, 0x32, CLUSTER, false, true, 0x32, true },
	{ ON, 5, 0x32, CLUSTER, false, true, 0x3f, true },
	{ ON, 5, 0x32, CLUSTER, false, true, 0x3d, false },
	{ ON, 5, 0x32, CLUSTER, false, true, 0x22, false },
	{ ON, 5, 0x32, CLUSTER, false, true, 0x30, false },
	{ ON, 5, 0x32, CLUSTER, false, true, 0xff, true },
	{ ON, 5, 0x02, CLUSTER, false, true, 0x02, true },
	/* another model: nobody but everybody */
	{ ON, 5, 0x32, 0x3fffffff, false, true, 0x32, false },
	{ ON, 5, 0x32, 0x3fffffff, false, true, 0xff, true },
	/* x2APIC to x2APIC, physical */
	{ X2APIC, 5, 0, FLAT, true, false, 5, true },
	{ X2APIC, 5, 0, FLAT, true, false, 0x105, false },
	{ X2APIC, 0x105, 0, FLAT, true, false, 0x105, true },
	{ X2APIC, 0x105, 0, FLAT, true, false, 5, false },
	{ X2APIC, 5, 0, FLAT, true, false, 0xff, false },
	{ X2APIC, 0xff, 0, FLAT, true, false, 0xff, true },
	{ X2APIC, 5, 0, FLAT, true, false, ~0U, true },
	/* logical: cluster by the upper half */
	{ X2APIC, 5, 0, FLAT, true, true, 0x20, true },
	{ X2APIC, 5, 0, FLAT, true, true, 0xffff, true },
	{ X2APIC, 5, 0, FLAT, true, true, 0xffdf, false },
	{ X2APIC, 5, 0, FLAT, true, true, 0x10020, false },
	{ X2APIC, 5, 0, FLAT, true, true, 0, false },
	{ X2APIC, 5, 0, FLAT, true, true, ~0U, true },
	{ X2APIC, 0x123, 0, FLAT, true, true, 0x120008, true },
	{ X2APIC, 0x123, 0, FLAT, true, true, 0x12fff7, false },
	{ X2APIC, 0x123, 0, FLAT, true, true, 0x130008, false },
	/* 8 bits to x2APIC: devices */
	{ X2APIC, 5, 0, FLAT, false, false, 5, true },
	{ X2APIC, 254, 0, FLAT, false, false, 254, true },
	{ X2APIC, 0x105, 0, FLAT, false, false, 5, false },
	{ X2APIC, 0x105, 0, FLAT, false, false, 0xff, true },
	{ X2APIC, 5, 0, FLAT, false, true, 0x20, true },
	{ X2APIC, 5, 0, FLAT, false, true, 0x5f, false },
	{ X2APIC, 5, 0, FLAT, false, true, 0xff, true },
	{ X2APIC, 9, 0, FLAT, false, true, 0x7f, false },
	{ X2APIC, 0x15, 0, FLAT, false, true, 0x20, false },
	{ X2APIC, 0x15, 0, FLAT, false, true, 0xff, true },
	/* x2APIC to xAPIC */
	{ ON, 5, 0x20, FLAT, true, false, 5, true },
	{ ON, 5, 0x20, FLAT, true, false, 0x105, false },
	{ ON, 5, 0x20, FLAT, true, false, 0xff, false },
	{ ON, 5, 0x20, FLAT, true, false, ~0U, true },
	{ ON, 0x105, 0, FLAT, true, false, 0x105, true },
	{ ON, 5, 0x20, FLAT, true, true, 0x20, true },
	{ ON, 5, 0x20, FLAT, true, true, 0x10020, false },
	{ ON, 5, 0x32, CLUSTER, true, true, 0x32, true },
	{ ON, 5, 0x32, CLUSTER, true, true, 0x10032, false },
	{ ON, 5, 0x32, CLUSTER, true, true, ~0U, true },
	/* off */
	{ OFF, 5, 0, FLAT, false, false, 5, false },
	{ OFF, 5, 0, FLAT, false, false, 0xff, false },
	{ OFF, 5, 0, FLAT, true, false, ~0U, false },
};

TEST(destinations)
{
	unsigned int i, self;

	for (i = 0; i < ARRAY_SIZE(destinations); i++) {
		struct lapic_message m = {
			.dest = destinations[i].dest, .logical = destinations[i].logical,
			.x2apic = destinations[i].x2apic, .vector = 0x40,
		};

		setup_xapic(destinations[i].id);
		wr(APIC_LDR, destinations[i].ldr << 24);
		wr(APIC_DFR, destinations[i].dfr);
		if (destinations[i].base != ON)
			EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, destinations[i].base) > 0);
		for (self = 0; self < 2; self++)
			EXPECT(lapic_matches(&a, &m, self) == destinations[i].match,
			       "destination case %u", i);
		m.deassert = true;
		EXPECT_FALSE(lapic_matches(&a, &m, false));
	}
}

TEST(shorthands)
{
	struct lapic_message m = { .dest = 99, .vector = 0x40 };
	unsigned int x2;

	for (x2 = 0; x2 < 2; x2++) {
		if (x2)
			setup_x2apic(ID);
		else
			setup_xapic(ID);
		m.x2apic = x2;
		m.shorthand = LAPIC_NO_SHORTHAND;
		EXPECT_FALSE(lapic_matches(&a, &m, true));
		m.shorthand = LAPIC_SELF;
		EXPECT_TRUE(lapic_matches(&a, &m, true));
		EXPECT_FALSE(lapic_matches(&a, &m, false));
		m.shorthand = LAPIC_ALL;
		EXPECT_TRUE(lapic_matches(&a, &m, true));
		EXPECT_TRUE(lapic_matches(&a, &m, false));
		m.shorthand = LAPIC_OTHERS;
		EXPECT_FALSE(lapic_matches(&a, &m, true));
		EXPECT_TRUE(lapic_matches(&a, &m, false));
		/* Software-disabled ones still get NMI, INIT, SIPI. */
		lapic_reset(&a);
		EXPECT_TRUE(lapic_matches(&a, &m, false));
		EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, OFF) > 0);
		EXPECT_FALSE(lapic_matches(&a, &m, false));
	}
}
