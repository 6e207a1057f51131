// SPDX-License-Identifier: GPL-2.0-only
/* States that the hardware refuses: said in words, and nothing is lost. */
#include "tvx_idt.h"

#define CR4_PAE		(1ull << 5)
#define CR0_PG		(1ull << 31)
#define RFLAGS_VM	(1ull << 17)
#define AR_L		(1u << 13)
#define AR_DB		(1u << 14)
#define AR_P		(1u << 7)
#define AR_S		(1u << 4)

GUEST64(hello, "nop\nnop\nmov $0x42, %eax\nhlt");

static struct tvx_state get_all(struct guest *g)
{
	struct tvx_state state;

	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_ALL));
	state.sections = TVX_STATE_ALL;
	return state;
}

/* ---- what is broken, and the field that the report must name ----------------------------- */

static void vm_in_long_mode(struct tvx_state *s) { s->rflags |= RFLAGS_VM; }
static void reserved_rflag(struct tvx_state *s) { s->rflags |= 1u << 15; }
static void rip_not_canonical(struct tvx_state *s) { s->rip = 1ull << 50; }
static void tr_not_busy(struct tvx_state *s) { s->seg[TVX_TR].ar = 0x89; }
static void tr_unusable(struct tvx_state *s) { s->seg[TVX_TR].ar |= TVX_AR_UNUSABLE; }
static void tr_in_ldt(struct tvx_state *s) { s->seg[TVX_TR].selector = 4; }
static void tr_base(struct tvx_state *s) { s->seg[TVX_TR].base = 1ull << 50; }
static void cs_data(struct tvx_state *s) { s->seg[TVX_CS].ar = (s->seg[TVX_CS].ar & ~15u) | 1; }
static void cs_system(struct tvx_state *s) { s->seg[TVX_CS].ar &= ~AR_S; }
static void cs_absent(struct tvx_state *s) { s->seg[TVX_CS].ar &= ~AR_P; }
static void cs_l_and_d(struct tvx_state *s) { s->seg[TVX_CS].ar |= AR_DB; }
static void cs_limit(struct tvx_state *s) { s->seg[TVX_CS].limit = 0xfffff000; }
static void ss_code(struct tvx_state *s) { s->seg[TVX_SS].ar |= 8; }
static void ds_not_accessed(struct tvx_state *s) { s->seg[TVX_DS].ar &= ~1u; }
static void ldtr_type(struct tvx_state *s) { s->seg[TVX_LDTR].ar = 0x83; }
static void gdtr_base(struct tvx_state *s) { s->gdtr.base = 1ull << 50; }
static void idtr_base(struct tvx_state *s) { s->idtr.base = 1ull << 50; }
static void cr3_too_high(struct tvx_state *s) { s->cr3 |= 1ull << 51; }
static void no_pae(struct tvx_state *s) { s->cr4 &= ~CR4_PAE; }
static void sti_without_if(struct tvx_state *s) { s->shadow = TVX_SHADOW_STI; }
static void pending_dbg(struct tvx_state *s) { s->pending_dbg = 1u << 5; }

#define ROW(breakage, field) { #breakage, breakage, field }
static const struct {
	const char *name;
	void (*breakage)(struct tvx_state *state);
	const char *field;
} rows[] = {
	ROW(vm_in_long_mode, "GUEST_RFLAGS"), ROW(reserved_rflag, "GUEST_RFLAGS"),
	ROW(rip_not_canonical, "GUEST_RIP"),
	ROW(tr_not_busy, "GUEST_TR_AR_BYTES"), ROW(tr_unusable, "GUEST_TR_AR_BYTES"),
	ROW(tr_in_ldt, "GUEST_TR_SELECTOR"),
	ROW(cs_data, "GUEST_CS_AR_BYTES"), ROW(cs_system, "GUEST_CS_AR_BYTES"),
	ROW(cs_absent, "GUEST_CS_AR_BYTES"), ROW(cs_l_and_d, "GUEST_CS_AR_BYTES"),
	ROW(cs_limit, "GUEST_CS_"), ROW(ss_code, "GUEST_SS_AR_BYTES"),
	ROW(ds_not_accessed, "GUEST_DS_AR_BYTES"), ROW(ldtr_type, "GUEST_LDTR_AR_BYTES"),
	ROW(cr3_too_high, "GUEST_CR3"), ROW(no_pae, "GUEST_CR4"),
	ROW(sti_without_if, "GUEST_INTERRUPTIBILITY_INFO"),
	ROW(pending_dbg, "GUEST_PENDING_DBG_EXCEPTIONS"),
};

