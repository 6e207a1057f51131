// SPDX-License-Identifier: GPL-2.0-only
/* A multiboot guest: prints its command line and the size of its memory. */
#include "guest.h"

#define BOOT_MAGIC	0x2badb002
#define INFO_MEM	(1 << 0)
#define INFO_CMDLINE	(1 << 2)
#define INFO_MODS	(1 << 3)

struct info {
	unsigned int flags, mem_lower, mem_upper, boot_device;
	const char *cmdline;
	unsigned int mods_count;
	const struct module *mods;
};

struct module {
	const char *start, *end;
	const char *string;
	unsigned int reserved;
};

asm("	.section .multiboot, \"ax\"\n"
    "	.balign	4\n"
    "	.long	0x1badb002, 2, -(0x1badb002 + 2)\n"
    "	.text\n"
    "	.globl _start\n"
    "_start:\n"
    "	mov	$stack_top, %esp\n"
    "	push	%ebx\n"
    "	push	%eax\n"
    "	call	guest_main\n"
    "	.bss\n"
    "	.balign	16\n"
    "	.skip	4096\n"
    "stack_top:\n"
    "	.text\n");

static void print_modules(const struct info *info)
{
	const struct module *m;
	const char *p;

	for (m = info->mods; m < info->mods + info->mods_count; m++) {
		put_string("Module ");
		put_string(m->string);
		put_string(": ");
		for (p = m->start; p < m->end; p++)
			put_char(*p);
		put_char('\n');
	}
}

__attribute__((noreturn, used)) void guest_main(unsigned int magic, const struct info *info)
{
	if (magic != BOOT_MAGIC || !(info->flags & INFO_MEM) || !(info->flags & INFO_CMDLINE)) {
		put_string("No multiboot information\n");
		end(1);
	}
	put_string("Hello from multiboot\nCommand line: ");
	put_string(info->cmdline);
	put_string("\nMemory: ");
	put_number((info->mem_upper + 1024) / 1024);
	put_string(" MiB\n");
	if (info->flags & INFO_MODS)
		print_modules(info);
	end(0);
}
