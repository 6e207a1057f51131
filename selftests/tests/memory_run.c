// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process's memory changes under a guest that uses it: the guest follows at once, and
 * loses nothing.
 */
#include "worker.h"

#define ROUNDS	6
#define MIDDLE	(WORK_PAGES / 2)	/* changes begin at this page */
#define CONTROL	DATA_GPA
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define RW	(PROT_READ | PROT_WRITE)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

FIXTURE(running) {
	struct guest g;
	struct worker w;
	uint8_t *mem;		/* WORK_LEN bytes, anonymous until the test puts others there */
	uint8_t *middle;
};

FIXTURE_SETUP(running)
{
	guest_open(&self->g);
	guest_vcpu(&self->g);
	self->mem = mmap(NULL, WORK_LEN, RW, ANON, -1, 0);
	ASSERT_NE(self->mem, MAP_FAILED);
	self->middle = self->mem + MIDDLE * PAGE;
	start(&self->g, GUEST_LONG, work);
}

FIXTURE_TEARDOWN(running)
{
	EXPECT_TRUE(worker_stop(&self->w));
	guest_close(&self->g);
	EXPECT_EQ(module_users(), 0);
}

static int set_slot(struct guest *g, uint8_t *mem, uint64_t len)
{
	return tvx_vm_set_slot(&g->vm, WORK_SLOT, WORK_GPA, len, mem, 0);
}

#define BEGIN() do {								\
	ASSERT_EQ(set_slot(&self->g, self->mem, WORK_LEN), 0);			\
	worker_start(&self->w, &self->g.vcpu, CONTROL, WORK_GPA);		\
	ASSERT_TRUE(counts(&self->w, self->mem));				\
} while (0)

/* The pages from the middle on began anew at 0, when @since laps were done. */
static bool began_anew(struct worker *w, uint8_t *mem, uint64_t since)
{
	for (unsigned int i = MIDDLE; i < WORK_PAGES; i++) {
		uint64_t count = *count_of(mem, i);

		if (count > laps(w) - since + 2)
			return false;
	}
	return true;
}

/* The guest may be in the middle of a lap: the first fault is at any page of what changed. */
static bool in_half(uint64_t hva, uint8_t *middle)
{
	return hva - (uintptr_t)middle < WORK_LEN / 2 && hva % PAGE == 0;
}

TEST_F(running, mapped_anew)
{
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t since;

		if (!i)
			BEGIN();
		since = laps(&self->w);
		if (i & 1) {
			ASSERT_EQ(munmap(self->middle, WORK_LEN / 2), 0);
			EXPECT_TRUE(grows(&self->w.faults));
			EXPECT_EQ(self->w.last_fault.fault.error, EFAULT);
		}
		ASSERT_EQ(mmap(self->middle, WORK_LEN / 2, RW, ANON | MAP_FIXED, -1, 0),
			  self->middle);
		EXPECT_TRUE(began_anew(&self->w, self->mem, since));
		ASSERT_TRUE(counts(&self->w, self->mem));
	}
}

TEST_F(running, dontneed_gives_zeros)
{
	BEGIN();
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t since = laps(&self->w);

		ASSERT_EQ(madvise(self->middle, WORK_LEN / 2, MADV_DONTNEED), 0);
		EXPECT_TRUE(began_anew(&self->w, self->mem, since));
		ASSERT_TRUE(counts(&self->w, self->mem));
		EXPECT_TRUE(began_anew(&self->w, self->mem, since));
	}
	EXPECT_EQ(self->w.faults + self->w.mmios, 0);
}

/* In the child: its copy stays as it was when the parent wrote on. */
static int watch_copy(uint8_t *mem, int go)
{
	uint64_t copy[WORK_PAGES];
	char byte;

	for (unsigned int i = 0; i < WORK_PAGES; i++)
		copy[i] = *count_of(mem, i);
	if (read(go, &byte, 1) != 1)
		return 2;
	for (unsigned int i = 0; i < WORK_PAGES; i++)
		if (copy[i] != *count_of(mem, i))
			return 1;
	return 0;
}

