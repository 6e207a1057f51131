/* SPDX-License-Identifier: GPL-2.0-only */
/* Flat 32-bit protected mode, a raw image at 1 MiB: says hello, and halts. */
#include "ports.h"

	.code32
	.globl _start
_start:
	mov	$message, %esi
	mov	$message_end - message, %ecx
	mov	$SERIAL_PORT, %edx
	cld
	rep outsb
	cli
1:	hlt
	jmp	1b

message:
	.ascii	"Hello from protected mode\n"
message_end:
