// SPDX-License-Identifier: GPL-2.0-only
/* vmctl's loaders: good images land where they should, malformed ones are refused. */
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

#define MEM	0x200000
#define FILE_MAX	0x3000

static uint8_t memory[MEM];
static uint8_t file[FILE_MAX];
static struct ram ram;
static struct load_options opt;
static struct blob image;
static struct load load;

/* A fresh machine; the image is as large as an allocation, so that ASan sees its end. */
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
	status = load_image(&load);
	free(copy);
	return status;
}

static void reset(void)
{
	memset(&opt, 0, sizeof(opt));
	memset(file, 0, sizeof(file));
	memset(memory, 0xcc, sizeof(memory));
}

#define EXPECT_REFUSED(size, words) ({				\
	EXPECT_EQ(load_bytes(size), ST_BAD_IMAGE);		\
	EXPECT(strstr(load.error, words), "\"%s\" is not in \"%s\"", words, load.error);	\
})

/* ---- ELF ---- */

static Elf32_Ehdr *e32 = (void *)file;
static Elf32_Phdr *p32 = (void *)(file + sizeof(Elf32_Ehdr));
static Elf64_Ehdr *e64 = (void *)file;
static Elf64_Phdr *p64 = (void *)(file + sizeof(Elf64_Ehdr));

#define ELF_SIZE	0x1100

static void good_elf32(void)
{
	reset();
	memcpy(file, ELFMAG, SELFMAG);
	file[EI_CLASS] = ELFCLASS32;
	file[EI_DATA] = ELFDATA2LSB;
	e32->e_type = ET_EXEC;
	e32->e_machine = EM_386;
	e32->e_entry = 0xc0100010;
	e32->e_phoff = sizeof(*e32);
	e32->e_phentsize = sizeof(*p32);
	e32->e_phnum = 2;
	p32[0] = (Elf32_Phdr){ PT_LOAD, 0x1000, 0xc0100000, 0x100000, 0x100, 0x200, 7, 0x1000 };
	p32[1] = (Elf32_Phdr){ PT_NOTE, ~0U, 0, 0, ~0U, ~0U, 7, 3 };
	memset(file + 0x1000, 0x90, 0x100);
}

static void good_elf64(void)
{
	reset();
	memcpy(file, ELFMAG, SELFMAG);
	file[EI_CLASS] = ELFCLASS64;
	file[EI_DATA] = ELFDATA2LSB;
	e64->e_type = ET_EXEC;
	e64->e_machine = EM_X86_64;
	e64->e_entry = 0x100010;
	e64->e_phoff = sizeof(*e64);
	e64->e_phentsize = sizeof(*p64);
	e64->e_phnum = 2;
	p64[0] = (Elf64_Phdr){ PT_LOAD, 7, 0x1000, 0x100000, 0x100000, 0x100, 0x200, 0x1000 };
	p64[1] = (Elf64_Phdr){ PT_LOAD, 7, 0x1000, 0x180000, 0x180000, 0x80, 0x80, 0x1000 };
	memset(file + 0x1000, 0x90, 0x100);
}

TEST(elf32_lands_at_physical_addresses)
{
	good_elf32();
	EXPECT_EQ(load_bytes(ELF_SIZE), 0);
	EXPECT_STREQ(load.kind, "elf");
	EXPECT_EQ(load.boot.mode, BOOT_PROTECTED);
	EXPECT_EQ(load.boot.entry, 0x100010ULL);
	EXPECT_EQ(memory[0x1000ff], 0x90);
	EXPECT_EQ(memory[0x100100], 0);		/* BSS */
	EXPECT_EQ(memory[0x1001ff], 0);
	EXPECT_EQ(memory[0x100200], 0xcc);
	EXPECT_EQ(memory[0xfffff], 0xcc);
}

TEST(elf64_starts_in_long_mode)
{
	good_elf64();
	EXPECT_EQ(load_bytes(ELF_SIZE), 0);
	EXPECT_EQ(load.boot.mode, BOOT_LONG);
	EXPECT_EQ(load.boot.entry, 0x100010ULL);
	EXPECT_EQ(memory[0x18007f], 0x90);
	EXPECT_EQ(memory[0x180080], 0xcc);
}

