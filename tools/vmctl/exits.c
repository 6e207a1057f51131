// SPDX-License-Identifier: GPL-2.0-only
/* The run loop: one row of a table for each exit. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "decode.h"
#include "machine.h"
#include "stop.h"

static uint32_t port_in(void *ctx, uint16_t port, unsigned int len)
{
	return devices_in(ctx, port, len);
}

static void port_out(void *ctx, uint16_t port, unsigned int len, uint32_t value)
{
	devices_out(ctx, port, len, value);
}

static uint64_t mmio_read(void *ctx, uint64_t gpa, unsigned int len)
{
	return devices_read(ctx, gpa, len);
}

static void mmio_write(void *ctx, uint64_t gpa, unsigned int len, uint64_t value)
{
	devices_write(ctx, gpa, len, value);
}

/* -EOPNOTSUPP is the guest's doing, all else the system's. */
static void check_finished(struct machine *m, int err)
{
	if (err == -EOPNOTSUPP)
		machine_end(m, ST_BAD_INSN, "bad-instruction",
			    "an instruction cannot be carried out: %s", m->vcpu.error);
	else if (err)
		machine_end_errno(m, "finishing an instruction of the guest", err);
}

static void on_io(struct machine *m, const struct tvx_run_out *out)
{
	const struct tvx_port_ops ports = { port_in, port_out, &m->devices };
	const struct tvx_mmio_ops mmio = { mmio_read, mmio_write, &m->devices };

	(void)out;
	check_finished(m, tvx_handle_io(&m->vcpu, &ports, &mmio));
}

static void on_mmio(struct machine *m, const struct tvx_run_out *out)
{
	const struct tvx_mmio_ops mmio = { mmio_read, mmio_write, &m->devices };
	unsigned long long gpa = out->mmio.gpa;

	if (out->mmio.flags & TVX_MEM_FETCH)
		machine_end(m, ST_MEMORY_FAULT, "memory-fault",
			    "the guest executes at physical address %#llx, where there is no memory",
			    gpa);
	else if (out->mmio.flags & TVX_MEM_PAGE_WALK)
		machine_end(m, ST_MEMORY_FAULT, "memory-fault",
			    "the guest's page tables lead to physical address %#llx, where there is no memory",
			    gpa);
	else
		check_finished(m, tvx_handle_mmio(&m->vcpu, &mmio));
}

static void on_memory_fault(struct machine *m, const struct tvx_run_out *out)
{
	machine_end(m, ST_MEMORY_FAULT, "memory-fault",
		    "the host has no memory for guest-physical address %#llx: %s",
		    (unsigned long long)out->fault.gpa, strerror(out->fault.error));
}

static void on_hlt(struct machine *m, const struct tvx_run_out *out)
{
	if (out->flags & (TVX_OUT_PENDING_EXC | TVX_OUT_PENDING_NMI | TVX_OUT_PENDING_INTR))
		return;
	/* No device raises interrupts, so nothing can wake it. */
	machine_end(m, ST_OK, "halted", "guest halted");
	m->end.by_guest = true;
}

/* stop_reason() is looked at after every exit. */
static void on_interrupted(struct machine *m, const struct tvx_run_out *out)
{
	(void)m;
	(void)out;
}

static void on_shutdown(struct machine *m, const struct tvx_run_out *out)
{
	(void)out;
	machine_end(m, ST_SHUTDOWN, "shutdown", "the guest shut down: a triple fault");
}

static void on_fail_entry(struct machine *m, const struct tvx_run_out *out)
{
	static const char *const why[] = {
		[TVX_FAIL_GUEST_STATE]	= "the processor refuses the guest's state",
		[TVX_FAIL_NO_REAL_MODE]	= "real mode needs unrestricted guest, which this CPU has not",
		[TVX_FAIL_MSR_LOADING]	= "the processor cannot load the guest's MSRs",
		[TVX_FAIL_CONTROLS]	= "the processor refuses the controls (a bug of the module)",
	};
	uint32_t r = out->fail.reason;

	machine_end(m, ST_FAIL_ENTRY, "fail-entry", "the guest cannot be entered: %s",
		    r < sizeof(why) / sizeof(why[0]) && why[r] ? why[r] : "unknown reason");
}

