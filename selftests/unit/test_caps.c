// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capability negotiation with the VMX MSRs of several processor models: each
 * required bit refused by name when it is missing, each optional one left out.
 */
#include "unit.h"
#include "kmod/vmx/caps.c"

#define NR	TVX_NR_VMX_MSRS
#define HIGH(v)	((u64)(v) << 32)

/* The emulator's models; what they have in common is in set_model(). */
struct model {
	const char *name;
	u32 pin, entry;			/* allowed-1 */
	u32 exit;
	u32 proc2;
	u64 misc, cr4, ept_vpid;
	bool newer;			/* Ice Lake and after */
};

static const struct model penryn = {
	"penryn", 0x3f, 0x3fff, 0x3ffff, 0x41, 0x401e0, 0x467ff, 0, false
};
static const struct model lynnfield = {
	"lynnfield", 0x7f, 0xffff, 0x7fffff, 0x7f, 0x401e0, 0x67ff, 0xf0106114141, false
};
static const struct model sandy = {
	"sandy", 0x7f, 0xffff, 0x7fffff, 0xff, 0x401e0, 0x627ff, 0xf0106114141, false
};
static const struct model haswell = {
	"haswell", 0x7f, 0xffff, 0x7fffff, 0x47fff, 0x200401e0, 0x1727ff, 0xf0106334141, false
};
static const struct model skylake_x = {
	"skylake_x", 0x7f, 0xffff, 0x7fffff, 0x2177fff, 0x600401e0, 0x3727ff, 0xf0106334141,
	false
};
static const struct model tigerlake = {
	"tigerlake", 0x7f, 0x10ffff, 0x107fffff, 0x2977fff, 0x600401e0, 0xf72fff,
	0xf0106b34141, true
};

static u64 msrs[NR];
static u32 absent;			/* bit by MSR: RDMSR faults */
static struct vmx_caps caps;
static struct caps_refusal why;

static u64 *m(u32 msr)
{
	return &msrs[msr - MSR_IA32_VMX_BASIC];
}

static int fake_rdmsr(u32 msr, u64 *value)
{
	u32 n = msr - MSR_IA32_VMX_BASIC;

	if (n >= NR) {
		unit_fail(__FILE__, __LINE__, "RDMSR of %#x", msr);
		return -EIO;
	}
	/* Like rdmsr_safe(): garbage beside the error. */
	*value = absent & BIT(n) ? 0xdeadbeefdeadbeef : msrs[n];
	return absent & BIT(n) ? -EIO : 0;
}

static void set_model(const struct model *c)
{
	u64 proc = c->newer ? 0xfff9fffe00000000 : 0xf7f9fffe00000000;

	absent = 0;
	*m(MSR_IA32_VMX_BASIC) = c->newer ? 0x1d8100000000004 : 0xd810000000002b;
	*m(MSR_IA32_VMX_PINBASED_CTLS) = HIGH(c->pin) | 0x16;
	*m(MSR_IA32_VMX_PROCBASED_CTLS) = proc | 0x0401e172;
	*m(MSR_IA32_VMX_EXIT_CTLS) = HIGH(c->exit) | 0x36dff;
	*m(MSR_IA32_VMX_ENTRY_CTLS) = HIGH(c->entry) | 0x11ff;
	*m(MSR_IA32_VMX_MISC) = c->misc;
	*m(MSR_IA32_VMX_CR0_FIXED0) = 0x80000021;
	*m(MSR_IA32_VMX_CR0_FIXED1) = 0xffffffff;
	*m(MSR_IA32_VMX_CR4_FIXED0) = 0x2000;
	*m(MSR_IA32_VMX_CR4_FIXED1) = c->cr4;
	*m(MSR_IA32_VMX_VMCS_ENUM) = 0x34;
	*m(MSR_IA32_VMX_PROCBASED_CTLS2) = HIGH(c->proc2);
	*m(MSR_IA32_VMX_EPT_VPID_CAP) = c->ept_vpid;
	*m(MSR_IA32_VMX_TRUE_PINBASED_CTLS) = HIGH(c->pin) | 0x16;
	*m(MSR_IA32_VMX_TRUE_PROCBASED_CTLS) = proc | 0x04006172;
	*m(MSR_IA32_VMX_TRUE_EXIT_CTLS) = HIGH(c->exit) | 0x36dfb;
	*m(MSR_IA32_VMX_TRUE_ENTRY_CTLS) = HIGH(c->entry) | 0x11fb;
	*m(0x491) = 1;
	*m(0x492) = 0;
	if (!c->ept_vpid)
		absent |= BIT(MSR_IA32_VMX_EPT_VPID_CAP - MSR_IA32_VMX_BASIC);
	absent |= BIT(18);
}

