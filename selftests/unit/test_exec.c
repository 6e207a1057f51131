// SPDX-License-Identifier: GPL-2.0-only
/* What the executor does beside arithmetic: devices, faults, segments, REP, port I/O. */
#include "unit.h"
#include "tools/libtvx/emulate/alu.c"
#include "tools/libtvx/emulate/decode.c"
#include "tools/libtvx/emulate/operand.c"
#include "tools/libtvx/emulate/exec.c"
#include "tools/libtvx/emulate/strio.c"
#include "tools/libtvx/emulate/paging.c"
#include "tools/libtvx/emulate/tlb.c"
#include "tvx_guest.h"

#define CODE	0x8000ULL
#define DATA	0x20000ULL
#define DEV	0x80000ULL	/* linear address of the device in 64-bit mode */

static struct tvx_cpu cpu;
static struct tvx_result res;

/* A vCPU in @mode; in 64-bit mode memory up to DEV is mapped, and the device. */
static void start(int mode)
{
	uint64_t at;

	guest_reset();
	cpu = guest_cpu(mode);
	cpu.rip = CODE;
	if (mode != 64)
		return;
	for (at = 0; at < DEV; at += 4096)
		guest_map(at, at, PT_P | PT_W);
	for (at = 0; at < GUEST_DEV_SIZE; at += 4096)
		guest_map(DEV + at, GUEST_DEV + at, PT_P | PT_W);
}

static enum tvx_result_kind run(const char *bytes, size_t n)
{
	uint64_t base = cpu.seg[TVX_CS].ar & TVX_AR_L ? 0 : cpu.seg[TVX_CS].base;

	memcpy(guest_ram + base + cpu.rip, bytes, n);
	guest_nr_accesses = 0;
	return tvx_insn_emulate(&cpu, &guest_mem, &guest_mmio, &res);
}

#define RUN(bytes)	run(bytes, sizeof(bytes) - 1)

#define EXPECT_ACCESS(i, w, at, n, v) do {			\
	EXPECT_EQ(guest_log[i].write, w);			\
	EXPECT_EQ(guest_log[i].gpa, (uint64_t)(at));		\
	EXPECT_EQ(guest_log[i].len, (unsigned int)(n));		\
	EXPECT_EQ(guest_log[i].val, (uint64_t)(v));		\
} while (0)

#define EXPECT_FAULT(kind, v, e) do {				\
	EXPECT_EQ(kind, TVX_INSN_FAULT);			\
	EXPECT_EQ(res.vector, v);				\
	EXPECT_EQ(res.error_code, (uint32_t)(e));		\
	EXPECT_EQ(guest_nr_accesses, 0u);			\
	EXPECT_EQ(cpu.rip, CODE);				\
} while (0)

TEST(one_access_each)
{
	start(64);
	cpu.gpr[TVX_RBX] = DEV + 0x10;
	cpu.gpr[TVX_RAX] = 0x1122334455667788;
	EXPECT_EQ(RUN("\x89\x43\x03"), TVX_INSN_DONE);	/* mov %eax, 3(%rbx) */
	EXPECT_EQ(guest_nr_accesses, 1u);
	EXPECT_ACCESS(0, true, GUEST_DEV + 0x13, 4, 0x55667788);
	EXPECT_EQ(cpu.rip, CODE + 3);
	EXPECT_EQ(RUN("\x48\x8b\x0b"), TVX_INSN_DONE);	/* mov (%rbx), %rcx */
	EXPECT_EQ(guest_nr_accesses, 1u);
	EXPECT_ACCESS(0, false, GUEST_DEV + 0x10, 8, 0x0055667788000000);
	EXPECT_EQ(cpu.gpr[TVX_RCX], 0x0055667788000000ULL);
	EXPECT_EQ(RUN("\xf0\x83\x0b\x01"), TVX_INSN_DONE);	/* lock or $1, (%rbx) */
	EXPECT_EQ(guest_nr_accesses, 2u);
	EXPECT_ACCESS(0, false, GUEST_DEV + 0x10, 4, 0x88000000);
	EXPECT_ACCESS(1, true, GUEST_DEV + 0x10, 4, 0x88000001);
	EXPECT_EQ(RUN("\x83\x3b\x01"), TVX_INSN_DONE);	/* cmp writes nothing */
	EXPECT_EQ(guest_nr_accesses, 1u);
}

