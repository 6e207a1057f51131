// SPDX-License-Identifier: GPL-2.0-only
/* Control and debug registers, EFER, MSRs and FPU: what the guest does to its own. */
#include <sys/syscall.h>

#include "tvx_idt.h"

#define EFER_SCE	(1u << 0)
#define EFER_LME	(1u << 8)
#define EFER_LMA	(1u << 10)
#define EFER_NXE	(1u << 11)
#define DR6_BS		(1u << 14)
#define CR0_PG_PE	0x80000001ull
#define MSR_KERNEL_GS	0xc0000102

/* Instructions that must fault: R15 says where to go on. */
#define FAULTS(insn)	"lea 1f(%rip), %r15\n" insn "\n1: "

static void all_gp(struct __test_metadata *_metadata, struct guest *g, unsigned int count)
{
	unsigned int i;

	ASSERT_EQ(idt_count(g), count);
	for (i = 0; i < count; i++) {
		EXPECT_EQ(came(g, i)->vector, GP_VECTOR);
		EXPECT_EQ(came(g, i)->error, 0);
	}
}

/* ---- CR0, CR4, CR8, EFER ----------------------------------------------------------------- */

GUEST64(cr0, "mov %cr0, %rax\nmov %rax, %r8\n"
	"or $0x60000000, %rax\nmov %rax, %cr0\nmov %cr0, %rbx\n"	/* CD and NW */
	"mov %r8, %cr0\nmov %cr0, %rcx\n"
	"bts $29, %rax\nbtr $30, %rax\n" FAULTS("mov %rax, %cr0")	/* NW without CD */
	"mov %r8, %rax\nbtr $0, %rax\n" FAULTS("mov %rax, %cr0")	/* PG without PE */
	"mov %r8, %rax\nbts $32, %rax\n" FAULTS("mov %rax, %cr0")	/* reserved */
	"mov %cr0, %rdx\nclts\nmov %cr0, %rsi\nhlt");
GUEST64(cr0_reserved, "mov %cr0, %r8\nmov %r8, %rax\nbts $6, %rax\nmov %rax, %cr0\n"
	"mov %cr0, %rdi\nmov %r8, %cr0\nmov %cr0, %rbx\nhlt");
GUEST64(cr4, "mov %cr4, %rbx\n"
	"mov %rbx, %rax\nbts $13, %rax\n" FAULTS("mov %rax, %cr4")	/* VMXE */
	"mov %rbx, %rax\nbts $14, %rax\n" FAULTS("mov %rax, %cr4")	/* SMXE */
	"mov %rbx, %rax\nbts $40, %rax\n" FAULTS("mov %rax, %cr4")	/* reserved */
	"mov %cr4, %rcx\nmov %rbx, %rax\nbts $7, %rax\nmov %rax, %cr4\nmov %cr4, %rdx\nhlt");
GUEST64(cr8, "mov $5, %eax\nmov %rax, %cr8\nmov %cr8, %rbx\nout %al, $0x80\n"
	"mov $16, %eax\n" FAULTS("mov %rax, %cr8") "mov %cr8, %rcx\nhlt");
GUEST64(efer, "mov $0xc0000080, %ecx\nrdmsr\nmov %eax, %ebx\n"
	"or $0x801, %eax\nwrmsr\nrdmsr\nmov %eax, %esi\n"		/* SCE, NXE */
	"mov %ebx, %eax\nwrmsr\nrdmsr\nmov %eax, %edi\n"
	"or $2, %eax\n" FAULTS("wrmsr")					/* reserved */
	"mov %ebx, %eax\nbtr $8, %eax\n" FAULTS("wrmsr")		/* LME under paging */
	"rdmsr\nhlt");

TEST_F(vm, cr0)
{
	struct guest *g = &self->g;

	start_idt(g, cr0);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	all_gp(_metadata, g, 3);
	EXPECT_EQ(reg(g, TVX_RBX), reg(g, TVX_R8) | 0x60000000);
	EXPECT_EQ(reg(g, TVX_RCX), reg(g, TVX_R8));
	EXPECT_EQ(reg(g, TVX_RDX), reg(g, TVX_R8));
	EXPECT_EQ(reg(g, TVX_RSI), reg(g, TVX_R8) & ~8ull);
}

