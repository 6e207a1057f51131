/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest memory: what its own files share. */
#ifndef TVX_MEM_H
#define TVX_MEM_H

#include "objects.h"

/* The slot that holds @gpa, or NULL.  Under vm->mmu_lock. */
const struct tvx_memslot *mem_find_slot(const struct tvx_vm *vm, u64 gpa);

/**
 * struct host_page - a page as the process has it
 * @level: how large
 * @writable: by the process
 * @dirty: so says the entry (false of 1 GiB)
 * @own: if it is of anonymous memory, which needs no reference while mmu_lock is held; else NULL
 * @absent: if there is none: as many pages from here on, 0 if that is not known
 */
struct host_page {
	enum ept_level level;
	bool writable;
	bool dirty;
	struct page *own;
	unsigned int absent;
};

/*
 * mem_walk_host() - the page at @hva in the page table of the current process
 * Return: false if there is none.  To be believed, either way, only if nothing was
 * invalidated meanwhile.
 */
bool mem_walk_host(unsigned long hva, struct host_page *host);

/*
 * Map all of @slot, which the VM has by now; stops at the first thing that fails.
 * Return: 0, -EFAULT, -EINTR, -ENOMEM.  Under vm->lock, sleeps.
 */
int mem_premap(struct tvx_vm *vm, const struct tvx_memslot *slot);

#endif
