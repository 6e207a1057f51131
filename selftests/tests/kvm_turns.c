// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest of KVM's and one of ours take turns on a CPU, and each finds all of its own again:
 * registers, XMM, CR2, and the MSRs that KVM leaves in the CPU between its guests' runs (the
 * targets of SYSCALL, TSC_AUX), which it believes to be there still.
 *
 * With rseq each switch of threads ends a RUN, and KVM repairs its MSRs on the way: without.
 * TVX_TURNS: how many turns, in place of the few that are always made.
 */
#include "kvm_guest.h"

#define HANDLER_GPA	0x20000ull
#define PAGES_GPA	0x200000ull
#define PAGES		256

#define LSTAR		"$0xc0000082"
#define TAG		(uint64_t)0x61

/*
 * r8: a number that each guest has of its own; r9: its handler; r10: turns per OUT.  Each turn
 * adds what the guest finds to rbx (the handler's), r12 (TSC_AUX), r13 (KERNEL_GS_BASE), r14
 * (XMM5), rsi (CR2), rbp (LSTAR); r15 counts.
 */
GUEST64(turns,
	"mov $0xc0000080, %ecx; rdmsr; or $1, %eax; wrmsr\n"
	"mov $0xc0000081, %ecx; xor %eax, %eax; mov $0x00080008, %edx; wrmsr\n"
	"mov " LSTAR ", %ecx; mov %r9, %rax; xor %edx, %edx; wrmsr\n"
	"mov $0xc0000084, %ecx; mov %r8, %rax; and $0x400, %eax; xor %edx, %edx; wrmsr\n"
	"mov $0xc0000103, %ecx; mov %r8, %rax; xor %edx, %edx; wrmsr\n"
	"mov $0xc0000102, %ecx; mov %r8, %rax; mov %r8, %rdx; and $0x7f, %edx; wrmsr\n"
	"mov %r8, %cr2\n"
	"movq %r8, %xmm5; movq %r10, %xmm6\n"
	"xor %ebx, %ebx; xor %r12d, %r12d; xor %r13d, %r13d; xor %r14d, %r14d\n"
	"xor %r15d, %r15d; xor %ebp, %ebp; xor %esi, %esi\n"
	"1: syscall\n"
	"rdtscp; mov %ecx, %ecx; add %rcx, %r12\n"
	"swapgs; mov $0xc0000101, %ecx; rdmsr; shl $32, %rdx; mov %eax, %eax\n"
	"or %rdx, %rax; add %rax, %r13; swapgs\n"
	"movq %xmm5, %rax; add %rax, %r14\n"
	"mov %cr2, %rax; add %rax, %rsi\n"
	"xor %eax, %eax; push %rbx; cpuid; pop %rbx\n"
	"mov " LSTAR ", %ecx; rdmsr; mov %eax, %eax; add %rax, %rbp\n"
	"mov %r15, %rax; and $255, %eax; shl $12, %rax; incq 0x200000(%rax)\n"
	"inc %r15\n"
	"dec %r10; jnz 1b\n"
	"movq %xmm6, %r10\n"
	"mov %r15, %rax; out %eax, $0x50\n"
	"jmp 1b");
/* The first instruction's immediate is the guest's own. */
GUEST64(handler, "movabs $0x1111111111111111, %r11; add %r11, %rbx; jmp *%rcx");

struct sums {
	uint64_t rbx, r12, r13, r14, rsi, rbp, rax, r15;
};

struct player {
	bool is_kvm;
	uint64_t number, per_turn, n;
	struct guest g;
	struct kvm_guest k;
};

static uint64_t constant(uint64_t number)
{
	return 0x100000001ull * (number * 7919 + 13);
}

static void make(struct player *p)
{
	uint64_t own = constant(p->number);
	struct guest *g = &p->g;
	struct tvx_state st;

	guest_open(g);
	guest_vcpu(g);
	memcpy(g->mem + HANDLER_GPA + 0x40 * p->number, handler_code, handler_end - handler_code);
	memcpy(g->mem + HANDLER_GPA + 0x40 * p->number + 2, &own, sizeof(own));
	start(g, GUEST_LONG, turns);
	must(tvx_vcpu_get_state(&g->vcpu, &st, TVX_STATE_GPRS));
	st.gpr[TVX_R8] = TAG + p->number;
	st.gpr[TVX_R9] = HANDLER_GPA + 0x40 * p->number;
	st.gpr[TVX_R10] = p->per_turn;
	must(tvx_vcpu_set_state(&g->vcpu, &st));
	if (!p->is_kvm)
		return;
	kvm_open(&p->k);
	kvm_start_as(&p->k, g);
}

static void end(struct player *p)
{
	if (p->is_kvm)
		kvm_close(&p->k);
	guest_close(&p->g);
}

/* True: all is as it should be after @p->n turns. */
static bool right(const struct player *p, const struct sums *s)
{
	uint64_t n = p->n, tag = TAG + p->number;
	const struct sums want = {
		.rbx = n * constant(p->number), .r12 = n * tag,
		.r13 = n * ((tag & 0x7f) << 32 | tag),
		.r14 = n * tag, .rsi = n * tag, .rbp = n * (HANDLER_GPA + 0x40 * p->number),
		.rax = n, .r15 = n,
	};
	const uint64_t *a = (const uint64_t *)&want, *b = (const uint64_t *)s;
	static const char *const names[] = {
		"the SYSCALL handler", "TSC_AUX", "KERNEL_GS_BASE", "XMM5", "CR2", "LSTAR",
		"RAX", "R15",
	};
	unsigned int i;

	for (i = 0; i < sizeof(want) / sizeof(*a); i++)
		if (a[i] != b[i])
			printf("# %s %llu, turn %llu: %s: %#llx, not %#llx\n",
			       p->is_kvm ? "KVM" : "tinyvmx", (unsigned long long)p->number, (unsigned long long)n, names[i],
			       (unsigned long long)b[i], (unsigned long long)a[i]);
	return !memcmp(&want, s, sizeof(want));
}

