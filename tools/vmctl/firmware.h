/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMCTL_FIRMWARE_H
#define VMCTL_FIRMWARE_H

#include <stddef.h>

#include "devices/device.h"
#include "ram.h"

/**
 * firmware_tell - describe the PC to its firmware: memory, ACPI tables, serial port
 * @error: filled in on failure
 * Returns 0, -ENOSPC if there is too little guest memory, or -ENOMEM.
 */
int firmware_tell(struct devices *d, struct ram *ram, unsigned int nr_cpus, char *error,
		  size_t error_size);

#endif
