// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU's state out and in: what is refused, what comes back, and that it can move. */
#include <dirent.h>

#include "tvx_test.h"

#define MXCSR_AT	24
#define XMM_AT		160
#define HEADER_AT	512

GUEST64(work, "1: inc %rbx\nmov %rbx, 0x200000\nout %al, $0x10\n"
	      "mov $0xc0000082, %ecx\nrdmsr\nmovq %xmm3, %r12\nadd %rbx, %r12\nhlt\njmp 1b");
GUEST64(xmm, "mov %cr4, %rax\nor $0x200, %rax\nmov %rax, %cr4\nmovq %xmm3, %r12\nhlt");
GUEST64(known, "mov $3, %esi\n1: mov $0, %eax\ncpuid\ndec %esi\njnz 1b\n"
	       "mov $1, %eax\nvmcall\nvmcall\nhlt");
GUEST64(endless, "1: incq 0x200000\njmp 1b");

#define SET(...) \
	({ struct tvx_state s_ = good; __VA_ARGS__; tvx_vcpu_set_state(&self->g.vcpu, &s_); })

TEST_F(vm, refused_states)
{
	static const uint64_t bad = 1ull << 60;
	struct tvx_state good;
	int i;

	start(&self->g, GUEST_LONG, work);
	ASSERT_EQ(0, tvx_vcpu_get_state(&self->g.vcpu, &good, TVX_STATE_ALL));
	EXPECT_EQ(0, SET());
	EXPECT_EQ(-EINVAL, SET(s_.sections = TVX_STATE_ALL + 1));
	EXPECT_EQ(-EINVAL, SET(s_.cr0 |= 1ull << 32));
	EXPECT_EQ(-EINVAL, SET(s_.cr0 |= 1 << 6));
	EXPECT_EQ(-EINVAL, SET(s_.cr4 |= 1 << 13));
	EXPECT_EQ(-EINVAL, SET(s_.cr4 |= bad));
	EXPECT_EQ(-EINVAL, SET(s_.efer |= 2));
	EXPECT_EQ(-EINVAL, SET(s_.efer |= bad));
	EXPECT_EQ(-EINVAL, SET(s_.cr8 = 16));
	EXPECT_EQ(-EINVAL, SET(s_.xcr0 = 2));
	EXPECT_EQ(-EINVAL, SET(s_.xcr0 |= bad));
	EXPECT_EQ(-EINVAL, SET(s_.dr6 |= 1ull << 32));
	EXPECT_EQ(-EINVAL, SET(s_.dr6 &= ~(1ull << 4)));
	EXPECT_EQ(-EINVAL, SET(s_.dr7 |= 1ull << 32));
	for (i = TVX_ES; i <= TVX_TR; i++) {
		EXPECT_EQ(-EINVAL, SET(s_.seg[i].ar |= 1 << 8));
		EXPECT_EQ(-EINVAL, SET(s_.seg[i].ar |= 1 << 17));
		EXPECT_EQ(-EINVAL, SET(s_.seg[i].base = 1ull << 63));
	}
	EXPECT_EQ(-EINVAL, SET(s_.gdtr.base = 1ull << 47));
	EXPECT_EQ(-EINVAL, SET(s_.idtr.base = 1ull << 62));
	EXPECT_EQ(-EINVAL, SET(s_.activity = TVX_SHUTDOWN + 1));
	EXPECT_EQ(-EINVAL, SET(s_.nmi_pending = 3));
	EXPECT_EQ(-EINVAL, SET(s_.shadow = 4));
	EXPECT_EQ(-EINVAL, SET(s_.shadow = TVX_SHADOW_STI | TVX_SHADOW_MOV_SS));
	EXPECT_EQ(-EINVAL, SET(s_.intr.flags = 4));
	EXPECT_EQ(-EINVAL, SET(s_.exception.flags = TVX_EVENT_ERROR_CODE));
	EXPECT_EQ(-EINVAL, SET(s_.injected.flags = TVX_EVENT_VALID; s_.injected.type = 1));
	EXPECT_EQ(-EINVAL, SET(s_.exception.flags = TVX_EVENT_VALID; s_.exception.type = 3;
			       s_.exception.vector = 2));
	EXPECT_EQ(-EINVAL, SET(s_.injected.flags = TVX_EVENT_VALID; s_.injected.type = 4));
	/* A part that is not named is not looked at. */
	EXPECT_EQ(0, SET(s_.sections = TVX_STATE_GPRS; s_.cr0 = ~0ull; s_.dr7 = ~0ull));
	ASSERT_EQ(TVX_EXIT_IO, run(&self->g));
}

