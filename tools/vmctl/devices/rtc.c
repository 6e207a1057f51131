// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real-time clock and the CMOS memory of a PC. The time is the host's UTC plus
 * what the guest has set it apart by. Nothing runs by itself: the flags of register C
 * are brought up to date when somebody looks, or when the event loop's timer says so.
 */
#include "../loop.h"
#include "../ram.h"
#include "clock.h"
#include "device.h"

#define INDEX		0
#define INDEX_MASK	0x7f	/* bit 7 masks NMIs */

enum {
	SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM, WEEKDAY, DAY, MONTH,
	YEAR, REG_A, REG_B, REG_C, REG_D,
	SHUTDOWN	= 0x0f,
	EQUIPMENT	= 0x14,
	BASE_KB		= 0x15,	/* below 640 KiB */
	EXTENDED_KB	= 0x17,	/* above 1 MiB */
	EXTENDED_KB_2	= 0x30,	/* the same as found by the firmware */
	CENTURY		= 0x32,
	ABOVE_16M	= 0x34,	/* in 64 KiB, below 4 GiB */
	ABOVE_4G	= 0x5b,	/* in 64 KiB, three bytes */
	MORE_CPUS	= 0x5f,
};

#define A_UIP		0x80
#define A_RATE		0x0f
#define A_32KHZ		0x20
#define B_SET		0x80
#define B_PERIODIC	0x40
#define B_ALARM		0x20
#define B_UPDATE	0x10
#define B_BINARY	0x04
#define B_24H		0x02
#define C_IRQ		0x80	/* and what is in register B, in the same places */
#define C_CAUSES	(B_PERIODIC | B_ALARM | B_UPDATE)
#define D_VALID		0x80
#define HAS_FPU		0x02
#define PM		0x80	/* of an hour */
#define ANY		0xc0	/* an alarm byte with these bits matches all */

/* Updates take no time here, but are announced as the data sheet says. */
#define UIP_NS		244000
#define MAX_CATCH_UP	86400

static int64_t rtc_now(const struct rtc *rtc)
{
	/* The guest's clock may be centuries off; wrapped, it is as good as any. */
	return clock_ns(CLOCK_REALTIME) + (uint64_t)rtc->offset * NS_PER_SECOND;
}

static uint8_t rtc_encode(const struct rtc *rtc, unsigned int n)
{
	return rtc->cmos[REG_B] & B_BINARY ? n : n / 10 << 4 | n % 10;
}

static unsigned int rtc_decode(const struct rtc *rtc, uint8_t byte)
{
	return rtc->cmos[REG_B] & B_BINARY ? byte : (byte >> 4) * 10 + (byte & 15);
}

static uint8_t rtc_encode_hour(const struct rtc *rtc, unsigned int hour)
{
	if (rtc->cmos[REG_B] & B_24H)
		return rtc_encode(rtc, hour);
	return rtc_encode(rtc, (hour + 11) % 12 + 1) | (hour >= 12 ? PM : 0);
}

static unsigned int rtc_decode_hour(const struct rtc *rtc, uint8_t byte)
{
	if (rtc->cmos[REG_B] & B_24H)
		return rtc_decode(rtc, byte);
	return rtc_decode(rtc, byte & ~PM) % 12 + (byte & PM ? 12 : 0);
}

/* The time's bytes from the clock ... */
static void rtc_freeze(struct rtc *rtc, int64_t now)
{
	time_t seconds = now / NS_PER_SECOND;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	rtc->cmos[SECONDS] = rtc_encode(rtc, tm.tm_sec);
	rtc->cmos[MINUTES] = rtc_encode(rtc, tm.tm_min);
	rtc->cmos[HOURS] = rtc_encode_hour(rtc, tm.tm_hour);
	rtc->cmos[WEEKDAY] = rtc_encode(rtc, tm.tm_wday + 1);
	rtc->cmos[DAY] = rtc_encode(rtc, tm.tm_mday);
	rtc->cmos[MONTH] = rtc_encode(rtc, tm.tm_mon + 1);
	rtc->cmos[YEAR] = rtc_encode(rtc, tm.tm_year % 100);
	rtc->cmos[CENTURY] = rtc_encode(rtc, tm.tm_year / 100 + 19);
}

