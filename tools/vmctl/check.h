/* SPDX-License-Identifier: GPL-2.0-only */
/* Can tinyvmx run here, and if not, why? */
#ifndef VMCTL_CHECK_H
#define VMCTL_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "uapi/tinyvmx.h"

/* The exit statuses of `vmctl check`; 100 and 106 are as with `vmctl run`. */
enum check_status {
	CHECK_USABLE		= 0,
	CHECK_NOT_LOADED	= 1,	/* but nothing that can be seen stands against it */
	CHECK_PERMISSION	= 2,
	CHECK_NO_VMX		= 3,	/* the CPU has no VT-x */
	CHECK_LACKS_FEATURE	= 4,	/* it has, but not all that is required */
	CHECK_FIRMWARE		= 5,	/* VT-x is locked off */
	CHECK_KERNEL		= 6,	/* the kernel takes no such module */
	CHECK_BUSY		= 7,	/* VMX cannot be held as the module is told to */
	CHECK_VERSION		= 8,	/* the module's interface is another version */
};

/**
 * struct facts - what can be seen of a machine
 * @open_error: 0: the device opens, else a positive errno
 * @vm_error: likewise for creating a VM
 * @device_group: of the device node, if it is there
 * @module_loaded: tinyvmx is among the kernel's modules
 * @kvm_intel_users: -1: kvm_intel is not loaded, else how many use it
 * @vendor: of the CPU, by CPUID
 * @cpuid_vmx: CPUID says VMX
 * @hypervisor: CPUID says that this is a virtual machine
 * @cpuinfo_vmx: the kernel lists vmx among the CPU's flags
 * @cpuinfo_lacks_ept: the kernel lists what VMX can do, and EPT is not there
 * @has_feat_ctl: IA32_FEAT_CTL could be read
 * @has_msrs: the capability MSRs could be read, or the module gave them
 * @lockdown: the kernel's lockdown mode, "" if none or unknown
 * @modules_disabled: the kernel loads no more modules
 * @info: of the module, if @open_error is 0
 */
struct facts {
	int open_error;
	int vm_error;
	char device_group[64];
	unsigned int device_mode;
	bool module_loaded;
	int kvm_intel_users;
	char vendor[13];
	bool cpuid_vmx;
	bool hypervisor;
	bool cpuinfo_vmx;
	bool cpuinfo_lacks_ept;
	bool has_feat_ctl;
	uint64_t feat_ctl;
	bool has_msrs;
	uint64_t msrs[TVX_NR_VMX_MSRS];
	char lockdown[32];
	bool modules_disabled;
	struct tvx_info info;
};

/** struct requirement - what the module needs of the CPU: a bit that must be 1 */
struct requirement {
	uint32_t msr;
	uint32_t true_msr;	/* counts instead where the CPU has it; 0: none */
	unsigned int bit;
	const char *name;
	const char *what;
};

/** requirements - ended by a row without a name */
const struct requirement *requirements(void);
bool requirement_met(const struct requirement *r, const uint64_t *msrs);

/** collect_facts - look at this machine */
void collect_facts(struct facts *facts);

/** check_verdict - the first thing in the way, in words */
enum check_status check_verdict(const struct facts *facts, char *why, size_t size);

#endif
