// SPDX-License-Identifier: GPL-2.0-only
/* A VM's policy: what is refused, and look-ups against slow models of them. */
#include <errno.h>
#include "unit.h"
#include "kmod/policy.c"
#include "kmod/policy_rules.c"
#include "kmod/cpuid.c"
#include "policy_host.h"

/* Who answers, as exits/msr.c and exits/io.c read the rules. */
static enum tvx_action policy_msr(const struct policy *policy, u32 msr, bool write, u64 *value)
{
	const struct tvx_msr_rule *rule = policy_msr_rule(policy, msr);
	enum tvx_action action = !rule ? TVX_ACT_DEFAULT : write ? rule->write : rule->read;

	if (action == TVX_ACT_CONST)
		*value = rule->value;
	return action;
}

static enum tvx_action policy_io(const struct policy *policy, u16 port, u32 *value)
{
	const struct tvx_io_rule *rule = policy_io_rule(policy, port);

	if (rule && rule->action == TVX_ACT_CONST)
		*value = rule->value;
	return rule && rule->action ? rule->action : TVX_ACT_EXIT;
}

static struct policy p, before;
static struct tvx_cpuid_entry t[TVX_MAX_CPUID + 1];
static struct tvx_msr_rule msr[TVX_MAX_RULES + 1];
static struct tvx_io_rule io[TVX_MAX_RULES + 1];
static struct tvx_policy u;
static const struct policy_vcpu vcpu = { .apic_id = 0x142, .osxsave = true, .xcr0 = 7 };

static void entry(u32 n, u32 function, u32 index, u32 flags, u32 eax)
{
	t[n] = (struct tvx_cpuid_entry){
		.function = function, .index = index, .flags = flags,
		.eax = eax, .ebx = 0xb, .ecx = 0xc, .edx = 0xd,
	};
}

static void expect_cpuid(u32 leaf, u32 subleaf, u32 a, u32 b, u32 c, u32 d)
{
	u32 out[4] = { 1, 2, 3, 4 };

	EXPECT_TRUE(policy_cpuid(&p, &vcpu, leaf, subleaf, out));
	EXPECT(out[0] == a && out[1] == b && out[2] == c && out[3] == d,
	       "CPUID %#x.%#x is %#x %#x %#x %#x, not %#x %#x %#x %#x", leaf, subleaf,
	       out[0], out[1], out[2], out[3], a, b, c, d);
}

static void fresh(void)
{
	memset(&p, 0xaa, sizeof(p));
	entry(0, 0, 0, 0, 7);
	policy_init(&p, t, 1);
	memset(&u, 0, sizeof(u));
	u.size = sizeof(u);
}

TEST(init)
{
	u64 value = 99;
	u32 v32 = 99;

	fresh();
	EXPECT_EQ(p.nr_cpuid, 1);
	EXPECT_EQ(p.hypercall, TVX_ACT_CONST);
	EXPECT_EQ(p.hypercall_value, (u64)-ENOSYS);
	EXPECT_EQ(p.exceptions | p.exits | p.nr_io_rules | p.nr_msr_rules, 0);
	EXPECT_EQ(policy_msr(&p, 0, false, &value), TVX_ACT_DEFAULT);
	EXPECT_EQ(policy_msr(&p, ~0U, true, &value), TVX_ACT_DEFAULT);
	EXPECT_EQ(policy_io(&p, 0xffff, &v32), TVX_ACT_EXIT);
	EXPECT_EQ(value, 99);
	EXPECT_EQ(v32, 99);
}

/* ---- CPUID ---- */

static void expect_table_refused(u32 nr)
{
	before = p;
	EXPECT_EQ(policy_set_cpuid(&p, t, nr), -EINVAL);
	EXPECT_EQ(memcmp(&before, &p, sizeof(p)), 0);
}

TEST(set_cpuid_refusals)
{
	u32 i;

	fresh();
	entry(0, 4, 0, TVX_CPUID_INDEX, 1);
	entry(1, 4, 1, TVX_CPUID_INDEX, 1);
	EXPECT_EQ(policy_set_cpuid(&p, t, 2), 0);
	t[1].flags |= 4;
	expect_table_refused(2);
	entry(1, 4, 1, TVX_CPUID_INDEX, 1);
	t[1].reserved = 1;
	expect_table_refused(2);
	/* alike: the same sub-leaf, or one of them for all sub-leaves */
	entry(1, 4, 0, TVX_CPUID_INDEX | TVX_CPUID_EXIT, 2);
	expect_table_refused(2);
	entry(1, 4, 9, 0, 2);
	expect_table_refused(2);
	entry(0, 4, 3, 0, 1);
	entry(1, 4, 2, TVX_CPUID_INDEX, 1);
	expect_table_refused(2);
	entry(1, 4, 5, 0, 1);
	expect_table_refused(2);
	for (i = 0; i <= TVX_MAX_CPUID; i++)
		entry(i, i, 0, 0, i);
	expect_table_refused(TVX_MAX_CPUID + 1);
	EXPECT_EQ(policy_set_cpuid(&p, t, TVX_MAX_CPUID), 0);
	EXPECT_EQ(p.nr_cpuid, TVX_MAX_CPUID);
	EXPECT_EQ(policy_set_cpuid(&p, t, 0), 0);
	expect_cpuid(1, 0, 0, 0, 0, 0);
}

