// SPDX-License-Identifier: GPL-2.0-only
/* Local APICs of several vCPUs: how they start, and what they send each other. */
#include "tvx_apic.h"

#define SMP_CODE_GPA	0x60000ull	/* a page for each vCPU */
#define SIPI_VECTOR	9
#define SIPI_GPA	(SIPI_VECTOR << 12)
#define IRQ		0x41
#define LAST_ID		17		/* of the last vCPU of fixture clusters: in cluster 1 */

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
	"1: cli\n cmpl $0, " STOP "\n jne 2f\n sti\n hlt\n jmp 1b\n" "2: sti\n nop\n" DONE);
/* The same, awake. */
GUEST64(spinner, X2APIC_ON "sti\n" I_AM_READY "1: pause\n cmpl $0, " STOP "\n je 1b\n" DONE);

FIXTURE(smp) {
	struct guest g[MAX_VCPUS];	/* all of one VM: g[0] owns it */
	struct runner r[MAX_VCPUS];
	int n;				/* vCPUs that there are */
	int running;			/* and that threads run */
};

static void make_vcpus(struct guest *g, const unsigned int *ids, int n)
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
static void destroy_vcpus(struct guest *g, struct runner *r, int n, int running)
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
static void put(struct guest *g, int i, const char *code, const char *end)
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
static void go(struct guest *g, struct runner *r, int *running, int n)
{
	*running = n;
	for (int i = n - 1; i >= 0; i--)
		begin(&r[i], &g[i]);
}
#define GO(n) go(self->g, self->r, &self->running, n)

static bool all_done(struct runner *r, int n)
{
	bool done = true;

	for (int i = 0; i < n; i++)
		done &= ends_done(&r[i]);
	return done;
}

static struct shared *shared(struct guest *g)
{
	return (struct shared *)(g->mem + DATA_GPA);
}

static uint32_t activity(struct guest *g)
{
	struct tvx_state state;

	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_EVENTS));
	return state.activity;
}

/* ---- INIT and STARTUP ------------------------------------------------------------------ */

GUEST64(starts_another, X2APIC_ON SEND(0x4500, 1) SEND(0x8500, 1) SEND(0x4609, 1)
	SEND(0x460a, 1) DONE);
/* Says that it was here, and where. */
GUEST16(started, "mov %cs, %ax\n mov %ax, %ds\n mov %ax, 0x800\n movw $0x1234, 0x802\n"
	"out %al, $0xf4\n");
/* Where a second STARTUP would send it to: it is of no account any more. */
GUEST16(started_twice, "1: out %al, $0x99\n jmp 1b\n");

#define NEED_REAL_MODE(g) do {								\
	if (!has_feature(g, TVX_FEAT_UNRESTRICTED))					\
		SKIP(return, "without unrestricted guest there is no real mode");	\
} while (0)

static void put_real_mode(struct guest *g)
{
	memcpy(g->mem + SIPI_GPA, started_code, started_end - started_code);
	memcpy(g->mem + SIPI_GPA + 0x1000, started_twice_code,
	       started_twice_end - started_twice_code);
}

TEST_F(smp, only_the_first_starts_by_itself)
{
	EXPECT_EQ(activity(&self->g[0]), TVX_ACTIVE);
	for (int i = 1; i < self->n; i++)
		EXPECT_EQ(activity(&self->g[i]), TVX_WAIT_SIPI);
	EXPECT_EQ(apic_of(&self->g[1]).base, APIC_GPA | 0x800);
	EXPECT_EQ(apic_of(&self->g[1]).reg[REG_ID], 1u << 24);
}

TEST_F(smp, init_and_startup)
{
	struct guest *g = self->g;
	const uint16_t *words = (uint16_t *)(g->mem + SIPI_GPA + 0x800);

	NEED_REAL_MODE(g);
	put_real_mode(g);
	PUT(0, starts_another);
	GO(2);
	EXPECT_TRUE(all_done(self->r, 2));
	EXPECT_EQ(words[0], SIPI_VECTOR << 8);
	EXPECT_EQ(words[1], 0x1234);
	/* Now that it runs, a STARTUP means nothing. */
	EXPECT_EQ(activity(&g[1]), TVX_ACTIVE);
}

