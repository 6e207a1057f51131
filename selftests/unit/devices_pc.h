/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All of vmctl's devices but for virtio, on clocks, an event loop and local APICs of
 * ours: time passes when a test says so, and messages are written down.
 */
#ifndef DEVICES_PC_H
#define DEVICES_PC_H

#include "unit.h"

#include <errno.h>
#include <time.h>
#include <linux/array_size.h>

static int64_t pc_monotonic, pc_realtime;

static int pc_clock_gettime(clockid_t clock, struct timespec *ts)
{
	int64_t now = clock == CLOCK_REALTIME ? pc_realtime : pc_monotonic;

	*ts = (struct timespec){ now / 1000000000, now % 1000000000 };
	return 0;
}

#define clock_gettime pc_clock_gettime

#include "tools/vmctl/ram.c"
#include "tools/vmctl/devices/bus.c"
#include "tools/vmctl/devices/debugcon.c"
#include "tools/vmctl/devices/debugexit.c"
#include "tools/vmctl/devices/fwcfg.c"
#include "tools/vmctl/devices/fwlog.c"
#include "tools/vmctl/devices/ioapic.c"
#include "tools/vmctl/devices/pic.c"
#include "tools/vmctl/devices/pit.c"
#include "tools/vmctl/devices/pm.c"
#include "tools/vmctl/devices/reset.c"
#include "tools/vmctl/devices/rtc.c"
#include "tools/vmctl/devices/testdev.c"
#include "tools/vmctl/devices/uart.c"

#undef clock_gettime

static struct devices d;

/* The event loop */

#define PC_TIMERS	4

static struct pc_timer {
	loop_fn expired;
	void *ctx;
	uint64_t left, period;
} pc_timer[PC_TIMERS];
static int pc_nr_timers, pc_timers_max = PC_TIMERS;

int loop_add_timer(struct loop *l, loop_fn expired, void *ctx)
{
	if (pc_nr_timers == pc_timers_max)
		return -ENOSPC;
	pc_timer[pc_nr_timers] = (struct pc_timer){ .expired = expired, .ctx = ctx };
	return pc_nr_timers++;
}

void loop_arm(struct loop *l, int timer, uint64_t ns, uint64_t period_ns)
{
	pc_timer[timer].left = ns;
	pc_timer[timer].period = period_ns;
}

static void pc_tick(uint64_t ns)
{
	pc_monotonic += ns;
	pc_realtime += ns;
}

/* Let @ns pass, with the timers that expire in them. */
static __attribute__((unused)) void pc_pass(uint64_t ns)
{
	struct pc_timer *t, *first;

	for (;;) {
		first = NULL;
		for (t = pc_timer; t < pc_timer + pc_nr_timers; t++)
			if (t->left && t->left <= ns && (!first || t->left < first->left))
				first = t;
		if (!first)
			break;
		uint64_t step = first->left;

		for (t = pc_timer; t < pc_timer + pc_nr_timers; t++)
			if (t != first && t->left)
				t->left -= step;
		first->left = first->period;
		pc_tick(step);
		ns -= step;
		first->expired(first->ctx);
	}
	for (t = pc_timer; t < pc_timer + pc_nr_timers; t++)
		if (t->left)
			t->left -= ns;
	pc_tick(ns);
}

/* Local APICs */

struct pc_msi {
	uint64_t address;
	uint32_t data;
};

static struct pc_msi pc_msi[64];
static unsigned int pc_nr_msi;
static int pc_takers;
static bool pc_extint;

static int pc_send(void *ctx, uint64_t address, uint32_t data)
{
	if (pc_nr_msi < 64)
		pc_msi[pc_nr_msi] = (struct pc_msi){ address, data };
	pc_nr_msi++;
	return pc_takers;
}

static void pc_set_extint(void *ctx, bool raised)
{
	EXPECT_NE(pc_extint, raised);	/* only changes are told */
	pc_extint = raised;
}

static const struct irq_ops pc_irq = { pc_send, pc_set_extint, NULL };

/* Consoles */

static char sent[64];
static unsigned int nr_sent;
static const char *input;

static void test_put(void *ctx, uint8_t c)
{
	if (nr_sent < sizeof(sent) - 1)
		sent[nr_sent++] = c;
}

static int test_get(void *ctx)
{
	return input && *input ? *input++ : -1;
}

static const struct chardev chardev = { test_put, test_get, NULL };

/* Two virtio devices, the second of which is written down. */

static struct {
	unsigned int slot, len;
	uint64_t offset, value;
} pc_virtio;
static bool pc_virtio_console;

unsigned int virtio_count(const struct devices *d)
{
	return 2;
}

uint64_t virtio_mmio_read(struct devices *d, unsigned int slot, uint64_t offset, unsigned int len)
{
	pc_virtio.slot = slot;
	pc_virtio.offset = offset;
	pc_virtio.len = len;
	return 0x1122334455667788;
}

void virtio_mmio_write(struct devices *d, unsigned int slot, uint64_t offset, unsigned int len,
		       uint64_t value)
{
	pc_virtio.slot = slot;
	pc_virtio.offset = offset;
	pc_virtio.len = len;
	pc_virtio.value = value;
}

bool virtio_console_input(struct devices *d)
{
	return pc_virtio_console;
}

static struct ram pc_ram = {
	.nr_banks = 2,
	.bank = { { 0, 0xc0000000, NULL }, { 0x100000000, 0x140000000, NULL } },
};

static void pc_reset(void)
{
	memset(sent, 0, sizeof(sent));
	nr_sent = 0;
	input = NULL;
	pc_nr_timers = 0;
	pc_nr_msi = 0;
	pc_takers = 1;
	pc_extint = false;
	pc_virtio_console = false;
	pc_monotonic = 5000000000;
	/* 2026-11-25 08:36:05 UTC, a Wednesday */
	pc_realtime = 1795595765LL * 1000000000;
}

static __attribute__((unused)) void start_plain(bool strict)
{
	const struct devices_options opt = { .strict = strict, .chardev = &chardev };

	pc_reset();
	EXPECT_EQ(devices_init(&d, &opt), 0);
}

static __attribute__((unused)) void start_pc(void)
{
	const struct devices_options opt = {
		.pc = true,
		.strict = true,
		.chardev = &chardev,
		.ram = &pc_ram,
		.irq = &pc_irq,
		.nr_cpus = 3,
	};

	pc_reset();
	EXPECT_EQ(devices_init(&d, &opt), 0);
}

#endif
