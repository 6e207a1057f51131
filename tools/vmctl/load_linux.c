// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linux bzImages by the x86 boot protocol, without its real-mode part: at the 64-bit
 * entry point, or at the 32-bit one of those that have no other (memtest86+).
 * Source: Documentation/arch/x86/boot.rst.
 */
#include <stddef.h>
#include <string.h>

#include <asm/bootparam.h>

#include "load.h"

#define HEADER_AT	offsetof(struct boot_params, hdr)
#define HEADER_ROOM	(offsetof(struct boot_params, edd_mbr_sig_buffer) - HEADER_AT)
#define JUMP_AT		0x200	/* of the setup header; its operand is the header's length */
#define SECTOR		512
#define SETUP_SECTS	4	/* if the header says 0 */
#define BOOT_FLAG	0xaa55
#define MAGIC		0x53726448	/* "HdrS" */
#define ENTRY_64	0x200
#define LOAD_AT	0x100000ULL
#define NO_LOADER_ID	0xff
#define VGA_NORMAL	0xffff

/* Versions of the protocol, and what came with them. */
#define WITH_CMDLINE_SIZE	0x206	/* Linux 2.6.22: no older one is loaded */
#define WITH_INIT_SIZE		0x20a	/* and pref_address */
#define WITH_XLOADFLAGS		0x20c

/* What the kernel is told lies below, where it will not unpack itself to. */
#define LOW_LIMIT	0x90000
/* Where a preferred address is nonsense, and sums with it might wrap around. */
#define MAX_ADDRESS	(1ULL << 46)

/* Flat, 4 GiB; the 64-bit code segment is the same but for L and D. */
#define DESC_CODE32	0x00cf9b000000ffffULL
#define DESC_CODE64	0x00af9b000000ffffULL
#define DESC_DATA	0x00cf93000000ffffULL

/**
 * struct kernel - the file
 * @hdr: its setup header; fields that it is too old to have are 0
 * @code: what is loaded
 * @size: of it
 * @at: where it goes
 */
struct kernel {
	struct setup_header hdr;
	const uint8_t *code;
	uint64_t size;
	uint64_t at;
};

