// SPDX-License-Identifier: GPL-2.0-only
/*
 * The instruction executor against the processor: random encodings of every
 * supported instruction run natively on memory, and in the executor on a device
 * or on a mixture of device and memory. Registers, flags and bytes must agree.
 */
#include <cpuid.h>

#include "unit.h"
#include "tools/libtvx/emulate/alu.c"
#include "tools/libtvx/emulate/decode.c"
#include "tools/libtvx/emulate/operand.c"
#include "tools/libtvx/emulate/exec.c"
#include "tools/libtvx/emulate/strio.c"
#include "tools/libtvx/emulate/paging.c"
#include "tools/libtvx/emulate/tlb.c"
#include "tvx_guest.h"
#include "tvx_native.h"

#define STATUS		0x8d5ULL	/* OF SF ZF AF PF CF */
#define NO_AF		0x8c5ULL
#define ONLY_CF_ZF	0x041ULL	/* what the bit tests define */
#define ROUNDS		3000

enum { BYTE = 1, LOCKABLE = 2, BITS = 4, ATOMIC = 8, NEED_MOVBE = 16, NO_OPSZ = 32, ACC = 64 };

struct form {
	const char *name;
	uint8_t opcode[3];
	uint8_t opcode_len;
	int8_t digit;		/* -1: a register */
	char imm;		/* 'b', 'z' or 0 */
	unsigned int flags;
	uint64_t defined;	/* status flags */
};

#define ALU_FORMS(name, op, digit, defined, lock)						\
	{ name " mb,r", { op }, 1, -1, 0, BYTE | (lock), defined },			\
	{ name " m,r", { (op) + 1 }, 1, -1, 0, (lock), defined },			\
	{ name " rb,m", { (op) + 2 }, 1, -1, 0, BYTE, defined },			\
	{ name " r,m", { (op) + 3 }, 1, -1, 0, 0, defined },				\
	{ name " mb,ib", { 0x80 }, 1, digit, 'b', BYTE | (lock), defined },		\
	{ name " m,iz", { 0x81 }, 1, digit, 'z', (lock), defined },			\
	{ name " m,ib", { 0x83 }, 1, digit, 'b', (lock), defined }

