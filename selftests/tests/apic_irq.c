// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interrupts that a local APIC takes: its own, messages, those of user space beside
 * them; and they move along with its state.
 */
#include "tvx_apic.h"

/* ---- interrupts of its own ---------------------------------------------------------------- */

GUEST64(self_ipis, X2APIC_ON "sti\n"
	WRITE_MSR(0x83f, 0x41) "nop\n" GET_IRQS("%r8")		/* SELF IPI */
	WRITE_MSR(0x830, 0x40042) "nop\n" GET_IRQS("%r9")	/* ICR, shorthand self */
	WRITE_MSR(0x830, 0x43) "nop\n" GET_IRQS("%r10")		/* ICR, its own id */
	WRITE_MSR(0x830, 0x80044) "nop\n" GET_IRQS("%r11")	/* ICR, all with self */
	WRITE_MSR(0x830, 0xc0045) "nop\n" DONE);			/* ICR, all but self */

TEST_F(apic, self_ipi)
{
	struct guest *g = &self->g;
	struct tvx_apic apic;

	start_apic(g, self_ipis);
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_EQ(reg(g, TVX_R8), 1);
	EXPECT_EQ(reg(g, TVX_R9), 2);
	EXPECT_EQ(reg(g, TVX_R10), 3);
	EXPECT_EQ(reg(g, TVX_R11), 4);
	ASSERT_EQ(irqs(g)->count, 4);
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(irqs(g)->irq[i].vector, 0x41 + i);
	apic = apic_of(g);
	EXPECT_FALSE(has_any(&apic.reg[REG_ISR]));
	EXPECT_FALSE(has_any(&apic.reg[REG_IRR]));
}

GUEST64(pending, X2APIC_ON
	WRITE_MSR(0x83f, 0x41) "nop\n nop\n"
	READ_MSR(0x822) "mov %rax, %r8\n" GET_IRQS("%r9")
	"sti\n 1: nop\n 2: nop\n"
	READ_MSR(0x822) "mov %rax, %r10\n lea 2b(%rip), %r11\n" DONE);

TEST_F(apic, waits_for_sti)
{
	struct guest *g = &self->g;

	start_apic(g, pending);
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_EQ(reg(g, TVX_R8), 1u << (0x41 - 0x40));
	EXPECT_EQ(reg(g, TVX_R9), 0);
	EXPECT_EQ(reg(g, TVX_R10), 0);
	ASSERT_EQ(irqs(g)->count, 1);
	/* Behind the instruction in the shadow of STI. */
	EXPECT_EQ(irqs(g)->irq[0].rip, reg(g, TVX_R11));
}

GUEST64(priorities, X2APIC_ON "sti\n" WRITE_MSR(0x808, 0x5f)
	WRITE_MSR(0x83f, 0x45) WRITE_MSR(0x83f, 0x55) "nop\n" GET_IRQS("%r8")
	WRITE_MSR(0x83f, 0x65) "nop\n" GET_IRQS("%r9")
	"mov %cr8, %r12\n"
	"mov $4, %eax\n mov %rax, %cr8\n nop\n" GET_IRQS("%r10")
	READ_MSR(0x808) "mov %rax, %r13\n"
	READ_MSR(0x80a) "mov %rax, %r14\n"
	WRITE_MSR(0x808, 0x3f) "nop\n" GET_IRQS("%r11")
	WRITE_MSR(0x808, 0) DONE);

TEST_F(apic, task_priority)
{
	struct guest *g = &self->g;
	static const uint8_t order[] = { 0x65, 0x55, 0x45 };

	start_apic(g, priorities);
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_EQ(reg(g, TVX_R8), 0);
	EXPECT_EQ(reg(g, TVX_R9), 1);
	EXPECT_EQ(reg(g, TVX_R10), 2);
	EXPECT_EQ(reg(g, TVX_R11), 3);
	ASSERT_EQ(irqs(g)->count, 3);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(irqs(g)->irq[i].vector, order[i]);
	EXPECT_EQ(reg(g, TVX_R12), 5);
	EXPECT_EQ(reg(g, TVX_R13), 0x40);
	EXPECT_EQ(reg(g, TVX_R14), 0x40);
}

