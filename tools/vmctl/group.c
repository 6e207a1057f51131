// SPDX-License-Identifier: GPL-2.0-only
#include <grp.h>
#include <stdio.h>

#include "group.h"

void group_name(gid_t gid, char *name, size_t size)
{
	FILE *f = fopen("/etc/group", "re");
	struct group *gr;

	snprintf(name, size, "%u", gid);
	while (f && (gr = fgetgrent(f)))
		if (gr->gr_gid == gid) {
			snprintf(name, size, "%s", gr->gr_name);
			break;
		}
	if (f)
		fclose(f);
}
