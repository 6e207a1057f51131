// SPDX-License-Identifier: GPL-2.0-only
/* String instructions: MOVS, STOS, LODS, SCAS and CMPS on devices, INS and OUTS. */
#include <asm/processor-flags.h>

#include "exec.h"

/* Elements of an MMIO instruction done in one call, to bound its time. */
#define BATCH	4096

enum step { STEP_NEXT, STEP_LAST, STEP_FAILED };

struct string {
	struct tvx_exec *x;
	enum tvx_op op;			/* MMIO only */
	enum tvx_rep rep;
	unsigned int size;
	unsigned int addrsize;
	enum tvx_sreg seg;		/* of the source */
	unsigned int length;
	const struct tvx_string_io *io;	/* port I/O only */
	const struct tvx_port_ops *port;
};

static bool map_string(const struct string *s, enum tvx_gpr reg, unsigned int access,
		       struct tvx_operand *op)
{
	/* The destination is always in ES. */
	enum tvx_sreg seg = reg == TVX_RDI ? TVX_ES : s->seg;
	uint64_t offset = tvx_reg_get(s->x->cpu->gpr, reg, s->addrsize, true);

	return tvx_operand_map(s->x, seg, offset, s->size, access, op) == TVX_INSN_DONE;
}

static void advance(const struct string *s, enum tvx_gpr reg)
{
	struct tvx_cpu *cpu = s->x->cpu;
	uint64_t offset = tvx_reg_get(cpu->gpr, reg, s->addrsize, true);

	if (cpu->rflags & X86_EFLAGS_DF)
		offset -= s->size;
	else
		offset += s->size;
	tvx_reg_set(cpu->gpr, reg, s->addrsize, true, offset);
}

static enum step compare(const struct string *s, uint64_t a, uint64_t b)
{
	struct tvx_cpu *cpu = s->x->cpu;

	tvx_alu(TVX_OP_CMP, s->size, a, b, &cpu->rflags);
	if (s->rep == TVX_REP_Z && !(cpu->rflags & X86_EFLAGS_ZF))
		return STEP_LAST;
	if (s->rep == TVX_REP_NZ && (cpu->rflags & X86_EFLAGS_ZF))
		return STEP_LAST;
	return STEP_NEXT;
}

static enum step do_movs(const struct string *s)
{
	struct tvx_operand from, to;

	if (!map_string(s, TVX_RSI, TVX_ACC_READ, &from) ||
	    !map_string(s, TVX_RDI, TVX_ACC_WRITE, &to))
		return STEP_FAILED;
	tvx_operand_store(s->x, &to, tvx_operand_load(s->x, &from));
	advance(s, TVX_RSI);
	advance(s, TVX_RDI);
	return STEP_NEXT;
}

static enum step do_cmps(const struct string *s)
{
	struct tvx_operand a, b;
	uint64_t val;

	if (!map_string(s, TVX_RSI, TVX_ACC_READ, &a) ||
	    !map_string(s, TVX_RDI, TVX_ACC_READ, &b))
		return STEP_FAILED;
	val = tvx_operand_load(s->x, &a);
	advance(s, TVX_RSI);
	advance(s, TVX_RDI);
	return compare(s, val, tvx_operand_load(s->x, &b));
}

static enum step do_stos(const struct string *s)
{
	struct tvx_operand to;

	if (!map_string(s, TVX_RDI, TVX_ACC_WRITE, &to))
		return STEP_FAILED;
	tvx_operand_store(s->x, &to, tvx_reg_get(s->x->cpu->gpr, TVX_RAX, s->size, true));
	advance(s, TVX_RDI);
	return STEP_NEXT;
}

static enum step do_lods(const struct string *s)
{
	struct tvx_operand from;

	if (!map_string(s, TVX_RSI, TVX_ACC_READ, &from))
		return STEP_FAILED;
	tvx_reg_set(s->x->cpu->gpr, TVX_RAX, s->size, true, tvx_operand_load(s->x, &from));
	advance(s, TVX_RSI);
	return STEP_NEXT;
}

