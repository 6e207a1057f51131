// SPDX-License-Identifier: GPL-2.0-only
/* Guest linear address translation, in each paging mode and for each fault. */
#include "unit.h"
#include "tools/libtvx/emulate/paging.c"
#include "tools/libtvx/emulate/tlb.c"
#include "tools/libtvx/decode.h"
#include "tvx_guest.h"

#define ALL	(PT_P | PT_W | PT_U)
#define GLA	0x00401234ULL
#define FRAME	0x42000ULL

static struct tvx_paging paging;
static uint64_t result;
static uint32_t code;

static enum tvx_xlate xlate(uint64_t gla, unsigned int access)
{
	result = code = 0xdeadbeef;
	return tvx_translate(&paging, &guest_mem, gla, access, &result, &code);
}

#define EXPECT_GPA(gla, access, gpa) do {			\
	EXPECT_EQ(xlate(gla, access), TVX_XLATE_OK);		\
	EXPECT_EQ(result, (uint64_t)(gpa));			\
} while (0)

#define EXPECT_PF(gla, access, bits) do {			\
	EXPECT_EQ(xlate(gla, access), TVX_XLATE_PAGE_FAULT);	\
	EXPECT_EQ(code, (uint32_t)(bits));			\
} while (0)

/* The tables of each mode start at 0x1000 and go on a page a level. */
static void setup(uint64_t cr4, uint64_t efer)
{
	guest_reset();
	paging = (struct tvx_paging){
		.cr0 = X86_CR0_PE | X86_CR0_PG | X86_CR0_WP, .cr3 = GUEST_CR3,
		.cr4 = cr4, .efer = efer, .maxphyaddr = 40,
	};
}

/* GLA to FRAME with @leaf flags; the entry's address. */
static uint64_t setup_32(uint64_t leaf)
{
	setup(X86_CR4_PSE, 0);
	guest_put(0x1000 + 1 * 4, 0x2000 | ALL, 4);
	guest_put(0x2000 + 1 * 4, FRAME | leaf, 4);
	return 0x2000 + 1 * 4;
}

static uint64_t setup_pae(uint64_t leaf)
{
	setup(X86_CR4_PAE, TVX_EFER_NXE);
	guest_put(0x1000, 0x2000 | PT_P, 8);
	guest_put(0x2000 + 2 * 8, 0x3000 | ALL, 8);
	guest_put(0x3000 + 1 * 8, FRAME | leaf, 8);
	return 0x3000 + 1 * 8;
}

static uint64_t setup_4(uint64_t leaf)
{
	setup(X86_CR4_PAE, TVX_EFER_LME | TVX_EFER_LMA | TVX_EFER_NXE);
	guest_put(0x1000, 0x2000 | ALL, 8);
	guest_put(0x2000, 0x3000 | ALL, 8);
	guest_put(0x3000 + 2 * 8, 0x4000 | ALL, 8);
	guest_put(0x4000 + 1 * 8, FRAME | leaf, 8);
	return 0x4000 + 1 * 8;
}

TEST(no_paging)
{
	setup(0, 0);
	paging.cr0 = X86_CR0_PE;
	EXPECT_GPA(0x12345678, TVX_ACC_WRITE, 0x12345678);
	EXPECT_GPA(0x112345678, TVX_ACC_READ, 0x12345678);
}

TEST(legacy_4k)
{
	setup_32(ALL);
	EXPECT_GPA(GLA, TVX_ACC_READ | TVX_ACC_WRITE, FRAME + 0x234);
	EXPECT_GPA(GLA | 1ULL << 32, TVX_ACC_READ, FRAME + 0x234);
	paging.cr3 |= 0x18;	/* PCD and PWT are no address bits */
	EXPECT_GPA(GLA, TVX_ACC_READ, FRAME + 0x234);
	EXPECT_PF(GLA + 0x1000, TVX_ACC_READ, 0);
	EXPECT_PF(GLA + 0x400000, TVX_ACC_WRITE, TVX_PF_WRITE);
	/* Without NX or SMEP a fetch is told by no bit. */
	EXPECT_PF(GLA + 0x1000, TVX_ACC_FETCH, 0);
}

