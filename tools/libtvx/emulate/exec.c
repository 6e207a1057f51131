// SPDX-License-Identifier: GPL-2.0-only
/* The executor of decoded MMIO instructions. */
#include <asm/processor-flags.h>

#include "exec.h"

enum { VECTOR_UD = 6, VECTOR_GP_FAULT = 13 };

int tvx_cpu_mode(const struct tvx_cpu *cpu)
{
	return tvx_mode(cpu->paging.efer, cpu->seg[TVX_CS].ar);
}

static uint64_t byte_swap(uint64_t val, unsigned int size)
{
	return __builtin_bswap64(val) >> (64 - 8 * size);
}

static bool is_bit_test(unsigned int op)
{
	return op >= TVX_OP_BT && op <= TVX_OP_BTC;
}

static bool is_arithmetic(unsigned int op)
{
	return op >= TVX_OP_ADD && op <= TVX_OP_DEC;
}

static bool only_reads(unsigned int op)
{
	return op == TVX_OP_CMP || op == TVX_OP_TEST || op == TVX_OP_BT;
}

static bool only_writes(unsigned int op)
{
	return op == TVX_OP_MOV || op == TVX_OP_MOVBE || op == TVX_OP_MOV_SREG;
}

static unsigned int operand_access(const struct tvx_insn *insn)
{
	if (insn->form == TVX_FORM_REG_MEM || only_reads(insn->op))
		return TVX_ACC_READ;
	return only_writes(insn->op) ? TVX_ACC_WRITE : TVX_ACC_READ | TVX_ACC_WRITE;
}

static uint64_t reg_operand(const struct tvx_cpu *cpu, const struct tvx_insn *insn)
{
	return tvx_reg_get(cpu->gpr, insn->reg, insn->opsize, insn->rex);
}

static void set_reg_operand(struct tvx_cpu *cpu, const struct tvx_insn *insn, uint64_t val)
{
	tvx_reg_set(cpu->gpr, insn->reg, insn->opsize, insn->rex, val);
}

static uint64_t effective_address(const struct tvx_cpu *cpu, const struct tvx_insn *insn)
{
	uint64_t ea = tvx_insn_offset(insn, cpu->gpr, cpu->rip);

	/* A bit number in a register reaches beyond the operand, both ways. */
	if (is_bit_test(insn->op) && insn->form == TVX_FORM_MEM_REG) {
		int64_t bit = tvx_sign_extend(reg_operand(cpu, insn), insn->opsize);

		ea += (uint64_t)(bit >> (insn->opsize == 8 ? 6 : insn->opsize == 4 ? 5 : 4)) *
		      insn->opsize;
	}
	return ea & tvx_size_mask(insn->addrsize);
}

/* Compare with the accumulator and exchange. The processor writes in any case. */
static uint64_t compare_exchange(struct tvx_cpu *cpu, const struct tvx_insn *insn, uint64_t old)
{
	uint64_t acc = tvx_reg_get(cpu->gpr, TVX_RAX, insn->opsize, insn->rex);

	tvx_alu(TVX_OP_CMP, insn->opsize, acc, old, &cpu->rflags);
	if (acc == old)
		return reg_operand(cpu, insn);
	tvx_reg_set(cpu->gpr, TVX_RAX, insn->opsize, insn->rex, old);
	return old;
}

/* What to write to memory; @old is its value where the instruction reads it. */
static uint64_t memory_result(struct tvx_cpu *cpu, const struct tvx_insn *insn, uint64_t old)
{
	uint64_t src = insn->form == TVX_FORM_MEM_REG && insn->op != TVX_OP_MOV_SREG ?
		       reg_operand(cpu, insn) : (uint64_t)insn->imm;

	switch (insn->op) {
	case TVX_OP_MOV:
		return src;
	case TVX_OP_MOVBE:
		return byte_swap(src, insn->opsize);
	case TVX_OP_MOV_SREG:
		return cpu->seg[insn->reg & 7].selector;
	case TVX_OP_XCHG:
		set_reg_operand(cpu, insn, old);
		return src;
	case TVX_OP_XADD:
		set_reg_operand(cpu, insn, old);
		return tvx_alu(TVX_OP_ADD, insn->opsize, old, src, &cpu->rflags);
	case TVX_OP_CMPXCHG:
		return compare_exchange(cpu, insn, old);
	default:
		return tvx_alu(insn->op, insn->opsize, old, src, &cpu->rflags);
	}
}

/* The destination is a register, @val what memory holds. */
static void register_result(struct tvx_cpu *cpu, const struct tvx_insn *insn, uint64_t val)
{
	switch (insn->op) {
	case TVX_OP_MOVBE:
		val = byte_swap(val, insn->opsize);
		break;
	case TVX_OP_MOVSX:
		val = tvx_sign_extend(val, insn->memsize);
		break;
	case TVX_OP_CMP:
		tvx_alu(TVX_OP_CMP, insn->opsize, reg_operand(cpu, insn), val, &cpu->rflags);
		return;
	default:
		if (is_arithmetic(insn->op))
			val = tvx_alu(insn->op, insn->opsize, reg_operand(cpu, insn), val,
				      &cpu->rflags);
	}
	set_reg_operand(cpu, insn, val);
}