static const struct form forms[] = {
	ALU_FORMS("add", 0x00, 0, STATUS, LOCKABLE), ALU_FORMS("or", 0x08, 1, NO_AF, LOCKABLE),
	ALU_FORMS("adc", 0x10, 2, STATUS, LOCKABLE), ALU_FORMS("sbb", 0x18, 3, STATUS, LOCKABLE),
	ALU_FORMS("and", 0x20, 4, NO_AF, LOCKABLE), ALU_FORMS("sub", 0x28, 5, STATUS, LOCKABLE),
	ALU_FORMS("xor", 0x30, 6, NO_AF, LOCKABLE), ALU_FORMS("cmp", 0x38, 7, STATUS, 0),
	{ "test mb,r", { 0x84 }, 1, -1, 0, BYTE, NO_AF },
	{ "test m,r", { 0x85 }, 1, -1, 0, 0, NO_AF },
	{ "test mb,ib", { 0xf6 }, 1, 0, 'b', BYTE, NO_AF },
	{ "test m,iz", { 0xf7 }, 1, 0, 'z', 0, NO_AF },
	{ "not mb", { 0xf6 }, 1, 2, 0, BYTE | LOCKABLE, STATUS },
	{ "not m", { 0xf7 }, 1, 2, 0, LOCKABLE, STATUS },
	{ "neg mb", { 0xf6 }, 1, 3, 0, BYTE | LOCKABLE, STATUS },
	{ "neg m", { 0xf7 }, 1, 3, 0, LOCKABLE, STATUS },
	{ "inc mb", { 0xfe }, 1, 0, 0, BYTE | LOCKABLE, STATUS },
	{ "inc m", { 0xff }, 1, 0, 0, LOCKABLE, STATUS },
	{ "dec mb", { 0xfe }, 1, 1, 0, BYTE | LOCKABLE, STATUS },
	{ "dec m", { 0xff }, 1, 1, 0, LOCKABLE, STATUS },
	{ "mov mb,r", { 0x88 }, 1, -1, 0, BYTE, STATUS },
	{ "mov m,r", { 0x89 }, 1, -1, 0, 0, STATUS },
	{ "mov rb,m", { 0x8a }, 1, -1, 0, BYTE, STATUS },
	{ "mov r,m", { 0x8b }, 1, -1, 0, 0, STATUS },
	{ "mov mb,ib", { 0xc6 }, 1, 0, 'b', BYTE, STATUS },
	{ "mov m,iz", { 0xc7 }, 1, 0, 'z', 0, STATUS },
	{ "movnti m,r", { 0x0f, 0xc3 }, 2, -1, 0, NO_OPSZ, STATUS },
	{ "movzx r,mb", { 0x0f, 0xb6 }, 2, -1, 0, 0, STATUS },
	{ "movzx r,mw", { 0x0f, 0xb7 }, 2, -1, 0, 0, STATUS },
	{ "movsx r,mb", { 0x0f, 0xbe }, 2, -1, 0, 0, STATUS },
	{ "movsx r,mw", { 0x0f, 0xbf }, 2, -1, 0, 0, STATUS },
	{ "movsxd r,m", { 0x63 }, 1, -1, 0, 0, STATUS },
	{ "movbe r,m", { 0x0f, 0x38, 0xf0 }, 3, -1, 0, NEED_MOVBE, STATUS },
	{ "movbe m,r", { 0x0f, 0x38, 0xf1 }, 3, -1, 0, NEED_MOVBE, STATUS },
	{ "xchg mb,r", { 0x86 }, 1, -1, 0, BYTE | LOCKABLE | ATOMIC, STATUS },
	{ "xchg m,r", { 0x87 }, 1, -1, 0, LOCKABLE | ATOMIC, STATUS },
	{ "xadd mb,r", { 0x0f, 0xc0 }, 2, -1, 0, BYTE | LOCKABLE, STATUS },
	{ "xadd m,r", { 0x0f, 0xc1 }, 2, -1, 0, LOCKABLE, STATUS },
	{ "cmpxchg mb,r", { 0x0f, 0xb0 }, 2, -1, 0, BYTE | LOCKABLE | ACC, STATUS },
	{ "cmpxchg m,r", { 0x0f, 0xb1 }, 2, -1, 0, LOCKABLE | ACC, STATUS },
	{ "bt m,r", { 0x0f, 0xa3 }, 2, -1, 0, BITS, ONLY_CF_ZF },
	{ "bts m,r", { 0x0f, 0xab }, 2, -1, 0, BITS | LOCKABLE, ONLY_CF_ZF },
	{ "btr m,r", { 0x0f, 0xb3 }, 2, -1, 0, BITS | LOCKABLE, ONLY_CF_ZF },
	{ "btc m,r", { 0x0f, 0xbb }, 2, -1, 0, BITS | LOCKABLE, ONLY_CF_ZF },
	{ "bt m,ib", { 0x0f, 0xba }, 2, 4, 'b', 0, ONLY_CF_ZF },
	{ "bts m,ib", { 0x0f, 0xba }, 2, 5, 'b', LOCKABLE, ONLY_CF_ZF },
	{ "btr m,ib", { 0x0f, 0xba }, 2, 6, 'b', LOCKABLE, ONLY_CF_ZF },
	{ "btc m,ib", { 0x0f, 0xba }, 2, 7, 'b', LOCKABLE, ONLY_CF_ZF },
};

/* One case: the bytes, and the registers that make them reach the buffer. */
struct sample {
	uint8_t bytes[16];
	unsigned int len;
	unsigned int opsize;
	bool lock;
	struct native_regs regs;
};

static bool chance(unsigned int one_in)
{
	return unit_random_below(one_in) == 0;
}

static void append(struct sample *s, uint64_t val, unsigned int len)
{
	memcpy(s->bytes + s->len, &val, len);
	s->len += len;
}

