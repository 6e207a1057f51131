/* SPDX-License-Identifier: GPL-2.0-only */
/* The addresses of mock_host.h, which defines these two. */
#ifndef UNIT_ASM_IO_H
#define UNIT_ASM_IO_H

#include <linux/types.h>

static phys_addr_t mock_virt_to_phys(const void *page);
static void *mock_phys_to_virt(phys_addr_t pa);

#define virt_to_phys mock_virt_to_phys
#define phys_to_virt mock_phys_to_virt

#endif /* UNIT_ASM_IO_H */
