/* SPDX-License-Identifier: GPL-2.0-only */
/* What ends a run from outside: signals and the time limit. */
#ifndef VMCTL_STOP_H
#define VMCTL_STOP_H

#include <stdint.h>

#include "libtvx.h"

/** stop_watch - from now on SIGINT, SIGTERM, SIGHUP and @timeout_ms (0: none) kick @vcpu */
int stop_watch(struct tvx_vcpu *vcpu, uint64_t timeout_ms);
/** stop_unwatch - before the vCPU goes */
void stop_unwatch(void);
/** stop_reason - the signal that came, SIGALRM for the time limit, or 0 */
int stop_reason(void);

#endif
