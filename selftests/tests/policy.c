// SPDX-License-Identifier: GPL-2.0-only
/* What a VM's policy does to MSRs, ports and exceptions, and what it may not say. */
#include "tvx_idt.h"

#define MSR_OURS	0x4b564d10	/* no CPU has it */
#define MSR_LSTAR	0xc0000082
#define MSR_KERNEL_GS	0xc0000102
#define MSR_APICBASE	0x1b
#define MSR_UNKNOWN	0xc0000999

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

static int set_msr_rules(struct guest *g, const struct tvx_msr_rule *rules, uint32_t nr)
{
	struct tvx_policy policy = { .nr_msr_rules = nr, .msr_rules = (uintptr_t)rules };

	return tvx_vm_set_policy(&g->vm, &policy);
}

static int set_io_rules(struct guest *g, const struct tvx_io_rule *rules, uint32_t nr)
{
	struct tvx_policy policy = { .nr_io_rules = nr, .io_rules = (uintptr_t)rules };

	return tvx_vm_set_policy(&g->vm, &policy);
}

/* ---- MSRs -------------------------------------------------------------------------------- */

/* ECX comes from the host. */
GUEST64(msr_read, "rdmsr\nhlt");
GUEST64(msr_write, "mov $0x11112222, %eax\nmov $0x33334444, %edx\nwrmsr\nhlt");

static void start_msr(struct guest *g, const char *code, const char *end, uint32_t index)
{
	guest_start(g, GUEST_LONG, code, end);
	idt_setup(g);
	tvx_set_gpr(&g->vcpu, TVX_RCX, index);
}
#define read_msr(g, index) start_msr(g, msr_read_code, msr_read_end, index)
#define write_msr(g, index) start_msr(g, msr_write_code, msr_write_end, index)

static uint64_t edx_eax(struct guest *g)
{
	return reg(g, TVX_RDX) << 32 | reg(g, TVX_RAX);
}

TEST_F(policy, msr_to_user_space)
{
	static const struct tvx_msr_rule rules[] = {
		{ MSR_OURS, 2, TVX_ACT_EXIT, TVX_ACT_EXIT },
		{ MSR_LSTAR, 1, TVX_ACT_EXIT, TVX_ACT_DEFAULT },
	};
	struct guest *g = &self->g;

	ASSERT_EQ(set_msr_rules(g, rules, 2), 0);
	guest_vcpu(g);
	read_msr(g, MSR_OURS + 1);
	ASSERT_EQ(run(g), TVX_EXIT_RDMSR);
	EXPECT_EQ(out(g)->msr.index, MSR_OURS + 1);
	EXPECT_EQ(out(g)->next_rip, CODE_GPA + 2);
	tvx_rdmsr_value(&g->vcpu, 0x123456789abcdef0);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(edx_eax(g), 0x123456789abcdef0);

	write_msr(g, MSR_OURS);
	ASSERT_EQ(run(g), TVX_EXIT_WRMSR);
	EXPECT_EQ(out(g)->msr.index, MSR_OURS);
	EXPECT_EQ(out(g)->msr.value, 0x3333444411112222);
	/* User space may refuse as well. */
	ASSERT_EQ(tvx_inject_exception_error(&g->vcpu, GP_VECTOR, 0), 0);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, GP_VECTOR);
	EXPECT_EQ(came(g, 0)->rip, CODE_GPA + 10);

	/* A rule for one direction leaves the other alone, and beyond the rule is nothing. */
	read_msr(g, MSR_LSTAR);
	ASSERT_EQ(run(g), TVX_EXIT_RDMSR);
	read_msr(g, MSR_OURS + 2);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(idt_count(g), 1);
}

