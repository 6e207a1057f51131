// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filling the EPT: from a guest-physical address through a slot and the process's
 * page tables to a page.
 *
 * The guest holds no reference of the pages it maps.  One fault goes like this:
 *
 *  1. under mmu_lock, look the slot up and sample mmu_seq
 *  2. find the page and take a reference
 *  3. see how large the page is in the process's page table
 *  4. under mmu_lock, if no invalidation of that page is under way (is_busy()) and
 *     none ended, nor any slot changed, since 1 (mmu_seq): map it.  Else start again
 *  5. drop the reference
 *
 * After 4, whoever takes the page from the process says so first, in a callback
 * that waits for mmu_lock and then unmaps it.  So the process had the page mapped,
 * just as 2 and 3 saw it, at the moment of 4, and the guest's mapping ends before
 * the process's: the process's own reference does for both.
 *
 * A page that the process has needs no more than its page tables: 1 to 4 are done
 * at once, and mmu_lock is not dropped in between (map_present()).  If it is of the
 * process's own memory (anonymous), it needs no reference either: none is taken from
 * the process meanwhile, or is_busy() says so.  Else Linux brings the page in, which
 * may sleep, and no lock is held over 2 (map_absent()).
 */
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "compat.h"
#include "mem.h"

/* All else is filled in on the way. */
static void begin(struct tvx_fault *f, u64 gpa, u32 access)
{
	f->gpa = gpa & PAGE_MASK;
	f->write = access & TVX_MEM_WRITE;
	f->fetch = access & TVX_MEM_FETCH;
}

/* 1.  Under mmu_lock.  Return: NO_SLOT, RDONLY, or ERROR: there is no page yet. */
static enum tvx_mem_result look_up(struct tvx_vm *vm, struct tvx_fault *f)
{
	f->slot = mem_find_slot(vm, f->gpa);
	if (!f->slot) {
		mem_find_hole(vm, f->gpa, &f->hole.from, &f->hole.len);
		f->hole.seq = vm->mmu_seq;
		return TVX_MEM_NO_SLOT;
	}
	f->seq = vm->mmu_seq;
	f->hva = mem_slot_hva(f->slot, f->gpa);
	f->may_write = !(f->slot->flags & TVX_SLOT_READONLY);
	return f->write && !f->may_write ? TVX_MEM_RDONLY : TVX_MEM_ERROR;
}

/* Does the page of @level around the fault lie in the slot, equally aligned on all sides? */
static bool level_fits(const struct tvx_fault *f, enum ept_level level)
{
	u64 size = ept_level_size(level);
	u64 start = ALIGN_DOWN(f->gpa, size);

	return IS_ALIGNED(f->gpa ^ f->hva, size) &&
	       IS_ALIGNED(f->gpa ^ page_to_phys(f->page), size) &&
	       start >= f->slot->gpa && start + size <= f->slot->gpa + f->slot->len;
}

/* How large the page can be for the guest. */
static enum ept_level guest_level(const struct tvx_fault *f)
{
	enum ept_level level = f->host.level;

	/* Large mappings are of compound pages; where one is not, small ones will do. */
	if (level == EPT_4K || !PageCompound(f->page))
		return EPT_4K;
	/* What is executed gets a small page, and a large one around it falls apart. */
	if (f->fetch && !vmx_space_large_exec())
		return EPT_4K;
	level = min(level, vmx_space_max_level());
	while (level > EPT_4K && !level_fits(f, level))
		level--;
	return level;
}

/* Is an invalidation under way that may concern the page? */
static bool is_busy(const struct tvx_vm *vm, const struct tvx_fault *f)
{
	u64 size = ept_level_size(f->level);
	u64 start = ALIGN_DOWN(f->hva, size);

	return tvx_busy_with(&vm->busy, start, start + size);
}

/*
 * The guest's writes set no dirty bit that Linux looks at, so a page counts as
 * dirty from when the guest may write it.  Where the process's own entry says so, as
 * after a write fault, that is enough: cleaning it is an invalidation too.  But an
 * entry can be writable and clean (after MADV_FREE, mprotect or swap-in), and reclaim
 * would drop such a page.
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

/* 4.  Return: 0, -EAGAIN if stale, -EFAULT. */
static int map_page(struct tvx_vm *vm, struct tvx_fault *f)
{
	u64 mask;
	int err;

	lockdep_assert_held(&vm->mmu_lock);
	if (vm->mmu_seq != f->seq)
		return -EAGAIN;
	f->level = guest_level(f);
	if (is_busy(vm, f))
		return -EAGAIN;
	mask = ~(ept_level_size(f->level) - 1);
	err = vmx_space_map(&vm->space, f->gpa & mask, page_to_phys(f->page) & mask, f->level,
			    f->writable, f->level == EPT_4K || vmx_space_large_exec(), &f->cache);
	/* A page beyond what EPT can address, or not enough tables: neither can be. */
	if (WARN_ON_ONCE(err))
		return -EFAULT;
	if (f->writable && !f->host.dirty)
		mark_dirty(f->page);
	return 0;
}