bool probe_linux(const struct blob *image)
{
	uint32_t magic;

	if (image->size < HEADER_AT + sizeof(struct setup_header))
		return false;
	memcpy(&magic, image->data + HEADER_AT + offsetof(struct setup_header, header), 4);
	return magic == MAGIC;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The header ends where its jump instruction leads to. */
static int read_header(struct load *load, struct kernel *k)
{
	const uint8_t *data = load->image->data;
	size_t end, room;

	if (!probe_linux(load->image))
		return load_fail(load, ST_BAD_IMAGE, "no header of a Linux bzImage");
	end = JUMP_AT + 2 + data[JUMP_AT + 1];
	room = load->image->size < end ? load->image->size : end;
	memcpy(&k->hdr, data + HEADER_AT,
	       room - HEADER_AT < sizeof(k->hdr) ? room - HEADER_AT : sizeof(k->hdr));
	if (k->hdr.boot_flag != BOOT_FLAG)
		return load_fail(load, ST_BAD_IMAGE, "bzImage: the boot flag is %#x, not 0xaa55",
				 k->hdr.boot_flag);
	if (k->hdr.version < WITH_CMDLINE_SIZE)
		return load_fail(load, ST_UNSUPPORTED, "bzImage: boot protocol %u.%02u is older than 2.06 (Linux 2.6.22)",
				 k->hdr.version >> 8, k->hdr.version & 0xff);
	if (!(k->hdr.loadflags & LOADED_HIGH))
		return load_fail(load, ST_UNSUPPORTED, "a zImage, not a bzImage: it loads below 1 MiB");
	return 0;
}

/* Behind the sectors of real-mode code; more may follow (a signature). */
static int find_code(struct load *load, struct kernel *k)
{
	uint64_t setup = ((k->hdr.setup_sects ?: SETUP_SECTS) + 1ULL) * SECTOR;
	uint64_t size = load->image->size, need = k->hdr.syssize * 16ULL;

	/* Sizes are in paragraphs, the last of which need not be whole. */
	if (setup >= size || need > size - setup + 15)
		return load_fail(load, ST_BAD_IMAGE, "bzImage: truncated: %llu bytes, and its header speaks of %llu",
				 (unsigned long long)size, (unsigned long long)(setup + need));
	k->code = load->image->data + setup;
	k->size = size - setup;
	return 0;
}

/*
 * The kernel unpacks itself at the address it prefers (or above, if it is loaded
 * there), and wants init_size bytes there.
 */
static int place_kernel(struct load *load, struct kernel *k)
{
	const struct setup_header *h = &k->hdr;
	bool sized = h->version >= WITH_INIT_SIZE;
	uint64_t pref = sized ? max_u64(h->pref_address, LOAD_AT) : LOAD_AT;
	uint64_t align = h->kernel_alignment, end;
	uint8_t *host;

	if (pref > MAX_ADDRESS)
		return load_fail(load, ST_BAD_IMAGE, "bzImage: its preferred address %#llx is none",
				 (unsigned long long)pref);
	k->at = LOAD_AT;
	if (sized && h->relocatable_kernel) {
		if (!align || align & (align - 1))
			return load_fail(load, ST_BAD_IMAGE, "bzImage: its alignment %#llx is not a power of two",
					 (unsigned long long)align);
		pref = (pref + align - 1) & ~(align - 1);
		k->at = pref;
	}
	end = max_u64(k->at + k->size, sized ? pref + h->init_size : 0);
	host = ram_claim(load->ram, k->at, end - k->at, "the kernel", load->error,
			 sizeof(load->error));
	if (!host)
		return ST_BAD_IMAGE;
	memcpy(host, k->code, k->size);
	return 0;
}

static int choose_entry(struct load *load, const struct kernel *k)
{
	const struct setup_header *h = &k->hdr;
	struct boot *boot = &load->boot;
	uint64_t end = k->at + k->size;

	if (h->version >= WITH_XLOADFLAGS && h->xloadflags & XLF_KERNEL_64) {
		boot->mode = BOOT_LONG;
		boot->entry = k->at + ENTRY_64;
		boot->x2apic = true;
	} else {
		/* iPXE says so, whose only code that can be begun asks a BIOS for memory. */
		if (k->at == LOAD_AT && !h->code32_start)
			return load_fail(load, ST_UNSUPPORTED, "bzImage: it begins in real mode only, and with a BIOS (from a disk, with --firmware)");
		boot->mode = BOOT_PROTECTED;
		/* Of a kernel that was moved, the header does not know where it is. */
		boot->entry = k->at == LOAD_AT ? h->code32_start : k->at;
	}
	if (boot->entry < k->at || boot->entry >= end)
		return load_fail(load, ST_BAD_IMAGE, "bzImage: the entry point %#llx is outside the kernel at [%#llx, %#llx)",
				 (unsigned long long)boot->entry, (unsigned long long)k->at,
				 (unsigned long long)end);
	return 0;
}

static int put_ramdisk(struct load *load, struct setup_header *h)
{
	const struct blob *initrd = &load->opt->initrd;
	uint32_t at = 0;
	int err;

	if (!initrd->name || !initrd->size)
		return 0;
	err = load_put_below(load, h->initrd_addr_max + 1ULL, initrd->data, initrd->size, 4096,
			     "the initrd", &at);
	h->ramdisk_image = at;
	h->ramdisk_size = initrd->size;	/* what has room below 4 GiB has 32 bits */
	return err;
}

static int put_cmdline(struct load *load, struct setup_header *h)
{
	const char *s = load->opt->append ?: "";
	size_t len = strlen(s);
	uint32_t at = 0;
	int err;

	if (len > h->cmdline_size)
		return load_fail(load, ST_BAD_IMAGE, "the command line has %zu bytes, and this kernel takes %u",
				 len, h->cmdline_size);
	err = load_put_below(load, LOW_LIMIT, s, len + 1, 16, "the command line", &at);
	h->cmd_line_ptr = at;
	return err;
}

static int put_gdt(struct load *load)
{
	const uint64_t gdt[BOOT_GDT_SIZE / 8] = {
		[BOOT_GDT_CS / 8] = load->boot.mode == BOOT_LONG ? DESC_CODE64 : DESC_CODE32,
		[BOOT_GDT_DS / 8] = DESC_DATA,
	};

	return load_put_below(load, LOW_LIMIT, gdt, sizeof(gdt), 16, "the boot GDT",
			      &load->boot.gdt);
}

/* "The zero page": the header as the loader fills it in, and the memory map. */
static int put_params(struct load *load, const struct setup_header *h)
{
	struct ram_range range[RAM_MAX_RANGES];
	unsigned int i, nr = ram_map(load->ram, range);
	struct boot_params params = {
		.hdr = *h,
		.acpi_rsdp_addr = load->rsdp,
		.e820_entries = nr,
	};

	params.hdr.vid_mode = VGA_NORMAL;
	params.hdr.type_of_loader = NO_LOADER_ID;
	params.hdr.loadflags = LOADED_HIGH;
	params.hdr.setup_data = 0;
	for (i = 0; i < nr; i++)
		params.e820_table[i] = (struct boot_e820_entry){
			.addr = range[i].from,
			.size = range[i].to - range[i].from,
			.type = range[i].type,
		};
	return load_put_below(load, LOW_LIMIT, &params, sizeof(params), 4096,
			      "the boot parameters", &load->boot.esi);
}

int load_linux(struct load *load)
{
	struct kernel k = { 0 };
	int err = read_header(load, &k);

	if (!err)
		err = find_code(load, &k);
	if (!err)
		err = place_kernel(load, &k);
	if (!err)
		err = choose_entry(load, &k);
	if (err)
		return err;
	k.hdr.code32_start = k.at;
	err = put_cmdline(load, &k.hdr);
	if (!err)
		err = put_gdt(load);
	if (!err)
		err = put_ramdisk(load, &k.hdr);
	return err ?: put_params(load, &k.hdr);
}
