// SPDX-License-Identifier: GPL-2.0-only
/* The rare case that the module itself reads guest memory: through the caller's mapping. */
#include <linux/uaccess.h>

#include "mem.h"

int tvx_mem_read(struct tvx_vm *vm, u64 gpa, void *buf, size_t len)
{
	const struct tvx_memslot *slot;
	u64 hva = 0;

	spin_lock(&vm->mmu_lock);
	slot = mem_find_slot(vm, gpa);
	if (slot && slot->gpa + slot->len - gpa >= len)
		hva = mem_slot_hva(slot, gpa);
	spin_unlock(&vm->mmu_lock);
	if (!hva || copy_from_user(buf, u64_to_user_ptr(hva), len))
		return -EFAULT;
	return 0;
}
