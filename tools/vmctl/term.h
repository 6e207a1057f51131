/* SPDX-License-Identifier: GPL-2.0-only */
/* Standard input while a guest runs: if it is a terminal, key by key and unechoed. */
#ifndef VMCTL_TERM_H
#define VMCTL_TERM_H

#include <stdbool.h>

/**
 * term_enter - until term_leave(), our exit, or a signal that kills us
 * @raw: all keys are the guest's; else Ctrl-C and Ctrl-Z keep working
 * Returns whether standard input is such a terminal.
 */
bool term_enter(bool raw);
void term_leave(void);

#endif
