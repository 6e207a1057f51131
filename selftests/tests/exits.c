// SPDX-License-Identifier: GPL-2.0-only
/* One test for each family of exits. */
#include "tvx_idt.h"

#define CPUID_XSAVE	(1u << 26)
#define CPUID_OSXSAVE	(1u << 27)
#define CPUID_RDRAND	(1u << 30)

/* Before the first vCPU, so that policy and CPUID can be set. */
FIXTURE(policy) {
	struct guest g;
};

FIXTURE_SETUP(policy)
{
	guest_open(&self->g);
}

FIXTURE_TEARDOWN(policy)
{
	guest_close(&self->g);
}

/* ---- HLT, triple fault, time slice ------------------------------------------------------- */

GUEST16(real_hlt, "mov $0x1234, %ax\nhlt\nmov $0x77, %bx\nhlt");
GUEST64(long_ud2, "ud2");
GUEST64(spin, "1: inc %rax\njmp 1b");

TEST_F(vm, real_mode_hlt_and_go_on)
{
	struct guest *g = &self->g;

	if (!has_feature(g, TVX_FEAT_UNRESTRICTED))
		SKIP(return, "no unrestricted guest");
	start(g, GUEST_REAL, real_hlt);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX) & 0xffff, 0x1234);
	/* Still halted: nothing woke it. */
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_NE(reg(g, TVX_RBX), 0x77);
}

TEST_F(vm, triple_fault_shuts_down)
{
	struct guest *g = &self->g;

	start(g, GUEST_LONG, long_ud2);
	ASSERT_EQ(run(g), TVX_EXIT_SHUTDOWN);
	EXPECT_EQ(out(g)->rip, CODE_GPA);
	/* And stays so. */
	ASSERT_EQ(run(g), TVX_EXIT_SHUTDOWN);
}

TEST_F(vm, slice_ends_an_endless_loop)
{
	struct guest *g = &self->g;
	uint64_t before;

	if (!has_feature(g, TVX_FEAT_SLICE))
		SKIP(return, "no VMX preemption timer");
	start(g, GUEST_LONG, spin);
	g->vcpu.run->in.slice = 1000000;
	ASSERT_EQ(run(g), TVX_EXIT_SLICE);
	before = reg(g, TVX_RAX);
	EXPECT_GT(before, 1000);
	ASSERT_EQ(run(g), TVX_EXIT_SLICE);
	EXPECT_GT(reg(g, TVX_RAX), before);
}

/* ---- CPUID ------------------------------------------------------------------------------- */

GUEST64(cpuid_rax, "cpuid\nhlt\n");
GUEST64(cpuid_osxsave,
	"mov $1, %eax\ncpuid\nmov %ecx, %esi\n"
	"mov %cr4, %rax\nbts $18, %rax\nmov %rax, %cr4\n"
	"mov $1, %eax\ncpuid\nmov %ecx, %edi\nhlt");

static uint32_t guest_cpuid(struct guest *g, uint32_t leaf)
{
	start(g, GUEST_LONG, cpuid_rax);
	tvx_set_gpr(&g->vcpu, TVX_RAX, leaf);
	return run(g);
}

TEST_F(vm, cpuid_shows_our_signature)
{
	struct guest *g = &self->g;

	ASSERT_EQ(guest_cpuid(g, 0x40000000), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RBX), 0x796e6974);	/* "tiny" */
	EXPECT_EQ(reg(g, TVX_RCX), 0x00786d76);	/* "vmx" */
	EXPECT_EQ(reg(g, TVX_RDX), 0);
}

TEST_F(policy, cpuid_table_and_exit)
{
	struct guest *g = &self->g;
	struct tvx_cpuid_entry table[TVX_MAX_CPUID];
	unsigned int count = TVX_MAX_CPUID - 2;

	ASSERT_EQ(tvx_get_cpuid(&g->dev, table, &count), 0);
	table[count++] = (struct tvx_cpuid_entry){
		.function = 0x40000100, .eax = 0x40000101, .ebx = 2, .ecx = 3, .edx = 4 };
	table[count++] = (struct tvx_cpuid_entry){
		.function = 0x40000101, .flags = TVX_CPUID_EXIT };
	ASSERT_EQ(tvx_vm_set_cpuid(&g->vm, table, count), 0);
	must(tvx_vcpu_create(&g->vm, 3, &g->vcpu));
	EXPECT_EQ(tvx_vm_set_cpuid(&g->vm, table, count), -EBUSY);

	ASSERT_EQ(guest_cpuid(g, 0x40000100), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), 0x40000101);
	EXPECT_EQ(reg(g, TVX_RDX), 4);
	/* The APIC id is the vCPU's. */
	ASSERT_EQ(guest_cpuid(g, 1), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RBX) >> 24, 3);

	ASSERT_EQ(guest_cpuid(g, 0x40000101), TVX_EXIT_CPUID);
	EXPECT_EQ(reg(g, TVX_RAX), 0x40000101);
	EXPECT_EQ(out(g)->next_rip, CODE_GPA + 2);
	tvx_set_gpr(&g->vcpu, TVX_RBX, 77);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RBX), 77);
}

