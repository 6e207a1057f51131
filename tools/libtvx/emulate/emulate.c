// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finishing the guest's instruction behind an MMIO or I/O exit: from the run
 * page into the executor's CPU, and back.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <asm/processor-flags.h>

#include "internal.h"

#define DR6_BS		(1ULL << 14)
#define VECTOR_DB	1
#define VECTOR_PF	14

static void *mem_host(void *ctx, uint64_t gpa, size_t len, bool write)
{
	const struct tvx_vm *vm = ctx;

	return write && tvx_vm_readonly(vm, gpa) ? NULL : tvx_vm_host(vm, gpa, len);
}

/* The general registers as the guest will have them at the next RUN. */
static void load_gprs(const struct tvx_vcpu *vcpu, __u64 *gpr)
{
	const struct tvx_run *run = vcpu->run;
	unsigned int dirty = run->in.dirty & ((1U << TVX_NR_GPRS) - 1);

	memcpy(gpr, run->out.gpr, sizeof(run->out.gpr));
	for (; dirty; dirty &= dirty - 1)
		gpr[__builtin_ctz(dirty)] = run->in.gpr[__builtin_ctz(dirty)];
}

static void load_segments(const struct tvx_run_ctx *ctx, struct tvx_segment *seg)
{
	unsigned int i;

	memset(seg, 0, TVX_NR_SREGS * sizeof(*seg));
	seg[TVX_CS].base = ctx->cs_base;
	seg[TVX_CS].ar = ctx->cs_ar;
	for (i = 0; ctx->seg_valid && i < TVX_NR_SREGS; i++)
		seg[i] = (struct tvx_segment){
			.base = ctx->seg[i].base,
			.limit = ctx->seg[i].limit,
			.ar = ctx->seg[i].ar,
		};
}

/* What the run page tells: enough for nearly all instructions, and for no system call. */
static void load_cpu(struct tvx_vcpu *vcpu, struct tvx_memo *memo, struct tvx_cpu *cpu)
{
	const struct tvx_run_ctx *ctx = &vcpu->run->out.ctx;

	load_gprs(vcpu, cpu->gpr);
	cpu->rip = tvx_get_rip(vcpu);
	cpu->rflags = tvx_get_rflags(vcpu);
	load_segments(ctx, cpu->seg);
	cpu->paging = (struct tvx_paging){
		.cr0 = ctx->cr0,
		.cr3 = ctx->cr3,
		.cr4 = ctx->cr4,
		.efer = ctx->efer,
		.cpl = (ctx->ss_ar >> 5) & 3,
		.maxphyaddr = vcpu->vm->info.gpa_bits,
		.set_ad = true,
		.tlb = memo ? &memo->tlb : NULL,
	};
}

/* PDPTEs are registers, and not in the run page. */
static int load_pdptes(struct tvx_vcpu *vcpu, struct tvx_paging *paging)
{
	struct tvx_state state;
	int err;

	if (paging->efer & TVX_EFER_LMA || !(paging->cr0 & X86_CR0_PG) ||
	    !(paging->cr4 & X86_CR4_PAE))
		return 0;
	err = tvx_vcpu_get_state(vcpu, &state, TVX_STATE_CONTROL);
	if (err)
		return err;
	memcpy(paging->pdpte, state.pdpte, sizeof(state.pdpte));
	paging->pdptes_valid = true;
	return 0;
}

/* Whole segments: with selectors, and in 64-bit mode too. */
static int ask_for_segments(struct tvx_vcpu *vcpu, struct tvx_cpu *cpu)
{
	struct tvx_state state;
	int err = tvx_vcpu_get_state(vcpu, &state, TVX_STATE_SEGMENTS);

	if (!err)
		memcpy(cpu->seg, state.seg, sizeof(cpu->seg));
	return err;
}

static void store_cpu(struct tvx_vcpu *vcpu, const struct tvx_cpu *cpu)
{
	__u64 gpr[TVX_NR_GPRS];
	unsigned int i;

	load_gprs(vcpu, gpr);
	for (i = 0; i < TVX_NR_GPRS; i++)
		if (cpu->gpr[i] != gpr[i])
			tvx_set_gpr(vcpu, i, cpu->gpr[i]);
	if (cpu->rip != tvx_get_rip(vcpu))
		tvx_set_rip(vcpu, cpu->rip);
	if (cpu->rflags != tvx_get_rflags(vcpu))
		tvx_set_rflags(vcpu, cpu->rflags);
}

/* The trap that single-stepping owes after an instruction that was finished here. */
static int inject_single_step(struct tvx_vcpu *vcpu)
{
	struct tvx_state state;
	int err = tvx_vcpu_get_state(vcpu, &state, TVX_STATE_DEBUG);

	if (err)
		return err;
	state.dr6 |= DR6_BS;
	err = tvx_vcpu_set_state(vcpu, &state);
	return err ?: tvx_inject_exception(vcpu, VECTOR_DB);
}

static int inject_fault(struct tvx_vcpu *vcpu, const struct tvx_result *res)
{
	struct tvx_state state;
	int err;

	if (res->vector == VECTOR_PF) {
		err = tvx_vcpu_get_state(vcpu, &state, TVX_STATE_CONTROL);
		if (err)
			return err;
		state.cr2 = res->cr2;
		err = tvx_vcpu_set_state(vcpu, &state);
		if (err)
			return err;
	}
	return res->has_error ?
		tvx_inject_exception_error(vcpu, res->vector, res->error_code) :
		tvx_inject_exception(vcpu, res->vector);
}

