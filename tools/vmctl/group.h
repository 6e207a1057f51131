/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMCTL_GROUP_H
#define VMCTL_GROUP_H

#include <stddef.h>
#include <sys/types.h>

/** group_name - from /etc/group, else the number: getgrgid() wants shared libraries */
void group_name(gid_t gid, char *name, size_t size);

#endif
