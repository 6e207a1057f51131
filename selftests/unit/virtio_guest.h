/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver for the tests of virtio: guest memory of two banks, an event loop that is
 * polled by hand, and what a guest does to negotiate, to queue and to notify.
 */
#ifndef VIRTIO_GUEST_H
#define VIRTIO_GUEST_H

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "tools/vmctl/loop.h"
#include "tools/vmctl/ram.c"
#include "tools/vmctl/devices/device.h"
#include "tools/vmctl/devices/virtio.c"
#include "tools/vmctl/devices/virtio_bus.c"
#include "tools/vmctl/devices/virtio_mmio.c"
#include "tools/vmctl/devices/virtio_blk.c"
#include "tools/vmctl/devices/virtio_net.c"
#include "tools/vmctl/devices/virtio_console.c"
#include "tools/vmctl/devices/virtio_rng.c"
#include "tools/vmctl/devices/net_loop.c"
#include "tools/vmctl/devices/net_socket.c"
#include "tools/vmctl/devices/net_tap.c"

#define LOW_SIZE	0x100000
#define HIGH_SIZE	0x10000
#define QUEUE_AT(q)	(0x1000ULL + (q) * 0x4000ULL)
#define AVAIL_AT(q)	(QUEUE_AT(q) + 0x1000)
#define USED_AT(q)	(QUEUE_AT(q) + 0x2000)
#define DATA		0x20000ULL
#define NUM		16

#define IN		VRING_DESC_F_WRITE
#define V1		VIRTIO_BIT(VIRTIO_F_VERSION_1)
#define EVENT_IDX	VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT	VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC)
#define RESET_NEEDED	VIRTIO_CONFIG_S_NEEDS_RESET
#define RUNNING		(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
			 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

static struct devices d;
static struct ram ram;
static struct loop loop;
static char error[256];

/* ---- what devices call ---------------------------------------------------- */

static bool line[24];
static unsigned int nr_raised;

void irq_set(struct devices *devices, unsigned int gsi, bool level)
{
	nr_raised += level && !line[gsi];
	line[gsi] = level;
}

int loop_add(struct loop *l, int fd, loop_fn ready, void *ctx)
{
	int i;

	for (i = 0; i < l->nr && l->source[i].fd >= 0; i++)
		;
	l->nr += i == l->nr;
	l->source[i] = (struct loop_source){ .fd = fd, .ready = ready, .ctx = ctx };
	return i;
}

void loop_remove(struct loop *l, int source)
{
	l->source[source].fd = -1;
}

void loop_pause(struct loop *l, int source, bool paused)
{
	l->source[source].paused = paused;
}

/* Call who is ready; returns how many those were. */
static __attribute__((unused)) unsigned int loop_poll(void)
{
	unsigned int i, n = 0;
	struct pollfd p;

	for (i = 0; i < loop.nr; i++) {
		p = (struct pollfd){ .fd = loop.source[i].fd, .events = POLLIN };
		if (p.fd < 0 || loop.source[i].paused || poll(&p, 1, 0) != 1)
			continue;
		loop.source[i].ready(loop.source[i].ctx);
		n++;
	}
	return n;
}

static char sent[256];
static unsigned int nr_sent;
static const char *typed;

static void guest_put(void *ctx, uint8_t c)
{
	if (nr_sent < sizeof(sent) - 1)
		sent[nr_sent++] = c;
}

static int guest_get(void *ctx)
{
	return typed && *typed ? (uint8_t)*typed++ : -1;
}

static const struct chardev chardev = { guest_put, guest_get, NULL };

/* ---- a machine ------------------------------------------------------------ */

static void machine_stop(void)
{
	virtio_destroy(&d);
	free(ram.bank[0].host);
	free(ram.bank[1].host);
	memset(&ram, 0, sizeof(ram));
}

static void machine_start(void)
{
	machine_stop();
	ram.nr_banks = 2;
	ram.bank[0] = (struct ram_bank){ 0, LOW_SIZE, aligned_alloc(4096, LOW_SIZE) };
	ram.bank[1] = (struct ram_bank){ RAM_HIGH, HIGH_SIZE, aligned_alloc(4096, HIGH_SIZE) };
	memset(ram.bank[0].host, 0, LOW_SIZE);
	memset(ram.bank[1].host, 0, HIGH_SIZE);
	memset(&d, 0, sizeof(d));
	memset(&loop, 0, sizeof(loop));
	memset(line, 0, sizeof(line));
	memset(sent, 0, sizeof(sent));
	nr_sent = 0;
	nr_raised = 0;
	typed = NULL;
	d.ram = &ram;
	d.loop = &loop;
	d.chardev = &chardev;
}

static int add(const char *kind, const char *options)
{
	strcpy(error, "");
	return virtio_add(&d, kind, options, error, sizeof(error));
}

static void *at(uint64_t gpa)
{
	return ram_host(&ram, gpa, 1);
}