static bool kvm_turn(struct player *p)
{
	struct kvm_regs r;

	if (kvm_run_guest(&p->k) != KVM_EXIT_IO) {
		printf("# KVM's guest: exit %u, %#llx\n", p->k.run->exit_reason,
		       (unsigned long long)p->k.run->hw.hardware_exit_reason);
		return false;
	}
	p->n += p->per_turn;
	must(ioctl(p->k.vcpu, KVM_GET_REGS, &r) ? errno : 0);
	return right(p, &(struct sums){ r.rbx, r.r12, r.r13, r.r14, r.rsi, r.rbp,
					(uint32_t)r.rax, r.r15 });
}

static bool our_turn(struct player *p)
{
	struct guest *g = &p->g;

	if (run(g) != TVX_EXIT_IO) {
		printf("# our guest: %s\n", tvx_exit_name(out(g)->exit));
		return false;
	}
	p->n += p->per_turn;
	g->vcpu.run->in.dirty |= TVX_DIRTY_RIP;
	g->vcpu.run->in.rip = out(g)->next_rip;
	return right(p, &(struct sums){ reg(g, TVX_RBX), reg(g, TVX_R12), reg(g, TVX_R13),
					reg(g, TVX_R14), reg(g, TVX_RSI), reg(g, TVX_RBP),
					(uint32_t)reg(g, TVX_RAX), reg(g, TVX_R15) });
}

static uint64_t nr_turns(uint64_t usual)
{
	const char *more = getenv("TVX_TURNS");

	return more ? strtoull(more, NULL, 0) : usual;
}

/* Games in other processes: how many have made their guests, in shared memory */
static volatile unsigned int *made;

/* Until @games have made their guests: else one is over before the next has begun. */
static void meet(unsigned int games)
{
	__atomic_add_fetch(made, 1, __ATOMIC_SEQ_CST);
	while (*made < games)
		usleep(1000);
}

/* In this process: each of @players, a "k" or a "t", once a round; @games of them at once. */
static bool play(const char *players, unsigned int first, uint64_t turns, uint64_t per_turn,
		 bool hop, unsigned int games)
{
	unsigned int i, nr = strlen(players);
	struct player p[4] = { };
	uint64_t n, rounds = nr_turns(turns) / per_turn;
	bool ok = true;

	for (i = 0; i < nr; i++) {
		p[i].is_kvm = players[i] == 'k';
		p[i].number = first + i;
		p[i].per_turn = per_turn;
		make(&p[i]);
	}
	if (games > 1)
		meet(games);
	for (n = 0; n < rounds && ok; n++) {
		for (i = 0; i < nr && ok; i++)
			ok = p[i].is_kvm ? kvm_turn(&p[i]) : our_turn(&p[i]);
		if (hop && n % 16 == 0)
			on_cpu((n / 16 + first) & 1);
	}
	for (i = 0; i < nr; i++)
		end(&p[i]);
	return ok;
}

FIXTURE(kvm) {
	bool was_loaded;
};

FIXTURE_SETUP(kvm)
{
	self->was_loaded = !access("/sys/module/kvm_intel", F_OK);
	if (!kvm_is_here())
		SKIP(return, "no KVM modules here");
	ASSERT_EQ(load_kvm(), 0);
}

FIXTURE_TEARDOWN(kvm)
{
	if (!self->was_loaded)
		EXPECT_EQ(unload_kvm(), 0);
}

/* Each in a process of its own, all at once.  Return: how many were wrong. */
static int play_at_once(const char *const *games, unsigned int nr, uint64_t turns,
			uint64_t per_turn, int cpu)
{
	int status, wrong = 0;
	unsigned int i;

	made = mmap(NULL, sizeof(*made), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(made == MAP_FAILED ? errno : 0);
	for (i = 0; i < nr; i++) {
		if (fork())
			continue;
		if (cpu >= 0)
			on_cpu(cpu);
		_exit(!play(games[i], 1 + 4 * i, turns, per_turn, cpu < 0, nr));
	}
	while (wait(&status) > 0)
		wrong += status != 0;
	return wrong;
}

TEST_F_TIMEOUT(kvm, one_after_the_other, LONG)
{
	on_cpu(0);
	EXPECT_TRUE(play("kt", 1, 1000, 1, false, 1));
	EXPECT_TRUE(play("ktkt", 1, 1000, 1, false, 1));
}

/*
 * The scheduler takes the CPU from either while it is in the kernel, with guest state loaded:
 * turns that last for several of its ticks.
 */
TEST_F_TIMEOUT(kvm, one_in_place_of_the_other, LONG)
{
	static const char *const games[] = { "k", "t", "k", "t" };

	/* After ours the same guest of KVM's comes again, and KVM writes no MSR for it. */
	EXPECT_EQ(play_at_once(games, 2, 4000, 1000, 0), 0);
	EXPECT_EQ(play_at_once(games, 4, 4000, 1000, 0), 0);
}

TEST_F_TIMEOUT(kvm, on_two_cpus, LONG)
{
	static const char *const games[] = { "kt", "tk", "k", "t" };

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU");
	EXPECT_EQ(play_at_once(games, 4, 1000, 5, -1), 0);
}

/* Before anything else: without rseq, which glibc asks the kernel for at its start. */
__attribute__((constructor)) static void without_rseq(int argc, char **argv)
{
	if (getenv("GLIBC_TUNABLES"))
		return;
	setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
	execv("/proc/self/exe", argv);
}

TEST_HARNESS_MAIN
