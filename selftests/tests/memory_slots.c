// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where slots are in the guest: moved, side by side, at the end; page walks and fetches
 * beside them.
 */
#include "touch.h"

#define NEW_GVA		(1ull << 39)	/* the second entry of the PML4 */

/* ---- where slots are ---------------------------------------------------------------------- */

TEST_F(vm, moved_resized_deleted)
{
	struct guest *g = &self->g;
	uint8_t *mem = map_aligned(HUGE, -1);

	ASSERT_NE(mem, MAP_FAILED);
	*(uint64_t *)mem = MAGIC;
	ASSERT_EQ(set_slot(g, SLOT_GPA, HUGE, mem, 0), 0);
	ASSERT_EQ(guest_touch(g, SLOT_GPA, HUGE / PAGE), TVX_EXIT_HLT);

	ASSERT_EQ(set_slot(g, OTHER_GPA, HUGE, mem, 0), 0);
	EXPECT_EQ(guest_load(g, SLOT_GPA), TVX_EXIT_MMIO);
	EXPECT_EQ(out(g)->mmio.gpa, SLOT_GPA);
	ASSERT_EQ(guest_load(g, OTHER_GPA), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), MAGIC + 1);

	ASSERT_EQ(set_slot(g, OTHER_GPA, PAGE, mem, 0), 0);
	EXPECT_EQ(guest_load(g, OTHER_GPA), TVX_EXIT_HLT);
	EXPECT_EQ(guest_load(g, OTHER_GPA + PAGE), TVX_EXIT_MMIO);
	ASSERT_EQ(set_slot(g, OTHER_GPA, HUGE, mem, 0), 0);
	EXPECT_EQ(guest_load(g, OTHER_GPA + PAGE), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), 1);

	ASSERT_EQ(set_slot(g, 0, 0, NULL, 0), 0);
	EXPECT_EQ(guest_load(g, OTHER_GPA), TVX_EXIT_MMIO);
	EXPECT_EQ(out(g)->mmio.flags & (TVX_MEM_READ | TVX_MEM_READONLY), TVX_MEM_READ);
}

/* What is remembered of addresses that no slot has must not outlive a change of slots. */
TEST_F(vm, slots_come_and_go_in_a_hole)
{
	struct guest *g = &self->g;
	uint64_t *mem = map_aligned(HUGE, -1);
	int round;

	ASSERT_NE(mem, MAP_FAILED);
	mem[0] = MAGIC;
	for (round = 0; round < 2; round++) {
		ASSERT_EQ(guest_load(g, SLOT_GPA), TVX_EXIT_MMIO);
		ASSERT_EQ(guest_store(g, SLOT_GPA - PAGE, 1), TVX_EXIT_MMIO);
		EXPECT_EQ(out(g)->mmio.gpa, SLOT_GPA - PAGE);

		ASSERT_EQ(set_slot(g, SLOT_GPA, PAGE, mem, 0), 0);
		ASSERT_EQ(guest_load(g, SLOT_GPA - PAGE), TVX_EXIT_MMIO);
		ASSERT_EQ(guest_load(g, SLOT_GPA), TVX_EXIT_HLT);
		EXPECT_EQ(reg(g, TVX_RAX), MAGIC);

		/* The hole behind it ends where the next one begins. */
		ASSERT_EQ(tvx_vm_set_slot(&g->vm, SLOT + 1, OTHER_GPA, PAGE, mem, 0), 0);
		ASSERT_EQ(guest_load(g, SLOT_GPA + PAGE), TVX_EXIT_MMIO);
		ASSERT_EQ(guest_load(g, OTHER_GPA - PAGE), TVX_EXIT_MMIO);
		ASSERT_EQ(guest_load(g, OTHER_GPA), TVX_EXIT_HLT);
		EXPECT_EQ(reg(g, TVX_RAX), MAGIC);
		ASSERT_EQ(guest_load(g, OTHER_GPA + PAGE), TVX_EXIT_MMIO);

		ASSERT_EQ(tvx_vm_set_slot(&g->vm, SLOT + 1, 0, 0, NULL, 0), 0);
		ASSERT_EQ(set_slot(g, 0, 0, NULL, 0), 0);
	}
}