TEST_F(smp, startup_without_real_mode)
{
	struct guest *g = self->g;

	if (has_feature(g, TVX_FEAT_UNRESTRICTED))
		SKIP(return, "there is real mode");
	PUT(0, starts_another);
	GO(2);
	EXPECT_TRUE(ends_done(&self->r[0]));
	ASSERT_EQ(end(&self->r[1]), 0);
	ASSERT_EQ(out(&g[1])->exit, TVX_EXIT_FAIL_ENTRY);
	EXPECT_EQ(out(&g[1])->fail.reason, TVX_FAIL_NO_REAL_MODE);
}

/* All of them at once, from wherever they are. */
GUEST64(starts_all, X2APIC_ON SEND(0xc4500, 0) SEND(0xc4609, 0)
	"1: pause\n cmpw $0x1234, 0x9802\n jne 1b\n" DONE);

TEST_F(smp, broadcast_startup)
{
	NEED_REAL_MODE(self->g);
	put_real_mode(self->g);
	PUT(0, starts_all);
	GO(MAX_VCPUS);
	EXPECT_TRUE(all_done(self->r, MAX_VCPUS));
}

TEST_F(smp, waiting_for_startup_is_interrupted)
{
	struct guest *g = &self->g[1];
	struct runner r;

	for (int i = 0; i < 3; i++) {
		begin(&r, g);
		usleep(5000);
		/* All but INIT and STARTUP leaves it asleep. */
		EXPECT_EQ(msi(g, 1, IRQ), 0);
		EXPECT_EQ(msi(g, 1, MSG_NMI), 1);
		usleep(5000);
		EXPECT_FALSE(r.done);
		ASSERT_EQ(tvx_vcpu_kick(&g->vcpu), 0);
		ASSERT_EQ(end(&r), 0);
		EXPECT_EQ(out(g)->exit, TVX_EXIT_INTERRUPTED);
	}
	begin(&r, g);
	r.signals = true;
	usleep(5000);
	ASSERT_EQ(pthread_kill(r.thread, SIGUSR1), 0);
	EXPECT_EQ(end(&r), -EINTR);
	EXPECT_EQ(out(g)->exit, TVX_EXIT_INTERRUPTED);
	EXPECT_EQ(activity(g), TVX_WAIT_SIPI);
}

/* INIT stops a guest in its tracks: running, asleep, or with interrupts off. */
GUEST64(counts, X2APIC_ON WRITE_MSR(0x808, 0x20) I_AM_READY "1: incq " COUNTER "\n jmp 1b\n");

static void expect_init(struct __test_metadata *_metadata, struct guest *g)
{
	struct tvx_state state;
	struct tvx_apic apic = apic_of(g);

	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_ALL));
	EXPECT_EQ(state.activity, TVX_WAIT_SIPI);
	EXPECT_EQ(state.rip, 0xfff0);
	EXPECT_EQ(state.cr0 & 0x80000001, 0);
	EXPECT_EQ(state.efer, 0);
	EXPECT_EQ(state.cr8, 0);
	/* The mode stays. */
	EXPECT_EQ(apic.base, APIC_GPA | 0xc00);
	EXPECT_EQ(apic.reg[REG_ID], 1);
	EXPECT_EQ(apic.reg[REG_SPIV], 0xff);
	EXPECT_EQ(apic.reg[REG_TPR], 0);
	EXPECT_FALSE(has_any(&apic.reg[REG_IRR]));
	EXPECT_EQ(apic.timer, 0);
}

TEST_F(smp, init_of_a_running_vcpu)
{
	struct guest *g = &self->g[1];
	uint64_t seen;

	PUT(1, counts);
	begin(&self->r[1], g);
	self->running = 2;
	ASSERT_TRUE(WAIT_FOR(shared(g)->ready && shared(g)->counter));
	ASSERT_EQ(msi(g, 1, MSG_INIT), 1);
	usleep(10000);
	seen = shared(g)->counter;
	usleep(10000);
	EXPECT_EQ(shared(g)->counter, seen);
	EXPECT_FALSE(self->r[1].done);
	ASSERT_EQ(tvx_vcpu_kick(&g->vcpu), 0);
	ASSERT_EQ(end(&self->r[1]), 0);
	EXPECT_EQ(out(g)->exit, TVX_EXIT_INTERRUPTED);
	expect_init(_metadata, g);
}

