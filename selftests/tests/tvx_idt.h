/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An IDT for 64-bit guests that writes down what came: vector, error code, frame.
 *
 *	start(g, GUEST_LONG, code);
 *	idt_setup(g);
 *	ASSERT_EQ(run(g), TVX_EXIT_HLT);
 *	EXPECT_EQ(idt_count(g), 1);
 *	EXPECT_EQ(came(g, 0)->vector, 13);
 *
 * After a fault the handler goes on at R15 (and clears it), or halts if R15 is 0;
 * after anything else it returns to where it came from.
 */
#ifndef TVX_IDT_H
#define TVX_IDT_H

#include "tvx_test.h"

#define IDT_GPA		0x20000ull
#define STUBS_GPA	0x21000ull	/* 256 of STUB_SIZE */
#define STUB_SIZE	16
#define COMMON_GPA	0x23000ull
#define CAME_GPA	0x24000ull	/* struct idt_log */
#define CAME_MAX	32
#define HANDLER_GPA	0x30000ull	/* of the test's own */

#define DE_VECTOR	0
#define DB_VECTOR	1
#define NMI_VECTOR	2
#define BP_VECTOR	3
#define UD_VECTOR	6
#define DF_VECTOR	8
#define NP_VECTOR	11
#define GP_VECTOR	13
#define PF_VECTOR	14

/* The processor pushes an error code; the others' stubs push a 0 in its place. */
#define WITH_ERROR_CODE	((1u << 8) | (1u << 10) | (1u << 11) | (1u << 12) | (1u << 13) | \
			 (1u << 14) | (1u << 17))

struct came {
	uint64_t vector;
	uint64_t error;
	uint64_t rip;
	uint64_t rflags;
	uint64_t rsp;
	uint64_t cr2;
	uint64_t dr6;		/* of #DB */
	uint64_t reserved;
};

struct idt_log {
	uint64_t count;
	uint64_t reserved[7];
	struct came came[CAME_MAX];
};

/* #DB sets RF, so that an instruction breakpoint does not hit again. 0xffe1: faults below 16. */
GUEST64(idt_common,
	"push %rax\npush %rbx\npush %rcx\n"
	"mov $0x24000, %ebx\n"
	"mov (%rbx), %rax\nincq (%rbx)\n"
	"and $31, %eax\nshl $6, %eax\n"
	"lea 64(%rbx, %rax), %rbx\n"
	"mov 24(%rsp), %rcx\nmov %rcx, (%rbx)\n"
	"mov 32(%rsp), %rax\nmov %rax, 8(%rbx)\n"
	"mov 40(%rsp), %rax\nmov %rax, 16(%rbx)\n"
	"mov 56(%rsp), %rax\nmov %rax, 24(%rbx)\n"
	"mov 64(%rsp), %rax\nmov %rax, 32(%rbx)\n"
	"mov %cr2, %rax\nmov %rax, 40(%rbx)\n"
	"cmp $1, %ecx\njne 1f\n"
	"mov %dr6, %rax\nmov %rax, 48(%rbx)\n"
	"orl $0x10000, 56(%rsp)\n"
	"1: cmp $32, %ecx\njae 3f\n"
	"mov $0x3fffffe1, %eax\nbt %ecx, %eax\njnc 3f\n"
	"test %r15, %r15\njnz 2f\n"
	"hlt\n"
	"2: mov %r15, 40(%rsp)\nxor %r15d, %r15d\n"
	"3: pop %rcx\npop %rbx\npop %rax\nadd $16, %rsp\niretq");

static inline void idt_gate(struct guest *g, unsigned int vector, uint64_t target)
{
	uint64_t *gate = (uint64_t *)(g->mem + IDT_GPA + 16 * vector);

	/* A present interrupt gate of DPL 0 to the code segment of tvx_setup_long(). */
	gate[0] = (target & 0xffff) | 0x8ull << 16 | 0x8eull << 40 | (target >> 16 & 0xffff) << 48;
	gate[1] = target >> 32;
}

static inline void idt_stub(struct guest *g, unsigned int vector)
{
	uint64_t gpa = STUBS_GPA + STUB_SIZE * vector;
	bool has_error = vector < 32 && WITH_ERROR_CODE & 1u << vector;
	uint8_t *p = g->mem + gpa;
	uint32_t rel;

	*p++ = has_error ? 0x90 : 0x6a;		/* nop, or push $0 */
	*p++ = has_error ? 0x90 : 0;
	*p++ = 0x68;				/* push $vector */
	memcpy(p, &vector, 4);
	p += 4;
	*p++ = 0xe9;				/* jmp */
	rel = COMMON_GPA - (p + 4 - g->mem);
	memcpy(p, &rel, 4);
	idt_gate(g, vector, gpa);
}

/* After start(): fill guest memory, load IDTR. */
static inline void idt_setup(struct guest *g)
{
	struct tvx_state state;
	unsigned int i;

	for (i = 0; i < 256; i++)
		idt_stub(g, i);
	memcpy(g->mem + COMMON_GPA, idt_common_code, idt_common_end - idt_common_code);
	memset(g->mem + CAME_GPA, 0, sizeof(struct idt_log));
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_SEGMENTS));
	state.idtr = (struct tvx_dtable){ .base = IDT_GPA, .limit = 0xfff };
	must(tvx_vcpu_set_state(&g->vcpu, &state));
}

static inline uint64_t idt_count(struct guest *g)
{
	return ((struct idt_log *)(g->mem + CAME_GPA))->count;
}

static inline const struct came *came(struct guest *g, unsigned int n)
{
	return &((struct idt_log *)(g->mem + CAME_GPA))->came[n % CAME_MAX];
}

/* A handler of the test's own for one vector, instead of the one that writes down. */
static inline void own_handler(struct guest *g, unsigned int vector, const char *code,
			       const char *end)
{
	memcpy(g->mem + HANDLER_GPA, code, end - code);
	idt_gate(g, vector, HANDLER_GPA);
}

static inline void set_if(struct guest *g)
{
	struct tvx_state state;

	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_GPRS));
	state.rflags |= 1u << 9;
	must(tvx_vcpu_set_state(&g->vcpu, &state));
}

static inline uint32_t shadow(struct guest *g)
{
	struct tvx_state state;

	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_EVENTS));
	return state.shadow;
}

/* Start 64-bit code under the IDT. */
#define start_idt(g, name) do { start(g, GUEST_LONG, name); idt_setup(g); } while (0)

#endif
