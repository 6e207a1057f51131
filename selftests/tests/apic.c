// SPDX-License-Identifier: GPL-2.0-only
/* A local APIC in the kernel: one vCPU, its modes, interrupts, timer, and how it sleeps. */
#include "tvx_apic.h"

#define IRQ		0x41
#define TIMER_IRQ	0x51
#define LVT_MASKED	0x10000u
#define BASE_OF_BSP	(APIC_GPA | 0x100)
#define XAPIC		0x800
#define X2APIC		0xc00

/* ---- MSRs by a table in the guest's memory ----------------------------------------------- */

struct msr_op {
	uint32_t msr;		/* 0: the end */
	uint32_t write;
	uint64_t value;
	uint64_t faulted;
};

/* RSI: the table. */
GUEST64(do_msrs,
	"1: mov (%rsi), %ecx\n test %ecx, %ecx\n jz 4f\n"
	"lea 3f(%rip), %r15\n cmpl $0, 4(%rsi)\n jne 2f\n"
	"rdmsr\n shl $32, %rdx\n or %rdx, %rax\n mov %rax, 8(%rsi)\n jmp 3f\n"
	"2: mov 8(%rsi), %eax\n mov 12(%rsi), %edx\n wrmsr\n"
	"3: xor %eax, %eax\n test %r15, %r15\n setz %al\n mov %rax, 16(%rsi)\n"
	"add $24, %rsi\n jmp 1b\n"
	"4: " DONE);

#define RD(number)		{ .msr = number }
#define WR(number, what)	{ .msr = number, .write = 1, .value = what }

static struct msr_op *run_msrs(struct guest *g, const struct msr_op *ops, size_t size)
{
	struct msr_op *table = (struct msr_op *)(g->mem + DATA_GPA);

	memset(table, 0, size + sizeof(*ops));
	memcpy(table, ops, size);
	start_apic(g, do_msrs);
	tvx_set_gpr(&g->vcpu, TVX_RSI, DATA_GPA);
	must(runs_to_done(g) ? 0 : EPROTO);
	return table;
}
#define RUN_MSRS(g, ops) run_msrs(g, ops, sizeof(ops))

/* ---- modes ------------------------------------------------------------------------------- */

TEST_F(apic, reset_state)
{
	struct tvx_apic apic = apic_of(&self->g);

	EXPECT_EQ(apic.base, BASE_OF_BSP | XAPIC);
	EXPECT_EQ(apic.reg[REG_ID], 0);
	EXPECT_EQ(apic.reg[REG_SPIV], 0xff);
	EXPECT_EQ(apic.reg[REG_LVTT], LVT_MASKED);
	EXPECT_EQ(apic.timer, 0);
	EXPECT_FALSE(has_any(&apic.reg[REG_IRR]));
}

GUEST64(read_cpuid, "mov $1, %eax\n cpuid\n" DONE);

TEST_F(apic, cpuid_says_so)
{
	struct guest *g = &self->g;

	start_apic(g, read_cpuid);
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_NE(reg(g, TVX_RDX) & 1u << 9, 0);	/* APIC */
	EXPECT_NE(reg(g, TVX_RCX) & 1u << 21, 0);	/* x2APIC */
	EXPECT_NE(reg(g, TVX_RCX) & 1u << 24, 0);	/* TSC deadline */
}

