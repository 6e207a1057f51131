// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints tinyvmx:* as a person sees them in tracefs. */
#include "tvx_test.h"

GUEST64(cpuids, "mov $1, %eax\ncpuid\nmov $0x40000000, %eax\ncpuid\nhlt");

#define TRACING "/sys/kernel/tracing/"

static void put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_TRUNC);

	must(fd < 0 ? errno : 0);
	must(write(fd, text, strlen(text)) < 0 ? errno : 0);
	close(fd);
}

TEST_F(vm, tracepoints)
{
	static const char *const wanted[] = {
		"tvx_enter: vcpu 0 rip 0x10000", "tvx_exit: vcpu 0 CPUID rip 0x1000",
		"tvx_exit: vcpu 0 HLT rip", "tvx_cpuid: vcpu 0 leaf 0x1.",
		"tvx_cpuid: vcpu 0 leaf 0x40000000.", "tvx_user_exit: vcpu 0 HLT",
	};
	static char text[1 << 20];
	struct guest *g = &self->g;
	size_t len;
	FILE *trace;
	int i;

	if (access(TRACING "events", F_OK))
		SKIP(return, "this kernel has no tracing");
	start(g, GUEST_LONG, cpuids);
	put(TRACING "trace", "");
	put(TRACING "events/tinyvmx/enable", "1");
	ASSERT_EQ(TVX_EXIT_HLT, run(g));
	put(TRACING "events/tinyvmx/enable", "0");
	trace = fopen(TRACING "trace", "r");
	ASSERT_NE(NULL, trace);
	len = fread(text, 1, sizeof(text) - 1, trace);
	fclose(trace);
	put(TRACING "trace", "");
	text[len] = 0;
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		EXPECT_NE(NULL, strstr(text, wanted[i]))
			TH_LOG("no \"%s\" in:\n%s", wanted[i], text);
	}
}

/* How the kernel prints the number of an exit. */
TEST(each_exit_has_a_name)
{
	static char text[8192];
	char want[64];
	FILE *format;
	int i;

	if (access(TRACING "events", F_OK))
		SKIP(return, "this kernel has no tracing");
	format = fopen(TRACING "events/tinyvmx/tvx_user_exit/format", "r");
	ASSERT_NE(NULL, format);
	text[fread(text, 1, sizeof(text) - 1, format)] = 0;
	fclose(format);
	for (i = 0; i < TVX_NR_EXITS; i++) {
		snprintf(want, sizeof(want), "{ %d, \"%s\" }", i, tvx_exit_name(i));
		EXPECT_NE(NULL, strstr(text, want)) TH_LOG("no %s in:\n%s", want, text);
	}
}

TEST_HARNESS_MAIN
