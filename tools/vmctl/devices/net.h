/* SPDX-License-Identifier: GPL-2.0-only */
/* What a virtio network device is joined to: each backend is a file, and a row in virtio_net.c. */
#ifndef VMCTL_NET_H
#define VMCTL_NET_H

#include <linux/virtio_net.h>

#include "device.h"

#define NET_FRAME_MAX	(65535 + ETH_HLEN)

/* A frame behind its header, as in guest memory */
struct net_packet {
	struct virtio_net_hdr_v1 header;
	uint8_t frame[NET_FRAME_MAX];
};

/**
 * struct net - a virtio network device
 * @fd: where frames come from, -1: nowhere
 * @source: of @fd in the event loop
 * @listen_fd, @listen_source, @path: net_socket.c's, while it waits for another peer
 */
struct net {
	struct virtio_device *device;
	const struct net_backend *backend;
	struct virtio_net_config config;
	int fd, source;
	int listen_fd, listen_source;
	char *path;
	struct net_packet to_guest, from_guest;
};

/**
 * struct net_backend - one way to carry frames
 * @name: on the command line
 * @value: a word for the value behind "name=", NULL if it has none
 * @features: of the device, in addition
 * @open: calls net_attach() if there is a file; 0, or -errno with @error filled in
 * @send: from_guest, @len bytes of frame; what cannot be sent is lost, as on a wire.
 *	The header is what the driver says, for backends with offload features.
 * @receive: into to_guest, whose header is all zeroes; returns bytes of frame, 0 for none
 *	now, or -1: there will be no more, and net_detach() follows
 * @lost: after that; may be NULL
 * @close: copes with what @open left half-built; net_detach() came before. May be NULL.
 */
struct net_backend {
	const char *name;
	const char *value;
	uint64_t features;
	int (*open)(struct net *n, const char *value, char *error, size_t error_size);
	void (*send)(struct net *n, size_t len);
	ssize_t (*receive)(struct net *n);
	void (*lost)(struct net *n);
	void (*close)(struct net *n);
};

extern const struct net_backend net_tap, net_socket, net_loop;

/** net_attach - frames come from @fd, which is the device's from now on; 0 or -errno */
int net_attach(struct net *n, int fd);

/** net_detach - the cable is out; close the file */
void net_detach(struct net *n);

/** net_link - the driver sees whether the cable is in */
void net_link(struct net *n, bool up);

/** net_deliver - give @len bytes of frame in @packet to the guest, if it has room */
void net_deliver(struct net *n, struct net_packet *packet, size_t len);

#endif
