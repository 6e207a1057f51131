// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU's whole state, out and in, for user space: struct tvx_state. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/page.h>
#include <asm/processor-flags.h>
#include <asm/vmx.h>

#include "intr.h"
#include "ops.h"
#include "state.h"
#include "switch.h"

#define SEGMENT(name) { GUEST_##name##_SELECTOR, GUEST_##name##_BASE, \
			GUEST_##name##_LIMIT, GUEST_##name##_AR_BYTES }

static const struct {
	u32 selector, base, limit, ar;
} segments[] = {
	[TVX_ES] = SEGMENT(ES), [TVX_CS] = SEGMENT(CS), [TVX_SS] = SEGMENT(SS),
	[TVX_DS] = SEGMENT(DS), [TVX_FS] = SEGMENT(FS), [TVX_GS] = SEGMENT(GS),
	[TVX_LDTR] = SEGMENT(LDTR), [TVX_TR] = SEGMENT(TR),
};

/* Type, S, DPL, P, AVL, L, D/B, G, unusable: the rest is reserved. */
#define AR_DEFINED	0x1f0ffu
#define DR6_SETTABLE	0x1e00full

static void get_segments(struct tvx_state *st)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(segments); i++)
		st->seg[i] = (struct tvx_segment){
			.base = vmread(segments[i].base),
			.limit = vmread(segments[i].limit),
			.ar = vmread(segments[i].ar),
			.selector = vmread(segments[i].selector),
		};
	st->gdtr = (struct tvx_dtable){ .base = vmread(GUEST_GDTR_BASE),
					.limit = vmread(GUEST_GDTR_LIMIT) };
	st->idtr = (struct tvx_dtable){ .base = vmread(GUEST_IDTR_BASE),
					.limit = vmread(GUEST_IDTR_LIMIT) };
}

static void set_segments(const struct tvx_state *st)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(segments); i++) {
		vmwrite(segments[i].base, st->seg[i].base);
		vmwrite(segments[i].limit, st->seg[i].limit);
		vmwrite(segments[i].ar, st->seg[i].ar);
		vmwrite(segments[i].selector, st->seg[i].selector);
	}
	vmwrite(GUEST_GDTR_BASE, st->gdtr.base);
	vmwrite(GUEST_GDTR_LIMIT, st->gdtr.limit);
	vmwrite(GUEST_IDTR_BASE, st->idtr.base);
	vmwrite(GUEST_IDTR_LIMIT, st->idtr.limit);
}

static void get_control(struct vmx_vcpu *v, struct tvx_state *st)
{
	unsigned int i;

	st->cr0 = vmx_read_cr0(v);
	st->cr2 = v->cr2;
	st->cr3 = vmx_read_cr3(v);
	st->cr4 = vmx_read_cr4(v);
	st->cr8 = vmx_read_cr8(v);
	st->xcr0 = v->xcr0;
	st->efer = vmx_read_efer(v);
	for (i = 0; i < 4; i++)
		st->pdpte[i] = vmread(GUEST_PDPTR0 + 2 * i);
}

static void set_control(struct vmx_vcpu *v, const struct tvx_state *st)
{
	unsigned int i;

	regs_set_control(v, st->cr0, st->cr3, st->cr4, st->efer);
	v->cr2 = st->cr2;
	vmx_write_cr8(v, st->cr8);
	if (st->xcr0 != v->xcr0)
		vmx_write_xcr0(v, st->xcr0);
	for (i = 0; i < 4; i++)
		vmwrite(GUEST_PDPTR0 + 2 * i, st->pdpte[i]);
}

static void get_events(struct vmx_vcpu *v, struct tvx_state *st)
{
	st->injected = v->injected;
	st->exception = v->exception;
	st->intr = v->intr;
	st->nmi_pending = v->nmi_pending;
	st->shadow = vmread(GUEST_INTERRUPTIBILITY_INFO) &
		     (INTR_SHADOWS | GUEST_INTR_STATE_NMI);
	st->activity = v->activity;
	st->pending_dbg = vmread(GUEST_PENDING_DBG_EXCEPTIONS);
}

/* What is none, is nothing: vmx_events_wait(). */
static struct tvx_event event_or_none(const struct tvx_event *e)
{
	return e->flags ? *e : (struct tvx_event){ };
}

