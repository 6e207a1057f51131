// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

#define MAX_SECONDS	(365 * 24 * 3600ULL)

/* strtoull() takes blanks and signs, which no address or size has. */
static bool leading_number(const char *s, uint64_t *value, char **end)
{
	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	*value = strtoull(s, end, 0);
	return !errno;
}

bool parse_number(const char *s, uint64_t *value)
{
	uint64_t v;
	char *end;

	if (!leading_number(s, &v, &end) || *end)
		return false;
	*value = v;
	return true;
}

bool parse_size(const char *s, uint64_t *bytes)
{
	static const char units[] = "kmg";
	const char *unit;
	unsigned int shift = 0;
	uint64_t v;
	char *end;

	if (!leading_number(s, &v, &end))
		return false;
	if (*end) {
		unit = strchr(units, tolower((unsigned char)*end));
		if (!unit)
			return false;
		shift = 10 * (unit - units + 1);
		end++;
		/* "64MB" may be one of two sizes. */
		if (strcmp(end, "") && strcmp(end, "iB"))
			return false;
	}
	if (v > UINT64_MAX >> shift)
		return false;
	*bytes = v << shift;
	return true;
}

bool parse_seconds(const char *s, uint64_t *ms)
{
	uint64_t whole = 0, part = 0, unit = 100;
	bool digits = false;

	for (; isdigit((unsigned char)*s); s++, digits = true) {
		whole = whole * 10 + (*s - '0');
		if (whole > MAX_SECONDS)
			return false;
	}
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s); s++, unit /= 10, digits = true)
			part += (*s - '0') * unit;
	if (!digits || *s || !(whole * 1000 + part))
		return false;
	*ms = whole * 1000 + part;
	return true;
}
