/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the library's own files. */
#ifndef LIBTVX_INTERNAL_H
#define LIBTVX_INTERNAL_H

#include "libtvx.h"

/* Is @gpa in a slot that the guest cannot write? */
bool tvx_vm_readonly(const struct tvx_vm *vm, uint64_t gpa);

#endif
