/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loaders: from the bytes of a file to guest memory and a way to start. Pure: a
 * new kind of image is one file and one row of the table in load.c.
 */
#ifndef VMCTL_LOAD_H
#define VMCTL_LOAD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ram.h"
#include "status.h"

enum boot_mode { BOOT_DEFAULT, BOOT_REAL, BOOT_PROTECTED, BOOT_LONG, BOOT_RESET };

/**
 * struct blob - a file in memory
 * @name: for messages
 * @args: of a module: what its user said behind the comma, or NULL
 */
struct blob {
	const char *name;
	const char *args;
	const uint8_t *data;
	size_t size;
};

#define LOAD_MAX_MODULES	32
#define FIRMWARE_MAX		(16U << 20)	/* bytes */

struct load_options {
	const char *type;		/* name of a loader, NULL: find out */
	bool kernel;			/* find out, but only among kernels for a PC */
	bool firmware;			/* it is that and nothing else */
	enum boot_mode mode;		/* of a raw image */
	bool has_load, has_entry;
	uint64_t load, entry;		/* of a raw image; @entry of any */
	const char *append;		/* command line or NULL */
	struct blob initrd;		/* its name is NULL without */
	unsigned int nr_modules;
	struct blob module[LOAD_MAX_MODULES];
};

/**
 * struct boot - how the vCPU starts
 * @mode: never BOOT_DEFAULT
 * @entry: linear address; below 1 MiB in real mode, for information after a reset
 * @eax: register
 * @ebx: register
 * @esi: register
 * @gdt: address of a GDT as the Linux boot protocol wants it, 0: the mode's own
 * @x2apic: the kernel knows x2APIC mode, and may start in it
 */
struct boot {
	enum boot_mode mode;
	uint64_t entry;
	uint32_t eax;
	uint32_t ebx;
	uint32_t esi;
	uint32_t gdt;
	bool x2apic;
};

/* That GDT: two unused descriptors, then flat code and data. */
#define BOOT_GDT_SIZE	32
#define BOOT_GDT_CS	0x10
#define BOOT_GDT_DS	0x18

/**
 * struct load - one image being loaded
 * @image: the file
 * @opt: what the user asked for
 * @ram: guest memory
 * @rsdp: address of the ACPI tables' root, 0: there are none
 * @boot: result
 * @kind: result: name of the loader
 * @error: in words, if loading failed
 * @hint: in words, if it looks as if something else was meant; else empty
 */
struct load {
	const struct blob *image;
	const struct load_options *opt;
	struct ram *ram;
	uint32_t rsdp;
	struct boot boot;
	const char *kind;
	char error[256];
	char hint[80];
};

/** load_image - 0 or ST_BAD_IMAGE, ST_UNSUPPORTED, ST_USAGE, ST_SYSTEM with @error */
int load_image(struct load *load);
/** load_type_known - is there a loader of that name? */
bool load_type_known(const char *name);
/** load_wants_pc - is @image, taken as @opt says, a kernel for a PC? */
bool load_wants_pc(const struct blob *image, const struct load_options *opt);

/* Between loaders: each returns as load_image(). */
int __attribute__((format(printf, 3, 4)))
load_fail(struct load *load, int status, const char *fmt, ...);
/** load_place - claim memory and fill it: @size bytes of @data, then zeros up to @mem_size */
int load_place(struct load *load, uint64_t gpa, const uint8_t *data, uint64_t size,
	       uint64_t mem_size, const char *what);

/**
 * load_put - copy @data to wherever there is room below @limit and 4 GiB
 * @align: a power of two
 */
int load_put_below(struct load *load, uint64_t limit, const void *data, size_t size,
		   uint64_t align, const char *what, uint32_t *gpa);
int load_put(struct load *load, const void *data, size_t size, uint64_t align, const char *what,
	     uint32_t *gpa);
int load_put_string(struct load *load, const char *s, const char *what, uint32_t *gpa);

int load_raw(struct load *load);
int load_elf(struct load *load);
int load_multiboot(struct load *load);
int load_linux(struct load *load);
int load_pvh(struct load *load);
int load_firmware(struct load *load);
bool probe_elf(const struct blob *image);
bool probe_multiboot(const struct blob *image);
bool probe_linux(const struct blob *image);
bool probe_pvh(const struct blob *image);

/** load_elf_segments - memory and the physical entry of an ELF file of either class */
int load_elf_segments(struct load *load, uint64_t *entry, bool *is64);
/** load_elf_note - the number in a note of an ELF file; false if there is no such note */
bool load_elf_note(const struct blob *image, const char *owner, uint32_t type, uint64_t *value);

#endif
