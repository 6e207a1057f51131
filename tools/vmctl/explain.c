// SPDX-License-Identifier: GPL-2.0-only
/* What happened to a guest, in words. */
#include <stdlib.h>
#include <string.h>

#include <asm/processor-flags.h>

#include "machine.h"
#include "stop.h"

#define EFER_LMA	(1ULL << 10)
#define AR_L		(1U << 13)
#define INSN_BYTES	15
#define NR_EXCEPTIONS	32
#define STACK_WORDS	96

static bool in_long_mode(const struct tvx_state *s)
{
	return (s->efer & EFER_LMA) && (s->seg[TVX_CS].ar & AR_L);
}

static uint64_t linear_rip(const struct tvx_state *s)
{
	return in_long_mode(s) ? s->rip : (uint32_t)(s->seg[TVX_CS].base + s->rip);
}

/* Byte by byte, for the instruction may end where memory ends. */
static const uint8_t *guest_byte(struct vcpu *c, uint64_t gva)
{
	uint64_t gpa;

	if (tvx_translate_gva(&c->tvx, gva, TVX_MEM_FETCH, &gpa))
		return NULL;
	return tvx_vm_host(&c->m->vm, gpa, 1);
}

static void print_where(struct vcpu *c, const struct tvx_state *s, FILE *f)
{
	const uint8_t *byte;
	unsigned int i;

	if (!(s->cr0 & X86_CR0_PE))
		fprintf(f, "vmctl:   at %04x:%04llx (real mode, linear %#llx)",
			s->seg[TVX_CS].selector, (unsigned long long)s->rip,
			(unsigned long long)linear_rip(s));
	else
		fprintf(f, "vmctl:   at rip %#llx (cs %#x, %s mode)", (unsigned long long)s->rip,
			s->seg[TVX_CS].selector, in_long_mode(s) ? "64-bit" : "protected");
	for (i = 0; i < INSN_BYTES; i++) {
		byte = guest_byte(c, linear_rip(s) + i);
		if (!byte)
			break;
		fprintf(f, "%s%02x", i ? " " : ", bytes ", *byte);
	}
	fputs(i ? "\n" : ", where there is no memory\n", f);
}

static void print_event(const char *what, const struct tvx_event *e, FILE *f)
{
	if (!(e->flags & TVX_EVENT_VALID))
		return;
	fprintf(f, "vmctl:   %s: ", what);
	if (e->type == TVX_EVENT_EXCEPTION || e->type == TVX_EVENT_SOFT_EXCEPTION ||
	    e->type == TVX_EVENT_PRIV_EXCEPTION)
		fprintf(f, "%s", tvx_exception_name(e->vector));
	else
		fprintf(f, "%s %u", e->type == TVX_EVENT_NMI ? "NMI" : "interrupt", e->vector);
	if (e->flags & TVX_EVENT_ERROR_CODE)
		fprintf(f, ", error code %#x", e->error_code);
	putc('\n', f);
}

static void print_events(const struct tvx_state *s, FILE *f)
{
	print_event("was being delivered", &s->injected, f);
	print_event("waits for delivery", &s->exception, f);
	print_event("waits for delivery", &s->intr, f);
	if ((s->cr0 & X86_CR0_PG) && s->cr2)
		fprintf(f, "vmctl:   last page fault (CR2) at %#llx\n", (unsigned long long)s->cr2);
}

