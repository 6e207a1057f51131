// SPDX-License-Identifier: GPL-2.0-only
/*
 * A wire to another vmctl: a Unix socket, a message a frame, without header. The first of
 * the two makes the socket and waits for a peer, again whenever one has gone.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "../loop.h"
#include "net.h"

static void socket_accept(void *ctx)
{
	struct net *n = ctx;
	int fd = accept4(n->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	/* A wire has two ends. */
	if (fd >= 0 && !net_attach(n, fd))
		loop_pause(n->device->devices->loop, n->listen_source, true);
}

static void socket_lost(struct net *n)
{
	if (n->listen_fd >= 0)
		loop_pause(n->device->devices->loop, n->listen_source, false);
}

static int socket_listen(struct net *n, int fd, const struct sockaddr_un *address)
{
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)))
		return -errno;
	n->path = strdup(address->sun_path);
	if (!n->path || listen(fd, 1))
		return n->path ? -errno : -ENOMEM;
	n->listen_source = loop_add(n->device->devices->loop, fd, socket_accept, n);
	return n->listen_source < 0 ? n->listen_source : 0;
}

/* One that refuses was left behind, and nobody waits there; a file refuses as well. */
static bool remove_stale(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISSOCK(st.st_mode) && !unlink(path);
}

static int socket_join(struct net *n, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return net_attach(n, fd);
	err = -errno;
	if (err == -ECONNREFUSED && remove_stale(path))
		err = -ENOENT;
	if (err == -ENOENT)
		err = socket_listen(n, fd, &address);
	if (err)
		close(fd);
	else
		n->listen_fd = fd;
	return err;
}

static int socket_open(struct net *n, const char *path, char *error, size_t error_size)
{
	int err = socket_join(n, path);

	if (err)
		snprintf(error, error_size, "socket %s: %s", path, strerror(-err));
	return err;
}

static void socket_close(struct net *n)
{
	if (n->listen_fd >= 0) {
		loop_remove(n->device->devices->loop, n->listen_source);
		close(n->listen_fd);
	}
	if (n->path)
		unlink(n->path);
	free(n->path);
}

static void socket_send(struct net *n, size_t len)
{
	/* A peer that does not keep up loses frames. */
	if (n->fd >= 0)
		send(n->fd, n->from_guest.frame, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t socket_receive(struct net *n)
{
	ssize_t len = recv(n->fd, n->to_guest.frame, sizeof(n->to_guest.frame), MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return len > 0 ? len : -1;
}

const struct net_backend net_socket = {
	.name		= "socket",
	.value		= "PATH",
	.open		= socket_open,
	.send		= socket_send,
	.receive	= socket_receive,
	.lost		= socket_lost,
	.close		= socket_close,
};
