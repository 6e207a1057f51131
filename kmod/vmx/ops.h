/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The unsafe boundary: every VMX instruction but the entry itself (entry.S).
 *
 * In 64-bit mode VMREAD and VMWRITE take 64-bit operands whatever the width of
 * the field (zero-extended, truncated), so that one pair serves all widths.
 *
 * All but vmxon() need VMX on, with preemption off; vmread() and vmwrite() are for
 * windows, in which the right VMCS is current.  A failure is a bug of ours: it is told
 * once, names the field, and the caller goes on with a zero.  After an emergency VMXOFF
 * the instructions fault, and the exception table makes that a failure too.
 *
 * cpu_rdmsr() and cpu_wrmsr() are for MSRs that the CPU surely has, where the
 * kernel's own wrappers would put a call for their tracepoints.
 */
#ifndef TVX_VMX_OPS_H
#define TVX_VMX_OPS_H

#include <linux/errno.h>
#include <linux/types.h>
#include <asm/asm.h>
#include <asm/msr.h>
#include <asm/vmx.h>

struct vmx_vcpu;

#ifdef TVX_CHECKING
/* ops.c */
void check_in_window(void);
#else
static inline void check_in_window(void) { }
#endif

/* ops.c: out of line, for it never happens */
__cold void vmx_op_failed(const char *op, unsigned long operand);

/*
 * asm goto with outputs: the empty asm keeps compilers that lose track of an
 * output on the fall-through path honest.
 */
#define vmx_asm_goto(x...) do { asm volatile goto(x); asm(""); } while (0)

static __always_inline unsigned long vmread(unsigned long field)
{
	unsigned long value;

	check_in_window();
	vmx_asm_goto("1: vmread %[field], %[value]\n\t"
		     "jna %l[fail]\n"
		     _ASM_EXTABLE(1b, %l[fail])
		     : [value] "=r" (value) : [field] "r" (field) : "cc" : fail);
	return value;
fail:
	vmx_op_failed("VMREAD", field);
	return 0;
}

/* A field that this CPU may lack: 0 then, and that is no bug. */
static inline unsigned long vmread_optional(unsigned long field)
{
	unsigned long value = 0;

	vmx_asm_goto("1: vmread %[field], %[value]\n\t"
		     "jna %l[fail]\n"
		     _ASM_EXTABLE(1b, %l[fail])
		     : [value] "+r" (value) : [field] "r" (field) : "cc" : fail);
	return value;
fail:
	return 0;
}

static __always_inline void vmwrite(unsigned long field, unsigned long value)
{
	check_in_window();
	asm volatile goto("1: vmwrite %[value], %[field]\n\t"
			  "jna %l[fail]\n"
			  _ASM_EXTABLE(1b, %l[fail])
			  : : [value] "r" (value), [field] "r" (field) : "cc" : fail);
	return;
fail:
	vmx_op_failed("VMWRITE", field);
}

static __always_inline u64 cpu_rdmsr(u32 msr)
{
	return __rdmsr(msr);
}

static __always_inline void cpu_wrmsr(u32 msr, u64 value)
{
	native_wrmsr(msr, (u32)value, value >> 32);
}

/* Return: 0 or -EIO, after a failure told in the log. */
static inline int vmclear(u64 pa)
{
	asm volatile goto("1: vmclear %[pa]\n\t"
			  "jna %l[fail]\n"
			  _ASM_EXTABLE(1b, %l[fail])
			  : : [pa] "m" (pa) : "cc", "memory" : fail);
	return 0;
fail:
	vmx_op_failed("VMCLEAR", pa);
	return -EIO;
}

static inline int vmptrld(const u64 *pa)
{
	asm volatile goto("1: vmptrld %[pa]\n\t"
			  "jna %l[fail]\n"
			  _ASM_EXTABLE(1b, %l[fail])
			  : : [pa] "m" (*pa) : "cc", "memory" : fail);
	return 0;
fail:
	vmx_op_failed("VMPTRLD", *pa);
	return -EIO;
}

/* Return: 0, or -EIO: VMX is off. */
static inline int vmptrst(u64 *pa)
{
	asm volatile goto("1: vmptrst %[pa]\n"
			  _ASM_EXTABLE(1b, %l[fail])
			  : : [pa] "m" (*pa) : "cc", "memory" : fail);
	return 0;
fail:
	return -EIO;
}

/*
 * CR4 without the kernel's shadow of it: interrupts off until it is again what the shadow
 * says.
 */
static inline void native_set_cr4(unsigned long value)
{
	asm volatile("mov %0, %%cr4" : : "r" (value) : "memory");
}

/* CR4.VMXE is set.  Return: 0 or -EIO; says nothing, the caller does. */
static inline int vmxon(u64 pa)
{
	asm volatile goto("1: vmxon %[pa]\n\t"
			  "jna %l[fail]\n"
			  _ASM_EXTABLE(1b, %l[fail])
			  : : [pa] "m" (pa) : "cc", "memory" : fail);
	return 0;
fail:
	return -EIO;
}

static inline int vmxoff(void)
{
	asm volatile goto("1: vmxoff\n\t"
			  "jna %l[fail]\n"
			  _ASM_EXTABLE(1b, %l[fail])
			  : : : "cc", "memory" : fail);
	return 0;
fail:
	return -EIO;
}

struct vmx_inv_descriptor {
	u64 id;
	u64 address;
};

/* Return: 0, or -EIO: VMX is off. */
static inline int invept(unsigned long extent, u64 eptp)
{
	struct vmx_inv_descriptor d = { .id = eptp };

	asm volatile goto("1: invept %[d], %[extent]\n\t"
			  "jna %l[fail]\n"
			  _ASM_EXTABLE(1b, %l[fail])
			  : : [d] "m" (d), [extent] "r" (extent) : "cc", "memory" : fail);
	return 0;
fail:
	return -EIO;
}

static inline void invvpid(unsigned long extent, u16 vpid)
{
	struct vmx_inv_descriptor d = { .id = vpid };

	asm volatile goto("1: invvpid %[d], %[extent]\n\t"
			  "jna %l[fail]\n"
			  _ASM_EXTABLE(1b, %l[fail])
			  : : [d] "m" (d), [extent] "r" (extent) : "cc", "memory" : fail);
	return;
fail:
	vmx_op_failed("INVVPID", vpid);
}

/* On this CPU, drop all that was cached of the address space @eptp. */
void vmx_invept(u64 eptp);
/* The same where VMX may be off.  Return: 0 or -EIO, and nothing is dropped. */
int vmx_try_invept(u64 eptp);
/* On this CPU, drop all linear and combined mappings of @vpid. */
void vmx_invvpid(u16 vpid);

#endif
