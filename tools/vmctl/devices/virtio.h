/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtio devices, in three layers: registers (virtio_mmio.c), queues in guest memory
 * (virtio.c), and the kinds of device, each a file and a row of the table in virtio_bus.c.
 *
 * The guest is not trusted. All that it writes may change at any time, so that each field
 * is read once into memory of ours and checked there; what breaks the rules breaks the
 * device, which then waits for a reset.
 */
#ifndef VMCTL_VIRTIO_H
#define VMCTL_VIRTIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <linux/virtio_ring.h>

/* Where the guest finds them; ACPI says so too. A slot and the eighth after it share a line. */
#define VIRTIO_MMIO_BASE	0xd0000000ULL
#define VIRTIO_MMIO_STRIDE	0x1000
#define VIRTIO_MAX_SLOTS	32
#define VIRTIO_FIRST_GSI	16
#define VIRTIO_NR_GSIS		8

#define VIRTIO_MAX_QUEUES	2
#define VIRTIO_QUEUE_MAX	256	/* descriptors of a queue, and of a chain */

struct devices;
struct virtio_device;

/**
 * struct virtio_bus - the virtio devices of a machine; all zeroes to begin with
 * @slot: the first @count are set
 */
struct virtio_bus {
	unsigned int count;
	struct virtio_device *slot[VIRTIO_MAX_SLOTS];
};

/**
 * virtio_add - one more device, in the next slot
 * @d: with ram and loop set, for its whole life
 * @kind: "blk", "net", "console" or "rng"
 * @options: as on the command line; may be NULL
 * Returns 0, or -errno with @error filled in.
 */
int virtio_add(struct devices *d, const char *kind, const char *options, char *error,
	       size_t error_size);

/** virtio_destroy - close them all, after the end of the event loop */
void virtio_destroy(struct devices *d);

unsigned int virtio_count(const struct devices *d);

static inline unsigned int virtio_gsi(unsigned int slot)
{
	return VIRTIO_FIRST_GSI + slot % VIRTIO_NR_GSIS;
}

/* An access to the registers, of 1, 2, 4 or 8 bytes */
uint64_t virtio_mmio_read(struct devices *d, unsigned int slot, uint64_t offset, unsigned int len);
void virtio_mmio_write(struct devices *d, unsigned int slot, uint64_t offset, unsigned int len,
		       uint64_t value);

/**
 * virtio_console_input - the console may have characters: give the guest what it has room for
 * Returns whether there is a virtio console that the guest uses, so that they are its.
 */
bool virtio_console_input(struct devices *d);

/* What follows is for the devices. */

/**
 * struct virtio_kind - what one kind of device does
 * @max_bytes: of a chain; more breaks the device, as nothing useful is so long
 * @open: set @config, @config_size and @state, and add to @features; 0, or -errno with
 *	@error filled in. @close follows in either case.
 * @notify: the driver may have put chains into a queue
 * @reset: the queues are gone; may be NULL
 * @close: copes with what @open left half-built
 */
struct virtio_kind {
	const char *name;
	uint32_t id;
	unsigned int nr_queues;
	uint32_t max_bytes;
	int (*open)(struct virtio_device *v, const char *options, char *error, size_t error_size);
	void (*notify)(struct virtio_device *v, unsigned int queue);
	void (*reset)(struct virtio_device *v);
	void (*close)(struct virtio_device *v);
};

extern const struct virtio_kind virtio_blk, virtio_net, virtio_console, virtio_rng;

/**
 * struct virtq - a split virtqueue
 * @ready: the addresses have been checked, and @vring is where they are
 * @signalled: the used index of the last interrupt, or of none that was wanted
 */
struct virtq {
	uint32_t num;
	uint64_t desc, avail, used;
	bool ready;
	struct vring vring;
	uint16_t next_avail, next_used, signalled;
};

/**
 * struct virtio_device - what all kinds have
 * @isr: VIRTIO_MMIO_INT_*; the line is up while not 0
 * @generation: of @config
 */
struct virtio_device {
	struct devices *devices;
	const struct virtio_kind *kind;
	unsigned int slot;
	uint64_t features, driver_features;
	uint32_t features_sel, driver_features_sel, queue_sel;
	uint32_t status, isr, generation;
	struct virtq queue[VIRTIO_MAX_QUEUES];
	const void *config;
	size_t config_size;
	void *state;
};

#define VIRTIO_BIT(nr)	(1ULL << (nr))

/** virtio_has - was the feature negotiated? */
bool virtio_has(const struct virtio_device *v, unsigned int feature);

/** virtio_live - does the driver expect it to work? */
bool virtio_live(const struct virtio_device *v);

/** virtio_interrupt - raise VIRTIO_MMIO_INT_* causes */
void virtio_interrupt(struct virtio_device *v, uint32_t causes);

/** virtio_ack - the driver has seen these causes */
void virtio_ack(struct virtio_device *v, uint32_t causes);

/** virtio_config_changed - tell the driver, after a change of the config space */
void virtio_config_changed(struct virtio_device *v);

/** virtio_break - the driver broke the rules: nothing more until it resets the device */
void virtio_break(struct virtio_device *v);

/** virtio_reset - as after power-on */
void virtio_reset(struct virtio_device *v);

/**
 * struct virtq_side - what a chain has in one direction
 * @bytes: in all of @iov
 */
struct virtq_side {
	struct iovec *iov;
	unsigned int nr;
	size_t bytes;
};

/**
 * struct virtq_chain - a request: guest memory, all of it checked
 * @out: what the device reads
 * @in: what it writes
 */
struct virtq_chain {
	uint16_t head;
	struct virtq_side out, in;
	struct iovec iov[VIRTIO_QUEUE_MAX];
};

/** virtq_start - the driver says that the queue is set up; false if it is not */
bool virtq_start(struct virtio_device *v, struct virtq *q);

/**
 * virtq_pending - number of chains that can be taken now; the driver notifies of each later one
 *
 * A loop over that many ends, however fast another vCPU adds chains.
 */
unsigned int virtq_pending(struct virtio_device *v, unsigned int queue);

/** virtq_pop - take a chain; false if there is none, or the device is broken (now) */
bool virtq_pop(struct virtio_device *v, unsigned int queue, struct virtq_chain *c);

/** virtq_push - give it back, with @len bytes written */
void virtq_push(struct virtio_device *v, unsigned int queue, const struct virtq_chain *c,
		uint32_t len);

/** virtq_signal - interrupt, if the driver wants one for what was given back */
void virtq_signal(struct virtio_device *v, unsigned int queue);

/* Each takes up to @len bytes from the front, and returns how many that were. */
size_t virtq_skip(struct virtq_side *s, size_t len);
size_t virtq_read(struct virtq_side *out, void *to, size_t len);
size_t virtq_write(struct virtq_side *in, const void *from, size_t len);

#endif
