// SPDX-License-Identifier: GPL-2.0-only
/*
 * Times operations of a guest, and of the VMM itself, in TSC ticks, which are
 * instructions where the emulated host runs us.
 *
 *	vmbench kvm|tvx|plain			all of them, but for
 *	vmbench kvm|tvx ipi			IPIs, for which it takes two CPUs
 *	vmbench kvm|tvx time OPERATION...	these
 *	vmbench kvm|tvx trace OPERATION...	some iterations of each, traced
 *
 * A line of results: "result WHO OPERATION DIVISOR TICKS...", one TICKS per round.
 */
#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS		15
#define ROUNDS_2M	7		/* each takes 2 MiB of the host's memory */
#define TRACED		6		/* iterations; the cheapest whole one is shown */
#define TRACED_LONG	2		/* of what takes a hundred thousand instructions */
#define PAGE_4K		0x1000ul
#define PAGE_2M		0x200000ul

static const struct {
	const char *name;
	uint32_t iterations;
} ops[] = {
#define OP(name, iterations) { #name, iterations },
	LONG_OPS(OP)
	APIC_OPS(OP)
	{ "", 0 },
	REAL_OPS(OP)
#undef OP
};

#define NR_OPS (sizeof(ops) / sizeof(ops[0]))

uint8_t *memory;
static uint32_t device;

void die(const char *what)
{
	fflush(stdout);
	fprintf(stderr, "vmbench: %s: %s (%d)\n", what, strerror(errno), errno);
	exit(1);
}

uint32_t device_read(void)
{
	return device;
}

void device_write(uint32_t value)
{
	device = value;
}

static bool host_xsave(void)
{
	unsigned int eax, ebx, ecx = 0, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & bit_OSXSAVE;
}

uint32_t long_cr4(void)
{
	return 0x620 | (host_xsave() ? 0x40000 : 0);
}

void results(const char *who, const char *key, unsigned int divisor)
{
	printf("result %s %s %u", who, key, divisor);
}

void result(uint64_t ticks)
{
	printf(" %llu", (unsigned long long)ticks);
}

void done(void)
{
	printf("\n");
	fflush(stdout);
}

/* Aligned to 2 MiB; what is left over before and behind it is never touched. */
static uint8_t *map(unsigned long len, int advice, bool present)
{
	uint8_t *at = mmap(NULL, len + PAGE_2M, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		die("mmap of memory");
	at = (uint8_t *)(((uintptr_t)at + PAGE_2M - 1) & -PAGE_2M);
	if (madvise(at, len, advice))
		die("madvise: transparent huge pages");
	if (present)
		memset(at, 0, len);
	return at;
}

static void add_eventfd(const struct backend *vmm)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	if (fd < 0)
		die("eventfd");
	vmm->eventfd(EVENT_PORT, fd);
	close(fd);	/* the VM has it */
}

void open_vm(const struct backend *vmm, bool apic)
{
	memset(memory, 0, MEM_SIZE);
	memcpy(memory + IMAGE_GPA, guest_image, guest_image_end - guest_image);
	vmm->open();
	vmm->create(apic);
	vmm->slot(0, 0, MEM_SIZE, memory, false);
	if (apic)
		add_eventfd(vmm);
}

void close_vm(const struct backend *vmm, unsigned int nr_vcpus)
{
	while (nr_vcpus--)
		vmm->close_vcpu(nr_vcpus);
	vmm->close_vm();
	vmm->close();
}

struct entry entry_of(enum op op, uint32_t rounds)
{
	bool real = op > NR_LONG_OPS;

	return (struct entry){
		.real = real,
		.op = real ? op - NR_LONG_OPS - 1 : op,
		.iterations = ops[op].iterations,
		.rounds = rounds,
	};
}

static void run_to_end(const struct backend *vmm)
{
	enum stop stop;

	/* A signal may be the kernel's, which wants its thread back for a moment. */
	do {
		stop = vmm->run(0, true, false);
	} while (stop == STOP_SIGNAL);
	if (stop != STOP_END) {
		errno = 0;
		die("the guest halted");
	}
}

