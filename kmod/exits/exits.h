/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The events: one family of exits a file, one row a basic exit reason (table.c).
 *
 * A handler runs in a window of the vCPU's section: preemption and interrupts off, VMCS
 * current; it must not sleep, nor wait for another CPU (vmx.h).  It returns
 *
 *	EXIT_RESUME	handled: enter the guest again
 *	EXIT_USER	vcpu->exit says which, and the exit's own fields are in the run page, all
 *			of them (they are not cleared in between): RUN returns 0
 *	EXIT_SLOW	call the row's slow() outside the section, where it may sleep
 *			and the VMCS is not current; it returns RESUME or USER likewise.
 *			What it needs from the VMCS the fast part leaves in the vCPU.
 *	EXIT_WAIT	the vCPU is not active: sleep outside the section until an event comes
 *	EXIT_ENDED	the section is over: somebody wants this thread or its CPU, or VMX is off
 *	-errno		RUN returns it: -EINTR after a signal; -EIO is a bug: the VM is dead
 *
 * RIP has one writer, exit_set_rip() (rip.h), and exit_skip() on top of it.  A handler
 * that raises an exception does not skip, and does so by exit_undefined() or
 * exit_general_protection(), which ask the policy first.
 */
#ifndef TVX_EXITS_H
#define TVX_EXITS_H

#include "../objects.h"

#define EXIT_RESUME	1
#define EXIT_USER	2
#define EXIT_SLOW	3
#define EXIT_WAIT	4
#define EXIT_ENDED	5

typedef int (*exit_fn)(struct tvx_vcpu *vcpu);

/**
 * struct exit_row - who answers a basic exit reason
 * @fast: in the section's window
 * @slow: after EXIT_SLOW; may be NULL
 * @insn: the exit is by an instruction: the loop looks for no event whose delivery the
 *	exit interrupted
 * @next: in a user exit the instruction is still to be done: next_rip = RIP + its length
 */
struct exit_row {
	exit_fn fast;
	exit_fn slow;
	bool insn;
	bool next;
};

#define NR_EXIT_ROWS TVX_NR_EXIT_REASONS

extern const struct exit_row exit_table[NR_EXIT_ROWS];

/* Goes to user space raw. */
extern const struct exit_row exit_unknown_row;

/* The row of a reason. */
static inline const struct exit_row *exit_row(u32 basic_reason)
{
	if (unlikely(basic_reason >= NR_EXIT_ROWS))
		return &exit_unknown_row;
	return &exit_table[basic_reason];
}

/* After the instruction that exited: RIP += its length.  Return: EXIT_RESUME. [section] */
int exit_skip(struct tvx_vcpu *vcpu);

/* @exit: enum tvx_exit; its own fields, if it has any, the caller writes. */
static inline int exit_user(struct tvx_vcpu *vcpu, u32 exit)
{
	vcpu->exit = exit;
	return EXIT_USER;
}

/* An access that is user space's to carry out: no memory, a read-only slot, the local APIC. */
static __always_inline int exit_mmio(struct tvx_vcpu *vcpu, const struct tvx_access *a)
{
	struct tvx_run_out *out = &vcpu->run->out;

	out->mmio.gpa = a->gpa;
	out->mmio.gla = a->gla;
	out->mmio.flags = a->flags;
	out->mmio.reserved = 0;
	vmx_fill_ctx(&vcpu->hw, &out->ctx);
	return exit_user(vcpu, TVX_EXIT_MMIO);
}

/* The guest would be in real mode, which this CPU cannot run. */
static inline int exit_no_real_mode(struct tvx_vcpu *vcpu)
{
	vcpu->run->out.fail.insn_error = 0;
	vcpu->run->out.fail.reason = TVX_FAIL_NO_REAL_MODE;
	return exit_user(vcpu, TVX_EXIT_FAIL_ENTRY);
}

/* cpuid.c */
int exit_cpuid(struct tvx_vcpu *vcpu);
/* msr.c */
int exit_rdmsr(struct tvx_vcpu *vcpu);
int exit_wrmsr(struct tvx_vcpu *vcpu);
/* io.c */
int exit_io(struct tvx_vcpu *vcpu);
/* memory.c */
int exit_ept_violation(struct tvx_vcpu *vcpu);
int exit_ept_violation_slow(struct tvx_vcpu *vcpu);
int exit_ept_misconfig(struct tvx_vcpu *vcpu);
int exit_ept_misconfig_slow(struct tvx_vcpu *vcpu);
/* registers.c */
int exit_cr(struct tvx_vcpu *vcpu);
int exit_cr_slow(struct tvx_vcpu *vcpu);
int exit_dr(struct tvx_vcpu *vcpu);
int exit_xsetbv(struct tvx_vcpu *vcpu);
/* exception.c */
int exit_exception(struct tvx_vcpu *vcpu);
int exit_exception_slow(struct tvx_vcpu *vcpu);
int exit_external_interrupt(struct tvx_vcpu *vcpu);
int exit_intr_window(struct tvx_vcpu *vcpu);
int exit_nmi_window(struct tvx_vcpu *vcpu);
int exit_triple_fault(struct tvx_vcpu *vcpu);
int exit_task_switch(struct tvx_vcpu *vcpu);
/* In place of the instruction that exited: for the guest, or for user space, as the policy says. */
int exit_undefined(struct tvx_vcpu *vcpu);	/* #UD: VMX instructions, MONITOR, MWAIT... */
int exit_general_protection(struct tvx_vcpu *vcpu); /* #GP(0): RDPMC, MSRs, reserved bits... */
/* apic.c */
int exit_apic_access(struct tvx_vcpu *vcpu);
int exit_apic_write(struct tvx_vcpu *vcpu);
int exit_eoi(struct tvx_vcpu *vcpu);
int exit_tpr(struct tvx_vcpu *vcpu);
/* MSRs of the local APIC, by the guest's instruction: 0, -EINVAL; LAPIC_* of a write */
int apic_rdmsr(struct tvx_vcpu *vcpu, u32 index, u64 *value);
int apic_wrmsr(struct tvx_vcpu *vcpu, u32 index, u64 value);
/* misc.c */
int exit_hlt(struct tvx_vcpu *vcpu);
int exit_vmcall(struct tvx_vcpu *vcpu);
int exit_pause(struct tvx_vcpu *vcpu);
int exit_pause_slow(struct tvx_vcpu *vcpu);
int exit_wbinvd(struct tvx_vcpu *vcpu);
int exit_timer(struct tvx_vcpu *vcpu);
int exit_wanted(struct tvx_vcpu *vcpu);		/* RDTSC, descriptor tables, RDRAND: by policy */
int exit_unknown(struct tvx_vcpu *vcpu);

#endif
