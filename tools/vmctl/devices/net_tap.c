// SPDX-License-Identifier: GPL-2.0-only
/*
 * A tap interface of the host. Each frame has the virtio header before it, so that the
 * host's kernel completes checksums and cuts segments, as the driver asks for there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/if_tun.h>

#include "net.h"

static int tap_file(const char *name)
{
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), err;
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int header = sizeof(struct virtio_net_hdr_v1);

	if (fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, name, strlen(name));
	/* One that outlives its users has the last one's idea of what the guest can take. */
	if (ioctl(fd, TUNSETIFF, &ifr) || ioctl(fd, TUNSETVNETHDRSZ, &header) ||
	    ioctl(fd, TUNSETOFFLOAD, 0)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static int tap_open(struct net *n, const char *name, char *error, size_t error_size)
{
	int fd = strlen(name) < IFNAMSIZ ? tap_file(name) : -EINVAL;
	int err = fd < 0 ? fd : net_attach(n, fd);

	if (err)
		snprintf(error, error_size, "tap interface %s: %s", name, strerror(-err));
	return err;
}

static void tap_send(struct net *n, size_t len)
{
	/* What the kernel does not take is lost. */
	if (n->fd >= 0 && write(n->fd, &n->from_guest, sizeof(n->from_guest.header) + len) < 0)
		return;
}

static ssize_t tap_receive(struct net *n)
{
	ssize_t len = read(n->fd, &n->to_guest, sizeof(n->to_guest));

	if (len < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	len -= sizeof(n->to_guest.header);
	return len > 0 ? len : -1;
}

const struct net_backend net_tap = {
	.name		= "tap",
	.value		= "NAME",
	.features	= VIRTIO_BIT(VIRTIO_NET_F_CSUM) | VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO4) |
			  VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO6),
	.open		= tap_open,
	.send		= tap_send,
	.receive	= tap_receive,
};
