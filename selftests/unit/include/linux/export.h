/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UNIT_LINUX_EXPORT_H
#define UNIT_LINUX_EXPORT_H

#define EXPORT_SYMBOL_GPL(sym)

#endif /* UNIT_LINUX_EXPORT_H */
