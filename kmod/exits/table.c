// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who answers which exit.  A new handler touches four places: its function, its
 * declaration in exits.h, its row here, its test in selftests/.
 */
#include <linux/kernel.h>
#include <linux/sched.h>
#include <asm/debugreg.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>

#include "../compat.h"
#include "../vmx/ops.h"
#include "exits.h"
#include "rip.h"

/* An instruction whose exit is answered by one function. */
#define INSN(fn) INSN_SLOW(fn, NULL)
#define INSN_SLOW(fn, slow_fn) { .fast = fn, .slow = slow_fn, .insn = true, .next = true }

__diag_push();
__diag_ignore(GCC, 8, "-Woverride-init", "the first row is what the others override");
const struct exit_row exit_table[NR_EXIT_ROWS] = {
	[0 ... NR_EXIT_ROWS - 1]	= { exit_unknown },
	[EXIT_REASON_EXCEPTION_NMI]	= { exit_exception, exit_exception_slow },
	[EXIT_REASON_EXTERNAL_INTERRUPT] = { exit_external_interrupt },
	[EXIT_REASON_TRIPLE_FAULT]	= { exit_triple_fault },
	[EXIT_REASON_INTERRUPT_WINDOW]	= { exit_intr_window },
	[EXIT_REASON_NMI_WINDOW]	= { exit_nmi_window },
	/* By an instruction, or by an event that goes through a task gate. */
	[EXIT_REASON_TASK_SWITCH]	= { .fast = exit_task_switch, .next = true },
	[EXIT_REASON_CPUID]		= INSN(exit_cpuid),
	/* Skipped already when user space sees it. */
	[EXIT_REASON_HLT]		= { .fast = exit_hlt, .insn = true },
	[EXIT_REASON_INVD]		= INSN(exit_wbinvd),
	[EXIT_REASON_RDPMC]		= INSN(exit_general_protection),
	[EXIT_REASON_RDTSC]		= INSN(exit_wanted),
	[EXIT_REASON_RDTSCP]		= INSN(exit_wanted),
	[EXIT_REASON_VMCALL]		= INSN(exit_vmcall),
	[EXIT_REASON_VMCLEAR]		= INSN(exit_undefined),
	[EXIT_REASON_VMLAUNCH]		= INSN(exit_undefined),
	[EXIT_REASON_VMPTRLD]		= INSN(exit_undefined),
	[EXIT_REASON_VMPTRST]		= INSN(exit_undefined),
	[EXIT_REASON_VMREAD]		= INSN(exit_undefined),
	[EXIT_REASON_VMRESUME]		= INSN(exit_undefined),
	[EXIT_REASON_VMWRITE]		= INSN(exit_undefined),
	[EXIT_REASON_VMOFF]		= INSN(exit_undefined),
	[EXIT_REASON_VMON]		= INSN(exit_undefined),
	[EXIT_REASON_INVEPT]		= INSN(exit_undefined),
	[EXIT_REASON_INVVPID]		= INSN(exit_undefined),
	[EXIT_REASON_VMFUNC]		= INSN(exit_undefined),
	[EXIT_REASON_CR_ACCESS]		= INSN_SLOW(exit_cr, exit_cr_slow),
	[EXIT_REASON_DR_ACCESS]		= INSN(exit_dr),
	[EXIT_REASON_IO_INSTRUCTION]	= INSN(exit_io),
	[EXIT_REASON_MSR_READ]		= INSN(exit_rdmsr),
	[EXIT_REASON_MSR_WRITE]		= INSN(exit_wrmsr),
	[EXIT_REASON_MWAIT_INSTRUCTION]	= INSN(exit_undefined),
	[EXIT_REASON_MONITOR_INSTRUCTION] = INSN(exit_undefined),
	[EXIT_REASON_PAUSE_INSTRUCTION]	= INSN_SLOW(exit_pause, exit_pause_slow),
	[EXIT_REASON_TPR_BELOW_THRESHOLD] = { exit_tpr },
	[EXIT_REASON_APIC_ACCESS]	= { exit_apic_access },
	[EXIT_REASON_EOI_INDUCED]	= { exit_eoi },
	[EXIT_REASON_APIC_WRITE]	= { exit_apic_write },
	[EXIT_REASON_GDTR_IDTR]		= INSN(exit_wanted),
	[EXIT_REASON_LDTR_TR]		= INSN(exit_wanted),
	[EXIT_REASON_EPT_VIOLATION]	= { exit_ept_violation, exit_ept_violation_slow },
	[EXIT_REASON_EPT_MISCONFIG]	= { exit_ept_misconfig, exit_ept_misconfig_slow },
	[EXIT_REASON_PREEMPTION_TIMER]	= { exit_timer },
	[EXIT_REASON_WBINVD]		= INSN(exit_wbinvd),
	[EXIT_REASON_XSETBV]		= INSN(exit_xsetbv),
	[EXIT_REASON_RDRAND]		= INSN(exit_wanted),
	[EXIT_REASON_RDSEED]		= INSN(exit_wanted),
	[EXIT_REASON_INVPCID]		= INSN(exit_undefined),
	[EXIT_REASON_ENCLS]		= INSN(exit_undefined),
	[EXIT_REASON_XSAVES]		= INSN(exit_undefined),
	[EXIT_REASON_XRSTORS]		= INSN(exit_undefined),
	[EXIT_REASON_UMWAIT]		= INSN(exit_undefined),
	[EXIT_REASON_TPAUSE]		= INSN(exit_undefined),
	[EXIT_REASON_SEAMCALL]		= INSN(exit_undefined),
	[EXIT_REASON_TDCALL]		= INSN(exit_undefined),
};

__diag_pop();

const struct exit_row exit_unknown_row = { exit_unknown };

/* What an instruction that was finished leaves, but for where the guest goes on. */
static __always_inline void after_insn(void)
{
	/* A single step ends after the instruction. */
	if (unlikely(vmread(GUEST_RFLAGS) & X86_EFLAGS_TF))
		vmwrite(GUEST_PENDING_DBG_EXCEPTIONS,
			vmread(GUEST_PENDING_DBG_EXCEPTIONS) | DR_STEP);
}

/* A 32-bit guest's instruction pointer wraps; a 64-bit one's does not. */
static noinline int skip_over_4g(struct tvx_vcpu *vcpu, u64 next)
{
	if (!(vmread(GUEST_CS_AR_BYTES) & VMX_AR_L_MASK && vmx_read_efer(&vcpu->hw) & EFER_LMA))
		next = (u32)next;
	exit_set_rip(next);
	after_insn();
	return EXIT_RESUME;
}

int exit_skip(struct tvx_vcpu *vcpu)
{
	u64 rip = vmread(GUEST_RIP), next = rip + vmread(VM_EXIT_INSTRUCTION_LEN);

	if (unlikely((rip ^ next) >> 32))
		return skip_over_4g(vcpu, next);
	exit_set_rip(next);
	after_insn();
	return EXIT_RESUME;
}
