// SPDX-License-Identifier: GPL-2.0-only
/* tvx_handle_mmio(): what is remembered of earlier exits changes the cost, and nothing else. */
#include <errno.h>

#include "unit.h"
#include "tools/libtvx/internal.h"
#include "mmio_host.h"

/* The first time anew, from then on remembered. */
#define EXPECT_LEARNT() do {		\
	EXPECT_EQ(once(), 1u);		\
	EXPECT_EQ(once(), 0u);		\
} while (0)

/* A change is noticed, and what there is now remembered. */
#define EXPECT_NOTICED()	EXPECT_LEARNT()

TEST(plain_move)
{
	start(64);
	cpu.gpr[TVX_RBX] = DEV;
	cpu.gpr[TVX_RAX] = 0x1122334455667788;
	CODE("\x89\x43\x10");			/* mov %eax, 0x10(%rbx) */
	EXPECT_LEARNT();
	EXPECT_EQ(got.nr_accesses, 1u);
	EXPECT_EQ(got.log[0].gpa, GUEST_DEV + 0x10);
	EXPECT_EQ(got.log[0].val, 0x55667788ULL);
	EXPECT_EQ(got.rip, START + 3);
	/* Other registers and another page: another entry of the TLB, the same instruction. */
	cpu.gpr[TVX_RAX] = 1;
	cpu.gpr[TVX_RBX] = DEV + 0x1000;
	EXPECT_LEARNT();
	EXPECT_EQ(got.log[0].gpa, GUEST_DEV + 0x1010);
	cpu.gpr[TVX_RBX] = DEV;
	EXPECT_EQ(once(), 0u);
	EXPECT_EQ(nr_get_state, 0u);
	/* Reads and writes of a page have rights of their own. */
	CODE("\x8b\x43\x10");
	EXPECT_LEARNT();
}

TEST(changed_code)
{
	start(64);
	cpu.gpr[TVX_RBX] = DEV;
	cpu.gpr[TVX_RCX] = 0x77;
	CODE("\xc7\x43\x10\x01\x02\x03\x04\x90\x90");
	EXPECT_LEARNT();
	guest_put(START + 7, 0x1234, 2);	/* what follows is not looked at */
	guest_put(START - 2, 0x1234, 2);
	EXPECT_EQ(once(), 0u);
	guest_put(START + 6, 0x44, 1);
	EXPECT_NOTICED();
	EXPECT_EQ(got.log[0].val, 0x44030201ULL);
	CODE("\x89\x4b\x10");
	EXPECT_NOTICED();
	EXPECT_EQ(got.log[0].val, 0x77ULL);
	CODE("\x0f\x0b");
	EXPECT_EQ(once(), 1u);
	EXPECT_EQ(got.ret, -EOPNOTSUPP);
	/* Up to the end of a page, and across it. */
	cpu.rip = START + 0xffd;
	CODE("\x89\x4b\x10");
	EXPECT_LEARNT();
	guest_put(START + 0xfff, 0x14, 1);
	EXPECT_NOTICED();
	EXPECT_EQ(got.log[0].gpa, GUEST_DEV + 0x14);
	cpu.rip = START + 0xffe;
	CODE("\x89\x4b\x10");
	EXPECT_EQ(once() + once(), 2u);
	EXPECT_EQ(got.log[0].gpa, GUEST_DEV + 0x10);
	/* The last bytes of the memory that there is. */
	set_slot1(other_slot1);
	cpu.rip = SLOT1 + SLOT1_LEN - 3;
	memcpy(other_slot1 + SLOT1_LEN - 3, "\x89\x4b\x10", 3);
	EXPECT_LEARNT();
}

/* The paging-structure entry of @level for @gla. */
static uint64_t entry_of(uint64_t gla, int level)
{
	uint64_t table = GUEST_CR3;
	int at;

	for (at = 4; at > level; at--)
		table = guest_get(table + (gla >> (12 + 9 * (at - 1)) & 0x1ff) * 8, 8) &
			0xffffffffff000ULL;
	return table + (gla >> (12 + 9 * (level - 1)) & 0x1ff) * 8;
}

