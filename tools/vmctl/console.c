// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "stop.h"

/* A character is written at once: who reads it may be a program that waits for it. */
static void console_put(void *ctx, uint8_t ch)
{
	struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };
	struct console *c = ctx;

	if (c->out_error)
		return;
	while (write(STDOUT_FILENO, &ch, 1) != 1) {
		/* Nobody takes it, and we have been told to end. */
		if ((errno == EINTR || errno == EAGAIN) && stop_reason())
			return;
		if (errno == EAGAIN)
			poll(&pfd, 1, 100);
		else if (errno != EINTR) {
			c->out_error = errno;
			return;
		}
	}
	c->out_at_line_start = ch == '\n';
}

static void console_fill(struct console *c)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n;

	if (poll(&pfd, 1, 0) <= 0)
		return;
	n = read(STDIN_FILENO, c->in, sizeof(c->in));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	/* End of file, or an error that would come again and again. */
	if (n <= 0)
		c->in_closed = true;
	c->in_at = 0;
	c->in_len = n > 0 ? n : 0;
}

static int console_get(void *ctx)
{
	struct console *c = ctx;

	if (c->in_at == c->in_len && !c->in_closed)
		console_fill(c);
	return c->in_at < c->in_len ? c->in[c->in_at++] : -1;
}

void console_init(struct console *c)
{
	memset(c, 0, sizeof(*c));
	c->chardev = (struct chardev){ console_put, console_get, c };
	c->out_at_line_start = true;
}
