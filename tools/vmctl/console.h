/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's character devices on our standard input and output. */
#ifndef VMCTL_CONSOLE_H
#define VMCTL_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/device.h"

/**
 * struct console - standard input and output
 * @chardev: give this to the devices
 * @out_error: errno of the write that failed, 0 so far; nothing is written after it
 * @out_at_line_start: the last character written ended a line
 */
struct console {
	struct chardev chardev;
	int out_error;
	bool out_at_line_start;
	bool in_closed;
	size_t in_at, in_len;
	uint8_t in[256];
};

void console_init(struct console *c);

#endif
