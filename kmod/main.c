// SPDX-License-Identifier: GPL-2.0-only
/* Module load and unload. */
#include <linux/mmu_notifier.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <asm/tsc.h>

#include "objects.h"

static unsigned int slice_us = 10000;
module_param(slice_us, uint, 0444);
MODULE_PARM_DESC(slice_us, "a guest is stopped at least that often for the host's interrupts, in microseconds (default 10000)");

static unsigned int halt_poll_us = 100;
module_param(halt_poll_us, uint, 0444);
MODULE_PARM_DESC(halt_poll_us, "a halted vCPU with a local APIC polls at most that long before it sleeps, in microseconds (default 100; 0: never)");

bool tvx_apicv = true;
module_param_named(apicv, tvx_apicv, bool, 0644);
MODULE_PARM_DESC(apicv, "new VMs use the CPU's APIC virtualisation, where it has it (default Y)");

u64 tvx_slice;
u64 tvx_halt_poll;

static u64 to_ticks(unsigned int us)
{
	/* Without a known frequency: as if the TSC ran at 1 GHz. */
	return mul_u64_u32_div(tsc_khz ?: 1000000, us, 1000);
}

static int __init tinyvmx_init(void)
{
	int err;

	tvx_slice = max(to_ticks(slice_us), 1ull);
	tvx_halt_poll = to_ticks(halt_poll_us);
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

/* No fd is open, so no VM exists; what was left to RCU is waited for. */
static void __exit tinyvmx_exit(void)
{
	tvx_dev_unregister();
	tvx_debugfs_exit();
	mmu_notifier_synchronize();
	rcu_barrier();
	vmx_teardown();
}

module_init(tinyvmx_init);
module_exit(tinyvmx_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The tinyvmx authors");
MODULE_DESCRIPTION("A small Intel VT-x hypervisor");
