/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that depends on the kernel's version, and nothing else.
 *
 * Kbuild looks into the headers that the module is built for and defines
 * TVX_HAVE_*: distributions carry changes back, so a version number says little.
 *
 * TVX_OPEN_x says that the kernel exports x to all modules.  Newer ones export to KVM
 * alone what only a hypervisor wants:
 *
 *	symbol				open to all	what is used instead
 *	cr4_update_irqsoff		to 6.18		no VMX of our own: windows (window.c)
 *	cpu_emergency_*_virt_callback	to 6.18		nothing: from 7.1 on it is the core's work
 *	intel_pt_handle_vmx		to 6.18		no VMXON while PT would be in its way
 *	l1tf_mitigation			to 6.18		the parameter l1tf (mitigate.c)
 *	perf_guest_get_msrs		to 6.18		the counters are off in guests
 *	hw_breakpoint_restore		to 6.18		DR0-3 are kept by reading them
 *	handle_guest_split_lock		to 6.18		SIGBUS, as by split_lock_detect=fatal
 *	write_ibpb			to 6.18		the WRMSR
 *	clear_bhb_loop			to 6.18		such a loop (entry.S)
 *	x86_verw_sel, mds_verw_sel	to 6.18		a selector of our own (entry.S)
 */
#ifndef TVX_COMPAT_H
#define TVX_COMPAT_H

#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/hw_breakpoint.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>
#include <linux/thread_info.h>
#include <linux/version.h>
#include <linux/vtime.h>
#include <asm/cpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/perf_event.h>
#include <asm/processor.h>
#ifdef TVX_HAVE_CPUID_API
#include <asm/cpuid/api.h>
#endif

#ifdef TVX_HAVE_RDMSRQ
#define rdmsrl(msr, value)	rdmsrq(msr, value)
#define wrmsrl(msr, value)	wrmsrq(msr, value)
#define rdmsrl_safe(msr, value)	rdmsrq_safe(msr, value)
#endif

/* Work for which a thread comes out of the guest. */
#ifdef _TIF_NEED_RESCHED_LAZY
#define COMPAT_TIF_RESCHED (_TIF_NEED_RESCHED | _TIF_NEED_RESCHED_LAZY)
#else
#define COMPAT_TIF_RESCHED _TIF_NEED_RESCHED
#endif
#define COMPAT_TIF_LEAVE_GUEST \
	(COMPAT_TIF_RESCHED | _TIF_SIGPENDING | _TIF_NOTIFY_SIGNAL | _TIF_NOTIFY_RESUME)

