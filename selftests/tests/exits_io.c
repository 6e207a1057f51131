// SPDX-License-Identifier: GPL-2.0-only
/* Exits that hand an access to user space: ports, MMIO, task switches. */
#include "tvx_idt.h"

#define MMIO_GPA	0xd0000000ull	/* in no slot, but in the guest's identity map */
#define PORT		0x1234

/* ---- IN and OUT -------------------------------------------------------------------------- */

GUEST64(in_and_out,
	"mov $0x1234, %edx\n"
	"movabs $0x1122334455667788, %rax\n"
	"outb %al, %dx\noutw %ax, %dx\noutl %eax, %dx\n"
	"inb %dx, %al\nmov %rax, %rbx\n"
	"movabs $0x1122334455667788, %rax\ninw %dx, %ax\nmov %rax, %rcx\n"
	"movabs $0x1122334455667788, %rax\ninl %dx, %eax\nmov %rax, %rsi\n"
	"outb %al, $0x80\nhlt");

TEST_F(vm, in_and_out)
{
	static const struct { uint8_t width, len; uint64_t value; } outs[] = {
		{ 1, 1, 0x88 }, { 2, 2, 0x7788 }, { 4, 1, 0x55667788 },
	};
	static const uint8_t ins[] = { 1, 2, 4 };
	struct guest *g = &self->g;
	unsigned int i;

	start(g, GUEST_LONG, in_and_out);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(run(g), TVX_EXIT_IO);
		EXPECT_EQ(out(g)->io.port, PORT);
		EXPECT_EQ(out(g)->io.flags, 0);
		EXPECT_EQ(out(g)->io.width, outs[i].width);
		EXPECT_EQ(out(g)->io.value, outs[i].value);
		EXPECT_EQ(out(g)->io.count, 1);
		EXPECT_EQ(out(g)->next_rip, out(g)->rip + outs[i].len);
		tvx_skip_insn(&g->vcpu);
	}
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(run(g), TVX_EXIT_IO);
		EXPECT_EQ(out(g)->io.flags, TVX_IO_IN);
		EXPECT_EQ(out(g)->io.width, ins[i]);
		tvx_io_in_value(&g->vcpu, 0xaabbccdd);
		tvx_skip_insn(&g->vcpu);
	}
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->io.port, 0x80);
	EXPECT_EQ(reg(g, TVX_RBX), 0x11223344556677dd);
	EXPECT_EQ(reg(g, TVX_RCX), 0x112233445566ccdd);
	EXPECT_EQ(reg(g, TVX_RSI), 0xaabbccdd);
	/* Not skipped: it comes again. */
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
}

/* ---- INS and OUTS ------------------------------------------------------------------------ */

GUEST64(string_io,
	"cld\nmov $0x1234, %edx\n"
	"mov $0x200000, %esi\nmov $5, %ecx\nrep outsb\n"
	"mov $0x200100, %edi\nmov $3, %ecx\nrep insl\n"
	"xor %ecx, %ecx\nrep insb\n"		/* none: no exit */
	"mov $0x200004, %esi\noutsw\nhlt");

struct port {
	uint8_t written[64];
	unsigned int bytes;
	uint32_t next;
};

static uint32_t port_in(void *ctx, uint16_t number, unsigned int len)
{
	struct port *port = ctx;

	return port->next++;
}

static void port_out(void *ctx, uint16_t number, unsigned int len, uint32_t value)
{
	struct port *port = ctx;

	memcpy(port->written + port->bytes, &value, len);
	port->bytes += len;
}

static uint64_t none_read(void *ctx, uint64_t gpa, unsigned int len)
{
	abort();
}

static void none_write(void *ctx, uint64_t gpa, unsigned int len, uint64_t value)
{
	abort();
}

static const struct tvx_mmio_ops no_mmio = { none_read, none_write, NULL };