/* Does the report name the field? Prints it if not. */
static bool report_names(struct guest *g, const char *field)
{
	char *text;
	bool found;

	must(tvx_vcpu_report(&g->vcpu, TVX_REPORT_ENTRY, &text));
	found = strstr(text, field);
	if (!found)
		fprintf(stderr, "# no %s in: %s", field, text);
	free(text);
	return found;
}

TEST_F(vm, refused_and_repaired)
{
	struct guest *g = &self->g;
	struct tvx_state good, bad;
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start(g, GUEST_LONG, hello);
		good = get_all(g);
		bad = good;
		rows[i].breakage(&bad);
		TH_LOG("%s", rows[i].name);
		ASSERT_EQ(tvx_vcpu_set_state(&g->vcpu, &bad), 0);
		EXPECT_TRUE(report_names(g, rows[i].field));
		/* Bochs does not check RIP: it enters, and the fetch faults. */
		if (rows[i].breakage == rip_not_canonical && run(g) == TVX_EXIT_SHUTDOWN)
			continue;
		ASSERT_EQ(run(g), TVX_EXIT_FAIL_ENTRY);
		EXPECT_EQ(out(g)->fail.reason, TVX_FAIL_GUEST_STATE);
		EXPECT_EQ(out(g)->fail.insn_error, 0);
		EXPECT_EQ(out(g)->hw_reason, 0x80000000 | 33);	/* invalid guest state */
		EXPECT_TRUE(report_names(g, rows[i].field));
		/* Not repaired: the same again. */
		ASSERT_EQ(run(g), TVX_EXIT_FAIL_ENTRY);
		ASSERT_EQ(tvx_vcpu_set_state(&g->vcpu, &good), 0);
		EXPECT_TRUE(report_names(g, "every VM-entry check holds"));
		ASSERT_EQ(run(g), TVX_EXIT_HLT);
		EXPECT_EQ(reg(g, TVX_RAX), 0x42);
	}
}

/* What SET_STATE refuses does not get as far as that, and changes nothing. */
TEST_F(vm, not_canonical_bases)
{
	static void (*const breakages[])(struct tvx_state *state) = {
		tr_base, gdtr_base, idtr_base,
	};
	struct guest *g = &self->g;
	struct tvx_state bad;
	unsigned int i;

	start(g, GUEST_LONG, hello);
	for (i = 0; i < sizeof(breakages) / sizeof(breakages[0]); i++) {
		bad = get_all(g);
		bad.rip += 100;
		breakages[i](&bad);
		EXPECT_EQ(tvx_vcpu_set_state(&g->vcpu, &bad), -EINVAL);
	}
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), 0x42);
}

/* ---- PAE: the entries that the processor holds ------------------------------------------- */

GUEST32(hello32, "mov $0x42, %eax\nhlt");