TEST(cpuid_ranges)
{
	fresh();
	entry(0, 0x80000001, 0, 0, 0x81);	/* in no order */
	entry(1, 7, 1, TVX_CPUID_INDEX, 0x71);
	entry(2, 0x40000100, 0, 0, 0x40000101);
	entry(3, 0, 0, 0, 7);
	entry(4, 0x80000000, 0, 0, 0x80000004);
	entry(5, 2, 77, 0, 0x22);		/* the index does not count */
	entry(6, 7, 0, TVX_CPUID_INDEX, 0x70);
	entry(7, 0x40000000, 0, 0, 0x40000001);
	entry(8, 0x20, 0, 0, 0x20);		/* out of range, but there */
	ASSERT_EQ(policy_set_cpuid(&p, t, 9), 0);
	expect_cpuid(0, 5, 7, 0xb, 0xc, 0xd);
	expect_cpuid(2, 0, 0x22, 0xb, 0xc, 0xd);
	expect_cpuid(2, 77, 0x22, 0xb, 0xc, 0xd);
	expect_cpuid(2, ~0U, 0x22, 0xb, 0xc, 0xd);
	expect_cpuid(7, 0, 0x70, 0xb, 0xc, 0xd);
	expect_cpuid(7, 1, 0x71, 0xb, 0xc, 0xd);
	expect_cpuid(7, 2, 0, 0, 0, 0);
	expect_cpuid(7, ~0U, 0, 0, 0, 0);
	expect_cpuid(5, 0, 0, 0, 0, 0);
	expect_cpuid(0x20, 0, 0x20, 0xb, 0xc, 0xd);
	/* out of range: leaf 7, with the sub-leaf asked for */
	expect_cpuid(8, 0, 0x70, 0xb, 0xc, 0xd);
	expect_cpuid(8, 1, 0x71, 0xb, 0xc, 0xd);
	expect_cpuid(8, 2, 0, 0, 0, 0);
	expect_cpuid(0x3fffffff, 0, 0x70, 0xb, 0xc, 0xd);
	expect_cpuid(0x80000001, 0, 0x81, 0xb, 0xc, 0xd);
	expect_cpuid(0x80000004, 0, 0, 0, 0, 0);
	expect_cpuid(0x80000005, 0, 0x70, 0xb, 0xc, 0xd);
	expect_cpuid(0xc0000000, 1, 0x71, 0xb, 0xc, 0xd);
	expect_cpuid(~0U, 0, 0x70, 0xb, 0xc, 0xd);
	expect_cpuid(0x40000000, 0, 0x40000001, 0xb, 0xc, 0xd);
	expect_cpuid(0x40000001, 0, 0, 0, 0, 0);
	expect_cpuid(0x40000002, 0, 0x70, 0xb, 0xc, 0xd);
	expect_cpuid(0x40000101, 0, 0, 0, 0, 0);
	expect_cpuid(0x40000102, 0, 0x70, 0xb, 0xc, 0xd);
	expect_cpuid(0x40000200, 0, 0x70, 0xb, 0xc, 0xd);
	expect_cpuid(0x50000000, 0, 0x70, 0xb, 0xc, 0xd);
	/* no leaf 0: nothing has a range */
	ASSERT_EQ(policy_set_cpuid(&p, t + 5, 2), 0);
	expect_cpuid(0, 0, 0, 0, 0, 0);
	expect_cpuid(8, 0, 0, 0, 0, 0);
	expect_cpuid(7, 0, 0x70, 0xb, 0xc, 0xd);
}

TEST(cpuid_exits)
{
	u32 out[4];

	fresh();
	entry(0, 0, 0, 0, 4);
	entry(1, 4, 0, TVX_CPUID_INDEX, 1);
	entry(2, 4, 1, TVX_CPUID_INDEX | TVX_CPUID_EXIT, 1);
	entry(3, 0x40000001, 0, TVX_CPUID_EXIT, 1);
	ASSERT_EQ(policy_set_cpuid(&p, t, 4), 0);
	EXPECT_TRUE(policy_cpuid(&p, &vcpu, 4, 0, out));
	EXPECT_FALSE(policy_cpuid(&p, &vcpu, 4, 1, out));
	EXPECT_TRUE(policy_cpuid(&p, &vcpu, 4, 2, out));
	EXPECT_FALSE(policy_cpuid(&p, &vcpu, 0x40000001, 3, out));
	EXPECT_FALSE(policy_cpuid(&p, &vcpu, 5, 1, out));	/* reads as leaf 4 */
}

