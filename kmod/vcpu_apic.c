// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local APIC of a vCPU, for user space.  The VMCS is loaded meanwhile: it goes along
 * with the registers, and what is loaded has caught up with the host's TSC.
 */
#include <linux/errno.h>
#include <linux/nospec.h>
#include <asm/msr.h>

#include "objects.h"

/* Return: 0; -EOPNOTSUPP: there is none; as vmx_load(). */
static int load(struct tvx_vcpu *vcpu)
{
	return vcpu->hw.lapic ? vmx_load(&vcpu->hw) : -EOPNOTSUPP;
}

/* @effects: LAPIC_*, or an error to hand on. [loaded] */
static int settle(struct tvx_vcpu *vcpu, int effects)
{
	if (effects <= 0)
		return effects;
	tvx_irq_effects(vcpu, effects & ~LAPIC_EOI);
	vcpu->eoi_due |= effects & LAPIC_EOI;
	return 0;
}

long tvx_vcpu_get_apic(void *object, void *arg)
{
	struct tvx_vcpu *vcpu = object;
	int err = load(vcpu);

	if (err)
		return err;
	lapic_get(&vcpu->lapic, rdtsc(), arg);
	vmx_unload(&vcpu->hw);
	return 0;
}

long tvx_vcpu_set_apic(void *object, void *arg)
{
	const struct tvx_apic *args = arg;
	struct tvx_vcpu *vcpu = object;
	int err;

	if (vcpu->hw.lapic && args->base >> vcpu->hw.policy->maxphyaddr)
		return -EINVAL;
	err = load(vcpu);
	if (err)
		return err;
	err = settle(vcpu, lapic_set(&vcpu->lapic, rdtsc(), arg) ?: LAPIC_MODE);
	vmx_unload(&vcpu->hw);
	if (!err)
		vcpu->eoi_due = false;
	return err;
}

/* One register, as the guest would access it. [loaded] */
static int access(struct tvx_vcpu *vcpu, struct tvx_apic_access *args)
{
	u32 offset = array_index_nospec(args->offset, LAPIC_REGS_SIZE);
	struct lapic *a = &vcpu->lapic;
	int effects = LAPIC_NOTHING;

	if (args->offset >= LAPIC_REGS_SIZE || !lapic_is_on(a) || lapic_is_x2apic(a))
		return -EINVAL;
	if (args->flags & TVX_APIC_WRITE && vcpu->eoi_due)
		return -EBUSY;
	if (args->flags & TVX_APIC_WRITE)
		return settle(vcpu, lapic_write(a, offset, args->value, rdtsc()));
	if (lapic_sync(a))
		effects = LAPIC_UPDATE;
	args->value = lapic_read(a, offset, rdtsc());
	return settle(vcpu, effects);
}

long tvx_vcpu_apic_access(void *object, void *arg)
{
	struct tvx_vcpu *vcpu = object;
	int err = load(vcpu);

	if (err)
		return err;
	err = access(vcpu, arg);
	vmx_unload(&vcpu->hw);
	return err;
}
