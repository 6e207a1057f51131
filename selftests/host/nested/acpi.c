// SPDX-License-Identifier: GPL-2.0-only
/*
 * What firmware tells by ACPI: the CPU's APIC, without which Linux leaves the APIC's timer alone,
 * and how to turn the machine off.
 */
#include <string.h>

#include "vmm.h"

#define ROOT_AT		0xe0000
#define ACPI_TABLES_AT	0xe0100

#define LOCAL_APIC	0xfee00000
#define IO_APIC		0xfec00000
#define SCI		9
#define LEVEL_HIGH	0xd

/* Of the FADT: no buttons on the board, caches that WBINVD writes back. */
#define FADT_FLAGS	(1 << 0 | 1 << 4 | 1 << 5)
/* Legacy devices are there; a display and a clock are not. */
#define BOOT_FLAGS	(1 << 0 | 1 << 2 | 1 << 5)

struct root {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt, length;
	uint64_t xsdt;
	uint8_t full_checksum, reserved[3];
} __attribute__((packed));

struct header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct xsdt {
	struct header h;
	uint64_t tables[2];
} __attribute__((packed));

/* The fields that stay 0 are not named. */
struct fadt {
	struct header h;
	uint32_t facs, dsdt;
	uint8_t unused_1[2];
	uint16_t sci;
	uint8_t unused_2[8];
	uint32_t pm1a_event, pm1b_event, pm1a_control;
	uint8_t unused_3[20];
	uint8_t pm1_event_length, pm1_control_length;
	uint8_t unused_4[19];
	uint16_t boot_flags;
	uint8_t unused_5;
	uint32_t flags;
	uint8_t unused_6[152];
} __attribute__((packed));

struct madt {
	struct header h;
	uint32_t local_apic, flags;
	struct {
		uint8_t type, length, processor, id;
		uint32_t flags;
	} __attribute__((packed)) cpu;
	struct {
		uint8_t type, length, id, reserved;
		uint32_t address, base;
	} __attribute__((packed)) io_apic;
	struct {
		uint8_t type, length, bus, line;
		uint32_t pin;
		uint16_t flags;
	} __attribute__((packed)) sci;
	struct {
		uint8_t type, length, processor;
		uint16_t flags;
		uint8_t lint;
	} __attribute__((packed)) nmi;
} __attribute__((packed));

/* Name (\_S5, Package () { 5, 5, 0, 0 }): the type of sleep that turns the machine off. */
struct dsdt {
	struct header h;
	uint8_t code[14];
} __attribute__((packed));

static struct tables {
	struct xsdt xsdt;
	struct fadt fadt;
	struct madt madt;
	struct dsdt dsdt;
} tables = {
	.xsdt.h = { .signature = "XSDT", .length = sizeof(struct xsdt), .revision = 1 },
	.fadt = {
		.h = { .signature = "FACP", .length = sizeof(struct fadt), .revision = 5 },
		.sci = SCI, .pm1a_event = PM1_EVENT, .pm1a_control = PM1_CONTROL,
		.pm1_event_length = 4, .pm1_control_length = 2,
		.boot_flags = BOOT_FLAGS, .flags = FADT_FLAGS,
	},
	.madt = {
		.h = { .signature = "APIC", .length = sizeof(struct madt), .revision = 4 },
		.local_apic = LOCAL_APIC, .flags = 1,
		.cpu = { .type = 0, .length = sizeof(tables.madt.cpu), .flags = 1 },
		.io_apic = { .type = 1, .length = sizeof(tables.madt.io_apic), .address = IO_APIC },
		.sci = { .type = 2, .length = sizeof(tables.madt.sci), .line = SCI, .pin = SCI,
			 .flags = LEVEL_HIGH },
		.nmi = { .type = 4, .length = sizeof(tables.madt.nmi), .processor = 0xff,
			 .lint = 1 },
	},
	.dsdt = {
		.h = { .signature = "DSDT", .length = sizeof(struct dsdt), .revision = 2 },
		.code = { 0x08, '_', 'S', '5', '_', 0x12, 0x08, 4, 0x0a, SLEEP_OFF, 0x0a, SLEEP_OFF,
			  0, 0 },
	},
};

static uint8_t checksum(const void *data, size_t size)
{
	const uint8_t *byte = data;
	uint8_t sum = 0;

	while (size--)
		sum += *byte++;
	return -sum;
}

static void finish(struct header *h)
{
	memcpy(h->oem, "TINYVM", sizeof(h->oem));
	memcpy(h->table, "NESTED  ", sizeof(h->table));
	memcpy(h->creator, "TVX ", sizeof(h->creator));
	h->checksum = checksum(h, h->length);
}

static uint64_t address(const void *table)
{
	return ACPI_TABLES_AT + ((const uint8_t *)table - (const uint8_t *)&tables);
}

void make_acpi(uint8_t *ram)
{
	struct root root = {
		.signature = "RSD PTR ", .oem = "TINYVM", .revision = 2, .length = sizeof(root),
		.xsdt = address(&tables.xsdt),
	};

	tables.xsdt.tables[0] = address(&tables.fadt);
	tables.xsdt.tables[1] = address(&tables.madt);
	tables.fadt.dsdt = address(&tables.dsdt);
	finish(&tables.xsdt.h);
	finish(&tables.fadt.h);
	finish(&tables.madt.h);
	finish(&tables.dsdt.h);
	memcpy(ram + ACPI_TABLES_AT, &tables, sizeof(tables));
	root.checksum = checksum(&root, 20);
	root.full_checksum = checksum(&root, sizeof(root));
	memcpy(ram + ROOT_AT, &root, sizeof(root));
}
