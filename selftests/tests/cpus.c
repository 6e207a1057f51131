// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs and the machine's CPUs: hopping, crowding, CPUs that go and come, invalidation
 * across CPUs.
 */
#include "worker.h"

#define ROUNDS		10
#define CONTROL(n)	(DATA_GPA + (n) * PAGE)
#define AREA(n)		(WORK_GPA + (n) * WORK_LEN)
#define CROWD		4
#define CPU1_ONLINE	"/sys/devices/system/cpu/cpu1/online"

#define NEED_TWO_CPUS() do {						\
	if (sysconf(_SC_NPROCESSORS_CONF) < 2)				\
		SKIP(return, "needs two CPUs");				\
} while (0)

static int pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (cpu >= 0)
		CPU_SET(cpu, &set);
	else
		for (int i = 0; i < sysconf(_SC_NPROCESSORS_CONF); i++)
			CPU_SET(i, &set);
	return pthread_setaffinity_np(thread, sizeof(set), &set);
}

/* Some vCPUs of one VM, each with pages of its own to count in. */
FIXTURE(cpus) {
	struct guest g[CROWD];		/* all of one VM: g[0] owns it */
	struct worker w[CROWD];
	uint8_t *mem;
	int n;
};

FIXTURE_SETUP(cpus)
{
	guest_open(&self->g[0]);
	guest_vcpu(&self->g[0]);
	self->n = 1;
	self->mem = mmap(NULL, CROWD * WORK_LEN, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(self->mem, MAP_FAILED);
	ASSERT_EQ(tvx_vm_set_slot(&self->g[0].vm, WORK_SLOT, WORK_GPA, CROWD * WORK_LEN, self->mem,
				  0), 0);
}

FIXTURE_TEARDOWN(cpus)
{
	for (int i = 0; i < self->n; i++)
		EXPECT_TRUE(worker_stop(&self->w[i]));
	for (int i = 1; i < self->n; i++)
		tvx_vcpu_destroy(&self->g[i].vcpu);
	guest_close(&self->g[0]);
	EXPECT_EQ(module_users(), 0);
}

/* @n workers under way; their pages are at @mem + i * WORK_LEN. */
static void go(struct guest *g, struct worker *w, int *nr, int n)
{
	for (int i = 0; i < n; i++) {
		if (i) {
			g[i] = g[0];
			must(tvx_vcpu_create(&g[0].vm, i, &g[i].vcpu));
			*nr = i + 1;
		}
		start(&g[i], GUEST_LONG, work);
	}
	for (int i = 0; i < n; i++)
		worker_start(&w[i], &g[i].vcpu, CONTROL(i), AREA(i));
}
#define GO(count) go(self->g, self->w, &self->n, count)

static bool all_count(struct worker *w, uint8_t *mem, int n)
{
	for (int i = 0; i < n; i++)
		if (!counts(&w[i], mem + i * WORK_LEN))
			return false;
	return true;
}

/* ---- hopping ---------------------------------------------------------------------- */

/*
 * Round by round: XMM0 += XMM1, DR0 += 3, a SYSCALL through LSTAR, KERNEL_GS_BASE,
 * then an exit. SYSCALL goes to the host's kernel if it finds the wrong LSTAR.
 */
GUEST64(hop,
	"mov $0xc0000081, %ecx\n xor %eax, %eax\n mov $8, %edx\n wrmsr\n"
	"lea 2f(%rip), %rax\n xor %edx, %edx\n mov $0xc0000082, %ecx\n wrmsr\n"
	"mov $0xc0000084, %ecx\n xor %eax, %eax\n wrmsr\n"
	"mov $0xc0000102, %ecx\n mov $0x55667788, %eax\n mov $0x3344, %edx\n wrmsr\n"
	"mov $7, %eax\n movq %rax, %xmm1\n pxor %xmm0, %xmm0\n xor %eax, %eax\n mov %rax, %dr0\n"
	"1: paddq %xmm1, %xmm0\n movq %xmm0, %r8\n"
	"mov %dr0, %r9\n add $3, %r9\n mov %r9, %dr0\n"
	"xor %r10, %r10\n syscall\n ud2\n"
	"2: mov $1, %r10\n mov $0xc0000102, %ecx\n rdmsr\n shl $32, %rdx\n or %rdx, %rax\n"
	"mov %rax, %r11\n out %al, $0x80\n jmp 1b");

static void start_hop(struct guest *g)
{
	struct tvx_state state;

	start(g, GUEST_LONG, hop);
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_CONTROL));
	state.efer |= 1;	/* SCE */
	must(tvx_vcpu_set_state(&g->vcpu, &state));
}

