// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instruction decoder for MMIO: prefixes, opcode tables, ModRM, SIB, immediates.
 *
 * Only instructions that use general registers and one or two memory operands
 * are known. What else a guest may aim at a device is refused in words.
 */
#include <stdio.h>
#include <string.h>

#include "decode.h"

/* How an opcode's operands are encoded. */
enum {
	F_BYTE	= 1 << 0,	/* operands are bytes */
	F_IMM8	= 1 << 1,	/* sign-extended byte immediate */
	F_IMMZ	= 1 << 2,	/* immediate of the operand size, 4 bytes at most */
	F_MOFFS	= 1 << 3,	/* no ModRM: rAX and an absolute address */
	F_LOCK	= 1 << 4,	/* LOCK is allowed with a memory destination */
	F_MEM8	= 1 << 5,	/* memory operand is a byte */
	F_MEM16	= 1 << 6,	/* memory operand is a word */
	F_MEM32	= 1 << 7,	/* memory operand is at most a doubleword */
	F_ONLY64 = 1 << 8,	/* something else outside 64-bit mode */
	F_NOT64	= 1 << 9,	/* undefined in 64-bit mode */
	F_NOREP	= 1 << 10,	/* F2 or F3 make it another instruction */
	F_NO66	= 1 << 11,	/* so does 66 */
	F_NOT16	= 1 << 12,	/* a 16-bit operand size means 32 bits */
};

struct opcode {
	uint8_t op;
	uint8_t form;
	uint16_t flags;
	const struct opcode *group;	/* indexed by ModRM.reg instead */
};

#define MR(op, flags)	{ TVX_OP_##op, TVX_FORM_MEM_REG, (flags), NULL }
#define RM(op, flags)	{ TVX_OP_##op, TVX_FORM_REG_MEM, (flags), NULL }
#define MI(op, flags)	{ TVX_OP_##op, TVX_FORM_MEM_IMM, (flags), NULL }
#define M(op, flags)	{ TVX_OP_##op, TVX_FORM_MEM, (flags), NULL }
#define STR(op, flags)	{ TVX_OP_##op, TVX_FORM_STRING, (flags), NULL }
#define GROUP(table)	{ TVX_OP_NONE, TVX_FORM_NONE, 0, table }

#define ARITHMETIC(first, op, lock)				\
	[(first) + 0] = MR(op, F_BYTE | (lock)),		\
	[(first) + 1] = MR(op, (lock)),				\
	[(first) + 2] = RM(op, F_BYTE),				\
	[(first) + 3] = RM(op, 0)

#define ARITHMETIC_IMM(flags) {					\
	MI(ADD, (flags) | F_LOCK), MI(OR, (flags) | F_LOCK),	\
	MI(ADC, (flags) | F_LOCK), MI(SBB, (flags) | F_LOCK),	\
	MI(AND, (flags) | F_LOCK), MI(SUB, (flags) | F_LOCK),	\
	MI(XOR, (flags) | F_LOCK), MI(CMP, (flags)),		\
}

static const struct opcode group1_b[8] = ARITHMETIC_IMM(F_BYTE | F_IMM8);
static const struct opcode group1_82[8] = ARITHMETIC_IMM(F_BYTE | F_IMM8 | F_NOT64);
static const struct opcode group1_z[8] = ARITHMETIC_IMM(F_IMMZ);
static const struct opcode group1_8[8] = ARITHMETIC_IMM(F_IMM8);

static const struct opcode group3_b[8] = {
	MI(TEST, F_BYTE | F_IMM8), MI(TEST, F_BYTE | F_IMM8),
	M(NOT, F_BYTE | F_LOCK), M(NEG, F_BYTE | F_LOCK),
};

static const struct opcode group3[8] = {
	MI(TEST, F_IMMZ), MI(TEST, F_IMMZ), M(NOT, F_LOCK), M(NEG, F_LOCK),
};

static const struct opcode group4[8] = {
	M(INC, F_BYTE | F_LOCK), M(DEC, F_BYTE | F_LOCK),
};

static const struct opcode group5[8] = { M(INC, F_LOCK), M(DEC, F_LOCK) };

static const struct opcode group8[8] = {
	[4] = MI(BT, F_IMM8), [5] = MI(BTS, F_IMM8 | F_LOCK),
	[6] = MI(BTR, F_IMM8 | F_LOCK), [7] = MI(BTC, F_IMM8 | F_LOCK),
};

