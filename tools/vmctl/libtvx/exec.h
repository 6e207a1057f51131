/* SPDX-License-Identifier: GPL-2.0-only */
/* What the executor's files share; callers want decode.h. */
#ifndef TVX_EXEC_H
#define TVX_EXEC_H

#include "alu.h"
#include "decode.h"

/* One instruction being carried out. */
struct tvx_exec {
	struct tvx_cpu *cpu;
	const struct tvx_mem_ops *mem;
	const struct tvx_mmio_ops *mmio;
	struct tvx_result *res;
	struct tvx_paging paging;	/* the CPU's, with RFLAGS.AC filled in */
	uint8_t mode;
	bool device;			/* some operand so far was a device's */
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

/* Registers of @size bytes; without @rex, bytes 4 to 7 are AH, CH, DH and BH. */
uint64_t tvx_reg_get(const struct tvx_cpu *cpu, unsigned int reg, unsigned int size, bool rex);
void tvx_reg_set(struct tvx_cpu *cpu, unsigned int reg, unsigned int size, bool rex,
		 uint64_t val);

enum tvx_result_kind tvx_exec_string(struct tvx_exec *x, const struct tvx_insn *insn);

#endif
