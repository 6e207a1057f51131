// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MSRs of a guest: in the VMCS, in the CPU while the section lasts, or
 * nothing but a number: a table; what is not in it is not there (#GP).
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/mtrr.h>
#include <asm/vmx.h>

#include "../compat.h"
#include "mitigate.h"
#include "ops.h"
#include "state.h"

/* Numbers that the guest may keep: struct vmx_vcpu.soft_msrs. */
enum {
	SOFT_MISC_ENABLE, SOFT_UCODE_REV, SOFT_PLATFORM_ID,
	SOFT_MTRR_CAP, SOFT_MTRR_DEF_TYPE, SOFT_MCG_CAP, SOFT_DEBUGCTL,
	NR_SOFT
};

#define SPECIAL(msr)			{ msr, ROW_SPECIAL }
#define IN_VMCS(msr, field)		{ msr, ROW_VMCS, field, 0 }
#define IN_VMCS_ADDRESS(msr, field)	{ msr, ROW_VMCS, field, 0, true }
#define IN_CPU(msr, index, feature)	{ msr, ROW_CPU, index, feature }
#define IN_CPU_ADDRESS(msr, index)	{ msr, ROW_CPU, index, 0, true }
#define NUMBER(msr, index, reset, writable) { msr, ROW_SOFT, index, 0, false, reset, ~(writable) }

/* SDM: "Architectural MSRs", IA32_MISC_ENABLE */
#define MISC_ENABLE_WRITABLE \
	(MSR_IA32_MISC_ENABLE_FAST_STRING | MSR_IA32_MISC_ENABLE_TM1 | \
	 MSR_IA32_MISC_ENABLE_ENHANCED_SPEEDSTEP | MSR_IA32_MISC_ENABLE_MWAIT | \
	 MSR_IA32_MISC_ENABLE_LIMIT_CPUID | MSR_IA32_MISC_ENABLE_XTPR_DISABLE | \
	 MSR_IA32_MISC_ENABLE_XD_DISABLE)

/*
 * Where an MSR is; special ones are worked out by vmx_get_msr() and vmx_set_msr().
 * @at: VMCS field, enum vmx_switched, or SOFT_*
 * @feature: TVX_FEAT_* without which there is none; 0: always there
 * @address: must be canonical
 * @reset: what a number reads as after RESET
 * @fixed: which of its bits a write may not change
 */
static const struct msr_row {
	u32 msr;
	enum { ROW_SOFT, ROW_VMCS, ROW_CPU, ROW_SPECIAL } where;
	u32 at;
	u64 feature;
	bool address;
	u64 reset, fixed;
} rows[] = {
	IN_VMCS_ADDRESS(MSR_FS_BASE, GUEST_FS_BASE),
	IN_VMCS_ADDRESS(MSR_GS_BASE, GUEST_GS_BASE),
	IN_VMCS(MSR_IA32_SYSENTER_CS, GUEST_SYSENTER_CS),
	IN_VMCS_ADDRESS(MSR_IA32_SYSENTER_ESP, GUEST_SYSENTER_ESP),
	IN_VMCS_ADDRESS(MSR_IA32_SYSENTER_EIP, GUEST_SYSENTER_EIP),
	IN_CPU_ADDRESS(MSR_KERNEL_GS_BASE, VMX_SW_KERNEL_GS),
	IN_CPU(MSR_STAR, VMX_SW_STAR, 0),
	IN_CPU_ADDRESS(MSR_LSTAR, VMX_SW_LSTAR),
	IN_CPU_ADDRESS(MSR_CSTAR, VMX_SW_CSTAR),
	IN_CPU(MSR_SYSCALL_MASK, VMX_SW_SFMASK, 0),
	IN_CPU(MSR_TSC_AUX, VMX_SW_TSC_AUX, TVX_FEAT_RDTSCP),
	/* what may be switched, to no effect: none of it is given */
	NUMBER(MSR_IA32_MISC_ENABLE, SOFT_MISC_ENABLE, MSR_IA32_MISC_ENABLE_FAST_STRING,
	       MISC_ENABLE_WRITABLE),
	/* written with 0 before it is read */
	NUMBER(MSR_IA32_UCODE_REV, SOFT_UCODE_REV, 0, ~0ull),
	NUMBER(MSR_IA32_PLATFORM_ID, SOFT_PLATFORM_ID, 0, 0ull),
	/* no MTRRs: EPT says write-back */
	NUMBER(MSR_MTRRcap, SOFT_MTRR_CAP, 0, 0ull),
	NUMBER(MSR_MTRRdefType, SOFT_MTRR_DEF_TYPE, 0x800 | MTRR_TYPE_WRBACK, 0xcffull),
	/* no banks */
	NUMBER(MSR_IA32_MCG_CAP, SOFT_MCG_CAP, 0, 0ull),
	NUMBER(MSR_IA32_DEBUGCTLMSR, SOFT_DEBUGCTL, 0, 0ull),
	SPECIAL(MSR_EFER),
	SPECIAL(MSR_IA32_TSC),
	SPECIAL(MSR_IA32_TSC_ADJUST),
	SPECIAL(MSR_IA32_CR_PAT),
	SPECIAL(MSR_IA32_SPEC_CTRL),
	SPECIAL(MSR_IA32_ARCH_CAPABILITIES),
	SPECIAL(MSR_IA32_PRED_CMD),
	SPECIAL(MSR_IA32_FLUSH_CMD),
};

/* Newer bits, by the SDM; not all headers name them. */
#define ARCH_CAP_BITS_NEW (BIT_ULL(19) /* RRSBA */ | BIT_ULL(20) /* BHI_NO */ | \
			   BIT_ULL(24) /* PBRSB_NO */ | BIT_ULL(26) /* GDS_NO */ | \
			   BIT_ULL(27) /* RFDS_NO */ | BIT_ULL(28) /* RFDS_CLEAR */ | \
			   BIT_ULL(62) /* ITS_NO */)

