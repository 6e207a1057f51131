// SPDX-License-Identifier: GPL-2.0-only
/* TVX_VCPU_RUN and KICK: what goes in by the run page, and all that ends a RUN. */
#include <sys/resource.h>
#include <sys/time.h>

#include "tvx_test.h"

GUEST64(hlt, "hlt");
GUEST64(count, "1: inc %rbx\nincq 0x200000\njmp 1b");
GUEST64(endless_no_interrupts, "cli\n1: jmp 1b");
GUEST64(add, "add %rsi, %rdi\nmov %rsp, %r15\npushf\npop %r14\nhlt");
GUEST64(tick, "1: mov $0x20, %eax\nout %al, $0x10\njmp 1b");

#define COUNTER(g) (*(volatile uint64_t *)((g)->mem + DATA_GPA))

/* RUN in a thread of its own. */
struct runner {
	struct guest *g;
	pthread_t thread;
	int ret;
	volatile bool done;
};

static void *run_once(void *arg)
{
	struct runner *r = arg;

	r->ret = tvx_vcpu_run(&r->g->vcpu);
	r->done = true;
	return NULL;
}

static void begin(struct runner *r, struct guest *g)
{
	*r = (struct runner){ .g = g };
	must(pthread_create(&r->thread, NULL, run_once, r));
}

static int end(struct runner *r)
{
	must(pthread_join(r->thread, NULL));
	return r->ret;
}

/* Until the guest of count is seen to run. */
static void wait_for_guest(struct guest *g)
{
	uint64_t seen = COUNTER(g);

	while (COUNTER(g) == seen)
		usleep(1000);
}

static void nothing(int sig)
{
}

static void handle(int sig)
{
	struct sigaction action = { .sa_handler = nothing };

	must(sigaction(sig, &action, NULL));
}

/* ---- the in-half --------------------------------------------------------------------- */

TEST_F(vm, immediate_exit_loads_and_enters_nothing)
{
	struct guest *g = &self->g;
	struct tvx_stats before, after;

	start(g, GUEST_LONG, count);
	ASSERT_EQ(0, tvx_vcpu_get_stats(&g->vcpu, &before));
	g->vcpu.run->in.immediate_exit = 1;
	tvx_set_gpr(&g->vcpu, TVX_RBX, 77);
	ASSERT_EQ(-EINTR, tvx_vcpu_run(&g->vcpu));
	EXPECT_EQ(TVX_EXIT_INTERRUPTED, out(g)->exit);
	EXPECT_EQ(0, out(g)->flags & TVX_OUT_SIGNAL);
	EXPECT_EQ(77, reg(g, TVX_RBX));
	EXPECT_EQ(CODE_GPA, out(g)->rip);
	EXPECT_EQ(0, COUNTER(g));
	ASSERT_EQ(0, tvx_vcpu_get_stats(&g->vcpu, &after));
	EXPECT_EQ(before.runs + 1, after.runs);
	EXPECT_EQ(before.guest_cycles, after.guest_cycles);
}

TEST_F(vm, dirty_registers_are_loaded)
{
	struct guest *g = &self->g;
	unsigned int i;

	start(g, GUEST_LONG, add);
	for (i = 0; i < TVX_NR_GPRS; i++)
		if (i != TVX_RSP)
			tvx_set_gpr(&g->vcpu, i, 0x1000 * (i + 1));
	tvx_set_gpr(&g->vcpu, TVX_RSP, STACK_GPA - 64);
	/* Flags that the ADD changes, and DF, which it does not. */
	tvx_set_rflags(&g->vcpu, 0x402);
	ASSERT_EQ(TVX_EXIT_HLT, run(g));
	EXPECT_EQ(0x1000 * (TVX_RSI + TVX_RDI + 2), reg(g, TVX_RDI));
	EXPECT_EQ(STACK_GPA - 64, reg(g, TVX_R15));
	EXPECT_EQ(0x400, reg(g, TVX_R14) & 0x400);
	EXPECT_EQ(0x1000 * (TVX_RBX + 1), reg(g, TVX_RBX));
	/* Not dirty, not loaded. */
	g->vcpu.run->in.gpr[TVX_RBX] = 5;
	g->vcpu.run->in.immediate_exit = 1;
	ASSERT_EQ(-EINTR, tvx_vcpu_run(&g->vcpu));
	EXPECT_EQ(0x1000 * (TVX_RBX + 1), reg(g, TVX_RBX));
}

