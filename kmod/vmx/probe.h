/* SPDX-License-Identifier: GPL-2.0-only */
/* Is this machine good enough? Inside kmod/vmx/ only. */
#ifndef TVX_PROBE_H
#define TVX_PROBE_H

#include "vmx.h"

/**
 * probe_machine() - check every online CPU, fill in vmx_caps
 * Return: 0 or an errno as vmx_setup() says; the log names CPU and reason.
 * With the CPU hotplug lock held.
 */
int probe_machine(void);

/**
 * probe_cpu() - check the CPU we are on against vmx_caps (one that came online)
 * Return: 0 or an errno; the log names the reason.  Interrupts may be off.
 */
int probe_cpu(void);

/**
 * probe_cr_fixed() - do CR0 and CR4 (with VMXE) have the bits that VMX operation needs?
 * Return: NULL, or the register whose bits @wrong are not right.
 */
const char *probe_cr_fixed(unsigned long *wrong);

#endif