TEST_F(cpus, state_comes_along)
{
	struct guest *g = &self->g[0];
	struct tvx_stats before, stats;

	NEED_TWO_CPUS();
	start_hop(g);
	for (int i = 1; i <= 4 * ROUNDS; i++) {
		ASSERT_EQ(pin(pthread_self(), i % 2), 0);
		if (i > 1)
			tvx_skip_insn(&g->vcpu);
		ASSERT_EQ(run(g), TVX_EXIT_IO);
		ASSERT_EQ(reg(g, TVX_R8), 7 * i);
		ASSERT_EQ(reg(g, TVX_R9), 3 * i);
		ASSERT_EQ(reg(g, TVX_R10), 1);
		ASSERT_EQ(reg(g, TVX_R11), 0x334455667788ull);
		must(tvx_vcpu_get_stats(&g->vcpu, &stats));
		ASSERT_EQ(stats.cpu, i % 2);
		if (i == 1)
			before = stats;
	}
	EXPECT_EQ(stats.migrations - before.migrations, 4 * ROUNDS - 1);
}

TEST_F(cpus, hops_while_it_runs)
{
	NEED_TWO_CPUS();
	GO(1);
	for (int i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(pin(self->w[0].thread, i % 2), 0);
		ASSERT_TRUE(all_count(self->w, self->mem, 1));
	}
	ASSERT_TRUE(worker_stop(&self->w[0]));
	for (unsigned int i = 0; i < WORK_PAGES; i++)
		EXPECT_EQ(*count_of(self->mem, i), laps(&self->w[0]));
}

/* ---- many ---------------------------------------------------------------------------- */

TEST_F(cpus, two_at_once)
{
	NEED_TWO_CPUS();
	GO(2);
	for (int i = 0; i < ROUNDS; i++) {
		/* Side by side, crossed, both on one. */
		ASSERT_EQ(pin(self->w[0].thread, i % 2), 0);
		ASSERT_EQ(pin(self->w[1].thread, i % 3 == 2 ? i % 2 : !(i % 2)), 0);
		ASSERT_TRUE(all_count(self->w, self->mem, 2));
	}
}

TEST_F(cpus, more_vcpus_than_cpus)
{
	GO(CROWD);
	for (int i = 0; i < 3; i++)
		ASSERT_TRUE(all_count(self->w, self->mem, CROWD));
	for (int i = 0; i < CROWD; i++) {
		ASSERT_TRUE(worker_stop(&self->w[i]));
		for (unsigned int page = 0; page < WORK_PAGES; page++)
			EXPECT_EQ(*count_of(self->mem + i * WORK_LEN, page), laps(&self->w[i]));
	}
}

TEST_F(cpus, kick)
{
	GO(1);
	for (int i = 0; i < ROUNDS; i++) {
		ASSERT_TRUE(more_laps(&self->w[0], 1));
		unsigned int before = self->w[0].interrupted;

		ASSERT_EQ(tvx_vcpu_kick(&self->g[0].vcpu), 0);
		for (int ms = 0; ms < PATIENCE && self->w[0].interrupted == before; ms++)
			usleep(1000);
		EXPECT_GE(self->w[0].interrupted, before + 1);
	}
	ASSERT_TRUE(all_count(self->w, self->mem, 1));
}

