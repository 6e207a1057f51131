// SPDX-License-Identifier: GPL-2.0-only
/*
 * One entry and its exit, with what must be right just before and just after; and how a
 * guest that runs is made to exit.
 */
#include <linux/context_tracking.h>
#include <linux/cpumask.h>
#include <linux/hw_breakpoint.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <asm/debugreg.h>
#include <asm/mce.h>
#include <asm/msr.h>
#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include <asm/trapnr.h>

#include "../compat.h"
#include "check.h"
#include "fpu.h"
#include "mitigate.h"
#include "ops.h"
#include "power.h"
#include "switch.h"

/* ---- debug registers: the guest's only once it uses them ------------------------------ */

void vmx_dr_live(struct vmx_vcpu *v)
{
	if (v->dr_live)
		return;
	v->dr_live = true;
	v->proc &= ~CPU_BASED_MOV_DR_EXITING;
	vmwrite(CPU_BASED_VM_EXEC_CONTROL, v->proc);
}

void switch_dr7_changed(struct vmx_vcpu *v)
{
	v->breakpoints = vmread(GUEST_DR7) & (DR_GLOBAL_ENABLE_MASK | DR_LOCAL_ENABLE_MASK);
}

/*
 * Around an entry only: in a gap perf's IPIs write the host's breakpoints into these
 * registers, and the guest would lose its own and read the host's.
 */
void switch_dr_in(struct vmx_vcpu *v)
{
	if (unlikely(hw_breakpoint_active()))
		compat_keep_breakpoints(v->host_dr);
	/* The host's breakpoints are not to hit at addresses that the guest chose. */
	set_debugreg(0, 7);
	set_debugreg(v->dr[0], 0);
	set_debugreg(v->dr[1], 1);
	set_debugreg(v->dr[2], 2);
	set_debugreg(v->dr[3], 3);
	set_debugreg(v->dr6, 6);
	v->dr_loaded = true;
}

static noinline void dr_out(struct vmx_vcpu *v)
{
	get_debugreg(v->dr[0], 0);
	get_debugreg(v->dr[1], 1);
	get_debugreg(v->dr[2], 2);
	get_debugreg(v->dr[3], 3);
	get_debugreg(v->dr6, 6);
	set_debugreg(DR6_RESERVED, 6);
	v->dr_loaded = false;
}

/* ---- one entry ---------------------------------------------------------------------------- */

/* The CPU keeps the value: it counts down a copy. */
static void set_timer(struct vmx_vcpu *v, u64 slice)
{
	/* Rounded up: what a guest waits for should be due then. */
	u64 ticks = min_t(u64, (slice + BIT(vmx_caps.timer_shift) - 1) >> vmx_caps.timer_shift,
			  U32_MAX);

	v->slice = slice;
	if (vmx_caps.features & TVX_FEAT_SLICE)
		vmwrite(VMX_PREEMPTION_TIMER_VALUE, max_t(u64, ticks, 1));
}

static void before_entry(struct vmx_vcpu *v, u64 slice)
{
	/* From here on this CPU may hold translations, and a flush must come here too. */
	if (!cpumask_test_cpu(v->cpu, &v->space->ran)) {
		cpumask_set_cpu(v->cpu, &v->space->ran);
		smp_mb__after_atomic(); /* pairs with flush() in space.c */
	}
	if (slice != v->slice)
		set_timer(v, slice);
	check_entry(v);
}

/* SMIs are the host's: whether its counters stand still in them is, in a guest as well. */
static noinline void set_freeze_in_smm(struct vmx_vcpu *v)
{
	v->guest_debugctl = v->host_debugctl & DEBUGCTLMSR_FREEZE_IN_SMM;
	vmwrite(GUEST_IA32_DEBUGCTL, v->guest_debugctl);
}

/*
 * As if it had hit the process: for INT $18 it would be the kernel that consumed
 * bad memory, and the kernel panics where it need only kill the process.
 */
static void machine_check(void)
{
#ifdef CONFIG_X86_MCE
	struct pt_regs regs = { .cs = 3, .flags = X86_EFLAGS_IF };

	do_machine_check(&regs);
#endif
}