TEST_F(policy, msr_constant_and_fault)
{
	static const struct tvx_msr_rule rules[] = {
		{ MSR_APICBASE, 1, TVX_ACT_CONST, TVX_ACT_CONST, 0xfee00900 },
		{ MSR_KERNEL_GS, 1, TVX_ACT_FAULT, TVX_ACT_FAULT },
		/* The first that covers an MSR counts. */
		{ MSR_KERNEL_GS, 1, TVX_ACT_CONST, TVX_ACT_CONST, 5 },
	};
	struct guest *g = &self->g;

	ASSERT_EQ(set_msr_rules(g, rules, 3), 0);
	guest_vcpu(g);
	write_msr(g, MSR_APICBASE);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(idt_count(g), 0);
	read_msr(g, MSR_APICBASE);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(idt_count(g), 0);
	EXPECT_EQ(edx_eax(g), 0xfee00900);

	read_msr(g, MSR_KERNEL_GS);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, GP_VECTOR);
	EXPECT_EQ(came(g, 0)->error, 0);
	write_msr(g, MSR_KERNEL_GS);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, GP_VECTOR);
}

TEST_F(policy, msr_passed)
{
	static const struct tvx_msr_rule rule = { MSR_KERNEL_GS, 1, TVX_ACT_PASS, TVX_ACT_PASS };
	struct guest *g = &self->g;
	struct tvx_msr msr = { .index = MSR_KERNEL_GS, .value = 0x7000 };
	struct tvx_stats stats;

	ASSERT_EQ(set_msr_rules(g, &rule, 1), 0);
	guest_vcpu(g);
	ASSERT_EQ(tvx_vcpu_set_msrs(&g->vcpu, &msr, 1, NULL), 0);
	read_msr(g, MSR_KERNEL_GS);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(edx_eax(g), 0x7000);
	ASSERT_EQ(tvx_vcpu_get_stats(&g->vcpu, &stats), 0);
	EXPECT_EQ(stats.reason[31].count, 0);	/* exit reason RDMSR */
}

TEST_F(policy, msr_unknown)
{
	struct guest *g = &self->g;

	guest_vcpu(g);
	read_msr(g, MSR_UNKNOWN);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, GP_VECTOR);
	EXPECT_EQ(came(g, 0)->error, 0);
	EXPECT_EQ(came(g, 0)->rip, CODE_GPA);
	write_msr(g, MSR_UNKNOWN);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, GP_VECTOR);
}

TEST_F(policy, msr_rules_refused)
{
	static const struct {
		struct tvx_msr_rule rule;
		int err;
	} rows[] = {
		{ { MSR_UNKNOWN, 1, TVX_ACT_PASS, TVX_ACT_EXIT }, -EOPNOTSUPP },
		{ { 0xc0000080, 1, TVX_ACT_EXIT, TVX_ACT_PASS }, -EOPNOTSUPP },	/* EFER */
		{ { MSR_KERNEL_GS, 2, TVX_ACT_PASS, TVX_ACT_PASS }, -EOPNOTSUPP },
		{ { MSR_OURS, 0, TVX_ACT_EXIT, TVX_ACT_EXIT }, -EINVAL },
		{ { 0xffffffff, 2, TVX_ACT_EXIT, TVX_ACT_EXIT }, -EINVAL },
		{ { MSR_OURS, 1, TVX_ACT_PASS + 1, TVX_ACT_EXIT }, -EINVAL },
		{ { MSR_OURS, 1, TVX_ACT_EXIT, TVX_ACT_PASS + 1 }, -EINVAL },
		{ { 0xffffffff, 1, TVX_ACT_EXIT, TVX_ACT_EXIT }, 0 },
	};
	struct guest *g = &self->g;
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		EXPECT_EQ(set_msr_rules(g, &rows[i].rule, 1), rows[i].err) TH_LOG("row %u", i);
}

/* ---- ports ------------------------------------------------------------------------------- */

GUEST64(ports,
	"movabs $0x1111111111111111, %rax\nin $0x60, %al\nmov %rax, %rbx\n"
	"movabs $0x1111111111111111, %rax\nin $0x60, %ax\nmov %rax, %rcx\n"
	"movabs $0x1111111111111111, %rax\nin $0x60, %eax\nmov %rax, %rsi\n"
	"out %al, $0x61\n"
	"lea 1f(%rip), %r15\nout %al, $0x70\n1: lea 1f(%rip), %r15\nin $0x71, %al\n1: "
	"out %al, $0x80\nhlt");