/* SDM: "x2APIC State Transitions" */
TEST_F(apic, base_transitions)
{
	static const struct msr_op ops[] = {
		RD(0x1b), RD(0x802),					/* xAPIC: no MSRs */
		WR(0x1b, BASE_OF_BSP | 0x400),				/* EXTD without EN */
		WR(0x1b, (BASE_OF_BSP + 0x1000) | XAPIC),		/* elsewhere */
		WR(0x1b, BASE_OF_BSP | XAPIC | 0x200),			/* reserved */
		WR(0x1b, BASE_OF_BSP | XAPIC | 1ull << 60),
		WR(0x1b, BASE_OF_BSP | X2APIC), RD(0x802), RD(0x80d), RD(0x1b),	/* 6 */
		WR(0x80f, 0x1aa), RD(0x80f),
		WR(0x1b, BASE_OF_BSP | XAPIC),				/* 12: not back */
		RD(0x80f),
		WR(0x1b, BASE_OF_BSP), RD(0x80f), RD(0x1b),		/* 14: off */
		WR(0x1b, BASE_OF_BSP | X2APIC),				/* not at once */
		WR(0x1b, BASE_OF_BSP | XAPIC), RD(0x1b),		/* 18 */
		WR(0x1b, BASE_OF_BSP | X2APIC), RD(0x80f),		/* 20: all as new */
	};
	static const uint8_t faults[] = {
		0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0 };
	struct msr_op *op = RUN_MSRS(&self->g, ops);

	for (unsigned int i = 0; i < sizeof(faults); i++) {
		EXPECT_EQ(op[i].faulted, faults[i]) TH_LOG("operation %u", i);
	}
	EXPECT_EQ(op[0].value, BASE_OF_BSP | XAPIC);
	EXPECT_EQ(op[7].value, 0);
	EXPECT_EQ(op[8].value, 1);
	EXPECT_EQ(op[9].value, BASE_OF_BSP | X2APIC);
	EXPECT_EQ(op[11].value, 0x1aa);
	EXPECT_EQ(op[13].value, 0x1aa);
	EXPECT_EQ(op[16].value, BASE_OF_BSP);
	EXPECT_EQ(op[19].value, BASE_OF_BSP | XAPIC);
	EXPECT_EQ(op[21].value, 0xff);
}

TEST_F(apic, x2apic_msrs_that_fault)
{
	static const struct msr_op ops[] = {
		WR(0x1b, BASE_OF_BSP | X2APIC),
		/* none there, of the other mode, write-only */
		RD(0x800), RD(0x801), RD(0x804), RD(0x809), RD(0x80b), RD(0x80e), RD(0x831),
		RD(0x83f), RD(0x840), RD(0x8ff),
		/* read-only */
		WR(0x802, 0), WR(0x803, 0), WR(0x80a, 0), WR(0x80d, 0), WR(0x810, 0),
		WR(0x818, 0), WR(0x820, 0), WR(0x839, 0), WR(0x80e, 0), WR(0x831, 0),
		/* reserved bits */
		WR(0x808, 0x100), WR(0x808, 1ull << 32), WR(0x80b, 1), WR(0x80f, 0x2000),
		WR(0x828, 1), WR(0x830, 1u << 20), WR(0x832, 1u << 19), WR(0x835, 1u << 17),
		WR(0x837, 0x100), WR(0x838, 1ull << 32), WR(0x83e, 4), WR(0x83f, 0x100),
	};
	/* What is right beside it. */
	static const struct msr_op good[] = {
		WR(0x1b, BASE_OF_BSP | X2APIC),
		RD(0x803), RD(0x808), RD(0x80a), RD(0x80d), RD(0x80f), RD(0x810), RD(0x817),
		RD(0x818), RD(0x820), RD(0x827), RD(0x828), RD(0x830), RD(0x832), RD(0x833),
		RD(0x834), RD(0x835), RD(0x836), RD(0x837), RD(0x838), RD(0x839), RD(0x83e),
		WR(0x808, 0xff), WR(0x808, 0), WR(0x80b, 0), WR(0x828, 0), WR(0x83e, 0xb),
		WR(0x835, 0x10700), WR(0x838, ~0u), RD(0x808), RD(0x83e), RD(0x838),
	};
	struct msr_op *op = RUN_MSRS(&self->g, ops);

	EXPECT_EQ(op[0].faulted, 0);
	for (unsigned int i = 1; i < ARRAY_SIZE(ops); i++) {
		EXPECT_EQ(op[i].faulted, 1)
			TH_LOG("%s %#x", op[i].write ? "WRMSR" : "RDMSR", op[i].msr);
	}
	op = RUN_MSRS(&self->g, good);
	for (unsigned int i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_EQ(op[i].faulted, 0)
			TH_LOG("%s %#x", op[i].write ? "WRMSR" : "RDMSR", op[i].msr);
	}
	EXPECT_EQ(op[1].value >> 16, 5);	/* six LVT entries */
	EXPECT_EQ(op[ARRAY_SIZE(good) - 2].value, 0xb);
	EXPECT_EQ(op[ARRAY_SIZE(good) - 1].value, ~0u);
}