/* All that known_absent() needs to know of the pages behind this one. */
static void remember_absent(struct tvx_fault *f)
{
	f->absent.from = f->gpa + PAGE_SIZE;
	f->absent.end = min(f->gpa + f->host.absent * PAGE_SIZE, f->slot->gpa + f->slot->len);
	f->absent.offset = f->hva - f->gpa;
	f->absent.seq = f->seq;
	f->absent.may_write = f->may_write;
}

/*
 * 2 and 3 of a page that the process has.  Also for a read, map with write
 * permission where that costs nothing: where the process could write right now,
 * with no copy to make and no file system to ask.
 */
static bool get_present_page(struct tvx_fault *f)
{
	if (!mem_walk_host(f->hva, &f->host)) {
		remember_absent(f);
		return false;
	}
	f->writable = f->host.writable && f->may_write;
	if (f->write && !f->writable)
		return false;
	f->page = f->host.own;
	if (!f->page)
		f->held = get_user_page_fast_only(f->hva, f->writable ? FOLL_WRITE : 0, &f->page);
	return f->page;
}

/* All of it, without sleeping.  Return: as look_up(), or MAPPED. */
static enum tvx_mem_result map_present(struct tvx_vm *vm, struct tvx_fault *f)
{
	enum tvx_mem_result result;

	f->held = false;
	spin_lock(&vm->mmu_lock);
	result = look_up(vm, f);
	if (result == TVX_MEM_ERROR && f->cache.nr >= EPT_CACHE_ENOUGH && get_present_page(f) &&
	    !map_page(vm, f))
		result = TVX_MEM_MAPPED;
	spin_unlock(&vm->mmu_lock);
	if (f->held)
		put_page(f->page);
	return result;
}

/* 2.  Whatever there is behind the address, and whatever it takes. */
static int get_absent_page(struct tvx_fault *f)
{
	unsigned int flags = FOLL_HWPOISON | COMPAT_FOLL_VCPU;
	struct page *page;
	long n;

	n = get_user_pages_unlocked(f->hva, 1, &f->page, flags | (f->write ? FOLL_WRITE : 0));
	if (n != 1)
		return n < 0 ? n : -EFAULT;
	f->writable = f->write;
	if (f->may_write && !f->write && get_user_page_fast_only(f->hva, FOLL_WRITE, &page)) {
		put_page(f->page);
		f->page = page;
		f->writable = true;
	}
	return 0;
}

/* 2 to 5 after look_up().  Return: 0, -EAGAIN if it came to nothing, or why there is no page. */
static int map_absent(struct tvx_vm *vm, struct tvx_fault *f)
{
	int err;

	smp_rmb(); /* the sample of mmu_seq before the page tables */
	err = get_absent_page(f);
	if (err)
		return err;
	spin_lock(&vm->mmu_lock);
	if (!mem_walk_host(f->hva, &f->host))
		f->host.level = EPT_4K;
	f->host.dirty = false;
	err = map_page(vm, f);
	spin_unlock(&vm->mmu_lock);
	put_page(f->page);
	return err;
}

/*
 * The most frequent of what is absent: a write to the process's own memory, where
 * it has none yet.  Have it brought in as by a store of the process's, which takes
 * much less than what get_user_pages() does for all cases.  FAULT_FLAG_RETRY_NOWAIT:
 * mmap_lock is never dropped.  False: it takes more than that.
 */
static bool bring_in(const struct tvx_fault *f)
{
	unsigned int flags = FAULT_FLAG_WRITE | FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT;
	vm_fault_t fault = VM_FAULT_SIGSEGV;
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;

	if (!f->write || !mmap_read_trylock(mm))
		return false;
	vma = vma_lookup(mm, f->hva);
	if (vma && vma_is_anonymous(vma) && vma->vm_flags & VM_WRITE)
		fault = handle_mm_fault(vma, f->hva, flags, NULL);
	mmap_read_unlock(mm);
	return !(fault & (VM_FAULT_ERROR | VM_FAULT_RETRY));
}