/* Values near the edges, where carries and signs are made, or any. */
static uint64_t random_value(void)
{
	static const uint64_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff,
					  0x7fffffff, 0x80000000, 0xffffffff, ~0ULL,
					  0x7fffffffffffffff, 0x8000000000000000 };

	return chance(3) ? edges[unit_random_below(14)] : unit_random();
}

static uint64_t random_target(bool aligned)
{
	uint64_t off = chance(2) ? 0x1000 - 10 + unit_random_below(12) :
				   64 + unit_random_below(NATIVE_BUF_SIZE - 128);

	return NATIVE_BUF + (aligned ? off & ~7ULL : off);
}

static unsigned int imm_len(const struct sample *s, const struct form *f)
{
	if (f->imm == 'z')
		return s->opsize > 4 ? 4 : s->opsize;
	return f->imm ? 1 : 0;
}

static void append_tail(struct sample *s, const struct form *f, uint64_t disp,
			unsigned int disp_len)
{
	append(s, disp, disp_len);
	append(s, random_value(), imm_len(s, f));
}

static uint64_t stub_start(void)
{
	static const uint8_t nop = 0x90;

	return native_load(&nop, 1);
}

/* ModRM and what follows it, such that the address is @target. */
static void append_address(struct sample *s, const struct form *f, uint8_t rex, bool addr32,
			   uint64_t target)
{
	unsigned int reg = f->digit < 0 ? unit_random_below(8) : (unsigned int)f->digit;
	unsigned int full_reg = reg | (rex & 4) << 1;
	unsigned int scale = unit_random_below(4), mod = unit_random_below(3);
	unsigned int base, index = 0;
	uint64_t disp = 0, sum;
	bool use_index = chance(2);

	if (f->flags & BITS) {	/* the register's value is part of the address */
		int64_t bit = (int64_t)unit_random_below(40000) - 20000;
		unsigned int shift = s->opsize == 8 ? 6 : s->opsize == 4 ? 5 : 4;
		uint64_t high = s->opsize == 8 ? 0 : ~0ULL << 8 * s->opsize;

		s->regs.gpr[full_reg] = ((uint64_t)bit & ~high) | (unit_random() & high);
		target -= (uint64_t)(bit >> shift) * s->opsize;
	}
	if (chance(6) && !(f->flags & BITS)) {	/* RIP-relative */
		append(s, reg << 3 | 5, 1);
		append_tail(s, f, target - (stub_start() + s->len + 4 + imm_len(s, f)), 4);
		return;
	}
	if (chance(8) && !(f->flags & BITS)) {	/* absolute */
		append(s, reg << 3 | 4, 1);
		append(s, 0x25, 1);
		if (rex & 2)	/* R12 is an index there */
			s->regs.gpr[TVX_R12] = 0;
		append_tail(s, f, target, 4);
		return;
	}
	do
		base = unit_random_below(8) | (rex & 1) << 3;
	while (((f->flags & BITS) && base == full_reg) || (mod == 0 && (base & 7) == 5));
	do
		index = unit_random_below(8) | (rex & 2) << 2;
	while (index == base || index == TVX_RSP || ((f->flags & BITS) && index == full_reg));
	if (mod)
		disp = mod == 1 ? (uint64_t)(int8_t)unit_random() :
				  (uint64_t)(int32_t)unit_random();
	sum = target - disp;
	if ((base & 7) == 4 && !use_index && (rex & 2))
		use_index = true;	/* no way to say "none" */
	if (use_index || (base & 7) == 4) {
		append(s, mod << 6 | reg << 3 | 4, 1);
		append(s, scale << 6 | (use_index ? index & 7 : 4) << 3 | (base & 7), 1);
		if (use_index) {
			s->regs.gpr[index] = unit_random();
			sum -= s->regs.gpr[index] << scale;
		}
	} else {
		append(s, mod << 6 | reg << 3 | (base & 7), 1);
	}
	s->regs.gpr[base] = addr32 ? (uint32_t)sum | unit_random() << 32 : sum;
	append_tail(s, f, disp, mod == 2 ? 4 : mod);
}

