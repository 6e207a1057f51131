/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_UAPI_ASM_DEBUGREG_H
#define UNIT_UAPI_ASM_DEBUGREG_H

#include <asm/debugreg.h>	/* libc's copy of the kernel's uapi header */

#endif /* UNIT_UAPI_ASM_DEBUGREG_H */
