// SPDX-License-Identifier: GPL-2.0-only
/* Editing the in-half of the run page: registers and events for the next RUN. */
#include <errno.h>

#include "libtvx.h"

void tvx_set_gpr(struct tvx_vcpu *vcpu, enum tvx_gpr reg, uint64_t value)
{
	vcpu->run->in.gpr[reg] = value;
	vcpu->run->in.dirty |= 1U << reg;
}

void tvx_set_rip(struct tvx_vcpu *vcpu, uint64_t rip)
{
	vcpu->run->in.rip = rip;
	vcpu->run->in.dirty |= TVX_DIRTY_RIP;
}

void tvx_set_rflags(struct tvx_vcpu *vcpu, uint64_t rflags)
{
	vcpu->run->in.rflags = rflags;
	vcpu->run->in.dirty |= TVX_DIRTY_RFLAGS;
}

void tvx_skip_insn(struct tvx_vcpu *vcpu)
{
	tvx_set_rip(vcpu, vcpu->run->out.next_rip);
}

uint64_t tvx_get_gpr(const struct tvx_vcpu *vcpu, enum tvx_gpr reg)
{
	const struct tvx_run *run = vcpu->run;

	return run->in.dirty & (1U << reg) ? run->in.gpr[reg] : run->out.gpr[reg];
}

uint64_t tvx_get_rip(const struct tvx_vcpu *vcpu)
{
	const struct tvx_run *run = vcpu->run;

	return run->in.dirty & TVX_DIRTY_RIP ? run->in.rip : run->out.rip;
}

uint64_t tvx_get_rflags(const struct tvx_vcpu *vcpu)
{
	const struct tvx_run *run = vcpu->run;

	return run->in.dirty & TVX_DIRTY_RFLAGS ? run->in.rflags : run->out.rflags;
}

static int queue_event(struct tvx_vcpu *vcpu, uint8_t type, uint8_t vector)
{
	struct tvx_event *event = &vcpu->run->in.event;

	if (event->flags & TVX_EVENT_VALID)
		return -EBUSY;
	*event = (struct tvx_event){ .flags = TVX_EVENT_VALID, .type = type, .vector = vector };
	return 0;
}

int tvx_inject_exception(struct tvx_vcpu *vcpu, uint8_t vector)
{
	return queue_event(vcpu, TVX_EVENT_EXCEPTION, vector);
}

int tvx_inject_exception_error(struct tvx_vcpu *vcpu, uint8_t vector, uint32_t error_code)
{
	int err = queue_event(vcpu, TVX_EVENT_EXCEPTION, vector);

	if (err)
		return err;
	vcpu->run->in.event.flags |= TVX_EVENT_ERROR_CODE;
	vcpu->run->in.event.error_code = error_code;
	return 0;
}

int tvx_inject_intr(struct tvx_vcpu *vcpu, uint8_t vector)
{
	return queue_event(vcpu, TVX_EVENT_INTR, vector);
}

int tvx_inject_nmi(struct tvx_vcpu *vcpu)
{
	return queue_event(vcpu, TVX_EVENT_NMI, 2);
}

void tvx_io_in_value(struct tvx_vcpu *vcpu, uint32_t value)
{
	uint64_t rax = tvx_get_gpr(vcpu, TVX_RAX);

	switch (vcpu->run->out.io.width) {
	case 1:
		rax = (rax & ~0xffULL) | (value & 0xff);
		break;
	case 2:
		rax = (rax & ~0xffffULL) | (value & 0xffff);
		break;
	default:
		rax = value;
		break;
	}
	tvx_set_gpr(vcpu, TVX_RAX, rax);
}

void tvx_rdmsr_value(struct tvx_vcpu *vcpu, uint64_t value)
{
	tvx_set_gpr(vcpu, TVX_RAX, (uint32_t)value);
	tvx_set_gpr(vcpu, TVX_RDX, value >> 32);
}