/* ---- interrupts of its own ----------------------------------------------------------------- */

GUEST64(self_ipis, X2APIC_ON "sti\n"
	WRITE_MSR(0x83f, 0x41) "nop\n" "mov " IRQS ", %r8\n"	/* SELF IPI */
	WRITE_MSR(0x830, 0x40042) "nop\n" "mov " IRQS ", %r9\n"	/* ICR, shorthand self */
	WRITE_MSR(0x830, 0x43) "nop\n" "mov " IRQS ", %r10\n"	/* ICR, its own id */
	WRITE_MSR(0x830, 0x80044) "nop\n" "mov " IRQS ", %r11\n" /* ICR, all with self */
	WRITE_MSR(0x830, 0xc0045) "nop\n" DONE);		/* ICR, all but self */

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
	READ_MSR(0x822) "mov %rax, %r8\n" "mov " IRQS ", %r9\n"
	"sti\n" "1: nop\n" "2: nop\n"
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
	WRITE_MSR(0x83f, 0x45) WRITE_MSR(0x83f, 0x55) "nop\n" "mov " IRQS ", %r8\n"
	WRITE_MSR(0x83f, 0x65) "nop\n" "mov " IRQS ", %r9\n"
	"mov %cr8, %r12\n"
	"mov $4, %eax\n mov %rax, %cr8\n nop\n" "mov " IRQS ", %r10\n"
	READ_MSR(0x808) "mov %rax, %r13\n"
	READ_MSR(0x80a) "mov %rax, %r14\n"
	WRITE_MSR(0x808, 0x3f) "nop\n" "mov " IRQS ", %r11\n"
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
	"sti\n hlt\n" "mov " IRQS ", %r8\n" WRITE_MSR(0x808, 0) "nop\n" DONE);

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

GUEST64(nest, X2APIC_ON "sti\n" WRITE_MSR(0x83f, 0x51) "nop\n" "mov " IRQS ", %r14\n" DONE);
GUEST64(nest_handler, "sti\n"
	WRITE_MSR(0x83f, 0x41) WRITE_MSR(0x83f, 0x5f) WRITE_MSR(0x83f, 0x61)
	"nop\n" "mov " IRQS ", %r8\n"
	READ_MSR(0x812) "mov %rax, %r9\n" READ_MSR(0x80a) "mov %rax, %r10\n"
	READ_MSR(0x822) "mov %rax, %r11\n"
	EOI "nop\n" "mov " IRQS ", %r12\n" "iretq\n");

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

/* ---- timer ----------------------------------------------------------------------------------- */

#define COUNT		200000	/* 4 ms in the emulated host */
/* In the guest's own time, what an interrupt may be late by with all of a host's doings. */
#define LATE		20000000

GUEST64(one_shot, X2APIC_ON "sti\n"
	WRITE_MSR(0x83e, 0xb) WRITE_MSR(0x832, 0x51) TSC("%r8") WRITE_MSR(0x838, COUNT)
	READ_MSR(0x839) "mov %rax, %r9\n"
	WAIT_IRQS(1) READ_MSR(0x839) "mov %rax, %r10\n" DELAY(2 * COUNT) DONE);

static bool in_time(uint64_t when, uint64_t due)
{
	return when >= due && when < due + LATE;
}

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
	WAIT_IRQS(5) WRITE_MSR(0x838, 0) "mov " IRQS ", %r9\n" DELAY(2 * COUNT) DONE);

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
	WRITE_MSR(0x6e0, 1) READ_MSR(0x6e0) "mov %rax, %r9\n nop\n" "mov " IRQS ", %r14\n"
	/* in the past: at once */
	WRITE_MSR(0x832, 0x40051) WRITE_MSR(0x6e0, 1) "nop\n nop\n" "mov " IRQS ", %r10\n"
	/* disarmed */
	ARM(COUNT) WRITE_MSR(0x6e0, 0) DELAY(2 * COUNT) "mov " IRQS ", %r12\n"
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

