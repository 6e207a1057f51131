/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_LINUX_MEM_ENCRYPT_H
#define UNIT_LINUX_MEM_ENCRYPT_H

/* <asm/processor-flags.h> asks for it; memory encryption is of no concern to pure code. */

#endif /* UNIT_LINUX_MEM_ENCRYPT_H */
