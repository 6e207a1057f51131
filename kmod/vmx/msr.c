// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSRs of a guest: in the VMCS, in the CPU while the section lasts, or
 * nothing but a number.  Three tables; what is in none of them is not there (#GP).
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/mtrr.h>
#include <asm/vmx.h>

#include "mitigate.h"
#include "ops.h"
#include "state.h"

static const struct {
	u32 msr, field;
	bool address;	/* must be canonical */
} in_vmcs[] = {
	{ MSR_FS_BASE, GUEST_FS_BASE, true },
	{ MSR_GS_BASE, GUEST_GS_BASE, true },
	{ MSR_IA32_SYSENTER_CS, GUEST_SYSENTER_CS, false },
	{ MSR_IA32_SYSENTER_ESP, GUEST_SYSENTER_ESP, true },
	{ MSR_IA32_SYSENTER_EIP, GUEST_SYSENTER_EIP, true },
};

static const struct {
	u32 msr;
	enum vmx_switched index;
	bool address;
	u64 feature;	/* TVX_FEAT_*, 0: always there */
} in_cpu[] = {
	{ MSR_KERNEL_GS_BASE, VMX_SW_KERNEL_GS, true, 0 },
	{ MSR_STAR, VMX_SW_STAR, false, 0 },
	{ MSR_LSTAR, VMX_SW_LSTAR, true, 0 },
	{ MSR_CSTAR, VMX_SW_CSTAR, true, 0 },
	{ MSR_SYSCALL_MASK, VMX_SW_SFMASK, false, 0 },
	{ MSR_TSC_AUX, VMX_SW_TSC_AUX, false, TVX_FEAT_RDTSCP },
};

/* Numbers: what they read as after RESET, which bits a write keeps. */
static const struct {
	u32 msr;
	u64 reset, writable;
} soft[VMX_NR_SOFT_MSRS] = {
	{ MSR_IA32_MISC_ENABLE, MSR_IA32_MISC_ENABLE_FAST_STRING, 0 },
	{ MSR_IA32_UCODE_REV, 0, ~0ull },	/* written with 0 before it is read */
	{ MSR_IA32_PLATFORM_ID, 0, 0 },
	{ MSR_IA32_TSC_ADJUST, 0, ~0ull },
	{ MSR_MTRRcap, 0, 0 },			/* no MTRRs: EPT says write-back */
	{ MSR_MTRRdefType, 0x800 | MTRR_TYPE_WRBACK, 0xcff },
	{ MSR_IA32_MCG_CAP, 0, 0 },		/* no banks */
	{ MSR_IA32_DEBUGCTLMSR, 0, 0 },
};

/* What a guest may know of the CPU's immunity; nothing that needs our help. */
#define ARCH_CAP_TOLD (ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_SSB_NO | \
		       ARCH_CAP_MDS_NO | ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO | \
		       ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO | \
		       ARCH_CAP_SKIP_VMENTRY_L1DFLUSH)

/* Others whose values are worked out below; all of them, for vmx_msr_list(). */
static const u32 all_msrs[] = {
	MSR_IA32_SPEC_CTRL, MSR_EFER, MSR_IA32_TSC, MSR_IA32_CR_PAT,
	MSR_FS_BASE, MSR_GS_BASE, MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP,
	MSR_IA32_SYSENTER_EIP, MSR_KERNEL_GS_BASE, MSR_STAR, MSR_LSTAR, MSR_CSTAR,
	MSR_SYSCALL_MASK, MSR_IA32_MISC_ENABLE, MSR_IA32_UCODE_REV,
	MSR_IA32_PLATFORM_ID, MSR_IA32_TSC_ADJUST, MSR_MTRRcap, MSR_MTRRdefType,
	MSR_IA32_MCG_CAP, MSR_IA32_DEBUGCTLMSR, MSR_TSC_AUX,
};

/* Without exits: the VMCS or the section switches them, any value is harmless. */
static const u32 passed[] = {
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_IA32_SYSENTER_CS,
	MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP, 0
};

const u32 *vmx_msr_passed(void)
{
	return passed;
}

bool vmx_msr_may_pass(u32 msr)
{
	unsigned int i;

	for (i = 0; passed[i]; i++)
		if (passed[i] == msr)
			return true;
	return false;
}

/* Its first and its last are those that not every CPU has. */
u32 vmx_msr_list(const u32 **list)
{
	u32 first = mitigate_spec ? 0 : 1;
	u32 end = ARRAY_SIZE(all_msrs) - (vmx_caps.features & TVX_FEAT_RDTSCP ? 0 : 1);

	*list = all_msrs + first;
	return end - first;
}

void vmx_reset_msrs(struct vmx_vcpu *v)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(soft); i++)
		v->soft_msrs[i] = soft[i].reset;
}

static bool canonical(u64 address)
{
	unsigned int bits = boot_cpu_has(X86_FEATURE_LA57) ? 57 : 48;

	return ((s64)(address << (64 - bits)) >> (64 - bits)) == (s64)address;
}

/* ---- special ones -------------------------------------------------------------- */

/* By the guest's instruction: LME not while paging is on, LMA never. */
static int write_efer(struct vmx_vcpu *v, u64 value)
{
	u64 old = vmx_read_efer(v);

	if (value & ~v->policy->efer_allowed)
		return -EINVAL;
	if ((value ^ old) & EFER_LME && vmx_read_cr0(v) & X86_CR0_PG)
		return -EINVAL;
	regs_set_efer(v, (value & ~(u64)EFER_LMA) | (old & EFER_LMA));
	return 0;
}

