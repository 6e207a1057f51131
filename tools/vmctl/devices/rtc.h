/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMCTL_RTC_H
#define VMCTL_RTC_H

#include <stdint.h>

#define CMOS_SIZE	128

/**
 * struct rtc - an MC146818 with a PC's memory
 * @index: the byte that port 0x71 is
 * @offset: the guest's clock, less the host's UTC, in seconds
 * @seen: when flags were brought up to date last: the guest's time in ns
 * @timer: of the loop, for interrupts
 * @cmos: what is kept; the time is not, and register C is up to @seen
 */
struct rtc {
	uint8_t index;
	int64_t offset;
	int64_t seen;
	int timer;
	uint8_t cmos[CMOS_SIZE];
};

#endif
