// SPDX-License-Identifier: GPL-2.0-only
/* vmctl's virtio console and source of random numbers. */
#define _GNU_SOURCE
#include "unit.h"

#include "virtio_guest.h"

#define INPUT	0
#define OUTPUT	1

static void start_console(void)
{
	machine_start();
	EXPECT_EQ(add("console", NULL), 0);
	drive(0, 0, 0);
}

TEST(output)
{
	start_console();
	memcpy(at(DATA), "Hello, world", 12);
	PUT(OUTPUT, { DATA, 5, 0 }, { DATA + 6, 6, 0 });
	PUT(OUTPUT, { DATA + 5, 1, 0 });
	kick(OUTPUT);
	EXPECT_STREQ(sent, "Hello world,");
	EXPECT_EQ(get_used(OUTPUT), 0L);
	EXPECT_EQ(get_used(OUTPUT), 0L);
	EXPECT_TRUE(line[16]);
	/* Writable memory is not for output. */
	PUT(OUTPUT, { DATA, 5, IN });
	kick(OUTPUT);
	EXPECT_EQ(nr_sent, 12U);
}

TEST(input)
{
	start_console();
	typed = "abcdefgh";
	EXPECT_TRUE(virtio_console_input(&d));	/* no room: it waits */
	EXPECT_EQ(*typed, 'a');
	PUT(INPUT, { DATA, 3, IN });
	kick(INPUT);
	EXPECT_EQ(get_used(INPUT), 3L);
	EXPECT_EQ(memcmp(at(DATA), "abc", 3), 0);
	EXPECT_EQ(*typed, 'd');
	PUT(INPUT, { DATA, 2, IN }, { DATA + 8, 1, IN });
	PUT(INPUT, { DATA + 16, 64, IN });
	kick(INPUT);
	EXPECT_EQ(get_used(INPUT), 3L);
	EXPECT_EQ(get_used(INPUT), 2L);
	EXPECT_EQ(memcmp(at(DATA), "de", 2), 0);
	EXPECT_EQ(memcmp(at(DATA + 8), "f", 1), 0);
	EXPECT_EQ(memcmp(at(DATA + 16), "gh", 2), 0);
	/* Room first, input later; a chain without room loses nothing. */
	PUT(INPUT, { DATA, 0, IN });
	PUT(INPUT, { DATA, 64, IN });
	kick(INPUT);
	EXPECT_EQ(get_used(INPUT), -1L);
	typed = "\xff";
	EXPECT_TRUE(virtio_console_input(&d));
	EXPECT_EQ(get_used(INPUT), 0L);
	EXPECT_EQ(get_used(INPUT), 1L);
	EXPECT_EQ(*(uint8_t *)at(DATA), 0xff);
}

TEST(input_of_others)
{
	machine_start();
	typed = "x";
	EXPECT_FALSE(virtio_console_input(&d));
	EXPECT_EQ(add("rng", NULL), 0);
	EXPECT_EQ(add("console", NULL), 0);
	EXPECT_FALSE(virtio_console_input(&d));
	drive(1, 0, 0);
	EXPECT_TRUE(virtio_console_input(&d));
	set(1, VIRTIO_MMIO_STATUS, 0);
	EXPECT_FALSE(virtio_console_input(&d));
	EXPECT_EQ(*typed, 'x');
}

TEST(too_long_output)
{
	start_console();
	PUT(OUTPUT, { DATA, MAX_OUTPUT, 0 });
	kick(OUTPUT);
	EXPECT_EQ(get_used(OUTPUT), 0L);
	PUT(OUTPUT, { DATA, MAX_OUTPUT, 0 }, { DATA, 1, 0 });
	kick(OUTPUT);
	EXPECT_TRUE(reg(0, VIRTIO_MMIO_STATUS) & RESET_NEEDED);
}

TEST(random_numbers)
{
	unsigned int i, zeroes = 0;

	machine_start();
	EXPECT_EQ(add("rng", NULL), 0);
	drive(0, 0, 0);
	PUT(0, { DATA, 3000, IN }, { RAM_HIGH, 1000, IN });
	kick(0);
	EXPECT_EQ(get_used(0), 4000L);
	for (i = 0; i < 3000; i++)
		zeroes += !*((uint8_t *)at(DATA) + i);
	EXPECT_LT(zeroes, 100U);		/* 12 are likely */
	EXPECT_EQ(((uint8_t *)at(DATA))[3000], 0);
	machine_stop();
}
