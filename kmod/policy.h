/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VM's guest may see and do, and who answers: CPUID, MSRs, I/O ports,
 * hypercalls.  Pure data and look-ups; set up by the VM's ioctls, constant from
 * the VM's first vCPU on, so that exits read it without a lock.
 */
#ifndef TVX_POLICY_H
#define TVX_POLICY_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>
#include <tinyvmx.h>

/* So many leaves of each range are found without a search. */
#define POLICY_DIRECT_LEAVES	32

/* A flag of ours in the policy's own copy of an entry: the answer differs by vCPU. */
#define POLICY_CPUID_PER_VCPU	BIT(31)

/* The order of an answer of CPUID. */
enum cpuid_reg { EAX, EBX, ECX, EDX };

/**
 * struct policy_host - what the host has and the module can give to guests
 * @cpuid: executes CPUID on the host
 * @xcr0: XCR0 bits that guests may set, 0 without XSAVE
 * @features: TVX_FEAT_*
 * @kernel_has: what the host's kernel has left on of a word of X86_FEATURE_*
 * @tsc_khz: of the TSC, 0: not known
 * @tsc_unstable: the kernel has found that the TSCs of its CPUs differ, or stop
 */
struct policy_host {
	void (*cpuid)(u32 leaf, u32 subleaf, u32 out[4]);
	u64 xcr0;
	u64 features;
	u32 (*kernel_has)(unsigned int word);
	u32 tsc_khz;
	bool tsc_unstable;
};

/**
 * struct policy - of one VM
 * @cpuid: sorted by function, index
 * @first_cpuid: of the first leaves of the basic and of the extended range: where
 *	in @cpuid the leaf begins, plus 1; 0: it has no entry
 * @nr_cpuid: entries of @cpuid
 * @msr_rules: as the caller gave them
 * @nr_msr_rules: of @msr_rules
 * @io_rules: as the caller gave them
 * @nr_io_rules: of @io_rules
 * @exceptions: vectors that exit to user space
 * @exits: TVX_WANT_*
 * @hypercall: enum tvx_action, never DEFAULT
 * @hypercall_value: for TVX_ACT_CONST
 * @cr4_allowed: CR4 bits that the guest may set: by its CPUID and by the host
 * @efer_allowed: the same for EFER
 * @xcr0_allowed: the same for XCR0; 0 without XSAVE in its CPUID
 * @maxphyaddr: by its CPUID, else 36
 *
 * The last four are worked out by policy_settle().
 */
struct policy {
	struct tvx_cpuid_entry cpuid[TVX_MAX_CPUID];
	u16 first_cpuid[2][POLICY_DIRECT_LEAVES];
	struct tvx_msr_rule msr_rules[TVX_MAX_RULES];
	struct tvx_io_rule io_rules[TVX_MAX_RULES];
	u32 nr_cpuid, nr_msr_rules, nr_io_rules;
	u32 exceptions;
	u32 exits;
	u32 hypercall;
	u64 hypercall_value;
	u64 cr4_allowed;
	u64 efer_allowed;
	u64 xcr0_allowed;
	u8 maxphyaddr;
};

/**
 * struct policy_vcpu - what of a vCPU's state CPUID shows
 */
struct policy_vcpu {
	u32 apic_id;
	bool osxsave;		/* CR4.OSXSAVE */
	bool apic_off;		/* the guest has switched its local APIC off */
	u64 xcr0;
};

/**
 * policy_guest_xcr0() - of the XCR0 bits @xcr0 those that guests may set: never
 * PKRU or AMX, and only combinations that XSETBV takes; 0: no XSAVE for guests
 */
u64 policy_guest_xcr0(u64 xcr0);

/**
 * policy_default_cpuid() - the table of a new VM: what host and module support
 * @out: room for TVX_MAX_CPUID entries
 * Return: how many entries there are.
 */
u32 policy_default_cpuid(const struct policy_host *host, struct tvx_cpuid_entry *out);

/**
 * policy_init() - a new VM's policy: @cpuid table, no rules, nothing extra exits
 */
void policy_init(struct policy *p, const struct tvx_cpuid_entry *cpuid, u32 nr);

/**
 * policy_add_apic() - the guest has a local APIC: the bits of leaf 1 that say so
 */
