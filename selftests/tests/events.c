// SPDX-License-Identifier: GPL-2.0-only
/* Events into the guest: priorities, windows, shadows, HLT. */
#include "tvx_idt.h"

#define IRQ		0x40

/* exit reasons */
#define INTR_WINDOW	7
#define NMI_WINDOW	8

/* The test's own handler, that shows itself to user space. */
GUEST64(handler_out, "out %al, $0x81\niretq");

/* ---- injection --------------------------------------------------------------------------- */

GUEST64(nops, "nop\nnop\nhlt\nnop\nhlt");
GUEST64(endless, "1: jmp 1b");

TEST_F(vm, inject_exceptions)
{
	struct guest *g = &self->g;

	start_idt(g, nops);
	must(tvx_inject_exception(&g->vcpu, UD_VECTOR));
	EXPECT_EQ(tvx_inject_exception(&g->vcpu, UD_VECTOR), -EBUSY);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, UD_VECTOR);
	EXPECT_EQ(came(g, 0)->rip, CODE_GPA);

	start_idt(g, nops);
	must(tvx_inject_exception_error(&g->vcpu, GP_VECTOR, 0x1230));
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, GP_VECTOR);
	EXPECT_EQ(came(g, 0)->error, 0x1230);
}

TEST_F(vm, inject_interrupt_and_nmi)
{
	struct guest *g = &self->g;

	start_idt(g, nops);
	set_if(g);
	must(tvx_inject_intr(&g->vcpu, IRQ));
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(out(g)->rip, CODE_GPA + 3);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, IRQ);
	EXPECT_EQ(came(g, 0)->rip, CODE_GPA);

	/* IF does not block an NMI. */
	start_idt(g, nops);
	must(tvx_inject_nmi(&g->vcpu));
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, NMI_VECTOR);
}

static int queue(struct guest *g, uint8_t type, uint8_t vector)
{
	int err;

	g->vcpu.run->in.immediate_exit = 1;
	g->vcpu.run->in.event = (struct tvx_event){
		.flags = TVX_EVENT_VALID, .type = type, .vector = vector };
	err = tvx_vcpu_run(&g->vcpu);
	g->vcpu.run->in.immediate_exit = 0;
	g->vcpu.run->in.event.flags = 0;
	return err;
}

/* One of each class waits; they go in by priority, each on top of the one before. */
TEST_F(vm, queue_of_each_class)
{
	struct guest *g = &self->g;

	start_idt(g, nops);
	set_if(g);
	ASSERT_EQ(queue(g, TVX_EVENT_INTR, IRQ), -EINTR);
	EXPECT_EQ(out(g)->flags & TVX_OUT_PENDING_INTR, TVX_OUT_PENDING_INTR);
	EXPECT_EQ(queue(g, TVX_EVENT_INTR, IRQ + 1), -EBUSY);
	ASSERT_EQ(queue(g, TVX_EVENT_NMI, NMI_VECTOR), -EINTR);
	ASSERT_EQ(queue(g, TVX_EVENT_EXCEPTION, DB_VECTOR), -EINTR);
	EXPECT_EQ(queue(g, TVX_EVENT_EXCEPTION, UD_VECTOR), -EBUSY);
	EXPECT_EQ(out(g)->flags & (TVX_OUT_PENDING_INTR | TVX_OUT_PENDING_NMI |
				   TVX_OUT_PENDING_EXC),
		  TVX_OUT_PENDING_INTR | TVX_OUT_PENDING_NMI | TVX_OUT_PENDING_EXC);
	EXPECT_EQ(queue(g, TVX_EVENT_NMI, 3), -EINVAL);
	EXPECT_EQ(queue(g, TVX_EVENT_EXCEPTION, 32), -EINVAL);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(out(g)->flags & TVX_OUT_PENDING_INTR, 0);
	ASSERT_EQ(idt_count(g), 3);
	/* The exception first, and the NMI before its handler's first instruction. */
	EXPECT_EQ(came(g, 0)->vector, NMI_VECTOR);
	EXPECT_EQ(came(g, 0)->rip, STUBS_GPA + STUB_SIZE * DB_VECTOR);
	EXPECT_EQ(came(g, 1)->vector, DB_VECTOR);
	EXPECT_EQ(came(g, 1)->rip, CODE_GPA);
	EXPECT_EQ(came(g, 2)->vector, IRQ);
}

