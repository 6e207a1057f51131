/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_LINUX_COMPILER_TYPES_H
#define UNIT_LINUX_COMPILER_TYPES_H

#include <linux/compiler.h>

#endif /* UNIT_LINUX_COMPILER_TYPES_H */