static int write_pat(u64 value)
{
	unsigned int i;

	for (i = 0; i < 64; i += 8) {
		u8 type = value >> i;

		/* UC, WC, WT, WP, WB, UC-: 2 and 3 are reserved. */
		if (type > 7 || type == 2 || type == 3)
			return -EINVAL;
	}
	vmwrite(GUEST_IA32_PAT, value);
	return 0;
}

static u64 spec_ctrl_bits(void)
{
	u64 bits = 0;

	if (boot_cpu_has(X86_FEATURE_SPEC_CTRL))
		bits |= SPEC_CTRL_IBRS;
	if (boot_cpu_has(X86_FEATURE_INTEL_STIBP))
		bits |= SPEC_CTRL_STIBP;
	if (boot_cpu_has(X86_FEATURE_SPEC_CTRL_SSBD))
		bits |= SPEC_CTRL_SSBD;
	return bits;
}

static int write_spec_ctrl(struct vmx_vcpu *v, u64 value)
{
	if (!mitigate_spec)
		return -ENOENT;
	if (value & ~spec_ctrl_bits())
		return -EINVAL;
	v->spec_guest = value;
	return 0;
}

/* A barrier that the guest asks for, done for it: bit 0 is all that these two have. */
static int write_command(u32 msr, unsigned int feature, u64 value)
{
	if (!boot_cpu_has(feature))
		return -ENOENT;
	if (value & ~1ull)
		return -EINVAL;
	if (value)
		wrmsrl(msr, value);
	return 0;
}

static u64 arch_capabilities(void)
{
	u64 value;

	rdmsrl(MSR_IA32_ARCH_CAPABILITIES, value);
	return value & ARCH_CAP_TOLD;
}

/* ---- look-ups --------------------------------------------------------------------- */

static int get_listed(struct vmx_vcpu *v, u32 msr, u64 *value)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(in_vmcs); i++)
		if (in_vmcs[i].msr == msr)
			return *value = vmread(in_vmcs[i].field), 0;
	for (i = 0; i < ARRAY_SIZE(in_cpu); i++) {
		if (in_cpu[i].msr != msr || in_cpu[i].feature & ~vmx_caps.features)
			continue;
		if (v->in_section && msr == MSR_KERNEL_GS_BASE)
			rdmsrl(MSR_KERNEL_GS_BASE, v->switched[VMX_SW_KERNEL_GS]);
		return *value = v->switched[in_cpu[i].index], 0;
	}
	for (i = 0; i < ARRAY_SIZE(soft); i++)
		if (soft[i].msr == msr)
			return *value = v->soft_msrs[i], 0;
	return -ENOENT;
}

static int set_in_cpu(struct vmx_vcpu *v, unsigned int i, u64 value)
{
	u32 msr = in_cpu[i].msr;

	/* Their upper halves are reserved, and must not make a WRMSR of ours fault. */
	if ((msr == MSR_TSC_AUX || msr == MSR_SYSCALL_MASK) && value >> 32)
		return -EINVAL;
	v->switched[in_cpu[i].index] = value;
	if (!v->in_section)
		return 0;
	if (msr == MSR_KERNEL_GS_BASE || msr == MSR_TSC_AUX || v->syscall_live)
		wrmsrl(msr, value);
	return 0;
}

static int set_listed(struct vmx_vcpu *v, u32 msr, u64 value)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(in_vmcs); i++) {
		if (in_vmcs[i].msr != msr)
			continue;
		if (in_vmcs[i].address && !canonical(value))
			return -EINVAL;
		vmwrite(in_vmcs[i].field, value);
		return 0;
	}
	for (i = 0; i < ARRAY_SIZE(in_cpu); i++) {
		if (in_cpu[i].msr != msr || in_cpu[i].feature & ~vmx_caps.features)
			continue;
		if (in_cpu[i].address && !canonical(value))
			return -EINVAL;
		return set_in_cpu(v, i, value);
	}
	for (i = 0; i < ARRAY_SIZE(soft); i++) {
		if (soft[i].msr != msr)
			continue;
		if ((value ^ v->soft_msrs[i]) & ~soft[i].writable)
			return -EINVAL;
		v->soft_msrs[i] = value;
		return 0;
	}
	return -ENOENT;
}

int vmx_get_msr(struct vmx_vcpu *v, u32 msr, u64 *value)
{
	switch (msr) {
	case MSR_EFER:
		*value = vmx_read_efer(v);
		return 0;
	case MSR_IA32_TSC:
		*value = rdtsc() + v->tsc_offset;
		return 0;
	case MSR_IA32_CR_PAT:
		*value = vmread(GUEST_IA32_PAT);
		return 0;
	case MSR_IA32_SPEC_CTRL:
		*value = v->spec_guest;
		return mitigate_spec ? 0 : -ENOENT;
	case MSR_IA32_ARCH_CAPABILITIES:
		if (!boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
			return -ENOENT;
		*value = arch_capabilities();
		return 0;
	default:
		return get_listed(v, msr, value);
	}
}

int vmx_set_msr(struct vmx_vcpu *v, u32 msr, u64 value)
{
	switch (msr) {
	case MSR_EFER:
		return write_efer(v, value);
	case MSR_IA32_TSC:
		v->tsc_offset = value - rdtsc();
		vmwrite(TSC_OFFSET, v->tsc_offset);
		return 0;
	case MSR_IA32_CR_PAT:
		return write_pat(value);
	case MSR_IA32_SPEC_CTRL:
		return write_spec_ctrl(v, value);
	case MSR_IA32_PRED_CMD:
		return write_command(msr, X86_FEATURE_IBPB, value);
	case MSR_IA32_FLUSH_CMD:
		return write_command(msr, X86_FEATURE_FLUSH_L1D, value);
	default:
		return set_listed(v, msr, value);
	}
}
