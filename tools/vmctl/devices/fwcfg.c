// SPDX-License-Identifier: GPL-2.0-only
/*
 * Facts for firmware and tests, as QEMU's fw_cfg gives them: a selector port, then
 * a data port that reads one byte after the other.
 */
#include <string.h>

#include "../ram.h"
#include "device.h"

#define SELECTOR_LOW	0
/* The data port is also where the upper half of a 16-bit selector goes. */
#define DATA		1

static uint64_t fwcfg_signature(const struct devices *d)
{
	uint64_t value = 0;

	(void)d;
	memcpy(&value, "QEMU", 4);
	return value;
}

/* The port interface, and no DMA. */
static uint64_t fwcfg_interface(const struct devices *d)
{
	(void)d;
	return 1;
}

static uint64_t fwcfg_ram(const struct devices *d)
{
	uint64_t size = 0;
	unsigned int i;

	for (i = 0; i < d->ram->nr_banks; i++)
		size += d->ram->bank[i].len;
	return size;
}

static uint64_t fwcfg_cpus(const struct devices *d)
{
	return d->nr_cpus;
}

/* A directory of no files. */
static uint64_t fwcfg_none(const struct devices *d)
{
	(void)d;
	return 0;
}

/* Little endian, @len bytes; beyond them all items read as zeroes. */
static const struct {
	uint16_t key;
	uint8_t len;
	uint64_t (*value)(const struct devices *d);
} fwcfg_items[] = {
	{ 0x0000, 4, fwcfg_signature },
	{ 0x0001, 4, fwcfg_interface },
	{ 0x0003, 8, fwcfg_ram },
	{ 0x0005, 2, fwcfg_cpus },
	{ 0x000f, 2, fwcfg_cpus },	/* at most */
	{ 0x0019, 4, fwcfg_none },
};

uint8_t fwcfg_in(struct devices *d, unsigned int reg)
{
	uint32_t at = d->selected.at;
	unsigned int i;

	if (reg != DATA)
		return 0;
	for (i = 0; i < sizeof(fwcfg_items) / sizeof(fwcfg_items[0]); i++) {
		if (fwcfg_items[i].key != d->selected.key)
			continue;
		if (at >= fwcfg_items[i].len)
			break;
		d->selected.at++;
		return fwcfg_items[i].value(d) >> (8 * at);
	}
	return 0;
}

void fwcfg_out(struct devices *d, unsigned int reg, uint8_t value)
{
	d->selected.at = 0;
	if (reg == SELECTOR_LOW)
		d->selected.key = value;
	else
		d->selected.key = (d->selected.key & 0xff) | value << 8;
}
