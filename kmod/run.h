/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the two files of RUN. */
#ifndef TVX_RUN_H
#define TVX_RUN_H

#include "exits/exits.h"

/*
 * run_give_out() - tell user space of vcpu->exit: what all exits have
 * @row: of the hardware's exit that led here, NULL if none did
 * In a loaded VMCS, under vcpu->lock.
 */
void run_give_out(struct tvx_vcpu *vcpu, const struct exit_row *row);

#endif
