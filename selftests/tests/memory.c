// SPDX-License-Identifier: GPL-2.0-only
/* Memory slots while no vCPU runs: what backs them, what they refuse, what holes do. */
#include "touch.h"

/* What the host writes the guest reads, and the other way round, in the first and the last page. */
static void check_shared(struct __test_metadata *_metadata, struct guest *g, uint8_t *mem,
			 uint64_t len)
{
	uint64_t offsets[] = { 0, len - 8 };

	ASSERT_EQ(set_slot(g, SLOT_GPA, len, mem, 0), 0);
	for (int i = 0; i < 2; i++) {
		volatile uint64_t *word = (void *)(mem + offsets[i]);

		*word = MAGIC + i;
		ASSERT_EQ(guest_load(g, SLOT_GPA + offsets[i]), TVX_EXIT_HLT);
		EXPECT_EQ(reg(g, TVX_RAX), MAGIC + i);
		ASSERT_EQ(guest_store(g, SLOT_GPA + offsets[i], ~MAGIC), TVX_EXIT_HLT);
		EXPECT_EQ(*word, ~MAGIC);
	}
}

/* ---- what backs a slot ---------------------------------------------------------- */

TEST_F(vm, anonymous_memory)
{
	void *mem = map_aligned(HUGE, -1);

	ASSERT_NE(mem, MAP_FAILED);
	check_shared(_metadata, &self->g, mem, HUGE);
}

TEST_F(vm, memfd)
{
	int fd = memfd_create("guest", 0);
	uint64_t value = 0;
	void *mem;

	ASSERT_EQ(ftruncate(fd, HUGE), 0);
	mem = map_aligned(HUGE, fd);
	ASSERT_NE(mem, MAP_FAILED);
	check_shared(_metadata, &self->g, mem, HUGE);
	/* And it is in the file. */
	ASSERT_EQ(pread(fd, &value, 8, 0), 8);
	EXPECT_EQ(value, ~MAGIC);
}

TEST_F(vm, tmpfs_file)
{
	char name[] = "/dev/shm/tvx-memory-XXXXXX";
	int fd = mkstemp(name);
	void *mem;

	if (fd < 0)
		SKIP(return, "no /dev/shm");
	unlink(name);
	ASSERT_EQ(ftruncate(fd, HUGE), 0);
	mem = map_aligned(HUGE, fd);
	ASSERT_NE(mem, MAP_FAILED);
	check_shared(_metadata, &self->g, mem, HUGE);
}

/* How many faults the pages at SLOT_GPA take where the CPU and the host have pages of 2 MiB. */
static void check_large(struct __test_metadata *_metadata, struct guest *g)
{
	uint64_t before;

	ASSERT_EQ(guest_load(g, DATA_GPA), TVX_EXIT_HLT);
	before = violations(g);
	ASSERT_EQ(guest_touch(g, SLOT_GPA, 2 * HUGE / PAGE), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), 2 * HUGE / PAGE);
	/* One for each large page, and one for the code's own page. */
	EXPECT_LE(violations(g) - before, 3);
}

TEST_F(vm, hugetlbfs)
{
	struct guest *g = &self->g;
	void *mem;

	if (!write_file("/proc/sys/vm/nr_hugepages", "2"))
		SKIP(return, "no hugetlbfs");
	mem = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (mem == MAP_FAILED)
		SKIP(return, "no free huge pages");
	ASSERT_EQ(set_slot(g, SLOT_GPA, 2 * HUGE, mem, 0), 0);
	if (has_feature(g, TVX_FEAT_EPT_2M))
		check_large(_metadata, g);
	check_shared(_metadata, g, mem, 2 * HUGE);
	ASSERT_EQ(set_slot(g, 0, 0, NULL, 0), 0);
	munmap(mem, 2 * HUGE);
	EXPECT_TRUE(write_file("/proc/sys/vm/nr_hugepages", "0"));
}

