// SPDX-License-Identifier: GPL-2.0-only
/* The virtio devices of a machine: the table of kinds, their life, and their interrupt lines. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "device.h"

static const struct virtio_kind *const kinds[] = {
	&virtio_blk,
	&virtio_net,
	&virtio_console,
	&virtio_rng,
};

#define NR_KINDS	(sizeof(kinds) / sizeof(kinds[0]))

#define COMMON_FEATURES	(VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX) | \
			 VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC))

static const struct virtio_kind *find_kind(const char *name)
{
	unsigned int i;

	for (i = 0; i < NR_KINDS; i++)
		if (!strcmp(kinds[i]->name, name))
			return kinds[i];
	return NULL;
}

static void destroy_device(struct virtio_device *v)
{
	v->kind->close(v);
	free(v);
}

static int refuse(const char *what, int err, char *error, size_t error_size)
{
	snprintf(error, error_size, "%s", what);
	return err;
}

int virtio_add(struct devices *d, const char *kind, const char *options, char *error,
	       size_t error_size)
{
	const struct virtio_kind *k = find_kind(kind);
	struct virtio_bus *bus = &d->virtio;
	struct virtio_device *v;
	int err;

	if (!k)
		return refuse("no such kind of virtio device", -EINVAL, error, error_size);
	if (bus->count == VIRTIO_MAX_SLOTS)
		return refuse("too many virtio devices", -ENOSPC, error, error_size);
	v = calloc(1, sizeof(*v));
	if (!v)
		return refuse("out of memory", -ENOMEM, error, error_size);
	v->devices = d;
	v->kind = k;
	v->slot = bus->count;
	v->features = COMMON_FEATURES;
	err = k->open(v, options ? options : "", error, error_size);
	if (err) {
		destroy_device(v);
		return err;
	}
	bus->slot[bus->count++] = v;
	return 0;
}

void virtio_destroy(struct devices *d)
{
	while (d->virtio.count)
		destroy_device(d->virtio.slot[--d->virtio.count]);
}

unsigned int virtio_count(const struct devices *d)
{
	return d->virtio.count;
}

bool virtio_has(const struct virtio_device *v, unsigned int feature)
{
	return v->driver_features & VIRTIO_BIT(feature);
}

bool virtio_live(const struct virtio_device *v)
{
	return (v->status & VIRTIO_CONFIG_S_DRIVER_OK) &&
	       !(v->status & VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* The line is up while any device that shares it has a cause. */
static void update_line(struct virtio_device *v)
{
	const struct virtio_bus *bus = &v->devices->virtio;
	bool level = false;
	unsigned int i;

	for (i = 0; i < bus->count; i++)
		if (virtio_gsi(i) == virtio_gsi(v->slot))
			level |= bus->slot[i]->isr != 0;
	irq_set(v->devices, virtio_gsi(v->slot), level);
}

static void set_isr(struct virtio_device *v, uint32_t isr)
{
	bool changed = !isr != !v->isr;

	v->isr = isr;
	if (changed)
		update_line(v);
}

void virtio_interrupt(struct virtio_device *v, uint32_t causes)
{
	set_isr(v, v->isr | causes);
}

void virtio_ack(struct virtio_device *v, uint32_t causes)
{
	set_isr(v, v->isr & ~causes);
}

void virtio_config_changed(struct virtio_device *v)
{
	v->generation++;
	if (v->status & VIRTIO_CONFIG_S_DRIVER_OK)
		virtio_interrupt(v, VIRTIO_MMIO_INT_CONFIG);
}

void virtio_break(struct virtio_device *v)
{
	v->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	if (v->status & VIRTIO_CONFIG_S_DRIVER_OK)
		virtio_interrupt(v, VIRTIO_MMIO_INT_CONFIG);
}

void virtio_reset(struct virtio_device *v)
{
	v->driver_features = 0;
	v->features_sel = 0;
	v->driver_features_sel = 0;
	v->queue_sel = 0;
	v->status = 0;
	memset(v->queue, 0, sizeof(v->queue));
	set_isr(v, 0);
	if (v->kind->reset)
		v->kind->reset(v);
}
