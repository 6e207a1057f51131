// SPDX-License-Identifier: GPL-2.0-only
/* The table of loaders, and what they share. */
#include <stdio.h>
#include <string.h>

#include "load.h"

#define REAL_TOP		0x100000

static bool probe_any(const struct blob *image)
{
	return image->size;
}

/* Options that only some images obey are refused with the others, not ignored. */
enum takes {
	TAKES_PLACE	= 1 << 0,	/* --load, --mode */
	TAKES_APPEND	= 1 << 1,
	TAKES_MODULES	= 1 << 2,
	TAKES_INITRD	= 1 << 3,
	TAKES_ENTRY	= 1 << 4,	/* --entry */
};

/* In the order in which they are tried. */
static const struct loader {
	const char *name;
	bool (*probe)(const struct blob *image);
	int (*load)(struct load *load);
	unsigned int takes;
	bool kernel;			/* for a PC: with nothing less can it do */
} loaders[] = {
	{ "multiboot",	probe_multiboot, load_multiboot, TAKES_ENTRY | TAKES_APPEND | TAKES_MODULES,
	  false },
	{ "pvh",	probe_pvh,	load_pvh,	TAKES_ENTRY | TAKES_APPEND | TAKES_INITRD, true },
	{ "elf",	probe_elf,	load_elf,	TAKES_ENTRY, false },
	{ "bzimage",	probe_linux,	load_linux,	TAKES_ENTRY | TAKES_APPEND | TAKES_INITRD, true },
	{ "raw",	probe_any,	load_raw,	TAKES_ENTRY | TAKES_PLACE, false },
};

/* Nothing tells it from a raw image. */
static const struct loader firmware = { "firmware", probe_any, load_firmware, 0, false };

#define NR_LOADERS	(sizeof(loaders) / sizeof(loaders[0]))

static const struct loader *find_by_name(const char *name)
{
	unsigned int i;

	for (i = 0; i < NR_LOADERS; i++)
		if (!strcmp(loaders[i].name, name))
			return &loaders[i];
	return NULL;
}

bool load_type_known(const char *name)
{
	return find_by_name(name);
}

static const struct loader *find_loader(const struct blob *image, const struct load_options *opt)
{
	unsigned int i;

	if (opt->firmware)
		return &firmware;
	if (opt->type)
		return find_by_name(opt->type);
	for (i = 0; i < NR_LOADERS; i++)
		if ((!opt->kernel || loaders[i].kernel) && loaders[i].probe(image))
			return &loaders[i];
	return NULL;
}

bool load_wants_pc(const struct blob *image, const struct load_options *opt)
{
	const struct loader *loader = find_loader(image, opt);

	return loader && loader->kernel;
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

int load_put_below(struct load *load, uint64_t limit, const void *data, size_t size,
		   uint64_t align, const char *what, uint32_t *gpa)
{
	uint64_t at;
	uint8_t *host = ram_place_below(load->ram, limit, size ?: 1, align, what, &at,
					load->error, sizeof(load->error));

	if (!host)
		return ST_BAD_IMAGE;
	if (size)
		memcpy(host, data, size);
	*gpa = at;	/* the low bank ends below 4 GiB */
	return 0;
}

int load_put(struct load *load, const void *data, size_t size, uint64_t align, const char *what,
	     uint32_t *gpa)
{
	return load_put_below(load, UINT64_MAX, data, size, align, what, gpa);
}

int load_put_string(struct load *load, const char *s, const char *what, uint32_t *gpa)
{
	return load_put(load, s, strlen(s) + 1, 4, what, gpa);
}

static int check_options(struct load *load, unsigned int takes)
{
	const struct load_options *opt = load->opt;
	const struct {
		unsigned int takes;
		bool given;
		const char *what;
	} given[] = {
		{ TAKES_PLACE, opt->has_load || opt->mode != BOOT_DEFAULT,
		  "--load and --mode are for raw images (--type raw makes it one)" },
		{ TAKES_APPEND, opt->append, "--append is for kernels and multiboot images" },
		{ TAKES_MODULES, opt->nr_modules, "--module is for multiboot images" },
		{ TAKES_INITRD, opt->initrd.name, "--initrd is for Linux kernels" },
		{ TAKES_ENTRY, opt->has_entry, "--entry is for guests without firmware" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(given) / sizeof(given[0]); i++)
		if (given[i].given && !(takes & given[i].takes))
			return load_fail(load, ST_USAGE, "%s, and this is of type %s",
					 given[i].what, load->kind);
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
	const struct loader *loader = find_loader(load->image, load->opt);
	int err;

	if (!load->image->size)
		return load_fail(load, ST_BAD_IMAGE, "the file is empty");
	if (!loader)
		return load_fail(load, ST_BAD_IMAGE, "neither a Linux bzImage nor an ELF file with a PVH entry (for all else there is --pc)");
	load->kind = loader->name;
	err = check_options(load, loader->takes);
	if (!err)
		err = loader->load(load);
	if (err)
		return err;
	if (load->opt->has_entry)
		load->boot.entry = load->opt->entry;
	return check_entry(load);
}