static enum tvx_mem_result look_up_locked(struct tvx_vm *vm, struct tvx_fault *f)
{
	enum tvx_mem_result result;

	spin_lock(&vm->mmu_lock);
	result = look_up(vm, f);
	spin_unlock(&vm->mmu_lock);
	return result;
}

/* For a page that most likely is absent.  Return: as look_up(), or MAPPED; with ERROR -errno. */
static enum tvx_mem_result serve(struct tvx_vm *vm, struct tvx_fault *f)
{
	enum tvx_mem_result result;

	f->error = ept_cache_fill(&vm->space.ept, &f->cache, EPT_CACHE_ENOUGH);
	if (f->error)
		return TVX_MEM_ERROR;
	/* If slots have changed, it is some other page of the process, which does no harm. */
	if (bring_in(f)) {
		result = map_present(vm, f);
		if (result != TVX_MEM_ERROR)
			return result;
	}
	result = look_up_locked(vm, f);
	if (result != TVX_MEM_ERROR)
		return result;
	f->error = map_absent(vm, f);
	return f->error ? TVX_MEM_ERROR : TVX_MEM_MAPPED;
}

enum tvx_mem_result tvx_mem_fault(struct tvx_vm *vm, struct tvx_fault *f)
{
	enum tvx_mem_result result;

	might_sleep();
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		result = look_up_locked(vm, f);
		if (result != TVX_MEM_ERROR)
			return result;
	}
	f->error = -EFAULT;
	if (!WARN_ON_ONCE(current->mm != vm->mm)) {
		result = serve(vm, f);
		if (likely(result != TVX_MEM_ERROR))
			return result;
	}
	switch (f->error) {
	case -EINTR:
	case -ERESTARTSYS:
		if (fatal_signal_pending(current)) {
			f->error = EINTR;
			return TVX_MEM_ERROR;
		}
		/* The vCPU looks at its signals, and faults again afterwards. */
		fallthrough;
	case -EAGAIN:
		cond_resched();
		return TVX_MEM_MAPPED;
	case -ENOMEM:
	case -EHWPOISON:
		f->error = -f->error;
		return TVX_MEM_ERROR;
	default:
		f->error = EFAULT;
		return TVX_MEM_ERROR;
	}
}

/* Found absent when a neighbour was: then looking again is in vain. */
static bool known_absent(const struct tvx_vm *vm, struct tvx_fault *f)
{
	if (f->gpa < f->absent.from || f->gpa >= f->absent.end ||
	    f->absent.seq != READ_ONCE(vm->mmu_seq) || (f->write && !f->absent.may_write))
		return false;
	/* As in mem_slot_hva(). */
	f->hva = f->absent.from + f->absent.offset +
		 array_index_nospec(f->gpa - f->absent.from, f->absent.end - f->absent.from);
	return true;
}

enum tvx_mem_result tvx_mem_fault_now(struct tvx_vm *vm, struct tvx_fault *f, u64 gpa, u32 access)
{
	begin(f, gpa, access);
	/* Spinlocks sleep there. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return TVX_MEM_ERROR;
	return known_absent(vm, f) ? TVX_MEM_ERROR : map_present(vm, f);
}

/* Map the page at @gpa of a slot that cannot change.  Return: 0, f->level set, or -errno. */
static int premap_one(struct tvx_vm *vm, struct tvx_fault *f)
{
	enum tvx_mem_result result;

	do {
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
		result = map_present(vm, f);
		if (result == TVX_MEM_ERROR)
			result = serve(vm, f);
		if (result == TVX_MEM_MAPPED)
			return 0;
		if (WARN_ON_ONCE(result != TVX_MEM_ERROR))
			return -EFAULT;
	} while (f->error == -EAGAIN);
	return f->error;
}

/*
 * A slot that may be written is brought in for writing, so that no load
 * or store of the guest faults: memory that the process itself may not write fails
 * with EFAULT.
 */
int mem_premap(struct tvx_vm *vm, const struct tvx_memslot *slot)
{
	struct tvx_fault f = {
		.gpa = slot->gpa,
		.write = !(slot->flags & TVX_SLOT_READONLY),
	};
	int err = 0;

	lockdep_assert_held(&vm->lock);
	while (!err && f.gpa < slot->gpa + slot->len) {
		err = premap_one(vm, &f);
		if (!err)
			f.gpa = ALIGN_DOWN(f.gpa, ept_level_size(f.level)) +
				ept_level_size(f.level);
	}
	ept_cache_drop(&vm->space.ept, &f.cache);

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