TEST_F(vm, cr0_ignores_reserved_bits)
{
	struct guest *g = &self->g;

	start(g, GUEST_LONG, cr0_reserved);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RBX), reg(g, TVX_R8));
	/* It puts what was written into the read shadow as it is: handle_set_cr0(). */
	if (under_kvm() && reg(g, TVX_RDI) == (reg(g, TVX_R8) | 1u << 6))
		SKIP(return, "the KVM whose guest this kernel is shows the bit to guests' guests");
	EXPECT_EQ(reg(g, TVX_RDI), reg(g, TVX_R8));
}

TEST_F(vm, cr4)
{
	struct guest *g = &self->g;

	start_idt(g, cr4);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	all_gp(_metadata, g, 3);
	EXPECT_EQ(reg(g, TVX_RBX) & (1u << 13), 0);	/* the hardware's VMXE is not seen */
	EXPECT_EQ(reg(g, TVX_RCX), reg(g, TVX_RBX));
	EXPECT_EQ(reg(g, TVX_RDX), reg(g, TVX_RBX) | 1u << 7);
}

TEST_F(vm, cr8)
{
	struct guest *g = &self->g;
	struct tvx_state state;

	start_idt(g, cr8);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(reg(g, TVX_RBX), 5);
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_CONTROL));
	EXPECT_EQ(state.cr8, 5);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	all_gp(_metadata, g, 1);
	EXPECT_EQ(reg(g, TVX_RCX), 5);
}

TEST_F(vm, efer)
{
	struct guest *g = &self->g;

	start_idt(g, efer);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	all_gp(_metadata, g, 2);
	EXPECT_EQ(reg(g, TVX_RBX), EFER_LME | EFER_LMA);
	EXPECT_EQ(reg(g, TVX_RSI), EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE);
	EXPECT_EQ(reg(g, TVX_RDI), EFER_LME | EFER_LMA);
	EXPECT_EQ(reg(g, TVX_RAX), EFER_LME | EFER_LMA);
}

/* ---- debugging --------------------------------------------------------------------------- */

GUEST64(breakpoint, "lea 1f(%rip), %rax\nmov %rax, %dr0\nmov $0x401, %eax\nmov %rax, %dr7\n"
	"out %al, $0x80\nnop\n1: nop\nmov %dr0, %rbx\nmov %dr7, %rcx\nhlt");
GUEST64(single_step, "pushf\norl $0x100, (%rsp)\npopf\nxor %eax, %eax\ncpuid\nnop\n"
	"pushf\nandl $~0x100, (%rsp)\npopf\nhlt");
GUEST64(int1, "nop\n.byte 0xf1\nhlt");

TEST_F(vm, breakpoint)
{
	struct guest *g = &self->g;
	struct tvx_state state;

	start_idt(g, breakpoint);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_DEBUG));
	EXPECT_EQ(state.dr[0], out(g)->next_rip + 1);
	EXPECT_EQ(state.dr7, 0x401);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, DB_VECTOR);
	EXPECT_EQ(came(g, 0)->rip, state.dr[0]);
	EXPECT_EQ(came(g, 0)->dr6 & 0xf, 1);
	EXPECT_EQ(reg(g, TVX_RBX), state.dr[0]);
	EXPECT_EQ(reg(g, TVX_RCX), 0x401);
}

GUEST64(nops, "nop\nnop\nout %al, $0x80");

/* On, and off again, by user space alone. */
TEST_F(vm, breakpoint_by_state)
{
	struct guest *g = &self->g;
	struct tvx_state state;

	start_idt(g, nops);
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_DEBUG));
	state.dr[0] = CODE_GPA + 1;
	state.dr7 = 0x401;
	must(tvx_vcpu_set_state(&g->vcpu, &state));
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, DB_VECTOR);
	EXPECT_EQ(came(g, 0)->rip, CODE_GPA + 1);
	/* In the next section they are still on. */
	tvx_set_rip(&g->vcpu, CODE_GPA);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	ASSERT_EQ(idt_count(g), 2);
	state.dr7 = 0x400;
	must(tvx_vcpu_set_state(&g->vcpu, &state));
	tvx_set_rip(&g->vcpu, CODE_GPA);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(idt_count(g), 2);
}