/*
 * What a guest may know of the CPU's immunity, and of what VERW does, which it needs to know
 * to use it; nothing that needs our help.
 */
#define ARCH_CAP_TOLD (ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_SSB_NO | \
		       ARCH_CAP_MDS_NO | ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO | \
		       ARCH_CAP_SBDR_SSDP_NO | ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO | \
		       ARCH_CAP_FB_CLEAR | ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | \
		       ARCH_CAP_BITS_NEW)

/* Those that can be read and written, for vmx_msr_list(). */
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
	u32 first = static_branch_unlikely(&mitigate_spec) ? 0 : 1;
	u32 end = ARRAY_SIZE(all_msrs) - (vmx_caps.features & TVX_FEAT_RDTSCP ? 0 : 1);

	*list = all_msrs + first;
	return end - first;
}

void vmx_reset_msrs(struct vmx_vcpu *v)
{
	unsigned int i;

	BUILD_BUG_ON(NR_SOFT != VMX_NR_SOFT_MSRS);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].where == ROW_SOFT)
			v->soft_msrs[rows[i].at] = rows[i].reset;
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
	if (!static_branch_unlikely(&mitigate_spec))
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

/* Where two rows have the same hash, the later one is found at once: those that matter are last. */
#define HASH_SIZE 64
static const struct msr_row *row_by_hash[HASH_SIZE] __ro_after_init;

static u32 hash(u32 msr)
{
	return (msr ^ msr >> 4) % HASH_SIZE;
}

void msr_setup(void)
{
	unsigned int i;

	for (i = 0; i < HASH_SIZE; i++)
		row_by_hash[i] = rows;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		row_by_hash[hash(rows[i].msr)] = &rows[i];
}

static __always_inline const struct msr_row *find_row(u32 msr)
{
	const struct msr_row *row = row_by_hash[hash(msr)];

	if (unlikely(row->msr != msr)) {
		/* Theirs are written most, and are not in the table. */
		if (lapic_has_msr(msr))
			return NULL;
		for (row = rows; row->msr != msr; row++)
			if (row == rows + ARRAY_SIZE(rows) - 1)
				return NULL;
	}
	if (likely(!row->feature) || row->feature & vmx_caps.features)
		return row;
	return NULL;
}