TEST(changed_tables)
{
	int level, which;

	start(64);
	cpu.gpr[TVX_RBX] = DEV;
	CODE("\x89\x03");
	EXPECT_LEARNT();
	for (which = 0; which < 2; which++) {
		for (level = 4; level; level--) {
			uint64_t at = entry_of(which ? DEV : START, level);
			uint64_t entry = guest_get(at, 8);

			/* Its flag has to be set again, which handle_both() compares. */
			guest_put(at, entry & ~PT_A, 8);
			EXPECT_NOTICED();
			guest_put(at, entry ^ PT_U, 8);
			EXPECT_NOTICED();
			guest_put(at, entry & ~PT_P, 8);
			EXPECT_EQ(once() + once(), 2u);
			EXPECT_EQ(got.event.vector, 14);
			EXPECT_EQ(got.nr_accesses, 0u);
			guest_put(at, entry ^ PT_U, 8);
			EXPECT_EQ(once(), 0u);
			guest_put(at, entry, 8);
			EXPECT_NOTICED();
		}
	}
	/* The dirty flag is looked at for writes. */
	guest_put(entry_of(DEV, 1), GUEST_DEV | PT_P | PT_W | PT_A, 8);
	EXPECT_NOTICED();
	EXPECT_TRUE(guest_get(entry_of(DEV, 1), 8) & PT_D);
	guest_map(DEV, GUEST_DEV + 0x3000, PT_P | PT_W);
	EXPECT_NOTICED();
	EXPECT_EQ(got.log[0].gpa, GUEST_DEV + 0x3000);
	guest_map(DEV, 0x30000, PT_P | PT_W);
	EXPECT_EQ(once() + once(), 2u);		/* memory */
	EXPECT_EQ(got.nr_accesses, 0u);
	/* Code that has become a device. */
	guest_map(DEV, GUEST_DEV, PT_P | PT_W);
	EXPECT_NOTICED();
	guest_map(START, GUEST_DEV, PT_P | PT_W);
	EXPECT_EQ(once() + once(), 2u);
	EXPECT_EQ(got.ret, -EOPNOTSUPP);
}

TEST(changed_context)
{
	const uint64_t cr3 = 0x70000;
	unsigned int i;

	start(64);
	cpu.gpr[TVX_RBX] = DEV;
	CODE("\x48\x89\x03");
	/* A read-only page: the supervisor may write with CR0.WP clear. */
	guest_map(DEV, GUEST_DEV, PT_P);
	cpu.paging.cr0 &= ~X86_CR0_WP;
	EXPECT_LEARNT();
	cpu.paging.cr0 |= X86_CR0_WP;
	EXPECT_EQ(once() + once(), 2u);
	EXPECT_EQ(got.event.vector, 14);
	cpu.paging.cr0 &= ~X86_CR0_WP;
	EXPECT_EQ(once(), 0u);
	/* A user's page under SMAP. */
	guest_map(DEV, GUEST_DEV, PT_P | PT_W | PT_U);
	cpu.paging.cr4 |= X86_CR4_SMAP;
	cpu.rflags |= X86_EFLAGS_AC;
	EXPECT_LEARNT();
	cpu.rflags &= ~X86_EFLAGS_AC;
	EXPECT_EQ(once() + once(), 2u);
	EXPECT_EQ(got.event.vector, 14);
	cpu.rflags |= X86_EFLAGS_AC;
	EXPECT_EQ(once(), 0u);
	/* A bit that is reserved without EFER.NXE. */
	guest_map(DEV, GUEST_DEV, PT_P | PT_W | PT_U | PT_NX);
	EXPECT_LEARNT();
	cpu.paging.efer &= ~TVX_EFER_NXE;
	EXPECT_EQ(once() + once(), 2u);
	EXPECT_EQ(got.event.vector, 14);
	cpu.paging.efer |= TVX_EFER_NXE;
	EXPECT_EQ(once(), 0u);
	/* CPL 3 on a supervisor's code. */
	cpu.paging.cpl = 3;
	EXPECT_EQ(once() + once(), 2u);
	EXPECT_EQ(got.event.vector, 14);
	cpu.paging.cpl = 0;
	EXPECT_EQ(once(), 0u);
	/* Tables at another CR3, where the device is elsewhere. */
	memcpy(guest_ram + cr3, guest_ram + GUEST_CR3, 4096);
	guest_put(cr3 + (DEV >> 39) * 8, 0, 8);
	cpu.paging.cr3 = cr3;
	EXPECT_EQ(once() + once(), 2u);
	cpu.paging.cr3 = GUEST_CR3;
	EXPECT_EQ(once(), 0u);
	/* The same bytes in compatibility mode: dec %eax; mov %eax, (%ebx). */
	cpu.seg[TVX_CS].ar &= ~TVX_AR_L;
	cpu.seg[TVX_CS].ar |= TVX_AR_DB;
	EXPECT_EQ(once(), 1u);
	EXPECT_EQ(got.ret, -EOPNOTSUPP);
	cpu.seg[TVX_CS].ar ^= TVX_AR_L | TVX_AR_DB;
	EXPECT_EQ(once(), 0u);
	/* More contexts than there is room for: each means itself alone. */
	for (i = 0; i < 3 * TVX_NR_CONTEXTS; i++) {
		memcpy(guest_ram + cr3, guest_ram + GUEST_CR3, 4096);
		cpu.paging.cr3 = cr3 | (i % 12) << 3;
		cpu.seg[TVX_CS].ar ^= TVX_AR_L | TVX_AR_DB;
		once();
		cpu.seg[TVX_CS].ar ^= TVX_AR_L | TVX_AR_DB;
		EXPECT_LT(once(), 2u);
		EXPECT_EQ(once(), 0u);
	}
}

