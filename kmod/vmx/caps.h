/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What this machine's VMX can do, negotiated once: which control bits every
 * VMCS of ours has, which optional ones the CPU adds.
 *
 * Pure: the MSR values come in through a function, so that the unit tests feed
 * in those of any CPU.
 */
#ifndef TVX_CAPS_H
#define TVX_CAPS_H

#include <linux/types.h>
#include <tinyvmx.h>

/**
 * struct vmx_caps - the outcome of the negotiation; constant after module load
 * @msrs: IA32_VMX_* as read, by number - MSR_IA32_VMX_BASIC; TVX_NR_VMX_MSRS
 * @pin: pin-based controls of every VMCS
 * @proc: primary processor-based controls
 * @proc2: secondary processor-based controls
 * @exit: VM-exit controls
 * @entry: VM-entry controls
 * @pin_allowed: for each group, the bits that may be 1 (high half: allowed-1)
 *	and those that must be (low half), from the TRUE MSRs where they exist
 * @cr0_fixed1: CR0 bits that VMX operation needs 1 (IA32_VMX_CR0_FIXED0)
 * @cr0_allowed: CR0 bits that may be 1 in it (IA32_VMX_CR0_FIXED1)
 * @cr4_fixed1: the same of CR4
 * @cr4_allowed: the same of CR4
 * @features: TVX_FEAT_*
 * @revision: VMCS revision id
 * @vmcs_size: bytes of a VMXON or VMCS region, at most 4096
 * @timer_shift: the preemption timer counts TSC >> timer_shift
 * @invept_context: INVEPT has the single-context type (else all-contexts)
 * @invvpid_context: INVVPID has the single-context type (else all-contexts)
 * @perf_load: entry and exit can load IA32_PERF_GLOBAL_CTRL
 * @maxphyaddr: physical address width; filled in by the caller
 */
struct vmx_caps {
	u64 msrs[TVX_NR_VMX_MSRS];
	u32 pin, proc, proc2, exit, entry;
	u64 pin_allowed, proc_allowed, proc2_allowed, exit_allowed, entry_allowed;
	u64 cr0_fixed1, cr0_allowed, cr4_fixed1, cr4_allowed;
	u64 features;
	u32 revision;
	u32 vmcs_size;
	u8 timer_shift;
	bool invept_context;
	bool invvpid_context;
	bool perf_load;
	u8 maxphyaddr;
};

/**
 * struct caps_refusal - why a CPU is not good enough
 * @what: the missing thing in words ("EPT", "INVEPT"), never NULL after a failure
 * @msr: the MSR that says so, 0 if CPUID does
 * @bit: its bit, -1 if no single one
 */
struct caps_refusal {
	const char *what;
	u32 msr;
	int bit;
};

/**
 * caps_negotiate() - from the capability MSRs to the controls we use
 * @caps: filled in; @caps->maxphyaddr is not touched
 * @rdmsr: reads an MSR: 0, or an errno if the CPU lacks it
 * @why: filled in on failure
 *
 * Return: 0, or -EOPNOTSUPP if a required feature is missing.
 */
int caps_negotiate(struct vmx_caps *caps, int (*rdmsr)(u32 msr, u64 *value),
		   struct caps_refusal *why);

/**
 * caps_apply_errata() - do without what a processor of this kind offers but does not do
 * @signature: CPUID.1:EAX
 */
void caps_apply_errata(struct vmx_caps *caps, u32 signature);

/**
 * caps_vmx_enabled() - may VMX be turned on, by a locked IA32_FEAT_CTL?
 * @feat_ctl: its value; VMX inside and outside SMX have a bit each
 * @kernel_agrees: the kernel, which alone knows whether it runs inside SMX (tboot), has
 *	left X86_FEATURE_VMX on
 */
bool caps_vmx_enabled(u64 feat_ctl, bool kernel_agrees);

/**
 * caps_differ() - do two CPUs of a machine offer different VMX?
 * Return: NULL if a VMCS made for @a runs on @b, else the differing thing in words.
 */
const char *caps_differ(const struct vmx_caps *a, const struct vmx_caps *b);

#endif