/* What calls a system cannot do without one: by its interpreter, or by the C library's note. */
TEST(elf_programs)
{
	static const struct { Elf64_Nhdr n; char owner[4]; uint32_t desc[4]; } mark = {
		{ 4, 16, NT_GNU_ABI_TAG }, "GNU", { ELF_NOTE_OS_LINUX, 3, 2, 0 },
	}, build_id = { { 4, 16, NT_GNU_BUILD_ID }, "GNU", { 1, 2, 3, 4 } };

	good_elf64();
	p64[1] = (Elf64_Phdr){ PT_NOTE, 4, 0x800, 0, 0, sizeof(mark), sizeof(mark), 4 };
	memcpy(file + 0x800, &mark, sizeof(mark));
	EXPECT_EQ(load_bytes(ELF_SIZE), ST_UNSUPPORTED);
	EXPECT_TRUE(strstr(load.error, "program"));
	e64->e_type = ET_DYN;
	EXPECT_EQ(load_bytes(ELF_SIZE), ST_UNSUPPORTED);
	e64->e_type = ET_EXEC;
	opt.type = "elf";
	EXPECT_EQ(load_bytes(ELF_SIZE), 0);
	opt.type = NULL;
	memcpy(file + 0x800, &build_id, sizeof(build_id));
	EXPECT_EQ(load_bytes(ELF_SIZE), 0);
	p64[1].p_type = PT_INTERP;
	EXPECT_EQ(load_bytes(ELF_SIZE), ST_UNSUPPORTED);
	good_elf32();
	p32[1].p_type = PT_INTERP;
	EXPECT_EQ(load_bytes(ELF_SIZE), ST_UNSUPPORTED);
}

TEST(elf_headers)
{
	good_elf64();
	EXPECT_REFUSED(EI_NIDENT - 1, "truncated");
	EXPECT_REFUSED(sizeof(*e64) - 1, "truncated");
	EXPECT_REFUSED(sizeof(*e64) + 2 * sizeof(*p64) - 1, "outside the file");
	EXPECT_REFUSED(ELF_SIZE - 1, "truncated");
	file[EI_CLASS] = 3;
	EXPECT_REFUSED(ELF_SIZE, "class");
	good_elf64();
	file[EI_DATA] = ELFDATA2MSB;
	EXPECT_REFUSED(ELF_SIZE, "little-endian");
	good_elf64();
	e64->e_machine = EM_AARCH64;
	EXPECT_REFUSED(ELF_SIZE, "machine");
	good_elf64();
	e64->e_type = ET_DYN;
	EXPECT_REFUSED(ELF_SIZE, "no-pie");
	good_elf64();
	e64->e_type = ET_REL;
	EXPECT_REFUSED(ELF_SIZE, "not an executable");
	good_elf64();
	e64->e_phnum = 0;
	EXPECT_REFUSED(ELF_SIZE, "no program headers");
	good_elf64();
	e64->e_phentsize = 32;
	EXPECT_REFUSED(ELF_SIZE, "program headers of 32 bytes");
	good_elf64();
	e64->e_phoff = ~0ULL - 8;
	EXPECT_REFUSED(ELF_SIZE, "outside the file");
	good_elf64();
	e64->e_entry = 0x500000;
	EXPECT_REFUSED(ELF_SIZE, "in no segment");
}

TEST(elf_segments)
{
	good_elf64();
	p64->p_filesz = p64->p_memsz + 1;
	EXPECT_REFUSED(ELF_SIZE, "larger in the file");
	good_elf64();
	p64->p_offset = ~0ULL - 0xfff;
	EXPECT_REFUSED(ELF_SIZE, "outside the file");
	good_elf64();
	p64->p_align = 0x1800;
	EXPECT_REFUSED(ELF_SIZE, "power of two");
	good_elf64();
	p64->p_vaddr += 8;
	EXPECT_REFUSED(ELF_SIZE, "misaligned");
	good_elf64();
	p64[1].p_paddr = 0x1001ff;
	EXPECT_REFUSED(ELF_SIZE, "overlaps");
	good_elf64();
	p64->p_paddr = MEM - 0x1ff;
	EXPECT_REFUSED(ELF_SIZE, "outside guest memory");
	good_elf64();
	p64->p_paddr = 0x100000000000ULL;
	EXPECT_REFUSED(ELF_SIZE, "outside guest memory");
	good_elf64();
	p64->p_paddr = ~0ULL - 0xfff;
	p64->p_memsz = 0x2000;
	EXPECT_REFUSED(ELF_SIZE, "wrap around");
	good_elf64();
	p64->p_memsz = ~0ULL;
	EXPECT_REFUSED(ELF_SIZE, "wrap around");
}