/* Why could the guest not handle an exception? */
static void hint_shutdown(struct vcpu *c, const struct tvx_state *s, FILE *f)
{
	unsigned int gate = !(s->cr0 & X86_CR0_PE) ? 4 : s->efer & EFER_LMA ? 16 : 8;
	unsigned int vectors = (s->idtr.limit + 1) / gate;
	uint64_t gpa;

	if (vectors < NR_EXCEPTIONS)
		fprintf(f, "vmctl:   hint: IDT limit %#x: gates for %u vectors only, so an exception that the guest met could not be delivered\n",
			s->idtr.limit, vectors);
	else if (tvx_translate_gva(&c->tvx, s->idtr.base, TVX_MEM_READ, &gpa) ||
		 !tvx_vm_host(&c->m->vm, gpa, gate))
		fprintf(f, "vmctl:   hint: the IDT at %#llx is not in memory\n",
			(unsigned long long)s->idtr.base);
	if (tvx_translate_gva(&c->tvx, s->seg[TVX_SS].base + s->gpr[TVX_RSP] - 1, TVX_MEM_WRITE,
			      &gpa) || !tvx_vm_host(&c->m->vm, gpa, 1))
		fprintf(f, "vmctl:   hint: the stack at rsp %#llx is not in memory\n",
			(unsigned long long)s->gpr[TVX_RSP]);
}

static void hint_memory(struct machine *m, FILE *f)
{
	fprintf(f, "vmctl:   hint: the guest's memory is [0, %#llx)",
		(unsigned long long)m->ram.bank[0].len);
	if (m->ram.nr_banks > 1)
		fprintf(f, " and [%#llx, %#llx)", (unsigned long long)m->ram.bank[1].gpa,
			(unsigned long long)(m->ram.bank[1].gpa + m->ram.bank[1].len));
	fputs("; did it run past its end, or jump through a wild pointer?\n", f);
}

static void print_report(struct vcpu *c, uint32_t flags, FILE *f)
{
	char *text;
	int err = tvx_vcpu_report(&c->tvx, flags, &text);

	if (err)
		fprintf(f, "vmctl: no report of the module: %s\n", strerror(-err));
	else
		fputs(text, f);
	free(text);
}

/* Of several vCPUs each has a heading. */
static void print_vcpu(struct vcpu *c, FILE *f)
{
	if (c->m->nr_vcpus > 1)
		fprintf(f, "vmctl: vCPU %u:\n", c->tvx.id);
}

static void explain_vcpu(struct vcpu *c, FILE *f)
{
	struct machine *m = c->m;
	struct tvx_state s;

	if (tvx_vcpu_get_state(&c->tvx, &s, TVX_STATE_ALL))
		return;
	print_vcpu(c, f);
	if (s.activity == TVX_WAIT_SIPI) {
		fputs("vmctl:   was never started\n", f);
		return;
	}
	print_where(c, &s, f);
	print_events(&s, f);
	if (m->end.status == ST_SHUTDOWN)
		hint_shutdown(c, &s, f);
	if (m->end.status == ST_MEMORY_FAULT)
		hint_memory(m, f);
	if (m->end.status == ST_FAIL_ENTRY)
		print_report(c, TVX_REPORT_ENTRY, f);
}

/* Accesses that met nothing are dropped without a word: now is the time for one. */
static void hint_nowhere(struct machine *m, FILE *f)
{
	const struct nowhere *n = &m->devices.nowhere;

	if (n->count)
		fprintf(f, "vmctl:   hint: %llu access%s of the guest met no device, the first: %s\n",
			(unsigned long long)n->count, n->count == 1 ? "" : "es", n->first);
	if (n->pc_has)
		fprintf(f, "vmctl:   hint: the guest looks for a PC's %s: --pc makes the machine one\n",
			n->pc_has);
}

/* Whose doing it is, or all that there are. */
void explain_end(struct machine *m, FILE *f)
{
	unsigned int i;

	/* What the guest or its user chose is no riddle. */
	if (m->end.by_guest || stop_reason() == STOP_KEY)
		return;
	for (i = 0; i < m->nr_vcpus; i++)
		if (m->vcpu[i].ran && (m->end.vcpu < 0 || m->end.vcpu == (int)i))
			explain_vcpu(&m->vcpu[i], f);
	if (m->nr_vcpus)
		hint_nowhere(m, f);
}

