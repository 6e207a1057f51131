/* SPDX-License-Identifier: GPL-2.0-only */
/* What vmctl's guests talk to. */
#define SERIAL_PORT	0x3f8
#define EXIT_PORT	0xf4