enum tvx_result_kind tvx_exec_insn(struct tvx_exec *x, const struct tvx_insn *insn)
{
	unsigned int access = operand_access(insn);
	struct tvx_cpu *cpu = x->cpu;
	enum tvx_result_kind kind;
	struct tvx_operand op;
	uint64_t val = 0;

	if (insn->mode != x->mode)
		return tvx_unsupported(x, "decoded for %u-bit mode, but the CPU is in %u-bit mode",
				       insn->mode, x->mode);
	if (insn->form == TVX_FORM_STRING)
		return tvx_exec_string(x, insn);
	kind = tvx_operand_map(x, insn->seg, effective_address(cpu, insn), insn->memsize, access,
			       &op);
	if (kind)
		return kind;
	if (access & TVX_ACC_READ)
		val = tvx_operand_load(x, &op);
	if (insn->form == TVX_FORM_REG_MEM) {
		register_result(cpu, insn, val);
	} else {
		val = memory_result(cpu, insn, val);
		if (access & TVX_ACC_WRITE)
			tvx_operand_store(x, &op, val);
	}
	return tvx_done(x, insn->length);
}

/* As many bytes as there are in one page, but the next page only where it takes more. */
static enum tvx_decode fetch_and_decode(struct tvx_exec *x, struct tvx_insn *insn, size_t *n,
					enum tvx_xlate *fetched, uint32_t *error)
{
	uint64_t rip = x->cpu->rip;
	size_t left = TVX_PAGE_SIZE - (tvx_code_address(x, rip) & (TVX_PAGE_SIZE - 1));
	enum tvx_decode decoded;
	size_t more;

	if (left > TVX_INSN_MAX)
		left = TVX_INSN_MAX;
	*fetched = tvx_guest_read(&x->paging, x->mem, tvx_code_address(x, rip), x->code, left,
				  TVX_ACC_FETCH, n, error);
	decoded = tvx_insn_decode(x->code, *n, x->mode, insn);
	if (decoded != TVX_DECODE_TRUNCATED || *fetched || left == TVX_INSN_MAX)
		return decoded;
	*fetched = tvx_guest_read(&x->paging, x->mem, tvx_code_address(x, rip + left),
				  x->code + left, TVX_INSN_MAX - left, TVX_ACC_FETCH, &more,
				  error);
	*n += more;
	return tvx_insn_decode(x->code, *n, x->mode, insn);
}

enum tvx_result_kind tvx_exec_fetch(struct tvx_exec *x, struct tvx_insn *insn)
{
	enum tvx_xlate fetched;
	uint32_t error = 0;
	size_t n;

	switch (fetch_and_decode(x, insn, &n, &fetched, &error)) {
	case TVX_DECODE_OK:
		return TVX_INSN_DONE;
	case TVX_DECODE_TOO_LONG:
		return tvx_fault(x, VECTOR_GP_FAULT, 0);
	case TVX_DECODE_UNDEFINED:
		return tvx_fault(x, VECTOR_UD, 0);
	case TVX_DECODE_UNSUPPORTED:
		return tvx_unsupported(x, "%s", insn->why);
	case TVX_DECODE_TRUNCATED:
		break;
	}
	if (fetched == TVX_XLATE_PAGE_FAULT)
		return tvx_page_fault(x, tvx_code_address(x, x->cpu->rip + n), error);
	if (fetched == TVX_XLATE_NONCANONICAL)
		return tvx_fault(x, VECTOR_GP_FAULT, 0);
	return tvx_unsupported(x, "the instruction at %#llx is not in memory",
			       (unsigned long long)tvx_code_address(x, x->cpu->rip + n));
}

enum tvx_result_kind tvx_insn_execute(struct tvx_cpu *cpu, const struct tvx_insn *insn,
				      const struct tvx_mem_ops *mem,
				      const struct tvx_mmio_ops *mmio, struct tvx_result *res)
{
	struct tvx_exec x;

	tvx_exec_init(&x, cpu, mem, mmio, res);
	return tvx_exec_insn(&x, insn);
}

enum tvx_result_kind tvx_insn_emulate(struct tvx_cpu *cpu, const struct tvx_mem_ops *mem,
				      const struct tvx_mmio_ops *mmio, struct tvx_result *res)
{
	enum tvx_result_kind kind;
	struct tvx_insn insn;
	struct tvx_exec x;

	tvx_exec_init(&x, cpu, mem, mmio, res);
	kind = tvx_exec_fetch(&x, &insn);
	return kind ? kind : tvx_exec_insn(&x, &insn);
}
