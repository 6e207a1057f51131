/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operations that the guest times, in one list for the guest, which makes
 * its table of it, and for the VMM, which calls them by their place in it.
 *
 * OP(name, iterations): a round should take about 50,000 instructions on the
 * slower of the two, so that most rounds fall between two ticks of the host.
 */
#ifndef BENCH_OPS_H
#define BENCH_OPS_H

/* 64-bit mode */
#define LONG_OPS(OP)		\
	OP(empty, 64)		\
	OP(cpuid, 64)		\
	OP(vmcall, 32)		\
	OP(rdmsr, 64)		\
	OP(wrmsr, 64)		\
	OP(rdmsr_pass, 64)	\
	OP(cr0_ts, 64)		\
	OP(cr0_wp, 16)		\
	OP(cr4_pge, 64)		\
	OP(cr3, 64)		\
	OP(cr8, 64)		\
	OP(xsetbv, 32)		\
	OP(pause, 64)		\
	OP(hlt, 16)		\
	OP(out, 16)		\
	OP(in, 16)		\
	OP(mmio_write, 8)	\
	OP(mmio_read, 8)	\
	OP(outsb, 1)		\
	OP(touch_4k, 16)		\
	OP(touch_2m, 1)		\
	OP(spin, 1)

/* 64-bit mode, in a VM with local APICs in x2APIC mode and an eventfd at EVENT_PORT */
#define APIC_OPS(OP)		\
	OP(apic_self_ipi, 8)	\
	OP(apic_self_ipi_hlt, 8) \
	OP(apic_due, 8)		\
	OP(apic_deadline, 16)	\
	OP(apic_eoi, 32)	\
	OP(apic_tpr, 32)	\
	OP(apic_cr8, 64)	\
	OP(apic_id, 32)		\
	OP(eventfd, 32)		\
	OP(apic_ipi, 8)		\
	OP(apic_ipi_target, 1)

/* 16-bit real mode */
#define REAL_OPS(OP)		\
	OP(real_empty, 64)	\
	OP(real_cpuid, 64)	\
	OP(real_vmcall, 64)	\
	OP(real_rdmsr, 64)	\
	OP(real_out, 16)	\
	OP(real_mmio_write, 8)	\
	OP(real_hlt, 1)

/* Where things are, guest-physical. */
#define IMAGE_GPA	0x10000		/* the image; real mode's segment is this / 16 */
#define MEM_SIZE	0x100000	/* the slot that holds it; real mode reaches behind it */
#define STACK_GPA(id)	(0x80000 - 0x1000 * (id))
#define REAL_SP		0xfff0
#define TOUCH_GPA	0x4000000	/* memory that is there to be touched */
#define MMIO_GPA	0x30000000	/* no memory */

#define END_PORT	0xf4		/* all rounds are done */
#define IO_PORT		0x510
#define EVENT_PORT	0x520
#define INTR_VECTOR	0x20		/* of user space's */
#define APIC_VECTOR	0x21		/* the guest's own: the handler ends with EOI */
#define IPI_VECTOR	0x22		/* the handler counts before it */
#define LAST_VECTOR	IPI_VECTOR

#define MAX_ROUNDS	32
#define WARM_UP		4		/* iterations before the first round */

#endif