TEST_F(running, fork_copies)
{
	BEGIN();
	for (int i = 0; i < ROUNDS; i++) {
		int go[2], status;
		pid_t child;

		ASSERT_EQ(pipe(go), 0);
		child = fork();
		if (!child)
			_exit(watch_copy(self->mem, go[0]));
		ASSERT_GT(child, 0);
		EXPECT_TRUE(counts(&self->w, self->mem));
		ASSERT_EQ(write(go[1], "x", 1), 1);
		ASSERT_EQ(waitpid(child, &status, 0), child);
		EXPECT_EQ(status, 0);
		close(go[0]);
		close(go[1]);
		/* The only owner again. */
		ASSERT_TRUE(counts(&self->w, self->mem));
	}
	EXPECT_EQ(self->w.faults + self->w.mmios, 0);
}

TEST_F(running, mprotect_stops_writes)
{
	BEGIN();
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t count;

		ASSERT_EQ(mprotect(self->middle, WORK_LEN / 2, i & 1 ? PROT_NONE : PROT_READ), 0);
		EXPECT_TRUE(grows(&self->w.faults));
		EXPECT_TRUE(in_half(self->w.last_fault.fault.hva, self->middle));
		ASSERT_EQ(mprotect(self->middle, WORK_LEN / 2, PROT_READ), 0);
		count = *count_of(self->mem, MIDDLE);
		EXPECT_TRUE(grows(&self->w.faults));
		EXPECT_EQ(*count_of(self->mem, MIDDLE), count);
		ASSERT_EQ(mprotect(self->middle, WORK_LEN / 2, RW), 0);
		ASSERT_TRUE(counts(&self->w, self->mem));
		EXPECT_GT(*count_of(self->mem, MIDDLE), count);
	}
}

TEST_F(running, mremap_takes_pages_along)
{
	uint8_t *away = mmap(NULL, WORK_LEN / 2, RW, ANON, -1, 0);

	ASSERT_NE(away, MAP_FAILED);
	BEGIN();
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t count;

		ASSERT_EQ(mremap(self->middle, WORK_LEN / 2, WORK_LEN / 2,
				 MREMAP_MAYMOVE | MREMAP_FIXED, away), away);
		count = *(volatile uint64_t *)away;
		EXPECT_TRUE(grows(&self->w.faults));
		/* Out of the slot, out of the guest's reach. */
		EXPECT_EQ(*(volatile uint64_t *)away, count);
		ASSERT_EQ(mremap(away, WORK_LEN / 2, WORK_LEN / 2,
				 MREMAP_MAYMOVE | MREMAP_FIXED, self->middle), self->middle);
		ASSERT_TRUE(counts(&self->w, self->mem));
		EXPECT_GT(*count_of(self->mem, MIDDLE), count);
	}
}

/* Advice that changes what holds the pages, and none of their bytes. */
TEST_F(running, advice_loses_nothing)
{
	static const int advice[] = {
		MADV_COLD, MADV_PAGEOUT, MADV_FREE, MADV_COLLAPSE, MADV_HUGEPAGE
	};
	unsigned int taken = 0;

	BEGIN();
	for (int i = 0; i < 3 * 5; i++) {
		uint64_t count = *count_of(self->mem, MIDDLE);

		taken += !madvise(self->middle, WORK_LEN / 2, advice[i % 5]);
		ASSERT_TRUE(counts(&self->w, self->mem));
		EXPECT_GT(*count_of(self->mem, MIDDLE), count);
	}
	EXPECT_GE(taken, 3 * 2);
	EXPECT_EQ(self->w.faults + self->w.mmios, 0);
}

/* A whole 2 MiB becomes one page under the guest, and falls apart again. */
TEST_F(running, collapse_and_split)
{
	const uint64_t huge = 2ull << 20;
	uint8_t *room = mmap(NULL, 2 * huge, RW, ANON, -1, 0);
	uint8_t *mem = (uint8_t *)(((uintptr_t)room + huge - 1) & ~(huge - 1));

	ASSERT_NE(room, MAP_FAILED);
	self->mem = mem;
	ASSERT_EQ(tvx_vm_set_slot(&self->g.vm, WORK_SLOT, WORK_GPA, huge, mem, 0), 0);
	worker_start(&self->w, &self->g.vcpu, CONTROL, WORK_GPA);
	ASSERT_TRUE(counts(&self->w, mem));
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t since;

		if (madvise(mem, huge, MADV_COLLAPSE))
			SKIP(return, "the kernel does not collapse pages on demand");
		ASSERT_TRUE(counts(&self->w, mem));
		since = laps(&self->w);
		ASSERT_EQ(madvise(mem + MIDDLE * PAGE, WORK_LEN / 2, MADV_DONTNEED), 0);
		EXPECT_TRUE(began_anew(&self->w, mem, since));
		ASSERT_TRUE(counts(&self->w, mem));
		EXPECT_TRUE(began_anew(&self->w, mem, since));
	}
	EXPECT_EQ(self->w.faults + self->w.mmios, 0);
}

