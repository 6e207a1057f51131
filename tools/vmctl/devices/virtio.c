// SPDX-License-Identifier: GPL-2.0-only
/* Virtqueues, the split kind: descriptors in guest memory become checked chains. */
#include <string.h>

#include <linux/virtio_mmio.h>

#include "../ram.h"
#include "device.h"

/* The rings are shared with running vCPUs: these are the only accesses to them. */

static uint16_t load16(const __virtio16 *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store16(__virtio16 *p, uint16_t value)
{
	__atomic_store_n(p, value, __ATOMIC_RELEASE);
}

/* Our copy: what is checked is what is used. An indirect table need not be aligned. */
static struct vring_desc load_desc(const uint8_t *table, unsigned int at)
{
	struct vring_desc desc;

	memcpy(&desc, table + at * sizeof(desc), sizeof(desc));
	__asm__ volatile("" : : : "memory");
	return desc;
}

static void *ring_area(struct virtio_device *v, uint64_t gpa, size_t len, size_t align)
{
	return gpa % align ? NULL : ram_host(v->devices->ram, gpa, len);
}

bool virtq_start(struct virtio_device *v, struct virtq *q)
{
	const size_t event = sizeof(__virtio16);	/* behind each ring */
	struct vring *vr = &q->vring;
	uint32_t num = q->num;

	if (!num || num > VIRTIO_QUEUE_MAX || (num & (num - 1)))
		return false;
	vr->num = num;
	vr->desc = ring_area(v, q->desc, num * sizeof(*vr->desc), VRING_DESC_ALIGN_SIZE);
	vr->avail = ring_area(v, q->avail, sizeof(*vr->avail) +
			      num * sizeof(vr->avail->ring[0]) + event, VRING_AVAIL_ALIGN_SIZE);
	vr->used = ring_area(v, q->used, sizeof(*vr->used) +
			     num * sizeof(vr->used->ring[0]) + event, VRING_USED_ALIGN_SIZE);
	q->next_avail = 0;
	q->next_used = 0;
	q->signalled = 0;
	q->ready = vr->desc && vr->avail && vr->used;
	return q->ready;
}

/* Chains that the driver has added; more than the queue has room for break it. */
static unsigned int waiting_chains(struct virtio_device *v, const struct virtq *q)
{
	uint16_t waiting = load16(&q->vring.avail->idx) - q->next_avail;

	if (waiting <= q->vring.num)
		return waiting;
	virtio_break(v);
	return 0;
}

unsigned int virtq_pending(struct virtio_device *v, unsigned int queue)
{
	struct virtq *q = &v->queue[queue];
	unsigned int waiting, before;

	if (!virtio_live(v) || !q->ready)
		return 0;
	waiting = waiting_chains(v, q);
	if (!virtio_has(v, VIRTIO_RING_F_EVENT_IDX))
		return waiting;
	/*
	 * What was added before the driver could see our event index came without a
	 * notification: look again. There is room for so many only, so that this ends.
	 */
	do {
		before = waiting;
		store16(&vring_avail_event(&q->vring), q->next_avail + before);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		waiting = waiting_chains(v, q);
	} while (waiting > before);
	return waiting;
}

/* What the device reads comes first, so that two sides share one array. */
static bool add_segment(struct virtio_device *v, struct virtq_chain *c,
			const struct vring_desc *desc)
{
	struct virtq_side *s = desc->flags & VRING_DESC_F_WRITE ? &c->in : &c->out;
	void *host = ram_host(v->devices->ram, desc->addr, desc->len);

	if (!host || desc->len > v->kind->max_bytes - c->out.bytes - c->in.bytes)
		return false;
	if (s == &c->out && c->in.nr)
		return false;
	if (!desc->len)
		return true;
	if (c->out.nr + c->in.nr == VIRTIO_QUEUE_MAX)
		return false;
	c->in.iov = &c->iov[c->out.nr + (s == &c->out)];
	s->iov[s->nr++] = (struct iovec){ host, desc->len };
	s->bytes += desc->len;
	return true;
}

/* An indirect table replaces the rest of the chain: where it is and how long. */
static const uint8_t *indirect_table(struct virtio_device *v, const struct vring_desc *desc,
			       unsigned int *size)
{
	if (!virtio_has(v, VIRTIO_RING_F_INDIRECT_DESC) || (desc->flags & VRING_DESC_F_NEXT) ||
	    !desc->len || desc->len % sizeof(*desc))
		return NULL;
	*size = desc->len / sizeof(*desc);
	return ram_host(v->devices->ram, desc->addr, desc->len);
}

static bool walk_chain(struct virtio_device *v, const struct vring *vr, struct virtq_chain *c)
{
	const uint8_t *table = (const uint8_t *)vr->desc;
	unsigned int size = vr->num, at = c->head, steps;
	bool nested = false;
	struct vring_desc desc;

	/* No chain is longer than a queue: one that is, loops. */
	for (steps = 0; steps <= VIRTIO_QUEUE_MAX; steps++) {
		if (at >= size)
			return false;
		desc = load_desc(table, at);
		if (desc.flags & VRING_DESC_F_INDIRECT) {
			table = nested ? NULL : indirect_table(v, &desc, &size);
			if (!table)
				return false;
			nested = true;
			at = 0;
			continue;
		}
		if (!add_segment(v, c, &desc))
			return false;
		if (!(desc.flags & VRING_DESC_F_NEXT))
			return true;
		at = desc.next;
	}
	return false;
}

bool virtq_pop(struct virtio_device *v, unsigned int queue, struct virtq_chain *c)
{
	struct virtq *q = &v->queue[queue];
	struct vring *vr = &q->vring;

	if (!virtio_live(v) || !q->ready || !waiting_chains(v, q))
		return false;
	c->head = load16(&vr->avail->ring[q->next_avail % vr->num]);
	c->out = (struct virtq_side){ .iov = c->iov };
	c->in = (struct virtq_side){ .iov = c->iov };
	if (!walk_chain(v, vr, c)) {
		virtio_break(v);
		return false;
	}
	q->next_avail++;
	return true;
}

void virtq_push(struct virtio_device *v, unsigned int queue, const struct virtq_chain *c,
		uint32_t len)
{
	struct virtq *q = &v->queue[queue];
	struct vring *vr = &q->vring;

	vr->used->ring[q->next_used % vr->num] = (struct vring_used_elem){ c->head, len };
	store16(&vr->used->idx, ++q->next_used);
}

void virtq_signal(struct virtio_device *v, unsigned int queue)
{
	struct virtq *q = &v->queue[queue];
	struct vring *vr = &q->vring;
	uint16_t before = q->signalled;
	bool wanted;

	if (!q->ready || q->next_used == before)
		return;
	q->signalled = q->next_used;
	/* The driver looks at the used index after it asks for an interrupt: one of us sees it. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (virtio_has(v, VIRTIO_RING_F_EVENT_IDX))
		wanted = vring_need_event(load16(&vring_used_event(vr)), q->next_used, before);
	else
		wanted = !(load16(&vr->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	if (wanted)
		virtio_interrupt(v, VIRTIO_MMIO_INT_VRING);
}

enum take { TAKE_SKIP, TAKE_READ, TAKE_WRITE };

static size_t virtq_take(struct virtq_side *s, enum take how, uint8_t *ours, size_t len)
{
	size_t done = 0, n;

	while (done < len && s->nr) {
		n = len - done < s->iov->iov_len ? len - done : s->iov->iov_len;
		if (how == TAKE_READ)
			memcpy(ours + done, s->iov->iov_base, n);
		else if (how == TAKE_WRITE)
			memcpy(s->iov->iov_base, ours + done, n);
		s->iov->iov_base = (uint8_t *)s->iov->iov_base + n;
		s->iov->iov_len -= n;
		if (!s->iov->iov_len) {
			s->iov++;
			s->nr--;
		}
		done += n;
	}
	s->bytes -= done;
	return done;
}

size_t virtq_skip(struct virtq_side *s, size_t len)
{
	return virtq_take(s, TAKE_SKIP, NULL, len);
}

size_t virtq_read(struct virtq_side *out, void *to, size_t len)
{
	return virtq_take(out, TAKE_READ, to, len);
}

size_t virtq_write(struct virtq_side *in, const void *from, size_t len)
{
	return virtq_take(in, TAKE_WRITE, (uint8_t *)from, len);
}
