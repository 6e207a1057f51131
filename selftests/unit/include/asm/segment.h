/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_ASM_SEGMENT_H
#define UNIT_ASM_SEGMENT_H

#define SEGMENT_RPL_MASK	0x3
#define SEGMENT_TI_MASK		0x4

#endif /* UNIT_ASM_SEGMENT_H */
