/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers on the command line. */
#ifndef VMCTL_PARSE_H
#define VMCTL_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/* All return false, and leave the result alone, for anything but one whole number. */

/** parse_number - decimal, 0x hexadecimal or 0 octal */
bool parse_number(const char *s, uint64_t *value);
/** parse_size - a number with an optional K, M or G (or KiB, MiB, GiB) behind it */
bool parse_size(const char *s, uint64_t *bytes);
/** parse_seconds - a positive decimal number, to milliseconds, at most a year */
bool parse_seconds(const char *s, uint64_t *ms);

#endif
