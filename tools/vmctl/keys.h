/* SPDX-License-Identifier: GPL-2.0-only */
/* What is typed at a terminal: keys for the guest, and behind Ctrl-A those for vmctl. Pure. */
#ifndef VMCTL_KEYS_H
#define VMCTL_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYS_QUIT	(1U << 0)  /* Ctrl-A x: end the machine */
#define KEYS_HELP	(1U << 1)  /* Ctrl-A h: print keys_help */

extern const char keys_help[];

/**
 * struct keys - all zeroes to begin with
 * @escaped: the last key was Ctrl-A
 */
struct keys {
	bool escaped;
};

/**
 * keys_filter - take out what is not for the guest
 * @buf: @len bytes as they were typed; then what the guest gets
 * @actions: KEYS_*, 0 if there is nothing to do
 * Returns how many bytes the guest gets.
 */
size_t keys_filter(struct keys *k, uint8_t *buf, size_t len, unsigned int *actions);

#endif
