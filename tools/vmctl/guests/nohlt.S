/* SPDX-License-Identifier: GPL-2.0-only */
/* Fails on purpose: does not stop, and runs through empty memory to its end. */
	.code32
	.globl _start
_start:
	xor	%eax, %eax
	nop
