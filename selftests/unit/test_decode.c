// SPDX-License-Identifier: GPL-2.0-only
/* The instruction decoder: lengths, operands, refusals, and bytes at random. */
#include "unit.h"
#include "tools/libtvx/emulate/alu.c"
#include "tools/libtvx/emulate/decode.c"
#include "tools/libtvx/emulate/operand.c"
#include "tools/libtvx/emulate/exec.c"
#include "tools/libtvx/emulate/strio.c"
#include "tools/libtvx/emulate/paging.c"
#include "tools/libtvx/emulate/tlb.c"
#include "tvx_guest.h"

#define FUZZ_CASES	300000
#define COUNT(a)	(sizeof(a) / sizeof(*(a)))
#define NO		TVX_NO_REG
#define BYTES(s)	(const uint8_t *)(s), sizeof(s) - 1

struct expected {
	uint8_t mode;
	const uint8_t *bytes;
	size_t len;
	uint8_t op, opsize, memsize, addrsize, seg, reg, base, index, scale;
	int64_t disp, imm;
};

static const struct expected good[] = {
	/* Addressing in 16 bits: every base, both displacement sizes, none. */
	{ 16, BYTES("\x89\x00"), TVX_OP_MOV, 2, 2, 2, TVX_DS, 0, TVX_RBX, TVX_RSI, 0, 0, 0 },
	{ 16, BYTES("\x89\x49\x80"), TVX_OP_MOV, 2, 2, 2, TVX_DS, 1, TVX_RBX, TVX_RDI, 0, -128, 0 },
	{ 16, BYTES("\x89\x92\x34\x12"), TVX_OP_MOV, 2, 2, 2, TVX_SS, 2, TVX_RBP, TVX_RSI, 0,
	  0x1234, 0 },
	{ 16, BYTES("\x89\x1b"), TVX_OP_MOV, 2, 2, 2, TVX_SS, 3, TVX_RBP, TVX_RDI, 0, 0, 0 },
	{ 16, BYTES("\x8b\x24"), TVX_OP_MOV, 2, 2, 2, TVX_DS, 4, TVX_RSI, NO, 0, 0, 0 },
	{ 16, BYTES("\x8b\x2d"), TVX_OP_MOV, 2, 2, 2, TVX_DS, 5, TVX_RDI, NO, 0, 0, 0 },
	{ 16, BYTES("\x8b\x36\x00\x80"), TVX_OP_MOV, 2, 2, 2, TVX_DS, 6, NO, NO, 0, -0x8000, 0 },
	{ 16, BYTES("\x8b\x7e\x10"), TVX_OP_MOV, 2, 2, 2, TVX_SS, 7, TVX_RBP, NO, 0, 16, 0 },
	{ 16, BYTES("\x8a\x07"), TVX_OP_MOV, 1, 1, 2, TVX_DS, 0, TVX_RBX, NO, 0, 0, 0 },
	{ 16, BYTES("\x67\x8b\x44\x8b\x04"), TVX_OP_MOV, 2, 2, 4, TVX_DS, 0, TVX_RBX, TVX_RCX, 2,
	  4, 0 },
	{ 16, BYTES("\x66\xc7\x06\x20\x00\x78\x56\x34\x12"), TVX_OP_MOV, 4, 4, 2, TVX_DS, 0, NO, NO,
	  0, 0x20, 0x12345678 },
	{ 16, BYTES("\x0f\xc3\x0f"), TVX_OP_MOV, 4, 4, 2, TVX_DS, 1, TVX_RBX, NO, 0, 0, 0 },
	{ 16, BYTES("\x26\xa3\x00\xf0"), TVX_OP_MOV, 2, 2, 2, TVX_ES, 0, NO, NO, 0, -0x1000, 0 },
	/* 32 bits: SIB forms, segments, size prefixes. */
	{ 32, BYTES("\x8b\x05\x80\xff\x00\xfe"), TVX_OP_MOV, 4, 4, 4, TVX_DS, 0, NO, NO, 0,
	  -0x1ff0080, 0 },
	{ 32, BYTES("\x89\x04\x24"), TVX_OP_MOV, 4, 4, 4, TVX_SS, 0, TVX_RSP, NO, 0, 0, 0 },
	{ 32, BYTES("\x89\x45\x00"), TVX_OP_MOV, 4, 4, 4, TVX_SS, 0, TVX_RBP, NO, 0, 0, 0 },
	{ 32, BYTES("\x3e\x89\x45\x00"), TVX_OP_MOV, 4, 4, 4, TVX_DS, 0, TVX_RBP, NO, 0, 0, 0 },
	{ 32, BYTES("\x64\x66\x89\x0c\x8d\x00\x01\x00\x00"), TVX_OP_MOV, 2, 2, 4, TVX_FS, 1, NO,
	  TVX_RCX, 2, 0x100, 0 },
	{ 32, BYTES("\x67\x8b\x47\x04"), TVX_OP_MOV, 4, 4, 2, TVX_DS, 0, TVX_RBX, NO, 0, 4, 0 },
	{ 32, BYTES("\x82\x08\x7f"), TVX_OP_OR, 1, 1, 4, TVX_DS, 1, TVX_RAX, NO, 0, 0, 0x7f },
	{ 32, BYTES("\xa1\x00\x00\xe0\xfe"), TVX_OP_MOV, 4, 4, 4, TVX_DS, 0, NO, NO, 0,
	  (int32_t)0xfee00000, 0 },
	{ 32, BYTES("\x8c\x18"), TVX_OP_MOV_SREG, 4, 2, 4, TVX_DS, 3, TVX_RAX, NO, 0, 0, 0 },
	{ 32, BYTES("\xf3\xa5"), TVX_OP_MOVS, 4, 4, 4, TVX_DS, 0, NO, NO, 0, 0, 0 },
	/* 64 bits: REX, and what it does not do. */
	{ 64, BYTES("\x8b\x05\x00\x00\x00\x00"), TVX_OP_MOV, 4, 4, 8, TVX_DS, 0, NO, NO, 0, 0, 0 },
	{ 64, BYTES("\x4f\x8b\x7c\xe5\x08"), TVX_OP_MOV, 8, 8, 8, TVX_DS, 15, TVX_R13, TVX_R12, 3,
	  8, 0 },
	{ 64, BYTES("\x41\x8b\x04\x24"), TVX_OP_MOV, 4, 4, 8, TVX_DS, 0, TVX_R12, NO, 0, 0, 0 },
	{ 64, BYTES("\x66\x48\x89\x03"), TVX_OP_MOV, 8, 8, 8, TVX_DS, 0, TVX_RBX, NO, 0, 0, 0 },
	{ 64, BYTES("\x48\x66\x89\x03"), TVX_OP_MOV, 2, 2, 8, TVX_DS, 0, TVX_RBX, NO, 0, 0, 0 },
	{ 64, BYTES("\x48\x44\x89\x03"), TVX_OP_MOV, 4, 4, 8, TVX_DS, 8, TVX_RBX, NO, 0, 0, 0 },
	{ 64, BYTES("\x65\x2e\x8b\x03"), TVX_OP_MOV, 4, 4, 8, TVX_GS, 0, TVX_RBX, NO, 0, 0, 0 },
	{ 64, BYTES("\x48\x0f\xb6\x03"), TVX_OP_MOVZX, 8, 1, 8, TVX_DS, 0, TVX_RBX, NO, 0, 0, 0 },
	{ 64, BYTES("\x48\x63\x03"), TVX_OP_MOVSX, 8, 4, 8, TVX_DS, 0, TVX_RBX, NO, 0, 0, 0 },
	{ 64, BYTES("\x48\xc7\x03\xff\xff\xff\xff"), TVX_OP_MOV, 8, 8, 8, TVX_DS, 0, TVX_RBX, NO, 0,
	  0, -1 },
	{ 64, BYTES("\x66\x83\x23\xfe"), TVX_OP_AND, 2, 2, 8, TVX_DS, 4, TVX_RBX, NO, 0, 0, -2 },
	{ 64, BYTES("\xa0\x11\x22\x33\x44\x55\x66\x77\x08"), TVX_OP_MOV, 1, 1, 8, TVX_DS, 0, NO, NO,
	  0, 0x0877665544332211, 0 },
	{ 64, BYTES("\xf0\x0f\xba\x2b\x1f"), TVX_OP_BTS, 4, 4, 8, TVX_DS, 5, TVX_RBX, NO, 0, 0, 31 },
};

