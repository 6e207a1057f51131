// SPDX-License-Identifier: GPL-2.0-only
/*
 * TVX_VCPU_RUN: take the in-half, run the guest until user space is needed,
 * give the out-half.
 *
 *	run ── section ── one entry ── exit row: fast()
 *	 │        └── again, while EXIT_RESUME and nothing else wants the CPU
 *	 └── slow() and again, while EXIT_SLOW
 */
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/sched.h>
#include <asm/msr.h>
#include <asm/vmx.h>

#include "exits/exits.h"
#include "objects.h"
#include "trace.h"
#include "vmx/ops.h"

/* Why a section ended, beside what handlers return (exits.h): no errno, no EXIT_*. */
#define SECTION_ENDED	4	/* somebody else wants this thread or CPU */

/* ---- the in-half ----------------------------------------------------------- */

/* The one reader: user space may write there meanwhile, so read once and use the copy. */
static void take_in(struct tvx_vcpu *vcpu)
{
	memcpy(&vcpu->in, &vcpu->run->in, sizeof(vcpu->in));
	barrier();
}

static int check_in(const struct tvx_run_in *in)
{
	if (in->requests & ~(TVX_REQ_INTR_WINDOW | TVX_REQ_NMI_WINDOW))
		return -EINVAL;
	if (in->requests & TVX_REQ_NMI_WINDOW && !(vmx_caps.features & TVX_FEAT_VNMI))
		return -EINVAL;
	if (in->slice && !(vmx_caps.features & TVX_FEAT_SLICE))
		return -EINVAL;
	if (in->dirty >= TVX_DIRTY_RFLAGS << 1 || in->reserved)
		return -EINVAL;
	return 0;
}

/* In a loaded VMCS. */
static void load_dirty(struct tvx_vcpu *vcpu)
{
	struct tvx_run_in *in = &vcpu->in;
	unsigned long gprs = in->dirty & GENMASK(TVX_NR_GPRS - 1, 0);
	unsigned int i;

	for_each_set_bit(i, &gprs, TVX_NR_GPRS)
		vcpu->hw.gpr[i] = in->gpr[i];
	if (gprs & BIT(TVX_RSP))
		vmwrite(GUEST_RSP, in->gpr[TVX_RSP]);
	if (in->dirty & TVX_DIRTY_RFLAGS)
		vmwrite(GUEST_RFLAGS, in->rflags | X86_EFLAGS_FIXED);
	if (in->dirty & TVX_DIRTY_RIP)
		exit_set_rip(vcpu, in->rip);
	in->dirty = 0;
}

/* ---- the out-half ------------------------------------------------------------- */

/* In the section, at an exit to user space. */
static void fill_out(struct tvx_vcpu *vcpu, const struct exit_row *row)
{
	struct tvx_run_out *out = &vcpu->out;
	struct vmx_vcpu *hw = &vcpu->hw;
	unsigned int i;

	for (i = 0; i < TVX_NR_GPRS; i++)
		out->gpr[i] = hw->gpr[i];
	out->gpr[TVX_RSP] = vmread(GUEST_RSP);
	out->rip = vmread(GUEST_RIP);
	out->rflags = vmread(GUEST_RFLAGS);
	out->next_rip = out->rip;
	out->insn_len = 0;
	if (row && row->insn) {
		out->insn_len = vmread(VM_EXIT_INSTRUCTION_LEN);
		out->next_rip = out->rip + out->insn_len;
	}
	out->flags = 0;
	if (out->rflags & X86_EFLAGS_IF && vmx_intr_open(hw))
		out->flags |= TVX_OUT_INTR_OPEN;
}

/* The one writer of the out-half; nobody reads it back. */
static void give_out(struct tvx_vcpu *vcpu)
{
	struct tvx_run_out *out = &vcpu->out;
	struct vmx_vcpu *hw = &vcpu->hw;

	if (hw->exception.flags)
		out->flags |= TVX_OUT_PENDING_EXC;
	if (hw->nmi_pending)
		out->flags |= TVX_OUT_PENDING_NMI;
	if (hw->intr.flags)
		out->flags |= TVX_OUT_PENDING_INTR;
	trace_tvx_user_exit(vcpu->id, out->exit);
	memcpy(&vcpu->run->out, out, sizeof(*out));
}

static int user_exit(struct tvx_vcpu *vcpu, u32 exit)
{
	vcpu->out.exit = exit;
	return EXIT_USER;
}

/* ---- one entry ------------------------------------------------------------------- */

