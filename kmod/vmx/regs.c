// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control registers.
 *
 * With unrestricted guest the guest owns all of CR0 but CD, NW and NE, which
 * may not take effect; and of CR4 all that its CPUID offers.  A write that
 * touches the rest exits; for CR0 we then adopt those bits and let the CPU execute
 * the instruction itself, so that mode switches have one implementation.
 *
 * Without unrestricted guest, PE and PG are the hardware's to be 1: a guest
 * with its paging off runs on an identity map, and its CR0.PG, CR3 and CR4 are
 * shadows until it turns paging on.
 */
#include <linux/kernel.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>

#include "ops.h"
#include "power.h"
#include "state.h"
#include "switch.h"

#define CR0_ALWAYS_GUEST (X86_CR0_TS | X86_CR0_MP | X86_CR0_EM | X86_CR0_ET | \
			  X86_CR0_AM | X86_CR0_WP)
#define CR0_CACHE (X86_CR0_CD | X86_CR0_NW)
#define CR0_DEFINED (CR0_ALWAYS_GUEST | CR0_CACHE | X86_CR0_NE | X86_CR0_PE | X86_CR0_PG)

/* What stands in the way of 4 MiB pages in an identity map that looks unpaged. */
#define CR4_NOT_UNPAGED (X86_CR4_PAE | X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PCIDE | \
			 X86_CR4_LA57)

static bool unrestricted(void)
{
	return vmx_caps.features & TVX_FEAT_UNRESTRICTED;
}

static u64 cr0_owned(void)
{
	return CR0_ALWAYS_GUEST | (unrestricted() ? X86_CR0_PE | X86_CR0_PG : 0);
}

static u64 cr4_owned(struct vmx_vcpu *v)
{
	/* The shadows of an unpaged guest are ours as a whole. */
	if (v->unpaged)
		return 0;
	return v->policy->cr4_allowed & vmx_caps.cr4_allowed & ~vmx_caps.cr4_fixed1 &
	       ~(u64)X86_CR4_MCE;
}

/* In CR0_READ_SHADOW or CR4_READ_SHADOW, the one of @cr. */
static void set_shadow(struct vmx_cr *cr, unsigned long field, u64 value)
{
	cr->shadow = value & ~cr->owned;
	vmwrite(field, value);
}

u64 vmx_cr4_supported(void)
{
	return vmx_caps.cr4_allowed & ~(X86_CR4_VMXE | X86_CR4_SMXE | X86_CR4_PKE);
}

u64 vmx_read_cr0(struct vmx_vcpu *v)
{
	return (vmread(GUEST_CR0) & v->cr0.owned) | v->cr0.shadow;
}

u64 vmx_read_cr4(struct vmx_vcpu *v)
{
	return (vmread(GUEST_CR4) & v->cr4.owned) | v->cr4.shadow;
}

u64 vmx_read_cr3(struct vmx_vcpu *v)
{
	return unlikely(v->unpaged) ? v->unpaged_cr3 : vmread(GUEST_CR3);
}

u64 vmx_read_efer(struct vmx_vcpu *v)
{
	return unlikely(v->unpaged) ? v->efer : vmread(GUEST_IA32_EFER);
}

int vmx_cpl(struct vmx_vcpu *v)
{
	return vmread(GUEST_SS_AR_BYTES) >> 5 & 3;
}

/* ---- writing ---------------------------------------------------------------- */

static void put_cr0(struct vmx_vcpu *v, u64 cr0)
{
	u64 hw = (cr0 & ~(u64)CR0_CACHE) | vmx_caps.cr0_fixed1;

	/* Writes of reserved bits are the CPU's to ignore or refuse: no mask, no shadow. */
	v->cr0.owned = cr0_owned();
	vmwrite(CR0_GUEST_HOST_MASK, CR0_DEFINED & ~v->cr0.owned);
	set_shadow(&v->cr0, CR0_READ_SHADOW, cr0);
	vmwrite(GUEST_CR0, hw & vmx_caps.cr0_allowed);
}