static void set_events(struct vmx_vcpu *v, const struct tvx_state *st)
{
	v->injected = event_or_none(&st->injected);
	v->exception = event_or_none(&st->exception);
	v->intr = event_or_none(&st->intr);
	v->nmi_pending = st->nmi_pending;
	v->activity = st->activity;
	vmwrite(GUEST_INTERRUPTIBILITY_INFO, st->shadow);
	vmwrite(GUEST_PENDING_DBG_EXCEPTIONS, st->pending_dbg);
}

void vmx_get_state(struct vmx_vcpu *v, struct tvx_state *st)
{
	unsigned int i;

	for (i = 0; i < TVX_NR_GPRS; i++)
		st->gpr[i] = v->gpr[i];
	st->gpr[TVX_RSP] = vmread(GUEST_RSP);
	st->rip = vmread(GUEST_RIP);
	st->rflags = vmread(GUEST_RFLAGS);
	get_segments(st);
	get_control(v, st);
	memcpy(st->dr, v->dr, sizeof(st->dr));
	st->dr6 = v->dr6;
	st->dr7 = vmread(GUEST_DR7);
	get_events(v, st);
}

static bool bad_base(u64 base)
{
	return !__is_canonical_address(base, boot_cpu_has(X86_FEATURE_LA57) ? 57 : 48);
}

static bool bad_table(const struct tvx_dtable *t)
{
	return bad_base(t->base) || t->reserved[0] || t->reserved[1] || t->reserved[2];
}

static int check_segments(const struct tvx_state *st)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(st->seg); i++)
		if (st->seg[i].ar & ~AR_DEFINED || bad_base(st->seg[i].base) ||
		    st->seg[i].reserved[0] || st->seg[i].reserved[1] || st->seg[i].reserved[2])
			return -EINVAL;
	return bad_table(&st->gdtr) || bad_table(&st->idtr) ? -EINVAL : 0;
}

static int check_xcr0(struct vmx_vcpu *v, u64 xcr0)
{
	if (xcr0 == v->xcr0)
		return 0;
	return vmx_xcr0_supported() ? vmx_write_xcr0(v, xcr0) : -EINVAL;
}

static int check_events(const struct vmx_vcpu *v, const struct tvx_state *st)
{
	const u32 both = TVX_SHADOW_STI | TVX_SHADOW_MOV_SS;

	if (event_check(&st->injected) || event_check(&st->exception) || event_check(&st->intr))
		return -EINVAL;
	if (st->nmi_pending > 2 || st->activity > (v->lapic ? TVX_WAIT_SIPI : TVX_SHUTDOWN))
		return -EINVAL;
	if (st->shadow & ~(both | TVX_SHADOW_NMI) || (st->shadow & both) == both)
		return -EINVAL;
	return 0;
}

static int check_state(struct vmx_vcpu *v, const struct tvx_state *st)
{
	if (st->sections & TVX_STATE_SEGMENTS && check_segments(st))
		return -EINVAL;
	if (st->sections & TVX_STATE_DEBUG &&
	    (st->dr7 >> 32 || (st->dr6 & ~DR6_SETTABLE) != (DR6_RESERVED & ~DR6_SETTABLE)))
		return -EINVAL;
	if (st->sections & TVX_STATE_EVENTS && check_events(v, st))
		return -EINVAL;
	if (st->sections & TVX_STATE_CONTROL &&
	    (st->cr8 > 15 || regs_check_control(v, st->cr0, st->cr4, st->efer) ||
	     check_xcr0(v, st->xcr0)))
		return -EINVAL;
	return 0;
}

int vmx_set_state(struct vmx_vcpu *v, const struct tvx_state *st)
{
	unsigned int i;
	int err;

	err = check_state(v, st);
	if (err)
		return err;
	if (st->sections & TVX_STATE_GPRS) {
		for (i = 0; i < TVX_NR_GPRS; i++)
			v->gpr[i] = st->gpr[i];
		vmwrite(GUEST_RSP, st->gpr[TVX_RSP]);
		vmwrite(GUEST_RIP, st->rip);
		vmwrite(GUEST_RFLAGS, st->rflags | X86_EFLAGS_FIXED);
	}
	if (st->sections & TVX_STATE_SEGMENTS)
		set_segments(st);
	if (st->sections & TVX_STATE_CONTROL)
		set_control(v, st);
	if (st->sections & TVX_STATE_DEBUG) {
		memcpy(v->dr, st->dr, sizeof(v->dr));
		v->dr6 = st->dr6;
		vmwrite(GUEST_DR7, st->dr7 | 0x400);
		switch_dr7_changed(v);
	}
	if (st->sections & TVX_STATE_EVENTS)
		set_events(v, st);
	return 0;
}
