// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filling the EPT: from a guest-physical address through a slot and the process's
 * page tables to a page.
 *
 * The guest holds no reference of the pages it maps.  One fault goes like this:
 *
 *  1. under mmu_lock, look the slot up and sample mmu_seq
 *  2. with no lock, have Linux bring the page in; take a reference
 *  3. see how large the page is in the process's page table
 *  4. under mmu_lock, if no invalidation of that page is under way (mmu_busy) and
 *     none ended, nor any slot changed, since 1 (mmu_seq): map it.  Else start again
 *  5. drop the reference
 *
 * After 4, whoever takes the page from the process says so first, in a callback
 * that waits for mmu_lock and then unmaps it.  So the process had the page mapped,
 * just as 2 and 3 saw it, at the moment of 4, and the guest's mapping ends before
 * the process's: the process's own reference does for both.
 */
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "mem.h"

/* One page under way; the first five are given. */
struct mem_fault {
	u64 gpa;
	bool write;			/* the access is one */
	bool fetch;			/* or is one of these */
	bool absent;			/* most likely the process does not have the page */
	struct ept_cache *cache;
	struct tvx_memslot slot;	/* 1 */
	unsigned long seq;
	unsigned long hva;
	struct page *page;		/* 2 */
	bool writable;
	enum ept_level level;		/* 3 */
};

/* 1.  False: there is no slot. */
static bool look_up(struct tvx_vm *vm, struct mem_fault *f)
{
	const struct tvx_memslot *slot;

	spin_lock(&vm->mmu_lock);
	slot = mem_find_slot(vm, f->gpa);
	if (slot) {
		f->slot = *slot;
		f->seq = vm->mmu_seq;
		f->hva = slot->hva + (f->gpa - slot->gpa);
	}
	spin_unlock(&vm->mmu_lock);
	smp_rmb(); /* the sample before the page tables that get_page() reads */
	return slot;
}

/*
 * 2.  Also for a read, map with write permission where that costs nothing: where
 * the process could write right now, with no copy to make and no file system to ask.
 */
static bool get_present_page(struct mem_fault *f)
{
	f->writable = !(f->slot.flags & TVX_SLOT_READONLY);
	return get_user_page_fast_only(f->hva, f->writable ? FOLL_WRITE : 0, &f->page);
}

static int get_host_page(struct mem_fault *f)
{
	bool may_write = !(f->slot.flags & TVX_SLOT_READONLY);
	unsigned int flags = FOLL_HWPOISON | COMPAT_FOLL_VCPU;
	struct page *page;
	long n;

	if (!f->absent && get_present_page(f))
		return 0;

	n = get_user_pages_unlocked(f->hva, 1, &f->page, flags | (f->write ? FOLL_WRITE : 0));
	if (n != 1)
		return n < 0 ? n : -EFAULT;
	f->writable = f->write;
	if (may_write && !f->write && get_user_page_fast_only(f->hva, FOLL_WRITE, &page)) {
		put_page(f->page);
		f->page = page;
		f->writable = true;
	}
	return 0;
}

/*
 * The size of the page at @hva in the process's own page table.  It is to be
 * believed only if nothing was invalidated meanwhile, which 4 finds out.  With
 * interrupts off the tables cannot be freed: that takes an IPI or a grace period.
 */
static enum ept_level host_level(unsigned long hva)
{
	enum ept_level level = EPT_4K;
	unsigned long flags;
	pgd_t pgd;
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	local_irq_save(flags);
	pgd = READ_ONCE(*pgd_offset(current->mm, hva));
	if (pgd_none(pgd))
		goto out;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (pud_none(pud) || !pud_present(pud))
		goto out;
	if (pud_leaf(pud)) {
		level = EPT_1G;
		goto out;
	}
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	if (!pmd_none(pmd) && pmd_present(pmd) && pmd_leaf(pmd))
		level = EPT_2M;
out:
	local_irq_restore(flags);
	return level;
}

/* Does the page of @level around the fault lie in the slot, equally aligned on all sides? */
static bool level_fits(const struct mem_fault *f, enum ept_level level)
{
	u64 size = ept_level_size(level);
	u64 start = ALIGN_DOWN(f->gpa, size);

	return IS_ALIGNED(f->gpa ^ f->hva, size) &&
	       IS_ALIGNED(f->gpa ^ page_to_phys(f->page), size) &&
	       start >= f->slot.gpa && start + size <= f->slot.gpa + f->slot.len;
}

/* Did an invalidation that may concern the page come between 1 and now? */
static bool is_stale(const struct tvx_vm *vm, const struct mem_fault *f)
{
	u64 size = ept_level_size(f->level);
	u64 start = ALIGN_DOWN(f->hva, size);

	lockdep_assert_held(&vm->mmu_lock);
	if (vm->mmu_busy && start < vm->busy_end && vm->busy_start < start + size)
		return true;
	return vm->mmu_seq != f->seq;
}

/*
 * The guest's writes set no dirty bit that Linux looks at, so a page counts as
 * dirty from when the guest may write it.  Write access that came with a write
 * fault has a dirty PTE already, but a PTE can be writable and clean (after
 * MADV_FREE, mprotect or swap-in), and reclaim would drop such a page.
 *
 * Here, and not after mmu_lock, because cleaning a page starts with a callback
 * that waits for mmu_lock: it either comes before, and the page is stale, or
 * after, and takes the write permission away.  The process's mapping of the page,
 * which cannot go meanwhile, keeps truncation off, as the page-table lock does
 * where Linux itself does this.  A file's page that a PTE lets be written is dirty
 * already, so that the file system's dirty_folio() is hardly ever called.
 */
static void mark_dirty(struct page *page)
{
	struct folio *folio = page_folio(page);

	if (!folio_test_dirty(folio))
		folio_mark_dirty(folio);
}