TEST_F(vm, transparent_huge_pages)
{
	struct guest *g = &self->g;
	uint8_t *mem = map_aligned(2 * HUGE, -1);

	ASSERT_NE(mem, MAP_FAILED);
	if (!has_feature(g, TVX_FEAT_EPT_2M))
		SKIP(return, "the CPU has no large pages");
	if (!write_file("/sys/kernel/mm/transparent_hugepage/enabled", "madvise") ||
	    madvise(mem, 2 * HUGE, MADV_HUGEPAGE))
		SKIP(return, "the kernel has no transparent huge pages");
	ASSERT_EQ(set_slot(g, SLOT_GPA, 2 * HUGE, mem, 0), 0);
	check_large(_metadata, g);
	for (uint64_t at = 0; at < 2 * HUGE; at += PAGE)
		ASSERT_EQ(*(uint64_t *)(mem + at), 1);
	/* Splitting it takes it away from the guest, and nothing is lost. */
	ASSERT_EQ(munmap(mem + PAGE, PAGE), 0);
	ASSERT_EQ(guest_touch(g, SLOT_GPA + 2 * PAGE, 2 * HUGE / PAGE - 2), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), 2 * (2 * HUGE / PAGE - 2));
	ASSERT_EQ(guest_load(g, SLOT_GPA + PAGE), TVX_EXIT_MEMORY_FAULT);
}

/* Code in a large page runs, and goes on when the page is written beside it. */
TEST_F(vm, code_in_a_huge_page)
{
	struct guest *g = &self->g;
	uint8_t *mem = map_aligned(HUGE, -1);
	uint64_t before;

	ASSERT_NE(mem, MAP_FAILED);
	write_file("/sys/kernel/mm/transparent_hugepage/enabled", "madvise");
	madvise(mem, HUGE, MADV_HUGEPAGE);
	memcpy(mem + PAGE, touch_code, touch_end - touch_code);
	ASSERT_EQ(set_slot(g, SLOT_GPA, HUGE, mem, 0), 0);
	for (int round = 1; round <= 3; round++) {
		before = violations(g);
		start(g, GUEST_LONG, jump);
		tvx_set_rip(&g->vcpu, SLOT_GPA + PAGE);
		tvx_set_gpr(&g->vcpu, TVX_RDI, SLOT_GPA + 2 * PAGE);
		tvx_set_gpr(&g->vcpu, TVX_RCX, 64);
		ASSERT_EQ(run(g), TVX_EXIT_HLT);
		EXPECT_EQ(reg(g, TVX_RAX), 64 * round);
	}
	/* By then all is mapped. */
	EXPECT_EQ(violations(g) - before, 0);
	/* Written anew, it is executed anew. */
	memcpy(mem + PAGE, load_code, load_end - load_code);
	start(g, GUEST_LONG, jump);
	tvx_set_rip(&g->vcpu, SLOT_GPA + PAGE);
	tvx_set_gpr(&g->vcpu, TVX_RDI, SLOT_GPA + 2 * PAGE);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), 3);
}

/* ---- flags ------------------------------------------------------------------------ */

TEST_F(vm, read_only_slot)
{
	struct guest *g = &self->g;
	uint8_t *mem = map_aligned(HUGE, -1);

	ASSERT_NE(mem, MAP_FAILED);
	*(uint64_t *)mem = MAGIC;
	ASSERT_EQ(set_slot(g, SLOT_GPA, HUGE, mem, TVX_SLOT_READONLY), 0);
	ASSERT_EQ(guest_load(g, SLOT_GPA), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), MAGIC);
	/* A page that is mapped already, and one that is not. */
	for (uint64_t at = 0; at <= PAGE; at += PAGE) {
		ASSERT_EQ(guest_store(g, SLOT_GPA + at, 1), TVX_EXIT_MMIO);
		EXPECT_EQ(out(g)->mmio.gpa, SLOT_GPA + at);
		EXPECT_EQ(out(g)->mmio.gla, SLOT_GPA + at);
		EXPECT_EQ(out(g)->mmio.flags & (TVX_MEM_WRITE | TVX_MEM_FETCH | TVX_MEM_READONLY |
						TVX_MEM_GLA_VALID | TVX_MEM_PAGE_WALK),
			  TVX_MEM_WRITE | TVX_MEM_READONLY | TVX_MEM_GLA_VALID);
		EXPECT_EQ(out(g)->rip, CODE_GPA);
		EXPECT_EQ(out(g)->ctx.valid, 1);
	}
	EXPECT_EQ(*(uint64_t *)mem, MAGIC);
	EXPECT_EQ(*(uint64_t *)(mem + PAGE), 0);
	/* The same memory as a slot that may be written. */
	ASSERT_EQ(set_slot(g, SLOT_GPA, HUGE, mem, 0), 0);
	ASSERT_EQ(guest_store(g, SLOT_GPA, 7), TVX_EXIT_HLT);
	EXPECT_EQ(*(uint64_t *)mem, 7);
	/* And back: the write permission is gone. */
	ASSERT_EQ(set_slot(g, SLOT_GPA, HUGE, mem, TVX_SLOT_READONLY), 0);
	ASSERT_EQ(guest_store(g, SLOT_GPA, 8), TVX_EXIT_MMIO);
	EXPECT_EQ(*(uint64_t *)mem, 7);
}

