// SPDX-License-Identifier: GPL-2.0-only
/* What vmctl makes of the module's CPUID table for the guests of a PC. */
#include "unit.h"

#include "tools/vmctl/guest_cpuid.c"

#define GHZ_KHZ		1000000ULL

static struct tvx_cpuid_entry table[TVX_MAX_CPUID];
static unsigned int count;

static void add(uint32_t leaf, uint32_t index, uint32_t flags, uint32_t eax, uint32_t ebx,
		uint32_t ecx, uint32_t edx)
{
	table[count++] = (struct tvx_cpuid_entry){ leaf, index, flags, eax, ebx, ecx, edx, 0 };
}

/* As the module makes it of an old CPU, whose leaves end at 0xd. */
static void haswell(void)
{
	count = 0;
	add(0, 0, 0, 0xd, 0x756e6547, 0x6c65746e, 0x49656e69);
	add(1, 0, 0, 0x306c3, 0x10800, 1U << 31 | 0x7eda3203, 0x0f8bab7f);
	add(4, 0, TVX_CPUID_INDEX, 0x121, 0x1c0003f, 0x3f, 0);
	add(4, 2, TVX_CPUID_INDEX, 0x143, 0x1c0003f, 0x1ff, 0);
	add(4, 3, TVX_CPUID_INDEX, 0x163, 0x3c0003f, 0x1fff, 6);
	add(0xb, 0, TVX_CPUID_INDEX, 0, 1, 0x100, 0);
	add(0xb, 1, TVX_CPUID_INDEX, 0, 1, 0x201, 0);
	add(0xd, 0, TVX_CPUID_INDEX, 7, 0x340, 0x340, 0);
	add(0x40000000, 0, 0, 0, 0x796e6974, 0x00786d76, 0);
	add(0x80000000, 0, 0, 0x80000008, 0, 0, 0);
	add(0x80000007, 0, 0, 0, 0, 0, 1 << 8);
}

/* A new one, with a crystal of its own, and more than a guest is given. */
static void icelake(void)
{
	haswell();
	table[0].eax = 0x1b;
	table[1].ecx = ~0U;
	table[1].edx = ~0U;
	add(6, 0, 0, 0x77, 2, 9, 0);
	add(0xa, 0, 0, 0x8300805, 0, 0xf, 0x8604);
	add(0x15, 0, 0, 2, 0x54, 38400000, 0);
	add(0x16, 0, 0, 1200, 3900, 100, 0);
}

static const struct tvx_cpuid_entry *leaf(uint32_t function, uint32_t index)
{
	static const struct tvx_cpuid_entry none;
	const struct tvx_cpuid_entry *e = find(table, count, function, index);

	return EXPECT(e, "no leaf %#x.%u", function, index) ? e : &none;
}

static void edit(unsigned int nr_cpus, uint64_t tsc_khz)
{
	count = guest_cpuid(table, count, nr_cpus, tsc_khz);
	EXPECT_NE(count, 0U);
}

TEST(apic_and_features)
{
	haswell();
	edit(1, 3 * GHZ_KHZ);
	EXPECT_EQ(leaf(1, 0)->ecx & (1 << 21 | 1 << 24 | 1U << 31), 1 << 21 | 1 << 24 | 1U << 31);
	EXPECT_TRUE(leaf(1, 0)->edx & 1 << 9);
	EXPECT_FALSE(leaf(1, 0)->edx & 1 << 28);
	EXPECT_EQ(leaf(1, 0)->ebx, 0x10800U);
	/* What is not named stays. */
	EXPECT_EQ(leaf(1, 0)->eax, 0x306c3U);
	EXPECT_EQ(leaf(0xd, 0)->ebx, 0x340U);
	EXPECT_EQ(leaf(0x80000007, 0)->edx, 1U << 8);
	EXPECT_EQ(leaf(6, 0)->eax, 4U);

	icelake();
	edit(4, 3 * GHZ_KHZ);
	/* MONITOR, VMX, SMX, EST, PDCM; MCE, MTRR, MCA, DS, ACPI, TM */
	EXPECT_EQ(leaf(1, 0)->ecx & 0x80e8, 0U);
	EXPECT_EQ(leaf(1, 0)->edx & 0x20605080, 0U);
	EXPECT_EQ(leaf(6, 0)->eax, 4U);
	EXPECT_EQ(leaf(6, 0)->ebx | leaf(6, 0)->ecx, 0U);
	EXPECT_EQ(leaf(0xa, 0)->eax | leaf(0xa, 0)->edx, 0U);
}