/* 4.  Return: 0, -EAGAIN if stale, -ENOMEM, -EFAULT. */
static int map_host_page(struct tvx_vm *vm, struct mem_fault *f)
{
	bool large_exec = vmx_space_large_exec();
	u64 mask;
	int err = -EAGAIN;

	/* Large mappings are of compound pages; where one is not, small ones will do. */
	f->level = EPT_4K;
	if (PageCompound(f->page))
		f->level = min(host_level(f->hva), vmx_space_max_level());
	/* What is executed gets a small page, and a large one around it falls apart. */
	if (f->fetch && !large_exec)
		f->level = EPT_4K;
	while (f->level > EPT_4K && !level_fits(f, f->level))
		f->level--;
	mask = ~(ept_level_size(f->level) - 1);

	spin_lock(&vm->mmu_lock);
	if (!is_stale(vm, f)) {
		err = vmx_space_map(&vm->space, f->gpa & mask, page_to_phys(f->page) & mask,
				    f->level, f->writable, f->level == EPT_4K || large_exec,
				    f->cache);
		if (!err && f->writable)
			mark_dirty(f->page);
	}
	spin_unlock(&vm->mmu_lock);
	/* A page beyond what EPT can address, or not enough tables: neither can be. */
	return WARN_ON_ONCE(err && err != -EAGAIN) ? -EFAULT : err;
}

/* 2 to 5.  Return: 0, -EAGAIN if it came to nothing for now, or why there is no page. */
static int serve(struct tvx_vm *vm, struct mem_fault *f)
{
	int err;

	err = ept_cache_fill(&vm->space.ept, f->cache, EPT_CACHE_ENOUGH);
	if (!err)
		err = get_host_page(f);
	if (err)
		return err;
	err = map_host_page(vm, f);
	put_page(f->page);
	return err;
}

enum tvx_mem_result tvx_mem_fault(struct tvx_vm *vm, u64 gpa, u32 access,
				  struct ept_cache *cache, u64 *hva, int *error)
{
	struct mem_fault f = {
		.gpa = gpa & PAGE_MASK,
		.write = access & TVX_MEM_WRITE,
		.fetch = access & TVX_MEM_FETCH,
		.absent = true,		/* as a rule: tvx_mem_fault_now() came before */
		.cache = cache,
	};
	int err;

	might_sleep();
	if (!look_up(vm, &f))
		return TVX_MEM_NO_SLOT;
	*hva = f.hva | offset_in_page(gpa);
	if (f.write && (f.slot.flags & TVX_SLOT_READONLY))
		return TVX_MEM_RDONLY;

	err = WARN_ON_ONCE(current->mm != vm->mm) ? -EFAULT : serve(vm, &f);
	switch (err) {
	case 0:
		return TVX_MEM_MAPPED;
	case -EINTR:
	case -ERESTARTSYS:
		if (fatal_signal_pending(current)) {
			*error = EINTR;
			return TVX_MEM_ERROR;
		}
		/* The vCPU looks at its signals, and faults again afterwards. */
		fallthrough;
	case -EAGAIN:
		cond_resched();
		return TVX_MEM_MAPPED;
	case -ENOMEM:
	case -EHWPOISON:
		*error = -err;
		return TVX_MEM_ERROR;
	default:
		*error = EFAULT;
		return TVX_MEM_ERROR;
	}
}

enum tvx_mem_result tvx_mem_fault_now(struct tvx_vm *vm, u64 gpa, u32 access,
				      struct ept_cache *cache)
{
	struct mem_fault f = {
		.gpa = gpa & PAGE_MASK,
		.write = access & TVX_MEM_WRITE,
		.fetch = access & TVX_MEM_FETCH,
		.cache = cache,
	};
	int err;

	/* Spinlocks sleep there. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return TVX_MEM_ERROR;
	if (!look_up(vm, &f))
		return TVX_MEM_NO_SLOT;
	if (f.write && (f.slot.flags & TVX_SLOT_READONLY))
		return TVX_MEM_RDONLY;
	if (cache->nr < EPT_CACHE_ENOUGH || !get_present_page(&f))
		return TVX_MEM_ERROR;
	err = map_host_page(vm, &f);
	put_page(f.page);
	return err ? TVX_MEM_ERROR : TVX_MEM_MAPPED;
}

/* Map the page at @gpa of a slot that cannot change.  Return: 0, f->level set, or -errno. */
static int premap_one(struct tvx_vm *vm, struct mem_fault *f)
{
	int err;

	do {
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
		if (WARN_ON_ONCE(!look_up(vm, f)))
			return -EFAULT;
		err = serve(vm, f);
	} while (err == -EAGAIN);
	return err;
}

/*
 * A slot that may be written is brought in for writing, so that no load
 * or store of the guest faults: memory that the process itself may not write fails
 * with EFAULT.
 */
int mem_premap(struct tvx_vm *vm, const struct tvx_memslot *slot)
{
	struct ept_cache cache = {};
	struct mem_fault f = {
		.gpa = slot->gpa,
		.write = !(slot->flags & TVX_SLOT_READONLY),
		.cache = &cache,
	};
	int err = 0;

	lockdep_assert_held(&vm->lock);
	while (!err && f.gpa < slot->gpa + slot->len) {
		err = premap_one(vm, &f);
		if (!err)
			f.gpa = ALIGN_DOWN(f.gpa, ept_level_size(f.level)) +
				ept_level_size(f.level);
	}
	ept_cache_drop(&vm->space.ept, &cache);

	switch (err) {
	case 0:
	case -ENOMEM:
		return err;
	case -EINTR:
	case -ERESTARTSYS:
		return -EINTR;
	default:
		return -EFAULT;
	}
}