TEST_F(vm, single_step)
{
	/* Behind each instruction after the POPF, CPUID (which exits) among them. */
	static const uint8_t ends[] = { 11, 13, 14, 15, 22, 23 };
	struct guest *g = &self->g;
	unsigned int i;

	start_idt(g, single_step);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), sizeof(ends));
	for (i = 0; i < sizeof(ends); i++) {
		EXPECT_EQ(came(g, i)->vector, DB_VECTOR);
		EXPECT_EQ(came(g, i)->rip, CODE_GPA + ends[i]);
		EXPECT_EQ(came(g, i)->dr6 & DR6_BS, DR6_BS);
	}
}

TEST_F(vm, int1)
{
	struct guest *g = &self->g;

	start_idt(g, int1);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, DB_VECTOR);
	EXPECT_EQ(came(g, 0)->rip, CODE_GPA + 2);
	EXPECT_EQ(out(g)->rip, CODE_GPA + 3);
}

/* ---- real mode, protected mode, long mode, and back -------------------------------------- */

/* Selectors: 8 code32, 0x10 data, 0x18 code64, 0x20 code16 at CODE_GPA, 0x28 data16. */
GUEST16(modes,
	"mov $0x1000, %ax\nmov %ax, %ds\nlgdtl modes_gdtr - modes_code\n"
	"mov %cr0, %eax\nor $1, %al\nmov %eax, %cr0\nljmpl $8, $0x10000 + modes_32 - modes_code\n"
	".code32\n.globl modes_32\nmodes_32:\n"
	"mov $0x10, %eax\nmov %eax, %ds\nmov %eax, %es\nmov %eax, %ss\nmov $0x80000, %esp\n"
	"mov %cr4, %eax\nor $0x20, %eax\nmov %eax, %cr4\nmov $0x100000, %eax\nmov %eax, %cr3\n"
	"mov $0xc0000080, %ecx\nrdmsr\nor $0x100, %eax\nwrmsr\n"
	"mov %cr0, %eax\nbts $31, %eax\nmov %eax, %cr0\n"
	"ljmpl $0x18, $0x10000 + modes_64 - modes_code\n"
	".code64\nmodes_64: movabs $0x1122334455667788, %rbx\nout %al, $0x80\n"
	"pushq $8\npushq $0x10000 + modes_back - modes_code\nlretq\n"
	".code32\nmodes_back: mov %cr0, %eax\nbtr $31, %eax\nmov %eax, %cr0\n"
	"mov $0xc0000080, %ecx\nrdmsr\nbtr $8, %eax\nwrmsr\nmov %cr4, %eax\nbtr $5, %eax\n"
	"mov %eax, %cr4\nout %al, $0x81\nljmpl $0x20, $modes_16 - modes_code\n"
	".code16\nmodes_16: mov $0x28, %ax\nmov %ax, %ds\nmov %ax, %es\nmov %ax, %ss\n"
	"mov %cr0, %eax\nand $0xfe, %al\nmov %eax, %cr0\nljmp $0x1000, $modes_real - modes_code\n"
	"modes_real: mov $0x4242, %bx\nmov %cr0, %ecx\nhlt\n"
	".balign 8\nmodes_gdtr: .word 0x2f\n.long 0x200000\n");
extern const char modes_32[];

