/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest memory: what its own files share. */
#ifndef TVX_MEM_H
#define TVX_MEM_H

#include <linux/nospec.h>

#include "objects.h"

/* The slot that holds @gpa, or NULL.  Under vm->mmu_lock. */
const struct tvx_memslot *mem_find_slot(const struct tvx_vm *vm, u64 gpa);

/*
 * Where @gpa, which the slot holds, is in the process.  A CPU that has guessed wrong that the
 * slot holds it must not walk page tables to where the guest sends it.
 */
static inline u64 mem_slot_hva(const struct tvx_memslot *slot, u64 gpa)
{
	return slot->hva + array_index_nospec(gpa - slot->gpa, slot->len);
}

/* The addresses around @gpa, which no slot holds, that none holds either.  Under vm->mmu_lock. */
void mem_find_hole(const struct tvx_vm *vm, u64 gpa, u64 *from, u64 *len);

/*
 * mem_walk_host() - the page at @hva in the page table of the current process
 * Return: false if there is none.  To be believed, either way, only if nothing was
 * invalidated meanwhile.
 */
bool mem_walk_host(unsigned long hva, struct tvx_host_page *host);

/*
 * Map all of @slot, which the VM has by now; stops at the first thing that fails.
 * Return: 0, -EFAULT, -EINTR, -ENOMEM.  Under vm->lock, sleeps.
 */
int mem_premap(struct tvx_vm *vm, const struct tvx_memslot *slot);

#endif
