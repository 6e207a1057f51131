/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A window is a stretch with interrupts off in which the VMCS is current.  All VMREADs,
 * VMWRITEs and entries are in one.  What VMX is held by makes a difference at its two ends
 * only (window.c).  In it nobody sleeps, takes a lock that is held with interrupts on, or
 * waits for another CPU; and it is short, but for the guest's own time, which the host's
 * interrupts end.
 */
#ifndef TVX_WINDOW_H
#define TVX_WINDOW_H

#include <linux/irqflags.h>
#include <linux/jump_label.h>
#include <linux/percpu.h>
#include <linux/preempt.h>

#include <asm/special_insns.h>
#include <asm/tlbflush.h>
#include <asm/vmx.h>

#include "ops.h"
#include "vmx.h"

/* Whose VMCS is current on a CPU; NULL: nobody's, or VMX is off there. */
DECLARE_PER_CPU(struct vmx_vcpu *, vmx_current);

/* Some windows use VMX that is not on for us. */
DECLARE_STATIC_KEY_FALSE(vmx_borrows);

/* Interrupts off: is the VMCS of @v current?  It stays so (but for an emergency). */
static inline bool vmx_ready(const struct vmx_vcpu *v)
{
	return this_cpu_read(vmx_current) == v;
}

/* vmx_open() where there is something to do: interrupts are off, and on after a failure. */
bool vmx_open_slow(struct vmx_vcpu *v);
/* vmx_close() where VMX is not ours. */
void vmx_give_back(struct vmx_vcpu *v);

/**
 * vmx_open() - open a window; preemption is off, interrupts are on
 * Return: false, with interrupts on: there is no VMX on this CPU now (hotplug, suspend, reboot).
 */
static __always_inline bool vmx_open(struct vmx_vcpu *v)
{
	local_irq_disable();
#ifndef TVX_CHECKING
	if (likely(vmx_ready(v)))
		return true;
#endif
	return vmx_open_slow(v);
}

/* The window ends, interrupts are on. */
static __always_inline void vmx_close(struct vmx_vcpu *v)
{
#ifdef TVX_CHECKING
	vmx_give_back(v);
#else
	if (static_branch_unlikely(&vmx_borrows))
		vmx_give_back(v);
#endif
	local_irq_enable();
}

/*
 * What an exit loads, and what it takes away.  With interrupts on, another CPU's IPI may
 * change CR4 (RDPMC's permission, for one) or load an LDT that another thread has brought, and
 * who has used another mm for a moment (text patching by kgdb) may have left another PCID.
 */
static __always_inline void window_take_control_registers(struct vmx_vcpu *v)
{
	unsigned long cr3 = __read_cr3(), cr4 = __read_cr4();

	if (unlikely(cr3 != v->host_cr3)) {
		vmwrite(HOST_CR3, cr3);
		v->host_cr3 = cr3;
	}
	if (unlikely(cr4 != v->host_cr4)) {
		vmwrite(HOST_CR4, cr4);
		v->host_cr4 = cr4;
	}
}

static __always_inline void window_look_again(struct vmx_vcpu *v)
{
	u32 ldt;

	window_take_control_registers(v);
	/* There is none after an exit, unless it is new. */
	asm volatile("sldt %0" : "=r" (ldt));
	if (unlikely(ldt))
		v->host_ldt = ldt;
}

/* section.c: what the two halves of a gap do besides. */
void section_gap_begins(struct vmx_vcpu *v);
void section_gap_ends(struct vmx_vcpu *v);

/* The two halves of a gap: interrupts are on in between, preemption off. */
static __always_inline void vmx_pause(struct vmx_vcpu *v)
{
	if (static_branch_unlikely(&vmx_borrows))
		section_gap_begins(v);
	vmx_close(v);
}

static __always_inline bool vmx_reopen(struct vmx_vcpu *v)
{
	if (!vmx_open(v))
		return false;
	window_look_again(v);
	if (static_branch_unlikely(&vmx_borrows))
		section_gap_ends(v);
	return true;
}

/*
 * Interrupts stay off from an exit to the next entry.  One of the host's makes the guest exit,
 * and is served then.  An emulator may not do that while the guest has interrupts off; so they
 * are turned on for a moment (a gap) after this many TSC ticks in any case.
 */
#define WINDOW_TICKS	100000

/**
 * vmx_gap() - close the window for a moment, in which the host's interrupts come [section]
 * Return: false, with the window closed: it cannot be opened again, leave the section.
 */
static __always_inline bool vmx_gap(struct vmx_vcpu *v)
{
	vmx_pause(v);
	/* STI lets interrupts in behind the instruction that follows it. */
	asm volatile("nop" : : : "memory");
	return vmx_reopen(v);
}

/* vmx_load() after a failed vmx_open(). */
int vmx_load_slow(struct vmx_vcpu *v);

/**
 * vmx_load() - open a window outside a section, until vmx_unload()
 *
 * Sleeps while there is no VMX on this CPU (hotplug, suspend).
 * Return: 0, or -EINTR with no window open: a fatal signal came first.
 */
static inline int vmx_load(struct vmx_vcpu *v)
{
	preempt_disable();
	if (likely(vmx_open(v)))
		return 0;
	return vmx_load_slow(v);
}

static inline void vmx_unload(struct vmx_vcpu *v)
{
	vmx_close(v);
	preempt_enable();
}

#endif