static long read_number(const char *name)
{
	FILE *file = fopen(name, "r");
	long n = -1;

	if (file && fscanf(file, "%ld", &n) != 1)
		n = -1;
	if (file)
		fclose(file);
	return n;
}

/* Equal pages become one, which the guest must not write: counting on makes them differ. */
TEST_F(running, merged_pages_are_copied_at_a_write)
{
	uint8_t *mem = self->mem;
	long merged = 0;

	if (!write_file("/sys/kernel/mm/ksm/run", "1"))
		SKIP(return, "the kernel does not merge pages");
	ASSERT_EQ(madvise(mem, WORK_LEN, MADV_MERGEABLE), 0);
	BEGIN();
	ASSERT_TRUE(worker_stop(&self->w));
	/* All counts are equal now. Left alone, the pages merge. */
	for (int i = 0; i < PATIENCE / 10 && merged < WORK_PAGES - 1; i++) {
		usleep(10000);
		merged = read_number("/sys/kernel/mm/ksm/pages_sharing");
	}
	EXPECT_GE(merged, WORK_PAGES - 1);
	start(&self->g, GUEST_LONG, work);
	worker_start(&self->w, &self->g.vcpu, CONTROL, WORK_GPA);
	ASSERT_TRUE(counts(&self->w, mem));
	EXPECT_TRUE(worker_stop(&self->w));
	for (unsigned int i = 1; i < WORK_PAGES; i++)
		EXPECT_EQ(*count_of(mem, i), *count_of(mem, 0));
	EXPECT_TRUE(write_file("/sys/kernel/mm/ksm/run", "2"));
	EXPECT_TRUE(write_file("/sys/kernel/mm/ksm/run", "0"));
}

TEST_F(running, slot_deleted_and_added)
{
	BEGIN();
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t count;

		ASSERT_EQ(set_slot(&self->g, NULL, 0), 0);
		count = *count_of(self->mem, 0);
		EXPECT_TRUE(grows(&self->w.mmios));
		EXPECT_EQ(self->w.last_fault.mmio.gpa & ~(WORK_LEN - 1), WORK_GPA);
		EXPECT_LE(*count_of(self->mem, 0), count);
		ASSERT_EQ(set_slot(&self->g, self->mem, WORK_LEN), 0);
		ASSERT_TRUE(counts(&self->w, self->mem));
	}
}

/* ---- files ------------------------------------------------------------------------------ */

static int map_memfd(uint8_t *mem)
{
	int fd = memfd_create("guest", 0);

	if (fd < 0 || ftruncate(fd, WORK_LEN) ||
	    mmap(mem, WORK_LEN, RW, MAP_SHARED | MAP_FIXED, fd, 0) != mem)
		return -1;
	return fd;
}

TEST_F(running, hole_in_a_file_gives_zeros)
{
	int fd = map_memfd(self->mem);

	ASSERT_GE(fd, 0);
	BEGIN();
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t since = laps(&self->w);

		ASSERT_EQ(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, WORK_LEN / 2,
				    WORK_LEN / 2), 0);
		EXPECT_TRUE(began_anew(&self->w, self->mem, since));
		ASSERT_TRUE(counts(&self->w, self->mem));
		EXPECT_TRUE(began_anew(&self->w, self->mem, since));
	}
	EXPECT_EQ(self->w.faults + self->w.mmios, 0);
}

TEST_F(running, truncated_file_is_a_memory_fault)
{
	int fd = map_memfd(self->mem);

	ASSERT_GE(fd, 0);
	BEGIN();
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t since = laps(&self->w);

		ASSERT_EQ(ftruncate(fd, WORK_LEN / 2), 0);
		EXPECT_TRUE(grows(&self->w.faults));
		EXPECT_TRUE(in_half(self->w.last_fault.fault.hva, self->middle));
		EXPECT_EQ(self->w.last_fault.fault.error, EFAULT);
		ASSERT_EQ(ftruncate(fd, WORK_LEN), 0);
		ASSERT_TRUE(counts(&self->w, self->mem));
		EXPECT_TRUE(began_anew(&self->w, self->mem, since));
	}
}

TEST_HARNESS_MAIN
