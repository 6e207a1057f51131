/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's mitigations around VM entry and exit: as strong as KVM's on the
 * same host.  The table in docs/internals.md lists them all; those that must sit
 * between the last branch and the entry are in entry.S.
 */
#ifndef TVX_MITIGATE_H
#define TVX_MITIGATE_H

#include <linux/hardirq.h>
#include <linux/jump_label.h>
#include <linux/perf_event.h>
#include <asm/cpufeature.h>
#include <asm/nospec-branch.h>
#include <asm/perf_event.h>

#include "../compat.h"
#include "check.h"
#include "vmx.h"

#if !IS_ENABLED(CONFIG_KVM_INTEL)
#error "L1TF: only a kernel with CONFIG_KVM_INTEL (m will do) tells which interrupts touch the L1D"
#endif

/* At module load.  Return: 0 or -ENOMEM. */
int mitigate_setup(void);
void mitigate_teardown(void);

/* What this host wants around each entry; constant after module load. */
DECLARE_STATIC_KEY_FALSE(mitigate_l1d);		/* L1TF: flush the L1D before the guest runs */
DECLARE_STATIC_KEY_FALSE(mitigate_spec);	/* the CPU has SPEC_CTRL */
DECLARE_STATIC_KEY_FALSE(mitigate_perf);	/* the host's PMU driver counts in guests */

void mitigate_flush_l1d(void);

/* What a vCPU needs for them.  Return: 0 or -ENOMEM. */
int mitigate_alloc(struct vmx_vcpu *v);
void mitigate_free(struct vmx_vcpu *v);
/* Its VMCS is new. [loaded] */
void mitigate_vmcs(struct vmx_vcpu *v);
/* Interrupts off: have the CPU switch the host's counters and PEBS off for the guest. */
void mitigate_perf_switch(struct vmx_vcpu *v);

/* Another vCPU than the last one is to run on this CPU: forget its branches. */
static inline void mitigate_vcpu_switch(void)
{
	compat_ibpb();
}

/*
 * VMX is KVM's.  A VMCS of KVM's is current again, or KVM remembers whose guest ran here
 * last, VMCS or not: it sees no switch of guests, and does not do that itself.
 */
static inline void mitigate_before_theirs(bool is_current)
{
	if (is_current || COMPAT_KVM_REMEMBERS_VCPU)
		compat_ibpb();
	check_barrier_was_made();
}

static inline void mitigate_before_entry(struct vmx_vcpu *v)
{
	if (static_branch_unlikely(&mitigate_spec)) {
		v->spec_host = this_cpu_read(x86_spec_ctrl_current);
		/* With IBRS as the kernel's own mitigation, writing it is what counts. */
		v->spec_switch = v->spec_guest != v->spec_host ||
				 cpu_feature_enabled(X86_FEATURE_KERNEL_IBRS);
	}
	if (static_branch_unlikely(&mitigate_perf))
		mitigate_perf_switch(v);
	/*
	 * If anything of the host may have come into it since the last flush: user space
	 * or another thread ran, for which l1d_enter() says so, or interrupts were taken
	 * that do.
	 */
	if (static_branch_unlikely(&mitigate_l1d) && unlikely(kvm_get_cpu_l1tf_flush_l1d()))
		mitigate_flush_l1d();
}

static inline void mitigate_after_exit(struct vmx_vcpu *v)
{
	/* VMSCAPE: user space is not to run on the guest's branch predictions. */
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
}

#endif
