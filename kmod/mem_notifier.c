// SPDX-License-Identifier: GPL-2.0-only
/*
 * How the guest follows the process: one MMU notifier per process, for all its VMs.
 *
 * Linux announces each change that takes pages or permissions away: start before,
 * end after.  The VMs' mappings of the range go at start, and none comes back
 * until end.
 *
 * Starts and ends must balance for each VM, or it would never, or too early, map
 * again:
 * - The notifier itself is added under mm_take_all_locks(), when no invalidation
 *   is under way in that mm: tvx_mm sees both calls of each, or neither.
 * - A VM that comes to a tvx_mm which is there already may come between a start
 *   and its end.  It takes over tmm->busy under tmm->lock, so that it has the
 *   starts of which ends will follow.
 * - A VM that leaves gets no more ends, and maps nothing any more.
 *
 * tmm->lock is held over the whole walk of the VMs: after tvx_mm_detach() no
 * callback touches the VM, with no grace period to wait for.  The tvx_mm itself
 * goes a grace period after its last user (free_notifier).
 *
 * The callbacks run with interrupts on, some of them under page-table locks or
 * in the OOM reaper: nothing here sleeps or allocates.
 */
#include <linux/errno.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "objects.h"

static struct tvx_mm *to_tmm(struct mmu_notifier *mn)
{
	return container_of(mn, struct tvx_mm, mn);
}

static void begin(struct tvx_mm *tmm, unsigned long start, unsigned long end)
{
	struct tvx_vm *vm;

	spin_lock(&tmm->lock);
	tvx_busy_add(&tmm->busy, start, end);
	list_for_each_entry(vm, &tmm->vms, tmm_link)
		tvx_mem_invalidate_begin(vm, start, end);
	spin_unlock(&tmm->lock);
}

static int notify_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	begin(to_tmm(mn), range->start, range->end);
	return 0;
}

static void notify_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct tvx_mm *tmm = to_tmm(mn);
	struct tvx_vm *vm;

	spin_lock(&tmm->lock);
	WARN_ON_ONCE(!tvx_busy_remove(&tmm->busy, range->start, range->end));
	list_for_each_entry(vm, &tmm->vms, tmm_link)
		tvx_mem_invalidate_end(vm, range->start, range->end);
	spin_unlock(&tmm->lock);
}

/*
 * The process is gone, and its pages follow.  An invalidation of everything that
 * never ends: whatever may still hold the VMs' fds, nothing is mapped again.
 */
static void notify_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	begin(to_tmm(mn), 0, ULONG_MAX);
}

static bool age(struct mmu_notifier *mn, unsigned long start, unsigned long end, bool clear)
{
	struct tvx_mm *tmm = to_tmm(mn);
	struct tvx_vm *vm;
	bool young = false;

	spin_lock(&tmm->lock);
	list_for_each_entry(vm, &tmm->vms, tmm_link)
		young |= tvx_mem_age(vm, start, end, clear);
	spin_unlock(&tmm->lock);
	return young;
}

static TVX_YOUNG notify_clear_young(struct mmu_notifier *mn, struct mm_struct *mm,
				    unsigned long start, unsigned long end)
{
	return age(mn, start, end, true);
}

static TVX_YOUNG notify_test_young(struct mmu_notifier *mn, struct mm_struct *mm,
				   unsigned long address)
{
	return age(mn, address, address + PAGE_SIZE, false);
}

static struct mmu_notifier *notify_alloc(struct mm_struct *mm)
{
	struct tvx_mm *tmm = kzalloc(sizeof(*tmm), GFP_KERNEL_ACCOUNT);

	if (!tmm)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&tmm->lock);
	INIT_LIST_HEAD(&tmm->vms);
	return &tmm->mn;
}

static void notify_free(struct mmu_notifier *mn)
{
	kfree(to_tmm(mn));
}

static const struct mmu_notifier_ops notifier_ops = {
	.release = notify_release,
	.clear_flush_young = notify_clear_young,
	.clear_young = notify_clear_young,
	.test_young = notify_test_young,
	.invalidate_range_start = notify_start,
	.invalidate_range_end = notify_end,
	.alloc_notifier = notify_alloc,
	.free_notifier = notify_free,
};

/*
 * tvx_mm_attach() - have @vm follow current->mm from now on
 *
 * The room of @vm is ready for callbacks.  Return: the process's tvx_mm, or an
 * ERR_PTR(): -ENOMEM, -ERESTARTNOINTR when a signal came first (the system call
 * starts again after its handler; user space sees nothing of it).
 */
struct tvx_mm *tvx_mm_attach(struct tvx_vm *vm)
{
	struct mmu_notifier *mn = mmu_notifier_get(&notifier_ops, current->mm);
	struct tvx_mm *tmm;

	if (mn == ERR_PTR(-EINTR) && signal_pending(current))
		return ERR_PTR(-ERESTARTNOINTR);
	if (IS_ERR(mn))
		return ERR_CAST(mn);
	tmm = to_tmm(mn);
	spin_lock(&tmm->lock);
	spin_lock(&vm->mmu_lock);
	vm->busy = tmm->busy;
	spin_unlock(&vm->mmu_lock);
	list_add(&vm->tmm_link, &tmm->vms);
	spin_unlock(&tmm->lock);
	return tmm;
}

/*
 * tvx_mm_detach() - no callback touches @vm any more when this returns
 *
 * Does not wait for a grace period, and may come after the process's end: the
 * notifier holds the mm_struct until it is freed.
 */
void tvx_mm_detach(struct tvx_vm *vm)
{
	struct tvx_mm *tmm = vm->tmm;

	spin_lock(&tmm->lock);
	list_del(&vm->tmm_link);
	spin_unlock(&tmm->lock);
	vm->tmm = NULL;
	mmu_notifier_put(&tmm->mn);
}
