/* SPDX-License-Identifier: GPL-2.0-only */
/* A host for the tests of CPUID: a processor that has every feature bit. */
#ifndef POLICY_HOST_H
#define POLICY_HOST_H

#define XCR0_512	0xe7ull		/* x87, SSE, AVX, AVX-512 */
#define XCR0_ALL	(XCR0_512 | 0x18 | 1 << 9 | 3 << 17)	/* MPX, PKRU, AMX too */

/* What of the all-having processor can be varied. */
static struct {
	u32 max, max_ext;
	u32 address_bits;
} cpu;

static const struct { u32 size, offset; } components[64] = {
	[2] = { 256, 576 }, [3] = { 64, 960 }, [4] = { 64, 1024 }, [5] = { 64, 1088 },
	[6] = { 512, 1152 }, [7] = { 1024, 1664 }, [9] = { 8, 2688 }, [17] = { 64, 2752 },
	[18] = { 8192, 2816 },
};

static void put(u32 out[4], u32 a, u32 b, u32 c, u32 d)
{
	out[0] = a;
	out[1] = b;
	out[2] = c;
	out[3] = d;
}

static void fake_cpuid(u32 leaf, u32 subleaf, u32 out[4])
{
	put(out, ~0U, ~0U, ~0U, ~0U);
	switch (leaf) {
	case 0:
		put(out, cpu.max, 0x756e6547, 0x6c65746e, 0x49656e69);
		break;
	case 1:
		put(out, 0x000506e3, 0x05100800, ~0U, ~0U);
		break;
	case 4:	/* three caches of 8 threads; then type 0 with rubbish */
		if (subleaf < 3)
			put(out, 0x1c03c121 + (subleaf << 5), 0x01c0003f, 0x3f, 4);
		else
			put(out, 0x1c03c120, ~0U, ~0U, ~0U);
		break;
	case 7:
		if (subleaf == 0)
			out[0] = 2;
		break;
	case 0xd:
		if (subleaf == 0)
			put(out, (u32)XCR0_ALL, 576, 11008, 0);
		else if (subleaf > 1)
			put(out, components[subleaf & 63].size, components[subleaf & 63].offset,
			    2, 0);
		break;
	case 0x15:
		put(out, 2, 176, 24000000, ~0U);
		break;
	case 0x80000000:
		put(out, cpu.max_ext, 0, 0, 0);
		break;
	case 0x80000008:
		put(out, cpu.address_bits, ~0U, ~0U, ~0U);
		break;
	}
}

/* What the kernel has turned off, by its own numbering. */
static u32 turned_off[32];

static u32 fake_kernel_has(unsigned int word)
{
	return ~turned_off[word];
}

static struct policy_host host;

/* A host with everything. */
static void reset_host(void)
{
	cpu.max = 0x20;
	cpu.max_ext = 0x80000021;
	cpu.address_bits = 0x3934;	/* 57 linear, 52 physical */
	memset(turned_off, 0, sizeof(turned_off));
	host = (struct policy_host){ fake_cpuid, XCR0_ALL, ~0ull, fake_kernel_has, 2893202, false };
}

#endif /* POLICY_HOST_H */
