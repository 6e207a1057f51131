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

/**
 * vmx_gap() - close the window for a moment, in which the host's interrupts come [section]
 * Return: false, with the window closed: it cannot be opened again, leave the section.
 */
bool vmx_gap(struct vmx_vcpu *v);
/* The two halves of it: interrupts are on in between, preemption off. */
void vmx_pause(struct vmx_vcpu *v);
bool vmx_reopen(struct vmx_vcpu *v);

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
