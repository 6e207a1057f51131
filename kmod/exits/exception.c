// SPDX-License-Identifier: GPL-2.0-only
/* Exceptions, windows, triple faults, task switches. */
#include <linux/kernel.h>
#include <linux/sched.h>
#include <asm/cpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>

#include "../compat.h"
#include "../vmx/intr.h"
#include "../vmx/ops.h"
#include "alignment.h"
#include "exits.h"

/* Access to a debug register while DR7.GD is set; the kernel has no names for them. */
#define DR6_BD	BIT(13)
#define DR7_GD	BIT(13)

static struct tvx_event event_of(u32 info)
{
	struct tvx_event e = {
		.flags = TVX_EVENT_VALID,
		.type = (info & INTR_INFO_INTR_TYPE_MASK) >> 8,
		.vector = info & INTR_INFO_VECTOR_MASK,
	};

	/* In real mode no exception has an error code, whatever an emulator claims. */
	if (info & INTR_INFO_DELIVER_CODE_MASK && vmread(GUEST_CR0) & X86_CR0_PE) {
		e.flags |= TVX_EVENT_ERROR_CODE;
		e.error_code = vmread(VM_EXIT_INTR_ERROR_CODE);
	}
	/* INT3, INTO, INT1 are delivered from behind the instruction. */
	if (e.type == TVX_EVENT_SOFT_EXCEPTION || e.type == TVX_EVENT_PRIV_EXCEPTION)
		e.insn_len = vmread(VM_EXIT_INSTRUCTION_LEN);
	return e;
}

static void set_interruptibility(u32 bits)
{
	vmwrite(GUEST_INTERRUPTIBILITY_INFO, vmread(GUEST_INTERRUPTIBILITY_INFO) | bits);
}

/*
 * The guest may go on where it was, without the exception. SDM: "Resuming Guest
 * Software after Handling an Exception".
 */
static void repair_for_resume(struct tvx_vcpu *vcpu, u32 info, const struct tvx_event *e)
{
	/* An IRET had unblocked NMIs before it faulted, and is executed again. */
	if (info & INTR_INFO_UNBLOCK_NMI && e->vector != X86_TRAP_DF &&
	    !vcpu->hw.injected.flags)
		set_interruptibility(GUEST_INTR_STATE_NMI);
	/* VM entry wants a single step and a shadow to come with the pending trap. */
	if (e->vector == X86_TRAP_DB && vmread(GUEST_RFLAGS) & X86_EFLAGS_TF &&
	    vmx_intr_shadow())
		vmwrite(GUEST_PENDING_DBG_EXCEPTIONS,
			vmread(GUEST_PENDING_DBG_EXCEPTIONS) | DR_STEP);
}

static int to_user(struct tvx_vcpu *vcpu, const struct tvx_event *e)
{
	bool has_address = e->vector == X86_TRAP_PF || e->vector == X86_TRAP_DB;
	struct tvx_run_out *out = &vcpu->run->out;

	out->exception.event = *e;
	out->exception.address = has_address ? vmread(EXIT_QUALIFICATION) : 0;
	return exit_user(vcpu, TVX_EXIT_EXCEPTION);
}

/* What the CPU would have done at the delivery that we intercepted. */
static void update_dr6(struct tvx_vcpu *vcpu)
{
	unsigned long bits = vmread(EXIT_QUALIFICATION) & (DR_TRAP_BITS | DR_STEP | DR6_BD);
	struct vmx_vcpu *hw = &vcpu->hw;

	/* The guest is going to look. */
	vmx_dr_live(hw);
	/* The breakpoints' bits say what hit now, the others stay until the guest clears them. */
	hw->dr6 = (hw->dr6 & ~(u64)DR_TRAP_BITS) | bits;
	vmwrite(GUEST_DR7, vmread(GUEST_DR7) & ~DR7_GD);
}

/* The guest's own: a third one at once is its end. */
static int raise(struct tvx_vcpu *vcpu, u8 vector, bool has_error, u32 error_code)
{
	return vmx_raise(&vcpu->hw, vector, has_error, error_code) ?
	       EXIT_RESUME : exit_user(vcpu, TVX_EXIT_SHUTDOWN);
}

static int reflect(struct tvx_vcpu *vcpu, const struct tvx_event *e)
{
	struct vmx_vcpu *hw = &vcpu->hw;

	if (e->vector == X86_TRAP_DB)
		update_dr6(vcpu);
	if (e->vector == X86_TRAP_PF)
		hw->cr2 = vmread(EXIT_QUALIFICATION);
	if (e->type == TVX_EVENT_EXCEPTION)
		return raise(vcpu, e->vector, e->flags & TVX_EVENT_ERROR_CODE, e->error_code);
	/* Else what waits goes first, and the instruction is executed again after it. */
	if (!hw->exception.flags)
		hw->exception = *e;
	return EXIT_RESUME;
}

/* The host's #AC for a split lock: no guest of today knows what to do with one. */
static bool is_split_lock(struct tvx_vcpu *vcpu, const struct tvx_event *e)
{
	struct vmx_vcpu *hw = &vcpu->hw;

	return e->vector == X86_TRAP_AC &&
	       !ac_is_guests(boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT), vmx_cpl(hw),
			     vmx_read_cr0(hw), vmread(GUEST_RFLAGS));
}

