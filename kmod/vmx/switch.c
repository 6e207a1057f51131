// SPDX-License-Identifier: GPL-2.0-only
/*
 * The section: what is swapped between host and guest around a run of entries,
 * in pairs that read as a symmetric list; and the entry itself with what must
 * happen with interrupts off.
 */
#include <linux/context_tracking.h>
#include <linux/cpumask.h>
#include <linux/hw_breakpoint.h>
#include <linux/sched.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/mce.h>
#include <asm/mmu_context.h>
#include <asm/msr.h>
#include <asm/segment.h>
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

/* ---- segments: an exit gives null selectors, our own bases, and 64 KiB limits ---- */

static void segments_enter(struct vmx_vcpu *v)
{
	unsigned long fs_base;

	/* The process's: any of its threads may change it.  The others, only user space does. */
	store_ldt(v->host_ldt);
	if (!v->user_ran)
		return;
	savesegment(ds, v->host_ds);
	savesegment(es, v->host_es);
	savesegment(fs, v->host_fs);
	savesegment(gs, v->host_gs);
	if (cpu_feature_enabled(X86_FEATURE_FSGSBASE))
		fs_base = rdfsbase();
	else
		fs_base = cpu_rdmsr(MSR_FS_BASE);
	if (fs_base != v->host_fs_base) {
		vmwrite(HOST_FS_BASE, fs_base);
		v->host_fs_base = fs_base;
	}
	v->host_kernel_gs = cpu_rdmsr(MSR_KERNEL_GS_BASE);
}

/* Selectors that an exit does not bring back; 64-bit processes have none. */
static noinline void selectors_leave(struct vmx_vcpu *v)
{
	if (v->host_ldt)
		asm volatile("lldt %0" : : "m" (v->host_ldt));
	if (v->host_ds | v->host_es) {
		loadsegment(ds, v->host_ds);
		loadsegment(es, v->host_es);
	}
	/* A selector takes its descriptor's base along: the true one comes after it. */
	if (v->host_fs) {
		loadsegment(fs, v->host_fs);
		cpu_wrmsr(MSR_FS_BASE, v->host_fs_base);
	}
	/* The same of GS, whose selector the kernel loads into what is KERNEL_GS_BASE now. */
	if (v->host_gs) {
		load_gs_index(v->host_gs);
		cpu_wrmsr(MSR_KERNEL_GS_BASE, v->host_kernel_gs);
	}
}

static void segments_leave(struct vmx_vcpu *v, struct vmx_cpu *c)
{
	if (v->switched[VMX_SW_KERNEL_GS] != v->host_kernel_gs)
		cpu_wrmsr(MSR_KERNEL_GS_BASE, v->host_kernel_gs);
	if (unlikely(v->host_ldt | v->host_ds | v->host_es | v->host_fs | v->host_gs))
		selectors_leave(v);
	native_load_gdt(&c->gdt);
	invalidate_tss_limit();
}

/* ---- MSRs that the CPU does not switch --------------------------------------------- */

static const struct {
	u32 msr;
	enum vmx_switched index;
} syscall_msrs[] = {
	{ MSR_STAR, VMX_SW_STAR },
	{ MSR_LSTAR, VMX_SW_LSTAR },
	{ MSR_CSTAR, VMX_SW_CSTAR },
	{ MSR_SYSCALL_MASK, VMX_SW_SFMASK },
};

/* Only a guest that can execute SYSCALL needs its targets in the CPU. */
void switch_syscall_in(struct vmx_vcpu *v)
{
	u64 *host = this_cpu_ptr(&vmx_cpu)->host_switched;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(syscall_msrs); i++)
		if (v->switched[syscall_msrs[i].index] != host[syscall_msrs[i].index])
			cpu_wrmsr(syscall_msrs[i].msr, v->switched[syscall_msrs[i].index]);
	v->syscall_live = true;
}

static void switch_syscall_out(struct vmx_vcpu *v)
{
	u64 *host = this_cpu_ptr(&vmx_cpu)->host_switched;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(syscall_msrs); i++)
		if (v->switched[syscall_msrs[i].index] != host[syscall_msrs[i].index])
			cpu_wrmsr(syscall_msrs[i].msr, host[syscall_msrs[i].index]);
	v->syscall_live = false;
}

static void msrs_enter(struct vmx_vcpu *v, const struct vmx_cpu *c)
{
	const u64 *host = c->host_switched;

	if (v->switched[VMX_SW_KERNEL_GS] != v->host_kernel_gs)
		cpu_wrmsr(MSR_KERNEL_GS_BASE, v->switched[VMX_SW_KERNEL_GS]);
	if (vmx_caps.features & TVX_FEAT_RDTSCP &&
	    v->switched[VMX_SW_TSC_AUX] != host[VMX_SW_TSC_AUX])
		cpu_wrmsr(MSR_TSC_AUX, v->switched[VMX_SW_TSC_AUX]);
	if (v->efer & EFER_SCE)
		switch_syscall_in(v);
}

/* KERNEL_GS_BASE: SWAPGS changes it without an exit; segments_leave() gives ours back. */
static void msrs_leave(struct vmx_vcpu *v, const struct vmx_cpu *c)
{
	const u64 *host = c->host_switched;

	v->switched[VMX_SW_KERNEL_GS] = cpu_rdmsr(MSR_KERNEL_GS_BASE);
	if (v->syscall_live)
		switch_syscall_out(v);
	if (vmx_caps.features & TVX_FEAT_RDTSCP &&
	    v->switched[VMX_SW_TSC_AUX] != host[VMX_SW_TSC_AUX])
		cpu_wrmsr(MSR_TSC_AUX, host[VMX_SW_TSC_AUX]);
}

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

