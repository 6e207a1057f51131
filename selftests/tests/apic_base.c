// SPDX-License-Identifier: GPL-2.0-only
/* A local APIC in the kernel: where its page is, and which modes there are by CPUID. */
#include "tvx_apic.h"

#define XAPIC		0x800
#define MOVE_TO(gpa)	READ_MSR(0x1b) "and $0xfff, %eax\n or $" STR(gpa) ", %eax\n wrmsr\n" \
			"mov $" STR(gpa) ", %ebx\n"

static uint64_t page_read(void *ctx, uint64_t gpa, unsigned int len)
{
	uint32_t value = 0;

	must(len != 4);
	must(tvx_vcpu_apic_read(ctx, gpa & 0xfff, &value));
	return value;
}

static void page_write(void *ctx, uint64_t gpa, unsigned int len, uint64_t value)
{
	must(len != 4);
	must(tvx_vcpu_apic_write(ctx, gpa & 0xfff, value));
}

static uint64_t nobody_read(void *ctx, uint64_t gpa, unsigned int len)
{
	return 0;
}

/* RUN; where the page was, and is no more, all reads as 0. */
static uint32_t run_moved(struct guest *g)
{
	struct tvx_mmio_ops ops = { page_read, page_write, &g->vcpu };
	struct tvx_mmio_ops nobody = { .read = nobody_read };

	while (run(g) == TVX_EXIT_MMIO) {
		uint64_t page = out(g)->mmio.gpa & ~0xfffull, base = apic_of(g).base & ~0xfffull;

		must(!(out(g)->mmio.flags & TVX_MEM_APIC_MOVED) != (base == APIC_GPA) ? EPROTO : 0);
		must(tvx_handle_mmio(&g->vcpu, page == base ? &ops : &nobody));
	}
	return out(g)->exit;
}

/* Where the guest is in xAPIC mode, and its page elsewhere. */
IRQ_HANDLER(irq_moved, "xor %eax, %eax\n", "mov $0xfed400b0, %eax\n movl $0, (%rax)\n");

GUEST64(moves, "mov $0xfee00000, %ebx\n movl $0x1ff, 0xf0(%rbx)\n movl $0x20, 0x80(%rbx)\n"
	MOVE_TO(0xfed40000)
	"mov $0xfee00000, %esi\n mov 0x30(%rsi), %r8d\n"
	"mov 0x30(%rbx), %r9d\n mov 0x80(%rbx), %r10d\n"
	"sti\n movl $0x40041, 0x300(%rbx)\n nop\n mov " IRQS ", %r11\n"
	"cli\n movl $0x30, 0x80(%rbx)\n" MOVE_TO(0xfee00000)
	"mov 0x30(%rbx), %r12d\n mov 0x80(%rbx), %r13d\n" DONE);

/* SDM: "Relocating the Local APIC Registers" */
TEST_F(apic, page_is_moved)
{
	struct guest *g = &self->g;

	start_idt(g, moves);
	irq_setup(g, irq_moved_code, irq_moved_end);
	ASSERT_EQ(run_moved(g), TVX_EXIT_IO);
	EXPECT_TRUE(is_done(g));
	EXPECT_EQ(reg(g, TVX_R8), 0);		/* it is gone from there */
	EXPECT_EQ(reg(g, TVX_R9) >> 16, 5);
	EXPECT_EQ(reg(g, TVX_R10), 0x20);	/* as it was */
	EXPECT_EQ(reg(g, TVX_R11), 1);
	EXPECT_EQ(reg(g, TVX_R12) >> 16, 5);
	EXPECT_EQ(reg(g, TVX_R13), 0x30);
	EXPECT_EQ(irqs(g)->irq[0].vector, 0x41);
	EXPECT_FALSE(has_any(&apic_of(g).reg[REG_ISR]));
}

/* R15: it has faulted. */
GUEST64(wants_x2apic, "lea 1f(%rip), %r15\n mov $0x1b, %ecx\n mov $0xfee00d00, %eax\n"
	"xor %edx, %edx\n wrmsr\n 1: rdmsr\n" DONE);

/* The table that the device has to give knows of no local APIC. */
TEST_F(apic, no_x2apic_mode_without_its_cpuid)
{
	struct tvx_cpuid_entry table[TVX_MAX_CPUID];
	struct guest other;
	unsigned int count = TVX_MAX_CPUID, leaf1;

	for (int told = 0; told < 2; told++) {
		count = TVX_MAX_CPUID;
		guest_open_flags(&other, TVX_VM_APIC);
		ASSERT_EQ(tvx_get_cpuid(&other.dev, table, &count), 0);
		for (leaf1 = 0; table[leaf1].function != 1; leaf1++)
			ASSERT_LT(leaf1, count);
		table[leaf1].ecx &= ~(1u << 21);
		table[leaf1].ecx |= told << 21;
		ASSERT_EQ(tvx_vm_set_cpuid(&other.vm, table, count), 0);
		guest_vcpu(&other);
		start_apic(&other, wants_x2apic);
		EXPECT_TRUE(runs_to_done(&other));
		EXPECT_EQ(apic_of(&other).base, APIC_GPA | 0x100 | (told ? 0xc00 : XAPIC));
		guest_close(&other);
	}
}

TEST_HARNESS_MAIN
