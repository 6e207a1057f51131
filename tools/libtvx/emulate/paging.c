// SPDX-License-Identifier: GPL-2.0-only
/* Guest page-table walker: 32-bit, PAE, 4-level and 5-level paging. */
#include <string.h>

#include <asm/processor-flags.h>

#include "tlb.h"

#define PTE_P		(1ULL << 0)
#define PTE_RW		(1ULL << 1)
#define PTE_US		(1ULL << 2)
#define PTE_A		(1ULL << 5)
#define PTE_D		(1ULL << 6)
#define PTE_PS		(1ULL << 7)
#define PTE_NX		(1ULL << 63)
/* Of a PAE page-directory-pointer entry. */
#define PDPTE_RSVD	0x1e6ULL

struct walk {
	const struct tvx_paging *p;
	const struct tvx_mem_ops *mem;
	uint64_t gla;
	unsigned int access;
	uint64_t frame;			/* bits of an entry that name an address */
	uint64_t reserved;		/* bits of any entry that must be 0 */
	uint64_t rights;		/* R/W and U/S of all levels, ANDed */
	uint64_t nx;			/* NX of all levels, ORed */
	unsigned int nr;		/* of the entries read */
	uint64_t addr[TVX_MAX_LEVELS];
	struct tvx_walk *read;
};

static uint64_t low_bits(unsigned int n)
{
	return n >= 64 ? ~0ULL : (1ULL << n) - 1;
}

static unsigned int phys_width(const struct tvx_paging *p)
{
	return p->maxphyaddr > 52 ? 52 : p->maxphyaddr;
}

/* Bits 51:12 that name an address at the guest's width. */
static uint64_t frame_mask(const struct tvx_paging *p)
{
	return low_bits(phys_width(p)) & ~low_bits(12);
}

static bool long_mode(const struct tvx_paging *p)
{
	return p->efer & TVX_EFER_LMA;
}

static bool nx_enabled(const struct tvx_paging *p)
{
	return (p->cr4 & X86_CR4_PAE) && (p->efer & TVX_EFER_NXE);
}

bool tvx_canonical(const struct tvx_paging *p, uint64_t gla)
{
	unsigned int shift = p->cr4 & X86_CR4_LA57 ? 7 : 16;

	return (uint64_t)((int64_t)(gla << shift) >> shift) == gla;
}

static unsigned int level_shift(const struct walk *w, unsigned int level)
{
	return 12 + (level - 1) * (w->read->entry_bytes == 4 ? 10 : 9);
}

static uint32_t fault_code(const struct walk *w, uint32_t cause)
{
	uint32_t code = cause;

	if (w->access & TVX_ACC_WRITE)
		code |= TVX_PF_WRITE;
	if (w->p->cpl == 3)
		code |= TVX_PF_USER;
	/* The fetch bit exists only where fetches have rights of their own. */
	if ((w->access & TVX_ACC_FETCH) && ((w->p->cr4 & X86_CR4_SMEP) || nx_enabled(w->p)))
		code |= TVX_PF_FETCH;
	return code;
}

static bool maps_page(const struct walk *w, unsigned int level, uint64_t entry)
{
	if (level == 1)
		return true;
	if (!(entry & PTE_PS))
		return false;
	if (w->read->entry_bytes == 4)
		return w->p->cr4 & X86_CR4_PSE;
	return level <= 3;
}

/* PSE-36: bits 20:13 are address bits 39:32, as far as those exist. */
static uint64_t reserved_legacy(const struct walk *w, unsigned int level, bool leaf)
{
	unsigned int width = phys_width(w->p) > 40 ? 40 : phys_width(w->p);

	if (level == 1 || !leaf)
		return 0;
	if (width < 32)
		width = 32;
	return low_bits(22) & ~low_bits(width - 32 + 13);
}

/* Reserved in 8-byte entries of all levels. */
static uint64_t reserved_anywhere(const struct tvx_paging *p)
{
	uint64_t rsvd = low_bits(52) & ~low_bits(phys_width(p));

	if (!long_mode(p))
		rsvd |= low_bits(63) & ~low_bits(52);
	if (!nx_enabled(p))
		rsvd |= PTE_NX;
	return rsvd;
}

static uint64_t reserved_bits(const struct walk *w, unsigned int level, bool leaf)
{
	if (w->read->entry_bytes == 4)
		return reserved_legacy(w, level, leaf);
	if (level >= 4)
		return w->reserved | PTE_PS;
	if (leaf && level > 1)
		return w->reserved | (low_bits(level_shift(w, level)) & ~low_bits(13));
	return w->reserved;
}