void guest_results(const struct backend *vmm, const char *key, const struct entry *entry)
{
	const uint64_t *ticks = (const uint64_t *)(memory + GUEST_HEADER->results);
	uint32_t i;

	run_to_end(vmm);
	results(vmm->name, key, entry->iterations);
	for (i = 0; i < entry->rounds; i++)
		result(ticks[i]);
	done();
}

/* In a VM that is open, with a fresh vCPU. */
static void time_guest(const struct backend *vmm, const char *key, const struct entry *entry)
{
	vmm->vcpu(0);
	vmm->start(0, entry);
	guest_results(vmm, key, entry);
}

/* The empty loop of the same length is timed along, to be subtracted. */
static void time_op(const struct backend *vmm, enum op op)
{
	struct entry entry = entry_of(op, ROUNDS), empty;
	char key[32];

	open_vm(vmm, needs_apic(op));
	time_guest(vmm, ops[op].name, &entry);
	close_vm(vmm, 1);
	empty = entry_of(entry.real ? OP_real_empty : OP_empty, ROUNDS);
	empty.iterations = entry.iterations;
	snprintf(key, sizeof(key), "empty_%s", ops[op].name);
	open_vm(vmm, needs_apic(op));
	time_guest(vmm, key, &empty);
	close_vm(vmm, 1);
}

static const struct touch {
	const char *key;
	enum op op;
	unsigned long size;
	unsigned int rounds;
	int advice;
	bool present, premap;
} touches[] = {
	{ "touch_4k", OP_touch_4k, PAGE_4K, ROUNDS, MADV_NOHUGEPAGE, false, false },
	{ "touch_4k_present", OP_touch_4k, PAGE_4K, ROUNDS, MADV_NOHUGEPAGE, true, false },
	{ "touch_4k_premap", OP_touch_4k, PAGE_4K, ROUNDS, MADV_NOHUGEPAGE, false, true },
	{ "touch_2m", OP_touch_2m, PAGE_2M, ROUNDS_2M, MADV_HUGEPAGE, false, false },
	{ "touch_2m_present", OP_touch_2m, PAGE_2M, ROUNDS_2M, MADV_HUGEPAGE, true, false },
};

#define NR_TOUCHES (sizeof(touches) / sizeof(touches[0]))

/* The warm-up takes pages too. */
static unsigned long touched_length(const struct touch *t)
{
	unsigned int n = ops[t->op].iterations;

	return (n * t->rounds + (n < WARM_UP ? n : WARM_UP)) * t->size;
}

static void must_be_huge(const uint8_t *at, unsigned long len)
{
	unsigned long start, end, huge = 0;
	char line[256];
	bool ours = false;
	FILE *f = fopen("/proc/self/smaps", "r");

	if (!f)
		die("/proc/self/smaps");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			ours = start == (unsigned long)at;
		if (ours)
			sscanf(line, "AnonHugePages: %lu", &huge);
	}
	fclose(f);
	if (huge << 10 < len) {
		errno = ENOMEM;
		die("the kernel gave no huge pages");
	}
}

static void time_touch(const struct backend *vmm, const struct touch *t)
{
	struct entry entry = entry_of(t->op, t->rounds);
	unsigned long len = touched_length(t);
	uint8_t *at = map(len, t->advice, t->present);

	open_vm(vmm, false);
	vmm->slot(1, TOUCH_GPA, len, at, t->premap);
	time_guest(vmm, t->key, &entry);
	if (t->advice == MADV_HUGEPAGE)
		must_be_huge(at, len);
	close_vm(vmm, 1);
	munmap(at, len);
}

/* The same touches by a plain process. */
static void touch_plainly(const struct touch *t)
{
	unsigned int round, i, n = ops[t->op].iterations;
	unsigned long len = touched_length(t);
	uint8_t *pages = map(len, t->advice, t->present);
	volatile uint8_t *at = pages;
	uint64_t ticks[MAX_ROUNDS];

	for (i = 0; i < n && i < WARM_UP; i++, at += t->size)
		*at = 1;
	for (round = 0; round < t->rounds; round++) {
		ticks[round] = rdtsc();
		for (i = 0; i < n; i++, at += t->size)
			*at = 1;
		ticks[round] = rdtsc() - ticks[round];
	}
	if (t->advice == MADV_HUGEPAGE)
		must_be_huge(pages, len);
	munmap(pages, len);
	results("plain", t->key, n);
	for (round = 0; round < t->rounds; round++)
		result(ticks[round]);
	done();
}

