/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMs of several vCPUs with local APICs, each in a thread with code and an interrupt log
 * of its own; words in memory by which their guests wait for each other.
 *
 *	PUT(0, sends); PUT(1, sleeper);
 *	GO(2);
 *	EXPECT_TRUE(all_done(self->r, 2));
 */
#ifndef TVX_SMP_H
#define TVX_SMP_H

#include "tvx_apic.h"

#define SMP_CODE_GPA	0x60000ull	/* a page for each vCPU */

/* The guests' shared words, at DATA_GPA. */
struct shared {
	volatile uint32_t ready;	/* how many vCPUs have their APIC on */
	volatile uint32_t reserved;
	volatile uint32_t stop;		/* they end once they see it */
	volatile uint32_t reserved2;
	volatile uint64_t counter;
};
#define READY		"0x200000"
#define STOP		"0x200008"
#define COUNTER		"0x200010"

#define I_AM_READY	"lock incl " READY "\n"
#define WAIT_READY(n)	"97: pause\n cmpl $" STR(n) ", " READY "\n jb 97b\n"
#define SEND(low, dest)	WRITE_MSR2(0x830, low, dest)
#define STOP_ALL	"movl $1, " STOP "\n" SEND(0xc00fe, 0)
/* Until another one has count @n in its log at @log. */
#define WAIT_FOR_LOG(n, log) "96: pause\n cmpq $" STR(n) ", " log "\n jb 96b\n"

/* Takes interrupts until it is told to stop, asleep. */
GUEST64(sleeper, X2APIC_ON "sti\n" I_AM_READY
	"1: cli\n cmpl $0, " STOP "\n jne 2f\n sti\n hlt\n jmp 1b\n 2: sti\n nop\n" DONE);
/* The same, awake. */
GUEST64(spinner, X2APIC_ON "sti\n" I_AM_READY "1: pause\n cmpl $0, " STOP "\n je 1b\n" DONE);

FIXTURE(smp) {
	struct guest g[MAX_VCPUS];	/* all of one VM: g[0] owns it */
	struct runner r[MAX_VCPUS];
	int n;				/* vCPUs that there are */
	int running;			/* and that threads run */
};

static inline void make_vcpus(struct guest *g, const unsigned int *ids, int n)
{
	for (int i = 1; i < n; i++) {
		g[i] = g[0];
		must(tvx_vcpu_create(&g[0].vm, ids[i], &g[i].vcpu));
	}
}

FIXTURE_SETUP(smp)
{
	static const unsigned int ids[MAX_VCPUS] = { 0, 1, 2, 3 };

	guest_open_flags(&self->g[0], TVX_VM_APIC);
	guest_vcpu(&self->g[0]);
	self->n = MAX_VCPUS;
	make_vcpus(self->g, ids, self->n);
	start_apic(&self->g[0], sleeper);
}

/* Whoever still runs after a test that went wrong is told to leave. */
static inline void destroy_vcpus(struct guest *g, struct runner *r, int n, int running)
{
	((struct shared *)(g->mem + DATA_GPA))->stop = 1;
	for (int i = 0; i < running; i++)
		if (r[i].g && !r[i].done) {
			tvx_vcpu_kick(&g[i].vcpu);
			pthread_join(r[i].thread, NULL);
		}
	for (int i = 1; i < n; i++)
		if (g[i].vcpu.fd >= 0)
			tvx_vcpu_destroy(&g[i].vcpu);
	guest_close(&g[0]);
}

FIXTURE_TEARDOWN(smp)
{
	destroy_vcpus(self->g, self->r, self->n, self->running);
}

/* vCPU @i of @g begins with @code, whatever it did before, in 64-bit mode. */
static inline void put(struct guest *g, int i, const char *code, const char *end)
{
	uint64_t gpa = SMP_CODE_GPA + 4096 * i;
	struct tvx_state state;

	memcpy(g[i].mem + gpa, code, end - code);
	memset(irqs_of(&g[i], g[i].vcpu.id), 0, sizeof(struct irq_log));
	must(tvx_vcpu_get_state(&g[i].vcpu, &state, TVX_STATE_ALL));
	must(tvx_setup_long(&g[i].vm, &state, gpa, TABLES_GPA));
	state.gpr[TVX_RSP] = STACK_GPA - 0x2000 * i;
	state.idtr = (struct tvx_dtable){ .base = IDT_GPA, .limit = 0xfff };
	state.activity = TVX_ACTIVE;
	state.sections = TVX_STATE_ALL;
	must(tvx_vcpu_set_state(&g[i].vcpu, &state));
}
#define PUT(i, name) put(self->g, i, name##_code, name##_end)

/* The first @n vCPUs run, each in its thread; the last one of them first. */
static inline void go(struct guest *g, struct runner *r, int *running, int n)
{
	*running = n;
	for (int i = n - 1; i >= 0; i--)
		begin(&r[i], &g[i]);
}
#define GO(n) go(self->g, self->r, &self->running, n)

static inline bool all_done(struct runner *r, int n)
{
	bool done = true;

	for (int i = 0; i < n; i++)
		done &= ends_done(&r[i]);
	return done;
}

static inline struct shared *shared(struct guest *g)
{
	return (struct shared *)(g->mem + DATA_GPA);
}

#endif
