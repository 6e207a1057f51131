// SPDX-License-Identifier: GPL-2.0-only
/* The rules of VM entry: each holds on good states and is broken by one case or more. */
#include "unit.h"
#include "vmx/entrycheck.c"
#include "vmx/entrycheck_ctl.c"
#include "vmx/entrycheck_host.c"
#include "vmx/entrycheck_guest.c"
#include "vmx/entrycheck_seg.c"
#include "vmx/entrycheck_state.c"
#include "vmx/entrycheck_fields.c"
#include "entrycheck_vm.h"
#include "entrycheck_guest_cases.h"

static const struct {
	const struct entry_case *cases;
	size_t count;
	enum entry_area area;
} groups[] = {
	{ control_cases, ARRAY_SIZE(control_cases), ENTRY_CONTROLS },
	{ host_cases, ARRAY_SIZE(host_cases), ENTRY_HOST },
	{ guest_cases, ARRAY_SIZE(guest_cases), ENTRY_GUEST },
	{ state_cases, ARRAY_SIZE(state_cases), ENTRY_GUEST },
	{ segment_cases, ARRAY_SIZE(segment_cases), ENTRY_GUEST },
};

static struct vm vm;

#define MAX_REPORTS	400

static struct {
	struct entry_violation v[MAX_REPORTS];
	int count;
} reports;

static void record(void *arg, const struct entry_violation *v)
{
	EXPECT_TRUE(arg == &reports);
	EXPECT_TRUE(v->bits != 0);
	if (EXPECT(reports.count < MAX_REPORTS, "too many reports"))
		reports.v[reports.count++] = *v;
}

static int run(struct vm *vm, unsigned int areas)
{
	struct entry_source src = {
		.read = vm_read, .read_phys = vm_read_phys, .ctx = vm, .caps = &vm->caps,
		.vmcs = VMCS_PA, .host_tracing = vm->host_tracing,
	};
	int found;

	reports.count = 0;
	found = entry_check(&src, areas, record, &reports);
	EXPECT_EQ(found, reports.count);
	return found;
}

static void expect_accepted(const char *what)
{
	char text[200];
	int i;

	run(&vm, ENTRY_ALL);
	for (i = 0; i < reports.count; i++) {
		entry_violation_text(text, sizeof(text), &reports.v[i]);
		EXPECT(false, "%s: %s", what, text);
	}
}

static void apply(const struct entry_case *c)
{
	unsigned int i;

	vm_init(&vm, c->base);
	for (i = 0; i < c->nr_changes; i++)
		vm_change(&vm, &c->changes[i]);
}

static bool reported(const char *text, u32 field, unsigned int area)
{
	int i;

	for (i = 0; i < reports.count; i++) {
		const struct entry_violation *v = &reports.v[i];

		if (!strcmp(v->rule, text) && (!area || (v->field == field && v->area == area)))
			return true;
	}
	return false;
}

/* The rule is reported, and besides only what the case allows for. */
static void check_case(const struct entry_case *c, enum entry_area area)
{
	int expected = 1;
	char text[200];
	unsigned int i;

	apply(c);
	run(&vm, ENTRY_ALL);
	EXPECT(reported(c->text, c->field, area), "not reported: %s", c->text);
	for (i = 0; i < ARRAY_SIZE(c->also); i++) {
		if (!c->also[i])
			continue;
		expected++;
		EXPECT(reported(c->also[i], 0, 0), "%s: not reported as well: %s", c->text,
		       c->also[i]);
	}
	if (reports.count == expected)
		return;
	for (i = 0; (int)i < reports.count; i++) {
		entry_violation_text(text, sizeof(text), &reports.v[i]);
		EXPECT(false, "%s: reported: %s", c->text, text);
	}
}

TEST(good_states_are_accepted)
{
	static const char *const names[NR_BASES] = {
		"64-bit", "32-bit PAE", "real mode", "virtual-8086 mode", "HLT",
	};
	int base;

	for (base = 0; base < NR_BASES; base++) {
		vm_init(&vm, base);
		expect_accepted(names[base]);
	}
}

