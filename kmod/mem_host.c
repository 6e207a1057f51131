// SPDX-License-Identifier: GPL-2.0-only
/* The process's page tables, read without their locks: what is at an address, right now? */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>

#include "mem.h"

/* A guest that goes on to the next page finds it absent as well: how far to look ahead. */
#define MOST_ABSENT	16

/*
 * The page of anonymous memory that an entry maps, after the same checks as
 * get_user_page_fast_only() makes; secret memory is a file.  NULL: something else.
 */
static struct page *own_small_page(pte_t pte, bool write)
{
	struct page *page;

	if (!pte_access_permitted(pte, write) || pte_special(pte))
		return NULL;
	page = pte_page(pte);
	return PageAnon(page) ? page : NULL;
}

static struct page *own_large_page(pmd_t pmd, bool write, unsigned long hva)
{
	struct page *page;

	/* Not all kernels tell a large mapping of what is no memory by the entry. */
	if (!pmd_access_permitted(pmd, write) || !pfn_valid(pmd_pfn(pmd)))
		return NULL;
	page = pmd_page(pmd);
	return PageAnon(page) ? page + pte_index(hva) : NULL;
}

/* How many entries from @pte on, which is that of @hva, hold nothing? */
static unsigned int count_absent(pte_t *pte, unsigned long hva)
{
	unsigned int n, room = min(PTRS_PER_PTE - pte_index(hva), MOST_ABSENT);

	for (n = 0; n < room && pte_none(ptep_get(pte + n)); n++)
		;
	return n;
}

/* With interrupts off: the tables cannot be freed, which takes an IPI or a grace period. */
static __always_inline bool walk_tables(unsigned long hva, struct tvx_host_page *host)
{
	pgd_t pgd = READ_ONCE(*pgd_offset(current->mm, hva));
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;
	pte_t pte, *ptep;

	if (pgd_none(pgd))
		return false;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (!p4d_present(p4d))
		return false;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (!pud_present(pud))
		return false;
	if (pud_leaf(pud)) {
		host->level = EPT_1G;
		host->writable = pud_write(pud);
		host->dirty = false;	/* as far as we care */
		return true;
	}
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	if (!pmd_present(pmd))
		return false;
	if (pmd_leaf(pmd)) {
		host->level = EPT_2M;
		host->writable = pmd_write(pmd);
		host->dirty = pmd_dirty(pmd);
		host->own = own_large_page(pmd, host->writable, hva);
		return true;
	}
	ptep = pte_offset_kernel(&pmd, hva);
	pte = ptep_get(ptep);
	if (!pte_present(pte)) {
		host->absent = count_absent(ptep, hva);
		return false;
	}
	host->level = EPT_4K;
	host->writable = pte_write(pte);
	host->dirty = pte_dirty(pte);
	host->own = own_small_page(pte, host->writable);
	return true;
}

bool mem_walk_host(unsigned long hva, struct tvx_host_page *host)
{
	bool present;

	host->own = NULL;
	host->absent = 0;
	local_irq_disable();
	present = walk_tables(hva, host);
	local_irq_enable();
	return present;
}