/* Interrupts off: does anybody want this thread to come out? */
static bool must_leave(struct tvx_vcpu *vcpu)
{
	return need_resched() || signal_pending(current) || atomic_read(&vcpu->kick) ||
	       test_thread_flag(TIF_NOTIFY_RESUME);
}

static int entry_failed(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	struct tvx_run_out *out = &vcpu->out;

	vmx_undeliver(hw);
	out->fail.insn_error = hw->entry_error;
	out->hw_reason = hw->exit_reason;
	if (!hw->entry_error) {
		out->hw_qual = vmread(EXIT_QUALIFICATION);
		out->fail.reason = (u16)hw->exit_reason == EXIT_REASON_MSR_LOAD_FAIL ?
				   TVX_FAIL_MSR_LOADING : TVX_FAIL_GUEST_STATE;
		return user_exit(vcpu, TVX_EXIT_FAIL_ENTRY);
	}
	/* Controls and host state are ours alone: a bug. */
	vmx_log_entry_failure(hw);
	tvx_vm_kill(vcpu->vm, "the hardware refused our controls or host state");
	out->fail.reason = TVX_FAIL_CONTROLS;
	return user_exit(vcpu, TVX_EXIT_FAIL_ENTRY);
}

static void account(struct tvx_vcpu *vcpu, u32 basic, u64 since)
{
	if (basic < TVX_NR_EXIT_REASONS) {
		vcpu->stats.reason[basic].count++;
		vcpu->stats.reason[basic].cycles += rdtsc() - since;
	}
}

static int dispatch(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	u32 basic = (u16)hw->exit_reason;
	const struct exit_row *row;
	int ret;

	if (unlikely(hw->entry_error || hw->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY)) {
		ret = entry_failed(vcpu);
		fill_out(vcpu, NULL);
		return ret;
	}
	row = exit_row(basic);
	if (trace_tvx_exit_enabled())
		trace_tvx_exit(vcpu->id, hw->exit_reason, vmread(GUEST_RIP),
			       vmread(EXIT_QUALIFICATION), vmread(VM_EXIT_INTR_INFO));
	/* An exit by an instruction interrupts no delivery. */
	if (!row->insn)
		vmx_recover_event(hw);
	ret = row->fast(vcpu);
	if (hw->activity == TVX_SHUTDOWN && ret == EXIT_RESUME)
		ret = user_exit(vcpu, TVX_EXIT_SHUTDOWN);
	if (ret == EXIT_USER || ret == EXIT_SLOW) {
		vcpu->out.hw_reason = hw->exit_reason;
		vcpu->out.hw_qual = vmread(EXIT_QUALIFICATION);
		fill_out(vcpu, row);
	}
	return ret;
}

/* One entry and its exit, interrupts on before and after. */
static int enter_once(struct tvx_vcpu *vcpu, u64 slice)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	u64 entry, exit;
	int ret;

	local_irq_disable();
	if (must_leave(vcpu) || !vmx_ready(hw)) {
		local_irq_enable();
		return SECTION_ENDED;
	}
	if (vmx_deliver_events(hw, vcpu->in.requests))
		trace_tvx_inject(vcpu->id, hw->delivering.type, hw->delivering.vector,
				 hw->delivering.error_code);
	if (trace_tvx_enter_enabled())
		trace_tvx_enter(vcpu->id, vmread(GUEST_RIP));
	entry = rdtsc();
	ret = vmx_run(hw, slice);
	exit = rdtsc();
	local_irq_enable();
	if (unlikely(ret))
		return SECTION_ENDED;

	vcpu->stats.guest_cycles += exit - entry;
	ret = dispatch(vcpu);
	account(vcpu, (u16)hw->exit_reason, exit);
	return ret;
}

/* ---- the section -------------------------------------------------------------------- */

/* The host's time slice, so that it gets its interrupts, and the caller's. */
static u64 next_slice(struct tvx_vcpu *vcpu, u64 end)
{
	u64 now;

	if (!vcpu->in.slice)
		return tvx_slice;
	now = rdtsc();
	return now >= end ? 0 : min(tvx_slice, end - now);
}

static int run_section(struct tvx_vcpu *vcpu, u64 end)
{
	int ret;

	if (vmx_enter(&vcpu->hw)) {
		/* Hotplug or suspend is at it. */
		schedule_timeout_interruptible(1);
		return SECTION_ENDED;
	}
	load_dirty(vcpu);
	do {
		u64 slice = next_slice(vcpu, end);

		if (unlikely(!slice)) {
			ret = user_exit(vcpu, TVX_EXIT_SLICE);
			fill_out(vcpu, NULL);
			break;
		}
		ret = enter_once(vcpu, slice);
	} while (ret == EXIT_RESUME);
	if (ret == SECTION_ENDED)
		fill_out(vcpu, NULL);
	vmx_leave(&vcpu->hw);
	vcpu->stats.cpu = vcpu->hw.cpu;
	return ret;
}

