// SPDX-License-Identifier: GPL-2.0-only
/*
 * FPU, SSE, AVX: kernel_fpu_begin() saves what the process had, and the kernel
 * restores it before the process runs again.  In between the registers are the
 * guest's.  Components that the kernel treats specially (PKRU, AMX) are not
 * given to guests; supervisor components neither.
 */
#define pr_fmt(fmt) "tinyvmx: " fmt

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/processor.h>

#include "../compat.h"
#include "fpu.h"
#include "power.h"

#define GUEST_XFEATURES (XFEATURE_MASK_FP | XFEATURE_MASK_SSE | XFEATURE_MASK_YMM | \
			 XFEATURE_MASK_OPMASK | XFEATURE_MASK_ZMM_Hi256 | \
			 XFEATURE_MASK_Hi16_ZMM)

/* Offsets in the legacy area, which FXSAVE and XSAVE share. */
#define MXCSR_AT	24
#define HEADER_AT	512	/* XSTATE_BV, XCOMP_BV, 48 reserved bytes */
#define HEADER_LEN	64

u64 fpu_xfeatures __ro_after_init;
u64 fpu_host_xcr0 __ro_after_init;
static u32 area_size __ro_after_init;
static u32 mxcsr_mask __ro_after_init;

u64 vmx_xcr0_supported(void)
{
	return fpu_xfeatures;
}

u32 vmx_xsave_size(void)
{
	return area_size;
}

/* The standard format has each component where CPUID says. */
static u32 standard_size(void)
{
	u32 size = HEADER_AT + HEADER_LEN, eax, ebx, ecx, edx, i;

	for (i = 2; i < 63; i++) {
		if (!(fpu_xfeatures & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		size = max(size, eax + ebx);
	}
	return size;
}

/* What run.c does about softirqs was decided by the headers: not silently wrong. */
static int check_softirqs(void)
{
	bool off;

	kernel_fpu_begin();
	off = softirq_count();
	kernel_fpu_end();
	if (!off || COMPAT_FPU_SOFTIRQS_OFF)
		return 0;
	pr_err("this kernel has softirqs off while it uses the FPU, and its headers did not say so: a guest could hold them off\n");
	return -EOPNOTSUPP;
}

int fpu_setup(void)
{
	struct fxregs_state *fx = kzalloc(sizeof(*fx) + 16, GFP_KERNEL);
	struct fxregs_state *aligned = PTR_ALIGN(fx, 16);

	if (boot_cpu_has(X86_FEATURE_OSXSAVE) && boot_cpu_has(X86_FEATURE_XSAVE)) {
		fpu_host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
		fpu_xfeatures = fpu_host_xcr0 & GUEST_XFEATURES;
		area_size = standard_size();
	} else {
		area_size = sizeof(struct fxregs_state);
	}
	mxcsr_mask = 0xffbf;	/* what a zero mask means, by the SDM */
	if (fx) {
		kernel_fpu_begin();
		asm volatile("fxsave %0" : "+m" (*aligned));
		kernel_fpu_end();
		if (aligned->mxcsr_mask)
			mxcsr_mask = aligned->mxcsr_mask;
		kfree(fx);
	}
	return check_softirqs();
}

int fpu_alloc(struct vmx_vcpu *v)
{
	struct fxregs_state *fx;

	v->xsave = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, get_order(area_size));
	if (!v->xsave)
		return -ENOMEM;
	fx = v->xsave;
	fx->cwd = 0x40;		/* after RESET; an FNINIT would make it 0x37f */
	fx->mxcsr = 0x1f80;
	if (fpu_xfeatures)
		*(u64 *)(v->xsave + HEADER_AT) = XFEATURE_MASK_FPSSE;
	v->xcr0 = fpu_xfeatures ? XFEATURE_MASK_FP : 0;
	return 0;
}

void fpu_free(struct vmx_vcpu *v)
{
	free_pages((unsigned long)v->xsave, get_order(area_size));
	v->xsave = NULL;
}

int vmx_write_xcr0(struct vmx_vcpu *v, u64 value)
{
	u64 avx512 = XFEATURE_MASK_OPMASK | XFEATURE_MASK_ZMM_Hi256 | XFEATURE_MASK_Hi16_ZMM;

	if (!v->policy->xcr0_allowed || value & ~v->policy->xcr0_allowed ||
	    !(value & XFEATURE_MASK_FP))
		return -EINVAL;
	if (value & XFEATURE_MASK_YMM && !(value & XFEATURE_MASK_SSE))
		return -EINVAL;
	if (value & avx512 && ((value & avx512) != avx512 || !(value & XFEATURE_MASK_YMM)))
		return -EINVAL;
	if (v->in_section && value != v->xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, value);
	v->xcr0 = value;
	return 0;
}

/* XRSTOR faults on what this refuses, and it must not fault. */
int vmx_set_xsave(struct vmx_vcpu *v, const void *area)
{
	const u64 *header = area + HEADER_AT;
	unsigned int i;

	if (*(const u32 *)(area + MXCSR_AT) & ~mxcsr_mask)
		return -EINVAL;
	for (i = 1; fpu_xfeatures && i < HEADER_LEN / 8; i++)
		if (header[i])
			return -EINVAL;
	if (fpu_xfeatures && header[0] & ~fpu_xfeatures)
		return -EINVAL;
	memcpy(v->xsave, area, area_size);
	return 0;
}
