/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TVX_HOSTOPS_H
#define TVX_HOSTOPS_H

#include <linux/types.h>

/**
 * struct tvx_host_ops - what a pure part asks of its host
 * @page_alloc: a zeroed, naturally aligned 4 KiB page, or NULL. The parts that
 *	call it say whether they do so with locks held
 * @page_free: takes back a page of @page_alloc. May be called with locks held:
 *	must not sleep
 *
 * The module backs it with the page allocator, the unit tests with a mock, which also
 * stands for the kernel's virt_to_phys() and phys_to_virt() of such pages.
 * @ctx is the owner's: passed through, never looked at. (The first two are not
 * named alloc_page and free_page because those are macros of the kernel's.)
 */
struct tvx_host_ops {
	void *(*page_alloc)(void *ctx);
	void (*page_free)(void *ctx, void *page);
};

#endif /* TVX_HOSTOPS_H */
