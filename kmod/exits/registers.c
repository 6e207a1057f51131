// SPDX-License-Identifier: GPL-2.0-only
/* Control registers, debug registers, XCR0. SDM: exit qualification for CR accesses. */
#include <linux/kernel.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>

#include "../vmx/ops.h"
#include "exits.h"

#define QUAL_CR(q)	((q) & 15)
#define QUAL_TYPE(q)	((q) >> 4 & 3)
#define QUAL_GPR(q)	((q) >> 8 & 15)
#define QUAL_LMSW(q)	((q) >> 16 & 0xffff)

enum { MOV_TO_CR, MOV_FROM_CR, CLTS, LMSW };

#define MSW_BITS (X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS)

static u64 get_gpr(struct vmx_vcpu *hw, unsigned int n)
{
	u64 value = n == TVX_RSP ? vmread(GUEST_RSP) : hw->gpr[n];

	/* Outside 64-bit mode a MOV has 32 bits. */
	if (!(vmread(GUEST_CS_AR_BYTES) & VMX_AR_L_MASK))
		value = (u32)value;
	return value;
}

static void set_gpr(struct vmx_vcpu *hw, unsigned int n, u64 value)
{
	if (n == TVX_RSP)
		vmwrite(GUEST_RSP, value);
	else
		hw->gpr[n] = value;
}

/* The CR0 that the instruction asks for. LMSW can set PE and not clear it. */
static u64 wanted_cr0(struct vmx_vcpu *hw, unsigned long qual)
{
	u64 old = vmx_read_cr0(hw);

	switch (QUAL_TYPE(qual)) {
	case CLTS:
		return old & ~(u64)X86_CR0_TS;
	case LMSW:
		return (old & ~(u64)(MSW_BITS & ~X86_CR0_PE)) | (QUAL_LMSW(qual) & MSW_BITS);
	default:
		return get_gpr(hw, QUAL_GPR(qual));
	}
}

static int guest_cr0(struct tvx_vcpu *vcpu, unsigned long qual)
{
	struct vmx_vcpu *hw = &vcpu->hw;

	/* It may need the guest's page-directory pointers: memory, so not here. */
	if (!(vmx_caps.features & TVX_FEAT_UNRESTRICTED))
		return EXIT_SLOW;
	if (vmx_adopt_cr0(hw, wanted_cr0(hw, qual)))
		return exit_general_protection(vcpu);
	/* No skip: the CPU executes the instruction, and this time it succeeds. */
	return EXIT_RESUME;
}

static int guest_cr3(struct tvx_vcpu *vcpu, u64 value)
{
	/* With PCIDs bit 63 says whether to flush; it is not part of the register. */
	if (vmx_read_cr4(&vcpu->hw) & X86_CR4_PCIDE)
		value &= ~X86_CR3_PCID_NOFLUSH;
	/* The exit comes before this check of the CPU's. */
	if (value >> vcpu->hw.policy->maxphyaddr)
		return exit_general_protection(vcpu);
	if (vcpu->hw.policy->exits & TVX_WANT_CR3) {
		vcpu->run->out.cr3.value = value;
		return exit_user(vcpu, TVX_EXIT_CR3);
	}
	vmx_write_cr3(&vcpu->hw, value);
	return exit_skip(vcpu);
}

static int guest_cr(struct tvx_vcpu *vcpu, unsigned long qual)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	u64 value = get_gpr(hw, QUAL_GPR(qual));
	int err = -EINVAL;

	switch (QUAL_CR(qual)) {
	case 3:
		return guest_cr3(vcpu, value);
	case 4:
		if (!(vmx_caps.features & TVX_FEAT_UNRESTRICTED)) {
			err = vmx_write_cr4(hw, value);
			break;
		}
		/* As with CR0: no skip, the CPU executes the instruction and checks it. */
		return vmx_adopt_cr4(hw, value) ? exit_general_protection(vcpu) : EXIT_RESUME;
	case 8:
		err = vmx_write_cr8(hw, value);
		break;
	}
	return err ? exit_general_protection(vcpu) : exit_skip(vcpu);
}

int exit_cr(struct tvx_vcpu *vcpu)
{
	unsigned long qual = vmread(EXIT_QUALIFICATION);
	struct vmx_vcpu *hw = &vcpu->hw;

	if (QUAL_TYPE(qual) == MOV_FROM_CR) {
		set_gpr(hw, QUAL_GPR(qual),
			QUAL_CR(qual) == 3 ? vmx_read_cr3(hw) : vmx_read_cr8(hw));
		return exit_skip(vcpu);
	}
	if (QUAL_CR(qual) == 0)
		return guest_cr0(vcpu, qual);
	return guest_cr(vcpu, qual);
}

static int finish_cr0(struct tvx_vcpu *vcpu, u64 value, const u64 *pdptes)
{
	switch (vmx_write_cr0(&vcpu->hw, value, pdptes)) {
	case 0:
		return exit_skip(vcpu);
	case -EOPNOTSUPP:
		return exit_no_real_mode(vcpu);
	default:
		return exit_general_protection(vcpu);
	}
}

/* SDM: "Format of a PAE Page-Directory-Pointer-Table Entry". */
static bool pdptes_valid(struct vmx_vcpu *hw, const u64 *pdptes)
{
	const u64 present = BIT_ULL(0);
	u64 reserved = GENMASK_ULL(2, 1) | GENMASK_ULL(8, 5) |
		       ~GENMASK_ULL(hw->policy->maxphyaddr - 1, 0);
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (pdptes[i] & present && pdptes[i] & reserved)
			return false;
	return true;
}

int exit_cr_slow(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	u64 value, cr3, pdptes[4];
	bool pae;
	int ret;

	ret = vmx_load(hw);
	if (ret)
		return ret;
	value = wanted_cr0(hw, vmread(EXIT_QUALIFICATION));
	pae = vmx_cr0_loads_pdptes(hw, value);
	cr3 = vmx_read_cr3(hw) & 0xffffffe0;
	if (!pae)
		goto write;

	vmx_unload(hw);
	ret = tvx_mem_read(vcpu->vm, cr3, pdptes, sizeof(pdptes));
	if (ret)
		memset(pdptes, 0xff, sizeof(pdptes));	/* what an empty bus reads as: #GP */
	ret = vmx_load(hw);
	if (ret)
		return ret;
write:
	if (pae && !pdptes_valid(hw, pdptes))
		ret = exit_general_protection(vcpu);
	else
		ret = finish_cr0(vcpu, value, pae ? pdptes : NULL);
	vmx_unload(hw);
	return ret;
}

/* From now on they are in the CPU: it executes the MOV again, and makes its checks. */
int exit_dr(struct tvx_vcpu *vcpu)
{
	vmx_dr_live(&vcpu->hw);
	return EXIT_RESUME;
}

/* CR4.OSXSAVE was checked before the exit; Bochs 2.7 does not check the CPL before it. */
int exit_xsetbv(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	u64 value = (u32)hw->gpr[TVX_RAX] | (u64)hw->gpr[TVX_RDX] << 32;

	if (vmx_cpl(hw) || (u32)hw->gpr[TVX_RCX] || vmx_write_xcr0(hw, value))
		return exit_general_protection(vcpu);
	return exit_skip(vcpu);
}