static uint64_t leaf_address(const struct walk *w, unsigned int level, uint64_t entry)
{
	uint64_t offset = low_bits(level_shift(w, level));
	uint64_t frame = entry & ~offset;

	if (w->read->entry_bytes == 4 && level == 2)
		frame |= (entry >> 13 & 0xff) << 32;
	return (frame & w->frame) | (w->gla & offset);
}

static bool load_entry(const struct walk *w, uint64_t addr, const void **at, uint64_t *entry)
{
	*at = w->mem->host(w->mem->ctx, addr, w->read->entry_bytes, false);
	if (!*at)
		return false;
	*entry = tvx_load_entry(*at, w->read->entry_bytes);
	return true;
}

/* Where the tables are read-only for the guest, they stay as they are. */
static void mark_entry(const struct walk *w, unsigned int i, uint64_t bits)
{
	uint8_t *host;

	if ((w->read->value[i] & bits) == bits)
		return;
	/* Both flags are in the low byte, whatever the entry's size. */
	host = w->mem->host(w->mem->ctx, w->addr[i], 1, true);
	if (host)
		__atomic_fetch_or(host, (uint8_t)bits, __ATOMIC_RELAXED);
	w->read->value[i] |= bits;
}

static void mark_accessed_dirty(const struct walk *w)
{
	unsigned int i, leaf = w->nr - 1;

	for (i = 0; i < leaf; i++)
		mark_entry(w, i, PTE_A);
	mark_entry(w, leaf, w->access & TVX_ACC_WRITE ? PTE_A | PTE_D : PTE_A);
}

static const uint64_t no_entry;

/* See struct tvx_walk. */
static void fill_up(const struct walk *w)
{
	const void *at = w->nr ? w->read->at[w->nr - 1] : &no_entry;
	uint64_t value = w->nr ? w->read->value[w->nr - 1] : 0;
	unsigned int i;

	for (i = w->nr; i < TVX_MAX_LEVELS; i++) {
		w->read->at[i] = at;
		w->read->value[i] = value;
	}
}

static bool permitted(const struct walk *w)
{
	const struct tvx_paging *p = w->p;
	bool user_page = w->rights & PTE_US;
	bool user = p->cpl == 3;

	if (user && !user_page)
		return false;
	if ((w->access & TVX_ACC_WRITE) && !(w->rights & PTE_RW) &&
	    (user || (p->cr0 & X86_CR0_WP)))
		return false;
	if (w->access & TVX_ACC_FETCH)
		return !(w->nx && nx_enabled(p)) &&
		       !(!user && user_page && (p->cr4 & X86_CR4_SMEP));
	return user || !user_page || p->rflags_ac || !(p->cr4 & X86_CR4_SMAP);
}

static enum tvx_xlate walk_tables(struct walk *w, uint64_t table, unsigned int level,
				  uint64_t *gpa, uint32_t *pf_error)
{
	uint64_t index_mask = w->read->entry_bytes == 4 ? 0x3ff : 0x1ff;

	for (;; level--) {
		uint64_t index = w->gla >> level_shift(w, level) & index_mask;
		uint64_t addr = table + index * w->read->entry_bytes;
		unsigned int i = w->nr++;
		uint64_t entry;
		bool leaf;

		if (!load_entry(w, addr, &w->read->at[i], &entry))
			return TVX_XLATE_NOT_MEMORY;
		if (!(entry & PTE_P)) {
			*pf_error = fault_code(w, 0);
			return TVX_XLATE_PAGE_FAULT;
		}
		leaf = maps_page(w, level, entry);
		if (entry & reserved_bits(w, level, leaf)) {
			*pf_error = fault_code(w, TVX_PF_PRESENT | TVX_PF_RSVD);
			return TVX_XLATE_PAGE_FAULT;
		}
		w->rights &= entry;
		w->nx |= entry & PTE_NX;
		w->addr[i] = addr;
		w->read->value[i] = entry;
		if (leaf) {
			*gpa = leaf_address(w, level, entry);
			break;
		}
		table = entry & w->frame;
	}
	if (!permitted(w)) {
		*pf_error = fault_code(w, TVX_PF_PRESENT);
		return TVX_XLATE_PAGE_FAULT;
	}
	if (w->p->set_ad)
		mark_accessed_dirty(w);
	fill_up(w);
	return TVX_XLATE_OK;
}

/* PAE's top level carries no rights and lives in registers of the processor. */
static enum tvx_xlate pae_directory(const struct walk *w, uint64_t *table, uint32_t *pf_error)
{
	unsigned int index = w->gla >> 30 & 3;
	const void *at;
	uint64_t entry;