TEST(cpuid_of_a_vcpu)
{
	struct policy_vcpu other = { .apic_id = 1, .osxsave = false, .xcr0 = 1 };
	u32 out[4];

	fresh();
	entry(0, 0, 0, 0, 0x1f);
	entry(1, 1, 0, 0, 0xa);
	t[1].ebx = 0xff010800;
	entry(2, 0xb, 0, TVX_CPUID_INDEX, 0);
	entry(3, 0x1f, 0, TVX_CPUID_INDEX, 0);
	entry(4, 0xd, 0, TVX_CPUID_INDEX, 0x27);
	entry(5, 0xd, 1, TVX_CPUID_INDEX, 1);
	entry(6, 0xd, 2, TVX_CPUID_INDEX, 256);
	t[6].ebx = 576;
	entry(7, 0xd, 5, TVX_CPUID_INDEX, 64);
	t[7].ebx = 1088;
	ASSERT_EQ(policy_set_cpuid(&p, t, 8), 0);
	p.xcr0_allowed = 0x27;
	expect_cpuid(1, 0, 0xa, 0x42010800, 0xc | BIT(27), 0xd);
	expect_cpuid(0xb, 0, 0, 0xb, 0xc, 0x142);
	expect_cpuid(0xb, 0x1ff, 0, 0, 0xff, 0x142);	/* past the last level */
	expect_cpuid(0x1f, 0, 0, 0xb, 0xc, 0x142);
	expect_cpuid(0x1f, 2, 0, 0, 2, 0x142);
	expect_cpuid(0x20, 0, 0, 0xb, 0xc, 0x142);	/* out of range: leaf 0x1f */
	expect_cpuid(0xd, 0, 0x27, 832, 1152, 0xd);
	expect_cpuid(0xd, 1, 1, 0xb, 0xc, 0xd);
	expect_cpuid(0xd, 2, 256, 576, 0xc, 0xd);
	expect_cpuid(0xd, 3, 0, 0, 0, 0);
	EXPECT_TRUE(policy_cpuid(&p, &other, 1, 0, out));
	EXPECT_EQ(out[EBX], 0x01010800);
	EXPECT_EQ(out[ECX], 0xc);
	EXPECT_TRUE(policy_cpuid(&p, &other, 0xd, 0, out));
	EXPECT_EQ(out[EBX], 576);
	/* OSXSAVE is the vCPU's, whatever the table says. */
	t[1].ecx = ~0U;
	ASSERT_EQ(policy_set_cpuid(&p, t, 8), 0);
	EXPECT_TRUE(policy_cpuid(&p, &other, 1, 0, out));
	EXPECT_EQ(out[ECX], ~(u32)BIT(27));
	/* Nor is the APIC's bit the table's once the guest has switched it off. */
	t[1].edx = ~0U;
	ASSERT_EQ(policy_set_cpuid(&p, t, 8), 0);
	EXPECT_TRUE(policy_cpuid(&p, &other, 1, 0, out));
	EXPECT_EQ(out[EDX], ~0U);
	other.apic_off = true;
	EXPECT_TRUE(policy_cpuid(&p, &other, 1, 0, out));
	EXPECT_EQ(out[EDX], ~(u32)BIT(9));
	/* A table without leaf 0xb has no topology to tell. */
	entry(2, 2, 0, 0, 0);
	ASSERT_EQ(policy_set_cpuid(&p, t, 8), 0);
	expect_cpuid(0xb, 3, 0, 0, 0, 0);
}

/* Random tables, small enough to collide: find() against a walk of the whole table. */
TEST(random_tables)
{
	unsigned int round, i, k, n, set = 0;

	unit_seed(3);
	for (round = 0; round < 3000; round++) {
		bool clash = false;

		fresh();
		n = unit_random_below(12);
		for (i = 0; i < n; i++) {
			u32 base = unit_random_below(2) << 31;

			entry(i, base + unit_random_below(6), unit_random_below(4),
			      unit_random_below(4) ? TVX_CPUID_INDEX : 0, i);
			for (k = 0; k < i; k++)
				clash |= t[i].function == t[k].function &&
					 (t[i].index == t[k].index || !t[i].flags || !t[k].flags);
		}
		EXPECT_EQ(policy_set_cpuid(&p, t, n), clash ? -EINVAL : 0);
		if (clash)
			continue;
		set++;
		for (i = 0; i < 64; i++) {
			u32 leaf = (i / 4 % 8) + (i / 32 << 31), sub = i % 4;
			const struct tvx_cpuid_entry *e = policy_find_cpuid(&p, leaf, sub);
			const struct tvx_cpuid_entry *want = NULL;

			for (k = 0; k < n; k++)
				if (t[k].function == leaf && (t[k].index == sub || !t[k].flags))
					want = &t[k];
			EXPECT_EQ(!!want, !!e);
			if (want && e)
				EXPECT_EQ(want->eax, e->eax);
		}
	}
	EXPECT_LT(500u, set);
}

