// SPDX-License-Identifier: GPL-2.0-only
/*
 * A disk: a file or a block device of the host, as it is. What is written is in the host's
 * page cache when the request ends, and on the disk when a FLUSH does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>

#include "device.h"

#define SECTOR		512
#define MAX_SEGMENTS	(VIRTIO_QUEUE_MAX - 2)	/* header and status */
#define MAX_SEGMENT	(64U << 10)
/* Of a request, for drivers that do not look at those two: the lock is held for so long. */
#define MAX_REQUEST	(64U << 20)

struct blk {
	int fd;
	bool read_only;
	struct virtio_blk_config config;
	char serial[VIRTIO_BLK_ID_BYTES];
};

static int blk_refuse(const char *path, const char *what, int err, char *error, size_t error_size)
{
	snprintf(error, error_size, "%s: %s", path, what);
	return err;
}

/* "FILE" or "FILE,ro"; other words are mistakes. */
static int blk_options(struct blk *b, char *options, char *error, size_t error_size)
{
	char *word = options;

	strsep(&word, ",");
	if (!*options)
		return blk_refuse("disk", "no file is given", -EINVAL, error, error_size);
	if (word && strcmp(word, "ro"))
		return blk_refuse(word, "not an option of a disk", -EINVAL, error, error_size);
	b->read_only = word;
	return 0;
}

/* Two writers, or a writer and a reader, would see each other's file system change. */
static int blk_open_file(struct blk *b, const char *path, char *error, size_t error_size)
{
	struct stat st;
	off_t size;

	b->fd = open(path, (b->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (b->fd < 0)
		return blk_refuse(path, strerror(errno), -errno, error, error_size);
	if (fstat(b->fd, &st) || !(S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)))
		return blk_refuse(path, "neither a file nor a block device", -EINVAL, error,
				error_size);
	if (flock(b->fd, (b->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB))
		return blk_refuse(path, errno == EWOULDBLOCK ? "in use by this or another machine" :
				strerror(errno), -errno, error, error_size);
	/* Block devices have no st_size. */
	size = lseek(b->fd, 0, SEEK_END);
	if (size < 0)
		return blk_refuse(path, strerror(errno), -errno, error, error_size);
	if (size < SECTOR)
		return blk_refuse(path, "less than a sector long", -EINVAL, error, error_size);
	b->config.capacity = size / SECTOR;
	return 0;
}

static int blk_open(struct virtio_device *v, const char *options, char *error, size_t error_size)
{
	char *path = strdup(options);
	struct blk *b = path ? calloc(1, sizeof(*b)) : NULL;
	const char *base;
	int err = -ENOMEM;

	v->state = b;
	if (!b) {
		snprintf(error, error_size, "out of memory");
		goto out;
	}
	b->fd = -1;
	err = blk_options(b, path, error, error_size);
	if (!err)
		err = blk_open_file(b, path, error, error_size);
	if (err)
		goto out;
	/* As long as it can be, it has no end. */
	base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	memcpy(b->serial, base, strnlen(base, sizeof(b->serial)));
	b->config.size_max = MAX_SEGMENT;
	b->config.seg_max = MAX_SEGMENTS;
	b->config.blk_size = SECTOR;
	v->config = &b->config;
	v->config_size = sizeof(b->config);
	v->features |= VIRTIO_BIT(VIRTIO_BLK_F_SIZE_MAX) | VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) |
		       VIRTIO_BIT(VIRTIO_BLK_F_BLK_SIZE) | VIRTIO_BIT(VIRTIO_BLK_F_FLUSH);
	if (b->read_only)
		v->features |= VIRTIO_BIT(VIRTIO_BLK_F_RO);
out:
	free(path);
	return err;
}

static void blk_close(struct virtio_device *v)
{
	struct blk *b = v->state;

	if (b && b->fd >= 0)
		close(b->fd);
	free(b);
}

static bool in_range(const struct blk *b, uint64_t sector, size_t bytes)
{
	uint64_t sectors = bytes / SECTOR;

	return !(bytes % SECTOR) && sectors <= b->config.capacity &&
	       sector <= b->config.capacity - sectors;
}

/* All of @s from or to @sector on */
static uint8_t blk_transfer(struct blk *b, struct virtq_side *s, uint64_t sector,
			ssize_t (*call)(int, const struct iovec *, int, off_t))
{
	off_t at;
	ssize_t n;

	if (!in_range(b, sector, s->bytes))
		return VIRTIO_BLK_S_IOERR;
	at = sector * SECTOR;
	while (s->bytes) {
		n = call(b->fd, s->iov, s->nr, at);
		if (n < 0 && errno == EINTR)
			continue;
		/* 0: the file has become shorter. */
		if (n <= 0)
			return VIRTIO_BLK_S_IOERR;
		virtq_skip(s, n);
		at += n;
	}
	return VIRTIO_BLK_S_OK;
}

static uint8_t blk_flush(struct blk *b)
{
	return fdatasync(b->fd) ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
}

static uint8_t blk_carry_out(struct virtio_device *v, const struct virtio_blk_outhdr *header,
			 struct virtq_chain *c)
{
	struct blk *b = v->state;
	uint8_t status;

	switch (header->type) {
	case VIRTIO_BLK_T_IN:
		return blk_transfer(b, &c->in, header->sector, preadv);
	case VIRTIO_BLK_T_OUT:
		if (b->read_only)
			return VIRTIO_BLK_S_IOERR;
		status = blk_transfer(b, &c->out, header->sector, pwritev);
		/* A driver that does not know FLUSH takes what is written for durable. */
		if (!status && !virtio_has(v, VIRTIO_BLK_F_FLUSH))
			status = blk_flush(b);
		return status;
	case VIRTIO_BLK_T_FLUSH:
		return blk_flush(b);
	case VIRTIO_BLK_T_GET_ID:
		virtq_write(&c->in, b->serial, sizeof(b->serial));
		return VIRTIO_BLK_S_OK;
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* The last byte that we may write, which is not data; NULL if there is none. */
static uint8_t *take_status(struct virtq_side *in)
{
	struct iovec *last;

	if (!in->nr)
		return NULL;
	last = &in->iov[in->nr - 1];
	in->bytes--;
	if (!--last->iov_len)
		in->nr--;
	return (uint8_t *)last->iov_base + last->iov_len;
}

static bool blk_request(struct virtio_device *v, struct virtq_chain *c, uint32_t *written)
{
	struct virtio_blk_outhdr header;
	uint8_t *status = take_status(&c->in);
	size_t room = c->in.bytes;

	if (!status || virtq_read(&c->out, &header, sizeof(header)) != sizeof(header))
		return false;
	*status = blk_carry_out(v, &header, c);
	*written = room - c->in.bytes + 1;
	return true;
}

static void blk_notify(struct virtio_device *v, unsigned int queue)
{
	unsigned int left = virtq_pending(v, queue);
	struct virtq_chain c;
	uint32_t written;

	for (; left && virtq_pop(v, queue, &c); left--) {
		if (!blk_request(v, &c, &written)) {
			virtio_break(v);
			break;
		}
		virtq_push(v, queue, &c, written);
	}
	virtq_signal(v, queue);
}

const struct virtio_kind virtio_blk = {
	.name		= "blk",
	.id		= VIRTIO_ID_BLOCK,
	.nr_queues	= 1,
	.max_bytes	= MAX_REQUEST,
	.open		= blk_open,
	.notify		= blk_notify,
	.close		= blk_close,
};
