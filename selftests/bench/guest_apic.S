/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A part of guest.S: operations of local APICs, in x2APIC mode, which the VMM has switched
 * on, and their handlers. IF is clear where it is not set.
 */
#define MSR_TSC_DEADLINE	0x6e0
#define APIC_MSR		0x800
#define APIC_ID			0x20
#define APIC_TPR		0x80
#define APIC_EOI		0xb0
#define APIC_ICR		0x300
#define ICR_SELF		0x40000
#define FAR_AHEAD		0x200	/* in TSC ticks, upper half: no sum with it overflows */

	.macro	x2apic reg, value, high=0
	movl	$APIC_MSR + (\reg >> 4), %ecx
	movl	$\value, %eax
	movl	$\high, %edx
	.endm
/* What is pending by now is taken. */
	.macro	take how
	sti
	\how
	cli
	.endm

	first	apic_self_ipi
	x2apic	APIC_ICR, ICR_SELF + APIC_VECTOR
	wrmsr
	take	nop
	next	apic_self_ipi

	first	apic_self_ipi_hlt
	x2apic	APIC_ICR, ICR_SELF + APIC_VECTOR
	wrmsr
	take	hlt
	next	apic_self_ipi_hlt

	.macro	deadline low, high
	movl	$MSR_TSC_DEADLINE, %ecx
	movl	$\low, %eax
	movl	$\high, %edx
	.endm
	first	apic_due
	deadline 1, 0
	wrmsr
	take	nop
	next	apic_due

	op	apic_deadline
	deadline 0, FAR_AHEAD
	begin	apic_deadline
	wrmsr
	next	apic_deadline

	op	apic_eoi
	x2apic	APIC_EOI, 0
	begin	apic_eoi
	wrmsr
	next	apic_eoi

	op	apic_tpr
	x2apic	APIC_TPR, 0
	begin	apic_tpr
	wrmsr
	next	apic_tpr

	op	apic_cr8
	xorl	%eax, %eax
	begin	apic_cr8
	movq	%rax, %cr8
	next	apic_cr8

	op	apic_id
	x2apic	APIC_ID, 0
	begin	apic_id
	rdmsr
	next	apic_id

	op	eventfd
	movl	$EVENT_PORT, %edx
	begin	eventfd
	outb	%al, %dx
	next	eventfd

/* To vCPU 1, until its handler has been there. STI as in spin: the host has IPIs, too. */
	op	apic_ipi
	sti
	begin	apic_ipi
	x2apic	APIC_ICR, IPI_VECTOR, 1
	movl	ipis, %ebx
	wrmsr
apic_ipi_wait:
	cmpl	%ebx, ipis
	je	apic_ipi_wait
	next	apic_ipi

	first	apic_ipi_target
	sti
	jmp	loop_apic_ipi_target

ipi_interrupt:
	incl	ipis
apic_interrupt:
	x2apic	APIC_EOI, 0
	wrmsr
	iretq