/* ---- windows and shadows ----------------------------------------------------------------- */

GUEST64(open_if, "out %al, $0x80\nsti\nnop\nnop\nhlt");
GUEST64(sti_out, "sti\nout %al, $0x80\nnop\nhlt");
GUEST64(mov_ss_out, "mov $0x10, %eax\nmov %eax, %ss\nout %al, $0x80\nnop\nhlt");

TEST_F(vm, interrupt_waits_for_sti)
{
	struct guest *g = &self->g;

	start_idt(g, open_if);
	must(tvx_inject_intr(&g->vcpu, IRQ));
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->flags, TVX_OUT_PENDING_INTR);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, IRQ);
	/* Behind the instruction in the shadow of STI. */
	EXPECT_EQ(came(g, 0)->rip, CODE_GPA + 4);
	EXPECT_EQ(out(g)->flags, TVX_OUT_INTR_OPEN);
}

TEST_F(vm, interrupt_window)
{
	struct guest *g = &self->g;

	start_idt(g, open_if);
	g->vcpu.run->in.requests = TVX_REQ_INTR_WINDOW;
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->flags & TVX_OUT_INTR_OPEN, 0);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_INTR_WINDOW);
	EXPECT_EQ(out(g)->rip, CODE_GPA + 4);
	EXPECT_EQ(out(g)->flags & TVX_OUT_INTR_OPEN, TVX_OUT_INTR_OPEN);
	/* The request stays in force. */
	ASSERT_EQ(run(g), TVX_EXIT_INTR_WINDOW);
	g->vcpu.run->in.requests = 0;
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(idt_count(g), 0);
}

static void shadow_test(struct __test_metadata *_metadata, struct guest *g, uint32_t which)
{
	uint64_t rip;

	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(shadow(g), which);
	EXPECT_EQ(out(g)->flags & TVX_OUT_INTR_OPEN, 0);
	rip = out(g)->rip;
	/* The same instruction again, and still in the shadow. */
	must(tvx_inject_intr(&g->vcpu, IRQ));
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->rip, rip);
	EXPECT_EQ(idt_count(g), 0);
	EXPECT_EQ(out(g)->flags, TVX_OUT_PENDING_INTR);
	/* The shadow ends with the instruction, whoever executes it. */
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->rip, rip + 2);
}

TEST_F(vm, sti_shadow)
{
	start_idt(&self->g, sti_out);
	shadow_test(_metadata, &self->g, TVX_SHADOW_STI);
}

TEST_F(vm, mov_ss_shadow)
{
	start_idt(&self->g, mov_ss_out);
	set_if(&self->g);
	shadow_test(_metadata, &self->g, TVX_SHADOW_MOV_SS);
}

/* As behind an STI. */
static void sti_at(struct guest *g, uint64_t rip)
{
	struct tvx_state state;

	set_if(g);
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_GPRS | TVX_STATE_EVENTS));
	state.rip = rip;
	state.shadow = TVX_SHADOW_STI;
	must(tvx_vcpu_set_state(&g->vcpu, &state));
}

/*
 * An NMI in the shadow of STI comes behind the instruction in it.  No NMI-window exit may be
 * asked for there: a processor may take it at once, and for ever.
 */
