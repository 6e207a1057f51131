// SPDX-License-Identifier: GPL-2.0-only
/* What vmctl does at an exit: one row of a table for each. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include <asm/processor-flags.h>

#include "machine.h"

#define APIC_PAGE	0xfee00000ULL
#define APIC_PAGE_SIZE	0x1000
#define X86_TRAP_GP	13

/* What an access has led to is found out before others see the devices. */
static void check_devices(struct vcpu *c)
{
	struct machine *m = c->m;
	struct devices *d = &m->devices;
	int err = m->console.out_error;

	switch (d->end) {
	case DEVICES_GO_ON:
		break;
	case DEVICES_EXIT:
		guest_end(c, d->exit_value, "exit", "the guest ended with status %u",
			  d->exit_value);
		break;
	case DEVICES_POWEROFF:
		guest_end(c, ST_OK, "poweroff", "the guest switched itself off");
		break;
	case DEVICES_RESET:
		vcpu_end(c, ST_RESET, "reset", "the guest asked for a reset (%s)", d->what);
		break;
	case DEVICES_STRICT:
		vcpu_end(c, ST_STRICT, "strict", "%s (--strict makes this an error)", d->what);
		break;
	}
	if (err == EPIPE)
		machine_end(m, ST_SIGNAL + SIGPIPE, "pipe", "standard output was closed");
	else if (err)
		machine_end_errno(m, "standard output", -err);
}

static struct devices *lock_devices(struct vcpu *c)
{
	pthread_mutex_lock(&c->m->lock);
	return &c->m->devices;
}

static void unlock_devices(struct vcpu *c)
{
	check_devices(c);
	pthread_mutex_unlock(&c->m->lock);
}

static uint32_t port_in(void *ctx, uint16_t port, unsigned int len)
{
	uint32_t value = devices_in(lock_devices(ctx), port, len);

	unlock_devices(ctx);
	return value;
}

static void port_out(void *ctx, uint16_t port, unsigned int len, uint32_t value)
{
	devices_out(lock_devices(ctx), port, len, value);
	unlock_devices(ctx);
}

/* Hardly a guest moves it: only then it is worth a call to ask where it is. */
static uint64_t apic_page(struct vcpu *c)
{
	const struct tvx_run_out *out = &c->tvx.run->out;
	struct tvx_apic apic;

	if (out->exit != TVX_EXIT_MMIO || !(out->mmio.flags & TVX_MEM_APIC_MOVED) ||
	    tvx_vcpu_get_apic(&c->tvx, &apic))
		return APIC_PAGE;
	return apic.base & ~(uint64_t)(APIC_PAGE_SIZE - 1);
}

static bool is_apic(struct vcpu *c, uint64_t gpa)
{
	return c->m->opt->pc && gpa - apic_page(c) < APIC_PAGE_SIZE;
}

/*
 * Each vCPU sees its own local APIC in its page, unless it is off or in x2APIC mode. Registers
 * have 32 bits: parts of them can be read, all else is not for guests to try.
 */
static uint64_t mmio_read(void *ctx, uint64_t gpa, unsigned int len)
{
	struct vcpu *c = ctx;
	uint32_t reg;
	uint64_t value;

	if (is_apic(c, gpa) && !tvx_vcpu_apic_read(&c->tvx, gpa % APIC_PAGE_SIZE & ~3, &reg))
		return reg >> 8 * (gpa & 3);
	value = devices_read(lock_devices(c), gpa, len);
	unlock_devices(c);
	return value;
}

static void mmio_write(void *ctx, uint64_t gpa, unsigned int len, uint64_t value)
{
	struct vcpu *c = ctx;

	if (is_apic(c, gpa) && len == 4 &&
	    !tvx_vcpu_apic_write(&c->tvx, gpa % APIC_PAGE_SIZE, value))
		return;
	devices_write(lock_devices(c), gpa, len, value);
	unlock_devices(c);
}

/* -EOPNOTSUPP is the guest's doing, all else the system's. */
static void check_finished(struct vcpu *c, int err)
{
	if (err == -EOPNOTSUPP)
		vcpu_end(c, ST_BAD_INSN, "bad-instruction",
			 "an instruction cannot be carried out: %s", c->tvx.error);
	else if (err)
		machine_end_errno(c->m, "finishing an instruction of the guest", err);
}

static void on_io(struct vcpu *c, const struct tvx_run_out *out)
{
	const struct tvx_port_ops ports = { port_in, port_out, c };
	const struct tvx_mmio_ops mmio = { mmio_read, mmio_write, c };

	(void)out;
	check_finished(c, tvx_handle_io(&c->tvx, &ports, &mmio));
}

static void on_mmio(struct vcpu *c, const struct tvx_run_out *out)
{
	const struct tvx_mmio_ops mmio = { mmio_read, mmio_write, c };
	unsigned long long gpa = out->mmio.gpa;

	if (out->mmio.flags & TVX_MEM_FETCH)
		vcpu_end(c, ST_MEMORY_FAULT, "memory-fault",
			 "the guest executes at physical address %#llx, where there is no memory",
			 gpa);
	else if (out->mmio.flags & TVX_MEM_PAGE_WALK)
		vcpu_end(c, ST_MEMORY_FAULT, "memory-fault",
			 "the guest's page tables lead to physical address %#llx, where there is no memory",
			 gpa);
	else
		check_finished(c, tvx_handle_mmio(&c->tvx, &mmio));
}

