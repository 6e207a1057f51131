// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages to local APICs: from vCPUs (IPIs), from user space (TVX_VM_MSI) and from
 * eventfds; and what the thread that runs a vCPU does about them.
 *
 * A sender only posts, and wakes or interrupts whoever runs the vCPU.  The registers
 * are the owner's: it takes in what was posted before it enters the guest.
 */
#include <linux/lockdep.h>
#include <linux/nospec.h>
#include <linux/spinlock.h>
#include <asm/msr.h>

#include "exits/exits.h"
#include "objects.h"

void tvx_irq_attach(struct tvx_vcpu *vcpu)
{
	struct tvx_vm *vm = vcpu->vm;
	unsigned long flags;

	lockdep_assert_held(&vm->lock);
	raw_spin_lock_irqsave(&vm->irq_lock, flags);
	vm->vcpus[vcpu->id] = vcpu;
	vm->nr_ids = max(vm->nr_ids, vcpu->id + 1);
	raw_spin_unlock_irqrestore(&vm->irq_lock, flags);
}

/* When it returns no sender holds the vCPU any more. */
void tvx_irq_detach(struct tvx_vcpu *vcpu)
{
	struct tvx_vm *vm = vcpu->vm;
	unsigned long flags;

	raw_spin_lock_irqsave(&vm->irq_lock, flags);
	WRITE_ONCE(vm->vcpus[vcpu->id], NULL);
	raw_spin_unlock_irqrestore(&vm->irq_lock, flags);
}

/* ---- sending ------------------------------------------------------------------ */

/* Return: whether the local APIC takes it. */
static bool post(struct tvx_vcpu *vcpu, const struct lapic_message *m)
{
	bool taken = true, first;

	switch (m->delivery) {
	case LAPIC_FIXED:
	case LAPIC_LOWEST:
		/* One that is not taken may be an error to tell. */
		taken = lapic_post(&vcpu->lapic, m->vector, m->level, &first);
		/* Whoever posted before us wakes it, and it takes in both. */
		if (!first)
			return taken;
		break;
	case LAPIC_NMI:
		lapic_request(&vcpu->lapic, LAPIC_REQ_NMI);
		break;
	case LAPIC_INIT:
		if (m->deassert)
			return true;
		lapic_request(&vcpu->lapic, LAPIC_REQ_INIT);
		break;
	case LAPIC_STARTUP:
		/* The first one counts: whoever has been started takes no other. */
		if (test_bit(LAPIC_REQ_SIPI, &vcpu->lapic.requests))
			return true;
		WRITE_ONCE(vcpu->lapic.sipi_vector, m->vector);
		lapic_request(&vcpu->lapic, LAPIC_REQ_SIPI);
		break;
	default:
		/* No SMM; an ExtINT comes by user space's 8259 and its event. */
		return false;
	}
	tvx_wake(vcpu);
	return taken;
}

/* A vCPU that can be told from its number alone: what nearly all IPIs want. */
static bool is_plain(const struct lapic_message *m)
{
	return !m->shorthand && !m->logical && m->dest < TVX_MAX_VCPUS &&
	       m->delivery != LAPIC_LOWEST;
}

static struct tvx_vcpu *pick(struct tvx_vm *vm, struct tvx_vcpu *from, u32 id,
			     const struct lapic_message *m)
{
	/* The guest's choice: nothing beyond the array is to be loaded, not even speculatively. */
	struct tvx_vcpu *vcpu = vm->vcpus[array_index_nospec(id, TVX_MAX_VCPUS)];

	return vcpu && lapic_matches(&vcpu->lapic, m, vcpu == from) ? vcpu : NULL;
}

/* All of equal priority here: one after the other. */
static int send_lowest(struct tvx_vm *vm, struct tvx_vcpu *from, const struct lapic_message *m)
{
	struct tvx_vcpu *vcpu;
	u32 i, id;

	for (i = 1; i <= vm->nr_ids; i++) {
		id = (vm->last_lowest + i) % vm->nr_ids;
		vcpu = pick(vm, from, id, m);
		if (vcpu && post(vcpu, m)) {
			vm->last_lowest = id;
			return 1;
		}
	}
	return 0;
}

static int send_all(struct tvx_vm *vm, struct tvx_vcpu *from, const struct lapic_message *m)
{
	struct tvx_vcpu *vcpu;
	int taken = 0;
	u32 id;

	for (id = 0; id < vm->nr_ids; id++) {
		vcpu = pick(vm, from, id, m);
		if (vcpu)
			taken += post(vcpu, m);
	}
	return taken;
}

int tvx_irq_send(struct tvx_vm *vm, struct tvx_vcpu *from, const struct lapic_message *m)
{
	struct tvx_vcpu *vcpu;
	unsigned long flags;
	int taken;

	raw_spin_lock_irqsave(&vm->irq_lock, flags);
	if (likely(is_plain(m))) {
		vcpu = pick(vm, from, m->dest, m);
		taken = vcpu && post(vcpu, m);
	} else if (m->delivery == LAPIC_LOWEST) {
		taken = send_lowest(vm, from, m);
	} else {
		taken = send_all(vm, from, m);
	}
	raw_spin_unlock_irqrestore(&vm->irq_lock, flags);
	return taken;
}

