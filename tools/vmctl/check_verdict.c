// SPDX-License-Identifier: GPL-2.0-only
/* From facts to a verdict. Pure. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

#define MSR_BASIC	0x480
#define BASIC_TRUE	(1ULL << 55)	/* the TRUE_* capability MSRs exist */
#define FEAT_LOCKED	(1ULL << 0)
#define FEAT_VMX	(1ULL << 2)	/* outside SMX */

/* Bit numbers of the upper half: controls that may be 1. */
#define PIN(n)		0x481, 0x48d, 32 + (n)
#define PROC(n)		0x482, 0x48e, 32 + (n)
#define EXIT(n)		0x483, 0x48f, 32 + (n)
#define ENTRY(n)	0x484, 0x490, 32 + (n)
#define PROC2(n)	0x48b, 0, 32 + (n)
#define EPT(n)		0x48c, 0, n

static const struct requirement required[] = {
	{ PIN(0), "external-interrupt exiting", "the host keeps its interrupts" },
	{ PIN(3), "NMI exiting", "the host keeps its NMIs" },
	{ PROC(31), "secondary controls", "EPT is among them" },
	{ PROC2(1), "EPT", "guest memory in hardware" },
	{ EPT(6), "EPT walks of 4 levels", "the layout of the tables" },
	{ EPT(14), "EPT write-back tables", "their caching" },
	{ EPT(20), "INVEPT", "changing a guest's memory" },
	{ EPT(26), "INVEPT of all contexts", "starting clean" },
	{ PROC(28), "MSR bitmaps", "guest MSR accesses without exits" },
	{ PROC(24), "unconditional I/O exiting", "port I/O is seen" },
	{ PROC(7), "HLT exiting", "an idle guest gives its CPU back" },
	{ PROC(3), "TSC offsetting", "the guest's own time" },
	{ PROC(2), "interrupt-window exiting", "delivering interrupts" },
	{ PROC(10), "MWAIT exiting", "the guest cannot put the CPU to sleep" },
	{ PROC(29), "MONITOR exiting", "goes with MWAIT" },
	{ PROC(11), "RDPMC exiting", "the host's counters stay its own" },
	{ PROC(23), "MOV-DR exiting", "debug registers are switched" },
	{ PROC(15), "CR3-load exiting", "policies that watch CR3" },
	{ PROC(16), "CR3-store exiting", "goes with CR3 loads" },
	{ PROC(19), "CR8-load exiting", "the task priority" },
	{ PROC(20), "CR8-store exiting", "the task priority" },
	{ EXIT(9), "64-bit host", "exits land in 64-bit mode" },
	{ EXIT(2), "save debug controls", "DR7 of the guest" },
	{ EXIT(20), "save IA32_EFER", "EFER of the guest" },
	{ EXIT(21), "load IA32_EFER at exit", "EFER of the host" },
	{ EXIT(19), "load IA32_PAT at exit", "PAT of the host" },
	{ ENTRY(2), "load debug controls", "DR7 of the guest" },
	{ ENTRY(9), "IA-32e mode guest", "64-bit guests" },
	{ ENTRY(15), "load IA32_EFER at entry", "EFER of the guest" },
	{ ENTRY(14), "load IA32_PAT at entry", "PAT of the guest" },
	{ 0, 0, 0, NULL, NULL },
};

const struct requirement *requirements(void)
{
	return required;
}

bool requirement_met(const struct requirement *r, const uint64_t *msrs)
{
	bool has_true = (msrs[0] & BASIC_TRUE) && r->true_msr;

	return msrs[(has_true ? r->true_msr : r->msr) - MSR_BASIC] >> r->bit & 1;
}

static const struct requirement *first_unmet(const uint64_t *msrs)
{
	const struct requirement *r;

	for (r = required; r->name; r++)
		if (!requirement_met(r, msrs))
			return r;
	return NULL;
}

static enum check_status no_vmx(const struct facts *f, char *why, size_t size)
{
	if (strcmp(f->vendor, "GenuineIntel"))
		snprintf(why, size, "this CPU is of %s: tinyvmx is for Intel VT-x", f->vendor);
	else if (f->hypervisor)
		snprintf(why, size, "this is a virtual machine whose hypervisor does not offer VT-x (nested virtualization)");
	else
		snprintf(why, size, "this CPU has no VT-x");
	return CHECK_NO_VMX;
}

static enum check_status why_not_loaded(const struct facts *f, char *why, size_t size)
{
	const struct requirement *r = f->has_msrs ? first_unmet(f->msrs) : NULL;

	if (!f->cpuid_vmx)
		return no_vmx(f, why, size);
	if (f->has_feat_ctl ? (f->feat_ctl & FEAT_LOCKED) && !(f->feat_ctl & FEAT_VMX) :
	    !f->cpuinfo_vmx) {
		snprintf(why, size, "the firmware has locked VT-x off: enable it in the firmware's setup, then power-cycle");
		return CHECK_FIRMWARE;
	}
	if (r) {
		snprintf(why, size, "this CPU lacks %s (MSR %#x, bit %u)", r->name, r->msr, r->bit);
		return CHECK_LACKS_FEATURE;
	}
	if (!f->has_msrs && f->cpuinfo_lacks_ept) {
		snprintf(why, size, "this CPU lacks EPT (says the kernel)");
		return CHECK_LACKS_FEATURE;
	}
	if (f->modules_disabled || *f->lockdown) {
		snprintf(why, size, "the kernel %s%s: it loads only modules that are signed with a key it trusts",
			 f->modules_disabled ? "loads no more modules (kernel.modules_disabled)" :
			 "is locked down: ", f->modules_disabled ? "" : f->lockdown);
		return CHECK_KERNEL;
	}
	snprintf(why, size, "the module is not loaded: modprobe tinyvmx");
	return CHECK_NOT_LOADED;
}

enum check_status check_verdict(const struct facts *f, char *why, size_t size)
{
	switch (f->open_error) {
	case 0:
		break;
	case EACCES:
	case EPERM:
		snprintf(why, size, "no permission to open " TVX_DEVICE " (its group is %s, its mode %03o)",
			 f->device_group, f->device_mode);
		return CHECK_PERMISSION;
	case EPROTO:
	case E2BIG:
	case ENOTTY:
		snprintf(why, size, "the module's interface is of another version than vmctl's");
		return CHECK_VERSION;
	default:
		if (!f->module_loaded)
			return why_not_loaded(f, why, size);
		snprintf(why, size, "the module is loaded, but " TVX_DEVICE " cannot be opened: %s",
			 strerror(f->open_error));
		return CHECK_NOT_LOADED;
	}
	switch (f->vm_error) {
	case 0:
		snprintf(why, size, "usable");
		return CHECK_USABLE;
	case EBUSY:
		snprintf(why, size, "VMX cannot be had the way that the module's parameter \"hold\" demands (the kernel's log has the reason)");
		return CHECK_BUSY;
	default:
		snprintf(why, size, "no VM can be created: %s", strerror(f->vm_error));
		return CHECK_LACKS_FEATURE;
	}
}
