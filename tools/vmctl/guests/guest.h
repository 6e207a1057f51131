/* SPDX-License-Identifier: GPL-2.0-only */
/* For guests in C, 32 or 64 bits, without any library. */
#ifndef GUEST_H
#define GUEST_H

#include "ports.h"

static inline void outb(unsigned short port, unsigned char value)
{
	asm volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline unsigned char inb(unsigned short port)
{
	unsigned char value;

	asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void put_char(char c)
{
	while (!(inb(SERIAL_PORT + 5) & 0x20))	/* until the transmitter is empty */
		;
	outb(SERIAL_PORT, c);
}

static inline void put_string(const char *s)
{
	while (*s)
		put_char(*s++);
}

static inline void put_number(unsigned int n)
{
	if (n >= 10)
		put_number(n / 10);
	put_char('0' + n % 10);
}

static inline __attribute__((noreturn)) void end(unsigned char status)
{
	outb(EXIT_PORT, status);
	for (;;)
		asm volatile("cli; hlt");
}

#endif