/* States near the edge of a rule that it must let pass. */
TEST(good_variations_are_accepted)
{
	static const struct entry_case good[] = {
		BREAK(LONG64, 0, "MTF injected in HLT", ACTIVITY(HLT), EVENT(OTHER_EVENT, 0)),
		BREAK(LONG64, 0, "#MC injected in shutdown", ACTIVITY(SHUTDOWN),
		      EVENT(HARD_EXCEPTION, X86_TRAP_MC)),
		BREAK(LONG64, 0, "RIP just past the lower half", S(GUEST_RIP, NONCANONICAL)),
		BREAK(LONG64, 0, "unusable data segments with rubbish in them",
		      S(GUEST_DS_AR_BYTES, 0x10f00), S(GUEST_FS_AR_BYTES, 0x10f00),
		      S(GUEST_LDTR_AR_BYTES, 0x10f00), S(GUEST_DS_BASE, ~0ull)),
		BREAK(LONG64, 0, "null SS", S(GUEST_SS_SELECTOR, 0), S(GUEST_SS_AR_BYTES, 0x10000)),
		BREAK(PAE32, 0, "16-bit busy TSS", S(GUEST_TR_AR_BYTES, 0x83)),
		BREAK(PAE32, 0, "absent PDPTE", S(GUEST_PDPTR3, BIT_ULL(60) | 6)),
		BREAK(LONG64, 0, "bus lock pending", S(GUEST_PENDING_DBG_EXCEPTIONS, DR_BUS_LOCK)),
		BREAK(LONG64, 0, "stepped into MOV SS", BLOCKED(MOV_SS),
		      ONE(GUEST_RFLAGS, X86_EFLAGS_TF), S(GUEST_PENDING_DBG_EXCEPTIONS, DR_STEP)),
		BREAK(LONG64, 0, "error codes not tied to vectors",
		      EVENT(HARD_EXCEPTION, X86_TRAP_GP),
		      ONE(CAPS(basic), VMX_BASIC_NO_HW_ERROR_CODE_CC)),
		BREAK(LONG64, 0, "#UD with an error code where the CPU allows it",
		      EVENT(HARD_EXCEPTION, X86_TRAP_UD | CODE),
		      ONE(CAPS(basic), VMX_BASIC_NO_HW_ERROR_CODE_CC)),
		BREAK(REAL, 0, "#GP in real mode without error code",
		      EVENT(HARD_EXCEPTION, X86_TRAP_GP)),
		BREAK(LONG64, 0, "MSR area that is not used", S(VM_ENTRY_MSR_LOAD_ADDR, ~0ull)),
		BREAK(LONG64, 0, "MSR area at the end of memory",
		      S(VM_ENTRY_MSR_LOAD_ADDR, BIT_ULL(39) - 16), S(VM_ENTRY_MSR_LOAD_COUNT, 1)),
		BREAK(LONG64, 0, "secondary controls that are not activated",
		      S(SECONDARY_VM_EXEC_CONTROL, 0xffffffff),
		      ZERO(CPU_BASED_VM_EXEC_CONTROL, CPU_BASED_ACTIVATE_SECONDARY_CONTROLS)),
		BREAK(LONG64, 0, "shadow VMCS", PROC2(SHADOW_VMCS), S(VMCS_LINK_POINTER, 0x6000),
		      MEM(0x6000, REVISION | BIT(31))),
		BREAK(LONG64, 0, "linear-address masking", ONE(GUEST_CR3, X86_CR3_LAM_U48),
		      ONE(CAPS(cr4_fixed1), X86_CR4_LAM_SUP)),
		BREAK(LONG64, 0, "57-bit addresses", S(GUEST_GS_BASE, NONCANONICAL),
		      S(CAPS(linear_bits), 57)),
		BREAK(LONG64, 0, "what only a 32-bit host or guest may not have",
		      ONE(HOST_CR4, X86_CR4_PCIDE), ONE(GUEST_CR4, X86_CR4_PCIDE),
		      S(HOST_SS_SELECTOR, 0), EXIT(LOAD_CET_STATE), ENTRY(LOAD_CET_STATE)),
		BREAK(LONG64, 0, "CET state in the upper half", EXIT(LOAD_CET_STATE),
		      ENTRY(LOAD_CET_STATE), S(HOST_S_CET, ~0xfffull), S(GUEST_S_CET, ~0xfffull),
		      S(HOST_SSP, ~7ull), S(GUEST_SSP, ~7ull)),
		BREAK(LONG64, 0, "no write protection without CET",
		      ZERO(HOST_CR0, X86_CR0_WP), ZERO(GUEST_CR0, X86_CR0_WP)),
		BREAK(LONG64, 0, "long mode does not load PDPTEs", NO_EPT, MEM(0x10000, ~0ull),
		      MEM(0x10008, ~0ull), MEM(0x10010, ~0ull), MEM(0x10018, ~0ull)),
		BREAK(LONG64, 0, "timer and its value saved", PIN(VMX_PREEMPTION_TIMER),
		      EXIT(SAVE_VMX_PREEMPTION_TIMER)),
		BREAK(LONG64, 0, "TPR threshold with virtual-interrupt delivery",
		      PROC2(VIRTUAL_INTR_DELIVERY), S(TPR_THRESHOLD, 0xff)),
		BREAK(LONG64, 0, "blocking by NMI, no injection", PIN(VIRTUAL_NMIS), BLOCKED(NMI)),
		BREAK(LONG64, 0, "no RTM, none pending", S(CAPS(rtm), 0)),
		BREAK(LONG64, 0, "conforming code below SS", S(GUEST_CS_SELECTOR, 0x13),
		      ONE(GUEST_CS_AR_BYTES, 4), S(GUEST_SS_SELECTOR, 0x1b),
		      ONE(GUEST_SS_AR_BYTES, 0x60)),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		apply(&good[i]);
		expect_accepted(good[i].text);
	}
}

