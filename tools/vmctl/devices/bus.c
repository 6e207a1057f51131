// SPDX-License-Identifier: GPL-2.0-only
/* The tables of devices, and which access goes to which. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "device.h"

#define PCI_CONFIG_ADDRESS	0xcf8
#define XAPIC_PAGE		0xfee00000ULL
#define XAPIC_PAGE_SIZE		0x1000

#define NR_ROWS(table)	(sizeof(table) / sizeof((table)[0]))

enum machine_kind {
	ANY_MACHINE,
	ONLY_PC,
	WITH_TESTDEV,
	WITH_FWLOG,
};

/* Without @in a port reads as ones, without @out what is written is dropped. */
static const struct port_device {
	const char *name;
	enum machine_kind where;
	uint16_t first;
	uint16_t count;
	uint8_t (*in)(struct devices *d, unsigned int reg);
	void (*out)(struct devices *d, unsigned int reg, uint8_t value);
} port_devices[] = {
	{ "master PIC",		ONLY_PC,     0x020, 2, pic_master_in,	pic_master_out },
	{ "timer",		ONLY_PC,     0x040, 4, pit_in,		pit_out },
	{ "keyboard data",	ANY_MACHINE, 0x060, 1, keyboard_in,	NULL },
	{ "system port B",	ONLY_PC,     0x061, 1, port_b_in,	port_b_out },
	{ "keyboard control",	ANY_MACHINE, 0x064, 1, keyboard_in,	keyboard_out },
	{ "real-time clock",	ONLY_PC,     0x070, 2, rtc_in,		rtc_out },
	{ "system port A",	ONLY_PC,     0x092, 1, port_a_in,	port_a_out },
	{ "slave PIC",		ONLY_PC,     0x0a0, 2, pic_slave_in,	pic_slave_out },
	{ "test device",	WITH_TESTDEV, 0x0e0, 8, testdev_in,	testdev_out },
	{ "debug console",	ANY_MACHINE, 0x0e9, 1, debugcon_in,	debugcon_out },
	{ "debug exit",		ANY_MACHINE, 0x0f4, 4, NULL,		debugexit_out },
	{ "serial port",	ANY_MACHINE, 0x3f8, 8, serial_in,	serial_out },
	{ "firmware log",	WITH_FWLOG,  0x402, 1, fwlog_in,	fwlog_out },
	{ "PIC edge or level",	ONLY_PC,     0x4d0, 2, elcr_in,		elcr_out },
	{ "firmware facts",	ONLY_PC,     0x510, 2, fwcfg_in,	fwcfg_out },
	{ "power",		ONLY_PC,     PM_SLEEP_CONTROL, 3, pm_in,	pm_out },
	{ "reset control",	ANY_MACHINE, 0xcf9, 1, NULL,		resetctl_out },
	{ "test interrupts",	WITH_TESTDEV, 0x2000, IOAPIC_PINS, NULL, testdev_irq_out },
};

static uint64_t virtio_region_read(struct devices *d, uint64_t offset, unsigned int len);
static void virtio_region_write(struct devices *d, uint64_t offset, unsigned int len,
				uint64_t value);

/* All of them at most in PCs. An access that crosses a row's end is none of its. */
static const struct mmio_device {
	const char *name;
	enum machine_kind where;
	uint64_t gpa;
	uint64_t len;
	uint64_t (*read)(struct devices *d, uint64_t offset, unsigned int len);
	void (*write)(struct devices *d, uint64_t offset, unsigned int len, uint64_t value);
} mmio_devices[] = {
	{ "virtio devices",	ONLY_PC, VIRTIO_MMIO_BASE, VIRTIO_MAX_SLOTS * VIRTIO_MMIO_STRIDE,
				virtio_region_read, virtio_region_write },
	{ "IOAPIC",		ONLY_PC, IOAPIC_BASE, IOAPIC_SIZE, ioapic_read, ioapic_write },
	{ "test memory",	WITH_TESTDEV, TESTDEV_MEMORY, TESTDEV_MEMORY_SIZE,
				testdev_read, testdev_write },
};

