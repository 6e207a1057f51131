// SPDX-License-Identifier: GPL-2.0-only
/* Firmware in vmctl: the ROM, and what it is told of the PC by fw_cfg. */
#include "devices_pc.h"

#include <endian.h>

#include "tools/vmctl/aml.c"
#include "tools/vmctl/acpi.c"
#include "tools/vmctl/firmware.c"
#include "tools/vmctl/load.c"
#include "tools/vmctl/load_firmware.c"

/* Other loaders are never asked. */
#define NO_LOADER(name)							\
	bool probe_##name(const struct blob *image) { return false; }	\
	int load_##name(struct load *load) { return ST_UNSUPPORTED; }

NO_LOADER(multiboot)
NO_LOADER(pvh)
NO_LOADER(elf)
NO_LOADER(linux)

int load_raw(struct load *load)
{
	return ST_UNSUPPORTED;
}

#define MEM	(8U << 20)

static uint8_t memory[MEM];
static struct ram ram;
static char error[200];

static void new_ram(uint64_t size)
{
	memset(memory, 0xcc, sizeof(memory));
	ram = (struct ram){ .nr_banks = 1, .bank = { { 0, size, memory } } };
}

/* ---- the ROM ---- */

static struct load_options opt;
static struct load load;

/* Each page of the ROM begins with its distance from the end, in pages. */
static int load_rom(size_t size, uint64_t mem)
{
	uint8_t *rom = calloc(1, size ?: 1);
	const struct blob image = { .name = "rom", .data = rom, .size = size };
	size_t at;
	int status;

	for (at = 0; at + 4 <= size; at += 4096)
		*(uint32_t *)(rom + at) = (size - at) / 4096;
	new_ram(mem);
	opt.firmware = true;
	load = (struct load){ .image = &image, .opt = &opt, .ram = &ram };
	status = load_image(&load);
	free(rom);
	return status;
}

