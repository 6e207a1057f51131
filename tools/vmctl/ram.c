// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "ram.h"

uint8_t *ram_host(const struct ram *ram, uint64_t gpa, uint64_t len)
{
	const struct ram_bank *b;

	for (b = ram->bank; b < ram->bank + ram->nr_banks; b++)
		if (gpa >= b->gpa && gpa - b->gpa <= b->len && len <= b->len - (gpa - b->gpa))
			return b->host + (gpa - b->gpa);
	return NULL;
}

static const struct ram_claim *find_overlap(const struct ram *ram, uint64_t gpa, uint64_t len)
{
	const struct ram_claim *c;

	for (c = ram->claim; c < ram->claim + ram->nr_claims; c++)
		if (gpa < c->gpa + c->len && c->gpa < gpa + len)
			return c;
	return NULL;
}

static void complain(const struct ram *ram, uint64_t gpa, uint64_t len, const char *what,
		     char *error, size_t error_size)
{
	const struct ram_bank *last = &ram->bank[ram->nr_banks - 1];

	if (gpa + len < gpa)
		snprintf(error, error_size, "%s: %#llx bytes at %#llx wrap around the address space",
			 what, (unsigned long long)len, (unsigned long long)gpa);
	else
		snprintf(error, error_size,
			 "%s: [%#llx, %#llx) is outside guest memory, which ends at %#llx (--mem gives more)",
			 what, (unsigned long long)gpa, (unsigned long long)(gpa + len),
			 (unsigned long long)(last->gpa + last->len));
}

uint8_t *ram_claim(struct ram *ram, uint64_t gpa, uint64_t len, const char *what, char *error,
		   size_t error_size)
{
	uint8_t *host = gpa + len < gpa ? NULL : ram_host(ram, gpa, len);
	const struct ram_claim *other;

	if (!host) {
		complain(ram, gpa, len, what, error, error_size);
		return NULL;
	}
	other = find_overlap(ram, gpa, len);
	if (other) {
		snprintf(error, error_size, "%s: [%#llx, %#llx) overlaps %s at [%#llx, %#llx)", what,
			 (unsigned long long)gpa, (unsigned long long)(gpa + len), other->what,
			 (unsigned long long)other->gpa,
			 (unsigned long long)(other->gpa + other->len));
		return NULL;
	}
	if (ram->nr_claims == RAM_MAX_CLAIMS) {
		snprintf(error, error_size, "%s: more than %d pieces of memory", what,
			 RAM_MAX_CLAIMS);
		return NULL;
	}
	ram->claim[ram->nr_claims++] = (struct ram_claim){ gpa, len, what };
	return host;
}

uint8_t *ram_place_below(struct ram *ram, uint64_t limit, uint64_t len, uint64_t align,
			 const char *what, uint64_t *gpa, char *error, size_t error_size)
{
	uint64_t top = ram->bank[0].gpa + ram->bank[0].len, at;
	const struct ram_claim *other;

	if (top > limit)
		top = limit;
	/* Each step goes below a claim that is in the way, so there are few. */
	while (top >= len) {
		at = (top - len) & ~(align - 1);
		other = find_overlap(ram, at, len);
		if (!other) {
			*gpa = at;
			return ram_claim(ram, at, len, what, error, error_size);
		}
		top = other->gpa;
	}
	snprintf(error, error_size, "%s: no room for %#llx bytes in guest memory (--mem gives more)",
		 what, (unsigned long long)len);
	return NULL;
}

uint8_t *ram_place(struct ram *ram, uint64_t len, uint64_t align, const char *what, uint64_t *gpa,
		   char *error, size_t error_size)
{
	return ram_place_below(ram, UINT64_MAX, len, align, what, gpa, error, error_size);
}

static unsigned int add_range(struct ram_range *range, unsigned int nr, uint64_t from, uint64_t to,
			      uint32_t type)
{
	if (to <= from)
		return nr;
	range[nr] = (struct ram_range){ from, to, type };
	return nr + 1;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

unsigned int ram_map(const struct ram *ram, struct ram_range range[RAM_MAX_RANGES])
{
	const struct ram_bank *b = ram->bank;
	uint64_t top = b[0].len;
	unsigned int nr = 0;

	nr = add_range(range, nr, 0, min_u64(top, RAM_LOW_TOP), RAM_USABLE);
	nr = add_range(range, nr, RAM_LOW_TOP, min_u64(top, RAM_LOW_END), RAM_RESERVED);
	nr = add_range(range, nr, RAM_LOW_END, top, RAM_USABLE);
	if (ram->nr_banks > 1)
		nr = add_range(range, nr, b[1].gpa, b[1].gpa + b[1].len, RAM_USABLE);
	return nr;
}