static void put_cr4(struct vmx_vcpu *v, u64 cr4)
{
	u64 hw = cr4 & ~(u64)X86_CR4_MCE;

	/*
	 * A machine check with MCE = 0 shuts the whole machine down, and does not
	 * ask whose code it hit: the host's choice holds for guests too.
	 */
	hw |= __read_cr4() & X86_CR4_MCE;
	if (v->unpaged)
		hw = (hw & ~(u64)CR4_NOT_UNPAGED) | X86_CR4_PSE;
	v->cr4.owned = cr4_owned(v);
	vmwrite(CR4_GUEST_HOST_MASK, ~v->cr4.owned);
	set_shadow(&v->cr4, CR4_READ_SHADOW, cr4);
	vmwrite(GUEST_CR4, hw | vmx_caps.cr4_fixed1);
}

/* The entry control and EFER.LMA go together; the hardware checks that they do. */
void regs_set_efer(struct vmx_vcpu *v, u64 efer)
{
	u64 hw = v->unpaged ? efer & ~(u64)(EFER_LME | EFER_LMA) : efer;
	u32 entry = vmread(VM_ENTRY_CONTROLS) & ~VM_ENTRY_IA32E_MODE;
	bool syscall = efer & EFER_SCE && !(v->efer & EFER_SCE);

	v->efer = efer;
	vmwrite(GUEST_IA32_EFER, hw);
	vmwrite(VM_ENTRY_CONTROLS, hw & EFER_LMA ? entry | VM_ENTRY_IA32E_MODE : entry);
	if (syscall && v->in_section)
		section_syscall_in(v);
}

/* While unpaged the guest's CR3 is not the CPU's, so its accesses are shown to us. */
static void set_unpaged(struct vmx_vcpu *v, bool unpaged)
{
	u32 exits = CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING;

	v->unpaged = unpaged;
	v->proc &= ~exits;
	if (unpaged)
		v->proc |= exits;
	else if (v->policy->exits & TVX_WANT_CR3)
		v->proc |= CPU_BASED_CR3_LOAD_EXITING;
	vmwrite(CPU_BASED_VM_EXEC_CONTROL, v->proc);
}

void regs_set_control(struct vmx_vcpu *v, u64 cr0, u64 cr3, u64 cr4, u64 efer)
{
	bool unpaged = !unrestricted() && !(cr0 & X86_CR0_PG);

	v->unpaged_cr3 = cr3;
	if (unpaged != v->unpaged)
		set_unpaged(v, unpaged);
	put_cr0(v, cr0);
	put_cr4(v, cr4);
	regs_set_efer(v, efer);
	vmwrite(GUEST_CR3, unpaged ? VMX_IDENTITY_GPA : cr3);
	/* What was cached of the old tables, and of the old idea of paging. */
	vmx_invvpid(v->vpid);
}

int regs_check_control(struct vmx_vcpu *v, u64 cr0, u64 cr4, u64 efer)
{
	if (cr0 & ~(u64)CR0_DEFINED || cr4 & ~v->policy->cr4_allowed ||
	    efer & ~v->policy->efer_allowed)
		return -EINVAL;
	return 0;
}

/* ---- the guest's own instructions ------------------------------------------------ */

static int check_cr0(u64 cr0)
{
	if (cr0 >> 32)
		return -EINVAL;
	if (cr0 & X86_CR0_NW && !(cr0 & X86_CR0_CD))
		return -EINVAL;
	if (cr0 & X86_CR0_PG && !(cr0 & X86_CR0_PE))
		return -EINVAL;
	return 0;
}

int vmx_adopt_cr0(struct vmx_vcpu *v, u64 value)
{
	if (check_cr0(value))
		return -EINVAL;
	set_shadow(&v->cr0, CR0_READ_SHADOW, value & CR0_DEFINED);
	return 0;
}

int vmx_adopt_cr4(struct vmx_vcpu *v, u64 value)
{
	if (value & ~v->policy->cr4_allowed)
		return -EINVAL;
	set_shadow(&v->cr4, CR4_READ_SHADOW, value);
	return 0;
}

bool vmx_cr0_loads_pdptes(struct vmx_vcpu *v, u64 value)
{
	return value & X86_CR0_PG && v->unpaged && !(v->efer & EFER_LME) &&
	       vmx_read_cr4(v) & X86_CR4_PAE;
}

