// SPDX-License-Identifier: GPL-2.0-only
/* The CPUID table of a new VM, and what its guest reads of it. */
#include <cpuid.h>
#include "unit.h"
#include "kmod/cpuid.c"
#include "policy_host.h"

static struct tvx_cpuid_entry table[TVX_MAX_CPUID];
static u32 nr;

static const struct tvx_cpuid_entry *get(u32 leaf, u32 index)
{
	u32 i;

	for (i = 0; i < nr; i++)
		if (table[i].function == leaf && table[i].index == index)
			return &table[i];
	return NULL;
}

/* All that must hold of any host's table. */
static void make(void)
{
	u32 i;

	memset(table, 0xaa, sizeof(table));
	nr = policy_default_cpuid(&host, table);
	ASSERT_TRUE(nr > 0 && nr < 64);
	for (i = 0; i < nr; i++) {
		const struct tvx_cpuid_entry *e = &table[i];

		EXPECT_FALSE(e->flags & ~TVX_CPUID_INDEX);
		EXPECT_EQ(e->reserved, 0);
		EXPECT_TRUE(e->index == 0 || e->flags & TVX_CPUID_INDEX);
		EXPECT_TRUE(e->eax | e->ebx | e->ecx | e->edx);
		if (i)
			EXPECT(e[-1].function < e->function ||
			       (e[-1].function == e->function && e[-1].index < e->index),
			       "row %u (%#x.%u) out of order", i, e->function, e->index);
	}
	for (; i < TVX_MAX_CPUID; i++)
		if (!EXPECT_EQ(table[i].function, 0xaaaaaaaa))
			break;
}

static u32 reg(u32 leaf, u32 index, int r)
{
	const struct tvx_cpuid_entry *e = get(leaf, index);

	return !e ? 0 : r == EAX ? e->eax : r == EBX ? e->ebx : r == ECX ? e->ecx : e->edx;
}

#define BITS(...) bits((const int[]){ __VA_ARGS__, -1 })
static u32 bits(const int *list)
{
	u32 set = 0;

	for (; *list >= 0; list++)
		set |= 1U << *list;
	return set;
}

/* Where the TSCs differ, no guest is told that it is invariant. */
TEST(unstable_tsc)
{
	reset_host();
	host.tsc_unstable = true;
	make();
	EXPECT_NULL(get(0x80000007, 0));
}

/* By the architecture's bit numbers: exactly what is given, no bit more. */
TEST(features_given)
{
	reset_host();
	make();
	EXPECT_EQ(reg(1, 0, EAX), 0x000506e3);
	EXPECT_EQ(reg(1, 0, EBX), 0x00010800);
	EXPECT_EQ(reg(1, 0, ECX), BITS(0, 1, 9, 12, 13, 17, 19, 20, 22, 23, 25,
					  26, 28, 29, 30, 31));
	EXPECT_EQ(reg(1, 0, EDX), BITS(0, 1, 2, 3, 4, 5, 6, 8, 11, 13, 15, 16, 17, 19, 23, 24, 25,
				       26, 27));
	EXPECT_EQ(reg(6, 0, EAX), BITS(2));
	EXPECT_EQ(reg(7, 0, EAX), 1);
	EXPECT_EQ(reg(7, 0, EBX), BITS(0, 1, 3, 5, 6, 7, 8, 9, 10, 13, 16, 17, 18, 19, 20, 21, 23,
				       24, 26, 27, 28, 29, 30, 31));
	EXPECT_EQ(reg(7, 0, ECX), BITS(1, 2, 6, 8, 9, 10, 11, 12, 14, 22, 25, 27, 28));
	EXPECT_EQ(reg(7, 0, EDX), BITS(2, 3, 4, 8, 10, 14, 23, 26, 27, 29, 31));
	EXPECT_EQ(reg(7, 1, EAX), BITS(4, 5));
	EXPECT_EQ(reg(7, 1, EBX) | reg(7, 1, ECX) | reg(7, 1, EDX), 0);
	EXPECT_EQ(reg(0xd, 1, EAX), BITS(0));
	EXPECT_EQ(reg(0xd, 1, EBX) | reg(0xd, 1, ECX) | reg(0xd, 1, EDX), 0);
	EXPECT_EQ(reg(0x80000001, 0, ECX), BITS(0, 5, 8));
	EXPECT_EQ(reg(0x80000001, 0, EDX), BITS(11, 20, 26, 27, 29));
	EXPECT_EQ(reg(0x80000007, 0, EDX), BITS(8));
	EXPECT_EQ(reg(0x80000007, 0, EAX), 0);
	EXPECT_EQ(reg(0x80000008, 0, EAX), 0x3034);
	EXPECT_EQ(reg(0x80000008, 0, EBX), 0);
	/* No leaf of what is not given: MWAIT, PMU, SGX, PT, AMX, key locker, V2 topology. */
	EXPECT_NULL(get(3, 0));
	EXPECT_NULL(get(5, 0));
	EXPECT_NULL(get(0xa, 0));
	EXPECT_NULL(get(0x12, 0));
	EXPECT_NULL(get(0x14, 0));
	EXPECT_NULL(get(0x19, 0));
	EXPECT_NULL(get(0x1d, 0));
	EXPECT_NULL(get(0x1f, 0));
	EXPECT_NULL(get(7, 2));
}

