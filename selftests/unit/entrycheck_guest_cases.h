/* SPDX-License-Identifier: GPL-2.0-only */
/* The cases of the guest-state area; see entrycheck_cases.h. */
#ifndef ENTRYCHECK_GUEST_CASES_H
#define ENTRYCHECK_GUEST_CASES_H

#include "entrycheck_cases.h"

static const struct entry_case guest_cases[] = {
	BREAK(LONG64, GUEST_CR0, "a bit of guest CR0 that VMX needs is 0",
	      ZERO(GUEST_CR0, X86_CR0_NE)),
	BREAK(REAL, GUEST_CR0, "a bit of guest CR0 that VMX needs is 0",
	      ZERO(GUEST_CR0, X86_CR0_NE)),
	BREAK(LONG64, GUEST_CR0, "a bit of guest CR0 that VMX does not allow is 1",
	      ONE(GUEST_CR0, BIT_ULL(40))),
	BREAK(LONG64, GUEST_CR0, "guest CR0.PG needs CR0.PE",
	      PROC2(UNRESTRICTED_GUEST), ZERO(GUEST_CR0, X86_CR0_PE)),
	BREAK(LONG64, GUEST_CR4, "a bit of guest CR4 that VMX needs is 0",
	      ZERO(GUEST_CR4, X86_CR4_VMXE)),
	BREAK(LONG64, GUEST_CR4, "a bit of guest CR4 that VMX does not allow is 1",
	      ONE(GUEST_CR4, BIT(30))),
	BREAK(LONG64, GUEST_CR0, "guest CR4.CET needs CR0.WP",
	      ONE(GUEST_CR4, X86_CR4_CET), ZERO(GUEST_CR0, X86_CR0_WP)),
	BREAK(LONG64, GUEST_CR0, "IA-32e mode guest needs CR0.PG",
	      PROC2(UNRESTRICTED_GUEST), ZERO(GUEST_CR0, X86_CR0_PG)),
	BREAK(LONG64, GUEST_CR4, "IA-32e mode guest needs CR4.PAE", ZERO(GUEST_CR4, X86_CR4_PAE)),
	BREAK(PAE32, GUEST_CR4, "CR4.PCIDE outside an IA-32e mode guest",
	      ONE(GUEST_CR4, X86_CR4_PCIDE)),
	BREAK(LONG64, GUEST_CR3, "guest CR3 is beyond the physical-address width",
	      ONE(GUEST_CR3, BIT_ULL(39))),
	BREAK(LONG64, GUEST_CR3, "guest CR3 is beyond the physical-address width",
	      ONE(GUEST_CR3, X86_CR3_LAM_U48)),

	BREAK(LONG64, GUEST_IA32_DEBUGCTL, "reserved bits of guest IA32_DEBUGCTL are not 0",
	      S(GUEST_IA32_DEBUGCTL, BIT(2))),
	BREAK(LONG64, GUEST_DR7, "bits 63:32 of guest DR7 are not 0", ONE(GUEST_DR7, BIT_ULL(32))),
	CANONICAL_FIELD(GUEST_SYSENTER_ESP, "guest IA32_SYSENTER_ESP"),
	CANONICAL_FIELD(GUEST_SYSENTER_EIP, "guest IA32_SYSENTER_EIP"),
	BREAK(LONG64, GUEST_IA32_PERF_GLOBAL_CTRL,
	      "reserved bits of guest IA32_PERF_GLOBAL_CTRL are not 0",
	      ENTRY(LOAD_IA32_PERF_GLOBAL_CTRL), S(GUEST_IA32_PERF_GLOBAL_CTRL, BIT(20))),
	BREAK(LONG64, GUEST_IA32_PAT, "guest IA32_PAT has an unknown memory type",
	      S(GUEST_IA32_PAT, 8ull << 56)),
	BREAK(LONG64, GUEST_IA32_EFER, "reserved bits of guest IA32_EFER are not 0",
	      ONE(GUEST_IA32_EFER, EFER_SVME)),
	BREAK(LONG64, GUEST_IA32_EFER, "guest IA32_EFER.LMA does not match IA-32e mode guest",
	      ZERO(GUEST_IA32_EFER, EFER_LMA | EFER_LME)),
	BREAK(LONG64, GUEST_IA32_EFER, "guest IA32_EFER.LMA and LME differ with CR0.PG 1",
	      ZERO(GUEST_IA32_EFER, EFER_LME)),
	BREAK(LONG64, GUEST_BNDCFGS, "reserved bits of guest IA32_BNDCFGS are not 0",
	      ENTRY(LOAD_BNDCFGS), S(GUEST_BNDCFGS, BIT(2))),
	BREAK(LONG64, GUEST_BNDCFGS, "address in guest IA32_BNDCFGS is not canonical",
	      ENTRY(LOAD_BNDCFGS), S(GUEST_BNDCFGS, NONCANONICAL)),
	BREAK(LONG64, GUEST_IA32_RTIT_CTL, "reserved bits of guest IA32_RTIT_CTL are not 0",
	      ENTRY(LOAD_IA32_RTIT_CTL), S(GUEST_IA32_RTIT_CTL, BIT_ULL(60))),
	BREAK(LONG64, GUEST_IA32_LBR_CTL, "reserved bits of guest IA32_LBR_CTL are not 0",
	      ENTRY(LOAD_IA32_LBR_CTL), S(GUEST_IA32_LBR_CTL, BIT(4))),
	BREAK(LONG64, GUEST_IA32_PKRS, "bits 63:32 of guest IA32_PKRS are not 0",
	      ENTRY(LOAD_IA32_PKRS), S(GUEST_IA32_PKRS, BIT_ULL(32))),
	BREAK(LONG64, GUEST_UINV, "guest user-interrupt notification vector is above 255",
	      ENTRY(LOAD_UINV), S(GUEST_UINV, 0x100)),
	CANONICAL_FIELD(GUEST_S_CET, "guest IA32_S_CET", ENTRY(LOAD_CET_STATE)),
	BREAK(LONG64, GUEST_S_CET, "reserved bits of guest IA32_S_CET are not 0",
	      ENTRY(LOAD_CET_STATE), S(GUEST_S_CET, BIT(9))),
	BREAK(LONG64, GUEST_S_CET, "guest IA32_S_CET has both SUPPRESS and TRACKER",
	      ENTRY(LOAD_CET_STATE), S(GUEST_S_CET, CET_SUPPRESS | CET_WAIT_ENDBR)),
	BREAK(PAE32, GUEST_S_CET, "bits 63:32 of IA32_S_CET outside an IA-32e mode guest are not 0",
	      ENTRY(LOAD_CET_STATE), S(GUEST_S_CET, BIT_ULL(32))),
	CANONICAL_FIELD(GUEST_INTR_SSP_TABLE, "guest IA32_INTERRUPT_SSP_TABLE_ADDR",
			ENTRY(LOAD_CET_STATE)),

	CANONICAL_FIELD(GUEST_GDTR_BASE, "guest GDTR base"),
	CANONICAL_FIELD(GUEST_IDTR_BASE, "guest IDTR base"),
	BREAK(LONG64, GUEST_GDTR_LIMIT, "bits 31:16 of guest GDTR limit are not 0",
	      S(GUEST_GDTR_LIMIT, 0x10000)),
	BREAK(LONG64, GUEST_IDTR_LIMIT, "bits 31:16 of guest IDTR limit are not 0",
	      S(GUEST_IDTR_LIMIT, 0x10000)),

	BREAK(PAE32, GUEST_RIP, "bits 63:32 of guest RIP are not 0 outside 64-bit mode",
	      S(GUEST_RIP, BIT_ULL(32))),
	BREAK(LONG64, GUEST_RIP, "bits 63:32 of guest RIP are not 0 outside 64-bit mode",
	      S(GUEST_CS_AR_BYTES, AR_CODE32)),
	BREAK(LONG64, GUEST_RIP, "guest RIP is beyond the linear-address width",
	      S(GUEST_RIP, BIT_ULL(48))),
	BREAK(LONG64, GUEST_RFLAGS, "reserved bits of guest RFLAGS are not 0",
	      ONE(GUEST_RFLAGS, BIT(15))),
	BREAK(LONG64, GUEST_RFLAGS, "bit 1 of guest RFLAGS is 0", ZERO(GUEST_RFLAGS, BIT(1))),
	BREAK(V8086, GUEST_RFLAGS, "guest RFLAGS.VM in an IA-32e mode guest", ENTRY(IA32E_MODE)),
	BREAK(V8086, GUEST_RFLAGS, "guest RFLAGS.VM with CR0.PE 0",
	      PROC2(UNRESTRICTED_GUEST), ZERO(GUEST_CR0, X86_CR0_PE | X86_CR0_PG)),
	BREAK(LONG64, GUEST_RFLAGS, "external interrupt injected with guest RFLAGS.IF 0",
	      EVENT(EXT_INTR, 0x30)),
	BREAK(LONG64, GUEST_SSP, "bits 1:0 of guest SSP are not 0",
	      ENTRY(LOAD_CET_STATE), S(GUEST_SSP, 2)),
	BREAK(PAE32, GUEST_SSP, "bits 63:32 of guest SSP are not 0 outside 64-bit mode",
	      ENTRY(LOAD_CET_STATE), S(GUEST_SSP, BIT_ULL(32))),
	CANONICAL_FIELD(GUEST_SSP, "guest SSP", ENTRY(LOAD_CET_STATE)),
};

