// SPDX-License-Identifier: GPL-2.0-only
/*
 * ELF kernels that say where a PVH guest enters them, as an uncompressed vmlinux does:
 * in flat protected mode, with the start information's address in EBX.
 * Source: Xen's "x86/HVM direct boot ABI" and xen/include/public/arch-x86/hvm/start_info.h.
 */
#include <string.h>

#include "load.h"

#define NOTE_OWNER	"Xen"
#define NOTE_ENTRY	18	/* XEN_ELFNOTE_PHYS32_ENTRY */
#define START_MAGIC	0x336ec578
#define START_VERSION	1	/* the first with a memory map */

struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modules, cmdline, rsdp, memory_map;
	uint32_t nr_ranges, reserved;
};

struct start_module {
	uint64_t address, size, cmdline, reserved;
};

/* The types are BIOS's, as in struct ram_range. */
struct start_range {
	uint64_t address, size;
	uint32_t type, reserved;
};

bool probe_pvh(const struct blob *image)
{
	uint64_t entry;

	return load_elf_note(image, NOTE_OWNER, NOTE_ENTRY, &entry);
}

static int put_initrd(struct load *load, struct start_info *info)
{
	const struct blob *initrd = &load->opt->initrd;
	struct start_module module = { .size = initrd->size };
	uint32_t at;
	int err;

	if (!initrd->name || !initrd->size)
		return 0;
	err = load_put(load, initrd->data, initrd->size, 4096, "the initrd", &at);
	module.address = at;
	if (!err)
		err = load_put(load, &module, sizeof(module), 8, "the list of modules", &at);
	info->nr_modules = 1;
	info->modules = at;
	return err;
}

static int put_ranges(struct load *load, struct start_info *info)
{
	struct start_range map[RAM_MAX_RANGES] = { 0 };
	struct ram_range range[RAM_MAX_RANGES];
	unsigned int i, nr = ram_map(load->ram, range);
	uint32_t at = 0;
	int err;

	for (i = 0; i < nr; i++) {
		map[i].address = range[i].from;
		map[i].size = range[i].to - range[i].from;
		map[i].type = range[i].type;
	}
	err = load_put(load, map, nr * sizeof(map[0]), 8, "the memory map", &at);
	info->nr_ranges = nr;
	info->memory_map = at;
	return err;
}

static int put_start_info(struct load *load)
{
	struct start_info info = {
		.magic = START_MAGIC,
		.version = START_VERSION,
		.rsdp = load->rsdp,
	};
	uint32_t at = 0;
	int err = load_put_string(load, load->opt->append ?: "", "the command line", &at);

	info.cmdline = at;
	if (!err)
		err = put_initrd(load, &info);
	if (!err)
		err = put_ranges(load, &info);
	return err ?: load_put(load, &info, sizeof(info), 8, "the start information",
			       &load->boot.ebx);
}

int load_pvh(struct load *load)
{
	uint64_t entry, elf_entry;
	bool is64;
	int err;

	if (!load_elf_note(load->image, NOTE_OWNER, NOTE_ENTRY, &entry))
		return load_fail(load, ST_BAD_IMAGE, "no ELF file with a note that tells its PVH entry");
	err = load_elf_segments(load, &elf_entry, &is64);
	if (err)
		return err;
	if (!ram_host(load->ram, entry, 1))
		return load_fail(load, ST_BAD_IMAGE, "the PVH entry point %#llx is outside guest memory",
				 (unsigned long long)entry);
	load->boot.mode = BOOT_PROTECTED;
	load->boot.entry = entry;
	load->boot.x2apic = is64;
	return put_start_info(load);
}
