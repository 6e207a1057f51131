// SPDX-License-Identifier: GPL-2.0-only
/* One line for each exit that user space sees. */
#include <errno.h>
#include <string.h>

#include "machine.h"

static void describe_io(const struct tvx_run_out *out, char *buf, size_t size)
{
	const char *dir = out->io.flags & TVX_IO_IN ? "in" : "out";

	if (out->io.flags & TVX_IO_STRING)
		snprintf(buf, size, "%s%ss port=%#x width=%u count=%llu gla=%#llx",
			 out->io.flags & TVX_IO_REP ? "rep " : "", dir, out->io.port,
			 out->io.width, (unsigned long long)out->io.count,
			 (unsigned long long)out->io.gla);
	else if (out->io.flags & TVX_IO_IN)
		snprintf(buf, size, "in port=%#x width=%u", out->io.port, out->io.width);
	else
		snprintf(buf, size, "out port=%#x width=%u value=%#llx", out->io.port,
			 out->io.width, (unsigned long long)out->io.value);
}

static void describe_access(uint32_t flags, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s%s%s", flags & TVX_MEM_READ ? " read" : "",
		 flags & TVX_MEM_WRITE ? " write" : "", flags & TVX_MEM_FETCH ? " fetch" : "",
		 flags & TVX_MEM_PAGE_WALK ? " page-walk" : "",
		 flags & TVX_MEM_READONLY ? " read-only" : "");
}

static void describe_event(const struct tvx_event *event, char *buf, size_t size)
{
	int n = snprintf(buf, size, "vector=%u %s", event->vector,
			 event->type == TVX_EVENT_INTR ? "" : tvx_exception_name(event->vector));

	if ((event->flags & TVX_EVENT_ERROR_CODE) && n > 0 && (size_t)n < size)
		snprintf(buf + n, size - n, " error_code=%#x", event->error_code);
}

_Static_assert(TVX_NR_EXITS == 25, "the fields of each exit that has some are described");

void describe_exit(const struct tvx_run_out *out, char *buf, size_t size)
{
	char access[64], event[64];

	buf[0] = '\0';
	switch (out->exit) {
	case TVX_EXIT_IO:
		describe_io(out, buf, size);
		break;
	case TVX_EXIT_MMIO:
		describe_access(out->mmio.flags, access, sizeof(access));
		snprintf(buf, size, "gpa=%#llx gla=%#llx%s", (unsigned long long)out->mmio.gpa,
			 (unsigned long long)out->mmio.gla, access);
		break;
	case TVX_EXIT_MEMORY_FAULT:
		describe_access(out->fault.flags, access, sizeof(access));
		snprintf(buf, size, "gpa=%#llx hva=%#llx%s error=%d (%s)",
			 (unsigned long long)out->fault.gpa, (unsigned long long)out->fault.hva,
			 access, out->fault.error, strerror(out->fault.error));
		break;
	case TVX_EXIT_RDMSR:
		snprintf(buf, size, "msr=%#x", out->msr.index);
		break;
	case TVX_EXIT_WRMSR:
		snprintf(buf, size, "msr=%#x value=%#llx", out->msr.index,
			 (unsigned long long)out->msr.value);
		break;
	case TVX_EXIT_EXCEPTION:
		describe_event(&out->exception.event, event, sizeof(event));
		snprintf(buf, size, "%s address=%#llx", event,
			 (unsigned long long)out->exception.address);
		break;
	case TVX_EXIT_TASK_SWITCH:
		snprintf(buf, size, "selector=%#x source=%u", out->task.selector,
			 out->task.source);
		break;
	case TVX_EXIT_EOI:
		snprintf(buf, size, "vector=%u", out->eoi.vector);
		break;
	case TVX_EXIT_CR3:
		snprintf(buf, size, "value=%#llx", (unsigned long long)out->cr3.value);
		break;
	case TVX_EXIT_FAIL_ENTRY:
		snprintf(buf, size, "reason=%u instruction_error=%u", out->fail.reason,
			 out->fail.insn_error);
		break;
	default:
		break;
	}
}

int trace_open(struct machine *m, const char *path)
{
	m->trace = path ? fopen(path, "we") : stderr;
	if (!m->trace)
		return -errno;
	/* Whole lines, in order with what else goes to the same file. */
	setvbuf(m->trace, NULL, _IOLBF, 0);
	return 0;
}

void trace_close(struct machine *m)
{
	if (m->trace && m->trace != stderr)
		fclose(m->trace);
	m->trace = NULL;
}

static void trace_reg(FILE *f, const char *name, uint64_t *before, uint64_t now)
{
	if (*before != now)
		fprintf(f, " %s=%#llx", name, (unsigned long long)now);
	*before = now;
}

void trace_exit(struct vcpu *c)
{
	const struct tvx_run_out *out = &c->tvx.run->out;
	FILE *f = c->m->trace;
	char what[160];
	unsigned int i;

	if (!f)
		return;
	describe_exit(out, what, sizeof(what));
	/* Lines of several threads must not mix. */
	flockfile(f);
	fprintf(f, "#%llu ", (unsigned long long)c->nr_exits);
	if (c->m->nr_vcpus > 1)
		fprintf(f, "vcpu=%u ", c->tvx.id);
	fprintf(f, "%s rip=%#llx%s%s |", tvx_exit_name(out->exit), (unsigned long long)out->rip,
		*what ? " " : "", what);
	for (i = 0; i < TVX_NR_GPRS; i++)
		trace_reg(f, tvx_gpr_name(i), &c->traced.gpr[i], out->gpr[i]);
	trace_reg(f, "rflags", &c->traced.rflags, out->rflags);
	putc('\n', f);
	funlockfile(f);
}
