/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For every rule of VM entry, a state that breaks it and, as far as the
 * architecture lets, nothing else. The last argument of a case is what else breaks.
 */
#ifndef ENTRYCHECK_CASES_H
#define ENTRYCHECK_CASES_H

struct entry_case {
	enum base base;
	u32 field;
	const char *text;
	struct change changes[8];
	unsigned int nr_changes;
	const char *also[3];
};

#define NR_ARGS(...)		(sizeof((struct change[]){ __VA_ARGS__ }) / sizeof(struct change))
#define BREAK(base, field, text, ...)						\
	{ base, field, text, { __VA_ARGS__ }, NR_ARGS(__VA_ARGS__), { NULL } }
#define BREAK2(base, field, text, also, ...)					\
	{ base, field, text, { __VA_ARGS__ }, NR_ARGS(__VA_ARGS__), { also } }
#define BREAK4(base, field, text, also1, also2, also3, ...)			\
	{ base, field, text, { __VA_ARGS__ }, NR_ARGS(__VA_ARGS__), { also1, also2, also3 } }

#define PIN(bit)	ONE(PIN_BASED_VM_EXEC_CONTROL, PIN_BASED_##bit)
#define PROC(bit)	ONE(CPU_BASED_VM_EXEC_CONTROL, CPU_BASED_##bit)
#define PROC2(bit)	ONE(SECONDARY_VM_EXEC_CONTROL, SECONDARY_EXEC_##bit)
#define PROC3(bit)	ONE(TERTIARY_VM_EXEC_CONTROL, TERTIARY_EXEC_##bit)
#define EXIT(bit)	ONE(VM_EXIT_CONTROLS, VM_EXIT_##bit)
#define ENTRY(bit)	ONE(VM_ENTRY_CONTROLS, VM_ENTRY_##bit)
#define NO_EPT		ZERO(SECONDARY_VM_EXEC_CONTROL, SECONDARY_EXEC_ENABLE_EPT)
#define NO_TPR_SHADOW	ZERO(CPU_BASED_VM_EXEC_CONTROL, CPU_BASED_TPR_SHADOW)
#define POSTED		PIN(POSTED_INTR), PROC2(VIRTUAL_INTR_DELIVERY), EXIT(ACK_INTR_ON_EXIT)
#define HOST32		ZERO(VM_EXIT_CONTROLS, VM_EXIT_HOST_ADDR_SPACE_SIZE), S(HOST_RIP, 0x1000), \
			S(HOST_IA32_EFER, EFER_SCE)