/* ---- multiboot ---- */

#define MB_AT	0x40

static uint32_t *mb = (void *)(file + MB_AT);

static void good_multiboot(void)
{
	reset();
	mb[0] = MB_MAGIC;
	mb[1] = MB_ADDRESSES | MB_MEM_INFO;
	mb[3] = 0x100000 + MB_AT;	/* header_addr */
	mb[4] = 0x100000;		/* load_addr */
	mb[5] = 0x100800;		/* load_end_addr */
	mb[6] = 0x101000;		/* bss_end_addr */
	mb[7] = 0x100060;		/* entry_addr */
	memset(file + 0x60, 0x90, 0x1000);
}

static int load_multiboot_bytes(size_t size)
{
	mb[2] = -(mb[0] + mb[1]);
	return load_bytes(size);
}

#define EXPECT_MB_REFUSED(size, words) ({			\
	mb[2] = -(mb[0] + mb[1]);				\
	EXPECT_REFUSED(size, words);				\
})

static uint32_t guest_u32(uint32_t gpa)
{
	uint32_t v = 0;

	if (EXPECT(gpa <= MEM - 4, "%#x is outside memory", gpa))
		memcpy(&v, memory + gpa, 4);
	return v;
}

TEST(multiboot_by_addresses)
{
	static const uint8_t module[] = "module's bytes";
	uint32_t info, mods, i, len, map;
	uint64_t top = 0;

	good_multiboot();
	opt.append = "a b c";
	opt.nr_modules = 1;
	opt.module[0] = (struct blob){ "file", "arg", module, sizeof(module) };
	ASSERT_EQ(load_multiboot_bytes(0x900), 0);
	EXPECT_STREQ(load.kind, "multiboot");
	EXPECT_EQ(load.boot.eax, MB_BOOT_MAGIC);
	EXPECT_EQ(load.boot.entry, 0x100060ULL);
	EXPECT_EQ(memory[0x1007ff], 0x90);
	EXPECT_EQ(memory[0x100800], 0);
	EXPECT_EQ(memory[0x100fff], 0);
	EXPECT_EQ(memory[0x101000], 0xcc);

	info = load.boot.ebx;
	EXPECT_EQ(guest_u32(info), MBI_MEM | MBI_CMDLINE | MBI_MODS | MBI_MMAP | MBI_LOADER);
	EXPECT_EQ(guest_u32(info + 4), 640U);
	EXPECT_EQ(guest_u32(info + 8), (MEM - 0x100000) / 1024U);
	EXPECT_STREQ((char *)memory + guest_u32(info + 16), "a b c");
	EXPECT_EQ(guest_u32(info + 20), 1U);
	mods = guest_u32(info + 24);
	EXPECT_EQ(guest_u32(mods) % 4096, 0U);
	EXPECT_STREQ((char *)memory + guest_u32(mods), "module's bytes");
	EXPECT_EQ(guest_u32(mods + 4) - guest_u32(mods), sizeof(module));
	EXPECT_STREQ((char *)memory + guest_u32(mods + 8), "arg");
	len = guest_u32(info + 44);
	map = guest_u32(info + 48);
	for (i = 0; i < len; i += guest_u32(map + i) + 4) {
		EXPECT_EQ(guest_u32(map + i), 20U);
		EXPECT_EQ(guest_u32(map + i + 4), top);
		top += guest_u32(map + i + 12);
	}
	EXPECT_EQ(i, len);
	EXPECT_EQ(top, (uint64_t)MEM);
}

TEST(multiboot_in_elf)
{
	good_elf32();
	mb = (void *)(file + 0x400);
	mb[0] = MB_MAGIC;
	EXPECT_EQ(load_multiboot_bytes(ELF_SIZE), 0);
	EXPECT_STREQ(load.kind, "multiboot");
	EXPECT_EQ(load.boot.entry, 0x100010ULL);
	EXPECT_EQ(load.boot.mode, BOOT_PROTECTED);
	opt.type = "elf";
	EXPECT_EQ(load_bytes(ELF_SIZE), 0);
	EXPECT_EQ(load.boot.eax, 0U);
	mb = (void *)(file + MB_AT);
}

