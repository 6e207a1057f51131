// SPDX-License-Identifier: GPL-2.0-only
/* Operands of a guest instruction: registers, segments, memory and devices. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <asm/processor-flags.h>

#include "exec.h"

enum { VECTOR_SS = 12, VECTOR_GP = 13, VECTOR_PF = 14 };

void tvx_exec_init(struct tvx_exec *x, struct tvx_cpu *cpu, const struct tvx_mem_ops *mem,
		   const struct tvx_mmio_ops *mmio, struct tvx_result *res)
{
	x->cpu = cpu;
	x->mem = mem;
	x->mmio = mmio;
	x->res = res;
	x->paging = cpu->paging;
	x->paging.rflags_ac = cpu->rflags & X86_EFLAGS_AC;
	x->mode = tvx_cpu_mode(cpu);
	x->device = false;
	memset(res, 0, offsetof(struct tvx_result, why) + 1);
	res->single_step = cpu->rflags & X86_EFLAGS_TF;
}

enum tvx_result_kind tvx_done(struct tvx_exec *x, unsigned int length)
{
	x->cpu->rip = tvx_next_rip(x->cpu->rip, length, x->mode);
	x->cpu->rflags &= ~(uint64_t)X86_EFLAGS_RF;
	return x->res->kind = TVX_INSN_DONE;
}

enum tvx_result_kind tvx_fault(struct tvx_exec *x, unsigned int vector, uint32_t error)
{
	x->res->vector = vector;
	x->res->has_error = vector >= VECTOR_SS;	/* #UD, the other one, has none */
	x->res->error_code = error;
	return x->res->kind = TVX_INSN_FAULT;
}

enum tvx_result_kind tvx_page_fault(struct tvx_exec *x, uint64_t gla, uint32_t error)
{
	x->res->cr2 = gla;
	return tvx_fault(x, VECTOR_PF, error);
}

enum tvx_result_kind tvx_unsupported(struct tvx_exec *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(x->res->why, sizeof(x->res->why), fmt, ap);
	va_end(ap);
	return x->res->kind = TVX_INSN_UNSUPPORTED;
}

static bool protected_mode(const struct tvx_exec *x)
{
	return (x->cpu->paging.cr0 & X86_CR0_PE) && !(x->cpu->rflags & X86_EFLAGS_VM);
}

static bool segment_allows(const struct tvx_segment *s, bool write)
{
	if ((s->ar & TVX_AR_UNUSABLE) || !(s->ar & TVX_AR_PRESENT))
		return false;
	if (s->ar & TVX_AR_CODE)
		return !write && (s->ar & TVX_AR_RW);
	return !write || (s->ar & TVX_AR_RW);
}

static bool within_limit(const struct tvx_segment *s, uint64_t first, uint64_t last)
{
	if (!(s->ar & TVX_AR_CODE) && (s->ar & TVX_AR_EXPAND_DOWN))
		return first > s->limit &&
		       last <= (s->ar & TVX_AR_DB ? 0xffffffff : 0xffff);
	return last <= s->limit;
}

bool tvx_segment_address(const struct tvx_segment *s, bool protected, uint64_t offset,
			 unsigned int size, bool write, uint64_t *gla)
{
	*gla = (uint32_t)(s->base + offset);
	return (!protected || segment_allows(s, write)) &&
	       within_limit(s, offset, offset + size - 1);
}

/* TVX_INSN_DONE and the linear address, or the fault. */
static enum tvx_result_kind linear_address(struct tvx_exec *x, enum tvx_sreg seg,
					   uint64_t offset, unsigned int size,
					   unsigned int access, uint64_t *gla)
{
	const struct tvx_segment *s = &x->cpu->seg[seg];
	bool allowed;

	if (x->mode == 64) {
		*gla = offset + (seg >= TVX_FS ? s->base : 0);
		allowed = tvx_canonical(&x->paging, *gla) &&
			  tvx_canonical(&x->paging, *gla + size - 1);
	} else {
		allowed = tvx_segment_address(s, protected_mode(x), offset, size,
					      access & TVX_ACC_WRITE, gla);
	}
	return allowed ? TVX_INSN_DONE : tvx_fault(x, seg == TVX_SS ? VECTOR_SS : VECTOR_GP, 0);
}

enum tvx_result_kind tvx_operand_map(struct tvx_exec *x, enum tvx_sreg seg, uint64_t offset,
				     unsigned int size, unsigned int access,
				     struct tvx_operand *op)
{
	unsigned int done, len;
	enum tvx_result_kind kind;
	uint64_t gla;