TEST_F(vm, string_io)
{
	struct guest *g = &self->g;
	struct port port = { .next = 0xcafe0000 };
	struct tvx_port_ops ports = { port_in, port_out, &port };
	uint32_t *read = (uint32_t *)(g->mem + DATA_GPA + 0x100);
	unsigned int i, exits = 0;

	memcpy(g->mem + DATA_GPA, "Hello!", 6);
	start(g, GUEST_LONG, string_io);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->io.flags, TVX_IO_STRING | TVX_IO_REP);
	EXPECT_EQ(out(g)->io.count, 5);
	EXPECT_EQ(out(g)->io.addr_width, 8);
	EXPECT_EQ(out(g)->io.sreg, TVX_DS);
	EXPECT_EQ(out(g)->io.gla, DATA_GPA);
	EXPECT_EQ(out(g)->ctx.valid, 1);
	EXPECT_EQ(out(g)->ctx.seg_valid, 0);
	do {
		ASSERT_EQ(tvx_handle_io(&g->vcpu, &ports, &no_mmio), 0);
		ASSERT_LT(++exits, 20);
	} while (run(g) == TVX_EXIT_IO);
	ASSERT_EQ(out(g)->exit, TVX_EXIT_HLT);
	EXPECT_EQ(port.bytes, 7);
	EXPECT_EQ(memcmp(port.written, "Helloo!", 7), 0);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(read[i], 0xcafe0000 + i);
	EXPECT_EQ(reg(g, TVX_RSI), DATA_GPA + 6);
	EXPECT_EQ(reg(g, TVX_RDI), DATA_GPA + 0x100 + 12);
	EXPECT_EQ(reg(g, TVX_RCX), 0);
}

/* ---- MMIO -------------------------------------------------------------------------------- */

GUEST64(mmio,
	"cld\nmov $0xd0000000, %ebx\n"
	"movl $0x11223344, (%rbx)\n"
	"movabs $0x5555555555555555, %rax\nmov 1(%rbx), %al\nmov %rax, %r8\n"
	"mov 0(%rbx), %eax\nmov %rax, %r9\n"
	"mov $0xa5, %al\nlea 0x100(%rbx), %rdi\nmov $8, %ecx\nrep stosb\n"
	"mov $0x200000, %esi\nlea 0x200(%rbx), %rdi\nmov $4, %ecx\nrep movsl\n"
	"andl $0xff00ff, (%rbx)\n"
	"orl $0x01000000, (%rbx)\n"
	"xorl $3, (%rbx)\n"
	"mov $7, %edx\nxchg %edx, (%rbx)\nhlt");

static uint8_t device[0x1000];

static uint64_t device_read(void *ctx, uint64_t gpa, unsigned int len)
{
	uint64_t value = 0;

	memcpy(&value, device + (gpa - MMIO_GPA), len);
	return value;
}

static void device_write(void *ctx, uint64_t gpa, unsigned int len, uint64_t value)
{
	memcpy(device + (gpa - MMIO_GPA), &value, len);
}

static const struct tvx_mmio_ops device_ops = { device_read, device_write, NULL };

TEST_F(vm, mmio)
{
	struct guest *g = &self->g;
	unsigned int i, exits = 0;
	uint32_t value;

	memset(device, 0, sizeof(device));
	for (i = 0; i < 16; i++)
		g->mem[DATA_GPA + i] = i;
	start(g, GUEST_LONG, mmio);
	ASSERT_EQ(run(g), TVX_EXIT_MMIO);
	EXPECT_EQ(out(g)->mmio.gpa, MMIO_GPA);
	EXPECT_EQ(out(g)->mmio.gla, MMIO_GPA);
	EXPECT_EQ(out(g)->mmio.flags, TVX_MEM_WRITE | TVX_MEM_GLA_VALID);
	EXPECT_EQ(out(g)->ctx.valid, 1);
	EXPECT_EQ(out(g)->ctx.seg_valid, 0);
	EXPECT_EQ(out(g)->ctx.cr3, TABLES_GPA);
	do {
		ASSERT_EQ(tvx_handle_mmio(&g->vcpu, &device_ops), 0);
		ASSERT_LT(++exits, 40);
	} while (run(g) == TVX_EXIT_MMIO);
	ASSERT_EQ(out(g)->exit, TVX_EXIT_HLT);
	EXPECT_EQ(reg(g, TVX_R8), 0x5555555555555533);
	EXPECT_EQ(reg(g, TVX_R9), 0x11223344);
	EXPECT_EQ(reg(g, TVX_RDX), ((0x11223344 & 0xff00ff) | 0x01000000) ^ 3);
	memcpy(&value, device, 4);
	EXPECT_EQ(value, 7);
	for (i = 0; i < 8; i++)
		EXPECT_EQ(device[0x100 + i], 0xa5);
	EXPECT_EQ(device[0x108], 0);
	EXPECT_EQ(memcmp(device + 0x200, g->mem + DATA_GPA, 16), 0);
	EXPECT_EQ(reg(g, TVX_RCX), 0);
}

