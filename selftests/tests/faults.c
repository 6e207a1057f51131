// SPDX-License-Identifier: GPL-2.0-only
/*
 * A sandbox: no IDT, and each exception is user space's to see, whoever raises it. What the
 * module raises in the CPU's place looks as the CPU's own.
 */
#include "tvx_idt.h"

#define RF		0x10000u
#define PAGE_USER	4ull

FIXTURE(faults) {
	struct guest g;
};

FIXTURE_SETUP(faults)
{
	static const struct tvx_io_rule no_port = { 0x33, 0, 1, TVX_ACT_FAULT, 0 };
	const struct tvx_policy policy = {
		.exceptions = ~0u, .hypercall = TVX_ACT_FAULT,
		.nr_io_rules = 1, .io_rules = (uintptr_t)&no_port,
	};

	guest_open(&self->g);
	must(tvx_vm_set_policy(&self->g.vm, &policy));
	guest_vcpu(&self->g);
}

FIXTURE_TEARDOWN(faults)
{
	guest_close(&self->g);
}

/* Each access may come from ring 3 now. */
static void open_tables(struct guest *g)
{
	uint64_t *entry = (uint64_t *)(g->mem + TABLES_GPA), *end;

	/* The last page is the GDT. */
	end = entry + (tvx_long_tables_size(&g->vm) - 0x1000) / sizeof(*entry);
	for (; entry < end; entry++)
		if (*entry & 1)
			*entry |= PAGE_USER;
}

static void to_ring3(struct guest *g)
{
	struct tvx_state state;
	unsigned int i;

	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_SEGMENTS));
	for (i = TVX_ES; i <= TVX_GS; i++) {
		state.seg[i].ar |= 0x60;
		state.seg[i].selector |= 3;
	}
	must(tvx_vcpu_set_state(&g->vcpu, &state));
}

/* The fault of the instruction at @rip, and none of it sticks to the vCPU. */
static void check_fault(struct __test_metadata *_metadata, struct guest *g, const char *what,
			uint8_t vector, uint64_t rip)
{
	const struct tvx_event *e = &out(g)->exception.event;
	struct tvx_state state;

	ASSERT_EQ(run(g), TVX_EXIT_EXCEPTION) TH_LOG("%s", what);
	EXPECT_EQ(e->vector, vector) TH_LOG("%s", what);
	EXPECT_EQ(e->type, TVX_EVENT_EXCEPTION);
	EXPECT_EQ(e->flags, vector == GP_VECTOR ? TVX_EVENT_VALID | TVX_EVENT_ERROR_CODE :
		  TVX_EVENT_VALID) TH_LOG("%s", what);
	EXPECT_EQ(e->error_code, 0);
	EXPECT_EQ(out(g)->exception.address, 0);
	EXPECT_EQ(out(g)->rip, rip) TH_LOG("%s", what);
	EXPECT_EQ(out(g)->next_rip, rip);
	EXPECT_EQ(out(g)->flags & (TVX_OUT_PENDING_EXC | TVX_OUT_PENDING_NMI |
				   TVX_OUT_PENDING_INTR), 0);
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_EVENTS));
	EXPECT_EQ(state.injected.flags, 0) TH_LOG("%s", what);
	EXPECT_EQ(state.exception.flags, 0) TH_LOG("%s", what);
}

/* ---- whatever raises it ------------------------------------------------------------------ */

/* One NOP, so that RIP says something, and what to do in the next call. */
#define FAULT(name, insn) GUEST64(name, "nop\n" insn "\nhlt\n")
FAULT(ud_vmread, "vmread %rax, %rbx");
FAULT(ud_vmcall, "vmcall");
FAULT(ud_vmxoff, "vmxoff");
FAULT(ud_ud2, "ud2");
FAULT(gp_rdpmc, "rdpmc");
FAULT(gp_rdmsr, "rdmsr");
FAULT(gp_wrmsr, "wrmsr");
FAULT(gp_port, "out %al, $0x33");
FAULT(gp_cr0, "mov %r8, %cr0");
FAULT(gp_cr3, "mov %r9, %cr3");
FAULT(gp_cr4, "mov %r9, %cr4");
FAULT(gp_cr8, "mov %r9, %cr8");
FAULT(gp_xsetbv, "xsetbv");
GUEST64(fine, "hlt");

#define ROW_OF(by_cpu, name, vector) { #name, vector, by_cpu, name##_code, name##_end }
#define ROW(name, vector) ROW_OF(false, name, vector)
#define ROW_BY_CPU(name, vector) ROW_OF(true, name, vector)
static const struct row {
	const char *name;
	uint8_t vector;
	bool may_be_the_cpus;
	const char *code, *end;
} rows[] = {
	ROW_BY_CPU(ud_ud2, UD_VECTOR), ROW(ud_vmread, UD_VECTOR), ROW(ud_vmcall, UD_VECTOR),
	ROW(ud_vmxoff, UD_VECTOR), ROW(gp_rdpmc, GP_VECTOR), ROW(gp_rdmsr, GP_VECTOR),
	ROW(gp_wrmsr, GP_VECTOR), ROW(gp_port, GP_VECTOR), ROW(gp_cr0, GP_VECTOR),
	ROW_BY_CPU(gp_cr3, GP_VECTOR), ROW(gp_cr4, GP_VECTOR), ROW_BY_CPU(gp_cr8, GP_VECTOR),
	ROW(gp_xsetbv, GP_VECTOR),
};

