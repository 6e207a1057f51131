// SPDX-License-Identifier: GPL-2.0-only
/* Linux in the guest's memory, as its boot protocol has it for the 64-bit entry point. */
#include <asm/bootparam.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mailbox.h"
#include "vmm.h"

#define LOW_END		0x9fc00
#define HIGH		0x100000
#define ENTRY_64	0x200
#define UNKNOWN_LOADER	0xff
#define E820_RAM	1
#define E820_RESERVED	2

#define PRESENT_WRITABLE 3
#define LARGE		0x80
#define PAGE		4096

struct blob {
	const uint8_t *data;
	size_t size;
};

static struct blob map_file(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct blob blob;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		die("%s: %m", name);
	blob.size = st.st_size;
	blob.data = mmap(NULL, blob.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (blob.data == MAP_FAILED)
		die("%s: %m", name);
	close(fd);
	return blob;
}

/* The first 4 GiB, each address as it is. */
static void make_tables(struct guest *g)
{
	uint64_t *table = (uint64_t *)(g->ram + TABLES_AT);
	const unsigned int entries = PAGE / sizeof(*table);
	uint64_t i;

	table[0] = (TABLES_AT + PAGE) | PRESENT_WRITABLE;
	for (i = 0; i < 4; i++)
		table[entries + i] = (TABLES_AT + (2 + i) * PAGE) | PRESENT_WRITABLE;
	for (i = 0; i < 4 * entries; i++)
		table[2 * entries + i] = i << 21 | LARGE | PRESENT_WRITABLE;
}

static void add_range(struct boot_params *zero, uint64_t start, uint64_t end, uint32_t type)
{
	zero->e820_table[zero->e820_entries++] =
		(struct boot_e820_entry){ .addr = start, .size = end - start, .type = type };
}

static void load_kernel(struct guest *g, struct boot_params *zero, const char *name)
{
	struct blob image = map_file(name);
	size_t head, size;

	if (image.size < HIGH / 256)
		die("%s is no kernel", name);
	memcpy(&zero->hdr, image.data + offsetof(struct boot_params, hdr), sizeof(zero->hdr));
	head = (zero->hdr.setup_sects + 1) * 512;
	if (zero->hdr.header != 0x53726448 || !(zero->hdr.xloadflags & XLF_KERNEL_64) ||
	    image.size <= head || KERNEL_AT + (uint64_t)zero->hdr.init_size > g->size)
		die("%s is no bzImage with a 64-bit entry point that fits into memory", name);
	size = image.size - head;
	memcpy(g->ram + KERNEL_AT, image.data + head, size);
	munmap((void *)image.data, image.size);
	g->entry = KERNEL_AT + ENTRY_64;
}

static void load_initrd(struct guest *g, struct boot_params *zero, const char *name)
{
	struct blob initrd = map_file(name);
	uint64_t at = (g->size - initrd.size) & -PAGE;

	if (initrd.size > g->size || at < KERNEL_AT + (uint64_t)zero->hdr.init_size)
		die("%s does not fit into memory", name);
	memcpy(g->ram + at, initrd.data, initrd.size);
	munmap((void *)initrd.data, initrd.size);
	zero->hdr.ramdisk_image = at;
	zero->hdr.ramdisk_size = initrd.size;
}

static void load_command_line(struct guest *g, struct boot_params *zero, const char *text)
{
	if (strlen(text) > zero->hdr.cmdline_size)
		die("the command line is too long");
	strcpy((char *)g->ram + COMMAND_LINE_AT, text);
	zero->hdr.cmd_line_ptr = COMMAND_LINE_AT;
}

void load_linux(struct guest *g, const char *kernel, const char *initrd, const char *command_line)
{
	struct boot_params *zero = (void *)(g->ram + ZERO_PAGE_AT);
	/* Code and data, flat, where the boot protocol wants them: 0x10 and 0x18. */
	static const uint64_t gdt[] = { 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff };

	load_kernel(g, zero, kernel);
	load_initrd(g, zero, initrd);
	load_command_line(g, zero, command_line);
	zero->hdr.type_of_loader = UNKNOWN_LOADER;
	add_range(zero, 0, LOW_END, E820_RAM);
	add_range(zero, HIGH, g->size, E820_RAM);
	add_range(zero, g->size, g->size + g->window + MAILBOX_SIZE, E820_RESERVED);
	memcpy(g->ram + GDT_AT, gdt, sizeof(gdt));
	make_tables(g);
	make_acpi(g->ram);
}