TEST_F(vm, premap_takes_no_faults)
{
	struct guest *g = &self->g;
	uint8_t *mem = map_aligned(HUGE, -1);
	uint64_t before;

	ASSERT_NE(mem, MAP_FAILED);
	ASSERT_EQ(set_slot(g, SLOT_GPA, HUGE, mem, TVX_SLOT_PREMAP), 0);
	/* The code's and the tables' pages come in here. */
	ASSERT_EQ(guest_touch(g, SLOT_GPA, 1), TVX_EXIT_HLT);
	before = violations(g);
	ASSERT_EQ(guest_touch(g, SLOT_GPA, HUGE / PAGE), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), HUGE / PAGE + 1);
	EXPECT_EQ(violations(g) - before, 0);
}

TEST_F(vm, premap_over_a_hole_leaves_nothing)
{
	struct guest *g = &self->g;
	uint8_t *mem = map_aligned(HUGE, -1);

	ASSERT_NE(mem, MAP_FAILED);
	ASSERT_EQ(munmap(mem + HUGE / 2, PAGE), 0);
	EXPECT_EQ(set_slot(g, SLOT_GPA, HUGE, mem, TVX_SLOT_PREMAP), -EFAULT);
	EXPECT_EQ(guest_load(g, SLOT_GPA), TVX_EXIT_MMIO);
	EXPECT_EQ(guest_load(g, SLOT_GPA + HUGE - PAGE), TVX_EXIT_MMIO);
	/* Memory that may only be read fits a slot that may only be read. */
	ASSERT_EQ(mprotect(mem, PAGE, PROT_READ), 0);
	EXPECT_EQ(set_slot(g, SLOT_GPA, PAGE, mem, TVX_SLOT_PREMAP), -EFAULT);
	EXPECT_EQ(set_slot(g, SLOT_GPA, PAGE, mem, TVX_SLOT_PREMAP | TVX_SLOT_READONLY), 0);
	EXPECT_EQ(guest_load(g, SLOT_GPA), TVX_EXIT_HLT);
}

TEST_F(vm, refused_slots)
{
	struct guest *g = &self->g;
	uint64_t top = 1ull << g->dev.info.gpa_bits;
	uint8_t *mem = map_aligned(HUGE, -1);

	ASSERT_NE(mem, MAP_FAILED);
	EXPECT_EQ(set_slot(g, SLOT_GPA + 1, PAGE, mem, 0), -EINVAL);
	EXPECT_EQ(set_slot(g, SLOT_GPA, PAGE + 1, mem, 0), -EINVAL);
	EXPECT_EQ(set_slot(g, SLOT_GPA, PAGE, mem + 1, 0), -EINVAL);
	EXPECT_EQ(set_slot(g, top, PAGE, mem, 0), -EINVAL);
	EXPECT_EQ(set_slot(g, top - PAGE, 2 * PAGE, mem, 0), -EINVAL);
	EXPECT_EQ(set_slot(g, SLOT_GPA, -PAGE, mem, 0), -EINVAL);
	EXPECT_EQ(set_slot(g, SLOT_GPA, PAGE, (void *)-PAGE, 0), -EINVAL);
	EXPECT_EQ(set_slot(g, SLOT_GPA, PAGE, mem, 1u << 31), -EINVAL);
	EXPECT_EQ(set_slot(g, MEM_SIZE - PAGE, 2 * PAGE, mem, 0), -EEXIST);
	EXPECT_EQ(set_slot(g, 0, 0, NULL, 0), -ENOENT);
	/* None of these is there, and a good one still works. */
	EXPECT_EQ(guest_load(g, SLOT_GPA), TVX_EXIT_MMIO);
	EXPECT_EQ(set_slot(g, MEM_SIZE, PAGE, mem, 0), 0);
	EXPECT_EQ(guest_load(g, MEM_SIZE), TVX_EXIT_HLT);
}