static bool is_here(const struct devices *d, enum machine_kind where)
{
	switch (where) {
	case ONLY_PC:
		return d->pc;
	case WITH_TESTDEV:
		return d->testdev.on;
	case WITH_FWLOG:
		return d->fwlog;
	default:
		return true;
	}
}

/* Each access looks one byte up, however long the table is. */
static void map_ports(struct devices *d)
{
	const struct port_device *p;

	for (p = port_devices; p < port_devices + NR_ROWS(port_devices); p++)
		if (is_here(d, p->where))
			memset(d->port_row + p->first, 1 + (p - port_devices), p->count);
}

static const struct port_device *find_port(const struct devices *d, uint16_t port)
{
	uint8_t row = d->port_row[port];

	return row ? &port_devices[row - 1] : NULL;
}

int devices_init(struct devices *d, const struct devices_options *opt)
{
	int err;

	memset(d, 0, sizeof(*d));
	d->pc = opt->pc;
	d->strict = opt->strict;
	d->chardev = opt->chardev;
	d->testdev.on = opt->pc && opt->testdev;
	d->fwlog = opt->fwlog;
	map_ports(d);
	uart_init(d);
	if (!d->pc)
		return 0;
	d->ram = opt->ram;
	d->loop = opt->loop;
	d->irq = opt->irq;
	d->nr_cpus = opt->nr_cpus;
	ioapic_init(d);
	pic_init(d);
	if (d->testdev.on)
		testdev_init(d);
	err = pit_init(d);
	return err ? err : rtc_init(d);
}

void devices_end(struct devices *d, enum devices_end end, const char *what, ...)
{
	va_list ap;

	if (d->end != DEVICES_GO_ON)
		return;
	d->end = end;
	va_start(ap, what);
	vsnprintf(d->what, sizeof(d->what), what, ap);
	va_end(ap);
}

void irq_set(struct devices *d, unsigned int gsi, bool level)
{
	if (!d->pc)
		return;
	/* The slave is at the PIC's own input 2, so the timer has the number 0 there. */
	if (gsi == GSI_TIMER)
		pic_set(d, 0, level);
	else if (gsi && gsi < 16)
		pic_set(d, gsi, level);
	ioapic_set(d, gsi, level);
}

void devices_eoi(struct devices *d, uint8_t vector)
{
	if (d->pc)
		ioapic_eoi(d, vector);
}

void devices_input(struct devices *d)
{
	if (!d->pc || !virtio_console_input(d))
		serial_input(d);
}

/* Dropped, and nobody is told of it before the end. */
static void to_nowhere(struct devices *d, const char *access, const char *where,
		       uint64_t address, unsigned int len)
{
	char what[sizeof(d->nowhere.first)];

	if (!d->nowhere.count++ || d->strict) {
		snprintf(what, sizeof(what), "%s of %u byte%s %s %#llx", access, len,
			 len == 1 ? "" : "s", where, (unsigned long long)address);
		if (d->nowhere.count == 1)
			memcpy(d->nowhere.first, what, sizeof(what));
		if (d->strict)
			devices_end(d, DEVICES_STRICT, "%s, where there is no device", what);
	}
}

/* What a PC would have had there. */
static void miss_pc_port(struct devices *d, uint16_t port)
{
	const struct port_device *p;

	if (d->pc || d->nowhere.pc_has)
		return;
	for (p = port_devices; p < port_devices + NR_ROWS(port_devices); p++)
		if (p->where == ONLY_PC && port >= p->first && port - p->first < p->count)
			d->nowhere.pc_has = p->name;
}

static void miss_pc_memory(struct devices *d, uint64_t gpa)
{
	const struct mmio_device *m;

	if (d->pc || d->nowhere.pc_has)
		return;
	for (m = mmio_devices; m < mmio_devices + NR_ROWS(mmio_devices); m++)
		if (m->where == ONLY_PC && gpa >= m->gpa && gpa - m->gpa < m->len)
			d->nowhere.pc_has = m->name;
	if (gpa >= XAPIC_PAGE && gpa - XAPIC_PAGE < XAPIC_PAGE_SIZE)
		devices_no_apic(d);
}

