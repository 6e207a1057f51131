/* SPDX-License-Identifier: GPL-2.0-only */
/* The ACPI tables that tell a guest what the PC has. */
#ifndef VMCTL_ACPI_H
#define VMCTL_ACPI_H

#include <stddef.h>
#include <stdint.h>

#include "ram.h"

/*
 * Where they are unless there is firmware: part of the area of a PC that would be its, which
 * is no usable memory in any map.
 */
#define ACPI_BASE	0xe0000ULL
#define ACPI_SIZE	0x10000ULL
#define ACPI_RSDP_SIZE	36

/**
 * struct acpi_options - what is different from PC to PC
 * @base: where the tables go, ACPI_SIZE bytes below 4 GiB
 * @nr_cpus: with the APIC ids 0 .. nr_cpus - 1
 * @nr_virtio: devices in the virtio-mmio region
 */
struct acpi_options {
	uint32_t base;
	unsigned int nr_cpus;
	unsigned int nr_virtio;
};

/**
 * acpi_build - write the tables into guest memory
 * @rsdp: where the first is; guests that look for it will find it there as well
 * @error: filled in on failure
 * Returns 0, or -ENOSPC if the memory is not there, taken, or too small.
 */
int acpi_build(struct ram *ram, const struct acpi_options *opt, uint64_t *rsdp, char *error,
	       size_t error_size);

#endif