void tvx_irq_kick_all(struct tvx_vm *vm)
{
	unsigned long flags;
	u32 id;

	raw_spin_lock_irqsave(&vm->irq_lock, flags);
	for (id = 0; id < vm->nr_ids; id++) {
		if (!vm->vcpus[id])
			continue;
		atomic_set(&vm->vcpus[id]->kick, 1);
		tvx_wake(vm->vcpus[id]);
	}
	raw_spin_unlock_irqrestore(&vm->irq_lock, flags);
}

/* ---- the owner's side ------------------------------------------------------------ */

/*
 * While an NMI is blocked, or on its way in, another one waits, and no more. Else the
 * CPU would have taken one before a second came: two wait.
 */
static void take_nmis(struct tvx_vcpu *vcpu)
{
	unsigned long *requests = &vcpu->lapic.requests;
	u32 come = test_and_clear_bit(LAPIC_REQ_NMI, requests);
	struct vmx_vcpu *hw = &vcpu->hw;
	u32 pending = hw->nmi_pending;

	come += test_and_clear_bit(LAPIC_REQ_NMI2, requests);
	if (come)
		hw->nmi_pending = max(pending, min(pending + come, vmx_nmi_blocked(hw) ? 1u : 2u));
}

bool tvx_irq_take_in(struct tvx_vcpu *vcpu, u64 now)
{
	struct lapic *a = &vcpu->lapic;
	bool changed = false;

	if (now >= a->deadline)
		changed = lapic_timer(a, now);
	if (lapic_has_posted(a))
		changed |= lapic_sync(a);
	if (changed)
		vmx_apic_irr(&vcpu->hw);
	if (likely(!READ_ONCE(a->requests)))
		return true;
	take_nmis(vcpu);
	return !READ_ONCE(a->requests);
}

/* Return: more effects. */
static int send_icr(struct tvx_vcpu *vcpu)
{
	struct lapic *a = &vcpu->lapic;
	u32 icr = lapic_reg(a, APIC_ICR);
	struct lapic_message m;

	/* A fixed one to itself needs no posting. */
	if ((icr & (APIC_DEST_ALLBUT | APIC_MODE_MASK)) == APIC_DEST_SELF)
		return lapic_self(a, icr & APIC_VECTOR_MASK);
	m = lapic_icr(a);
	tvx_irq_send(vcpu->vm, vcpu, &m);
	return LAPIC_NOTHING;
}

int tvx_irq_effects(struct tvx_vcpu *vcpu, int effects)
{
	if (effects & LAPIC_IPI)
		effects |= send_icr(vcpu);
	if (effects & LAPIC_MODE)
		vmx_apic_mode(&vcpu->hw);
	else if (effects & LAPIC_UPDATE)
		vmx_apic_update(&vcpu->hw);
	else if (effects & LAPIC_CAME)
		vmx_apic_irr(&vcpu->hw);
	if (!(effects & LAPIC_EOI))
		return EXIT_RESUME;
	/* The instruction is finished all but for the telling. */
	vcpu->no_next = true;
	vcpu->run->out.eoi.vector = vcpu->lapic.eoi_vector;
	return exit_user(vcpu, TVX_EXIT_EOI);
}

static int startup(struct tvx_vcpu *vcpu)
{
	int err;

	/* Whoever is not waiting for it takes no notice. */
	if (vcpu->hw.activity != TVX_WAIT_SIPI)
		return 0;
	err = vmx_load(&vcpu->hw);
	if (err)
		return err;
	vmx_vcpu_startup(&vcpu->hw, READ_ONCE(vcpu->lapic.sipi_vector));
	vmx_unload(&vcpu->hw);
	return 0;
}

int tvx_irq_requests(struct tvx_vcpu *vcpu)
{
	unsigned long requests = lapic_take_requests(&vcpu->lapic);
	int err = 0;

	if (requests & BIT(LAPIC_REQ_INIT)) {
		err = vmx_vcpu_reset(&vcpu->hw);
		/* NMIs of before it are gone with the rest. */
		requests &= ~(BIT(LAPIC_REQ_NMI) | BIT(LAPIC_REQ_NMI2));
		vcpu->eoi_due = false;
	}
	/* What has come since is for the next section, which knows whether it is blocked. */
	if (requests & BIT(LAPIC_REQ_NMI))
		lapic_request(&vcpu->lapic, LAPIC_REQ_NMI);
	if (requests & BIT(LAPIC_REQ_NMI2))
		lapic_request(&vcpu->lapic, LAPIC_REQ_NMI);
	if (!err && requests & BIT(LAPIC_REQ_SIPI))
		err = startup(vcpu);
	/* Not as new ones: a STARTUP that has come meanwhile stays. */
	if (err && requests & BIT(LAPIC_REQ_INIT))
		set_bit(LAPIC_REQ_INIT, &vcpu->lapic.requests);
	if (err && requests & BIT(LAPIC_REQ_SIPI))
		set_bit(LAPIC_REQ_SIPI, &vcpu->lapic.requests);
	return err;
}
