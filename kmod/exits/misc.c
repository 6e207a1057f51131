// SPDX-License-Identifier: GPL-2.0-only
/* Instructions that need a line or two each. */
#include <linux/kernel.h>
#include <linux/sched.h>
#include <asm/debugreg.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>

#include "../vmx/ops.h"
#include "exits.h"

/* A single step over the HLT traps behind it, and the trap wakes the guest. */
static bool step_waits(void)
{
	return vmread(GUEST_PENDING_DBG_EXCEPTIONS) & DR_STEP;
}

static noinline int hlt_with_apic(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;

	tvx_irq_take_in(vcpu, rdtsc());
	if (vmx_event_ready(hw) || step_waits())
		return EXIT_RESUME;
	hw->activity = TVX_HALTED;
	/* With interrupts off it may be for good: user space knows better what that means. */
	return vmread(GUEST_RFLAGS) & X86_EFLAGS_IF ? EXIT_WAIT : exit_user(vcpu, TVX_EXIT_HLT);
}

/* The guest goes on behind the HLT once something wakes it. */
int exit_hlt(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;

	exit_skip(vcpu);
	if (hw->lapic)
		return hlt_with_apic(vcpu);
	if ((vmx_events_wait(hw, 0) && vmx_event_ready(hw)) || step_waits())
		return EXIT_RESUME;
	hw->activity = TVX_HALTED;
	return exit_user(vcpu, TVX_EXIT_HLT);
}

/* From any privilege level, as on bare hardware: the policy cannot tell them apart. */
int exit_vmcall(struct tvx_vcpu *vcpu)
{
	const struct policy *policy = vcpu->hw.policy;

	switch (policy->hypercall) {
	case TVX_ACT_EXIT:
		return exit_user(vcpu, TVX_EXIT_HYPERCALL);
	case TVX_ACT_FAULT:
		return exit_undefined(vcpu);
	default:
		vcpu->hw.gpr[TVX_RAX] = policy->hypercall_value;
		return exit_skip(vcpu);
	}
}

int exit_pause(struct tvx_vcpu *vcpu)
{
	if (vcpu->hw.policy->exits & TVX_WANT_PAUSE)
		return exit_user(vcpu, TVX_EXIT_PAUSE);
	exit_skip(vcpu);
	return EXIT_SLOW;
}

/* A loop that waits, perhaps for a vCPU that this thread keeps from running. */
int exit_pause_slow(struct tvx_vcpu *vcpu)
{
	yield();
	return EXIT_RESUME;
}

/* Guest memory is write-back and coherent: there is nothing to write back. */
int exit_wbinvd(struct tvx_vcpu *vcpu)
{
	if (vcpu->hw.policy->exits & TVX_WANT_WBINVD)
		return exit_user(vcpu, TVX_EXIT_WBINVD);
	return exit_skip(vcpu);
}

/* The host's time slice, or the caller's: run.c looks at the clock. */
int exit_timer(struct tvx_vcpu *vcpu)
{
	return EXIT_RESUME;
}

static const struct {
	u32 reason, exit;
} wanted[] = {
	{ EXIT_REASON_RDTSC, TVX_EXIT_RDTSC },
	{ EXIT_REASON_RDTSCP, TVX_EXIT_RDTSC },
	{ EXIT_REASON_GDTR_IDTR, TVX_EXIT_DESC },
	{ EXIT_REASON_LDTR_TR, TVX_EXIT_DESC },
	{ EXIT_REASON_RDRAND, TVX_EXIT_RANDOM },
	{ EXIT_REASON_RDSEED, TVX_EXIT_RANDOM },
};

int exit_wanted(struct tvx_vcpu *vcpu)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wanted); i++)
		if (wanted[i].reason == (u16)vcpu->hw.exit_reason)
			return exit_user(vcpu, wanted[i].exit);
	return exit_unknown(vcpu);
}

int exit_unknown(struct tvx_vcpu *vcpu)
{
	return exit_user(vcpu, TVX_EXIT_UNKNOWN);
}