/* There is no more room, so that a context gets the tag of another one. */
TEST(tag_of_another_context)
{
	unsigned int i;

	start(64);
	cpu.gpr[TVX_RBX] = DEV;
	CODE("\x89\x03");
	EXPECT_LEARNT();
	for (i = 1; i < TVX_NR_CONTEXTS; i++) {
		cpu.paging.cr3 = GUEST_CR3 | i;
		EXPECT_LEARNT();
	}
	/* In compatibility mode, the same page of code, and the device by another instruction. */
	cpu.paging.cr3 = GUEST_CR3;
	cpu.paging.cr0 |= X86_CR0_NE;
	cpu.seg[TVX_CS].ar ^= TVX_AR_L | TVX_AR_DB;
	cpu.rip = START + 0x10;
	CODE("\x89\x03");
	EXPECT_LEARNT();
	cpu.rip = START;
	cpu.seg[TVX_DS].base = 0x1000;
	EXPECT_LEARNT();
	EXPECT_EQ(got.log[0].gpa, GUEST_DEV + 0x1000);
}

TEST(changed_slots)
{
	static uint8_t dev_page[4096] __attribute__((aligned(4096)));

	start(64);
	cpu.gpr[TVX_RBX] = DEV;
	CODE("\xc6\x03\x55");
	EXPECT_LEARNT();
	/* Other memory with other code, then the first again. */
	memcpy(other_slot1, guest_ram + SLOT1, SLOT1_LEN);
	other_slot1[START - SLOT1 + 2] = 0x66;
	set_slot1(other_slot1);
	EXPECT_NOTICED();
	EXPECT_EQ(got.log[0].val, 0x66ULL);
	set_slot1(guest_ram + SLOT1);
	EXPECT_NOTICED();
	EXPECT_EQ(got.log[0].val, 0x55ULL);
	/* Memory where the device was. */
	memset(dev_page, 0, sizeof(dev_page));
	tvx_vm_set_slot(&vm, 3, GUEST_DEV, 4096, dev_page, 0);
	EXPECT_EQ(once() + once(), 2u);
	EXPECT_EQ(got.nr_accesses, 0u);
	EXPECT_EQ(dev_page[0], 0x55);
	tvx_vm_set_slot(&vm, 3, GUEST_DEV, 4096, dev_page, TVX_SLOT_READONLY);
	EXPECT_NOTICED();
	EXPECT_EQ(got.nr_accesses, 1u);
	tvx_vm_set_slot(&vm, 3, 0, 0, NULL, 0);
	EXPECT_NOTICED();
	/* No code any more. */
	tvx_vm_set_slot(&vm, 1, 0, 0, NULL, 0);
	EXPECT_EQ(once() + once(), 2u);
	EXPECT_EQ(got.ret, -EOPNOTSUPP);
}

static void write_and_move_slot(void *ctx, uint64_t gpa, unsigned int len, uint64_t val)
{
	guest_mmio_write(ctx, gpa, len, val);
	set_slot1(vm.slots[1].hva == other_slot1 ? guest_ram + SLOT1 : other_slot1);
}

