/* SPDX-License-Identifier: GPL-2.0-only */
/* Fails on purpose: an exception with no interrupt table is a triple fault. */
	.code32
	.globl _start
_start:
	lidt	empty
	ud2

empty:
	.word	0
	.long	0
