// SPDX-License-Identifier: GPL-2.0-only
/* tvx_handle_mmio(): each form of instruction, and histories of exits, beside doing it anew. */

#include "unit.h"
#include "tools/libtvx/internal.h"
#include "mmio_host.h"

/* Opcodes, with room for what follows them. */
static const struct { uint8_t bytes[2], n, imm; } forms[] = {
	{ { 0x88 }, 1, 0 }, { { 0x89 }, 1, 0 }, { { 0x8a }, 1, 0 }, { { 0x8b }, 1, 0 },
	{ { 0xc6 }, 1, 1 }, { { 0xc7 }, 1, 4 }, { { 0x63 }, 1, 0 }, { { 0xa0 }, 1, 8 },
	{ { 0xa1 }, 1, 8 }, { { 0xa2 }, 1, 8 }, { { 0xa3 }, 1, 8 },
	{ { 0x0f, 0xb6 }, 2, 0 }, { { 0x0f, 0xb7 }, 2, 0 }, { { 0x0f, 0xbe }, 2, 0 },
	{ { 0x0f, 0xbf }, 2, 0 }, { { 0x0f, 0xc3 }, 2, 0 },
	/* Not plain: they must go on to be done the long way. */
	{ { 0x01 }, 1, 0 }, { { 0x87 }, 1, 0 }, { { 0x8c }, 1, 0 }, { { 0x83 }, 1, 1 },
};

static const struct { uint8_t bytes[3], n, modes; } prefixes[] = {
	{ { 0 }, 0, 7 }, { { 0x66 }, 1, 7 }, { { 0x67 }, 1, 7 }, { { 0x66, 0x67 }, 2, 7 },
	{ { 0x26 }, 1, 7 }, { { 0x65 }, 1, 7 }, { { 0xf3 }, 1, 7 },
	{ { 0x40 }, 1, 4 }, { { 0x48 }, 1, 4 }, { { 0x4f }, 1, 4 }, { { 0x45 }, 1, 4 },
	{ { 0x66, 0x44 }, 2, 4 }, { { 0x67, 0x41 }, 2, 4 }, { { 0x64, 0x42 }, 2, 4 },
	{ { 0x66, 0x67, 0x49 }, 3, 4 },
};

static size_t put_form(uint8_t *bytes, unsigned int prefix, unsigned int form, uint8_t modrm)
{
	size_t n = 0, i;

	for (i = 0; i < 24; i++)
		bytes[i] = unit_random();
	/* Displacements: short, and long ones that reach far both ways. */
	memcpy(bytes, prefixes[prefix].bytes, prefixes[prefix].n);
	n += prefixes[prefix].n;
	memcpy(bytes + n, forms[form].bytes, forms[form].n);
	n += forms[form].n;
	if (forms[form].imm != 8) {
		bytes[n] = forms[form].bytes[0] == 0xc6 || forms[form].bytes[0] == 0xc7 ?
			   modrm & ~0x38 : modrm;
	} else {
		memset(bytes + n + 5, 0, 3);	/* an absolute address: canonical */
	}
	return 24;
}

/* Put the device where the instruction will look for it. */
static void aim(int mode, const struct tvx_insn *insn, uint64_t offset)
{
	uint64_t gla, page, target = GUEST_DEV + unit_random_below(15) * 0x1000;

	offset &= tvx_size_mask(insn->addrsize);
	if (mode != 64) {
		cpu.seg[insn->seg].base = insn->seg == TVX_CS ? 0 :
			(uint32_t)(target + 0x100 - (mode == 32 ? offset : 0));
		return;
	}
	gla = offset + (insn->seg >= TVX_FS ? cpu.seg[insn->seg].base : 0);
	for (page = gla & ~0xfffULL; page <= ((gla + 7) & ~0xfffULL); page += 4096)
		if (page >= GUEST_RAM)
			guest_map(page, target + (page - gla > 4096 ? 0 : 4096), PT_P | PT_W);
}