TEST(rom_sizes)
{
	static const struct {
		size_t size;
		int status;
		uint32_t first;	/* what is at 0xc0000 */
	} cases[] = {
		{ 0, ST_BAD_IMAGE, 0 }, { 4096, ST_BAD_IMAGE, 0 }, { 61440, ST_BAD_IMAGE, 0 },
		{ 65535, ST_BAD_IMAGE, 0 }, { 65536, 0, 0xcccccccc }, { 65537, ST_BAD_IMAGE, 0 },
		{ 69632, 0, 0xcccccccc }, { 131072, 0, 0xcccccccc }, { 262144, 0, 64 },
		{ 16 << 20, 0, 64 }, { (16 << 20) + 4096, ST_BAD_IMAGE, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT(load_rom(cases[i].size, MEM) == cases[i].status, "%zu bytes: %s",
		       cases[i].size, load.error);
		if (cases[i].status)
			continue;
		EXPECT_EQ(ram.rom.gpa, 0x100000000 - cases[i].size);
		EXPECT_EQ(ram.rom.len, cases[i].size);
		EXPECT_EQ((uintptr_t)ram.rom.host % 4096, 0UL);
		EXPECT_EQ(*(uint32_t *)ram.rom.host, cases[i].size / 4096);
		EXPECT_EQ(*(uint32_t *)(memory + 0xff000), 1U);
		EXPECT_EQ(*(uint32_t *)(memory + 0xf0000), 16U);
		EXPECT_EQ(*(uint32_t *)(memory + 0xc0000), cases[i].first);
		EXPECT_EQ(*(uint32_t *)(memory + 0xbf000), 0xccccccccU);
		EXPECT_EQ(*(uint32_t *)(memory + 0x100000), 0xccccccccU);
		EXPECT_EQ(load.boot.mode, BOOT_RESET);
		EXPECT_STREQ(load.kind, "firmware");
		free(ram.rom.host);
	}
}

TEST(rom_is_refused)
{
	EXPECT_EQ(load_rom(65536, (4 << 20) - 4096), ST_BAD_IMAGE);
	EXPECT_NOT_NULL(strstr(load.error, "4 MiB"));
	EXPECT_EQ(load_rom(1000, MEM), ST_BAD_IMAGE);
	EXPECT_NOT_NULL(strstr(load.error, "no ROM: 1000 bytes"));
	opt.append = "x";
	EXPECT_EQ(load_rom(65536, MEM), ST_USAGE);
	opt.append = NULL;
	opt.has_entry = true;
	EXPECT_EQ(load_rom(65536, MEM), ST_USAGE);
	EXPECT_NOT_NULL(strstr(load.error, "--entry"));
	opt = (struct load_options){ .mode = BOOT_REAL };
	EXPECT_EQ(load_rom(65536, MEM), ST_USAGE);
	opt = (struct load_options){ 0 };
	EXPECT_EQ(ram.rom.len, 0ULL);
}

/* ---- fw_cfg's files ---- */

static void read_item(uint16_t key, void *to, size_t len)
{
	uint8_t *byte = to;

	devices_out(&d, 0x510, 2, key);
	while (len--)
		*byte++ = devices_in(&d, 0x511, 1);
}

/* By the directory, as firmware finds it; its size, -1 without it. */
static int read_fwfile(const char *name, void *to, size_t room)
{
	struct { uint32_t size; uint16_t key, reserved; char name[56]; } e;
	uint32_t nr, i;

	read_item(0x19, &nr, sizeof(nr));
	for (i = 0; i < be32toh(nr); i++) {
		read_item(0x19, &nr, sizeof(nr));
		for (uint32_t skip = 0; skip <= i; skip++)
			for (size_t n = 0; n < sizeof(e); n++)
				((uint8_t *)&e)[n] = devices_in(&d, 0x511, 1);
		if (strcmp(e.name, name))
			continue;
		EXPECT_LE(be32toh(e.size), room);
		read_item(be16toh(e.key), to, be32toh(e.size));
		EXPECT_EQ(devices_in(&d, 0x511, 1), 0U);	/* behind its end */
		return be32toh(e.size);
	}
	return -1;
}

TEST(files)
{
	char name[60], data[8];
	unsigned int i;

	start_pc();
	EXPECT_EQ(read_fwfile("a", data, 8), -1);
	for (i = 0; i < FWCFG_MAX_FILES; i++) {
		snprintf(name, sizeof(name), "file/%u", i);
		EXPECT_EQ(fwcfg_add_file(&d, name, "contents" + i, 8 - i), 0);
	}
	EXPECT_EQ(fwcfg_add_file(&d, "more", "x", 1), -ENOSPC);
	EXPECT_EQ(read_fwfile("file/0", data, 8), 8);
	EXPECT_TRUE(!memcmp(data, "contents", 8));
	EXPECT_EQ(read_fwfile("file/7", data, 8), 1);
	EXPECT_EQ(data[0], 's');
	EXPECT_EQ(read_fwfile("more", data, 8), -1);
	fwcfg_destroy(&d);
	EXPECT_EQ(read_fwfile("file/0", data, 8), -1);
	memset(name, 'n', sizeof(name));
	name[56] = '\0';
	EXPECT_EQ(fwcfg_add_file(&d, name, "x", 1), -ENOSPC);
	name[55] = '\0';
	EXPECT_EQ(fwcfg_add_file(&d, name, "x", 1), 0);
	EXPECT_EQ(read_fwfile(name, data, 8), 1);
	fwcfg_destroy(&d);
}

/* ---- what it is told ---- */

static int tell(uint64_t mem)
{
	start_pc();
	new_ram(mem);
	return firmware_tell(&d, &ram, 3, error, sizeof(error));
}

TEST(memory_map_and_port)
{
	struct { uint64_t from, len; uint32_t type; } __attribute__((packed)) map[8];
	static const typeof(map[0]) expected[] = {
		{ 0, 0xa0000, 1 }, { 0xa0000, 0x60000, 2 }, { 0x100000, MEM - 0x110000, 1 },
		{ MEM - 0x10000, 0x10000, 2 }, { 0x100000000, 0x5000, 1 },
	};
	uint16_t port = 0;

	ASSERT_EQ(tell(MEM), 0);
	EXPECT_EQ(read_fwfile("etc/e820", map, sizeof(map)), 4 * 20);
	EXPECT_TRUE(!memcmp(map, expected, 4 * 20));
	EXPECT_EQ(read_fwfile("etc/sercon-port", &port, 2), 2);
	EXPECT_EQ(port, 0x3f8);
	fwcfg_destroy(&d);

	start_pc();
	new_ram(MEM);
	ram.bank[ram.nr_banks++] = (struct ram_bank){ 0x100000000, 0x5000, memory };
	ASSERT_EQ(firmware_tell(&d, &ram, 1, error, sizeof(error)), 0);
	EXPECT_EQ(read_fwfile("etc/e820", map, sizeof(map)), 5 * 20);
	EXPECT_TRUE(!memcmp(map, expected, 5 * 20));
	fwcfg_destroy(&d);
}

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t total = 0;

	while (len--)
		total += *p++;
	return total;
}

