/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host for pure parts that need pages: an arena whose fake physical addresses
 * have nothing to do with its virtual ones. A page that is not handed out is
 * poisoned for the address sanitizer, and is handed out again as late as possible.
 */
#ifndef MOCK_HOST_H
#define MOCK_HOST_H

#include <sanitizer/asan_interface.h>
#include <asm/io.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include "unit.h"
#include "../../kmod/vmx/hostops.h"

#define MOCK_PAGES	8192
#define MOCK_PA_BASE	0x000c0ffee0000000ull	/* 52 bits wide */
#define MOCK_CTX	((void *)0x7ab1e)

static u8 mock_arena[MOCK_PAGES][PAGE_SIZE] __aligned(PAGE_SIZE);
static bool mock_used[MOCK_PAGES];
static unsigned int mock_nr_used, mock_next;

/* A test's say in whether a page may be freed now. */
static void (*mock_on_free)(const void *page);

static unsigned int mock_index(const void *page)
{
	size_t offset = (const u8 *)page - mock_arena[0];

	EXPECT_TRUE(offset < sizeof(mock_arena) && IS_ALIGNED(offset, PAGE_SIZE));
	return offset / PAGE_SIZE % MOCK_PAGES;
}

static void *mock_page_alloc(void *ctx)
{
	unsigned int tries;

	EXPECT_TRUE(ctx == MOCK_CTX);
	if (unit_alloc_fails())
		return NULL;
	for (tries = 0; tries < MOCK_PAGES; tries++) {
		unsigned int i = mock_next++ % MOCK_PAGES;

		if (mock_used[i])
			continue;
		mock_used[i] = true;
		mock_nr_used++;
		unit_live_allocs++;
		ASAN_UNPOISON_MEMORY_REGION(mock_arena[i], PAGE_SIZE);
		return memset(mock_arena[i], 0, PAGE_SIZE);
	}
	EXPECT(false, "the arena is too small");
	return NULL;
}

static void mock_page_free(void *ctx, void *page)
{
	unsigned int i = mock_index(page);

	EXPECT_TRUE(ctx == MOCK_CTX);
	if (!EXPECT(mock_used[i], "freed twice: page %u", i))
		return;
	if (mock_on_free)
		mock_on_free(page);
	mock_used[i] = false;
	mock_nr_used--;
	unit_live_allocs--;
	ASAN_POISON_MEMORY_REGION(page, PAGE_SIZE);
}

static phys_addr_t mock_virt_to_phys(const void *page)
{
	return MOCK_PA_BASE + mock_index(page) * PAGE_SIZE;
}

/* A physical address that is no page of ours must not be followed: it fails the test and aborts. */
static void *mock_phys_to_virt(phys_addr_t pa)
{
	u64 i = (pa - MOCK_PA_BASE) / PAGE_SIZE;

	if (!EXPECT(pa >= MOCK_PA_BASE && i < MOCK_PAGES, "not a page of ours: %#llx", pa))
		abort();
	return mock_arena[i];
}

static const struct tvx_host_ops mock_ops = {
	.page_alloc = mock_page_alloc,
	.page_free = mock_page_free,
};

#endif /* MOCK_HOST_H */
