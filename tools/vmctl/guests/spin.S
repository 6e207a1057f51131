/* SPDX-License-Identifier: GPL-2.0-only */
/* Never ends, and takes no interrupt: for --timeout. */
	.code32
	.globl _start
_start:
	cli
1:	jmp	1b