static void make_sample(struct sample *s, const struct form *f)
{
	bool opsz = chance(3) && !(f->flags & NO_OPSZ), addr32 = chance(6);
	uint8_t rex = chance(4) ? 0 : 0x40 | unit_random_below(16);
	uint64_t target;
	int i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < 16; i++)
		s->regs.gpr[i] = random_value();
	s->regs.rflags = 0x202 | (unit_random() & STATUS);
	s->lock = (f->flags & LOCKABLE) && chance(3);
	if (s->lock)
		append(s, 0xf0, 1);
	else if ((opsz || addr32 || rex) && chance(8))	/* not the last prefix: void */
		append(s, 0x40 | unit_random_below(16), 1);
	if (opsz)
		append(s, 0x66, 1);
	if (addr32)
		append(s, 0x67, 1);
	if (s->len < 3 && chance(8))	/* keep to 15 bytes */
		append(s, 0x2e, 1);	/* ignored */
	if (rex)
		append(s, rex, 1);
	s->opsize = f->flags & BYTE ? 1 : rex & 8 ? 8 : opsz ? 2 : 4;
	for (i = 0; i < f->opcode_len; i++)
		append(s, f->opcode[i], 1);
	target = random_target(s->lock || (f->flags & ATOMIC));
	append_address(s, f, rex, addr32, target);
	if ((f->flags & ACC) && chance(2))	/* let the comparison find them equal */
		memcpy((void *)(uintptr_t)target, &s->regs.gpr[TVX_RAX], 8);
}

/* Guest pages for the two native ones: at random memory or a device. */
static uint64_t place[2];

static void place_buffer(void)
{
	static const uint64_t choices[2][2] = {
		{ GUEST_DEV + 0x3000, 0x40000 }, { GUEST_DEV + 0x7000, 0x50000 },
	};
	int i;

	for (i = 0; i < 2; i++) {
		uint8_t *to;

		place[i] = choices[i][chance(3)];
		to = place[i] >= GUEST_DEV ? guest_dev + (place[i] - GUEST_DEV) :
					     guest_ram + place[i];
		guest_map(NATIVE_BUF + i * 4096, place[i], PT_P | PT_W);
		memcpy(to, native_page + 0x2000 + i * 4096, 4096);
	}
}

static bool buffer_matches(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		const uint8_t *page = place[i] >= GUEST_DEV ? guest_dev + (place[i] - GUEST_DEV) :
							      guest_ram + place[i];

		if (memcmp(page, native_page + 0x2000 + i * 4096, 4096))
			return false;
	}
	return true;
}

static void describe(const struct sample *s, char *text, size_t size)
{
	unsigned int i;

	for (i = 0; i < s->len; i++)
		snprintf(text + 3 * i, size - 3 * i, "%02x ", s->bytes[i]);
}

/* Do @s both ways and compare. */
static bool compare_sample(const struct sample *s, const char *name, uint64_t defined)
{
	struct tvx_cpu cpu = guest_cpu(64);
	struct native_regs regs = s->regs;
	struct tvx_result res;
	uint64_t at = native_load(s->bytes, s->len);
	enum tvx_result_kind kind;
	unsigned int calls = 0;
	char text[64];

	describe(s, text, sizeof(text));
	place_buffer();
	memcpy(cpu.gpr, regs.gpr, sizeof(cpu.gpr));
	cpu.rip = at;
	cpu.rflags = regs.rflags;
	guest_map(at & ~0xfffULL, 0x60000, PT_P);
	memcpy(guest_ram + 0x60000, native_page, 4096);
	native_run(&regs);
	do
		kind = tvx_insn_emulate(&cpu, &guest_mem, &guest_mmio, &res);
	while (kind == TVX_INSN_MORE && ++calls < 100);
	return EXPECT(kind == TVX_INSN_DONE, "%s: %s: kind %d %s", name, text, kind, res.why) &&
	       EXPECT(cpu.rip == at + s->len, "%s: %s: length", name, text) &&
	       EXPECT(!memcmp(cpu.gpr, regs.gpr, sizeof(cpu.gpr)), "%s: %s: registers", name,
		      text) &&
	       EXPECT(!((cpu.rflags ^ regs.rflags) & (defined | ~STATUS)),
		      "%s: %s: flags %#llx, not %#llx", name, text,
		      (unsigned long long)cpu.rflags, (unsigned long long)regs.rflags) &&
	       EXPECT(buffer_matches(), "%s: %s: memory", name, text);
}