static void start_row(struct guest *g, const struct row *r)
{
	struct tvx_state state;

	guest_start(g, GUEST_LONG, r->code, r->end);
	tvx_set_gpr(&g->vcpu, TVX_RCX, 0xc0000999);	/* no MSR, no XCR */
	tvx_set_gpr(&g->vcpu, TVX_R8, 0x80000000);	/* PG without PE */
	tvx_set_gpr(&g->vcpu, TVX_R9, ~0ull << 60);	/* reserved everywhere */
	if (strcmp(r->name, "gp_xsetbv"))
		return;
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_CONTROL));
	state.cr4 |= 1u << 18;				/* OSXSAVE */
	must(tvx_vcpu_set_state(&g->vcpu, &state));
}

TEST_F(faults, of_the_modules_making_are_user_spaces)
{
	struct guest *g = &self->g;
	const struct row *r;

	for (r = rows; r < rows + ARRAY_SIZE(rows); r++) {
		if (!strcmp(r->name, "gp_xsetbv") && !has_feature(g, TVX_FEAT_XSAVE))
			continue;
		start_row(g, r);
		check_fault(_metadata, g, r->name, r->vector, CODE_GPA + 1);
		/* Bochs 2.7 does not set it for what the CPU raises. */
		if (!r->may_be_the_cpus)
			EXPECT_EQ(out(g)->rflags & RF, RF) TH_LOG("%s", r->name);
		/* The next call knows nothing of it. */
		start(g, GUEST_LONG, fine);
		ASSERT_EQ(run(g), TVX_EXIT_HLT) TH_LOG("after %s", r->name);
	}
}

GUEST16(real_rdpmc, "nop\nrdpmc\nhlt");

TEST_F(faults, in_real_mode_without_error_code)
{
	struct guest *g = &self->g;

	if (!has_feature(g, TVX_FEAT_UNRESTRICTED))
		SKIP(return, "no unrestricted guest");
	start(g, GUEST_REAL, real_rdpmc);
	ASSERT_EQ(run(g), TVX_EXIT_EXCEPTION);
	EXPECT_EQ(out(g)->exception.event.vector, GP_VECTOR);
	EXPECT_EQ(out(g)->exception.event.flags, TVX_EVENT_VALID);
}

/* Handed back, the guest gets it where it would have been. */
TEST_F(faults, given_back_to_the_guest)
{
	struct guest *g = &self->g;

	start_idt(g, gp_rdpmc);
	ASSERT_EQ(run(g), TVX_EXIT_EXCEPTION);
	g->vcpu.run->in.event = out(g)->exception.event;
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, GP_VECTOR);
	EXPECT_EQ(came(g, 0)->rip, CODE_GPA + 1);
	EXPECT_EQ(came(g, 0)->error, 0);
}

/* ---- ring 3 on what libtvx sets up --------------------------------------------------------- */

static void start_ring3(struct guest *g, const char *code, const char *end)
{
	guest_start(g, GUEST_LONG, code, end);
	open_tables(g);
	to_ring3(g);
}

TEST_F(faults, vmx_instructions_in_ring3)
{
	struct guest *g = &self->g;

	start_ring3(g, ud_vmread_code, ud_vmread_end);
	check_fault(_metadata, g, "VMREAD", UD_VECTOR, CODE_GPA + 1);
	/* HLT in ring 3 is the CPU's own. */
	start_ring3(g, fine_code, fine_end);
	check_fault(_metadata, g, "HLT", GP_VECTOR, CODE_GPA);
}

GUEST64(out64, "nop\nout %al, $0x80\nhlt");
GUEST64(out64_high, "mov $0xffff, %edx\nout %al, %dx\nhlt");
GUEST32(out32, "nop\nout %al, $0x80\nhlt");

/* Page 0 is full of zeros: a bitmap there would open all ports. */
TEST_F(faults, ring3_has_no_ports)
{
	struct guest *g = &self->g;

	start_ring3(g, out64_code, out64_end);
	check_fault(_metadata, g, "OUT in 64-bit mode", GP_VECTOR, CODE_GPA + 1);
	start_ring3(g, out64_high_code, out64_high_end);
	check_fault(_metadata, g, "OUT to the last port", GP_VECTOR, CODE_GPA + 5);
	start(g, GUEST_PROTECTED, out32);
	to_ring3(g);
	check_fault(_metadata, g, "OUT in protected mode", GP_VECTOR, CODE_GPA + 1);
	/* In ring 0 they are there. */
	start(g, GUEST_LONG, out64);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
}

TEST_HARNESS_MAIN
