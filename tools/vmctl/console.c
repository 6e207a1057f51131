// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "stop.h"

/* How long the start of a line waits for its end: not seen by people. */
#define GATHER_NS	3000000

/* False: not now, or never. */
static bool may_write(struct console *c)
{
	struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };

	/* With threads the signal may have come to another: ask before it blocks. */
	while (c->loop && poll(&pfd, 1, 100) <= 0)
		if (stop_reason())
			return false;
	return true;
}

/* True: try again. */
static bool write_failed(struct console *c)
{
	struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };

	/* Nobody takes it, and we have been told to end. */
	if ((errno == EINTR || errno == EAGAIN) && stop_reason())
		return false;
	if (errno == EAGAIN)
		poll(&pfd, 1, 100);
	else if (errno != EINTR)
		c->out_error = errno;
	return !c->out_error;
}

static void write_out(struct console *c, const uint8_t *from, size_t len)
{
	ssize_t n;

	while (len && !c->out_error) {
		if (!may_write(c))
			return;
		n = write(STDOUT_FILENO, from, len);
		if (n > 0) {
			from += n;
			len -= n;
		} else if (!write_failed(c)) {
			return;
		}
	}
}

void console_flush(struct console *c)
{
	size_t len = c->out_len;

	c->out_len = 0;
	write_out(c, c->out, len);
}

static void gathered(void *ctx)
{
	console_flush(ctx);
}

/* A character waits a moment at most: who reads it may be a program that waits for it. */
static void console_put(void *ctx, uint8_t ch)
{
	struct console *c = ctx;

	if (c->out_error)
		return;
	c->out_at_line_start = ch == '\n';
	if (!c->loop) {
		write_out(c, &ch, 1);
		return;
	}
	if (!c->out_len)
		loop_arm(c->loop, c->timer, GATHER_NS, 0);
	c->out[c->out_len++] = ch;
	if (ch == '\n' || c->out_len == sizeof(c->out))
		console_flush(c);
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

/* What is typed for us, not for the guest. */
static void take_keys(struct console *c)
{
	unsigned int actions;

	c->in_len = keys_filter(&c->keys, c->in, c->in_len, &actions);
	if (actions & KEYS_HELP) {
		console_flush(c);
		write_out(c, (const uint8_t *)keys_help, strlen(keys_help));
	}
	if (actions & KEYS_QUIT)
		stop_request(STOP_KEY);
}

/* With a loop it is the loop that fills, once all is taken. */
static int console_get(void *ctx)
{
	struct console *c = ctx;
	int ch;

	if (c->in_at == c->in_len && !c->in_closed && !c->loop)
		console_fill(c);
	if (c->in_at == c->in_len)
		return -1;
	ch = c->in[c->in_at++];
	if (c->loop && c->in_at == c->in_len && c->source >= 0)
		loop_pause(c->loop, c->source, false);
	return ch;
}

static void readable(void *ctx)
{
	struct console *c = ctx;

	console_fill(c);
	if (c->escapes)
		take_keys(c);
	if (c->in_closed) {
		loop_remove(c->loop, c->source);
		c->source = -1;
	} else if (c->in_at < c->in_len) {
		loop_pause(c->loop, c->source, true);
		c->input(c->input_ctx);
	}
}

int console_attach(struct console *c, struct loop *loop, loop_fn input, void *ctx)
{
	c->timer = loop_add_timer(loop, gathered, c);
	if (c->timer < 0)
		return c->timer;
	c->source = loop_add(loop, STDIN_FILENO, readable, c);
	if (c->source < 0)
		return c->source;
	c->input = input;
	c->input_ctx = ctx;
	c->loop = loop;
	return 0;
}

void console_init(struct console *c)
{
	memset(c, 0, sizeof(*c));
	c->chardev = (struct chardev){ console_put, console_get, c };
	c->out_at_line_start = true;
	c->source = -1;
}
