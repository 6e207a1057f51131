// SPDX-License-Identifier: GPL-2.0-only
/* EPT violations and misconfigurations. SDM: exit qualification for EPT violations. */
#include <linux/bug.h>
#include <linux/mm.h>
#include <asm/vmx.h>

#include "../trace.h"
#include "../vmx/ops.h"
#include "exits.h"

#define ACCESS		(TVX_MEM_READ | TVX_MEM_WRITE | TVX_MEM_FETCH)

#define QUAL_READ	BIT(0)
#define QUAL_WRITE	BIT(1)
#define QUAL_FETCH	BIT(2)
#define QUAL_GLA_VALID	BIT(7)
#define QUAL_FINAL	BIT(8)	/* the access itself, not its page walk */
#define QUAL_NMI_IRET	BIT(12)	/* an IRET had unblocked NMIs before it faulted */

static __always_inline struct tvx_access access_of(unsigned long qual)
{
	struct tvx_access a = { .gpa = vmread(GUEST_PHYSICAL_ADDRESS) };

	if (qual & QUAL_READ)
		a.flags |= TVX_MEM_READ;
	if (qual & QUAL_WRITE)
		a.flags |= TVX_MEM_WRITE;
	if (qual & QUAL_FETCH)
		a.flags |= TVX_MEM_FETCH;
	if (qual & QUAL_GLA_VALID) {
		a.gla = vmread(GUEST_LINEAR_ADDRESS);
		a.flags |= TVX_MEM_GLA_VALID;
		if (unlikely(!(qual & QUAL_FINAL)))
			a.flags |= TVX_MEM_PAGE_WALK;
	}
	return a;
}

/* In a loaded VMCS. */
static __always_inline int mmio(struct tvx_vcpu *vcpu, const struct tvx_access *a,
				enum tvx_mem_result result)
{
	struct tvx_access told = *a;

	if (vcpu->hw.lapic && unlikely(lapic_is_moved(vcpu->hw.lapic)))
		told.flags |= TVX_MEM_APIC_MOVED;
	if (result == TVX_MEM_RDONLY)
		told.flags |= TVX_MEM_READONLY;
	return exit_mmio(vcpu, &told);
}

/* A page that the process has is mapped at once; the rest may have to sleep. */
static noinline int serve(struct tvx_vcpu *vcpu, u64 gpa, u64 gla, u32 flags)
{
	const struct tvx_access a = { .gpa = gpa, .gla = gla, .flags = flags };
	enum tvx_mem_result result;
	bool open;

	/* Whoever holds mmu_lock may wait for this CPU to take an interrupt. */
	vmx_pause(&vcpu->hw);
	result = tvx_mem_fault_now(vcpu->vm, &vcpu->fault, gpa, flags & ACCESS);
	open = vmx_reopen(&vcpu->hw);
	if (result == TVX_MEM_ERROR) {
		vcpu->access = a;
		return EXIT_SLOW;
	}
	/* What was found is found again at the next try. */
	if (unlikely(!open))
		return EXIT_ENDED;
	trace_tvx_ept_fault(vcpu->id, gpa, flags, result);
	return result == TVX_MEM_MAPPED ? EXIT_RESUME : mmio(vcpu, &a, result);
}

int exit_ept_violation(struct tvx_vcpu *vcpu)
{
	unsigned long qual = vmread(EXIT_QUALIFICATION);
	struct tvx_access a = access_of(qual);

	/* The IRET is executed again: NMIs stay blocked until it gets through. */
	if (qual & QUAL_NMI_IRET && !vcpu->hw.injected.flags)
		vmwrite(GUEST_INTERRUPTIBILITY_INFO,
			vmread(GUEST_INTERRUPTIBILITY_INFO) | GUEST_INTR_STATE_NMI);

	if (!tvx_mem_known_hole(vcpu->vm, &vcpu->fault, a.gpa))
		return serve(vcpu, a.gpa, a.gla, a.flags);
	trace_tvx_ept_fault(vcpu->id, a.gpa, a.flags, TVX_MEM_NO_SLOT);
	return mmio(vcpu, &a, TVX_MEM_NO_SLOT);
}

/* The slots changed meanwhile: there is none any more, or it is read-only now. */
static int late_mmio(struct tvx_vcpu *vcpu, enum tvx_mem_result result)
{
	int ret;

	if (vmx_load(&vcpu->hw))
		return -EINTR;
	ret = mmio(vcpu, &vcpu->access, result);
	vmx_unload(&vcpu->hw);
	return ret;
}

int exit_ept_violation_slow(struct tvx_vcpu *vcpu)
{
	const struct tvx_access *a = &vcpu->access;
	struct tvx_run_out *out = &vcpu->run->out;
	struct tvx_fault *fault = &vcpu->fault;
	enum tvx_mem_result result;

	result = tvx_mem_fault(vcpu->vm, fault);
	trace_tvx_ept_fault(vcpu->id, a->gpa, a->flags, result);
	switch (result) {
	case TVX_MEM_MAPPED:
		return EXIT_RESUME;
	case TVX_MEM_NO_SLOT:
	case TVX_MEM_RDONLY:
		return late_mmio(vcpu, result);
	default:
		if (fault->error == EINTR) {
			vcpu->exit = TVX_EXIT_INTERRUPTED;
			return -EINTR;
		}
		out->fault.gpa = a->gpa;
		out->fault.hva = fault->hva | offset_in_page(a->gpa);
		out->fault.flags = a->flags;
		out->fault.error = fault->error;
		return exit_user(vcpu, TVX_EXIT_MEMORY_FAULT);
	}
}

int exit_ept_misconfig(struct tvx_vcpu *vcpu)
{
	vcpu->access = (struct tvx_access){ .gpa = vmread(GUEST_PHYSICAL_ADDRESS) };
	return EXIT_SLOW;
}

/* Our tables hold something that no processor accepts: a bug, and this is its evidence. */
int exit_ept_misconfig_slow(struct tvx_vcpu *vcpu)
{
	struct tvx_vm *vm = vcpu->vm;
	struct ept_entry entry = { };
	u64 gpa = vcpu->access.gpa;

	spin_lock(&vm->mmu_lock);
	ept_lookup(&vm->space.ept, gpa, &entry);
	spin_unlock(&vm->mmu_lock);
	WARN_ONCE(1, "tinyvmx: EPT misconfiguration at guest-physical 0x%llx: level %d, host 0x%llx, flags 0x%llx\n",
		  gpa, entry.level, entry.hpa, entry.flags);
	tvx_vm_kill(vm, "EPT misconfiguration");
	return -EIO;
}
