/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest linear address translation, done by walking the guest's own page
 * tables in memory that this process maps. Pure: all state is passed in.
 */
#ifndef TVX_PAGING_H
#define TVX_PAGING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* EFER has no exported kernel header. */
#define TVX_EFER_LME	(1ULL << 8)
#define TVX_EFER_LMA	(1ULL << 10)
#define TVX_EFER_NXE	(1ULL << 11)

/* Bits of a page-fault error code. */
#define TVX_PF_PRESENT	(1U << 0)
#define TVX_PF_WRITE	(1U << 1)
#define TVX_PF_USER	(1U << 2)
#define TVX_PF_RSVD	(1U << 3)
#define TVX_PF_FETCH	(1U << 4)

#define TVX_PAGE_SIZE	4096ULL

struct tvx_tlb;

/**
 * struct tvx_paging - what the processor consults to translate an address
 * @cr0: guest CR0
 * @cr3: guest CR3 (PCID bits are ignored)
 * @cr4: guest CR4
 * @efer: guest EFER; LMA selects 4- and 5-level paging
 * @pdpte: PAE page-directory-pointer entries as the vCPU holds them
 * @pdptes_valid: use @pdpte; otherwise PAE reads them from memory at CR3
 * @cpl: 3 makes the access a user access, anything else a supervisor one
 * @rflags_ac: RFLAGS.AC, which suspends SMAP. The executor sets it itself.
 * @maxphyaddr: guest's physical address width in bits (at most 52)
 * @set_ad: set accessed and dirty bits as the processor would. Leave it off to
 *	look at a guest without changing it.
 * @tlb: the library's own, NULL: none
 *
 * Protection keys and shadow stacks are not modelled.
 */
struct tvx_paging {
	uint64_t cr0;
	uint64_t cr3;
	uint64_t cr4;
	uint64_t efer;
	uint64_t pdpte[4];
	bool pdptes_valid;
	uint8_t cpl;
	bool rflags_ac;
	uint8_t maxphyaddr;
	bool set_ad;
	struct tvx_tlb *tlb;
};

/**
 * struct tvx_mem_ops - guest-physical memory of a VM
 * @host: address of @len bytes at @gpa, or NULL where that is not memory. With
 *	@write, also NULL where the memory is read-only for the guest. The range
 *	never crosses a 4 KiB boundary, and memory begins and ends at such.
 * @ctx: passed to @host
 */
struct tvx_mem_ops {
	void *(*host)(void *ctx, uint64_t gpa, size_t len, bool write);
	void *ctx;
};

enum tvx_access {
	TVX_ACC_READ = 1,
	TVX_ACC_WRITE = 2,
	TVX_ACC_FETCH = 4,
};

enum tvx_xlate {
	TVX_XLATE_OK,
	TVX_XLATE_PAGE_FAULT,	/* the error code is filled in */
	TVX_XLATE_NONCANONICAL,	/* #GP or #SS rather than #PF */
	TVX_XLATE_NOT_MEMORY,	/* a paging structure or the data is not in memory */
};

/**
 * tvx_translate - guest linear to guest-physical address
 * @p: paging state
 * @mem: guest memory
 * @gla: linear address; its upper half is ignored outside IA-32e mode
 * @access: enum tvx_access bits; READ | WRITE for a read-modify-write
 * @gpa: result, valid up to the end of the 4 KiB page
 * @pf_error: error code for TVX_XLATE_PAGE_FAULT
 */
enum tvx_xlate tvx_translate(const struct tvx_paging *p, const struct tvx_mem_ops *mem,
			     uint64_t gla, unsigned int access, uint64_t *gpa,
			     uint32_t *pf_error);

/**
 * tvx_guest_read - copy a linear range out of the guest
 * @access: TVX_ACC_READ or TVX_ACC_FETCH
 * @done: bytes copied; on failure the first byte that could not be had is
 *	@gla + *@done
 */
enum tvx_xlate tvx_guest_read(const struct tvx_paging *p, const struct tvx_mem_ops *mem,
			      uint64_t gla, void *buf, size_t len, unsigned int access,
			      size_t *done, uint32_t *pf_error);

/** tvx_guest_write - copy into a linear range of the guest; see tvx_guest_read() */
enum tvx_xlate tvx_guest_write(const struct tvx_paging *p, const struct tvx_mem_ops *mem,
			       uint64_t gla, const void *buf, size_t len, size_t *done,
			       uint32_t *pf_error);

/** tvx_canonical - whether @gla is canonical for the paging mode of @p */
bool tvx_canonical(const struct tvx_paging *p, uint64_t gla);

#endif