/* Masked by the TPR, with IF 1: what is masked does not wake either. */
GUEST64(masked_halt, X2APIC_ON WRITE_MSR(0x808, 0x50)
	"sti\n hlt\n" GET_IRQS("%r8") WRITE_MSR(0x808, 0) "nop\n" DONE);

TEST_F(apic, what_the_tpr_masks_does_not_wake)
{
	struct guest *g = &self->g;
	struct runner r;

	start_apic(g, masked_halt);
	begin(&r, g);
	ASSERT_TRUE(sleeps(g, 1));
	EXPECT_EQ(msi(g, 0, 0x45), 1);
	usleep(20000);
	EXPECT_FALSE(r.done);
	EXPECT_EQ(msi(g, 0, 0x65), 1);
	EXPECT_TRUE(ends_done(&r));
	EXPECT_EQ(reg(g, TVX_R8), 1);
	ASSERT_EQ(irqs(g)->count, 2);
	EXPECT_EQ(irqs(g)->irq[0].vector, 0x65);
	EXPECT_EQ(irqs(g)->irq[1].vector, 0x45);
}

GUEST64(nest, X2APIC_ON "sti\n" WRITE_MSR(0x83f, 0x51) "nop\n" GET_IRQS("%r14") DONE);
GUEST64(nest_handler, "sti\n"
	WRITE_MSR(0x83f, 0x41) WRITE_MSR(0x83f, 0x5f) WRITE_MSR(0x83f, 0x61)
	"nop\n" GET_IRQS("%r8")
	READ_MSR(0x812) "mov %rax, %r9\n" READ_MSR(0x80a) "mov %rax, %r10\n"
	READ_MSR(0x822) "mov %rax, %r11\n"
	EOI "nop\n" GET_IRQS("%r12") "iretq\n");

TEST_F(apic, nests_by_class)
{
	struct guest *g = &self->g;
	static const uint8_t order[] = { 0x61, 0x5f, 0x41 };

	start_apic(g, nest);
	own_handler(g, 0x51, nest_handler_code, nest_handler_end);
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_EQ(reg(g, TVX_R8), 1);			/* the higher class */
	EXPECT_EQ(reg(g, TVX_R9), 1u << (0x51 - 0x40));	/* ISR: this one alone again */
	EXPECT_EQ(reg(g, TVX_R10), 0x50);
	EXPECT_EQ(reg(g, TVX_R11), 1u << 1 | 1u << 31);	/* IRR: the others */
	EXPECT_EQ(reg(g, TVX_R12), 3);			/* the EOI let them in */
	EXPECT_EQ(reg(g, TVX_R14), 3);
	ASSERT_EQ(irqs(g)->count, 3);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(irqs(g)->irq[i].vector, order[i]);
}

GUEST64(errors, X2APIC_ON WRITE_MSR(0x837, 0x71) "sti\n"
	WRITE_MSR(0x83f, 5) "nop\n" READ_MSR(0x828) "mov %rax, %r8\n"
	WRITE_MSR(0x828, 0) READ_MSR(0x828) "mov %rax, %r9\n"
	WRITE_MSR(0x828, 0) READ_MSR(0x828) "mov %rax, %r10\n" DONE);

TEST_F(apic, illegal_vector)
{
	struct guest *g = &self->g;

	start_apic(g, errors);
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_EQ(reg(g, TVX_R8), 0);		/* latched by a write only */
	EXPECT_EQ(reg(g, TVX_R9), 0x20);	/* send illegal vector */
	EXPECT_EQ(reg(g, TVX_R10), 0);
	ASSERT_EQ(irqs(g)->count, 1);
	EXPECT_EQ(irqs(g)->irq[0].vector, 0x71);
}