/* ... and the clock by the bytes. */
static void rtc_thaw(struct rtc *rtc)
{
	struct tm tm = {
		.tm_sec = rtc_decode(rtc, rtc->cmos[SECONDS]),
		.tm_min = rtc_decode(rtc, rtc->cmos[MINUTES]),
		.tm_hour = rtc_decode_hour(rtc, rtc->cmos[HOURS]),
		.tm_mday = rtc_decode(rtc, rtc->cmos[DAY]),
		.tm_mon = (int)rtc_decode(rtc, rtc->cmos[MONTH]) - 1,
		.tm_year = ((int)rtc_decode(rtc, rtc->cmos[CENTURY]) - 19) * 100 +
			   (int)rtc_decode(rtc, rtc->cmos[YEAR]),
	};

	rtc->offset = timegm(&tm) - clock_ns(CLOCK_REALTIME) / NS_PER_SECOND;
	rtc->seen = rtc_now(rtc);
}

/* 0: the periodic interrupt is off. The two fastest settings are slow ones. */
static int64_t rtc_period(const struct rtc *rtc)
{
	unsigned int rate = rtc->cmos[REG_A] & A_RATE;

	if (!rate)
		return 0;
	return NS_PER_SECOND / (32768 >> ((rate < 3 ? rate + 7 : rate) - 1));
}

static bool rtc_alarm_matches(const struct rtc *rtc, int64_t second)
{
	static const uint8_t alarm[] = { SECONDS_ALARM, MINUTES_ALARM, HOURS_ALARM };
	time_t time = second;
	struct tm tm;
	uint8_t now[3];
	unsigned int i;

	gmtime_r(&time, &tm);
	now[0] = rtc_encode(rtc, tm.tm_sec);
	now[1] = rtc_encode(rtc, tm.tm_min);
	now[2] = rtc_encode_hour(rtc, tm.tm_hour);
	for (i = 0; i < 3; i++)
		if (rtc->cmos[alarm[i]] < ANY && rtc->cmos[alarm[i]] != now[i])
			return false;
	return true;
}

/* The flags of what has happened since they were looked at last. */
static void rtc_catch_up(struct rtc *rtc)
{
	int64_t now = rtc_now(rtc), second = now / NS_PER_SECOND, period = rtc_period(rtc);
	int64_t s = rtc->seen / NS_PER_SECOND;

	if (period && now / period != rtc->seen / period)
		rtc->cmos[REG_C] |= B_PERIODIC;
	if (!(rtc->cmos[REG_B] & B_SET) && second != s) {
		rtc->cmos[REG_C] |= B_UPDATE;
		if (second - s > MAX_CATCH_UP)
			s = second - MAX_CATCH_UP;
		while (s < second && !(rtc->cmos[REG_C] & B_ALARM))
			if (rtc_alarm_matches(rtc, ++s))
				rtc->cmos[REG_C] |= B_ALARM;
	}
	rtc->seen = now;
}

static void rtc_update(struct devices *d)
{
	struct rtc *rtc = &d->rtc;
	bool raised = rtc->cmos[REG_C] & rtc->cmos[REG_B] & C_CAUSES;

	rtc->cmos[REG_C] = (rtc->cmos[REG_C] & C_CAUSES) | (raised ? C_IRQ : 0);
	irq_set(d, GSI_RTC, raised);
}

/* The timer ends at the next moment that may interrupt. */
static void rtc_arm(struct devices *d)
{
	const struct rtc *rtc = &d->rtc;
	int64_t step = 0;

	if (rtc->cmos[REG_B] & (B_ALARM | B_UPDATE))
		step = NS_PER_SECOND;
	/* Seconds begin with a period. */
	if ((rtc->cmos[REG_B] & B_PERIODIC) && rtc_period(rtc))
		step = rtc_period(rtc);
	loop_arm(d->loop, rtc->timer, step ? step - rtc_now(rtc) % step : 0, 0);
}

static void rtc_expired(void *ctx)
{
	struct devices *d = ctx;

	rtc_catch_up(&d->rtc);
	rtc_update(d);
	rtc_arm(d);
}

static bool rtc_is_time(unsigned int reg)
{
	return reg == SECONDS || reg == MINUTES || reg == HOURS ||
	       (reg >= WEEKDAY && reg <= YEAR) || reg == CENTURY;
}

