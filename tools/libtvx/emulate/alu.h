/* SPDX-License-Identifier: GPL-2.0-only */
/* Arithmetic as the processor does it, status flags included. */
#ifndef TVX_ALU_H
#define TVX_ALU_H

#include <stdint.h>

#include "decode.h"

/* Ones in the low @size bytes (1, 2, 4 or 8). */
static inline uint64_t tvx_size_mask(unsigned int size)
{
	return ~0ULL >> (64 - 8 * size);
}

/**
 * tvx_alu - result of @op on @size bytes
 * @op: TVX_OP_ADD to TVX_OP_DEC
 * @size: operand size in bytes
 * @dst: destination operand, whose new value is returned
 * @src: source operand; for the bit tests, the bit's number
 * @rflags: updated
 *
 * CMP, TEST and BT return @dst as it was. AF is cleared where it is undefined;
 * the bit tests leave all but CF alone.
 */
uint64_t tvx_alu(enum tvx_op op, unsigned int size, uint64_t dst, uint64_t src,
		 uint64_t *rflags);

#endif
