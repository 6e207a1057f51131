/* SPDX-License-Identifier: GPL-2.0-only */
/* The ioctl front: one const table for each kind of fd. */
#ifndef TVX_IOCTL_H
#define TVX_IOCTL_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct ioctl_row - one command
 * @cmd: TVX_*; the size in it is not looked at, so that structs can grow
 * @min: bytes of the struct's first version; 0: no struct
 * @size: bytes of the struct as this module knows it
 * @flags: those of its `flags` that are allowed
 * @fn: @arg is a kernel copy of @size bytes, zero-extended; what it leaves there goes
 *	back to the caller if the command reads, errors included
 *
 * Return of @fn: what ioctl() returns.
 */
struct ioctl_row {
	u32 cmd;
	u32 min;
	u32 size;
	u32 flags;
	long (*fn)(void *object, void *arg);
};

#define IOCTL_ROW(cmd_, type_, flags_, fn_) \
	{ .cmd = cmd_, .min = sizeof(type_), .size = sizeof(type_), .flags = flags_, .fn = fn_ }

long tvx_ioctl(const struct ioctl_row *table, unsigned int nr, void *object,
	       unsigned int cmd, void __user *arg);

/*
 * User arrays, copied in: kvmalloc'ed, or an ERR_PTR: EINVAL (more than @max),
 * EFAULT, ENOMEM.  kvfree() it.
 */
void *tvx_copy_array(u64 user, u32 count, size_t element, u32 max);

#endif
