/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Decoding and executing the instruction behind an MMIO exit, and completing
 * string port I/O. Pure: guest memory, devices and ports are callbacks.
 *
 * The usual caller needs only tvx_insn_emulate():
 *
 *	do
 *		kind = tvx_insn_emulate(&cpu, &mem, &mmio, &res);
 *	while (kind == TVX_INSN_MORE && nothing_else_to_do());
 */
#ifndef TVX_DECODE_H
#define TVX_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "paging.h"
#include "uapi/tinyvmx.h"

#define TVX_INSN_MAX	15

/* Registers are numbered by enum tvx_gpr and enum tvx_sreg of the uapi header. */
#define TVX_NO_REG	TVX_NR_GPRS
#define TVX_NR_SREGS	(TVX_GS + 1)	/* that an instruction can address memory by */

/* Bits of tvx_segment.ar, beside TVX_AR_UNUSABLE. */
#define TVX_AR_CODE		(1U << 3)
#define TVX_AR_EXPAND_DOWN	(1U << 2)	/* of a data segment */
#define TVX_AR_RW		(1U << 1)	/* data: writable; code: readable */
#define TVX_AR_PRESENT		(1U << 7)
#define TVX_AR_L		(1U << 13)
#define TVX_AR_DB		(1U << 14)

/**
 * struct tvx_cpu - the state of a vCPU that an instruction can use or change
 *
 * Execution changes @gpr, @rip and @rflags only. In 64-bit mode just the bases
 * of FS and GS are looked at (and CS's access rights for the mode); elsewhere
 * every segment an instruction uses must be complete, for limits and rights are
 * checked.
 */
struct tvx_cpu {
	__u64 gpr[TVX_NR_GPRS];
	uint64_t rip;
	uint64_t rflags;
	struct tvx_segment seg[TVX_NR_SREGS];
	struct tvx_paging paging;
};

/**
 * struct tvx_mmio_ops - the devices behind what is not memory
 * @read: read @len bytes; what no device claims reads as ones
 * @write: write @len bytes
 * @ctx: passed to both
 *
 * @len is 1, 2, 4 or 8. An access may be unaligned, as the guest made it; one
 * that crosses a page is cut into aligned parts. The callbacks leave the registers
 * of the vCPU alone.
 */
struct tvx_mmio_ops {
	uint64_t (*read)(void *ctx, uint64_t gpa, unsigned int len);
	void (*write)(void *ctx, uint64_t gpa, unsigned int len, uint64_t val);
	void *ctx;
};

enum tvx_op {
	TVX_OP_NONE,
	/* In the order of their encoding, so that opcode bits index them. */
	TVX_OP_ADD, TVX_OP_OR, TVX_OP_ADC, TVX_OP_SBB,
	TVX_OP_AND, TVX_OP_SUB, TVX_OP_XOR, TVX_OP_CMP,
	TVX_OP_BT, TVX_OP_BTS, TVX_OP_BTR, TVX_OP_BTC,
	TVX_OP_TEST, TVX_OP_NOT, TVX_OP_NEG, TVX_OP_INC, TVX_OP_DEC,
	TVX_OP_MOV, TVX_OP_MOVZX, TVX_OP_MOVSX, TVX_OP_MOVBE, TVX_OP_MOV_SREG,
	TVX_OP_XCHG, TVX_OP_XADD, TVX_OP_CMPXCHG,
	TVX_OP_MOVS, TVX_OP_STOS, TVX_OP_LODS, TVX_OP_SCAS, TVX_OP_CMPS,
};

enum tvx_form {
	TVX_FORM_NONE,
	TVX_FORM_MEM_REG,	/* memory is the destination, @reg the source */
	TVX_FORM_REG_MEM,
	TVX_FORM_MEM_IMM,
	TVX_FORM_MEM,		/* one operand */
	TVX_FORM_STRING,
};

enum tvx_rep { TVX_REP_NONE, TVX_REP_Z, TVX_REP_NZ };

/**
 * struct tvx_insn - a decoded instruction
 * @length: bytes, prefixes included
 * @mode: 16, 32 or 64
 * @op: enum tvx_op
 * @form: enum tvx_form
 * @opsize: bytes of the register operand or element
 * @memsize: bytes of the memory operand
 * @addrsize: bytes of an address
 * @seg: segment of the memory operand (of the source, for strings)
 * @reg: register operand, or the /digit of an opcode group
 * @base: base register or TVX_NO_REG
 * @index: index register or TVX_NO_REG
 * @scale: log2 of the index's factor
 * @rep: enum tvx_rep
 * @rex: there is a REX prefix: byte registers 4..7 are SPL..DIL, not AH..BH
 * @lock: there is a LOCK prefix
 * @rip_relative: @disp counts from the next instruction
 * @disp: displacement, sign-extended
 * @imm: immediate, sign-extended
 * @why: on failure, what is wrong, in words
 */
