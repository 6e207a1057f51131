// SPDX-License-Identifier: GPL-2.0-only
/* /dev/tinyvmx itself: what there is, and new VMs. */
#define pr_fmt(fmt) "tinyvmx: " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/processor.h>
#include <asm/tsc.h>

#include "compat.h"
#include "ioctl.h"
#include "objects.h"

static void host_cpuid(u32 leaf, u32 subleaf, u32 out[4])
{
	cpuid_count(leaf, subleaf, &out[0], &out[1], &out[2], &out[3]);
}

/* All CPUs have what the boot CPU has. */
static u32 kernel_has(unsigned int word)
{
	return boot_cpu_data.x86_capability[word];
}

struct policy_host tvx_policy_host = { .cpuid = host_cpuid, .kernel_has = kernel_has };
struct tvx_cpuid_entry *tvx_default_cpuid;
u32 tvx_nr_default_cpuid;

static long get_info(void *unused, void *arg)
{
	struct tvx_info *info = arg;

	if (memchr_inv(info->reserved, 0, sizeof(info->reserved)))
		return -EINVAL;
	*info = (struct tvx_info){
		.api_version = TVX_API_VERSION,
		.max_vcpus = TVX_MAX_VCPUS,
		.max_slots = TVX_MAX_SLOTS,
		.run_size = sizeof(struct tvx_run),
		.features = vmx_caps.features,
		.gpa_bits = min_t(u32, vmx_caps.maxphyaddr, 48),
		.xsave_size = vmx_xsave_size(),
		.tsc_khz = tsc_khz,
		.xcr0 = vmx_xcr0_supported(),
		.hold = vmx_hold_next(),
	};
	memcpy(info->vmx_msrs, vmx_caps.msrs, sizeof(info->vmx_msrs));
	/* Not the CPU's alone to give: the kernel may have turned it off. */
	if (info->xcr0)
		info->features |= TVX_FEAT_XSAVE;
#ifdef TVX_CHECKING
	info->features |= TVX_FEAT_CHECKING;
#endif
	return 0;
}

static long create_vm(void *unused, void *arg)
{
	const struct tvx_create_vm *args = arg;

	if (memchr_inv(args->reserved, 0, sizeof(args->reserved)))
		return -EINVAL;
	if (args->kvm_fd && !(args->flags & TVX_VM_KVM))
		return -EINVAL;
	return tvx_vm_create(args->flags, args->kvm_fd);
}

static long get_cpuid(void *unused, void *arg)
{
	struct tvx_cpuid *args = arg;
	u32 room = args->count;

	if (args->reserved)
		return -EINVAL;
	args->count = tvx_nr_default_cpuid;
	if (room < args->count)
		return -E2BIG;
	if (copy_to_user(u64_to_user_ptr(args->entries), tvx_default_cpuid,
			 args->count * sizeof(*tvx_default_cpuid)))
		return -EFAULT;
	return 0;
}

static const struct ioctl_row dev_ioctls[] = {
	IOCTL_ROW(TVX_GET_INFO, struct tvx_info, 0, get_info),
	IOCTL_ROW(TVX_CREATE_VM, struct tvx_create_vm, TVX_VM_APIC | TVX_VM_KVM, create_vm),
	IOCTL_ROW(TVX_GET_CPUID, struct tvx_cpuid, 0, get_cpuid),
};

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return tvx_ioctl(dev_ioctls, ARRAY_SIZE(dev_ioctls), NULL, cmd, (void __user *)arg);
}

static const struct file_operations dev_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = dev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "tinyvmx",
	.fops = &dev_fops,
	.mode = 0660,
};

int tvx_dev_register(void)
{
	int err;

	tvx_policy_host.xcr0 = vmx_xcr0_supported();
	tvx_policy_host.features = vmx_caps.features;
	tvx_policy_host.tsc_khz = tsc_khz;
	tvx_policy_host.tsc_unstable = check_tsc_unstable();
	if (tvx_policy_host.tsc_unstable)
		pr_warn("the TSCs of this machine's CPUs differ: a guest's clock may jump when its vCPU changes CPU\n");
	tvx_default_cpuid = kvcalloc(TVX_MAX_CPUID, sizeof(*tvx_default_cpuid), GFP_KERNEL);
	if (!tvx_default_cpuid)
		return -ENOMEM;
	tvx_nr_default_cpuid = policy_default_cpuid(&tvx_policy_host, tvx_default_cpuid);
	err = misc_register(&device);
	if (err)
		kvfree(tvx_default_cpuid);
	return err;
}

void tvx_dev_unregister(void)
{
	misc_deregister(&device);
	kvfree(tvx_default_cpuid);
}