TEST(split_access)
{
	start(64);
	/* The first page is memory, the second the device, two odd parts. */
	guest_map(DEV - 0x1000, 0x30000, PT_P | PT_W);
	cpu.gpr[TVX_RBX] = DEV - 3;
	cpu.gpr[TVX_RAX] = 0x8877665544332211;
	EXPECT_EQ(RUN("\x48\x89\x03"), TVX_INSN_DONE);
	EXPECT_EQ(guest_get(0x30ffd, 3), 0x332211ULL);
	EXPECT_EQ(guest_nr_accesses, 2u);
	EXPECT_ACCESS(0, true, GUEST_DEV, 4, 0x77665544);
	EXPECT_ACCESS(1, true, GUEST_DEV + 4, 1, 0x88);
	EXPECT_EQ(RUN("\x48\x8b\x0b"), TVX_INSN_DONE);
	EXPECT_EQ(cpu.gpr[TVX_RCX], 0x8877665544332211ULL);
	/* Pages that follow each other only in the linear space. */
	guest_map(DEV - 0x1000, GUEST_DEV + 0x7000, PT_P | PT_W);
	EXPECT_EQ(RUN("\x48\x89\x03"), TVX_INSN_DONE);
	EXPECT_ACCESS(0, true, GUEST_DEV + 0x7ffd, 1, 0x11);
	EXPECT_ACCESS(1, true, GUEST_DEV + 0x7ffe, 2, 0x3322);
	EXPECT_ACCESS(2, true, GUEST_DEV, 4, 0x77665544);
	/* A fault of the second part leaves the first undone. */
	guest_map(DEV, GUEST_DEV, PT_P);
	EXPECT_EQ(cpu.rip, CODE + 9);
	cpu.rip = CODE;
	EXPECT_FAULT(RUN("\x48\x89\x03"), 14, TVX_PF_PRESENT | TVX_PF_WRITE);
	EXPECT_EQ(res.cr2, DEV);
}

TEST(read_only_memory)
{
	start(64);
	guest_map(DEV, GUEST_ROM, PT_P | PT_W);
	guest_put(GUEST_ROM, 0x40, 8);
	cpu.gpr[TVX_RBX] = DEV;
	EXPECT_EQ(RUN("\x83\x03\x02"), TVX_INSN_DONE);	/* add $2, (%rbx) */
	EXPECT_EQ(guest_nr_accesses, 1u);
	EXPECT_ACCESS(0, true, GUEST_ROM, 4, 0x42);
	EXPECT_EQ(guest_get(GUEST_ROM, 8), 0x40ULL);
}

TEST(rights_are_the_guests)
{
	start(64);
	guest_map(DEV, GUEST_DEV, PT_P);
	cpu.gpr[TVX_RBX] = DEV + 8;
	EXPECT_FAULT(RUN("\x89\x03"), 14, TVX_PF_PRESENT | TVX_PF_WRITE);
	EXPECT_EQ(res.cr2, DEV + 8);
	EXPECT_TRUE(res.has_error);
	EXPECT_FAULT(RUN("\x83\x0b\x01"), 14, TVX_PF_PRESENT | TVX_PF_WRITE);
	guest_map(DEV, GUEST_DEV, PT_P | PT_W | PT_U);
	cpu.paging.cr4 |= X86_CR4_SMAP;
	EXPECT_FAULT(RUN("\x89\x03"), 14, TVX_PF_PRESENT | TVX_PF_WRITE);
	cpu.rflags |= X86_EFLAGS_AC;
	EXPECT_EQ(RUN("\x89\x03"), TVX_INSN_DONE);
	/* Not canonical: #GP, or #SS by way of the stack segment. */
	cpu.rip = CODE;
	cpu.gpr[TVX_RBX] = cpu.gpr[TVX_RBP] = 1ULL << 47;
	EXPECT_FAULT(RUN("\x89\x03"), 13, 0);
	EXPECT_FAULT(RUN("\x89\x45\x00"), 12, 0);
	cpu.gpr[TVX_RBX] = (1ULL << 47) - 1;
	EXPECT_FAULT(RUN("\x89\x03"), 13, 0);
}

