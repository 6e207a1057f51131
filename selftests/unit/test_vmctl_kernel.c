// SPDX-License-Identifier: GPL-2.0-only
/* vmctl's loaders of kernels: bzImages by the Linux boot protocol, ELF files by PVH. */
#include "unit.h"

#include <elf.h>

#include "tools/vmctl/ram.c"
#include "tools/vmctl/load.c"
#include "tools/vmctl/load_raw.c"
#include "tools/vmctl/load_elf.c"
#include "tools/vmctl/load_multiboot.c"
#include "tools/vmctl/load_linux.c"
#include "tools/vmctl/load_pvh.c"
#include "tools/vmctl/load_firmware.c"

#define MEM		0x800000
#define SETUP_SIZE	(2 * SECTOR)	/* one sector behind the first */
#define CODE_SIZE	0x1000
#define IMAGE_SIZE	(SETUP_SIZE + CODE_SIZE)
#define RSDP		0xe0000
#define PREF		0x400000
#define INIT_SIZE	0x200000

static uint8_t memory[MEM];
static uint8_t file[0x4000];
static struct ram ram;
static struct load_options opt;
static struct blob image;
static struct load load;
static uint8_t initrd[0x1801];

static struct setup_header *const hdr = (void *)(file + HEADER_AT);

/* The image is as large as an allocation, so that ASan sees its end. */
static int load_bytes(size_t size)
{
	uint8_t *copy = malloc(size ?: 1);
	int status;

	memcpy(copy, file, size);
	ram = (struct ram){ .nr_banks = 1, .bank = { { 0, MEM, memory } } };
	image = (struct blob){ .name = "image", .data = copy, .size = size };
	memset(&load, 0, sizeof(load));
	load.image = &image;
	load.opt = &opt;
	load.ram = &ram;
	load.rsdp = RSDP;
	status = load_image(&load);
	free(copy);
	return status;
}

static void reset(void)
{
	unsigned int i;

	memset(&opt, 0, sizeof(opt));
	memset(file, 0, sizeof(file));
	memset(memory, 0xcc, sizeof(memory));
	for (i = 0; i < sizeof(initrd); i++)
		initrd[i] = i * 7;
	opt.kernel = true;
}

#define EXPECT_REFUSED(size, words) ({				\
	EXPECT_EQ(load_bytes(size), ST_BAD_IMAGE);		\
	EXPECT(strstr(load.error, words), "\"%s\" is not in \"%s\"", words, load.error);	\
})

/* Any part of guest memory, NULL outside. */
static void *guest(uint64_t gpa, size_t len)
{
	void *at = ram_host(&ram, gpa, len);

	EXPECT(at, "[%#llx, +%#zx) is outside memory", (unsigned long long)gpa, len);
	return at;
}

/* ---- bzImage ---- */

static void good_bzimage(void)
{
	reset();
	hdr->setup_sects = SETUP_SIZE / SECTOR - 1;
	hdr->syssize = CODE_SIZE / 16;
	hdr->boot_flag = BOOT_FLAG;
	hdr->jump = 0x6aeb;
	hdr->header = MAGIC;
	hdr->version = 0x20f;
	hdr->loadflags = LOADED_HIGH | CAN_USE_HEAP;
	hdr->code32_start = LOAD_AT;
	hdr->initrd_addr_max = 0x7fffffff;
	hdr->kernel_alignment = 0x200000;
	hdr->relocatable_kernel = 1;
	hdr->xloadflags = XLF_KERNEL_64;
	hdr->cmdline_size = 2047;
	hdr->pref_address = PREF;
	hdr->init_size = INIT_SIZE;
	hdr->setup_data = 0x1234;
	memset(file + SETUP_SIZE, 0x90, CODE_SIZE);
}

static struct boot_params *loaded_params(void)
{
	return guest(load.boot.esi, sizeof(struct boot_params));
}

