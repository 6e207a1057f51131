/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest: one flat image, the same for both hypervisors, entered in 64-bit or
 * in real mode.  In: RSP, EDI operation, ESI iterations, EDX rounds, EBX 1 to trace.
 * Each round runs the operation's loop between two RDTSC and stores the difference.
 *
 * Selectors, page tables and the interrupt table are the image's own: the header
 * tells the VMM where they are.  Tables cover 1 GiB, one to one.
 */
#include "ops.h"

#define MSR_UCODE_REV		0x8b
#define MSR_MISC_ENABLE		0x1a0
#define MSR_KERNEL_GS_BASE	0xc0000102
#define CR0_TS_BIT		3
#define CR0_WP_BIT		16
#define CR4_PGE_BIT		7
#define NO_HYPERCALL		0x7fffffff
#define MAGIC			xchgw %bx, %bx	/* begins or ends a trace */

	.section .image, "awx"
	.globl	header
header:	/* struct guest_header in bench.h */
	.quad	long_entry, real_entry - header, results, signalled
	.quad	gdt, idt, pml4

/* ---- 64-bit mode: RBP counts; R12 to R15 and RSP are the driver's ------------- */

	.code64
long_entry:
	leaq	long_table(, %rdi, 8), %r12
	movq	(%r12), %r12
	movl	%esi, %r13d
	movl	%edx, %r14d
	movl	%ebx, %r15d
	movl	$TOUCH_GPA, touched
	movl	$WARM_UP, %ebp
	cmpl	%ebp, %r13d
	cmovbl	%r13d, %ebp
	call	*%r12
	movq	$results, next_result
long_round:
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	movq	%rax, began
	movl	%r13d, %ebp
	testl	%r15d, %r15d
	jnz	long_traced
	call	*%r12
long_timed:
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	subq	began, %rax
	movq	next_result, %rdx
	movq	%rax, (%rdx)
	addq	$8, next_result
	decl	%r14d
	jnz	long_round
	outb	%al, $END_PORT
	ud2
long_traced:
	MAGIC
	call	*%r12
	MAGIC
	jmp	long_timed

/* What stands before "begin" is done once a round. */
	.macro	op name
op_\name:
	.endm
	.macro	begin name
loop_\name:
	.endm
	.macro	next name
	decl	%ebp
	jnz	loop_\name
	ret
	.endm
/* Nothing to do before the loop. */
	.macro	first name
	op	\name
	begin	\name
	.endm

	first	empty
	next	empty

	first	cpuid
	xorl	%eax, %eax
	cpuid
	next	cpuid

	first	vmcall
	movl	$NO_HYPERCALL, %eax
	vmcall
	next	vmcall

	op	rdmsr
	movl	$MSR_MISC_ENABLE, %ecx
	begin	rdmsr
	rdmsr
	next	rdmsr

	op	wrmsr
	movl	$MSR_UCODE_REV, %ecx
	xorl	%eax, %eax
	xorl	%edx, %edx
	begin	wrmsr
	wrmsr
	next	wrmsr

	op	rdmsr_pass
	movl	$MSR_KERNEL_GS_BASE, %ecx
	begin	rdmsr_pass
	rdmsr
	next	rdmsr_pass

	.macro	toggle name, cr, bit
	op	\name
	movq	%\cr, %rax
	movq	%rax, %rbx
	btcq	$\bit, %rbx
	begin	\name
	movq	%rbx, %\cr
	movq	%rax, %\cr
	next	\name
	.endm
	toggle	cr0_ts, cr0, CR0_TS_BIT
	toggle	cr0_wp, cr0, CR0_WP_BIT
	toggle	cr4_pge, cr4, CR4_PGE_BIT

	op	cr3
	movq	%cr3, %rax
	begin	cr3
	movq	%rax, %cr3
	next	cr3

	op	cr8
	xorl	%eax, %eax
	begin	cr8
	movq	%rax, %cr8
	next	cr8

	op	xsetbv
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	movl	$3, %eax
	begin	xsetbv
	xsetbv
	next	xsetbv

	first	pause
	pause
	next	pause

	op	hlt
	sti
	begin	hlt
	hlt
	decl	%ebp
	jnz	loop_hlt
	cli
	ret

	op	out
	movl	$IO_PORT, %edx
	begin	out
	outb	%al, %dx
	next	out

	op	in
	movl	$IO_PORT, %edx
	begin	in
	inb	%dx, %al
	next	in

	op	mmio_write
	movl	$MMIO_GPA, %ebx
	begin	mmio_write
	movl	%eax, (%rbx)
	next	mmio_write

	op	mmio_read
	movl	$MMIO_GPA, %ebx
	begin	mmio_read
	movl	(%rbx), %eax
	next	mmio_read

	op	outsb
	movl	$IO_PORT, %edx
	begin	outsb
	movl	$header, %esi
	movl	$64, %ecx
	rep outsb
	next	outsb

	.macro	touch name, size
	op	\name
	movl	touched, %ebx
	begin	\name
	leal	\size(%rbx), %esi
	movl	%esi, touched
	movb	$1, (%rbx)
	movl	%esi, %ebx
	next	\name
	.endm
	touch	touch_4k, 0x1000
	touch	touch_2m, 0x200000

	.macro	clock to
	rdtsc
	shlq	$32, %rdx
	orq	%rdx, %rax
	movq	%rax, \to
	.endm