/* ---- what follows from CPUID ---- */

static void features(u32 ecx1, u32 edx1, u32 ebx7, u32 ecx7, u32 edx81)
{
	entry(0, 1, 0, 0, 0);
	t[0].ecx = ecx1;
	t[0].edx = edx1;
	entry(1, 7, 0, TVX_CPUID_INDEX, 0);
	t[1].ebx = ebx7;
	t[1].ecx = ecx7;
	t[1].edx = ~0U;
	entry(2, 0x80000001, 0, 0, 0);
	t[2].edx = edx81;
	t[2].ecx = ~0U;
	entry(3, 0xd, 0, TVX_CPUID_INDEX, ~0U);
	EXPECT_EQ(policy_set_cpuid(&p, t, 4), 0);
	policy_settle(&p, &host, ~0ull);
}

TEST(settle_cr4_and_efer)
{
	static const struct { int word, bit; u64 cr4; } each[] = {
		{ 1, 1, 0x3 }, { 1, 4, 0x4 }, { 1, 2, 0x8 }, { 1, 3, 0x10 }, { 1, 6, 0x20 },
		{ 1, 7, 0x40 }, { 1, 13, 0x80 }, { 1, 24, 0x200 }, { 1, 25, 0x400 },
		{ 3, 2, 0x800 }, { 2, 0, 1 << 16 }, { 0, 17, 1 << 17 }, { 0, 26, 1 << 18 },
		{ 2, 7, 1 << 20 }, { 2, 20, 1 << 21 },
	};
	u64 all = 0x100;
	u32 i;

	reset_host();
	fresh();
	features(0, 0, 0, 0, 0);
	EXPECT_EQ(p.cr4_allowed, 0x100);
	EXPECT_EQ(p.efer_allowed, 0);
	EXPECT_EQ(p.xcr0_allowed, 0);
	for (i = 0; i < ARRAY_SIZE(each); i++) {
		u32 w[4] = { 0 };

		w[each[i].word] = 1U << each[i].bit;
		features(w[0], w[1], w[2], w[3], 0);
		EXPECT_EQ(p.cr4_allowed, 0x100 | each[i].cr4);
		all |= each[i].cr4;
	}
	/* Every feature: no VMXE, SMXE, LA57, PKE, CET and what comes later. */
	features(~0U, ~0U, ~0U, ~0U, ~0U);
	EXPECT_EQ(p.cr4_allowed, all);
	EXPECT_EQ(p.efer_allowed, 0xd01);
	EXPECT_EQ(p.xcr0_allowed, XCR0_512);
	policy_settle(&p, &host, 0x6f8);
	EXPECT_EQ(p.cr4_allowed, 0x6f8);
	features(0, 0, 0, 0, 1 << 11);
	EXPECT_EQ(p.efer_allowed, 1);
	features(0, 0, 0, 0, 1 << 29);
	EXPECT_EQ(p.efer_allowed, 0x500);
	features(0, 0, 0, 0, 1 << 20);
	EXPECT_EQ(p.efer_allowed, 0x800);
}

TEST(settle_xcr0)
{
	reset_host();
	fresh();
	entry(0, 1, 0, 0, 0);
	t[0].ecx = BIT(26);
	entry(1, 0xd, 0, TVX_CPUID_INDEX, 7);
	t[1].edx = 0;
	ASSERT_EQ(policy_set_cpuid(&p, t, 2), 0);
	policy_settle(&p, &host, ~0ull);
	EXPECT_EQ(p.xcr0_allowed, 7);
	EXPECT_EQ(p.cr4_allowed & BIT(18), BIT(18));
	host.xcr0 = 3;
	policy_settle(&p, &host, ~0ull);
	EXPECT_EQ(p.xcr0_allowed, 3);
	host.xcr0 = 0;		/* XSAVE in the table, but the host has none */
	policy_settle(&p, &host, ~0ull);
	EXPECT_EQ(p.xcr0_allowed, 0);
	EXPECT_EQ(p.cr4_allowed & BIT(18), 0);
	reset_host();
	ASSERT_EQ(policy_set_cpuid(&p, t, 1), 0);	/* no leaf 0xd */
	policy_settle(&p, &host, ~0ull);
	EXPECT_EQ(p.xcr0_allowed, 0);
	t[0].ecx = ~(u32)BIT(26);
	ASSERT_EQ(policy_set_cpuid(&p, t, 2), 0);
	policy_settle(&p, &host, ~0ull);
	EXPECT_EQ(p.xcr0_allowed, 0);
}

