/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The checking build (-DTVX_CHECKING): assertions for what emulators do not
 * model, so that a missing VMCLEAR or INVEPT is seen there and not on silicon.
 * In any other build these are nothing.
 */
#ifndef TVX_CHECK_H
#define TVX_CHECK_H

#include "vmx.h"

#ifdef TVX_CHECKING
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/cpumask.h>
#include <linux/printk.h>
#include <linux/irqflags.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <asm/msr.h>
#include <asm/vmx.h>

#include "ops.h"

/* VMPTRST says what the hardware believes. */
static inline u64 check_vmptrst(void)
{
	u64 pa = ~0ull;

	vmptrst(&pa);
	return pa;
}

/*
 * What the host does in a window, interrupts off, is short: as TSC ticks, which are
 * instructions in an emulator.  The guest's time is not part of it.
 */
#define CHECK_HOST_TICKS	3000000

static inline void check_host_begins(struct vmx_vcpu *v)
{
	v->check_since = rdtsc();
}

static inline void check_host_ends(struct vmx_vcpu *v)
{
	u64 ticks = rdtsc() - v->check_since;

	WARN_ONCE(ticks > CHECK_HOST_TICKS, "tinyvmx: interrupts were off for %llu ticks\n",
		  ticks);
	WARN_ONCE(!irqs_disabled(), "tinyvmx: interrupts are on in a window\n");
}

static inline void check_vmcs_current(struct vmx_vcpu *v)
{
	WARN_ONCE(check_vmptrst() != v->vmcs_pa, "tinyvmx: another VMCS is current\n");
	WARN_ONCE(v->cpu != smp_processor_id(), "tinyvmx: VMCS of CPU %d used on CPU %d\n",
		  v->cpu, smp_processor_id());
}

/* About to be loaded here: no other CPU may hold it. */
static inline void check_vmcs_free(struct vmx_vcpu *v)
{
	WARN_ONCE(v->cpu >= 0 && v->cpu != smp_processor_id(),
		  "tinyvmx: VMCS still held by CPU %d\n", v->cpu);
	WARN_ONCE(v->cpu < 0 && v->launched, "tinyvmx: launched, but cleared\n");
}

static inline void check_vmcs_cleared(struct vmx_vcpu *v)
{
	WARN_ONCE(check_vmptrst() == v->vmcs_pa, "tinyvmx: a cleared VMCS is current\n");
}

/* VMX is about to go off: what is left in the CPU would be lost, or written back later. */
static inline void check_nothing_loaded(const struct list_head *loaded)
{
	WARN_ONCE(!list_empty(loaded), "tinyvmx: VMX goes off with a VMCS in the CPU\n");
}

/*
 * A guest of ours runs in VMX that KVM has on: one of KVM's must not run on its branch
 * predictions.  Told once the section is over.
 */
DECLARE_PER_CPU(bool, check_barrier_owed);

static inline void check_barrier_is_owed(bool riding)
{
	this_cpu_write(check_barrier_owed, riding);
}

static inline void check_barrier_was_made(void)
{
	this_cpu_write(check_barrier_owed, false);
}

static inline void check_section_ended(void)
{
	WARN_ONCE(this_cpu_read(check_barrier_owed),
		  "tinyvmx: no branch prediction barrier before KVM's guests run again\n");
}

/* About to enter the guest: this CPU is known to hold translations from now on. */
static inline void check_entry(struct vmx_vcpu *v)
{
	check_vmcs_current(v);
	check_host_ends(v);
	WARN_ONCE(!cpumask_test_cpu(smp_processor_id(), &v->space->ran),
		  "tinyvmx: entering an address space that would not be flushed here\n");
}

/*
 * Emulators reset a machine, VMX on or off; and a test has nothing else to look at.
 * In a panic the log takes nothing from other CPUs: the last one speaks for all.
 */
static inline void check_emergency(unsigned int cleared)
{
	static atomic_t all_cpus, all_cleared;

	pr_warn("CPU %d: VMX off in an emergency; CPUs so far: %d, VMCSs cleared: %d\n",
		raw_smp_processor_id(), atomic_inc_return(&all_cpus),
		atomic_add_return(cleared, &all_cleared));
}
#else
static inline void check_emergency(unsigned int cleared) { }
static inline void check_nothing_loaded(const struct list_head *loaded) { }
static inline void check_barrier_is_owed(bool riding) { }
static inline void check_barrier_was_made(void) { }
static inline void check_section_ended(void) { }
static inline void check_host_begins(struct vmx_vcpu *v) { }
static inline void check_host_ends(struct vmx_vcpu *v) { }
static inline void check_vmcs_current(struct vmx_vcpu *v) { }
static inline void check_vmcs_free(struct vmx_vcpu *v) { }
static inline void check_vmcs_cleared(struct vmx_vcpu *v) { }
static inline void check_entry(struct vmx_vcpu *v) { }
#endif

#endif