static int negotiate(void)
{
	memset(&why, 0, sizeof(why));
	memset(&caps, 0xaa, sizeof(caps));
	caps.maxphyaddr = 39;
	return caps_negotiate(&caps, fake_rdmsr, &why);
}

static void expect_refused(const char *what, u32 msr, int bit)
{
	int err = negotiate();

	if (!EXPECT_EQ(err, -EOPNOTSUPP))
		printf("# nobody missed %s\n", what);
	EXPECT_STREQ(why.what, what);
	EXPECT_EQ(why.msr, msr);
	EXPECT_EQ(why.bit, bit);
}

static void in_bounds(const char *what, u32 chosen, u64 allowed)
{
	EXPECT(!((u32)allowed & ~chosen), "%s: %#x lacks of %#llx", what, chosen,
	       (unsigned long long)allowed);
	EXPECT(!(chosen & ~(allowed >> 32)), "%s: %#x beyond %#llx", what, chosen,
	       (unsigned long long)allowed);
}

/* What holds of each successful negotiation. */
static void check_invariants(void)
{
	in_bounds("pin", caps.pin, caps.pin_allowed);
	in_bounds("proc", caps.proc, caps.proc_allowed);
	in_bounds("proc2", caps.proc2, caps.proc2_allowed);
	in_bounds("exit", caps.exit, caps.exit_allowed);
	in_bounds("entry", caps.entry, caps.entry_allowed);
	EXPECT_FALSE(caps.proc & PAGING_EXITS);
	EXPECT_EQ(!!(caps.features & TVX_FEAT_VPID),
		  !!(caps.proc2 & SECONDARY_EXEC_ENABLE_VPID));
	EXPECT_EQ(!!(caps.features & TVX_FEAT_VNMI), !!(caps.pin & PIN_BASED_VIRTUAL_NMIS));
	EXPECT_EQ(!!(caps.features & TVX_FEAT_UNRESTRICTED),
		  !!(caps.proc2 & SECONDARY_EXEC_UNRESTRICTED_GUEST));
	EXPECT_EQ(!!(caps.features & TVX_FEAT_TPR_SHADOW),
		  !(caps.proc & CPU_BASED_CR8_LOAD_EXITING));
	EXPECT_EQ(caps.maxphyaddr, 39);
	EXPECT_LE(caps.vmcs_size, 4096);
}

static void expect_model(const struct model *c, u64 features)
{
	set_model(c);
	if (!EXPECT_EQ(negotiate(), 0)) {
		printf("# %s lacks %s\n", c->name, why.what);
		return;
	}
	EXPECT(caps.features == features, "%s: features %#llx, not %#llx", c->name,
	       (unsigned long long)caps.features, (unsigned long long)features);
	check_invariants();
}

#define OLD_FEATURES	(TVX_FEAT_VPID | TVX_FEAT_EPT_2M | TVX_FEAT_SLICE | TVX_FEAT_RDTSCP | \
			 TVX_FEAT_VNMI | TVX_FEAT_TPR_SHADOW)
#define NEW_FEATURES	(OLD_FEATURES | TVX_FEAT_UNRESTRICTED | TVX_FEAT_EPT_1G | \
			 TVX_FEAT_EPT_AD | TVX_FEAT_INVPCID | TVX_FEAT_PLE | TVX_FEAT_APICV)
#define SKX_FEATURES	(NEW_FEATURES | TVX_FEAT_PML | TVX_FEAT_XSAVES | TVX_FEAT_TSC_SCALING)