/*
 * Until the VMM has set "signalled": the longest of the last three times between two readings
 * of the clock is what the signal took. STI, for in Bochs 2.7 interrupts of the host do not end
 * the run of a guest that was entered with IF clear.
 */
	op	spin
	sti
	clock	%r10
	begin	spin
	movq	%r9, %r8
	movq	%r10, %r9
	clock	%r10
	cmpl	$0, signalled
	je	loop_spin
	clock	%r11
	subq	%r10, %r11
	subq	%r9, %r10
	subq	%r8, %r9
	cmpq	%r10, %r9
	cmovbq	%r10, %r9
	cmpq	%r11, %r9
	cmovbq	%r11, %r9
	movq	%r9, results
	outb	%al, $END_PORT
	ud2

interrupt:
	iretq

#include "guest_apic.S"

/* ---- real mode, CS = DS = ES = SS: ECX is the driver's too; SI counts ------------ */

	.code16
real_entry:
	movw	real_table - header(, %edi, 2), %di
	movl	%edx, %ecx
	movl	%ecx, rounds - header
	movl	%esi, count - header
	movl	%ebx, traced - header
	call	*%di
	movl	$results - header, next_result - header
real_round:
	rdtsc
	movl	%eax, began - header
	movl	count - header, %esi
	cmpl	$0, traced - header
	jnz	real_traced
	call	*%di
real_timed:
	rdtsc
	subl	began - header, %eax
	movl	next_result - header, %ebx
	movl	%eax, (%bx)
	addl	$8, next_result - header
	decl	rounds - header
	jnz	real_round
	outb	%al, $END_PORT
	ud2
real_traced:
	MAGIC
	call	*%di
	MAGIC
	jmp	real_timed

	.macro	real_next name
	decl	%esi
	jnz	loop_\name
	ret
	.endm

	first	real_empty
	real_next real_empty

	first	real_cpuid
	xorl	%eax, %eax
	cpuid
	real_next real_cpuid

	first	real_vmcall
	movl	$NO_HYPERCALL, %eax
	vmcall
	real_next real_vmcall

	op	real_rdmsr
	movl	$MSR_MISC_ENABLE, %ecx
	begin	real_rdmsr
	rdmsr
	real_next real_rdmsr

	op	real_out
	movw	$IO_PORT, %dx
	begin	real_out
	outb	%al, %dx
	real_next real_out

	op	real_mmio_write
	movw	$0xffff, %bx
	movw	%bx, %es
	begin	real_mmio_write
	movb	%al, %es:(MEM_SIZE - 0xffff0)
	real_next real_mmio_write

	first	real_hlt
	hlt
	real_next real_hlt

/* ---- data -------------------------------------------------------------------------- */

	.balign	16
#define LONG_ENTRY(name, n)	.quad op_##name;
#define REAL_ENTRY(name, n)	.word op_##name - header;
long_table:
	LONG_OPS(LONG_ENTRY)
	APIC_OPS(LONG_ENTRY)
real_table:
	REAL_OPS(REAL_ENTRY)

	.balign	8
next_result: .quad	0
touched: .quad	0
count:	.quad	0
rounds:	.quad	0
traced:	.quad	0
began:	.quad	0
signalled: .quad 0
ipis:	.quad	0
results: .fill	MAX_ROUNDS, 8, 0

gdt:	/* null, 64-bit code, data */
	.quad	0, 0x00af9b000000ffff, 0x00cf93000000ffff

	.balign	16
	.macro	gate handler
	.word	(\handler - header + IMAGE_GPA) & 0xffff, 8, 0x8e00
	.word	(\handler - header + IMAGE_GPA) >> 16, 0, 0, 0, 0
	.endm
idt:
	.fill	2 * INTR_VECTOR, 8, 0
	gate	interrupt
	gate	apic_interrupt
	gate	ipi_interrupt

	.balign	4096
pml4:	.quad	pdpt + 3
	.fill	511, 8, 0
pdpt:	.quad	pd + 3
	.fill	511, 8, 0
pd:	.set	page, 0
	.rept	512
	.quad	page * 0x200000 + 0x83
	.set	page, page + 1
	.endr
