// SPDX-License-Identifier: GPL-2.0-only
/*
 * Module load, first half: check each CPU for VT-x, for the firmware's lock on
 * it, and for the capabilities; and refuse with words that help.
 */
#define pr_fmt(fmt) "tinyvmx: " fmt

#include <linux/cpu.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>

#include "../compat.h"
#include "probe.h"

struct vmx_caps vmx_caps __ro_after_init;
DEFINE_STATIC_KEY_FALSE(vmx_lacks_timer);

static bool errata = true;
module_param(errata, bool, 0444);
MODULE_PARM_DESC(errata, "do without what CPUs of this kind are known to do wrong; N where the CPU is an emulated one (default Y)");

/* What one CPU found: filled in on it, told by the CPU that asked. */
struct finding {
	int err;
	enum { FINE, NO_VMX, LOCKED_OFF, LACKS, LOCK_FAILED, BAD_CR } kind;
	struct caps_refusal why;
	unsigned long cr_wrong;
	struct vmx_caps caps;
};

static int safe_rdmsr(u32 msr, u64 *value)
{
	u32 low, high;
	int err = rdmsr_safe(msr, &low, &high);

	*value = (u64)high << 32 | low;
	return err;
}

/*
 * Linux sets IA32_FEAT_CTL at boot if the firmware did not; where it did not
 * either, set it: once locked it stays until the next reset.
 */
static int feature_control(struct finding *f)
{
	u64 value;

	if (safe_rdmsr(MSR_IA32_FEAT_CTL, &value))
		return f->kind = LOCK_FAILED, -ENODEV;
	if (value & FEAT_CTL_LOCKED) {
		if (caps_vmx_enabled(value, this_cpu_has(X86_FEATURE_VMX)))
			return 0;
		return f->kind = LOCKED_OFF, -ENODEV;
	}
	value |= FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX;
	if (cpuid_ecx(1) & BIT(X86_FEATURE_SMX & 31))
		value |= FEAT_CTL_VMX_ENABLED_INSIDE_SMX;
	if (wrmsr_safe(MSR_IA32_FEAT_CTL, (u32)value, value >> 32))
		return f->kind = LOCK_FAILED, -ENODEV;
	return 0;
}

const char *probe_cr_fixed(unsigned long *wrong)
{
	unsigned long cr0 = native_read_cr0(), cr4 = __read_cr4() | X86_CR4_VMXE;
	/* The host has PE and PG set; unrestricted guest took them out of the mask. */
	*wrong = (vmx_caps.cr0_fixed1 & ~cr0) | (cr0 & ~vmx_caps.cr0_allowed);
	if (*wrong)
		return "CR0";
	*wrong = (vmx_caps.cr4_fixed1 & ~cr4) | (cr4 & ~vmx_caps.cr4_allowed);
	return *wrong ? "CR4" : NULL;
}

static int examine(struct finding *f)
{
	/* CPUID itself: the kernel clears its own flag where the firmware locked VMX off. */
	if (!(cpuid_ecx(1) & BIT(X86_FEATURE_VMX & 31)))
		return f->kind = NO_VMX, -ENODEV;
	f->err = feature_control(f);
	if (f->err)
		return f->err;
	f->caps.maxphyaddr = boot_cpu_data.x86_phys_bits;
	f->err = caps_negotiate(&f->caps, safe_rdmsr, &f->why);
	if (f->err)
		f->kind = LACKS;
	else if (errata)
		caps_apply_errata(&f->caps, cpuid_eax(1));
	return f->err;
}

static void examine_here(void *findings)
{
	struct finding *f = findings;

	f += smp_processor_id();
	f->err = examine(f);
}

static void tell(int cpu, const struct finding *f)
{
	switch (f->kind) {
	case NO_VMX:
		pr_err("CPU %d has no VT-x (CPUID.1:ECX.VMX is 0)%s\n", cpu,
		       boot_cpu_data.x86_vendor == X86_VENDOR_AMD ?
		       ": an AMD processor, this module is for Intel's" : "");
		break;
	case LOCKED_OFF:
		pr_err("CPU %d: the firmware has locked VT-x off (IA32_FEAT_CTL): enable Intel Virtualization Technology in the firmware's setup and power-cycle\n",
		       cpu);
		break;
	case LOCK_FAILED:
		pr_err("CPU %d: IA32_FEAT_CTL can be neither read nor set: an outer hypervisor does not give VT-x\n",
		       cpu);
		break;
	case LACKS:
		if (f->why.bit >= 0)
			pr_err("CPU %d lacks %s (MSR 0x%x, bit %d): required\n",
			       cpu, f->why.what, f->why.msr, f->why.bit);
		else
			pr_err("CPU %d lacks %s (MSR 0x%x): required\n",
			       cpu, f->why.what, f->why.msr);
		break;
	default:
		break;
	}
}

int probe_machine(void)
{
	struct finding *all;
	const char *difference;
	int cpu, first = -1, err = 0;

	if (compat_uses_fred()) {
		pr_err("the kernel uses FRED, under which NMIs cannot be handed to it yet: boot with fred=off\n");
		return -EOPNOTSUPP;
	}
	all = kcalloc(nr_cpu_ids, sizeof(*all), GFP_KERNEL);
	if (!all)
		return -ENOMEM;
	on_each_cpu(examine_here, all, 1);
	for_each_online_cpu(cpu) {
		if (all[cpu].err) {
			tell(cpu, &all[cpu]);
			err = all[cpu].err;
			break;
		}
		if (first < 0) {
			first = cpu;
			vmx_caps = all[cpu].caps;
			continue;
		}
		difference = caps_differ(&vmx_caps, &all[cpu].caps);
		if (difference) {
			pr_err("CPU %d and CPU %d differ in %s: no VMCS would run on both\n",
			       first, cpu, difference);
			err = -EOPNOTSUPP;
			break;
		}
	}
	kfree(all);
	return err;
}

int probe_cpu(void)
{
	struct finding *f = kzalloc(sizeof(*f), GFP_ATOMIC);
	const char *difference;
	int err;

	if (!f)
		return -ENOMEM;
	err = examine(f);
	difference = err ? NULL : caps_differ(&vmx_caps, &f->caps);
	if (err)
		tell(smp_processor_id(), f);
	if (difference) {
		pr_err("CPU %d differs in %s from the others\n", smp_processor_id(), difference);
		err = -EOPNOTSUPP;
	}
	kfree(f);
	return err;
}
