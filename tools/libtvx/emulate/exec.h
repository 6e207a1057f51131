/* SPDX-License-Identifier: GPL-2.0-only */
/* What the executor's files share; callers want decode.h. */
#ifndef TVX_EXEC_H
#define TVX_EXEC_H

#include "alu.h"
#include "decode.h"
#include "tlb.h"

/* One instruction being carried out. */
struct tvx_exec {
	struct tvx_cpu *cpu;
	const struct tvx_mem_ops *mem;
	const struct tvx_mmio_ops *mmio;
	struct tvx_result *res;
	struct tvx_paging paging;	/* the CPU's, with RFLAGS.AC filled in */
	uint8_t mode;
	bool device;			/* some operand so far was a device's */
	uint8_t code[TVX_INSN_MAX];	/* the bytes that tvx_exec_fetch() found */
};

/*
 * A memory operand that has passed all checks: nothing can fail any more. It is
 * in two pieces where it crosses a page. A piece without a host pointer for the
 * direction asked is a device's (memory may be read-only).
 */
struct tvx_operand {
	unsigned int size;
	unsigned int nr_pieces;
	struct {
		uint64_t gpa;
		unsigned int len;
		void *from;
		void *to;
	} piece[2];
};

void tvx_exec_init(struct tvx_exec *x, struct tvx_cpu *cpu, const struct tvx_mem_ops *mem,
		   const struct tvx_mmio_ops *mmio, struct tvx_result *res);

/* Fetch and decode the instruction at CS:RIP; TVX_INSN_DONE: @insn may be executed. */
enum tvx_result_kind tvx_exec_fetch(struct tvx_exec *x, struct tvx_insn *insn);
enum tvx_result_kind tvx_exec_insn(struct tvx_exec *x, const struct tvx_insn *insn);

/* These fill in x->res and return its kind. */
enum tvx_result_kind tvx_done(struct tvx_exec *x, unsigned int length);
enum tvx_result_kind tvx_fault(struct tvx_exec *x, unsigned int vector, uint32_t error);
enum tvx_result_kind tvx_page_fault(struct tvx_exec *x, uint64_t gla, uint32_t error);
enum tvx_result_kind __attribute__((format(printf, 2, 3)))
tvx_unsupported(struct tvx_exec *x, const char *fmt, ...);

/*
 * Check and translate an operand of @size bytes at @seg:@offset for @access.
 * TVX_INSN_DONE: @op may be loaded and, with TVX_ACC_WRITE, stored to.
 */
enum tvx_result_kind tvx_operand_map(struct tvx_exec *x, enum tvx_sreg seg, uint64_t offset,
				     unsigned int size, unsigned int access,
				     struct tvx_operand *op);
uint64_t tvx_operand_load(struct tvx_exec *x, const struct tvx_operand *op);
void tvx_operand_store(struct tvx_exec *x, const struct tvx_operand *op, uint64_t val);

static inline unsigned int tvx_mode(uint64_t efer, uint32_t cs_ar)
{
	if ((efer & TVX_EFER_LMA) && (cs_ar & TVX_AR_L))
		return 64;
	return cs_ar & TVX_AR_DB ? 32 : 16;
}

/* Where code at @rip lies. CS was checked when the guest itself fetched it. */
static inline uint64_t tvx_code_address(const struct tvx_exec *x, uint64_t rip)
{
	return x->mode == 64 ? rip : (uint32_t)(x->cpu->seg[TVX_CS].base + rip);
}

/*
 * Segmentation outside 64-bit mode: false where it faults.
 * @protected: protected mode, where segments have rights
 */
bool tvx_segment_address(const struct tvx_segment *s, bool protected, uint64_t offset,
			 unsigned int size, bool write, uint64_t *gla);

/* The offset that base, index and displacement make, before it is cut to the address size. */
static inline uint64_t tvx_insn_offset(const struct tvx_insn *insn, const __u64 *gpr,
				       uint64_t rip)
{
	uint64_t offset = insn->disp;

	if (insn->base != TVX_NO_REG)
		offset += gpr[insn->base];
	if (insn->index != TVX_NO_REG)
		offset += gpr[insn->index] << insn->scale;
	if (insn->rip_relative)
		offset += rip + insn->length;
	return offset;
}

static inline uint64_t tvx_next_rip(uint64_t rip, unsigned int length, unsigned int mode)
{
	rip += length;
	if (mode == 64)
		return rip;
	return mode == 32 ? (uint32_t)rip : (uint16_t)rip;
}

static inline int64_t tvx_sign_extend(uint64_t val, unsigned int size)
{
	unsigned int unused = 64 - 8 * size;

	return (int64_t)(val << unused) >> unused;
}

/* Registers of @size bytes; without @rex, bytes 4 to 7 are AH, CH, DH and BH. */
static inline bool tvx_is_high_byte(unsigned int reg, unsigned int size, bool rex)
{
	return size == 1 && !rex && reg >= 4 && reg < 8;
}

static inline uint64_t tvx_reg_get(const __u64 *gpr, unsigned int reg, unsigned int size,
				   bool rex)
{
	if (tvx_is_high_byte(reg, size, rex))
		return gpr[reg - 4] >> 8 & 0xff;
	return gpr[reg] & tvx_size_mask(size);
}

/* What a register that holds @old holds after a write of @val; @high: of its second byte. */
static inline uint64_t tvx_reg_merge(uint64_t old, unsigned int size, bool high, uint64_t val)
{
	uint64_t mask = tvx_size_mask(size);

	if (high)
		return (old & ~0xff00ULL) | (val & 0xff) << 8;
	if (size >= 4)	/* 32-bit results clear the upper half */
		return val & mask;
	return (old & ~mask) | (val & mask);
}

static inline void tvx_reg_set(__u64 *gpr, unsigned int reg, unsigned int size, bool rex,
			       uint64_t val)
{
	bool high = tvx_is_high_byte(reg, size, rex);

	if (high)
		reg -= 4;
	gpr[reg] = tvx_reg_merge(gpr[reg], size, high, val);
}

enum tvx_result_kind tvx_exec_string(struct tvx_exec *x, const struct tvx_insn *insn);

#endif
