/* SPDX-License-Identifier: GPL-2.0-only */
/* --set REG=VALUE: change the state that a guest starts in. */
#ifndef VMCTL_SETREG_H
#define VMCTL_SETREG_H

#include <stdbool.h>

#include "uapi/tinyvmx.h"

/** setreg_valid - is @text a register that can be set, "=" and a number? */
bool setreg_valid(const char *text);
/** setreg_apply - do it; @text is valid */
void setreg_apply(const char *text, struct tvx_state *state);

#endif
