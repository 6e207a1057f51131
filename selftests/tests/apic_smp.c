// SPDX-License-Identifier: GPL-2.0-only
/* Local APICs of several vCPUs: what they send each other. */
#include "tvx_smp.h"

#define LAST_ID		17		/* of the last vCPU of fixture clusters: in cluster 1 */

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
	WAIT_FOR_LOG(1, "0x43000") GET_IRQS("%r8")
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

/* ---- no wake-up is lost ------------------------------------------------------------------- */

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

/* ---- a world that changes ----------------------------------------------------------------- */

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