static const struct {
	uint8_t mode;
	const uint8_t *bytes;
	size_t len;
	enum tvx_decode error;
	const char *why;
} bad[] = {
	{ 64, BYTES("\x0f\xaf\x03"), TVX_DECODE_UNSUPPORTED, "opcode 0f af is not supported for MMIO" },
	{ 64, BYTES("\xff\x33"), TVX_DECODE_UNSUPPORTED,
	  "opcode ff with this /digit is not supported" },			/* push m */
	{ 64, BYTES("\x8f\x03"), TVX_DECODE_UNSUPPORTED, "opcode 8f is not supported for MMIO" },
	{ 64, BYTES("\x89\xc3"), TVX_DECODE_UNSUPPORTED, "opcode 89 has no memory operand" },
	{ 32, BYTES("\x63\x03"), TVX_DECODE_UNSUPPORTED,			/* ARPL */
	  "opcode 63 is not supported here or with this prefix" },
	{ 64, BYTES("\xf2\x0f\x38\xf1\x03"), TVX_DECODE_UNSUPPORTED,		/* CRC32 */
	  "opcode 0f 38 f1 is not supported here or with this prefix" },
	{ 32, BYTES("\x40"), TVX_DECODE_UNSUPPORTED, "opcode 40 is not supported for MMIO" },
	{ 64, BYTES("\xf0\x89\x03"), TVX_DECODE_UNDEFINED,
	  "LOCK on an instruction that does not allow it" },
	{ 64, BYTES("\xf0\x3b\x03"), TVX_DECODE_UNDEFINED,
	  "LOCK on an instruction that does not allow it" },
	{ 64, BYTES("\x82\x08\x7f"), TVX_DECODE_UNDEFINED, "opcode 82 in 64-bit mode" },
	{ 32, BYTES("\x8c\x38"), TVX_DECODE_UNDEFINED, "no such segment register" },
};

