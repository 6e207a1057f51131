// SPDX-License-Identifier: GPL-2.0-only
/*
 * "Checks on VMX Controls": what makes a VM entry fail with VM-instruction
 * error 7.
 */
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/types.h>
#include <asm/apicdef.h>
#include <asm/trapnr.h>
#include "entrycheck.h"
#include "entrycheck_rules.h"

static u64 ctl_cr3_targets(const struct entry_view *v, const struct entry_rule *r)
{
	return entry_value(v, r->field) > vmx_misc_cr3_count(v->caps->misc) ? ENTRY_WHOLE_VALUE : 0;
}

static u64 ctl_tpr_above_vtpr(const struct entry_view *v, const struct entry_rule *r)
{
	u64 apic = entry_value(v, VIRTUAL_APIC_PAGE_ADDR);
	u64 vtpr;

	if (v->word[WORD_PROC2] & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES)
		return 0;
	if (!v->src->read_phys || !v->src->read_phys(v->src->ctx, apic + APIC_TASKPRI, &vtpr))
		return 0;
	return (entry_value(v, r->field) & 0xf) > ((vtpr >> 4) & 0xf) ? ENTRY_WHOLE_VALUE : 0;
}

static u64 ctl_ept_memory_type(const struct entry_view *v, const struct entry_rule *r)
{
	u64 type = entry_value(v, r->field) & VMX_EPTP_MT_MASK;

	if (type == VMX_EPTP_MT_WB && (v->caps->ept_vpid & VMX_EPTP_WB_BIT))
		return 0;
	if (type == VMX_EPTP_MT_UC && (v->caps->ept_vpid & VMX_EPTP_UC_BIT))
		return 0;
	return VMX_EPTP_MT_MASK;
}

static u64 ctl_ept_walk_length(const struct entry_view *v, const struct entry_rule *r)
{
	u64 length = entry_value(v, r->field) & VMX_EPTP_PWL_MASK;

	if (length == VMX_EPTP_PWL_4 && (v->caps->ept_vpid & VMX_EPT_PAGE_WALK_4_BIT))
		return 0;
	if (length == VMX_EPTP_PWL_5 && (v->caps->ept_vpid & VMX_EPT_PAGE_WALK_5_BIT))
		return 0;
	return VMX_EPTP_PWL_MASK;
}

static u64 ctl_ept_dirty(const struct entry_view *v, const struct entry_rule *r)
{
	if (v->caps->ept_vpid & VMX_EPT_AD_BIT)
		return 0;
	return entry_value(v, r->field) & VMX_EPTP_AD_ENABLE_BIT;
}

static u64 ctl_ept_shadow_stack(const struct entry_view *v, const struct entry_rule *r)
{
	if (v->caps->ept_vpid & VMX_EPT_SUPERVISOR_SHSTK_BIT)
		return 0;
	return entry_value(v, r->field) & VMX_EPTP_ENFORCE_SHSTK_BIT;
}

/* Is the last byte of @count elements of @size bytes at @addr a physical address? */
static bool ctl_ends_beyond_physical(const struct entry_view *v, u64 addr, u64 count, u64 size)
{
	u64 last = addr + count * size - 1;

	return count && (last < addr || (last & entry_phys_reserved(v)));
}

static u64 ctl_pid_table_end(const struct entry_view *v, const struct entry_rule *r)
{
	u64 count = entry_value(v, LAST_PID_POINTER_INDEX) + 1;

	if (entry_beyond_physical(v, r))
		return 0;
	return ctl_ends_beyond_physical(v, entry_value(v, r->field), count, 8) ?
	       ENTRY_WHOLE_VALUE : 0;
}

static bool ctl_switches_eptp(const struct entry_view *v)
{
	return entry_value(v, VM_FUNCTION_CONTROL) & VMX_VMFUNC_EPTP_SWITCHING;
}

static u64 ctl_eptp_switch_no_ept(const struct entry_view *v, const struct entry_rule *r)
{
	return ctl_switches_eptp(v) ? ~entry_value(v, r->field) & SECONDARY_EXEC_ENABLE_EPT : 0;
}

static u64 ctl_eptp_list_align(const struct entry_view *v, const struct entry_rule *r)
{
	return ctl_switches_eptp(v) ? entry_value(v, r->field) & GENMASK_ULL(11, 0) : 0;
}