TEST_F(vm, pdpte_reserved_bits)
{
	struct guest *g = &self->g;
	uint64_t *pd = (uint64_t *)(g->mem + TABLES_GPA + 0x1000);
	struct tvx_state state;

	start(g, GUEST_PROTECTED, hello32);
	pd[0] = 0x83;		/* the first 2 MiB */
	*(uint64_t *)(g->mem + TABLES_GPA) = (TABLES_GPA + 0x1000) | 1;
	state = get_all(g);
	state.cr0 |= CR0_PG;
	state.cr3 = TABLES_GPA;
	state.cr4 |= CR4_PAE;
	state.pdpte[0] = (TABLES_GPA + 0x1000) | 1;
	state.pdpte[2] = 1 | 1 << 6;
	ASSERT_EQ(tvx_vcpu_set_state(&g->vcpu, &state), 0);
	ASSERT_EQ(run(g), TVX_EXIT_FAIL_ENTRY);
	EXPECT_EQ(out(g)->fail.reason, TVX_FAIL_GUEST_STATE);
	EXPECT_TRUE(report_names(g, "GUEST_PDPTR2"));
	state.pdpte[2] = 0;
	ASSERT_EQ(tvx_vcpu_set_state(&g->vcpu, &state), 0);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), 0x42);
}

/* ---- events over a failed entry ---------------------------------------------------------- */

static void break_tr(struct guest *g, struct tvx_state *good)
{
	struct tvx_state bad = get_all(g);

	*good = bad;
	tr_not_busy(&bad);
	must(tvx_vcpu_set_state(&g->vcpu, &bad));
}

/* Repair the segments only: what waits is not user space's to bring back. */
static void repair(struct guest *g, struct tvx_state *good)
{
	good->sections = TVX_STATE_SEGMENTS;
	must(tvx_vcpu_set_state(&g->vcpu, good));
}

TEST_F(vm, events_are_not_lost)
{
	struct guest *g = &self->g;
	struct tvx_state good;
	unsigned int i;
	static const struct tvx_event events[] = {
		{ TVX_EVENT_VALID, TVX_EVENT_EXCEPTION, UD_VECTOR },
		{ TVX_EVENT_VALID | TVX_EVENT_ERROR_CODE, TVX_EVENT_EXCEPTION, GP_VECTOR, 0, 0x18 },
		{ TVX_EVENT_VALID, TVX_EVENT_NMI, NMI_VECTOR },
		{ TVX_EVENT_VALID, TVX_EVENT_INTR, 0x40 },
		{ TVX_EVENT_VALID, TVX_EVENT_SOFT_INTR, 0x41, 2 },
	};

	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		TH_LOG("vector %u", events[i].vector);
		start_idt(g, hello);
		good = get_all(g);
		good.rflags |= 1u << 9;
		must(tvx_vcpu_set_state(&g->vcpu, &good));
		break_tr(g, &good);
		g->vcpu.run->in.event = events[i];
		ASSERT_EQ(run(g), TVX_EXIT_FAIL_ENTRY);
		ASSERT_EQ(run(g), TVX_EXIT_FAIL_ENTRY);
		EXPECT_EQ(idt_count(g), 0);
		repair(g, &good);
		ASSERT_EQ(run(g), TVX_EXIT_HLT);
		ASSERT_EQ(idt_count(g), 1);
		EXPECT_EQ(came(g, 0)->vector, events[i].vector);
		EXPECT_EQ(came(g, 0)->error, events[i].error_code);
		EXPECT_EQ(came(g, 0)->rip, CODE_GPA + events[i].insn_len);
	}
}

/* ---- what no entry is tried for ---------------------------------------------------------- */

TEST_F(vm, real_mode_without_unrestricted_guest)
{
	struct guest *g = &self->g;
	struct tvx_state state;

	if (has_feature(g, TVX_FEAT_UNRESTRICTED))
		SKIP(return, "has unrestricted guest");
	start(g, GUEST_LONG, hello);
	state = get_all(g);
	tvx_setup_real(&state, CODE_GPA >> 4, 0);
	must(tvx_vcpu_set_state(&g->vcpu, &state));
	ASSERT_EQ(run(g), TVX_EXIT_FAIL_ENTRY);
	EXPECT_EQ(out(g)->fail.reason, TVX_FAIL_NO_REAL_MODE);
	EXPECT_EQ(out(g)->fail.insn_error, 0);
	start(g, GUEST_LONG, hello);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
}

TEST_HARNESS_MAIN