TEST_F(apic, the_timer_is_prompt)
{
	struct guest *g = &self->g;
	const uint64_t *due = (uint64_t *)(g->mem + DATA_GPA);
	uint64_t late, least = ~0ull;

	start_apic(g, many_deadlines);
	ASSERT_TRUE(runs_to_done(g));
	ASSERT_EQ(irqs(g)->count, 10);
	for (int i = 0; i < 10; i++) {
		EXPECT_GE(irqs(g)->irq[i].tsc, due[i]);
		late = irqs(g)->irq[i].tsc - due[i];
		least = late < least ? late : least;
	}
	EXPECT_LT(least, 20000);
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

/* ---- sleeping ----------------------------------------------------------------------------------- */

GUEST64(halt_timer, X2APIC_ON WRITE_MSR(0x83e, 0xb) WRITE_MSR(0x832, 0x51)
	TSC("%r8") WRITE_MSR(0x838, 1000000) "sti\n hlt\n" "mov " IRQS ", %r9\n"
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
GUEST64(halt_cli, X2APIC_ON "cli\n hlt\n" "mov " IRQS ", %r8\n" DONE);

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
	r.signals = true;
	ASSERT_TRUE(sleeps(g, 1));
	ASSERT_EQ(pthread_kill(r.thread, SIGUSR1), 0);
	ASSERT_EQ(end(&r), -EINTR);
	EXPECT_TRUE(r.signalled);
	EXPECT_EQ(out(g)->exit, TVX_EXIT_INTERRUPTED);
	ASSERT_EQ(msi(g, 0, IRQ), 1);
	ASSERT_TRUE(runs_to_done(g));
}

TEST_F(apic, halt_without_interrupts)
{
	struct guest *g = &self->g;
	struct tvx_state state;
	struct runner r;

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
	EXPECT_EQ(reg(g, TVX_R8), 0);
	EXPECT_EQ(irqs(g)->count, 0);
	EXPECT_TRUE(has_bit(&apic_of(g).reg[REG_IRR], IRQ));
}

/* ---- messages ---------------------------------------------------------------------------------------- */

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

/* ---- interrupts of user space's (an 8259's) beside it ------------------------------------------------ */

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

/* ---- xAPIC mode ------------------------------------------------------------------------------------------ */

static unsigned int accesses;

static uint64_t apic_page_read(void *ctx, uint64_t gpa, unsigned int len)
{
	uint32_t value = 0;

	accesses++;
	must(len != 4);
	must(tvx_vcpu_apic_read(ctx, gpa - APIC_GPA, &value));
	return value;
}

static void apic_page_write(void *ctx, uint64_t gpa, unsigned int len, uint64_t value)
{
	accesses++;
	must(len != 4);
	must(tvx_vcpu_apic_write(ctx, gpa - APIC_GPA, value));
}

/* RUN, with the page for which the CPU does not do it. */
static uint32_t run_xapic(struct guest *g)
{
	struct tvx_mmio_ops ops = { apic_page_read, apic_page_write, &g->vcpu };

	while (run(g) == TVX_EXIT_MMIO) {
		must((out(g)->mmio.gpa & ~0xfffull) != APIC_GPA ? EPROTO : 0);
		must(tvx_handle_mmio(&g->vcpu, &ops));
	}
	return out(g)->exit;
}

/* RBX: the page. */
#define XAPIC_ON	"mov $0xfee00000, %ebx\n movl $0x1ff, 0xf0(%rbx)\n"

GUEST64(xapic, XAPIC_ON
	"mov 0x20(%rbx), %r8d\n mov 0x30(%rbx), %r9d\n mov 0xf0(%rbx), %r10d\n"
	"sti\n movl $0x40041, 0x300(%rbx)\n nop\n" "mov " IRQS ", %r11\n"
	"movl $0x50, 0x80(%rbx)\n movl $0x40042, 0x300(%rbx)\n nop\n" "mov " IRQS ", %r12\n"
	"mov 0xa0(%rbx), %r14d\n"
	"movl $0, 0x80(%rbx)\n nop\n" "mov " IRQS ", %r13\n"
	/* by CR8 too */
	"mov $5, %eax\n mov %rax, %cr8\n movl $0, 0x310(%rbx)\n movl $0x43, 0x300(%rbx)\n nop\n"
	"mov " IRQS ", %rsi\n mov 0x80(%rbx), %ebp\n xor %eax, %eax\n mov %rax, %cr8\n nop\n"
	"mov 0x100(%rbx), %edi\n" DONE);

TEST_F(apic, xapic_page)
{
	struct guest *g = &self->g;
	static const uint8_t order[] = { 0x41, 0x42, 0x43 };
	struct tvx_apic apic;

	start_xapic(g, xapic);
	accesses = 0;
	ASSERT_EQ(run_xapic(g), TVX_EXIT_IO);
	EXPECT_TRUE(is_done(g));
	EXPECT_EQ(reg(g, TVX_R8), 0);
	EXPECT_EQ(reg(g, TVX_R9) >> 16, 5);
	EXPECT_EQ(reg(g, TVX_R10), 0x1ff);
	EXPECT_EQ(reg(g, TVX_R11), 1);
	EXPECT_EQ(reg(g, TVX_R12), 1);
	EXPECT_EQ(reg(g, TVX_R13), 2);
	EXPECT_EQ(reg(g, TVX_R14), 0x50);
	EXPECT_EQ(reg(g, TVX_RSI), 2);
	EXPECT_EQ(reg(g, TVX_RBP), 0x50);
	EXPECT_EQ(reg(g, TVX_RDI), 0);
	ASSERT_EQ(irqs(g)->count, 3);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(irqs(g)->irq[i].vector, order[i]);
	apic = apic_of(g);
	EXPECT_FALSE(has_any(&apic.reg[REG_ISR]));
	/* Where the CPU virtualises registers, only PPR is for user space; else all are. */
	if (variant->apicv) {
		EXPECT_EQ(accesses, 1);
	} else {
		EXPECT_GE(accesses, 15);
	}
}

/* The way to user space and back comes out of it. */
#define XAPIC_COUNT	2000000

GUEST64(xapic_timer, XAPIC_ON
	"movl $0xb, 0x3e0(%rbx)\n movl $0x51, 0x320(%rbx)\n sti\n" TSC("%r8")
	"movl $" STR(XAPIC_COUNT) ", 0x380(%rbx)\n mov 0x390(%rbx), %r9d\n" WAIT_IRQS(1)
	"mov 0x390(%rbx), %r10d\n" DONE);

TEST_F(apic, xapic_timer)
{
	struct guest *g = &self->g;

	start_xapic(g, xapic_timer);
	accesses = 0;
	ASSERT_EQ(run_xapic(g), TVX_EXIT_IO);
	EXPECT_TRUE(in_time(irqs(g)->irq[0].tsc, reg(g, TVX_R8) + XAPIC_COUNT));
	EXPECT_LE(reg(g, TVX_R9), XAPIC_COUNT);
	EXPECT_GT(reg(g, TVX_R9), 0);
	EXPECT_EQ(reg(g, TVX_R10), 0);
	/* The current count is nowhere but in our head. */
	EXPECT_GE(accesses, 2);
	if (variant->apicv) {
		EXPECT_EQ(accesses, 2);
	}
}

GUEST64(xapic_wait, XAPIC_ON "sti\n out %al, $0x80\n" WAIT_IRQS(1) "out %al, $0x81\n"
	WAIT_IRQS(2) DONE);

TEST_F(apic, xapic_level_triggered)
{
	struct guest *g = &self->g;

	start_xapic(g, xapic_wait);
	ASSERT_EQ(run_xapic(g), TVX_EXIT_IO);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(msi(g, 0, MSG_LEVEL | IRQ), 1);
		tvx_skip_insn(&g->vcpu);
		ASSERT_EQ(run_xapic(g), TVX_EXIT_EOI);
		EXPECT_EQ(out(g)->eoi.vector, IRQ);
		EXPECT_EQ(out(g)->rip, IRQ_COMMON_GPA + (irq_xapic_eoi - irq_xapic_code));
		ASSERT_EQ(run_xapic(g), TVX_EXIT_IO);
		EXPECT_EQ(irqs(g)->count, i + 1);
	}
	EXPECT_TRUE(is_done(g));
}

