/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_LINUX_ARRAY_SIZE_H
#define UNIT_LINUX_ARRAY_SIZE_H

#define ARRAY_SIZE(a) \
	(sizeof(a) / sizeof((a)[0]) +					\
	 sizeof(struct { int:(-!!__builtin_types_compatible_p(__typeof__(a), \
							     __typeof__(&(a)[0]))); }))

#endif /* UNIT_LINUX_ARRAY_SIZE_H */