#define PDPTE(n)								\
	BREAK(PAE32, GUEST_PDPTR##n, "reserved bits of PDPTE " #n " are not 0",	\
	      S(GUEST_PDPTR##n, 0x11003)),					\
	BREAK(PAE32, GUEST_CR3, "reserved bits of PDPTE " #n " in memory are not 0",	\
	      NO_EPT, MEM(0x10000 + 8 * n, BIT_ULL(39) | 1))

static const struct entry_case state_cases[] = {
	BREAK(LONG64, GUEST_ACTIVITY_STATE, "this CPU does not have the activity state",
	      S(GUEST_ACTIVITY_STATE, 4)),
	BREAK(LONG64, GUEST_ACTIVITY_STATE, "this CPU does not have the activity state",
	      ACTIVITY(HLT), ZERO(CAPS(misc), VMX_MISC_ACTIVITY_HLT)),
	BREAK(LONG64, GUEST_ACTIVITY_STATE, "this CPU does not have the activity state",
	      ACTIVITY(SHUTDOWN), ZERO(CAPS(misc), VMX_MISC_ACTIVITY_SHUTDOWN)),
	BREAK(LONG64, GUEST_ACTIVITY_STATE, "this CPU does not have the activity state",
	      ACTIVITY(WAIT_SIPI), ZERO(CAPS(misc), VMX_MISC_ACTIVITY_WAIT_SIPI)),
	BREAK(LONG64, GUEST_ACTIVITY_STATE, "activity state is HLT with guest SS.DPL not 0",
	      ACTIVITY(HLT), S(GUEST_CS_SELECTOR, 0x13), S(GUEST_CS_AR_BYTES, AR_CODE64 | 0x60),
	      S(GUEST_SS_SELECTOR, 0x1b), S(GUEST_SS_AR_BYTES, AR_DATA | 0x60)),
	BREAK(LONG64, GUEST_ACTIVITY_STATE,
	      "activity state is not active with blocking by STI or MOV SS",
	      ACTIVITY(SHUTDOWN), IF, BLOCKED(STI)),
	BREAK(LONG64, GUEST_ACTIVITY_STATE,
	      "activity state is HLT, out of which the injected event cannot bring",
	      ACTIVITY(HLT), EVENT(HARD_EXCEPTION, X86_TRAP_GP | CODE)),
	BREAK(LONG64, GUEST_ACTIVITY_STATE,
	      "activity state is shutdown and the injected event not NMI or #MC",
	      ACTIVITY(SHUTDOWN), IF, EVENT(EXT_INTR, 0x30)),
	BREAK(LONG64, GUEST_ACTIVITY_STATE,
	      "activity state is wait-for-SIPI and an event is injected",
	      ACTIVITY(WAIT_SIPI), EVENT(NMI_INTR, 2)),
	BREAK4(LONG64, GUEST_ACTIVITY_STATE, "activity state is wait-for-SIPI in an entry to SMM",
	       "entry to SMM outside SMM", "blocking by SMI outside SMM", NULL,
	       ACTIVITY(WAIT_SIPI), ENTRY(SMM), BLOCKED(SMI)),

	BREAK(LONG64, GUEST_INTERRUPTIBILITY_INFO,
	      "reserved bits of the interruptibility state are not 0",
	      S(GUEST_INTERRUPTIBILITY_INFO, BIT(5))),
	BREAK(LONG64, GUEST_INTERRUPTIBILITY_INFO, "blocking by both STI and MOV SS",
	      IF, BLOCKED(STI), BLOCKED(MOV_SS)),
	BREAK(LONG64, GUEST_INTERRUPTIBILITY_INFO, "blocking by STI with guest RFLAGS.IF 0",
	      BLOCKED(STI)),
	BREAK(LONG64, GUEST_INTERRUPTIBILITY_INFO,
	      "external interrupt injected under blocking by STI or MOV SS",
	      IF, BLOCKED(STI), EVENT(EXT_INTR, 0x30)),
	BREAK(LONG64, GUEST_INTERRUPTIBILITY_INFO,
	      "external interrupt injected under blocking by STI or MOV SS",
	      IF, BLOCKED(MOV_SS), EVENT(EXT_INTR, 0x30)),
	BREAK(LONG64, GUEST_INTERRUPTIBILITY_INFO, "NMI injected under blocking by MOV SS",
	      BLOCKED(MOV_SS), EVENT(NMI_INTR, 2)),
	BREAK(LONG64, GUEST_INTERRUPTIBILITY_INFO,
	      "NMI injected under blocking by STI, which some CPUs refuse",
	      IF, BLOCKED(STI), EVENT(NMI_INTR, 2)),
	BREAK(LONG64, GUEST_INTERRUPTIBILITY_INFO,
	      "NMI injected under blocking by NMI, with virtual NMIs",
	      PIN(VIRTUAL_NMIS), BLOCKED(NMI), EVENT(NMI_INTR, 2)),
	BREAK(LONG64, GUEST_INTERRUPTIBILITY_INFO, "blocking by SMI outside SMM", BLOCKED(SMI)),
	BREAK2(LONG64, GUEST_INTERRUPTIBILITY_INFO, "no blocking by SMI in an entry to SMM",
	       "entry to SMM outside SMM", ENTRY(SMM)),
	BREAK(LONG64, GUEST_INTERRUPTIBILITY_INFO, "enclave interruption on a CPU without SGX",
	      BLOCKED(ENCLAVE_INTR), S(CAPS(sgx), 0)),
	BREAK(LONG64, GUEST_INTERRUPTIBILITY_INFO, "enclave interruption with blocking by MOV SS",
	      BLOCKED(ENCLAVE_INTR), BLOCKED(MOV_SS)),

	BREAK(LONG64, GUEST_PENDING_DBG_EXCEPTIONS,
	      "reserved bits of the pending debug exceptions are not 0",
	      S(GUEST_PENDING_DBG_EXCEPTIONS, BIT(4))),
	BREAK(LONG64, GUEST_PENDING_DBG_EXCEPTIONS,
	      "reserved bits of the pending debug exceptions are not 0",
	      S(GUEST_PENDING_DBG_EXCEPTIONS, DR_BUS_LOCK),
	      ZERO(CAPS(proc2), (u64)SECONDARY_EXEC_BUS_LOCK_DETECTION << 32)),
	BREAK(LONG64, GUEST_PENDING_DBG_EXCEPTIONS,
	      "pending debug exceptions lack BS, RFLAGS.TF being 1",
	      ONE(GUEST_RFLAGS, X86_EFLAGS_TF), BLOCKED(MOV_SS)),
	BREAK(LONG64, GUEST_PENDING_DBG_EXCEPTIONS,
	      "pending debug exceptions lack BS, RFLAGS.TF being 1",
	      ONE(GUEST_RFLAGS, X86_EFLAGS_TF), ACTIVITY(HLT)),
	BREAK(LONG64, GUEST_PENDING_DBG_EXCEPTIONS,
	      "pending debug exceptions have BS, RFLAGS.TF being 0 or IA32_DEBUGCTL.BTF 1",
	      S(GUEST_PENDING_DBG_EXCEPTIONS, DR_STEP), BLOCKED(MOV_SS)),
	BREAK(LONG64, GUEST_PENDING_DBG_EXCEPTIONS,
	      "pending debug exceptions have BS, RFLAGS.TF being 0 or IA32_DEBUGCTL.BTF 1",
	      S(GUEST_PENDING_DBG_EXCEPTIONS, DR_STEP), BLOCKED(MOV_SS),
	      ONE(GUEST_RFLAGS, X86_EFLAGS_TF), S(GUEST_IA32_DEBUGCTL, DEBUGCTLMSR_BTF)),
	BREAK(LONG64, GUEST_PENDING_DBG_EXCEPTIONS,
	      "pending debug exceptions with RTM need bit 12 and no other",
	      RTM_PENDING, ONE(GUEST_PENDING_DBG_EXCEPTIONS, BIT(0))),
	BREAK(LONG64, GUEST_PENDING_DBG_EXCEPTIONS,
	      "pending debug exceptions have RTM on a CPU without it",
	      RTM_PENDING, S(CAPS(rtm), 0)),
	BREAK(LONG64, GUEST_INTERRUPTIBILITY_INFO,
	      "pending debug exceptions have RTM under blocking by MOV SS",
	      RTM_PENDING, BLOCKED(MOV_SS)),

	ADDRESS(VMCS_LINK_POINTER, 8, "VMCS link pointer"),
	BREAK(LONG64, VMCS_LINK_POINTER, "VMCS link pointer leads to no VMCS of the kind expected",
	      S(VMCS_LINK_POINTER, 0x6000), MEM(0x6000, REVISION + 1)),
	BREAK(LONG64, VMCS_LINK_POINTER, "VMCS link pointer leads to no VMCS of the kind expected",
	      PROC2(SHADOW_VMCS), S(VMCS_LINK_POINTER, 0x6000), MEM(0x6000, REVISION)),
	BREAK(LONG64, VMCS_LINK_POINTER, "VMCS link pointer leads to the current VMCS",
	      S(VMCS_LINK_POINTER, VMCS_PA), MEM(VMCS_PA, REVISION)),
	PDPTE(0), PDPTE(1), PDPTE(2), PDPTE(3),
};

#define V8086_CASES(seg)							\
	BREAK(V8086, GUEST_##seg##_BASE,					\
	      "guest " #seg " base is not selector << 4 in virtual-8086 mode",	\
	      ONE(GUEST_##seg##_BASE, BIT(3))),					\
	BREAK(V8086, GUEST_##seg##_LIMIT,					\
	      "guest " #seg " limit is not 0xffff in virtual-8086 mode",	\
	      S(GUEST_##seg##_LIMIT, 0xfffff)),					\
	BREAK(V8086, GUEST_##seg##_AR_BYTES,					\
	      "guest " #seg " access rights are not 0xf3 in virtual-8086 mode",	\
	      S(GUEST_##seg##_AR_BYTES, AR_DATA16))

#define ANY_CASES(seg, not_s, kind)						\
	BREAK(LONG64, GUEST_##seg##_AR_BYTES, "guest " #seg " is not a " kind " segment",	\
	      not_s(GUEST_##seg##_AR_BYTES, VMX_AR_S_MASK)),			\
	BREAK(LONG64, GUEST_##seg##_AR_BYTES, "guest " #seg " is not present",	\
	      ZERO(GUEST_##seg##_AR_BYTES, VMX_AR_P_MASK)),			\
	BREAK(LONG64, GUEST_##seg##_AR_BYTES,					\
	      "reserved bits of guest " #seg " access rights are not 0",	\
	      ONE(GUEST_##seg##_AR_BYTES, BIT(8))),				\
	BREAK(LONG64, GUEST_##seg##_AR_BYTES,					\
	      "guest " #seg " has granularity 1 with bits 11:0 of its limit not all 1",	\
	      ONE(GUEST_##seg##_AR_BYTES, VMX_AR_G_MASK), S(GUEST_##seg##_LIMIT, 0x67)),	\
	BREAK(LONG64, GUEST_##seg##_AR_BYTES,					\
	      "guest " #seg " has granularity 0 with bits 31:20 of its limit not all 0",	\
	      ZERO(GUEST_##seg##_AR_BYTES, VMX_AR_G_MASK), S(GUEST_##seg##_LIMIT, 0x100fff))

#define DATA_CASES(seg)								\
	ANY_CASES(seg, ZERO, "code or data"),					\
	BREAK(LONG64, GUEST_##seg##_AR_BYTES, "guest " #seg " is not accessed",	\
	      ZERO(GUEST_##seg##_AR_BYTES, BIT(0))),				\
	BREAK(LONG64, GUEST_##seg##_AR_BYTES, "guest " #seg " is code that cannot be read",	\
	      S(GUEST_##seg##_AR_BYTES, 0xc099)),				\
	BREAK(LONG64, GUEST_##seg##_AR_BYTES, "guest " #seg " has DPL below RPL",	\
	      ONE(GUEST_##seg##_SELECTOR, 3))

#define LOW_BASE_CASE(seg)							\
	BREAK(LONG64, GUEST_##seg##_BASE, "bits 63:32 of guest " #seg " base are not 0",	\
	      S(GUEST_##seg##_BASE, BIT_ULL(32)))

static const struct entry_case segment_cases[] = {
	BREAK(LONG64, GUEST_TR_SELECTOR, "guest TR is in the LDT", ONE(GUEST_TR_SELECTOR, 4)),
	BREAK(LONG64, GUEST_LDTR_SELECTOR, "guest LDTR is in the LDT", ONE(GUEST_LDTR_SELECTOR, 4)),
	BREAK(LONG64, GUEST_SS_SELECTOR, "RPL of guest SS is not RPL of CS",
	      ONE(GUEST_CS_SELECTOR, 3)),
	LOW_BASE_CASE(ES), LOW_BASE_CASE(CS), LOW_BASE_CASE(SS), LOW_BASE_CASE(DS),
	CANONICAL_FIELD(GUEST_FS_BASE, "guest FS base"),
	CANONICAL_FIELD(GUEST_GS_BASE, "guest GS base"),
	CANONICAL_FIELD(GUEST_TR_BASE, "guest TR base"),
	CANONICAL_FIELD(GUEST_LDTR_BASE, "guest LDTR base"),
	V8086_CASES(ES), V8086_CASES(CS), V8086_CASES(SS),
	V8086_CASES(DS), V8086_CASES(FS), V8086_CASES(GS),

	DATA_CASES(ES), DATA_CASES(DS), DATA_CASES(FS), DATA_CASES(GS),
	ANY_CASES(CS, ZERO, "code or data"),
	BREAK(LONG64, GUEST_CS_AR_BYTES, "guest CS is not accessed code",
	      ZERO(GUEST_CS_AR_BYTES, BIT(0))),
	BREAK(LONG64, GUEST_CS_AR_BYTES, "guest CS is not accessed code",
	      S(GUEST_CS_AR_BYTES, 0xa093)),
	BREAK(REAL, GUEST_CS_AR_BYTES, "guest CS is data with DPL not 0",
	      S(GUEST_CS_AR_BYTES, AR_USER)),
	BREAK(LONG64, GUEST_CS_AR_BYTES, "guest CS is non-conforming with DPL not that of SS",
	      ONE(GUEST_CS_AR_BYTES, 0x60)),
	BREAK(LONG64, GUEST_CS_AR_BYTES, "guest CS is conforming with DPL above that of SS",
	      ONE(GUEST_CS_AR_BYTES, 0x64)),
	BREAK(LONG64, GUEST_CS_AR_BYTES, "guest CS.D is 1 in 64-bit mode",
	      ONE(GUEST_CS_AR_BYTES, VMX_AR_DB_MASK)),
	ANY_CASES(SS, ZERO, "code or data"),
	BREAK(LONG64, GUEST_SS_AR_BYTES, "guest SS is not writable and accessed data",
	      S(GUEST_SS_AR_BYTES, AR_CODE32)),
	BREAK(LONG64, GUEST_SS_AR_BYTES, "DPL of guest SS is not its RPL",
	      ONE(GUEST_SS_AR_BYTES, 0x60), ONE(GUEST_CS_AR_BYTES, 4)),
	BREAK(REAL, GUEST_SS_AR_BYTES,
	      "DPL of guest SS is not 0 in real mode or with CS being data",
	      S(GUEST_SS_AR_BYTES, AR_USER)),
	ANY_CASES(LDTR, ONE, "system"),
	BREAK(LONG64, GUEST_LDTR_AR_BYTES, "guest LDTR is not an LDT",
	      S(GUEST_LDTR_AR_BYTES, 0x8b)),
	ANY_CASES(TR, ONE, "system"),
	BREAK(LONG64, GUEST_TR_AR_BYTES, "guest TR is not a busy TSS", S(GUEST_TR_AR_BYTES, 0x89)),
	BREAK(LONG64, GUEST_TR_AR_BYTES, "guest TR is not a busy TSS", S(GUEST_TR_AR_BYTES, 0x83)),
	BREAK(LONG64, GUEST_TR_AR_BYTES, "guest TR is unusable",
	      ONE(GUEST_TR_AR_BYTES, VMX_AR_UNUSABLE_MASK)),
};

#endif /* ENTRYCHECK_GUEST_CASES_H */
