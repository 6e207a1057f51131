/* SPDX-License-Identifier: GPL-2.0-only */
/* ACPI's byte code for descriptions of devices, as far as we need it. */
#ifndef VMCTL_AML_H
#define VMCTL_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct aml - code being written
 * @buf: room for it
 * @size: of @buf
 * @len: so far; what does not fit any more is counted and dropped: look at the end
 */
struct aml {
	uint8_t *buf;
	size_t size;
	size_t len;
};

void aml_bytes(struct aml *a, const void *bytes, size_t len);
void aml_byte(struct aml *a, uint8_t byte);
void aml_le(struct aml *a, uint64_t value, unsigned int bytes);

/* Scope and Device: open, contents, close what open returned. Names have 4 characters. */
size_t aml_open_scope(struct aml *a, const char *name);
size_t aml_open_device(struct aml *a, const char *name);
/* The value of a Name(): Package() of small numbers, and ResourceTemplate() */
void aml_name(struct aml *a, const char *name);
size_t aml_open_package(struct aml *a, uint8_t elements);
size_t aml_open_resources(struct aml *a);
void aml_close(struct aml *a, size_t start);
void aml_close_resources(struct aml *a, size_t start);

void aml_integer(struct aml *a, uint32_t value);
void aml_string(struct aml *a, const char *s);
/** aml_eisaid - "PNP0501", compressed */
void aml_eisaid(struct aml *a, const char *id);

/* Resources */
void aml_io(struct aml *a, uint16_t port, uint8_t len);
void aml_irq(struct aml *a, unsigned int irq);
void aml_memory32(struct aml *a, uint32_t base, uint32_t len);
/** aml_interrupt - of a GSI: level triggered, active high */
void aml_interrupt(struct aml *a, uint32_t gsi, bool shared);

#endif
