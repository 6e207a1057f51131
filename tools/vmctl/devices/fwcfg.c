// SPDX-License-Identifier: GPL-2.0-only
/*
 * Facts for firmware and tests, as QEMU's fw_cfg gives them: a selector port, then a data
 * port that reads one byte after the other. Some facts have numbers that all know, others
 * are files, whose numbers stand in a directory.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../ram.h"
#include "device.h"

#define SELECTOR_LOW	0
/* The data port is also where the upper half of a 16-bit selector goes. */
#define DATA		1

#define KEY_DIRECTORY	0x0019
#define KEY_FILES	0x0020	/* the first file's */

/* The directory: how many files, then these; all of it is big endian. */
struct fwcfg_entry {
	uint32_t size;
	uint16_t key;
	uint16_t reserved;
	char name[FWCFG_NAME];
};

_Static_assert(sizeof(struct fwcfg_entry) == 64, "directory entry");

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

/* Little endian, @len bytes. */
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
};

static uint8_t fwcfg_directory(const struct fwcfg *f, uint32_t at)
{
	const uint32_t nr = htobe32(f->nr_files);
	struct fwcfg_entry entry = { 0 };
	unsigned int i;

	if (at < sizeof(nr))
		return ((const uint8_t *)&nr)[at];
	i = (at - sizeof(nr)) / sizeof(entry);
	if (i >= f->nr_files)
		return 0;
	entry.size = htobe32(f->file[i].size);
	entry.key = htobe16(KEY_FILES + i);
	memcpy(entry.name, f->file[i].name, sizeof(entry.name));
	return ((const uint8_t *)&entry)[(at - sizeof(nr)) % sizeof(entry)];
}

/* Beyond their ends, and where there are none, all items read as zeroes. */
static uint8_t fwcfg_byte(const struct devices *d, uint32_t at)
{
	const struct fwcfg *f = &d->fwcfg;
	unsigned int i;

	if (f->key == KEY_DIRECTORY)
		return fwcfg_directory(f, at);
	i = f->key - KEY_FILES;
	if (f->key >= KEY_FILES && i < f->nr_files)
		return at < f->file[i].size ? f->file[i].data[at] : 0;
	for (i = 0; i < sizeof(fwcfg_items) / sizeof(fwcfg_items[0]); i++)
		if (fwcfg_items[i].key == f->key && at < fwcfg_items[i].len)
			return fwcfg_items[i].value(d) >> (8 * at);
	return 0;
}

uint8_t fwcfg_in(struct devices *d, unsigned int reg)
{
	uint8_t value;

	if (reg != DATA)
		return 0;
	value = fwcfg_byte(d, d->fwcfg.at);
	/* It must not begin again where 32 bits end. */
	if (d->fwcfg.at < UINT32_MAX)
		d->fwcfg.at++;
	return value;
}

void fwcfg_out(struct devices *d, unsigned int reg, uint8_t value)
{
	d->fwcfg.at = 0;
	if (reg == SELECTOR_LOW)
		d->fwcfg.key = value;
	else
		d->fwcfg.key = (d->fwcfg.key & 0xff) | value << 8;
}

int fwcfg_add_file(struct devices *d, const char *name, const void *data, uint32_t size)
{
	struct fwcfg *f = &d->fwcfg;
	struct fwcfg_file *file = &f->file[f->nr_files];

	if (f->nr_files == FWCFG_MAX_FILES || strlen(name) >= FWCFG_NAME)
		return -ENOSPC;
	*file = (struct fwcfg_file){ .size = size, .data = malloc(size) };
	if (!file->data)
		return -ENOMEM;
	memcpy(file->data, data, size);
	strcpy(file->name, name);
	f->nr_files++;
	return 0;
}

void fwcfg_destroy(struct devices *d)
{
	while (d->fwcfg.nr_files)
		free(d->fwcfg.file[--d->fwcfg.nr_files].data);
}