/* Fields that matter only with a control that is off, or an event that is not injected. */
TEST(fields_without_their_control_are_ignored)
{
	static const u32 ignored[] = {
		IO_BITMAP_A, IO_BITMAP_B, MSR_BITMAP, VIRTUAL_APIC_PAGE_ADDR, TPR_THRESHOLD,
		APIC_ACCESS_ADDR, POSTED_INTR_NV, POSTED_INTR_DESC_ADDR, PID_POINTER_TABLE,
		LAST_PID_POINTER_INDEX, EPT_POINTER, PML_ADDRESS, SPPT_POINTER, HLAT_POINTER,
		VM_FUNCTION_CONTROL, EPTP_LIST_ADDRESS, VMREAD_BITMAP, VMWRITE_BITMAP,
		VE_INFORMATION_ADDRESS, LOW_PASID_DIRECTORY, HIGH_PASID_DIRECTORY,
		VM_ENTRY_EXCEPTION_ERROR_CODE, VM_ENTRY_INSTRUCTION_LEN,
		SECONDARY_VM_EXEC_CONTROL, TERTIARY_VM_EXEC_CONTROL, SECONDARY_VM_EXIT_CONTROLS,
		HOST_IA32_PERF_GLOBAL_CTRL, HOST_IA32_PAT, HOST_IA32_EFER, HOST_IA32_PKRS,
		HOST_S_CET, HOST_SSP, HOST_INTR_SSP_TABLE, GUEST_IA32_DEBUGCTL, GUEST_DR7,
		GUEST_IA32_PERF_GLOBAL_CTRL, GUEST_IA32_PAT, GUEST_IA32_EFER, GUEST_BNDCFGS,
		GUEST_IA32_RTIT_CTL, GUEST_IA32_LBR_CTL, GUEST_IA32_PKRS, GUEST_UINV,
		GUEST_S_CET, GUEST_SSP, GUEST_INTR_SSP_TABLE,
		GUEST_PDPTR0, GUEST_PDPTR1, GUEST_PDPTR2, GUEST_PDPTR3,
	};
	unsigned int i;

	vm_init(&vm, LONG64);
	vm.field[PIN_BASED_VM_EXEC_CONTROL] = (u32)full_caps.pin;
	vm.field[CPU_BASED_VM_EXEC_CONTROL] = (u32)full_caps.proc;
	vm.field[VM_EXIT_CONTROLS] = (u32)full_caps.exit | VM_EXIT_HOST_ADDR_SPACE_SIZE;
	vm.field[VM_ENTRY_CONTROLS] = (u32)full_caps.entry | VM_ENTRY_IA32E_MODE;
	for (i = 0; i < ARRAY_SIZE(ignored); i++)
		vm.field[ignored[i]] = ~0ull;
	vm.field[VIRTUAL_PROCESSOR_ID] = 0;
	vm.field[TSC_MULTIPLIER] = 0;
	/* Type, vector, error code and reserved bits are wrong, but the event is not valid. */
	vm.field[VM_ENTRY_INTR_INFO_FIELD] = ~(u64)INTR_INFO_VALID_MASK;
	expect_accepted("controls off");

	/* SUPPRESS with TRACKER, and a few more that all ones do not show. */
	vm.field[GUEST_S_CET] = vm.field[HOST_S_CET] = CET_SUPPRESS | CET_WAIT_ENDBR;
	vm.field[GUEST_SSP] = vm.field[HOST_SSP] = NONCANONICAL;
	vm.field[GUEST_INTR_SSP_TABLE] = vm.field[HOST_INTR_SSP_TABLE] = NONCANONICAL;
	vm.field[GUEST_BNDCFGS] = NONCANONICAL;
	vm.field[GUEST_IA32_EFER] = EFER_LMA;
	vm.field[HOST_IA32_EFER] = EFER_LMA;
	vm.field[PID_POINTER_TABLE] = BIT_ULL(39) - 8;
	vm.field[VM_ENTRY_INSTRUCTION_LEN] = 0;
	vm.caps.misc &= ~(u64)VMX_MISC_ZERO_LEN_INS;
	vm.caps.proc &= ~((u64)CPU_BASED_MONITOR_TRAP_FLAG << 32);
	expect_accepted("controls off, other values");
	vm.field[VM_ENTRY_INTR_INFO_FIELD] = INTR_TYPE_RESERVED;
	expect_accepted("reserved type, not injected");
	vm.field[VM_ENTRY_INTR_INFO_FIELD] = INTR_TYPE_HARD_EXCEPTION | X86_TRAP_GP;
	expect_accepted("#GP without error code, not injected");
	vm.field[VM_ENTRY_INTR_INFO_FIELD] = INTR_TYPE_HARD_EXCEPTION | 0xff;
	expect_accepted("exception 255, not injected");
}

