// SPDX-License-Identifier: GPL-2.0-only
/* What else the host does on a CPU that runs a guest, and what each sees of the other. */
#include <asm/ldt.h>
#include <linux/hw_breakpoint.h>
#include <linux/membarrier.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <time.h>

#include "tvx_test.h"

#define ROUNDS		8
#define MS		1000000ull

#define NEED_TWO_CPUS() do {						\
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)				\
		SKIP(return, "needs two CPUs");				\
} while (0)

/* What guest and host tell each other, at DATA_GPA. */
struct shared {
	volatile uint32_t ready, stop;
};
#define READY	"0x200000"
#define STOP	"0x200004"

/* Reads its debug registers back until one is another, or it is told to stop. */
#define PUT_DR(n)	"mov $0x5551" #n "0, %eax\nmov %rax, %dr" #n "\n"
#define CHECK_DR(n)	"mov %dr" #n ", %rbx\ncmp $0x5551" #n "0, %ebx\njne 2f\n" \
			"mov %rbx, %rax\nshr $32, %rax\njnz 2f\n"
GUEST64(dr_loop, PUT_DR(0) PUT_DR(1) PUT_DR(2) PUT_DR(3) "movl $1, " READY "\n"
	"1: " CHECK_DR(0) CHECK_DR(1) CHECK_DR(2) CHECK_DR(3)
	"cmpl $0, " STOP "\nje 1b\nxor %ebx, %ebx\n2: hlt");
GUEST64(busy, "movl $1, " READY "\n1: pause\ncmpl $0, " STOP "\nje 1b\nhlt");

static void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(pthread_setaffinity_np(pthread_self(), sizeof(set), &set));
}

/* A vCPU's thread, on CPU 1; the test itself is on CPU 0. */
struct neighbour {
	struct guest *g;
	pthread_t thread;
	volatile pid_t tid;
	int ret;
	volatile uint32_t written;	/* by the thread, after its RUN */
};

static struct shared *shared(struct guest *g)
{
	return (struct shared *)(g->mem + DATA_GPA);
}

static void run_to_its_end(struct neighbour *n)
{
	pin_to(1);
	n->tid = syscall(SYS_gettid);
	/* The kernel may have other work for a thread: EINTR with no signal. */
	do {
		n->ret = tvx_vcpu_run(&n->g->vcpu);
	} while (n->ret == -EINTR);
}

static void *run_guest(void *arg)
{
	struct neighbour *n = arg;

	run_to_its_end(n);
	n->written = 1;
	while (!shared(n->g)->stop)
		usleep(1000);
	return NULL;
}

static void begin(struct neighbour *n, struct guest *g, void *(*thread)(void *))
{
	*n = (struct neighbour){ .g = g };
	shared(g)->ready = 0;
	shared(g)->stop = 0;
	pin_to(0);
	must(pthread_create(&n->thread, NULL, thread, n));
	while (!shared(g)->ready)
		usleep(1000);
}

static void end(struct neighbour *n)
{
	shared(n->g)->stop = 1;
	must(pthread_join(n->thread, NULL));
}

static int watch(const volatile uint32_t *word, pid_t tid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (unsigned long)word,
		.bp_len = HW_BREAKPOINT_LEN_4,
		.exclude_kernel = 1,
	};

	return syscall(SYS_perf_event_open, &attr, tid, -1, -1, 0);
}

/*
 * A breakpoint that another CPU sets on a thread which is in a guest: the registers are the
 * guest's while it runs, and the breakpoint hits once the thread is back.
 */
