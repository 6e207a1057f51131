// SPDX-License-Identifier: GPL-2.0-only
/* vmctl's 8259s and 8254. */
#include "devices_pc.h"

static uint8_t in(uint16_t port)
{
	return devices_in(&d, port, 1);
}

static void out(uint16_t port, uint8_t value)
{
	devices_out(&d, port, 1, value);
}

/* As firmware and kernels do: vectors 0x20 and 0x28, nothing masked. */
static void start_pics(uint8_t icw4)
{
	start_pc();
	out(0x20, 0x11);
	out(0x21, 0x20);
	out(0x21, 0x04);
	out(0x21, icw4);
	out(0xa0, 0x11);
	out(0xa1, 0x28);
	out(0xa1, 0x02);
	out(0xa1, icw4);
	out(0x21, 0);
	out(0xa1, 0);
}

static void pulse(unsigned int irq)
{
	pic_set(&d, irq, true);
	pic_set(&d, irq, false);
}

static uint8_t read_isr(uint16_t port)
{
	out(port, 0x0b);
	return in(port);
}

static uint8_t read_irr(uint16_t port)
{
	out(port, 0x0a);
	return in(port);
}

TEST(silent_before_set_up)
{
	start_pc();
	pulse(4);
	EXPECT_FALSE(pc_extint);
	EXPECT_EQ(in(0x21), 0xff);
	EXPECT_EQ(in(0xa1), 0xff);
}

TEST(vectors)
{
	unsigned int irq;

	for (irq = 0; irq < 16; irq++) {
		if (irq == 2)
			continue;
		start_pics(1);
		pulse(irq);
		EXPECT_TRUE(pc_extint);
		EXPECT_EQ(pic_acknowledge(&d), 0x20 + irq);
		EXPECT_FALSE(pc_extint);
		EXPECT_EQ(read_isr(0x20), irq < 8 ? 1 << irq : 1 << 2);
		EXPECT_EQ(read_isr(0xa0), irq < 8 ? 0 : 1 << (irq - 8));
		pulse(irq);
		EXPECT_FALSE(pc_extint);	/* until the EOI */
		if (irq >= 8)
			out(0xa0, 0x20);
		out(0x20, 0x20);
		EXPECT_TRUE(pc_extint);
		EXPECT_EQ(pic_acknowledge(&d), 0x20 + irq);
	}
}

TEST(priorities)
{
	start_pics(1);
	pulse(3);
	pulse(12);
	pulse(9);
	pulse(0);
	EXPECT_EQ(read_irr(0x20), 0x0d);
	EXPECT_EQ(read_irr(0xa0), 0x12);
	EXPECT_EQ(pic_acknowledge(&d), 0x20);
	EXPECT_FALSE(pc_extint);
	out(0x20, 0x20);
	EXPECT_EQ(pic_acknowledge(&d), 0x29);
	EXPECT_FALSE(pc_extint);
	out(0xa0, 0x20);
	EXPECT_FALSE(pc_extint);		/* the master still serves the slave */
	out(0x20, 0x20);
	EXPECT_EQ(pic_acknowledge(&d), 0x2c);
	pulse(1);				/* is more urgent */
	EXPECT_TRUE(pc_extint);
	EXPECT_EQ(pic_acknowledge(&d), 0x21);
	out(0x20, 0x20);			/* ends the 1 */
	EXPECT_EQ(read_isr(0x20), 1 << 2);
	out(0x20, 0x62);			/* ends the slave's */
	out(0xa0, 0x64);
	EXPECT_EQ(pic_acknowledge(&d), 0x23);
}

TEST(masks)
{
	start_pics(1);
	out(0x21, 1 << 4);
	EXPECT_EQ(in(0x21), 1 << 4);
	pulse(4);
	EXPECT_FALSE(pc_extint);
	out(0x21, 0);
	EXPECT_TRUE(pc_extint);			/* an edge is not forgotten */
	out(0x21, 1 << 4);
	EXPECT_FALSE(pc_extint);
	out(0x21, 1 << 2);
	pic_acknowledge(&d);
	out(0x20, 0x20);
	pulse(10);
	EXPECT_FALSE(pc_extint);
	out(0x21, 0);
	EXPECT_EQ(pic_acknowledge(&d), 0x2a);
}