TEST(fetch_faults)
{
	static const char mov[] = "\x89\x03";

	start(64);
	cpu.gpr[TVX_RBX] = DEV;
	cpu.rip = 0x8fff;
	guest_map(0x9000, 0x9000, 0);
	EXPECT_EQ(run(mov, 2), TVX_INSN_FAULT);
	EXPECT_EQ(res.vector, 14);
	EXPECT_EQ(res.cr2, 0x9000ULL);
	EXPECT_EQ(res.error_code, TVX_PF_FETCH);
	/* One that ends with its page needs no more, and leaves the next page alone. */
	cpu.rip = 0x8ffe;
	EXPECT_EQ(run(mov, 2), TVX_INSN_DONE);
	guest_map(0x9000, 0x9000, PT_P);
	cpu.paging.set_ad = true;
	cpu.rip = 0x8ffe;
	EXPECT_EQ(run(mov, 2), TVX_INSN_DONE);
	EXPECT_FALSE(guest_get(GUEST_CR3 + 0x3000 + 9 * 8, 8) & PT_A);
	EXPECT_TRUE(guest_get(GUEST_CR3 + 0x3000 + 8 * 8, 8) & PT_A);
	cpu.rip = 0x8fff;
	EXPECT_EQ(run(mov, 2), TVX_INSN_DONE);
	EXPECT_TRUE(guest_get(GUEST_CR3 + 0x3000 + 9 * 8, 8) & PT_A);
	cpu.paging.set_ad = false;
	cpu.rip = DEV + 0x1000 - 1;
	EXPECT_EQ(tvx_insn_emulate(&cpu, &guest_mem, &guest_mmio, &res), TVX_INSN_UNSUPPORTED);
	EXPECT_STREQ(res.why, "the instruction at 0x80fff is not in memory");
	cpu.rip = CODE;
	EXPECT_EQ(RUN("\x0f\xaf\x03"), TVX_INSN_UNSUPPORTED);
	EXPECT_STREQ(res.why, "opcode 0f af is not supported for MMIO");
	EXPECT_FAULT(RUN("\xf0\x89\x03"), 6, 0);
	EXPECT_FALSE(res.has_error);
	EXPECT_FAULT(RUN("ffffffffffffff\x89\x03"), 13, 0);
}

TEST(movs_other_operand)
{
	start(64);
	cpu.gpr[TVX_RSI] = DEV;
	cpu.gpr[TVX_RDI] = DATA;
	cpu.gpr[TVX_RCX] = 4;
	guest_map(DATA, DATA, 0);
	EXPECT_FAULT(RUN("\xf3\xa5"), 14, TVX_PF_WRITE);	/* before the device is read */
	EXPECT_EQ(res.cr2, DATA);
	EXPECT_EQ(cpu.gpr[TVX_RCX], 4ULL);
	/* In the middle: what is done stays done. */
	cpu.gpr[TVX_RDI] = DATA - 8;
	guest_dev[4] = 0x77;
	EXPECT_EQ(RUN("\xf3\xa5"), TVX_INSN_FAULT);
	EXPECT_EQ(guest_nr_accesses, 2u);
	EXPECT_EQ(cpu.gpr[TVX_RCX], 2ULL);
	EXPECT_EQ(cpu.gpr[TVX_RSI], DEV + 8);
	EXPECT_EQ(cpu.gpr[TVX_RDI], DATA);
	EXPECT_EQ(guest_get(DATA - 4, 4), 0x77ULL);
	EXPECT_EQ(cpu.rip, CODE);
}