TEST(multiboot_malformed)
{
	good_multiboot();
	EXPECT_MB_REFUSED(MB_AT + 31, "header is truncated");
	mb[1] |= 1 << 2;
	EXPECT_MB_REFUSED(0x900, "features 0x4");
	good_multiboot();
	mb[3] = 0x0fffff;
	EXPECT_MB_REFUSED(0x900, "begin before the file");
	good_multiboot();
	mb[3] = 0x100000 + MB_AT + 1;
	EXPECT_MB_REFUSED(0x900, "begin before the file");
	good_multiboot();
	mb[5] = 0x0fffff;
	EXPECT_MB_REFUSED(0x900, "load_end_addr");
	good_multiboot();
	EXPECT_MB_REFUSED(0x7ff, "load_end_addr");
	mb[6] = 0x1007ff;
	EXPECT_MB_REFUSED(0x900, "bss_end_addr");
	good_multiboot();
	mb[7] = 0x101000;
	EXPECT_MB_REFUSED(0x900, "entry_addr");
	good_multiboot();
	mb[6] = 0xfffffff0;
	EXPECT_MB_REFUSED(0x900, "outside guest memory");
	good_multiboot();
	mb[1] = MB_MEM_INFO;		/* then it must be ELF */
	EXPECT_MB_REFUSED(0x900, "no ELF magic");
	good_multiboot();
	mb[2] = 1;			/* bad checksum: not multiboot at all */
	opt.type = "multiboot";
	EXPECT_REFUSED(0x900, "no multiboot header");
}

TEST(multiboot_wants_room)
{
	static const uint8_t big[MEM - 0x80000];

	good_multiboot();
	opt.nr_modules = 1;
	opt.module[0] = (struct blob){ "big", NULL, big, sizeof(big) };
	EXPECT_MB_REFUSED(0x900, "no room");
}

/* ---- the rest ---- */

static bool hints(enum boot_mode mode, const char *bytes, size_t size)
{
	reset();
	opt.mode = mode;
	memcpy(file, bytes, size);
	EXPECT_EQ(load_bytes(600), 0);
	return *load.hint;
}
#define HINTS(mode, bytes) hints(mode, bytes, sizeof(bytes) - 1)

TEST(code_for_another_mode)
{
	/* CLD; MOV SI, 7c14h; MOV DX, 3f8h */
	EXPECT_TRUE(HINTS(BOOT_LONG, "\xfc\xbe\x14\x7c\xba\xf8\x03\xac"));
	EXPECT_TRUE(HINTS(BOOT_PROTECTED, "\xfa\xb8\xc0\x07\x8e\xd8"));
	EXPECT_FALSE(HINTS(BOOT_REAL, "\xfc\xbe\x14\x7c\xba\xf8\x03\xac"));
	/* MOV EAX, 10h; MOV DS, EAX.  MOV EDX, 3f8h; LODSB.  MOV RAX, imm64 */
	EXPECT_FALSE(HINTS(BOOT_LONG, "\xb8\x10\0\0\0\x8e\xd8"));
	EXPECT_FALSE(HINTS(BOOT_PROTECTED, "\xba\xf8\x03\0\0\xac"));
	EXPECT_FALSE(HINTS(BOOT_LONG, "\x48\xb8\x11\x22\xb8\x44\x55\x66"));
	reset();
	opt.mode = BOOT_LONG;
	memcpy(file + 510, "\x55\xaa", 2);
	EXPECT_EQ(load_bytes(512), 0);
	EXPECT_TRUE(*load.hint);
	EXPECT_EQ(load_bytes(511), 0);
	EXPECT_FALSE(*load.hint);
}

TEST(raw)
{
	reset();
	memset(file, 0x90, 512);
	EXPECT_EQ(load_bytes(512), 0);
	EXPECT_STREQ(load.kind, "raw");
	EXPECT_EQ(load.boot.mode, BOOT_REAL);
	EXPECT_EQ(load.boot.entry, 0x7c00ULL);
	EXPECT_EQ(memory[0x7dff], 0x90);
	EXPECT_EQ(memory[0x7e00], 0xcc);
	opt.mode = BOOT_LONG;
	EXPECT_EQ(load_bytes(512), 0);
	EXPECT_EQ(load.boot.entry, 0x100000ULL);
	opt.mode = BOOT_REAL;
	opt.has_load = true;
	opt.load = 0x100000;
	EXPECT_REFUSED(512, "above 1 MiB");
	opt.load = MEM - 511;
	EXPECT_REFUSED(512, "outside guest memory");
	opt.load = ~0ULL;
	EXPECT_REFUSED(512, "wrap around");
	EXPECT_REFUSED(0, "empty");
}