/* ---- no usable memory behind a slot ---------------------------------------------------- */

static void check_fault(struct __test_metadata *_metadata, struct guest *g, uint64_t gpa,
			void *hva, uint32_t access)
{
	EXPECT_EQ(out(g)->fault.gpa, gpa);
	EXPECT_EQ(out(g)->fault.hva, (uintptr_t)hva);
	EXPECT_EQ(out(g)->fault.error, EFAULT);
	EXPECT_EQ(out(g)->fault.flags & (TVX_MEM_READ | TVX_MEM_WRITE | TVX_MEM_FETCH), access);
	EXPECT_EQ(out(g)->rip, CODE_GPA);
}

TEST_F(vm, hole_is_a_memory_fault)
{
	struct guest *g = &self->g;
	uint8_t *mem = map_aligned(HUGE, -1), *hole = mem + 3 * PAGE;

	ASSERT_NE(mem, MAP_FAILED);
	ASSERT_EQ(set_slot(g, SLOT_GPA, HUGE, mem, 0), 0);
	ASSERT_EQ(guest_touch(g, SLOT_GPA, 8), TVX_EXIT_HLT);
	ASSERT_EQ(munmap(hole, PAGE), 0);
	ASSERT_EQ(guest_load(g, SLOT_GPA + 3 * PAGE + 24), TVX_EXIT_MEMORY_FAULT);
	check_fault(_metadata, g, SLOT_GPA + 3 * PAGE + 24, hole + 24, TVX_MEM_READ);
	/* Filled again, the guest goes on with the same instruction. */
	ASSERT_EQ(mmap(hole, PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), hole);
	*(uint64_t *)(hole + 24) = MAGIC;
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), MAGIC);
}

TEST_F(vm, protection_of_the_process_holds_for_the_guest)
{
	struct guest *g = &self->g;
	uint8_t *mem = map_aligned(HUGE, -1);

	ASSERT_NE(mem, MAP_FAILED);
	*(uint64_t *)mem = MAGIC;
	ASSERT_EQ(set_slot(g, SLOT_GPA, HUGE, mem, 0), 0);
	ASSERT_EQ(guest_touch(g, SLOT_GPA, 1), TVX_EXIT_HLT);
	ASSERT_EQ(mprotect(mem, PAGE, PROT_READ), 0);
	ASSERT_EQ(guest_load(g, SLOT_GPA), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), MAGIC + 1);
	ASSERT_EQ(guest_store(g, SLOT_GPA, 5), TVX_EXIT_MEMORY_FAULT);
	check_fault(_metadata, g, SLOT_GPA, mem, TVX_MEM_WRITE);
	EXPECT_EQ(*(uint64_t *)mem, MAGIC + 1);
	ASSERT_EQ(mprotect(mem, PAGE, PROT_NONE), 0);
	ASSERT_EQ(guest_load(g, SLOT_GPA), TVX_EXIT_MEMORY_FAULT);
	check_fault(_metadata, g, SLOT_GPA, mem, TVX_MEM_READ);
	ASSERT_EQ(mprotect(mem, PAGE, PROT_READ | PROT_WRITE), 0);
	ASSERT_EQ(guest_store(g, SLOT_GPA, 5), TVX_EXIT_HLT);
	EXPECT_EQ(*(uint64_t *)mem, 5);
}