static void expect_topology(unsigned int nr_cpus, uint32_t ids, uint32_t shift)
{
	haswell();
	edit(nr_cpus, 0);
	EXPECT_EQ(leaf(1, 0)->ebx >> 16, ids > 255 ? 255 : ids);
	EXPECT_EQ(!!(leaf(1, 0)->edx & 1 << 28), nr_cpus > 1);
	EXPECT_EQ(leaf(4, 0)->eax, 0x121 | (ids > 64 ? 63 : ids - 1) << 26);
	EXPECT_EQ(leaf(4, 3)->eax, 0x163 | (ids > 64 ? 63 : ids - 1) << 26 | (ids - 1) << 14);
	EXPECT_EQ(leaf(0xb, 0)->eax, 0U);
	EXPECT_EQ(leaf(0xb, 0)->ebx, 1U);
	EXPECT_EQ(leaf(0xb, 0)->ecx, 0x100U);
	EXPECT_EQ(leaf(0xb, 1)->eax, shift);
	EXPECT_EQ(leaf(0xb, 1)->ebx, nr_cpus);
	EXPECT_EQ(leaf(0xb, 1)->ecx, 0x201U);
}

TEST(topology)
{
	expect_topology(1, 1, 0);
	expect_topology(2, 2, 1);
	expect_topology(3, 4, 2);
	expect_topology(8, 8, 3);
	expect_topology(65, 128, 7);
	expect_topology(255, 256, 8);
}

TEST(clocks)
{
	haswell();
	edit(1, 2893202);
	EXPECT_EQ(leaf(0, 0)->eax, 0x16U);
	EXPECT_EQ(leaf(0x15, 0)->eax, 1U);
	EXPECT_EQ(leaf(0x15, 0)->ebx, 1U);
	EXPECT_EQ(leaf(0x15, 0)->ecx, 2893202000U);
	EXPECT_EQ(leaf(0x16, 0)->eax, 2893U);
	EXPECT_EQ(leaf(0x40000010, 0)->eax, 2893202U);
	EXPECT_EQ(leaf(0x40000010, 0)->ebx, 2893202U);

	icelake();			/* its own values go */
	edit(1, 2 * GHZ_KHZ);
	EXPECT_EQ(leaf(0, 0)->eax, 0x1bU);
	EXPECT_EQ(leaf(0x15, 0)->ebx, 1U);
	EXPECT_EQ(leaf(0x15, 0)->ecx, 2000000000U);

	haswell();			/* more Hz than 32 bits hold */
	edit(1, 5 * GHZ_KHZ);
	EXPECT_EQ((uint64_t)leaf(0x15, 0)->ecx * leaf(0x15, 0)->ebx, 5 * GHZ_KHZ * 1000);

	haswell();			/* unknown: nothing is said */
	edit(1, 0);
	EXPECT_NULL(find(table, count, 0x15, 0));
	EXPECT_NULL(find(table, count, 0x16, 0));
	EXPECT_NULL(find(table, count, 0x40000010, 0));
}

TEST(says_kvm)
{
	char words[13] = "";

	haswell();
	edit(1, GHZ_KHZ);
	EXPECT_EQ(leaf(0x40000000, 0)->eax, 0x40000010U);
	memcpy(words, &leaf(0x40000000, 0)->ebx, 12);
	EXPECT_STREQ(words, "KVMKVMKVM");
	EXPECT_EQ(leaf(0x40000001, 0)->eax, 2U);
	EXPECT_EQ(leaf(0x40000001, 0)->edx, 0U);
}

/* The module refuses two entries for one sub-leaf. */
TEST(no_entry_twice)
{
	unsigned int i, j;

	icelake();
	edit(2, GHZ_KHZ);
	for (i = 0; i < count; i++)
		for (j = 0; j < i; j++)
			EXPECT_FALSE(table[i].function == table[j].function &&
				     (!(table[i].flags & table[j].flags & TVX_CPUID_INDEX) ||
				      table[i].index == table[j].index));
}

TEST(no_room)
{
	haswell();
	while (count < TVX_MAX_CPUID)
		add(0x80001000 + count, 0, 0, 1, 1, 1, 1);
	EXPECT_EQ(guest_cpuid(table, count, 1, GHZ_KHZ), 0U);
}
