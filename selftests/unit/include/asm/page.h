/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_ASM_PAGE_H
#define UNIT_ASM_PAGE_H

#define PAGE_SHIFT		12
#undef PAGE_SIZE
#define PAGE_SIZE		(1UL << PAGE_SHIFT)
#define PAGE_MASK		(~(PAGE_SIZE - 1))

#endif /* UNIT_ASM_PAGE_H */