TEST_F(vm, access_across_two_slots)
{
	struct guest *g = &self->g;
	uint8_t *low = map_aligned(PAGE, -1), *high = map_aligned(PAGE, -1);

	ASSERT_EQ(set_slot(g, SLOT_GPA, PAGE, low, 0), 0);
	ASSERT_EQ(tvx_vm_set_slot(&g->vm, SLOT + 1, SLOT_GPA + PAGE, PAGE, high, 0), 0);
	memset(low + PAGE - 4, 0xaa, 4);
	memset(high, 0x55, 4);
	ASSERT_EQ(guest_load(g, SLOT_GPA + PAGE - 4), TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_RAX), 0x55555555aaaaaaaaull);
	ASSERT_EQ(guest_store(g, SLOT_GPA + PAGE - 4, MAGIC), TVX_EXIT_HLT);
	EXPECT_EQ(*(uint32_t *)(low + PAGE - 4), (uint32_t)MAGIC);
	EXPECT_EQ(*(uint32_t *)high, MAGIC >> 32);
	/* Half of it is nowhere. */
	ASSERT_EQ(guest_load(g, SLOT_GPA + 2 * PAGE - 4), TVX_EXIT_MMIO);
	EXPECT_EQ(out(g)->mmio.gpa, SLOT_GPA + 2 * PAGE);
}

/* The guest's tables at DATA_GPA translate NEW_GVA to @gpa; before the guest starts. */
static void map_page(struct guest *g, uint64_t gpa)
{
	uint64_t *table = (uint64_t *)(g->mem + DATA_GPA);

	((uint64_t *)(g->mem + TABLES_GPA))[1] = DATA_GPA | 7;
	table[0] = (DATA_GPA + PAGE) | 7;
	table[512] = (DATA_GPA + 2 * PAGE) | 7;
	table[1024] = gpa | 7;
}

TEST_F(vm, highest_page)
{
	struct guest *g = &self->g;
	uint64_t gpa = (1ull << g->dev.info.gpa_bits) - PAGE;
	uint8_t *mem = map_aligned(PAGE, -1);

	ASSERT_EQ(set_slot(g, gpa, PAGE, mem, 0), 0);
	start(g, GUEST_LONG, store);
	map_page(g, gpa);
	tvx_set_gpr(&g->vcpu, TVX_RDI, NEW_GVA + PAGE - 8);
	tvx_set_gpr(&g->vcpu, TVX_RAX, MAGIC);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(*(uint64_t *)(mem + PAGE - 8), MAGIC);
}

/* ---- page walks and fetches ------------------------------------------------------------------ */

TEST_F(vm, page_table_outside_memory)
{
	struct guest *g = &self->g;

	start(g, GUEST_LONG, load);
	map_page(g, 0);
	((uint64_t *)(g->mem + DATA_GPA))[0] = OTHER_GPA | 7;
	tvx_set_gpr(&g->vcpu, TVX_RDI, NEW_GVA);
	ASSERT_EQ(run(g), TVX_EXIT_MMIO);
	EXPECT_EQ(out(g)->mmio.gpa, OTHER_GPA);
	EXPECT_EQ(out(g)->mmio.gla, NEW_GVA);
	EXPECT_TRUE(out(g)->mmio.flags & TVX_MEM_PAGE_WALK);
}

TEST_F(vm, fetch_outside_memory)
{
	struct guest *g = &self->g;

	start(g, GUEST_LONG, jump);
	tvx_set_gpr(&g->vcpu, TVX_RDI, OTHER_GPA);
	ASSERT_EQ(run(g), TVX_EXIT_MMIO);
	EXPECT_EQ(out(g)->mmio.gpa, OTHER_GPA);
	EXPECT_EQ(out(g)->rip, OTHER_GPA);
	EXPECT_TRUE(out(g)->mmio.flags & TVX_MEM_FETCH);
}

TEST_HARNESS_MAIN
