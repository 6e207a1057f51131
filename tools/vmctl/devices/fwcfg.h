/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMCTL_FWCFG_H
#define VMCTL_FWCFG_H

#include <stdint.h>

#define FWCFG_NAME	56	/* with the zero at its end */
#define FWCFG_MAX_FILES	8

struct fwcfg_file {
	char name[FWCFG_NAME];
	uint32_t size;
	uint8_t *data;
};

/**
 * struct fwcfg - facts for firmware
 * @key: which of them is selected
 * @at: the next byte of it
 * @nr_files: those of fwcfg_add_file()
 * @file: their copies
 */
struct fwcfg {
	uint16_t key;
	uint32_t at;
	unsigned int nr_files;
	struct fwcfg_file file[FWCFG_MAX_FILES];
};

#endif
