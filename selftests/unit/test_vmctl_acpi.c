// SPDX-License-Identifier: GPL-2.0-only
/* vmctl's ACPI tables: as a guest finds them, and as Intel's compiler understands them. */
#include "unit.h"

#include <errno.h>
#include <unistd.h>
#include <linux/array_size.h>

#include "tools/vmctl/ram.c"
#include "tools/vmctl/aml.c"
#include "tools/vmctl/acpi.c"

static uint8_t memory[1 << 20];
static struct ram ram;
static char error[200];

static int build(unsigned int nr_cpus, unsigned int nr_virtio, uint64_t *rsdp)
{
	const struct acpi_options opt = {
		.base = ACPI_BASE, .nr_cpus = nr_cpus, .nr_virtio = nr_virtio,
	};

	memset(memory, 0, sizeof(memory));
	ram = (struct ram){ .nr_banks = 1, .bank = { { 0, sizeof(memory), memory } } };
	return acpi_build(&ram, &opt, rsdp, error, sizeof(error));
}

static uint64_t le(const uint8_t *p, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | p[bytes];
	return value;
}

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t sum = 0;

	while (len--)
		sum += *p++;
	return sum;
}

static const uint8_t *table_at(uint64_t gpa)
{
	EXPECT_TRUE(gpa >= 0xe0000 && gpa < 0x100000);
	EXPECT_EQ(sum(memory + gpa, le(memory + gpa + 4, 4)), 0);
	return memory + gpa;
}

/* By the way of a guest: RSDP, XSDT, table; the DSDT by the FADT. */
static const uint8_t *find(uint64_t rsdp, const char *signature)
{
	const uint8_t *xsdt = table_at(le(memory + rsdp + 24, 8)), *table;
	unsigned int i, nr = (le(xsdt + 4, 4) - 36) / 8;

	if (!strcmp(signature, "DSDT"))
		return table_at(le(find(rsdp, "FACP") + 140, 8));
	for (i = 0; i < nr; i++) {
		table = table_at(le(xsdt + 36 + 8 * i, 8));
		if (!memcmp(table, signature, 4))
			return table;
	}
	EXPECT(false, "no table %s", signature);
	return memory;
}

TEST(found_by_a_search)
{
	uint64_t rsdp = 0, gpa;

	ASSERT_EQ(build(1, 0, &rsdp), 0);
	for (gpa = 0xe0000; gpa < 0x100000; gpa += 16)
		if (!memcmp(memory + gpa, "RSD PTR ", 8))
			break;
	EXPECT_EQ(gpa, rsdp);
	EXPECT_EQ(sum(memory + rsdp, 20), 0);
	EXPECT_EQ(sum(memory + rsdp, 36), 0);
	EXPECT_EQ(memory[rsdp + 15], 2);
	EXPECT_EQ(le(memory + rsdp + 20, 4), 36ULL);
	EXPECT_TRUE(!memcmp(table_at(le(memory + rsdp + 24, 8)), "XSDT", 4));
}

/* Both lists have the same tables. */
TEST(old_and_new_list)
{
	const uint8_t *rsdt, *xsdt;
	uint64_t rsdp = 0;
	unsigned int i;

	ASSERT_EQ(build(1, 0, &rsdp), 0);
	rsdt = table_at(le(memory + rsdp + 16, 4));
	xsdt = table_at(le(memory + rsdp + 24, 8));
	EXPECT_TRUE(!memcmp(rsdt, "RSDT", 4));
	ASSERT_EQ((le(rsdt + 4, 4) - 36) * 2, le(xsdt + 4, 4) - 36);
	for (i = 0; i < (le(rsdt + 4, 4) - 36) / 4; i++)
		EXPECT_EQ(le(rsdt + 36 + 4 * i, 4), le(xsdt + 36 + 8 * i, 8));
}

