// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CPUID table of a new VM: what the host has and the module can give.
 *
 * Whatever is not named here the guest does not see.  A bit is named if using
 * the feature needs nothing of the module (the guest's own instructions), or if
 * the module switches or emulates what it needs.  What the host's kernel does
 * without, so do guests: it knows of errata, of what firmware has switched off
 * (fast strings, for one) and of its command line.
 */
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/cpufeatures.h>
#include <asm/page.h>		/* fpu/types.h needs it before 6.12 */
#include <asm/fpu/types.h>

#include "policy.h"

#define ALL	(~0U)

/* A feature's bit in its register; its word in the kernel's numbering is checked. */
#define F(word, name) \
	((u32)BIT(X86_FEATURE_##name % 32) + BUILD_BUG_ON_ZERO(X86_FEATURE_##name / 32 != (word)))

/* Whose bits a register holds: a word in the kernel's numbering.  0: of none. */
#define WORD(word)	((word) + 1)

/* XCR0 bits that guests may set.  Not PKRU: it is live in the host's own page walks. */
#define XCR0_GIVEN	(XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM | XFEATURE_MASK_AVX512)

/*
 * Leaf 1.  Without an APIC there is no APIC, x2APIC or TSC-deadline bit.  No
 * MTRR, MCE and MCA: the module keeps no such MSRs, guest memory types come from
 * PAT and EPT, and machine checks are the host's.  No VMX, SMX, MONITOR, debug
 * store, performance or thermal monitoring: all need MSRs or exits of their own.
 */
#define LEAF_1_AVX	(F(4, FMA) | F(4, AVX) | F(4, F16C))
#define LEAF_1_ECX \
	(F(4, XMM3) | F(4, PCLMULQDQ) | F(4, SSSE3) | F(4, CX16) | F(4, PCID) | \
	 F(4, XMM4_1) | F(4, XMM4_2) | F(4, MOVBE) | F(4, POPCNT) | F(4, AES) | \
	 F(4, XSAVE) | F(4, RDRAND) | LEAF_1_AVX)
#define LEAF_1_EDX \
	(F(0, FPU) | F(0, VME) | F(0, DE) | F(0, PSE) | F(0, TSC) | F(0, MSR) | \
	 F(0, PAE) | F(0, CX8) | F(0, SEP) | F(0, PGE) | F(0, CMOV) | F(0, PAT) | \
	 F(0, PSE36) | F(0, CLFLUSH) | F(0, MMX) | F(0, FXSR) | F(0, XMM) | F(0, XMM2) | \
	 F(0, SELFSNOOP))

/*
 * Leaf 7.  TSC_ADJUST is the module's own, whatever the CPU has.  No HLE, RTM
 * (need TSX_CTRL to be safe), MPX, PKU, CET, AMX, ENQCMD (state that is not
 * switched), SGX, PT, RDT, PCONFIG, WAITPKG, key locker (need VMX controls), LA57
 * (the module checks addresses for 48 bits).
 */
#define LEAF_7_EBX_AVX512 \
	(F(9, AVX512F) | F(9, AVX512DQ) | F(9, AVX512IFMA) | F(9, AVX512PF) | \
	 F(9, AVX512ER) | F(9, AVX512CD) | F(9, AVX512BW) | F(9, AVX512VL))
#define LEAF_7_EBX \
	(F(9, FSGSBASE) | F(9, BMI1) | F(9, AVX2) | F(9, FDP_EXCPTN_ONLY) | F(9, SMEP) | \
	 F(9, BMI2) | F(9, ERMS) | F(9, INVPCID) | F(9, ZERO_FCS_FDS) | F(9, RDSEED) | \
	 F(9, ADX) | F(9, SMAP) | F(9, CLFLUSHOPT) | F(9, CLWB) | F(9, SHA_NI) | \
	 LEAF_7_EBX_AVX512)
#define LEAF_7_ECX_AVX512 \
	(F(16, AVX512VBMI) | F(16, AVX512_VBMI2) | F(16, AVX512_VNNI) | \
	 F(16, AVX512_BITALG) | F(16, AVX512_VPOPCNTDQ))
#define LEAF_7_ECX_AVX	(F(16, VAES) | F(16, VPCLMULQDQ))
#define LEAF_7_ECX \
	(F(16, UMIP) | F(16, GFNI) | F(16, RDPID) | F(16, CLDEMOTE) | F(16, MOVDIRI) | \
	 F(16, MOVDIR64B) | LEAF_7_ECX_AVX | LEAF_7_ECX_AVX512)
#define LEAF_7_EDX_AVX512 \
	(F(18, AVX512_4VNNIW) | F(18, AVX512_4FMAPS) | F(18, AVX512_VP2INTERSECT) | \
	 F(18, AVX512_FP16))
#define LEAF_7_EDX \
	(F(18, FSRM) | F(18, MD_CLEAR) | F(18, SERIALIZE) | F(18, SPEC_CTRL) | \
	 F(18, INTEL_STIBP) | F(18, ARCH_CAPABILITIES) | F(18, SPEC_CTRL_SSBD) | \
	 LEAF_7_EDX_AVX512)
#define LEAF_7_1_EAX	(F(12, AVX_VNNI) | F(12, AVX512_BF16))

#define EXT_1_ECX	(F(6, LAHF_LM) | F(6, ABM) | F(6, 3DNOWPREFETCH))
#define EXT_1_EDX \
	(F(1, SYSCALL) | F(1, NX) | F(1, GBPAGES) | F(1, RDTSCP) | F(1, LM))
/* The kernel has no name of its own for the invariant TSC. */
#define EXT_7_EDX	BIT(8)

/* "tinyvmx" and five zero bytes */
#define SIGNATURE	{ 0x40000000, 0x796e6974, 0x00786d76, 0 }

static void cache_leaf(const struct policy_host *host, u32 index, u32 out[4]);
static void xsave_leaf(const struct policy_host *host, u32 index, u32 out[4]);
static void address_leaf(const struct policy_host *host, u32 index, u32 out[4]);
static void clock_leaf(const struct policy_host *host, u32 index, u32 out[4]);
static void invariant_tsc_leaf(const struct policy_host *host, u32 index, u32 out[4]);
static void string_leaf(const struct policy_host *host, u32 index, u32 out[4]);

/*
 * One row per leaf, or per range of sub-leaves, in the order of the table made
 * of it: the host's registers under @mask, and of features what the kernel has
 * left on (@word), then the bits of @set; EAX at most @max if that is not 0; then
 * @adjust.  All zero is no entry.
 */
static const struct row {
	u32 leaf;
	u8 first, last;		/* sub-leaves */
	bool index;		/* has sub-leaves */
	u32 max;
	u32 mask[4];
	u8 word[4];
	u32 set[4];
	void (*adjust)(const struct policy_host *host, u32 index, u32 out[4]);
} rows[] = {
	/* Leaves from 0x17 on describe what is not given; 0x1f would repeat 0xb. */
	{ .leaf = 0, .max = 0x16, .mask = { ALL, ALL, ALL, ALL } },
	/* One logical processor in a package; the APIC id is filled in for each vCPU. */
	{ .leaf = 1, .mask = { ALL, 0xffff, LEAF_1_ECX, LEAF_1_EDX },
	  .word = { 0, 0, WORD(4), WORD(0) },
	  .set = { 0, 1 << 16, F(4, HYPERVISOR), 0 } },
	{ .leaf = 2, .mask = { ALL, ALL, ALL, ALL } },
	/* The numbers of threads and cores (EAX bits 31..14) are 0: one of each. */
	{ .leaf = 4, .first = 0, .last = 7, .index = true,
	  .mask = { 0x3fff, ALL, ALL, 7 }, .adjust = cache_leaf },
	{ .leaf = 6, .mask = { F(14, ARAT) }, .word = { WORD(14) } },
	{ .leaf = 7, .first = 0, .last = 0, .index = true, .max = 1,
	  .mask = { ALL, LEAF_7_EBX, LEAF_7_ECX, LEAF_7_EDX },
	  .word = { 0, WORD(9), WORD(16), WORD(18) },
	  .set = { 0, F(9, TSC_ADJUST) }, .adjust = string_leaf },
	{ .leaf = 7, .first = 1, .last = 1, .index = true,
	  .mask = { LEAF_7_1_EAX }, .word = { WORD(12) } },
	/* Leaf 0xa, performance monitoring, is in range and zero: there is none. */
	/* ECX: level type and number; one thread in a core, one core in a package. */
	{ .leaf = 0xb, .first = 0, .last = 0, .index = true, .set = { 0, 1, 0x100 } },
	{ .leaf = 0xb, .first = 1, .last = 1, .index = true, .set = { 0, 1, 0x201 } },
	{ .leaf = 0xd, .first = 0, .last = 0, .index = true, .adjust = xsave_leaf },
	/* Only the standard format: XSAVEC, XSAVES, XGETBV1 and XFD stay hidden. */
	{ .leaf = 0xd, .first = 1, .last = 1, .index = true,
	  .mask = { F(10, XSAVEOPT) }, .word = { WORD(10) }, .adjust = xsave_leaf },
	{ .leaf = 0xd, .first = 2, .last = 62, .index = true,
	  .mask = { ALL, ALL }, .adjust = xsave_leaf },
	{ .leaf = 0x15, .adjust = clock_leaf },
	{ .leaf = 0x16, .mask = { ALL, ALL, ALL } },
	{ .leaf = 0x40000000, .set = SIGNATURE },
	{ .leaf = 0x80000000, .max = 0x80000008, .mask = { ALL, ALL, ALL, ALL } },
	{ .leaf = 0x80000001, .mask = { 0, 0, EXT_1_ECX, EXT_1_EDX },
	  .word = { 0, 0, WORD(6), WORD(1) } },
	{ .leaf = 0x80000002, .mask = { ALL, ALL, ALL, ALL } },
	{ .leaf = 0x80000003, .mask = { ALL, ALL, ALL, ALL } },
	{ .leaf = 0x80000004, .mask = { ALL, ALL, ALL, ALL } },
	{ .leaf = 0x80000006, .mask = { 0, 0, ALL, 0 } },
	{ .leaf = 0x80000007, .mask = { 0, 0, 0, EXT_7_EDX }, .adjust = invariant_tsc_leaf },
	{ .leaf = 0x80000008, .mask = { 0xffff }, .adjust = address_leaf },
};

/* Bits that the mask lets through, but that need more than the host's CPUID. */
static const struct need {
	u32 leaf;
	u8 index;
	u8 reg;
	u32 bits;
	u64 feature;		/* TVX_FEAT_* */
	u64 xcr0;
} needs[] = {
	{ 1, 0, ECX, F(4, XSAVE), 0, XFEATURE_MASK_FP },
	{ 1, 0, ECX, LEAF_1_AVX, 0, XFEATURE_MASK_YMM },
	{ 7, 0, EBX, F(9, INVPCID), TVX_FEAT_INVPCID, 0 },
	{ 7, 0, EBX, F(9, AVX2), 0, XFEATURE_MASK_YMM },
	{ 7, 0, EBX, LEAF_7_EBX_AVX512, 0, XFEATURE_MASK_AVX512 },
	/* The control that enables RDTSCP is RDPID's as well. */
	{ 7, 0, ECX, F(16, RDPID), TVX_FEAT_RDTSCP, 0 },
	{ 7, 0, ECX, LEAF_7_ECX_AVX, 0, XFEATURE_MASK_YMM },
	{ 7, 0, ECX, LEAF_7_ECX_AVX512, 0, XFEATURE_MASK_AVX512 },
	{ 7, 0, EDX, LEAF_7_EDX_AVX512, 0, XFEATURE_MASK_AVX512 },
	{ 7, 1, EAX, F(12, AVX_VNNI), 0, XFEATURE_MASK_YMM },
	{ 7, 1, EAX, F(12, AVX512_BF16), 0, XFEATURE_MASK_AVX512 },
	{ 0x80000001, 0, EDX, F(1, RDTSCP), TVX_FEAT_RDTSCP, 0 },
};

u64 policy_guest_xcr0(u64 xcr0)
{
	xcr0 &= XCR0_GIVEN;
	if (!(xcr0 & XFEATURE_MASK_FP))
		return 0;
	if (!(xcr0 & XFEATURE_MASK_SSE))
		xcr0 &= ~(u64)XFEATURE_MASK_YMM;
	if (!(xcr0 & XFEATURE_MASK_YMM) ||
	    (xcr0 & XFEATURE_MASK_AVX512) != XFEATURE_MASK_AVX512)
		xcr0 &= ~(u64)XFEATURE_MASK_AVX512;
	return xcr0;
}

static void clear(u32 out[4])
{
	memset(out, 0, 4 * sizeof(*out));
}

/* After the last cache come sub-leaves of type 0, whose other bits count for nothing. */
static void cache_leaf(const struct policy_host *host, u32 index, u32 out[4])
{
	if (!(out[EAX] & 0x1f))
		clear(out);
}

/* The sizes in EBX and ECX of sub-leaf 0 are policy_cpuid()'s. */
static void xsave_leaf(const struct policy_host *host, u32 index, u32 out[4])
{
	u64 xcr0 = policy_guest_xcr0(host->xcr0);

	if (!xcr0 || (index >= 2 && !(xcr0 & BIT_ULL(index))))
		clear(out);
	if (index == 0) {
		out[EAX] = (u32)xcr0;
		out[EDX] = xcr0 >> 32;
	}
}

/* Not all kernels know that with fast strings off short ones are not fast either. */
static void string_leaf(const struct policy_host *host, u32 index, u32 out[4])
{
	if (!(out[EBX] & F(9, ERMS)))
		out[EDX] &= ~F(18, FSRM);
}

/* A guest must not believe in it where its vCPUs would see it jump between CPUs. */
static void invariant_tsc_leaf(const struct policy_host *host, u32 index, u32 out[4])
{
	if (host->tsc_unstable)
		out[EDX] &= ~EXT_7_EDX;
}

/*
 * Where this leaf tells the crystal's rate, it is the APIC timer's as well (SDM: "APIC
 * Timer"), and ours counts TSC ticks.  A rate that 32 bits do not hold is not told.
 */
static void clock_leaf(const struct policy_host *host, u32 index, u32 out[4])
{
	u64 hz = host->tsc_khz * 1000ull;

	if (!hz || hz > U32_MAX)
		return;
	out[EAX] = 1;
	out[EBX] = 1;
	out[ECX] = hz;
}

/* Without LA57 linear addresses have 48 bits, whatever the host's have. */
static void address_leaf(const struct policy_host *host, u32 index, u32 out[4])
{
	if ((out[EAX] >> 8 & 0xff) > 48)
		out[EAX] = (out[EAX] & 0xff) | 48 << 8;
}

/* Is the leaf in the host's range?  What lies beyond reads as another leaf. */
static bool host_has(const struct policy_host *host, u32 leaf)
{
	u32 out[4];

	if (leaf >> 30 == 1)	/* a hypervisor's leaves are ours, not the host's */
		return true;
	host->cpuid(leaf & 0x80000000, 0, out);
	return out[EAX] >= leaf;
}

static void fill(const struct policy_host *host, const struct row *row, u32 index, u32 out[4])
{
	unsigned int i;

	host->cpuid(row->leaf, index, out);
	for (i = 0; i < 4; i++) {
		if (row->word[i])
			out[i] &= host->kernel_has(row->word[i] - 1);
		out[i] = (out[i] & row->mask[i]) | row->set[i];
	}
	if (row->max && out[EAX] > row->max)
		out[EAX] = row->max;
	for (i = 0; i < ARRAY_SIZE(needs); i++) {
		const struct need *n = &needs[i];

		if (n->leaf == row->leaf && n->index == index &&
		    ((host->features & n->feature) != n->feature ||
		     (policy_guest_xcr0(host->xcr0) & n->xcr0) != n->xcr0))
			out[n->reg] &= ~n->bits;
	}
	if (row->adjust)
		row->adjust(host, index, out);
}

u32 policy_default_cpuid(const struct policy_host *host, struct tvx_cpuid_entry *out)
{
	u32 i, index, nr = 0;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!host_has(host, rows[i].leaf))
			continue;
		for (index = rows[i].first; index <= rows[i].last; index++) {
			u32 r[4];

			fill(host, &rows[i], index, r);
			if (!(r[EAX] | r[EBX] | r[ECX] | r[EDX]))
				continue;
			out[nr++] = (struct tvx_cpuid_entry){
				.function = rows[i].leaf,
				.index = index,
				.flags = rows[i].index ? TVX_CPUID_INDEX : 0,
				.eax = r[EAX], .ebx = r[EBX], .ecx = r[ECX], .edx = r[EDX],
			};
		}
	}
	return nr;
}