static enum step do_scas(const struct string *s)
{
	struct tvx_operand at;

	if (!map_string(s, TVX_RDI, TVX_ACC_READ, &at))
		return STEP_FAILED;
	advance(s, TVX_RDI);
	return compare(s, tvx_reg_get(s->x->cpu->gpr, TVX_RAX, s->size, true),
		       tvx_operand_load(s->x, &at));
}

/* Memory is checked before the port is touched: a port access cannot be undone. */
static enum step do_ins(const struct string *s)
{
	struct tvx_operand to;

	if (!map_string(s, TVX_RDI, TVX_ACC_WRITE, &to))
		return STEP_FAILED;
	tvx_operand_store(s->x, &to, s->port->in(s->port->ctx, s->io->port, s->size));
	advance(s, TVX_RDI);
	return STEP_NEXT;
}

static enum step do_outs(const struct string *s)
{
	struct tvx_operand from;

	if (!map_string(s, TVX_RSI, TVX_ACC_READ, &from))
		return STEP_FAILED;
	s->port->out(s->port->ctx, s->io->port, s->size, tvx_operand_load(s->x, &from));
	advance(s, TVX_RSI);
	return STEP_NEXT;
}

static enum step do_element(const struct string *s)
{
	if (s->io)
		return s->io->in ? do_ins(s) : do_outs(s);
	switch (s->op) {
	case TVX_OP_MOVS:
		return do_movs(s);
	case TVX_OP_STOS:
		return do_stos(s);
	case TVX_OP_LODS:
		return do_lods(s);
	case TVX_OP_CMPS:
		return do_cmps(s);
	default:
		return do_scas(s);
	}
}

/*
 * Registers are up to date after each element, so a fault in the middle leaves
 * the instruction restartable, as on the processor.
 */
static enum tvx_result_kind repeat(const struct string *s, unsigned int limit)
{
	struct tvx_exec *x = s->x;
	struct tvx_cpu *cpu = x->cpu;
	unsigned int done;

	if (x->res->single_step)
		limit = 1;
	for (done = 0;; done++) {
		uint64_t left = tvx_reg_get(cpu->gpr, TVX_RCX, s->addrsize, true);
		enum step step;

		if (s->rep && !left)
			return tvx_done(x, s->length);
		/* Off the device the guest is faster by itself. */
		if (done && (done >= limit || (!s->io && !x->device)))
			return x->res->kind = TVX_INSN_MORE;
		x->device = false;
		step = do_element(s);
		if (step == STEP_FAILED)
			return x->res->kind;
		if (s->rep)
			tvx_reg_set(cpu->gpr, TVX_RCX, s->addrsize, true, left - 1);
		if (!s->rep || step == STEP_LAST)
			return tvx_done(x, s->length);
	}
}

enum tvx_result_kind tvx_exec_string(struct tvx_exec *x, const struct tvx_insn *insn)
{
	const struct string s = {
		.x = x, .op = insn->op, .rep = insn->rep, .size = insn->opsize,
		.addrsize = insn->addrsize, .seg = insn->seg, .length = insn->length,
	};

	return repeat(&s, BATCH);
}

enum tvx_result_kind tvx_string_io(struct tvx_cpu *cpu, const struct tvx_string_io *io,
				   const struct tvx_mem_ops *mem,
				   const struct tvx_mmio_ops *mmio,
				   const struct tvx_port_ops *port, struct tvx_result *res)
{
	struct tvx_exec x;
	const struct string s = {
		.x = &x, .rep = io->rep ? TVX_REP_Z : TVX_REP_NONE, .size = io->size,
		.addrsize = io->addrsize, .seg = io->seg, .length = io->length,
		.io = io, .port = port,
	};

	tvx_exec_init(&x, cpu, mem, mmio, res);
	return repeat(&s, io->limit);
}
