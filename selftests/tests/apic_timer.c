// SPDX-License-Identifier: GPL-2.0-only
/* A local APIC's timer; and how a vCPU that has one sleeps, and what wakes it. */
#include "tvx_apic.h"

/* ---- timer -------------------------------------------------------------------------------- */

#define COUNT		200000	/* 4 ms in the emulated host */

GUEST64(one_shot, X2APIC_ON "sti\n"
	WRITE_MSR(0x83e, 0xb) WRITE_MSR(0x832, 0x51) TSC("%r8") WRITE_MSR(0x838, COUNT)
	READ_MSR(0x839) "mov %rax, %r9\n"
	WAIT_IRQS(1) READ_MSR(0x839) "mov %rax, %r10\n" DELAY(2 * COUNT) DONE);

TEST_F(apic, timer_one_shot)
{
	struct guest *g = &self->g;

	start_apic(g, one_shot);
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_EQ(irqs(g)->count, 1);
	EXPECT_EQ(irqs(g)->irq[0].vector, TIMER_IRQ);
	EXPECT_TRUE(in_time(irqs(g)->irq[0].tsc, reg(g, TVX_R8) + COUNT));
	EXPECT_LE(reg(g, TVX_R9), COUNT);
	EXPECT_GT(reg(g, TVX_R9), 0);
	EXPECT_EQ(reg(g, TVX_R10), 0);
}

GUEST64(divided, X2APIC_ON "sti\n"
	WRITE_MSR(0x83e, 3) WRITE_MSR(0x832, 0x51) TSC("%r8") WRITE_MSR(0x838, COUNT / 16)
	WAIT_IRQS(1) DONE);

TEST_F(apic, timer_divides)
{
	struct guest *g = &self->g;

	start_apic(g, divided);
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_TRUE(in_time(irqs(g)->irq[0].tsc, reg(g, TVX_R8) + COUNT));
}

GUEST64(periodic, X2APIC_ON "sti\n"
	WRITE_MSR(0x83e, 0xb) WRITE_MSR(0x832, 0x20051) TSC("%r8") WRITE_MSR(0x838, COUNT)
	WAIT_IRQS(5) WRITE_MSR(0x838, 0) GET_IRQS("%r9") DELAY(2 * COUNT) DONE);

TEST_F(apic, timer_periodic)
{
	struct guest *g = &self->g;
	uint64_t last;

	start_apic(g, periodic);
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_GE(reg(g, TVX_R9), 5);
	EXPECT_EQ(irqs(g)->count, reg(g, TVX_R9));
	for (int i = 0; i < 5; i++)
		EXPECT_GE(irqs(g)->irq[i].tsc, reg(g, TVX_R8) + (i + 1) * COUNT);
	last = irqs(g)->irq[4].tsc;
	EXPECT_TRUE(in_time(last, reg(g, TVX_R8) + 5 * COUNT));
}

/* R8: the deadline. */
#define ARM(ticks) TSC("%r8") "add $" STR(ticks) ", %r8\n" \
	"mov $0x6e0, %ecx\n mov %r8d, %eax\n mov %r8, %rdx\n shr $32, %rdx\n wrmsr\n"

GUEST64(deadline, X2APIC_ON "sti\n" WRITE_MSR(0x832, 0x40051) ARM(COUNT)
	READ_MSR(0x6e0) "shl $32, %rdx\n or %rdx, %rax\n mov %rax, %r9\n"
	WAIT_IRQS(1) READ_MSR(0x6e0) "shl $32, %rdx\n or %rdx, %rax\n mov %rax, %r10\n"
	DELAY(COUNT) DONE);

TEST_F(apic, tsc_deadline)
{
	struct guest *g = &self->g;

	start_apic(g, deadline);
	ASSERT_TRUE(runs_to_done(g));
	ASSERT_EQ(irqs(g)->count, 1);
	EXPECT_EQ(irqs(g)->irq[0].vector, TIMER_IRQ);
	EXPECT_TRUE(in_time(irqs(g)->irq[0].tsc, reg(g, TVX_R8)));
	EXPECT_EQ(reg(g, TVX_R9), reg(g, TVX_R8));
	EXPECT_EQ(reg(g, TVX_R10), 0);
}

