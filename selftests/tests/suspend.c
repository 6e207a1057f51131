// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suspend: VMs live through it, and VMX is off where the machine could lose its power.
 *
 * The rehearsal is a hibernation without swap: all steps down to the last CPU, the copy of
 * memory, and all steps back; only then does the kernel find that it has nowhere to write to.
 */
#include "worker.h"

#define ROUNDS		2
#define LIMIT		600	/* seconds: a kernel with KASAN takes long to copy memory */
#define VCPUS		2
#define CONTROL(n)	(DATA_GPA + (n) * PAGE)
#define AREA(n)		(WORK_GPA + (n) * WORK_LEN)
#define TRACING		"/sys/kernel/tracing/"
#define CR4_VMXE	0x2000ull
#define CR4_PAE		0x20ull

/*
 * swsusp_save() copies memory, on the last CPU. CR4 was kept right before, in struct saved_context
 * behind pt_regs, four selectors, three bases, CR0, CR2 and CR3.
 */
#define PROBE		"p:tvx_suspend swsusp_save cr4=@saved_context+224:x64"

static bool file_has(const char *name, const char *word)
{
	FILE *file = fopen(name, "r");
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, word);
	if (file)
		fclose(file);
	return found;
}

/* It would be no rehearsal with swap. */
static const char *why_not(void)
{
	if (!file_has("/sys/power/state", "disk"))
		return "the kernel cannot hibernate";
	if (file_has("/proc/swaps", "/"))
		return "there is swap: this machine would be off";
	return NULL;
}

static bool trace_cr4(bool on)
{
	if (on)
		return write_file(TRACING "kprobe_events", PROBE) &&
		       write_file(TRACING "events/kprobes/tvx_suspend/enable", "1") &&
		       !close(open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC));
	write_file(TRACING "events/kprobes/tvx_suspend/enable", "0");
	return write_file(TRACING "kprobe_events", "-:tvx_suspend");
}

/* CR4 of the last CPU when memory was copied; 0 if it never was, or more than once. */
static uint64_t traced_cr4(void)
{
	FILE *file = fopen(TRACING "trace", "r");
	unsigned long long cr4 = 0;
	char line[512];
	int n = 0;

	while (file && fgets(line, sizeof(line), file)) {
		char *at = strstr(line, " cr4=");

		if (at && sscanf(at, " cr4=%llx", &cr4) == 1)
			n++;
	}
	if (file)
		fclose(file);
	return n == 1 ? cr4 : 0;
}

/* NULL, or what went wrong. */
static const char *rehearse(void)
{
	bool can_trace = !access(TRACING "kprobe_events", W_OK);
	const char *wrong = NULL;
	uint64_t cr4 = CR4_PAE;

	/* As large as it comes: for less the kernel would fill all memory first. */
	if (!write_file("/sys/power/image_size", "1000000000"))
		return "the size of the image cannot be set";
	if (can_trace && !trace_cr4(true))
		return "swsusp_save() cannot be traced";
	if (write_file("/sys/power/state", "disk") || (errno != ENODEV && errno != ENOSPC))
		wrong = "the kernel did not go as far as to miss swap";
	if (can_trace) {
		cr4 = traced_cr4();
		trace_cr4(false);
	}
	if (wrong)
		return wrong;
	if (!(cr4 & CR4_PAE))
		return "memory was not copied";
	return cr4 & CR4_VMXE ? "VMX was on when memory was copied" : NULL;
}
#define ASSERT_REHEARSAL() do {						\
	const char *wrong = rehearse();					\
	ASSERT_EQ(wrong, NULL) TH_LOG("%s", wrong);			\
} while (0)

static int pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return pthread_setaffinity_np(thread, sizeof(set), &set);
}

static int last_cpu(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) - 1;
}

FIXTURE(suspend) {
	struct guest g[VCPUS];		/* all of one VM: g[0] owns it */
	struct worker w[VCPUS];
	uint8_t *mem;
	int n;
};