/* Is the word among the flags of the host's CPUs, as its kernel has left them on? */
static bool kernel_has(const char *flag)
{
	static char text[8192];		/* the first CPU's part is shorter */
	FILE *f = fopen("/proc/cpuinfo", "r");
	char *line, *word;

	text[f ? fread(text, 1, sizeof(text) - 1, f) : 0] = 0;
	if (f)
		fclose(f);
	line = strstr(text, "\nflags\t");
	for (word = line ? strtok(line + 1, "\n ") : NULL; word; word = strtok(NULL, " "))
		if (!strcmp(word, flag))
			return true;
	return false;
}

/* Guests are not told of what the host's kernel does without, such as fast strings here. */
TEST_F(policy, cpuid_as_the_kernel_has_it)
{
	static const struct {
		const char *flag;
		uint32_t leaf, ebx, ecx, edx;	/* the flag's bit in one of them */
	} flags[] = {
		{ "fpu", 1, .edx = 1 << 0 }, { "sse2", 1, .edx = 1 << 26 },
		{ "pcid", 1, .ecx = 1 << 17 }, { "aes", 1, .ecx = 1 << 25 },
		{ "avx", 1, .ecx = 1 << 28 }, { "rdrand", 1, .ecx = 1 << 30 },
		{ "fsgsbase", 7, .ebx = 1 << 0 }, { "smep", 7, .ebx = 1 << 7 },
		{ "erms", 7, .ebx = 1 << 9 }, { "rdseed", 7, .ebx = 1 << 18 },
		{ "smap", 7, .ebx = 1 << 20 }, { "umip", 7, .ecx = 1 << 2 },
		{ "fsrm", 7, .edx = 1 << 4 }, { "pdpe1gb", 0x80000001, .edx = 1 << 26 },
	};
	struct tvx_cpuid_entry table[TVX_MAX_CPUID], *e;
	unsigned int i, told = 0, count = TVX_MAX_CPUID;

	ASSERT_EQ(tvx_get_cpuid(&self->g.dev, table, &count), 0);
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		for (e = table; e < table + count - 1 && e->function != flags[i].leaf; e++)
			;
		if (e->function != flags[i].leaf || !((e->ebx & flags[i].ebx) |
		    (e->ecx & flags[i].ecx) | (e->edx & flags[i].edx)))
			continue;
		told++;
		EXPECT_TRUE(kernel_has(flags[i].flag)) {
			TH_LOG("guests are told of %s", flags[i].flag);
		}
	}
	EXPECT_GE(told, 2);
}

TEST_F(vm, cpuid_osxsave_follows_cr4)
{
	struct guest *g = &self->g;

	if (!has_feature(g, TVX_FEAT_XSAVE))
		SKIP(return, "no XSAVE");
	start(g, GUEST_LONG, cpuid_osxsave);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RSI) & (CPUID_XSAVE | CPUID_OSXSAVE), CPUID_XSAVE);
	EXPECT_EQ(reg(g, TVX_RDI) & CPUID_OSXSAVE, CPUID_OSXSAVE);
}

/* ---- VMCALL ------------------------------------------------------------------------------ */

GUEST64(vmcall, "mov $5, %eax\nvmcall\nmov %rax, %rbx\nhlt");

TEST_F(vm, vmcall_unknown_is_enosys)
{
	struct guest *g = &self->g;

	start(g, GUEST_LONG, vmcall);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ((int64_t)reg(g, TVX_RBX), -ENOSYS);
}