void policy_add_apic(struct policy *p);

/**
 * policy_set_cpuid() - replace the table; sorts it
 * Return: 0 or -EINVAL (unknown flags, non-zero reserved, two entries alike).
 */
int policy_set_cpuid(struct policy *p, const struct tvx_cpuid_entry *cpuid, u32 nr);

/**
 * policy_set_rules() - replace rules and exits; @msr and @io are kernel copies
 * Return: 0, -EINVAL (malformed), -EOPNOTSUPP (PASS for an MSR not in the
 * module's pass list, or for a port).
 */
int policy_set_rules(struct policy *p, const struct tvx_policy *u,
		     const struct tvx_msr_rule *msr, const struct tvx_io_rule *io,
		     bool (*may_pass)(u32 msr));

/**
 * policy_settle() - work out the derived members, when the first vCPU is made
 * @cr4_host: CR4 bits that the hardware lets a guest set
 */
void policy_settle(struct policy *p, const struct policy_host *host, u64 cr4_host);

/* The entry that answers a leaf and sub-leaf, or NULL: by search, wherever it is. */
const struct tvx_cpuid_entry *policy_search_cpuid(const struct policy *p, u32 leaf, u32 subleaf);

/* The same; inline for those that exits ask for most: found at once, alone in their leaf. */
static inline const struct tvx_cpuid_entry *policy_find_cpuid(const struct policy *p, u32 leaf,
							      u32 subleaf)
{
	const struct tvx_cpuid_entry *e;
	u32 first;

	if (likely((leaf & 0x7fffffff) < POLICY_DIRECT_LEAVES)) {
		first = p->first_cpuid[leaf >> 31][leaf % POLICY_DIRECT_LEAVES];
		if (!first)
			return NULL;
		e = &p->cpuid[first - 1];
		if (likely(!(e->flags & TVX_CPUID_INDEX)))
			return e;
	}
	return policy_search_cpuid(p, leaf, subleaf);
}

/**
 * policy_cpuid_is_plain() - is @e, which may be NULL, the whole answer as it stands?
 * Else policy_cpuid() knows it.
 */
static inline bool policy_cpuid_is_plain(const struct tvx_cpuid_entry *e)
{
	return e && !(e->flags & (TVX_CPUID_EXIT | POLICY_CPUID_PER_VCPU));
}

/**
 * policy_cpuid() - answer CPUID
 * @out: EAX EBX ECX EDX
 * Return: false if the leaf is one for user space.
 * An entry counts wherever it is. Without one, a leaf out of range gives what the
 * highest basic leaf gives, as Intel CPUs do; a leaf in range gives zeros.
 * Needs policy_settle() before it.
 */
bool policy_cpuid(const struct policy *p, const struct policy_vcpu *v,
		  u32 leaf, u32 subleaf, u32 out[4]);

/**
 * policy_msr_rule() - who answers an MSR access
 * Return: the first rule that covers @msr, or NULL: nobody does, as with DEFAULT.
 */
const struct tvx_msr_rule *policy_search_msr_rule(const struct policy *p, u32 msr);
static inline const struct tvx_msr_rule *policy_msr_rule(const struct policy *p, u32 msr)
{
	return likely(!p->nr_msr_rules) ? NULL : policy_search_msr_rule(p, msr);
}

/**
 * policy_io_rule() - who answers a port access
 * Return: the first rule that covers @port (its action is DEFAULT, EXIT, CONST or
 * FAULT), or NULL: nobody does, and it exits as with DEFAULT.
 */
const struct tvx_io_rule *policy_search_io_rule(const struct policy *p, u16 port);
static inline const struct tvx_io_rule *policy_io_rule(const struct policy *p, u16 port)
{
	return likely(!p->nr_io_rules) ? NULL : policy_search_io_rule(p, port);
}

/**
 * policy_msr_bitmap() - fill a 4 KiB VMX MSR bitmap: 1 exits
 * @pass: MSRs passed through by default, for reads and writes, 0-terminated.
 * Rules of any other action than PASS make theirs exit; the first rule that
 * covers an MSR counts.
 */
void policy_msr_bitmap(const struct policy *p, const u32 *pass, unsigned long *bitmap);

#endif