/* What is not a plain access of 32 bits the CPU leaves to user space, and libtvx does it. */
GUEST64(xapic_odd, XAPIC_ON "movl $0x20, 0x80(%rbx)\n orl $0x10, 0x80(%rbx)\n"
	"mov 0x80(%rbx), %r8d\n mov 0x40(%rbx), %r9d\n movl $7, 0x20(%rbx)\n"
	"mov 0x20(%rbx), %r10d\n movl $0x30000000, 0xd0(%rbx)\n mov 0xd0(%rbx), %r11d\n"
	"movl $0x0fffffff, 0xe0(%rbx)\n mov 0xe0(%rbx), %r12d\n" DONE);

TEST_F(apic, xapic_registers)
{
	struct guest *g = &self->g;

	start_xapic(g, xapic_odd);
	ASSERT_EQ(run_xapic(g), TVX_EXIT_IO);
	EXPECT_TRUE(is_done(g));
	EXPECT_EQ(reg(g, TVX_R8), 0x30);
	EXPECT_EQ(reg(g, TVX_R9), 0);		/* there is none */
	EXPECT_EQ(reg(g, TVX_R10), 0);		/* it cannot be changed */
	EXPECT_EQ(reg(g, TVX_R11), 0x30000000);
	EXPECT_EQ(reg(g, TVX_R12), 0x0fffffff);
}