/* Of an unusable segment register nothing matters, but the canonical base of FS and GS. */
TEST(unusable_segments_are_ignored)
{
	static const enum entry_seg segs[] = {
		SEG_ES, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR,
	};
	static const u32 rights[] = {	/* each breaks rules of its own */
		0xfff, 0xf00, VMX_AR_G_MASK, 0x99, 0xc099, 0x92, 0x93,
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(segs); i++) {
		for (j = 0; j < ARRAY_SIZE(rights); j++) {
			u32 field = 2 * segs[i];
			/* DPL and RPL of SS must match even so. */
			u32 ar = segs[i] == SEG_SS ? rights[j] & ~0x60 : rights[j];

			vm_init(&vm, LONG64);
			vm.field[GUEST_ES_AR_BYTES + field] = ar | VMX_AR_UNUSABLE_MASK;
			vm.field[GUEST_ES_LIMIT + field] = j & 1 ? 0x100fff : 0x67;
			if (segs[i] != SEG_FS && segs[i] != SEG_GS)
				vm.field[GUEST_ES_BASE + field] = NONCANONICAL;
			if (segs[i] != SEG_SS)
				vm.field[GUEST_ES_SELECTOR + field] |= 7;
			expect_accepted("unusable segment");
		}
	}
}

TEST(each_case_breaks_its_rule)
{
	size_t g, i;

	for (g = 0; g < ARRAY_SIZE(groups); g++) {
		for (i = 0; i < groups[g].count; i++)
			check_case(&groups[g].cases[i], groups[g].area);
	}
}

static unsigned int cases_of(const struct entry_rule *r)
{
	unsigned int found = 0;
	size_t g, i;

	for (g = 0; g < ARRAY_SIZE(groups); g++) {
		for (i = 0; i < groups[g].count; i++)
			found += groups[g].cases[i].field == r->field &&
				 !strcmp(groups[g].cases[i].text, r->text);
	}
	return found;
}

static unsigned int rules_with(const char *text)
{
	unsigned int found = 0, t, i;

	for (t = 0; t < ARRAY_SIZE(entry_tables); t++) {
		for (i = 0; i < *entry_tables[t].count; i++)
			found += !strcmp(entry_tables[t].rules[i].text, text);
	}
	return found;
}

/* A new rule without a case fails here. */
TEST(each_rule_has_a_case)
{
	unsigned int t, i, rules = 0;

	for (t = 0; t < ARRAY_SIZE(entry_tables); t++) {
		for (i = 0; i < *entry_tables[t].count; i++, rules++) {
			const struct entry_rule *r = &entry_tables[t].rules[i];

			EXPECT(cases_of(r), "no case for: %s", r->text);
			EXPECT(rules_with(r->text) == 1, "more than one rule says: %s", r->text);
			EXPECT(vmcs_field_name(r->field), "field without name: %s", r->text);
		}
	}
	printf("# %u rules\n", rules);
}