static void time_ioctl(const struct backend *vmm)
{
	unsigned int i;
	uint64_t start;

	vmm->open();
	vmm->cheapest();
	results(vmm->name, "ioctl", 1);
	for (i = 0; i < ROUNDS; i++) {
		start = rdtsc();
		vmm->cheapest();
		result(rdtsc() - start);
	}
	done();
	vmm->close();
}

/* The others are parts of something else. */
static bool is_timed_alone(enum op op)
{
	switch ((int)op) {
	case NR_LONG_OPS:
	case OP_touch_4k:
	case OP_touch_2m:
	case OP_spin:
	case OP_apic_ipi:
	case OP_apic_ipi_target:
	case OP_real_empty:
	case OP_real_hlt:
		return false;
	}
	return true;
}

static void time_all(const struct backend *vmm)
{
	unsigned int i;

	for (i = OP_empty + 1; i < NR_OPS; i++)
		if (is_timed_alone(i) && (i != OP_xsetbv || host_xsave()))
			time_op(vmm, i);
	for (i = 0; i < NR_TOUCHES; i++)
		if (!touches[i].premap || vmm == &tvx_backend)
			time_touch(vmm, &touches[i]);
	time_ioctl(vmm);
	time_lives(vmm, false);
	time_signals(vmm);
	time_turns(vmm);
}

static void time_plain(void)
{
	unsigned int i;

	for (i = 0; i < NR_TOUCHES; i++)
		if (!touches[i].premap)
			touch_plainly(&touches[i]);
	time_signals(NULL);
	time_turns(NULL);
}

static enum op find_op(const char *key)
{
	unsigned int i;

	for (i = 0; i < NR_OPS; i++)
		if (i != NR_LONG_OPS && !strcmp(ops[i].name, key))
			return i;
	errno = EINVAL;
	die(key);
}

/* Each trace is told before it begins, so that the reader can tell them apart. */
static void trace(const struct backend *vmm, const char *key)
{
	struct entry entry;
	unsigned long len;
	unsigned int i;

	printf("trace %s %s\n", vmm->name, key);
	fflush(stdout);
	if (!strcmp(key, "life")) {
		time_lives(vmm, true);
		return;
	}
	i = find_op(key);
	entry = entry_of(i, 1);
	entry.iterations = ops[i].iterations > 1 ? TRACED : TRACED_LONG;
	entry.trace = 1;
	len = (WARM_UP + TRACED) * (i == OP_touch_2m ? PAGE_2M : PAGE_4K);
	open_vm(vmm, needs_apic(i));
	vmm->slot(1, TOUCH_GPA, len,
		  map(len, i == OP_touch_2m ? MADV_HUGEPAGE : MADV_NOHUGEPAGE, false), false);
	vmm->vcpu(0);
	vmm->start(0, &entry);
	run_to_end(vmm);
	close_vm(vmm, 1);
}

int main(int argc, char **argv)
{
	const struct backend *vmm = NULL;
	int i;

	memory = map(MEM_SIZE, MADV_NOHUGEPAGE, true);
	if (argc == 2 && !strcmp(argv[1], "plain")) {
		time_plain();
		return 0;
	}
	if (argc > 1)
		vmm = !strcmp(argv[1], "kvm") ? &kvm_backend :
		      !strcmp(argv[1], "tvx") ? &tvx_backend : NULL;
	if (vmm && argc == 2) {
		time_all(vmm);
	} else if (vmm && argc == 3 && !strcmp(argv[2], "ipi")) {
		time_ipis(vmm);
	} else if (vmm && argc > 3 && !strcmp(argv[2], "trace")) {
		for (i = 3; i < argc; i++)
			trace(vmm, argv[i]);
	} else if (vmm && argc > 3 && !strcmp(argv[2], "time")) {
		for (i = 3; i < argc; i++)
			time_op(vmm, find_op(argv[i]));
	} else {
		fprintf(stderr, "usage: vmbench kvm|tvx|plain | kvm|tvx ipi | kvm|tvx time|trace OPERATION...\n");
		return 2;
	}
	return 0;
}
