/* SPDX-License-Identifier: GPL-2.0-only */
/* Fails on purpose: jumps to where there is no memory. */
	.code32
	.globl _start
_start:
	mov	$0xd0000000, %eax
	jmp	*%eax
