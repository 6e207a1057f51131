// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM's policy: what its guest reads by CPUID, put in order when it is set, looked up at
 * exits; and which control bits follow from it.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <asm/cpufeatures.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "policy.h"

/* The legacy area and the header of an XSAVE area. */
#define XSAVE_MIN_SIZE	(512 + 64)

/* What a guest's addresses have if its CPUID does not say, and what it may say. */
#define PHYS_BITS_DEFAULT	36
#define PHYS_BITS_LEAST		32

/* ---- CPUID ---- */

static int compare(const void *a, const void *b)
{
	const struct tvx_cpuid_entry *x = a, *y = b;

	if (x->function != y->function)
		return x->function < y->function ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static bool in_order(const struct tvx_cpuid_entry *cpuid, u32 nr)
{
	u32 i;

	for (i = 1; i < nr; i++)
		if (compare(&cpuid[i - 1], &cpuid[i]) > 0)
			return false;
	return true;
}

static bool is_per_vcpu(u32 leaf)
{
	return leaf == 1 || leaf == 0xb || leaf == 0xd || leaf == 0x1f;
}

static void put_cpuid(struct policy *p, const struct tvx_cpuid_entry *cpuid, u32 nr)
{
	u32 i;

	p->nr_cpuid = nr;
	for (i = 0; i < nr; i++) {
		p->cpuid[i] = cpuid[i];
		/* An entry for all sub-leaves has index 0: the search relies on it. */
		if (!(cpuid[i].flags & TVX_CPUID_INDEX))
			p->cpuid[i].index = 0;
		if (is_per_vcpu(cpuid[i].function))
			p->cpuid[i].flags |= POLICY_CPUID_PER_VCPU;
	}
	if (!in_order(p->cpuid, nr))
		sort(p->cpuid, nr, sizeof(*cpuid), compare, NULL);
	memset(p->first_cpuid, 0, sizeof(p->first_cpuid));
	for (i = nr; i--;) {
		u32 leaf = p->cpuid[i].function;

		if ((leaf & 0x7fffffff) < POLICY_DIRECT_LEAVES)
			p->first_cpuid[leaf >> 31][leaf % POLICY_DIRECT_LEAVES] = i + 1;
	}
}

void policy_init(struct policy *p, const struct tvx_cpuid_entry *cpuid, u32 nr)
{
	/* Behind the tables, of which only so much counts as is filled in. */
	memset_startat(p, 0, nr_cpuid);
	put_cpuid(p, cpuid, nr);
	p->hypercall = TVX_ACT_CONST;
	p->hypercall_value = (u64)-ENOSYS;
}

void policy_add_apic(struct policy *p)
{
	u16 at = p->first_cpuid[0][1];

	if (!at)
		return;
	p->cpuid[at - 1].edx |= BIT(X86_FEATURE_APIC % 32);
	p->cpuid[at - 1].ecx |= BIT(X86_FEATURE_X2APIC % 32) |
				BIT(X86_FEATURE_TSC_DEADLINE_TIMER % 32);
}

/* Would both answer for a same leaf and sub-leaf? */
static bool alike(const struct tvx_cpuid_entry *a, const struct tvx_cpuid_entry *b)
{
	return a->function == b->function &&
	       (!(a->flags & b->flags & TVX_CPUID_INDEX) || a->index == b->index);
}

int policy_set_cpuid(struct policy *p, const struct tvx_cpuid_entry *cpuid, u32 nr)
{
	u32 i, j;

	if (nr > TVX_MAX_CPUID)
		return -EINVAL;
	/* Before the old table goes; each with each is fast enough for 256. */
	for (i = 0; i < nr; i++) {
		if (cpuid[i].flags & ~(TVX_CPUID_INDEX | TVX_CPUID_EXIT) || cpuid[i].reserved)
			return -EINVAL;
		for (j = 0; j < i; j++)
			if (alike(&cpuid[i], &cpuid[j]))
				return -EINVAL;
	}
	put_cpuid(p, cpuid, nr);
	return 0;
}

const struct tvx_cpuid_entry *policy_search_cpuid(const struct policy *p, u32 leaf, u32 subleaf)
{
	const struct tvx_cpuid_entry *e;
	u32 low = 0, high = p->nr_cpuid;

	/* The last entry that is not beyond (leaf, subleaf) is the one, or none is. */
	while (low < high) {
		u32 middle = (low + high) / 2;

		e = &p->cpuid[middle];
		if (e->function < leaf || (e->function == leaf && e->index <= subleaf))
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	e = &p->cpuid[low - 1];
	if (e->function != leaf || (e->index != subleaf && e->flags & TVX_CPUID_INDEX))
		return NULL;
	return e;
}

/*
 * The leaf whose EAX says how far the range of @leaf goes.  Guests look for a
 * hypervisor's leaves in steps of 0x100: each step is a range of its own.
 */
static u32 range_base(u32 leaf)
{
	return leaf >> 28 == 4 ? leaf & ~0xffU : leaf & 0xc0000000;
}

static bool leaf_in_range(const struct policy *p, u32 leaf)
{
	const struct tvx_cpuid_entry *base = policy_find_cpuid(p, range_base(leaf), 0);

	return base && leaf <= base->eax;
}

static u32 xsave_size(const struct policy *p, u64 xcr0)
{
	u32 i, size = XSAVE_MIN_SIZE;

	for (i = 2; i < 63; i++) {
		const struct tvx_cpuid_entry *e = NULL;

		if (xcr0 & BIT_ULL(i))
			e = policy_find_cpuid(p, 0xd, i);

		if (e)
			size = max(size, e->eax + e->ebx);
	}
	return size;
}

/* Put in what the table cannot know. */
static void per_vcpu(const struct policy *p, const struct policy_vcpu *v,
		     const struct tvx_cpuid_entry *e, u32 out[4])
{
	u32 osxsave = BIT(X86_FEATURE_OSXSAVE % 32);

	switch (e->function) {
	case 1:
		out[EBX] = (out[EBX] & 0x00ffffff) | v->apic_id << 24;
		out[ECX] = v->osxsave ? out[ECX] | osxsave : out[ECX] & ~osxsave;
		if (v->apic_off)
			out[EDX] &= ~BIT(X86_FEATURE_APIC % 32);
		break;
	case 0xb:
	case 0x1f:
		out[EDX] = v->apic_id;
		break;
	case 0xd:
		if (e->index)
			break;
		out[EBX] = xsave_size(p, v->xcr0);
		out[ECX] = xsave_size(p, p->xcr0_allowed);
		break;
	}
}

bool policy_cpuid(const struct policy *p, const struct policy_vcpu *v,
		  u32 leaf, u32 subleaf, u32 out[4])
{
	const struct tvx_cpuid_entry *e = policy_find_cpuid(p, leaf, subleaf);

	memset(out, 0, 4 * sizeof(*out));
	if (!e && !leaf_in_range(p, leaf)) {
		const struct tvx_cpuid_entry *first = policy_find_cpuid(p, 0, 0);

		leaf = first ? first->eax : 0;
		e = policy_find_cpuid(p, leaf, subleaf);
	}
	if (!e) {
		/* Topology sub-leaves past the last level still tell these two. */
		if ((leaf == 0xb || leaf == 0x1f) && policy_find_cpuid(p, leaf, 0)) {
			out[ECX] = subleaf & 0xff;
			out[EDX] = v->apic_id;
		}
		return true;
	}
	if (e->flags & TVX_CPUID_EXIT)
		return false;
	out[EAX] = e->eax;
	out[EBX] = e->ebx;
	out[ECX] = e->ecx;
	out[EDX] = e->edx;
	if (e->flags & POLICY_CPUID_PER_VCPU)
		per_vcpu(p, v, e, out);
	return true;
}

/* ---- what follows from the guest's CPUID ---- */

/* Where the kernel's feature words are in CPUID. */
static const struct {
	u32 leaf;
	u32 reg;
} words[] = {
	[0] = { 1, EDX },
	[1] = { 0x80000001, EDX },
	[4] = { 1, ECX },
	[9] = { 7, EBX },
	[16] = { 7, ECX },
};

/* PCE is there on all of them.  LA57, PKE, CET, VMXE, SMXE are never the guest's. */
#define CR4_ALWAYS	X86_CR4_PCE

static const struct {
	u64 bits;
	u16 feature;
} cr4_bits[] = {
	{ X86_CR4_VME | X86_CR4_PVI, X86_FEATURE_VME },
	{ X86_CR4_TSD, X86_FEATURE_TSC },
	{ X86_CR4_DE, X86_FEATURE_DE },
	{ X86_CR4_PSE, X86_FEATURE_PSE },
	{ X86_CR4_PAE, X86_FEATURE_PAE },
	{ X86_CR4_MCE, X86_FEATURE_MCE },
	{ X86_CR4_PGE, X86_FEATURE_PGE },
	{ X86_CR4_OSFXSR, X86_FEATURE_FXSR },
	{ X86_CR4_OSXMMEXCPT, X86_FEATURE_XMM },
	{ X86_CR4_UMIP, X86_FEATURE_UMIP },
	{ X86_CR4_FSGSBASE, X86_FEATURE_FSGSBASE },
	{ X86_CR4_PCIDE, X86_FEATURE_PCID },
	{ X86_CR4_SMEP, X86_FEATURE_SMEP },
	{ X86_CR4_SMAP, X86_FEATURE_SMAP },
}, efer_bits[] = {
	{ EFER_SCE, X86_FEATURE_SYSCALL },
	{ EFER_LME | EFER_LMA, X86_FEATURE_LM },
	{ EFER_NX, X86_FEATURE_NX },
};

static bool guest_has(const struct policy *p, u16 feature)
{
	u32 leaf = words[feature / 32].leaf, reg = words[feature / 32].reg;
	const struct tvx_cpuid_entry *e = policy_find_cpuid(p, leaf, 0);

	return e && (reg == EBX ? e->ebx : reg == ECX ? e->ecx : e->edx) & BIT(feature % 32);
}

static u64 guest_xcr0(const struct policy *p, const struct policy_host *host)
{
	const struct tvx_cpuid_entry *e = policy_find_cpuid(p, 0xd, 0);

	if (!e || !guest_has(p, X86_FEATURE_XSAVE))
		return 0;
	return policy_guest_xcr0(host->xcr0 & (e->eax | (u64)e->edx << 32));
}

/* Not beyond the host's: the processor itself checks addresses against that. */
static u8 guest_phys_bits(const struct policy *p, const struct policy_host *host)
{
	const struct tvx_cpuid_entry *e = policy_find_cpuid(p, 0x80000008, 0);
	u32 out[4], most = PHYS_BITS_DEFAULT, bits = e ? e->eax & 0xff : 0;

	host->cpuid(0x80000000, 0, out);
	if (out[EAX] >= 0x80000008) {
		host->cpuid(0x80000008, 0, out);
		most = out[EAX] & 0xff;
	}
	return min(bits < PHYS_BITS_LEAST ? PHYS_BITS_DEFAULT : bits, most);
}

void policy_settle(struct policy *p, const struct policy_host *host, u64 cr4_host)
{
	unsigned int i;

	p->xcr0_allowed = guest_xcr0(p, host);
	p->maxphyaddr = guest_phys_bits(p, host);
	p->cr4_allowed = CR4_ALWAYS | (p->xcr0_allowed ? X86_CR4_OSXSAVE : 0);
	for (i = 0; i < ARRAY_SIZE(cr4_bits); i++)
		if (guest_has(p, cr4_bits[i].feature))
			p->cr4_allowed |= cr4_bits[i].bits;
	p->cr4_allowed &= cr4_host;
	p->efer_allowed = 0;
	for (i = 0; i < ARRAY_SIZE(efer_bits); i++)
		if (guest_has(p, efer_bits[i].feature))
			p->efer_allowed |= efer_bits[i].bits;
}