/* What lies at which offset of the FADT, by the specification. */
TEST(fadt)
{
	static const struct {
		unsigned int at, bytes;
		uint64_t value;
	} cases[] = {
		{ 4, 4, 276 }, { 8, 1, 6 },
		{ 36, 4, 0 },				/* no FACS */
		{ 46, 2, 0 }, { 48, 4, 0 },		/* no SCI, no SMI port */
		{ 56, 4, 0 }, { 64, 4, 0 }, { 76, 4, 0 },	/* no fixed hardware */
		{ 108, 1, 0x32 }, { 109, 2, 0x0005 },
		{ 112, 4, 0x101431 },
		{ 116, 4, 0x01000801 }, { 120, 8, 0x602 }, { 128, 1, 1 },
		{ 244, 4, 0x01000801 }, { 248, 8, 0x600 },
		{ 256, 4, 0x01000801 }, { 260, 8, 0x601 },
	};
	const uint8_t *table;
	uint64_t rsdp;
	unsigned int i;

	ASSERT_EQ(build(1, 0, &rsdp), 0);
	table = find(rsdp, "FACP");
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		EXPECT(le(table + cases[i].at, cases[i].bytes) == cases[i].value,
		       "offset %u: %#llx", cases[i].at,
		       (unsigned long long)le(table + cases[i].at, cases[i].bytes));
	EXPECT_EQ(le(table + 40, 4), le(table + 140, 8));
}

TEST(madt)
{
	static const unsigned int cpus[] = { 1, 2, 64, 257 };
	unsigned int i, n, x2;
	const uint8_t *p, *end;
	uint64_t rsdp;

	for (i = 0; i < ARRAY_SIZE(cpus); i++) {
		ASSERT_EQ(build(cpus[i], 0, &rsdp), 0);
		p = find(rsdp, "APIC");
		end = p + le(p + 4, 4);
		EXPECT_EQ(le(p + 36, 4), 0xfee00000ULL);
		for (p += 44, n = x2 = 0; p < end && (p[0] == 0 || p[0] == 9); p += p[1], n++) {
			x2 += p[0] == 9;
			EXPECT_EQ(p[0] == 9, n > 254);
			EXPECT_EQ(le(p + (p[0] ? 4 : 3), p[0] ? 4 : 1), n);	/* APIC id */
			EXPECT_EQ(le(p + (p[0] ? 8 : 4), 4), 1ULL);	/* enabled */
		}
		EXPECT_EQ(n, cpus[i]);
		ASSERT_TRUE(end - p == 12 + 10 + 6);
		EXPECT_TRUE(!memcmp(p, "\x01\x0c\0\0\0\0\xc0\xfe\0\0\0\0", 12));
		EXPECT_TRUE(!memcmp(p + 12, "\x02\x0a\0\0\x02\0\0\0\0\0", 10));
		EXPECT_TRUE(!memcmp(p + 22, "\x04\x06\xff\0\0\x01", 6));
	}
}

TEST(no_place)
{
	const struct acpi_options opt = { .base = ACPI_BASE, .nr_cpus = 1 };
	const struct acpi_options huge = { .base = ACPI_BASE, .nr_cpus = 20000 };
	uint64_t rsdp;

	ASSERT_EQ(build(1, 0, &rsdp), 0);
	EXPECT_EQ(acpi_build(&ram, &opt, &rsdp, error, sizeof(error)), -ENOSPC);
	EXPECT_NOT_NULL(strstr(error, "ACPI"));
	ram = (struct ram){ .nr_banks = 1, .bank = { { 0, 0xe0000, memory } } };
	EXPECT_EQ(acpi_build(&ram, &opt, &rsdp, error, sizeof(error)), -ENOSPC);
	ram = (struct ram){ .nr_banks = 1, .bank = { { 0, sizeof(memory), memory } } };
	EXPECT_EQ(acpi_build(&ram, &huge, &rsdp, error, sizeof(error)), -ENOSPC);
}

