/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_ASM_BUG_H
#define UNIT_ASM_BUG_H

#include <linux/bug.h>

#endif /* UNIT_ASM_BUG_H */
