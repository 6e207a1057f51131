/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's character devices on our standard input and output. */
#ifndef VMCTL_CONSOLE_H
#define VMCTL_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/chardev.h"
#include "keys.h"
#include "loop.h"

/**
 * struct console - standard input and output
 * @chardev: give this to the devices
 * @out_error: errno of the write that failed, 0 so far; nothing is written after it
 * @out_at_line_start: the last character written ended a line
 * @out_len: characters in @out that wait for the end of the line
 * @escapes: what is typed goes through @keys first
 * @loop: NULL: each character is written at once, and input is looked for when asked
 * @source: of @loop: standard input, looked at while @in is empty; -1: none
 * @timer: of @loop: ends the wait for the end of a line
 * @input: there is something to get
 * @input_ctx: passed to it
 */
struct console {
	struct chardev chardev;
	int out_error;
	bool out_at_line_start;
	bool in_closed;
	size_t in_at, in_len;
	uint8_t in[256];
	bool escapes;
	struct keys keys;
	size_t out_len;
	uint8_t out[1024];
	struct loop *loop;
	int source, timer;
	loop_fn input;
	void *input_ctx;
};

void console_init(struct console *c);

/**
 * console_attach - from now on by an event loop: input is announced by @input, output
 *	is gathered into lines, or for some milliseconds
 * Returns 0 or -errno. The caller holds the loop's lock, then and in all of the
 * console's functions, or there are no threads yet.
 */
int console_attach(struct console *c, struct loop *loop, loop_fn input, void *ctx);

/** console_flush - write what is gathered: at the end, and before vmctl writes itself */
void console_flush(struct console *c);

#endif