TEST_F(smp, init_of_a_sleeping_vcpu)
{
	struct guest *g = &self->g[1];

	PUT(1, sleeper);
	begin(&self->r[1], g);
	self->running = 2;
	ASSERT_TRUE(sleeps(g, 1));
	ASSERT_EQ(msi(g, 1, MSG_INIT), 1);
	usleep(10000);
	EXPECT_FALSE(self->r[1].done);
	/* With its APIC disabled again it takes none. */
	EXPECT_EQ(msi(g, 1, IRQ), 0);
	ASSERT_EQ(tvx_vcpu_kick(&g->vcpu), 0);
	ASSERT_EQ(end(&self->r[1]), 0);
	expect_init(_metadata, g);
}

GUEST64(inits_and_starts, X2APIC_ON WAIT_READY(1)
	SEND(0x4500, 1) SEND(0x4609, 1) "1: pause\n cmpw $0x1234, 0x9802\n jne 1b\n" DONE);

TEST_F(smp, starts_over)
{
	NEED_REAL_MODE(self->g);
	put_real_mode(self->g);
	PUT(0, inits_and_starts);
	PUT(1, counts);
	GO(2);
	EXPECT_TRUE(all_done(self->r, 2));
	EXPECT_EQ(out(&self->g[1])->rflags & 0x200, 0);
}

/* ---- interrupts between vCPUs ------------------------------------------------------------- */

/* To one that runs, and to one that sleeps. */
GUEST64(sends, X2APIC_ON WAIT_READY(1) SEND(0x41, 1) WAIT_FOR_LOG(1, "0x41000")
	SEND(0x42, 1) WAIT_FOR_LOG(2, "0x41000") SEND(0x43, 5)
	"movl $1, " STOP "\n" SEND(0x44, 1) DONE);

static void expect_sent(struct __test_metadata *_metadata, struct guest *g)
{
	volatile struct irq_log *log = irqs(g);

	ASSERT_GE(log->count, 2);
	EXPECT_EQ(log->irq[0].vector, 0x41);
	EXPECT_EQ(log->irq[1].vector, 0x42);
	EXPECT_EQ(log->of[0x43], 0);
}

TEST_F(smp, ipi_to_a_running_vcpu)
{
	PUT(0, sends);
	PUT(1, spinner);
	GO(2);
	EXPECT_TRUE(all_done(self->r, 2));
	expect_sent(_metadata, &self->g[1]);
	EXPECT_EQ(irqs(&self->g[0])->count, 0);
}

TEST_F(smp, ipi_to_a_sleeping_vcpu)
{
	PUT(0, sends);
	PUT(1, sleeper);
	GO(2);
	EXPECT_TRUE(all_done(self->r, 2));
	expect_sent(_metadata, &self->g[1]);
}

GUEST64(broadcasts, X2APIC_ON "sti\n" WAIT_READY(3)
	SEND(0xc0041, 0) WAIT_FOR_LOG(1, "0x41000") WAIT_FOR_LOG(1, "0x42000")
	WAIT_FOR_LOG(1, "0x43000") "mov " IRQS ", %r8\n"
	SEND(0x80042, 0) WAIT_FOR_LOG(2, "0x41000") WAIT_FOR_LOG(2, "0x42000")
	WAIT_FOR_LOG(2, "0x43000") WAIT_IRQS(1)
	/* by the destination: all ones are everybody */
	SEND(0x43, 0xffffffff) WAIT_FOR_LOG(3, "0x41000") WAIT_FOR_LOG(3, "0x42000")
	WAIT_FOR_LOG(3, "0x43000") WAIT_IRQS(2)
	STOP_ALL DONE);

TEST_F(smp, broadcast)
{
	PUT(0, broadcasts);
	PUT(1, sleeper);
	PUT(2, spinner);
	PUT(3, sleeper);
	GO(4);
	EXPECT_TRUE(all_done(self->r, 4));
	EXPECT_EQ(reg(&self->g[0], TVX_R8), 0);
	EXPECT_EQ(irqs(&self->g[0])->of[0x41], 0);
	for (int i = 0; i < 4; i++) {
		EXPECT_EQ(irqs(&self->g[i])->of[0x42], 1);
		EXPECT_EQ(irqs(&self->g[i])->of[0x43], 1);
	}
	for (int i = 1; i < 4; i++)
		EXPECT_EQ(irqs(&self->g[i])->of[0x41], 1);
}

/* R9: how many were taken by 1 to 3 together. */
#define SUM "mov 0x41000, %r9\n add 0x42000, %r9\n add 0x43000, %r9\n"

