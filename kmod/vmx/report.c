// SPDX-License-Identifier: GPL-2.0-only
/* Why an entry failed, and the whole VMCS, as text for people. The cold path. */
#define pr_fmt(fmt) "tinyvmx: " fmt

#include <linux/capability.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/seq_buf.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/processor.h>

#include "entrycheck.h"
#include "ops.h"
#include "power.h"

static u64 read_field(void *unused, u32 field)
{
	return vmread_optional(field);
}

static u64 cap(u32 msr)
{
	return vmx_caps.msrs[msr - MSR_IA32_VMX_BASIC];
}

static struct entry_caps entry_caps(void)
{
	u64 efer = EFER_SCE | EFER_LME | EFER_LMA;

	if (boot_cpu_has(X86_FEATURE_NX))
		efer |= EFER_NX;
	return (struct entry_caps){
		.basic = cap(MSR_IA32_VMX_BASIC),
		.pin = vmx_caps.pin_allowed,
		.proc = vmx_caps.proc_allowed,
		.exit = vmx_caps.exit_allowed,
		.entry = vmx_caps.entry_allowed,
		.proc2 = vmx_caps.proc2_allowed,
		.misc = cap(MSR_IA32_VMX_MISC),
		.cr0_fixed0 = cap(MSR_IA32_VMX_CR0_FIXED0),
		.cr0_fixed1 = cap(MSR_IA32_VMX_CR0_FIXED1),
		.cr4_fixed0 = cap(MSR_IA32_VMX_CR4_FIXED0),
		.cr4_fixed1 = cap(MSR_IA32_VMX_CR4_FIXED1),
		.ept_vpid = cap(MSR_IA32_VMX_EPT_VPID_CAP),
		.vmfunc = cap(MSR_IA32_VMX_VMFUNC),
		.efer = efer,
		/* We write no other to this one. */
		.debugctl = DEBUGCTLMSR_FREEZE_IN_SMM,
		.maxphyaddr = vmx_caps.maxphyaddr,
		.linear_bits = boot_cpu_has(X86_FEATURE_LA57) ? 57 : 48,
		.sgx = boot_cpu_has(X86_FEATURE_SGX),
		.rtm = boot_cpu_has(X86_FEATURE_RTM),
	};
}

static void to_seq(void *seq, const struct entry_violation *violation)
{
	char text[160];

	entry_violation_text(text, sizeof(text), violation);
	seq_buf_printf(seq, "%s\n", text);
}

static void to_log(void *unused, const struct entry_violation *violation)
{
	char text[160];

	entry_violation_text(text, sizeof(text), violation);
	pr_err_ratelimited("VM entry: %s\n", text);
}

static int check(struct vmx_vcpu *v, unsigned int areas, entry_report_fn report, void *arg)
{
	struct entry_caps caps = entry_caps();
	struct entry_source source = {
		.read = read_field, .caps = &caps, .vmcs = v->vmcs_pa,
	};

	return entry_check(&source, areas, report, arg);
}

void vmx_log_entry_failure(struct vmx_vcpu *v)
{
	pr_err_ratelimited("VM entry failed, VM-instruction error %u\n", v->entry_error);
	if (!check(v, ENTRY_CONTROLS | ENTRY_HOST, to_log, NULL))
		pr_err_ratelimited("no rule for controls and host state is broken\n");
}

static void report_entry(struct vmx_vcpu *v, struct seq_buf *seq)
{
	if (!check(v, ENTRY_ALL, to_seq, seq))
		seq_buf_printf(seq, "every VM-entry check holds\n");
}

/*
 * Where the host's code and data are, and which pages the structures have, is not for
 * everybody who may run a guest: host state, and addresses among the controls.
 */
static bool tells_of_host(u32 field)
{
	u32 type = field >> 10 & 3, width = field >> 13 & 3;

	return type == 3 || (type == 0 && width == 1 && field != TSC_OFFSET);
}

static void report_vmcs(bool all, struct seq_buf *seq)
{
	unsigned int i;

	for (i = 0; i < vmcs_fields_count; i++) {
		if (!all && tells_of_host(vmcs_fields[i].field))
			continue;
		seq_buf_printf(seq, "%-34s 0x%llx\n", vmcs_fields[i].name,
			       read_field(NULL, vmcs_fields[i].field));
	}
}

size_t vmx_report(struct vmx_vcpu *v, u32 what, bool all, char *buf, size_t size)
{
	struct seq_buf seq;

	seq_buf_init(&seq, buf, size);
	if (what & TVX_REPORT_ENTRY)
		report_entry(v, &seq);
	if (what & TVX_REPORT_VMCS)
		report_vmcs(all, &seq);
	return seq_buf_used(&seq);
}
