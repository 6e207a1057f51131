// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plain moves to and from devices, the most frequent of all MMIO, on the run page
 * itself: MOV, MOVZX and MOVSX between a register (or from an immediate) and one
 * page of a device.
 *
 * A short cut, not another meaning: what exec.c would do at this moment is done.
 * Code and operand are found by the TLB, whose entries are compared with the guest's
 * tables, and the decoded instruction is compared with its bytes. What the exit
 * says of the access is not used, for the reason that decode.h gives. All else, and
 * all that faults, is left to exec.c.
 */
#include <string.h>

#include <asm/processor-flags.h>

#include "internal.h"

#define WINDOW	16	/* holds any instruction */

static struct tvx_plain *plain_slot(struct tvx_memo *memo, uint64_t rip, uint64_t tag)
{
	struct tvx_plain *plain = &memo->plain[(rip ^ rip >> 5 ^ tag >> 3) % TVX_NR_PLAIN];

	asm("" : "+r"(plain));	/* else compilers compute it again at each use */
	return plain;
}

static bool is_plain(const struct tvx_insn *insn)
{
	return insn->op == TVX_OP_MOV || insn->op == TVX_OP_MOVZX || insn->op == TVX_OP_MOVSX;
}

static void set_insn(struct tvx_plain *plain, const struct tvx_insn *insn)
{
	bool high = tvx_is_high_byte(insn->reg, insn->opsize, insn->rex);

	plain->next_rip = tvx_next_rip(plain->rip, insn->length, insn->mode);
	plain->disp = insn->disp + (insn->rip_relative ? plain->rip + insn->length : 0);
	plain->address_mask = tvx_size_mask(insn->addrsize);
	plain->value_mask = tvx_size_mask(insn->memsize);
	plain->imm = insn->imm;
	plain->last_offset = TVX_PAGE_SIZE - insn->memsize;
	plain->base = insn->base;
	plain->index = insn->index;
	plain->scale = insn->scale;
	plain->seg = insn->mode == 64 && insn->seg < TVX_FS ? TVX_NR_SREGS : insn->seg;
	plain->reg = high ? insn->reg - 4 : insn->reg;
	plain->high_byte = high;
	plain->regsize = insn->opsize;
	plain->memsize = insn->memsize;
	plain->load = insn->form == TVX_FORM_REG_MEM;
	plain->sign_extend = insn->op == TVX_OP_MOVSX;
	plain->from_imm = insn->form == TVX_FORM_MEM_IMM;
}

/* The bytes at @at of a page, in a window that lies in the page as well. */
static void set_code(struct tvx_plain *plain, unsigned int at, const uint8_t *code,
		     unsigned int length)
{
	uint8_t bytes[WINDOW] = { 0 }, mask[WINDOW] = { 0 };

	plain->window = at < TVX_PAGE_SIZE - WINDOW ? at : TVX_PAGE_SIZE - WINDOW;
	memcpy(bytes + at - plain->window, code, length);
	memset(mask + at - plain->window, 0xff, length);
	memcpy(plain->bytes, bytes, WINDOW);
	memcpy(plain->mask, mask, WINDOW);
}

void tvx_plain_remember(struct tvx_memo *memo, const struct tvx_exec *x, uint64_t rip,
			const struct tvx_insn *insn)
{
	uint64_t tag = tvx_tlb_tag(&memo->tlb, x->paging.rflags_ac);
	uint64_t gla = tvx_code_address(x, rip);
	struct tvx_plain *plain = plain_slot(memo, rip, tag);
	unsigned int at = gla & (TVX_PAGE_SIZE - 1);

	if (!is_plain(insn) || at + insn->length > TVX_PAGE_SIZE)
		return;
	plain->rip = rip;
	plain->tag = tag;
	plain->page = tvx_tlb_slot(&memo->tlb, gla, TVX_ACC_FETCH, tag);
	plain->key = tvx_tlb_key(gla, tag);
	set_code(plain, at, x->code, insn->length);
	set_insn(plain, insn);
}

/* Read once, for other vCPUs may be writing. */
static uint64_t code_word(const uint8_t *at)
{
	typedef uint64_t __attribute__((aligned(1), may_alias)) word;

	return *(const volatile word *)at;
}

static bool same_code(const struct tvx_plain *plain, const uint8_t *page)
{
	const uint8_t *at = page + plain->window;

	return !(((code_word(at) ^ plain->bytes[0]) & plain->mask[0]) |
		 ((code_word(at + 8) ^ plain->bytes[1]) & plain->mask[1]));
}

/* The instruction at RIP, if it is known and still the same. */
static const struct tvx_plain *find_plain(struct tvx_memo *memo, uint64_t rip, uint64_t tag)
{
	const struct tvx_plain *plain = plain_slot(memo, rip, tag);
	const uint8_t *page;

	if (plain->rip != rip || plain->tag != tag || plain->page->key != plain->key ||
	    !tvx_walk_holds(&plain->page->walk))
		return NULL;
	page = plain->page->page.from;
	return page && same_code(plain, page) ? plain : NULL;
}