TEST(bzimage_64)
{
	struct boot_params *p;
	uint64_t *gdt;

	good_bzimage();
	opt.append = "console=ttyS0 x";
	opt.initrd = (struct blob){ "initrd", NULL, initrd, sizeof(initrd) };
	ASSERT_EQ(load_bytes(IMAGE_SIZE), 0);
	EXPECT_STREQ(load.kind, "bzimage");
	EXPECT_EQ(load.boot.mode, BOOT_LONG);
	EXPECT_EQ(load.boot.entry, PREF + 0x200ULL);
	EXPECT_TRUE(load.boot.x2apic);
	EXPECT_EQ(memory[PREF], 0x90);
	EXPECT_EQ(memory[PREF + CODE_SIZE - 1], 0x90);
	EXPECT_EQ(memory[PREF - 1], 0xcc);
	/* Nothing of what the kernel unpacks itself over is used. */
	EXPECT_EQ(ram.claim[0].gpa, (uint64_t)PREF);
	EXPECT_EQ(ram.claim[0].len, (uint64_t)INIT_SIZE);

	p = loaded_params();
	ASSERT_NOT_NULL(p);
	EXPECT_EQ(load.boot.esi % 4096, 0U);
	EXPECT_LT(load.boot.esi, (uint32_t)LOW_LIMIT);
	EXPECT_EQ(p->hdr.header, (uint32_t)MAGIC);
	EXPECT_EQ(p->hdr.type_of_loader, 0xff);
	EXPECT_EQ(p->hdr.loadflags, LOADED_HIGH);
	EXPECT_EQ(p->hdr.code32_start, (uint32_t)PREF);
	EXPECT_EQ(p->hdr.setup_data, 0ULL);
	EXPECT_EQ(p->sentinel, 0);
	EXPECT_EQ(p->acpi_rsdp_addr, (uint64_t)RSDP);
	EXPECT_STREQ((char *)guest(p->hdr.cmd_line_ptr, 16), "console=ttyS0 x");
	EXPECT_EQ(p->hdr.ramdisk_size, (uint32_t)sizeof(initrd));
	EXPECT_EQ(p->hdr.ramdisk_image % 4096, 0U);
	EXPECT_FALSE(memcmp(guest(p->hdr.ramdisk_image, sizeof(initrd)), initrd, sizeof(initrd)));

	EXPECT_EQ(p->e820_entries, 3);
	EXPECT_EQ(p->e820_table[0].addr, 0ULL);
	EXPECT_EQ(p->e820_table[0].size, 0xa0000ULL);
	EXPECT_EQ(p->e820_table[1].type, 2U);
	EXPECT_EQ(p->e820_table[2].addr, 0x100000ULL);
	EXPECT_EQ(p->e820_table[2].addr + p->e820_table[2].size, (uint64_t)MEM);
	EXPECT_EQ(p->e820_table[2].type, 1U);

	gdt = guest(load.boot.gdt, BOOT_GDT_SIZE);
	EXPECT_EQ(gdt[2], DESC_CODE64);
	EXPECT_EQ(gdt[3], DESC_DATA);
}

TEST(bzimage_not_relocatable)
{
	good_bzimage();
	hdr->relocatable_kernel = 0;
	hdr->kernel_alignment = 0;
	ASSERT_EQ(load_bytes(IMAGE_SIZE), 0);
	EXPECT_EQ(load.boot.entry, LOAD_AT + 0x200);
	EXPECT_EQ(memory[LOAD_AT], 0x90);
	/* It unpacks itself at its own address, which must be free as well. */
	EXPECT_EQ(ram.claim[0].gpa, LOAD_AT);
	EXPECT_EQ(ram.claim[0].len, PREF + INIT_SIZE - LOAD_AT);
}

TEST(bzimage_is_aligned)
{
	good_bzimage();
	hdr->pref_address = PREF - 0x1000;
	ASSERT_EQ(load_bytes(IMAGE_SIZE), 0);
	EXPECT_EQ(load.boot.entry, PREF + 0x200ULL);
	hdr->pref_address = 0;
	ASSERT_EQ(load_bytes(IMAGE_SIZE), 0);
	EXPECT_EQ(load.boot.entry, 0x200200ULL);
}

TEST(bzimage_32)
{
	uint64_t *gdt;

	good_bzimage();
	hdr->xloadflags = 0;
	ASSERT_EQ(load_bytes(IMAGE_SIZE), 0);
	EXPECT_EQ(load.boot.mode, BOOT_PROTECTED);
	EXPECT_EQ(load.boot.entry, (uint64_t)PREF);
	EXPECT_EQ(load.boot.ebx, 0U);
	EXPECT_FALSE(load.boot.x2apic);
	gdt = guest(load.boot.gdt, BOOT_GDT_SIZE);
	EXPECT_EQ(gdt[2], DESC_CODE32);
	/* memtest86+: not relocatable, with an entry of its own. */
	hdr->relocatable_kernel = 0;
	hdr->code32_start = LOAD_AT + 0x20;
	hdr->pref_address = LOAD_AT;
	ASSERT_EQ(load_bytes(IMAGE_SIZE), 0);
	EXPECT_EQ(load.boot.entry, LOAD_AT + 0x20);
	/* Flags that the header is too old to have do not count. */
	hdr->version = 0x20b;
	hdr->xloadflags = XLF_KERNEL_64;
	ASSERT_EQ(load_bytes(IMAGE_SIZE), 0);
	EXPECT_EQ(load.boot.mode, BOOT_PROTECTED);
}

