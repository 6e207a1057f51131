/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMCTL_TESTDEV_H
#define VMCTL_TESTDEV_H

#include <stdbool.h>
#include <stdint.h>

#define TESTDEV_MEMORY		0xff000000ULL
#define TESTDEV_MEMORY_SIZE	0x10000

/**
 * struct testdev - the test device of kvm-unit-tests
 * @on: there is one
 * @data: of the ports that keep what is written
 * @flush: the address of a page, as far as it is written
 * @memory: what the accesses from TESTDEV_MEMORY on go to
 */
struct testdev {
	bool on;
	uint8_t data[4];
	uint8_t flush[4];
	uint8_t memory[TESTDEV_MEMORY_SIZE];
};

#endif