/* ---- segments outside 64-bit mode: the run page has them ---------------------------------- */

GUEST16(segments,
	"mov $0x1234, %ax\nmov %ax, %fs:0x10\nmov %gs, %fs:0x12\n"
	"mov $0x1234, %dx\nmov $4, %si\nes outsb\nhlt");

static bool tells_segments(struct guest *g)
{
	const struct tvx_run_ctx *ctx = &out(g)->ctx;
	struct tvx_state state;
	unsigned int i;

	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_SEGMENTS));
	for (i = TVX_ES; i <= TVX_GS; i++)
		if (ctx->seg[i].base != state.seg[i].base ||
		    ctx->seg[i].limit != state.seg[i].limit ||
		    ctx->seg[i].ar != state.seg[i].ar)
			return false;
	return ctx->valid == 1 && ctx->seg_valid == 1;
}

TEST_F(vm, segments)
{
	struct guest *g = &self->g;
	struct port port = { };
	struct tvx_port_ops ports = { port_in, port_out, &port };
	struct tvx_state state;

	if (!has_feature(g, TVX_FEAT_UNRESTRICTED))
		SKIP(return, "without unrestricted guest there is no real mode");
	memset(device, 0, sizeof(device));
	memcpy(g->mem + DATA_GPA, "Hello!", 6);
	start(g, GUEST_REAL, segments);
	ASSERT_EQ(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_SEGMENTS), 0);
	/* Each differs from the others. */
	state.seg[TVX_ES].base = DATA_GPA;
	state.seg[TVX_SS].base = 0x100;
	state.seg[TVX_DS].base = 0x200;
	state.seg[TVX_FS].base = MMIO_GPA;
	state.seg[TVX_GS].base = 0x300;
	state.seg[TVX_GS].selector = 0x30;
	ASSERT_EQ(tvx_vcpu_set_state(&g->vcpu, &state), 0);

	ASSERT_EQ(run(g), TVX_EXIT_MMIO);
	EXPECT_EQ(out(g)->mmio.gpa, MMIO_GPA + 0x10);
	EXPECT_EQ(out(g)->ctx.seg[TVX_FS].base, MMIO_GPA);
	EXPECT_EQ(out(g)->ctx.seg[TVX_GS].base, 0x300);
	EXPECT_TRUE(tells_segments(g));
	ASSERT_EQ(tvx_handle_mmio(&g->vcpu, &device_ops), 0);
	ASSERT_EQ(run(g), TVX_EXIT_MMIO);
	ASSERT_EQ(tvx_handle_mmio(&g->vcpu, &device_ops), 0);
	EXPECT_EQ(memcmp(device + 0x10, "\x34\x12\x30", 4), 0);

	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->io.sreg, TVX_ES);
	EXPECT_TRUE(tells_segments(g));
	ASSERT_EQ(tvx_handle_io(&g->vcpu, &ports, &no_mmio), 0);
	EXPECT_EQ(port.bytes, 1);
	EXPECT_EQ(port.written[0], 'o');
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
}

/* ---- EPT violations outside every slot --------------------------------------------------- */

GUEST64(read_nothing, "mov 0xd0000008, %eax\nhlt");
GUEST64(fetch_nothing, "mov $0xd0000010, %eax\njmp *%rax");
GUEST64(walk_nothing, "mov $0xd0000000, %eax\nmov %rax, %cr3\nnop\nhlt");

TEST_F(vm, nothing_there)
{
	struct guest *g = &self->g;

	start(g, GUEST_LONG, read_nothing);
	ASSERT_EQ(run(g), TVX_EXIT_MMIO);
	EXPECT_EQ(out(g)->mmio.gpa, MMIO_GPA + 8);
	EXPECT_EQ(out(g)->mmio.flags, TVX_MEM_READ | TVX_MEM_GLA_VALID);
	EXPECT_EQ(out(g)->rip, CODE_GPA);

	start(g, GUEST_LONG, fetch_nothing);
	ASSERT_EQ(run(g), TVX_EXIT_MMIO);
	EXPECT_EQ(out(g)->mmio.gpa, MMIO_GPA + 0x10);
	EXPECT_EQ(out(g)->mmio.flags, TVX_MEM_FETCH | TVX_MEM_GLA_VALID);
	EXPECT_EQ(out(g)->rip, MMIO_GPA + 0x10);

	/* No page tables either: the page walk itself finds nothing. */
	start(g, GUEST_LONG, walk_nothing);
	ASSERT_EQ(run(g), TVX_EXIT_MMIO);
	EXPECT_EQ(out(g)->mmio.gpa & ~0xfffull, MMIO_GPA);
	EXPECT_EQ(out(g)->mmio.flags & TVX_MEM_PAGE_WALK, TVX_MEM_PAGE_WALK);
}