GUEST64(deadline_edges, X2APIC_ON "sti\n"
	/* without the mode a write is dropped */
	WRITE_MSR(0x6e0, 1) READ_MSR(0x6e0) "mov %rax, %r9\n nop\n" GET_IRQS("%r14")
	/* in the past: at once */
	WRITE_MSR(0x832, 0x40051) WRITE_MSR(0x6e0, 1) "nop\n nop\n" GET_IRQS("%r10")
	/* disarmed */
	ARM(COUNT) WRITE_MSR(0x6e0, 0) DELAY(2 * COUNT) GET_IRQS("%r12")
	/* masked: it fires unheard */
	WRITE_MSR(0x832, 0x50051) ARM(COUNT) DELAY(2 * COUNT) READ_MSR(0x6e0)
	"mov %rax, %r13\n" WRITE_MSR(0x832, 0x40051) "nop\n" DONE);

TEST_F(apic, tsc_deadline_edges)
{
	struct guest *g = &self->g;

	start_apic(g, deadline_edges);
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_EQ(reg(g, TVX_R9), 0);
	EXPECT_EQ(reg(g, TVX_R14), 0);
	EXPECT_EQ(reg(g, TVX_R10), 1);
	EXPECT_EQ(reg(g, TVX_R12), 1);
	EXPECT_EQ(reg(g, TVX_R13), 0);
	EXPECT_EQ(irqs(g)->count, 1);
}

/* The guest that waits awake is not left to the end of a slice of the host's. */
GUEST64(many_deadlines, X2APIC_ON "sti\n" WRITE_MSR(0x832, 0x40051)
	"mov $0x200000, %esi\n mov $1, %ebx\n"
	"1: " ARM(30000) "mov %r8, (%rsi)\n add $8, %rsi\n 2: cmp %rbx, " IRQS "\n jb 2b\n"
	"inc %ebx\n cmp $10, %ebx\n jbe 1b\n" DONE);

static uint64_t preemption_timer_exits(struct guest *g)
{
	struct tvx_stats stats;

	must(tvx_vcpu_get_stats(&g->vcpu, &stats));
	return stats.reason[52].count;
}

/* TSC ticks after which the module takes a guest out for the host's sake */
static uint64_t host_slice(struct guest *g)
{
	FILE *f = fopen("/sys/module/tinyvmx/parameters/slice_us", "r");
	unsigned int us;

	must(f && fscanf(f, "%u", &us) == 1 ? 0 : ENOENT);
	fclose(f);
	return g->dev.info.tsc_khz * us / 1000;
}

TEST_F(apic, the_timer_is_prompt)
{
	struct guest *g = &self->g;
	const uint64_t *due = (uint64_t *)(g->mem + DATA_GPA);
	uint64_t before = preemption_timer_exits(g), took;

	if (!has_feature(g, TVX_FEAT_SLICE))
		SKIP(return, "no VMX preemption timer");
	start_apic(g, many_deadlines);
	ASSERT_TRUE(runs_to_done(g));
	ASSERT_EQ(irqs(g)->count, 10);
	for (int i = 0; i < 10; i++)
		EXPECT_TRUE(in_time(irqs(g)->irq[i].tsc, due[i]));
	/*
	 * How late is a matter of the machine's speed. Each has an exit of its own, but for those
	 * that an interrupt of the host came upon; slices alone would not give so many.
	 */
	took = irqs(g)->irq[9].tsc - due[0];
	EXPECT_GT(preemption_timer_exits(g) - before, took / host_slice(g) + 1);
}

/* Each sleep is a preemption to the kernel: none is a reason for RUN to return. */
GUEST64(ten_sleeps, X2APIC_ON "sti\n" WRITE_MSR(0x832, 0x40051)
	"mov $1, %ebx\n"
	"1: " ARM(COUNT) "2: cli\n cmp %rbx, " IRQS "\n jae 3f\n sti\n hlt\n jmp 2b\n"
	"3: sti\n inc %ebx\n cmp $10, %ebx\n jbe 1b\n" DONE);