TEST_F(policy, vmcall_to_user_space)
{
	struct guest *g = &self->g;
	struct tvx_policy policy = { .hypercall = TVX_ACT_EXIT };

	ASSERT_EQ(tvx_vm_set_policy(&g->vm, &policy), 0);
	guest_vcpu(g);
	EXPECT_EQ(tvx_vm_set_policy(&g->vm, &policy), -EBUSY);
	start(g, GUEST_LONG, vmcall);
	ASSERT_EQ(run(g), TVX_EXIT_HYPERCALL);
	EXPECT_EQ(reg(g, TVX_RAX), 5);
	EXPECT_EQ(out(g)->next_rip, out(g)->rip + 3);
	tvx_set_gpr(&g->vcpu, TVX_RAX, 99);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RBX), 99);
}

TEST_F(policy, vmcall_constant)
{
	struct guest *g = &self->g;
	struct tvx_policy policy = { .hypercall = TVX_ACT_CONST, .hypercall_value = 1ull << 40 };

	ASSERT_EQ(tvx_vm_set_policy(&g->vm, &policy), 0);
	guest_vcpu(g);
	start(g, GUEST_LONG, vmcall);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RBX), 1ull << 40);
}

TEST_F(policy, vmcall_undefined)
{
	struct guest *g = &self->g;
	struct tvx_policy policy = { .hypercall = TVX_ACT_FAULT };

	ASSERT_EQ(tvx_vm_set_policy(&g->vm, &policy), 0);
	guest_vcpu(g);
	start_idt(g, vmcall);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, UD_VECTOR);
	EXPECT_EQ(came(g, 0)->rip, CODE_GPA + 5);
}

/* ---- exits by policy --------------------------------------------------------------------- */

GUEST64(want_pause, "pause\nhlt");
GUEST64(want_rdtsc, "rdtsc\nhlt");
GUEST64(want_sgdt, "sgdt 0x200000\nhlt");
GUEST64(want_str, "str %ax\nhlt");
GUEST64(want_rdrand, "rdrand %eax\nhlt");
GUEST64(want_cr3, "mov %cr3, %rax\nmov %rax, %cr3\nhlt");
GUEST64(want_wbinvd, "wbinvd\nhlt");
GUEST64(want_invd, "invd\nhlt");