static void rtc_write_b(struct rtc *rtc, uint8_t value)
{
	uint8_t before = rtc->cmos[REG_B];

	/* From the clock to the bytes in the old format, and back in the new one. */
	if (!(before & B_SET) && (value & B_SET))
		rtc_freeze(rtc, rtc_now(rtc));
	rtc->cmos[REG_B] = value;
	if ((before & B_SET) && !(value & B_SET))
		rtc_thaw(rtc);
}

static void rtc_write(struct devices *d, unsigned int reg, uint8_t value)
{
	struct rtc *rtc = &d->rtc;
	bool set = rtc->cmos[REG_B] & B_SET;

	rtc_catch_up(rtc);
	if (rtc_is_time(reg)) {
		if (!set)
			rtc_freeze(rtc, rtc_now(rtc));
		rtc->cmos[reg] = value;
		if (!set)
			rtc_thaw(rtc);
	} else if (reg == REG_A) {
		rtc->cmos[reg] = value & ~A_UIP;
	} else if (reg == REG_B) {
		rtc_write_b(rtc, value);
	} else if (reg != REG_C && reg != REG_D) {
		rtc->cmos[reg] = value;
	}
	if (reg == REG_A || reg == REG_B) {
		rtc_update(d);
		rtc_arm(d);
	}
}

static uint8_t rtc_read_a(const struct rtc *rtc)
{
	bool soon = rtc_now(rtc) % NS_PER_SECOND >= NS_PER_SECOND - UIP_NS;

	return rtc->cmos[REG_A] | (soon && !(rtc->cmos[REG_B] & B_SET) ? A_UIP : 0);
}

static uint8_t rtc_read_c(struct devices *d)
{
	uint8_t flags;

	rtc_catch_up(&d->rtc);
	rtc_update(d);
	flags = d->rtc.cmos[REG_C];
	d->rtc.cmos[REG_C] = 0;
	rtc_update(d);
	return flags;
}

static uint8_t rtc_read(struct devices *d, unsigned int reg)
{
	struct rtc *rtc = &d->rtc;

	if (reg == REG_A)
		return rtc_read_a(rtc);
	if (reg == REG_C)
		return rtc_read_c(d);
	if (rtc_is_time(reg) && !(rtc->cmos[REG_B] & B_SET))
		rtc_freeze(rtc, rtc_now(rtc));
	return rtc->cmos[reg];
}

uint8_t rtc_in(struct devices *d, unsigned int reg)
{
	return reg == INDEX ? 0xff : rtc_read(d, d->rtc.index);
}

void rtc_out(struct devices *d, unsigned int reg, uint8_t value)
{
	if (reg == INDEX)
		d->rtc.index = value & INDEX_MASK;
	else
		rtc_write(d, d->rtc.index, value);
}

static void rtc_put(struct rtc *rtc, unsigned int reg, unsigned int bytes, uint64_t value)
{
	uint64_t most = (1ULL << 8 * bytes) - 1;
	unsigned int i;

	if (value > most)
		value = most;
	for (i = 0; i < bytes; i++)
		rtc->cmos[reg + i] = value >> (8 * i);
}

static uint64_t rtc_above(uint64_t size, uint64_t start)
{
	return size > start ? size - start : 0;
}

static void rtc_put_memory(struct rtc *rtc, const struct ram *ram)
{
	uint64_t low = ram->bank[0].len, high = ram->nr_banks > 1 ? ram->bank[1].len : 0;

	rtc_put(rtc, BASE_KB, 2, low < 640 << 10 ? low >> 10 : 640);
	rtc_put(rtc, EXTENDED_KB, 2, rtc_above(low, 1 << 20) >> 10);
	rtc_put(rtc, EXTENDED_KB_2, 2, rtc_above(low, 1 << 20) >> 10);
	rtc_put(rtc, ABOVE_16M, 2, rtc_above(low, 16 << 20) >> 16);
	rtc_put(rtc, ABOVE_4G, 3, high >> 16);
}

int rtc_init(struct devices *d)
{
	struct rtc *rtc = &d->rtc;

	*rtc = (struct rtc){ .cmos = {
		[REG_A] = A_32KHZ | 6,
		[REG_B] = B_24H,
		[REG_D] = D_VALID,
		[EQUIPMENT] = HAS_FPU,
		[MORE_CPUS] = d->nr_cpus - 1,
	} };
	rtc_put_memory(rtc, d->ram);
	rtc->seen = rtc_now(rtc);
	rtc->timer = loop_add_timer(d->loop, rtc_expired, d);
	return rtc->timer < 0 ? rtc->timer : 0;
}