/* The script has one command, and what it copies leads to the tables in reserved memory. */
TEST(tables)
{
	struct { uint32_t command; char file[56]; uint32_t align; uint8_t zone, rest[63]; }
		__attribute__((packed)) script;
	struct acpi_rsdp rsdp;
	struct acpi_header h;
	uint32_t list;

	ASSERT_EQ(tell(MEM), 0);
	EXPECT_EQ(read_fwfile("etc/table-loader", &script, sizeof(script)), 128);
	EXPECT_EQ(script.command, 1U);
	EXPECT_EQ(script.align, 16U);
	EXPECT_EQ(script.zone, 2);
	EXPECT_EQ(read_fwfile(script.file, &rsdp, sizeof(rsdp)), 36);
	EXPECT_EQ(sum((void *)&rsdp, 20), 0);
	EXPECT_EQ(sum((void *)&rsdp, 36), 0);
	for (list = 0; list < 2; list++) {
		uint32_t at = list ? rsdp.xsdt : rsdp.rsdt;

		ASSERT_TRUE(at >= MEM - 0x10000 && at < MEM - sizeof(h));
		memcpy(&h, memory + at, sizeof(h));
		EXPECT_TRUE(!memcmp(h.signature, list ? "XSDT" : "RSDT", 4));
		EXPECT_EQ(h.length, 36U + 2 * (list ? 8 : 4));
		EXPECT_EQ(sum(memory + at, h.length), 0);
		memcpy(&at, memory + at + sizeof(h), sizeof(at));
		ASSERT_TRUE(at >= MEM - 0x10000 && at < MEM - sizeof(h));
		EXPECT_TRUE(!memcmp(memory + at, "FACP", 4));
	}
	fwcfg_destroy(&d);
}

TEST(too_little_memory)
{
	EXPECT_EQ(tell(0x8000), -ENOSPC);
	EXPECT_NOT_NULL(strstr(error, "ACPI"));
	fwcfg_destroy(&d);
}

/* ---- its log ---- */

TEST(log_is_asked_for)
{
	struct devices_options with = {
		.pc = true, .strict = true, .chardev = &chardev, .ram = &pc_ram, .irq = &pc_irq,
		.nr_cpus = 1,
	};
	char *text = NULL;
	size_t len = 0;

	start_pc();
	EXPECT_EQ(devices_in(&d, 0x402, 1), 0xffU);
	EXPECT_EQ(d.end, DEVICES_STRICT);
	pc_reset();
	with.fwlog = open_memstream(&text, &len);
	ASSERT_EQ(devices_init(&d, &with), 0);
	EXPECT_EQ(devices_in(&d, 0x402, 1), 0xe9U);
	devices_out(&d, 0x402, 1, 'o');
	devices_out(&d, 0x402, 1, 'k');
	EXPECT_EQ(d.end, DEVICES_GO_ON);
	EXPECT_EQ(nr_sent, 0U);
	fclose(with.fwlog);
	EXPECT_STREQ(text, "ok");
	free(text);
}