TEST_F(vm, malformed_in_halves_are_einval)
{
	struct guest *g = &self->g;
	struct tvx_run_in *in = &g->vcpu.run->in, good;
	unsigned int i;

	start(g, GUEST_LONG, hlt);
	good = *in;
	for (i = 18; i < 32; i++) {
		in->dirty = 1u << i | 1u << TVX_RBX;
		in->gpr[TVX_RBX] = 1;
		EXPECT_EQ(-EINVAL, tvx_vcpu_run(&g->vcpu));
	}
	*in = good;
	for (i = 2; i < 32; i++) {
		in->requests = 1u << i;
		EXPECT_EQ(-EINVAL, tvx_vcpu_run(&g->vcpu));
	}
	*in = good;
	in->reserved = 1;
	EXPECT_EQ(-EINVAL, tvx_vcpu_run(&g->vcpu));
	*in = good;
	in->event = (struct tvx_event){ .flags = TVX_EVENT_VALID, .type = 7 };
	EXPECT_EQ(-EINVAL, tvx_vcpu_run(&g->vcpu));
	in->event = (struct tvx_event){ .flags = 0x80 };
	EXPECT_EQ(-EINVAL, tvx_vcpu_run(&g->vcpu));
	in->event = (struct tvx_event){ .flags = TVX_EVENT_ERROR_CODE, .type = 0x55 };
	EXPECT_EQ(-EINVAL, tvx_vcpu_run(&g->vcpu));
	in->event = (struct tvx_event){ .flags = TVX_EVENT_VALID, .type = TVX_EVENT_EXCEPTION,
					.vector = 32 };
	EXPECT_EQ(-EINVAL, tvx_vcpu_run(&g->vcpu));
	/* Nothing of all that was taken. */
	*in = good;
	ASSERT_EQ(TVX_EXIT_HLT, run(g));
	EXPECT_EQ(0, reg(g, TVX_RBX));
}

TEST_F(vm, slice_ends_a_run)
{
	struct guest *g = &self->g;
	int i;

	if (!has_feature(g, TVX_FEAT_SLICE))
		SKIP(return, "no VMX preemption timer");
	start(g, GUEST_LONG, count);
	g->vcpu.run->in.slice = 100000;
	ASSERT_EQ(TVX_EXIT_SLICE, run(g));
	/* A slice may go by with the first faults; not many do. */
	for (i = 0; i < 100 && !reg(g, TVX_RBX); i++)
		ASSERT_EQ(TVX_EXIT_SLICE, run(g));
	EXPECT_GT(reg(g, TVX_RBX), 0);
	g->vcpu.run->in.slice = 1;
	ASSERT_EQ(TVX_EXIT_SLICE, run(g));
}

/* ---- signals and kicks ----------------------------------------------------------------- */

TEST_F(vm, a_timer_interrupts)
{
	struct itimerval soon = { .it_value.tv_usec = 20000 };
	struct guest *g = &self->g;
	int i;

	handle(SIGVTALRM);
	handle(SIGPROF);
	start(g, GUEST_LONG, count);
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, setitimer(ITIMER_PROF, &soon, NULL));
		ASSERT_EQ(-EINTR, tvx_vcpu_run(&g->vcpu));
		EXPECT_EQ(TVX_EXIT_INTERRUPTED, out(g)->exit);
		EXPECT_EQ(TVX_OUT_SIGNAL, out(g)->flags & TVX_OUT_SIGNAL);
	}
	EXPECT_GT(reg(g, TVX_RBX), 0);
}

/* Takes the CPU away from us, again and again. */
static pid_t start_rival(void)
{
	pid_t pid = fork();

	while (!pid)
		;
	return pid;
}

