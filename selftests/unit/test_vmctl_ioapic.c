// SPDX-License-Identifier: GPL-2.0-only
/* vmctl's IOAPIC: registers, messages, and what levels do. */
#include "devices_pc.h"

#define MASKED	0x10000
#define LEVEL	0x8000
#define REMOTE	0x4000

static uint32_t get(unsigned int reg)
{
	devices_write(&d, IOAPIC_BASE, 4, reg);
	return devices_read(&d, IOAPIC_BASE + 0x10, 4);
}

static void set(unsigned int reg, uint32_t value)
{
	devices_write(&d, IOAPIC_BASE, 4, reg);
	devices_write(&d, IOAPIC_BASE + 0x10, 4, value);
}

static uint32_t low(unsigned int pin)
{
	return get(0x10 + 2 * pin);
}

static void set_low(unsigned int pin, uint32_t value)
{
	set(0x10 + 2 * pin, value);
}

static void set_high(unsigned int pin, uint32_t value)
{
	set(0x11 + 2 * pin, value);
}

TEST(registers)
{
	unsigned int pin;

	start_pc();
	EXPECT_EQ(get(1), 0x00170020U);
	EXPECT_EQ(get(0), 0U);
	set(0, 0xffffffff);
	EXPECT_EQ(get(0), 0x0f000000U);
	EXPECT_EQ(get(2), 0x0f000000U);
	set(1, 0);
	EXPECT_EQ(get(1), 0x00170020U);
	EXPECT_EQ(get(3), 0U);
	EXPECT_EQ(get(0x40), 0U);	/* behind the last pin's */
	set(0x40, 0xffffffff);
	EXPECT_EQ(devices_read(&d, IOAPIC_BASE, 4), 0x40ULL);
	for (pin = 0; pin < 24; pin++)
		EXPECT_EQ(low(pin), MASKED);
	/* Status, remote IRR and reserved bits cannot be written. */
	set_low(23, 0xffffffff);
	set_high(23, 0xffffffff);
	EXPECT_EQ(low(23), 0x0001afffU);
	EXPECT_EQ(get(0x11 + 2 * 23), 0xff000000U);
	EXPECT_EQ(low(22), MASKED);
	EXPECT_EQ(pc_nr_msi, 0U);
	EXPECT_EQ(d.end, DEVICES_GO_ON);
}

TEST(messages)
{
	static const struct {
		uint32_t high, low;
		uint64_t address;
		uint32_t data;
	} cases[] = {
		{ 0x00000000, 0x0031, 0xfee00000, 0x4031 },
		{ 0x03000000, 0x0031, 0xfee03000, 0x4031 },
		{ 0xff000000, 0x08fe, 0xfeeff004, 0x40fe },	/* logical */
		{ 0x05000000, 0x0940, 0xfee0500c, 0x4140 },	/* lowest priority */
		{ 0x02000000, 0x0140, 0xfee02008, 0x4140 },
		{ 0x01000000, 0x2030, 0xfee01000, 0x4030 },	/* active low: no matter */
		{ 0x01000000, 0x8030, 0xfee01000, 0xc030 },	/* level */
		{ 0x01000000, 0xa930, 0xfee01008 | 4, 0xc130 },
		{ 0x01000000, 0x0400, 0xfee01000, 0x4400 },	/* NMI */
		{ 0x01000000, 0x0500, 0xfee01000, 0x4500 },	/* INIT */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start_pc();
		set_high(9, cases[i].high);
		set_low(9, cases[i].low);
		EXPECT_EQ(pc_nr_msi, 0U);
		irq_set(&d, 9, true);
		EXPECT_EQ(pc_nr_msi, 1U);
		EXPECT(pc_msi[0].address == cases[i].address, "row %u: address %#llx", i,
		       (unsigned long long)pc_msi[0].address);
		EXPECT(pc_msi[0].data == cases[i].data, "row %u: data %#x", i, pc_msi[0].data);
	}
	start_pc();
	set_low(9, 0x0700);	/* ExtINT: the PIC has its own line */
	irq_set(&d, 9, true);
	EXPECT_EQ(pc_nr_msi, 0U);
}

TEST(edges)
{
	start_pc();
	set_low(4, 0x34);
	irq_set(&d, 4, true);
	irq_set(&d, 4, true);
	EXPECT_EQ(pc_nr_msi, 1U);
	EXPECT_FALSE(low(4) & REMOTE);
	irq_set(&d, 4, false);
	EXPECT_EQ(pc_nr_msi, 1U);
	irq_set(&d, 4, true);
	EXPECT_EQ(pc_nr_msi, 2U);
	devices_eoi(&d, 0x34);
	EXPECT_EQ(pc_nr_msi, 2U);
	/* Lost while masked, and not there later. */
	irq_set(&d, 4, false);
	set_low(4, MASKED | 0x34);
	irq_set(&d, 4, true);
	set_low(4, 0x34);
	EXPECT_EQ(pc_nr_msi, 2U);
}

