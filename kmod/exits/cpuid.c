// SPDX-License-Identifier: GPL-2.0-only
#include <asm/processor-flags.h>

#include "../trace.h"
#include "exits.h"

int exit_cpuid(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	u32 leaf = hw->gpr[TVX_RAX], subleaf = hw->gpr[TVX_RCX], out[4];
	struct policy_vcpu pv = { .apic_id = hw->apic_id, .xcr0 = hw->xcr0 };

	/* The one leaf that shows a bit of CR4. */
	if (leaf == 1)
		pv.osxsave = vmx_read_cr4(hw) & X86_CR4_OSXSAVE;
	if (!policy_cpuid(hw->policy, &pv, leaf, subleaf, out)) {
		vcpu->out.exit = TVX_EXIT_CPUID;
		return EXIT_USER;
	}
	trace_tvx_cpuid(vcpu->id, leaf, subleaf, out);
	hw->gpr[TVX_RAX] = out[0];
	hw->gpr[TVX_RBX] = out[1];
	hw->gpr[TVX_RCX] = out[2];
	hw->gpr[TVX_RDX] = out[3];
	exit_skip(vcpu);
	return EXIT_RESUME;
}
