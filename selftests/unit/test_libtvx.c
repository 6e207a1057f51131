// SPDX-License-Identifier: GPL-2.0-only
/* libtvx: what ends tvx_vcpu_run(), and names. */
#include "unit.h"

#include <errno.h>

/* What the device answers: errno by call, and the flags that go with it. */
static struct { int error; uint32_t flags; } answers[8];
static unsigned int calls;
static struct tvx_run *answered;

static int mock_ioctl(int fd, unsigned long cmd, void *arg);

#include <sys/ioctl.h>
#define ioctl mock_ioctl
#include "tools/vmctl/libtvx/vcpu.c"
#undef ioctl
#undef ARRAY_SIZE
#include "tools/vmctl/libtvx/names.c"

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
