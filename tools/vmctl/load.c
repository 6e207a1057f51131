// SPDX-License-Identifier: GPL-2.0-only
/* The table of loaders, and what they share. */
#include <stdio.h>
#include <string.h>

#include "load.h"

/* The Linux boot protocol's setup header. */
#define BZIMAGE_MAGIC_AT	0x202

#define REAL_TOP		0x100000

static bool probe_bzimage(const struct blob *image)
{
	return image->size >= BZIMAGE_MAGIC_AT + 4 &&
	       !memcmp(image->data + BZIMAGE_MAGIC_AT, "HdrS", 4);
}

static int load_bzimage(struct load *load)
{
	return load_fail(load, ST_UNSUPPORTED, "a Linux bzImage: not supported yet");
}

static bool probe_any(const struct blob *image)
{
	return image->size;
}

/* In the order in which they are tried. */
static const struct loader {
	const char *name;
	bool (*probe)(const struct blob *image);
	int (*load)(struct load *load);
} loaders[] = {
	{ "multiboot",	probe_multiboot,	load_multiboot },
	{ "elf",	probe_elf,		load_elf },
	{ "bzimage",	probe_bzimage,		load_bzimage },
	{ "raw",	probe_any,		load_raw },
};

#define NR_LOADERS	(sizeof(loaders) / sizeof(loaders[0]))

static const struct loader *find_loader(const char *name)
{
	unsigned int i;

	for (i = 0; i < NR_LOADERS; i++)
		if (!strcmp(loaders[i].name, name))
			return &loaders[i];
	return NULL;
}

bool load_type_known(const char *name)
{
	return find_loader(name);
}

int load_fail(struct load *load, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(load->error, sizeof(load->error), fmt, ap);
	va_end(ap);
	return status;
}

int load_place(struct load *load, uint64_t gpa, const uint8_t *data, uint64_t size,
	       uint64_t mem_size, const char *what)
{
	uint8_t *host = ram_claim(load->ram, gpa, mem_size, what, load->error,
				  sizeof(load->error));

	if (!host)
		return ST_BAD_IMAGE;
	if (size)
		memcpy(host, data, size);
	memset(host + size, 0, mem_size - size);
	return 0;
}

/* Options that only some images obey are refused with the others, not ignored. */
static int check_options(struct load *load)
{
	const struct load_options *opt = load->opt;
	bool raw = !strcmp(load->kind, "raw");

	if (!raw && (opt->has_load || opt->mode != BOOT_DEFAULT))
		return load_fail(load, ST_USAGE, "--load and --mode are for raw images, not for %s (--type raw makes it one)",
				 load->kind);
	if (strcmp(load->kind, "multiboot") && (opt->append || opt->nr_modules))
		return load_fail(load, ST_USAGE, "--append and --module are for multiboot images, not for %s",
				 load->kind);
	return 0;
}

static int check_entry(struct load *load)
{
	uint64_t entry = load->boot.entry;

	if (load->boot.mode == BOOT_REAL && entry >= REAL_TOP)
		return load_fail(load, ST_BAD_IMAGE, "the entry point %#llx is above 1 MiB, which real mode cannot reach",
				 (unsigned long long)entry);
	if (load->boot.mode == BOOT_PROTECTED && entry > UINT32_MAX)
		return load_fail(load, ST_BAD_IMAGE, "the entry point %#llx is above 4 GiB, which protected mode cannot reach",
				 (unsigned long long)entry);
	return 0;
}

int load_image(struct load *load)
{
	const struct loader *loader = NULL;
	unsigned int i;
	int err;

	if (load->opt->type)
		loader = find_loader(load->opt->type);
	for (i = 0; i < NR_LOADERS && !load->opt->type && !loader; i++)
		if (loaders[i].probe(load->image))
			loader = &loaders[i];
	if (!loader)
		return load_fail(load, ST_BAD_IMAGE, "the file is empty");
	load->kind = loader->name;
	err = loader->load == load_bzimage ? 0 : check_options(load);
	if (!err)
		err = loader->load(load);
	if (err)
		return err;
	if (load->opt->has_entry)
		load->boot.entry = load->opt->entry;
	return check_entry(load);
}
