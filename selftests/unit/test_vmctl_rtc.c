// SPDX-License-Identifier: GPL-2.0-only
/* vmctl's clock and CMOS memory. */
#include "devices_pc.h"

#define SECOND	1000000000ULL

static uint8_t get(uint8_t reg)
{
	devices_out(&d, 0x70, 1, reg);
	return devices_in(&d, 0x71, 1);
}

static void set(uint8_t reg, uint8_t value)
{
	devices_out(&d, 0x70, 1, reg);
	devices_out(&d, 0x71, 1, value);
}

static bool line(void)
{
	return d.ioapic.lines & 1U << GSI_RTC;
}

TEST(time_of_day)
{
	static const struct {
		int64_t time;
		uint8_t b;
		uint8_t bytes[8];	/* seconds to hours, weekday to year, century */
	} cases[] = {
		{ 1795595765, 0x02, { 0x05, 0x36, 0x08, 0x04, 0x25, 0x11, 0x26, 0x20 } },
		{ 1795595765, 0x06, { 5, 36, 8, 4, 25, 11, 26, 20 } },
		{ 1795595765, 0x00, { 0x05, 0x36, 0x08, 0x04, 0x25, 0x11, 0x26, 0x20 } },
		{ 951827696, 0x02, { 0x56, 0x34, 0x12, 0x03, 0x29, 0x02, 0x00, 0x20 } },
		{ 951827696, 0x00, { 0x56, 0x34, 0x92, 0x03, 0x29, 0x02, 0x00, 0x20 } },
		{ 946684799, 0x02, { 0x59, 0x59, 0x23, 0x06, 0x31, 0x12, 0x99, 0x19 } },
		{ 946684799, 0x04, { 59, 59, 0x8b, 6, 31, 12, 99, 19 } },
		{ 946684800, 0x00, { 0x00, 0x00, 0x12, 0x07, 0x01, 0x01, 0x00, 0x20 } },
	};
	static const uint8_t regs[] = { 0, 2, 4, 6, 7, 8, 9, 0x32 };
	unsigned int i, r;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start_pc();
		pc_realtime = cases[i].time * SECOND;
		set(0x0b, cases[i].b);
		for (r = 0; r < ARRAY_SIZE(regs); r++)
			EXPECT(get(regs[r]) == cases[i].bytes[r], "row %u, register %#x: %#x", i,
			       regs[r], get(regs[r]));
	}
	pc_pass(2 * SECOND);
	EXPECT_EQ(get(0), 2);
}

TEST(setting_the_time)
{
	static const struct {
		uint8_t b;
		uint8_t hour;
	} cases[] = {
		{ 0x02, 0x23 }, { 0x00, 0x91 },		/* 11 p.m. is 0x11 with bit 7 */
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start_pc();
		set(0x0b, 0x80 | cases[i].b);
		pc_pass(3 * SECOND);
		EXPECT_EQ(get(0), 0x05);		/* stands still */
		set(0x00, 0x58);
		set(0x02, 0x59);
		set(0x04, cases[i].b ? cases[i].hour : 0x80 | 0x11);
		set(0x07, 0x31);
		set(0x08, 0x12);
		set(0x09, 0x30);
		set(0x0b, cases[i].b);
		EXPECT_EQ(get(0), 0x58);
		pc_pass(3 * SECOND);
		EXPECT_EQ(get(0x00), 0x01);
		EXPECT_EQ(get(0x02), 0x00);
		EXPECT_EQ(get(0x07), 0x01);
		EXPECT_EQ(get(0x08), 0x01);
		EXPECT_EQ(get(0x09), 0x31);
	}
	/* One byte, while it runs */
	start_pc();
	set(0x02, 0x10);
	EXPECT_EQ(get(0x02), 0x10);
	pc_pass(60 * SECOND);
	EXPECT_EQ(get(0x02), 0x11);
	EXPECT_EQ(get(0x04), 0x08);
}

TEST(update_in_progress)
{
	start_pc();
	EXPECT_EQ(get(0x0a), 0x26);
	pc_pass(SECOND - 244001);
	EXPECT_EQ(get(0x0a), 0x26);
	pc_pass(2);
	EXPECT_EQ(get(0x0a), 0xa6);
	EXPECT_EQ(get(0), 0x05);
	pc_pass(244000);
	EXPECT_EQ(get(0x0a), 0x26);
	EXPECT_EQ(get(0), 0x06);
	set(0x0a, 0xa0);		/* cannot be written */
	EXPECT_EQ(get(0x0a), 0x20);
}