TEST(bzimage_old_has_no_sizes)
{
	good_bzimage();
	hdr->version = 0x206;
	ASSERT_EQ(load_bytes(IMAGE_SIZE), 0);
	EXPECT_EQ(load.boot.mode, BOOT_PROTECTED);
	EXPECT_EQ(load.boot.entry, LOAD_AT);
	EXPECT_EQ(ram.claim[0].len, (uint64_t)CODE_SIZE);
	hdr->version = 0x205;
	EXPECT_EQ(load_bytes(IMAGE_SIZE), ST_UNSUPPORTED);
	EXPECT_TRUE(strstr(load.error, "older than 2.06"));
}

/* The header ends where it says: what is behind is not its own. */
TEST(bzimage_short_header)
{
	good_bzimage();
	hdr->jump = (offsetof(struct setup_header, pref_address) + HEADER_AT - 0x202) << 8 | 0xeb;
	hdr->version = 0x209;
	ASSERT_EQ(load_bytes(IMAGE_SIZE), 0);
	EXPECT_EQ(loaded_params()->hdr.pref_address, 0ULL);
	EXPECT_EQ(loaded_params()->hdr.init_size, 0U);
	EXPECT_EQ(loaded_params()->hdr.cmdline_size, 2047U);
}

TEST(bzimage_malformed)
{
	unsigned int size;

	good_bzimage();
	hdr->boot_flag = 0;
	EXPECT_REFUSED(IMAGE_SIZE, "boot flag");
	good_bzimage();
	hdr->loadflags = 0;
	EXPECT_EQ(load_bytes(IMAGE_SIZE), ST_UNSUPPORTED);
	EXPECT_TRUE(strstr(load.error, "zImage"));
	good_bzimage();
	hdr->syssize = ~0U;
	EXPECT_REFUSED(IMAGE_SIZE, "truncated");
	good_bzimage();
	EXPECT_REFUSED(IMAGE_SIZE - 16, "truncated");
	EXPECT_REFUSED(SETUP_SIZE, "truncated");
	EXPECT_EQ(load_bytes(IMAGE_SIZE - 15), 0);
	hdr->setup_sects = 0xff;
	EXPECT_REFUSED(IMAGE_SIZE, "truncated");
	hdr->setup_sects = 0;		/* means 4, and then the file ends too early */
	EXPECT_REFUSED(IMAGE_SIZE, "truncated");
	good_bzimage();
	hdr->kernel_alignment = 0x180000;
	EXPECT_REFUSED(IMAGE_SIZE, "power of two");
	hdr->kernel_alignment = 0;
	EXPECT_REFUSED(IMAGE_SIZE, "power of two");
	hdr->kernel_alignment = 0x80000000;
	EXPECT_REFUSED(IMAGE_SIZE, "--mem gives more");
	good_bzimage();
	hdr->pref_address = ~0ULL;
	EXPECT_REFUSED(IMAGE_SIZE, "preferred address");
	hdr->pref_address = MAX_ADDRESS;
	EXPECT_REFUSED(IMAGE_SIZE, "--mem gives more");
	good_bzimage();
	hdr->init_size = ~0U;
	EXPECT_REFUSED(IMAGE_SIZE, "--mem gives more");
	good_bzimage();
	hdr->xloadflags = 0;
	hdr->relocatable_kernel = 0;
	hdr->code32_start = LOAD_AT + CODE_SIZE;
	EXPECT_REFUSED(IMAGE_SIZE, "entry point");
	hdr->code32_start = LOAD_AT - 1;
	EXPECT_REFUSED(IMAGE_SIZE, "entry point");
	/* ipxe.lkrn */
	hdr->code32_start = 0;
	EXPECT_EQ(load_bytes(IMAGE_SIZE), ST_UNSUPPORTED);
	EXPECT_NOT_NULL(strstr(load.error, "BIOS"));
	good_bzimage();
	hdr->syssize = 0;
	EXPECT_REFUSED(SETUP_SIZE + 0x200, "entry point");
	for (size = 0; size < SETUP_SIZE; size++)
		EXPECT_EQ(load_bytes(size), ST_BAD_IMAGE);
}

