/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest memory as loaders see it: banks of RAM, and who has claimed which part. */
#ifndef VMCTL_RAM_H
#define VMCTL_RAM_H

#include <stddef.h>
#include <stdint.h>

#define RAM_MAX_BANKS	2
#define RAM_MAX_CLAIMS	128
/* RAM ends here and goes on at 4 GiB: room for devices. */
#define RAM_HOLE	0xc0000000ULL
#define RAM_HIGH	0x100000000ULL
/* There is RAM, too, where PCs have video memory and ROM; guests are not told. */
#define RAM_LOW_TOP	0xa0000ULL
#define RAM_LOW_END	0x100000ULL

struct ram_bank {
	uint64_t gpa;
	uint64_t len;
	uint8_t *host;
};

struct ram_claim {
	uint64_t gpa;
	uint64_t len;
	const char *what;
};

struct ram {
	unsigned int nr_banks;
	struct ram_bank bank[RAM_MAX_BANKS];
	unsigned int nr_claims;
	struct ram_claim claim[RAM_MAX_CLAIMS];
	struct ram_bank rom;	/* of firmware, from aligned_alloc(); its length is 0 without */
};

/**
 * ram_claim - take [gpa, gpa + len), which must be RAM and nobody's
 * @what: whose it is, for messages; not copied
 * @error: filled in on failure
 * Returns the host address, or NULL.
 */
uint8_t *ram_claim(struct ram *ram, uint64_t gpa, uint64_t len, const char *what, char *error,
		   size_t error_size);

/**
 * ram_place - take the highest free @len bytes of the low bank
 * @align: a power of two
 * Returns the host address with @gpa set, or NULL with @error filled in.
 */
uint8_t *ram_place(struct ram *ram, uint64_t len, uint64_t align, const char *what, uint64_t *gpa,
		   char *error, size_t error_size);

/** ram_place_below - the same, of what lies below @limit */
uint8_t *ram_place_below(struct ram *ram, uint64_t limit, uint64_t len, uint64_t align,
			 const char *what, uint64_t *gpa, char *error, size_t error_size);

/* As BIOSes number them. */
#define RAM_USABLE	1
#define RAM_RESERVED	2

struct ram_range {
	uint64_t from;
	uint64_t to;
	uint32_t type;
};

#define RAM_MAX_RANGES	(RAM_MAX_BANKS + 2)

/** ram_map - the memory as guests are told of it, in order; returns how many ranges */
unsigned int ram_map(const struct ram *ram, struct ram_range range[RAM_MAX_RANGES]);

/** ram_host - host address of [gpa, gpa + len), NULL if it is not RAM of one bank */
uint8_t *ram_host(const struct ram *ram, uint64_t gpa, uint64_t len);

#endif
