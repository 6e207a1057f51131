// SPDX-License-Identifier: GPL-2.0-only
/* Module load and unload. */
#include <linux/mmu_notifier.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <asm/tsc.h>

#include "objects.h"

static unsigned int slice_us = 2000;
module_param(slice_us, uint, 0444);
MODULE_PARM_DESC(slice_us, "a guest is stopped at least that often for the host's interrupts, in microseconds (default 2000)");

u64 tvx_slice;

static int __init tinyvmx_init(void)
{
	int err;

	/* Without a known frequency: as if the TSC ran at 1 GHz. */
	tvx_slice = max(mul_u64_u32_div(tsc_khz ?: 1000000, slice_us, 1000), 1ull);
	err = vmx_setup();
	if (err)
		return err;
	tvx_debugfs_init();
	err = tvx_dev_register();
	if (err)
		goto teardown;
	return 0;

teardown:
	tvx_debugfs_exit();
	vmx_teardown();
	return err;
}

/* No fd is open, so no VM exists; what MMU notifiers left to RCU is waited for. */
static void __exit tinyvmx_exit(void)
{
	tvx_dev_unregister();
	tvx_debugfs_exit();
	mmu_notifier_synchronize();
	vmx_teardown();
}

module_init(tinyvmx_init);
module_exit(tinyvmx_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The tinyvmx authors");
MODULE_DESCRIPTION("A small Intel VT-x hypervisor");
