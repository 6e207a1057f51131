/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that depends on the kernel's version, and nothing else.
 *
 * Kbuild looks into the headers that the module is built for and defines
 * TVX_HAVE_*: distributions carry changes back, so a version number says little.
 */
#ifndef TVX_COMPAT_H
#define TVX_COMPAT_H

#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <linux/syscore_ops.h>
#include <linux/thread_info.h>
#include <linux/version.h>
#include <linux/vtime.h>
#include <asm/cpufeature.h>

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