static const struct opcode group11_b[8] = { MI(MOV, F_BYTE | F_IMM8) };
static const struct opcode group11[8] = { MI(MOV, F_IMMZ) };

static const struct opcode map_one[256] = {
	ARITHMETIC(0x00, ADD, F_LOCK), ARITHMETIC(0x08, OR, F_LOCK),
	ARITHMETIC(0x10, ADC, F_LOCK), ARITHMETIC(0x18, SBB, F_LOCK),
	ARITHMETIC(0x20, AND, F_LOCK), ARITHMETIC(0x28, SUB, F_LOCK),
	ARITHMETIC(0x30, XOR, F_LOCK), ARITHMETIC(0x38, CMP, 0),
	[0x63] = RM(MOVSX, F_MEM32 | F_ONLY64),
	[0x80] = GROUP(group1_b), [0x81] = GROUP(group1_z),
	[0x82] = GROUP(group1_82), [0x83] = GROUP(group1_8),
	[0x84] = MR(TEST, F_BYTE), [0x85] = MR(TEST, 0),
	[0x86] = MR(XCHG, F_BYTE | F_LOCK), [0x87] = MR(XCHG, F_LOCK),
	[0x88] = MR(MOV, F_BYTE), [0x89] = MR(MOV, 0),
	[0x8a] = RM(MOV, F_BYTE), [0x8b] = RM(MOV, 0),
	[0x8c] = MR(MOV_SREG, F_MEM16),
	[0xa0] = RM(MOV, F_BYTE | F_MOFFS), [0xa1] = RM(MOV, F_MOFFS),
	[0xa2] = MR(MOV, F_BYTE | F_MOFFS), [0xa3] = MR(MOV, F_MOFFS),
	[0xa4] = STR(MOVS, F_BYTE), [0xa5] = STR(MOVS, 0),
	[0xa6] = STR(CMPS, F_BYTE), [0xa7] = STR(CMPS, 0),
	[0xaa] = STR(STOS, F_BYTE), [0xab] = STR(STOS, 0),
	[0xac] = STR(LODS, F_BYTE), [0xad] = STR(LODS, 0),
	[0xae] = STR(SCAS, F_BYTE), [0xaf] = STR(SCAS, 0),
	[0xc6] = GROUP(group11_b), [0xc7] = GROUP(group11),
	[0xf6] = GROUP(group3_b), [0xf7] = GROUP(group3),
	[0xfe] = GROUP(group4), [0xff] = GROUP(group5),
};

static const struct opcode map_0f[256] = {
	[0xa3] = MR(BT, 0), [0xab] = MR(BTS, F_LOCK),
	[0xb3] = MR(BTR, F_LOCK), [0xbb] = MR(BTC, F_LOCK),
	[0xb0] = MR(CMPXCHG, F_BYTE | F_LOCK), [0xb1] = MR(CMPXCHG, F_LOCK),
	[0xb6] = RM(MOVZX, F_MEM8), [0xb7] = RM(MOVZX, F_MEM16),
	[0xba] = GROUP(group8),
	[0xbe] = RM(MOVSX, F_MEM8), [0xbf] = RM(MOVSX, F_MEM16),
	[0xc0] = MR(XADD, F_BYTE | F_LOCK), [0xc1] = MR(XADD, F_LOCK),
	[0xc3] = MR(MOV, F_NOREP | F_NO66 | F_NOT16),	/* MOVNTI */
};

static const struct opcode map_0f38[256] = {
	[0xf0] = RM(MOVBE, F_NOREP), [0xf1] = MR(MOVBE, F_NOREP),
};

/* The bytes, and what the prefixes said. */
struct cursor {
	const uint8_t *bytes;
	size_t n;
	size_t pos;
	enum tvx_decode error;
	bool opsize;
	bool addrsize;
	uint8_t rex;
	uint8_t seg;	/* override, or TVX_NR_SREGS */
};

/* Reads as zero after the end, so that only the end result is looked at. */
static uint8_t next_byte(struct cursor *c)
{
	if (c->error)
		return 0;
	if (c->pos >= TVX_INSN_MAX) {
		c->error = TVX_DECODE_TOO_LONG;
		return 0;
	}
	if (c->pos >= c->n) {
		c->error = TVX_DECODE_TRUNCATED;
		return 0;
	}
	return c->bytes[c->pos++];
}