TEST_F(apic, sleeps_end_no_run)
{
	struct guest *g = &self->g;

	start_apic(g, ten_sleeps);
	ASSERT_EQ(tvx_vcpu_run_once(&g->vcpu), 0);
	ASSERT_EQ(out(g)->exit, TVX_EXIT_IO);
	EXPECT_EQ(out(g)->io.port, DONE_PORT);
	EXPECT_EQ(irqs(g)->count, 10);
}

#define FAR		2000000000	/* ticks: 40 s in the emulated host */
#define SET_TSC_R8	"mov $0x10, %ecx\n mov %r8d, %eax\n mov %r8, %rdx\n shr $32, %rdx\n wrmsr\n"

/* The guest's clock jumps to just before the deadline. */
GUEST64(tsc_jumps, X2APIC_ON "sti\n" WRITE_MSR(0x832, 0x40051) ARM(FAR)
	"lea -20000(%r8), %r8\n" SET_TSC_R8 "add $20000, %r8\n" WAIT_IRQS(1) DONE);

TEST_F(apic, deadline_is_in_the_guests_time)
{
	struct guest *g = &self->g;
	struct runner r;

	start_apic(g, tsc_jumps);
	begin(&r, g);
	EXPECT_TRUE(ends_done(&r));
	ASSERT_EQ(irqs(g)->count, 1);
	EXPECT_TRUE(in_time(irqs(g)->irq[0].tsc, reg(g, TVX_R8)));
}

/* User space moves it. */
GUEST64(wait_deadline, X2APIC_ON "sti\n" WRITE_MSR(0x832, 0x40051) ARM(FAR)
	"out %al, $0x80\n" WAIT_IRQS(1) DONE);

TEST_F(apic, user_space_sets_the_tsc)
{
	struct guest *g = &self->g;
	struct tvx_msr tsc = { .index = 0x10 };
	struct runner r;

	start_apic(g, wait_deadline);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	tsc.value = reg(g, TVX_R8) - 20000;
	ASSERT_EQ(tvx_vcpu_set_msrs(&g->vcpu, &tsc, 1, NULL), 0);
	tvx_skip_insn(&g->vcpu);
	begin(&r, g);
	EXPECT_TRUE(ends_done(&r));
	ASSERT_EQ(irqs(g)->count, 1);
	EXPECT_TRUE(in_time(irqs(g)->irq[0].tsc, reg(g, TVX_R8)));
}

/* ---- sleeping ----------------------------------------------------------------------------- */

GUEST64(halt_timer, X2APIC_ON WRITE_MSR(0x83e, 0xb) WRITE_MSR(0x832, 0x51)
	TSC("%r8") WRITE_MSR(0x838, 1000000) "sti\n hlt\n" GET_IRQS("%r9")
	"cli\n" WRITE_MSR(0x832, 0x40051) ARM(1000000) "mov %r8, %r10\n sti\n hlt\n" DONE);

TEST_F(apic, the_timer_wakes)
{
	struct guest *g = &self->g;
	uint64_t before = hlts(g);

	start_apic(g, halt_timer);
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_EQ(hlts(g) - before, 2);
	EXPECT_EQ(reg(g, TVX_R9), 1);
	ASSERT_EQ(irqs(g)->count, 2);
	EXPECT_TRUE(in_time(irqs(g)->irq[1].tsc, reg(g, TVX_R10)));
}

/* A periodic timer with its interrupt masked goes off unheard, and the sleep goes on. */
GUEST64(halt_masked_timer, X2APIC_ON WRITE_MSR(0x83e, 0xb) WRITE_MSR(0x832, 0x30051)
	WRITE_MSR(0x838, 100000) "sti\n hlt\n" DONE);
GUEST64(halt, X2APIC_ON "sti\n hlt\n" DONE);
GUEST64(halt_cli, X2APIC_ON "cli\n hlt\n" GET_IRQS("%r8") DONE);