TEST(models)
{
	expect_model(&lynnfield, OLD_FEATURES);
	EXPECT_EQ(caps.cr0_fixed1, 0x80000021);
	expect_model(&sandy, OLD_FEATURES | TVX_FEAT_UNRESTRICTED);
	EXPECT_EQ(caps.cr0_fixed1, 0x20);
	expect_model(&haswell, NEW_FEATURES);
	expect_model(&skylake_x, SKX_FEATURES);
	expect_model(&tigerlake, SKX_FEATURES);
	EXPECT_EQ(caps.revision, 4);
}

TEST(penryn_has_no_ept)
{
	set_model(&penryn);
	expect_refused("EPT", MSR_IA32_VMX_PROCBASED_CTLS2, 33);
}

TEST(chosen_values_of_haswell)
{
	set_model(&haswell);
	ASSERT_EQ(negotiate(), 0);
	EXPECT_EQ(caps.revision, 0x2b);
	EXPECT_EQ(caps.vmcs_size, 4096);
	EXPECT_EQ(caps.timer_shift, 0);
	EXPECT_EQ(caps.cr0_allowed, 0xffffffff);
	EXPECT_EQ(caps.cr4_fixed1, 0x2000);
	EXPECT_EQ(caps.cr4_allowed, 0x1727ff);
	EXPECT_TRUE(caps.invept_context);
	EXPECT_TRUE(caps.invvpid_context);
	EXPECT_EQ(caps.pin, 0x7f);
	/* HLT, INVLPG off, MWAIT, RDPMC, CR3 off, MOV DR, I/O, bitmaps, MONITOR, secondary */
	EXPECT_EQ(caps.proc, 0x04006172 | BIT(3) | BIT(7) | BIT(10) | BIT(11) | BIT(21) |
			     BIT(23) | BIT(24) | BIT(28) | BIT(29) | BIT(31));
	EXPECT_EQ(caps.proc2, BIT(1) | BIT(3) | BIT(5) | BIT(6) | BIT(7) | BIT(12));
	EXPECT_EQ(caps.exit, 0x36dfb | BIT(2) | BIT(9) | BIT(19) | BIT(20) | BIT(21));
	EXPECT_EQ(caps.entry, 0x11fb | BIT(2) | BIT(14) | BIT(15));
	EXPECT_EQ(caps.msrs[0], 0xd810000000002b);
	EXPECT_EQ(caps.msrs[17], 1);
	EXPECT_EQ(caps.msrs[18], 0);	/* faulted */
}

/* By the architecture's bit numbers, so that a wrong constant shows. */
static const struct {
	u32 msr;
	int bit;
	const char *what;
} required[] = {
	{ 0x48d, 0, "external-interrupt exiting" },
	{ 0x48d, 3, "NMI exiting" },
	{ 0x48e, 2, "interrupt-window exiting" },
	{ 0x48e, 3, "TSC offsetting" },
	{ 0x48e, 7, "HLT exiting" },
	{ 0x48e, 10, "MWAIT exiting" },
	{ 0x48e, 11, "RDPMC exiting" },
	{ 0x48e, 15, "CR3-load exiting" },
	{ 0x48e, 16, "CR3-store exiting" },
	{ 0x48e, 19, "CR8-load exiting" },
	{ 0x48e, 20, "CR8-store exiting" },
	{ 0x48e, 23, "MOV-DR exiting" },
	{ 0x48e, 24, "unconditional I/O exiting" },
	{ 0x48e, 28, "MSR bitmaps" },
	{ 0x48e, 29, "MONITOR exiting" },
	{ 0x48e, 31, "secondary controls" },
	{ 0x48b, 1, "EPT" },
	{ 0x48f, 2, "save debug controls" },
	{ 0x48f, 9, "64-bit host" },
	{ 0x48f, 19, "load IA32_PAT at exit" },
	{ 0x48f, 20, "save IA32_EFER" },
	{ 0x48f, 21, "load IA32_EFER at exit" },
	{ 0x490, 2, "load debug controls" },
	{ 0x490, 9, "IA-32e mode guest" },
	{ 0x490, 14, "load IA32_PAT at entry" },
	{ 0x490, 15, "load IA32_EFER at entry" },
};

