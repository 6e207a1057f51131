// SPDX-License-Identifier: GPL-2.0-only
/*
 * Firmware: a ROM whose end is the end of the first 4 GiB. A copy of its last part is below
 * 1 MiB, where a CPU in real mode reaches it, in plain RAM: what firmware has a chip set do
 * on other PCs, to be able to write there, is done. The CPU begins as after a reset.
 */
#include <stdlib.h>
#include <string.h>

#include "load.h"

#define ROM_END		0x100000000ULL
#define ROM_PAGE	4096
#define ROM_MIN		(64U << 10)	/* the segment that is begun in */
#define COPY_SIZE	(256U << 10)	/* all there is room for, behind video memory */
#define RESET_VECTOR	0xfffffff0U

/* It needs some memory to work in, and its tables are in the highest of it. */
#define MEMORY_MIN	(4ULL << 20)

int load_firmware(struct load *load)
{
	const struct blob *image = load->image;
	struct ram *ram = load->ram;
	size_t copied = image->size < COPY_SIZE ? image->size : COPY_SIZE;
	uint8_t *low;

	if (image->size < ROM_MIN || image->size > FIRMWARE_MAX || image->size % ROM_PAGE)
		return load_fail(load, ST_BAD_IMAGE, "no ROM: %zu bytes, which must be 64 KiB to 16 MiB, in whole pages of 4 KiB",
				 image->size);
	if (ram->bank[0].len < MEMORY_MIN)
		return load_fail(load, ST_BAD_IMAGE, "firmware needs 4 MiB of memory at least (--mem gives more)");
	low = ram_claim(ram, RAM_LOW_END - COPY_SIZE, COPY_SIZE, "the firmware", load->error,
			sizeof(load->error));
	if (!low)
		return ST_BAD_IMAGE;
	ram->rom = (struct ram_bank){
		.gpa = ROM_END - image->size,
		.len = image->size,
		.host = aligned_alloc(ROM_PAGE, image->size),
	};
	if (!ram->rom.host)
		return load_fail(load, ST_SYSTEM, "no memory for the ROM");
	memcpy(ram->rom.host, image->data, image->size);
	memcpy(low + COPY_SIZE - copied, image->data + image->size - copied, copied);
	load->boot.mode = BOOT_RESET;
	load->boot.entry = RESET_VECTOR;
	return 0;
}