TEST_F(policy, ports)
{
	static const struct tvx_io_rule rules[] = {
		{ .first = 0x60, .count = 2, .action = TVX_ACT_CONST, .value = 0x12345678 },
		{ .first = 0x70, .count = 2, .action = TVX_ACT_FAULT },
		{ .first = 0x60, .count = 0x21, .action = TVX_ACT_EXIT },
	};
	struct guest *g = &self->g;

	ASSERT_EQ(set_io_rules(g, rules, 3), 0);
	guest_vcpu(g);
	EXPECT_EQ(set_io_rules(g, rules, 3), -EBUSY);
	start_idt(g, ports);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->io.port, 0x80);
	EXPECT_EQ(reg(g, TVX_RBX), 0x1111111111111178);
	EXPECT_EQ(reg(g, TVX_RCX), 0x1111111111115678);
	EXPECT_EQ(reg(g, TVX_RSI), 0x12345678);
	ASSERT_EQ(idt_count(g), 2);
	EXPECT_EQ(came(g, 0)->vector, GP_VECTOR);
	EXPECT_EQ(came(g, 0)->error, 0);
	EXPECT_EQ(came(g, 1)->vector, GP_VECTOR);
}

TEST_F(policy, io_rules_refused)
{
	static const struct {
		struct tvx_io_rule rule;
		int err;
	} rows[] = {
		{ { .first = 1, .count = 1, .action = TVX_ACT_PASS }, -EOPNOTSUPP },
		{ { .first = 1, .count = 1, .action = TVX_ACT_PASS + 1 }, -EINVAL },
		{ { .first = 1, .count = 0, .action = TVX_ACT_EXIT }, -EINVAL },
		{ { .first = 1, .count = 0x10000, .action = TVX_ACT_EXIT }, -EINVAL },
		{ { .first = 1, .reserved = 1, .count = 1, .action = TVX_ACT_EXIT }, -EINVAL },
		{ { .first = 0, .count = 0x10000, .action = TVX_ACT_EXIT }, 0 },
	};
	struct guest *g = &self->g;
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		EXPECT_EQ(set_io_rules(g, &rows[i].rule, 1), rows[i].err) TH_LOG("row %u", i);
}

TEST_F(policy, policy_refused)
{
	static const struct {
		struct tvx_policy policy;
		int err;
	} rows[] = {
		{ { .flags = 1 }, -EINVAL },
		{ { .reserved = 1 }, -EINVAL },
		{ { .exits = TVX_WANT_WBINVD << 1 }, -EINVAL },
		{ { .hypercall = TVX_ACT_PASS + 1 }, -EINVAL },
		{ { .hypercall = TVX_ACT_PASS }, -EOPNOTSUPP },
		{ { .nr_msr_rules = TVX_MAX_RULES + 1 }, -EINVAL },
		{ { .nr_io_rules = TVX_MAX_RULES + 1 }, -EINVAL },
		{ { .nr_msr_rules = 1, .msr_rules = 8 }, -EFAULT },
		{ { .flags = 0 }, 0 },
	};
	struct guest *g = &self->g;
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		EXPECT_EQ(tvx_vm_set_policy(&g->vm, &rows[i].policy), rows[i].err)
			TH_LOG("row %u", i);
}

/* ---- exceptions -------------------------------------------------------------------------- */

GUEST64(raise_ud, "nop\nud2\nhlt");
GUEST64(raise_bp, "int3\nhlt");
GUEST32(unaligned, "mov $0x5001, %eax\nmov (%eax), %ebx\nhlt");
/* User mode's part of the error code is not there: CPL is 0. */
GUEST64(raise_pf, "movabs $0x7fff12345678, %rdi\nmovb $1, (%rdi)\nhlt");

#define AC_VECTOR	17
#define CR0_AM		(1u << 18)
#define RFLAGS_AC	(1u << 18)

static void intercept(struct guest *g, uint32_t exceptions)
{
	struct tvx_policy policy = { .exceptions = exceptions };

	must(tvx_vm_set_policy(&g->vm, &policy));
	guest_vcpu(g);
}

