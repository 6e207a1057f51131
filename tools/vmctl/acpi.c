// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI tables of a "hardware-reduced" machine: no power management timer, no system
 * control interrupt, and no need of the PIC and the PIT, which are there nonetheless.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "acpi.h"
#include "aml.h"
#include "devices/device.h"

#define APIC_BASE	0xfee00000U
#define MAX_XAPIC_ID	254

/* FADT: boot flags, and flags */
#define BOOT_LEGACY		0x0001	/* devices of the ISA kind, such as the serial port */
#define BOOT_NO_VGA		0x0004
#define FADT_WBINVD		(1U << 0)
#define FADT_NO_POWER_BUTTON	(1U << 4)
#define FADT_NO_SLEEP_BUTTON	(1U << 5)
#define FADT_RESET		(1U << 10)
#define FADT_HEADLESS		(1U << 12)
#define FADT_REDUCED		(1U << 20)

/* MADT: flags, and entries */
#define MADT_PICS		1
#define MADT_ENABLED		1
#define MADT_LOCAL_APIC		0
#define MADT_IOAPIC		1
#define MADT_OVERRIDE		2
#define MADT_NMI		4
#define MADT_X2APIC		9
#define ALL_CPUS		0xff
#define LINT1			1

struct acpi_header {
	char signature[4];
	uint32_t length;
	uint8_t revision;
	uint8_t checksum;
	char oem_id[6];
	char oem_table_id[8];
	uint32_t oem_revision;
	char creator_id[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct acpi_rsdp {
	char signature[8];
	uint8_t checksum;
	char oem_id[6];
	uint8_t revision;
	uint32_t rsdt;
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_checksum;
	uint8_t reserved[3];
} __attribute__((packed));

/* A register somewhere; ours are ports of one byte. */
struct acpi_address {
	uint8_t space;
	uint8_t bits;
	uint8_t offset;
	uint8_t access;
	uint64_t address;
} __attribute__((packed));

#define ACPI_PORT(port)	{ .space = 1, .bits = 8, .access = 1, .address = (port) }

struct acpi_fadt {
	struct acpi_header h;
	uint32_t facs, dsdt;
	uint8_t reserved;
	uint8_t profile;
	uint8_t fixed_hardware[62];
	uint8_t century;		/* byte of the CMOS memory */
	uint16_t boot_flags;
	uint8_t reserved2;
	uint32_t flags;
	struct acpi_address reset;
	uint8_t reset_value;
	uint16_t arm_flags;
	uint8_t minor;
	uint64_t x_facs, x_dsdt;
	struct acpi_address fixed_registers[8];
	struct acpi_address sleep_control, sleep_status;
	uint64_t hypervisor;
} __attribute__((packed));

_Static_assert(sizeof(struct acpi_header) == 36, "ACPI table header");
_Static_assert(sizeof(struct acpi_rsdp) == ACPI_RSDP_SIZE, "RSDP");
_Static_assert(sizeof(struct acpi_fadt) == 276, "FADT, revision 6");

static uint8_t checksum(const void *table, size_t len)
{
	const uint8_t *byte = table;
	uint8_t sum = 0;

	while (len--)
		sum -= *byte++;
	return sum;
}

/* Tables follow each other in one buffer; returns where the next one begins. */
static size_t begin_table(struct aml *a, const char *signature, uint8_t revision)
{
	struct acpi_header h = {
		.revision = revision,
		.oem_id = "TNYVMX",
		.oem_table_id = "TINYVMX ",
		.oem_revision = 1,
		.creator_id = "TVMX",
		.creator_revision = 1,
	};

	while (a->len % 16)
		aml_byte(a, 0);
	memcpy(h.signature, signature, sizeof(h.signature));
	aml_bytes(a, &h, sizeof(h));
	return a->len - sizeof(h);
}

static void end_table(struct aml *a, size_t start)
{
	struct acpi_header h;

	if (a->len > a->size)
		return;
	memcpy(&h, a->buf + start, sizeof(h));
	h.length = a->len - start;
	memcpy(a->buf + start, &h, sizeof(h));
	h.checksum = checksum(a->buf + start, h.length);
	memcpy(a->buf + start, &h, sizeof(h));
}

static size_t open_pnp(struct aml *a, const char *name, const char *id)
{
	size_t device = aml_open_device(a, name);

	aml_name(a, "_HID");
	aml_eisaid(a, id);
	aml_name(a, "_UID");
	aml_integer(a, 0);
	return device;
}

static void isa_device(struct aml *a, const char *name, const char *id, uint16_t port, uint8_t len,
		       unsigned int irq)
{
	size_t device = open_pnp(a, name, id), resources;

	aml_name(a, "_CRS");
	resources = aml_open_resources(a);
	aml_io(a, port, len);
	aml_irq(a, irq);
	aml_close_resources(a, resources);
	aml_close(a, device);
}

static void virtio_device(struct aml *a, unsigned int slot, unsigned int nr)
{
	bool shared = slot >= VIRTIO_NR_GSIS || slot + VIRTIO_NR_GSIS < nr;
	size_t device, resources;
	char name[8];

	snprintf(name, sizeof(name), "VR%02X", slot & 0xff);
	device = aml_open_device(a, name);
	aml_name(a, "_HID");
	aml_string(a, "LNRO0005");
	aml_name(a, "_UID");
	aml_integer(a, slot);
	/* Coherent, as all of a PC. */
	aml_name(a, "_CCA");
	aml_integer(a, 1);
	aml_name(a, "_CRS");
	resources = aml_open_resources(a);
	aml_memory32(a, VIRTIO_MMIO_BASE + slot * VIRTIO_MMIO_STRIDE, VIRTIO_MMIO_STRIDE);
	aml_interrupt(a, virtio_gsi(slot), shared);
	aml_close_resources(a, resources);
	aml_close(a, device);
}

static void sleep_states(struct aml *a)
{
	size_t package;

	aml_name(a, "_S5_");
	package = aml_open_package(a, 4);
	aml_integer(a, PM_SLEEP_TYPE_S5);
	aml_integer(a, 0);
	aml_integer(a, 0);
	aml_integer(a, 0);
	aml_close(a, package);
}

static size_t build_dsdt(struct aml *a, const struct acpi_options *opt)
{
	size_t table = begin_table(a, "DSDT", 2), scope;
	unsigned int i;

	scope = aml_open_scope(a, "_SB_");
	isa_device(a, "COM1", "PNP0501", 0x3f8, 8, GSI_SERIAL);
	isa_device(a, "RTC0", "PNP0B00", 0x70, 2, GSI_RTC);
	for (i = 0; i < opt->nr_virtio; i++)
		virtio_device(a, i, opt->nr_virtio);
	aml_close(a, scope);
	sleep_states(a);
	end_table(a, table);
	return table;
}

static size_t build_fadt(struct aml *a, uint32_t dsdt)
{
	size_t table = begin_table(a, "FACP", 6);
	struct acpi_fadt fadt = {
		.dsdt = dsdt,
		.x_dsdt = dsdt,
		.century = 0x32,
		.boot_flags = BOOT_LEGACY | BOOT_NO_VGA,
		.flags = FADT_WBINVD | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON | FADT_RESET |
			 FADT_HEADLESS | FADT_REDUCED,
		.reset = ACPI_PORT(PM_RESET),
		.reset_value = PM_RESET_VALUE,
		.sleep_control = ACPI_PORT(PM_SLEEP_CONTROL),
		.sleep_status = ACPI_PORT(PM_SLEEP_STATUS),
	};

	aml_bytes(a, &fadt.h + 1, sizeof(fadt) - sizeof(fadt.h));
	end_table(a, table);
	return table;
}

static void madt_cpu(struct aml *a, unsigned int id)
{
	if (id <= MAX_XAPIC_ID) {
		aml_byte(a, MADT_LOCAL_APIC);
		aml_byte(a, 8);
		aml_byte(a, id);	/* of the processor, then of its APIC */
		aml_byte(a, id);
		aml_le(a, MADT_ENABLED, 4);
		return;
	}
	aml_byte(a, MADT_X2APIC);
	aml_byte(a, 16);
	aml_le(a, 0, 2);
	aml_le(a, id, 4);
	aml_le(a, MADT_ENABLED, 4);
	aml_le(a, id, 4);
}

static void madt_ioapic(struct aml *a)
{
	aml_byte(a, MADT_IOAPIC);
	aml_byte(a, 12);
	aml_le(a, 0, 2);		/* its id */
	aml_le(a, IOAPIC_BASE, 4);
	aml_le(a, 0, 4);		/* the GSI of its pin 0 */
}

static void madt_override(struct aml *a, uint8_t isa_irq, uint32_t gsi)
{
	aml_byte(a, MADT_OVERRIDE);
	aml_byte(a, 10);
	aml_byte(a, 0);			/* the ISA bus */
	aml_byte(a, isa_irq);
	aml_le(a, gsi, 4);
	aml_le(a, 0, 2);		/* edge and polarity as on that bus */
}

static void madt_nmi(struct aml *a)
{
	aml_byte(a, MADT_NMI);
	aml_byte(a, 6);
	aml_byte(a, ALL_CPUS);
	aml_le(a, 0, 2);
	aml_byte(a, LINT1);
}

static size_t build_madt(struct aml *a, const struct acpi_options *opt)
{
	size_t table = begin_table(a, "APIC", 5);
	unsigned int id;

	aml_le(a, APIC_BASE, 4);
	aml_le(a, MADT_PICS, 4);
	for (id = 0; id < opt->nr_cpus; id++)
		madt_cpu(a, id);
	madt_ioapic(a);
	madt_override(a, 0, GSI_TIMER);
	madt_nmi(a);
	end_table(a, table);
	return table;
}

/* The list of the tables, with addresses of @bytes each */
static size_t build_root(struct aml *a, const char *signature, unsigned int bytes, uint32_t fadt,
			 uint32_t madt)
{
	size_t table = begin_table(a, signature, 1);

	aml_le(a, fadt, bytes);
	aml_le(a, madt, bytes);
	end_table(a, table);
	return table;
}

/* Boot loaders may look at the old list first, and if there is none at what is at address 0. */
static void build_rsdp(uint8_t *at, uint32_t rsdt, uint32_t xsdt)
{
	struct acpi_rsdp rsdp = {
		.signature = "RSD PTR ",
		.oem_id = "TNYVMX",
		.revision = 2,
		.rsdt = rsdt,
		.length = sizeof(rsdp),
		.xsdt = xsdt,
	};

	/* What revision 0 had is summed up by itself. */
	rsdp.checksum = checksum(&rsdp, offsetof(struct acpi_rsdp, length));
	rsdp.extended_checksum = checksum(&rsdp, sizeof(rsdp));
	memcpy(at, &rsdp, sizeof(rsdp));
}

int acpi_build(struct ram *ram, const struct acpi_options *opt, uint64_t *rsdp, char *error,
	       size_t error_size)
{
	uint8_t *host = ram_claim(ram, opt->base, ACPI_SIZE, "ACPI tables", error, error_size);
	/* The RSDP is the first, where a search begins. */
	struct aml a = { .buf = host, .size = ACPI_SIZE, .len = sizeof(struct acpi_rsdp) };
	uint32_t fadt, madt;
	size_t dsdt, rsdt, xsdt;

	if (!host)
		return -ENOSPC;
	dsdt = build_dsdt(&a, opt);
	fadt = opt->base + build_fadt(&a, opt->base + dsdt);
	madt = opt->base + build_madt(&a, opt);
	rsdt = build_root(&a, "RSDT", 4, fadt, madt);
	xsdt = build_root(&a, "XSDT", 8, fadt, madt);
	if (a.len > a.size) {
		snprintf(error, error_size, "ACPI tables: %zu bytes do not fit into %zu", a.len,
			 a.size);
		return -ENOSPC;
	}
	build_rsdp(host, opt->base + rsdt, opt->base + xsdt);
	*rsdp = opt->base;
	return 0;
}
