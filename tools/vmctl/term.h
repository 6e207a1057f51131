/* SPDX-License-Identifier: GPL-2.0-only */
/* Standard input while a guest runs: if it is a terminal, key by key and unechoed. */
#ifndef VMCTL_TERM_H
#define VMCTL_TERM_H

/** term_enter - Ctrl-C and Ctrl-Z keep working; put back at exit, and when a signal kills us */
void term_enter(void);
void term_leave(void);

#endif