static u64 ctl_eptp_list_width(const struct entry_view *v, const struct entry_rule *r)
{
	return ctl_switches_eptp(v) ? entry_beyond_physical(v, r) : 0;
}

/* @arg: the field that has the number of MSRs. An empty area may be anywhere. */
static u64 ctl_msr_area_align(const struct entry_view *v, const struct entry_rule *r)
{
	return entry_value(v, r->arg) ? entry_value(v, r->field) & 0xf : 0;
}

static u64 ctl_msr_area_start(const struct entry_view *v, const struct entry_rule *r)
{
	return entry_value(v, r->arg) ? entry_beyond_physical(v, r) : 0;
}

static u64 ctl_msr_area_end(const struct entry_view *v, const struct entry_rule *r)
{
	u64 addr = entry_value(v, r->field);

	if (addr & entry_phys_reserved(v))
		return 0;
	return ctl_ends_beyond_physical(v, addr, entry_value(v, r->arg),
					sizeof(struct vmx_msr_entry)) ? ENTRY_WHOLE_VALUE : 0;
}

static u32 ctl_event_type(const struct entry_view *v)
{
	return entry_value(v, VM_ENTRY_INTR_INFO_FIELD) & INTR_INFO_INTR_TYPE_MASK;
}

static u8 ctl_event_vector(const struct entry_view *v)
{
	return entry_value(v, VM_ENTRY_INTR_INFO_FIELD) & INTR_INFO_VECTOR_MASK;
}

static u64 ctl_event_reserved_type(const struct entry_view *v, const struct entry_rule *r)
{
	return ctl_event_type(v) == INTR_TYPE_RESERVED ? INTR_INFO_INTR_TYPE_MASK : 0;
}

static u64 ctl_event_other_type(const struct entry_view *v, const struct entry_rule *r)
{
	if ((v->caps->proc >> 32) & CPU_BASED_MONITOR_TRAP_FLAG)
		return 0;
	return ctl_event_type(v) == INTR_TYPE_OTHER_EVENT ? INTR_INFO_INTR_TYPE_MASK : 0;
}

static u64 ctl_event_nmi_vector(const struct entry_view *v, const struct entry_rule *r)
{
	return ctl_event_vector(v) == X86_TRAP_NMI ? 0 : INTR_INFO_VECTOR_MASK;
}

static u64 ctl_event_exception_vector(const struct entry_view *v, const struct entry_rule *r)
{
	return ctl_event_type(v) == INTR_TYPE_HARD_EXCEPTION && ctl_event_vector(v) > 31 ?
	       INTR_INFO_VECTOR_MASK : 0;
}

static u64 ctl_event_other_vector(const struct entry_view *v, const struct entry_rule *r)
{
	return ctl_event_type(v) == INTR_TYPE_OTHER_EVENT && ctl_event_vector(v) ?
	       INTR_INFO_VECTOR_MASK : 0;
}

static bool ctl_vector_has_code(u8 vector)
{
	const u32 vectors = BIT(X86_TRAP_DF) | BIT(X86_TRAP_TS) | BIT(X86_TRAP_NP) |
			    BIT(X86_TRAP_SS) | BIT(X86_TRAP_GP) | BIT(X86_TRAP_PF) |
			    BIT(X86_TRAP_AC);

	return vector < 32 && (vectors & BIT(vector));
}

/* Can this event push an error code? A CPU that does not tie codes to vectors allows all. */
static bool ctl_event_may_have_code(const struct entry_view *v)
{
	return ctl_event_type(v) == INTR_TYPE_HARD_EXCEPTION &&
	       (entry_value(v, GUEST_CR0) & X86_CR0_PE) &&
	       ((v->caps->basic & VMX_BASIC_NO_HW_ERROR_CODE_CC) ||
		ctl_vector_has_code(ctl_event_vector(v)));
}

static u64 ctl_event_extra_code(const struct entry_view *v, const struct entry_rule *r)
{
	return ctl_event_may_have_code(v) ? 0 : INTR_INFO_DELIVER_CODE_MASK;
}

static u64 ctl_event_lacks_code(const struct entry_view *v, const struct entry_rule *r)
{
	if (v->caps->basic & VMX_BASIC_NO_HW_ERROR_CODE_CC || !ctl_event_may_have_code(v))
		return 0;
	return ~entry_value(v, r->field) & INTR_INFO_DELIVER_CODE_MASK;
}

