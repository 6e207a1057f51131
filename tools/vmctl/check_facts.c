// SPDX-License-Identifier: GPL-2.0-only
/* Looking at this machine, with the module's help or without. */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "group.h"
#include "libtvx.h"

#define CPUID_VMX		(1U << 5)
#define CPUID_HYPERVISOR	(1U << 31)
#define MSR_FEAT_CTL		0x3a
#define MSR_VMX_BASIC		0x480

static void look_at_cpuid(struct facts *f)
{
	unsigned int eax, ebx, ecx, edx;

	if (__get_cpuid(0, &eax, &ebx, &ecx, &edx)) {
		memcpy(f->vendor, &ebx, 4);
		memcpy(f->vendor + 4, &edx, 4);
		memcpy(f->vendor + 8, &ecx, 4);
	}
	if (__get_cpuid(1, &eax, &ebx, &ecx, &edx)) {
		f->cpuid_vmx = ecx & CPUID_VMX;
		f->hypervisor = ecx & CPUID_HYPERVISOR;
	}
}

static bool read_msr(int fd, uint32_t msr, uint64_t *value)
{
	return pread(fd, value, sizeof(*value), msr) == sizeof(*value);
}

/* Where the module does not tell: the msr driver, for root only. */
static void look_at_msrs(struct facts *f)
{
	int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	unsigned int i;

	if (fd < 0)
		return;
	f->has_feat_ctl = read_msr(fd, MSR_FEAT_CTL, &f->feat_ctl);
	/* Some processors without VMX answer all the same. */
	f->has_msrs = f->cpuid_vmx && read_msr(fd, MSR_VMX_BASIC, &f->msrs[0]);
	for (i = 1; i < TVX_NR_VMX_MSRS && f->has_msrs; i++)
		if (!read_msr(fd, MSR_VMX_BASIC + i, &f->msrs[i]))
			f->msrs[i] = 0;
	close(fd);
}

/* Does a line of @path begin with @name as a whole word? The rest goes to @rest. */
static bool find_line(const char *path, const char *name, char *rest, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n = strlen(name);
	char line[8192];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		found = !strncmp(line, name, n) && strchr(" \t:\n", line[n]);
		if (found)
			snprintf(rest, size, "%s", line + n);
	}
	if (f)
		fclose(f);
	return found;
}

static void look_at_kernel(struct facts *f)
{
	char rest[8192], *open, *close;
	unsigned int size;
	FILE *file;

	f->module_loaded = find_line("/proc/modules", "tinyvmx", rest, sizeof(rest));
	f->kvm_intel_users = -1;
	if (find_line("/proc/modules", "kvm_intel", rest, sizeof(rest)) &&
	    sscanf(rest, "%u %d", &size, &f->kvm_intel_users) != 2)
		f->kvm_intel_users = 0;
	f->cpuinfo_vmx = find_line("/proc/cpuinfo", "flags", rest, sizeof(rest)) &&
			 strstr(rest, " vmx");
	f->cpuinfo_lacks_ept = find_line("/proc/cpuinfo", "vmx flags", rest, sizeof(rest)) &&
			       !strstr(rest, " ept ");
	f->modules_disabled = find_line("/proc/sys/kernel/modules_disabled", "1", rest,
					sizeof(rest));
	file = fopen("/sys/kernel/security/lockdown", "re");
	if (!file)
		return;
	/* "none [integrity] confidentiality": the one in force is in brackets. */
	if (fgets(rest, sizeof(rest), file) && (open = strchr(rest, '[')) &&
	    (close = strchr(open, ']'))) {
		*close = '\0';
		if (strcmp(open + 1, "none"))
			snprintf(f->lockdown, sizeof(f->lockdown), "%.31s", open + 1);
	}
	fclose(file);
}

static void look_at_device(struct facts *f)
{
	struct tvx_dev dev;
	struct tvx_vm vm;
	struct stat st;

	f->open_error = -tvx_open(&dev);
	if (!stat(TVX_DEVICE, &st)) {
		group_name(st.st_gid, f->device_group, sizeof(f->device_group));
		f->device_mode = st.st_mode & 0777;
	}
	if (f->open_error)
		return;
	f->info = dev.info;
	f->has_msrs = true;
	memcpy(f->msrs, dev.info.vmx_msrs, sizeof(f->msrs));
	f->vm_error = -tvx_vm_create(&dev, &vm);
	if (!f->vm_error)
		tvx_vm_destroy(&vm);
	tvx_close(&dev);
}

void collect_facts(struct facts *f)
{
	memset(f, 0, sizeof(*f));
	look_at_cpuid(f);
	look_at_msrs(f);
	look_at_kernel(f);
	look_at_device(f);
}
