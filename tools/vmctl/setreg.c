// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "parse.h"
#include "setreg.h"

#define GPR(name, index) { name, offsetof(struct tvx_state, gpr) + 8 * (index) }
#define REG(name) { #name, offsetof(struct tvx_state, name) }

/* 64-bit members of struct tvx_state only. */
static const struct {
	const char *name;
	size_t offset;
} registers[] = {
	GPR("rax", TVX_RAX), GPR("rcx", TVX_RCX), GPR("rdx", TVX_RDX), GPR("rbx", TVX_RBX),
	GPR("rsp", TVX_RSP), GPR("rbp", TVX_RBP), GPR("rsi", TVX_RSI), GPR("rdi", TVX_RDI),
	GPR("r8", TVX_R8), GPR("r9", TVX_R9), GPR("r10", TVX_R10), GPR("r11", TVX_R11),
	GPR("r12", TVX_R12), GPR("r13", TVX_R13), GPR("r14", TVX_R14), GPR("r15", TVX_R15),
	REG(rip), REG(rflags), REG(cr0), REG(cr2), REG(cr3), REG(cr4), REG(cr8), REG(efer),
	REG(dr6), REG(dr7),
};

static bool parse(const char *text, size_t *offset, uint64_t *value)
{
	const char *equals = strchr(text, '=');
	unsigned int i;

	if (!equals)
		return false;
	for (i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		size_t len = strlen(registers[i].name);

		if (len != (size_t)(equals - text) || strncmp(text, registers[i].name, len))
			continue;
		*offset = registers[i].offset;
		return parse_number(equals + 1, value);
	}
	return false;
}

bool setreg_valid(const char *text)
{
	uint64_t value;
	size_t offset;

	return parse(text, &offset, &value);
}

void setreg_apply(const char *text, struct tvx_state *state)
{
	uint64_t value;
	size_t offset;

	if (parse(text, &offset, &value))
		memcpy((char *)state + offset, &value, sizeof(value));
}