struct tvx_insn {
	uint8_t length;
	uint8_t mode;
	uint8_t op;
	uint8_t form;
	uint8_t opsize;
	uint8_t memsize;
	uint8_t addrsize;
	uint8_t seg;
	uint8_t reg;
	uint8_t base;
	uint8_t index;
	uint8_t scale;
	uint8_t rep;
	bool rex;
	bool lock;
	bool rip_relative;
	int64_t disp;
	int64_t imm;
	char why[80];
};

enum tvx_decode {
	TVX_DECODE_OK,
	TVX_DECODE_TRUNCATED,	/* the bytes end before the instruction does */
	TVX_DECODE_TOO_LONG,	/* over 15 bytes: #GP */
	TVX_DECODE_UNDEFINED,	/* #UD */
	TVX_DECODE_UNSUPPORTED,	/* see why */
};

/*
 * Where a REP ends in MORE, FAULT or UNSUPPORTED, the registers tell how far it
 * got. Nothing else has changed then: an element is checked before it is done.
 */
enum tvx_result_kind {
	TVX_INSN_DONE,		/* rip is at the next instruction */
	TVX_INSN_MORE,		/* part of a REP is done; rip is unchanged */
	TVX_INSN_FAULT,		/* inject the exception; rip is unchanged */
	TVX_INSN_UNSUPPORTED,	/* see why; rip is unchanged */
};

/**
 * struct tvx_result - how execution ended
 * @kind: the same as the function's result
 * @vector: TVX_INSN_FAULT: exception vector
 * @has_error: TVX_INSN_FAULT: the exception has an error code
 * @error_code: TVX_INSN_FAULT: error code
 * @cr2: TVX_INSN_FAULT: faulting address, for vector 14
 * @single_step: RFLAGS.TF was set: the caller owes the guest a #DB after DONE or MORE
 * @why: TVX_INSN_UNSUPPORTED: the reason in words
 */
struct tvx_result {
	enum tvx_result_kind kind;
	uint8_t vector;
	bool has_error;
	uint32_t error_code;
	uint64_t cr2;
	bool single_step;
	char why[96];
};

/** tvx_cpu_mode - 16, 32 or 64, from CS and EFER.LMA */
int tvx_cpu_mode(const struct tvx_cpu *cpu);

/** tvx_insn_decode - decode the instruction at @bytes; touches nothing else */
enum tvx_decode tvx_insn_decode(const uint8_t *bytes, size_t n, int mode,
				struct tvx_insn *insn);

/**
 * tvx_insn_execute - carry out a decoded instruction
 *
 * Every operand is translated here, with the rights the guest has at this
 * moment. The address that the exit reported is not used on purpose: a guest
 * can change the instruction between the exit and its fetch, and would
 * otherwise get an access that its page tables forbid.
 *
 * LOCK is not honoured towards other vCPUs where the operand turns out to be
 * memory.
 */
enum tvx_result_kind tvx_insn_execute(struct tvx_cpu *cpu, const struct tvx_insn *insn,
				      const struct tvx_mem_ops *mem,
				      const struct tvx_mmio_ops *mmio, struct tvx_result *res);

/** tvx_insn_emulate - fetch, decode and execute the instruction at CS:RIP */
enum tvx_result_kind tvx_insn_emulate(struct tvx_cpu *cpu, const struct tvx_mem_ops *mem,
				      const struct tvx_mmio_ops *mmio, struct tvx_result *res);

/**
 * struct tvx_port_ops - the port behind a string I/O exit
 * @in: read @len bytes
 * @out: write @len bytes
 * @ctx: passed to both
 */
struct tvx_port_ops {
	uint32_t (*in)(void *ctx, uint16_t port, unsigned int len);
	void (*out)(void *ctx, uint16_t port, unsigned int len, uint32_t val);
	void *ctx;
};

/**
 * struct tvx_string_io - an INS or OUTS, as the exit describes it
 * @in: INS (to ES:rDI) rather than OUTS (from @seg:rSI)
 * @rep: repeat rCX times
 * @size: bytes of an element: 1, 2 or 4
 * @addrsize: bytes of an address: 2, 4 or 8
 * @seg: enum tvx_sreg, the source of OUTS
 * @port: port number
 * @length: bytes of the instruction, by which rip advances when done
 * @limit: do at most so many elements in this call (at least one is done)
 */
struct tvx_string_io {
	bool in;
	bool rep;
	uint8_t size;
	uint8_t addrsize;
	uint8_t seg;
	uint8_t length;
	uint16_t port;
	unsigned int limit;
};

/**
 * tvx_string_io - carry out an INS or OUTS
 *
 * Updates rSI or rDI, rCX and rip. TVX_INSN_MORE when @limit ran out first: call
 * again, or enter the guest, which will exit on the rest.
 */
enum tvx_result_kind tvx_string_io(struct tvx_cpu *cpu, const struct tvx_string_io *io,
				   const struct tvx_mem_ops *mem,
				   const struct tvx_mmio_ops *mmio,
				   const struct tvx_port_ops *port, struct tvx_result *res);

#endif