static int finish(struct tvx_vcpu *vcpu, const struct tvx_cpu *cpu, const struct tvx_result *res)
{
	switch (res->kind) {
	case TVX_INSN_DONE:
	case TVX_INSN_MORE:
		store_cpu(vcpu, cpu);
		return res->single_step ? inject_single_step(vcpu) : 0;
	case TVX_INSN_FAULT:
		store_cpu(vcpu, cpu);
		return inject_fault(vcpu, res);
	case TVX_INSN_UNSUPPORTED:
		break;
	}
	snprintf(vcpu->error, sizeof(vcpu->error), "%s", res->why);
	return -EOPNOTSUPP;
}

static int no_state(struct tvx_vcpu *vcpu, int err)
{
	snprintf(vcpu->error, sizeof(vcpu->error), "registers cannot be read: %s",
		 strerror(-err));
	return err;
}

/* The base of FS or GS in 64-bit mode, or a selector to store. */
static bool needs_more(const struct tvx_run_ctx *ctx, const struct tvx_insn *insn)
{
	return (!ctx->seg_valid && insn->seg >= TVX_FS) || insn->op == TVX_OP_MOV_SREG;
}

int tvx_emulate_mmio(struct tvx_vcpu *vcpu, const struct tvx_mmio_ops *mmio)
{
	const struct tvx_mem_ops mem = { mem_host, vcpu->vm };
	struct tvx_memo *memo = tvx_memo_enter(vcpu);
	struct tvx_result res;
	struct tvx_insn insn;
	struct tvx_cpu cpu;
	struct tvx_exec x;
	uint64_t rip;
	int err;

	load_cpu(vcpu, memo, &cpu);
	rip = cpu.rip;
	err = load_pdptes(vcpu, &cpu.paging);
	if (err)
		return no_state(vcpu, err);
	tvx_exec_init(&x, &cpu, &mem, mmio, &res);
	if (tvx_exec_fetch(&x, &insn) == TVX_INSN_DONE) {
		if (needs_more(&vcpu->run->out.ctx, &insn))
			err = ask_for_segments(vcpu, &cpu);
		if (err)
			return no_state(vcpu, err);
		if (tvx_exec_insn(&x, &insn) == TVX_INSN_DONE && memo)
			tvx_plain_remember(memo, &x, rip, &insn);
	}
	return finish(vcpu, &cpu, &res);
}

/* Elements of INS and OUTS in one call, to bound its time. */
#define STRING_BATCH	4096

static int handle_string(struct tvx_vcpu *vcpu, const struct tvx_port_ops *ports,
			 const struct tvx_mmio_ops *mmio)
{
	const struct tvx_run_out *out = &vcpu->run->out;
	const struct tvx_mem_ops mem = { mem_host, vcpu->vm };
	const struct tvx_string_io io = {
		.in = out->io.flags & TVX_IO_IN,
		.rep = out->io.flags & TVX_IO_REP,
		.size = out->io.width,
		.addrsize = out->io.addr_width,
		.seg = out->io.sreg,
		.length = out->insn_len,
		.port = out->io.port,
		.limit = STRING_BATCH,
	};
	struct tvx_result res;
	struct tvx_cpu cpu;
	int err;

	load_cpu(vcpu, tvx_memo_enter(vcpu), &cpu);
	err = load_pdptes(vcpu, &cpu.paging);
	if (!err && !out->ctx.seg_valid && io.seg >= TVX_FS)
		err = ask_for_segments(vcpu, &cpu);
	if (err)
		return no_state(vcpu, err);
	tvx_string_io(&cpu, &io, &mem, mmio, ports, &res);
	return finish(vcpu, &cpu, &res);
}

int tvx_handle_io(struct tvx_vcpu *vcpu, const struct tvx_port_ops *ports,
		  const struct tvx_mmio_ops *mmio)
{
	const struct tvx_run_out *out = &vcpu->run->out;
	struct tvx_run_in *in = &vcpu->run->in;

	if (out->io.flags & TVX_IO_STRING)
		return handle_string(vcpu, ports, mmio);
	if (out->io.flags & TVX_IO_IN)
		tvx_io_in_value(vcpu, ports->in(ports->ctx, out->io.port, out->io.width));
	else
		ports->out(ports->ctx, out->io.port, out->io.width, out->io.value);
	in->rip = out->next_rip;
	in->dirty |= TVX_DIRTY_RIP;
	return out->rflags & X86_EFLAGS_TF ? inject_single_step(vcpu) : 0;
}

int tvx_translate_gva(struct tvx_vcpu *vcpu, uint64_t gva, uint32_t access, uint64_t *gpa)
{
	const struct tvx_mem_ops mem = { mem_host, vcpu->vm };
	struct tvx_paging paging = { 0 };
	struct tvx_state state;
	uint32_t pf_error;
	int err = tvx_vcpu_get_state(vcpu, &state, TVX_STATE_CONTROL);

	if (err)
		return err;
	paging.cr0 = state.cr0;
	paging.cr3 = state.cr3;
	paging.cr4 = state.cr4;
	paging.efer = state.efer;
	memcpy(paging.pdpte, state.pdpte, sizeof(paging.pdpte));
	paging.pdptes_valid = true;
	paging.maxphyaddr = vcpu->vm->info.gpa_bits;
	/* TVX_MEM_READ, WRITE and FETCH are the walker's own bits. */
	switch (tvx_translate(&paging, &mem, gva, access & 7, gpa, &pf_error)) {
	case TVX_XLATE_OK:
		return 0;
	case TVX_XLATE_NOT_MEMORY:
		return -ENXIO;
	default:
		return -EFAULT;
	}
}
