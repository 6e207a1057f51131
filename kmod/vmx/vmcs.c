// SPDX-License-Identifier: GPL-2.0-only
/* A new vCPU's VMCS: what is the same in all of them, and the state after RESET. */
#include <linux/bitmap.h>
#include <linux/idr.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/msr.h>
#include <asm/trapnr.h>

#include "fpu.h"
#include "mitigate.h"
#include "ops.h"
#include "power.h"
#include "state.h"
#include "switch.h"

/*
 * PAUSEs less than the gap apart (TSC ticks) are one loop, and a loop as long as the
 * window exits: about what KVM and the SDM's advice take.
 */
#define SPIN_GAP	128
#define SPIN_WINDOW	4096

/* U16_MAX - n is a VPID, in use; 0 is the host's. */
static DEFINE_IDA(vpids);

static const struct {
	u32 field;
	u64 value;
} constants[] = {
	{ PAGE_FAULT_ERROR_CODE_MASK, 0 },
	{ PAGE_FAULT_ERROR_CODE_MATCH, 0 },
	{ CR3_TARGET_COUNT, 0 },
	{ VM_EXIT_MSR_STORE_COUNT, 0 },
	{ VM_EXIT_MSR_LOAD_COUNT, 0 },
	{ VM_ENTRY_MSR_LOAD_COUNT, 0 },
	{ VM_ENTRY_INTR_INFO_FIELD, 0 },
	{ VMCS_LINK_POINTER, ~0ull },
	{ GUEST_IA32_DEBUGCTL, 0 },
	{ GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE },
	{ GUEST_SYSENTER_CS, 0 },
	{ GUEST_SYSENTER_ESP, 0 },
	{ GUEST_SYSENTER_EIP, 0 },
	{ GUEST_IA32_PAT, 0x0007040600070406ull },	/* after RESET */

	{ HOST_CS_SELECTOR, __KERNEL_CS },
	{ HOST_SS_SELECTOR, __KERNEL_DS },
	{ HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8 },
	/* A selector of user space does not pass the checks on host state: switch.c. */
	{ HOST_DS_SELECTOR, 0 },
	{ HOST_ES_SELECTOR, 0 },
	{ HOST_FS_SELECTOR, 0 },
	{ HOST_GS_SELECTOR, 0 },
	{ HOST_FS_BASE, 0 },
	{ HOST_CR3, 0 },
};

#define REAL_MODE_SEGMENT { .limit = 0xffff, .ar = 0x93 }

static const struct tvx_state reset_state = {
	.sections = TVX_STATE_ALL,
	.activity = TVX_ACTIVE,
	.rip = 0xfff0,
	.rflags = X86_EFLAGS_FIXED,
	.seg = {
		[TVX_ES] = REAL_MODE_SEGMENT,
		[TVX_CS] = { .base = 0xffff0000, .limit = 0xffff, .ar = 0x9b,
			     .selector = 0xf000 },
		[TVX_SS] = REAL_MODE_SEGMENT,
		[TVX_DS] = REAL_MODE_SEGMENT,
		[TVX_FS] = REAL_MODE_SEGMENT,
		[TVX_GS] = REAL_MODE_SEGMENT,
		[TVX_LDTR] = { .limit = 0xffff, .ar = 0x82 },
		[TVX_TR] = { .limit = 0xffff, .ar = 0x8b },
	},
	.gdtr = { .limit = 0xffff },
	.idtr = { .limit = 0xffff },
	.cr0 = X86_CR0_CD | X86_CR0_NW | X86_CR0_ET,
	.dr6 = DR6_RESERVED,
	.dr7 = 0x400,
};

/* The exits that a policy asks for, as controls. */
static const struct {
	u32 want, proc, proc2;
} wanted[] = {
	{ TVX_WANT_PAUSE, CPU_BASED_PAUSE_EXITING, 0 },
	{ TVX_WANT_RDTSC, CPU_BASED_RDTSC_EXITING, 0 },
	{ TVX_WANT_CR3, CPU_BASED_CR3_LOAD_EXITING, 0 },
	{ TVX_WANT_DESC, 0, SECONDARY_EXEC_DESC },
	{ TVX_WANT_RANDOM, 0, SECONDARY_EXEC_RDRAND_EXITING },
	{ TVX_WANT_RANDOM, 0, SECONDARY_EXEC_RDSEED_EXITING },
	{ TVX_WANT_WBINVD, 0, SECONDARY_EXEC_WBINVD_EXITING },
};

