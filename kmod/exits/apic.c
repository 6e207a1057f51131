// SPDX-License-Identifier: GPL-2.0-only
/* The local APIC: what the CPU does not do by itself on the register page. */
#include <linux/kernel.h>
#include <linux/sched.h>
#include <asm/apicdef.h>
#include <asm/msr.h>
#include <asm/vmx.h>

#include "../vmx/ops.h"
#include "exits.h"

/* SDM: exit qualification for APIC-access exits from linear accesses */
#define QUAL_OFFSET	0xfff
#define QUAL_TYPE(q)	((q) >> 12 & 0xf)

#define CPUID_X2APIC	BIT(X86_FEATURE_X2APIC % 32)	/* leaf 1, ECX */

static u32 access_of(unsigned long qual)
{
	static const u32 by_type[16] = {
		[0] = TVX_MEM_READ, [1] = TVX_MEM_WRITE, [2] = TVX_MEM_FETCH,
	};

	return by_type[QUAL_TYPE(qual)];
}

/*
 * An access that the CPU cannot carry out: as any MMIO, user space decodes it.  A page that
 * the guest has moved is no such page (apicv.c).
 */
int exit_apic_access(struct tvx_vcpu *vcpu)
{
	unsigned long qual = vmread(EXIT_QUALIFICATION);
	const struct tvx_access a = {
		.gpa = APIC_DEFAULT_PHYS_BASE + (qual & QUAL_OFFSET),
		.flags = access_of(qual),
	};

	/* By the delivery of an event, or a page walk: no instruction to carry out. */
	if (!a.flags)
		return exit_unknown(vcpu);
	return exit_mmio(vcpu, &a);
}

/* The value is in the page, and the guest behind the instruction. */
int exit_apic_write(struct tvx_vcpu *vcpu)
{
	u32 offset = vmread(EXIT_QUALIFICATION) & QUAL_OFFSET;

	return tvx_irq_effects(vcpu, lapic_written(&vcpu->lapic, offset & ~0xf, rdtsc()));
}

/* The CPU has done it; the vector is one of those whose EOI a device waits for. */
int exit_eoi(struct tvx_vcpu *vcpu)
{
	vcpu->lapic.eoi_vector = vmread(EXIT_QUALIFICATION);
	return tvx_irq_effects(vcpu, LAPIC_EOI);
}

/* Something that waits in IRR can go in: inject.c sees to it. */
int exit_tpr(struct tvx_vcpu *vcpu)
{
	return EXIT_RESUME;
}

/* IRR as the guest reads it has what was posted, and the timer has fired if it is time. */
int apic_rdmsr(struct tvx_vcpu *vcpu, u32 index, u64 *value)
{
	u64 now = rdtsc();

	tvx_irq_take_in(vcpu, now);
	return lapic_read_msr(&vcpu->lapic, index, now, value);
}

/*
 * SDM: "Local APIC Status and Location".  By the guest's CPUID: what is no address, and a
 * mode that it has not been told of.
 */
static bool base_is_reserved(const struct policy *p, u64 value)
{
	const struct tvx_cpuid_entry *e = policy_find_cpuid(p, 1, 0);

	/* What user space answers it may say there is. */
	if (value & X2APIC_ENABLE && !(e && (e->flags & TVX_CPUID_EXIT || e->ecx & CPUID_X2APIC)))
		return true;
	return value >> p->maxphyaddr;
}

static noinline int write_base(struct tvx_vcpu *vcpu, u64 value)
{
	if (base_is_reserved(vcpu->hw.policy, value))
		return -EINVAL;
	return lapic_write_msr(&vcpu->lapic, MSR_IA32_APICBASE, value, rdtsc());
}

int apic_wrmsr(struct tvx_vcpu *vcpu, u32 index, u64 value)
{
	if (unlikely(index == MSR_IA32_APICBASE))
		return write_base(vcpu, value);
	return lapic_write_msr(&vcpu->lapic, index, value, rdtsc());
}