TEST(rep_in_portions)
{
	start(64);
	cpu.gpr[TVX_RDI] = DEV;
	cpu.gpr[TVX_RCX] = 10000;
	EXPECT_EQ(RUN("\xf3\xaa"), TVX_INSN_MORE);
	EXPECT_EQ(guest_nr_accesses, 4096u);
	EXPECT_EQ(cpu.gpr[TVX_RCX], 10000 - 4096ULL);
	EXPECT_EQ(cpu.rip, CODE);
	EXPECT_EQ(RUN("\xf3\xaa"), TVX_INSN_MORE);
	EXPECT_EQ(RUN("\xf3\xaa"), TVX_INSN_DONE);
	EXPECT_EQ(cpu.gpr[TVX_RDI], DEV + 10000);
	EXPECT_EQ(cpu.rip, CODE + 2);
	/* Past the device the guest goes on by itself. */
	cpu.gpr[TVX_RDI] = DEV;
	cpu.gpr[TVX_RCX] = 100;
	cpu.rflags |= X86_EFLAGS_DF;
	EXPECT_EQ(RUN("\xf3\xaa"), TVX_INSN_MORE);
	EXPECT_EQ(guest_nr_accesses, 1u);
	EXPECT_EQ(cpu.gpr[TVX_RCX], 98ULL);
	/* A single step is one element. */
	cpu.rflags = X86_EFLAGS_FIXED | X86_EFLAGS_TF | X86_EFLAGS_RF;
	cpu.gpr[TVX_RDI] = DEV;
	EXPECT_EQ(RUN("\xf3\xaa"), TVX_INSN_MORE);
	EXPECT_EQ(cpu.gpr[TVX_RCX], 97ULL);
	EXPECT_TRUE(res.single_step);
	EXPECT_EQ(RUN("\x88\x07"), TVX_INSN_DONE);
	EXPECT_EQ(cpu.rflags, X86_EFLAGS_FIXED | X86_EFLAGS_TF);
	/* Nothing at all. */
	cpu.gpr[TVX_RCX] = 0;
	EXPECT_EQ(RUN("\xf3\xaa"), TVX_INSN_DONE);
	EXPECT_EQ(guest_nr_accesses, 0u);
}

TEST(real_mode)
{
	start(16);
	cpu.rip = 0x100;
	cpu.seg[TVX_CS].base = 0x9000;
	cpu.seg[TVX_ES].base = GUEST_DEV;
	cpu.gpr[TVX_RDI] = 0xabcd0000fffe;
	cpu.gpr[TVX_RAX] = 0x1234;
	EXPECT_EQ(RUN("\x26\x89\x05"), TVX_INSN_DONE);		/* mov %ax, %es:(%di) */
	EXPECT_ACCESS(0, true, GUEST_DEV + 0xfffe, 2, 0x1234);
	EXPECT_EQ(cpu.rip, 0x103ULL);
	/* SI and DI wrap alone; the limit is checked for each element. */
	EXPECT_EQ(RUN("\xab"), TVX_INSN_DONE);
	EXPECT_EQ(cpu.gpr[TVX_RDI], 0xabcd00000000ULL);
	cpu.gpr[TVX_RDI] = 0xffff;
	cpu.rip = CODE;
	cpu.seg[TVX_CS].base = 0;
	EXPECT_FAULT(RUN("\xab"), 13, 0);
	/* A sum of registers wraps at 64 KiB, and so does IP. */
	cpu.seg[TVX_DS].base = GUEST_DEV;
	cpu.gpr[TVX_RBX] = 0xfff0;
	cpu.gpr[TVX_RSI] = 0x20;
	cpu.rip = 0xfffe;
	EXPECT_EQ(RUN("\x88\x00"), TVX_INSN_DONE);
	EXPECT_EQ(guest_log[0].gpa, GUEST_DEV + 0x10);
	EXPECT_EQ(cpu.rip, 0ULL);
}