bool vmx_can_exit(u32 wants)
{
	u32 proc = vmx_caps.proc_allowed >> 32, proc2 = vmx_caps.proc2_allowed >> 32;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		/* A CPU without RDSEED needs no exit for it. */
		if (wanted[i].proc2 == SECONDARY_EXEC_RDSEED_EXITING)
			continue;
		if (wants & wanted[i].want &&
		    ((wanted[i].proc & ~proc) || (wanted[i].proc2 & ~proc2)))
			return false;
	}
	return true;
}

static void write_controls(struct vmx_vcpu *v)
{
	u32 proc2 = vmx_caps.proc2, wants = v->policy->exits;
	unsigned int i;

	v->proc = vmx_caps.proc;
	/* With IPIs come vCPUs that wait for each other. */
	if (v->lapic && vmx_caps.features & TVX_FEAT_PLE) {
		proc2 |= SECONDARY_EXEC_PAUSE_LOOP_EXITING;
		vmwrite(PLE_GAP, SPIN_GAP);
		vmwrite(PLE_WINDOW, SPIN_WINDOW);
	}
	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (!(wants & wanted[i].want))
			continue;
		v->proc |= wanted[i].proc;
		proc2 |= wanted[i].proc2 & (vmx_caps.proc2_allowed >> 32);
	}
	if (!v->vpid)
		proc2 &= ~SECONDARY_EXEC_ENABLE_VPID;
	vmwrite(PIN_BASED_VM_EXEC_CONTROL, vmx_caps.pin);
	vmwrite(CPU_BASED_VM_EXEC_CONTROL, v->proc);
	v->proc2 = proc2;		/* written by vmx_apic_mode() */
	vmwrite(VM_EXIT_CONTROLS, vmx_caps.exit);
	vmwrite(VM_ENTRY_CONTROLS, vmx_caps.entry);
	/*
	 * #DB and #AC in an endless delivery loop, and a machine check, are the
	 * host's business whatever the policy says.
	 */
	vmwrite(EXCEPTION_BITMAP, v->policy->exceptions | BIT(X86_TRAP_DB) |
				  BIT(X86_TRAP_AC) | BIT(X86_TRAP_MC));
}

static void write_vmcs(struct vmx_vcpu *v, const struct vmx_vm *vm)
{
	unsigned int i;

	write_controls(v);
	for (i = 0; i < ARRAY_SIZE(constants); i++)
		vmwrite(constants[i].field, constants[i].value);
	vmwrite(HOST_RIP, (unsigned long)vmx_exit_point);
	vmwrite(EPT_POINTER, v->space->eptp);
	vmwrite(TSC_OFFSET, v->tsc_offset);
	if (v->vpid)
		vmwrite(VIRTUAL_PROCESSOR_ID, v->vpid);
	if (vmx_caps.proc2 & SECONDARY_EXEC_ENCLS_EXITING)
		vmwrite(ENCLS_EXITING_BITMAP, ~0ull);
	if (vmx_caps.features & TVX_FEAT_TPR_SHADOW) {
		vmwrite(VIRTUAL_APIC_PAGE_ADDR, __pa(v->apic_page));
		vmwrite(TPR_THRESHOLD, 0);
	}
	if (v->apicv)
		vmwrite(APIC_ACCESS_ADDR, __pa(vm->apic_access));
	for (i = 0; v->apicv && i < ARRAY_SIZE(v->eoi_exits); i++)
		vmwrite(EOI_EXIT_BITMAP0 + 2 * i, 0);
	mitigate_vmcs(v);
	vmx_apic_mode(v);
}

/*
 * @vm: RESET, in a VMCS that is not yet written; NULL: INIT
 * -EINTR: a fatal signal came.
 */
