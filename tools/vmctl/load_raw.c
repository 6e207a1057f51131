// SPDX-License-Identifier: GPL-2.0-only
/* A raw image: its bytes go to an address, and the guest starts there. */
#include "load.h"

#define REAL_LOAD	0x7c00		/* where a BIOS loads a boot sector */
#define HIGH_LOAD	0x100000

int load_raw(struct load *load)
{
	const struct load_options *opt = load->opt;
	enum boot_mode mode = opt->mode == BOOT_DEFAULT ? BOOT_REAL : opt->mode;
	uint64_t gpa = mode == BOOT_REAL ? REAL_LOAD : HIGH_LOAD;

	if (!load->image->size)
		return load_fail(load, ST_BAD_IMAGE, "the file is empty");
	if (opt->has_load)
		gpa = opt->load;
	load->boot.mode = mode;
	load->boot.entry = gpa;
	return load_place(load, gpa, load->image->data, load->image->size, load->image->size,
			  "the image");
}
