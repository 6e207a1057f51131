/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMCTL_CHARDEV_H
#define VMCTL_CHARDEV_H

#include <stdint.h>

/**
 * struct chardev - where characters go to and come from
 * @put: a character goes out
 * @get: the next one, or -1: none now. What is not asked for waits: nothing is lost.
 * @ctx: passed to both
 */
struct chardev {
	void (*put)(void *ctx, uint8_t c);
	int (*get)(void *ctx);
	void *ctx;
};

#endif
