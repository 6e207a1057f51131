/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Why did a VM entry fail? The rules of the Intel SDM's chapter "VM Entries",
 * as tables that are walked over a VMCS. Pure: reads through callbacks, writes
 * nothing, allocates nothing. For the cold path after a failed VM entry; it is
 * no substitute for the processor's own checks.
 */
#ifndef TINYVMX_ENTRYCHECK_H
#define TINYVMX_ENTRYCHECK_H

#include <linux/bits.h>
#include <linux/types.h>

struct vmx_msr_entry;

/* The three groups that fail differently: error 7, error 8, exit reason 33. */
enum entry_area {
	ENTRY_CONTROLS	= BIT(0),
	ENTRY_HOST	= BIT(1),
	ENTRY_GUEST	= BIT(2),
	ENTRY_ALL	= ENTRY_CONTROLS | ENTRY_HOST | ENTRY_GUEST,
};

/**
 * struct entry_caps - what this CPU allows
 * @basic: IA32_VMX_BASIC
 * @pin: IA32_VMX_TRUE_PINBASED_CTLS, or the one without TRUE where it does not exist
 * @proc: likewise, primary processor-based controls
 * @exit: likewise, VM-exit controls
 * @entry: likewise, VM-entry controls
 * @proc2: IA32_VMX_PROCBASED_CTLS2, 0 if the CPU has none
 * @proc3: IA32_VMX_PROCBASED_CTLS3, 0 if the CPU has none
 * @exit2: IA32_VMX_EXIT_CTLS2, 0 if the CPU has none
 * @misc: IA32_VMX_MISC
 * @cr0_fixed0: IA32_VMX_CR0_FIXED0: bits that must be 1
 * @cr0_fixed1: IA32_VMX_CR0_FIXED1: bits that may be 1
 * @cr4_fixed0: IA32_VMX_CR4_FIXED0
 * @cr4_fixed1: IA32_VMX_CR4_FIXED1
 * @ept_vpid: IA32_VMX_EPT_VPID_CAP
 * @vmfunc: IA32_VMX_VMFUNC
 * @efer: bits that IA32_EFER has on this CPU
 * @debugctl: bits that IA32_DEBUGCTL has
 * @perf_global_ctrl: bits that IA32_PERF_GLOBAL_CTRL has
 * @rtit_ctl: bits that IA32_RTIT_CTL has
 * @lbr_ctl: bits that IA32_LBR_CTL has
 * @maxphyaddr: width of a physical address in bits
 * @linear_bits: width of a linear address in bits: 48, or 57 with 5-level paging
 * @sgx: CPUID reports SGX
 * @rtm: CPUID reports RTM
 */
struct entry_caps {
	u64 basic;
	u64 pin;
	u64 proc;
	u64 exit;
	u64 entry;
	u64 proc2;
	u64 proc3;
	u64 exit2;
	u64 misc;
	u64 cr0_fixed0;
	u64 cr0_fixed1;
	u64 cr4_fixed0;
	u64 cr4_fixed1;
	u64 ept_vpid;
	u64 vmfunc;
	u64 efer;
	u64 debugctl;
	u64 perf_global_ctrl;
	u64 rtit_ctl;
	u64 lbr_ctl;
	u8 maxphyaddr;
	u8 linear_bits;
	bool sgx;
	bool rtm;
};

/**
 * struct entry_source - where values come from
 * @read: VMCS field by its encoding (enum vmcs_field); a field the CPU lacks reads as 0
 * @read_phys: 8 bytes of physical memory at @pa, 8-byte aligned; false if it cannot
 *	be read. May be NULL. The few rules about memory (TPR shadow, shadow VMCS,
 *	page-directory-pointer table) are not looked at where it says false.
 * @ctx: handed to both
 * @caps: what this CPU allows
 * @vmcs: physical address of the VMCS
 * @host_tracing: IA32_RTIT_CTL.TraceEn was 1 when the entry was tried
 */
struct entry_source {
	u64 (*read)(void *ctx, u32 field);
	bool (*read_phys)(void *ctx, u64 pa, u64 *value);
	void *ctx;
	const struct entry_caps *caps;
	u64 vmcs;
	bool host_tracing;
};

/* The rule is about the field's value as a whole, not about some bits of it. */
#define ENTRY_WHOLE_VALUE	(~0ull)

/**
 * struct entry_violation - one rule that does not hold
 * @area: whose rule
 * @field: encoding of the VMCS field that is wrong
 * @value: its value, as the CPU takes it: controls that are not activated count as 0
 * @bits: the bits of @value that are wrong, or ENTRY_WHOLE_VALUE
 * @rule: what is wrong, in words
 */
struct entry_violation {
	enum entry_area area;
	u32 field;
	u64 value;
	u64 bits;
	const char *rule;
};

typedef void (*entry_report_fn)(void *arg, const struct entry_violation *v);

/**
 * entry_check() - Look for what makes a VM entry fail
 * @src: the VMCS and the CPU's capabilities
 * @areas: ENTRY_* flags: which groups of rules
 * @report: called for each rule that does not hold
 * @arg: handed to @report
 *
 * The host is taken to be in IA-32e mode and outside SMM.
 *
 * Return: the number of rules that do not hold.
 */
int entry_check(const struct entry_source *src, unsigned int areas, entry_report_fn report,
		void *arg);

/**
 * entry_check_msr_load() - Look for what makes loading MSRs at a VM entry fail
 * @list: the VM-entry MSR-load area, as exit reason 34 leaves it
 * @count: its number of entries
 * @report: called for each rule that does not hold; the violation's value is the
 *	MSR's index, its field VM_ENTRY_MSR_LOAD_ADDR
 * @arg: handed to @report
 *
 * That WRMSR of the value would #GP is for the caller to find out: the exit
 * qualification of exit reason 34 is the number of the entry, counted from 1.
 *
 * Return: the number of rules that do not hold.
 */
int entry_check_msr_load(const struct vmx_msr_entry *list, u32 count, entry_report_fn report,
			 void *arg);

/**
 * entry_violation_text() - "GUEST_TR_AR_BYTES = 0x89: guest TR is not a busy TSS (bits 0xf)"
 * @buf: where to
 * @size: its size
 * @v: the violation
 *
 * Return: what snprintf() returns.
 */
int entry_violation_text(char *buf, size_t size, const struct entry_violation *v);

struct vmcs_field_desc {
	u32 field;
	const char *name;
};

/* Every field but the high halves of 64-bit ones, ordered by encoding. */
extern const struct vmcs_field_desc vmcs_fields[];
extern const unsigned int vmcs_fields_count;

/**
 * vmcs_field_name() - The kernel's name of a VMCS field
 * @field: its encoding
 *
 * Return: the name, NULL if there is no such field.
 */
const char *vmcs_field_name(u32 field);

#endif /* TINYVMX_ENTRYCHECK_H */
