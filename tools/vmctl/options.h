/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMCTL_OPTIONS_H
#define VMCTL_OPTIONS_H

#include "machine.h"

#define OPTIONS_RUN	(-1)	/* go on and run */

/** parse_run_options - OPTIONS_RUN, or the status to end with, all that is to be said being said */
int parse_run_options(int argc, char **argv, struct run_options *opt);

#endif
