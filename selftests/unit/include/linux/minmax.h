/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_LINUX_MINMAX_H
#define UNIT_LINUX_MINMAX_H

#include <linux/compiler.h>

#define min(a, b) ({ __typeof__(a) unit_x = (a); __typeof__(b) unit_y = (b);	\
		     (void)(&unit_x == &unit_y); unit_x < unit_y ? unit_x : unit_y; })
#define max(a, b) ({ __typeof__(a) unit_x = (a); __typeof__(b) unit_y = (b);	\
		     (void)(&unit_x == &unit_y); unit_x > unit_y ? unit_x : unit_y; })
#define min_t(type, a, b)	({ type unit_u = (a), unit_v = (b); min(unit_u, unit_v); })
#define max_t(type, a, b)	({ type unit_u = (a), unit_v = (b); max(unit_u, unit_v); })
#define min3(a, b, c)		min(min(a, b), c)
#define max3(a, b, c)		max(max(a, b), c)
#define clamp(v, lo, hi)	min((__typeof__(v))max(v, lo), hi)
#define clamp_t(type, v, lo, hi) min_t(type, max_t(type, v, lo), hi)
#define swap(a, b) \
	do { __typeof__(a) unit_s = (a); (a) = (b); (b) = unit_s; } while (0)

#endif /* UNIT_LINUX_MINMAX_H */