TEST(each_required_control)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(required); i++) {
		set_model(&skylake_x);
		EXPECT_TRUE(*m(required[i].msr) & BIT_ULL(32 + required[i].bit));
		*m(required[i].msr) &= ~BIT_ULL(32 + required[i].bit);
		expect_refused(required[i].what, required[i].msr, 32 + required[i].bit);
	}
	/* No required row has been forgotten here. */
	for (i = 0; i < ARRAY_SIZE(controls); i++)
		n += !controls[i].feature;
	for (i = 0; i < ARRAY_SIZE(usable); i++)
		n += !usable[i].feature;
	EXPECT_EQ(n, ARRAY_SIZE(required));
}

static const struct {
	u32 msr;
	int bit;
	u64 gone;
} optional[] = {
	{ 0x48d, 5, TVX_FEAT_VNMI },
	{ 0x48e, 22, TVX_FEAT_VNMI },
	{ 0x48d, 6, TVX_FEAT_SLICE },
	{ 0x48e, 21, TVX_FEAT_TPR_SHADOW | TVX_FEAT_APICV },
	{ 0x48b, 0, TVX_FEAT_APICV },
	{ 0x48b, 3, TVX_FEAT_RDTSCP },
	{ 0x48b, 5, TVX_FEAT_VPID },
	{ 0x48b, 7, TVX_FEAT_UNRESTRICTED },
	{ 0x48b, 8, TVX_FEAT_APICV },
	{ 0x48b, 9, TVX_FEAT_APICV },
	{ 0x48b, 10, TVX_FEAT_PLE },
	{ 0x48b, 12, TVX_FEAT_INVPCID },
	{ 0x48b, 17, TVX_FEAT_PML },
	{ 0x48b, 20, TVX_FEAT_XSAVES },
	{ 0x48b, 25, TVX_FEAT_TSC_SCALING },
	{ 0x48c, 16 - 32, TVX_FEAT_EPT_2M },
	{ 0x48c, 17 - 32, TVX_FEAT_EPT_1G },
	{ 0x48c, 21 - 32, TVX_FEAT_EPT_AD | TVX_FEAT_PML },
	{ 0x48c, 0, TVX_FEAT_VPID },		/* INVVPID */
};

TEST(each_optional_bit)
{
	unsigned int i;
	u64 all = 0;

	for (i = 0; i < ARRAY_SIZE(optional); i++) {
		set_model(&skylake_x);
		EXPECT_TRUE(*m(optional[i].msr) & BIT_ULL(32 + optional[i].bit));
		*m(optional[i].msr) &= ~BIT_ULL(32 + optional[i].bit);
		EXPECT_EQ(negotiate(), 0);
		EXPECT(caps.features == (SKX_FEATURES & ~optional[i].gone),
		       "without %#x bit %d: %#llx", optional[i].msr, 32 + optional[i].bit,
		       (unsigned long long)(caps.features ^ SKX_FEATURES));
		check_invariants();
		all |= optional[i].gone;
	}
	EXPECT_EQ(all, SKX_FEATURES);
}

/* Where the CPU has SGX, ENCLS is not the guest's; elsewhere there is nothing to control. */
TEST(encls_exits_where_it_can)
{
	set_model(&skylake_x);
	ASSERT_EQ(negotiate(), 0);
	EXPECT_EQ(caps.proc2 & BIT(15), 0);
	*m(MSR_IA32_VMX_PROCBASED_CTLS2) |= HIGH(BIT(15));
	ASSERT_EQ(negotiate(), 0);
	EXPECT_EQ(caps.proc2 & BIT(15), BIT(15));
	EXPECT_EQ(caps.features, SKX_FEATURES);
	check_invariants();
}