GUEST64(lowest, X2APIC_ON WAIT_READY(3) "mov $1, %ebx\n"
	"1: " SEND(0x941, 0xe) "2: pause\n" SUM "cmp %rbx, %r9\n jb 2b\n"
	"inc %ebx\n cmp $30, %ebx\n jbe 1b\n" DELAY(100000) SUM "mov %r9, %r8\n" STOP_ALL DONE);

TEST_F(smp, lowest_priority)
{
	PUT(0, lowest);
	PUT(1, sleeper);
	PUT(2, spinner);
	PUT(3, sleeper);
	GO(4);
	EXPECT_TRUE(all_done(self->r, 4));
	/* Each to exactly one, and each has its turn. */
	EXPECT_EQ(reg(&self->g[0], TVX_R8), 30);
	for (int i = 1; i < 4; i++)
		EXPECT_EQ(irqs(&self->g[i])->of[0x41], 10);
	EXPECT_EQ(irqs(&self->g[0])->count, 0);
}

GUEST64(nmi_sender, X2APIC_ON WAIT_READY(1) "movl $1, " STOP "\n" SEND(0x400, 1) DONE);

TEST_F(smp, nmi)
{
	PUT(0, nmi_sender);
	PUT(1, sleeper);
	GO(2);
	EXPECT_TRUE(all_done(self->r, 2));
	ASSERT_EQ(idt_count(&self->g[1]), 1);
	EXPECT_EQ(came(&self->g[1], 0)->vector, NMI_VECTOR);
	EXPECT_EQ(irqs(&self->g[1])->count, 0);
}

/* Three in cluster 0, one in cluster 1: its log is that of id 17. */
FIXTURE(clusters) {
	struct guest g[MAX_VCPUS];
	struct runner r[MAX_VCPUS];
	int n;
	int running;
};

FIXTURE_SETUP(clusters)
{
	static const unsigned int ids[MAX_VCPUS] = { 0, 1, 2, LAST_ID };

	guest_open_flags(&self->g[0], TVX_VM_APIC);
	guest_vcpu(&self->g[0]);
	self->n = MAX_VCPUS;
	make_vcpus(self->g, ids, self->n);
	start_apic(&self->g[0], sleeper);
}

FIXTURE_TEARDOWN(clusters)
{
	destroy_vcpus(self->g, self->r, self->n, self->running);
}

GUEST64(logical, X2APIC_ON WAIT_READY(3)
	SEND(0x841, 0x6) WAIT_FOR_LOG(1, "0x41000") WAIT_FOR_LOG(1, "0x42000")	/* 1 and 2 */
	SEND(0x842, 0x10002) WAIT_FOR_LOG(1, "0x51000")		/* the one in cluster 1 */
	SEND(0x843, 0x10001) SEND(0x844, 0x20002) SEND(0x845, 0x8)	/* nobody */
	SEND(0x46, 17) WAIT_FOR_LOG(2, "0x51000") DELAY(100000) STOP_ALL DONE);

TEST_F(clusters, logical_destinations)
{
	static const uint8_t of[MAX_VCPUS][2] = { { 0, 0 }, { 1, 0 }, { 1, 0 }, { 0, 1 } };

	PUT(0, logical);
	for (int i = 1; i < 4; i++)
		PUT(i, sleeper);
	GO(4);
	EXPECT_TRUE(all_done(self->r, 4));
	for (int i = 0; i < 4; i++) {
		EXPECT_EQ(irqs(&self->g[i])->of[0x41], of[i][0]);
		EXPECT_EQ(irqs(&self->g[i])->of[0x42], of[i][1]);
		for (int vector = 0x43; vector <= 0x45; vector++)
			EXPECT_EQ(irqs(&self->g[i])->of[vector], 0);
	}
	EXPECT_EQ(irqs(&self->g[3])->of[0x46], 1);
}

/* ---- no wake-up is lost ---------------------------------------------------------------------- */

/* RSI: its log, EDI: the other one, R8: how often, R9: not 0 on the one that begins. */
#define TURNS(wait) X2APIC_ON I_AM_READY WAIT_READY(2) "mov $1, %ebx\n sti\n"	\
	"1: test %r9, %r9\n jz 2f\n call 5f\n"					\
	"2: " wait								\
	"3: test %r9, %r9\n jnz 4f\n call 5f\n"					\
	"4: inc %rbx\n cmp %r8, %rbx\n jbe 1b\n" DONE				\
	"5: mov $0x830, %ecx\n mov $0x41, %eax\n mov %edi, %edx\n wrmsr\n ret\n"

