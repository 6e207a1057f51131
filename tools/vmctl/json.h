/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMCTL_JSON_H
#define VMCTL_JSON_H

#include <stdio.h>

/** json_string - @s in quotes, with everything escaped that JSON wants escaped */
void json_string(FILE *f, const char *s);

#endif