static void try_form(int mode, unsigned int prefix, unsigned int form, uint8_t modrm,
		     unsigned int *nr)
{
	uint8_t bytes[24];
	struct tvx_insn insn;
	unsigned int i;

	put_form(bytes, prefix, form, modrm);
	host_reset();
	cpu = guest_cpu(mode);
	cpu.rip = mode == 16 ? 0x9000 : START;
	cpu.seg[TVX_FS].base = 0x1000;
	cpu.seg[TVX_GS].base = 0xffff880000000000;
	cpu.rflags |= unit_random() & (X86_EFLAGS_RF | X86_EFLAGS_CF | X86_EFLAGS_IF);
	for (i = 0; i < TVX_NR_GPRS; i++)
		cpu.gpr[i] = unit_random() >> (mode == 64 ? 24 : 0);
	if (tvx_insn_decode(bytes, sizeof(bytes), mode, &insn) != TVX_DECODE_OK)
		return;
	if (mode == 64) {
		guest_map(START, START, PT_P | PT_W);
	} else if (cpu.seg[insn.seg].limit == 0xffffffff) {
		cpu.seg[TVX_GS].base = 0;
	}
	aim(mode, &insn, tvx_insn_offset(&insn, cpu.gpr, cpu.rip));
	code((char *)bytes, sizeof(bytes));
	set_exit(&cpu);
	if (!handle_both() || !handle_both())
		printf("# mode %d, prefix %u, form %u, modrm %#x\n", mode, prefix, form, modrm);
	nr[0] += got.nr_accesses && !got.ret;
	nr[1] += nr_emulated == 1;
	nr[2] += nr_emulated == 1 && !is_plain(&insn);
	nr[3] += nr_emulated == 2 && is_plain(&insn) && got.nr_accesses == 1 &&
		 got.log[0].len == insn.memsize;
}

/* Any register beside each way to address memory. */
#define MODRM(mod, rm)	((mod) << 6 | unit_random_below(8) << 3 | (rm))

TEST(all_plain_forms)
{
	static const int modes[] = { 16, 32, 64 };
	unsigned int m, prefix, form, i, nr[4] = { 0 };

	unit_seed(11);
	for (m = 0; m < 3; m++)
		for (prefix = 0; prefix < sizeof(prefixes) / sizeof(*prefixes); prefix++)
			for (form = 0; form < sizeof(forms) / sizeof(*forms); form++)
				for (i = 0; i < 24 && prefixes[prefix].modes >> m & 1; i++)
					try_form(modes[m], prefix, form, MODRM(i >> 3, i & 7), nr);
	printf("# %u accesses, %u remembered\n", nr[0], nr[1]);
	EXPECT_LT(7000u, nr[0]);
	EXPECT_LT(5000u, nr[1]);
	EXPECT_EQ(nr[2], 0u);
	EXPECT_EQ(nr[3], 0u);
}

/* ---- a guest's random history ------------------------------------------------------------ */

#define NR_CODE		6
#define TABLES		(GUEST_CR3 + 0x40000)	/* of a second context */

static const char moves[][8] = {
	"\x88\x63\x02\x90\x90\x90\x90", "\x89\x43\x04\x90\x90\x90\x90",
	"\x48\x8b\x0b\x90\x90\x90\x90", "\x0f\xb6\x53\x01\x90\x90\x90",
	"\x66\x0f\xbe\x0b\x90\x90\x90", "\xc7\x03\x11\x22\x33\x44\x90",
	"\x8a\x3b\x90\x90\x90\x90\x90", "\x48\x63\x23\x90\x90\x90\x90",
	"\x09\x03\x90\x90\x90\x90\x90", "\x65\x89\x03\x90\x90\x90\x90",
};

static uint64_t code_at(unsigned int i)
{
	return START + 0x1000 * (i % 3) + (i < 3 ? 0x100 : 0xffa);
}

static void put_code(unsigned int i, uint8_t *memory)
{
	memcpy(memory + code_at(i) - SLOT1, moves[unit_random_below(10)], 7);
}

static void history_begin(void)
{
	unsigned int i;
	uint64_t at;

	host_reset();
	cpu = guest_cpu(64);
	cpu.rip = code_at(0);
	for (at = START - 0x1000; at < START + 0x5000; at += 4096)
		guest_map(at, at, PT_P | PT_W | PT_U);
	for (at = 0; at < 4 * 4096; at += 4096)
		guest_map(DEV + at, GUEST_DEV + at, PT_P | PT_W | PT_U);
	memcpy(guest_ram + TABLES, guest_ram + GUEST_CR3, 4096);
	for (i = 0; i < NR_CODE; i++)
		put_code(i, guest_ram + SLOT1);
	memcpy(other_slot1, guest_ram + SLOT1, SLOT1_LEN);
}