/* ---- out and in ---------------------------------------------------------------------------------------------- */

GUEST64(to_be_moved, X2APIC_ON WRITE_MSR(0x808, 0x20) WRITE_MSR(0x83f, 0x41)
	WRITE_MSR(0x83e, 0xb) WRITE_MSR(0x832, 0x51) TSC("%r8") WRITE_MSR(0x838, 5000000)
	"out %al, $0x80\n");
GUEST64(moved, "sti\n nop\n" "mov " IRQS ", %r8\n" READ_MSR(0x808) "mov %rax, %r9\n"
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
GUEST64(end_it, EOI "sti\n nop\n" "mov " IRQS ", %r8\n" DONE);

TEST_F(apic, moves_with_one_in_service)
{
	struct guest *g = &self->g, other;
	struct tvx_apic apic;

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

TEST_F(apic, what_set_refuses)
{
	struct tvx_apic good = apic_of(&self->g), bad, after;
	static const struct {
		unsigned int reg;
		uint32_t value;
	} regs[] = {
		{ REG_ID, 1 << 24 }, { REG(0x30), 0 }, { REG(0x40), 1 }, { REG_TPR, 0x100 },
		{ REG_SPIV, 1u << 31 }, { REG_LVTT, 0x41 }, { REG_LVTT, LVT_MASKED | 0x100 },
		{ REG_IRR, 1 << 3 }, { REG(0x3e0), 4 }, { REG(0x3f0), 1 },
	};

	EXPECT_EQ(tvx_vcpu_set_apic(&self->g.vcpu, &good), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(regs); i++) {
		bad = good;
		bad.reg[regs[i].reg] = regs[i].value;
		EXPECT_EQ(tvx_vcpu_set_apic(&self->g.vcpu, &bad), -EINVAL)
			TH_LOG("register %#x", regs[i].reg * 16);
	}
	bad = good;
	bad.base ^= 0x1000;
	EXPECT_EQ(tvx_vcpu_set_apic(&self->g.vcpu, &bad), -EINVAL);
	bad = good;
	bad.timer = 1;
	EXPECT_EQ(tvx_vcpu_set_apic(&self->g.vcpu, &bad), -EINVAL);
	after = apic_of(&self->g);
	EXPECT_EQ(memcmp(&after, &good, sizeof(good)), 0);
}

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

TEST_F(vm, without_a_local_apic)
{
	struct guest *g = &self->g;
	struct tvx_state state;
	struct tvx_apic apic;
	uint32_t value;

	memset(&apic, 0, sizeof(apic));
	EXPECT_EQ(msi(g, 0, IRQ), -EOPNOTSUPP);
	EXPECT_EQ(tvx_vcpu_get_apic(&g->vcpu, &apic), -EOPNOTSUPP);
	EXPECT_EQ(tvx_vcpu_set_apic(&g->vcpu, &apic), -EOPNOTSUPP);
	EXPECT_EQ(tvx_vcpu_apic_read(&g->vcpu, 0x20, &value), -EOPNOTSUPP);
	EXPECT_EQ(tvx_vcpu_apic_write(&g->vcpu, 0x80, 0), -EOPNOTSUPP);
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_EVENTS));
	state.activity = TVX_WAIT_SIPI;
	EXPECT_EQ(tvx_vcpu_set_state(&g->vcpu, &state), -EINVAL);
	/* Its page is memory as any other. */
	EXPECT_EQ(tvx_vm_add_memory(&g->vm, APIC_GPA, 4096), 0);
}

