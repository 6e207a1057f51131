/* SPDX-License-Identifier: GPL-2.0-only */
/* Words that are no option or command, and which one may be meant. */
#ifndef VMCTL_MISTAKE_H
#define VMCTL_MISTAKE_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * closest_word - of the names at @names, each @stride bytes after the other, the one that @word
 *	was most likely to be; NULL: none is near
 * @len: of @word
 * The table ends with a NULL name.
 */
const char *closest_word(const char *word, size_t len, const void *names, size_t stride);

/**
 * mistaken_option - says so if @word, which may be NULL, is a long option that is not in full
 *	in @options: getopt_long() would take an abbreviation for what begins like it
 */
bool mistaken_option(const char *command, const char *word, const struct option *options);

/**
 * tell_misused_option - what getopt_long() has found wrong with @word
 * @no_value: there is none where one must be
 * @letter: a short option, as optopt has it
 */
void tell_misused_option(const char *command, const char *word, bool no_value, int letter);

#endif
