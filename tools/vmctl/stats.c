// SPDX-License-Identifier: GPL-2.0-only
/* Numbers at the end: a table for people, an object for machines. */
#include <string.h>

#include "json.h"
#include "machine.h"

static unsigned int nr_reasons(const struct tvx_stats *s)
{
	return s->nr < TVX_NR_EXIT_REASONS ? s->nr : TVX_NR_EXIT_REASONS;
}

static void print_reasons(const struct tvx_stats *s, FILE *f)
{
	unsigned long long count, cycles, all = 0, all_cycles = 0;
	unsigned int i;

	fprintf(f, "%-24s %12s %16s %12s\n", "exits of the hardware", "count", "cycles",
		"cycles each");
	for (i = 0; i < nr_reasons(s); i++) {
		count = s->reason[i].count;
		cycles = s->reason[i].cycles;
		if (!count)
			continue;
		fprintf(f, "%3u %-20s %12llu %16llu %12llu\n", i, tvx_hw_exit_name(i), count,
			cycles, cycles / count);
		all += count;
		all_cycles += cycles;
	}
	fprintf(f, "%-24s %12llu %16llu %12llu\n", "all", all, all_cycles,
		all ? all_cycles / all : 0);
}

void print_stats(struct machine *m, FILE *f)
{
	struct tvx_stats s;
	int err = tvx_vcpu_get_stats(&m->vcpu, &s);
	unsigned int i;

	if (err) {
		fprintf(f, "vmctl: no statistics: %s\n", strerror(-err));
		return;
	}
	print_reasons(&s, f);
	fprintf(f, "\n%-24s %12s\n", "exits to user space", "count");
	for (i = 0; i < TVX_NR_EXITS; i++)
		if (m->exits[i])
			fprintf(f, "    %-20s %12llu\n", tvx_exit_name(i),
				(unsigned long long)m->exits[i]);
	fprintf(f, "%-24s %12llu\n", "all", (unsigned long long)m->nr_exits);
	fprintf(f, "\nruns %llu, migrations %llu, events injected %llu, cycles in the guest %llu\n",
		(unsigned long long)s.runs, (unsigned long long)s.migrations,
		(unsigned long long)s.injected, (unsigned long long)s.guest_cycles);
}

static void json_exits(struct machine *m, FILE *f)
{
	const char *comma = "";
	unsigned int i;

	fputs(",\"exits\":{", f);
	for (i = 0; i < TVX_NR_EXITS; i++) {
		if (!m->exits[i])
			continue;
		fprintf(f, "%s\"%s\":%llu", comma, tvx_exit_name(i),
			(unsigned long long)m->exits[i]);
		comma = ",";
	}
	putc('}', f);
}

static void json_hardware(struct machine *m, FILE *f)
{
	const char *comma = "";
	struct tvx_stats s;
	unsigned int i;

	if (tvx_vcpu_get_stats(&m->vcpu, &s))
		return;
	fprintf(f, ",\"runs\":%llu,\"guest_cycles\":%llu,\"hardware_exits\":[",
		(unsigned long long)s.runs, (unsigned long long)s.guest_cycles);
	for (i = 0; i < nr_reasons(&s); i++) {
		if (!s.reason[i].count)
			continue;
		fprintf(f, "%s{\"reason\":%u,\"name\":\"%s\",\"count\":%llu,\"cycles\":%llu}", comma,
			i, tvx_hw_exit_name(i), (unsigned long long)s.reason[i].count,
			(unsigned long long)s.reason[i].cycles);
		comma = ",";
	}
	putc(']', f);
}

/* As strings: a JSON number is not sure to hold 64 bits. */
static void json_registers(struct machine *m, FILE *f)
{
	const struct tvx_run_out *out = &m->vcpu.run->out;
	unsigned int i;

	fprintf(f, ",\"registers\":{\"rip\":\"%#llx\",\"rflags\":\"%#llx\"",
		(unsigned long long)out->rip, (unsigned long long)out->rflags);
	for (i = 0; i < TVX_NR_GPRS; i++)
		fprintf(f, ",\"%s\":\"%#llx\"", tvx_gpr_name(i), (unsigned long long)out->gpr[i]);
	putc('}', f);
}

void print_json(struct machine *m, FILE *f)
{
	fprintf(f, "{\"status\":%d,\"by\":\"%s\",\"reason\":\"%s\",\"why\":", m->end.status,
		m->end.by_guest ? "guest" : "vmctl", m->end.reason);
	json_string(f, m->end.why);
	json_exits(m, f);
	if (m->ran) {
		json_hardware(m, f);
		json_registers(m, f);
	}
	fputs("}\n", f);
}