TEST(other_leaves)
{
	u32 i;

	reset_host();
	make();
	EXPECT_EQ(reg(0, 0, EAX), 0x16);
	EXPECT_EQ(reg(0, 0, EBX), 0x756e6547);
	EXPECT_EQ(reg(0, 0, ECX), 0x6c65746e);
	EXPECT_EQ(reg(0, 0, EDX), 0x49656e69);
	EXPECT_EQ(reg(0x80000000, 0, EAX), 0x80000008);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(reg(4, i, EAX), 0x121 + (i << 5));
		EXPECT_EQ(reg(4, i, EBX), 0x01c0003f);
		EXPECT_EQ(reg(4, i, ECX), 0x3f);
		EXPECT_EQ(reg(4, i, EDX), 4);
	}
	EXPECT_NULL(get(4, 3));
	EXPECT_EQ(reg(0xb, 0, EBX), 1);
	EXPECT_EQ(reg(0xb, 0, ECX), 0x100);
	EXPECT_EQ(reg(0xb, 1, EBX), 1);
	EXPECT_EQ(reg(0xb, 1, ECX), 0x201);
	EXPECT_EQ(reg(0x40000000, 0, EAX), 0x40000000);
	EXPECT_EQ(memcmp(&get(0x40000000, 0)->ebx, "tinyvmx\0\0\0\0\0", 12), 0);
	EXPECT_EQ(reg(0x80000002, 0, EDX), ~0U);
	EXPECT_EQ(reg(0x80000006, 0, ECX), ~0U);
	EXPECT_EQ(reg(0x80000006, 0, EDX), 0);
}

TEST(xsave_leaf)
{
	u32 i;

	reset_host();
	make();
	EXPECT_EQ(reg(0xd, 0, EAX), 0xe7);
	EXPECT_EQ(reg(0xd, 0, EDX), 0);
	for (i = 2; i < 64; i++) {
		EXPECT_EQ(!!get(0xd, i), !!(XCR0_512 >> i & 1));
		EXPECT_EQ(reg(0xd, i, EAX), XCR0_512 >> i & 1 ? components[i].size : 0);
		EXPECT_EQ(reg(0xd, i, EBX), XCR0_512 >> i & 1 ? components[i].offset : 0);
	}
}

TEST(xcr0_combinations)
{
	EXPECT_EQ(policy_guest_xcr0(0), 0);
	EXPECT_EQ(policy_guest_xcr0(1), 1);
	EXPECT_EQ(policy_guest_xcr0(2), 0);
	EXPECT_EQ(policy_guest_xcr0(3), 3);
	EXPECT_EQ(policy_guest_xcr0(5), 1);
	EXPECT_EQ(policy_guest_xcr0(7), 7);
	EXPECT_EQ(policy_guest_xcr0(0xe3), 3);
	EXPECT_EQ(policy_guest_xcr0(0x67), 7);
	EXPECT_EQ(policy_guest_xcr0(XCR0_ALL), XCR0_512);
	EXPECT_EQ(policy_guest_xcr0(~0ull), XCR0_512);
}

#define AVX_1		BITS(12, 28, 29)
#define AVX512_EBX	BITS(16, 17, 21, 26, 27, 28, 30, 31)
#define AVX512_ECX	BITS(1, 6, 11, 12, 14)
#define AVX512_EDX	BITS(2, 3, 8, 23)