/* ---- task switches ----------------------------------------------------------------------- */

#define TASK_GDT	(DATA_GPA + 0x1000)
#define TASK_IDT	(DATA_GPA + 0x2000)
#define TASK_TSS	(DATA_GPA + 0x3000)

GUEST32(jump_tss, "ljmp $0x18, $0");
GUEST32(jump_gate, "ljmp $0x20, $0");
GUEST32(call_tss, "lcall $0x18, $0");
GUEST32(int_gate, "int $0x30");

static void start_task(struct guest *g, const char *code, const char *end)
{
	uint64_t *gdt = (uint64_t *)(g->mem + TASK_GDT), *idt = (uint64_t *)(g->mem + TASK_IDT);
	struct tvx_state state;

	guest_start(g, GUEST_PROTECTED, code, end);
	gdt[1] = 0x00cf9b000000ffff;
	gdt[2] = 0x00cf93000000ffff;
	gdt[3] = 0x0000890000000067 | (TASK_TSS & 0xffffff) << 16;	/* available TSS */
	gdt[4] = 0x0000850000180000;					/* task gate */
	idt[0x30] = 0x0000850000180000;
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_SEGMENTS));
	state.gdtr = (struct tvx_dtable){ .base = TASK_GDT, .limit = 0x27 };
	state.idtr = (struct tvx_dtable){ .base = TASK_IDT, .limit = 0x7ff };
	must(tvx_vcpu_set_state(&g->vcpu, &state));
}

TEST_F(vm, task_switch)
{
	static const struct {
		const char *code, *end;
		uint8_t source;
		unsigned int len;
	} rows[] = {
		{ jump_tss_code, jump_tss_end, 2, 7 },
		{ jump_gate_code, jump_gate_end, 2, 7 },
		{ call_tss_code, call_tss_end, 0, 7 },
		{ int_gate_code, int_gate_end, 3, 2 },
	};
	struct guest *g = &self->g;
	struct tvx_state state;
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		TH_LOG("row %u", i);
		start_task(g, rows[i].code, rows[i].end);
		ASSERT_EQ(run(g), TVX_EXIT_TASK_SWITCH);
		EXPECT_EQ(out(g)->task.selector, 0x18);
		EXPECT_EQ(out(g)->task.source, rows[i].source);
		EXPECT_EQ(out(g)->rip, CODE_GPA);
		EXPECT_EQ(out(g)->insn_len, rows[i].len);
		EXPECT_EQ(out(g)->next_rip, CODE_GPA + rows[i].len);
	}
	/* What went through the gate is told, and is not delivered a second time. */
	EXPECT_EQ(out(g)->task.event.flags & TVX_EVENT_VALID, TVX_EVENT_VALID);
	EXPECT_EQ(out(g)->task.event.type, TVX_EVENT_SOFT_INTR);
	EXPECT_EQ(out(g)->task.event.vector, 0x30);
	EXPECT_EQ(out(g)->task.event.insn_len, 2);
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_EVENTS));
	EXPECT_EQ(state.injected.flags, 0);
}

/* An interrupt goes through the gate between two instructions: none has a length then. */
TEST_F(vm, task_switch_by_interrupt)
{
	struct guest *g = &self->g;

	start_task(g, int_gate_code, int_gate_end);
	tvx_set_rflags(&g->vcpu, 0x202);
	tvx_inject_intr(&g->vcpu, 0x30);
	ASSERT_EQ(run(g), TVX_EXIT_TASK_SWITCH);
	EXPECT_EQ(out(g)->task.source, 3);
	EXPECT_EQ(out(g)->task.event.type, TVX_EVENT_INTR);
	EXPECT_EQ(out(g)->task.event.vector, 0x30);
	EXPECT_EQ(out(g)->rip, CODE_GPA);
	EXPECT_EQ(out(g)->insn_len, 0);
	EXPECT_EQ(out(g)->next_rip, CODE_GPA);
}

TEST_HARNESS_MAIN