TEST(protected_mode_segments)
{
	start(32);
	cpu.seg[TVX_DS].base = 0xe0000000;
	cpu.gpr[TVX_RBX] = 0xfffffff010000000;
	EXPECT_EQ(RUN("\x89\x03"), TVX_INSN_DONE);
	EXPECT_EQ(guest_log[0].gpa, GUEST_DEV);
	cpu.rip = CODE;
	cpu.seg[TVX_DS].limit = 0x10000002;
	EXPECT_FAULT(RUN("\x89\x03"), 13, 0);
	EXPECT_EQ(RUN("\x88\x03"), TVX_INSN_DONE);
	cpu.rip = CODE;
	cpu.seg[TVX_DS].limit = 0xffffffff;
	cpu.seg[TVX_DS].ar &= ~TVX_AR_RW;
	EXPECT_FAULT(RUN("\x89\x03"), 13, 0);
	EXPECT_EQ(RUN("\x8b\x03"), TVX_INSN_DONE);
	cpu.rip = CODE;
	cpu.seg[TVX_DS].ar |= TVX_AR_UNUSABLE;
	EXPECT_FAULT(RUN("\x8b\x03"), 13, 0);
	/* By way of CS one can read, never write. */
	cpu.gpr[TVX_RBX] = GUEST_DEV;
	EXPECT_EQ(RUN("\x2e\x8b\x03"), TVX_INSN_DONE);
	cpu.rip = CODE;
	EXPECT_FAULT(RUN("\x2e\x89\x03"), 13, 0);
	/* Expand down: what is above the limit is inside. */
	cpu.seg[TVX_SS].ar |= TVX_AR_EXPAND_DOWN;
	cpu.seg[TVX_SS].limit = 0xf0000003;
	cpu.gpr[TVX_RBP] = 0xf0000004;
	EXPECT_EQ(RUN("\x8b\x45\x00"), TVX_INSN_DONE);
	cpu.rip = CODE;
	cpu.gpr[TVX_RBP]--;
	EXPECT_FAULT(RUN("\x8b\x45\x00"), 12, 0);
	/* EIP wraps at 4 GiB, a linear address too. */
	cpu.seg[TVX_CS].base = 0x9001;
	cpu.rip = 0xffffffff;
	memcpy(guest_ram + 0x9000, "\x2e\x8b\x03", 3);
	cpu.gpr[TVX_RBX] = GUEST_DEV - 0x9001;
	EXPECT_EQ(tvx_insn_emulate(&cpu, &guest_mem, &guest_mmio, &res), TVX_INSN_DONE);
	EXPECT_EQ(guest_log[0].gpa, GUEST_DEV);
	EXPECT_EQ(cpu.rip, 2ULL);
}

TEST(segment_overrides_in_64_bit_mode)
{
	start(64);
	cpu.seg[TVX_GS].base = DEV;
	cpu.seg[TVX_DS].base = 0x5000;	/* not looked at */
	cpu.seg[TVX_DS].limit = 0;
	cpu.gpr[TVX_RBX] = 0x40;
	EXPECT_EQ(RUN("\x65\x8c\x0b"), TVX_INSN_DONE);	/* mov %cs, %gs:(%rbx) */
	EXPECT_ACCESS(0, true, GUEST_DEV + 0x40, 2, 0);
	cpu.gpr[TVX_RBX] = DEV;
	EXPECT_EQ(RUN("\x3e\x8b\x03"), TVX_INSN_DONE);
	EXPECT_EQ(guest_log[0].gpa, GUEST_DEV);
}

TEST(wrong_mode)
{
	struct tvx_insn insn;

	start(64);
	EXPECT_EQ(tvx_insn_decode((const uint8_t *)"\x89\x03", 2, 32, &insn), TVX_DECODE_OK);
	EXPECT_EQ(tvx_insn_execute(&cpu, &insn, &guest_mem, &guest_mmio, &res),
		  TVX_INSN_UNSUPPORTED);
	EXPECT_STREQ(res.why, "decoded for 32-bit mode, but the CPU is in 64-bit mode");
}