/* Some 6.12 kernels hand the callbacks their data, and moved them one struct down. */
#ifdef TVX_HAVE_SYSCORE
#define COMPAT_SYSCORE(name, suspend_fn, resume_fn)				\
	static int name##_suspend(void *data) { return suspend_fn(); }		\
	static void name##_resume(void *data) { resume_fn(); }			\
	static const struct syscore_ops name##_ops = {				\
		.suspend = name##_suspend, .resume = name##_resume };		\
	static struct syscore name = { .ops = &name##_ops }
#define compat_register_syscore(s) register_syscore(s)
#define compat_unregister_syscore(s) unregister_syscore(s)
#else
#define COMPAT_SYSCORE(name, suspend_fn, resume_fn)				\
	static struct syscore_ops name = { .suspend = suspend_fn, .resume = resume_fn }
#define compat_register_syscore(s) register_syscore_ops(s)
#define compat_unregister_syscore(s) unregister_syscore_ops(s)
#endif

/*
 * What get_user_pages_unlocked() of newer kernels does when asked, for a vCPU:
 * let any signal end a long wait, and take NUMA hinting faults as a CPU would.
 * (The names are enumerators there, not macros.)
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define COMPAT_FOLL_VCPU (FOLL_INTERRUPTIBLE | FOLL_HONOR_NUMA_FAULT)
#else
#define COMPAT_FOLL_VCPU 0
#endif

/* Newer kernels trace it, by a tracepoint that modules have to bring along. */
#ifdef smp_send_reschedule
#define compat_send_reschedule(cpu) arch_smp_send_reschedule(cpu)
#else
#define compat_send_reschedule(cpu) smp_send_reschedule(cpu)
#endif

/* Since 6.8 an eventfd is always signalled by one. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define compat_eventfd_signal(ctx) eventfd_signal(ctx)
#else
#define compat_eventfd_signal(ctx) eventfd_signal(ctx, 1)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define compat_hrtimer_setup(timer, fn, clock, mode) hrtimer_setup(timer, fn, clock, mode)
#else
#define compat_hrtimer_setup(timer, fn, clock, mode) \
	do { hrtimer_init(timer, clock, mode); (timer)->function = (fn); } while (0)
#endif

/* Before 6.3 a VMA's flags were written as they are. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define compat_vm_flags(vma, set, clear) vm_flags_mod(vma, set, clear)
#else
#define compat_vm_flags(vma, set, clear) ((vma)->vm_flags = ((vma)->vm_flags | (set)) & ~(clear))
#endif

/* Exits of instructions that no guest may use: newer kernels have names for them. */
#ifndef EXIT_REASON_SEAMCALL
#define EXIT_REASON_SEAMCALL	76
#endif
#ifndef EXIT_REASON_TDCALL
#define EXIT_REASON_TDCALL	77
#endif

/* Where the kernel accounts time by what a CPU does, not by ticks. */
static inline void compat_vtime_guest_enter(void)
{
#ifdef CONFIG_VIRT_CPU_ACCOUNTING_GEN
	if (vtime_accounting_enabled_this_cpu())
		vtime_guest_enter(current);
#endif
}

static inline void compat_vtime_guest_exit(void)
{
#ifdef CONFIG_VIRT_CPU_ACCOUNTING_GEN
	if (vtime_accounting_enabled_this_cpu())
		vtime_guest_exit(current);
#endif
}

/*
 * Newer kernels turn softirqs off while the kernel uses the FPU: for a whole section.
 * Neither the interrupts that come meanwhile run them nor ksoftirqd, so that a guest
 * has to be left for them.  (Not under PREEMPT_RT, where they are a thread's.)
 */
#ifdef TVX_HAVE_FPU_SOFTIRQS_OFF
#define COMPAT_FPU_SOFTIRQS_OFF true
#define compat_softirqs_wait() (!IS_ENABLED(CONFIG_PREEMPT_RT) && local_softirq_pending())
#else
#define COMPAT_FPU_SOFTIRQS_OFF false
#define compat_softirqs_wait() false
#endif

/*
 * VMX of our own takes CR4.VMXE in the kernel's shadow of CR4, which newer kernels let only
 * KVM change; and such kernels have no callback for a crash either: their core turns off
 * whatever it finds on.
 */
#ifdef TVX_CAN_OWN
#define COMPAT_CAN_OWN true
#define compat_emergency_register(fn) cpu_emergency_register_virt_callback(fn)
#define compat_emergency_unregister(fn) cpu_emergency_unregister_virt_callback(fn)
#else
#define COMPAT_CAN_OWN false
#define compat_emergency_register(fn) do { } while (0)
#define compat_emergency_unregister(fn) do { } while (0)
#endif

/* As strong as the kernel's, on an Intel CPU: the return stack is filled after each exit. */
static __always_inline void compat_ibpb(void)
{
#if defined(X86_FEATURE_USE_IBPB) || defined(TVX_OPEN_write_ibpb)
	indirect_branch_prediction_barrier();
#else
	if (cpu_feature_enabled(X86_FEATURE_IBPB))
		native_wrmsr(MSR_IA32_PRED_CMD, PRED_CMD_IBPB, 0);
#endif
}

/* What the kernel does about a guest's split lock.  False: it gets a signal. */
static inline bool compat_split_lock(unsigned long rip)
{
#ifdef TVX_OPEN_handle_guest_split_lock
	return handle_guest_split_lock(rip);
#else
	force_sig(SIGBUS);
	return false;
#endif
}

/*
 * Breakpoints of the host's, in a window: perf changes them by IPI.  Keep what only the
 * kernel's hw_breakpoint_restore() knows before the guest's are loaded; put it back.
 */
static inline void compat_keep_breakpoints(unsigned long *dr)
{
#ifndef TVX_OPEN_hw_breakpoint_restore
	get_debugreg(dr[0], 0);
	get_debugreg(dr[1], 1);
	get_debugreg(dr[2], 2);
	get_debugreg(dr[3], 3);
#endif
}

static inline void compat_restore_breakpoints(const unsigned long *dr)
{
#ifdef TVX_OPEN_hw_breakpoint_restore
	hw_breakpoint_restore();
#else
	if (dr) {
		set_debugreg(dr[0], 0);
		set_debugreg(dr[1], 1);
		set_debugreg(dr[2], 2);
		set_debugreg(dr[3], 3);
	}
	set_debugreg(this_cpu_read(cpu_dr7), 7);
#endif
}

/* Kernels whose KVM was read, for what it assumes of the CPU: docs/beside-kvm.md. */
static inline bool compat_kvm_was_read(void)
{
	return LINUX_VERSION_CODE < KERNEL_VERSION(7, 4, 0);
}

/*
 * How does KVM decide on a CPU whether the next guest is another one than the last?  By the VMCS
 * that is current (read in 6.1 and 6.12: false), or by the vCPU that ran last, whatever VMCS is
 * current (read in 6.16 and later: true).  6.13 to 6.15 were not read and count as the dearer one.
 */
#define COMPAT_KVM_REMEMBERS_VCPU (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0))

/*
 * On Hyper-V KVM may use VMCSs that are memory, which no VMPTRST finds (enlightened VMCS).
 * Hyper-V's leaves: the vendor's signature, and the versions of such a VMCS.
 */
static inline bool compat_hyperv_vmcs(void)
{
	u32 eax, ebx, ecx, edx;

	if (!boot_cpu_has(X86_FEATURE_HYPERVISOR))
		return false;
	cpuid(0x40000000, &eax, &ebx, &ecx, &edx);
	if (eax < 0x4000000a || ebx != 0x7263694d || ecx != 0x666f736f || edx != 0x76482074)
		return false;
	return cpuid_eax(0x4000000a);
}

/* Processor Trace that a CPU does not have in VMX operation, and that is on: no VMXON then. */
static inline bool compat_pt_in_the_way(u64 vmx_misc)
{
	u64 ctl;

	if (!boot_cpu_has(X86_FEATURE_INTEL_PT) || vmx_misc & BIT(14))
		return false;
	return !rdmsrl_safe(MSR_IA32_RTIT_CTL, &ctl) && ctl & RTIT_CTL_TRACEEN;
}

/* Under FRED an INT instruction is no way into the NMI handler. */
static inline bool compat_uses_fred(void)
{
#ifdef X86_FEATURE_FRED
	return cpu_feature_enabled(X86_FEATURE_FRED);
#else
	return false;
#endif
}

#endif
