/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_LINUX_PRINTK_H
#define UNIT_LINUX_PRINTK_H

#include <stdbool.h>
#include <stdio.h>
#include <linux/compiler.h>

#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif
/* "# ": a diagnostic line of TAP. */
#define printk(fmt, ...)	printf("# " fmt, ##__VA_ARGS__)
#define pr_err(fmt, ...)	printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_warn(fmt, ...)	printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_notice(fmt, ...)	printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_info(fmt, ...)	printk(pr_fmt(fmt), ##__VA_ARGS__)
#define pr_debug(fmt, ...)	do { if (0) printk(pr_fmt(fmt), ##__VA_ARGS__); } while (0)
#define pr_err_once		pr_err
#define pr_warn_once		pr_warn
#define pr_err_ratelimited	pr_err
#define pr_warn_ratelimited	pr_warn
#define scnprintf(buf, size, fmt, ...) ({				\
	size_t unit_size = (size);					\
	int unit_len = snprintf(buf, unit_size, fmt, ##__VA_ARGS__);	\
	unit_len < (int)unit_size ? unit_len : unit_size ? (int)unit_size - 1 : 0;	\
})

#endif /* UNIT_LINUX_PRINTK_H */
