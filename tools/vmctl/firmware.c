// SPDX-License-Identifier: GPL-2.0-only
/*
 * What firmware is told of a PC, by files of fw_cfg. The ACPI tables are in memory already,
 * in a part of it that is reserved; firmware puts their root where searches will find it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "acpi.h"
#include "firmware.h"

#define SERIAL_PORT	0x3f8

/* An entry of etc/e820 */
struct e820_entry {
	uint64_t address, size;
	uint32_t type;
} __attribute__((packed));

/* The command of etc/table-loader that has firmware allocate memory for a file, and copy it. */
struct loader_allocate {
	uint32_t command;
	char file[FWCFG_NAME];
	uint32_t align;
	uint8_t zone;
	uint8_t unused[63];
} __attribute__((packed));

#define LOADER_ALLOCATE	1
#define ZONE_F_SEGMENT	2

_Static_assert(sizeof(struct e820_entry) == 20, "e820 entry");
_Static_assert(sizeof(struct loader_allocate) == 128, "loader's command");

static int add_file(struct devices *d, const char *name, const void *data, size_t len, char *error,
		    size_t error_size)
{
	int err = fwcfg_add_file(d, name, data, len);

	if (err)
		snprintf(error, error_size, "the file %s for firmware: %s", name, strerror(-err));
	return err;
}

/* The tables end the low memory. */
static int add_e820(struct devices *d, const struct ram *ram, char *error, size_t error_size)
{
	const uint64_t low_end = ram->bank[0].len, tables = low_end - ACPI_SIZE;
	struct e820_entry map[RAM_MAX_RANGES + 1];
	struct ram_range range[RAM_MAX_RANGES];
	unsigned int i, n = 0, nr = ram_map(ram, range);

	for (i = 0; i < nr; i++) {
		uint64_t to = range[i].to == low_end ? tables : range[i].to;

		map[n++] = (struct e820_entry){ range[i].from, to - range[i].from, range[i].type };
		if (to == tables)
			map[n++] = (struct e820_entry){ tables, ACPI_SIZE, RAM_RESERVED };
	}
	return add_file(d, "etc/e820", map, n * sizeof(map[0]), error, error_size);
}

static int add_rsdp(struct devices *d, const uint8_t *rsdp, char *error, size_t error_size)
{
	const struct loader_allocate script = {
		.command = LOADER_ALLOCATE,
		.file = "etc/acpi/rsdp",
		.align = 16,
		.zone = ZONE_F_SEGMENT,
	};
	int err = add_file(d, script.file, rsdp, ACPI_RSDP_SIZE, error, error_size);

	return err ?: add_file(d, "etc/table-loader", &script, sizeof(script), error, error_size);
}

int firmware_tell(struct devices *d, struct ram *ram, unsigned int nr_cpus, char *error,
		  size_t error_size)
{
	const uint16_t serial = SERIAL_PORT;
	const uint64_t low_end = ram->bank[0].len;
	const struct acpi_options opt = {
		.base = low_end < ACPI_SIZE ? 0 : low_end - ACPI_SIZE,
		.nr_cpus = nr_cpus,
		.nr_virtio = virtio_count(d),
	};
	uint64_t rsdp;
	int err = acpi_build(ram, &opt, &rsdp, error, error_size);

	if (!err)
		err = add_e820(d, ram, error, error_size);
	if (!err)
		err = add_rsdp(d, ram_host(ram, rsdp, ACPI_RSDP_SIZE), error, error_size);
	/* Its screen, and its keyboard. */
	return err ?: add_file(d, "etc/sercon-port", &serial, sizeof(serial), error, error_size);
}