static u64 ctl_event_length(const struct entry_view *v, const struct entry_rule *r)
{
	return entry_value(v, r->field) > 15 ? ENTRY_WHOLE_VALUE : 0;
}

static u64 ctl_event_zero_length(const struct entry_view *v, const struct entry_rule *r)
{
	return v->caps->misc & VMX_MISC_ZERO_LEN_INS ? 0 : entry_zero(v, r);
}

static u64 ctl_smm_and_deactivate(const struct entry_view *v, const struct entry_rule *r)
{
	const u64 both = VM_ENTRY_SMM | VM_ENTRY_DEACT_DUAL_MONITOR;

	return (entry_value(v, r->field) & both) == both ? both : 0;
}

/* Two rows for controls with allowed 0-settings and allowed 1-settings. */
#define CONTROLS(fld, cap, what, ...)							\
	{ .field = fld, __VA_ARGS__, .wrong = entry_not_allowed0, CAP(cap),		\
	  .text = what " that must be 1 on this CPU is 0" },				\
	{ .field = fld, __VA_ARGS__, .wrong = entry_not_allowed1, CAP(cap),		\
	  .text = what " that this CPU does not have is 1" }

#define MSR_AREA(fld, nr, what)								\
	{ .field = fld, .wrong = ctl_msr_area_align, .arg = nr,				\
	  .text = what " is misaligned" },						\
	{ .field = fld, .wrong = ctl_msr_area_start, .arg = nr,				\
	  .text = what " is beyond the physical-address width" },			\
	{ .field = fld, .wrong = ctl_msr_area_end, .arg = nr,				\
	  .text = what " ends beyond the physical-address width" }

/* @when in word @w works only with the controls @bits of field @fld. */
#define NEEDS(w, control, fld, bits, words)						\
	{ .field = fld, ON(w, control), MUST_BE_1(bits), .text = words }
#define EXCLUDES(w, control, fld, bits, words)						\
	{ .field = fld, ON(w, control), MUST_BE_0(bits), .text = words }

#define ON_PROC2(bit)		ON(PROC2, SECONDARY_EXEC_##bit)
#define NEEDS_EPT(w, control, words)							\
	NEEDS(w, control, SECONDARY_VM_EXEC_CONTROL, SECONDARY_EXEC_ENABLE_EPT, words " needs EPT")
#define NEEDS_TPR_SHADOW(w, control, words)						\
	NEEDS(w, control, CPU_BASED_VM_EXEC_CONTROL, CPU_BASED_TPR_SHADOW,		\
	      words " needs the TPR shadow")

