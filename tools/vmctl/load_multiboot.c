// SPDX-License-Identifier: GPL-2.0-only
/* Multiboot 1: ELF files and files that say themselves where they go. */
#include <string.h>

#include "load.h"

#define MB_SEARCH	8192
#define MB_MAGIC	0x1badb002U
#define MB_BOOT_MAGIC	0x2badb002U

/* Flags of the header: 0..15 must be understood, others may be ignored. */
#define MB_PAGE_ALIGN	(1U << 0)
#define MB_MEM_INFO	(1U << 1)
#define MB_MUST_KNOW	0xffffU
#define MB_ADDRESSES	(1U << 16)

/* Flags of the information. */
#define MBI_MEM		(1U << 0)
#define MBI_CMDLINE	(1U << 2)
#define MBI_MODS	(1U << 3)
#define MBI_MMAP	(1U << 6)
#define MBI_LOADER	(1U << 9)

#define LOADER_NAME	"vmctl"

struct mb_header {
	uint32_t magic, flags, checksum;
	uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};

struct mb_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr;
	uint32_t syms[4];
	uint32_t mmap_length, mmap_addr, drives_length, drives_addr, config_table;
	uint32_t boot_loader_name;
};

struct mb_mmap {
	uint32_t size;
	uint64_t base, len;
	uint32_t type;
} __attribute__((packed));

struct mb_module {
	uint32_t start, end, string, reserved;
};

/* The addresses are only there if the flag says so: without it they may be past the end. */
#define MB_SHORT	12

static bool find_header(const struct blob *image, struct mb_header *h, size_t *at)
{
	size_t end = image->size < MB_SEARCH ? image->size : MB_SEARCH, room;

	for (*at = 0; *at + MB_SHORT <= end; *at += 4) {
		memset(h, 0, sizeof(*h));
		room = end - *at < sizeof(*h) ? MB_SHORT : sizeof(*h);
		memcpy(h, image->data + *at, room);
		if (h->magic == MB_MAGIC && !(h->magic + h->flags + h->checksum))
			return true;
	}
	return false;
}

bool probe_multiboot(const struct blob *image)
{
	struct mb_header h;
	size_t at;

	return find_header(image, &h, &at);
}

static int load_by_addresses(struct load *load, const struct mb_header *h, size_t at)
{
	uint64_t skip = (uint64_t)h->header_addr - h->load_addr, size, mem_size, file;

	if (at + sizeof(*h) > load->image->size || at + sizeof(*h) > MB_SEARCH)
		return load_fail(load, ST_BAD_IMAGE, "the multiboot header is truncated");
	if (h->load_addr > h->header_addr || skip > at)
		return load_fail(load, ST_BAD_IMAGE, "multiboot: load_addr %#x and header_addr %#x begin before the file",
				 h->load_addr, h->header_addr);
	file = load->image->size - (at - skip);
	size = h->load_end_addr ? (uint64_t)h->load_end_addr - h->load_addr : file;
	if ((h->load_end_addr && h->load_end_addr < h->load_addr) || size > file)
		return load_fail(load, ST_BAD_IMAGE, "multiboot: load_end_addr %#x is before load_addr or past the end of the file",
				 h->load_end_addr);
	mem_size = h->bss_end_addr ? (uint64_t)h->bss_end_addr - h->load_addr : size;
	if (h->bss_end_addr && (h->bss_end_addr < h->load_addr || mem_size < size))
		return load_fail(load, ST_BAD_IMAGE, "multiboot: bss_end_addr %#x is before the end of the data",
				 h->bss_end_addr);
	if (h->entry_addr < h->load_addr || h->entry_addr - h->load_addr >= mem_size)
		return load_fail(load, ST_BAD_IMAGE, "multiboot: entry_addr %#x is outside the image",
				 h->entry_addr);
	load->boot.entry = h->entry_addr;
	return load_place(load, h->load_addr, load->image->data + (at - skip), size, mem_size,
			  "the multiboot image");
}

static int put_modules(struct load *load, struct mb_info *info)
{
	struct mb_module mods[LOAD_MAX_MODULES] = { 0 };
	const struct blob *m = load->opt->module;
	unsigned int i, nr = load->opt->nr_modules;
	int err = 0;

	for (i = 0; i < nr && !err; i++, m++) {
		err = load_put(load, m->data, m->size, 4096, "a module", &mods[i].start);
		mods[i].end = mods[i].start + m->size;
		if (!err)
			err = load_put_string(load, m->args ?: m->name, "a module's string",
					      &mods[i].string);
	}
	info->mods_count = nr;
	info->flags |= MBI_MODS;
	return err ?: load_put(load, mods, nr * sizeof(mods[0]), 16, "the list of modules",
			       &info->mods_addr);
}

static int put_memory_map(struct load *load, struct mb_info *info)
{
	uint64_t top = load->ram->bank[0].len;
	struct ram_range range[RAM_MAX_RANGES];
	struct mb_mmap map[RAM_MAX_RANGES];
	unsigned int i, nr = ram_map(load->ram, range);

	for (i = 0; i < nr; i++)
		map[i] = (struct mb_mmap){
			.size = sizeof(map[0]) - sizeof(map[0].size),
			.base = range[i].from,
			.len = range[i].to - range[i].from,
			.type = range[i].type,
		};
	info->flags |= MBI_MEM | MBI_MMAP;
	info->mem_lower = (top < RAM_LOW_TOP ? top : RAM_LOW_TOP) / 1024;
	info->mem_upper = top > RAM_LOW_END ? (top - RAM_LOW_END) / 1024 : 0;
	info->mmap_length = nr * sizeof(map[0]);
	return load_put(load, map, info->mmap_length, 16, "the memory map", &info->mmap_addr);
}

static int put_info(struct load *load)
{
	struct mb_info info = { .flags = MBI_CMDLINE | MBI_LOADER };
	int err;

	err = load_put_string(load, load->opt->append ?: "", "the command line", &info.cmdline);
	if (!err)
		err = load_put_string(load, LOADER_NAME, "the loader's name", &info.boot_loader_name);
	if (!err)
		err = put_modules(load, &info);
	if (!err)
		err = put_memory_map(load, &info);
	return err ?: load_put(load, &info, sizeof(info), 16, "the multiboot information",
			       &load->boot.ebx);
}

int load_multiboot(struct load *load)
{
	struct mb_header h;
	bool is64;
	size_t at;
	int err;

	if (!find_header(load->image, &h, &at))
		return load_fail(load, ST_BAD_IMAGE, "no multiboot header in the first 8 KiB");
	if (h.flags & MB_MUST_KNOW & ~(MB_PAGE_ALIGN | MB_MEM_INFO))
		return load_fail(load, ST_BAD_IMAGE, "the multiboot header asks for features %#x, which are not there (bit 2: a video mode)",
				 h.flags & MB_MUST_KNOW & ~(MB_PAGE_ALIGN | MB_MEM_INFO));
	load->boot.mode = BOOT_PROTECTED;
	load->boot.eax = MB_BOOT_MAGIC;
	if (h.flags & MB_ADDRESSES)
		err = load_by_addresses(load, &h, at);
	else
		err = load_elf_segments(load, &load->boot.entry, &is64);
	return err ?: put_info(load);
}