TEST(spurious)
{
	start_pics(1);
	pulse(5);
	out(0x21, 1 << 5);
	EXPECT_EQ(pic_acknowledge(&d), 0x27);
	EXPECT_EQ(read_isr(0x20), 0);
}

TEST(levels)
{
	start_pics(1);
	out(0x4d0, 0xff);
	out(0x4d1, 0xff);
	EXPECT_EQ(in(0x4d0), 0xf8);
	EXPECT_EQ(in(0x4d1), 0xde);
	pic_set(&d, 11, true);
	EXPECT_EQ(pic_acknowledge(&d), 0x2b);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	EXPECT_TRUE(pc_extint);			/* still asserted */
	EXPECT_EQ(pic_acknowledge(&d), 0x2b);
	pic_set(&d, 11, false);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	EXPECT_FALSE(pc_extint);
	pic_set(&d, 5, true);
	EXPECT_TRUE(pc_extint);
	pic_set(&d, 5, false);
	EXPECT_FALSE(pc_extint);		/* withdrawn */
	pic_set(&d, 10, true);
	pic_set(&d, 10, false);
	EXPECT_FALSE(pc_extint);
}

TEST(automatic_eoi)
{
	start_pics(3);
	pulse(4);
	pulse(9);
	pulse(10);
	EXPECT_EQ(pic_acknowledge(&d), 0x29);
	EXPECT_EQ(read_isr(0x20) | read_isr(0xa0), 0);
	EXPECT_TRUE(pc_extint);
	EXPECT_EQ(pic_acknowledge(&d), 0x2a);
	EXPECT_EQ(pic_acknowledge(&d), 0x24);
	EXPECT_FALSE(pc_extint);
}

