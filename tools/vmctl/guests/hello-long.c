// SPDX-License-Identifier: GPL-2.0-only
/* A 64-bit ELF file: starts in long mode, with memory identity-mapped. */
#include "guest.h"

asm(".globl _start\n"
    "_start:\n"
    "	lea	stack_top(%rip), %rsp\n"
    "	call	guest_main\n"
    "	.bss\n"
    "	.balign	16\n"
    "	.skip	4096\n"
    "stack_top:\n"
    "	.text\n");

__attribute__((noreturn, used)) void guest_main(void)
{
	put_string("Hello from long mode\n");
	end(0);
}
