// SPDX-License-Identifier: GPL-2.0-only
/* The table of devices, and which access goes to which. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "device.h"

/* Without @in a port reads as ones, without @out what is written is dropped. */
static const struct port_device {
	const char *name;
	uint16_t first;
	uint16_t count;
	uint8_t (*in)(struct devices *d, unsigned int reg);
	void (*out)(struct devices *d, unsigned int reg, uint8_t value);
} port_devices[] = {
	{ "keyboard data",	0x060, 1, keyboard_in,	NULL },
	{ "keyboard control",	0x064, 1, keyboard_in,	keyboard_out },
	{ "debug console",	0x0e9, 1, debugcon_in,	debugcon_out },
	{ "debug exit",		0x0f4, 4, NULL,		debugexit_out },
	{ "serial port",	0x3f8, 8, serial_in,	serial_out },
	{ "reset control",	0xcf9, 1, NULL,		resetctl_out },
};

#define NR_DEVICES	(sizeof(port_devices) / sizeof(port_devices[0]))

static const struct port_device *find_device(uint16_t port)
{
	const struct port_device *p;

	for (p = port_devices; p < port_devices + NR_DEVICES; p++)
		if (port >= p->first && port - p->first < p->count)
			return p;
	return NULL;
}

void devices_init(struct devices *d, const struct chardev *chardev, bool strict)
{
	memset(d, 0, sizeof(*d));
	d->strict = strict;
	d->chardev = chardev;
	uart_init(&d->uart, chardev);
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

static void check_strict(struct devices *d, const char *access, const char *where,
			 uint64_t address, unsigned int len)
{
	if (d->strict)
		devices_end(d, DEVICES_STRICT, "%s of %u bytes %s %#llx, where there is no device",
			    access, len, where, (unsigned long long)address);
}

/* A port that no device has is an error of the access, unless another byte has one. */
static void check_ports(struct devices *d, const char *access, uint16_t port, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		if (find_device(port + i))
			return;
	check_strict(d, access, "at port", port, len);
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
		p = find_device(at);
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
	for (i = 0; i < len; i++) {
		at = port + i;
		p = find_device(at);
		if (p && p->out)
			p->out(d, at - p->first, value >> (8 * i));
	}
}

uint64_t devices_read(struct devices *d, uint64_t gpa, unsigned int len)
{
	check_strict(d, "read", "at physical address", gpa, len);
	return ~0ULL >> (64 - 8 * len);
}

void devices_write(struct devices *d, uint64_t gpa, unsigned int len, uint64_t value)
{
	(void)value;
	check_strict(d, "write", "at physical address", gpa, len);
}