/* The table entry that @cr3's tables have for @gla at @level, or above if there is none. */
static uint64_t *some_entry(uint64_t gla, int level)
{
	uint64_t table = GUEST_CR3, at;
	int i;

	for (i = 4;; i--) {
		at = table + (gla >> (12 + 9 * (i - 1)) & 0x1ff) * 8;
		if (i == level || !(guest_get(at, 8) & PT_P))
			return (uint64_t *)(guest_ram + at);
		table = guest_get(at, 8) & 0xfffff000ULL;
	}
}

static void change_entry(void)
{
	static const uint64_t flips[] = {
		PT_P, PT_W, PT_U, PT_A, PT_D, PT_NX, 1ULL << 45, 0x1000,
	};
	bool device = unit_random_below(2);
	uint64_t gla = device ? DEV + unit_random_below(2) * 4096 :
				START + unit_random_below(3) * 4096;
	uint64_t *entry = some_entry(gla, unit_random_below(8) ? 1 : 1 + unit_random_below(4));

	if (unit_random_below(4))	/* back to what is usual */
		*entry |= PT_P | PT_W | PT_U;
	*entry &= ~(PT_NX | 1ULL << 45);
	if (unit_random_below(3) == 0)
		*entry ^= flips[unit_random_below(device ? 8 : 7)];
}

/* Now and then what makes the moves fault, mostly what is usual. */
static void change_context(void)
{
	bool rare = unit_random_below(4) == 0;

	cpu.paging.cr3 = unit_random_below(4) ? GUEST_CR3 : TABLES;
	cpu.paging.cpl = unit_random_below(2) ? 3 : 0;
	cpu.paging.cr0 |= X86_CR0_WP;
	cpu.paging.cr4 &= ~(uint64_t)(X86_CR4_SMAP | X86_CR4_SMEP);
	cpu.paging.efer |= TVX_EFER_NXE;
	cpu.seg[TVX_CS].ar |= TVX_AR_L;
	cpu.seg[TVX_CS].ar &= ~TVX_AR_DB;
	cpu.seg[TVX_GS].base = unit_random_below(2) * 0x1000;
	cpu.rflags ^= X86_EFLAGS_AC;
	if (!rare)
		return;
	cpu.paging.cr0 ^= unit_random_below(2) ? 0 : X86_CR0_WP;
	cpu.paging.cr4 ^= unit_random_below(2) ? 0 : X86_CR4_SMAP;
	cpu.paging.cr4 ^= unit_random_below(2) ? 0 : X86_CR4_SMEP;
	cpu.paging.efer ^= unit_random_below(2) ? 0 : TVX_EFER_NXE;
	if (unit_random_below(2))
		cpu.seg[TVX_CS].ar ^= TVX_AR_L | TVX_AR_DB;
}

static void change_something(void)
{
	switch (unit_random_below(12)) {
	case 0:
		put_code(unit_random_below(NR_CODE), unit_random_below(2) ? other_slot1 :
							guest_ram + SLOT1);
		break;
	case 1:
	case 2:
		change_entry();
		break;
	case 3:
		change_context();
		break;
	case 4:
		if (unit_random_below(4) == 0)
			set_slot1(unit_random_below(2) ? other_slot1 : guest_ram + SLOT1);
		break;
	default:
		break;
	}
}

TEST(random_histories)
{
	unsigned int i, remembered = 0, faults = 0, accesses = 0;

	unit_seed(12);
	for (i = 0; i < 20000; i++) {
		unsigned int before, reg;

		if (i % 300 == 0)
			history_begin();
		change_something();
		for (reg = 0; reg < TVX_NR_GPRS; reg++)
			cpu.gpr[reg] = unit_random();
		cpu.gpr[TVX_RBX] = DEV + unit_random_below(2) * 4096 +
				   (unit_random_below(8) ? 0x20 : 0xffa + unit_random_below(6));
		if (unit_random_below(3) == 0)
			cpu.rip = code_at(unit_random_below(NR_CODE));
		cpu.rflags = X86_EFLAGS_FIXED | (cpu.rflags & X86_EFLAGS_AC) |
			     (unit_random_below(2) ? 0 : X86_EFLAGS_RF) |
			     (unit_random_below(20) ? 0 : X86_EFLAGS_TF);
		before = nr_emulated;
		set_exit(&cpu);
		if (!handle_both()) {
			printf("# step %u\n", i);
			return;
		}
		remembered += nr_emulated == before;
		faults += !!got.event.flags;
		accesses += !!got.nr_accesses;
	}
	printf("# %u accesses, %u remembered, %u faults\n", accesses, remembered, faults);
	EXPECT_LT(8000u, accesses);
	EXPECT_LT(3000u, remembered);
	EXPECT_LT(3000u, faults);
}
