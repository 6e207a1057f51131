/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_LINUX_BUG_H
#define UNIT_LINUX_BUG_H

#include <stdlib.h>
#include <linux/build_bug.h>
#include <linux/printk.h>

/* Each firing is counted, also of the _ONCE forms; unit.h has the function. */
static void unit_warn(const char *file, int line, const char *what) __maybe_unused;

#define WARN_ON(cond) ({						\
	bool unit_cond = !!(cond);					\
	if (unit_cond)							\
		unit_warn(__FILE__, __LINE__, #cond);			\
	unit_cond;							\
})
#define WARN(cond, fmt, ...) ({						\
	bool unit_warned = WARN_ON(cond);				\
	if (unit_warned)						\
		pr_warn(fmt, ##__VA_ARGS__);				\
	unit_warned;							\
})
#define WARN_ON_ONCE(cond)		WARN_ON(cond)
#define WARN_ONCE(cond, fmt, ...)	WARN(cond, fmt, ##__VA_ARGS__)
#define BUG()				abort()
#define BUG_ON(cond)			do { if (cond) BUG(); } while (0)

#endif /* UNIT_LINUX_BUG_H */
