// SPDX-License-Identifier: GPL-2.0-only
/* A console of one port: what the guest writes goes out at once, input waits in the chardev. */
#include <errno.h>
#include <stdio.h>

#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>

#include "device.h"

/* Of a chain: the lock is held while it goes out, character by character. */
#define MAX_OUTPUT	(64 << 10)

enum { PORT_INPUT, PORT_OUTPUT };

static const struct virtio_console_config no_config;

static struct virtio_device *find_console(struct devices *d)
{
	unsigned int i;

	for (i = 0; i < virtio_count(d); i++)
		if (d->virtio.slot[i]->kind == &virtio_console)
			return d->virtio.slot[i];
	return NULL;
}

static int console_open(struct virtio_device *v, const char *options, char *error,
			size_t error_size)
{
	(void)options;
	if (find_console(v->devices)) {
		snprintf(error, error_size, "there is a virtio console already");
		return -EEXIST;
	}
	v->config = &no_config;
	v->config_size = sizeof(no_config);
	return 0;
}

static void port_output(struct virtio_device *v)
{
	const struct chardev *chardev = v->devices->chardev;
	unsigned int left = virtq_pending(v, PORT_OUTPUT);
	struct virtq_chain c;
	uint8_t ch;

	for (; left && virtq_pop(v, PORT_OUTPUT, &c); left--) {
		while (virtq_read(&c.out, &ch, 1))
			chardev->put(chardev->ctx, ch);
		virtq_push(v, PORT_OUTPUT, &c, 0);
	}
	virtq_signal(v, PORT_OUTPUT);
}

/* A chain is taken only for a character that is there. */
static void port_input(struct virtio_device *v)
{
	const struct chardev *chardev = v->devices->chardev;
	unsigned int left = virtq_pending(v, PORT_INPUT);
	struct virtq_chain c;
	uint32_t done;
	uint8_t byte;
	int ch = -1;

	for (; left; left--) {
		if (ch < 0)
			ch = chardev->get(chardev->ctx);
		if (ch < 0 || !virtq_pop(v, PORT_INPUT, &c))
			break;
		for (done = 0; ch >= 0 && c.in.bytes; done++) {
			byte = ch;
			virtq_write(&c.in, &byte, 1);
			ch = c.in.bytes ? chardev->get(chardev->ctx) : -1;
		}
		virtq_push(v, PORT_INPUT, &c, done);
	}
	virtq_signal(v, PORT_INPUT);
}

static void console_notify(struct virtio_device *v, unsigned int queue)
{
	if (queue == PORT_INPUT)
		port_input(v);
	else
		port_output(v);
}

bool virtio_console_input(struct devices *d)
{
	struct virtio_device *v = find_console(d);

	if (!v || !virtio_live(v))
		return false;
	port_input(v);
	return true;
}

static void console_close(struct virtio_device *v)
{
	(void)v;
}

const struct virtio_kind virtio_console = {
	.name		= "console",
	.id		= VIRTIO_ID_CONSOLE,
	.nr_queues	= 2,
	.max_bytes	= MAX_OUTPUT,
	.open		= console_open,
	.notify		= console_notify,
	.close		= console_close,
};