TEST(bzimage_limits)
{
	static char cmdline[4096];

	good_bzimage();
	memset(cmdline, 'x', 2048);
	opt.append = cmdline;
	EXPECT_REFUSED(IMAGE_SIZE, "command line has 2048 bytes");
	cmdline[2047] = '\0';
	EXPECT_EQ(load_bytes(IMAGE_SIZE), 0);
	opt.initrd = (struct blob){ "initrd", NULL, initrd, sizeof(initrd) };
	hdr->initrd_addr_max = 0x3fffff;
	ASSERT_EQ(load_bytes(IMAGE_SIZE), 0);
	EXPECT_EQ(loaded_params()->hdr.ramdisk_image, 0x3fe000U);
	hdr->initrd_addr_max = 0x1000;
	EXPECT_REFUSED(IMAGE_SIZE, "the initrd: no room");
	hdr->initrd_addr_max = ~0U;
	EXPECT_EQ(load_bytes(IMAGE_SIZE), 0);
	opt.initrd.size = 0;		/* an empty file is none */
	ASSERT_EQ(load_bytes(IMAGE_SIZE), 0);
	EXPECT_EQ(loaded_params()->hdr.ramdisk_image, 0U);
}

/* ---- PVH ---- */

static Elf64_Ehdr *const ehdr = (void *)file;
static Elf64_Phdr *const phdr = (void *)(file + sizeof(Elf64_Ehdr));
static Elf64_Nhdr *const note = (void *)(file + 0x200);

#define PVH_ENTRY	0x100040
#define PVH_SIZE	0x1100
#define NOTE_SIZE	(sizeof(*note) + 4 + 8)

static void good_pvh(void)
{
	uint64_t entry = PVH_ENTRY;

	reset();
	memcpy(file, ELFMAG, SELFMAG);
	file[EI_CLASS] = ELFCLASS64;
	file[EI_DATA] = ELFDATA2LSB;
	ehdr->e_type = ET_EXEC;
	ehdr->e_machine = EM_X86_64;
	ehdr->e_entry = 0x100000;
	ehdr->e_phoff = sizeof(*ehdr);
	ehdr->e_phentsize = sizeof(*phdr);
	ehdr->e_phnum = 2;
	phdr[0] = (Elf64_Phdr){ PT_LOAD, 7, 0x1000, 0xffffffff80100000, 0x100000, 0x100, 0x200,
				0x1000 };
	phdr[1] = (Elf64_Phdr){ PT_NOTE, 4, 0x1e0, 0, 0, 0x20 + NOTE_SIZE, 0x20 + NOTE_SIZE, 4 };
	/* Another note is before it. */
	*(Elf64_Nhdr *)(file + 0x1e0) = (Elf64_Nhdr){ 4, 13, NOTE_ENTRY };
	memcpy(file + 0x1ec, "GNU", 4);
	*note = (Elf64_Nhdr){ 4, 8, NOTE_ENTRY };
	memcpy(note + 1, "Xen", 4);
	memcpy((uint8_t *)(note + 1) + 4, &entry, 8);
	memset(file + 0x1000, 0x90, 0x100);
}

TEST(pvh)
{
	struct start_info *info;
	struct start_module *module;
	struct start_range *range;

	good_pvh();
	opt.append = "a b";
	opt.initrd = (struct blob){ "initrd", NULL, initrd, sizeof(initrd) };
	ASSERT_EQ(load_bytes(PVH_SIZE), 0);
	EXPECT_STREQ(load.kind, "pvh");
	EXPECT_EQ(load.boot.mode, BOOT_PROTECTED);
	EXPECT_EQ(load.boot.entry, (uint64_t)PVH_ENTRY);
	EXPECT_EQ(load.boot.gdt, 0U);
	info = guest(load.boot.ebx, sizeof(*info));
	ASSERT_NOT_NULL(info);
	EXPECT_EQ(info->magic, 0x336ec578U);
	EXPECT_EQ(info->version, 1U);
	EXPECT_EQ(info->rsdp, (uint64_t)RSDP);
	EXPECT_STREQ((char *)guest(info->cmdline, 4), "a b");
	EXPECT_EQ(info->nr_modules, 1U);
	module = guest(info->modules, sizeof(*module));
	EXPECT_EQ(module->size, sizeof(initrd));
	EXPECT_FALSE(memcmp(guest(module->address, sizeof(initrd)), initrd, sizeof(initrd)));
	EXPECT_EQ(info->nr_ranges, 3U);
	range = guest(info->memory_map, 3 * sizeof(*range));
	EXPECT_EQ(range[1].type, 2U);
	EXPECT_EQ(range[2].address + range[2].size, (uint64_t)MEM);
	EXPECT_EQ(range[2].reserved, 0U);
}

