// SPDX-License-Identifier: GPL-2.0-only
/*
 * A local APIC in the VMCS.  With APIC virtualisation the CPU works on the
 * register page itself: TPR, EOI, self IPIs and reads need no exit, and what
 * waits in IRR is delivered without us.  Posted interrupts are not needed for
 * that: what comes from elsewhere is taken in before an entry.  Without it
 * inject.c delivers, and the CPU has at most a TPR shadow.
 */
#include <linux/bitmap.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>
#include <asm/vmx.h>

#include "intr.h"
#include "ops.h"
#include "vmx.h"

#define X2APIC_MSR(reg)	(APIC_BASE_MSR + ((reg) >> 4))
#define RVI_MASK	0xff
#define SVI_SHIFT	8

#define APIC_CONTROLS (SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES | \
		       SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE | \
		       SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)

/* Where an x2APIC access of the guest needs no exit. */
static const struct {
	u16 first, last;		/* offsets in the register page */
	bool write;
} x2apic_passed[] = {
	{ APIC_ID, APIC_LVR, false },
	{ APIC_TASKPRI, APIC_TASKPRI, false },
	{ APIC_PROCPRI, APIC_PROCPRI, false },
	{ APIC_LDR, APIC_LDR, false },
	/* SVR, ISR, TMR */
	{ APIC_SPIV, APIC_TMR + 0x70, false },
	/* ESR latches and IRR has what is posted: by exit. */
	{ APIC_ICR, APIC_ICR, false },
	{ APIC_LVTT, APIC_TMICT, false },
	{ APIC_TDCR, APIC_TDCR, false },
	{ APIC_TASKPRI, APIC_TASKPRI, true },
	{ APIC_EOI, APIC_EOI, true },
	{ APIC_SELF_IPI, APIC_SELF_IPI, true },
};

/* SDM: MSR-bitmap address; low MSRs, reads and then writes. */
#define WRITES_AT 2048

void vmx_x2apic_bitmap(const unsigned long *from, const struct policy *policy, unsigned long *to)
{
	unsigned int i, reg;

	memcpy(to, from, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(x2apic_passed); i++) {
		u8 *half = (u8 *)to + (x2apic_passed[i].write ? WRITES_AT : 0);

		for (reg = x2apic_passed[i].first; reg <= x2apic_passed[i].last; reg += 0x10)
			if (!policy_msr_rule(policy, X2APIC_MSR(reg)))
				__clear_bit(X2APIC_MSR(reg), (unsigned long *)half);
	}
}

/*
 * By the mode that the guest has chosen.  The page whose accesses the CPU knows is at one
 * place for all vCPUs of a VM: an xAPIC that has been moved is user space's, EOIs too.
 */
static u32 apic_controls(const struct vmx_vcpu *v)
{
	u32 both = SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;

	if (!v->apicv || !lapic_is_on(v->lapic))
		return 0;
	if (lapic_is_x2apic(v->lapic))
		return both | SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
	return lapic_is_moved(v->lapic) ? 0 : both | SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;
}

bool vmx_apic_delivers(const struct vmx_vcpu *v)
{
	return v->proc2 & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
}

void vmx_apic_mode(struct vmx_vcpu *v)
{
	bool x2apic = v->apicv && lapic_is_x2apic(v->lapic);

	v->proc2 = (v->proc2 & ~APIC_CONTROLS) | apic_controls(v);
	vmwrite(SECONDARY_VM_EXEC_CONTROL, v->proc2);
	vmwrite(MSR_BITMAP, __pa(x2apic ? v->x2apic_bitmap : v->msr_bitmap));
	if (!v->lapic)
		return;
	v->apic_waits = false;
	if (vmx_caps.features & TVX_FEAT_TPR_SHADOW)
		vmwrite(TPR_THRESHOLD, 0);
	v->tpr_threshold = 0;
	/* What was cached of that page in another mode is of no use now (SDM: "APIC-access page"). */
	if (v->apicv) {
		vmx_invvpid(v->vpid);
		vmx_invept(v->space->eptp);
	}
	vmx_apic_update(v);
}

static void update_eoi_exits(struct vmx_vcpu *v)
{
	u64 exits[4];
	unsigned int i;

	lapic_eoi_exits(v->lapic, exits);
	/* Devices' interrupts of this kind are the same for long. */
	if (likely(!memcmp(exits, v->eoi_exits, sizeof(exits))))
		return;
	for (i = 0; i < ARRAY_SIZE(exits); i++) {
		if (exits[i] == v->eoi_exits[i])
			continue;
		v->eoi_exits[i] = exits[i];
		vmwrite(EOI_EXIT_BITMAP0 + 2 * i, exits[i]);
	}
}

void vmx_apic_irr(struct vmx_vcpu *v)
{
	int irr = lapic_highest_irr(v->lapic);

	if (!vmx_apic_delivers(v)) {
		v->apic_waits = irr >= 0;
		return;
	}
	update_eoi_exits(v);
	vmwrite(GUEST_INTR_STATUS,
		(vmread(GUEST_INTR_STATUS) & ~RVI_MASK) | (irr < 0 ? 0 : irr));
}

void vmx_apic_update(struct vmx_vcpu *v)
{
	/* The CPU goes by this, not by ISR: it would miss an EOI that it has not done itself. */
	if (vmx_apic_delivers(v))
		vmwrite(GUEST_INTR_STATUS, max(lapic_highest_isr(v->lapic), 0) << SVI_SHIFT);
	vmx_apic_irr(v);
}

bool vmx_apic_ready(struct vmx_vcpu *v)
{
	return v->lapic && lapic_deliverable(v->lapic) >= 0 && vmx_intr_open();
}

/*
 * Without virtual-interrupt delivery: when should the CPU tell that the guest has
 * lowered its TPR?  VM entry wants a threshold that is not above the TPR.
 */
void vmx_apic_threshold(struct vmx_vcpu *v)
{
	u32 threshold = 0, tpr;
	int irr;

	if (!(vmx_caps.features & TVX_FEAT_TPR_SHADOW) || vmx_apic_delivers(v))
		return;
	irr = lapic_highest_irr(v->lapic);
	tpr = lapic_reg(v->lapic, APIC_TASKPRI) >> 4 & 0xf;
	if (irr >= 0 && irr >> 4 <= tpr)
		threshold = irr >> 4;
	if (threshold == v->tpr_threshold)
		return;
	v->tpr_threshold = threshold;
	vmwrite(TPR_THRESHOLD, threshold);
}