TEST(settle_maxphyaddr)
{
	static const struct { u32 guest, host, want; } cases[] = {
		{ 0x3034, 52, 52 }, { 0x3027, 46, 39 }, { 0x3034, 46, 46 }, { 0xff, 52, 52 },
		{ 0x3020, 46, 32 }, { 0x301f, 46, 36 }, { 0, 46, 36 },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		reset_host();
		fresh();
		entry(0, 0x80000008, 0, 0, cases[i].guest);
		ASSERT_EQ(policy_set_cpuid(&p, t, 1), 0);
		cpu.address_bits = 0x3000 | cases[i].host;
		policy_settle(&p, &host, 0);
		EXPECT_EQ(p.maxphyaddr, cases[i].want);
	}
	ASSERT_EQ(policy_set_cpuid(&p, t, 0), 0);
	policy_settle(&p, &host, 0);
	EXPECT_EQ(p.maxphyaddr, 36);
	entry(0, 0x80000008, 0, 0, 46);
	ASSERT_EQ(policy_set_cpuid(&p, t, 1), 0);
	cpu.max_ext = 0x80000007;
	policy_settle(&p, &host, 0);
	EXPECT_EQ(p.maxphyaddr, 36);
}

/* A new VM on a host with everything, from its table to what its guest may do. */
TEST(default_table)
{
	u32 nr, i, r[4];

	reset_host();
	nr = policy_default_cpuid(&host, t);
	policy_init(&p, t, nr);
	/* In order already, so that a new VM need not sort it. */
	for (i = 0; i < nr; i++) {
		p.cpuid[i].flags &= ~POLICY_CPUID_PER_VCPU;
		EXPECT_EQ(memcmp(&p.cpuid[i], &t[i], sizeof(*t)), 0);
	}
	EXPECT_EQ(policy_set_cpuid(&p, t, nr), 0);
	policy_settle(&p, &host, ~0ull);
	EXPECT_EQ(p.xcr0_allowed, XCR0_512);
	EXPECT_EQ(p.maxphyaddr, 52);
	EXPECT_EQ(p.efer_allowed, 0xd01);
	EXPECT_EQ(p.cr4_allowed, 0x370fbf);	/* all but MCE of what settle gives */
	EXPECT_TRUE(policy_cpuid(&p, &vcpu, 0xd, 0, r));
	EXPECT_EQ(r[EBX], 832);
	EXPECT_EQ(r[ECX], 2688);
	expect_cpuid(0xa, 0, 0, 0, 0, 0);
	expect_cpuid(0x1f, 0, ~0U, ~0U, ~0U, 0);	/* out of range: as leaf 0x16 */
}

/* ---- rules ---- */

static bool may_pass(u32 n)
{
	return (n >= 0x174 && n <= 0x176) || n == 0x1fff || n == 0x2000 || n == 0xc0000000 ||
	       n == 0xc0001fff || (n >= 0xc0000081 && n <= 0xc0000084);
}

static int set_rules(u32 nr_msr, u32 nr_io)
{
	u.nr_msr_rules = nr_msr;
	u.nr_io_rules = nr_io;
	return policy_set_rules(&p, &u, msr, io, may_pass);
}

static void expect_rules_refused(u32 nr_msr, u32 nr_io, int err)
{
	before = p;
	EXPECT_EQ(set_rules(nr_msr, nr_io), err);
	EXPECT_EQ(memcmp(&before, &p, sizeof(p)), 0);
}

static void msr_rule(u32 n, u32 first, u32 count, u32 read, u32 write)
{
	msr[n] = (struct tvx_msr_rule){ first, count, read, write, 0x1000 + n };
}

static void io_rule(u32 n, u16 first, u32 count, u32 action)
{
	io[n] = (struct tvx_io_rule){ first, 0, count, action, 0x2000 + n };
}

TEST(policy_refusals)
{
	fresh();
	u.exits = TVX_WANT_WBINVD << 1;
	expect_rules_refused(0, 0, -EINVAL);
	u.exits = 0;
	u.flags = 1;
	expect_rules_refused(0, 0, -EINVAL);
	u.flags = 0;
	u.reserved = 1;
	expect_rules_refused(0, 0, -EINVAL);
	u.reserved = 0;
	u.hypercall = TVX_ACT_PASS + 1;
	expect_rules_refused(0, 0, -EINVAL);
	u.hypercall = TVX_ACT_PASS;
	expect_rules_refused(0, 0, -EOPNOTSUPP);
	u.hypercall = TVX_ACT_FAULT;
	u.exits = 0x3f;
	u.exceptions = ~0U;
	EXPECT_EQ(set_rules(0, 0), 0);
	EXPECT_EQ(p.exits, 0x3f);
	EXPECT_EQ(p.exceptions, ~0U);
	EXPECT_EQ(p.hypercall, TVX_ACT_FAULT);
	u.hypercall = TVX_ACT_CONST;
	u.hypercall_value = 42;
	EXPECT_EQ(set_rules(0, 0), 0);
	EXPECT_EQ(p.hypercall_value, 42);
	u.hypercall = TVX_ACT_DEFAULT;
	EXPECT_EQ(set_rules(0, 0), 0);
	EXPECT_EQ(p.hypercall, TVX_ACT_CONST);
	EXPECT_EQ(p.hypercall_value, (u64)-ENOSYS);
}