TEST_F(apic, a_message_wakes)
{
	struct guest *g = &self->g;
	struct runner r;

	start_apic(g, halt);
	for (int i = 0; i < 20; i++) {
		begin(&r, g);
		/* At times it is not asleep yet. */
		if (i % 4) {
			ASSERT_TRUE(sleeps(g, i + 1));
		}
		ASSERT_TRUE(WAIT_FOR(msi(g, 0, IRQ) == 1));
		ASSERT_TRUE(ends_done(&r));
		ASSERT_EQ(irqs(g)->count, 1);
		start_apic(g, halt);
	}
}

TEST_F(apic, a_masked_timer_does_not_wake)
{
	struct guest *g = &self->g;
	struct runner r;

	start_apic(g, halt_masked_timer);
	begin(&r, g);
	ASSERT_TRUE(sleeps(g, 1));
	usleep(20000);
	EXPECT_FALSE(r.done);
	ASSERT_EQ(msi(g, 0, IRQ), 1);
	EXPECT_TRUE(ends_done(&r));
	EXPECT_EQ(irqs(g)->count, 1);
}

TEST_F(apic, a_kick_ends_the_sleep)
{
	struct guest *g = &self->g;
	struct runner r;

	start_apic(g, halt);
	for (int i = 0; i < 5; i++) {
		begin(&r, g);
		ASSERT_TRUE(sleeps(g, 1));
		ASSERT_EQ(tvx_vcpu_kick(&g->vcpu), 0);
		ASSERT_EQ(end(&r), 0);
		EXPECT_EQ(out(g)->exit, TVX_EXIT_INTERRUPTED);
		EXPECT_EQ(hlts(g), 1);
	}
	/* A kick before is for the next RUN. */
	ASSERT_EQ(tvx_vcpu_kick(&g->vcpu), 0);
	ASSERT_EQ(run(g), TVX_EXIT_INTERRUPTED);
	ASSERT_EQ(msi(g, 0, IRQ), 1);
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_EQ(irqs(g)->count, 1);
}

TEST_F(apic, a_signal_ends_the_sleep)
{
	struct guest *g = &self->g;
	struct runner r;

	start_apic(g, halt);
	begin(&r, g);
	ASSERT_TRUE(sleeps(g, 1));
	ASSERT_EQ(pthread_kill(r.thread, SIGUSR1), 0);
	ASSERT_EQ(end(&r), -EINTR);
	EXPECT_EQ(out(g)->flags & TVX_OUT_SIGNAL, TVX_OUT_SIGNAL);
	EXPECT_EQ(out(g)->exit, TVX_EXIT_INTERRUPTED);
	ASSERT_EQ(msi(g, 0, IRQ), 1);
	ASSERT_TRUE(runs_to_done(g));
}

/* No interrupt came to it, and IRQ still waits. */
static bool irq_is_held_back(struct guest *g)
{
	return !reg(g, TVX_R8) && !irqs(g)->count && has_bit(&apic_of(g).reg[REG_IRR], IRQ);
}

TEST_F(apic, halt_without_interrupts)
{
	/* Bochs delivers what IF holds back if an interrupt of the host comes just then. */
	int tries = variant->apicv ? 3 : 1;
	struct guest *g = &self->g;
	struct tvx_state state;
	struct runner r;

	do {
		start_apic(g, halt_cli);
		/* It says so once; the next RUN sleeps. */
		ASSERT_EQ(run(g), TVX_EXIT_HLT);
		must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_EVENTS));
		EXPECT_EQ(state.activity, TVX_HALTED);
		begin(&r, g);
		usleep(20000);
		EXPECT_FALSE(r.done);
		ASSERT_EQ(msi(g, 0, IRQ), 1);
		usleep(20000);
		EXPECT_FALSE(r.done);
		ASSERT_EQ(msi(g, 0, MSG_NMI), 1);
		EXPECT_TRUE(ends_done(&r));
		ASSERT_EQ(idt_count(g), 1);
		EXPECT_EQ(came(g, 0)->vector, NMI_VECTOR);
	} while (!irq_is_held_back(g) && --tries);
	EXPECT_TRUE(tries);
}

TEST_HARNESS_MAIN