TEST(perf_load_needs_both_controls)
{
	set_model(&haswell);
	ASSERT_EQ(negotiate(), 0);
	EXPECT_TRUE(caps.perf_load);
	*m(MSR_IA32_VMX_TRUE_EXIT_CTLS) &= ~HIGH(BIT(12));
	ASSERT_EQ(negotiate(), 0);
	EXPECT_FALSE(caps.perf_load);
	set_model(&haswell);
	*m(MSR_IA32_VMX_TRUE_ENTRY_CTLS) &= ~HIGH(BIT(13));
	ASSERT_EQ(negotiate(), 0);
	EXPECT_FALSE(caps.perf_load);
	EXPECT_EQ(caps.features, NEW_FEATURES);
}

static const struct {
	u32 signature;
	bool timer, perf_load;
} kinds[] = {
	/* Nehalem, Westmere: the timer by stepping, PERF_GLOBAL_CTRL by model */
	{ 0x106a0, false, false }, { 0x106a1, false, false }, { 0x106a2, true, false },
	{ 0x106a4, false, false }, { 0x106a5, false, false },
	{ 0x106e4, true, false }, { 0x106e5, false, false },
	{ 0x20652, false, false }, { 0x20655, false, false }, { 0x20653, true, false },
	{ 0x206c2, true, false },
	{ 0x206e6, false, false }, { 0x206e5, true, false },
	/* Ivy Bridge, one stepping and the one after it */
	{ 0x306a8, false, true }, { 0x306a9, true, true },
	/* the type and the reserved bits do not count, the family does */
	{ 0x106a5 | 3 << 12 | 3 << 14 | 0xfu << 28, false, false },
	{ 0x1106a5, true, true }, { 0x107a5, true, true },
	/* Sandy Bridge, Haswell, Skylake, Sapphire Rapids */
	{ 0x206a7, true, true }, { 0x306c3, true, true }, { 0x506e3, true, true },
	{ 0x806f8, true, true },
};

TEST(errata)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		set_model(&haswell);
		ASSERT_EQ(negotiate(), 0);
		caps_apply_errata(&caps, kinds[i].signature);
		EXPECT(!!(caps.features & TVX_FEAT_SLICE) == kinds[i].timer,
		       "%#x: preemption timer", kinds[i].signature);
		EXPECT(!!(caps.pin & PIN_BASED_VMX_PREEMPTION_TIMER) == kinds[i].timer,
		       "%#x: preemption timer's control", kinds[i].signature);
		EXPECT(caps.perf_load == kinds[i].perf_load, "%#x: PERF_GLOBAL_CTRL",
		       kinds[i].signature);
		EXPECT_EQ(caps.features | TVX_FEAT_SLICE, NEW_FEATURES);
		check_invariants();
	}
}

/* IA32_FEAT_CTL: lock, VMX inside SMX, VMX outside SMX. */
TEST(feature_control)
{
	EXPECT_FALSE(caps_vmx_enabled(BIT(0), true));
	EXPECT_FALSE(caps_vmx_enabled(BIT(0), false));
	EXPECT_TRUE(caps_vmx_enabled(BIT(0) | BIT(2), true));
	/* in a measured environment, or out of it: the kernel knows which */
	EXPECT_FALSE(caps_vmx_enabled(BIT(0) | BIT(2), false));
	EXPECT_TRUE(caps_vmx_enabled(BIT(0) | BIT(1), true));
	EXPECT_FALSE(caps_vmx_enabled(BIT(0) | BIT(1), false));
	EXPECT_TRUE(caps_vmx_enabled(BIT(0) | BIT(1) | BIT(2), true));
	EXPECT_TRUE(caps_vmx_enabled(BIT(0) | BIT(1) | BIT(2), false));
}

