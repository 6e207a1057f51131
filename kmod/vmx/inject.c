// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events into the guest.  At most one goes in at an entry, in this order:
 *
 *	1. an exception that waits (it belongs to the instruction at RIP)
 *	2. what had begun to be delivered when the guest exited
 *	3. an NMI	4. an external interrupt (of user space's, then the local APIC's)
 *
 * For what must wait longer a window is opened: the CPU exits when it could be
 * taken.  Sources: SDM chapters "VM Entries" (event injection), "VM Exits"
 * (information for events delivered), "Interrupt and Exception Handling" (#DF).
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include <asm/vmx.h>

#include "intr.h"
#include "ops.h"
#include "state.h"
#include "switch.h"

#define WINDOWS (CPU_BASED_INTR_WINDOW_EXITING | CPU_BASED_NMI_WINDOW_EXITING)

/* Vectors that push an error code. #CP (21) is not offered to guests. */
#define PUSHES_ERROR (BIT(X86_TRAP_DF) | BIT(X86_TRAP_TS) | BIT(X86_TRAP_NP) | \
		      BIT(X86_TRAP_SS) | BIT(X86_TRAP_GP) | BIT(X86_TRAP_PF) | BIT(X86_TRAP_AC))
/* Traps and aborts; all other exceptions are faults, or #DB, which may be either. */
#define NO_FAULTS (BIT(X86_TRAP_DB) | BIT(X86_TRAP_BP) | BIT(X86_TRAP_OF) | \
		   BIT(X86_TRAP_DF) | BIT(X86_TRAP_MC))
#define CONTRIBUTORY (BIT(X86_TRAP_DE) | BIT(X86_TRAP_TS) | BIT(X86_TRAP_NP) | \
		      BIT(X86_TRAP_SS) | BIT(X86_TRAP_GP))

static bool is_soft(u8 type)
{
	return type == TVX_EVENT_SOFT_INTR || type == TVX_EVENT_PRIV_EXCEPTION ||
	       type == TVX_EVENT_SOFT_EXCEPTION;
}

static bool is_exception(const struct tvx_event *e)
{
	return e->flags && e->type != TVX_EVENT_INTR && e->type != TVX_EVENT_NMI &&
	       e->type != TVX_EVENT_SOFT_INTR;
}

/* The vectors that each type may have. */
static __always_inline bool vector_fits(u8 type, u8 vector)
{
	static const u32 fit[] = {
		[TVX_EVENT_NMI] = BIT(X86_TRAP_NMI),
		[TVX_EVENT_EXCEPTION] = (u32)~BIT(X86_TRAP_NMI),
		[TVX_EVENT_PRIV_EXCEPTION] = BIT(X86_TRAP_DB),
		[TVX_EVENT_SOFT_EXCEPTION] = BIT(X86_TRAP_BP) | BIT(X86_TRAP_OF),
	};

	if (type == TVX_EVENT_INTR || type == TVX_EVENT_SOFT_INTR)
		return true;
	return type < ARRAY_SIZE(fit) && vector < 32 && fit[type] & BIT(vector);
}

int event_check(const struct tvx_event *e)
{
	if (e->flags & ~(TVX_EVENT_VALID | TVX_EVENT_ERROR_CODE))
		return -EINVAL;
	if (!(e->flags & TVX_EVENT_VALID))
		return e->flags ? -EINVAL : 0;
	if (e->insn_len > 15 || (is_soft(e->type) && !e->insn_len))
		return -EINVAL;
	return vector_fits(e->type, e->vector) ? 0 : -EINVAL;
}

int vmx_queue_event(struct vmx_vcpu *v, const struct tvx_event *e)
{
	if (event_check(e))
		return -EINVAL;
	switch (e->type) {
	case TVX_EVENT_NMI:
		if (v->nmi_pending == 2)
			return -EBUSY;
		v->nmi_pending++;
		return 0;
	case TVX_EVENT_INTR:
		if (v->intr.flags)
			return -EBUSY;
		v->intr = *e;
		return 0;
	default:
		if (v->exception.flags)
			return -EBUSY;
		/* On top of one whose delivery had begun: perhaps a double fault. */
		if (e->type == TVX_EVENT_EXCEPTION && is_exception(&v->injected))
			vmx_raise(v, e->vector, e->flags & TVX_EVENT_ERROR_CODE, e->error_code);
		else
			v->exception = *e;
		return 0;
	}
}

