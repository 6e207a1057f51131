// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "aml.h"

/* Opcodes */
#define ZERO_OP		0x00
#define ONE_OP		0x01
#define NAME_OP		0x08
#define BYTE_PREFIX	0x0a
#define WORD_PREFIX	0x0b
#define DWORD_PREFIX	0x0c
#define STRING_PREFIX	0x0d
#define SCOPE_OP	0x10
#define BUFFER_OP	0x11
#define PACKAGE_OP	0x12
#define EXT_PREFIX	0x5b
#define DEVICE_OP	0x82

/* Resource descriptors */
#define RES_IRQ		0x22
#define RES_IO		0x47
#define RES_END		0x79
#define RES_MEMORY32	0x86
#define RES_INTERRUPT	0x89
#define IO_DECODE_16	1
#define READ_WRITE	1
#define INT_CONSUMER	0x01
#define INT_SHARED	0x08

void aml_bytes(struct aml *a, const void *bytes, size_t len)
{
	if (a->len <= a->size && len <= a->size - a->len)
		memcpy(a->buf + a->len, bytes, len);
	a->len += len;
}

void aml_byte(struct aml *a, uint8_t byte)
{
	aml_bytes(a, &byte, 1);
}

void aml_le(struct aml *a, uint64_t value, unsigned int bytes)
{
	while (bytes--) {
		aml_byte(a, value);
		value >>= 8;
	}
}

static void aml_insert(struct aml *a, size_t at, const uint8_t *bytes, size_t len)
{
	size_t behind = a->len - at;

	a->len += len;
	if (a->len > a->size)
		return;
	memmove(a->buf + at + len, a->buf + at, behind);
	memcpy(a->buf + at, bytes, len);
}

/* The length counts itself, and has 1 to 4 bytes: its place is made when it is known. */
void aml_close(struct aml *a, size_t start)
{
	size_t len = a->len - start;
	uint8_t bytes[4];
	unsigned int n, i;

	for (n = 1; n < 4; n++)
		if (len + n < (n == 1 ? 1U << 6 : 1U << (8 * n - 4)))
			break;
	len += n;
	bytes[0] = n == 1 ? len : (n - 1) << 6 | (len & 15);
	for (i = 1; i < n; i++)
		bytes[i] = len >> (8 * i - 4);
	aml_insert(a, start, bytes, n);
}

size_t aml_open_scope(struct aml *a, const char *name)
{
	aml_byte(a, SCOPE_OP);
	aml_bytes(a, name, strlen(name));
	/* The length goes in front of the name. */
	return a->len - strlen(name);
}

size_t aml_open_device(struct aml *a, const char *name)
{
	aml_byte(a, EXT_PREFIX);
	aml_byte(a, DEVICE_OP);
	aml_bytes(a, name, strlen(name));
	return a->len - strlen(name);
}

void aml_name(struct aml *a, const char *name)
{
	aml_byte(a, NAME_OP);
	aml_bytes(a, name, strlen(name));
}

size_t aml_open_package(struct aml *a, uint8_t elements)
{
	aml_byte(a, PACKAGE_OP);
	aml_byte(a, elements);
	return a->len - 1;
}

size_t aml_open_resources(struct aml *a)
{
	aml_byte(a, BUFFER_OP);
	return a->len;
}

/* A Buffer() begins with its size. A checksum of 0 is taken as right. */
void aml_close_resources(struct aml *a, size_t start)
{
	uint8_t integer[8];
	struct aml size = { .buf = integer, .size = sizeof(integer) };

	aml_byte(a, RES_END);
	aml_byte(a, 0);
	aml_integer(&size, a->len - start);
	aml_insert(a, start, integer, size.len);
	aml_close(a, start);
}

void aml_integer(struct aml *a, uint32_t value)
{
	if (value <= 1) {
		aml_byte(a, value ? ONE_OP : ZERO_OP);
	} else if (value <= 0xff) {
		aml_byte(a, BYTE_PREFIX);
		aml_le(a, value, 1);
	} else if (value <= 0xffff) {
		aml_byte(a, WORD_PREFIX);
		aml_le(a, value, 2);
	} else {
		aml_byte(a, DWORD_PREFIX);
		aml_le(a, value, 4);
	}
}

void aml_string(struct aml *a, const char *s)
{
	aml_byte(a, STRING_PREFIX);
	aml_bytes(a, s, strlen(s) + 1);
}

static unsigned int hex(char c)
{
	return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* Three letters of five bits, then four digits, as big-endian bytes. */
void aml_eisaid(struct aml *a, const char *id)
{
	uint32_t n = (id[0] & 31) << 26 | (id[1] & 31) << 21 | (id[2] & 31) << 16 |
		     hex(id[3]) << 12 | hex(id[4]) << 8 | hex(id[5]) << 4 | hex(id[6]);

	aml_byte(a, DWORD_PREFIX);
	aml_le(a, __builtin_bswap32(n), 4);
}

void aml_io(struct aml *a, uint16_t port, uint8_t len)
{
	aml_byte(a, RES_IO);
	aml_byte(a, IO_DECODE_16);
	aml_le(a, port, 2);	/* from here .. */
	aml_le(a, port, 2);	/* .. to here */
	aml_byte(a, 1);		/* alignment */
	aml_byte(a, len);
}

void aml_irq(struct aml *a, unsigned int irq)
{
	aml_byte(a, RES_IRQ);
	aml_le(a, 1U << irq, 2);
}

void aml_memory32(struct aml *a, uint32_t base, uint32_t len)
{
	aml_byte(a, RES_MEMORY32);
	aml_le(a, 9, 2);
	aml_byte(a, READ_WRITE);
	aml_le(a, base, 4);
	aml_le(a, len, 4);
}

void aml_interrupt(struct aml *a, uint32_t gsi, bool shared)
{
	aml_byte(a, RES_INTERRUPT);
	aml_le(a, 6, 2);
	aml_byte(a, INT_CONSUMER | (shared ? INT_SHARED : 0));
	aml_byte(a, 1);		/* one number follows */
	aml_le(a, gsi, 4);
}