/* A machine check that ended the guest's run belongs to the host. */
static void hand_to_host(struct vmx_vcpu *v)
{
	u32 basic = v->exit_reason & 0xffff, info;

	if (basic == EXIT_REASON_MCE_DURING_VMENTRY) {
		machine_check();
		return;
	}
	if (basic != EXIT_REASON_EXCEPTION_NMI || v->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY)
		return;
	info = vmread(VM_EXIT_INTR_INFO);
	if ((info & (INTR_INFO_INTR_TYPE_MASK | INTR_INFO_VECTOR_MASK)) ==
	    (INTR_TYPE_HARD_EXCEPTION | X86_TRAP_MC))
		machine_check();
}

/*
 * The kernel may have been told that some CPUs are left alone (nohz_full=): then RCU is not to
 * wait for one that runs a guest, and the time is to be the guest's.
 */
static noinline enum vmx_entry_result enter_tracked(struct vmx_vcpu *v)
{
	enum vmx_entry_result result;

	compat_vtime_guest_enter();
	context_tracking_guest_enter();
	result = vmx_enter_guest(v);
	context_tracking_guest_exit();
	compat_vtime_guest_exit();
	return result;
}

/* What an exit has cleared, or left in the CPU. */
static noinline void put_back(struct vmx_vcpu *v)
{
	if (v->host_debugctl)
		update_debugctlmsr(v->host_debugctl);
	if (v->dr_loaded)
		dr_out(v);
}

static noinline void breakpoints_back(struct vmx_vcpu *v)
{
	bool overwritten = v->dr_loaded;

	if (overwritten)
		dr_out(v);
	compat_restore_breakpoints(overwritten ? v->host_dr : NULL);
}

int vmx_run(struct vmx_vcpu *v, u64 slice)
{
	enum vmx_entry_result result;

	lockdep_assert_irqs_disabled();
	before_entry(v, slice);
	/* An exit clears it, and perf changes it by NMI, too: no earlier than here. */
	v->host_debugctl = cpu_rdmsr(MSR_IA32_DEBUGCTLMSR);
	if (unlikely(v->host_debugctl | v->guest_debugctl))
		set_freeze_in_smm(v);
	mitigate_before_entry(v);
	if (context_tracking_enabled())
		result = enter_tracked(v);
	else
		result = vmx_enter_guest(v);
	mitigate_after_exit(v);
	check_host_begins(v);

	/* An exit leaves 0x400 in DR7; the host's breakpoints want theirs. */
	if (unlikely(hw_breakpoint_active()))
		breakpoints_back(v);
	if (unlikely(v->to_put_back))
		put_back(v);
	if (unlikely(result != VMX_ENTRY_EXITED)) {
		if (result == VMX_ENTRY_FAULTED)
			return -EAGAIN;
		v->entry_error = vmread(VM_INSTRUCTION_ERROR);
		v->exit_reason = ~0u;
		return 0;
	}
	/* A failed entry comes back like an exit, and launches nothing. */
	if (unlikely(v->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY))
		v->entry_error = 0;
	else
		v->launched = 1;
	hand_to_host(v);
	return 0;
}

/* The IPI itself is all it takes: an external interrupt makes the guest exit. */
static void kicked(void *unused)
{
}

void vmx_nudge(struct vmx_vcpu *v)
{
	int cpu;

	smp_mb();	/* as in vmx_kick() */
	preempt_disable();
	if (READ_ONCE(v->in_section)) {
		cpu = READ_ONCE(v->section_cpu);
		if (cpu != smp_processor_id())
			compat_send_reschedule(cpu);
	}
	preempt_enable();
}

void vmx_kick(struct vmx_vcpu *v)
{
	int cpu;

	/* The caller's flag first: who runs it sets in_section, then looks at the flag. */
	smp_mb();
	preempt_disable();
	if (READ_ONCE(v->in_section)) {
		cpu = READ_ONCE(v->section_cpu);
		if (cpu != smp_processor_id())
			smp_call_function_single(cpu, kicked, NULL, 1);
	}
	preempt_enable();
}
