/* SPDX-License-Identifier: GPL-2.0-only */
/* VMX on each CPU, and which VMCSs each CPU holds: inside kmod/vmx/ only. */
#ifndef TVX_POWER_H
#define TVX_POWER_H

#include <linux/percpu.h>
#include <asm/desc_defs.h>
#include "vmx.h"

/* What VMPTRST gives when no VMCS is current; and what it never gives. */
#define VMX_NO_VMCS	(~0ull)
#define VMX_NONE_LEFT	1ull

/**
 * struct vmx_cpu - one CPU's share of VMX; touched on that CPU only, with
 * interrupts off, but for @region; and @gdt, which is constant while the CPU is online
 * @on: VMX is ours here: on, or about to go on or off with interrupts off. For an NMI, in
 *	which the machine crashes, it is set as long as CR4.VMXE is
 * @turned_on: the same, for the window that is open
 * @offline: this CPU is on its way down: no window opens here until it comes back
 * @stale: what is cached of guests is to be forgotten before one is entered
 * @msrs_known: @host_msrs has been read, and can be believed
 * @msrs_seen: when it was last read before that, in jiffies; 0: never
 * @region: the VMXON region, allocated for each possible CPU
 * @loaded: vCPUs whose VMCS may be cached in this CPU (VMPTRLD since its last VMCLEAR)
 * @theirs: in a window that rides: the VMCS that was current, and will be again
 * @left: our VMCS that a window has left current, as there was none before; or VMX_NONE_LEFT
 * @epoch: differs from that of every other CPU, and from its own before it was last
 *	offline or suspended
 * @gdt: the host's GDT, with the limit that an exit loses
 * @last_ran: whose guest ran here last; NULL once that vCPU is gone, and where it may be
 *	another hypervisor's
 * @host_msrs: the host's values of the switched MSRs that never change here
 */
struct vmx_cpu {
	bool on;
	bool turned_on;
	bool offline;
	bool stale;
	bool msrs_known;
	unsigned long msrs_seen;
	struct vmcs *region;
	struct list_head loaded;
	u64 theirs;
	u64 left;
	u64 epoch;
	struct desc_ptr gdt;
	struct vmx_vcpu *last_ran;
	u64 host_msrs[VMX_NR_SWITCHED];
};

DECLARE_PER_CPU(struct vmx_cpu, vmx_cpu);

/* VMX goes off for good: failing VMX instructions are nobody's fault from now on. */
extern bool vmx_rebooting;

/**
 * vmx_clear() - VMCLEAR @v's VMCS on whatever CPU holds it; v->cpu is -1 after
 *
 * Waits for that CPU.  Preemption may be off, interrupts are on.
 */
void vmx_clear(struct vmx_vcpu *v);

/* The same on the CPU @c that holds it: this one, interrupts off. */
void load_clear(struct vmx_cpu *c, struct vmx_vcpu *v);
/* A window is being opened: make the VMCS of @v current here. No other CPU holds it. */
void load_here(struct vmx_cpu *c, struct vmx_vcpu *v);

/* VMX is on here: drop all that is cached of any guest. */
void power_forget_translations(void);
/* The MSRs that a section switches, as they are in the CPU. Preemption off. */
void power_read_host_msrs(u64 *values);

/* Is VMX on for us, on each CPU that is online? */
extern bool vmx_owning;

/**
 * struct refusal - why VMX cannot be had: filled in by the first CPU that fails
 * @err: negative; 0: it can
 * @why: in which order of words hold_tell() says it
 * @cpu: where
 * @reg: a control register whose bits
 * @wrong: do not allow VMX operation; NULL: none
 */
struct refusal {
	atomic_t err;
	enum refused { REBOOTING, TAKEN, BAD_CR, VMXON_FAILED, RIVAL, NOT_PINNED } why;
	int cpu;
	const char *reg;
	unsigned long wrong;
};

/* Return: @err */
int hold_refuse(struct refusal *r, enum refused why, int err);
void hold_tell(const struct refusal *r);
/* The module's parameter.  Return: 0 or -EINVAL, after a word in the log. */
int hold_setup(void);
/* May a window use VMX that somebody else has on, and not for us? */
extern bool vmx_share;
/* kvm_intel is there, or not any more. */
void hold_rival(bool there);
/* kvm_intel is about to be loaded: our own VMX goes.  Return: 0, or -EBUSY: it stays. Sleeps. */
int hold_make_way(void);

/* With the hotplug lock held: VMX is ours on all CPUs, or none and the first error. */
int power_all_on(struct refusal *r);
void power_all_off(void);
/* KVM has VMX on, and is to be suspended after us. */
void power_follow_kvm(void);

/* window.c: can VMX be turned on here?  Interrupts off.  Return: 0 or -EIO. */
int window_try(void);

/* emergency.c: at module load and unload.  Return: 0 or an error of the module notifier's. */
int emergency_setup(void);
void emergency_teardown(void);
/**
 * emergency_watch() - Be called in a crash or an emergency reboot
 * @in_use: VMX is about to go on; or is off everywhere
 */
void emergency_watch(bool in_use);
/* Is kvm_intel loaded, or about to be?  It stays so if hold_make_way() has been called since. */
bool emergency_rival(void);
/* The same, and if the module notifier has told nothing yet, by another look.  Sleeps. */
bool emergency_ask_rival(void);

/* A page for a VMCS or VMXON region, with the revision id in it; NULL: no memory. */
struct vmcs *vmx_alloc_region(int node);

#endif
