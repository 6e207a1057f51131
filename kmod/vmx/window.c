// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two ends of a window: VMX and the VMCS for a stretch with interrupts off.
 *
 * VMX is held in one of three ways (hold.c decides which):
 *
 *	own	VMX is on for us, on each CPU, as long as a VM exists.  The VMCS stays
 *		current from one window to the next: a window is CLI and STI.
 *	ride	KVM, or the kernel's core for it, has VMX on, and the VM holds something
 *		that keeps it on.  A window loads our VMCS and puts the pointer back that
 *		was there: KVM believes that it knows which VMCS is current.
 *	window	VMX may be off, or be somebody's who may turn it off at any time with
 *		interrupts on.  A window turns it on if it is off, with CR4.VMXE behind
 *		the kernel's back, for nobody writes CR4 in between; or rides if it is on.
 *		In either case the VMCS is cleared at its end: nothing of ours is in the
 *		CPU when VMX goes off.
 *
 * What KVM assumes of this CPU, and why none of it is broken: docs/beside-kvm.md.
 */
#include <linux/irqflags.h>
#include <linux/smp.h>
#include <asm/msr.h>
#include <asm/special_insns.h>

#include "../compat.h"
#include "check.h"
#include "ops.h"
#include "power.h"
#include "switch.h"

DEFINE_STATIC_KEY_FALSE(vmx_borrows);
#ifdef TVX_CHECKING
DEFINE_PER_CPU(bool, check_barrier_owed);
#endif

/* Flushes passed over this CPU while VMX was off on it, or nobody knows what came before. */
static void catch_up(struct vmx_cpu *c)
{
	c->stale = false;
	power_forget_translations();
}

/* The kernel's shadow of CR4 does not have VMXE meanwhile. */
static bool turn_on(struct vmx_cpu *c)
{
	if (compat_pt_in_the_way(vmx_caps.msrs[MSR_IA32_VMX_MISC - MSR_IA32_VMX_BASIC]))
		return false;
	/* For an NMI in which the machine crashes, before the bit is set. */
	WRITE_ONCE(c->turned_on, true);
	native_set_cr4(__read_cr4() | X86_CR4_VMXE);
	if (vmxon(__pa(c->region))) {
		native_set_cr4(__read_cr4() & ~X86_CR4_VMXE);
		WRITE_ONCE(c->turned_on, false);
		return false;
	}
	/* Whose VMX was on since we were here last, nobody tells. */
	catch_up(c);
	return true;
}

/* Interrupts off. */
static void turn_off(struct vmx_cpu *c)
{
	check_nothing_loaded(&c->loaded);
	if (vmxoff())
		vmx_op_failed("VMXOFF", __pa(c->region));
	native_set_cr4(__read_cr4() & ~X86_CR4_VMXE);
	WRITE_ONCE(c->turned_on, false);
}

int window_try(void)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);

	/* For somebody, it can. */
	if (__read_cr4() & X86_CR4_VMXE)
		return 0;
	if (!turn_on(c))
		return -EIO;
	turn_off(c);
	return 0;
}

/* VMX is on, says somebody: what is current there?  False: it is not. */
static __always_inline bool keep_theirs(struct vmx_cpu *c)
{
	if (vmptrst(&c->theirs))
		return false;
	/* Ours, which we left there: nobody's, and nobody has loaded another one since. */
	if (c->theirs == c->left)
		c->theirs = VMX_NO_VMCS;
	else
		c->last_ran = NULL;
	if (unlikely(c->stale))
		catch_up(c);
	return true;
}

/* VMX that is not on for us; or none of it. Without vmx_borrows nobody would give it back. */
static bool borrow(struct vmx_cpu *c, const struct vmx_vcpu *v)
{
	if (READ_ONCE(vmx_rebooting) || c->offline || !static_key_enabled(&vmx_borrows))
		return false;
	if (!(__read_cr4() & X86_CR4_VMXE)) {
		/* What should have kept it on could not: this CPU goes down, or the machine. */
		if (v->keeps || !turn_on(c))
			return false;
		c->theirs = VMX_NO_VMCS;
		c->last_ran = NULL;
		return true;
	}
	if (!v->keeps && !READ_ONCE(vmx_share))
		return false;
	return keep_theirs(c);
}

/* Where the next window rides, too, most of the time: nothing else is to be done. */
static __always_inline bool rides_again(const struct vmx_cpu *c, const struct vmx_vcpu *v)
{
	return v->keeps && v->cpu == smp_processor_id() && v->settled == c->epoch &&
	       !READ_ONCE(vmx_rebooting);
}

bool vmx_open_slow(struct vmx_vcpu *v)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);

	if (likely(rides_again(c, v)) && likely(keep_theirs(c))) {
		vmptrld(&v->vmcs_pa);
		this_cpu_write(vmx_current, v);
		goto open;
	}
	/* In a checking build only. */
	if (vmx_ready(v)) {
		check_vmcs_current(v);
		goto open;
	}
	if (unlikely(v->cpu >= 0 && v->cpu != smp_processor_id())) {
		local_irq_enable();
		vmx_clear(v);
		local_irq_disable();
	}
	/* Hotplug and suspend turn VMX off by interrupt or with interrupts off. */
	if (!c->on && !borrow(c, v)) {
		local_irq_enable();
		return false;
	}
	load_here(c, v);
open:
	check_host_begins(v);
	check_barrier_is_owed(v->in_section && !c->on && !c->turned_on);
	return true;
}

void vmx_give_back(struct vmx_vcpu *v)
{
	struct vmx_cpu *c = this_cpu_ptr(&vmx_cpu);

	check_host_ends(v);
	/* While a VM keeps somebody's VMX on, it is not ours. */
	if (v->keeps) {
		this_cpu_write(vmx_current, NULL);
		if (c->theirs == VMX_NO_VMCS)
			c->left = v->vmcs_pa;
		else
			vmptrld(&c->theirs);
		return;
	}
	if (c->on)
		return;
	this_cpu_write(vmx_current, NULL);
	load_clear(c, v);
	if (c->turned_on)
		turn_off(c);
	else if (c->theirs != VMX_NO_VMCS)
		vmptrld(&c->theirs);
}