/* ---- messages ----------------------------------------------------------------------------- */

GUEST64(wait_one, X2APIC_ON "sti\n" WAIT_IRQS(1) DONE);
GUEST64(wait_two, X2APIC_ON "out %al, $0x80\n sti\n" WAIT_IRQS(1) "out %al, $0x81\n"
	WAIT_IRQS(2) DONE);

TEST_F(apic, message_to_a_running_guest)
{
	struct guest *g = &self->g;
	struct runner r;

	start_apic(g, wait_one);
	begin(&r, g);
	/* Before it is enabled by software an APIC takes none. */
	ASSERT_TRUE(WAIT_FOR(msi(g, 0, IRQ) == 1));
	EXPECT_TRUE(ends_done(&r));
	EXPECT_EQ(irqs(g)->of[IRQ], 1);
	EXPECT_EQ(irqs(g)->irq[0].vector, IRQ);
}

TEST_F(apic, who_takes_a_message)
{
	struct guest *g = &self->g;

	EXPECT_EQ(msi(g, 0, IRQ), 0);		/* not enabled by software */
	start_apic(g, wait_two);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(msi(g, 1, IRQ), 0);		/* nobody */
	EXPECT_EQ(msi(g, 0, 5), 0);		/* an illegal vector */
	EXPECT_EQ(msi(g, 0xff, 0x61), 1);	/* everybody */
	EXPECT_EQ(tvx_vm_msi(&g->vm, APIC_GPA | 1 << 12 | 4, 0x62), 1);	/* logical */
	EXPECT_EQ(tvx_vm_msi(&g->vm, APIC_GPA | 2 << 12 | 4, 0x63), 0);
	EXPECT_EQ(msi(g, 0, 0x200 | 0x64), 0);	/* SMI */
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(irqs(g)->count, 2);
	EXPECT_EQ(irqs(g)->irq[0].vector, 0x62);
	EXPECT_EQ(irqs(g)->irq[1].vector, 0x61);
}

/* The same vector before it is taken is the same interrupt. */
TEST_F(apic, messages_merge)
{
	struct guest *g = &self->g;

	start_apic(g, wait_two);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(msi(g, 0, IRQ), 1);
	EXPECT_TRUE(has_bit(&apic_of(g).reg[REG_IRR], IRQ));
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->io.port, 0x81);
	EXPECT_EQ(irqs(g)->count, 1);
}

TEST_F(apic, nmi_message)
{
	struct guest *g = &self->g;

	start_apic(g, wait_two);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	ASSERT_EQ(msi(g, 0, MSG_NMI), 1);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(msi(g, 0, IRQ), 1);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, NMI_VECTOR);
	EXPECT_EQ(irqs(g)->count, 1);
}

static void expect_eoi(struct __test_metadata *_metadata, struct guest *g, const char *eoi,
		       uint8_t vector)
{
	uint64_t behind = IRQ_COMMON_GPA + (eoi - irq_x2apic_code);

	ASSERT_EQ(run(g), TVX_EXIT_EOI);
	EXPECT_EQ(out(g)->eoi.vector, vector);
	EXPECT_EQ(out(g)->rip, behind);
	EXPECT_EQ(out(g)->next_rip, behind);
	EXPECT_EQ(out(g)->insn_len, 0);
}

GUEST64(wait_three, X2APIC_ON "sti\n out %al, $0x80\n" WAIT_IRQS(1) "out %al, $0x81\n"
	WAIT_IRQS(2) "out %al, $0x82\n" WAIT_IRQS(3) DONE);