TEST_F(vm, modes)
{
	static const uint64_t gdt[] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff,
		0x00af9b000000ffff, 0x00009b010000ffff, 0x000093010000ffff };
	struct guest *g = &self->g;
	struct tvx_state state;

	start(g, GUEST_LONG, modes);		/* for its page tables */
	memcpy(g->mem + DATA_GPA, gdt, sizeof(gdt));
	if (has_feature(g, TVX_FEAT_UNRESTRICTED)) {
		start(g, GUEST_REAL, modes);
	} else {
		start(g, GUEST_PROTECTED, modes);
		must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_ALL));
		state.rip += modes_32 - modes_code;
		state.gdtr = (struct tvx_dtable){ .base = DATA_GPA, .limit = sizeof(gdt) - 1 };
		must(tvx_vcpu_set_state(&g->vcpu, &state));
	}
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	ASSERT_EQ(out(g)->io.port, 0x80);
	EXPECT_EQ(reg(g, TVX_RBX), 0x1122334455667788);
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_CONTROL));
	EXPECT_EQ(state.efer, EFER_LME | EFER_LMA);
	EXPECT_EQ(state.cr0 & CR0_PG_PE, CR0_PG_PE);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	ASSERT_EQ(out(g)->io.port, 0x81);
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_CONTROL));
	EXPECT_EQ(state.efer, 0);
	EXPECT_EQ(state.cr4, 0);
	EXPECT_EQ(state.cr0 & CR0_PG_PE, 1);
	tvx_skip_insn(&g->vcpu);
	if (!has_feature(g, TVX_FEAT_UNRESTRICTED)) {
		ASSERT_EQ(run(g), TVX_EXIT_FAIL_ENTRY);
		EXPECT_EQ(out(g)->fail.reason, TVX_FAIL_NO_REAL_MODE);
		EXPECT_EQ(out(g)->fail.insn_error, 0);
		return;
	}
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RBX) & 0xffff, 0x4242);
	EXPECT_EQ(reg(g, TVX_RCX) & CR0_PG_PE, 0);
}

/* ---- MSRs that the module switches ------------------------------------------------------- */

#define WRMSR(msr, high, low) "mov $" msr ", %ecx\nmov $" high ", %edx\nmov $" low ", %eax\nwrmsr\n"
#define RDMSR(msr, to) "mov $" msr ", %ecx\nrdmsr\nmov %eax, %" to "\n"

GUEST64(syscalls, "mov $0xc0000080, %ecx\nrdmsr\nor $1, %eax\nwrmsr\n"
	WRMSR("0xc0000081", "0x00100008", "0")
	"mov $0xc0000082, %ecx\nlea 2f(%rip), %rax\nxor %edx, %edx\nwrmsr\n"
	WRMSR("0xc0000084", "0", "0x200")
	"out %al, $0x80\nlea 1f(%rip), %rcx\nmov $0x202, %r11d\nsysretq\n"
	"1: mov %cs, %ebx\nxor %eax, %eax\nmov %ebx, %esi\ncpuid\nsyscall\n"
	"2: mov %cs, %edi\npushf\npop %r8\nout %al, $0x81\nhlt");
GUEST64(swapgs, WRMSR("0xc0000101", "0", "0x1111000") WRMSR("0xc0000102", "0", "0x2222000")
	"swapgs\nout %al, $0x80\n" RDMSR("0xc0000101", "esi") RDMSR("0xc0000102", "edi")
	"swapgs\nout %al, $0x81\n" RDMSR("0xc0000101", "r8d") RDMSR("0xc0000102", "r9d") "hlt");
GUEST64(tsc, "rdtsc\nshl $32, %rdx\nor %rdx, %rax\nmov %rax, %rbx\nout %al, $0x80\n"
	"rdtsc\nshl $32, %rdx\nor %rdx, %rax\nmov %rax, %rsi\n" WRMSR("0x10", "0x100000", "0")
	"rdtsc\nmov %edx, %edi\nhlt");

TEST_F(vm, syscall_and_sysret)
{
	struct guest *g = &self->g;
	uint64_t *table;
	unsigned int i;

	start(g, GUEST_LONG, syscalls);
	/* User mode may use the first GiB. */
	for (i = 0; i < 3; i++) {
		table = (uint64_t *)(g->mem + TABLES_GPA + 0x1000 * i);
		table[0] |= 4;
	}
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	ASSERT_EQ(out(g)->io.port, 0x81);
	EXPECT_EQ(reg(g, TVX_RSI), 0x23);
	EXPECT_EQ(reg(g, TVX_RDI), 0x08);
	EXPECT_EQ(reg(g, TVX_R11) & 0x200, 0x200);
	EXPECT_EQ(reg(g, TVX_R8) & 0x200, 0);
}