/* What one thread takes away is gone on every CPU: no count goes on from a stale page. */
TEST_F(cpus, invalidation_reaches_both)
{
	NEED_TWO_CPUS();
	GO(2);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(pin(self->w[i].thread, i), 0);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t since[2];

		ASSERT_TRUE(all_count(self->w, self->mem, 2));
		for (int i = 0; i < 2; i++)
			since[i] = laps(&self->w[i]);
		ASSERT_EQ(madvise(self->mem, 2 * WORK_LEN, MADV_DONTNEED), 0);
		ASSERT_TRUE(all_count(self->w, self->mem, 2));
		for (unsigned int page = 0; page < 2 * WORK_PAGES; page++) {
			int i = page / WORK_PAGES;
			uint64_t count = *count_of(self->mem, page);

			EXPECT_LE(count, laps(&self->w[i]) - since[i] + 2);
		}
	}
}

/* ---- CPUs that go and come ------------------------------------------------------------- */

#define NEED_HOTPLUG() do {						\
	NEED_TWO_CPUS();						\
	if (!write_file(CPU1_ONLINE, "1"))				\
		SKIP(return, "CPU 1 cannot be taken offline");		\
} while (0)

TEST_F(cpus, cpu_goes_and_comes)
{
	NEED_HOTPLUG();
	GO(2);
	for (int i = 0; i < 4; i++) {
		/* In even rounds the first vCPU sits on the CPU that goes. */
		ASSERT_EQ(pin(self->w[0].thread, i % 2 ? -1 : 1), 0);
		ASSERT_TRUE(all_count(self->w, self->mem, 2));
		ASSERT_TRUE(write_file(CPU1_ONLINE, "0"));
		EXPECT_TRUE(all_count(self->w, self->mem, 2));
		ASSERT_TRUE(write_file(CPU1_ONLINE, "1"));
		EXPECT_TRUE(all_count(self->w, self->mem, 2));
	}
}

/* Its VMCS was last loaded on a CPU that is gone. */
TEST_F(cpus, stopped_vcpu_outlives_its_cpu)
{
	struct guest *g = &self->g[0];

	NEED_HOTPLUG();
	start_hop(g);
	for (int i = 1; i <= 3; i++) {
		ASSERT_EQ(pin(pthread_self(), 1), 0);
		if (i > 1)
			tvx_skip_insn(&g->vcpu);
		ASSERT_EQ(run(g), TVX_EXIT_IO);
		ASSERT_EQ(pin(pthread_self(), -1), 0);
		ASSERT_TRUE(write_file(CPU1_ONLINE, "0"));
		tvx_skip_insn(&g->vcpu);
		ASSERT_EQ(run(g), TVX_EXIT_IO);
		EXPECT_EQ(reg(g, TVX_R8), 7 * 2 * i);
		EXPECT_EQ(reg(g, TVX_R9), 3 * 2 * i);
		ASSERT_TRUE(write_file(CPU1_ONLINE, "1"));
	}
}

/* The first VM of all came when CPU 1 was offline: VMX goes on there as it comes. */
TEST(vm_from_before_the_cpu)
{
	struct guest g;

	NEED_HOTPLUG();
	ASSERT_TRUE(write_file(CPU1_ONLINE, "0"));
	guest_open(&g);
	guest_vcpu(&g);
	start_hop(&g);
	EXPECT_EQ(run(&g), TVX_EXIT_IO);
	ASSERT_TRUE(write_file(CPU1_ONLINE, "1"));
	ASSERT_EQ(pin(pthread_self(), 1), 0);
	tvx_skip_insn(&g.vcpu);
	EXPECT_EQ(run(&g), TVX_EXIT_IO);
	EXPECT_EQ(reg(&g, TVX_R8), 14);
	guest_close(&g);
	EXPECT_EQ(module_users(), 0);
}

TEST_HARNESS_MAIN
