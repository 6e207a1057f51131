// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "mistake.h"

#define MAX_WORD	24	/* of what is compared; longer ones are like none */

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* How many letters must change to get from one to the other (Levenshtein). */
static unsigned int distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned int row[MAX_WORD + 1], diagonal, above;
	size_t i, j;

	if (a_len > MAX_WORD || b_len > MAX_WORD)
		return MAX_WORD;
	for (j = 0; j <= b_len; j++)
		row[j] = j;
	for (i = 1; i <= a_len; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= b_len; j++) {
			above = row[j];
			row[j] = least(least(row[j], row[j - 1]) + 1,
				       diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[b_len];
}

/* Beginnings are likelier than misspellings, and these have a letter or two wrong. */
const char *closest_word(const char *word, size_t len, const void *names, size_t stride)
{
	const char *name, *best = NULL;
	unsigned int d, nearest = len < 3 ? 1 : 2;
	const char *entry;

	for (entry = names; (name = *(const char *const *)entry); entry += stride) {
		if (len > 1 && !strncmp(name, word, len))
			return name;
		d = distance(word, len, name, strlen(name));
		if (d <= nearest && d < len) {
			best = name;
			nearest = d - !!d;
		}
	}
	return best;
}

bool mistaken_option(const char *command, const char *word, const struct option *options)
{
	const struct option *o;
	const char *meant;
	size_t len;

	if (!word || strncmp(word, "--", 2) || !word[2])
		return false;
	len = strcspn(word + 2, "=");
	for (o = options; o->name; o++)
		if (strlen(o->name) == len && !memcmp(o->name, word + 2, len))
			return false;
	fprintf(stderr, "vmctl: %s has no option '%.*s'", command, (int)len + 2, word);
	meant = closest_word(word + 2, len, &options->name, sizeof(*options));
	if (meant)
		fprintf(stderr, ": is --%s meant?", meant);
	fprintf(stderr, " (vmctl %s --help lists them)\n", command);
	return true;
}

void tell_misused_option(const char *command, const char *word, bool no_value, int letter)
{
	int len = strcspn(word, "=");

	if (no_value)
		fprintf(stderr, "vmctl: %.*s must have a value (vmctl %s --help)\n", len, word,
			command);
	else if (!strncmp(word, "--", 2))
		fprintf(stderr, "vmctl: %.*s takes no value (vmctl %s --help)\n", len, word,
			command);
	else
		fprintf(stderr, "vmctl: %s has no option '-%c' (vmctl %s --help lists them)\n",
			command, letter, command);
}
