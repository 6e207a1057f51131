// SPDX-License-Identifier: GPL-2.0-only
/* What exits get wrong easily. */
#include "tvx_test.h"

GUEST16(one_hlt, "hlt");
GUEST64(touch_then_in, "movl $1, 0x200000\nin $0x10, %al\nhlt");
GUEST32(user_xsetbv, "xor %ecx, %ecx\nxor %edx, %edx\nmov $1, %eax\nxsetbv\nout %al, $0x10\nhlt");
GUEST64(bad_cr3, "mov $1, %rax\nshl $60, %rax\nmov %rax, %cr3\nhlt");
/* At offset 0x40 the handler of #DB: keep DR6, say that it was here. */
GUEST16(step_hlt, "pushf\npop %ax\nor $0x100, %ax\npush %ax\npopf\nhlt\nhlt\n"
	".skip 0x40 - (. - step_hlt_code), 0x90\nmov %dr6, %ebx\nmov $0x55, %ax\nhlt");
GUEST16(sticky_dr6, "mov $0xffff2ff0, %eax\nmov %eax, %dr6\npushf\npop %ax\nor $0x100, %ax\n"
	"push %ax\npopf\nnop\nnop\nhlt\n.skip 0x40 - (. - sticky_dr6_code), 0x90\nmov %dr6, %ebx\nmov $0x55, %ax\nhlt");

static void db_vector(struct guest *g)
{
	uint16_t ivt[2] = { 0x40, CODE_GPA >> 4 };

	memcpy(g->mem + 4, ivt, sizeof(ivt));
}

TEST_F(vm, hlt_next_rip_is_rip)
{
	struct guest *g = &self->g;

	if (!has_feature(g, TVX_FEAT_UNRESTRICTED))
		SKIP(return, "no unrestricted guest");
	start(g, GUEST_REAL, one_hlt);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(out(g)->rip, 1);
	EXPECT_EQ(out(g)->next_rip, out(g)->rip);
}

TEST_F(vm, no_leftovers_in_io)
{
	struct guest *g = &self->g;

	start(g, GUEST_LONG, touch_then_in);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->io.port, 0x10);
	EXPECT_EQ(out(g)->io.gla, 0);
	EXPECT_EQ(out(g)->io.value, 0);
}

TEST_F(vm, xsetbv_in_user_mode_is_gp)
{
	struct guest *g = &self->g;
	struct tvx_state s;

	if (!g->dev.info.xcr0)
		SKIP(return, "no XSAVE");
	start(g, GUEST_PROTECTED, user_xsetbv);
	must(tvx_vcpu_get_state(&g->vcpu, &s, TVX_STATE_ALL));
	s.cr4 |= 1 << 18;
	s.xcr0 = 3;
	s.rflags |= 3 << 12;
	s.seg[TVX_CS].selector |= 3;
	s.seg[TVX_CS].ar |= 3 << 5;
	s.seg[TVX_SS].selector |= 3;
	s.seg[TVX_SS].ar |= 3 << 5;
	must(tvx_vcpu_set_state(&g->vcpu, &s));
	ASSERT_EQ(run(g), TVX_EXIT_SHUTDOWN);
	EXPECT_EQ(out(g)->rip, CODE_GPA + 9);
	must(tvx_vcpu_get_state(&g->vcpu, &s, TVX_STATE_ALL));
	EXPECT_EQ(s.xcr0, 3);
}

TEST_F(vm, single_step_over_hlt_wakes)
{
	struct guest *g = &self->g;

	if (!has_feature(g, TVX_FEAT_UNRESTRICTED))
		SKIP(return, "no unrestricted guest");
	db_vector(g);
	start(g, GUEST_REAL, step_hlt);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX) & 0xffff, 0x55);
	EXPECT_EQ(reg(g, TVX_RBX) & 0x6000, 0x4000);
}

TEST_F(vm, dr6_is_sticky)
{
	struct guest *g = &self->g;

	if (!has_feature(g, TVX_FEAT_UNRESTRICTED))
		SKIP(return, "no unrestricted guest");
	db_vector(g);
	start(g, GUEST_REAL, sticky_dr6);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX) & 0xffff, 0x55);
	EXPECT_EQ(reg(g, TVX_RBX) & 0x6000, 0x6000);
}

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

TEST_F(policy, reserved_cr3_is_gp)
{
	struct guest *g = &self->g;
	struct tvx_policy policy = { .exits = TVX_WANT_CR3 };

	ASSERT_EQ(tvx_vm_set_policy(&g->vm, &policy), 0);
	guest_vcpu(g);
	start(g, GUEST_LONG, bad_cr3);
	ASSERT_EQ(run(g), TVX_EXIT_SHUTDOWN);
}

TEST_HARNESS_MAIN