static int set_in_cpu(struct vmx_vcpu *v, const struct msr_row *row, u64 value)
{
	if (row->address && !canonical(value))
		return -EINVAL;
	/* Their upper halves are reserved, and must not make a WRMSR of ours fault. */
	if ((row->at == VMX_SW_TSC_AUX || row->at == VMX_SW_SFMASK) && value >> 32)
		return -EINVAL;
	v->switched[row->at] = value;
	if (!v->in_section)
		return 0;
	if (row->at == VMX_SW_KERNEL_GS || row->at == VMX_SW_TSC_AUX || v->syscall_live)
		cpu_wrmsr(row->msr, value);
	return 0;
}

static int get_special(struct vmx_vcpu *v, u32 msr, u64 *value)
{
	switch (msr) {
	case MSR_EFER:
		*value = vmx_read_efer(v);
		return 0;
	case MSR_IA32_TSC:
		*value = rdtsc() + v->tsc_offset;
		return 0;
	case MSR_IA32_TSC_ADJUST:
		*value = v->tsc_adjust;
		return 0;
	case MSR_IA32_CR_PAT:
		*value = vmread(GUEST_IA32_PAT);
		return 0;
	case MSR_IA32_SPEC_CTRL:
		*value = v->spec_guest;
		return static_branch_unlikely(&mitigate_spec) ? 0 : -ENOENT;
	case MSR_IA32_ARCH_CAPABILITIES:
		if (!boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
			return -ENOENT;
		*value = arch_capabilities();
		return 0;
	default:
		return -ENOENT;	/* can only be written */
	}
}

static void set_tsc_offset(struct vmx_vcpu *v, u64 offset)
{
	v->tsc_offset = offset;
	vmwrite(TSC_OFFSET, offset);
	/* IA32_TSC_DEADLINE is in the guest's time. */
	if (v->lapic)
		lapic_set_tsc_offset(v->lapic, offset, rdtsc());
}

/* By the guest, TSC and TSC_ADJUST move together; user space sets each by itself. */
static void write_tsc_offset(struct vmx_vcpu *v, u64 offset)
{
	if (v->in_section)
		v->tsc_adjust += offset - v->tsc_offset;
	set_tsc_offset(v, offset);
}

static void write_tsc_adjust(struct vmx_vcpu *v, u64 value)
{
	if (v->in_section)
		set_tsc_offset(v, v->tsc_offset + value - v->tsc_adjust);
	v->tsc_adjust = value;
}

static int set_special(struct vmx_vcpu *v, u32 msr, u64 value)
{
	switch (msr) {
	case MSR_EFER:
		return write_efer(v, value);
	case MSR_IA32_TSC:
		write_tsc_offset(v, value - rdtsc());
		return 0;
	case MSR_IA32_TSC_ADJUST:
		write_tsc_adjust(v, value);
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
		return -ENOENT;	/* can only be read */
	}
}

int vmx_get_msr(struct vmx_vcpu *v, u32 msr, u64 *value)
{
	const struct msr_row *row = find_row(msr);

	if (unlikely(!row))
		return -ENOENT;
	switch (row->where) {
	case ROW_SOFT:
		*value = v->soft_msrs[row->at];
		return 0;
	case ROW_VMCS:
		*value = vmread(row->at);
		return 0;
	case ROW_CPU:
		if (v->in_section && msr == MSR_KERNEL_GS_BASE)
			v->switched[VMX_SW_KERNEL_GS] = cpu_rdmsr(MSR_KERNEL_GS_BASE);
		*value = v->switched[row->at];
		return 0;
	default:
		return get_special(v, msr, value);
	}
}

int vmx_set_msr(struct vmx_vcpu *v, u32 msr, u64 value)
{
	const struct msr_row *row = find_row(msr);

	if (unlikely(!row))
		return -ENOENT;
	switch (row->where) {
	case ROW_SOFT:
		if ((value ^ v->soft_msrs[row->at]) & row->fixed)
			return -EINVAL;
		v->soft_msrs[row->at] = value;
		return 0;
	case ROW_VMCS:
		if (row->address && !canonical(value))
			return -EINVAL;
		vmwrite(row->at, value);
		return 0;
	case ROW_CPU:
		return set_in_cpu(v, row, value);
	default:
		return set_special(v, msr, value);
	}
}