TEST_F(apic, no_such_message)
{
	struct guest *g = &self->g;

	EXPECT_EQ(tvx_vm_msi(&g->vm, APIC_GPA + 0x100000, IRQ), -EINVAL);
	EXPECT_EQ(tvx_vm_msi(&g->vm, APIC_GPA - 0x1000, IRQ), -EINVAL);
	EXPECT_EQ(tvx_vm_msi(&g->vm, APIC_GPA | 1ull << 32, IRQ), -EINVAL);
	EXPECT_EQ(tvx_vm_msi(&g->vm, 0, IRQ), -EINVAL);
	EXPECT_EQ(msi(g, 0, 0x300), -EINVAL);
	EXPECT_EQ(msi(g, 0, 0x600), -EINVAL);
}

TEST_F(apic, offsets_and_modes_of_accesses)
{
	static const struct msr_op enter[] = { WR(0x1b, BASE_OF_BSP | X2APIC) };
	struct tvx_vcpu *vcpu = &self->g.vcpu;
	uint32_t value;

	EXPECT_EQ(tvx_vcpu_apic_write(vcpu, 0x80, 0x30), 0);
	EXPECT_EQ(tvx_vcpu_apic_read(vcpu, 0x80, &value), 0);
	EXPECT_EQ(value, 0x30);
	EXPECT_EQ(tvx_vcpu_apic_read(vcpu, 0xfff, &value), 0);
	EXPECT_EQ(value, 0);
	EXPECT_EQ(tvx_vcpu_apic_read(vcpu, 0x1000, &value), -EINVAL);
	EXPECT_EQ(tvx_vcpu_apic_write(vcpu, 0x1000, 0), -EINVAL);
	EXPECT_EQ(tvx_vcpu_apic_write(vcpu, ~0u, 0), -EINVAL);
	RUN_MSRS(&self->g, enter);
	EXPECT_EQ(tvx_vcpu_apic_read(vcpu, 0x80, &value), -EINVAL);
	EXPECT_EQ(tvx_vcpu_apic_write(vcpu, 0x80, 0), -EINVAL);
}

TEST_F(apic, no_slot_over_its_page)
{
	struct tvx_vm *vm = &self->g.vm;

	EXPECT_EQ(tvx_vm_add_memory(vm, APIC_GPA, 4096), -EEXIST);
	EXPECT_EQ(tvx_vm_add_memory(vm, APIC_GPA - 0x10000, 0x20000), -EEXIST);
	EXPECT_EQ(tvx_vm_add_memory(vm, APIC_GPA - 0x10000, 0x10000), 0);
	EXPECT_EQ(tvx_vm_add_memory(vm, APIC_GPA + 4096, 4096), 0);
}

TEST_HARNESS_MAIN