static void debug_enter(struct vmx_vcpu *v)
{
	/* Breakpoints that are on match without any MOV DR. */
	if (v->breakpoints)
		vmx_dr_live(v);
}

static noinline void dr_dead(struct vmx_vcpu *v)
{
	v->dr_live = false;
	v->proc |= CPU_BASED_MOV_DR_EXITING;
	vmwrite(CPU_BASED_VM_EXEC_CONTROL, v->proc);
	/* Until the next MOV DR exits, DR7 stays as it is. */
	switch_dr7_changed(v);
}

static void debug_leave(struct vmx_vcpu *v)
{
	if (v->dr_live)
		dr_dead(v);
}

/*
 * Around an entry, interrupts off: with them on, perf's IPIs write the host's breakpoints
 * into these registers, and the guest would lose its own and read the host's.
 */
void switch_dr_in(struct vmx_vcpu *v)
{
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

/*
 * User space, or something else, ran on this thread's CPU since its last section, or
 * may have.  A page fault that was served for the guest in between is no reason, as with KVM.
 */
static void l1d_enter(struct vmx_vcpu *v)
{
	unsigned long switches;

	if (!static_branch_unlikely(&mitigate_l1d))
		return;
	switches = current->nvcsw + current->nivcsw;
	if (!v->user_ran && switches == v->seen_switches)
		return;
	v->seen_switches = switches;
	kvm_set_cpu_l1tf_flush_l1d();
}

/* ---- the section ----------------------------------------------------------------------- */

int vmx_enter(struct vmx_vcpu *v)
{
	struct vmx_cpu *c;
	unsigned long cr3;

	if (vmx_load(v))
		return -EINTR;
	c = this_cpu_ptr(&vmx_cpu);
	if (c->last_ran != v) {
		mitigate_vcpu_switch();
		c->last_ran = v;
	}
	current->flags |= PF_VCPU;

	/* No context switch until vmx_leave(): CR3 stays. */
	cr3 = __read_cr3();
	if (cr3 != v->host_cr3) {
		vmwrite(HOST_CR3, cr3);
		v->host_cr3 = cr3;
	}
	segments_enter(v);
	msrs_enter(v, c);
	fpu_enter(v);
	debug_enter(v);
	l1d_enter(v);
	v->user_ran = false;
	/* Pairs with vmx_kick(): a flag set before we are seen here is seen by us. */
	smp_store_mb(v->in_section, true);
	return 0;
}

void vmx_leave(struct vmx_vcpu *v)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);

	v->in_section = false;
	debug_leave(v);
	fpu_leave(v);
	msrs_leave(v, c);
	segments_leave(v, c);
	current->flags &= ~PF_VCPU;
	vmx_unload(v);
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
	unsigned long cr4 = __read_cr4();

	/* Another CPU's IPI may change CR4 (RDPMC's permission, for one). */
	if (cr4 != v->host_cr4) {
		vmwrite(HOST_CR4, cr4);
		v->host_cr4 = cr4;
	}
	/* From here on this CPU may hold translations, and a flush must come here too. */
	if (!cpumask_test_cpu(v->cpu, &v->space->ran)) {
		cpumask_set_cpu(v->cpu, &v->space->ran);
		smp_mb__after_atomic(); /* pairs with flush() in space.c */
	}
	if (slice != v->slice)
		set_timer(v, slice);
	if (native_read_cr2() != v->cr2)
		native_write_cr2(v->cr2);
	check_entry(v);
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

/*
 * An NMI or machine check that ended the guest's run belongs to the host, before
 * anything else does: the exit blocks further NMIs until the handler's IRET.
 */
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
	if ((info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR)
		asm volatile("int $2");
	else if ((info & (INTR_INFO_INTR_TYPE_MASK | INTR_INFO_VECTOR_MASK)) ==
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

int vmx_run(struct vmx_vcpu *v, u64 slice)
{
	enum vmx_entry_result result;

	lockdep_assert_irqs_disabled();
	before_entry(v, slice);
	/* An exit clears it; perf changes it by IPI, so no earlier than here. */
	v->host_debugctl = cpu_rdmsr(MSR_IA32_DEBUGCTLMSR);
	mitigate_before_entry(v);
	if (context_tracking_enabled())
		result = enter_tracked(v);
	else
		result = vmx_enter_guest(v);
	mitigate_after_exit(v);

	v->cr2 = native_read_cr2();
	if (unlikely(v->to_put_back))
		put_back(v);
	/* An exit leaves 0x400 in DR7; the host's breakpoints want theirs. */
	if (unlikely(hw_breakpoint_active()))
		hw_breakpoint_restore();
	if (unlikely(result != VMX_ENTRY_EXITED)) {
		if (result == VMX_ENTRY_FAULTED)
			return -EAGAIN;
		v->entry_error = vmread(VM_INSTRUCTION_ERROR);
		v->exit_reason = ~0u;
		return 0;
	}
	v->exit_reason = vmread(VM_EXIT_REASON);
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
	cpu = READ_ONCE(v->cpu);
	if (cpu >= 0 && cpu != smp_processor_id() && READ_ONCE(v->in_section))
		compat_send_reschedule(cpu);
	preempt_enable();
}

void vmx_kick(struct vmx_vcpu *v)
{
	int cpu;

	/* The caller's flag first: who runs it sets in_section, then looks at the flag. */
	smp_mb();
	preempt_disable();
	cpu = READ_ONCE(v->cpu);
	if (cpu >= 0 && cpu != smp_processor_id() && READ_ONCE(v->in_section))
		smp_call_function_single(cpu, kicked, NULL, 1);
	preempt_enable();
}