/* Paging goes on: the checks that MOV to CR0 makes. */
static int check_paging_on(struct vmx_vcpu *v, u64 cr4)
{
	if (!(v->efer & EFER_LME))
		return 0;
	if (!(cr4 & X86_CR4_PAE) || vmread(GUEST_CS_AR_BYTES) & VMX_AR_L_MASK)
		return -EINVAL;
	return 0;
}

int vmx_write_cr0(struct vmx_vcpu *v, u64 value, const u64 pdptes[4])
{
	u64 cr3 = vmx_read_cr3(v), cr4 = vmx_read_cr4(v), efer = vmx_read_efer(v);
	bool on = value & X86_CR0_PG, was_on = !v->unpaged;
	unsigned int i;

	value = (value & CR0_DEFINED) | X86_CR0_ET | (value >> 32 << 32);
	if (check_cr0(value))
		return -EINVAL;
	if (!(value & X86_CR0_PE))
		return -EOPNOTSUPP;
	if (on && !was_on && check_paging_on(v, cr4))
		return -EINVAL;
	/* Turning paging off: not from 64-bit code, not with PCIDs. */
	if (!on && was_on && (cr4 & X86_CR4_PCIDE ||
			      (efer & EFER_LMA && vmread(GUEST_CS_AR_BYTES) & VMX_AR_L_MASK)))
		return -EINVAL;

	efer &= ~(u64)EFER_LMA;
	if (on && efer & EFER_LME)
		efer |= EFER_LMA;
	regs_set_control(v, value, cr3, cr4, efer);
	for (i = 0; pdptes && i < 4; i++)
		vmwrite(GUEST_PDPTR0 + 2 * i, pdptes[i]);
	return 0;
}

void vmx_write_cr3(struct vmx_vcpu *v, u64 value)
{
	v->unpaged_cr3 = value;
	if (!v->unpaged) {
		vmwrite(GUEST_CR3, value);
		vmx_invvpid(v->vpid);
	}
}

int vmx_write_cr4(struct vmx_vcpu *v, u64 value)
{
	if (value & ~v->policy->cr4_allowed)
		return -EINVAL;
	/* PCIDE needs long mode, in which this guest is not while we see its CR4. */
	if (v->unpaged && value & X86_CR4_PCIDE)
		return -EINVAL;
	put_cr4(v, value);
	vmx_invvpid(v->vpid);
	return 0;
}

u64 vmx_read_cr8(struct vmx_vcpu *v)
{
	return v->apic_page ? v->apic_page[APIC_TASKPRI] >> 4 : v->cr8;
}

int vmx_write_cr8(struct vmx_vcpu *v, u64 value)
{
	if (value > 15)
		return -EINVAL;
	v->cr8 = value;
	if (v->apic_page)
		v->apic_page[APIC_TASKPRI] = value << 4;
	if (v->lapic)
		vmx_apic_update(v);
	return 0;
}

static void fill_segments(struct tvx_run_segment *seg)
{
	unsigned int i;

	/* Their fields come in the order of enum tvx_sreg, two apart. */
	for (i = TVX_ES; i <= TVX_GS; i++) {
		seg[i].base = vmread(GUEST_ES_BASE + 2 * i);
		seg[i].limit = vmread(GUEST_ES_LIMIT + 2 * i);
		seg[i].ar = vmread(GUEST_ES_AR_BYTES + 2 * i);
	}
}

void vmx_fill_ctx(struct vmx_vcpu *v, struct tvx_run_ctx *ctx)
{
	u64 efer = vmx_read_efer(v);
	u32 cs_ar = vmread(GUEST_CS_AR_BYTES);

	ctx->valid = 1;
	ctx->cr0 = vmx_read_cr0(v);
	ctx->cr3 = vmx_read_cr3(v);
	ctx->cr4 = vmx_read_cr4(v);
	ctx->efer = efer;
	ctx->cs_base = vmread(GUEST_CS_BASE);
	ctx->cs_ar = cs_ar;
	ctx->ss_ar = vmread(GUEST_SS_AR_BYTES);
	ctx->seg_valid = 0;
	if (!(efer & EFER_LMA) || !(cs_ar & VMX_AR_L_MASK)) {
		ctx->seg_valid = 1;
		fill_segments(ctx->seg);
	}
}