TEST_F(apic, level_triggered)
{
	struct guest *g = &self->g;

	NEEDS_EOI_EXITS();
	start_apic(g, wait_three);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(msi(g, 0, MSG_LEVEL | IRQ), 1);
		tvx_skip_insn(&g->vcpu);
		expect_eoi(_metadata, g, irq_x2apic_eoi, IRQ);
		EXPECT_FALSE(has_any(&apic_of(g).reg[REG_ISR]));
		EXPECT_TRUE(has_bit(&apic_of(g).reg[REG_TMR], IRQ));
		ASSERT_EQ(run(g), TVX_EXIT_IO);
		EXPECT_EQ(out(g)->io.port, 0x81 + i);
		EXPECT_EQ(irqs(g)->count, i + 1);
	}
	/* An edge of the same vector tells nobody. */
	ASSERT_EQ(msi(g, 0, IRQ), 1);
	tvx_skip_insn(&g->vcpu);
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_FALSE(has_bit(&apic_of(g).reg[REG_TMR], IRQ));
}

/* ---- interrupts of user space's (an 8259's) beside it ------------------------------------- */

GUEST64(extint, X2APIC_ON WRITE_MSR(0x808, 0xff) "sti\n out %al, $0x80\n nop\n"
	"1: cmpl $1, %ds:0x300000\n jne 1b\n" DONE);
GUEST64(ext_handler, "movl $1, 0x300000\n" READ_MSR(0x811) "mov %rax, %r9\n"
	READ_MSR(0x80a) "mov %rax, %r10\n iretq\n");

TEST_F(apic, external_interrupt)
{
	struct guest *g = &self->g;

	start_apic(g, extint);
	own_handler(g, 0x23, ext_handler_code, ext_handler_end);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	tvx_skip_insn(&g->vcpu);
	/* No priority, no ISR, no EOI. */
	must(tvx_inject_intr(&g->vcpu, 0x23));
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_EQ(reg(g, TVX_R9), 0);
	EXPECT_EQ(reg(g, TVX_R10), 0xff);
}

GUEST64(both, X2APIC_ON WRITE_MSR(0x83f, 0x41) "out %al, $0x80\n sti\n nop\n" WAIT_IRQS(1) DONE);

TEST_F(apic, external_and_local)
{
	struct guest *g = &self->g;

	start_apic(g, both);
	own_handler(g, 0x23, ext_handler_code, ext_handler_end);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	tvx_skip_insn(&g->vcpu);
	must(tvx_inject_intr(&g->vcpu, 0x23));
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_EQ(*(uint32_t *)(g->mem + 0x300000), 1);
	EXPECT_EQ(irqs(g)->count, 1);
}

/* Who waits for an interrupt window gets it, though the guest sleeps at the end of it. */
GUEST64(window_halt, X2APIC_ON "out %al, $0x80\n sti\n hlt\n" DONE);

TEST_F(apic, interrupt_window_of_a_sleeper)
{
	struct guest *g = &self->g;
	struct runner r;

	start_apic(g, window_halt);
	own_handler(g, 0x23, ext_handler_code, ext_handler_end);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->flags & TVX_OUT_INTR_OPEN, 0);
	tvx_skip_insn(&g->vcpu);
	g->vcpu.run->in.requests = TVX_REQ_INTR_WINDOW;
	for (int i = 0; i < 2; i++) {
		begin(&r, g);
		ASSERT_EQ(end(&r), 0);
		ASSERT_EQ(out(g)->exit, TVX_EXIT_INTR_WINDOW);
		EXPECT_EQ(out(g)->flags & TVX_OUT_INTR_OPEN, TVX_OUT_INTR_OPEN);
	}
	g->vcpu.run->in.requests = 0;
	must(tvx_inject_intr(&g->vcpu, 0x23));
	begin(&r, g);
	EXPECT_TRUE(ends_done(&r));
	EXPECT_EQ(*(uint32_t *)(g->mem + 0x300000), 1);
}

/* ---- out and in --------------------------------------------------------------------------- */

GUEST64(to_be_moved, X2APIC_ON WRITE_MSR(0x808, 0x20) WRITE_MSR(0x83f, 0x41)
	WRITE_MSR(0x83e, 0xb) WRITE_MSR(0x832, 0x51) TSC("%r8") WRITE_MSR(0x838, 5000000)
	"out %al, $0x80\n");