TEST_F(vm, nmi_in_sti_shadow)
{
	struct tvx_stats before, after;
	struct guest *g = &self->g;

	start_idt(g, nops);
	sti_at(g, CODE_GPA);
	must(tvx_vcpu_get_stats(&g->vcpu, &before));
	must(tvx_inject_nmi(&g->vcpu));
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	must(tvx_vcpu_get_stats(&g->vcpu, &after));
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, NMI_VECTOR);
	EXPECT_EQ(came(g, 0)->rip, CODE_GPA + 1);
	EXPECT_EQ(after.reason[NMI_WINDOW].count, before.reason[NMI_WINDOW].count);
	/* None if an interrupt of the host's ended the shadow first. */
	EXPECT_LE(after.reason[INTR_WINDOW].count, before.reason[INTR_WINDOW].count + 1);
}

/* User space's window is not there before the shadow has ended. */
TEST_F(vm, nmi_window_after_sti)
{
	struct guest *g = &self->g;

	if (!has_feature(g, TVX_FEAT_VNMI))
		SKIP(return, "no virtual NMIs");
	start_idt(g, nops);
	sti_at(g, CODE_GPA);
	g->vcpu.run->in.requests = TVX_REQ_NMI_WINDOW;
	ASSERT_EQ(run(g), TVX_EXIT_NMI_WINDOW);
	EXPECT_EQ(out(g)->rip, CODE_GPA + 1);
	EXPECT_EQ(shadow(g), 0);
}

TEST_F(vm, nmi_blocked_until_iret)
{
	struct guest *g = &self->g;

	if (!has_feature(g, TVX_FEAT_VNMI))
		SKIP(return, "no virtual NMIs");
	start_idt(g, nops);
	own_handler(g, NMI_VECTOR, handler_out_code, handler_out_end);
	must(tvx_inject_nmi(&g->vcpu));
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->rip, HANDLER_GPA);
	EXPECT_EQ(shadow(g), TVX_SHADOW_NMI);
	must(tvx_inject_nmi(&g->vcpu));
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->flags & TVX_OUT_PENDING_NMI, TVX_OUT_PENDING_NMI);
	EXPECT_EQ(reg(g, TVX_RSP), STACK_GPA - 40);
	tvx_skip_insn(&g->vcpu);
	/* The IRET lets the second one in, on the frame of the first. */
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->rip, HANDLER_GPA);
	EXPECT_EQ(out(g)->flags & TVX_OUT_PENDING_NMI, 0);
	EXPECT_EQ(reg(g, TVX_RSP), STACK_GPA - 40);
	g->vcpu.run->in.requests = TVX_REQ_NMI_WINDOW;
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_NMI_WINDOW);
	EXPECT_EQ(out(g)->rip, CODE_GPA);
	EXPECT_EQ(shadow(g), 0);
	g->vcpu.run->in.requests = 0;
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
}

/* ---- HLT --------------------------------------------------------------------------------- */

GUEST64(sti_hlt, "sti\nhlt\nmov $1, %ebx\nhlt");
GUEST64(cli_hlt, "hlt\nmov $1, %ebx\nhlt");

TEST_F(vm, hlt_and_interrupt)
{
	struct guest *g = &self->g;

	start_idt(g, sti_hlt);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(out(g)->flags, TVX_OUT_INTR_OPEN);
	must(tvx_inject_intr(&g->vcpu, IRQ));
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RBX), 1);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->rip, CODE_GPA + 2);
}

TEST_F(vm, hlt_and_nmi)
{
	struct guest *g = &self->g;

	start_idt(g, cli_hlt);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	/* An interrupt does not wake it with IF 0, and waits. */
	must(tvx_inject_intr(&g->vcpu, IRQ));
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RBX), 0);
	EXPECT_EQ(out(g)->flags, TVX_OUT_PENDING_INTR);
	must(tvx_inject_nmi(&g->vcpu));
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RBX), 1);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, NMI_VECTOR);
	EXPECT_EQ(came(g, 0)->rip, CODE_GPA + 1);
}

TEST_HARNESS_MAIN