/* ---- what an exit interrupted ------------------------------------------------------ */

void vmx_recover_event(struct vmx_vcpu *v, u32 info)
{
	u32 type = (info & VECTORING_INFO_TYPE_MASK) >> 8;

	v->injected = (struct tvx_event){
		.flags = TVX_EVENT_VALID,
		.type = type,
		.vector = info & VECTORING_INFO_VECTOR_MASK,
	};
	if (info & VECTORING_INFO_DELIVER_CODE_MASK) {
		v->injected.flags |= TVX_EVENT_ERROR_CODE;
		v->injected.error_code = vmread(IDT_VECTORING_ERROR_CODE);
	}
	if (is_soft(type))
		v->injected.insn_len = vmread(VM_EXIT_INSTRUCTION_LEN);
	/* An NMI that did not get through does not block the next try. */
	if (type == TVX_EVENT_NMI)
		vmwrite(GUEST_INTERRUPTIBILITY_INFO,
			vmread(GUEST_INTERRUPTIBILITY_INFO) & ~GUEST_INTR_STATE_NMI);
}

/* ---- exceptions of the guest's own doing --------------------------------------------- */

static bool makes_double_fault(u8 first, u8 second)
{
	if (first == X86_TRAP_PF)
		return second == X86_TRAP_PF || BIT(second) & CONTRIBUTORY;
	return BIT(first) & CONTRIBUTORY && BIT(second) & CONTRIBUTORY;
}

bool vmx_raise(struct vmx_vcpu *v, u8 vector, bool has_error, u32 error_code)
{
	struct tvx_event *first = is_exception(&v->exception) ? &v->exception : &v->injected;

	if (is_exception(first)) {
		u8 was = first->vector;

		*first = (struct tvx_event){ };
		if (was == X86_TRAP_DF) {
			v->activity = TVX_SHUTDOWN;
			return false;
		}
		if (makes_double_fault(was, vector)) {
			vector = X86_TRAP_DF;
			has_error = true;
			error_code = 0;
		}
	}
	v->exception = (struct tvx_event){
		.flags = TVX_EVENT_VALID | (has_error ? TVX_EVENT_ERROR_CODE : 0),
		.type = TVX_EVENT_EXCEPTION,
		.vector = vector,
		.error_code = error_code,
	};
	return true;
}

/* ---- delivery -------------------------------------------------------------------------- */

bool vmx_nmi_open(struct vmx_vcpu *v)
{
	return !(vmread(GUEST_INTERRUPTIBILITY_INFO) & (INTR_SHADOWS | GUEST_INTR_STATE_NMI));
}