GUEST64(moved, "sti\n nop\n" GET_IRQS("%r8") READ_MSR(0x808) "mov %rax, %r9\n"
	WAIT_IRQS(2) DONE);

TEST_F(apic, moves_to_another_vcpu)
{
	struct guest *g = &self->g, other;
	struct tvx_apic apic, again;

	start_apic(g, to_be_moved);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	apic = apic_of(g);
	EXPECT_EQ(apic.base, BASE_OF_BSP | X2APIC);
	EXPECT_EQ(apic.reg[REG_TPR], 0x20);
	EXPECT_EQ(apic.reg[REG_LDR], 1);
	EXPECT_EQ(apic.reg[REG_LVTT], TIMER_IRQ);
	EXPECT_TRUE(has_bit(&apic.reg[REG_IRR], IRQ));
	EXPECT_GT(apic.timer, 0);
	EXPECT_LE(apic.timer, 5000000);

	guest_open_flags(&other, TVX_VM_APIC);
	guest_vcpu(&other);
	start_apic(&other, moved);
	EXPECT_EQ(tvx_vcpu_set_apic(&other.vcpu, &apic), 0);
	again = apic_of(&other);
	EXPECT_EQ(again.base, apic.base);
	EXPECT_LE(again.timer, apic.timer);
	EXPECT_GT(again.timer, 0);
	apic.reg[REG(0x390)] = again.reg[REG(0x390)];
	EXPECT_EQ(memcmp(again.reg, apic.reg, sizeof(apic.reg)), 0);
	EXPECT_EQ(run(&other), TVX_EXIT_IO);
	EXPECT_TRUE(is_done(&other));
	EXPECT_EQ(reg(&other, TVX_R8), 1);
	EXPECT_EQ(reg(&other, TVX_R9), 0x20);
	EXPECT_EQ(irqs(&other)->irq[0].vector, IRQ);
	EXPECT_EQ(irqs(&other)->irq[1].vector, TIMER_IRQ);
	guest_close(&other);
}

/* One in service, one that waits behind it; level triggered. */
GUEST64(in_service, X2APIC_ON "sti\n out %al, $0x80\n 1: jmp 1b\n");
GUEST64(stop_handler, "out %al, $0x81\n");
GUEST64(end_it, EOI "sti\n nop\n" GET_IRQS("%r8") DONE);

TEST_F(apic, moves_with_one_in_service)
{
	struct guest *g = &self->g, other;
	struct tvx_apic apic;

	NEEDS_EOI_EXITS();
	start_apic(g, in_service);
	own_handler(g, 0x61, stop_handler_code, stop_handler_end);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	ASSERT_EQ(msi(g, 0, MSG_LEVEL | 0x61), 1);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->io.port, 0x81);
	ASSERT_EQ(msi(g, 0, 0x62), 1);
	apic = apic_of(g);
	EXPECT_TRUE(has_bit(&apic.reg[REG_ISR], 0x61));
	EXPECT_TRUE(has_bit(&apic.reg[REG_TMR], 0x61));
	EXPECT_TRUE(has_bit(&apic.reg[REG_IRR], 0x62));

	guest_open_flags(&other, TVX_VM_APIC);
	guest_vcpu(&other);
	start_apic(&other, end_it);
	EXPECT_EQ(tvx_vcpu_set_apic(&other.vcpu, &apic), 0);
	EXPECT_EQ(run(&other), TVX_EXIT_EOI);
	EXPECT_EQ(out(&other)->eoi.vector, 0x61);
	EXPECT_EQ(irqs(&other)->count, 0);
	EXPECT_EQ(run(&other), TVX_EXIT_IO);
	EXPECT_EQ(reg(&other, TVX_R8), 1);
	EXPECT_EQ(irqs(&other)->irq[0].vector, 0x62);
	guest_close(&other);
}

TEST_HARNESS_MAIN