int exit_exception(struct tvx_vcpu *vcpu)
{
	u32 info = vmread(VM_EXIT_INTR_INFO);
	struct tvx_event e;

	/* The host has had its NMI or machine check (switch.c). */
	e = event_of(info);
	if (e.type == TVX_EVENT_NMI || e.vector == X86_TRAP_MC)
		return EXIT_RESUME;
	if (unlikely(is_split_lock(vcpu, &e))) {
		repair_for_resume(vcpu, info, &e);
		return EXIT_SLOW;
	}
	if (vcpu->hw.policy->exceptions & BIT(e.vector)) {
		repair_for_resume(vcpu, info, &e);
		return to_user(vcpu, &e);
	}
	return reflect(vcpu, &e);
}

/*
 * A split lock of the guest's is this thread's, as if it had executed one itself: it is slowed
 * down and goes on, or gets SIGBUS, as the host has it.
 */
int exit_exception_slow(struct tvx_vcpu *vcpu)
{
	unsigned long rip;
	int err = vmx_load(&vcpu->hw);

	if (err)
		return err;
	rip = vmread(GUEST_RIP);
	vmx_unload(&vcpu->hw);
	if (compat_split_lock(rip))
		return EXIT_RESUME;
	vcpu->exit = TVX_EXIT_INTERRUPTED;
	return -EINTR;
}

/*
 * A fault that the module raises.  The policy counts as for the CPU's own, and user space
 * finds the guest as the CPU would have left it: at the instruction, with RF set.
 */
static int fault(struct tvx_vcpu *vcpu, u8 vector, bool has_error)
{
	struct tvx_run_out *out = &vcpu->run->out;

	if (!(vcpu->hw.policy->exceptions & BIT(vector)))
		return raise(vcpu, vector, has_error, 0);
	/* In real mode no exception has an error code. */
	has_error = has_error && vmread(GUEST_CR0) & X86_CR0_PE;
	out->exception.event = (struct tvx_event){
		.flags = TVX_EVENT_VALID | (has_error ? TVX_EVENT_ERROR_CODE : 0),
		.type = TVX_EVENT_EXCEPTION,
		.vector = vector,
	};
	out->exception.address = 0;
	vmwrite(GUEST_RFLAGS, vmread(GUEST_RFLAGS) | X86_EFLAGS_RF);
	/* The instruction is not to be finished. */
	vcpu->no_next = true;
	return exit_user(vcpu, TVX_EXIT_EXCEPTION);
}

int exit_undefined(struct tvx_vcpu *vcpu)
{
	return fault(vcpu, X86_TRAP_UD, false);
}

int exit_general_protection(struct tvx_vcpu *vcpu)
{
	return fault(vcpu, X86_TRAP_GP, true);
}

/* The host takes it. */
int exit_external_interrupt(struct tvx_vcpu *vcpu)
{
	return vmx_gap(&vcpu->hw) ? EXIT_RESUME : EXIT_ENDED;
}

static int window(struct tvx_vcpu *vcpu, u32 request, u32 exit)
{
	/* Without a request it was for an event that we hold: it goes in now. */
	if (!(vcpu->in.requests & request))
		return EXIT_RESUME;
	return exit_user(vcpu, exit);
}

int exit_intr_window(struct tvx_vcpu *vcpu)
{
	if (vcpu->hw.intr.flags)
		return EXIT_RESUME;
	return window(vcpu, TVX_REQ_INTR_WINDOW, TVX_EXIT_INTR_WINDOW);
}

int exit_nmi_window(struct tvx_vcpu *vcpu)
{
	if (vcpu->hw.nmi_pending)
		return EXIT_RESUME;
	return window(vcpu, TVX_REQ_NMI_WINDOW, TVX_EXIT_NMI_WINDOW);
}

int exit_triple_fault(struct tvx_vcpu *vcpu)
{
	vcpu->hw.injected = (struct tvx_event){ };
	vcpu->hw.activity = TVX_SHUTDOWN;
	return exit_user(vcpu, TVX_EXIT_SHUTDOWN);
}

/* 64-bit guests have none; for the others user space walks the TSSs. */
int exit_task_switch(struct tvx_vcpu *vcpu)
{
	unsigned long qual = vmread(EXIT_QUALIFICATION);
	struct tvx_run_out *out = &vcpu->run->out;
	struct vmx_vcpu *hw = &vcpu->hw;

	memset(&out->task, 0, sizeof(out->task));
	out->task.selector = qual;
	out->task.source = qual >> 30 & 3;
	/* An event that went through a task gate is delivered by the switch itself. */
	out->task.event = hw->injected;
	if (hw->injected.flags && hw->injected.type == TVX_EVENT_NMI)
		set_interruptibility(GUEST_INTR_STATE_NMI);
	/* Unless an instruction raised it, there is none whose length would count. */
	vcpu->no_next = hw->injected.flags && !hw->injected.insn_len;
	hw->injected = (struct tvx_event){ };
	return exit_user(vcpu, TVX_EXIT_TASK_SWITCH);
}