static uint32_t port_in(void *ctx, uint16_t port, unsigned int len)
{
	uint32_t *next = ctx;

	EXPECT_EQ(port, 0x1f0);
	guest_note(false, port, len, *next);
	return (*next)++;
}

static void port_out(void *ctx, uint16_t port, unsigned int len, uint32_t val)
{
	(void)ctx;
	guest_note(true, port, len, val);
}

static uint32_t port_next;
static const struct tvx_port_ops port = { .in = port_in, .out = port_out, .ctx = &port_next };

static enum tvx_result_kind string_io(const struct tvx_string_io *io)
{
	guest_nr_accesses = 0;
	return tvx_string_io(&cpu, io, &guest_mem, &guest_mmio, &port, &res);
}

TEST(ins)
{
	struct tvx_string_io io = { .in = true, .rep = true, .size = 2, .addrsize = 8,
				    .seg = TVX_ES, .length = 3, .port = 0x1f0, .limit = 3 };

	start(64);
	port_next = 0xabcd0001;
	cpu.gpr[TVX_RDI] = DATA;
	cpu.gpr[TVX_RCX] = 5;
	EXPECT_EQ(string_io(&io), TVX_INSN_MORE);
	EXPECT_EQ(guest_nr_accesses, 3u);
	EXPECT_EQ(cpu.rip, CODE);
	EXPECT_EQ(string_io(&io), TVX_INSN_DONE);
	EXPECT_EQ(cpu.rip, CODE + 3);
	EXPECT_EQ(cpu.gpr[TVX_RDI], DATA + 10);
	EXPECT_EQ(cpu.gpr[TVX_RCX], 0ULL);
	EXPECT_EQ(guest_get(DATA, 8), 0x0004000300020001ULL);
	EXPECT_EQ(guest_get(DATA + 8, 8), 5ULL);
	/* Where memory faults, the port is not read. */
	cpu.rip = CODE;
	cpu.gpr[TVX_RDI] = DATA;
	cpu.gpr[TVX_RCX] = 1;
	guest_map(DATA, DATA, PT_P);
	EXPECT_FAULT(string_io(&io), 14, TVX_PF_PRESENT | TVX_PF_WRITE);
	EXPECT_EQ(cpu.gpr[TVX_RCX], 1ULL);
}

TEST(outs)
{
	struct tvx_string_io io = { .size = 1, .addrsize = 2, .seg = TVX_FS, .length = 2,
				    .port = 0x3f8, .limit = 1000 };

	start(16);
	cpu.seg[TVX_FS].base = DATA;
	cpu.gpr[TVX_RSI] = 0x10000;
	cpu.gpr[TVX_RCX] = 0x77;
	cpu.rflags |= X86_EFLAGS_DF;
	guest_put(DATA, 'x', 1);
	guest_put(DATA + 0xffff, 'y', 1);
	EXPECT_EQ(string_io(&io), TVX_INSN_DONE);
	EXPECT_EQ(guest_nr_accesses, 1u);
	EXPECT_ACCESS(0, true, 0x3f8, 1, 'x');
	EXPECT_EQ(cpu.gpr[TVX_RSI], 0x1ffffULL);
	EXPECT_EQ(cpu.gpr[TVX_RCX], 0x77ULL);
	io.rep = true;
	cpu.gpr[TVX_RCX] = 0x10001;
	EXPECT_EQ(string_io(&io), TVX_INSN_DONE);
	EXPECT_ACCESS(0, true, 0x3f8, 1, 'y');
	EXPECT_EQ(cpu.gpr[TVX_RCX], 0x10000ULL);
	EXPECT_EQ(string_io(&io), TVX_INSN_DONE);	/* CX is 0 */
	EXPECT_EQ(guest_nr_accesses, 0u);
}
