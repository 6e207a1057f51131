// SPDX-License-Identifier: GPL-2.0-only
/* Whose is an #AC: the guest's that checks alignment, or the host's that found a split lock. */
#include <linux/bits.h>
#include "unit.h"
#include "kmod/exits/alignment.h"

#define AM	BIT(18)
#define AC	BIT(18)

/* A CPU that detects no split locks raises it for nothing but the guest's own checks. */
TEST(no_detection)
{
	EXPECT_TRUE(ac_is_guests(false, 0, 0, 0));
	EXPECT_TRUE(ac_is_guests(false, 3, AM, AC));
}

TEST(detection)
{
	unsigned int cpl;

	for (cpl = 0; cpl < 4; cpl++) {
		EXPECT_EQ(ac_is_guests(true, cpl, AM, AC), cpl == 3);
		EXPECT_FALSE(ac_is_guests(true, cpl, ~(u64)AM, AC));
		EXPECT_FALSE(ac_is_guests(true, cpl, AM, ~(u64)AC));
	}
}