static void on_task_switch(struct machine *m, const struct tvx_run_out *out)
{
	machine_end(m, ST_BAD_INSN, "bad-instruction",
		    "the guest switches to task %#x: hardware tasks are not carried out",
		    out->task.selector);
}

static void on_unknown(struct machine *m, const struct tvx_run_out *out)
{
	char what[160];

	describe_exit(out, what, sizeof(what));
	machine_end(m, ST_UNKNOWN_EXIT, "unknown-exit",
		    "an exit that vmctl does not handle: %s %s (hardware reason %#x %s, qualification %#llx)",
		    tvx_exit_name(out->exit), what, out->hw_reason,
		    tvx_hw_exit_name(out->hw_reason & 0xffff), (unsigned long long)out->hw_qual);
}

/* What is not here is on_unknown: vmctl sets no policy that asks for it. */
static void (*const handlers[TVX_NR_EXITS])(struct machine *m, const struct tvx_run_out *out) = {
	[TVX_EXIT_INTERRUPTED]	= on_interrupted,
	[TVX_EXIT_IO]		= on_io,
	[TVX_EXIT_MMIO]		= on_mmio,
	[TVX_EXIT_MEMORY_FAULT]	= on_memory_fault,
	[TVX_EXIT_HLT]		= on_hlt,
	[TVX_EXIT_SHUTDOWN]	= on_shutdown,
	[TVX_EXIT_TASK_SWITCH]	= on_task_switch,
	[TVX_EXIT_FAIL_ENTRY]	= on_fail_entry,
};

static void handle_exit(struct machine *m)
{
	const struct tvx_run_out *out = &m->vcpu.run->out;
	uint32_t exit = out->exit < TVX_NR_EXITS ? out->exit : TVX_EXIT_UNKNOWN;

	m->ran = true;
	m->exits[exit]++;
	m->nr_exits++;
	trace_exit(&m->trace, m->nr_exits, out);
	if (handlers[exit])
		handlers[exit](m, out);
	else
		on_unknown(m, out);
}

static void check_devices(struct machine *m)
{
	struct devices *d = &m->devices;

	switch (d->end) {
	case DEVICES_GO_ON:
		break;
	case DEVICES_EXIT:
		machine_end(m, d->exit_value, "exit", "the guest ended with status %u",
			    d->exit_value);
		m->end.by_guest = true;
		break;
	case DEVICES_RESET:
		machine_end(m, ST_RESET, "reset", "the guest asked for a reset (%s)", d->what);
		break;
	case DEVICES_STRICT:
		machine_end(m, ST_STRICT, "strict", "%s (--strict makes this an error)", d->what);
		break;
	}
}

static void check_outside(struct machine *m)
{
	int sig = stop_reason(), err = m->console.out_error;

	if (err == EPIPE)
		machine_end(m, ST_SIGNAL + SIGPIPE, "pipe", "standard output was closed");
	else if (err)
		machine_end_errno(m, "standard output", -err);
	if (sig == SIGALRM)
		machine_end(m, ST_TIMEOUT, "timeout", "the guest still ran after %llu.%03llu seconds",
			    (unsigned long long)m->opt->timeout_ms / 1000,
			    (unsigned long long)m->opt->timeout_ms % 1000);
	else if (sig)
		machine_end(m, ST_SIGNAL + sig, "signal", "ended by signal %d (%s)", sig,
			    strsignal(sig));
}

void machine_run(struct machine *m)
{
	int err = stop_watch(&m->vcpu, m->opt->timeout_ms);

	if (err)
		machine_end_errno(m, "setting the time limit", err);
	while (!m->ended) {
		err = tvx_vcpu_run(&m->vcpu);
		if (err && err != -EINTR) {
			machine_end_errno(m, "running the vCPU", err);
			break;
		}
		handle_exit(m);
		check_devices(m);
		check_outside(m);
	}
}