/* A device's callback does it, in the middle of an instruction. */
TEST(slots_changed_by_a_device)
{
	static const struct tvx_mmio_ops moving = { guest_mmio_read, write_and_move_slot, NULL };

	start(64);
	memset(guest_ram + SLOT1 + 0x5000, 0x11, 4096);
	memset(other_slot1, 0x22, SLOT1_LEN);
	cpu.rip = 0x8000;
	devices = &moving;
	cpu.gpr[TVX_RSI] = SLOT1 + 0x5000;
	cpu.gpr[TVX_RDI] = DEV;
	cpu.gpr[TVX_RCX] = 4;
	CODE("\xf3\xa4");
	once();
	EXPECT_EQ(got.nr_accesses, 4u);
	EXPECT_EQ(got.log[0].val, 0x11ULL);
	EXPECT_EQ(got.log[1].val, 0x22ULL);
	EXPECT_EQ(got.log[2].val, 0x11ULL);
}

TEST(not_plain_now)
{
	start(64);
	cpu.gpr[TVX_RBX] = DEV;
	cpu.gpr[TVX_RAX] = 0x1234;
	CODE("\x89\x03");
	EXPECT_LEARNT();
	cpu.rflags |= X86_EFLAGS_RF;
	EXPECT_EQ(once(), 0u);
	EXPECT_EQ(got.rflags, cpu.rflags & ~(uint64_t)X86_EFLAGS_RF);
	cpu.rflags |= X86_EFLAGS_TF;
	EXPECT_EQ(once(), 1u);
	EXPECT_EQ(got.event.vector, VECTOR_DB);
	EXPECT_EQ(got.state.dr6, DR6_BS);
	cpu.rflags &= ~(uint64_t)X86_EFLAGS_TF;
	/* The caller has changed a register since. */
	tvx_set_gpr(&quick, TVX_RAX, 0x77);
	EXPECT_EQ(once(), 1u);
	EXPECT_EQ(got.log[0].val, 0x77ULL);
	run_page.in.dirty = 0;
	tvx_set_rip(&quick, 0x8000);
	EXPECT_EQ(once(), 1u);
	run_page.in.dirty = 0;
	/* An operand in two pages. */
	cpu.gpr[TVX_RBX] = DEV + 0xffd;
	EXPECT_EQ(once() + once(), 2u);
	cpu.gpr[TVX_RBX] = DEV + 0xffc;
	EXPECT_EQ(once(), 0u);
	cpu.gpr[TVX_RBX] = 1ULL << 47;
	EXPECT_EQ(once(), 1u);
	EXPECT_EQ(got.event.vector, 13);
}

TEST(without_paging)
{
	start(32);
	cpu.seg[TVX_DS].base = GUEST_DEV - 0x1000;
	cpu.gpr[TVX_RBX] = 0x1010;
	CODE("\x88\x63\x04");		/* mov %ah, 4(%ebx) */
	EXPECT_LEARNT();
	EXPECT_EQ(nr_get_state, 0u);		/* the run page has the segments */
	/* The segment is looked at each time. */
	cpu.seg[TVX_DS].base += 0x1000;
	EXPECT_LEARNT();
	EXPECT_EQ(got.log[0].gpa, GUEST_DEV + 0x1014);
	cpu.seg[TVX_DS].limit = 0x1013;
	EXPECT_EQ(once() + once(), 2u);
	EXPECT_EQ(got.event.vector, 13);
	cpu.seg[TVX_DS].limit = 0x1014;
	EXPECT_EQ(once(), 0u);
	cpu.seg[TVX_DS].ar &= ~TVX_AR_RW;
	EXPECT_EQ(once(), 1u);
	EXPECT_EQ(got.event.vector, 13);
	cpu.seg[TVX_DS].ar |= TVX_AR_RW;
	CODE("\x89\x43\x04");
	cpu.seg[TVX_DS].limit = 0x1017;
	EXPECT_LEARNT();
	cpu.seg[TVX_DS].limit = 0x1016;
	EXPECT_EQ(once(), 1u);
	EXPECT_EQ(got.event.vector, 13);
	/* Elsewhere at the same EIP. */
	cpu.seg[TVX_DS].limit = 0xffff;
	CODE("\x88\x63\x04");
	EXPECT_LEARNT();
	cpu.seg[TVX_CS].base = 0x1000;
	CODE("\x88\x43\x05");
	EXPECT_LEARNT();
	EXPECT_EQ(got.log[0].gpa, GUEST_DEV + 0x1015);
	cpu.seg[TVX_CS].base = 0;
	EXPECT_EQ(once(), 0u);
}