TEST(msr_rule_refusals)
{
	u32 i;

	fresh();
	msr_rule(0, 0x10, 0, TVX_ACT_EXIT, TVX_ACT_EXIT);
	expect_rules_refused(1, 0, -EINVAL);
	msr_rule(0, ~0U, 2, TVX_ACT_EXIT, TVX_ACT_EXIT);
	expect_rules_refused(1, 0, -EINVAL);
	msr_rule(0, 1, ~0U, TVX_ACT_EXIT, TVX_ACT_EXIT);
	EXPECT_EQ(set_rules(1, 0), 0);
	msr_rule(0, 2, ~0U, TVX_ACT_EXIT, TVX_ACT_EXIT);
	expect_rules_refused(1, 0, -EINVAL);
	msr_rule(0, 0x80000000, 0x80000000, TVX_ACT_EXIT, TVX_ACT_EXIT);
	EXPECT_EQ(set_rules(1, 0), 0);
	msr_rule(0, 0x10, 1, TVX_ACT_PASS + 1, TVX_ACT_EXIT);
	expect_rules_refused(1, 0, -EINVAL);
	msr_rule(0, 0x10, 1, TVX_ACT_EXIT, TVX_ACT_PASS + 1);
	expect_rules_refused(1, 0, -EINVAL);
	msr_rule(0, 0x10, 1, TVX_ACT_PASS, TVX_ACT_EXIT);
	expect_rules_refused(1, 0, -EOPNOTSUPP);
	msr_rule(0, 0x10, 1, TVX_ACT_EXIT, TVX_ACT_PASS);
	expect_rules_refused(1, 0, -EOPNOTSUPP);
	msr_rule(0, 0x174, 4, TVX_ACT_PASS, TVX_ACT_PASS);
	expect_rules_refused(1, 0, -EOPNOTSUPP);
	msr_rule(0, 0x174, 3, TVX_ACT_PASS, TVX_ACT_PASS);
	EXPECT_EQ(set_rules(1, 0), 0);
	/* A bad rule behind a good one, and too many. */
	msr_rule(1, 0, 0, TVX_ACT_EXIT, TVX_ACT_EXIT);
	expect_rules_refused(2, 0, -EINVAL);
	for (i = 0; i <= TVX_MAX_RULES; i++)
		msr_rule(i, i, 1, TVX_ACT_CONST, TVX_ACT_CONST);
	expect_rules_refused(TVX_MAX_RULES + 1, 0, -EINVAL);
	EXPECT_EQ(set_rules(TVX_MAX_RULES, 0), 0);
}

TEST(io_rule_refusals)
{
	u32 i, value;

	fresh();
	io_rule(0, 0x60, 0, TVX_ACT_EXIT);
	expect_rules_refused(0, 1, -EINVAL);
	io_rule(0, 0xffff, 2, TVX_ACT_EXIT);
	expect_rules_refused(0, 1, -EINVAL);
	io_rule(0, 0, 0x10001, TVX_ACT_EXIT);
	expect_rules_refused(0, 1, -EINVAL);
	io_rule(0, 1, ~0U, TVX_ACT_EXIT);
	expect_rules_refused(0, 1, -EINVAL);
	io_rule(0, 0x60, 1, TVX_ACT_PASS + 1);
	expect_rules_refused(0, 1, -EINVAL);
	io_rule(0, 0x60, 1, TVX_ACT_PASS);
	expect_rules_refused(0, 1, -EOPNOTSUPP);
	io_rule(0, 0x60, 1, TVX_ACT_EXIT);
	io[0].reserved = 1;
	expect_rules_refused(0, 1, -EINVAL);
	io_rule(0, 0xffff, 1, TVX_ACT_FAULT);
	io_rule(1, 0, 0x10000, TVX_ACT_CONST);
	EXPECT_EQ(set_rules(0, 2), 0);
	EXPECT_EQ(policy_io(&p, 0xffff, &value), TVX_ACT_FAULT);
	EXPECT_EQ(policy_io(&p, 0xfffe, &value), TVX_ACT_CONST);
	EXPECT_EQ(value, 0x2001);
	for (i = 0; i <= TVX_MAX_RULES; i++)
		io_rule(i, i, 1, TVX_ACT_CONST);
	expect_rules_refused(0, TVX_MAX_RULES + 1, -EINVAL);
	EXPECT_EQ(set_rules(0, TVX_MAX_RULES), 0);
}

