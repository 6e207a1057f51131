/* SPDX-License-Identifier: GPL-2.0-only */
/* Real mode, loaded and started at 0x7c00: says hello on the serial port, ends with status 0. */
#include "ports.h"

	.code16
	.globl _start
_start:
	cld
	mov	$message, %si
	mov	$SERIAL_PORT, %dx
1:	lodsb
	test	%al, %al
	jz	2f
	out	%al, %dx
	jmp	1b
2:	mov	$EXIT_PORT, %dx
	out	%al, %dx
	hlt

message:
	.asciz	"Hello from real mode\n"