TEST(only_the_areas_asked_for)
{
	vm_init(&vm, LONG64);
	vm.field[CR3_TARGET_COUNT] = 5;
	vm.field[HOST_TR_SELECTOR] = 0;
	vm.field[GUEST_TR_AR_BYTES] = 0x89;
	EXPECT_EQ(run(&vm, ENTRY_ALL), 3);
	EXPECT_EQ(run(&vm, ENTRY_CONTROLS), 1);
	EXPECT_EQ(reports.v[0].field, CR3_TARGET_COUNT);
	EXPECT_EQ(run(&vm, ENTRY_HOST), 1);
	EXPECT_EQ(reports.v[0].field, HOST_TR_SELECTOR);
	EXPECT_EQ(run(&vm, ENTRY_GUEST), 1);
	EXPECT_EQ(reports.v[0].field, GUEST_TR_AR_BYTES);
	EXPECT_EQ(run(&vm, 0), 0);
}

static const char *text_of(int n)
{
	static char text[200];

	if (!EXPECT(n < reports.count, "no report %d", n))
		return "";
	entry_violation_text(text, sizeof(text), &reports.v[n]);
	return text;
}

TEST(text)
{
	char small[8];

	vm_init(&vm, LONG64);
	vm.field[GUEST_TR_AR_BYTES] = 0x89;
	run(&vm, ENTRY_GUEST);
	EXPECT_STREQ(text_of(0), "GUEST_TR_AR_BYTES = 0x89: guest TR is not a busy TSS (bits 0xf)");
	EXPECT_EQ(entry_violation_text(small, sizeof(small), &reports.v[0]), strlen(text_of(0)));
	EXPECT_STREQ(small, "GUEST_T");

	vm_init(&vm, LONG64);
	vm.field[HOST_CR4] = X86_CR4_PAE;
	run(&vm, ENTRY_HOST);
	EXPECT_STREQ(text_of(0),
		     "HOST_CR4 = 0x20: a bit of host CR4 that VMX needs is 0 (bit 13)");

	vm_init(&vm, LONG64);
	vm.field[VIRTUAL_PROCESSOR_ID] = 0;
	run(&vm, ENTRY_CONTROLS);
	EXPECT_STREQ(text_of(0), "VIRTUAL_PROCESSOR_ID = 0x0: VPID is 0");
}

/* Controls count as the CPU takes them: 0 unless activated. */
TEST(value_of_a_control_not_activated)
{
	vm_init(&vm, LONG64);
	vm.field[CPU_BASED_VM_EXEC_CONTROL] &= ~CPU_BASED_ACTIVATE_SECONDARY_CONTROLS;
	vm.field[SECONDARY_VM_EXEC_CONTROL] |= SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
	vm.field[PIN_BASED_VM_EXEC_CONTROL] |= PIN_BASED_POSTED_INTR;
	vm.field[VM_EXIT_CONTROLS] |= VM_EXIT_ACK_INTR_ON_EXIT;
	EXPECT_EQ(run(&vm, ENTRY_ALL), 1);
	EXPECT_EQ(reports.v[0].field, SECONDARY_VM_EXEC_CONTROL);
	EXPECT_EQ(reports.v[0].value, 0);
}

/* Without access to memory, the rules about memory are silent. */
TEST(no_memory)
{
	struct entry_source src = {
		.read = vm_read, .ctx = &vm, .caps = &vm.caps, .vmcs = VMCS_PA,
	};

	vm_init(&vm, PAE32);
	vm.field[SECONDARY_VM_EXEC_CONTROL] &= ~SECONDARY_EXEC_ENABLE_EPT;
	vm.field[TPR_THRESHOLD] = 15;
	vm.field[VMCS_LINK_POINTER] = 0x6000;
	reports.count = 0;
	EXPECT_EQ(entry_check(&src, ENTRY_ALL, record, &reports), 0);
}

TEST(physical_addresses_of_32_bits)
{
	vm_init(&vm, LONG64);
	vm.caps.basic |= VMX_BASIC_32BIT_PHYS_ADDR_ONLY;
	vm.field[MSR_BITMAP] = BIT_ULL(32);
	EXPECT_EQ(run(&vm, ENTRY_ALL), 1);
	EXPECT_EQ(reports.v[0].bits, BIT_ULL(32));
}