TEST_F(vm, swapgs)
{
	struct guest *g = &self->g;
	struct tvx_msr msr = { .index = MSR_KERNEL_GS };

	start(g, GUEST_LONG, swapgs);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	must(tvx_vcpu_get_msrs(&g->vcpu, &msr, 1, NULL));
	EXPECT_EQ(msr.value, 0x1111000);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(reg(g, TVX_RSI), 0x2222000);
	EXPECT_EQ(reg(g, TVX_RDI), 0x1111000);
	must(tvx_vcpu_get_msrs(&g->vcpu, &msr, 1, NULL));
	EXPECT_EQ(msr.value, 0x2222000);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_R8), 0x1111000);
	EXPECT_EQ(reg(g, TVX_R9), 0x2222000);
}

TEST_F(vm, tsc)
{
	struct guest *g = &self->g;

	start(g, GUEST_LONG, tsc);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_GT(reg(g, TVX_RSI), reg(g, TVX_RBX));
	EXPECT_EQ(reg(g, TVX_RDI), 0x100000);
}

/* ---- FPU --------------------------------------------------------------------------------- */

GUEST64(sse, "movabs $0x1111222233334444, %rax\nmovq %rax, %xmm7\nout %al, $0x80\n"
	"movq %xmm7, %rbx\nhlt");
GUEST64(avx, "mov %cr4, %rax\nbts $18, %rax\nmov %rax, %cr4\n"
	"xor %ecx, %ecx\nxor %edx, %edx\nmov $7, %eax\nxsetbv\n"
	"movabs $0x1111222233334444, %rax\nmovq %rax, %xmm6\nvinsertf128 $1, %xmm6, %ymm6, %ymm7\n"
	"out %al, $0x80\nvextractf128 $1, %ymm7, %xmm6\nmovq %xmm6, %rbx\nhlt");

#define HOST_VALUE	0xaaaabbbbccccddddull

/* One RUN with a value of our own in the register; what is there afterwards. */
#define RUN_WITH(g, load, store, result) do {						\
	long ret;									\
	do {										\
		ret = SYS_ioctl;							\
		asm volatile("movq %2, %%xmm6\n" load "\nsyscall\n" store "\nmovq %%xmm6, %1"	\
		     : "+a" (ret), "=r" (result)					\
		     : "r" (HOST_VALUE), "D" ((long)(g)->vcpu.fd), "S" (TVX_VCPU_RUN), "d" (0L) \
		     : "rcx", "r11", "xmm6", "xmm7", "memory");				\
		(g)->vcpu.run->in.dirty = 0;						\
	} while (ret == -EINTR && (result) == HOST_VALUE);				\
	ASSERT_EQ(ret, 0);								\
} while (0)
#define LOAD_SSE	"movq %%xmm6, %%xmm7"
#define STORE_SSE	"movq %%xmm7, %%xmm6"
#define LOAD_AVX	"vinsertf128 $1, %%xmm6, %%ymm6, %%ymm7"
#define STORE_AVX	"vextractf128 $1, %%ymm7, %%xmm6"

TEST_F(vm, sse_registers_apart)
{
	struct guest *g = &self->g;
	uint64_t mine;

	start(g, GUEST_LONG, sse);
	RUN_WITH(g, LOAD_SSE, STORE_SSE, mine);
	ASSERT_EQ(out(g)->exit, TVX_EXIT_IO);
	EXPECT_EQ(mine, HOST_VALUE);
	tvx_skip_insn(&g->vcpu);
	RUN_WITH(g, LOAD_SSE, STORE_SSE, mine);
	ASSERT_EQ(out(g)->exit, TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RBX), 0x1111222233334444);
	EXPECT_EQ(mine, HOST_VALUE);
}

TEST_F(vm, avx_registers_apart)
{
	struct guest *g = &self->g;
	uint64_t mine;

	if (!(g->dev.info.xcr0 & 4))
		SKIP(return, "no AVX");
	start(g, GUEST_LONG, avx);
	RUN_WITH(g, LOAD_AVX, STORE_AVX, mine);
	ASSERT_EQ(out(g)->exit, TVX_EXIT_IO);
	EXPECT_EQ(mine, HOST_VALUE);
	tvx_skip_insn(&g->vcpu);
	RUN_WITH(g, LOAD_AVX, STORE_AVX, mine);
	ASSERT_EQ(out(g)->exit, TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RBX), 0x1111222233334444);
	EXPECT_EQ(mine, HOST_VALUE);
}

TEST_HARNESS_MAIN
