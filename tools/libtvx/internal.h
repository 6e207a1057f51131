/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the library's own files. */
#ifndef LIBTVX_INTERNAL_H
#define LIBTVX_INTERNAL_H

#include "exec.h"
#include "libtvx.h"

/* The VM of KVM's to hand over with a new VM of ours: @dev->kvm, one to be closed after, or -1. */
int tvx_dev_kvm(const struct tvx_dev *dev);

/* Is @gpa in a slot that the guest cannot write? */
bool tvx_vm_readonly(const struct tvx_vm *vm, uint64_t gpa);

/*
 * A decoded move, with all that its place settles settled, and the code that it
 * was decoded from: those of the 16 bytes at @window of the page that @mask tells.
 * Equal bytes in an equal context decode to an equal instruction.
 */
struct tvx_plain {
	uint64_t rip;
	uint64_t tag;			/* of the TLB; 0: none */
	const struct tvx_tlb_entry *page;
	uint64_t key;			/* that @page must have */
	uint64_t bytes[2];
	uint64_t mask[2];
	uint64_t next_rip;
	uint64_t disp;			/* from 0, also where the code counts from RIP */
	uint64_t address_mask;
	uint64_t value_mask;
	int64_t imm;
	uint16_t window;
	uint16_t last_offset;		/* in a page, at which the operand fits */
	uint8_t base;
	uint8_t index;
	uint8_t scale;
	uint8_t seg;			/* TVX_NR_SREGS: none has a say */
	uint8_t reg;			/* AH is the second byte of RAX here */
	bool high_byte;
	uint8_t regsize;
	uint8_t memsize;
	bool load;
	bool sign_extend;
	bool from_imm;
} __attribute__((aligned(64)));

#define TVX_NR_PLAIN	32		/* a power of two */
#define TVX_NR_CONTEXTS	8

/*
 * What exits of a vCPU leave for later ones.
 * @ctx: the context that the vCPU is in
 * @known: contexts of late, by their tags
 */
struct tvx_memo {
	struct tvx_run_ctx ctx;
	struct tvx_tlb tlb;
	unsigned int nr_known;
	struct tvx_run_ctx known[TVX_NR_CONTEXTS];
	struct tvx_plain plain[TVX_NR_PLAIN];
};

/* The memo, made ready for the exit in the run page; NULL: out of memory. */
struct tvx_memo *tvx_memo_enter(struct tvx_vcpu *vcpu);

/* In all that decides how code is decoded and what a walk gives. */
static inline bool tvx_same_context(const struct tvx_run_ctx *a, const struct tvx_run_ctx *b)
{
	return !((a->cs_ar ^ b->cs_ar) | (a->ss_ar ^ b->ss_ar) | (a->cs_base ^ b->cs_base) |
		 (a->cr0 ^ b->cr0) | (a->cr3 ^ b->cr3) | (a->cr4 ^ b->cr4) |
		 (a->efer ^ b->efer));
}

/* Is it ready for an exit in the context @ctx as it is? */
static inline bool tvx_memo_ready(const struct tvx_memo *memo, const struct tvx_run_ctx *ctx)
{
	return tvx_same_context(&memo->ctx, ctx) && !tvx_tlb_outdated(&memo->tlb);
}

/* The instruction at @rip was @insn, which @x has carried out. */
void tvx_plain_remember(struct tvx_memo *memo, const struct tvx_exec *x, uint64_t rip,
			const struct tvx_insn *insn);

/* tvx_handle_mmio() for all instructions, the long way. */
int tvx_emulate_mmio(struct tvx_vcpu *vcpu, const struct tvx_mmio_ops *mmio);

#endif
