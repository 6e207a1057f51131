// SPDX-License-Identifier: GPL-2.0-only
/* Local APICs of several vCPUs: how they start, by INIT and STARTUP. */
#include <sys/resource.h>

#include "tvx_smp.h"

#define SIPI_VECTOR	9
#define SIPI_GPA	(SIPI_VECTOR << 12)

static uint32_t activity(struct guest *g)
{
	struct tvx_state state;

	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_EVENTS));
	return state.activity;
}

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
	usleep(5000);
	ASSERT_EQ(pthread_kill(r.thread, SIGUSR1), 0);
	EXPECT_EQ(end(&r), -EINTR);
	EXPECT_EQ(out(g)->exit, TVX_EXIT_INTERRUPTED);
	EXPECT_EQ(activity(g), TVX_WAIT_SIPI);
}

/* Its timer is nothing to a vCPU that waits for STARTUP: it does not wake for it. */
TEST_F(smp, waiting_for_startup_with_a_timer)
{
	struct guest *g = &self->g[1];
	struct tvx_apic apic = apic_of(g);
	struct rusage before, after;

	apic.reg[REG_SPIV] = 0x1ff;
	apic.reg[REG_LVTT] = IRQ;
	apic.reg[REG(0x380)] = 1000;
	apic.timer = 1000;
	ASSERT_EQ(tvx_vcpu_set_apic(&g->vcpu, &apic), 0);
	ASSERT_EQ(activity(g), TVX_WAIT_SIPI);
	must(getrusage(RUSAGE_THREAD, &before) ? errno : 0);
	g->vcpu.run->in.slice = g->dev.info.tsc_khz * 20;
	ASSERT_EQ(tvx_vcpu_run(&g->vcpu), 0);
	EXPECT_EQ(out(g)->exit, TVX_EXIT_SLICE);
	must(getrusage(RUSAGE_THREAD, &after) ? errno : 0);
	g->vcpu.run->in.slice = 0;
	EXPECT_LT(after.ru_nvcsw - before.ru_nvcsw, 20);
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

TEST_HARNESS_MAIN
