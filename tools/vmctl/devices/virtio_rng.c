// SPDX-License-Identifier: GPL-2.0-only
/* Random numbers for the guest, from the host's kernel. */
#include <sys/random.h>

#include <linux/virtio_ids.h>

#include "device.h"

/* getrandom() gives so much without a signal in between. */
#define PIECE	256
/* A driver must take less than it asks for; the lock is held meanwhile. */
#define MAX_FILL	(64 << 10)

static int rng_open(struct virtio_device *v, const char *options, char *error, size_t error_size)
{
	(void)v;
	(void)options;
	(void)error;
	(void)error_size;
	return 0;
}

static uint32_t rng_fill(struct virtq_side *in)
{
	uint8_t piece[PIECE];
	uint32_t done = 0;
	ssize_t n;

	while (in->bytes && done < MAX_FILL) {
		n = getrandom(piece, in->bytes < PIECE ? in->bytes : PIECE, 0);
		if (n <= 0)
			break;
		done += virtq_write(in, piece, n);
	}
	return done;
}

static void rng_notify(struct virtio_device *v, unsigned int queue)
{
	unsigned int left = virtq_pending(v, queue);
	struct virtq_chain c;

	for (; left && virtq_pop(v, queue, &c); left--)
		virtq_push(v, queue, &c, rng_fill(&c.in));
	virtq_signal(v, queue);
}

static void rng_close(struct virtio_device *v)
{
	(void)v;
}

const struct virtio_kind virtio_rng = {
	.name		= "rng",
	.id		= VIRTIO_ID_RNG,
	.nr_queues	= 1,
	.max_bytes	= UINT32_MAX,
	.open		= rng_open,
	.notify		= rng_notify,
	.close		= rng_close,
};
