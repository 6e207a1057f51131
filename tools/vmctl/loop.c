// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "loop.h"

#define NS_PER_S	1000000000ULL

int loop_init(struct loop *l, pthread_mutex_t *lock)
{
	memset(l, 0, sizeof(*l));
	l->lock = lock;
	l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return l->wake_fd < 0 ? -errno : 0;
}

/* May fail only because it is full, which wakes as well. */
static void wake(struct loop *l)
{
	const uint64_t one = 1;
	int error = errno;

	while (write(l->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	errno = error;
}

/* With the lock held and not from a callback: the loop waits by an old list. */
static void changed(struct loop *l)
{
	if (!l->dispatching)
		wake(l);
}

static struct loop_source *free_source(struct loop *l)
{
	struct loop_source *s;

	for (s = l->source; s < l->source + l->nr; s++)
		if (s->fd < 0)
			return s;
	return l->nr < LOOP_MAX_SOURCES ? &l->source[l->nr++] : NULL;
}

static int add(struct loop *l, int fd, bool timer, loop_fn ready, void *ctx)
{
	struct loop_source *s = free_source(l);

	if (!s)
		return -ENOSPC;
	*s = (struct loop_source){ .fd = fd, .timer = timer, .ready = ready, .ctx = ctx };
	changed(l);
	return s - l->source;
}

int loop_add(struct loop *l, int fd, loop_fn ready, void *ctx)
{
	return add(l, fd, false, ready, ctx);
}

void loop_remove(struct loop *l, int source)
{
	struct loop_source *s = &l->source[source];

	if (s->timer)
		close(s->fd);
	s->fd = -1;
	s->timer = false;
	changed(l);
}

void loop_pause(struct loop *l, int source, bool paused)
{
	if (l->source[source].paused == paused)
		return;
	l->source[source].paused = paused;
	changed(l);
}

int loop_add_timer(struct loop *l, loop_fn expired, void *ctx)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), source;

	if (fd < 0)
		return -errno;
	source = add(l, fd, true, expired, ctx);
	if (source < 0)
		close(fd);
	return source;
}

void loop_arm(struct loop *l, int timer, uint64_t ns, uint64_t period_ns)
{
	const struct itimerspec when = {
		.it_value = { ns / NS_PER_S, ns % NS_PER_S },
		.it_interval = { period_ns / NS_PER_S, period_ns % NS_PER_S },
	};

	timerfd_settime(l->source[timer].fd, 0, &when, NULL);
}

/* Fills in @pfd with the wake-up first, and @source with what each of the others is. */
static unsigned int list_sources(const struct loop *l, struct pollfd *pfd, unsigned int *source)
{
	unsigned int i, n = 0;

	pfd[n++] = (struct pollfd){ .fd = l->wake_fd, .events = POLLIN };
	for (i = 0; i < l->nr; i++) {
		if (l->source[i].fd < 0 || l->source[i].paused)
			continue;
		source[n] = i;
		pfd[n++] = (struct pollfd){ .fd = l->source[i].fd, .events = POLLIN };
	}
	return n;
}

/* It may have been removed, replaced, paused or disarmed since poll() returned. */
static void dispatch(struct loop_source *s, int fd)
{
	uint64_t count;

	if (s->fd != fd || s->paused)
		return;
	if (s->timer && read(fd, &count, sizeof(count)) != sizeof(count))
		return;
	s->ready(s->ctx);
}

static bool has_ended(const struct loop *l)
{
	return __atomic_load_n(&l->ended, __ATOMIC_ACQUIRE);
}

static int wait_once(struct loop *l)
{
	struct pollfd pfd[LOOP_MAX_SOURCES + 1];
	unsigned int source[LOOP_MAX_SOURCES + 1], n, i;
	uint64_t count;

	pthread_mutex_lock(l->lock);
	n = list_sources(l, pfd, source);
	pthread_mutex_unlock(l->lock);
	if (poll(pfd, n, -1) < 0)
		return errno == EINTR ? 0 : -errno;

	/* Emptied before the next list is made: no change is missed. */
	if (pfd[0].revents && read(l->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN &&
	    errno != EINTR)
		return -errno;
	pthread_mutex_lock(l->lock);
	l->dispatching = true;
	for (i = 1; i < n && !has_ended(l); i++)
		if (pfd[i].revents)
			dispatch(&l->source[source[i]], pfd[i].fd);
	l->dispatching = false;
	pthread_mutex_unlock(l->lock);
	return 0;
}

int loop_run(struct loop *l)
{
	int err = 0;

	while (!err && !has_ended(l))
		err = wait_once(l);
	return err;
}

void loop_end(struct loop *l)
{
	__atomic_store_n(&l->ended, true, __ATOMIC_RELEASE);
	wake(l);
}

void loop_destroy(struct loop *l)
{
	unsigned int i;

	for (i = 0; i < l->nr; i++)
		if (l->source[i].timer)
			close(l->source[i].fd);
	l->nr = 0;
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	l->wake_fd = -1;
}
