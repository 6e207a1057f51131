// SPDX-License-Identifier: GPL-2.0-only
/*
 * An 8254 timer. A counter is its start and the host's clock: nothing runs, but for
 * the event loop's timer that makes channel 0 interrupt. Port 0x61 holds the gate of
 * channel 2 and shows its output, by which kernels measure how fast the CPU is.
 */
#include "../loop.h"
#include "clock.h"
#include "device.h"

/* Control word */
#define CONTROL		3
#define CHANNEL(w)	((w) >> 6)
#define ACCESS(w)	((w) >> 4 & 3)
#define MODE(w)		((w) >> 1 & 7)
#define BCD		0x01
#define READ_BACK	3
#define NO_COUNT	0x20	/* of a read-back: low is yes */
#define NO_STATUS	0x10
#define STATUS_OUT	0x80
#define STATUS_NULL	0x40

/* Access, and when it is both, low comes first */
#define LATCH		0
#define LOW		1
#define HIGH		2
#define BOTH		3

/* Port 0x61 */
#define GATE_2		0x01
#define PORT_B_WRITABLE	0x0f
#define REFRESH		0x10
#define OUT_2		0x20
#define REFRESH_NS	15085

#define MIN_PERIOD_NS	100000

static uint64_t pit_to_ns(uint64_t clocks)
{
	return (clocks * NS_PER_SECOND + PIT_HZ / 2) / PIT_HZ;
}

static bool pit_repeats(const struct pit_channel *c)
{
	return c->mode == 2 || c->mode == 3;
}

/* The gate does not let these run, but starts them. */
static bool pit_triggered(const struct pit_channel *c)
{
	return c->mode == 1 || c->mode == 5;
}

static uint64_t pit_elapsed(const struct pit_channel *c)
{
	unsigned __int128 ns;

	if (!c->counting)
		return c->elapsed;
	ns = clock_ns(CLOCK_MONOTONIC) - c->start;
	return c->elapsed + (uint64_t)(ns * PIT_HZ / NS_PER_SECOND);
}

static void pit_start(struct pit_channel *c, uint64_t elapsed)
{
	c->elapsed = elapsed;
	c->start = clock_ns(CLOCK_MONOTONIC);
	c->counting = true;
}

static bool pit_output(const struct pit_channel *c)
{
	uint64_t elapsed = pit_elapsed(c);

	if (!c->load)
		return c->mode != 0;
	switch (c->mode) {
	case 0:
		return elapsed >= c->load;
	case 1:
		return !c->counting || elapsed >= c->load;
	case 2:
		return !c->gate || elapsed % c->load != c->load - 1;
	case 3:
		return !c->gate || elapsed % c->load < (c->load + 1) / 2;
	default:
		return elapsed != c->load;
	}
}

static uint16_t pit_to_bcd(unsigned int n)
{
	return n / 1000 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10;
}

static unsigned int pit_from_bcd(uint16_t n)
{
	return (n >> 12) * 1000 + (n >> 8 & 15) * 100 + (n >> 4 & 15) * 10 + (n & 15);
}

static uint16_t pit_count(const struct pit_channel *c)
{
	unsigned int wrap = c->bcd ? 10000 : 0x10000, count;
	uint64_t elapsed = pit_elapsed(c);

	if (c->load && c->mode == 3)	/* by twos, twice around */
		count = c->load - 2 * elapsed % c->load;
	else if (c->load && c->mode == 2)
		count = c->load - elapsed % c->load;
	else
		count = c->load + wrap - elapsed % wrap;
	count %= wrap;
	return c->bcd ? pit_to_bcd(count) : count;
}

static void pit_expired(void *ctx)
{
	struct devices *d = ctx;

	irq_set(d, GSI_TIMER, false);
	irq_set(d, GSI_TIMER, true);
}

/* Channel 0 has begun to count, or stopped. */
static void pit_arm(struct devices *d)
{
	const struct pit_channel *c = &d->pit.channel[0];
	uint64_t ns = c->counting ? pit_to_ns(c->load) : 0, period = 0;

	/* No guest can make the host do nothing else. */
	if (ns && pit_repeats(c))
		period = ns < MIN_PERIOD_NS ? MIN_PERIOD_NS : ns;
	irq_set(d, GSI_TIMER, false);
	loop_arm(d->loop, d->pit.timer, ns, period);
}