TEST(msr_load_area)
{
	static const struct { struct vmx_msr_entry e; const char *text; } bad[] = {
		{ { MSR_FS_BASE, 0, 0 },
		  "MSR-load area has FS_BASE or GS_BASE, which have VMCS fields" },
		{ { MSR_GS_BASE, 0, 0 },
		  "MSR-load area has FS_BASE or GS_BASE, which have VMCS fields" },
		{ { APIC_BASE_MSR + 0x30, 0, 0 },
		  "MSR-load area has an MSR of the x2APIC range" },
		{ { MSR_IA32_SMM_MONITOR_CTL, 0, 0 },
		  "MSR-load area has an MSR that can be written in SMM only" },
		{ { MSR_IA32_UCODE_WRITE, 0, 0 }, "MSR-load area has a microcode-update MSR" },
		{ { MSR_IA32_UCODE_REV, 0, 0 }, "MSR-load area has a microcode-update MSR" },
		{ { MSR_EFER, 1, 0 },
		  "MSR-load area has an entry whose bits 63:32 are not 0" },
	};
	struct vmx_msr_entry list[2] = { { .index = MSR_EFER }, };
	unsigned int i, rule, fired = 0;

	EXPECT_EQ(entry_check_msr_load(NULL, 0, record, &reports), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		list[1] = bad[i].e;
		reports.count = 0;
		EXPECT_EQ(entry_check_msr_load(list, 1, record, &reports), 0);
		EXPECT_EQ(entry_check_msr_load(list, 2, record, &reports), 1);
		EXPECT_STREQ(reports.v[0].rule, bad[i].text);
		EXPECT_EQ(reports.v[0].value, bad[i].e.index);
		for (rule = 0; rule < entry_msr_rules_count; rule++) {
			if (!strcmp(entry_msr_rules[rule].text, bad[i].text))
				fired |= BIT(rule);
		}
	}
	EXPECT_EQ(fired, GENMASK(entry_msr_rules_count - 1, 0));
}

TEST(field_names)
{
	unsigned int i;

	EXPECT_STREQ(vmcs_field_name(GUEST_TR_AR_BYTES), "GUEST_TR_AR_BYTES");
	EXPECT_STREQ(vmcs_field_name(HOST_SSP), "HOST_SSP");
	EXPECT_NULL(vmcs_field_name(EPT_POINTER_HIGH));
	EXPECT_NULL(vmcs_field_name(0xffffffff));
	for (i = 0; i < vmcs_fields_count; i++) {
		EXPECT(!(vmcs_fields[i].field & 1), "high half: %s", vmcs_fields[i].name);
		if (i)
			EXPECT_LT(vmcs_fields[i - 1].field, vmcs_fields[i].field);
	}
}

static void random_caps(struct entry_caps *caps)
{
	u64 *word = (u64 *)caps;
	size_t i;

	for (i = 0; i < offsetof(struct entry_caps, maxphyaddr) / 8; i++)
		word[i] = unit_random();
	caps->maxphyaddr = unit_random();
	caps->linear_bits = unit_random();
	caps->sgx = unit_random() & 1;
	caps->rtm = unit_random() & 1;
}

/* Nothing that a VMCS or the capabilities may hold upsets the checks. */
TEST(random_contents)
{
	unsigned int round, i;
	char text[200];

	unit_seed(1);
	for (round = 0; round < 3000; round++) {
		vm_init(&vm, round % NR_BASES);
		for (i = 0; i < vmcs_fields_count; i++)
			vm.field[vmcs_fields[i].field] = unit_random() >> unit_random_below(64);
		if (round & 1)
			random_caps(&vm.caps);
		vm.memory[0].value = unit_random();
		vm.host_tracing = unit_random() & 1;
		EXPECT_LT(0, run(&vm, ENTRY_ALL));
		for (i = 0; (int)i < reports.count; i++)
			EXPECT_LT(0, entry_violation_text(text, sizeof(text), &reports.v[i]));
	}
}

/* A good state with a few bits flipped: deeper into the rules than rubbish gets. */
TEST(random_flips)
{
	unsigned int round, flips, i, broken = 0;

	unit_seed(2);
	for (round = 0; round < 20000; round++) {
		if (round % 100 == 0)
			vm_init(&vm, round / 100 % NR_BASES);
		flips = 1 + unit_random_below(3);
		for (i = 0; i < flips; i++) {
			u32 field = vmcs_fields[unit_random_below(vmcs_fields_count)].field;

			vm.field[field] ^= BIT_ULL(unit_random_below(64));
		}
		broken += run(&vm, ENTRY_ALL) > 0;
	}
	EXPECT_LT(round / 2, broken);
}