TEST_F(vm, breakpoint_of_the_host)
{
	struct guest *g = &self->g;
	struct neighbour n;
	uint64_t hits = 0;
	int i, fd;

	NEED_TWO_CPUS();
	start(g, GUEST_LONG, dr_loop);
	begin(&n, g, run_guest);
	for (i = 0; i < ROUNDS; i++) {
		fd = watch(&n.written, n.tid);
		ASSERT_GE(fd, 0);
		usleep(5000);
		if (i < ROUNDS - 1)
			close(fd);
	}
	end(&n);
	EXPECT_EQ(n.ret, 0);
	EXPECT_EQ(out(g)->exit, TVX_EXIT_HLT);
	/* Else the value that was not the guest's. */
	EXPECT_EQ(reg(g, TVX_RBX), 0);
	ASSERT_EQ(read(fd, &hits, sizeof(hits)), sizeof(hits));
	EXPECT_EQ(hits, 1);
	close(fd);
}

/* An LDT that another thread gives the process while this one is in the guest. */
static void *use_the_ldt(void *arg)
{
	struct neighbour *n = arg;

	run_to_its_end(n);
	/* Entry 0 of the LDT, ring 3: #GP, and SIGSEGV, where there is none. */
	asm volatile("mov %0, %%es\n\tmov %1, %%es" : : "r" (7), "r" (0));
	n->written = 1;
	return NULL;
}

TEST_F(vm, an_ldt_that_comes_meanwhile)
{
	struct user_desc flat = { .entry_number = 0, .limit = 0xfffff, .seg_32bit = 1,
				  .limit_in_pages = 1 };
	struct guest *g = &self->g;
	struct neighbour n;

	NEED_TWO_CPUS();
	start(g, GUEST_LONG, busy);
	begin(&n, g, use_the_ldt);
	ASSERT_EQ(syscall(SYS_modify_ldt, 0x11, &flat, sizeof(flat)), 0);
	end(&n);
	EXPECT_EQ(n.written, 1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* A guest that never exits by itself does not hold up RCU: this waits for a grace period. */
TEST_F(vm, grace_periods_go_on)
{
	struct guest *g = &self->g;
	uint64_t begun, took[ROUNDS];
	struct neighbour n;
	int i;

	NEED_TWO_CPUS();
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		SKIP(return, "no MEMBARRIER_CMD_GLOBAL: nohz_full");
	start(g, GUEST_LONG, busy);
	begin(&n, g, run_guest);
	for (i = 0; i < ROUNDS; i++) {
		begun = now_ns();
		ASSERT_EQ(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0), 0);
		took[i] = now_ns() - begun;
	}
	end(&n);
	EXPECT_EQ(n.ret, 0);
	/* The median: a few ticks, and not as long as RCU waits before it has CPUs reschedule. */
	qsort(took, ROUNDS, sizeof(took[0]), compare);
	EXPECT_LT(took[ROUNDS / 2], 60 * MS);
}

GUEST64(outs, "1: out %al, $0x80\n jmp 1b\n");

/* TSC ticks of the cheapest RUN of some; @pause: rounds of a loop before each */
static uint64_t cheapest_run(struct guest *g, int pause)
{
	uint64_t least = UINT64_MAX, begun, took;
	int i;

	for (i = 0; i < 20; i++) {
		for (volatile int n = 0; n < pause; n++)
			;
		begun = __builtin_ia32_rdtsc();
		must(run(g) == TVX_EXIT_IO ? 0 : EIO);
		took = __builtin_ia32_rdtsc() - begun;
		if (took < least)
			least = took;
	}
	return least;
}

/*
 * The host had its interrupts during the pause: RUN need not let them in again before it enters
 * the guest, for which it would give VMX back and take it again (hold=window: by a quarter dearer).
 */
TEST_F(vm, a_run_after_a_pause_costs_as_much)
{
	struct guest *g = &self->g;
	uint64_t at_once;

	if (sysconf(_SC_NPROCESSORS_ONLN) > 1)
		SKIP(return, "the emulator's TSC counts what all CPUs execute");
	start(g, GUEST_LONG, outs);
	cheapest_run(g, 0);
	at_once = cheapest_run(g, 0);
	EXPECT_LT(cheapest_run(g, 100000), at_once + at_once / 8);
}

TEST_HARNESS_MAIN
