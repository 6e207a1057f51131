/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_LINUX_CONTAINER_OF_H
#define UNIT_LINUX_CONTAINER_OF_H

#include <stddef.h>

#define container_of(ptr, type, member) ({				\
	void *unit_ptr = (void *)(ptr);					\
	_Static_assert(__builtin_types_compatible_p(__typeof__(*(ptr)),	\
		__typeof__(((type *)0)->member)), "container_of: pointer type");	\
	(type *)(unit_ptr - offsetof(type, member));			\
})

#endif /* UNIT_LINUX_CONTAINER_OF_H */