TEST(rotation)
{
	static const struct {
		uint8_t ocw2;		/* after 3 was taken */
		uint8_t then;		/* of 1 and 5 */
	} cases[] = {
		{ 0x20, 0x21 },		/* EOI */
		{ 0xa0, 0x25 },		/* rotating: 3 is the last now, 4 the first */
		{ 0xe3, 0x25 },
		{ 0x63, 0x21 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start_pics(1);
		pulse(3);
		pic_acknowledge(&d);
		out(0x20, cases[i].ocw2);
		pulse(1);
		pulse(5);
		EXPECT_EQ(pic_acknowledge(&d), cases[i].then);
	}
	start_pics(1);
	out(0x20, 0xc4);		/* the lowest is 4 */
	pulse(4);
	pulse(5);
	EXPECT_EQ(pic_acknowledge(&d), 0x25);
	start_pics(3);
	out(0x20, 0x80);
	pulse(3);
	pic_acknowledge(&d);
	pulse(1);
	pulse(5);
	EXPECT_EQ(pic_acknowledge(&d), 0x25);
}

TEST(special_modes)
{
	start_pics(1);
	pulse(1);
	pic_acknowledge(&d);
	pulse(6);
	EXPECT_FALSE(pc_extint);
	out(0x20, 0x68);		/* special mask: what is masked does not block */
	out(0x21, 1 << 1);
	EXPECT_TRUE(pc_extint);
	EXPECT_EQ(pic_acknowledge(&d), 0x26);
	out(0x20, 0x20);		/* the 6 ends, not the masked 1 */
	EXPECT_EQ(read_isr(0x20), 1 << 1);
	out(0x20, 0x48);
	pulse(6);
	EXPECT_FALSE(pc_extint);

	start_pics(0x11);		/* special fully nested: the slave interrupts itself */
	pulse(12);
	EXPECT_EQ(pic_acknowledge(&d), 0x2c);
	pulse(9);
	EXPECT_TRUE(pc_extint);
	EXPECT_EQ(pic_acknowledge(&d), 0x29);
}

TEST(poll)
{
	start_pics(1);
	out(0x20, 0x0c);
	EXPECT_EQ(in(0x20), 0);
	pulse(6);
	out(0x20, 0x0c);
	EXPECT_EQ(in(0x20), 0x86);
	EXPECT_EQ(read_isr(0x20), 1 << 6);
	EXPECT_FALSE(pc_extint);
}

/* ---- 8254 ---- */

/* @clocks of the PIT, and a little */
static void pass(uint64_t clocks)
{
	pc_pass(clocks * 1000000000 / PIT_HZ + 100);
}

static void program(unsigned int channel, uint8_t mode, uint16_t count)
{
	out(0x43, channel << 6 | 0x30 | mode << 1);
	out(0x40 + channel, count);
	out(0x40 + channel, count >> 8);
}

static uint16_t latched(unsigned int channel)
{
	uint8_t low;

	out(0x43, channel << 6);
	low = in(0x40 + channel);
	return low | in(0x40 + channel) << 8;
}

TEST(counts)
{
	static const struct {
		uint8_t mode;
		uint16_t count;
		uint32_t clocks;
		uint16_t expect;
	} cases[] = {
		{ 0, 1000, 0, 1000 },	{ 0, 1000, 999, 1 },	{ 0, 1000, 1001, 0xffff },
		{ 2, 1000, 0, 1000 },	{ 2, 1000, 999, 1 },	{ 2, 1000, 1000, 1000 },
		{ 2, 0, 1, 0xffff },	{ 2, 0, 65536, 0 },	{ 6, 1000, 1300, 700 },
		{ 3, 1000, 0, 1000 },	{ 3, 1000, 100, 800 },	{ 3, 1000, 500, 1000 },
		{ 3, 1000, 600, 800 },	{ 7, 1000, 100, 800 },	{ 3, 0, 1, 0xfffe },
		{ 4, 1000, 10, 990 },	{ 4, 1000, 1010, 0xfff6 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start_pc();
		program(0, cases[i].mode, cases[i].count);
		pass(cases[i].clocks);
		EXPECT(latched(0) == cases[i].expect, "row %u: %u", i, d.pit.channel[0].latch);
	}
	start_pc();
	out(0x43, 0x35);		/* in decades */
	out(0x40, 0x00);
	out(0x40, 0x10);
	pass(1);
	EXPECT_EQ(latched(0), 0x0999);
	out(0x43, 0x35);
	out(0x40, 0);
	out(0x40, 0);
	pass(1);
	EXPECT_EQ(latched(0), 0x9999);
}

TEST(access)
{
	start_pc();
	out(0x43, 0x14);		/* low byte only */
	out(0x40, 200);
	pass(50);
	EXPECT_EQ(in(0x40), 150);
	EXPECT_EQ(in(0x40), 150);
	out(0x43, 0x24);		/* high byte only */
	out(0x40, 0x10);
	pass(0x100);
	EXPECT_EQ(in(0x40), 0x0f);
	program(0, 2, 0x1234);		/* both, in turn */
	EXPECT_EQ(in(0x40), 0x34);
	EXPECT_EQ(in(0x40), 0x12);
	/* A latched count stays until it is read. */
	out(0x43, 0x00);
	pass(0x34);
	out(0x43, 0x00);
	EXPECT_EQ(in(0x40), 0x34);
	EXPECT_EQ(in(0x40), 0x12);
	EXPECT_EQ(in(0x40), 0x00);
	EXPECT_EQ(in(0x40), 0x12);
}

TEST(read_back)
{
	start_pc();
	out(0x43, 0x34);
	out(0x43, 0xe2);		/* status of channel 0 */
	EXPECT_EQ(in(0x40), 0x80 | 0x40 | 0x34);
	out(0x40, 0xe8);
	out(0x40, 0x03);
	out(0x43, 0xc2);		/* count and status */
	EXPECT_EQ(in(0x40), 0x80 | 0x34);
	EXPECT_EQ(in(0x40), 0xe8);
	EXPECT_EQ(in(0x40), 0x03);
	out(0x43, 0x30);		/* mode 0: the output is low */
	out(0x43, 0xe2);
	EXPECT_EQ(in(0x40), 0x40 | 0x30);
	/* Channel 2 alone */
	program(2, 0, 50);
	out(0x43, 0xd8);
	EXPECT_EQ(in(0x42), 50);
	EXPECT_EQ(d.pit.channel[0].latched, 0);
}

/* As the TSC is calibrated: mode 0, gate on, until OUT2 shows. */
TEST(gate_and_out2)
{
	start_pc();
	out(0x61, 0x00);
	program(2, 0, 11932);
	pass(20000);
	EXPECT_EQ(in(0x61) & 0x2f, 0x00);	/* the gate is off */
	EXPECT_EQ(latched(2), 11932);
	out(0x61, 0x01);
	pass(11931);
	EXPECT_EQ(in(0x61) & 0x2f, 0x01);
	out(0x61, 0x00);
	pass(1000);
	out(0x61, 0x03);
	EXPECT_EQ(in(0x61) & 0x2f, 0x03);
	pass(1);
	EXPECT_EQ(in(0x61) & 0x2f, 0x23);
	/* A square wave starts anew with its gate. */
	program(2, 3, 1000);
	pass(600);
	EXPECT_EQ(in(0x61) & 0x20, 0);
	out(0x61, 0);
	EXPECT_EQ(in(0x61) & 0x20, 0x20);
	out(0x61, 1);
	pass(400);
	EXPECT_EQ(in(0x61) & 0x20, 0x20);
	pass(100);
	EXPECT_EQ(in(0x61) & 0x20, 0);
	/* One shot: low from the gate's edge on */
	out(0x61, 0);
	program(2, 1, 1000);
	EXPECT_EQ(in(0x61) & 0x20, 0x20);
	out(0x61, 1);
	pass(999);
	EXPECT_EQ(in(0x61) & 0x20, 0);
	pass(1);
	EXPECT_EQ(in(0x61) & 0x20, 0x20);
}

TEST(refresh_toggles)
{
	uint8_t before;

	start_pc();
	before = in(0x61) & 0x10;
	pc_pass(15085);
	EXPECT_NE(in(0x61) & 0x10, before);
	pc_pass(15085);
	EXPECT_EQ(in(0x61) & 0x10, before);
}

TEST(timer_interrupts)
{
	static const struct {
		uint8_t mode;
		unsigned int after, again;	/* edges after one and ten times the count */
	} cases[] = {
		{ 0, 1, 1 }, { 1, 0, 0 }, { 2, 1, 10 }, { 3, 1, 10 }, { 4, 1, 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start_pc();
		d.ioapic.entry[GSI_TIMER] = 0x30;
		program(0, cases[i].mode, 11932);
		pass(11931);
		EXPECT_EQ(pc_nr_msi, 0U);
		pass(1);
		EXPECT_EQ(pc_nr_msi, cases[i].after);
		pass(9 * 11932 + 5);
		EXPECT_EQ(pc_nr_msi, cases[i].again);
		/* A control word stops it. */
		out(0x43, 0x30);
		pass(100000);
		EXPECT_EQ(pc_nr_msi, cases[i].again);
	}
	/* No guest keeps the host busy. */
	start_pc();
	program(0, 2, 1);
	EXPECT_LE(MIN_PERIOD_NS, pc_timer[d.pit.timer].period);
}

TEST(timer_through_the_pic)
{
	start_pics(1);
	program(0, 2, 1000);
	pass(1000);
	EXPECT_TRUE(pc_extint);
	EXPECT_EQ(pic_acknowledge(&d), 0x20);
	out(0x20, 0x20);
	EXPECT_FALSE(pc_extint);
	pass(1000);
	EXPECT_EQ(pic_acknowledge(&d), 0x20);
}

TEST(test_device)
{
	struct devices_options opt = {
		.pc = true, .testdev = true, .chardev = &chardev, .ram = &pc_ram, .irq = &pc_irq,
	};

	start_pc();
	EXPECT_EQ(devices_in(&d, 0xe0, 4), ~0U);
	pc_reset();
	ASSERT_EQ(devices_init(&d, &opt), 0);
	devices_out(&d, 0xe0, 4, 0x12345678);
	devices_out(&d, 0xe2, 1, 0xaa);
	EXPECT_EQ(devices_in(&d, 0xe0, 4), 0x12aa5678U);
	/* No page of memory: nothing to take away. */
	devices_out(&d, 0xe4, 4, 0xc0001000);
	EXPECT_EQ(devices_in(&d, 0xe4, 4), 0U);
	/* A short edge on line 11 is an interrupt. */
	devices_out(&d, 0x200b, 4, 1);
	devices_out(&d, 0x200b, 4, 0);
	EXPECT_TRUE(pc_extint);
	EXPECT_EQ(pic_acknowledge(&d), 0x73);
	devices_write(&d, TESTDEV_MEMORY + TESTDEV_MEMORY_SIZE - 8, 8, 0x1122334455667788);
	EXPECT_EQ(devices_read(&d, TESTDEV_MEMORY + TESTDEV_MEMORY_SIZE - 4, 2), 0x3344U);
	EXPECT_EQ(devices_read(&d, TESTDEV_MEMORY + TESTDEV_MEMORY_SIZE - 4, 8), ~0ULL);
}
