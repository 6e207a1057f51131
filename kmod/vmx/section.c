// SPDX-License-Identifier: GPL-2.0-only
/*
 * The section: what is swapped between host and guest around a run of entries, in pairs
 * that read as a symmetric list.
 */
#include <linux/hardirq.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/mmu_context.h>
#include <asm/msr.h>
#include <asm/segment.h>

#include "../compat.h"
#include "check.h"
#include "fpu.h"
#include "mitigate.h"
#include "ops.h"
#include "power.h"
#include "switch.h"

/* The vCPU whose section is on this CPU, unless VMX is ours: then it is vmx_current. */
static DEFINE_PER_CPU(struct vmx_vcpu *, vmx_in_section);

/* ---- segments: an exit gives null selectors, our own bases, and 64 KiB limits ---- */

static void segments_enter(struct vmx_vcpu *v)
{
	unsigned long fs_base;

	/* Any thread of the process may change it (window_look_again()); the others, only this. */
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
void section_syscall_in(struct vmx_vcpu *v)
{
	const u64 *host = v->host_msrs;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(syscall_msrs); i++)
		if (v->switched[syscall_msrs[i].index] != host[syscall_msrs[i].index])
			cpu_wrmsr(syscall_msrs[i].msr, v->switched[syscall_msrs[i].index]);
	v->syscall_live = true;
}

static void section_syscall_out(struct vmx_vcpu *v)
{
	const u64 *host = v->host_msrs;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(syscall_msrs); i++)
		if (v->switched[syscall_msrs[i].index] != host[syscall_msrs[i].index])
			cpu_wrmsr(syscall_msrs[i].msr, host[syscall_msrs[i].index]);
	v->syscall_live = false;
}

/*
 * KVM leaves its guests' values in these MSRs until its thread returns to user space,
 * across switches to other threads, and remembers what it has left: it is to find the same.
 * Whether it has, the kernel's flag for the return says, which goes from thread to thread.
 */
static noinline void find_host_msrs(struct vmx_vcpu *v, struct vmx_cpu *c)
{
	power_read_host_msrs(v->found_msrs);
	v->host_msrs = v->found_msrs;
	if (test_thread_flag(TIF_USER_RETURN_NOTIFY))
		return;
	/* KVM clears the flag a little before the MSRs: what is seen once more is believed. */
	if (c->msrs_seen && time_after(jiffies, c->msrs_seen) &&
	    !memcmp(c->host_msrs, v->found_msrs, sizeof(c->host_msrs)))
		c->msrs_known = true;
	memcpy(c->host_msrs, v->found_msrs, sizeof(c->host_msrs));
	c->msrs_seen = jiffies ?: 1;
}

/* Those that KVM may want to look at. */
static __always_inline void user_return_msrs_in(struct vmx_vcpu *v, struct vmx_cpu *c)
{
	v->host_msrs = c->host_msrs;
	if (static_branch_unlikely(&vmx_borrows) &&
	    unlikely(!c->msrs_known || test_thread_flag(TIF_USER_RETURN_NOTIFY)))
		find_host_msrs(v, c);
	if (vmx_caps.features & TVX_FEAT_RDTSCP &&
	    v->switched[VMX_SW_TSC_AUX] != v->host_msrs[VMX_SW_TSC_AUX])
		cpu_wrmsr(MSR_TSC_AUX, v->switched[VMX_SW_TSC_AUX]);
	if (v->efer & EFER_SCE)
		section_syscall_in(v);
}

static __always_inline void user_return_msrs_out(struct vmx_vcpu *v)
{
	if (unlikely(!v->host_msrs))
		return;
	if (v->syscall_live)
		section_syscall_out(v);
	if (vmx_caps.features & TVX_FEAT_RDTSCP &&
	    v->switched[VMX_SW_TSC_AUX] != v->host_msrs[VMX_SW_TSC_AUX])
		cpu_wrmsr(MSR_TSC_AUX, v->host_msrs[VMX_SW_TSC_AUX]);
	v->host_msrs = NULL;
}