TEST(first_rule_counts)
{
	u64 value = 0;

	fresh();
	msr_rule(0, 0x20, 1, TVX_ACT_DEFAULT, TVX_ACT_CONST);
	msr_rule(1, 0x1f, 3, TVX_ACT_CONST, TVX_ACT_FAULT);
	msr_rule(2, 0, ~0U, TVX_ACT_EXIT, TVX_ACT_EXIT);
	ASSERT_EQ(set_rules(3, 0), 0);
	/* DEFAULT carves a hole into the rules behind it. */
	EXPECT_EQ(policy_msr(&p, 0x20, false, &value), TVX_ACT_DEFAULT);
	EXPECT_EQ(value, 0);
	EXPECT_EQ(policy_msr(&p, 0x20, true, &value), TVX_ACT_CONST);
	EXPECT_EQ(value, 0x1000);
	EXPECT_EQ(policy_msr(&p, 0x21, false, &value), TVX_ACT_CONST);
	EXPECT_EQ(value, 0x1001);
	EXPECT_EQ(policy_msr(&p, 0x1f, true, &value), TVX_ACT_FAULT);
	EXPECT_EQ(policy_msr(&p, 0x22, true, &value), TVX_ACT_EXIT);
	EXPECT_EQ(policy_msr(&p, ~0U - 1, true, &value), TVX_ACT_EXIT);
	EXPECT_EQ(policy_msr(&p, ~0U, true, &value), TVX_ACT_DEFAULT);
}

static const u32 pass[] = { 0x10, 0x174, 0x1fff, 0x2000, 0xc0000000, 0xc0000082, 0xc0001fff,
			    0xc0002000, 0 };
static unsigned long bitmap[4096 / sizeof(long) + 1];

static bool exits(u32 n, bool write)
{
	/* As the processor reads it: bytes, four parts of 1 KiB. */
	const u8 *bytes = (const u8 *)bitmap + (write ? 2048 : 0) + (n >> 31 ? 1024 : 0);

	return bytes[(n & 0x1fff) / 8] >> (n % 8) & 1;
}

static bool should_exit(u32 n, bool write)
{
	const u32 *listed = pass;
	u32 i;

	for (i = 0; i < p.nr_msr_rules; i++) {
		const struct tvx_msr_rule *r = &p.msr_rules[i];
		u32 action = write ? r->write : r->read;

		if (n < r->first || (u64)n >= (u64)r->first + r->count)
			continue;
		if (action != TVX_ACT_DEFAULT)
			return action != TVX_ACT_PASS;
		break;
	}
	while (*listed && *listed != n)
		listed++;
	return !*listed;
}

static void check_bitmap(void)
{
	u32 i, bad = 0;

	memset(bitmap, 0x5a, sizeof(bitmap));
	policy_msr_bitmap(&p, pass, bitmap);
	for (i = 0; i < 4 * 0x2000; i++) {
		u32 n = (i & 0x1fff) | (i & 0x2000 ? 0xc0000000 : 0);

		bad += exits(n, i & 0x4000) != should_exit(n, i & 0x4000);
	}
	EXPECT_EQ(bad, 0);
	EXPECT_EQ(bitmap[ARRAY_SIZE(bitmap) - 1], 0x5a5a5a5a5a5a5a5a);
}

TEST(bitmap_boundaries)
{
	fresh();
	ASSERT_EQ(set_rules(0, 0), 0);
	check_bitmap();
	EXPECT_FALSE(exits(0x1fff, true));
	EXPECT_FALSE(exits(0xc0001fff, false));
	EXPECT_TRUE(exits(0, false));
	/* Across the ends of both parts, wholly outside, and all there is. */
	msr_rule(0, 0x1ff0, 0x20, TVX_ACT_EXIT, TVX_ACT_DEFAULT);
	msr_rule(1, 0xbffffff0, 0x11, TVX_ACT_DEFAULT, TVX_ACT_FAULT);
	msr_rule(2, 0xc0001fff, 2, TVX_ACT_CONST, TVX_ACT_EXIT);
	ASSERT_EQ(set_rules(3, 0), 0);
	check_bitmap();
	EXPECT_TRUE(exits(0x1fff, false));
	EXPECT_FALSE(exits(0x1fff, true));
	EXPECT_TRUE(exits(0xc0000000, true));
	EXPECT_FALSE(exits(0xc0000000, false));
	EXPECT_TRUE(exits(0xc0001fff, false));
	msr_rule(0, 0x2000, 0xbfffe000, TVX_ACT_EXIT, TVX_ACT_EXIT);
	ASSERT_EQ(set_rules(1, 0), 0);
	check_bitmap();
	msr_rule(0, 0xc0002000, 0x3fffe000, TVX_ACT_EXIT, TVX_ACT_EXIT);
	ASSERT_EQ(set_rules(1, 0), 0);
	check_bitmap();
	msr_rule(0, 0x2000, 1, TVX_ACT_PASS, TVX_ACT_PASS);
	msr_rule(1, 0, ~0U, TVX_ACT_EXIT, TVX_ACT_EXIT);
	ASSERT_EQ(set_rules(2, 0), 0);
	check_bitmap();
	EXPECT_TRUE(exits(0x10, false));
	msr_rule(0, 0xc0000081, 4, TVX_ACT_PASS, TVX_ACT_EXIT);
	ASSERT_EQ(set_rules(2, 0), 0);
	check_bitmap();
	EXPECT_FALSE(exits(0xc0000084, false));
	EXPECT_TRUE(exits(0xc0000084, true));
}