	kind = linear_address(x, seg, offset, size, access, &gla);
	if (kind)
		return kind;
	op->size = size;
	op->nr_pieces = 0;
	for (done = 0; done < size; done += len) {
		unsigned int at = gla & (TVX_PAGE_SIZE - 1), left = TVX_PAGE_SIZE - at;
		unsigned int i = op->nr_pieces++;
		struct tvx_page page;
		uint32_t error;

		len = size - done < left ? size - done : left;
		switch (tvx_map_page(&x->paging, x->mem, gla, access, &page, &error)) {
		case TVX_XLATE_OK:
			break;
		case TVX_XLATE_PAGE_FAULT:
			return tvx_page_fault(x, gla, error);
		case TVX_XLATE_NONCANONICAL:
			return tvx_fault(x, seg == TVX_SS ? VECTOR_SS : VECTOR_GP, 0);
		case TVX_XLATE_NOT_MEMORY:
			return tvx_unsupported(x, "page tables for address %#llx are not in memory",
					       (unsigned long long)gla);
		}
		op->piece[i].gpa = page.gpa + at;
		op->piece[i].len = len;
		op->piece[i].from = page.from ? page.from + at : NULL;
		op->piece[i].to = page.to ? page.to + at : NULL;
		gla += len;
		if (x->mode != 64)
			gla = (uint32_t)gla;
	}
	return TVX_INSN_DONE;
}

/* Whole elements are moved in one access, for other vCPUs may be looking. */
static uint64_t host_load(const void *host, unsigned int len)
{
	uint64_t val = 0;

	switch (len) {
	case 1:
		memcpy(&val, host, 1);
		break;
	case 2:
		memcpy(&val, host, 2);
		break;
	case 4:
		memcpy(&val, host, 4);
		break;
	case 8:
		memcpy(&val, host, 8);
		break;
	default:
		memcpy(&val, host, len);
	}
	return val;
}

static void host_store(void *host, unsigned int len, uint64_t val)
{
	switch (len) {
	case 1:
		memcpy(host, &val, 1);
		break;
	case 2:
		memcpy(host, &val, 2);
		break;
	case 4:
		memcpy(host, &val, 4);
		break;
	case 8:
		memcpy(host, &val, 8);
		break;
	default:
		memcpy(host, &val, len);
	}
}

/* Part of a split operand: the largest aligned power of two that fits. */
static unsigned int aligned_part(uint64_t gpa, unsigned int left)
{
	unsigned int len = 8;

	while (len > left || (gpa & (len - 1)))
		len /= 2;
	return len;
}

static uint64_t device_read(struct tvx_exec *x, uint64_t gpa, unsigned int len, bool split)
{
	unsigned int done, part;
	uint64_t val = 0;

	x->device = true;
	for (done = 0; done < len; done += part) {
		part = split ? aligned_part(gpa + done, len - done) : len;
		val |= (x->mmio->read(x->mmio->ctx, gpa + done, part) & tvx_size_mask(part))
		       << 8 * done;
	}
	return val;
}

static void device_write(struct tvx_exec *x, uint64_t gpa, unsigned int len, bool split,
			 uint64_t val)
{
	unsigned int done, part;

	x->device = true;
	for (done = 0; done < len; done += part) {
		part = split ? aligned_part(gpa + done, len - done) : len;
		x->mmio->write(x->mmio->ctx, gpa + done, part,
			       val >> 8 * done & tvx_size_mask(part));
	}
}

uint64_t tvx_operand_load(struct tvx_exec *x, const struct tvx_operand *op)
{
	unsigned int i, done = 0;
	uint64_t val = 0;

	for (i = 0; i < op->nr_pieces; i++) {
		unsigned int len = op->piece[i].len;
		uint64_t part = op->piece[i].from ?
				host_load(op->piece[i].from, len) :
				device_read(x, op->piece[i].gpa, len, op->nr_pieces > 1);

		val |= part << 8 * done;
		done += len;
	}
	return val;
}

void tvx_operand_store(struct tvx_exec *x, const struct tvx_operand *op, uint64_t val)
{
	unsigned int i, done = 0;

	for (i = 0; i < op->nr_pieces; i++) {
		unsigned int len = op->piece[i].len;
		uint64_t part = val >> 8 * done & tvx_size_mask(len);

		if (op->piece[i].to)
			host_store(op->piece[i].to, len, part);
		else
			device_write(x, op->piece[i].gpa, len, op->nr_pieces > 1, part);
		done += len;
	}
}