TEST(encodings)
{
	struct tvx_insn insn;
	unsigned int i;

	for (i = 0; i < COUNT(good); i++) {
		const struct expected *e = &good[i];
		enum tvx_decode ret = tvx_insn_decode(e->bytes, e->len, e->mode, &insn);
		/* A form that takes no ModRM leaves reg alone: nothing to compare there. */
		bool same = insn.op == e->op && insn.opsize == e->opsize &&
			    insn.memsize == e->memsize && insn.addrsize == e->addrsize &&
			    insn.seg == e->seg && insn.reg == e->reg && insn.base == e->base &&
			    insn.index == e->index && insn.scale == e->scale &&
			    insn.disp == e->disp && insn.imm == e->imm;

		EXPECT(ret == TVX_DECODE_OK, "row %u: error %d %s", i, ret, insn.why);
		EXPECT(insn.length == e->len, "row %u: length %u", i, insn.length);
		EXPECT(same, "row %u: operands", i);
	}
}

TEST(every_cut_is_told)
{
	struct tvx_insn insn;
	unsigned int i;
	size_t n;

	for (i = 0; i < COUNT(good); i++)
		for (n = 0; n < good[i].len; n++)
			EXPECT_EQ(tvx_insn_decode(good[i].bytes, n, good[i].mode, &insn),
				  TVX_DECODE_TRUNCATED);
}

TEST(refusals)
{
	struct tvx_insn insn;
	unsigned int i;

	for (i = 0; i < COUNT(bad); i++) {
		EXPECT(tvx_insn_decode(bad[i].bytes, bad[i].len, bad[i].mode, &insn) ==
		       bad[i].error, "row %u", i);
		EXPECT_STREQ(insn.why, bad[i].why);
	}
}

TEST(fifteen_bytes_at_most)
{
	uint8_t bytes[32];
	struct tvx_insn insn;

	memset(bytes, 0x66, sizeof(bytes));
	EXPECT_EQ(tvx_insn_decode(bytes, sizeof(bytes), 32, &insn), TVX_DECODE_TOO_LONG);
	EXPECT_EQ(tvx_insn_decode(bytes, 15, 32, &insn), TVX_DECODE_TOO_LONG);
	memcpy(bytes + 13, "\x89\x03", 2);
	EXPECT_EQ(tvx_insn_decode(bytes, sizeof(bytes), 32, &insn), TVX_DECODE_OK);
	EXPECT_EQ(insn.length, 15);
	memcpy(bytes + 13, "\x66\x89\x03", 3);
	EXPECT_EQ(tvx_insn_decode(bytes, sizeof(bytes), 32, &insn), TVX_DECODE_TOO_LONG);
	/* All of it counts, the immediate too. */
	memset(bytes, 0x66, sizeof(bytes));
	memcpy(bytes + 10, "\x81\x03\x01\x02\x03\x04", 6);
	EXPECT_EQ(tvx_insn_decode(bytes, sizeof(bytes), 16, &insn), TVX_DECODE_TOO_LONG);
	EXPECT_EQ(tvx_insn_decode(bytes + 1, sizeof(bytes) - 1, 16, &insn), TVX_DECODE_OK);
	EXPECT_EQ(insn.length, 15);
}

