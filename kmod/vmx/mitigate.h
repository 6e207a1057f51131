/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's mitigations around VM entry and exit: as strong as KVM's on the
 * same host.  The table in kmod/README.md lists them all; those that must sit
 * between the last branch and the entry are in entry.S.
 */
#ifndef TVX_MITIGATE_H
#define TVX_MITIGATE_H

#include <linux/bits.h>
#include <linux/hardirq.h>
#include <linux/perf_event.h>
#include <asm/cpufeature.h>
#include <asm/nospec-branch.h>
#include <asm/perf_event.h>

#include "vmx.h"

/* At module load.  Return: 0 or -ENOMEM. */
int mitigate_setup(void);
void mitigate_teardown(void);

/* What this host wants around each entry; constant after module load. */
#define MITIGATE_L1D	BIT(0)	/* L1TF: flush the L1D before the guest runs */
#define MITIGATE_SPEC	BIT(1)	/* the CPU has SPEC_CTRL */
#define MITIGATE_PERF	BIT(2)	/* the host has a PMU driver that counts in guests */
extern unsigned int mitigate_on;

extern bool mitigate_l1d_always;	/* before each entry, not only where it may be dirty */
void mitigate_flush_l1d(void);
void mitigate_perf_switch(bool to_guest);

/* Another vCPU than the last one is to run on this CPU: forget its branches. */
static inline void mitigate_vcpu_switch(void)
{
	indirect_branch_prediction_barrier();
}

static inline void mitigate_before_entry(struct vmx_vcpu *v)
{
	if (!mitigate_on)
		return;
	if (mitigate_on & MITIGATE_SPEC) {
		v->spec_host = this_cpu_read(x86_spec_ctrl_current);
		/* With IBRS as the kernel's own mitigation, writing it is what counts. */
		v->spec_switch = v->spec_guest != v->spec_host ||
				 cpu_feature_enabled(X86_FEATURE_KERNEL_IBRS);
	}
	if (mitigate_on & MITIGATE_PERF)
		mitigate_perf_switch(true);
	/*
	 * If anything of the host may have come into it since the last flush: user space
	 * or another thread ran, or interrupts were taken that say so.
	 */
	if (mitigate_on & MITIGATE_L1D &&
	    (v->l1d_dirty | mitigate_l1d_always | kvm_get_cpu_l1tf_flush_l1d())) {
		v->l1d_dirty = false;
		mitigate_flush_l1d();
	}
}

static inline void mitigate_after_exit(struct vmx_vcpu *v)
{
	if (mitigate_on & MITIGATE_PERF)
		mitigate_perf_switch(false);
	/* VMSCAPE: user space is not to run on the guest's branch predictions. */
	if (cpu_feature_enabled(X86_FEATURE_IBPB_EXIT_TO_USER))
		this_cpu_write(x86_ibpb_exit_to_user, true);
}

#endif