TEST_F(vm, every_section_round_trips)
{
	struct tvx_state one, two;
	int i;

	start(&self->g, GUEST_LONG, work);
	ASSERT_EQ(TVX_EXIT_IO, run(&self->g));
	ASSERT_EQ(0, tvx_vcpu_get_state(&self->g.vcpu, &one, TVX_STATE_ALL));
	EXPECT_EQ(1, one.gpr[TVX_RBX]);
	for (i = 0; i < TVX_NR_GPRS; i++)
		one.gpr[i] = 0x0101010101010101ull * (i + 1);
	one.cr2 = 0x123456789;
	one.cr8 = 5;
	one.dr[0] = 0x1000;
	one.dr[3] = 0x3000;
	one.nmi_pending = 1;
	one.intr = (struct tvx_event){ .flags = TVX_EVENT_VALID, .vector = 0x40 };
	one.seg[TVX_FS].base = 0x5000;
	one.gdtr.limit = 0x77;
	ASSERT_EQ(0, tvx_vcpu_set_state(&self->g.vcpu, &one));
	ASSERT_EQ(0, tvx_vcpu_get_state(&self->g.vcpu, &two, TVX_STATE_ALL));
	two.size = one.size;
	EXPECT_EQ(0, memcmp(&one, &two, sizeof(one)));
}

/* Without its flag an event is none, whatever else it says. */
TEST_F(vm, no_event_is_nothing)
{
	const struct tvx_event none = { .flags = 0 };
	struct guest *g = &self->g;
	struct tvx_state state;

	start(g, GUEST_LONG, work);
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_EVENTS));
	state.injected.vector = 0x21;
	state.exception = (struct tvx_event){ .type = TVX_EVENT_EXCEPTION, .vector = 13 };
	state.intr = (struct tvx_event){ .insn_len = 3, .error_code = 7 };
	must(tvx_vcpu_set_state(&g->vcpu, &state));
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_EVENTS));
	EXPECT_EQ(0, memcmp(&state.injected, &none, sizeof(none)));
	EXPECT_EQ(0, memcmp(&state.exception, &none, sizeof(none)));
	EXPECT_EQ(0, memcmp(&state.intr, &none, sizeof(none)));
	ASSERT_EQ(TVX_EXIT_IO, run(g));
	EXPECT_EQ(0, out(g)->flags & (TVX_OUT_PENDING_EXC | TVX_OUT_PENDING_INTR));
}

/* ---- XSAVE ------------------------------------------------------------------------- */

TEST_F(vm, xsave_areas)
{
	static uint8_t area[16384] __attribute__((aligned(64)));
	struct guest *g = &self->g;
	uint64_t len = sizeof(area), value = 0x1122334455667788;

	ASSERT_EQ(0, tvx_vcpu_get_xsave(&g->vcpu, area, &len));
	*(uint32_t *)(area + MXCSR_AT) |= 1u << 31;
	EXPECT_EQ(-EINVAL, tvx_vcpu_set_xsave(&g->vcpu, area, len));
	*(uint32_t *)(area + MXCSR_AT) = 0x1f80;
	if (has_feature(g, TVX_FEAT_XSAVE)) {
		area[HEADER_AT + 7] = 0x80;
		EXPECT_EQ(-EINVAL, tvx_vcpu_set_xsave(&g->vcpu, area, len));
		area[HEADER_AT + 7] = 0;
		area[HEADER_AT + 8] = 1;
		EXPECT_EQ(-EINVAL, tvx_vcpu_set_xsave(&g->vcpu, area, len));
		area[HEADER_AT + 8] = 0;
		area[HEADER_AT] |= 3;
	}
	memcpy(area + XMM_AT + 3 * 16, &value, 8);
	ASSERT_EQ(0, tvx_vcpu_set_xsave(&g->vcpu, area, len));
	start(g, GUEST_LONG, xmm);
	ASSERT_EQ(TVX_EXIT_HLT, run(g));
	EXPECT_EQ(value, reg(g, TVX_R12));
}