#define WANT(name, bit, exit_reason) { name##_code, name##_end, bit, exit_reason, 0 }
#define WANT2(name, bit, exit_reason, control) \
	{ name##_code, name##_end, bit, exit_reason, control }
static const struct {
	const char *code, *end;
	uint32_t want, exit;
	uint32_t control;	/* secondary control that not every CPU has */
} wants[] = {
	WANT(want_pause, TVX_WANT_PAUSE, TVX_EXIT_PAUSE),
	WANT(want_rdtsc, TVX_WANT_RDTSC, TVX_EXIT_RDTSC),
	WANT2(want_sgdt, TVX_WANT_DESC, TVX_EXIT_DESC, 1u << 2),
	WANT2(want_str, TVX_WANT_DESC, TVX_EXIT_DESC, 1u << 2),
	WANT2(want_rdrand, TVX_WANT_RANDOM, TVX_EXIT_RANDOM, 1u << 11),
	WANT(want_cr3, TVX_WANT_CR3, TVX_EXIT_CR3),
	WANT2(want_wbinvd, TVX_WANT_WBINVD, TVX_EXIT_WBINVD, 1u << 6),
	WANT2(want_invd, TVX_WANT_WBINVD, TVX_EXIT_WBINVD, 1u << 6),
};

static bool has_rdrand(struct guest *g)
{
	return guest_cpuid(g, 1) == TVX_EXIT_HLT && reg(g, TVX_RCX) & CPUID_RDRAND;
}

/* Its capability MSR allows the secondary control to be 1. */
static bool can_control(struct guest *g, uint32_t control)
{
	return (g->dev.info.vmx_msrs[0x48b - 0x480] >> 32 & control) == control;
}

/* Without the wish the instruction runs; with it, it exits, and skipping it goes on. */
TEST_F(policy, wanted_exits)
{
	struct guest *g = &self->g;
	unsigned int i;

	for (i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
		struct tvx_policy policy = { .exits = wants[i].want };

		TH_LOG("row %u", i);
		guest_vcpu(g);
		if (wants[i].want != TVX_WANT_RANDOM || has_rdrand(g)) {
			guest_start(g, GUEST_LONG, wants[i].code, wants[i].end);
			ASSERT_EQ(run(g), TVX_EXIT_HLT);
		}
		guest_close(g);
		guest_open(g);
		if (!can_control(g, wants[i].control)) {
			EXPECT_EQ(tvx_vm_set_policy(&g->vm, &policy), -EOPNOTSUPP);
			continue;
		}
		ASSERT_EQ(tvx_vm_set_policy(&g->vm, &policy), 0);
		guest_vcpu(g);
		guest_start(g, GUEST_LONG, wants[i].code, wants[i].end);
		ASSERT_EQ(run(g), wants[i].exit);
		EXPECT_GT(out(g)->next_rip, out(g)->rip);
		if (wants[i].exit == TVX_EXIT_CR3)
			EXPECT_EQ(out(g)->cr3.value, TABLES_GPA);
		tvx_skip_insn(&g->vcpu);
		ASSERT_EQ(run(g), TVX_EXIT_HLT);
		guest_close(g);
		guest_open(g);
	}
}

/* ---- instructions that a guest does not have --------------------------------------------- */

GUEST64(no_rdpmc, "xor %ecx, %ecx\n1: rdpmc\nhlt");
GUEST64(no_monitor, "monitor\nhlt");
GUEST64(no_mwait, "mwait\nhlt");
GUEST64(no_vmxon, "vmxon 0x200000\nhlt");
GUEST64(no_vmxoff, "vmxoff\nhlt");
GUEST64(no_vmlaunch, "vmlaunch\nhlt");
GUEST64(no_vmread, "vmread %rax, %rbx\nhlt");
GUEST64(no_vmclear, "vmclear 0x200000\nhlt");
GUEST64(no_vmptrld, "vmptrld 0x200000\nhlt");
GUEST64(no_invept, "invept 0x200000, %rax\nhlt");
GUEST64(no_invvpid, "invvpid 0x200000, %rax\nhlt");

#define LACKS(name, vector) { name##_code, name##_end, vector }
static const struct {
	const char *code, *end;
	uint64_t vector;
} lacks[] = {
	LACKS(no_rdpmc, GP_VECTOR), LACKS(no_monitor, UD_VECTOR), LACKS(no_mwait, UD_VECTOR),
	LACKS(no_vmxon, UD_VECTOR), LACKS(no_vmxoff, UD_VECTOR), LACKS(no_vmlaunch, UD_VECTOR),
	LACKS(no_vmread, UD_VECTOR), LACKS(no_vmclear, UD_VECTOR), LACKS(no_vmptrld, UD_VECTOR),
	LACKS(no_invept, UD_VECTOR), LACKS(no_invvpid, UD_VECTOR),
};

TEST_F(vm, instructions_it_does_not_have)
{
	struct guest *g = &self->g;
	unsigned int i;

	for (i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++) {
		TH_LOG("row %u", i);
		guest_start(g, GUEST_LONG, lacks[i].code, lacks[i].end);
		idt_setup(g);
		ASSERT_EQ(run(g), TVX_EXIT_HLT);
		ASSERT_EQ(idt_count(g), 1);
		EXPECT_EQ(came(g, 0)->vector, lacks[i].vector);
		EXPECT_EQ(came(g, 0)->error, 0);
	}
}

/* ---- XSETBV ------------------------------------------------------------------------------ */

GUEST64(xsetbv_good,
	"mov %cr4, %rax\nbts $18, %rax\nmov %rax, %cr4\n"
	"xor %ecx, %ecx\nxor %edx, %edx\nmov $3, %eax\nxsetbv\n"
	"xor %eax, %eax\nxgetbv\nhlt");
GUEST64(xsetbv_bad,
	"mov %cr4, %rax\nbts $18, %rax\nmov %rax, %cr4\n"
	"xor %ecx, %ecx\nxor %edx, %edx\n"
	"lea 1f(%rip), %r15\nmov $2, %eax\nxsetbv\n1: "		/* no x87 */
	"lea 1f(%rip), %r15\nmov $5, %eax\nxsetbv\n1: "		/* AVX without SSE */
	"lea 1f(%rip), %r15\nmov $3, %eax\nmov $1, %ecx\nxsetbv\n1: "	/* no XCR1 */
	"lea 1f(%rip), %r15\nxor %ecx, %ecx\nmov $0x80000000, %edx\nxsetbv\n1: "
	"xgetbv\nhlt");

TEST_F(vm, xsetbv)
{
	struct guest *g = &self->g;
	unsigned int i;

	if (!has_feature(g, TVX_FEAT_XSAVE))
		SKIP(return, "no XSAVE");
	start(g, GUEST_LONG, xsetbv_good);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), 3);
	start_idt(g, xsetbv_bad);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 4);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(came(g, i)->vector, GP_VECTOR);
		EXPECT_EQ(came(g, i)->error, 0);
	}
	EXPECT_EQ(reg(g, TVX_RAX), 3);
}

TEST_HARNESS_MAIN