static void on_memory_fault(struct vcpu *c, const struct tvx_run_out *out)
{
	vcpu_end(c, ST_MEMORY_FAULT, "memory-fault",
		 "the host has no memory for guest-physical address %#llx: %s",
		 (unsigned long long)out->fault.gpa, strerror(out->fault.error));
}

/*
 * Nothing can wake a vCPU of a plain machine, where no device raises interrupts. In a PC
 * the next RUN sleeps: only one that has no other to wake it, and takes no interrupts,
 * is at its end.
 */
static void on_hlt(struct vcpu *c, const struct tvx_run_out *out)
{
	if (out->flags & (TVX_OUT_PENDING_EXC | TVX_OUT_PENDING_NMI | TVX_OUT_PENDING_INTR))
		return;
	if (!c->m->opt->pc || (c->m->nr_vcpus == 1 && !(out->rflags & X86_EFLAGS_IF)))
		guest_end(c, ST_OK, "halted", "guest halted");
}

static void on_eoi(struct vcpu *c, const struct tvx_run_out *out)
{
	devices_eoi(lock_devices(c), out->eoi.vector);
	unlock_devices(c);
}

/* Of a local APIC, which a plain machine has not. */
static void on_msr(struct vcpu *c, const struct tvx_run_out *out)
{
	(void)out;
	devices_no_apic(lock_devices(c));
	unlock_devices(c);
	tvx_inject_exception_error(&c->tvx, X86_TRAP_GP, 0);
}

/* All that there may be to do is looked for before every RUN. */
static void on_nothing(struct vcpu *c, const struct tvx_run_out *out)
{
	(void)c;
	(void)out;
}

static void on_shutdown(struct vcpu *c, const struct tvx_run_out *out)
{
	(void)out;
	vcpu_end(c, ST_SHUTDOWN, "shutdown", "the guest shut down: a triple fault");
}

static void on_fail_entry(struct vcpu *c, const struct tvx_run_out *out)
{
	static const char *const why[] = {
		[TVX_FAIL_GUEST_STATE]	= "the processor refuses the guest's state",
		[TVX_FAIL_NO_REAL_MODE]	= "real mode needs unrestricted guest, which this CPU has not",
		[TVX_FAIL_MSR_LOADING]	= "the processor cannot load the guest's MSRs",
		[TVX_FAIL_CONTROLS]	= "the processor refuses the controls (a bug of the module)",
	};
	uint32_t r = out->fail.reason;

	vcpu_end(c, ST_FAIL_ENTRY, "fail-entry", "the guest cannot be entered: %s",
		 r < sizeof(why) / sizeof(why[0]) && why[r] ? why[r] : "unknown reason");
}

static void on_task_switch(struct vcpu *c, const struct tvx_run_out *out)
{
	vcpu_end(c, ST_BAD_INSN, "bad-instruction",
		 "the guest switches to task %#x: hardware tasks are not carried out",
		 out->task.selector);
}

static void on_unknown(struct vcpu *c, const struct tvx_run_out *out)
{
	char what[160];

	describe_exit(out, what, sizeof(what));
	vcpu_end(c, ST_UNKNOWN_EXIT, "unknown-exit",
		 "an exit that vmctl does not handle: %s %s (hardware reason %#x %s, qualification %#llx)",
		 tvx_exit_name(out->exit), what, out->hw_reason,
		 tvx_hw_exit_name(out->hw_reason & 0xffff), (unsigned long long)out->hw_qual);
}

/* What is not here is on_unknown: vmctl sets no policy that asks for it (machine.c). */
static void (*const handlers[TVX_NR_EXITS])(struct vcpu *c, const struct tvx_run_out *out) = {
	[TVX_EXIT_INTERRUPTED]	= on_nothing,
	[TVX_EXIT_IO]		= on_io,
	[TVX_EXIT_MMIO]		= on_mmio,
	[TVX_EXIT_MEMORY_FAULT]	= on_memory_fault,
	[TVX_EXIT_HLT]		= on_hlt,
	[TVX_EXIT_RDMSR]	= on_msr,
	[TVX_EXIT_WRMSR]	= on_msr,
	[TVX_EXIT_INTR_WINDOW]	= on_nothing,
	[TVX_EXIT_SHUTDOWN]	= on_shutdown,
	[TVX_EXIT_TASK_SWITCH]	= on_task_switch,
	[TVX_EXIT_FAIL_ENTRY]	= on_fail_entry,
	[TVX_EXIT_EOI]		= on_eoi,
};
_Static_assert(TVX_NR_EXITS == 25, "each exit is in the table, or on_unknown() will do");

void handle_exit(struct vcpu *c)
{
	const struct tvx_run_out *out = &c->tvx.run->out;
	uint32_t exit = out->exit < TVX_NR_EXITS ? out->exit : TVX_EXIT_UNKNOWN;

	c->ran = true;
	c->exits[exit]++;
	c->nr_exits++;
	trace_exit(c);
	if (handlers[exit])
		handlers[exit](c, out);
	else
		on_unknown(c, out);
}