static void dump_registers(const struct tvx_state *s, FILE *f)
{
	unsigned int i;

	for (i = 0; i < TVX_NR_GPRS; i++)
		fprintf(f, "%-4s %016llx%s", tvx_gpr_name(i), (unsigned long long)s->gpr[i],
			i % 4 == 3 ? "\n" : "  ");
	fprintf(f, "rip  %016llx  rflags %016llx  activity %u  shadow %#x\n",
		(unsigned long long)s->rip, (unsigned long long)s->rflags, s->activity, s->shadow);
	for (i = 0; i < 8; i++)
		fprintf(f, "%-4s %04x  base %016llx  limit %08x  rights %05x%s\n", tvx_sreg_name(i),
			s->seg[i].selector, (unsigned long long)s->seg[i].base, s->seg[i].limit,
			s->seg[i].ar, s->seg[i].ar & TVX_AR_UNUSABLE ? " (unusable)" : "");
	fprintf(f, "gdtr       base %016llx  limit %08x\nidtr       base %016llx  limit %08x\n",
		(unsigned long long)s->gdtr.base, s->gdtr.limit,
		(unsigned long long)s->idtr.base, s->idtr.limit);
	fprintf(f, "cr0  %016llx  cr2  %016llx  cr3  %016llx  cr4  %016llx\n",
		(unsigned long long)s->cr0, (unsigned long long)s->cr2,
		(unsigned long long)s->cr3, (unsigned long long)s->cr4);
	fprintf(f, "cr8  %016llx  xcr0 %016llx  efer %016llx\n", (unsigned long long)s->cr8,
		(unsigned long long)s->xcr0, (unsigned long long)s->efer);
	fprintf(f, "dr0  %016llx  dr1  %016llx  dr2  %016llx  dr3  %016llx\n",
		(unsigned long long)s->dr[0], (unsigned long long)s->dr[1],
		(unsigned long long)s->dr[2], (unsigned long long)s->dr[3]);
	fprintf(f, "dr6  %016llx  dr7  %016llx\n", (unsigned long long)s->dr6,
		(unsigned long long)s->dr7);
}

static bool stack_word(struct vcpu *c, uint64_t gva, uint64_t *word)
{
	const void *host;
	uint64_t gpa;

	/* Whole words never cross a page. */
	if (tvx_translate_gva(&c->tvx, gva, TVX_MEM_READ, &gpa))
		return false;
	host = tvx_vm_host(&c->m->vm, gpa, sizeof(*word));
	if (host)
		memcpy(word, host, sizeof(*word));
	return host;
}

/* Return addresses are among them: what symbols are needed for a backtrace. */
static void dump_stack(struct vcpu *c, const struct tvx_state *s, FILE *f)
{
	uint64_t base = in_long_mode(s) ? 0 : s->seg[TVX_SS].base;
	uint64_t at = (base + s->gpr[TVX_RSP]) & ~7ULL, word;
	unsigned int i;

	for (i = 0; i < STACK_WORDS && stack_word(c, at + 8 * i, &word); i++)
		fprintf(f, "%s%016llx%s", i % 4 ? "  " : i ? "     " : "stack", (unsigned long long)word,
			i % 4 == 3 ? "\n" : "");
	if (i % 4)
		putc('\n', f);
}

void dump_machine(struct machine *m, FILE *f)
{
	struct tvx_state s;
	struct vcpu *c;
	int err;

	for (c = m->vcpu; c < m->vcpu + m->nr_vcpus; c++) {
		err = tvx_vcpu_get_state(&c->tvx, &s, TVX_STATE_ALL);
		print_vcpu(c, f);
		if (err) {
			fprintf(f, "vmctl: no registers: %s\n", strerror(-err));
		} else {
			dump_registers(&s, f);
			dump_stack(c, &s, f);
		}
		print_report(c, TVX_REPORT_ENTRY | TVX_REPORT_VMCS, f);
	}
}