TEST(facts)
{
	static const struct {
		uint8_t reg;
		unsigned int bytes;
		uint32_t value;
	} cases[] = {
		{ 0x0d, 1, 0x80 },
		{ 0x0f, 1, 0 },
		{ 0x15, 2, 640 },
		{ 0x17, 2, 0xffff },
		{ 0x30, 2, 0xffff },
		{ 0x34, 2, 0xbf00 },		/* 3 GiB less 16 MiB */
		{ 0x5b, 3, 0x14000 },		/* 5 GiB above 4 GiB */
		{ 0x5f, 1, 2 },
	};
	unsigned int i, n;
	uint32_t value;

	start_pc();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		value = 0;
		for (n = 0; n < cases[i].bytes; n++)
			value |= get(cases[i].reg + n) << 8 * n;
		EXPECT(value == cases[i].value, "register %#x: %#x", cases[i].reg, value);
	}
	set(0x0f, 0x0a);
	EXPECT_EQ(get(0x8f), 0x0a);	/* bit 7 of the index is no part of it */
	set(0x0d, 0);
	EXPECT_EQ(get(0x0d), 0x80);
	pc_ram.nr_banks = 1;
	pc_ram.bank[0].len = 32 << 20;
	start_pc();
	EXPECT_EQ(get(0x17) | get(0x18) << 8, 31 << 10);
	EXPECT_EQ(get(0x34) | get(0x35) << 8, 256);
	EXPECT_EQ(get(0x5b) | get(0x5c) << 8, 0);
	pc_ram.nr_banks = 2;
	pc_ram.bank[0].len = 0xc0000000;
}

TEST(polled_flags)
{
	start_pc();
	EXPECT_EQ(get(0x0c), 0);
	pc_pass(SECOND);
	EXPECT_EQ(get(0x0c) & 0x90, 0x10);
	EXPECT_EQ(get(0x0c) & 0x90, 0);
	pc_pass(SECOND / 1024);
	EXPECT_EQ(get(0x0c), 0x40);
	EXPECT_FALSE(line());
}

TEST(update_interrupts)
{
	start_pc();
	pc_pass(SECOND / 2);
	set(0x0b, 0x12);
	get(0x0c);
	pc_pass(SECOND / 2 - 1);
	EXPECT_FALSE(line());
	pc_pass(1);
	EXPECT_TRUE(line());
	EXPECT_EQ(get(0x0c) & 0xb0, 0x90);
	EXPECT_FALSE(line());
	pc_pass(SECOND);
	EXPECT_TRUE(line());
	set(0x0b, 0x02);		/* no more */
	EXPECT_FALSE(line());
	pc_pass(2 * SECOND);
	EXPECT_FALSE(line());
}

TEST(alarm_interrupts)
{
	static const struct {
		uint8_t second, minute, hour;
		unsigned int first, times;	/* in the next 130 seconds, of 08:36:05 */
	} cases[] = {
		{ 0x07, 0x36, 0x08, 2, 1 },
		{ 0x07, 0xff, 0xff, 2, 3 },
		{ 0x00, 0x37, 0xc0, 55, 1 },
		{ 0x00, 0x37, 0x09, 0, 0 },
		{ 0xff, 0x38, 0x08, 115, 16 },
	};
	unsigned int i, s, first, times;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start_pc();
		set(1, cases[i].second);
		set(3, cases[i].minute);
		set(5, cases[i].hour);
		set(0x0b, 0x22);
		first = times = 0;
		for (s = 1; s <= 130; s++) {
			pc_pass(SECOND);
			if (!line())
				continue;
			first = first ?: s;
			times++;
			EXPECT_EQ(get(0x0c) & 0xa0, 0xa0);
		}
		EXPECT(first == cases[i].first && times == cases[i].times,
		       "row %u: %u times, at first after %u s", i, times, first);
	}
}

TEST(periodic_interrupts)
{
	static const struct {
		uint8_t rate;
		unsigned int each_second;
	} cases[] = {
		{ 0, 0 }, { 1, 256 }, { 2, 128 }, { 3, 8192 }, { 6, 1024 }, { 10, 64 }, { 15, 2 },
	};
	unsigned int i, n, t;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start_pc();
		set(0x0a, 0x20 | cases[i].rate);
		set(0x0b, 0x42);
		for (n = t = 0; t < 100000; t++) {
			pc_pass(10000);
			if (!line())
				continue;
			n++;
			EXPECT_EQ(get(0x0c) & 0xc0, 0xc0);
		}
		/* A period that is no whole number of ns may give one more. */
		EXPECT(n - cases[i].each_second <= 1, "rate %u: %u", cases[i].rate, n);
	}
}