static int64_t next_signed(struct cursor *c, unsigned int len)
{
	unsigned int i, unused = 64 - 8 * len;
	uint64_t val = 0;

	if (!len)
		return 0;
	for (i = 0; i < len; i++)
		val |= (uint64_t)next_byte(c) << 8 * i;
	return (int64_t)(val << unused) >> unused;
}

/* True if @byte was a legacy prefix. */
static bool take_prefix(struct cursor *c, struct tvx_insn *insn, uint8_t byte)
{
	switch (byte) {
	case 0x26: case 0x2e: case 0x36: case 0x3e:
		/* Flat in 64-bit mode: no override at all. */
		if (insn->mode != 64)
			c->seg = byte >> 3 & 3;
		return true;
	case 0x64: case 0x65:
		c->seg = byte - 0x64 + TVX_FS;
		return true;
	case 0x66:
		c->opsize = true;
		return true;
	case 0x67:
		c->addrsize = true;
		return true;
	case 0xf0:
		insn->lock = true;
		return true;
	case 0xf2:
		insn->rep = TVX_REP_NZ;
		return true;
	case 0xf3:
		insn->rep = TVX_REP_Z;
		return true;
	}
	return false;
}

/* Consume the prefixes and return the first opcode byte. */
static uint8_t take_prefixes(struct cursor *c, struct tvx_insn *insn)
{
	for (;;) {
		uint8_t byte = next_byte(c);

		if (take_prefix(c, insn, byte))
			c->rex = 0;	/* a REX counts only right before the opcode */
		else if (insn->mode == 64 && (byte & 0xf0) == 0x40)
			c->rex = byte;
		else
			return byte;
		if (c->error)
			return 0;
	}
}

static void set_sizes(const struct cursor *c, struct tvx_insn *insn)
{
	switch (insn->mode) {
	case 64:
		insn->opsize = c->rex & 8 ? 8 : c->opsize ? 2 : 4;
		insn->addrsize = c->addrsize ? 4 : 8;
		break;
	case 32:
		insn->opsize = c->opsize ? 2 : 4;
		insn->addrsize = c->addrsize ? 2 : 4;
		break;
	default:
		insn->opsize = c->opsize ? 4 : 2;
		insn->addrsize = c->addrsize ? 4 : 2;
	}
	insn->rex = c->rex;
}

static void take_memory16(struct cursor *c, struct tvx_insn *insn, unsigned int mod,
			  unsigned int rm)
{
	static const struct { uint8_t base, index; } regs[8] = {
		{ TVX_RBX, TVX_RSI }, { TVX_RBX, TVX_RDI },
		{ TVX_RBP, TVX_RSI }, { TVX_RBP, TVX_RDI },
		{ TVX_RSI, TVX_NO_REG }, { TVX_RDI, TVX_NO_REG },
		{ TVX_RBP, TVX_NO_REG }, { TVX_RBX, TVX_NO_REG },
	};

	if (mod == 0 && rm == 6) {
		insn->disp = next_signed(c, 2);
		return;
	}
	insn->base = regs[rm].base;
	insn->index = regs[rm].index;
	insn->disp = next_signed(c, mod);	/* 0, 1 or 2 bytes */
	if (insn->base == TVX_RBP)
		insn->seg = TVX_SS;
}

static void take_memory(struct cursor *c, struct tvx_insn *insn, unsigned int mod,
			unsigned int rm)
{
	if (rm == 4) {
		uint8_t sib = next_byte(c);

		insn->scale = sib >> 6;
		insn->index = (sib >> 3 & 7) | (c->rex & 2) << 2;
		if (insn->index == TVX_RSP)
			insn->index = TVX_NO_REG;
		rm = sib & 7;
	} else if (mod == 0 && rm == 5) {
		insn->rip_relative = insn->mode == 64;
	}
	if (mod == 0 && rm == 5) {
		insn->disp = next_signed(c, 4);
		return;
	}
	insn->base = rm | (c->rex & 1) << 3;
	if (mod)
		insn->disp = next_signed(c, mod == 1 ? 1 : 4);
	if (insn->base == TVX_RSP || insn->base == TVX_RBP)
		insn->seg = TVX_SS;
}

static enum tvx_decode unsupported(struct tvx_insn *insn, const char *what, int map, uint8_t byte)
{
	static const char * const escape[] = { "", "0f ", "0f 38 " };

	snprintf(insn->why, sizeof(insn->why), "opcode %s%02x%s", escape[map], byte, what);
	return TVX_DECODE_UNSUPPORTED;
}

