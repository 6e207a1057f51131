// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finishing the guest's instruction behind an MMIO or I/O exit: from the run
 * page into the executor's CPU, and back.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <asm/processor-flags.h>

#include "decode.h"
#include "internal.h"

#define DR6_BS		(1ULL << 14)
#define VECTOR_DB	1
#define VECTOR_PF	14

static void *mem_host(void *ctx, uint64_t gpa, size_t len, bool write)
{
	const struct tvx_vm *vm = ctx;

	return write && tvx_vm_readonly(vm, gpa) ? NULL : tvx_vm_host(vm, gpa, len);
}

/* What the run page tells: enough for most 64-bit instructions, and for no system call. */
static void load_cpu(struct tvx_vcpu *vcpu, struct tvx_cpu *cpu)
{
	const struct tvx_run_ctx *ctx = &vcpu->run->out.ctx;
	unsigned int i;

	memset(cpu, 0, sizeof(*cpu));
	for (i = 0; i < TVX_NR_GPRS; i++)
		cpu->gpr[i] = tvx_get_gpr(vcpu, i);
	cpu->rip = tvx_get_rip(vcpu);
	cpu->rflags = tvx_get_rflags(vcpu);
	cpu->seg[TVX_CS].base = ctx->cs_base;
	cpu->seg[TVX_CS].ar = ctx->cs_ar;
	cpu->paging = (struct tvx_paging){
		.cr0 = ctx->cr0,
		.cr3 = ctx->cr3,
		.cr4 = ctx->cr4,
		.efer = ctx->efer,
		.cpl = (ctx->ss_ar >> 5) & 3,
		.maxphyaddr = vcpu->vm->info.gpa_bits,
		.set_ad = true,
	};
}

/* Segments and PDPTEs too, by a system call. */
static int load_segments(struct tvx_vcpu *vcpu, struct tvx_cpu *cpu)
{
	struct tvx_state state;
	int err = tvx_vcpu_get_state(vcpu, &state, TVX_STATE_SEGMENTS | TVX_STATE_CONTROL);

	if (err)
		return err;
	memcpy(cpu->seg, state.seg, sizeof(cpu->seg));
	memcpy(cpu->paging.pdpte, state.pdpte, sizeof(state.pdpte));
	cpu->paging.pdptes_valid = true;
	return 0;
}

static void store_cpu(struct tvx_vcpu *vcpu, const struct tvx_cpu *cpu)
{
	unsigned int i;

	for (i = 0; i < TVX_NR_GPRS; i++)
		if (cpu->gpr[i] != tvx_get_gpr(vcpu, i))
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

static int no_segments(struct tvx_vcpu *vcpu, int err)
{
	snprintf(vcpu->error, sizeof(vcpu->error), "segments cannot be read: %s", strerror(-err));
	return err;
}

/* In 64-bit mode, does the instruction need the base of FS or GS? */
static bool uses_fs_gs(const struct tvx_cpu *cpu, const struct tvx_mem_ops *mem)
{
	uint8_t bytes[TVX_INSN_MAX];
	struct tvx_insn insn;
	uint32_t pf_error;
	size_t n = 0;

	/* What cannot be fetched ends the instruction; the executor finds out as well. */
	tvx_guest_read(&cpu->paging, mem, cpu->rip, bytes, sizeof(bytes), TVX_ACC_FETCH, &n,
		       &pf_error);
	return tvx_insn_decode(bytes, n, 64, &insn) == TVX_DECODE_OK &&
	       (insn.seg == TVX_FS || insn.seg == TVX_GS);
}

int tvx_handle_mmio(struct tvx_vcpu *vcpu, const struct tvx_mmio_ops *mmio)
{
	const struct tvx_mem_ops mem = { mem_host, vcpu->vm };
	struct tvx_result res;
	struct tvx_cpu cpu;
	int err;

	load_cpu(vcpu, &cpu);
	if (tvx_cpu_mode(&cpu) != 64 || uses_fs_gs(&cpu, &mem)) {
		err = load_segments(vcpu, &cpu);
		if (err)
			return no_segments(vcpu, err);
	}
	tvx_insn_emulate(&cpu, &mem, mmio, &res);
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

	load_cpu(vcpu, &cpu);
	err = load_segments(vcpu, &cpu);
	if (err)
		return no_segments(vcpu, err);
	tvx_string_io(&cpu, &io, &mem, mmio, ports, &res);
	return finish(vcpu, &cpu, &res);
}

int tvx_handle_io(struct tvx_vcpu *vcpu, const struct tvx_port_ops *ports,
		  const struct tvx_mmio_ops *mmio)
{
	const struct tvx_run_out *out = &vcpu->run->out;

	if (out->io.flags & TVX_IO_STRING)
		return handle_string(vcpu, ports, mmio);
	if (out->io.flags & TVX_IO_IN)
		tvx_io_in_value(vcpu, ports->in(ports->ctx, out->io.port, out->io.width));
	else
		ports->out(ports->ctx, out->io.port, out->io.width, out->io.value);
	tvx_skip_insn(vcpu);
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
