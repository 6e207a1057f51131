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
	*x = (struct tvx_exec){
		.cpu = cpu, .mem = mem, .mmio = mmio, .res = res,
		.paging = cpu->paging, .mode = tvx_cpu_mode(cpu),
	};
	x->paging.rflags_ac = cpu->rflags & X86_EFLAGS_AC;
	memset(res, 0, sizeof(*res));
	res->single_step = cpu->rflags & X86_EFLAGS_TF;
}

enum tvx_result_kind tvx_done(struct tvx_exec *x, unsigned int length)
{
	uint64_t rip = x->cpu->rip + length;

	if (x->mode == 32)
		rip = (uint32_t)rip;
	else if (x->mode == 16)
		rip = (uint16_t)rip;
	x->cpu->rip = rip;
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

static bool is_high_byte(unsigned int reg, unsigned int size, bool rex)
{
	return size == 1 && !rex && reg >= 4 && reg < 8;
}

uint64_t tvx_reg_get(const struct tvx_cpu *cpu, unsigned int reg, unsigned int size, bool rex)
{
	if (is_high_byte(reg, size, rex))
		return cpu->gpr[reg - 4] >> 8 & 0xff;
	return cpu->gpr[reg] & tvx_size_mask(size);
}

void tvx_reg_set(struct tvx_cpu *cpu, unsigned int reg, unsigned int size, bool rex,
		 uint64_t val)
{
	uint64_t mask = tvx_size_mask(size);

	if (is_high_byte(reg, size, rex)) {
		cpu->gpr[reg - 4] = (cpu->gpr[reg - 4] & ~0xff00ULL) | (val & 0xff) << 8;
		return;
	}
	if (size >= 4)	/* 32-bit results clear the upper half */
		cpu->gpr[reg] = val & mask;
	else
		cpu->gpr[reg] = (cpu->gpr[reg] & ~mask) | (val & mask);
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

/* Segmentation: TVX_INSN_DONE and the linear address, or the fault. */
static enum tvx_result_kind linear_address(struct tvx_exec *x, enum tvx_sreg seg,
					   uint64_t offset, unsigned int size,
					   unsigned int access, uint64_t *gla)
{
	const struct tvx_segment *s = &x->cpu->seg[seg];
	unsigned int vector = seg == TVX_SS ? VECTOR_SS : VECTOR_GP;

	if (x->mode == 64) {
		*gla = offset + (seg >= TVX_FS ? s->base : 0);
		if (!tvx_canonical(&x->paging, *gla) ||
		    !tvx_canonical(&x->paging, *gla + size - 1))
			return tvx_fault(x, vector, 0);
		return TVX_INSN_DONE;
	}
	if (protected_mode(x) && !segment_allows(s, access & TVX_ACC_WRITE))
		return tvx_fault(x, vector, 0);
	if (!within_limit(s, offset, offset + size - 1))
		return tvx_fault(x, vector, 0);
	*gla = (uint32_t)(s->base + offset);
	return TVX_INSN_DONE;
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
		unsigned int left = TVX_PAGE_SIZE - (gla & (TVX_PAGE_SIZE - 1));
		uint64_t gpa;
		uint32_t error;
		unsigned int i = op->nr_pieces++;

		len = size - done < left ? size - done : left;
		switch (tvx_translate(&x->paging, x->mem, gla, access, &gpa, &error)) {
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
		op->piece[i].gpa = gpa;
		op->piece[i].len = len;
		op->piece[i].from = x->mem->host(x->mem->ctx, gpa, len, false);
		op->piece[i].to = access & TVX_ACC_WRITE ?
				  x->mem->host(x->mem->ctx, gpa, len, true) : NULL;
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