static enum tvx_decode undefined(struct tvx_insn *insn, const char *why)
{
	snprintf(insn->why, sizeof(insn->why), "%s", why);
	return TVX_DECODE_UNDEFINED;
}

static void take_immediate(struct cursor *c, struct tvx_insn *insn, unsigned int flags)
{
	if (flags & F_IMM8)
		insn->imm = next_signed(c, 1);
	else if (flags & F_IMMZ)
		insn->imm = next_signed(c, insn->opsize > 4 ? 4 : insn->opsize);
	else if (flags & F_MOFFS)
		insn->disp = next_signed(c, insn->addrsize);
}

static void set_memsize(struct tvx_insn *insn, unsigned int flags)
{
	if (flags & F_BYTE)
		insn->opsize = 1;
	if ((flags & F_NOT16) && insn->opsize == 2)
		insn->opsize = 4;
	insn->memsize = insn->opsize;
	if (flags & F_MEM8)
		insn->memsize = 1;
	if (flags & F_MEM16)
		insn->memsize = 2;
	if ((flags & F_MEM32) && insn->memsize > 4)
		insn->memsize = 4;
}

static enum tvx_decode check(const struct cursor *c, struct tvx_insn *insn, unsigned int flags)
{
	if (insn->lock && !(flags & F_LOCK))
		return undefined(insn, "LOCK on an instruction that does not allow it");
	if ((flags & F_NOT64) && insn->mode == 64)
		return undefined(insn, "opcode 82 in 64-bit mode");
	if (insn->op == TVX_OP_MOV_SREG && (insn->reg & 7) >= TVX_NR_SREGS)
		return undefined(insn, "no such segment register");
	insn->length = c->pos;
	return TVX_DECODE_OK;
}

static enum tvx_decode take_operands(struct cursor *c, struct tvx_insn *insn,
				     const struct opcode *opc, int map, uint8_t byte)
{
	bool modrm = opc->group || (opc->form != TVX_FORM_STRING && !(opc->flags & F_MOFFS));
	unsigned int mod = 0, rm = 0;

	insn->seg = TVX_DS;
	if (modrm) {
		uint8_t b = next_byte(c);

		mod = b >> 6;
		rm = b & 7;
		insn->reg = (b >> 3 & 7) | (c->rex & 4) << 1;
		if (opc->group)
			opc = &opc->group[b >> 3 & 7];
		if (c->error)
			return c->error;
		if (!opc->form)
			return unsupported(insn, " with this /digit is not supported", map, byte);
		if (mod == 3)
			return unsupported(insn, " has no memory operand", map, byte);
	}
	if (((opc->flags & F_ONLY64) && insn->mode != 64) ||
	    ((opc->flags & F_NOREP) && insn->rep) || ((opc->flags & F_NO66) && c->opsize))
		return unsupported(insn, " is not supported here or with this prefix", map, byte);
	insn->op = opc->op;
	insn->form = opc->form;
	if (modrm && insn->addrsize == 2)
		take_memory16(c, insn, mod, rm);
	else if (modrm)
		take_memory(c, insn, mod, rm);
	set_memsize(insn, opc->flags);
	take_immediate(c, insn, opc->flags);
	if (c->seg != TVX_NR_SREGS)
		insn->seg = c->seg;
	return c->error ? c->error : check(c, insn, opc->flags);
}

enum tvx_decode tvx_insn_decode(const uint8_t *bytes, size_t n, int mode,
				struct tvx_insn *insn)
{
	static const struct opcode * const maps[] = { map_one, map_0f, map_0f38 };
	struct cursor c = { .bytes = bytes, .n = n, .seg = TVX_NR_SREGS };
	uint8_t byte;
	int map = 0;

	memset(insn, 0, sizeof(*insn));
	insn->mode = mode;
	insn->base = TVX_NO_REG;
	insn->index = TVX_NO_REG;
	byte = take_prefixes(&c, insn);
	set_sizes(&c, insn);
	if (byte == 0x0f) {
		map = 1;
		byte = next_byte(&c);
		if (byte == 0x38) {
			map = 2;
			byte = next_byte(&c);
		}
	}
	if (c.error)
		return c.error;
	if (!maps[map][byte].form && !maps[map][byte].group)
		return unsupported(insn, " is not supported for MMIO", map, byte);
	return take_operands(&c, insn, &maps[map][byte], map, byte);
}
