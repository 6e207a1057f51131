// SPDX-License-Identifier: GPL-2.0-only
/* A local APIC in the kernel: its modes, its registers by MSR and by its page, what is refused. */
#include <cpuid.h>

#include "tvx_apic.h"

#define ABOVE		(1ull << maxphyaddr())	/* wider than an address */
#define LVT_MASKED	0x10000u
#define XAPIC		0x800

static unsigned int maxphyaddr(void)
{
	unsigned int eax, ebx, ecx, edx;

	must(__get_cpuid(0x80000008, &eax, &ebx, &ecx, &edx) ? 0 : EPROTO);
	return eax & 0xff;
}

/* ---- MSRs by a table in the guest's memory ------------------------------------------------ */

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

/* ---- modes -------------------------------------------------------------------------------- */

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
	const struct msr_op ops[] = {
		RD(0x1b), RD(0x802),					/* xAPIC: no MSRs */
		WR(0x1b, BASE_OF_BSP | 0x400),				/* EXTD without EN */
		WR(0x1b, BASE_OF_BSP | XAPIC | ABOVE),			/* no such address */
		WR(0x1b, BASE_OF_BSP | XAPIC | 0x200),			/* reserved */
		WR(0x1b, BASE_OF_BSP | XAPIC | 1ull << 60),		/* nor for any CPU */
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

/* ---- xAPIC mode --------------------------------------------------------------------------- */

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
	"sti\n movl $0x40041, 0x300(%rbx)\n nop\n" GET_IRQS("%r11")
	"movl $0x50, 0x80(%rbx)\n movl $0x40042, 0x300(%rbx)\n nop\n" GET_IRQS("%r12")
	"mov 0xa0(%rbx), %r14d\n"
	"movl $0, 0x80(%rbx)\n nop\n" GET_IRQS("%r13")
	/* by CR8 too */
	"mov $5, %eax\n mov %rax, %cr8\n movl $0, 0x310(%rbx)\n movl $0x43, 0x300(%rbx)\n nop\n"
	GET_IRQS("%rsi") "mov 0x80(%rbx), %ebp\n xor %eax, %eax\n mov %rax, %cr8\n nop\n"
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

	NEEDS_EOI_EXITS();
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

/* After an EOI that the CPU has not carried out the next interrupt comes all the same. */
GUEST64(served, XAPIC_ON "sti\n out %al, $0x80\n nop\n out %al, $0x82\n nop\n" DONE);
GUEST64(served_handler, "incl 0x300000\n out %al, $0x81\n iretq\n");

TEST_F(apic, eoi_by_user_space)
{
	struct guest *g = &self->g;
	const uint32_t *taken = (uint32_t *)(g->mem + 0x300000);

	start_xapic(g, served);
	own_handler(g, IRQ, served_handler_code, served_handler_end);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(run_xapic(g), TVX_EXIT_IO);
		ASSERT_EQ(out(g)->io.port, i ? 0x82 : 0x80);
		tvx_skip_insn(&g->vcpu);
		ASSERT_EQ(msi(g, 0, IRQ), 1);
		ASSERT_EQ(run_xapic(g), TVX_EXIT_IO);
		ASSERT_EQ(out(g)->io.port, 0x81);
		EXPECT_EQ(*taken, i + 1);
		EXPECT_TRUE(has_bit(&apic_of(g).reg[REG_ISR], IRQ));
		ASSERT_EQ(tvx_vcpu_apic_write(&g->vcpu, 0xb0, 0), 0);
		EXPECT_FALSE(has_any(&apic_of(g).reg[REG_ISR]));
		tvx_skip_insn(&g->vcpu);
	}
	EXPECT_TRUE(runs_to_done(g));
}

/* The same, by the module: a rule for its MSR makes the EOI exit. */
GUEST64(ruled, X2APIC_ON "sti\n" WRITE_MSR(0x83f, 0x41) "nop\n" GET_IRQS("%r8")
	WRITE_MSR(0x83f, 0x41) "nop\n" GET_IRQS("%r9") DONE);

TEST_F(apic, eoi_by_exit)
{
	static const struct tvx_msr_rule rule = {
		.first = 0x80b, .count = 1, .read = TVX_ACT_FAULT, .write = TVX_ACT_DEFAULT,
	};
	struct tvx_policy policy = { .nr_msr_rules = 1, .msr_rules = (uintptr_t)&rule };
	struct guest *g = &self->g;

	guest_close(g);
	guest_open_flags(g, TVX_VM_APIC);
	must(tvx_vm_set_policy(&g->vm, &policy));
	guest_vcpu(g);
	start_apic(g, ruled);
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_EQ(reg(g, TVX_R8), 1);
	EXPECT_EQ(reg(g, TVX_R9), 2);
	EXPECT_FALSE(has_any(&apic_of(g).reg[REG_ISR]));
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

/* ---- refusals ----------------------------------------------------------------------------- */

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
	bad.base |= ABOVE;
	EXPECT_EQ(tvx_vcpu_set_apic(&self->g.vcpu, &bad), -EINVAL);
	bad = good;
	bad.timer = 1;
	EXPECT_EQ(tvx_vcpu_set_apic(&self->g.vcpu, &bad), -EINVAL);
	after = apic_of(&self->g);
	EXPECT_EQ(memcmp(&after, &good, sizeof(good)), 0);
}

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
