// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory: the slots of a VM, and what the MMU notifier does to them.
 *
 * Slots change under vm->lock and vm->mmu_lock, so that either suffices to read
 * them.  The EPT maps nothing outside of the slots, and nothing of a slot that
 * the process does not have mapped: whoever takes a page away from one of the
 * two unmaps it here, under mmu_lock, before it goes.
 */
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "mem.h"

/* ---- a VM's room -------------------------------------------------------------- */

int tvx_mem_init(struct tvx_vm *vm)
{
	struct tvx_mm *tmm;
	int err;

	spin_lock_init(&vm->mmu_lock);
	err = vmx_space_init(&vm->space);
	if (err)
		return err;
	tmm = tvx_mm_attach(vm);
	if (IS_ERR(tmm)) {
		vmx_space_destroy(&vm->space);
		return PTR_ERR(tmm);
	}
	vm->tmm = tmm;
	return 0;
}

void tvx_mem_destroy(struct tvx_vm *vm)
{
	/* First nobody else can reach the tables, then they go. */
	if (vm->tmm)
		tvx_mm_detach(vm);
	vmx_space_destroy(&vm->space);
}

/* ---- slots ---------------------------------------------------------------------- */

const struct tvx_memslot *mem_find_slot(const struct tvx_vm *vm, u64 gpa)
{
	unsigned int low = 0, high = vm->nr_slots;

	lockdep_assert_held(&vm->mmu_lock);
	while (low < high) {
		unsigned int middle = (low + high) / 2;
		const struct tvx_memslot *slot = &vm->slots[vm->slot_order[middle]];

		if (gpa >= slot->gpa && gpa - slot->gpa < slot->len)
			return slot;
		if (gpa < slot->gpa)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

void mem_find_hole(const struct tvx_vm *vm, u64 gpa, u64 *from, u64 *len)
{
	u64 end = U64_MAX;
	unsigned int i;

	lockdep_assert_held(&vm->mmu_lock);
	*from = 0;
	for (i = 0; i < vm->nr_slots; i++) {
		const struct tvx_memslot *slot = &vm->slots[vm->slot_order[i]];

		if (slot->gpa > gpa) {
			end = slot->gpa;
			break;
		}
		*from = slot->gpa + slot->len;
	}
	*len = end - *from;
}

/* Slots do not overlap, so that their beginnings put them in order. */
static void order_slots(struct tvx_vm *vm)
{
	unsigned int i, at;

	lockdep_assert_held(&vm->mmu_lock);
	vm->nr_slots = 0;
	for (i = 0; i < TVX_MAX_SLOTS; i++) {
		if (!vm->slots[i].len)
			continue;
		for (at = vm->nr_slots++; at; at--) {
			if (vm->slots[vm->slot_order[at - 1]].gpa < vm->slots[i].gpa)
				break;
			vm->slot_order[at] = vm->slot_order[at - 1];
		}
		vm->slot_order[at] = i;
	}
}

static int check_range(const struct tvx_slot *args)
{
	u64 gpa_end = BIT_ULL(min_t(unsigned int, vmx_caps.maxphyaddr, ilog2(EPT_GPA_END)));

	if (!PAGE_ALIGNED(args->gpa | args->len | args->hva))
		return -EINVAL;
	if (args->gpa >= gpa_end || args->len > gpa_end - args->gpa)
		return -EINVAL;
	/* Not access_ok(): it lets tagged addresses pass, and notifiers tell untagged ones. */
	if (args->hva >= TASK_SIZE_MAX || args->len > TASK_SIZE_MAX - args->hva)
		return -EINVAL;
	return 0;
}

static bool overlaps_another(const struct tvx_vm *vm, const struct tvx_slot *args)
{
	unsigned int i;

	lockdep_assert_held(&vm->lock);
	for (i = 0; i < vm->nr_slots; i++) {
		const struct tvx_memslot *slot = &vm->slots[vm->slot_order[i]];

		if (vm->slot_order[i] != args->slot && args->gpa < slot->gpa + slot->len &&
		    slot->gpa < args->gpa + args->len)
			return true;
	}
	return false;
}

/* Put @new in the place of slot @i: the guest loses all that it had through the old one. */
static void replace_slot(struct tvx_vm *vm, unsigned int i, const struct tvx_memslot *new)
{
	struct tvx_memslot *slot = &vm->slots[array_index_nospec(i, TVX_MAX_SLOTS)];

	lockdep_assert_held(&vm->lock);
	spin_lock(&vm->mmu_lock);
	if (slot->len)
		vmx_space_unmap(&vm->space, slot->gpa, slot->gpa + slot->len);
	*slot = *new;
	order_slots(vm);
	/* A fault that looked the old one up starts again; holes, too, are looked up anew. */
	vm->mmu_seq++;
	spin_unlock(&vm->mmu_lock);
}

int tvx_mem_set_slot(struct tvx_vm *vm, const struct tvx_slot *args)
{
	const struct tvx_memslot new = {
		.gpa = args->gpa,
		.len = args->len,
		.hva = args->hva,
		.flags = args->flags,
	};
	const struct tvx_memslot none = {};
	int err;

	lockdep_assert_held(&vm->lock);
	if (args->flags & ~(TVX_SLOT_READONLY | TVX_SLOT_PREMAP) || args->reserved ||
	    args->slot >= TVX_MAX_SLOTS)
		return -EINVAL;
	if (!args->len) {
		if (!vm->slots[array_index_nospec(args->slot, TVX_MAX_SLOTS)].len)
			return -ENOENT;
		replace_slot(vm, args->slot, &none);
		return 0;
	}
	err = check_range(args);
	if (err)
		return err;
	if (overlaps_another(vm, args))
		return -EEXIST;
	replace_slot(vm, args->slot, &new);
	if (!(args->flags & TVX_SLOT_PREMAP))
		return 0;
	err = mem_premap(vm, &new);
	if (err)
		replace_slot(vm, args->slot, &none);
	return err;
}

/* ---- what the notifier asks for ---------------------------------------------------- */

/* Where in the guest are the user addresses [start, end) through @slot?  False: nowhere. */
static bool slot_range(const struct tvx_memslot *slot, unsigned long start, unsigned long end,
		       u64 *gpa_start, u64 *gpa_end)
{
	u64 first = max_t(u64, start, slot->hva);
	u64 last = min_t(u64, end, slot->hva + slot->len);

	if (first >= last)
		return false;
	*gpa_start = slot->gpa + (first - slot->hva);
	*gpa_end = slot->gpa + (last - slot->hva);
	return true;
}

static void unmap(struct tvx_vm *vm, unsigned long start, unsigned long end)
{
	u64 gpa_start, gpa_end;
	unsigned int i;

	for (i = 0; i < vm->nr_slots; i++)
		if (slot_range(&vm->slots[vm->slot_order[i]], start, end, &gpa_start, &gpa_end))
			vmx_space_unmap(&vm->space, gpa_start, gpa_end);
}

static bool any_slot_has(const struct tvx_vm *vm, unsigned long start, unsigned long end)
{
	u64 gpa_start, gpa_end;
	unsigned int i;

	for (i = 0; i < vm->nr_slots; i++)
		if (slot_range(&vm->slots[vm->slot_order[i]], start, end, &gpa_start, &gpa_end))
			return true;
	return false;
}

/*
 * tvx_mem_invalidate_begin() - the guest loses the user addresses [start, end)
 *
 * When it returns no CPU can reach the pages through the EPT, and none is mapped
 * there until the matching tvx_mem_invalidate_end().
 */
void tvx_mem_invalidate_begin(struct tvx_vm *vm, unsigned long start, unsigned long end)
{
	spin_lock(&vm->mmu_lock);
	tvx_busy_add(&vm->busy, start, end);
	unmap(vm, start, end);
	spin_unlock(&vm->mmu_lock);
}

/*
 * tvx_mem_invalidate_end() - an invalidation is over
 */
void tvx_mem_invalidate_end(struct tvx_vm *vm, unsigned long start, unsigned long end)
{
	spin_lock(&vm->mmu_lock);
	/*
	 * A fault that got its page before the process lost it must not map it now.  Other
	 * pages are not concerned; and of a slot that came or went meanwhile mmu_seq tells.
	 */
	if (any_slot_has(vm, start, end))
		vm->mmu_seq++;
	WARN_ON_ONCE(!tvx_busy_remove(&vm->busy, start, end));
	spin_unlock(&vm->mmu_lock);
}

/*
 * tvx_mem_age() - did the guest use the user addresses [start, end) lately?
 * @clear: start a new period
 */
bool tvx_mem_age(struct tvx_vm *vm, unsigned long start, unsigned long end, bool clear)
{
	u64 gpa_start, gpa_end;
	bool young = false;
	unsigned int i;

	spin_lock(&vm->mmu_lock);
	for (i = 0; i < vm->nr_slots; i++)
		if (slot_range(&vm->slots[vm->slot_order[i]], start, end, &gpa_start, &gpa_end))
			young |= vmx_space_age(&vm->space, gpa_start, gpa_end, clear);
	spin_unlock(&vm->mmu_lock);
	return young;
}