/* ---- the ioctl ------------------------------------------------------------------------- */

/* Before the first entry: states in which there is nothing to enter. */
static int without_entry(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	int ret;

	ret = vmx_load_wait(hw);
	if (ret) {
		vcpu->out.exit = TVX_EXIT_INTERRUPTED;
		return ret;
	}
	ret = EXIT_RESUME;
	load_dirty(vcpu);
	if (unlikely(atomic_read(&vcpu->kick)) && atomic_xchg(&vcpu->kick, 0)) {
		ret = user_exit(vcpu, TVX_EXIT_INTERRUPTED);
	} else if (hw->activity == TVX_SHUTDOWN) {
		ret = user_exit(vcpu, TVX_EXIT_SHUTDOWN);
	} else if (hw->activity == TVX_HALTED && vmx_event_ready(hw)) {
		hw->activity = TVX_ACTIVE;
	} else if (hw->activity == TVX_HALTED) {
		ret = user_exit(vcpu, TVX_EXIT_HLT);
	} else if (!(vmx_caps.features & TVX_FEAT_UNRESTRICTED) &&
		   !(vmx_read_cr0(hw) & X86_CR0_PE)) {
		vcpu->out.fail.reason = TVX_FAIL_NO_REAL_MODE;
		ret = user_exit(vcpu, TVX_EXIT_FAIL_ENTRY);
	}
	if (ret == EXIT_USER)
		fill_out(vcpu, NULL);
	vmx_unload(hw);
	return ret;
}

/* immediate_exit: what is dirty is loaded all the same. */
static void load_only(struct tvx_vcpu *vcpu)
{
	if (vmx_load_wait(&vcpu->hw))
		return;
	load_dirty(vcpu);
	fill_out(vcpu, NULL);
	vmx_unload(&vcpu->hw);
}

/* Nobody but us ended the section: who, and what to do about it. */
static int section_ended(struct tvx_vcpu *vcpu)
{
	if (atomic_xchg(&vcpu->kick, 0)) {
		vcpu->out.exit = TVX_EXIT_INTERRUPTED;
		return EXIT_USER;
	}
	/* The border to user space does what TIF_NOTIFY_RESUME asks for. */
	if (signal_pending(current) || test_thread_flag(TIF_NOTIFY_RESUME)) {
		vcpu->out.exit = TVX_EXIT_INTERRUPTED;
		return -EINTR;
	}
	cond_resched();
	return EXIT_RESUME;
}

static int run_loop(struct tvx_vcpu *vcpu)
{
	u64 end;
	int ret;

	if (check_add_overflow(rdtsc(), vcpu->in.slice, &end))
		end = U64_MAX;
	for (;;) {
		if (unlikely(READ_ONCE(vcpu->vm->dead)))
			return -EIO;
		ret = run_section(vcpu, end);
		if (ret == EXIT_SLOW)
			ret = exit_row((u16)vcpu->hw.exit_reason)->slow(vcpu);
		if (ret == SECTION_ENDED)
			ret = section_ended(vcpu);
		if (ret != EXIT_RESUME)
			return ret;
	}
}

int tvx_vcpu_run(struct tvx_vcpu *vcpu)
{
	int ret;

	take_in(vcpu);
	ret = check_in(&vcpu->in);
	if (ret)
		return ret;
	if (vcpu->in.event.flags) {
		ret = vmx_queue_event(&vcpu->hw, &vcpu->in.event);
		if (ret)
			return ret;
	}
	vcpu->stats.runs++;
	memset(&vcpu->out, 0, sizeof(vcpu->out));

	if (vcpu->in.immediate_exit) {
		load_only(vcpu);
		vcpu->out.exit = TVX_EXIT_INTERRUPTED;
		ret = -EINTR;
	} else {
		ret = without_entry(vcpu);
		if (ret == EXIT_RESUME)
			ret = run_loop(vcpu);
	}
	vcpu->stats.migrations = vcpu->hw.migrations;
	vcpu->stats.injected = vcpu->hw.events_delivered;
	give_out(vcpu);
	return ret == EXIT_USER ? 0 : ret;
}
