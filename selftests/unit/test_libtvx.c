// SPDX-License-Identifier: GPL-2.0-only
/* libtvx: what ends tvx_vcpu_run(), names, and whether the module uses what it is said to. */
#include "unit.h"

#include <errno.h>

/* What the device answers: errno by call, and the flags that go with it. */
static struct { int error; uint32_t flags; } answers[8];
static unsigned int calls;
static struct tvx_run *answered;

static int mock_ioctl(int fd, unsigned long cmd, void *arg);

#include <sys/ioctl.h>
#define ioctl mock_ioctl
#include "tools/libtvx/vcpu.c"
#undef ioctl
#undef ARRAY_SIZE
#include "tools/libtvx/names.c"

static int mock_ioctl(int fd, unsigned long cmd, void *arg)
{
	unsigned int n = calls++;

	answered->out.flags = answers[n].flags;
	errno = answers[n].error;
	return errno ? -1 : 0;
}

/* ---- RUN ---- */

static struct tvx_run page;
static struct tvx_vcpu vcpu = { .run = &page };

static void start_over(void)
{
	memset(answers, 0, sizeof(answers));
	memset(&page, 0, sizeof(page));
	page.in.dirty = 1;
	page.in.event.flags = TVX_EVENT_VALID;
	answered = &page;
	calls = 0;
}

TEST(the_kernels_own_work_is_no_reason_to_return)
{
	start_over();
	answers[0].error = answers[1].error = EINTR;
	EXPECT_EQ(tvx_vcpu_run(&vcpu), 0);
	EXPECT_EQ(calls, 3U);
	EXPECT_EQ(page.in.dirty | page.in.event.flags, 0U);
	start_over();
	answers[0].error = EINTR;
	EXPECT_EQ(tvx_vcpu_run_once(&vcpu), -EINTR);
	EXPECT_EQ(calls, 1U);
	EXPECT_EQ(page.in.dirty | page.in.event.flags, 0U);
}

TEST(signals_and_wishes_of_the_caller_are)
{
	start_over();
	answers[0].error = answers[1].error = EINTR;
	answers[1].flags = TVX_OUT_SIGNAL;
	EXPECT_EQ(tvx_vcpu_run(&vcpu), -EINTR);
	EXPECT_EQ(calls, 2U);
	start_over();
	answers[0].error = EINTR;
	page.in.immediate_exit = 1;
	EXPECT_EQ(tvx_vcpu_run(&vcpu), -EINTR);
	EXPECT_EQ(calls, 1U);
}

TEST(other_errors_leave_the_in_half)
{
	start_over();
	answers[0].error = EBUSY;
	answers[0].flags = TVX_OUT_SIGNAL;
	EXPECT_EQ(tvx_vcpu_run(&vcpu), -EBUSY);
	EXPECT_EQ(calls, 1U);
	EXPECT_EQ(page.in.dirty, 1U);
	EXPECT_EQ(page.in.event.flags, TVX_EVENT_VALID);
}

/* ---- names ---- */

TEST(each_exit_has_a_name)
{
	unsigned int i, j;

	for (i = 0; i < TVX_NR_EXITS; i++) {
		EXPECT(strcmp(tvx_exit_name(i), "unknown"), "exit %u has none", i);
		for (j = 0; j < i; j++)
			EXPECT(strcmp(tvx_exit_name(i), tvx_exit_name(j)), "%u as %u", i, j);
	}
	EXPECT_STREQ(tvx_exit_name(TVX_NR_EXITS), "unknown");
}

/* ---- features: what `vmctl check` says is used, and what the module's source uses ---- */

/* But for caps.c, which says what there is. */
static bool module_uses(const char *name)
{
	char command[1024];

	snprintf(command, sizeof(command),
		 "cd \"$(dirname '%s')/../../kmod\" && grep -rwqs --include=*.[ch] --exclude=caps.c %s .",
		 __FILE__, name);
	return !system(command);
}

static const struct tvx_feature *feature(uint64_t bit)
{
	const struct tvx_feature *t;

	for (t = tvx_features(); t->bit; t++)
		if (t->bit == bit)
			return t;
	return NULL;
}

TEST(features_are_used_as_told)
{
	static const struct { uint64_t bit; const char *name; } all[] = {
#define FEATURE(name) { name, #name }
		FEATURE(TVX_FEAT_UNRESTRICTED), FEATURE(TVX_FEAT_VPID), FEATURE(TVX_FEAT_EPT_AD),
		FEATURE(TVX_FEAT_EPT_2M), FEATURE(TVX_FEAT_EPT_1G), FEATURE(TVX_FEAT_SLICE),
		FEATURE(TVX_FEAT_XSAVE), FEATURE(TVX_FEAT_INVPCID), FEATURE(TVX_FEAT_RDTSCP),
		FEATURE(TVX_FEAT_TSC_SCALING), FEATURE(TVX_FEAT_PML), FEATURE(TVX_FEAT_PLE),
		FEATURE(TVX_FEAT_APICV), FEATURE(TVX_FEAT_VNMI), FEATURE(TVX_FEAT_TPR_SHADOW),
		FEATURE(TVX_FEAT_XSAVES), FEATURE(TVX_FEAT_CHECKING),
	};
	const struct tvx_feature *t;
	unsigned int i, told = 0;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		t = feature(all[i].bit);
		EXPECT(t, "%s is not told of", all[i].name);
		if (t)
			EXPECT(module_uses(all[i].name) == !!t->cost, "%s: %s by the module",
			       all[i].name, t->cost ? "not used" : "used");
	}
	for (t = tvx_features(); t->bit; t++)
		told++;
	EXPECT_EQ(told, (unsigned int)ARRAY_SIZE(all));
}
