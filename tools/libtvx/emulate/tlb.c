// SPDX-License-Identifier: GPL-2.0-only
/* Remembering walks of the guest's page tables: see tlb.h. */
#include <string.h>

#include "tlb.h"

void tvx_tlb_flush(struct tvx_tlb *tlb)
{
	memset(tlb->fetch, 0, sizeof(tlb->fetch));
	memset(tlb->read, 0, sizeof(tlb->read));
	memset(tlb->write, 0, sizeof(tlb->write));
	tlb->generation = __atomic_load_n(tlb->slots, __ATOMIC_RELAXED);
}

enum tvx_xlate tvx_map_page(const struct tvx_paging *p, const struct tvx_mem_ops *mem,
			    uint64_t gla, unsigned int access, struct tvx_page *page,
			    uint32_t *pf_error)
{
	struct tvx_tlb *tlb = p->tlb;
	struct tvx_tlb_entry new;
	enum tvx_xlate ret;
	uint64_t tag = 0, gpa;

	if (tlb) {
		const struct tvx_page *known;

		if (tvx_tlb_outdated(tlb))
			tvx_tlb_flush(tlb);
		tag = tvx_tlb_tag(tlb, p->rflags_ac);
		known = tvx_tlb_find(tlb, gla, access, tag);
		if (known) {
			*page = *known;
			return TVX_XLATE_OK;
		}
	}
	ret = tvx_walk(p, mem, gla, access, &new.walk, &gpa, pf_error);
	if (ret)
		return ret;
	page->gpa = gpa & ~(TVX_PAGE_SIZE - 1);
	page->from = mem->host(mem->ctx, page->gpa, TVX_PAGE_SIZE, false);
	page->to = mem->host(mem->ctx, page->gpa, TVX_PAGE_SIZE, true);
	if (tlb && new.walk.complete) {
		new.key = tvx_tlb_key(gla, tag);
		new.page = *page;
		*tvx_tlb_slot(tlb, gla, access, tag) = new;
	}
	return TVX_XLATE_OK;
}
