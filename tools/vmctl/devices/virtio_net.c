// SPDX-License-Identifier: GPL-2.0-only
/* A network device: one pair of queues, and a backend. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <linux/virtio_ids.h>

#include "../loop.h"
#include "net.h"

enum { NET_RX, NET_TX };

#define NET_HEADER	sizeof(struct virtio_net_hdr_v1)
/* Frames for one call of the loop, so that others have their turn */
#define BURST	64

static const struct net_backend *const backends[] = {
	&net_tap,
	&net_socket,
	&net_loop,
};

#define NR_BACKENDS	(sizeof(backends) / sizeof(backends[0]))

/* ---- frames --------------------------------------------------------------- */

void net_deliver(struct net *n, struct net_packet *packet, size_t len)
{
	struct virtio_device *v = n->device;
	struct virtq_chain c;
	uint32_t written = 0;

	if (!virtq_pending(v, NET_RX) || !virtq_pop(v, NET_RX, &c))
		return;
	packet->header.num_buffers = 1;
	/* A buffer that is too small goes back empty. */
	if (c.in.bytes >= NET_HEADER + len)
		written = virtq_write(&c.in, packet, NET_HEADER + len);
	virtq_push(v, NET_RX, &c, written);
	virtq_signal(v, NET_RX);
}

static void net_receive(void *ctx)
{
	struct net *n = ctx;
	unsigned int i;
	ssize_t len;

	for (i = 0; i < BURST; i++) {
		/* Frames wait outside, until the driver has room. */
		if (!virtq_pending(n->device, NET_RX)) {
			loop_pause(n->device->devices->loop, n->source, true);
			return;
		}
		memset(&n->to_guest.header, 0, NET_HEADER);
		len = n->backend->receive(n);
		if (!len)
			return;
		if (len < 0) {
			net_detach(n);
			if (n->backend->lost)
				n->backend->lost(n);
			return;
		}
		net_deliver(n, &n->to_guest, len);
	}
}

static void net_transmit(struct virtio_device *v)
{
	struct net *n = v->state;
	unsigned int left = virtq_pending(v, NET_TX);
	struct virtq_chain c;
	size_t len;

	for (; left && virtq_pop(v, NET_TX, &c); left--) {
		len = c.out.bytes;
		if (len > NET_HEADER && len <= sizeof(n->from_guest)) {
			virtq_read(&c.out, &n->from_guest, len);
			n->backend->send(n, len - NET_HEADER);
		}
		virtq_push(v, NET_TX, &c, 0);
	}
	virtq_signal(v, NET_TX);
}

static void net_notify(struct virtio_device *v, unsigned int queue)
{
	struct net *n = v->state;

	if (queue == NET_TX)
		net_transmit(v);
	else if (n->fd >= 0)
		loop_pause(v->devices->loop, n->source, false);
}

/* ---- the cable ------------------------------------------------------------ */

void net_link(struct net *n, bool up)
{
	n->config.status = up ? VIRTIO_NET_S_LINK_UP : 0;
	virtio_config_changed(n->device);
}

int net_attach(struct net *n, int fd)
{
	int source = loop_add(n->device->devices->loop, fd, net_receive, n);

	if (source < 0) {
		close(fd);
		return source;
	}
	n->fd = fd;
	n->source = source;
	net_link(n, true);
	return 0;
}

void net_detach(struct net *n)
{
	if (n->fd < 0)
		return;
	loop_remove(n->device->devices->loop, n->source);
	close(n->fd);
	n->fd = -1;
	net_link(n, false);
}

/* ---- options -------------------------------------------------------------- */

static bool parse_mac(const char *s, uint8_t *mac)
{
	unsigned int i;

	for (i = 0; i < ETH_ALEN; i++, s += 3) {
		if (!isxdigit(s[0]) || !isxdigit(s[1]) || s[2] != (i < ETH_ALEN - 1 ? ':' : 0))
			return false;
		mac[i] = strtoul(s, NULL, 16);
	}
	/* Of one station */
	return !(mac[0] & 1);
}

/* Two machines on one wire must differ. */
static void choose_mac(uint8_t *mac)
{
	static const uint8_t local[] = { 0x52, 0x54, 0x00 };

	memcpy(mac, local, sizeof(local));
	if (getrandom(mac + sizeof(local), ETH_ALEN - sizeof(local), 0) < 0)
		memset(mac + sizeof(local), 1, ETH_ALEN - sizeof(local));
}

static const struct net_backend *find_backend(const char *name)
{
	unsigned int i;

	for (i = 0; i < NR_BACKENDS; i++)
		if (!strcmp(backends[i]->name, name))
			return backends[i];
	return NULL;
}

/* "BACKEND[=VALUE][,mac=MAC]"; @value is a part of @options. */
static int net_options(struct net *n, char *options, char **value, char *error,
			 size_t error_size)
{
	char *word, *with;

	while ((word = strsep(&options, ","))) {
		with = word;
		strsep(&with, "=");
		if (!strcmp(word, "mac") && with) {
			if (parse_mac(with, n->config.mac))
				continue;
			snprintf(error, error_size, "%s: not the MAC address of a station", with);
			return -EINVAL;
		}
		if (n->backend || !find_backend(word)) {
			snprintf(error, error_size, "\"%s\": one of tap=NAME, socket=PATH, loop, and mac=MAC",
				 word);
			return -EINVAL;
		}
		n->backend = find_backend(word);
		*value = with;
		if (!n->backend->value != !with || (with && !*with)) {
			snprintf(error, error_size, "%s: use %s%s%s", word, word,
				 n->backend->value ? "=" : "", n->backend->value ?: "");
			return -EINVAL;
		}
	}
	if (!n->backend)
		snprintf(error, error_size, "no tap=NAME, socket=PATH or loop is given");
	return n->backend ? 0 : -EINVAL;
}

/* ---- life ----------------------------------------------------------------- */

static int net_open(struct virtio_device *v, const char *options, char *error, size_t error_size)
{
	char *copy = strdup(options), *value = NULL;
	struct net *n = copy ? calloc(1, sizeof(*n)) : NULL;
	int err = -ENOMEM;

	v->state = n;
	if (!n) {
		snprintf(error, error_size, "out of memory");
		goto out;
	}
	n->device = v;
	n->fd = -1;
	n->listen_fd = -1;
	choose_mac(n->config.mac);
	v->config = &n->config;
	v->config_size = sizeof(n->config);
	err = net_options(n, copy, &value, error, error_size);
	if (err)
		goto out;
	v->features |= VIRTIO_BIT(VIRTIO_NET_F_MAC) | VIRTIO_BIT(VIRTIO_NET_F_STATUS) |
		       n->backend->features;
	err = n->backend->open(n, value, error, error_size);
out:
	free(copy);
	return err;
}

static void net_close(struct virtio_device *v)
{
	struct net *n = v->state;

	if (!n)
		return;
	/* Nobody is told any more. */
	v->status = 0;
	net_detach(n);
	if (n->backend && n->backend->close)
		n->backend->close(n);
	free(n);
}

const struct virtio_kind virtio_net = {
	.name		= "net",
	.id		= VIRTIO_ID_NET,
	.nr_queues	= 2,
	.max_bytes	= 1 << 20,
	.open		= net_open,
	.notify		= net_notify,
	.close		= net_close,
};