TEST(ept_capabilities)
{
	static const struct { int bit; const char *what; } must[] = {
		{ 6, "EPT page walks of 4 levels" },
		{ 14, "write-back EPT paging structures" },
		{ 20, "INVEPT" },
		{ 26, "INVEPT of all contexts" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(must); i++) {
		set_model(&haswell);
		*m(0x48c) &= ~BIT_ULL(must[i].bit);
		expect_refused(must[i].what, 0x48c, must[i].bit);
	}
	/* The types for one context are optional, those for all contexts are not. */
	set_model(&haswell);
	*m(0x48c) &= ~(BIT_ULL(25) | BIT_ULL(41));
	ASSERT_EQ(negotiate(), 0);
	EXPECT_FALSE(caps.invept_context);
	EXPECT_FALSE(caps.invvpid_context);
	EXPECT_EQ(caps.features, NEW_FEATURES);
	*m(0x48c) &= ~BIT_ULL(42);
	ASSERT_EQ(negotiate(), 0);
	EXPECT_EQ(caps.features, NEW_FEATURES & ~TVX_FEAT_VPID);
	check_invariants();
}

TEST(basic)
{
	u64 *basic = m(MSR_IA32_VMX_BASIC);

	set_model(&haswell);
	absent |= 1;
	expect_refused("IA32_VMX_BASIC", 0x480, -1);
	set_model(&haswell);
	*basic = (*basic & ~HIGH(0x1fff)) | 0;
	expect_refused("a VMCS of at most 4096 bytes", 0x480, 32);
	*basic |= HIGH(4097);
	expect_refused("a VMCS of at most 4096 bytes", 0x480, 32);
	*basic = (*basic & ~HIGH(0x1fff)) | HIGH(4096);
	ASSERT_EQ(negotiate(), 0);
	EXPECT_EQ(caps.vmcs_size, 4096);
	*basic = (*basic & ~HIGH(0x1fff)) | HIGH(1);
	ASSERT_EQ(negotiate(), 0);
	EXPECT_EQ(caps.vmcs_size, 1);
	*basic |= BIT_ULL(48);
	expect_refused("VMCS addresses above 4 GiB", 0x480, 48);
	*basic &= ~(BIT_ULL(48) | 0xfull << 50);	/* uncacheable */
	expect_refused("write-back VMCS memory", 0x480, 50);
	*basic |= 7ull << 50;
	expect_refused("write-back VMCS memory", 0x480, 50);
	/* Bit 31 is no part of the revision. */
	set_model(&haswell);
	*basic |= BIT_ULL(31);
	ASSERT_EQ(negotiate(), 0);
	EXPECT_EQ(caps.revision, 0x2b);
}

TEST(timer_rate)
{
	set_model(&haswell);
	*m(MSR_IA32_VMX_MISC) = (haswell.misc & ~0x1full) | 5;
	ASSERT_EQ(negotiate(), 0);
	EXPECT_EQ(caps.timer_shift, 5);
}

TEST(without_true_msrs)
{
	/* CR3 exiting is then a default-1 bit: the CPU cannot be used. */
	set_model(&haswell);
	*m(MSR_IA32_VMX_BASIC) &= ~BIT_ULL(55);
	absent |= 0xf << 13;
	expect_refused("control over CR3 and INVLPG exits (the TRUE MSRs)", 0x480, 55);
	/* Should a CPU's plain MSRs leave them free, they are what counts. */
	*m(MSR_IA32_VMX_PROCBASED_CTLS) &= ~(u64)PAGING_EXITS;
	ASSERT_EQ(negotiate(), 0);
	EXPECT_EQ(caps.features, NEW_FEATURES);
	EXPECT_EQ(caps.exit_allowed, *m(MSR_IA32_VMX_EXIT_CTLS));
	check_invariants();
	*m(MSR_IA32_VMX_PINBASED_CTLS) &= ~BIT_ULL(32);
	expect_refused("external-interrupt exiting", MSR_IA32_VMX_PINBASED_CTLS, 32);
	/* MSRs that answer although the CPU does not claim them do not count. */
	set_model(&haswell);
	*m(MSR_IA32_VMX_BASIC) &= ~BIT_ULL(55);
	*m(MSR_IA32_VMX_PROCBASED_CTLS) &= ~(u64)PAGING_EXITS;
	*m(MSR_IA32_VMX_TRUE_PINBASED_CTLS) = 0;
	ASSERT_EQ(negotiate(), 0);
	EXPECT_EQ(caps.msrs[13] | caps.msrs[14] | caps.msrs[15] | caps.msrs[16], 0);
}

TEST(unclaimed_msrs_do_not_count)
{
	set_model(&haswell);
	*m(MSR_IA32_VMX_PROCBASED_CTLS) &= ~BIT_ULL(63);
	*m(MSR_IA32_VMX_TRUE_PROCBASED_CTLS) &= ~BIT_ULL(63);
	expect_refused("secondary controls", 0x48e, 63);
	EXPECT_EQ(caps.msrs[11], 0);
	EXPECT_EQ(caps.msrs[12], 0);
	set_model(&haswell);
	*m(MSR_IA32_VMX_PROCBASED_CTLS2) &= ~HIGH(BIT(1) | BIT(5));
	expect_refused("EPT", 0x48b, 33);
	EXPECT_EQ(caps.msrs[12], 0);
}

static const char *differ_after(u32 msr, u64 flip)
{
	static struct vmx_caps a;
	const char *ab, *ba;

	set_model(&skylake_x);
	EXPECT_EQ(negotiate(), 0);
	a = caps;
	*m(msr) ^= flip;
	EXPECT_EQ(negotiate(), 0);
	ab = caps_differ(&a, &caps);
	ba = caps_differ(&caps, &a);
	if (ab || ba)
		EXPECT_STREQ(ab, ba);
	return ab;
}

TEST(differences)
{
	EXPECT_NULL(differ_after(0x480, 0));
	EXPECT_STREQ(differ_after(0x480, 1), "the VMCS revision id");
	EXPECT_STREQ(differ_after(0x48d, BIT_ULL(37)), "the execution controls");
	EXPECT_STREQ(differ_after(0x48e, BIT_ULL(53)), "the execution controls");
	EXPECT_STREQ(differ_after(0x48b, BIT_ULL(37)), "the execution controls");
	/* Descriptor-table exiting: only on if a policy wants it. */
	EXPECT_STREQ(differ_after(0x48b, BIT_ULL(34)), "the execution controls");
	EXPECT_STREQ(differ_after(0x48f, BIT_ULL(50) | BIT_ULL(18)), "the exit or entry controls");
	EXPECT_STREQ(differ_after(0x490, BIT_ULL(49) | BIT_ULL(17)), "the exit or entry controls");
	EXPECT_STREQ(differ_after(0x486, BIT_ULL(16)), "the fixed bits of CR0 and CR4");
	EXPECT_STREQ(differ_after(0x489, BIT_ULL(23)), "the fixed bits of CR0 and CR4");
	EXPECT_STREQ(differ_after(0x48c, BIT_ULL(17)), "the optional features");
	EXPECT_STREQ(differ_after(0x485, 3), "the optional features");
	EXPECT_STREQ(differ_after(0x48c, BIT_ULL(25)), "the types of INVEPT or INVVPID");
	EXPECT_STREQ(differ_after(0x48c, BIT_ULL(41)), "the types of INVEPT or INVVPID");
	/* Used by nobody: VMFUNC, the number of VMCS fields, execute-only pages. */
	EXPECT_NULL(differ_after(0x491, 1));
	EXPECT_NULL(differ_after(0x48a, 2));
	EXPECT_NULL(differ_after(0x48c, 1));
}

/* Whatever bits are missing: refused by name, or all that was chosen may be on. */
TEST(random_capabilities)
{
	unsigned int i, n, refused = 0;

	unit_seed(42);
	for (i = 0; i < 20000; i++) {
		set_model(&skylake_x);
		for (n = unit_random_below(4); n--;) {
			u32 msr = 0x48b + unit_random_below(6);

			*m(msr) &= ~BIT_ULL(32 + unit_random_below(32));
		}
		/* In the TRUE MSRs what must be 1 also may be. */
		for (n = 0x48d; n <= 0x490; n++)
			*m(n) &= HIGH(~0U) | *m(n) >> 32;
		if (negotiate()) {
			refused++;
			EXPECT_NOT_NULL(why.what);
		} else {
			check_invariants();
		}
	}
	EXPECT_LT(2000u, refused);
	EXPECT_LT(refused, 18000u);
}