TEST(features_that_need_xcr0)
{
	reset_host();
	host.xcr0 = 7;
	make();
	EXPECT_EQ(reg(1, 0, ECX) & (AVX_1 | BIT(26)), AVX_1 | BIT(26));
	EXPECT_EQ(reg(7, 0, EBX) & (AVX512_EBX | BIT(5)), BIT(5));
	EXPECT_EQ(reg(7, 0, ECX) & (AVX512_ECX | BITS(9, 10)), BITS(9, 10));
	EXPECT_EQ(reg(7, 0, EDX) & AVX512_EDX, 0);
	EXPECT_EQ(reg(7, 1, EAX), BIT(4));
	host.xcr0 = 3;
	make();
	EXPECT_EQ(reg(1, 0, ECX) & (AVX_1 | BIT(26)), BIT(26));
	EXPECT_EQ(reg(7, 0, EBX) & (AVX512_EBX | BIT(5)), 0);
	EXPECT_EQ(reg(7, 0, ECX) & (AVX512_ECX | BITS(9, 10)), 0);
	EXPECT_NULL(get(7, 1));
	EXPECT_EQ(reg(0xd, 0, EAX), 3);
	EXPECT_NULL(get(0xd, 2));
	host.xcr0 = 0;
	make();
	EXPECT_EQ(reg(1, 0, ECX) & (AVX_1 | BIT(26)), 0);
	EXPECT_NULL(get(0xd, 0));
	EXPECT_NULL(get(0xd, 1));
	EXPECT_NULL(get(0xd, 2));
	/* The rest does not depend on it. */
	EXPECT_EQ(reg(7, 0, EDX), BITS(4, 10, 14, 26, 27, 29, 31));
}

TEST(features_that_need_a_control)
{
	reset_host();
	host.features &= ~TVX_FEAT_INVPCID;
	make();
	EXPECT_EQ(reg(7, 0, EBX) & BIT(10), 0);
	EXPECT_EQ(reg(7, 0, ECX) & BIT(22), BIT(22));
	EXPECT_EQ(reg(0x80000001, 0, EDX) & BIT(27), BIT(27));
	host.features = ~TVX_FEAT_RDTSCP;
	make();
	EXPECT_EQ(reg(7, 0, EBX) & BIT(10), BIT(10));
	EXPECT_EQ(reg(7, 0, ECX) & BIT(22), 0);
	EXPECT_EQ(reg(0x80000001, 0, EDX) & BIT(27), 0);
}

/* The APIC timer, which counts TSC ticks, runs at the rate of the crystal that is told. */
TEST(one_clock)
{
	reset_host();
	make();
	EXPECT_EQ(reg(0x15, 0, EAX), 1);
	EXPECT_EQ(reg(0x15, 0, EBX), 1);
	EXPECT_EQ(reg(0x15, 0, ECX), 2893202000u);
	EXPECT_EQ(reg(0x15, 0, EDX), 0);
	host.tsc_khz = 4294967;
	make();
	EXPECT_EQ(reg(0x15, 0, ECX), 4294967000u);
	host.tsc_khz = 4294968;		/* 32 bits do not hold it */
	make();
	EXPECT_NULL(get(0x15, 0));
	host.tsc_khz = 0;
	make();
	EXPECT_NULL(get(0x15, 0));
	/* A processor that tells none: the guest measures, as on that processor. */
	reset_host();
	cpu.max = 0x14;
	make();
	EXPECT_NULL(get(0x15, 0));
}

/* Leaves beyond the host's range read as rubbish there: none may get in. */
TEST(short_hosts)
{
	static const u32 most[] = { 1, 2, 4, 0xa, 0xb, 0xd, 0x15, 0x16, 0x17 };
	u32 i, n;

	for (i = 0; i < ARRAY_SIZE(most); i++) {
		reset_host();
		cpu.max = most[i];
		cpu.max_ext = 0x80000000 + i;
		make();
		EXPECT_EQ(reg(0, 0, EAX), min(most[i], 0x16u));
		EXPECT_EQ(reg(0x80000000, 0, EAX), 0x80000000 + i);
		EXPECT_NOT_NULL(get(0x40000000, 0));
		for (n = 0; n < nr; n++) {
			u32 leaf = table[n].function;

			EXPECT_TRUE(leaf <= most[i] || leaf == 0x40000000 ||
				    (leaf >= 0x80000000 && leaf <= 0x80000000 + i));
		}
	}
	reset_host();
	cpu.max_ext = 0;	/* no extended leaves at all */
	make();
	EXPECT_EQ(table[nr - 1].function, 0x40000000);
}

#define ERMS	BIT(9)	/* leaf 7, EBX */
#define FSRM	BIT(4)	/* leaf 7, EDX */

/*
 * What the kernel has turned off is given to nobody, be it in the processor or not, and
 * nothing else is missed.
 */
