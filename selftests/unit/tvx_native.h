/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs any 64-bit instruction on the processor that the test runs on, with all
 * sixteen registers and the flags given. It is copied into a stub that loads
 * and stores them relative to RIP:
 *
 *	page 0	the stub		page 2, 3	memory for it to work on
 *	page 1	the registers
 *
 * All of it is below 2 GiB, so that 32-bit and absolute addresses reach it.
 */
#ifndef TVX_NATIVE_H
#define TVX_NATIVE_H

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

struct native_regs {
	uint64_t gpr[16];
	uint64_t rflags;
	uint64_t host_rsp;
};

static uint8_t *native_page;
#define NATIVE_BUF	((uint64_t)(uintptr_t)native_page + 0x2000)
#define NATIVE_BUF_SIZE	0x2000

static uint8_t *native_emit(uint8_t *p, const void *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

/* An instruction whose ModRM operand is the register file's @field. */
static uint8_t *native_emit_rip(uint8_t *p, const void *bytes, size_t n, size_t field)
{
	int32_t disp;

	p = native_emit(p, bytes, n);
	disp = native_page + 0x1000 + field - (p + 4);
	return native_emit(p, &disp, 4);
}

static uint8_t *native_emit_gprs(uint8_t *p, uint8_t opcode)
{
	int i;

	for (i = 0; i < 16; i++) {
		uint8_t mov[] = { 0x48 | (i >= 8 ? 4 : 0), opcode, 0x05 | (i & 7) << 3 };

		p = native_emit_rip(p, mov, 3, offsetof(struct native_regs, gpr[i]));
	}
	return p;
}

static bool native_init(void)
{
	if (native_page)
		return true;
	native_page = mmap(NULL, 0x4000, PROT_READ | PROT_WRITE | PROT_EXEC,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	return native_page != MAP_FAILED;
}

/* Build the stub around @n bytes and return the instruction's address. */
static uint64_t native_load(const uint8_t *insn, size_t n)
{
	static const uint8_t push_all[] = { 0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56,
					    0x41, 0x57 };
	static const uint8_t pop_all[] = { 0xfc, 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41,
					   0x5c, 0x5d, 0x5b, 0xc3 };	/* cld first, ret last */
	const size_t flags = offsetof(struct native_regs, rflags);
	const size_t rsp = offsetof(struct native_regs, host_rsp);
	uint8_t *p = native_page;
	uint64_t at;

	p = native_emit(p, push_all, sizeof(push_all));
	p = native_emit_rip(p, "\x48\x89\x25", 3, rsp);		/* mov %rsp, host_rsp */
	p = native_emit_rip(p, "\xff\x35", 2, flags);		/* push rflags */
	p = native_emit(p, "\x9d", 1);				/* popf */
	p = native_emit_gprs(p, 0x8b);
	at = (uintptr_t)p;
	p = native_emit(p, insn, n);
	p = native_emit_gprs(p, 0x89);
	p = native_emit_rip(p, "\x48\x8b\x25", 3, rsp);		/* mov host_rsp, %rsp */
	p = native_emit(p, "\x9c", 1);				/* pushf */
	p = native_emit_rip(p, "\x8f\x05", 2, flags);		/* pop rflags */
	native_emit(p, pop_all, sizeof(pop_all));
	return at;
}

static void native_run(struct native_regs *regs)
{
	memcpy(native_page + 0x1000, regs, sizeof(*regs));
	((void (*)(void))(uintptr_t)native_page)();
	memcpy(regs, native_page + 0x1000, sizeof(*regs));
}

#endif