/* The module remembers for a while what it has seen the process not to have. */
TEST_F(vm, pages_appear_beside_absent_ones)
{
	struct guest *g = &self->g;
	uint8_t *mem = map_aligned(HUGE, -1), *other = map_aligned(HUGE, -1);
	volatile uint64_t *word = (void *)mem;
	unsigned char resident = 0;

	ASSERT_NE(mem, MAP_FAILED);
	ASSERT_NE(other, MAP_FAILED);
	ASSERT_EQ(madvise(mem, HUGE, MADV_NOHUGEPAGE), 0);
	ASSERT_EQ(madvise(other, HUGE, MADV_NOHUGEPAGE), 0);
	mem[0] = other[0] = 1;	/* there are page tables */
	ASSERT_EQ(set_slot(g, SLOT_GPA, HUGE, mem, 0), 0);
	ASSERT_EQ(guest_touch(g, SLOT_GPA + PAGE, 1), TVX_EXIT_HLT);
	/* A load and a store of what has come in the meantime, */
	word[2 * PAGE / 8] = word[3 * PAGE / 8] = MAGIC;
	ASSERT_EQ(guest_load(g, SLOT_GPA + 2 * PAGE), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), MAGIC);
	ASSERT_EQ(guest_touch(g, SLOT_GPA + 3 * PAGE, 1), TVX_EXIT_HLT);
	EXPECT_EQ(word[3 * PAGE / 8], MAGIC + 1);
	/* of what is still absent, */
	ASSERT_EQ(guest_store(g, SLOT_GPA + 4 * PAGE, MAGIC), TVX_EXIT_HLT);
	EXPECT_EQ(word[4 * PAGE / 8], MAGIC);
	ASSERT_EQ(guest_load(g, SLOT_GPA + 5 * PAGE), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), 0);
	/* and of another slot at the same place, which leaves the old one's memory alone. */
	ASSERT_EQ(set_slot(g, SLOT_GPA, HUGE, other, 0), 0);
	ASSERT_EQ(guest_store(g, SLOT_GPA + 6 * PAGE, MAGIC), TVX_EXIT_HLT);
	EXPECT_EQ(*(volatile uint64_t *)(other + 6 * PAGE), MAGIC);
	ASSERT_EQ(mincore(mem + 6 * PAGE, PAGE, &resident), 0);
	EXPECT_EQ(resident & 1, 0);
}

/* What is remembered of one slot says nothing of another one. */
TEST_F(vm, absent_pages_of_two_slots)
{
	struct guest *g = &self->g;
	uint8_t *low = map_aligned(HUGE, -1), *high = map_aligned(2 * HUGE, -1), *wrong;
	unsigned char resident = 0;

	ASSERT_NE(low, MAP_FAILED);
	ASSERT_NE(high, MAP_FAILED);
	ASSERT_EQ(madvise(low, HUGE, MADV_NOHUGEPAGE), 0);
	ASSERT_EQ(madvise(high, 2 * HUGE, MADV_NOHUGEPAGE), 0);
	low[0] = high[HUGE] = 1;
	ASSERT_EQ(set_slot(g, SLOT_GPA, HUGE, low, 0), 0);
	ASSERT_EQ(tvx_vm_set_slot(&g->vm, SLOT + 1, SLOT_GPA + HUGE, HUGE, high + HUGE, 0), 0);
	ASSERT_EQ(guest_touch(g, SLOT_GPA + PAGE, 1), TVX_EXIT_HLT);
	ASSERT_EQ(guest_touch(g, SLOT_GPA + HUGE, 1), TVX_EXIT_HLT);
	ASSERT_EQ(guest_store(g, SLOT_GPA + 2 * PAGE, MAGIC), TVX_EXIT_HLT);
	EXPECT_EQ(*(volatile uint64_t *)(low + 2 * PAGE), MAGIC);
	/* Where that page would be if it were the other slot's. */
	wrong = high + 2 * PAGE;
	ASSERT_EQ(mincore(wrong, PAGE, &resident), 0);
	EXPECT_EQ(resident & 1, 0);
}

/* A write that the slot refuses brings nothing in. */
TEST_F(vm, absent_pages_of_a_read_only_slot)
{
	struct guest *g = &self->g;
	uint8_t *mem = map_aligned(HUGE, -1);
	unsigned char resident = 0;

	ASSERT_NE(mem, MAP_FAILED);
	ASSERT_EQ(madvise(mem, HUGE, MADV_NOHUGEPAGE), 0);
	mem[0] = 1;
	ASSERT_EQ(set_slot(g, SLOT_GPA, HUGE, mem, TVX_SLOT_READONLY), 0);
	ASSERT_EQ(guest_load(g, SLOT_GPA + PAGE), TVX_EXIT_HLT);
	ASSERT_EQ(guest_store(g, SLOT_GPA + 2 * PAGE, MAGIC), TVX_EXIT_MMIO);
	EXPECT_TRUE(out(g)->mmio.flags & TVX_MEM_READONLY);
	ASSERT_EQ(mincore(mem + 2 * PAGE, PAGE, &resident), 0);
	EXPECT_EQ(resident & 1, 0);
}

TEST_HARNESS_MAIN
