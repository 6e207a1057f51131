// SPDX-License-Identifier: GPL-2.0-only
/* Numbers at the end: a table for people, an object for machines. */
#include <string.h>

#include "json.h"
#include "machine.h"

/* What all vCPUs did together. */
struct sums {
	struct tvx_stats hw;
	uint64_t exits[TVX_NR_EXITS];
	uint64_t nr_exits;
};

static unsigned int nr_reasons(const struct tvx_stats *s)
{
	return s->nr < TVX_NR_EXIT_REASONS ? s->nr : TVX_NR_EXIT_REASONS;
}

static void add_stats(struct tvx_stats *sum, const struct tvx_stats *s)
{
	unsigned int i;

	sum->nr = nr_reasons(s);
	sum->runs += s->runs;
	sum->migrations += s->migrations;
	sum->injected += s->injected;
	sum->guest_cycles += s->guest_cycles;
	for (i = 0; i < nr_reasons(s); i++) {
		sum->reason[i].count += s->reason[i].count;
		sum->reason[i].cycles += s->reason[i].cycles;
	}
}

static int sum_up(struct machine *m, struct sums *sum)
{
	struct tvx_stats s;
	unsigned int i, j;
	int err;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < m->nr_vcpus; i++) {
		sum->nr_exits += m->vcpu[i].nr_exits;
		for (j = 0; j < TVX_NR_EXITS; j++)
			sum->exits[j] += m->vcpu[i].exits[j];
	}
	for (i = 0; i < m->nr_vcpus; i++) {
		err = tvx_vcpu_get_stats(&m->vcpu[i].tvx, &s);
		if (err)
			return err;
		add_stats(&sum->hw, &s);
	}
	return 0;
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

static void print_vcpus(struct machine *m, FILE *f)
{
	struct tvx_stats s;
	struct vcpu *c;

	fprintf(f, "\n%-8s %12s %12s %12s %12s %18s\n", "vCPU", "exits", "runs", "migrations",
		"injected", "cycles in guest");
	for (c = m->vcpu; c < m->vcpu + m->nr_vcpus; c++)
		if (!tvx_vcpu_get_stats(&c->tvx, &s))
			fprintf(f, "%-8u %12llu %12llu %12llu %12llu %18llu\n", c->tvx.id,
				(unsigned long long)c->nr_exits, (unsigned long long)s.runs,
				(unsigned long long)s.migrations, (unsigned long long)s.injected,
				(unsigned long long)s.guest_cycles);
}

void print_stats(struct machine *m, FILE *f)
{
	struct sums sum;
	int err = sum_up(m, &sum);
	unsigned int i;

	if (err) {
		fprintf(f, "vmctl: no statistics: %s\n", strerror(-err));
		return;
	}
	print_reasons(&sum.hw, f);
	fprintf(f, "\n%-24s %12s\n", "exits to user space", "count");
	for (i = 0; i < TVX_NR_EXITS; i++)
		if (sum.exits[i])
			fprintf(f, "    %-20s %12llu\n", tvx_exit_name(i),
				(unsigned long long)sum.exits[i]);
	fprintf(f, "%-24s %12llu\n", "all", (unsigned long long)sum.nr_exits);
	fprintf(f, "\nruns %llu, migrations %llu, events injected %llu, cycles in the guest %llu\n",
		(unsigned long long)sum.hw.runs, (unsigned long long)sum.hw.migrations,
		(unsigned long long)sum.hw.injected, (unsigned long long)sum.hw.guest_cycles);
	if (m->nr_vcpus > 1)
		print_vcpus(m, f);
}

static void json_exits(const uint64_t *exits, FILE *f)
{
	const char *comma = "";
	unsigned int i;

	fputs("\"exits\":{", f);
	for (i = 0; i < TVX_NR_EXITS; i++) {
		if (!exits[i])
			continue;
		fprintf(f, "%s\"%s\":%llu", comma, tvx_exit_name(i),
			(unsigned long long)exits[i]);
		comma = ",";
	}
	putc('}', f);
}

static void json_hardware(const struct tvx_stats *s, FILE *f)
{
	const char *comma = "";
	unsigned int i;

	fprintf(f, "\"runs\":%llu,\"guest_cycles\":%llu,\"hardware_exits\":[",
		(unsigned long long)s->runs, (unsigned long long)s->guest_cycles);
	for (i = 0; i < nr_reasons(s); i++) {
		if (!s->reason[i].count)
			continue;
		fprintf(f, "%s{\"reason\":%u,\"name\":\"%s\",\"count\":%llu,\"cycles\":%llu}",
			comma, i, tvx_hw_exit_name(i), (unsigned long long)s->reason[i].count,
			(unsigned long long)s->reason[i].cycles);
		comma = ",";
	}
	putc(']', f);
}

/* As strings: a JSON number is not sure to hold 64 bits. */
static void json_registers(const struct vcpu *c, FILE *f)
{
	const struct tvx_run_out *out = &c->tvx.run->out;
	unsigned int i;

	fprintf(f, "\"registers\":{\"rip\":\"%#llx\",\"rflags\":\"%#llx\"",
		(unsigned long long)out->rip, (unsigned long long)out->rflags);
	for (i = 0; i < TVX_NR_GPRS; i++)
		fprintf(f, ",\"%s\":\"%#llx\"", tvx_gpr_name(i), (unsigned long long)out->gpr[i]);
	putc('}', f);
}

static void json_vcpus(struct machine *m, FILE *f)
{
	const char *comma = "";
	struct tvx_stats s;
	struct vcpu *c;

	fputs(",\"vcpus\":[", f);
	for (c = m->vcpu; c < m->vcpu + m->nr_vcpus; c++) {
		fprintf(f, "%s{\"id\":%u,", comma, c->tvx.id);
		json_exits(c->exits, f);
		if (!tvx_vcpu_get_stats(&c->tvx, &s)) {
			putc(',', f);
			json_hardware(&s, f);
		}
		putc(',', f);
		json_registers(c, f);
		putc('}', f);
		comma = ",";
	}
	putc(']', f);
}

/* The registers are those of the vCPU that ended it, or of the first. */
void print_json(struct machine *m, FILE *f)
{
	unsigned int who = m->end.vcpu > 0 ? m->end.vcpu : 0;
	struct sums sum;
	int err = sum_up(m, &sum);

	fprintf(f, "{\"status\":%d,\"by\":\"%s\",\"reason\":\"%s\",\"why\":", m->end.status,
		m->end.by_guest ? "guest" : "vmctl", m->end.reason);
	json_string(f, m->end.why);
	putc(',', f);
	json_exits(sum.exits, f);
	if (m->nr_vcpus && m->vcpu[who].ran) {
		if (!err) {
			putc(',', f);
			json_hardware(&sum.hw, f);
		}
		putc(',', f);
		json_registers(&m->vcpu[who], f);
		if (m->nr_vcpus > 1)
			json_vcpus(m, f);
	}
	fputs("}\n", f);
}