/* Lengths of packages: of 1, 2 and 3 bytes, each at its limits. */
TEST(package_lengths)
{
	static const struct {
		unsigned int contents, bytes;
		uint32_t encoded;
	} cases[] = {
		{ 0, 1, 0x01 }, { 62, 1, 0x3f }, { 63, 2, 0x0441 }, { 4093, 2, 0xff4f },
		{ 4094, 3, 0x010081 },
	};
	static uint8_t buf[5000];
	struct aml a = { .buf = buf, .size = sizeof(buf) };
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		a.len = 0;
		aml_byte(&a, 0xaa);
		for (n = 0; n < cases[i].contents; n++)
			aml_byte(&a, 0x55);
		aml_close(&a, 1);
		EXPECT_EQ(a.len, 1 + cases[i].contents + cases[i].bytes);
		EXPECT_EQ(le(buf + 1, cases[i].bytes), cases[i].encoded);
		EXPECT_EQ(buf[0], 0xaa);
		if (cases[i].contents)
			EXPECT_EQ(buf[a.len - 1], 0x55);
	}
	/* What does not fit is counted, and the buffer left alone behind its end. */
	a = (struct aml){ .buf = buf, .size = 2 };
	buf[2] = 0x77;
	aml_string(&a, "abc");
	aml_close(&a, 0);
	EXPECT_EQ(a.len, 6ULL);
	EXPECT_EQ(buf[2], 0x77);
}

/* ---- iasl ---- */

static char folder[40];

static bool shell(const char *format, const char *arg)
{
	char command[300];

	snprintf(command, sizeof(command), format, folder, arg, arg, arg);
	return system(command) == 0;
}

static size_t read_file(const char *name, uint8_t *buf, size_t size)
{
	char path[100];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "r");
	if (f) {
		n = fread(buf, 1, size, f);
		fclose(f);
	}
	return n;
}

static void write_table(const char *name, const uint8_t *table)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.aml", folder, name);
	f = fopen(path, "w");
	ASSERT_NOT_NULL(f);
	fwrite(table, 1, le(table + 4, 4), f);
	fclose(f);
}

/* Disassembled and compiled again it must be the same, but for who compiled it. */
static void round_trip(const char *name, const uint8_t *table)
{
	static uint8_t again[65536];
	size_t len = le(table + 4, 4);

	write_table(name, table);
	EXPECT(shell("cd %s && iasl -d %s.aml > %s.log 2>&1", name), "%s: disassembly", name);
	EXPECT(shell("cd %s && iasl -p again %s.dsl > %s.log 2>&1 && grep -q ' 0 Errors' %s.log",
		     name), "%s: compilation", name);
	EXPECT_EQ(read_file("again.aml", again, sizeof(again)), len);
	EXPECT(!memcmp(again + 36, table + 36, len - 36), "%s: another table", name);
}

static void expect_text(const char *dsl, const char *text)
{
	EXPECT(strstr(dsl, text), "not in the DSDT: %s", text);
}

TEST(iasl)
{
	static const struct { unsigned int cpus, virtio; } cases[] = {
		{ 1, 0 }, { 3, 2 }, { 257, 16 },
	};
	static char dsl[1 << 18];
	unsigned int i;
	uint64_t rsdp;

	if (system("iasl -v > /dev/null 2>&1")) {
		printf("# SKIP iasl is not installed (package acpica-tools)\n");
		return;
	}
	snprintf(folder, sizeof(folder), "/tmp/vmctl-acpi-XXXXXX");
	ASSERT_NOT_NULL(mkdtemp(folder));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(build(cases[i].cpus, cases[i].virtio, &rsdp), 0);
		round_trip("facp", find(rsdp, "FACP"));
		round_trip("apic", find(rsdp, "APIC"));
		round_trip("dsdt", find(rsdp, "DSDT"));
	}
	dsl[read_file("dsdt.dsl", (uint8_t *)dsl, sizeof(dsl) - 1)] = 0;
	expect_text(dsl, "EisaId (\"PNP0501\")");
	expect_text(dsl, "EisaId (\"PNP0B00\")");
	expect_text(dsl, "\"LNRO0005\"");
	expect_text(dsl, "0xD0000000,         // Address Base");
	expect_text(dsl, "0xD000F000,         // Address Base");
	expect_text(dsl, "Interrupt (ResourceConsumer, Level, ActiveHigh, Shared, ,, )");
	expect_text(dsl, "0x00000017,");
	expect_text(dsl, "IRQNoFlags ()\n                    {4}");
	expect_text(dsl, "Name (_S5, Package");
	shell("rm -rf %s", "");
}