static void stop_rival(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* glibc has each thread's area for restartable sequences registered: work for the kernel. */
TEST_F(vm, a_preemption_ends_no_run)
{
	struct rusage before, after;
	struct guest *g = &self->g;
	pid_t rival;
	int i;

	if (!has_feature(g, TVX_FEAT_SLICE))
		SKIP(return, "no VMX preemption timer");
	start(g, GUEST_LONG, count);
	rival = start_rival();
	g->vcpu.run->in.slice = 2000000;	/* 40 ms in the emulated host */
	must(getrusage(RUSAGE_THREAD, &before));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, tvx_vcpu_run_once(&g->vcpu));
		ASSERT_EQ(TVX_EXIT_SLICE, out(g)->exit);
	}
	must(getrusage(RUSAGE_THREAD, &after));
	stop_rival(rival);
	if (sysconf(_SC_NPROCESSORS_ONLN) == 1) {
		EXPECT_GT(after.ru_nivcsw, before.ru_nivcsw);
	}
}

TEST_F(vm, a_kick_before_ends_the_next_run_only)
{
	struct guest *g = &self->g;

	start(g, GUEST_LONG, hlt);
	ASSERT_EQ(0, tvx_vcpu_kick(&g->vcpu));
	ASSERT_EQ(0, tvx_vcpu_kick(&g->vcpu));
	EXPECT_EQ(TVX_EXIT_INTERRUPTED, run(g));
	EXPECT_EQ(CODE_GPA, out(g)->rip);
	EXPECT_EQ(TVX_EXIT_HLT, run(g));
	/* Also where there would be nothing to enter. */
	ASSERT_EQ(0, tvx_vcpu_kick(&g->vcpu));
	EXPECT_EQ(TVX_EXIT_INTERRUPTED, run(g));
	EXPECT_EQ(TVX_EXIT_HLT, run(g));
}

/* However little time there is, the kick is not lost behind the slice. */
TEST_F(vm, a_kick_goes_before_a_slice)
{
	struct guest *g = &self->g;

	if (!has_feature(g, TVX_FEAT_SLICE))
		SKIP(return, "no VMX preemption timer");
	start(g, GUEST_LONG, count);
	g->vcpu.run->in.slice = 1;
	ASSERT_EQ(TVX_EXIT_SLICE, run(g));
	ASSERT_EQ(0, tvx_vcpu_kick(&g->vcpu));
	ASSERT_EQ(TVX_EXIT_INTERRUPTED, run(g));
	ASSERT_EQ(TVX_EXIT_SLICE, run(g));
}

static int kick_running(struct guest *g)
{
	struct runner r;

	begin(&r, g);
	wait_for_guest(g);
	must(tvx_vcpu_kick(&g->vcpu));
	return end(&r);
}

TEST_F(vm, a_kick_ends_the_run_under_way)
{
	struct guest *g = &self->g;
	int i;

	start(g, GUEST_LONG, count);
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, kick_running(g));
		ASSERT_EQ(TVX_EXIT_INTERRUPTED, out(g)->exit);
	}
}

TEST_F(vm, a_kick_ends_a_guest_without_interrupts)
{
	struct guest *g = &self->g;
	struct runner r;

	start(g, GUEST_LONG, endless_no_interrupts);
	begin(&r, g);
	usleep(20000);
	ASSERT_EQ(0, tvx_vcpu_kick(&g->vcpu));
	ASSERT_EQ(0, end(&r));
	EXPECT_EQ(TVX_EXIT_INTERRUPTED, out(g)->exit);
	EXPECT_EQ(0, out(g)->rflags & 0x200);
}

/* Every kick is seen: a guest that exits all the time is stopped at a bounded place. */
TEST_F(vm, kicks_are_not_lost_among_exits)
{
	struct guest *g = &self->g;
	int i, ios;

	start(g, GUEST_LONG, tick);
	for (i = 0; i < 200; i++) {
		if (i % 3 == 0) {
			ASSERT_EQ(0, tvx_vcpu_kick(&g->vcpu));
		}
		for (ios = 0; run(g) == TVX_EXIT_IO; ios++) {
			tvx_skip_insn(&g->vcpu);
			if (i % 3)
				break;
			ASSERT_EQ(0, ios);
		}
	}
}