GUEST64(asleep, TURNS("6: cli\n cmp %rbx, (%rsi)\n jae 7f\n sti\n hlt\n jmp 6b\n 7: sti\n"));
GUEST64(awake, TURNS("6: pause\n cmp %rbx, (%rsi)\n jb 6b\n"));

static void set_turns(struct guest *g, int i, uint64_t n)
{
	tvx_set_gpr(&g[i].vcpu, TVX_RSI, IRQ_LOG_GPA + 4096 * i);
	tvx_set_gpr(&g[i].vcpu, TVX_RDI, !i);
	tvx_set_gpr(&g[i].vcpu, TVX_R8, n);
	tvx_set_gpr(&g[i].vcpu, TVX_R9, !i);
}

#define PING_PONG(first, second, turns) do {			\
	PUT(0, first);						\
	PUT(1, second);						\
	for (int i = 0; i < 2; i++)				\
		set_turns(self->g, i, turns);			\
	GO(2);							\
	EXPECT_TRUE(all_done(self->r, 2));			\
	for (int i = 0; i < 2; i++)				\
		EXPECT_EQ(irqs(&self->g[i])->count, turns);	\
} while (0)

TEST_F(smp, ping_pong_asleep)
{
	PING_PONG(asleep, asleep, 2000);
}

TEST_F(smp, ping_pong_awake)
{
	PING_PONG(awake, awake, 200);
}

TEST_F(smp, ping_pong_mixed)
{
	PING_PONG(awake, asleep, 1000);
}

/* ---- a world that changes ------------------------------------------------------------------------ */

static int pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return pthread_setaffinity_np(thread, sizeof(set), &set);
}

GUEST64(ticking, X2APIC_ON WRITE_MSR(0x83e, 0xb) WRITE_MSR(0x832, 0x20051) TSC("%r8")
	WRITE_MSR(0x838, 50000) "sti\n"
	/* asleep for a while, then awake */
	"1: hlt\n cmpq $100, " IRQS "\n jb 1b\n" WAIT_IRQS(200) DONE);

TEST_F(smp, timer_moves_along)
{
	struct guest *g = self->g;
	int hops = 0;

	if (sysconf(_SC_NPROCESSORS_CONF) < 2)
		SKIP(return, "needs two CPUs");
	PUT(0, ticking);
	GO(1);
	for (; hops < 2000 && !self->r[0].done; hops++) {
		pin(self->r[0].thread, hops % 2);
		usleep(1000);
	}
	EXPECT_GT(hops, 10);
	EXPECT_TRUE(all_done(self->r, 1));
	/* None is early; what was late makes for fewer, not for faster ones. */
	EXPECT_GE(irqs(g)->irq[199 % IRQ_MAX].tsc, reg(g, TVX_R8) + 200 * 50000);
}

GUEST64(nagging, X2APIC_ON I_AM_READY
	"1: " SEND(0x41, 1) SEND(0xc0041, 0) SEND(0x941, 0xe) SEND(0x4500, 1) SEND(0x400, 1)
	"cmpl $0, " STOP "\n je 1b\n" DONE);

TEST_F(smp, vcpus_come_and_go)
{
	struct guest *g = self->g;
	struct runner r;

	for (int i = 1; i < self->n; i++)
		tvx_vcpu_destroy(&g[i].vcpu);
	self->n = 1;
	PUT(0, nagging);
	GO(1);
	ASSERT_TRUE(WAIT_FOR(shared(g)->ready));
	for (int i = 0; i < 100; i++) {
		g[1] = g[0];
		ASSERT_EQ(tvx_vcpu_create(&g[0].vm, 1, &g[1].vcpu), 0);
		if (i % 4 == 0) {
			begin(&r, &g[1]);
			usleep(1000);
			tvx_vcpu_kick(&g[1].vcpu);
			EXPECT_EQ(end(&r), 0);
		}
		tvx_vcpu_destroy(&g[1].vcpu);
	}
	EXPECT_FALSE(self->r[0].done);
	shared(g)->stop = 1;
	EXPECT_TRUE(all_done(self->r, 1));
}

TEST_HARNESS_MAIN