TEST(options_that_do_not_fit)
{
	good_elf64();
	opt.append = "x";
	EXPECT_EQ(load_bytes(ELF_SIZE), ST_USAGE);
	opt.append = NULL;
	opt.mode = BOOT_REAL;
	EXPECT_EQ(load_bytes(ELF_SIZE), ST_USAGE);
	opt.mode = BOOT_DEFAULT;
	opt.initrd.name = "x";
	EXPECT_EQ(load_bytes(ELF_SIZE), ST_USAGE);
	EXPECT_TRUE(strstr(load.error, "--initrd"));
}

TEST(place_goes_below_what_is_taken)
{
	struct ram r = { .nr_banks = 1, .bank = { { 0, MEM, memory } } };
	char error[100];
	uint64_t gpa;

	EXPECT_NOT_NULL(ram_claim(&r, MEM - 0x1000, 0x1000, "top", error, sizeof(error)));
	EXPECT_NOT_NULL(ram_place(&r, 0x1001, 0x1000, "x", &gpa, error, sizeof(error)));
	EXPECT_EQ(gpa, MEM - 0x3000ULL);
	EXPECT_NULL(ram_place(&r, MEM, 1, "y", &gpa, error, sizeof(error)));
}

TEST(place_below)
{
	struct ram r = { .nr_banks = 1, .bank = { { 0, MEM, memory } } };
	char error[100];
	uint64_t gpa;

	EXPECT_NOT_NULL(ram_place_below(&r, 0x90001, 0x1000, 0x1000, "x", &gpa, error, sizeof(error)));
	EXPECT_EQ(gpa, 0x8f000ULL);
	EXPECT_NOT_NULL(ram_place_below(&r, ~0ULL, 0x1000, 0x1000, "y", &gpa, error, sizeof(error)));
	EXPECT_EQ(gpa, MEM - 0x1000ULL);
	EXPECT_NULL(ram_place_below(&r, 0xfff, 0x1000, 1, "z", &gpa, error, sizeof(error)));
}

TEST(memory_maps)
{
	struct ram r = { .nr_banks = 1, .bank = { { 0, 0x80000, memory } } };
	struct ram_range range[RAM_MAX_RANGES];

	EXPECT_EQ(ram_map(&r, range), 1U);
	EXPECT_EQ(range[0].to, 0x80000ULL);
	r.bank[0].len = 0xc0000;
	EXPECT_EQ(ram_map(&r, range), 2U);
	EXPECT_EQ(range[1].to, 0xc0000ULL);
	EXPECT_EQ(range[1].type, RAM_RESERVED);
	r.bank[0].len = RAM_HOLE;
	r.bank[1] = (struct ram_bank){ RAM_HIGH, 0x1000, memory };
	r.nr_banks = 2;
	EXPECT_EQ(ram_map(&r, range), 4U);
	EXPECT_EQ(range[2].to, RAM_HOLE);
	EXPECT_EQ(range[3].from, RAM_HIGH);
	EXPECT_EQ(range[3].to, RAM_HIGH + 0x1000);
	EXPECT_EQ(range[3].type, RAM_USABLE);
}

/* Whatever the bytes, a loader says yes or no with a reason, and stays inside memory. */
static void mutate_and_load(void (*good)(void), size_t size, unsigned int rounds)
{
	unsigned int i, j, n, ok = 0;
	int status;

	for (i = 0; i < rounds; i++) {
		good();
		n = 1 + unit_random_below(4);
		for (j = 0; j < n; j++) {
			size_t at = unit_random_below(0x100);

			if (unit_random() & 1)
				file[at] = unit_random();
			else
				memset(file + (at & ~3), unit_random() & 1 ? 0xff : 0, 4);
		}
		mb[2] = unit_random() & 7 ? -(mb[0] + mb[1]) : mb[2];
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

TEST(mutated_elf32) { mutate_and_load(good_elf32, ELF_SIZE, 3000); }
TEST(mutated_elf64) { mutate_and_load(good_elf64, ELF_SIZE, 3000); }
TEST(mutated_multiboot) { mutate_and_load(good_multiboot, 0x900, 3000); }
