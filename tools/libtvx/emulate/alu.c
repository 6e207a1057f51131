// SPDX-License-Identifier: GPL-2.0-only
/* Arithmetic on guest operands, with the status flags. */
#include <asm/processor-flags.h>

#include "alu.h"

#define STATUS_FLAGS	(X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | \
			 X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_OF)

static uint64_t sign_bit(unsigned int size)
{
	return 1ULL << (8 * size - 1);
}

static uint64_t result_flags(unsigned int size, uint64_t res)
{
	uint64_t flags = 0;

	if (!res)
		flags |= X86_EFLAGS_ZF;
	if (res & sign_bit(size))
		flags |= X86_EFLAGS_SF;
	if (!__builtin_parity(res & 0xff))
		flags |= X86_EFLAGS_PF;
	return flags;
}

static uint64_t add(unsigned int size, uint64_t a, uint64_t b, unsigned int carry,
		    uint64_t *flags)
{
	uint64_t mask = tvx_size_mask(size);
	uint64_t res = (a + b + carry) & mask;

	*flags = result_flags(size, res);
	if (res < a || (carry && res == a))
		*flags |= X86_EFLAGS_CF;
	if ((a ^ b ^ res) & 0x10)
		*flags |= X86_EFLAGS_AF;
	if ((a ^ res) & (b ^ res) & sign_bit(size))
		*flags |= X86_EFLAGS_OF;
	return res;
}

static uint64_t sub(unsigned int size, uint64_t a, uint64_t b, unsigned int borrow,
		    uint64_t *flags)
{
	uint64_t mask = tvx_size_mask(size);
	uint64_t res = (a - b - borrow) & mask;

	*flags = result_flags(size, res);
	if (a < b || (borrow && a == b))
		*flags |= X86_EFLAGS_CF;
	if ((a ^ b ^ res) & 0x10)
		*flags |= X86_EFLAGS_AF;
	if ((a ^ b) & (a ^ res) & sign_bit(size))
		*flags |= X86_EFLAGS_OF;
	return res;
}

static uint64_t logic(unsigned int size, uint64_t res, uint64_t *flags)
{
	*flags = result_flags(size, res);
	return res;
}

static uint64_t bit_test(enum tvx_op op, unsigned int size, uint64_t dst, uint64_t src,
			 uint64_t *rflags)
{
	uint64_t bit = 1ULL << (src & (8 * size - 1));

	*rflags &= ~(uint64_t)X86_EFLAGS_CF;
	if (dst & bit)
		*rflags |= X86_EFLAGS_CF;
	switch (op) {
	case TVX_OP_BTS:
		return dst | bit;
	case TVX_OP_BTR:
		return dst & ~bit;
	case TVX_OP_BTC:
		return dst ^ bit;
	default:
		return dst;
	}
}

uint64_t tvx_alu(enum tvx_op op, unsigned int size, uint64_t dst, uint64_t src,
		 uint64_t *rflags)
{
	uint64_t mask = tvx_size_mask(size);
	unsigned int carry = *rflags & X86_EFLAGS_CF ? 1 : 0;
	uint64_t changed = STATUS_FLAGS;
	uint64_t flags, res;

	if (op >= TVX_OP_BT && op <= TVX_OP_BTC)
		return bit_test(op, size, dst & mask, src, rflags);
	dst &= mask;
	src &= mask;
	switch (op) {
	case TVX_OP_ADD:
		res = add(size, dst, src, 0, &flags);
		break;
	case TVX_OP_ADC:
		res = add(size, dst, src, carry, &flags);
		break;
	case TVX_OP_SUB:
		res = sub(size, dst, src, 0, &flags);
		break;
	case TVX_OP_SBB:
		res = sub(size, dst, src, carry, &flags);
		break;
	case TVX_OP_CMP:
		sub(size, dst, src, 0, &flags);
		res = dst;
		break;
	case TVX_OP_OR:
		res = logic(size, dst | src, &flags);
		break;
	case TVX_OP_AND:
		res = logic(size, dst & src, &flags);
		break;
	case TVX_OP_XOR:
		res = logic(size, dst ^ src, &flags);
		break;
	case TVX_OP_TEST:
		logic(size, dst & src, &flags);
		res = dst;
		break;
	case TVX_OP_NEG:
		res = sub(size, 0, dst, 0, &flags);
		break;
	case TVX_OP_INC:
		changed &= ~(uint64_t)X86_EFLAGS_CF;
		res = add(size, dst, 1, 0, &flags);
		break;
	case TVX_OP_DEC:
		changed &= ~(uint64_t)X86_EFLAGS_CF;
		res = sub(size, dst, 1, 0, &flags);
		break;
	default:	/* TVX_OP_NOT leaves the flags alone */
		return ~dst & mask;
	}
	*rflags = (*rflags & ~changed) | (flags & changed);
	return res;
}
