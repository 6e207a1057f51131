/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands. Each gets its own arguments, argv[0] being its name. */
#ifndef VMCTL_H
#define VMCTL_H

#define VMCTL_VERSION	"1.0"

int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);

#endif
