// SPDX-License-Identifier: GPL-2.0-only
/* Events whose delivery does not get through at the first try. */
#include "tvx_idt.h"

#define IRQ		0x40
#define PAGE		0x1000ull
#define STACK_PAGE	(STACK_GPA - PAGE)
#define EPT_VIOLATION	48		/* exit reason */

/* ---- EPT violations ---------------------------------------------------------------------- */

GUEST64(nops, "nop\nnop\nhlt");
GUEST64(int_n, "nop\nint $0x30\nhlt");
GUEST64(pmc, "nop\nrdpmc\nhlt");

/* The EPT forgets a page of guest memory; what was in it stays. */
static void unmap(struct guest *g, uint64_t gpa)
{
	uint8_t copy[PAGE];

	memcpy(copy, g->mem + gpa, PAGE);
	must(madvise(g->mem + gpa, PAGE, MADV_DONTNEED));
	memcpy(g->mem + gpa, copy, PAGE);
}

static uint64_t ept_violations(struct guest *g)
{
	struct tvx_stats stats;

	must(tvx_vcpu_get_stats(&g->vcpu, &stats));
	return stats.reason[EPT_VIOLATION].count;
}

/* Run once, so that all of it is mapped; again with @page gone: delivered once, a fault later. */
static void cut_off(struct __test_metadata *_metadata, struct guest *g, const char *code,
		    const char *end, const struct tvx_event *event, uint64_t page)
{
	struct came first;
	uint64_t before;

	guest_start(g, GUEST_LONG, code, end);
	idt_setup(g);
	set_if(g);
	g->vcpu.run->in.event = *event;
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	first = *came(g, 0);

	guest_start(g, GUEST_LONG, code, end);
	idt_setup(g);
	set_if(g);
	unmap(g, page);
	before = ept_violations(g);
	g->vcpu.run->in.event = *event;
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_GT(ept_violations(g), before);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, first.vector);
	EXPECT_EQ(came(g, 0)->error, first.error);
	EXPECT_EQ(came(g, 0)->rip, first.rip);
	EXPECT_EQ(came(g, 0)->rsp, first.rsp);
}

TEST_F(vm, delivery_hits_ept_violation)
{
	static const struct tvx_event none, intr = { TVX_EVENT_VALID, TVX_EVENT_INTR, IRQ },
		nmi = { TVX_EVENT_VALID, TVX_EVENT_NMI, NMI_VECTOR },
		ud = { TVX_EVENT_VALID, TVX_EVENT_EXCEPTION, UD_VECTOR },
		gp = { TVX_EVENT_VALID | TVX_EVENT_ERROR_CODE, TVX_EVENT_EXCEPTION,
		       GP_VECTOR, 0, 8 };
	static const uint64_t pages[] = { IDT_GPA, STACK_PAGE };
	struct guest *g = &self->g;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		TH_LOG("page 0x%lx", pages[i]);
		cut_off(_metadata, g, nops_code, nops_end, &intr, pages[i]);
		cut_off(_metadata, g, nops_code, nops_end, &nmi, pages[i]);
		cut_off(_metadata, g, nops_code, nops_end, &ud, pages[i]);
		cut_off(_metadata, g, nops_code, nops_end, &gp, pages[i]);
		/* INT n: from behind the instruction. */
		cut_off(_metadata, g, int_n_code, int_n_end, &none, pages[i]);
		EXPECT_EQ(came(g, 0)->rip, CODE_GPA + 3);
		/* A #GP of the module's. */
		cut_off(_metadata, g, pmc_code, pmc_end, &none, pages[i]);
		EXPECT_EQ(came(g, 0)->vector, GP_VECTOR);
	}
	/* An NMI that was cut off and repeated blocks and unblocks as any other. */
	EXPECT_EQ(shadow(g), 0);
}

/* ---- faults ------------------------------------------------------------------------------ */

static void no_gate(struct guest *g, unsigned int vector)
{
	memset(g->mem + IDT_GPA + 16 * vector, 0, 16);
}

TEST_F(vm, double_fault)
{
	struct guest *g = &self->g;

	start_idt(g, pmc);
	no_gate(g, GP_VECTOR);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, DF_VECTOR);
	EXPECT_EQ(came(g, 0)->error, 0);
	/* Nor for that one: triple fault. */
	start_idt(g, pmc);
	no_gate(g, GP_VECTOR);
	no_gate(g, DF_VECTOR);
	ASSERT_EQ(run(g), TVX_EXIT_SHUTDOWN);
}

/* The second fault goes to user space, which hands it back. */
FIXTURE(seen) {
	struct guest g;
};

FIXTURE_SETUP(seen)
{
	struct tvx_policy policy = { .exceptions = 1u << NP_VECTOR | 1u << GP_VECTOR };

	guest_open(&self->g);
	must(tvx_vm_set_policy(&self->g.vm, &policy));
	guest_vcpu(&self->g);
}

FIXTURE_TEARDOWN(seen)
{
	guest_close(&self->g);
}

GUEST64(handler_cpuid, "xor %eax, %eax\ncpuid\nout %al, $0x81\niretq");

TEST_F(seen, fault_in_the_delivery_of_a_fault)
{
	struct guest *g = &self->g;

	start_idt(g, nops);
	g->mem[IDT_GPA + 16 * GP_VECTOR + 5] &= ~0x80;	/* not present */
	must(tvx_inject_exception_error(&g->vcpu, GP_VECTOR, 0));
	ASSERT_EQ(run(g), TVX_EXIT_EXCEPTION);
	ASSERT_EQ(out(g)->exception.event.vector, NP_VECTOR);
	g->vcpu.run->in.event = out(g)->exception.event;
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	ASSERT_EQ(idt_count(g), 1);
	EXPECT_EQ(came(g, 0)->vector, DF_VECTOR);
	EXPECT_EQ(came(g, 0)->rip, CODE_GPA);
}

/* The fault takes the interrupt's place, also once the guest has run its handler. */
TEST_F(seen, fault_in_the_delivery_of_an_interrupt)
{
	struct guest *g = &self->g;
	struct tvx_state state;

	/* First without it, so that all pages are mapped: an EPT violation would hide the rest. */
	start_idt(g, nops);
	own_handler(g, NP_VECTOR, handler_cpuid_code, handler_cpuid_end);
	must(tvx_inject_exception_error(&g->vcpu, NP_VECTOR, 0));
	ASSERT_EQ(run(g), TVX_EXIT_IO);

	start_idt(g, nops);
	own_handler(g, NP_VECTOR, handler_cpuid_code, handler_cpuid_end);
	set_if(g);
	g->mem[IDT_GPA + 16 * IRQ + 5] &= ~0x80;	/* not present */
	must(tvx_inject_intr(&g->vcpu, IRQ));
	ASSERT_EQ(run(g), TVX_EXIT_EXCEPTION);
	ASSERT_EQ(out(g)->exception.event.vector, NP_VECTOR);
	EXPECT_EQ(out(g)->exception.event.error_code, IRQ << 3 | 3);	/* IDT, external */
	EXPECT_EQ(out(g)->rip, CODE_GPA);
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_EVENTS));
	EXPECT_EQ(state.injected.flags, TVX_EVENT_VALID);
	EXPECT_EQ(state.injected.vector, IRQ);
	g->vcpu.run->in.event = out(g)->exception.event;
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->io.port, 0x81);
	EXPECT_EQ(out(g)->flags, 0);
}

TEST_HARNESS_MAIN