	if (w->p->pdptes_valid)
		entry = w->p->pdpte[index];
	else if (!load_entry(w, (w->p->cr3 & 0xffffffe0) + index * 8, &at, &entry))
		return TVX_XLATE_NOT_MEMORY;
	if (!(entry & PTE_P)) {
		*pf_error = fault_code(w, 0);
		return TVX_XLATE_PAGE_FAULT;
	}
	if (entry & (PDPTE_RSVD | ~low_bits(phys_width(w->p)))) {
		*pf_error = fault_code(w, TVX_PF_PRESENT | TVX_PF_RSVD);
		return TVX_XLATE_PAGE_FAULT;
	}
	*table = entry & w->frame;
	return TVX_XLATE_OK;
}

enum tvx_xlate tvx_walk(const struct tvx_paging *p, const struct tvx_mem_ops *mem, uint64_t gla,
			unsigned int access, struct tvx_walk *walk, uint64_t *gpa,
			uint32_t *pf_error)
{
	struct walk w = {
		.p = p, .mem = mem, .gla = gla, .access = access, .read = walk,
		.rights = PTE_RW | PTE_US,
	};
	enum tvx_xlate ret;
	uint64_t table;

	walk->complete = true;
	walk->entry_bytes = 8;
	if (!long_mode(p))
		w.gla = (uint32_t)gla;
	if (!(p->cr0 & X86_CR0_PG)) {
		*gpa = w.gla;
		fill_up(&w);
		return TVX_XLATE_OK;
	}
	w.frame = frame_mask(p);
	w.reserved = reserved_anywhere(p);
	if (long_mode(p)) {
		if (!tvx_canonical(p, gla))
			return TVX_XLATE_NONCANONICAL;
		return walk_tables(&w, p->cr3 & w.frame, p->cr4 & X86_CR4_LA57 ? 5 : 4, gpa,
				   pf_error);
	}
	if (p->cr4 & X86_CR4_PAE) {
		walk->complete = false;
		ret = pae_directory(&w, &table, pf_error);
		return ret ? ret : walk_tables(&w, table, 2, gpa, pf_error);
	}
	walk->entry_bytes = 4;
	return walk_tables(&w, p->cr3 & 0xfffff000, 2, gpa, pf_error);
}

enum tvx_xlate tvx_translate(const struct tvx_paging *p, const struct tvx_mem_ops *mem,
			     uint64_t gla, unsigned int access, uint64_t *gpa,
			     uint32_t *pf_error)
{
	struct tvx_walk unused;

	return tvx_walk(p, mem, gla, access, &unused, gpa, pf_error);
}

static size_t left_in_page(uint64_t addr, size_t len)
{
	size_t left = TVX_PAGE_SIZE - (addr & (TVX_PAGE_SIZE - 1));

	return len < left ? len : left;
}

/* The next piece of a range that lies in one page, as host memory. */
static enum tvx_xlate map_piece(const struct tvx_paging *p, const struct tvx_mem_ops *mem,
				uint64_t gla, unsigned int access, uint8_t **host,
				uint32_t *pf_error)
{
	struct tvx_page page;
	enum tvx_xlate ret = tvx_map_page(p, mem, gla, access, &page, pf_error);

	if (ret)
		return ret;
	*host = access & TVX_ACC_WRITE ? page.to : page.from;
	if (!*host)
		return TVX_XLATE_NOT_MEMORY;
	*host += gla & (TVX_PAGE_SIZE - 1);
	return TVX_XLATE_OK;
}

enum tvx_xlate tvx_guest_read(const struct tvx_paging *p, const struct tvx_mem_ops *mem,
			      uint64_t gla, void *buf, size_t len, unsigned int access,
			      size_t *done, uint32_t *pf_error)
{
	for (*done = 0; *done < len;) {
		size_t n = left_in_page(gla + *done, len - *done);
		enum tvx_xlate ret;
		uint8_t *host;

		ret = map_piece(p, mem, gla + *done, access, &host, pf_error);
		if (ret)
			return ret;
		memcpy((uint8_t *)buf + *done, host, n);
		*done += n;
	}
	return TVX_XLATE_OK;
}

enum tvx_xlate tvx_guest_write(const struct tvx_paging *p, const struct tvx_mem_ops *mem,
			       uint64_t gla, const void *buf, size_t len, size_t *done,
			       uint32_t *pf_error)
{
	for (*done = 0; *done < len;) {
		size_t n = left_in_page(gla + *done, len - *done);
		enum tvx_xlate ret;
		uint8_t *host;

		ret = map_piece(p, mem, gla + *done, TVX_ACC_WRITE, &host, pf_error);
		if (ret)
			return ret;
		memcpy(host, (const uint8_t *)buf + *done, n);
		*done += n;
	}
	return TVX_XLATE_OK;
}