TEST(legacy_4m_pse36)
{
	setup(X86_CR4_PSE, 0);
	guest_put(0x1000 + 4, 0x00c00000 | 0x5a << 13 | PT_PS | ALL, 4);
	EXPECT_GPA(GLA, TVX_ACC_READ, 0x5a00c01234ULL);
	/* Address bits beyond the guest's width, and the one that is never one. */
	paging.maxphyaddr = 36;
	EXPECT_PF(GLA, TVX_ACC_READ, TVX_PF_PRESENT | TVX_PF_RSVD);
	paging.maxphyaddr = 52;
	EXPECT_GPA(GLA, TVX_ACC_READ, 0x5a00c01234ULL);
	guest_put(0x1000 + 4, 0x00c00000 | 1 << 21 | PT_PS | ALL, 4);
	EXPECT_PF(GLA, TVX_ACC_READ, TVX_PF_PRESENT | TVX_PF_RSVD);
	/* Without CR4.PSE bit 7 is ignored and the entry names a table. */
	paging.cr4 = 0;
	guest_put(0x1000 + 4, 0x2000 | PT_PS | ALL, 4);
	guest_put(0x2000 + 4, FRAME | ALL, 4);
	EXPECT_GPA(GLA, TVX_ACC_READ, FRAME + 0x234);
}

TEST(pae)
{
	uint64_t pte = setup_pae(ALL);

	EXPECT_GPA(GLA, TVX_ACC_WRITE, FRAME + 0x234);
	EXPECT_PF(GLA + 0x40000000, TVX_ACC_READ, 0);
	guest_put(pte, FRAME | ALL | 1ULL << 35, 8);
	EXPECT_GPA(GLA, TVX_ACC_READ, FRAME + 0x234 + (1ULL << 35));
	guest_put(pte, FRAME | ALL | 1ULL << 55, 8);
	EXPECT_PF(GLA, TVX_ACC_READ, TVX_PF_PRESENT | TVX_PF_RSVD);
	/* 2 MiB */
	guest_put(0x2000 + 2 * 8, 0x600000 | PT_PS | ALL, 8);
	EXPECT_GPA(GLA, TVX_ACC_READ, 0x601234);
	guest_put(0x2000 + 2 * 8, 0x600000 | 1 << 13 | PT_PS | ALL, 8);
	EXPECT_PF(GLA, TVX_ACC_READ, TVX_PF_PRESENT | TVX_PF_RSVD);
}

TEST(pae_directory_pointers)
{
	setup_pae(ALL);
	guest_put(0x1000, 0x2000 | PT_P | PT_W, 8);	/* R/W is reserved there */
	EXPECT_PF(GLA, TVX_ACC_READ, TVX_PF_PRESENT | TVX_PF_RSVD);
	/* The registers count, not memory, where they are known. */
	paging.pdptes_valid = true;
	EXPECT_PF(GLA, TVX_ACC_READ, 0);
	paging.pdpte[0] = 0x2000 | PT_P;
	EXPECT_GPA(GLA, TVX_ACC_READ, FRAME + 0x234);
	/* A table may start at any multiple of 32 bytes. */
	setup_pae(ALL);
	guest_put(0x1020, 0x2000 | PT_P, 8);
	guest_put(0x1000, 0, 8);
	paging.cr3 = 0x1020;
	EXPECT_GPA(GLA, TVX_ACC_READ, FRAME + 0x234);
}

TEST(four_levels)
{
	setup_4(ALL);
	EXPECT_GPA(GLA, TVX_ACC_WRITE, FRAME + 0x234);
	paging.cr3 |= 0xfff | 1ULL << 63;	/* PCID, no-flush */
	EXPECT_GPA(GLA, TVX_ACC_WRITE, FRAME + 0x234);
	EXPECT_EQ(xlate(0x800000000000, TVX_ACC_READ), TVX_XLATE_NONCANONICAL);
	EXPECT_PF(0x7fffffffffff, TVX_ACC_READ, 0);
	EXPECT_PF(0xffff800000000000, TVX_ACC_READ, 0);
	/* Bits 62:52 are software's. */
	guest_put(0x3000 + 2 * 8, 0x4000 | ALL | 0x7ffULL << 52, 8);
	EXPECT_GPA(GLA, TVX_ACC_READ, FRAME + 0x234);
	guest_put(0x3000 + 2 * 8, 0x600000 | PT_PS | ALL, 8);
	EXPECT_GPA(GLA, TVX_ACC_READ, 0x601234);
	guest_put(0x2000, 0x80000000 | 1 << 12 | PT_PS | ALL, 8);
	EXPECT_GPA(GLA, TVX_ACC_READ, 0x80401234);
}

TEST(five_levels)
{
	setup_4(ALL);
	paging.cr4 |= X86_CR4_LA57;
	paging.cr3 = 0x7000;
	guest_put(0x7000 + 3 * 8, 0x1000 | ALL, 8);
	EXPECT_GPA(3ULL << 48 | GLA, TVX_ACC_WRITE, FRAME + 0x234);
	EXPECT_PF(GLA, TVX_ACC_READ, 0);
	EXPECT_EQ(xlate(1ULL << 56, TVX_ACC_READ), TVX_XLATE_NONCANONICAL);
	guest_put(0x7000 + 3 * 8, 0x1000 | ALL | PT_PS, 8);
	EXPECT_PF(3ULL << 48 | GLA, TVX_ACC_READ, TVX_PF_PRESENT | TVX_PF_RSVD);
}