const struct entry_rule entry_control_rules[] = {
	/* Settings that the capability MSRs allow */
	CONTROLS(PIN_BASED_VM_EXEC_CONTROL, pin, "a pin-based control", ON(FACTS, 0)),
	CONTROLS(CPU_BASED_VM_EXEC_CONTROL, proc, "a primary processor-based control",
		 ON(FACTS, 0)),
	CONTROLS(SECONDARY_VM_EXEC_CONTROL, proc2, "a secondary processor-based control",
		 ON(PROC, CPU_BASED_ACTIVATE_SECONDARY_CONTROLS)),
	{ TERTIARY_VM_EXEC_CONTROL, MAY_BE_1(proc3),
	  .text = "a tertiary processor-based control that this CPU does not have is 1" },
	CONTROLS(VM_EXIT_CONTROLS, exit, "a VM-exit control", ON(FACTS, 0)),
	{ SECONDARY_VM_EXIT_CONTROLS, MAY_BE_1(exit2),
	  .text = "a secondary VM-exit control that this CPU does not have is 1" },
	CONTROLS(VM_ENTRY_CONTROLS, entry, "a VM-entry control", ON(FACTS, 0)),

	/* VM-execution controls */
	{ CR3_TARGET_COUNT, .wrong = ctl_cr3_targets,
	  .text = "there are more CR3 targets than this CPU has" },
	PAGE_ADDR(IO_BITMAP_A, "I/O bitmap A", ON(PROC, CPU_BASED_USE_IO_BITMAPS)),
	PAGE_ADDR(IO_BITMAP_B, "I/O bitmap B", ON(PROC, CPU_BASED_USE_IO_BITMAPS)),
	PAGE_ADDR(MSR_BITMAP, "MSR bitmap", ON(PROC, CPU_BASED_USE_MSR_BITMAPS)),
	NEEDS(PIN, PIN_BASED_VIRTUAL_NMIS, PIN_BASED_VM_EXEC_CONTROL, PIN_BASED_NMI_EXITING,
	      "virtual NMIs need NMI exiting"),
	NEEDS(PROC, CPU_BASED_NMI_WINDOW_EXITING, PIN_BASED_VM_EXEC_CONTROL,
	      PIN_BASED_VIRTUAL_NMIS, "NMI-window exiting needs virtual NMIs"),

	/* Virtual APIC */
	PAGE_ADDR(VIRTUAL_APIC_PAGE_ADDR, "virtual-APIC page", ON(PROC, CPU_BASED_TPR_SHADOW)),
	{ TPR_THRESHOLD, ON(FACTS, FACT_TPR_THRESHOLD), MUST_BE_0(GENMASK_ULL(31, 4)),
	  .text = "TPR threshold is above 15" },
	{ TPR_THRESHOLD, ON(FACTS, FACT_TPR_THRESHOLD), .wrong = ctl_tpr_above_vtpr,
	  .text = "TPR threshold is above bits 7:4 of the virtual TPR" },
	NEEDS_TPR_SHADOW(PROC2, SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE, "virtualize x2APIC mode"),
	NEEDS_TPR_SHADOW(PROC2, SECONDARY_EXEC_APIC_REGISTER_VIRT, "APIC-register virtualization"),
	NEEDS_TPR_SHADOW(PROC2, SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY,
			 "virtual-interrupt delivery"),
	NEEDS_TPR_SHADOW(PROC3, TERTIARY_EXEC_IPI_VIRT, "IPI virtualization"),
	PAGE_ADDR(APIC_ACCESS_ADDR, "APIC-access page", ON_PROC2(VIRTUALIZE_APIC_ACCESSES)),
	EXCLUDES(PROC2, SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE, SECONDARY_VM_EXEC_CONTROL,
		 SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES,
		 "virtualize x2APIC mode excludes virtualize APIC accesses"),
	NEEDS(PROC2, SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY, PIN_BASED_VM_EXEC_CONTROL,
	      PIN_BASED_EXT_INTR_MASK,
	      "virtual-interrupt delivery needs external-interrupt exiting"),
	NEEDS(PIN, PIN_BASED_POSTED_INTR, SECONDARY_VM_EXEC_CONTROL,
	      SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY,
	      "posted interrupts need virtual-interrupt delivery"),
	NEEDS(PIN, PIN_BASED_POSTED_INTR, VM_EXIT_CONTROLS, VM_EXIT_ACK_INTR_ON_EXIT,
	      "posted interrupts need acknowledge interrupt on exit"),
	{ POSTED_INTR_NV, ON(PIN, PIN_BASED_POSTED_INTR), MUST_BE_0(GENMASK_ULL(15, 8)),
	  .text = "posted-interrupt notification vector is above 255" },
	PHYS_ADDR(POSTED_INTR_DESC_ADDR, 6, "posted-interrupt descriptor",
		  ON(PIN, PIN_BASED_POSTED_INTR)),
	PHYS_ADDR(PID_POINTER_TABLE, 3, "PID-pointer table", ON(PROC3, TERTIARY_EXEC_IPI_VIRT)),
	{ PID_POINTER_TABLE, ON(PROC3, TERTIARY_EXEC_IPI_VIRT), .wrong = ctl_pid_table_end,
	  .text = "PID-pointer table ends beyond the physical-address width" },

	/* EPT and what needs it */
	{ VIRTUAL_PROCESSOR_ID, ON_PROC2(ENABLE_VPID), .wrong = entry_zero,
	  .text = "VPID is 0" },
	{ EPT_POINTER, ON_PROC2(ENABLE_EPT), .wrong = ctl_ept_memory_type,
	  .text = "this CPU does not have the EPT memory type" },
	{ EPT_POINTER, ON_PROC2(ENABLE_EPT), .wrong = ctl_ept_walk_length,
	  .text = "this CPU does not have the EPT page-walk length" },
	{ EPT_POINTER, ON_PROC2(ENABLE_EPT), .wrong = ctl_ept_dirty,
	  .text = "this CPU does not have EPT accessed and dirty flags" },
	{ EPT_POINTER, ON_PROC2(ENABLE_EPT), .wrong = ctl_ept_shadow_stack,
	  .text = "this CPU does not have EPT supervisor shadow-stack control" },
	{ EPT_POINTER, ON_PROC2(ENABLE_EPT), MUST_BE_0(GENMASK_ULL(11, 8)),
	  .text = "reserved bits of the EPT pointer are not 0" },
	{ EPT_POINTER, ON_PROC2(ENABLE_EPT), .wrong = entry_beyond_physical,
	  .text = "EPT pointer is beyond the physical-address width" },
	NEEDS_EPT(PROC2, SECONDARY_EXEC_UNRESTRICTED_GUEST, "unrestricted guest"),
	NEEDS_EPT(PROC2, SECONDARY_EXEC_MODE_BASED_EPT_EXEC, "mode-based execute control"),
	NEEDS_EPT(PROC2, SECONDARY_EXEC_ENABLE_PML, "page-modification logging"),
	PAGE_ADDR(PML_ADDRESS, "page-modification log", ON_PROC2(ENABLE_PML)),
	NEEDS_EPT(PROC2, SECONDARY_EXEC_SUBPAGE_WRITE, "sub-page write permissions"),
	PAGE_ADDR(SPPT_POINTER, "sub-page-permission table", ON_PROC2(SUBPAGE_WRITE)),
	NEEDS_EPT(PROC3, TERTIARY_EXEC_ENABLE_HLAT,
		  "hypervisor-managed linear-address translation"),
	NEEDS_EPT(PROC3, TERTIARY_EXEC_EPT_PAGING_WRITE, "EPT paging-write control"),
	NEEDS_EPT(PROC3, TERTIARY_EXEC_GUEST_PAGING_VERIFY, "guest-paging verification"),
	{ HLAT_POINTER, ON(PROC3, TERTIARY_EXEC_ENABLE_HLAT),
	  MUST_BE_0(GENMASK_ULL(11, 5) | GENMASK_ULL(2, 0)),
	  .text = "reserved bits of the HLAT pointer are not 0" },
	{ HLAT_POINTER, ON(PROC3, TERTIARY_EXEC_ENABLE_HLAT), .wrong = entry_beyond_physical,
	  .text = "HLAT pointer is beyond the physical-address width" },

	/* Other VM-execution controls */
	{ VM_FUNCTION_CONTROL, ON_PROC2(ENABLE_VMFUNC), MAY_BE_1(vmfunc),
	  .text = "a VM function that this CPU does not have is enabled" },
	{ SECONDARY_VM_EXEC_CONTROL, ON_PROC2(ENABLE_VMFUNC), .wrong = ctl_eptp_switch_no_ept,
	  .text = "EPTP switching needs EPT" },
	{ EPTP_LIST_ADDRESS, ON_PROC2(ENABLE_VMFUNC), .wrong = ctl_eptp_list_align,
	  .text = "EPTP list is misaligned" },
	{ EPTP_LIST_ADDRESS, ON_PROC2(ENABLE_VMFUNC), .wrong = ctl_eptp_list_width,
	  .text = "EPTP list is beyond the physical-address width" },
	PAGE_ADDR(VMREAD_BITMAP, "VMREAD bitmap", ON_PROC2(SHADOW_VMCS)),
	PAGE_ADDR(VMWRITE_BITMAP, "VMWRITE bitmap", ON_PROC2(SHADOW_VMCS)),
	PAGE_ADDR(VE_INFORMATION_ADDRESS, "virtualization-exception area",
		  ON_PROC2(EPT_VIOLATION_VE)),
	PAGE_ADDR(LOW_PASID_DIRECTORY, "low PASID directory", ON_PROC2(PASID_TRANSLATION)),
	PAGE_ADDR(HIGH_PASID_DIRECTORY, "high PASID directory", ON_PROC2(PASID_TRANSLATION)),
	{ TSC_MULTIPLIER, ON_PROC2(TSC_SCALING), .wrong = entry_zero,
	  .text = "TSC multiplier is 0" },
	NEEDS_EPT(PROC2, SECONDARY_EXEC_PT_USE_GPA, "Intel PT with guest-physical addresses"),
	NEEDS(PROC2, SECONDARY_EXEC_PT_USE_GPA, VM_ENTRY_CONTROLS, VM_ENTRY_LOAD_IA32_RTIT_CTL,
	      "Intel PT with guest-physical addresses needs load IA32_RTIT_CTL"),
	NEEDS(PROC2, SECONDARY_EXEC_PT_USE_GPA, VM_EXIT_CONTROLS, VM_EXIT_CLEAR_IA32_RTIT_CTL,
	      "Intel PT with guest-physical addresses needs clear IA32_RTIT_CTL"),

	/* VM-exit controls */
	EXCLUDES(FACTS, FACT_NO_PREEMPT_TIMER, VM_EXIT_CONTROLS, VM_EXIT_SAVE_VMX_PREEMPTION_TIMER,
		 "save VMX-preemption timer value needs the VMX-preemption timer"),
	MSR_AREA(VM_EXIT_MSR_STORE_ADDR, VM_EXIT_MSR_STORE_COUNT, "VM-exit MSR-store area"),
	MSR_AREA(VM_EXIT_MSR_LOAD_ADDR, VM_EXIT_MSR_LOAD_COUNT, "VM-exit MSR-load area"),

	/* VM-entry controls */
	MSR_AREA(VM_ENTRY_MSR_LOAD_ADDR, VM_ENTRY_MSR_LOAD_COUNT, "VM-entry MSR-load area"),
	{ VM_ENTRY_CONTROLS, .wrong = ctl_smm_and_deactivate,
	  .text = "entry to SMM excludes deactivate dual-monitor treatment" },
	{ VM_ENTRY_CONTROLS, MUST_BE_0(VM_ENTRY_SMM),
	  .text = "entry to SMM outside SMM" },
	{ VM_ENTRY_CONTROLS, MUST_BE_0(VM_ENTRY_DEACT_DUAL_MONITOR),
	  .text = "deactivate dual-monitor treatment outside SMM" },
	EXCLUDES(FACTS, FACT_HOST_TRACING, VM_ENTRY_CONTROLS, VM_ENTRY_LOAD_IA32_RTIT_CTL,
		 "load IA32_RTIT_CTL while Intel PT traces the host"),
	{ VM_ENTRY_INTR_INFO_FIELD, ON(FACTS, FACT_INJECT), .wrong = ctl_event_reserved_type,
	  .text = "injected event has the reserved type 1" },
	{ VM_ENTRY_INTR_INFO_FIELD, ON(FACTS, FACT_INJECT), .wrong = ctl_event_other_type,
	  .text = "injected event has type 7, which needs the monitor trap flag" },
	{ VM_ENTRY_INTR_INFO_FIELD, ON(FACTS, FACT_INJECT_NMI), .wrong = ctl_event_nmi_vector,
	  .text = "vector of the injected NMI is not 2" },
	{ VM_ENTRY_INTR_INFO_FIELD, ON(FACTS, FACT_INJECT), .wrong = ctl_event_exception_vector,
	  .text = "vector of the injected exception is above 31" },
	{ VM_ENTRY_INTR_INFO_FIELD, ON(FACTS, FACT_INJECT), .wrong = ctl_event_other_vector,
	  .text = "vector of the injected event of type 7 is not 0" },
	{ VM_ENTRY_INTR_INFO_FIELD, ON(FACTS, FACT_INJECT_CODE), .wrong = ctl_event_extra_code,
	  .text = "injected event has no error code to deliver" },
	{ VM_ENTRY_INTR_INFO_FIELD, ON(FACTS, FACT_INJECT), .wrong = ctl_event_lacks_code,
	  .text = "injected exception must deliver an error code" },
	{ VM_ENTRY_INTR_INFO_FIELD, ON(FACTS, FACT_INJECT), MUST_BE_0(GENMASK_ULL(30, 12)),
	  .text = "reserved bits of the injected event are not 0" },
	{ VM_ENTRY_EXCEPTION_ERROR_CODE, ON(FACTS, FACT_INJECT | FACT_INJECT_CODE),
	  MUST_BE_0(GENMASK_ULL(31, 16)),
	  .text = "bits 31:16 of the injected error code are not 0" },
	{ VM_ENTRY_INSTRUCTION_LEN, ON(FACTS, FACT_INJECT_SOFT), .wrong = ctl_event_length,
	  .text = "instruction length of the injected event is above 15" },
	{ VM_ENTRY_INSTRUCTION_LEN, ON(FACTS, FACT_INJECT_SOFT), .wrong = ctl_event_zero_length,
	  .text = "instruction length of the injected event is 0" },
};

const unsigned int entry_control_rules_count = ARRAY_SIZE(entry_control_rules);