TEST(levels)
{
	start_pc();
	set_low(17, LEVEL | 0x51);
	irq_set(&d, 17, true);
	EXPECT_EQ(pc_nr_msi, 1U);
	EXPECT_EQ(low(17), LEVEL | REMOTE | 0x51);
	/* Neither the line nor the entry sends again before the EOI. */
	irq_set(&d, 17, false);
	irq_set(&d, 17, true);
	set_low(17, LEVEL | 0x51);
	EXPECT_EQ(pc_nr_msi, 1U);
	devices_eoi(&d, 0x52);
	EXPECT_EQ(pc_nr_msi, 1U);
	devices_eoi(&d, 0x51);		/* still asserted */
	EXPECT_EQ(pc_nr_msi, 2U);
	EXPECT_TRUE(low(17) & REMOTE);
	irq_set(&d, 17, false);
	devices_eoi(&d, 0x51);
	EXPECT_EQ(pc_nr_msi, 2U);
	EXPECT_FALSE(low(17) & REMOTE);
}

TEST(levels_and_masks)
{
	start_pc();
	set_low(17, MASKED | LEVEL | 0x51);
	irq_set(&d, 17, true);
	EXPECT_EQ(pc_nr_msi, 0U);
	set_low(17, LEVEL | 0x51);
	EXPECT_EQ(pc_nr_msi, 1U);
	/* Masked when the EOI comes: again when unmasked. */
	set_low(17, MASKED | LEVEL | 0x51);
	EXPECT_TRUE(low(17) & REMOTE);
	devices_eoi(&d, 0x51);
	EXPECT_EQ(pc_nr_msi, 1U);
	EXPECT_FALSE(low(17) & REMOTE);
	set_low(17, LEVEL | 0x51);
	EXPECT_EQ(pc_nr_msi, 2U);
	/* Kernels without the EOI register make it an edge for a moment. */
	set_low(17, MASKED | 0x51);
	EXPECT_FALSE(low(17) & REMOTE);
	set_low(17, LEVEL | 0x51);
	EXPECT_EQ(pc_nr_msi, 3U);
}

TEST(shared_vector_and_eoi_register)
{
	start_pc();
	set_low(18, LEVEL | 0x51);
	set_low(19, LEVEL | 0x51);
	set_low(20, LEVEL | 0x52);
	irq_set(&d, 18, true);
	irq_set(&d, 19, true);
	irq_set(&d, 20, true);
	EXPECT_EQ(pc_nr_msi, 3U);
	irq_set(&d, 19, false);
	devices_write(&d, IOAPIC_BASE + 0x40, 4, 0x51);
	EXPECT_EQ(pc_nr_msi, 4U);
	EXPECT_TRUE(low(18) & REMOTE);
	EXPECT_FALSE(low(19) & REMOTE);
	EXPECT_TRUE(low(20) & REMOTE);
}

TEST(nobody_takes_it)
{
	start_pc();
	set_low(17, LEVEL | 0x51);
	pc_takers = 0;
	irq_set(&d, 17, true);
	EXPECT_FALSE(low(17) & REMOTE);
	pc_takers = -EINVAL;
	irq_set(&d, 17, true);
	EXPECT_FALSE(low(17) & REMOTE);
	pc_takers = 1;
	irq_set(&d, 17, true);
	EXPECT_TRUE(low(17) & REMOTE);
	EXPECT_EQ(pc_nr_msi, 3U);
}

/* Which pin and which input of the PIC a line is. */
TEST(isa_lines)
{
	static const struct {
		unsigned int gsi;
		uint32_t lines;
		uint8_t master, slave;
	} cases[] = {
		{ 0, 1 << 0, 0, 0 },
		{ 2, 1 << 2, 1 << 0, 0 },	/* the timer */
		{ 4, 1 << 4, 1 << 4, 0 },
		{ 8, 1 << 8, 0, 1 << 0 },
		{ 15, 1 << 15, 0, 1 << 7 },
		{ 16, 1 << 16, 0, 0 },
		{ 23, 1 << 23, 0, 0 },
		{ 24, 0, 0, 0 },		/* there is none */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start_pc();
		irq_set(&d, cases[i].gsi, true);
		EXPECT_EQ(d.ioapic.lines, cases[i].lines);
		EXPECT_EQ(d.pics.chip[0].lines, cases[i].master);
		EXPECT_EQ(d.pics.chip[1].lines, cases[i].slave);
	}
}
