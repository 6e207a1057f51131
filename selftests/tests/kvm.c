// SPDX-License-Identifier: GPL-2.0-only
/*
 * Beside KVM: who has VMX on has it alone, is named in the log, and gives it
 * back.  Loads KVM's modules itself where the test host has put them.
 */
#include <linux/kvm.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tvx_test.h"

#define MODULES "/lib/modules-extra/"

static int insmod(const char *name)
{
	char path[128];
	int fd, err;

	snprintf(path, sizeof(path), MODULES "%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return err == -EEXIST ? 0 : err;
}

static int rmmod(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

FIXTURE(kvm) {
	int dev;
	bool holds_at_load;
};

FIXTURE_SETUP(kvm)
{
	self->dev = -1;
	if (access(MODULES "kvm-intel.ko", R_OK))
		SKIP(return, "no KVM modules here");
	insmod("irqbypass");
	ASSERT_EQ(insmod("kvm"), 0);
	ASSERT_EQ(insmod("kvm-intel"), 0);
	self->dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->dev, 0);
	/* Newer kernels turn VMX on when kvm_intel is loaded, not with its first VM. */
	self->holds_at_load = !access("/sys/module/kvm/parameters/enable_virt_at_load", R_OK);
}

FIXTURE_TEARDOWN(kvm)
{
	if (self->dev >= 0)
		close(self->dev);
	EXPECT_EQ(rmmod("kvm_intel"), 0);
	EXPECT_EQ(rmmod("kvm"), 0);
}

TEST_F(kvm, busy_while_kvm_has_a_vm)
{
	struct tvx_dev dev;
	struct tvx_vm vm;
	int kvm_vm;

	ASSERT_EQ(tvx_open(&dev), 0);
	kvm_vm = ioctl(self->dev, KVM_CREATE_VM, 0);
	ASSERT_GE(kvm_vm, 0);
	EXPECT_EQ(tvx_vm_create(&dev, &vm), -EBUSY);
	close(kvm_vm);
	if (self->holds_at_load) {
		EXPECT_EQ(tvx_vm_create(&dev, &vm), -EBUSY);
	} else {
		ASSERT_EQ(tvx_vm_create(&dev, &vm), 0);
		tvx_vm_destroy(&vm);
	}
	tvx_close(&dev);
}

/* Lines of the kernel's whole log that have @text in them. */
static int told(const char *text)
{
	char line[2048];
	int log, n = 0;
	ssize_t got;

	log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log < 0)
		return -errno;
	/* EPIPE: lines were lost, which is what a flood does to the log. */
	while ((got = read(log, line, sizeof(line) - 1)) > 0 || (got < 0 && errno == EPIPE)) {
		if (got < 0) {
			n++;
			continue;
		}
		line[got] = 0;
		n += !!strstr(line, text);
	}
	close(log);
	return n;
}

/* Whoever may create VMs cannot fill the log by it: once a minute at most. */
TEST_F(kvm, refusals_do_not_flood_the_log)
{
	struct tvx_dev dev;
	struct tvx_vm vm;
	int kvm_vm, i, lines;

	ASSERT_EQ(tvx_open(&dev), 0);
	kvm_vm = ioctl(self->dev, KVM_CREATE_VM, 0);
	ASSERT_GE(kvm_vm, 0);
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(tvx_vm_create(&dev, &vm), -EBUSY);
	lines = told("VMX is on already");
	EXPECT_GE(lines, 1);
	EXPECT_LE(lines, 5);
	close(kvm_vm);
	tvx_close(&dev);
}

TEST_F(kvm, kvm_is_busy_while_we_have_a_vm)
{
	struct guest g;
	int kvm_vm;

	if (self->holds_at_load)
		SKIP(return, "kvm_intel has VMX from its load on");
	guest_open(&g);
	EXPECT_EQ(ioctl(self->dev, KVM_CREATE_VM, 0), -1);
	EXPECT_EQ(errno, EBUSY);
	guest_close(&g);
	/* And has it as soon as ours is gone. */
	kvm_vm = ioctl(self->dev, KVM_CREATE_VM, 0);
	EXPECT_GE(kvm_vm, 0);
	close(kvm_vm);
}

TEST_HARNESS_MAIN