TEST(reserved_bits)
{
	static const struct { uint64_t at, bits; } bad[] = {
		{ 0x1000, PT_PS }, { 0x1000, 1ULL << 40 }, { 0x2000, 1ULL << 51 },
		{ 0x2000, PT_PS | 1 << 13 }, { 0x2000, PT_PS | 1 << 29 },
		{ 0x3010, PT_PS | 1 << 13 }, { 0x3010, PT_PS | 1 << 20 },
		{ 0x4008, 1ULL << 40 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		setup_4(ALL);
		guest_put(bad[i].at, guest_get(bad[i].at, 8) | bad[i].bits, 8);
		EXPECT_PF(GLA, TVX_ACC_WRITE, TVX_PF_PRESENT | TVX_PF_RSVD | TVX_PF_WRITE);
		/* Of an entry that is not present nothing is reserved. */
		guest_put(bad[i].at, guest_get(bad[i].at, 8) & ~PT_P, 8);
		EXPECT_PF(GLA, TVX_ACC_WRITE, TVX_PF_WRITE);
	}
	setup_4(ALL | PT_NX);
	paging.efer &= ~TVX_EFER_NXE;
	EXPECT_PF(GLA, TVX_ACC_READ, TVX_PF_PRESENT | TVX_PF_RSVD);
}

TEST(write_protection)
{
	uint64_t pte = setup_4(PT_P | PT_U);

	EXPECT_GPA(GLA, TVX_ACC_READ, FRAME + 0x234);
	EXPECT_PF(GLA, TVX_ACC_WRITE, TVX_PF_PRESENT | TVX_PF_WRITE);
	EXPECT_PF(GLA, TVX_ACC_READ | TVX_ACC_WRITE, TVX_PF_PRESENT | TVX_PF_WRITE);
	paging.cr0 &= ~X86_CR0_WP;
	EXPECT_GPA(GLA, TVX_ACC_WRITE, FRAME + 0x234);
	paging.cpl = 3;
	EXPECT_PF(GLA, TVX_ACC_WRITE, TVX_PF_PRESENT | TVX_PF_WRITE | TVX_PF_USER);
	/* Any level's R/W counts. */
	guest_put(pte, FRAME | ALL, 8);
	EXPECT_GPA(GLA, TVX_ACC_WRITE, FRAME + 0x234);
	guest_put(0x2000, 0x3000 | PT_P | PT_U, 8);
	EXPECT_PF(GLA, TVX_ACC_WRITE, TVX_PF_PRESENT | TVX_PF_WRITE | TVX_PF_USER);
}

TEST(user_pages)
{
	setup_4(PT_P | PT_W);
	EXPECT_GPA(GLA, TVX_ACC_READ, FRAME + 0x234);
	paging.cpl = 3;
	EXPECT_PF(GLA, TVX_ACC_READ, TVX_PF_PRESENT | TVX_PF_USER);
	EXPECT_PF(GLA + 0x1000, TVX_ACC_READ, TVX_PF_USER);
	setup_4(ALL);
	paging.cpl = 3;
	EXPECT_GPA(GLA, TVX_ACC_READ, FRAME + 0x234);
	guest_put(0x1000, 0x2000 | PT_P | PT_W, 8);
	EXPECT_PF(GLA, TVX_ACC_READ, TVX_PF_PRESENT | TVX_PF_USER);
}

TEST(no_execute)
{
	setup_4(PT_P | PT_W | PT_NX);
	EXPECT_GPA(GLA, TVX_ACC_READ, FRAME + 0x234);
	EXPECT_PF(GLA, TVX_ACC_FETCH, TVX_PF_PRESENT | TVX_PF_FETCH);
	setup_4(PT_P);
	EXPECT_GPA(GLA, TVX_ACC_FETCH, FRAME + 0x234);
	guest_put(0x1000, 0x2000 | ALL | PT_NX, 8);
	EXPECT_PF(GLA, TVX_ACC_FETCH, TVX_PF_PRESENT | TVX_PF_FETCH);
}

TEST(smep_and_smap)
{
	setup_4(ALL);
	paging.cr4 |= X86_CR4_SMEP | X86_CR4_SMAP;
	paging.efer &= ~TVX_EFER_NXE;
	EXPECT_PF(GLA, TVX_ACC_FETCH, TVX_PF_PRESENT | TVX_PF_FETCH);
	EXPECT_PF(GLA, TVX_ACC_READ, TVX_PF_PRESENT);
	EXPECT_PF(GLA, TVX_ACC_WRITE, TVX_PF_PRESENT | TVX_PF_WRITE);
	paging.rflags_ac = true;
	EXPECT_GPA(GLA, TVX_ACC_WRITE, FRAME + 0x234);
	EXPECT_PF(GLA, TVX_ACC_FETCH, TVX_PF_PRESENT | TVX_PF_FETCH);
	paging.rflags_ac = false;
	paging.cpl = 3;
	EXPECT_GPA(GLA, TVX_ACC_WRITE, FRAME + 0x234);
	EXPECT_GPA(GLA, TVX_ACC_FETCH, FRAME + 0x234);
	/* One level without U/S makes it a supervisor page. */
	paging.cpl = 0;
	guest_put(0x2000, 0x3000 | PT_P | PT_W, 8);
	EXPECT_GPA(GLA, TVX_ACC_WRITE, FRAME + 0x234);
}

TEST(accessed_and_dirty)
{
	uint64_t pte = setup_4(ALL);

	EXPECT_GPA(GLA, TVX_ACC_WRITE, FRAME + 0x234);
	EXPECT_EQ(guest_get(pte, 8), FRAME | ALL);
	paging.set_ad = true;
	EXPECT_GPA(GLA, TVX_ACC_READ, FRAME + 0x234);
	EXPECT_EQ(guest_get(pte, 8), FRAME | ALL | PT_A);
	EXPECT_EQ(guest_get(0x1000, 8), 0x2000 | ALL | PT_A);
	EXPECT_GPA(GLA, TVX_ACC_WRITE, FRAME + 0x234);
	EXPECT_EQ(guest_get(pte, 8), FRAME | ALL | PT_A | PT_D);
	EXPECT_EQ(guest_get(0x3010, 8), 0x4000 | ALL | PT_A);
	/* Nothing is marked by an access that faults. */
	guest_put(pte, FRAME | PT_P, 8);
	EXPECT_PF(GLA, TVX_ACC_WRITE, TVX_PF_PRESENT | TVX_PF_WRITE);
	EXPECT_EQ(guest_get(pte, 8), FRAME | PT_P);
	pte = setup_32(ALL);
	paging.set_ad = true;
	EXPECT_GPA(GLA, TVX_ACC_WRITE, FRAME + 0x234);
	EXPECT_EQ(guest_get(pte, 4), FRAME | ALL | PT_A | PT_D);
	EXPECT_EQ(guest_get(pte + 4, 4), 0ULL);
}

TEST(tables_outside_memory)
{
	setup_4(ALL);
	guest_put(0x2000, GUEST_DEV | ALL, 8);
	EXPECT_EQ(xlate(GLA, TVX_ACC_READ), TVX_XLATE_NOT_MEMORY);
	paging.cr3 = GUEST_RAM;
	EXPECT_EQ(xlate(GLA, TVX_ACC_READ), TVX_XLATE_NOT_MEMORY);
}

TEST(ranges_across_pages)
{
	static const char text[] = "0123456789abcdef";
	char back[sizeof(text)] = "";
	size_t done;

	setup_4(ALL);
	guest_put(0x4000 + 2 * 8, 0x50000 | ALL, 8);
	EXPECT_EQ(tvx_guest_write(&paging, &guest_mem, 0x401ff8, text, sizeof(text), &done,
				  &code), TVX_XLATE_OK);
	EXPECT_EQ(done, sizeof(text));
	EXPECT_EQ(memcmp(guest_ram + FRAME + 0xff8, "01234567", 8), 0);
	EXPECT_STREQ((char *)guest_ram + 0x50000, "89abcdef");
	EXPECT_EQ(tvx_guest_read(&paging, &guest_mem, 0x401ff8, back, sizeof(back),
				 TVX_ACC_READ, &done, &code), TVX_XLATE_OK);
	EXPECT_STREQ(back, text);

	guest_put(0x4000 + 2 * 8, 0x50000 | PT_P, 8);
	EXPECT_EQ(tvx_guest_write(&paging, &guest_mem, 0x401ff8, back, sizeof(back), &done,
				  &code), TVX_XLATE_PAGE_FAULT);
	EXPECT_EQ(done, 8u);
	EXPECT_EQ(code, TVX_PF_PRESENT | TVX_PF_WRITE);
	guest_put(0x4000 + 2 * 8, GUEST_ROM | ALL, 8);
	EXPECT_EQ(tvx_guest_write(&paging, &guest_mem, 0x401ff8, back, sizeof(back), &done,
				  &code), TVX_XLATE_NOT_MEMORY);
	EXPECT_EQ(tvx_guest_read(&paging, &guest_mem, 0x401ff8, back, sizeof(back),
				 TVX_ACC_READ, &done, &code), TVX_XLATE_OK);
}