/* Comes back to the guest whatever happens, until it is kicked. */
static void *run_stubbornly(void *arg)
{
	while (tvx_vcpu_run(arg))
		;
	return NULL;
}

/* EBUSY, sooner or later: RUN may be left for a moment with EINTR. */
#define EXPECT_BUSY(call) do {						\
	int busy_tries = 1000;						\
	while ((call) != -EBUSY && --busy_tries)			\
		;							\
	EXPECT_NE(0, busy_tries) TH_LOG("%s", #call);			\
} while (0)

TEST_F(vm, one_thread_at_a_time)
{
	struct guest *g = &self->g;
	struct tvx_state state;
	struct tvx_stats stats;
	struct tvx_msr msr = { .index = 0xc0000082 };
	static uint8_t area[65536];
	uint64_t len = sizeof(area);
	char *text = NULL;
	pthread_t thread;

	start(g, GUEST_LONG, count);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_stubbornly, &g->vcpu));
	wait_for_guest(g);
	EXPECT_BUSY(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_ALL));
	state.sections = 0;
	EXPECT_BUSY(tvx_vcpu_set_state(&g->vcpu, &state));
	EXPECT_BUSY(tvx_vcpu_get_msrs(&g->vcpu, &msr, 1, NULL));
	EXPECT_BUSY(tvx_vcpu_get_xsave(&g->vcpu, area, &len));
	EXPECT_BUSY(tvx_vcpu_report(&g->vcpu, TVX_REPORT_VMCS, &text));
	EXPECT_EQ(0, tvx_vcpu_get_stats(&g->vcpu, &stats));
	ASSERT_EQ(0, tvx_vcpu_kick(&g->vcpu));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_ALL));
}

/* Of two threads in RUN one is sent away, the other runs until the kick. */
TEST_F(vm, two_threads_in_run)
{
	struct guest *g = &self->g;
	struct runner r[2];

	start(g, GUEST_LONG, count);
	begin(&r[0], g);
	begin(&r[1], g);
	while (!r[0].done && !r[1].done)
		usleep(1000);
	wait_for_guest(g);
	ASSERT_EQ(0, tvx_vcpu_kick(&g->vcpu));
	EXPECT_EQ(-EBUSY, end(&r[0]) + end(&r[1]));
}

/* ---- signals from outside ------------------------------------------------------------------ */

GUEST64(count_shared, "1: incq 0x800000\njmp 1b");

/* A process whose guest counts in @counter, and which does nothing but RUN. */
static pid_t counting_process(volatile uint64_t *counter)
{
	pid_t child = fork();
	struct guest g;

	if (child)
		return child;
	guest_open(&g);
	must(tvx_vm_set_slot(&g.vm, 1, 0x800000, 4096, (void *)counter, 0));
	guest_vcpu(&g);
	start(&g, GUEST_LONG, count_shared);
	/* A stop is a signal, too. */
	for (;;)
		tvx_vcpu_run(&g.vcpu);
}

static void wait_for_change(volatile uint64_t *counter)
{
	uint64_t seen = *counter;

	while (*counter == seen)
		usleep(1000);
}

TEST(stop_continue_terminate)
{
	volatile uint64_t *counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t stopped;
	int status, i;
	pid_t child;

	ASSERT_NE(MAP_FAILED, counter);
	child = counting_process(counter);
	for (i = 0; i < 5; i++) {
		wait_for_change(counter);
		ASSERT_EQ(0, kill(child, SIGSTOP));
		ASSERT_EQ(child, waitpid(child, &status, WUNTRACED));
		ASSERT_TRUE(WIFSTOPPED(status));
		stopped = *counter;
		usleep(10000);
		EXPECT_EQ(stopped, *counter);
		ASSERT_EQ(0, kill(child, SIGCONT));
	}
	wait_for_change(counter);
	ASSERT_EQ(0, kill(child, SIGTERM));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGTERM, WTERMSIG(status));
	stopped = *counter;
	usleep(10000);
	EXPECT_EQ(stopped, *counter);
}

TEST_HARNESS_MAIN
