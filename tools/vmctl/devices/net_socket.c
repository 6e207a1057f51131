// SPDX-License-Identifier: GPL-2.0-only
/*
 * A wire to another vmctl: a Unix socket, a message a frame, without header. The first of
 * the two makes the socket and waits for a peer, again whenever one has gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
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
	if (n->listen_source < 0)
		return n->listen_source;
	n->listen_fd = fd;
	return 0;
}

static bool is_file(int fd, const char *path)
{
	struct stat opened, named;

	return !fstat(fd, &opened) && !lstat(path, &named) &&
	       opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/* Return: the locked file @path, which its holder removes before it closes it, or -errno. */
static int take_lock(const char *path)
{
	int fd, err;

	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX)) {
			err = -errno;
			close(fd);
			return err;
		}
		/* If the last holder removed it meanwhile, the next one locks another file. */
		if (is_file(fd, path))
			return fd;
		close(fd);
	}
}

static int socket_connect(int fd, const struct sockaddr_un *address)
{
	return connect(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;
}

static bool nobody_listens(int err)
{
	return err == -ENOENT || err == -ECONNREFUSED;
}

static bool remove_socket(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISSOCK(st.st_mode) && !unlink(path);
}

/* Under the lock one that refuses was left behind; a file that is no socket refuses as well. */
static int socket_make(struct net *n, int fd, const struct sockaddr_un *address)
{
	int err = socket_connect(fd, address);

	if (err == -ECONNREFUSED && remove_socket(address->sun_path))
		err = -ENOENT;
	return err == -ENOENT ? socket_listen(n, fd, address) : err;
}

/*
 * Of two that start at once neither finds a listener, and what one has bound and does not listen
 * to yet looks to the other as if it were left behind.  So a socket is made under a lock.
 */
static int socket_make_alone(struct net *n, int fd, const struct sockaddr_un *address)
{
	char path[sizeof(address->sun_path) + sizeof(".lock")];
	int lock, err;

	snprintf(path, sizeof(path), "%s.lock", address->sun_path);
	lock = take_lock(path);
	if (lock < 0)
		return lock;
	err = socket_make(n, fd, address);
	unlink(path);
	close(lock);
	return err;
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
	err = socket_connect(fd, &address);
	if (nobody_listens(err))
		err = socket_make_alone(n, fd, &address);
	if (err)
		close(fd);
	else if (n->listen_fd < 0)
		err = net_attach(n, fd);
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
	/* The name goes first: once it refuses, it is another's to remove and to make anew. */
	if (n->path)
		unlink(n->path);
	free(n->path);
	if (n->listen_fd >= 0) {
		loop_remove(n->device->devices->loop, n->listen_source);
		close(n->listen_fd);
	}
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