TEST(pvh_needs_its_note)
{
	good_pvh();
	opt.kernel = false;
	opt.type = "pvh";
	note->n_type = 17;
	EXPECT_REFUSED(PVH_SIZE, "no ELF file with a note");
	good_pvh();
	note->n_type = 17;
	EXPECT_REFUSED(PVH_SIZE, "neither a Linux bzImage nor");
	good_pvh();
	opt.kernel = false;
	EXPECT_EQ(load_bytes(PVH_SIZE), 0);
	EXPECT_STREQ(load.kind, "pvh");
	memcpy(note + 1, "XeN", 4);
	EXPECT_EQ(load_bytes(PVH_SIZE), 0);
	EXPECT_STREQ(load.kind, "elf");
}

TEST(pvh_malformed)
{
	uint64_t entry = MEM;
	unsigned int i;

	good_pvh();
	memcpy((uint8_t *)(note + 1) + 4, &entry, 8);
	EXPECT_REFUSED(PVH_SIZE, "outside guest memory");
	/* Sizes of notes and of their segment that lead nowhere. */
	good_pvh();
	note->n_namesz = ~0U;
	EXPECT_REFUSED(PVH_SIZE, "neither");
	good_pvh();
	note->n_descsz = ~0U;
	EXPECT_REFUSED(PVH_SIZE, "neither");
	good_pvh();
	((Elf64_Nhdr *)(file + 0x1e0))->n_descsz = 0xfffffff0;
	EXPECT_REFUSED(PVH_SIZE, "neither");
	good_pvh();
	phdr[1].p_offset = ~0ULL;
	EXPECT_REFUSED(PVH_SIZE, "neither");
	for (i = 0; i < NOTE_SIZE; i++) {
		good_pvh();
		phdr[1].p_filesz = 0x20 + i;
		EXPECT_REFUSED(PVH_SIZE, "neither");
	}
	good_pvh();
	EXPECT_REFUSED(PVH_SIZE - 1, "truncated");
}

/* ---- both ---- */

TEST(kernels_want_a_pc)
{
	struct load_options none = { 0 };
	struct blob blob = { .name = "x", .data = file, .size = IMAGE_SIZE };

	good_bzimage();
	EXPECT_TRUE(load_wants_pc(&blob, &none));
	none.type = "raw";
	EXPECT_FALSE(load_wants_pc(&blob, &none));
	none.type = NULL;
	good_pvh();
	EXPECT_TRUE(load_wants_pc(&blob, &none));
	reset();
	EXPECT_FALSE(load_wants_pc(&blob, &none));
}

TEST(not_a_kernel)
{
	reset();
	EXPECT_REFUSED(0x1000, "--pc");
	EXPECT_REFUSED(0, "empty");
	opt.kernel = false;
	opt.type = "bzimage";
	EXPECT_REFUSED(0x1000, "no header");
}

/* Whatever the bytes, a loader says yes or no with a reason, and stays inside memory. */
static void mutate_and_load(void (*good)(void), size_t size, size_t from, size_t len)
{
	unsigned int i, j, n, ok = 0, rounds = 1500;
	int status;

	for (i = 0; i < rounds; i++) {
		good();
		n = 1 + unit_random_below(3);
		for (j = 0; j < n; j++) {
			size_t at = from + unit_random_below(len);

			if (unit_random() & 1)
				file[at] = unit_random();
			else
				memset(file + (at & ~3), unit_random() & 1 ? 0xff : 0, 4);
		}
		opt.initrd = (struct blob){ "initrd", NULL, initrd, sizeof(initrd) };
		status = load_bytes(unit_random() & 3 ? size : unit_random_below(size));
		ok += !status;
		if (status && !*load.error) {
			EXPECT(false, "refused without a reason");
			return;
		}
	}
	EXPECT_LT(0U, ok);
	EXPECT_LT(ok, rounds);
}

TEST(mutated_bzimage) { mutate_and_load(good_bzimage, IMAGE_SIZE, HEADER_AT, sizeof(*hdr)); }
TEST(mutated_pvh) { mutate_and_load(good_pvh, PVH_SIZE, 0, 0x200 + NOTE_SIZE); }
