// SPDX-License-Identifier: GPL-2.0-only
/* The device: open it, ask what it offers. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"

int tvx_get_info(const struct tvx_dev *dev, struct tvx_info *info)
{
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	return ioctl(dev->fd, TVX_GET_INFO, info) < 0 ? -errno : 0;
}

/* A VM of KVM's, without memory and vCPUs: KVM keeps VMX on for it.  -1: none can be had. */
static int kvm_vm(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), fd = -1;

	if (kvm < 0)
		return -1;
	fd = ioctl(kvm, KVM_CREATE_VM, 0);
	close(kvm);
	return fd;
}

int tvx_dev_kvm(const struct tvx_dev *dev)
{
	struct tvx_info info;

	/* Not as it was when the device was opened: kvm_intel may have come or gone. */
	if (tvx_get_info(dev, &info) || info.hold != TVX_HOLD_RIDE)
		return -1;
	return dev->kvm >= 0 ? dev->kvm : kvm_vm();
}

int tvx_open_path(struct tvx_dev *dev, const char *path)
{
	int err;

	memset(dev, 0, sizeof(*dev));
	dev->kvm = -1;
	dev->fd = open(path, O_RDWR | O_CLOEXEC);
	if (dev->fd < 0)
		return -errno;
	err = tvx_get_info(dev, &dev->info);
	if (!err && dev->info.api_version != TVX_API_VERSION)
		err = -EPROTO;
	if (err)
		tvx_close(dev);
	else if (dev->info.hold == TVX_HOLD_RIDE)
		dev->kvm = kvm_vm();
	return err;
}

int tvx_open(struct tvx_dev *dev)
{
	return tvx_open_path(dev, TVX_DEVICE);
}

void tvx_close(struct tvx_dev *dev)
{
	if (dev->fd >= 0)
		close(dev->fd);
	if (dev->kvm >= 0)
		close(dev->kvm);
	dev->fd = -1;
	dev->kvm = -1;
}

int tvx_get_cpuid(const struct tvx_dev *dev, struct tvx_cpuid_entry *entries, unsigned int *count)
{
	struct tvx_cpuid cpuid = {
		.size = sizeof(cpuid),
		.count = *count,
		.entries = (uintptr_t)entries,
	};
	int err = ioctl(dev->fd, TVX_GET_CPUID, &cpuid) < 0 ? -errno : 0;

	if (!err || err == -E2BIG)
		*count = cpuid.count;
	return err;
}