/* ---- a driver ------------------------------------------------------------- */

static uint32_t reg(unsigned int slot, unsigned int offset)
{
	return virtio_mmio_read(&d, slot, offset, 4);
}

static void set(unsigned int slot, unsigned int offset, uint32_t value)
{
	virtio_mmio_write(&d, slot, offset, 4, value);
}

static void set_address(unsigned int slot, unsigned int offset, uint64_t gpa)
{
	set(slot, offset, gpa);
	set(slot, offset + 4, gpa >> 32);
}

static __attribute__((unused)) uint64_t offered(unsigned int slot)
{
	uint64_t features;

	set(slot, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features = (uint64_t)reg(slot, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	set(slot, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	return features | reg(slot, VIRTIO_MMIO_DEVICE_FEATURES);
}

/* Returns whether the device takes them. */
static bool negotiate(unsigned int slot, uint64_t features)
{
	set(slot, VIRTIO_MMIO_STATUS, 0);
	set(slot, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	set(slot, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	set(slot, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set(slot, VIRTIO_MMIO_DRIVER_FEATURES, features);
	set(slot, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	set(slot, VIRTIO_MMIO_DRIVER_FEATURES, features >> 32);
	set(slot, VIRTIO_MMIO_STATUS, RUNNING & ~VIRTIO_CONFIG_S_DRIVER_OK);
	return reg(slot, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK;
}

/* What the driver knows of its queues; @area numbers them over all slots. */
struct driver_queue {
	unsigned int slot, queue;
	uint16_t next_desc, avail, used;
};

#define NR_AREAS	4
static struct driver_queue queues[NR_AREAS];

static struct vring_desc *desc_of(unsigned int area)
{
	return at(QUEUE_AT(area));
}

static struct vring_avail *avail_of(unsigned int area)
{
	return at(AVAIL_AT(area));
}

static struct vring_used *used_of(unsigned int area)
{
	return at(USED_AT(area));
}

static void set_up_queue(unsigned int slot, unsigned int queue, unsigned int area)
{
	memset(at(QUEUE_AT(area)), 0, 0x4000);
	queues[area] = (struct driver_queue){ .slot = slot, .queue = queue };
	set(slot, VIRTIO_MMIO_QUEUE_SEL, queue);
	set(slot, VIRTIO_MMIO_QUEUE_NUM, NUM);
	set_address(slot, VIRTIO_MMIO_QUEUE_DESC_LOW, QUEUE_AT(area));
	set_address(slot, VIRTIO_MMIO_QUEUE_AVAIL_LOW, AVAIL_AT(area));
	set_address(slot, VIRTIO_MMIO_QUEUE_USED_LOW, USED_AT(area));
	set(slot, VIRTIO_MMIO_QUEUE_READY, 1);
}

/* All of the device's queues, from @area on */
static void drive(unsigned int slot, uint64_t features, unsigned int area)
{
	unsigned int i;

	EXPECT_TRUE(negotiate(slot, features | V1));
	for (i = 0; i < d.virtio.slot[slot]->kind->nr_queues; i++) {
		set_up_queue(slot, i, area + i);
		EXPECT_EQ(reg(slot, VIRTIO_MMIO_QUEUE_READY), 1U);
	}
	set(slot, VIRTIO_MMIO_STATUS, RUNNING);
	EXPECT_EQ(reg(slot, VIRTIO_MMIO_STATUS), RUNNING);
}

struct segment {
	uint64_t gpa;
	uint32_t len;
	uint16_t flags;
};

/* Make a chain available, without a notification; returns its head. */
static unsigned int put_segments(unsigned int area, const struct segment *s, unsigned int n)
{
	struct driver_queue *q = &queues[area];
	unsigned int head = q->next_desc, i, desc = head;

	for (i = 0; i < n; i++) {
		desc = (head + i) % NUM;
		desc_of(area)[desc] = (struct vring_desc){
			s[i].gpa, s[i].len, s[i].flags | (i < n - 1 ? VRING_DESC_F_NEXT : 0),
			(desc + 1) % NUM };
	}
	q->next_desc = (desc + 1) % NUM;
	avail_of(area)->ring[q->avail++ % NUM] = head;
	avail_of(area)->idx = q->avail;
	return head;
}

#define PUT(area, ...) ({							\
	const struct segment segments[] = { __VA_ARGS__ };			\
	put_segments(area, segments, sizeof(segments) / sizeof(segments[0]));	\
})

static void kick(unsigned int area)
{
	set(queues[area].slot, VIRTIO_MMIO_QUEUE_NOTIFY, queues[area].queue);
}

/* The next chain that came back: bytes written, or -1. */
static long get_used(unsigned int area)
{
	struct driver_queue *q = &queues[area];

	if (used_of(area)->idx == q->used)
		return -1;
	return used_of(area)->ring[q->used++ % NUM].len;
}

#endif