bool vmx_nmi_blocked(struct vmx_vcpu *v)
{
	return vmread(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_NMI ||
	       (v->injected.flags && v->injected.type == TVX_EVENT_NMI);
}

/*
 * What a fault pushes has RF set, so that the instruction's breakpoint does not hit again.
 * The CPU does so for its own faults, and takes RFLAGS as they are for one that we inject.
 */
static void set_resume_flag(const struct tvx_event *e)
{
	if (e->type == TVX_EVENT_EXCEPTION && e->vector < 32 && !(BIT(e->vector) & NO_FAULTS))
		vmwrite(GUEST_RFLAGS, vmread(GUEST_RFLAGS) | X86_EFLAGS_RF);
}

static __always_inline void deliver(struct vmx_vcpu *v, const struct tvx_event *e)
{
	u32 info = INTR_INFO_VALID_MASK | e->type << 8 | e->vector;

	/* By the vector and the mode, not by what anyone claims: the CPU checks it. */
	if (e->type == TVX_EVENT_EXCEPTION && e->vector < 32 &&
	    BIT(e->vector) & PUSHES_ERROR && vmread(GUEST_CR0) & X86_CR0_PE) {
		info |= INTR_INFO_DELIVER_CODE_MASK;
		vmwrite(VM_ENTRY_EXCEPTION_ERROR_CODE, e->error_code & 0x7fff);
	}
	if (is_soft(e->type))
		vmwrite(VM_ENTRY_INSTRUCTION_LEN, e->insn_len);
	vmwrite(VM_ENTRY_INTR_INFO_FIELD, info);
	v->delivering = *e;
	v->activity = TVX_ACTIVE;
	v->events_delivered++;
}

/* What the CPU does itself where it has virtual-interrupt delivery. */
static noinline bool deliver_apic(struct vmx_vcpu *v)
{
	struct tvx_event e = { .flags = TVX_EVENT_VALID, .type = TVX_EVENT_INTR };
	int vector = lapic_deliverable(v->lapic);

	if (vector < 0 || !vmx_intr_open())
		return false;
	lapic_acknowledge(v->lapic, vector);
	v->apic_waits = lapic_highest_irr(v->lapic) >= 0;
	e.vector = vector;
	deliver(v, &e);
	return true;
}

static bool deliver_first(struct vmx_vcpu *v)
{
	static const struct tvx_event nmi = {
		.flags = TVX_EVENT_VALID, .type = TVX_EVENT_NMI, .vector = X86_TRAP_NMI,
	};
	struct tvx_event *e;

	if (v->exception.flags) {
		set_resume_flag(&v->exception);
		vmx_end_shadow();
		e = &v->exception;
		/*
		 * It came up while that was being delivered, and takes its place as on bare
		 * hardware: its handler runs with IF 0, where an interrupt cannot go in.
		 */
		v->injected = (struct tvx_event){ };
	} else if (v->injected.flags) {
		vmx_end_shadow();
		e = &v->injected;
	} else if (v->nmi_pending && vmx_nmi_open(v)) {
		deliver(v, &nmi);
		v->nmi_pending--;
		return true;
	} else if (v->intr.flags && vmx_intr_open()) {
		e = &v->intr;
	} else {
		return v->apic_waits && deliver_apic(v);
	}
	deliver(v, e);
	*e = (struct tvx_event){ };
	return true;
}

/*
 * An NMI-window exit is held off by MOV SS, but by STI only if the CPU chooses so (SDM:
 * "Other Causes of VM Exits"): one that does not would exit in the shadow for ever.
 * Interrupts are enabled in it, so that their window opens when it has ended.
 */
static u32 nmi_window(void)
{
	if (vmread(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_STI)
		return CPU_BASED_INTR_WINDOW_EXITING;
	return vmx_caps.features & TVX_FEAT_VNMI ? CPU_BASED_NMI_WINDOW_EXITING : 0;
}

static void open_windows(struct vmx_vcpu *v, u32 requests)
{
	u32 proc = v->proc & ~WINDOWS;

	if (v->intr.flags || requests & TVX_REQ_INTR_WINDOW ||
	    (v->apic_waits && lapic_deliverable(v->lapic) >= 0))
		proc |= CPU_BASED_INTR_WINDOW_EXITING;
	if (v->nmi_pending || requests & TVX_REQ_NMI_WINDOW)
		proc |= nmi_window();
	if (proc != v->proc) {
		vmwrite(CPU_BASED_VM_EXEC_CONTROL, proc);
		v->proc = proc;
		v->windows = proc & WINDOWS;
	}
}

bool vmx_deliver_events(struct vmx_vcpu *v, u32 requests)
{
	static_assert(offsetofend(struct vmx_vcpu, zero) ==
		      offsetofend(struct vmx_vcpu, more_waits));
	bool delivers = deliver_first(v);

	if (v->intr.flags | v->nmi_pending | requests | v->apic_waits || v->proc & WINDOWS)
		open_windows(v, requests);
	if (v->apic_waits | v->tpr_threshold)
		vmx_apic_threshold(v);
	if (v->dr_live)
		switch_dr_in(v);
	return delivers;
}

/* Put back what an entry that never happened was to deliver. */
void vmx_undeliver(struct vmx_vcpu *v)
{
	if (!(vmread(VM_ENTRY_INTR_INFO_FIELD) & INTR_INFO_VALID_MASK))
		return;
	vmwrite(VM_ENTRY_INTR_INFO_FIELD, 0);
	v->injected = v->delivering;
	v->events_delivered--;
}

bool vmx_event_ready(struct vmx_vcpu *v)
{
	return v->exception.flags || v->injected.flags || (v->nmi_pending && vmx_nmi_open(v)) ||
	       (v->intr.flags && vmx_intr_open()) || vmx_apic_ready(v);
}