/* ---- a move to another VM -------------------------------------------------------------- */

static void move(struct guest *to, struct guest *from)
{
	static uint8_t area[16384] __attribute__((aligned(64)));
	static struct tvx_msr msrs[TVX_MAX_MSRS];
	unsigned int count = TVX_MAX_MSRS;
	uint64_t len = sizeof(area);
	struct tvx_state state;

	memcpy(to->mem, from->mem, MEM_SIZE);
	must(tvx_vcpu_get_state(&from->vcpu, &state, TVX_STATE_ALL));
	must(tvx_vcpu_list_msrs(&from->vcpu, msrs, &count));
	must(tvx_vcpu_get_xsave(&from->vcpu, area, &len));
	must(tvx_vcpu_set_state(&to->vcpu, &state));
	must(tvx_vcpu_set_msrs(&to->vcpu, msrs, count, NULL));
	must(tvx_vcpu_set_xsave(&to->vcpu, area, len));
}

TEST_F(vm, a_guest_moves_to_another_vm)
{
	struct tvx_msr lstar = { .index = 0xc0000082, .value = 0x7654321 };
	struct guest *g = &self->g, other;
	struct tvx_state state;
	int i;

	start(g, GUEST_LONG, work);
	ASSERT_EQ(0, tvx_vcpu_set_msrs(&g->vcpu, &lstar, 1, NULL));
	ASSERT_EQ(0, tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_CONTROL));
	state.cr4 |= 0x200;
	ASSERT_EQ(0, tvx_vcpu_set_state(&g->vcpu, &state));
	guest_open(&other);
	guest_vcpu(&other);
	for (i = 1; i < 10; i++) {
		struct guest *here = i & 1 ? g : &other, *there = i & 1 ? &other : g;

		ASSERT_EQ(TVX_EXIT_IO, run(here));
		tvx_skip_insn(&here->vcpu);
		here->vcpu.run->in.immediate_exit = 1;
		ASSERT_EQ(-EINTR, tvx_vcpu_run(&here->vcpu));
		here->vcpu.run->in.immediate_exit = 0;
		move(there, here);
		ASSERT_EQ(TVX_EXIT_HLT, run(there));
		EXPECT_EQ(i, reg(there, TVX_RBX));
		EXPECT_EQ(i, *(uint64_t *)(there->mem + DATA_GPA));
		EXPECT_EQ(lstar.value, reg(there, TVX_RAX));
		ASSERT_EQ(0, tvx_vcpu_get_state(&there->vcpu, &state, TVX_STATE_EVENTS));
		state.activity = TVX_ACTIVE;
		ASSERT_EQ(0, tvx_vcpu_set_state(&there->vcpu, &state));
	}
	guest_close(&other);
}

/* ---- seeing ------------------------------------------------------------------------------ */

TEST_F(vm, reports)
{
	char *text = NULL;

	start(&self->g, GUEST_LONG, work);
	ASSERT_EQ(TVX_EXIT_IO, run(&self->g));
	ASSERT_EQ(0, tvx_vcpu_report(&self->g.vcpu, TVX_REPORT_VMCS, &text));
	EXPECT_NE(NULL, strstr(text, "GUEST_RIP"));
	EXPECT_EQ('\n', text[strlen(text) - 1]);
	free(text);
	ASSERT_EQ(0, tvx_vcpu_report(&self->g.vcpu, TVX_REPORT_ENTRY | TVX_REPORT_VMCS, &text));
	EXPECT_NE(NULL, strstr(text, "GUEST_RIP"));
	free(text);
}

