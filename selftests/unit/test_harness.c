// SPDX-License-Identifier: GPL-2.0-only
/* The harness and its imitation of the kernel, tested: what follows relies on them. */
#include "unit.h"
#include <linux/kernel.h>
#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <asm/apicdef.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>

/* Run @body as a test of its own and take its verdict. */
static unsigned long failures_of(void (*body)(void))
{
	struct unit_test inner = { "inner", body, NULL };
	unsigned long found;

	printf("# failures that are meant to be:\n");
	unit_run(&inner);
	found = unit_failures;
	unit_failures = 0;
	unit_warnings = 0;
	unit_live_allocs = 0;
	return found;
}

static void body_fails(void)
{
	EXPECT_EQ(1, 2);
	EXPECT_NE(3, 3);
	EXPECT_TRUE(0);
	EXPECT_STREQ("a", "b");
}

static void body_asserts(void)
{
	ASSERT_EQ(1, 2);
	EXPECT_TRUE(0);
}

static void body_warns(void)
{
	WARN_ON(1);
}

static void body_claims_warning(void)
{
	WARN_ONCE(1, "once\n");
	EXPECT_WARNED(1);
}

static void *leaked;

static void body_leaks(void)
{
	leaked = kzalloc(8, GFP_KERNEL);
}

TEST(harness_sees_failures)
{
	EXPECT_EQ(failures_of(body_fails), 4);
	EXPECT_EQ(failures_of(body_asserts), 1);
	EXPECT_EQ(failures_of(body_warns), 1);
	EXPECT_EQ(failures_of(body_claims_warning), 0);
	EXPECT_EQ(failures_of(body_leaks), 1);
	free(leaked);
}

TEST(failing_allocator)
{
	void *a, *b, *c;

	unit_fail_alloc(2);
	a = kzalloc(1, GFP_KERNEL);
	b = kzalloc(1, GFP_KERNEL);
	c = kzalloc(1, GFP_KERNEL);
	EXPECT_NOT_NULL(a);
	EXPECT_NULL(b);
	EXPECT_NOT_NULL(c);
	kfree(a);
	kfree(b);
	kfree(c);
}

TEST(bits)
{
	DECLARE_BITMAP(map, 130);

	EXPECT_EQ(GENMASK_ULL(51, 12), 0x000ffffffffff000ull);
	EXPECT_EQ(GENMASK_ULL(63, 0), ~0ull);
	EXPECT_EQ(fls64(0), 0);
	EXPECT_EQ(fls64(1ull << 63), 64);
	bitmap_zero(map, 130);
	EXPECT_EQ(find_last_bit(map, 130), 130u);
	__set_bit(129, map);
	__set_bit(64, map);
	EXPECT_EQ(find_first_bit(map, 130), 64u);
	EXPECT_EQ(find_last_bit(map, 130), 129u);
	EXPECT_TRUE(__test_and_clear_bit(64, map));
	EXPECT_FALSE(test_bit(64, map));
}

TEST(atomics)
{
	u64 x = 5, old = 4;

	EXPECT_FALSE(try_cmpxchg(&x, &old, 6ull));
	EXPECT_EQ(old, 5u);
	EXPECT_TRUE(try_cmpxchg(&x, &old, 6ull));
	EXPECT_EQ(xchg(&x, 7ull), 6u);
	EXPECT_EQ(cmpxchg(&x, 1ull, 2ull), 7u);
	EXPECT_EQ(x, 7u);
}

TEST(kernel_constants)
{
	EXPECT_EQ(EPT_POINTER, 0x201a);
	EXPECT_EQ(MSR_IA32_VMX_EPT_VPID_CAP, 0x48c);
	EXPECT_EQ(X86_CR4_VMXE, 1ul << 13);
	EXPECT_EQ(X86_TRAP_GP, 13);
	EXPECT_EQ(SECONDARY_EXEC_ENABLE_EPT, 2u);
	EXPECT_EQ(APIC_TASKPRI, 0x80);
}