static void random_buffer(void)
{
	unsigned int i;

	for (i = 0; i < NATIVE_BUF_SIZE; i += 8) {
		uint64_t val = random_value();

		memcpy(native_page + 0x2000 + i, &val, 8);
	}
}

static bool has_movbe(void)
{
	unsigned int a, b, c = 0, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_MOVBE);
}

TEST(every_form_as_the_processor)
{
	unsigned int i, round, run = 0;
	struct sample s;

	ASSERT_TRUE(native_init());
	guest_reset();
	unit_seed(1);
	for (i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		if ((forms[i].flags & NEED_MOVBE) && !has_movbe()) {
			printf("# %s: not on this processor\n", forms[i].name);
			continue;
		}
		random_buffer();
		for (round = 0; round < ROUNDS; round++, run++) {
			make_sample(&s, &forms[i]);
			if (!compare_sample(&s, forms[i].name, forms[i].defined))
				break;
		}
	}
	printf("# %u instructions compared\n", run);
}

TEST(absolute_moves_as_the_processor)
{
	unsigned int round;

	ASSERT_TRUE(native_init());
	guest_reset();
	unit_seed(2);
	random_buffer();
	for (round = 0; round < ROUNDS; round++) {
		struct sample s = { .regs.rflags = 0x202 };
		bool addr32 = chance(2);

		s.regs.gpr[TVX_RAX] = random_value();
		if (addr32)
			append(&s, 0x67, 1);
		if (chance(3))
			append(&s, 0x66, 1);
		if (chance(3))
			append(&s, 0x48, 1);
		append(&s, 0xa0 + unit_random_below(4), 1);
		append(&s, random_target(false), addr32 ? 4 : 8);
		if (!compare_sample(&s, "moffs", STATUS))
			break;
	}
}

TEST(strings_as_the_processor)
{
	static const uint8_t ops[] = { 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae,
				       0xaf };
	unsigned int round;

	ASSERT_TRUE(native_init());
	guest_reset();
	unit_seed(3);
	for (round = 0; round < 20 * ROUNDS; round++) {
		struct sample s = { .regs.rflags = 0x202 | (unit_random() & (STATUS | 0x400)) };
		bool addr32 = chance(4);
		uint64_t count = unit_random_below(40);
		/*
		 * Where there is nothing to repeat, processors differ: some of Intel clear the
		 * upper halves of what MOVS and STOS address by 32 bits, others change nothing.
		 */
		uint64_t high = addr32 && count ? unit_random() << 32 : 0;

		if (round % 16 == 0)
			random_buffer();
		if (chance(2))	/* equal elements, so that comparisons go on */
			memset(native_page + 0x2000 + unit_random_below(64) * 64, 0x55, 4096);
		s.regs.gpr[TVX_RAX] = chance(2) ? 0x5555555555555555 : random_value();
		s.regs.gpr[TVX_RCX] = count;
		s.regs.gpr[TVX_RSI] = (NATIVE_BUF + 0x1000 - 512 + unit_random_below(1024)) | high;
		s.regs.gpr[TVX_RDI] = (NATIVE_BUF + 0x1000 - 512 + unit_random_below(1024)) | high;
		if (!chance(4))
			append(&s, 0xf2 + unit_random_below(2), 1);
		if (chance(3))
			append(&s, 0x66, 1);
		if (addr32)
			append(&s, 0x67, 1);
		if (chance(3))
			append(&s, 0x48, 1);
		append(&s, ops[unit_random_below(sizeof(ops))], 1);
		if (!compare_sample(&s, "string", STATUS))
			break;
	}
}
