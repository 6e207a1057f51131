// SPDX-License-Identifier: GPL-2.0-only
/* What vmctl reads and says: numbers, JSON, the verdict of `vmctl check`. */
#include "unit.h"

#include <errno.h>

#include "tools/vmctl/parse.c"
#include "tools/vmctl/json.c"
#include "tools/vmctl/check_verdict.c"

#define EXPECT_SIZE(s, want) ({					\
	uint64_t v = 1;						\
	EXPECT(parse_size(s, &v), "refused: %s", s);		\
	EXPECT_EQ(v, (uint64_t)(want));				\
})

#define EXPECT_NO_SIZE(s) ({					\
	uint64_t v = 12345;					\
	EXPECT(!parse_size(s, &v), "accepted: %s", s);		\
	EXPECT_EQ(v, 12345ULL);					\
})

TEST(sizes)
{
	EXPECT_SIZE("0", 0);
	EXPECT_SIZE("4096", 4096);
	EXPECT_SIZE("0x1000", 4096);
	EXPECT_SIZE("64K", 65536);
	EXPECT_SIZE("64k", 65536);
	EXPECT_SIZE("64M", 64 << 20);
	EXPECT_SIZE("3G", 3ULL << 30);
	EXPECT_SIZE("3GiB", 3ULL << 30);
	EXPECT_SIZE("1MiB", 1 << 20);
	EXPECT_NO_SIZE("1MB");
	EXPECT_SIZE("18446744073709551615", ~0ULL);
	EXPECT_NO_SIZE("");
	EXPECT_NO_SIZE("M");
	EXPECT_NO_SIZE("-1");
	EXPECT_NO_SIZE("+1");
	EXPECT_NO_SIZE(" 1");
	EXPECT_NO_SIZE("1 M");
	EXPECT_NO_SIZE("64T");
	EXPECT_NO_SIZE("64MM");
	EXPECT_NO_SIZE("64Mi");
	EXPECT_NO_SIZE("1.5G");
	EXPECT_NO_SIZE("18446744073709551616");
	EXPECT_NO_SIZE("18014398509481984K");
}

TEST(numbers)
{
	uint64_t v;

	EXPECT_TRUE(parse_number("0xffffffffffffffff", &v));
	EXPECT_EQ(v, ~0ULL);
	EXPECT_FALSE(parse_number("0x10000000000000000", &v));
	EXPECT_FALSE(parse_number("0x", &v));
	EXPECT_FALSE(parse_number("12a", &v));
	EXPECT_FALSE(parse_number("-1", &v));
}

TEST(seconds)
{
	uint64_t ms = 5;

	EXPECT_TRUE(parse_seconds("10", &ms));
	EXPECT_EQ(ms, 10000ULL);
	EXPECT_TRUE(parse_seconds("0.25", &ms));
	EXPECT_EQ(ms, 250ULL);
	EXPECT_TRUE(parse_seconds("1.0009", &ms));
	EXPECT_EQ(ms, 1000ULL);
	EXPECT_FALSE(parse_seconds("0", &ms));
	EXPECT_FALSE(parse_seconds("", &ms));
	EXPECT_FALSE(parse_seconds(".", &ms));
	EXPECT_FALSE(parse_seconds("1s", &ms));
	EXPECT_FALSE(parse_seconds("-1", &ms));
	EXPECT_FALSE(parse_seconds("99999999999999999999", &ms));
	EXPECT_EQ(ms, 1000ULL);
}

TEST(json_escapes)
{
	char buf[128] = "";
	FILE *f = fmemopen(buf, sizeof(buf), "w");

	ASSERT_NOT_NULL(f);
	json_string(f, "a\"b\\c\n\t\x01\x7f\xc3/");
	fclose(f);
	EXPECT_STREQ(buf, "\"a\\\"b\\\\c\\n\\t\\u0001\\u007f\\u00c3/\"");
}

static struct facts good_facts(void)
{
	struct facts f = { .vendor = "GenuineIntel", .cpuid_vmx = true, .cpuinfo_vmx = true,
			   .has_msrs = true, .kvm_intel_users = -1 };
	unsigned int i;

	for (i = 0; i < TVX_NR_VMX_MSRS; i++)
		f.msrs[i] = ~0ULL;
	return f;
}

#define EXPECT_VERDICT(f, status, words) ({			\
	char why[256] = "";					\
	EXPECT_EQ((int)check_verdict(f, why, sizeof(why)), (int)status);	\
	EXPECT(strstr(why, words), "\"%s\" is not in \"%s\"", words, why);	\
})

TEST(verdicts)
{
	struct facts f = good_facts();

	EXPECT_VERDICT(&f, CHECK_USABLE, "usable");
	f.vm_error = EBUSY;
	EXPECT_VERDICT(&f, CHECK_BUSY, "hold");
	f.open_error = EACCES;
	strcpy(f.device_group, "vm");
	EXPECT_VERDICT(&f, CHECK_PERMISSION, "group is vm");
	f.open_error = EPROTO;
	EXPECT_VERDICT(&f, CHECK_VERSION, "version");
	f.open_error = ENOENT;
	EXPECT_VERDICT(&f, CHECK_NOT_LOADED, "modprobe");
	f.module_loaded = true;
	EXPECT_VERDICT(&f, CHECK_NOT_LOADED, "is loaded, but");
}

TEST(verdicts_without_the_module)
{
	struct facts f = good_facts();

	f.open_error = ENOENT;
	strcpy(f.lockdown, "integrity");
	EXPECT_VERDICT(&f, CHECK_KERNEL, "integrity");
	*f.lockdown = '\0';
	f.modules_disabled = true;
	EXPECT_VERDICT(&f, CHECK_KERNEL, "modules_disabled");
	f.msrs[0x48b - 0x480] &= ~(1ULL << 33);
	EXPECT_VERDICT(&f, CHECK_LACKS_FEATURE, "EPT");
	f.has_msrs = false;
	f.cpuinfo_lacks_ept = true;
	EXPECT_VERDICT(&f, CHECK_LACKS_FEATURE, "says the kernel");
	f.has_msrs = true;
	f.has_feat_ctl = true;
	f.feat_ctl = 1;
	EXPECT_VERDICT(&f, CHECK_FIRMWARE, "firmware");
	f.feat_ctl = 0;			/* unlocked: the module sets it */
	EXPECT_VERDICT(&f, CHECK_LACKS_FEATURE, "EPT");
	f.has_feat_ctl = false;
	f.cpuinfo_vmx = false;
	EXPECT_VERDICT(&f, CHECK_FIRMWARE, "firmware");
	f.cpuid_vmx = false;
	EXPECT_VERDICT(&f, CHECK_NO_VMX, "no VT-x");
	f.hypervisor = true;
	EXPECT_VERDICT(&f, CHECK_NO_VMX, "nested");
	strcpy(f.vendor, "AuthenticAMD");
	EXPECT_VERDICT(&f, CHECK_NO_VMX, "AuthenticAMD");
}

/* Each requirement is looked at, in the TRUE MSR where there is one. */
TEST(requirements_each)
{
	const struct requirement *r;
	struct facts f;

	for (r = requirements(); r->name; r++) {
		f = good_facts();
		f.open_error = ENOENT;
		f.msrs[(r->true_msr ?: r->msr) - 0x480] &= ~(1ULL << r->bit);
		EXPECT_VERDICT(&f, CHECK_LACKS_FEATURE, r->name);
		f.msrs[0] = 0;		/* without TRUE MSRs the others count */
		EXPECT_EQ(requirement_met(r, f.msrs), !!r->true_msr);
	}
}
