// SPDX-License-Identifier: GPL-2.0-only
/* A raw image: its bytes go to an address, and the guest starts there. */
#include <stdio.h>

#include "load.h"

#define REAL_LOAD	0x7c00		/* where a BIOS loads a boot sector */
#define HIGH_LOAD	0x100000

#define SIGNATURE_AT	510		/* of a boot sector */

/*
 * Does it look like 16-bit code?  A boot sector, or a MOV of a 16-bit constant to a register
 * near its beginning: in other modes the constant would have two bytes more.
 */
static bool looks_16_bit(const struct blob *image)
{
	const uint8_t *p = image->data, *end = p + image->size;

	if (image->size >= SIGNATURE_AT + 2 && p[SIGNATURE_AT] == 0x55 &&
	    p[SIGNATURE_AT + 1] == 0xaa)
		return true;
	/* CLI, STI, CLD, STD, NOP */
	while (p < end && ((*p >= 0xfa && *p <= 0xfd) || *p == 0x90))
		p++;
	/* The next instruction: another such MOV, MOV to a segment register, INT, LODSB. */
	return end - p > 4 && (p[0] & 0xf8) == 0xb8 && p[4] &&
	       ((p[3] & 0xf8) == 0xb8 || p[3] == 0x8e || p[3] == 0xcd || p[3] == 0xac);
}

int load_raw(struct load *load)
{
	const struct load_options *opt = load->opt;
	enum boot_mode mode = opt->mode == BOOT_DEFAULT ? BOOT_REAL : opt->mode;
	uint64_t gpa = mode == BOOT_REAL ? REAL_LOAD : HIGH_LOAD;

	if (!load->image->size)
		return load_fail(load, ST_BAD_IMAGE, "the file is empty");
	if (opt->has_load)
		gpa = opt->load;
	if (mode != BOOT_REAL && looks_16_bit(load->image))
		snprintf(load->hint, sizeof(load->hint),
			 "its first bytes look like 16-bit code, for --mode real");
	load->boot.mode = mode;
	load->boot.entry = gpa;
	return load_place(load, gpa, load->image->data, load->image->size, load->image->size,
			  "the image");
}
