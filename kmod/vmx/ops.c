// SPDX-License-Identifier: GPL-2.0-only
/* What the wrappers of ops.h keep out of line. */
#include <linux/bug.h>
#include <linux/irqflags.h>
#include <linux/printk.h>
#include <linux/reboot.h>

#include "entrycheck.h"
#include "ops.h"
#include "power.h"

void vmx_op_failed(const char *op, unsigned long operand)
{
	const char *name = vmcs_field_name(operand);

	/* Emergency VMXOFF took VMX from under us: nothing of ours is wrong. */
	if (READ_ONCE(vmx_rebooting) || system_state >= SYSTEM_HALT)
		return;
	WARN_ONCE(1, "tinyvmx: %s of 0x%lx (%s) failed\n", op, operand, name ?: "an address");
}

#ifdef TVX_CHECKING
void check_in_window(void)
{
	WARN_ONCE(!irqs_disabled() || !this_cpu_read(vmx_current),
		  "tinyvmx: VMREAD or VMWRITE outside of a window\n");
}
#endif

int vmx_try_invept(u64 eptp)
{
	if (vmx_caps.invept_context)
		return invept(VMX_EPT_EXTENT_CONTEXT, eptp);
	return invept(VMX_EPT_EXTENT_GLOBAL, 0);
}

void vmx_invept(u64 eptp)
{
	if (vmx_try_invept(eptp))
		vmx_op_failed("INVEPT", eptp);
}

void vmx_invvpid(u16 vpid)
{
	if (!vpid)
		return;
	if (vmx_caps.invvpid_context)
		invvpid(VMX_VPID_EXTENT_SINGLE_CONTEXT, vpid);
	else
		invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0);
}