static int reset(struct vmx_vcpu *v, const struct vmx_vm *vm)
{
	struct tvx_state *st = kmemdup(&reset_state, sizeof(*st), GFP_KERNEL);
	int err;

	if (!st)
		return -ENOMEM;
	st->xcr0 = v->xcr0;
	st->gpr[TVX_RDX] = boot_cpu_data.x86 << 8;
	/* Only the bootstrap processor starts by itself. */
	if (v->lapic && !(v->lapic->base & MSR_IA32_APICBASE_BSP))
		st->activity = TVX_WAIT_SIPI;
	err = vmx_load(v);
	if (!err) {
		if (vm)
			write_vmcs(v, vm);
		err = vmx_set_state(v, st);
		if (!vm) {
			lapic_reset(v->lapic);
			vmx_apic_mode(v);
		}
		vmx_unload(v);
		WARN_ONCE(err, "tinyvmx: the state after RESET is refused\n");
	}
	kfree(st);
	return err;
}

int vmx_vcpu_reset(struct vmx_vcpu *v)
{
	return reset(v, NULL);
}

void vmx_vcpu_startup(struct vmx_vcpu *v, u8 vector)
{
	vmwrite(GUEST_CS_SELECTOR, vector << 8);
	vmwrite(GUEST_CS_BASE, vector << 12);
	vmwrite(GUEST_RIP, 0);
	v->activity = TVX_ACTIVE;
}

/* Where the CPU virtualises none of it there may be no page; a local APIC has one always. */
static int make_apic_page(struct vmx_vcpu *v, struct lapic *lapic, u64 tsc_offset)
{
	if (!lapic && !(vmx_caps.features & TVX_FEAT_TPR_SHADOW))
		return 0;
	v->apic_page = (u8 *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!v->apic_page)
		return -ENOMEM;
	v->lapic = lapic;
	if (lapic)
		lapic_init(lapic, v->apic_page, v->apic_id, tsc_offset);
	return 0;
}

int vmx_vcpu_init(struct vmx_vcpu *v, const struct vmx_vm *vm, struct lapic *lapic, u32 apic_id)
{
	int id;

	v->cpu = -1;
	INIT_LIST_HEAD(&v->loaded);
	v->space = vm->space;
	v->policy = vm->policy;
	v->msr_bitmap = vm->msr_bitmap;
	v->x2apic_bitmap = vm->x2apic_bitmap;
	v->apic_id = apic_id;
	v->apicv = vm->apic_access;
	v->tsc_offset = vm->tsc_offset;
	v->tsc_lost = vm->tsc_lost;
	v->keeps = vm->keeps;
	vmx_reset_msrs(v);

	v->vmcs = vmx_alloc_region(numa_node_id());
	if (!v->vmcs)
		return -ENOMEM;
	v->vmcs_pa = __pa(v->vmcs);
	if (make_apic_page(v, lapic, vm->tsc_offset) || fpu_alloc(v) || mitigate_alloc(v))
		return -ENOMEM;
	if (vmx_caps.features & TVX_FEAT_VPID) {
		/* KVM begins with 1.  All in use: this one runs without. */
		id = ida_alloc_range(&vpids, 0, U16_MAX - 1, GFP_KERNEL);
		v->vpid = id < 0 ? 0 : U16_MAX - id;
	}
	return reset(v, vm);
}

void vmx_vcpu_destroy(struct vmx_vcpu *v)
{
	if (v->vmcs)
		vmx_clear(v);
	if (v->vpid)
		ida_free(&vpids, U16_MAX - v->vpid);
	mitigate_free(v);
	fpu_free(v);
	free_page((unsigned long)v->apic_page);
	free_page((unsigned long)v->vmcs);
	v->apic_page = NULL;
	v->vmcs = NULL;
	v->vpid = 0;
}

void *vmx_identity_map(void)
{
	u32 *entry = (u32 *)__get_free_page(GFP_KERNEL_ACCOUNT);
	unsigned int i;

	/* Accessed and dirty from the start: the CPU never writes here. */
	for (i = 0; entry && i < 1024; i++)
		entry[i] = i << 22 | _PAGE_PSE | _PAGE_PRESENT | _PAGE_RW | _PAGE_USER |
			   _PAGE_ACCESSED | _PAGE_DIRTY;
	return entry;
}