static u32 random_msr(void)
{
	static const u32 near[] = { 0, 0x10, 0x174, 0x1fff, 0xbfffffff, 0xc0000000, 0xc0000082,
				    0xc0001fff, 0xffffffff };

	return near[unit_random_below(ARRAY_SIZE(near))] + unit_random_below(9) - 4;
}

static void random_rules(u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		u32 first = random_msr(), last = random_msr();

		if (first > last || !unit_random_below(3))
			last = first;
		msr_rule(i, first, min(last - first, ~0U - 1) + 1,
			 unit_random_below(4), unit_random_below(4));
		if (!unit_random_below(4))
			msr_rule(i, 0xc0000081, 1 + unit_random_below(4), TVX_ACT_PASS,
				 unit_random_below(5));
		io_rule(i, unit_random_below(40), 1 + unit_random_below(20), unit_random_below(4));
	}
}

TEST(random_msr_and_io_rules)
{
	unsigned int round, i, k, n;

	unit_seed(11);
	fresh();
	for (round = 0; round < 400 && !unit_failures; round++) {
		n = unit_random_below(9);
		random_rules(n);
		ASSERT_EQ(set_rules(n, n), 0);
		check_bitmap();
		for (i = 0; i < 200; i++) {
			u32 nr = random_msr(), want = TVX_ACT_DEFAULT, port = unit_random_below(64);
			bool write = i & 1;
			u64 value = 0, wanted = 0;
			u32 v32 = 0, w32 = 0;

			for (k = n; k--;)
				if (nr >= msr[k].first &&
				    (u64)nr < (u64)msr[k].first + msr[k].count) {
					want = write ? msr[k].write : msr[k].read;
					wanted = want == TVX_ACT_CONST ? 0x1000 + k : 0;
				}
			EXPECT_EQ(policy_msr(&p, nr, write, &value), want);
			EXPECT_EQ(value, wanted);
			want = TVX_ACT_EXIT;
			for (k = n; k--;)
				if (port >= io[k].first && port < io[k].first + io[k].count) {
					want = io[k].action ?: TVX_ACT_EXIT;
					w32 = want == TVX_ACT_CONST ? 0x2000 + k : 0;
				}
			EXPECT_EQ(policy_io(&p, port, &v32), want);
			EXPECT_EQ(v32, w32);
		}
	}
}

/* Raw noise as rules: accepted or refused, never a step out of bounds. */
TEST(noise)
{
	unsigned int round, i, accepted = 0;
	u32 value;
	u64 v64;

	unit_seed(13);
	fresh();
	for (round = 0; round < 3000; round++) {
		msr_rule(0, unit_random(), unit_random() >> unit_random_below(32),
			 unit_random_below(6), unit_random_below(6));
		io_rule(0, unit_random(), unit_random() >> (32 + unit_random_below(32)),
			unit_random_below(6));
		for (i = 0; i < 8; i++)
			entry(i, unit_random() >> unit_random_below(64), unit_random_below(3),
			      unit_random_below(5), unit_random());
		(void)policy_set_cpuid(&p, t, unit_random_below(9));
		if (set_rules(1, 1))
			continue;
		accepted++;
		if (!(accepted % 16))
			check_bitmap();
		policy_msr(&p, unit_random(), round & 1, &v64);
		policy_io(&p, unit_random(), &value);
		reset_host();
		policy_settle(&p, &host, unit_random());
		EXPECT_TRUE(p.maxphyaddr >= 32 && p.maxphyaddr <= 52);
		for (i = 0; i < 16; i++) {
			u32 out[4];

			policy_cpuid(&p, &vcpu, unit_random() >> unit_random_below(64),
				     unit_random_below(4), out);
		}
	}
	EXPECT_LT(100u, accepted);
}
