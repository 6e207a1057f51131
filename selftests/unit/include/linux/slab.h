/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_LINUX_SLAB_H
#define UNIT_LINUX_SLAB_H

#include <stddef.h>
#include <linux/gfp.h>

/* The failing, leak-checked allocator of unit.h. */
static void *unit_zalloc(size_t size) __maybe_unused;
static void unit_free(const void *p) __maybe_unused;

#define kmalloc(size, gfp)	((void)(gfp), unit_zalloc(size))
#define kzalloc(size, gfp)	((void)(gfp), unit_zalloc(size))
#define kcalloc(n, size, gfp)	((void)(gfp), unit_zalloc((size_t)(n) * (size)))
#define kvzalloc(size, gfp)	((void)(gfp), unit_zalloc(size))
#define kvcalloc(n, size, gfp)	((void)(gfp), unit_zalloc((size_t)(n) * (size)))
#define kfree(p)		unit_free(p)
#define kvfree(p)		unit_free(p)

#endif /* UNIT_LINUX_SLAB_H */