static void fuzz_bytes(uint8_t *bytes)
{
	static const uint8_t prefixes[] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x64, 0x26, 0x48, 0x4f };
	static const uint8_t opcodes[] = { 0x00, 0x0b, 0x11, 0x3a, 0x0f, 0x80, 0x83, 0x87, 0x89,
					   0x8a, 0xa1, 0xa2, 0xa4, 0xa5, 0xaa, 0xad, 0xa7, 0xaf,
					   0xc7, 0xf6, 0xff };
	unsigned int i;

	for (i = 0; i < TVX_INSN_MAX; i++)
		bytes[i] = unit_random();
	for (i = 0; i < 2 && unit_random_below(2); i++)
		bytes[i] = prefixes[unit_random_below(sizeof(prefixes))];
	if (unit_random_below(2))	/* half of them something that is supported */
		bytes[i] = opcodes[unit_random_below(sizeof(opcodes))];
}

/* Anything may be in the registers, and in the tables behind CR3. */
static void fuzz_cpu(struct tvx_cpu *cpu)
{
	static const int modes[] = { 16, 32, 64, 64 };
	unsigned int i;

	*cpu = guest_cpu(modes[unit_random_below(4)]);
	cpu->seg[TVX_ES].base = unit_random_below(2) ? 0 : GUEST_DEV;
	for (i = 0; i < 16; i++)
		cpu->gpr[i] = unit_random_below(3) ? unit_random_below(0x92000) :
						     unit_random() >> unit_random_below(64);
	cpu->rflags = (unit_random() & 0x3f7fd5) | X86_EFLAGS_FIXED;
	cpu->rip = unit_random_below(8) ? 0x8000 + unit_random_below(0x1000) : unit_random();
	cpu->paging.set_ad = unit_random_below(2);
	if (unit_random_below(4))
		return;
	cpu->paging.cr0 = unit_random();
	cpu->paging.cr3 = unit_random() & 0x1fffff;
	cpu->paging.cr4 = unit_random();
	cpu->paging.efer = unit_random();
	cpu->paging.cpl = unit_random() & 3;
	cpu->paging.maxphyaddr = unit_random();
	for (i = 0; i < TVX_NR_SREGS; i++)
		cpu->seg[i] = (struct tvx_segment){ .base = unit_random(), .limit = unit_random(),
						    .ar = unit_random() };
}

/* Half of memory is identity-mapped through the page tables, the rest is noise. */
static void fuzz_memory(void)
{
	uint64_t at;

	guest_reset();
	for (at = 0x20000; at < GUEST_RAM; at += 8)
		guest_put(at, unit_random(), 8);
	for (at = 0; at < 0x80000; at += 4096)
		guest_map(at, at, PT_P | (unit_random() & (PT_W | PT_U)));
	for (at = 0; at < 0x10000; at += 4096)
		guest_map(0x80000 + at, GUEST_DEV + at, PT_P | PT_W);
}

TEST(random_bytes)
{
	unsigned int i, kinds[4] = {};

	unit_seed(4);
	for (i = 0; i < FUZZ_CASES; i++) {
		uint8_t bytes[TVX_INSN_MAX];
		enum tvx_result_kind kind;
		struct tvx_cpu cpu, before;
		struct tvx_result res;

		if (i % 1000 == 0)
			fuzz_memory();
		fuzz_bytes(bytes);
		fuzz_cpu(&cpu);
		if (cpu.rip < 0x10000)
			memcpy(guest_ram + cpu.rip, bytes, sizeof(bytes));
		before = cpu;
		kind = tvx_insn_emulate(&cpu, &guest_mem, &guest_mmio, &res);
		ASSERT_TRUE(kind == res.kind && kind <= TVX_INSN_UNSUPPORTED);
		kinds[kind]++;
		if (kind != TVX_INSN_DONE)
			ASSERT_EQ(cpu.rip, before.rip);
		if (kind == TVX_INSN_UNSUPPORTED)
			ASSERT_TRUE(res.why[0]);
		/* No more than the general registers, rip and rflags is ever changed. */
		ASSERT_TRUE(!memcmp(&cpu.seg, &before.seg, sizeof(cpu.seg)) &&
			    !memcmp(&cpu.paging, &before.paging, sizeof(cpu.paging)));
	}
	printf("# done %u, more %u, faults %u, unsupported %u\n", kinds[0], kinds[1], kinds[2],
	       kinds[3]);
	EXPECT_LT(20000u, kinds[TVX_INSN_DONE]);
	EXPECT_LT(0u, kinds[TVX_INSN_MORE]);
	EXPECT_LT(20000u, kinds[TVX_INSN_FAULT]);
}
