// SPDX-License-Identifier: GPL-2.0-only
/* The registers of a virtio device: the memory-mapped transport, version 2. */
#include <string.h>

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "device.h"

#define MAGIC		0x74726976	/* "virt" */
#define VENDOR		0x584d5654	/* "TVMX"; it means nothing to drivers */
#define DRIVER_STATUS	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
			 VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FEATURES_OK | \
			 VIRTIO_CONFIG_S_FAILED)

/* NULL if QueueSel names none: it reads as absent, and writes are dropped. */
static struct virtq *selected(struct virtio_device *v)
{
	return v->queue_sel < v->kind->nr_queues ? &v->queue[v->queue_sel] : NULL;
}

static uint32_t half(uint64_t value, uint32_t sel)
{
	return sel > 1 ? 0 : value >> (32 * sel);
}

static void set_half(uint64_t *value, unsigned int sel, uint32_t to)
{
	unsigned int shift = 32 * sel;

	*value = (*value & ~(0xffffffffULL << shift)) | (uint64_t)to << shift;
}

static uint32_t read_register(struct virtio_device *v, unsigned int offset)
{
	const struct virtq *q = selected(v);

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return 2;
	case VIRTIO_MMIO_DEVICE_ID:
		return v->kind->id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return half(v->features, v->features_sel);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return q ? VIRTIO_QUEUE_MAX : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return q && q->ready;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return v->isr;
	case VIRTIO_MMIO_STATUS:
		return v->status;
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return ~0U;		/* no shared memory */
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return v->generation;
	default:
		return 0;
	}
}

/* The addresses and the size of a queue that is not in use yet */
static void write_queue(struct virtio_device *v, unsigned int offset, uint32_t value)
{
	struct virtq *q = selected(v);

	if (!q || q->ready)
		return;
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		q->num = value;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_half(&q->desc, offset == VIRTIO_MMIO_QUEUE_DESC_HIGH, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_half(&q->avail, offset == VIRTIO_MMIO_QUEUE_AVAIL_HIGH, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_half(&q->used, offset == VIRTIO_MMIO_QUEUE_USED_HIGH, value);
		break;
	}
}

static void write_ready(struct virtio_device *v, uint32_t value)
{
	struct virtq *q = selected(v);

	if (!q)
		return;
	if (!(value & 1))
		q->ready = false;
	else if (!q->ready && !virtq_start(v, q))
		virtio_break(v);
}

static void notify_queue(struct virtio_device *v, uint32_t queue)
{
	if (queue < v->kind->nr_queues && virtio_live(v) && v->queue[queue].ready)
		v->kind->notify(v, queue);
}

/* Nothing can be had that is not offered, and there is no device of the time before 1.0. */
static bool features_ok(const struct virtio_device *v)
{
	return !(v->driver_features & ~v->features) && virtio_has(v, VIRTIO_F_VERSION_1);
}

/* The driver can set bits, and clear all of them. */
static void write_status(struct virtio_device *v, uint32_t value)
{
	uint32_t before = v->status;
	unsigned int i;

	if (!value) {
		virtio_reset(v);
		return;
	}
	if (!(before & VIRTIO_CONFIG_S_FEATURES_OK) && !features_ok(v))
		value &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	v->status |= value & DRIVER_STATUS;
	if (!(v->status & VIRTIO_CONFIG_S_FEATURES_OK))
		v->status &= ~VIRTIO_CONFIG_S_DRIVER_OK;
	/* Chains may have been waiting. */
	if (~before & v->status & VIRTIO_CONFIG_S_DRIVER_OK)
		for (i = 0; i < v->kind->nr_queues; i++)
			notify_queue(v, i);
}

static void write_register(struct virtio_device *v, unsigned int offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		v->features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		v->driver_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		if (!(v->status & VIRTIO_CONFIG_S_FEATURES_OK) && v->driver_features_sel <= 1)
			set_half(&v->driver_features, v->driver_features_sel, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		v->queue_sel = value;
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		write_ready(v, value);
		break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		notify_queue(v, value);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		virtio_ack(v, value);
		break;
	case VIRTIO_MMIO_STATUS:
		write_status(v, value);
		break;
	default:
		write_queue(v, offset, value);
		break;
	}
}

/* Any width and alignment; zeroes behind the end. */
static uint64_t read_config(const struct virtio_device *v, uint64_t offset, unsigned int len)
{
	uint64_t value = 0;

	if (len > sizeof(value))
		len = sizeof(value);
	if (offset < v->config_size)
		memcpy(&value, (const uint8_t *)v->config + offset,
		       len < v->config_size - offset ? len : v->config_size - offset);
	return value;
}

static struct virtio_device *device_at(struct devices *d, unsigned int slot)
{
	return slot < virtio_count(d) ? d->virtio.slot[slot] : NULL;
}

/* Registers are 32 bits wide, and accessed so. */
static bool is_register(uint64_t offset, unsigned int len)
{
	return offset < VIRTIO_MMIO_CONFIG && len == 4 && !(offset & 3);
}

uint64_t virtio_mmio_read(struct devices *d, unsigned int slot, uint64_t offset, unsigned int len)
{
	struct virtio_device *v = device_at(d, slot);

	if (v && offset >= VIRTIO_MMIO_CONFIG)
		return read_config(v, offset - VIRTIO_MMIO_CONFIG, len);
	return v && is_register(offset, len) ? read_register(v, offset) : 0;
}

/* No device here has a config space that can be written. */
void virtio_mmio_write(struct devices *d, unsigned int slot, uint64_t offset, unsigned int len,
		       uint64_t value)
{
	struct virtio_device *v = device_at(d, slot);

	if (v && is_register(offset, len))
		write_register(v, offset, value);
}