TEST_F(policy, exception_ud)
{
	struct guest *g = &self->g;

	intercept(g, 1u << UD_VECTOR);
	start_idt(g, raise_ud);
	ASSERT_EQ(run(g), TVX_EXIT_EXCEPTION);
	EXPECT_EQ(out(g)->exception.event.flags, TVX_EVENT_VALID);
	EXPECT_EQ(out(g)->exception.event.type, TVX_EVENT_EXCEPTION);
	EXPECT_EQ(out(g)->exception.event.vector, UD_VECTOR);
	EXPECT_EQ(out(g)->rip, CODE_GPA + 1);
	EXPECT_EQ(idt_count(g), 0);
	/* Handed on to the guest. */
	g->vcpu.run->in.event = out(g)->exception.event;
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, UD_VECTOR);
	EXPECT_EQ(came(g, 0)->rip, CODE_GPA + 1);
}

/* Alignment checks that the guest has turned on are its own, in user mode only. */
TEST_F(policy, exception_ac)
{
	struct guest *g = &self->g;
	struct tvx_state s;

	intercept(g, 1u << AC_VECTOR);
	start(g, GUEST_PROTECTED, unaligned);
	must(tvx_vcpu_get_state(&g->vcpu, &s, TVX_STATE_ALL));
	s.cr0 |= CR0_AM;
	s.rflags |= RFLAGS_AC;
	must(tvx_vcpu_set_state(&g->vcpu, &s));
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	start(g, GUEST_PROTECTED, unaligned);
	s.seg[TVX_CS].selector |= 3;
	s.seg[TVX_CS].ar |= 3 << 5;
	s.seg[TVX_SS].selector |= 3;
	s.seg[TVX_SS].ar |= 3 << 5;
	must(tvx_vcpu_set_state(&g->vcpu, &s));
	ASSERT_EQ(run(g), TVX_EXIT_EXCEPTION);
	EXPECT_EQ(out(g)->exception.event.vector, AC_VECTOR);
	EXPECT_EQ(out(g)->exception.event.flags, TVX_EVENT_VALID | TVX_EVENT_ERROR_CODE);
	EXPECT_EQ(out(g)->exception.event.error_code, 0);
	EXPECT_EQ(out(g)->rip, CODE_GPA + 5);
}

TEST_F(policy, exception_pf)
{
	struct guest *g = &self->g;
	struct tvx_state state;

	intercept(g, 1u << PF_VECTOR);
	start_idt(g, raise_pf);
	ASSERT_EQ(run(g), TVX_EXIT_EXCEPTION);
	EXPECT_EQ(out(g)->exception.event.flags, TVX_EVENT_VALID | TVX_EVENT_ERROR_CODE);
	EXPECT_EQ(out(g)->exception.event.vector, PF_VECTOR);
	EXPECT_EQ(out(g)->exception.event.error_code, 2);	/* write, not present */
	EXPECT_EQ(out(g)->exception.address, 0x7fff12345678);
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_CONTROL));
	state.cr2 = out(g)->exception.address;
	must(tvx_vcpu_set_state(&g->vcpu, &state));
	g->vcpu.run->in.event = out(g)->exception.event;
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, PF_VECTOR);
	EXPECT_EQ(came(g, 0)->error, 2);
	EXPECT_EQ(came(g, 0)->cr2, 0x7fff12345678);
}

TEST_F(policy, exception_bp)
{
	struct guest *g = &self->g;

	intercept(g, 1u << BP_VECTOR);
	start_idt(g, raise_bp);
	ASSERT_EQ(run(g), TVX_EXIT_EXCEPTION);
	EXPECT_EQ(out(g)->exception.event.type, TVX_EVENT_SOFT_EXCEPTION);
	EXPECT_EQ(out(g)->exception.event.vector, BP_VECTOR);
	EXPECT_EQ(out(g)->exception.event.insn_len, 1);
	EXPECT_EQ(out(g)->rip, CODE_GPA);
	g->vcpu.run->in.event = out(g)->exception.event;
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, BP_VECTOR);
	EXPECT_EQ(came(g, 0)->rip, CODE_GPA + 1);
	EXPECT_EQ(out(g)->rip, CODE_GPA + 2);
}

TEST_HARNESS_MAIN
