// SPDX-License-Identifier: GPL-2.0-only
/* One test for each family of exits. */
#include "tvx_test.h"

GUEST16(real_hlt, "mov $0x1234, %ax\nhlt\nmov $0x77, %bx\nhlt");
GUEST64(long_cpuid, "mov $0x40000000, %eax\ncpuid\nhlt");
GUEST64(long_vmcall, "mov $1, %eax\nvmcall\nhlt");
GUEST64(long_vmcall_twice, "mov $5, %eax\nvmcall\nmov %rax, %rbx\nhlt");
GUEST64(long_ud2, "ud2");

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

TEST_F(vm, cpuid_shows_our_signature)
{
	struct guest *g = &self->g;
	char signature[13] = "";
	uint32_t part;

	start(g, GUEST_LONG, long_cpuid);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	part = reg(g, TVX_RBX);
	memcpy(signature, &part, 4);
	part = reg(g, TVX_RCX);
	memcpy(signature + 4, &part, 4);
	EXPECT_STREQ(signature, "tinyvmx");
}

TEST_F(vm, vmcall_unknown_is_enosys)
{
	struct guest *g = &self->g;

	start(g, GUEST_LONG, long_vmcall);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ((int64_t)reg(g, TVX_RAX), -ENOSYS);
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

/* Before the first vCPU, so that the policy can be set. */
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

TEST_F(policy, vmcall_to_user_space)
{
	struct guest *g = &self->g;
	struct tvx_policy policy = { .hypercall = TVX_ACT_EXIT };

	ASSERT_EQ(tvx_vm_set_policy(&g->vm, &policy), 0);
	guest_vcpu(g);
	EXPECT_EQ(tvx_vm_set_policy(&g->vm, &policy), -EBUSY);
	start(g, GUEST_LONG, long_vmcall_twice);
	ASSERT_EQ(run(g), TVX_EXIT_HYPERCALL);
	EXPECT_EQ(reg(g, TVX_RAX), 5);
	tvx_set_gpr(&g->vcpu, TVX_RAX, 99);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RBX), 99);
}

TEST_HARNESS_MAIN