#define HOST32_TOO	"host is in IA-32e mode but host address-space size is 0"
#define EVENT(type, vec) \
	S(VM_ENTRY_INTR_INFO_FIELD, INTR_INFO_VALID_MASK | INTR_TYPE_##type | (vec))
#define CODE		INTR_INFO_DELIVER_CODE_MASK
#define BLOCKED(by)	ONE(GUEST_INTERRUPTIBILITY_INFO, GUEST_INTR_STATE_##by)
#define ACTIVITY(state)	S(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_##state)
#define IF		ONE(GUEST_RFLAGS, X86_EFLAGS_IF)
#define NONCANONICAL	0x800000000000ull
#define RTM_PENDING	ONE(GUEST_PENDING_DBG_EXCEPTIONS, PENDING_DBG_RTM | BIT(12))

#define ADDRESS(fld, low, what, ...)						\
	BREAK(LONG64, fld, what " is misaligned", S(fld, 0x10000 | (low)), __VA_ARGS__),	\
	BREAK(LONG64, fld, what " is beyond the physical-address width",		\
	      S(fld, BIT_ULL(39)), __VA_ARGS__)
#define MSR_LIST(fld, nr, what)							\
	ADDRESS(fld, 8, what, S(nr, 1)),					\
	BREAK(LONG64, fld, what " ends beyond the physical-address width",	\
	      S(fld, BIT_ULL(39) - 16), S(nr, 2))
#define CANONICAL_FIELD(fld, what, ...)						\
	BREAK(LONG64, fld, what " is not canonical", S(fld, NONCANONICAL), __VA_ARGS__)

static const struct entry_case control_cases[] = {
	BREAK(LONG64, PIN_BASED_VM_EXEC_CONTROL,
	      "a pin-based control that must be 1 on this CPU is 0",
	      ZERO(PIN_BASED_VM_EXEC_CONTROL, BIT(1))),
	BREAK(LONG64, PIN_BASED_VM_EXEC_CONTROL,
	      "a pin-based control that this CPU does not have is 1",
	      ONE(PIN_BASED_VM_EXEC_CONTROL, BIT(8))),
	BREAK(LONG64, CPU_BASED_VM_EXEC_CONTROL,
	      "a primary processor-based control that must be 1 on this CPU is 0",
	      ZERO(CPU_BASED_VM_EXEC_CONTROL, BIT(1))),
	BREAK(LONG64, CPU_BASED_VM_EXEC_CONTROL,
	      "a primary processor-based control that this CPU does not have is 1",
	      ONE(CPU_BASED_VM_EXEC_CONTROL, BIT(0))),
	BREAK(LONG64, SECONDARY_VM_EXEC_CONTROL,
	      "a secondary processor-based control that must be 1 on this CPU is 0",
	      ONE(CAPS(proc2), SECONDARY_EXEC_ENABLE_RDTSCP)),
	BREAK(LONG64, SECONDARY_VM_EXEC_CONTROL,
	      "a secondary processor-based control that this CPU does not have is 1",
	      ONE(SECONDARY_VM_EXEC_CONTROL, BIT(29))),
	BREAK(LONG64, TERTIARY_VM_EXEC_CONTROL,
	      "a tertiary processor-based control that this CPU does not have is 1",
	      ONE(TERTIARY_VM_EXEC_CONTROL, BIT_ULL(40))),
	BREAK(LONG64, VM_EXIT_CONTROLS, "a VM-exit control that must be 1 on this CPU is 0",
	      ZERO(VM_EXIT_CONTROLS, BIT(0))),
	BREAK(LONG64, VM_EXIT_CONTROLS, "a VM-exit control that this CPU does not have is 1",
	      ONE(VM_EXIT_CONTROLS, BIT(30))),
	BREAK(LONG64, SECONDARY_VM_EXIT_CONTROLS,
	      "a secondary VM-exit control that this CPU does not have is 1",
	      EXIT(ACTIVATE_SECONDARY_CONTROLS), S(SECONDARY_VM_EXIT_CONTROLS, BIT_ULL(40))),
	BREAK(LONG64, VM_ENTRY_CONTROLS, "a VM-entry control that must be 1 on this CPU is 0",
	      ZERO(VM_ENTRY_CONTROLS, BIT(0))),
	BREAK(LONG64, VM_ENTRY_CONTROLS, "a VM-entry control that this CPU does not have is 1",
	      ONE(VM_ENTRY_CONTROLS, BIT(31))),

	BREAK(LONG64, CR3_TARGET_COUNT, "there are more CR3 targets than this CPU has",
	      S(CR3_TARGET_COUNT, 5)),
	ADDRESS(IO_BITMAP_A, 8, "I/O bitmap A"),
	ADDRESS(IO_BITMAP_B, 8, "I/O bitmap B"),
	ADDRESS(MSR_BITMAP, 8, "MSR bitmap"),
	BREAK(LONG64, PIN_BASED_VM_EXEC_CONTROL, "virtual NMIs need NMI exiting",
	      PIN(VIRTUAL_NMIS), ZERO(PIN_BASED_VM_EXEC_CONTROL, PIN_BASED_NMI_EXITING)),
	BREAK(LONG64, PIN_BASED_VM_EXEC_CONTROL, "NMI-window exiting needs virtual NMIs",
	      PROC(NMI_WINDOW_EXITING)),

	ADDRESS(VIRTUAL_APIC_PAGE_ADDR, 8, "virtual-APIC page"),
	BREAK(LONG64, TPR_THRESHOLD, "TPR threshold is above 15", S(TPR_THRESHOLD, 16)),
	BREAK(LONG64, TPR_THRESHOLD, "TPR threshold is above bits 7:4 of the virtual TPR",
	      S(TPR_THRESHOLD, 4)),
	BREAK(LONG64, CPU_BASED_VM_EXEC_CONTROL, "virtualize x2APIC mode needs the TPR shadow",
	      NO_TPR_SHADOW, PROC2(VIRTUALIZE_X2APIC_MODE)),
	BREAK(LONG64, CPU_BASED_VM_EXEC_CONTROL,
	      "APIC-register virtualization needs the TPR shadow",
	      NO_TPR_SHADOW, PROC2(APIC_REGISTER_VIRT)),
	BREAK(LONG64, CPU_BASED_VM_EXEC_CONTROL, "virtual-interrupt delivery needs the TPR shadow",
	      NO_TPR_SHADOW, PROC2(VIRTUAL_INTR_DELIVERY)),
	BREAK(LONG64, CPU_BASED_VM_EXEC_CONTROL, "IPI virtualization needs the TPR shadow",
	      NO_TPR_SHADOW, PROC3(IPI_VIRT)),
	ADDRESS(APIC_ACCESS_ADDR, 8, "APIC-access page", PROC2(VIRTUALIZE_APIC_ACCESSES)),
	BREAK(LONG64, SECONDARY_VM_EXEC_CONTROL,
	      "virtualize x2APIC mode excludes virtualize APIC accesses",
	      PROC2(VIRTUALIZE_X2APIC_MODE), PROC2(VIRTUALIZE_APIC_ACCESSES)),
	BREAK(LONG64, PIN_BASED_VM_EXEC_CONTROL,
	      "virtual-interrupt delivery needs external-interrupt exiting",
	      PROC2(VIRTUAL_INTR_DELIVERY),
	      ZERO(PIN_BASED_VM_EXEC_CONTROL, PIN_BASED_EXT_INTR_MASK)),
	BREAK(LONG64, SECONDARY_VM_EXEC_CONTROL,
	      "posted interrupts need virtual-interrupt delivery",
	      PIN(POSTED_INTR), EXIT(ACK_INTR_ON_EXIT)),
	BREAK(LONG64, VM_EXIT_CONTROLS, "posted interrupts need acknowledge interrupt on exit",
	      PIN(POSTED_INTR), PROC2(VIRTUAL_INTR_DELIVERY)),
	BREAK(LONG64, POSTED_INTR_NV, "posted-interrupt notification vector is above 255",
	      POSTED, S(POSTED_INTR_NV, 0x100)),
	ADDRESS(POSTED_INTR_DESC_ADDR, 0x20, "posted-interrupt descriptor", POSTED),
	ADDRESS(PID_POINTER_TABLE, 4, "PID-pointer table", PROC3(IPI_VIRT)),
	BREAK(LONG64, PID_POINTER_TABLE, "PID-pointer table ends beyond the physical-address width",
	      PROC3(IPI_VIRT), S(PID_POINTER_TABLE, BIT_ULL(39) - 8), S(LAST_PID_POINTER_INDEX, 1)),

	BREAK(LONG64, VIRTUAL_PROCESSOR_ID, "VPID is 0", S(VIRTUAL_PROCESSOR_ID, 0)),
	BREAK(LONG64, EPT_POINTER, "this CPU does not have the EPT memory type",
	      ZERO(EPT_POINTER, VMX_EPTP_MT_MASK)),
	BREAK(LONG64, EPT_POINTER, "this CPU does not have the EPT page-walk length",
	      S(EPT_POINTER, 0x5000 | VMX_EPTP_MT_WB | VMX_EPTP_PWL_5)),
	BREAK(LONG64, EPT_POINTER, "this CPU does not have EPT accessed and dirty flags",
	      ZERO(CAPS(ept_vpid), VMX_EPT_AD_BIT)),
	BREAK(LONG64, EPT_POINTER, "this CPU does not have EPT supervisor shadow-stack control",
	      ONE(EPT_POINTER, BIT(7))),
	BREAK(LONG64, EPT_POINTER, "reserved bits of the EPT pointer are not 0",
	      ONE(EPT_POINTER, BIT(8))),
	BREAK(LONG64, EPT_POINTER, "EPT pointer is beyond the physical-address width",
	      ONE(EPT_POINTER, BIT_ULL(39))),
	BREAK(LONG64, SECONDARY_VM_EXEC_CONTROL, "unrestricted guest needs EPT",
	      PROC2(UNRESTRICTED_GUEST), NO_EPT),
	BREAK(LONG64, SECONDARY_VM_EXEC_CONTROL, "mode-based execute control needs EPT",
	      PROC2(MODE_BASED_EPT_EXEC), NO_EPT),
	BREAK(LONG64, SECONDARY_VM_EXEC_CONTROL, "page-modification logging needs EPT",
	      PROC2(ENABLE_PML), NO_EPT),
	ADDRESS(PML_ADDRESS, 8, "page-modification log", PROC2(ENABLE_PML)),
	BREAK(LONG64, SECONDARY_VM_EXEC_CONTROL, "sub-page write permissions needs EPT",
	      PROC2(SUBPAGE_WRITE), NO_EPT),
	ADDRESS(SPPT_POINTER, 8, "sub-page-permission table", PROC2(SUBPAGE_WRITE)),
	BREAK(LONG64, SECONDARY_VM_EXEC_CONTROL,
	      "hypervisor-managed linear-address translation needs EPT",
	      PROC3(ENABLE_HLAT), NO_EPT),
	BREAK(LONG64, SECONDARY_VM_EXEC_CONTROL, "EPT paging-write control needs EPT",
	      PROC3(EPT_PAGING_WRITE), NO_EPT),
	BREAK(LONG64, SECONDARY_VM_EXEC_CONTROL, "guest-paging verification needs EPT",
	      PROC3(GUEST_PAGING_VERIFY), NO_EPT),
	BREAK(LONG64, HLAT_POINTER, "reserved bits of the HLAT pointer are not 0",
	      PROC3(ENABLE_HLAT), S(HLAT_POINTER, 0x1020)),
	BREAK(LONG64, HLAT_POINTER, "HLAT pointer is beyond the physical-address width",
	      PROC3(ENABLE_HLAT), S(HLAT_POINTER, BIT_ULL(39))),

	BREAK(LONG64, VM_FUNCTION_CONTROL, "a VM function that this CPU does not have is enabled",
	      PROC2(ENABLE_VMFUNC), S(VM_FUNCTION_CONTROL, 2)),
	BREAK(LONG64, SECONDARY_VM_EXEC_CONTROL, "EPTP switching needs EPT",
	      PROC2(ENABLE_VMFUNC), S(VM_FUNCTION_CONTROL, 1), NO_EPT),
	ADDRESS(EPTP_LIST_ADDRESS, 8, "EPTP list", PROC2(ENABLE_VMFUNC), S(VM_FUNCTION_CONTROL, 1)),
	ADDRESS(VMREAD_BITMAP, 8, "VMREAD bitmap", PROC2(SHADOW_VMCS)),
	ADDRESS(VMWRITE_BITMAP, 8, "VMWRITE bitmap", PROC2(SHADOW_VMCS)),
	ADDRESS(VE_INFORMATION_ADDRESS, 8, "virtualization-exception area",
	      PROC2(EPT_VIOLATION_VE)),
	ADDRESS(LOW_PASID_DIRECTORY, 8, "low PASID directory", PROC2(PASID_TRANSLATION)),
	ADDRESS(HIGH_PASID_DIRECTORY, 8, "high PASID directory", PROC2(PASID_TRANSLATION)),
	BREAK(LONG64, TSC_MULTIPLIER,
	      "TSC multiplier is 0", PROC2(TSC_SCALING), S(TSC_MULTIPLIER, 0)),
	BREAK(LONG64, SECONDARY_VM_EXEC_CONTROL, "Intel PT with guest-physical addresses needs EPT",
	      PROC2(PT_USE_GPA), ENTRY(LOAD_IA32_RTIT_CTL), EXIT(CLEAR_IA32_RTIT_CTL), NO_EPT),
	BREAK(LONG64, VM_ENTRY_CONTROLS,
	      "Intel PT with guest-physical addresses needs load IA32_RTIT_CTL",
	      PROC2(PT_USE_GPA), EXIT(CLEAR_IA32_RTIT_CTL)),
	BREAK(LONG64, VM_EXIT_CONTROLS,
	      "Intel PT with guest-physical addresses needs clear IA32_RTIT_CTL",
	      PROC2(PT_USE_GPA), ENTRY(LOAD_IA32_RTIT_CTL)),

	BREAK(LONG64, VM_EXIT_CONTROLS,
	      "save VMX-preemption timer value needs the VMX-preemption timer",
	      EXIT(SAVE_VMX_PREEMPTION_TIMER)),
	MSR_LIST(VM_EXIT_MSR_STORE_ADDR, VM_EXIT_MSR_STORE_COUNT, "VM-exit MSR-store area"),
	MSR_LIST(VM_EXIT_MSR_LOAD_ADDR, VM_EXIT_MSR_LOAD_COUNT, "VM-exit MSR-load area"),
	MSR_LIST(VM_ENTRY_MSR_LOAD_ADDR, VM_ENTRY_MSR_LOAD_COUNT, "VM-entry MSR-load area"),

	BREAK4(LONG64, VM_ENTRY_CONTROLS, "entry to SMM excludes deactivate dual-monitor treatment",
	       "entry to SMM outside SMM", "deactivate dual-monitor treatment outside SMM",
	       "no blocking by SMI in an entry to SMM", ENTRY(SMM), ENTRY(DEACT_DUAL_MONITOR)),
	BREAK2(LONG64, VM_ENTRY_CONTROLS, "entry to SMM outside SMM",
	       "no blocking by SMI in an entry to SMM", ENTRY(SMM)),
	BREAK(LONG64, VM_ENTRY_CONTROLS, "deactivate dual-monitor treatment outside SMM",
	      ENTRY(DEACT_DUAL_MONITOR)),
	BREAK(LONG64, VM_ENTRY_CONTROLS, "load IA32_RTIT_CTL while Intel PT traces the host",
	      ENTRY(LOAD_IA32_RTIT_CTL), S(HOST_TRACES, 1)),
	BREAK(LONG64, VM_ENTRY_INTR_INFO_FIELD, "injected event has the reserved type 1",
	      EVENT(RESERVED, 0)),
	BREAK(LONG64, VM_ENTRY_INTR_INFO_FIELD,
	      "injected event has type 7, which needs the monitor trap flag",
	      EVENT(OTHER_EVENT, 0), ZERO(CAPS(proc), (u64)CPU_BASED_MONITOR_TRAP_FLAG << 32)),
	BREAK(LONG64, VM_ENTRY_INTR_INFO_FIELD, "vector of the injected NMI is not 2",
	      EVENT(NMI_INTR, 3)),
	BREAK(LONG64, VM_ENTRY_INTR_INFO_FIELD, "vector of the injected exception is above 31",
	      EVENT(HARD_EXCEPTION, 32)),
	BREAK(LONG64, VM_ENTRY_INTR_INFO_FIELD, "vector of the injected event of type 7 is not 0",
	      EVENT(OTHER_EVENT, 1)),
	BREAK(LONG64, VM_ENTRY_INTR_INFO_FIELD, "injected event has no error code to deliver",
	      EVENT(EXT_INTR, 0x30 | CODE), IF),
	BREAK(LONG64, VM_ENTRY_INTR_INFO_FIELD, "injected event has no error code to deliver",
	      EVENT(HARD_EXCEPTION, X86_TRAP_UD | CODE)),
	BREAK(REAL, VM_ENTRY_INTR_INFO_FIELD, "injected event has no error code to deliver",
	      EVENT(HARD_EXCEPTION, X86_TRAP_GP | CODE)),
	BREAK(LONG64, VM_ENTRY_INTR_INFO_FIELD, "injected exception must deliver an error code",
	      EVENT(HARD_EXCEPTION, X86_TRAP_GP)),
	BREAK(LONG64, VM_ENTRY_INTR_INFO_FIELD, "reserved bits of the injected event are not 0",
	      EVENT(EXT_INTR, 0x30 | INTR_INFO_UNBLOCK_NMI), IF),
	BREAK(LONG64, VM_ENTRY_EXCEPTION_ERROR_CODE,
	      "bits 31:16 of the injected error code are not 0",
	      EVENT(HARD_EXCEPTION, X86_TRAP_GP | CODE), S(VM_ENTRY_EXCEPTION_ERROR_CODE, 0x10000)),
	BREAK(LONG64, VM_ENTRY_INSTRUCTION_LEN,
	      "instruction length of the injected event is above 15",
	      EVENT(SOFT_INTR, 0x80), S(VM_ENTRY_INSTRUCTION_LEN, 16)),
	BREAK(LONG64, VM_ENTRY_INSTRUCTION_LEN, "instruction length of the injected event is 0",
	      EVENT(SOFT_EXCEPTION, X86_TRAP_BP), ZERO(CAPS(misc), VMX_MISC_ZERO_LEN_INS)),
};

#define HOST_SEGMENT(seg)							\
	BREAK(LONG64, HOST_##seg##_SELECTOR, "RPL and TI of host " #seg " are not 0",	\
	      ONE(HOST_##seg##_SELECTOR, 8 | 4))

static const struct entry_case host_cases[] = {
	BREAK(LONG64, HOST_CR0,
	      "a bit of host CR0 that VMX needs is 0", ZERO(HOST_CR0, X86_CR0_NE)),
	BREAK(LONG64, HOST_CR0, "a bit of host CR0 that VMX does not allow is 1",
	      ONE(HOST_CR0, BIT_ULL(40))),
	BREAK(LONG64, HOST_CR4,
	      "a bit of host CR4 that VMX needs is 0", ZERO(HOST_CR4, X86_CR4_VMXE)),
	BREAK(LONG64, HOST_CR4, "a bit of host CR4 that VMX does not allow is 1",
	      ONE(HOST_CR4, BIT(30))),
	BREAK(LONG64, HOST_CR0, "host CR4.CET needs CR0.WP",
	      ONE(HOST_CR4, X86_CR4_CET), ZERO(HOST_CR0, X86_CR0_WP)),
	BREAK(LONG64, HOST_CR3, "host CR3 is beyond the physical-address width",
	      ONE(HOST_CR3, BIT_ULL(39))),
	CANONICAL_FIELD(HOST_IA32_SYSENTER_ESP, "host IA32_SYSENTER_ESP"),
	CANONICAL_FIELD(HOST_IA32_SYSENTER_EIP, "host IA32_SYSENTER_EIP"),
	BREAK(LONG64, HOST_IA32_PERF_GLOBAL_CTRL,
	      "reserved bits of host IA32_PERF_GLOBAL_CTRL are not 0",
	      EXIT(LOAD_IA32_PERF_GLOBAL_CTRL), S(HOST_IA32_PERF_GLOBAL_CTRL, BIT(20))),
	BREAK(LONG64, HOST_IA32_PAT, "host IA32_PAT has an unknown memory type",
	      ONE(HOST_IA32_PAT, 0x0200)),
	BREAK(LONG64, HOST_IA32_EFER, "reserved bits of host IA32_EFER are not 0",
	      ONE(HOST_IA32_EFER, EFER_SVME)),
	BREAK(LONG64, HOST_IA32_EFER,
	      "host IA32_EFER.LMA and LME do not match host address-space size",
	      ZERO(HOST_IA32_EFER, EFER_LME)),
	BREAK(LONG64, HOST_IA32_PKRS, "bits 63:32 of host IA32_PKRS are not 0",
	      EXIT(LOAD_IA32_PKRS), S(HOST_IA32_PKRS, BIT_ULL(32))),
	CANONICAL_FIELD(HOST_S_CET, "host IA32_S_CET", EXIT(LOAD_CET_STATE)),
	BREAK(LONG64, HOST_S_CET, "reserved bits of host IA32_S_CET are not 0",
	      EXIT(LOAD_CET_STATE), S(HOST_S_CET, BIT(6))),
	BREAK(LONG64, HOST_S_CET, "host IA32_S_CET has both SUPPRESS and TRACKER",
	      EXIT(LOAD_CET_STATE), S(HOST_S_CET, CET_SUPPRESS | CET_WAIT_ENDBR)),
	CANONICAL_FIELD(HOST_SSP, "host SSP", EXIT(LOAD_CET_STATE)),
	BREAK(LONG64, HOST_SSP, "bits 1:0 of host SSP are not 0",
	      EXIT(LOAD_CET_STATE), S(HOST_SSP, 2)),
	CANONICAL_FIELD(HOST_INTR_SSP_TABLE, "host IA32_INTERRUPT_SSP_TABLE_ADDR",
			EXIT(LOAD_CET_STATE)),

	HOST_SEGMENT(ES), HOST_SEGMENT(CS), HOST_SEGMENT(SS), HOST_SEGMENT(DS),
	HOST_SEGMENT(FS), HOST_SEGMENT(GS), HOST_SEGMENT(TR),
	BREAK(LONG64, HOST_CS_SELECTOR, "host CS is null", S(HOST_CS_SELECTOR, 0)),
	BREAK(LONG64, HOST_TR_SELECTOR, "host TR is null", S(HOST_TR_SELECTOR, 0)),
	BREAK2(PAE32, HOST_SS_SELECTOR, "host SS is null in a 32-bit host", HOST32_TOO,
	       HOST32, S(HOST_SS_SELECTOR, 0)),
	CANONICAL_FIELD(HOST_FS_BASE, "host FS base"),
	CANONICAL_FIELD(HOST_GS_BASE, "host GS base"),
	CANONICAL_FIELD(HOST_TR_BASE, "host TR base"),
	CANONICAL_FIELD(HOST_GDTR_BASE, "host GDTR base"),
	CANONICAL_FIELD(HOST_IDTR_BASE, "host IDTR base"),

	BREAK(PAE32, VM_EXIT_CONTROLS, HOST32_TOO, HOST32),
	BREAK2(LONG64, VM_ENTRY_CONTROLS, "IA-32e mode guest in a 32-bit host", HOST32_TOO, HOST32),
	BREAK2(PAE32, HOST_CR4, "CR4.PCIDE in a 32-bit host", HOST32_TOO,
	       HOST32, ONE(HOST_CR4, X86_CR4_PCIDE)),
	BREAK2(PAE32, HOST_RIP, "bits 63:32 of RIP of a 32-bit host are not 0", HOST32_TOO,
	       HOST32, S(HOST_RIP, BIT_ULL(32))),
	BREAK2(PAE32, HOST_S_CET, "bits 63:32 of IA32_S_CET of a 32-bit host are not 0", HOST32_TOO,
	       HOST32, EXIT(LOAD_CET_STATE), S(HOST_S_CET, BIT_ULL(32))),
	BREAK2(PAE32, HOST_SSP, "bits 63:32 of SSP of a 32-bit host are not 0", HOST32_TOO,
	       HOST32, EXIT(LOAD_CET_STATE), S(HOST_SSP, BIT_ULL(32))),
	BREAK(LONG64, HOST_CR4, "host CR4.PAE is 0 in a 64-bit host", ZERO(HOST_CR4, X86_CR4_PAE)),
	CANONICAL_FIELD(HOST_RIP, "host RIP"),
};

#endif /* ENTRYCHECK_CASES_H */