FIXTURE_SETUP(suspend)
{
	if (why_not())
		SKIP(return, "%s", why_not());
	guest_open(&self->g[0]);
	guest_vcpu(&self->g[0]);
	self->n = 1;
	self->mem = mmap(NULL, VCPUS * WORK_LEN, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(self->mem, MAP_FAILED);
	ASSERT_EQ(tvx_vm_set_slot(&self->g[0].vm, WORK_SLOT, WORK_GPA, VCPUS * WORK_LEN, self->mem,
				  0), 0);
}

FIXTURE_TEARDOWN(suspend)
{
	for (int i = 0; i < self->n; i++)
		EXPECT_TRUE(worker_stop(&self->w[i]));
	for (int i = 1; i < self->n; i++)
		tvx_vcpu_destroy(&self->g[i].vcpu);
	if (self->n)
		guest_close(&self->g[0]);
	EXPECT_EQ(module_users(), 0);
}

/* RUNs that the freezer takes out of the guest go on after it, on each CPU and off it. */
TEST_F_TIMEOUT(suspend, vcpus_that_run, LIMIT)
{
	for (int i = 0; i < VCPUS; i++) {
		if (i) {
			self->g[i] = self->g[0];
			must(tvx_vcpu_create(&self->g[0].vm, i, &self->g[i].vcpu));
			self->n = i + 1;
		}
		start(&self->g[i], GUEST_LONG, work);
	}
	/* Not before each has its code and page tables, which are all in one place. */
	for (int i = 0; i < VCPUS; i++) {
		worker_start(&self->w[i], &self->g[i].vcpu, CONTROL(i), AREA(i));
		ASSERT_EQ(pin(self->w[i].thread, i % (last_cpu() + 1)), 0);
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < VCPUS; i++)
			ASSERT_TRUE(counts(&self->w[i], self->mem + i * WORK_LEN));
		ASSERT_REHEARSAL();
		for (int i = 0; i < VCPUS; i++)
			ASSERT_TRUE(counts(&self->w[i], self->mem + i * WORK_LEN));
	}
	/* Not a count was lost or made twice. */
	for (int i = 0; i < VCPUS; i++) {
		ASSERT_TRUE(worker_stop(&self->w[i]));
		for (unsigned int page = 0; page < WORK_PAGES; page++)
			EXPECT_EQ(*count_of(self->mem + i * WORK_LEN, page), laps(&self->w[i]));
	}
}

/* Round by round, what lives in registers, XMM0, DR0, an MSR and memory; then an exit. */
GUEST64(keep,
	"mov $0xc0000102, %ecx\n mov $0x55667788, %eax\n mov $0x3344, %edx\n wrmsr\n"
	"mov $7, %eax\n movq %rax, %xmm1\n pxor %xmm0, %xmm0\n xor %eax, %eax\n mov %rax, %dr0\n"
	"mov $0x200000, %edi\n mov %rax, (%rdi)\n xor %r12, %r12\n"
	"1: paddq %xmm1, %xmm0\n movq %xmm0, %r8\n"
	"mov %dr0, %r9\n add $3, %r9\n mov %r9, %dr0\n"
	"addq $5, (%rdi)\n mov (%rdi), %r10\n add $11, %r12\n"
	"mov $0xc0000102, %ecx\n rdmsr\n shl $32, %rdx\n or %rdx, %rax\n mov %rax, %r11\n"
	"out %al, $0x80\n jmp 1b");

/* Its VMCS was last loaded on a CPU that went off, or on the last one, whose VMX did. */
TEST_F_TIMEOUT(suspend, vcpu_that_waits, LIMIT)
{
	struct guest *g = &self->g[0];
	int round = 0;

	start(g, GUEST_LONG, keep);
	for (int cpu = last_cpu(); cpu >= 0; cpu--) {
		for (int i = 0; i < 2; i++) {
			round++;
			ASSERT_EQ(pin(pthread_self(), i ? 0 : cpu), 0);
			if (round > 1)
				tvx_skip_insn(&g->vcpu);
			ASSERT_EQ(run(g), TVX_EXIT_IO);
			EXPECT_EQ(reg(g, TVX_R8), 7 * round);
			EXPECT_EQ(reg(g, TVX_R9), 3 * round);
			EXPECT_EQ(reg(g, TVX_R10), 5 * round);
			EXPECT_EQ(reg(g, TVX_R11), 0x334455667788ull);
			EXPECT_EQ(reg(g, TVX_R12), 11 * round);
			EXPECT_EQ(*(uint64_t *)(g->mem + DATA_GPA), 5 * round);
			if (!i)
				ASSERT_REHEARSAL();
		}
	}
}

FIXTURE(idle) {
	int nothing;
};

FIXTURE_SETUP(idle)
{
}

FIXTURE_TEARDOWN(idle)
{
}

/* Without a VM, VMX does not come on with the machine: the first VM would find it taken. */
TEST_F_TIMEOUT(idle, suspend, LIMIT)
{
	struct guest g;

	if (why_not())
		SKIP(return, "%s", why_not());
	ASSERT_REHEARSAL();
	guest_open(&g);
	guest_vcpu(&g);
	start(&g, GUEST_LONG, keep);
	EXPECT_EQ(run(&g), TVX_EXIT_IO);
	guest_close(&g);
	EXPECT_EQ(module_users(), 0);
}

TEST_HARNESS_MAIN