static void pit_load(struct devices *d, struct pit_channel *c, uint16_t value)
{
	unsigned int count = c->bcd ? pit_from_bcd(value) : value;

	c->null_count = false;
	c->counting = false;
	c->elapsed = 0;
	c->load = count ? count : c->bcd ? 10000 : 0x10000;
	if (c->gate && !pit_triggered(c))
		pit_start(c, 0);
	if (c == &d->pit.channel[0])
		pit_arm(d);
}

static void pit_gate(struct pit_channel *c, bool gate)
{
	if (gate == c->gate)
		return;
	c->gate = gate;
	if (!c->load)
		return;
	if (gate) {
		pit_start(c, pit_repeats(c) || pit_triggered(c) ? 0 : c->elapsed);
	} else if (!pit_triggered(c)) {
		c->elapsed = pit_elapsed(c);
		c->counting = false;
	}
}

static void pit_latch_count(struct pit_channel *c)
{
	/* The first one stays until it is read. */
	if (c->latched)
		return;
	c->latch = pit_count(c);
	c->latched = c->access == BOTH ? 2 : 1;
}

static void pit_latch_status(struct pit_channel *c)
{
	if (c->status_latched)
		return;
	c->status_latched = true;
	c->status = (pit_output(c) ? STATUS_OUT : 0) | (c->null_count ? STATUS_NULL : 0) |
		    c->access << 4 | c->mode << 1 | (c->bcd ? BCD : 0);
}

static void pit_read_back(struct pit *pit, uint8_t word)
{
	unsigned int i;

	for (i = 0; i < 3; i++) {
		if (!(word & 2 << i))
			continue;
		if (!(word & NO_COUNT))
			pit_latch_count(&pit->channel[i]);
		if (!(word & NO_STATUS))
			pit_latch_status(&pit->channel[i]);
	}
}

static void pit_control(struct devices *d, uint8_t word)
{
	struct pit_channel *c;

	if (CHANNEL(word) == READ_BACK) {
		pit_read_back(&d->pit, word);
		return;
	}
	c = &d->pit.channel[CHANNEL(word)];
	if (ACCESS(word) == LATCH) {
		pit_latch_count(c);
		return;
	}
	*c = (struct pit_channel){
		.mode = MODE(word) > 5 ? MODE(word) - 4 : MODE(word),
		.access = ACCESS(word),
		.bcd = word & BCD,
		.gate = c->gate,
		.null_count = true,
	};
	if (c == &d->pit.channel[0])
		pit_arm(d);
}

static void pit_write(struct devices *d, struct pit_channel *c, uint8_t value)
{
	switch (c->access) {
	case LOW:
		pit_load(d, c, value);
		break;
	case HIGH:
		pit_load(d, c, value << 8);
		break;
	default:
		if (c->write_high)
			pit_load(d, c, value << 8 | c->low);
		c->low = value;
		c->write_high = !c->write_high;
		break;
	}
}

static uint8_t pit_read(struct pit_channel *c)
{
	uint16_t count = c->latched ? c->latch : pit_count(c);
	bool high = c->access == HIGH || (c->access == BOTH && c->read_high);

	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	if (c->access == BOTH)
		c->read_high = !c->read_high;
	if (c->latched)
		c->latched--;
	return high ? count >> 8 : count;
}

uint8_t pit_in(struct devices *d, unsigned int reg)
{
	return reg == CONTROL ? 0xff : pit_read(&d->pit.channel[reg]);
}

void pit_out(struct devices *d, unsigned int reg, uint8_t value)
{
	if (reg == CONTROL)
		pit_control(d, value);
	else
		pit_write(d, &d->pit.channel[reg], value);
}

uint8_t port_b_in(struct devices *d, unsigned int reg)
{
	bool refresh = clock_ns(CLOCK_MONOTONIC) / REFRESH_NS & 1;

	(void)reg;
	return d->pit.port_b | (refresh ? REFRESH : 0) |
	       (pit_output(&d->pit.channel[2]) ? OUT_2 : 0);
}

void port_b_out(struct devices *d, unsigned int reg, uint8_t value)
{
	(void)reg;
	d->pit.port_b = value & PORT_B_WRITABLE;
	pit_gate(&d->pit.channel[2], value & GATE_2);
}

int pit_init(struct devices *d)
{
	unsigned int i;

	d->pit = (struct pit){ 0 };
	for (i = 0; i < 3; i++)
		d->pit.channel[i] = (struct pit_channel){
			.mode = 3, .access = BOTH, .gate = i != 2, .null_count = true,
		};
	d->pit.timer = loop_add_timer(d->loop, pit_expired, d);
	return d->pit.timer < 0 ? d->pit.timer : 0;
}