/*
 * KVM of older kernels takes what it finds in the CPU for the host's values, as an IPI for its
 * first VM comes, and forgets its guest's as one for its last VM does.  Where nothing keeps
 * such IPIs away, gaps have the MSRs as they were found.
 */
void section_gap_begins(struct vmx_vcpu *v)
{
	if (!v->keeps && !this_cpu_read(vmx_cpu.on))
		user_return_msrs_out(v);
}

/*
 * Where VMX is given back in a gap, it is dear: after one for a host's interrupt no second one
 * is due at once, unless RCU is to be told.
 */
void section_gap_ends(struct vmx_vcpu *v)
{
	u64 now = rdtsc();

	if (!v->host_msrs)
		user_return_msrs_in(v, this_cpu_ptr(&vmx_cpu));
	if (now < v->quiet_due)
		v->gap_due = now + WINDOW_TICKS;
}

void section_interrupted(void)
{
	struct vmx_vcpu *v = this_cpu_read(vmx_in_section) ?: this_cpu_read(vmx_current);

	if (v && v->in_section)
		user_return_msrs_out(v);
}

static void msrs_enter(struct vmx_vcpu *v, struct vmx_cpu *c)
{
	if (v->switched[VMX_SW_KERNEL_GS] != v->host_kernel_gs)
		cpu_wrmsr(MSR_KERNEL_GS_BASE, v->switched[VMX_SW_KERNEL_GS]);
	user_return_msrs_in(v, c);
}

/* KERNEL_GS_BASE: SWAPGS changes it without an exit; segments_leave() gives ours back. */
static void msrs_leave(struct vmx_vcpu *v)
{
	v->switched[VMX_SW_KERNEL_GS] = cpu_rdmsr(MSR_KERNEL_GS_BASE);
	user_return_msrs_out(v);
}

/* ---- debug registers --------------------------------------------------------------- */

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

/* What the kernel wants interrupts to be on for comes first, the rest in the window. */
static int begin(struct vmx_vcpu *v)
{
	for (;;) {
		preempt_disable();
		fpu_enter(v);
		if (likely(vmx_open(v)))
			return 0;
		fpu_leave(v);
		/* There is no VMX here: it comes back, or this thread gets another CPU. */
		if (vmx_load_slow(v))
			return -EINTR;
		vmx_unload(v);
	}
}

int vmx_enter(struct vmx_vcpu *v)
{
	struct vmx_cpu *c;

	if (begin(v))
		return -EINTR;
	c = this_cpu_ptr(&vmx_cpu);
	if (c->last_ran != v) {
		mitigate_vcpu_switch();
		c->last_ran = v;
	}
	current->flags |= PF_VCPU;

	window_take_control_registers(v);
	segments_enter(v);
	msrs_enter(v, c);
	debug_enter(v);
	l1d_enter(v);
	v->user_ran = false;
	check_barrier_is_owed(!c->on && !c->turned_on);
	v->section_cpu = smp_processor_id();
	if (static_branch_unlikely(&vmx_borrows))
		this_cpu_write(vmx_in_section, v);
	/* Pairs with vmx_kick(): a flag set before we are seen here is seen by us. */
	smp_store_mb(v->in_section, true);
	return 0;
}

static __always_inline void leave_theirs(struct vmx_cpu *c)
{
	this_cpu_write(vmx_in_section, NULL);
	if (!c->on && !c->turned_on)
		mitigate_before_theirs(c->theirs != VMX_NO_VMCS);
}

void vmx_leave(struct vmx_vcpu *v)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);

	v->in_section = false;
	if (static_branch_unlikely(&vmx_borrows))
		leave_theirs(c);
	check_section_ended();
	msrs_leave(v);
	segments_leave(v, c);
	/* Unless VMX went off for good in a gap. */
	if (likely(vmx_ready(v))) {
		debug_leave(v);
		vmx_close(v);
	}
	fpu_leave(v);
	current->flags &= ~PF_VCPU;
	preempt_enable();
}