enum { HW_CPUID = 10, HW_HLT = 12, HW_VMCALL = 18 };

/* The file of this process's only vCPU; its length. */
static size_t read_debugfs(char *text, size_t size)
{
	const char *root = "/sys/kernel/debug/tinyvmx";
	char path[512], prefix[32];
	struct dirent *e;
	size_t len = 0;
	DIR *dir = opendir(root);
	FILE *f;

	must(dir ? 0 : errno);
	snprintf(prefix, sizeof(prefix), "%d-", getpid());
	while ((e = readdir(dir))) {
		if (strncmp(e->d_name, prefix, strlen(prefix)))
			continue;
		snprintf(path, sizeof(path), "%s/%s/vcpu0", root, e->d_name);
		f = fopen(path, "r");
		must(f ? 0 : errno);
		len = fread(text, 1, size - 1, f);
		fclose(f);
	}
	closedir(dir);
	text[len] = 0;
	return len;
}

TEST_F(vm, stats_count_exactly)
{
	struct tvx_stats stats;
	char text[8192];

	start(&self->g, GUEST_LONG, known);
	ASSERT_EQ(TVX_EXIT_HLT, run(&self->g));
	ASSERT_EQ(0, tvx_vcpu_get_stats(&self->g.vcpu, &stats));
	EXPECT_EQ(TVX_NR_EXIT_REASONS, stats.nr);
	EXPECT_EQ(3, stats.reason[HW_CPUID].count);
	EXPECT_EQ(2, stats.reason[HW_VMCALL].count);
	EXPECT_EQ(1, stats.reason[HW_HLT].count);
	EXPECT_GT(stats.reason[HW_CPUID].cycles, 0);
	EXPECT_GT(stats.guest_cycles, 0);
	EXPECT_GE(stats.runs, 1);
	EXPECT_GE(stats.cpu, 0);
	ASSERT_GT(read_debugfs(text, sizeof(text)), 0);
	EXPECT_NE(NULL, strstr(text, "CPUID                           3"));
	EXPECT_NE(NULL, strstr(text, "VMCALL                          2"));
}

/* WBINVD empties the caches of all who share the package: no guest's reaches the CPU. */
#define HW_WBINVD 54
GUEST64(wbinvds, "wbinvd\nwbinvd\nhlt");

TEST_F(vm, wbinvd_exits_unasked)
{
	struct tvx_stats stats;

	/* A CPU without the exit is served nothing else. */
	if (!(self->g.dev.info.vmx_msrs[0xb] >> (32 + 6) & 1))
		SKIP(return, "no WBINVD exiting");
	start(&self->g, GUEST_LONG, wbinvds);
	ASSERT_EQ(TVX_EXIT_HLT, run(&self->g));
	ASSERT_EQ(0, tvx_vcpu_get_stats(&self->g.vcpu, &stats));
	EXPECT_EQ(2, stats.reason[HW_WBINVD].count);
}

static void *run_stubbornly(void *arg)
{
	while (tvx_vcpu_run(arg))
		;
	return NULL;
}

TEST_F(vm, stats_of_a_running_vcpu)
{
	volatile uint64_t *counter = (void *)(self->g.mem + DATA_GPA);
	struct tvx_stats stats = {};
	char text[8192];
	pthread_t thread;

	start(&self->g, GUEST_LONG, endless);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_stubbornly, &self->g.vcpu));
	while (!*counter || !stats.guest_cycles)
		ASSERT_EQ(0, tvx_vcpu_get_stats(&self->g.vcpu, &stats));
	EXPECT_GE(stats.runs, 1);
	EXPECT_GT(read_debugfs(text, sizeof(text)), 0);
	ASSERT_EQ(0, tvx_vcpu_kick(&self->g.vcpu));
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

TEST_HARNESS_MAIN