TEST(kernel_does_without)
{
	static const struct {
		u32 leaf, index;
		int reg;
		unsigned int word;	/* of X86_FEATURE_* */
		u32 ours;		/* the module's own, whatever the host has */
	} words[] = {
		{ 1, 0, ECX, 4, BIT(31) }, { 1, 0, EDX, 0, 0 }, { 6, 0, EAX, 14, 0 },
		{ 7, 0, EBX, 9, BIT(1) }, { 7, 0, ECX, 16, 0 }, { 7, 0, EDX, 18, 0 },
		{ 7, 1, EAX, 12, 0 }, { 0xd, 1, EAX, 10, 0 },
		{ 0x80000001, 0, ECX, 6, 0 }, { 0x80000001, 0, EDX, 1, 0 },
	};
	unsigned int i, bit, other;
	u32 all[ARRAY_SIZE(words)];

	reset_host();
	make();
	for (i = 0; i < ARRAY_SIZE(words); i++)
		all[i] = reg(words[i].leaf, words[i].index, words[i].reg);
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		for (bit = 0; bit < 32; bit++) {
			if (words[i].word == 9 && BIT(bit) == ERMS)
				continue;
			turned_off[words[i].word] = BIT(bit);
			make();
			for (other = 0; other < ARRAY_SIZE(words); other++)
				EXPECT_EQ(reg(words[other].leaf, words[other].index,
					      words[other].reg),
					  other == i ? all[i] & ~(BIT(bit) & ~words[i].ours) :
						       all[other]);
		}
		turned_off[words[i].word] = 0;
	}
	/*
	 * The case that this is for: no fast strings, by IA32_MISC_ENABLE.  The kernel may
	 * have left it at that: then short ones go along.
	 */
	EXPECT_TRUE(all[3] & ERMS && all[5] & FSRM);
	turned_off[9] = ERMS;
	make();
	EXPECT_EQ(reg(7, 0, EBX), all[3] & ~ERMS);
	EXPECT_EQ(reg(7, 0, EDX), all[5] & ~FSRM);
}

static void real_cpuid(u32 leaf, u32 subleaf, u32 out[4])
{
	__cpuid_count(leaf, subleaf, out[0], out[1], out[2], out[3]);
}

/* On whatever this runs: no bit is given that the processor has not. */
TEST(real_processor)
{
	u32 i, r[4];

	reset_host();
	host.cpuid = real_cpuid;
	make();
	EXPECT_NOT_NULL(get(1, 0));
	EXPECT_EQ(reg(0x80000001, 0, EDX) & BIT(29), BIT(29));
	for (i = 0; i < nr; i++) {
		const struct tvx_cpuid_entry *e = &table[i];

		real_cpuid(e->function, e->index, r);
		switch (e->function) {
		case 1:
			EXPECT_EQ(e->eax, r[EAX]);
			EXPECT_EQ(e->ecx & ~r[ECX] & ~BIT(31), 0);
			EXPECT_EQ(e->edx & ~r[EDX], 0);
			break;
		case 7:
		case 0x80000001:
			/* TSC_ADJUST is the module's own. */
			EXPECT_EQ(e->ebx & ~r[EBX] & ~(e->function == 7 ? BIT(1) : 0), 0);
			EXPECT_EQ(e->ecx & ~r[ECX], 0);
			EXPECT_EQ(e->edx & ~r[EDX], 0);
			break;
		case 0x80000002 ... 0x80000004:
			EXPECT_EQ(memcmp(&e->eax, r, sizeof(r)), 0);
			break;
		}
	}
}

/* Any host at all: the invariants of make() and no forbidden bit. */
static u32 noise;

static void noisy_cpuid(u32 leaf, u32 subleaf, u32 out[4])
{
	u32 i, x = noise ^ leaf * 0x9e3779b1 ^ subleaf * 0x85ebca6b;

	for (i = 0; i < 4; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		out[i] = x;
	}
}

TEST(random_hosts)
{
	unsigned int i, j;

	unit_seed(7);
	for (i = 0; i < 3000 && !unit_failures; i++) {
		noise = unit_random();
		host = (struct policy_host){ noisy_cpuid, unit_random(), unit_random(),
					     fake_kernel_has, unit_random(), unit_random() & 1 };
		for (j = 0; j < ARRAY_SIZE(turned_off); j++)
			turned_off[j] = unit_random();
		make();
		EXPECT_LE(reg(0, 0, EAX), 0x16);
		EXPECT_EQ(reg(1, 0, ECX) & BITS(3, 5, 6, 21, 24, 27), 0);
		EXPECT_EQ(reg(1, 0, EDX) & BITS(7, 9, 12, 14, 21, 28), 0);
		EXPECT_EQ(reg(7, 0, ECX) & BITS(3, 4, 5, 7, 16, 29, 30), 0);
		EXPECT_EQ(reg(0xd, 0, EAX) & ~0xe7, 0);
		EXPECT_LE(reg(0x80000008, 0, EAX) >> 8, 48);
	}
}
