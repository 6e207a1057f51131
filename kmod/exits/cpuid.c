// SPDX-License-Identifier: GPL-2.0-only
#include <asm/processor-flags.h>

#include "../trace.h"
#include "exits.h"

/* What the table alone does not say.  False: the leaf is one for user space. */
static bool answer_by_vcpu(struct vmx_vcpu *hw, u32 leaf, u32 subleaf, u32 answer[4])
{
	struct policy_vcpu pv = { .apic_id = hw->apic_id, .xcr0 = hw->xcr0 };

	/* The one leaf that shows a bit of CR4, and one of IA32_APIC_BASE. */
	if (leaf == 1) {
		pv.osxsave = vmx_read_cr4(hw) & X86_CR4_OSXSAVE;
		pv.apic_off = hw->lapic && !lapic_is_on(hw->lapic);
	}
	return policy_cpuid(hw->policy, &pv, leaf, subleaf, answer);
}

/* The long way: an answer that differs by vCPU, is user space's, or is traced. */
static noinline int answer(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	u32 leaf = hw->gpr[TVX_RAX], subleaf = hw->gpr[TVX_RCX];
	u32 regs[4];

	if (!answer_by_vcpu(hw, leaf, subleaf, regs))
		return exit_user(vcpu, TVX_EXIT_CPUID);
	trace_tvx_cpuid(vcpu->id, leaf, subleaf, regs[EAX], regs[EBX], regs[ECX], regs[EDX]);
	hw->gpr[TVX_RAX] = regs[EAX];
	hw->gpr[TVX_RBX] = regs[EBX];
	hw->gpr[TVX_RCX] = regs[ECX];
	hw->gpr[TVX_RDX] = regs[EDX];
	return exit_skip(vcpu);
}

int exit_cpuid(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	const struct tvx_cpuid_entry *e = policy_find_cpuid(hw->policy, hw->gpr[TVX_RAX],
							    hw->gpr[TVX_RCX]);

	if (unlikely(!policy_cpuid_is_plain(e)) || trace_tvx_cpuid_enabled())
		return answer(vcpu);
	hw->gpr[TVX_RAX] = e->eax;
	hw->gpr[TVX_RBX] = e->ebx;
	hw->gpr[TVX_RCX] = e->ecx;
	hw->gpr[TVX_RDX] = e->edx;
	return exit_skip(vcpu);
}