static uint64_t source(const struct tvx_plain *plain, const struct tvx_run_out *out)
{
	if (plain->from_imm)
		return plain->imm;
	return out->gpr[plain->reg] >> (plain->high_byte ? 8 : 0);
}

static void set_destination(const struct tvx_plain *plain, struct tvx_run *run, uint64_t val)
{
	if (plain->sign_extend)
		val = tvx_sign_extend(val, plain->memsize);
	run->in.gpr[plain->reg] = tvx_reg_merge(run->out.gpr[plain->reg], plain->regsize,
						plain->high_byte, val);
	run->in.dirty |= 1U << plain->reg;
}

/* To or from the device at @gla; false if it is none, and at a fault. */
static inline __attribute__((__always_inline__)) bool
move(struct tvx_vcpu *vcpu, const struct tvx_mmio_ops *mmio, const struct tvx_plain *plain,
     uint64_t gla)
{
	unsigned int at = gla & (TVX_PAGE_SIZE - 1), len = plain->memsize;
	struct tvx_tlb *tlb = &vcpu->memo->tlb;
	struct tvx_run *run = vcpu->run;
	const struct tvx_page *page;
	uint64_t val;

	if (at > plain->last_offset)
		return false;
	if (plain->load) {
		page = tvx_tlb_find(tlb, gla, TVX_ACC_READ, plain->tag);
		if (!page || page->from)
			return false;
		val = mmio->read(mmio->ctx, page->gpa + at, len);
		set_destination(plain, run, val & plain->value_mask);
	} else {
		page = tvx_tlb_find(tlb, gla, TVX_ACC_WRITE, plain->tag);
		if (!page || page->to)
			return false;
		val = source(plain, &run->out) & plain->value_mask;
		mmio->write(mmio->ctx, page->gpa + at, len, val);
	}
	run->in.rip = plain->next_rip;
	run->in.dirty |= TVX_DIRTY_RIP;
	/* As behind any instruction. */
	if (run->out.rflags & X86_EFLAGS_RF) {
		run->in.rflags = run->out.rflags & ~(uint64_t)X86_EFLAGS_RF;
		run->in.dirty |= TVX_DIRTY_RFLAGS;
	}
	return true;
}

/* The base of FS or GS in 64-bit mode, where the run page has no segments. */
static __attribute__((__noinline__)) bool
move_in_64bit_segment(struct tvx_vcpu *vcpu, const struct tvx_mmio_ops *mmio,
		      const struct tvx_plain *plain, uint64_t offset)
{
	struct tvx_state state;

	return !tvx_vcpu_get_state(vcpu, &state, TVX_STATE_SEGMENTS) &&
	       move(vcpu, mmio, plain, offset + state.seg[plain->seg].base);
}

static __attribute__((__noinline__)) bool
move_in_segment(struct tvx_vcpu *vcpu, const struct tvx_mmio_ops *mmio,
		const struct tvx_plain *plain, uint64_t offset)
{
	const struct tvx_run_out *out = &vcpu->run->out;
	bool protected = (out->ctx.cr0 & X86_CR0_PE) && !(out->rflags & X86_EFLAGS_VM);
	const struct tvx_run_segment *seg = &out->ctx.seg[plain->seg];
	const struct tvx_segment s = { .base = seg->base, .limit = seg->limit, .ar = seg->ar };
	uint64_t gla;

	if (!out->ctx.seg_valid)
		return move_in_64bit_segment(vcpu, mmio, plain, offset);
	return tvx_segment_address(&s, protected, offset, plain->memsize, !plain->load, &gla) &&
	       move(vcpu, mmio, plain, gla);
}

static inline bool plain_move(struct tvx_vcpu *vcpu, const struct tvx_mmio_ops *mmio)
{
	const struct tvx_run_out *out = &vcpu->run->out;
	struct tvx_memo *memo = vcpu->memo;
	const struct tvx_plain *plain;
	uint64_t offset;

	/* Registers that the caller has changed, or a trap that is owed: not plain. */
	if (vcpu->run->in.dirty || out->rflags & X86_EFLAGS_TF || !memo)
		return false;
	if (!tvx_memo_ready(memo, &out->ctx))
		tvx_memo_enter(vcpu);
	plain = find_plain(memo, out->rip, tvx_tlb_tag(&memo->tlb, out->rflags & X86_EFLAGS_AC));
	if (!plain)
		return false;
	offset = plain->disp;
	if (plain->base != TVX_NO_REG)
		offset += out->gpr[plain->base];
	if (plain->index != TVX_NO_REG)
		offset += out->gpr[plain->index] << plain->scale;
	offset &= plain->address_mask;
	return plain->seg == TVX_NR_SREGS ? move(vcpu, mmio, plain, offset) :
					    move_in_segment(vcpu, mmio, plain, offset);
}

int tvx_handle_mmio(struct tvx_vcpu *vcpu, const struct tvx_mmio_ops *mmio)
{
	return plain_move(vcpu, mmio) ? 0 : tvx_emulate_mmio(vcpu, mmio);
}