void devices_no_apic(struct devices *d)
{
	if (!d->nowhere.pc_has)
		d->nowhere.pc_has = "local APIC";
}

/* A port that no device has is an error of the access, unless another byte has one. */
static void check_ports(struct devices *d, const char *access, uint16_t port, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		if (find_port(d, port + i))
			return;
	miss_pc_port(d, port);
	to_nowhere(d, access, "at port", port, len);
}

uint32_t devices_in(struct devices *d, uint16_t port, unsigned int len)
{
	const struct port_device *p;
	uint32_t value = 0;
	unsigned int i;
	uint16_t at;
	uint8_t byte;

	check_ports(d, "IN", port, len);
	for (i = 0; i < len; i++) {
		at = port + i;
		p = find_port(d, at);
		byte = p && p->in ? p->in(d, at - p->first) : 0xff;
		value |= (uint32_t)byte << (8 * i);
	}
	return value;
}

void devices_out(struct devices *d, uint16_t port, unsigned int len, uint32_t value)
{
	const struct port_device *p;
	unsigned int i;
	uint16_t at;

	check_ports(d, "OUT", port, len);
	/* The address of PCI's configuration space, as a whole: the reset control is for bytes. */
	if (port == PCI_CONFIG_ADDRESS && len == 4)
		return;
	for (i = 0; i < len; i++) {
		at = port + i;
		p = find_port(d, at);
		if (p && p->out)
			p->out(d, at - p->first, value >> (8 * i));
	}
}

static const struct mmio_device *find_mmio(const struct devices *d, uint64_t gpa, unsigned int len)
{
	const struct mmio_device *m;

	for (m = mmio_devices; m < mmio_devices + NR_ROWS(mmio_devices); m++)
		if (gpa >= m->gpa && gpa - m->gpa <= m->len - len && is_here(d, m->where))
			return m;
	return NULL;
}

uint64_t devices_read(struct devices *d, uint64_t gpa, unsigned int len)
{
	const struct mmio_device *m = find_mmio(d, gpa, len);
	uint64_t value = ~0ULL;

	if (m) {
		value = m->read(d, gpa - m->gpa, len);
	} else {
		miss_pc_memory(d, gpa);
		to_nowhere(d, "read", "at physical address", gpa, len);
	}
	return value & ~0ULL >> (64 - 8 * len);
}

void devices_write(struct devices *d, uint64_t gpa, unsigned int len, uint64_t value)
{
	const struct mmio_device *m = find_mmio(d, gpa, len);

	if (m) {
		m->write(d, gpa - m->gpa, len, value & ~0ULL >> (64 - 8 * len));
	} else {
		miss_pc_memory(d, gpa);
		to_nowhere(d, "write", "at physical address", gpa, len);
	}
}

/* A slot without a device is as much no device as an address outside of the region. */
static bool find_slot(struct devices *d, const char *access, uint64_t offset, unsigned int len,
		      unsigned int *slot)
{
	*slot = offset / VIRTIO_MMIO_STRIDE;
	if (*slot < virtio_count(d) && offset % VIRTIO_MMIO_STRIDE + len <= VIRTIO_MMIO_STRIDE)
		return true;
	to_nowhere(d, access, "at physical address", VIRTIO_MMIO_BASE + offset, len);
	return false;
}

static uint64_t virtio_region_read(struct devices *d, uint64_t offset, unsigned int len)
{
	unsigned int slot;

	if (!find_slot(d, "read", offset, len, &slot))
		return ~0ULL;
	return virtio_mmio_read(d, slot, offset % VIRTIO_MMIO_STRIDE, len);
}

static void virtio_region_write(struct devices *d, uint64_t offset, unsigned int len,
				uint64_t value)
{
	unsigned int slot;

	if (find_slot(d, "write", offset, len, &slot))
		virtio_mmio_write(d, slot, offset % VIRTIO_MMIO_STRIDE, len, value);
}