TEST(legacy_paging)
{
	uint64_t at;

	start(32);
	cpu.paging.cr0 |= X86_CR0_PG;
	cpu.paging.cr3 = GUEST_CR3;
	guest_put(GUEST_CR3, 0x2000 | PT_P | PT_W, 4);
	guest_put(GUEST_CR3 + 4, 0x3000 | PT_P | PT_W, 4);
	for (at = 0; at < GUEST_RAM; at += 4096)
		guest_put(0x2000 + at / 1024, at | PT_P | PT_W, 4);
	guest_put(0x3000, GUEST_DEV | PT_P | PT_W, 4);
	cpu.gpr[TVX_RBX] = 0x400000;
	CODE("\x8b\x0b");
	EXPECT_LEARNT();
	EXPECT_EQ(got.log[0].gpa, GUEST_DEV);
	guest_put(0x3004, 0x12345678, 4);	/* another page's */
	EXPECT_EQ(once(), 0u);
	guest_put(0x3000, (GUEST_DEV + 0x1000) | PT_P | PT_W, 4);
	EXPECT_NOTICED();
	EXPECT_EQ(got.log[0].gpa, GUEST_DEV + 0x1000);
	guest_put(0x2000 + START / 1024, START | PT_P, 4);
	EXPECT_NOTICED();
}

/* What a PAE walk begins with is in registers that we do not see: nothing is remembered. */
TEST(pae_paging)
{
	start(32);
	cpu.paging.cr0 |= X86_CR0_PG;
	cpu.paging.cr4 |= X86_CR4_PAE;
	cpu.paging.cr3 = 0x1000;
	cpu.paging.pdpte[0] = 0x2000 | PT_P;
	guest_put(0x2000, 0 | PT_PS | PT_P | PT_W, 8);
	guest_put(0x2000 + 8, GUEST_DEV | PT_PS | PT_P | PT_W, 8);
	cpu.gpr[TVX_RBX] = 0x200000;
	CODE("\x8b\x0b");
	EXPECT_EQ(once() + once(), 2u);
	EXPECT_EQ(got.nr_accesses, 1u);
	cpu.paging.pdpte[0] = 0;
	EXPECT_EQ(once(), 1u);
	EXPECT_EQ(got.event.vector, 14);
}

TEST(five_levels)
{
	start(64);
	cpu.paging.cr4 |= X86_CR4_LA57;
	cpu.paging.cr3 = 0xd0000;
	guest_put(0xd0000, GUEST_CR3 | PT_P | PT_W, 8);
	cpu.gpr[TVX_RBX] = DEV;
	CODE("\x8b\x0b");
	EXPECT_LEARNT();
	guest_put(entry_of(DEV, 1), (GUEST_DEV + 0x1000) | PT_P | PT_W, 8);
	EXPECT_NOTICED();
	EXPECT_EQ(got.log[0].gpa, GUEST_DEV + 0x1000);
	guest_put(0xd0000, GUEST_CR3 | PT_P, 8);
	EXPECT_NOTICED();
	guest_put(0xd0000, 0, 8);
	EXPECT_EQ(once(), 1u);
	EXPECT_EQ(got.event.vector, 14);
}

/* A selector is stored, in 64-bit mode as well. */
TEST(selectors)
{
	start(64);
	cpu.seg[TVX_DS].selector = 0x1b;
	cpu.gpr[TVX_RBX] = DEV;
	CODE("\x8c\x1b");
	EXPECT_EQ(once(), 1u);
	EXPECT_EQ(got.log[0].val, 0x1bULL);
	/* By way of GS: remembered, and its base asked for. */
	cpu.seg[TVX_GS].base = DEV;
	cpu.gpr[TVX_RBX] = 8;
	CODE("\x65\x8b\x0b");
	EXPECT_LEARNT();
	cpu.seg[TVX_GS].base = DEV + 0x10;
	EXPECT_EQ(once(), 0u);
	EXPECT_EQ(got.log[0].gpa, GUEST_DEV + 0x18);
	/* Elsewhere the run page has all but the selector. */
	start(16);
	cpu.seg[TVX_FS].base = GUEST_DEV;
	cpu.seg[TVX_FS].selector = 0x2b;
	CODE("\x64\x8c\x26\x10\x00");		/* mov %fs, %fs:0x10 */
	EXPECT_EQ(once(), 1u);
	EXPECT_EQ(nr_get_state, 1u);
	EXPECT_EQ(got.log[0].gpa, GUEST_DEV + 0x10);
	EXPECT_EQ(got.log[0].val, 0x2bULL);
	CODE("\x64\xa3\x10\x00");		/* mov %ax, %fs:0x10 */
	EXPECT_LEARNT();
	EXPECT_EQ(nr_get_state, 1u);
}
