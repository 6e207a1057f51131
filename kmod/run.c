// SPDX-License-Identifier: GPL-2.0-only
/*
 * TVX_VCPU_RUN: take the in-half, run the guest until user space is needed,
 * give the out-half.
 *
 *	run ── section ── one entry ── exit row: fast()
 *	 │        └── again, while EXIT_RESUME and nothing else wants the CPU
 *	 └── slow() and again, while EXIT_SLOW
 *
 * The run page is user space's: each byte of the in-half is read at most once in
 * a RUN, and nothing is read back from the out-half (run_out.h).
 */
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/sched.h>
#include <asm/msr.h>
#include <asm/vmx.h>

#include "compat.h"
#include "exits/exits.h"
#include "exits/rip.h"
#include "run_out.h"
#include "trace.h"
#include "vmx/intr.h"
#include "vmx/ops.h"

/* ---- the in-half ----------------------------------------------------------- */

/* All but the registers, of which load_dirty() reads those that count. */
static void take_in(struct tvx_vcpu *vcpu)
{
	memcpy(&vcpu->in, &vcpu->run->in, offsetof(struct tvx_run_in, gpr));
	/* From here on the copy counts, whatever user space does. */
	barrier();
}

/* Beside registers nothing, most of the time. */
static bool asks_for_more(const struct tvx_run_in *in)
{
	return in->immediate_exit | in->requests | in->reserved | in->event.flags | in->slice;
}

static bool requests_fit(u32 requests)
{
	if (requests & ~(TVX_REQ_INTR_WINDOW | TVX_REQ_NMI_WINDOW))
		return false;
	return !(requests & TVX_REQ_NMI_WINDOW) || vmx_caps.features & TVX_FEAT_VNMI;
}

/* Return: 0, -EINVAL, -EBUSY: nothing is taken then. */
static noinline int take_more(struct tvx_vcpu *vcpu)
{
	const struct tvx_run_in *in = &vcpu->in;

	if (in->reserved || (in->requests && !requests_fit(in->requests)))
		return -EINVAL;
	if (in->slice) {
		if (!(vmx_caps.features & TVX_FEAT_SLICE))
			return -EINVAL;
		/* Counts for this RUN only, if there is going to be one. */
		if (check_add_overflow(rdtsc(), in->slice, &vcpu->slice_end))
			vcpu->slice_end = U64_MAX;
	}
	return in->event.flags ? vmx_queue_event(&vcpu->hw, &in->event) : 0;
}

/* In a loaded VMCS. */
static __always_inline void load_dirty(struct tvx_vcpu *vcpu)
{
	const struct tvx_run_in *page = &vcpu->run->in;
	unsigned long gprs = vcpu->in.dirty & GENMASK(TVX_NR_GPRS - 1, 0);
	struct vmx_vcpu *hw = &vcpu->hw;
	u32 dirty = vcpu->in.dirty;

	for (; gprs; gprs &= gprs - 1)
		hw->gpr[__ffs(gprs)] = READ_ONCE(page->gpr[__ffs(gprs)]);
	if (dirty & BIT(TVX_RSP))
		vmwrite(GUEST_RSP, hw->gpr[TVX_RSP]);
	if (dirty & TVX_DIRTY_RFLAGS)
		vmwrite(GUEST_RFLAGS, READ_ONCE(page->rflags) | X86_EFLAGS_FIXED);
	if (dirty & TVX_DIRTY_RIP)
		exit_set_rip(READ_ONCE(page->rip));
	vcpu->in.dirty = 0;
}

/* ---- exits to user space ------------------------------------------------------------ */

/* How far it is to the next instruction: 0 if this one is finished, or there was none. */
static u32 next_insn(struct tvx_vcpu *vcpu, const struct exit_row *row)
{
	return row->next && !vcpu->no_next ? vmread(VM_EXIT_INSTRUCTION_LEN) : 0;
}

/* What the kernel has for the thread without a signal, user space need not know (libtvx). */
static u32 signal_flag(const struct tvx_vcpu *vcpu)
{
	return vcpu->exit == TVX_EXIT_INTERRUPTED && task_sigpending(current) ? TVX_OUT_SIGNAL : 0;
}

/* For all but the most frequent ones. */
static noinline void give_out_rarely(struct tvx_vcpu *vcpu, u32 hw_reason, u64 hw_qual,
				     u32 insn_len)
{
	give_out(vcpu, hw_reason, hw_qual, insn_len, signal_flag(vcpu));
}

/* Outside a section, @row being that of the hardware's exit that led here, or NULL. */
static void load_and_give_out(struct tvx_vcpu *vcpu, const struct exit_row *row)
{
	if (vmx_load(&vcpu->hw))
		return;		/* a fatal signal: nobody will look */
	load_dirty(vcpu);
	if (row)
		give_out_rarely(vcpu, vcpu->hw.exit_reason, vmread(EXIT_QUALIFICATION),
				next_insn(vcpu, row));
	else
		give_out_rarely(vcpu, 0, 0, 0);
	vmx_unload(&vcpu->hw);
}

/* An exit to user space that is none of the hardware's. [section] */
static int leave_for(struct tvx_vcpu *vcpu, u32 exit)
{
	vcpu->exit = exit;
	give_out_rarely(vcpu, 0, 0, 0);
	return EXIT_USER;
}

/* ---- one entry ------------------------------------------------------------------- */

/* Does anybody want this thread to come out? */
static bool must_leave(struct tvx_vcpu *vcpu)
{
	return read_thread_flags() & COMPAT_TIF_LEAVE_GUEST || atomic_read(&vcpu->kick) ||
	       compat_softirqs_wait();
}

static const struct exit_row *count_exit(struct tvx_vcpu *vcpu, u32 basic)
{
	if (unlikely(basic >= TVX_NR_EXIT_REASONS)) {
		vcpu->reason = &vcpu->no_reason;
		return &exit_unknown_row;
	}
	vcpu->reason = &vcpu->stats.reason[basic];
	vcpu->reason->count++;
	return exit_row(basic);
}

static noinline int entry_failed(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	struct tvx_run_out *out = &vcpu->run->out;

	vmx_undeliver(hw);
	vcpu->exit = TVX_EXIT_FAIL_ENTRY;
	out->fail.insn_error = hw->entry_error;
	vcpu->reason = &vcpu->no_reason;
	if (!hw->entry_error) {
		count_exit(vcpu, (u16)hw->exit_reason);
		out->fail.reason = (u16)hw->exit_reason == EXIT_REASON_MSR_LOAD_FAIL ?
				   TVX_FAIL_MSR_LOADING : TVX_FAIL_GUEST_STATE;
	} else {
		/* Controls and host state are ours alone: a bug. */
		vmx_log_entry_failure(hw);
		tvx_vm_kill(vcpu->vm, "the hardware refused our controls or host state");
		out->fail.reason = TVX_FAIL_CONTROLS;
	}
	give_out_rarely(vcpu, hw->exit_reason,
			hw->entry_error ? 0 : vmread(EXIT_QUALIFICATION), 0);
	return EXIT_USER;
}

/* From an exit to the next entry, or to the end of the section, the time is its reason's. */
static void account(struct tvx_vcpu *vcpu, u64 now)
{
	vcpu->reason->cycles += now - vcpu->exited;
}

static int dispatch(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	const struct exit_row *row;
	int ret;

	if (unlikely(hw->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY))
		return entry_failed(vcpu);
	row = count_exit(vcpu, (u16)hw->exit_reason);
	if (trace_tvx_exit_enabled())
		trace_tvx_exit(vcpu->id, hw->exit_reason, vmread(GUEST_RIP),
			       vmread(EXIT_QUALIFICATION), vmread(VM_EXIT_INTR_INFO));
	/* An exit by an instruction interrupts no delivery. */
	if (!row->insn) {
		u32 event = vmread(IDT_VECTORING_INFO_FIELD);

		if (unlikely(event & VECTORING_INFO_VALID_MASK))
			vmx_recover_event(hw, event);
	}
	ret = row->fast(vcpu);
	if (ret == EXIT_USER)
		give_out(vcpu, hw->exit_reason, vmread(EXIT_QUALIFICATION), next_insn(vcpu, row),
			 0);
	return ret;
}

/*
 * Before an entry.  The guest is to come out when its timer is due: @slice.
 * False: a request waits, for outside the section.
 */
static bool take_in_apic(struct tvx_vcpu *vcpu, u64 now, u64 *slice)
{
	struct lapic *a = &vcpu->lapic;

	if (unlikely(lapic_has_posted(a) || now >= a->deadline) && !tvx_irq_take_in(vcpu, now))
		return false;
	if (static_branch_unlikely(&vmx_lacks_timer) && a->deadline != LAPIC_NEVER)
		tvx_halt_start_timer(vcpu);
	*slice = min(*slice, a->deadline - now);
	return true;
}

static __always_inline void interrupts_were_on(struct tvx_vcpu *vcpu)
{
	u64 now = rdtsc();

	if (unlikely(now >= vcpu->hw.quiet_due))
		tvx_tell_rcu(vcpu, now);
	/* From the end of a gap on: however long it was, the guest is entered before the next. */
	vcpu->hw.gap_due = now + WINDOW_TICKS;
}

static noinline int let_interrupts_in(struct tvx_vcpu *vcpu)
{
	if (!vmx_gap(&vcpu->hw))
		return EXIT_ENDED;
	interrupts_were_on(vcpu);
	return EXIT_RESUME;
}

/* One entry and its exit, in an open window. */
static int enter_once(struct tvx_vcpu *vcpu, u64 slice)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	u64 entry;

	if (unlikely(must_leave(vcpu)))
		return EXIT_ENDED;
	entry = rdtsc();
	if (unlikely(entry >= hw->gap_due))
		return let_interrupts_in(vcpu);
	if (hw->lapic && !take_in_apic(vcpu, entry, &slice))
		return EXIT_ENDED;
	if (unlikely(vmx_events_wait(hw, vcpu->in.requests)) &&
	    vmx_deliver_events(hw, vcpu->in.requests))
		trace_tvx_inject(vcpu->id, hw->delivering.type, hw->delivering.vector,
				 hw->delivering.error_code);
	if (trace_tvx_enter_enabled())
		trace_tvx_enter(vcpu->id, vmread(GUEST_RIP));
	account(vcpu, entry);
	if (unlikely(vmx_run(hw, slice)))
		return EXIT_ENDED;
	vcpu->exited = rdtsc();
	vcpu->stats.guest_cycles += vcpu->exited - entry;
	return dispatch(vcpu);
}

/* ---- the section -------------------------------------------------------------------- */

/* What is left of the caller's slice, in steps of the host's; 0: nothing. */
static u64 next_slice(u64 end)
{
	u64 now = rdtsc();

	return now >= end ? 0 : min(tvx_slice, end - now);
}

/* A kick that came before the slice was up is for this RUN. */
static int slice_ended(struct tvx_vcpu *vcpu)
{
	return atomic_read(&vcpu->kick) ? EXIT_ENDED : leave_for(vcpu, TVX_EXIT_SLICE);
}

/* A guest that sleeps may be open to what user space has for it. */
static int wait_or_window(struct tvx_vcpu *vcpu)
{
	if (vcpu->in.requests & TVX_REQ_INTR_WINDOW && vmx_intr_open())
		return leave_for(vcpu, TVX_EXIT_INTR_WINDOW);
	if (vcpu->in.requests & TVX_REQ_NMI_WINDOW && vmx_nmi_open(&vcpu->hw))
		return leave_for(vcpu, TVX_EXIT_NMI_WINDOW);
	return EXIT_WAIT;
}

/* In a state other than active there is nothing to enter, unless an event wakes it. */
static int inactive(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;

	/* INIT ends a shutdown too. */
	if (hw->lapic && !tvx_irq_take_in(vcpu, rdtsc()))
		return EXIT_ENDED;
	if (hw->activity == TVX_SHUTDOWN)
		return leave_for(vcpu, TVX_EXIT_SHUTDOWN);
	if (hw->lapic && vcpu->in.slice && !next_slice(vcpu->slice_end))
		return leave_for(vcpu, TVX_EXIT_SLICE);
	if (hw->activity == TVX_WAIT_SIPI)
		return EXIT_WAIT;
	if (!vmx_event_ready(hw))
		return hw->lapic ? wait_or_window(vcpu) : leave_for(vcpu, TVX_EXIT_HLT);
	hw->activity = TVX_ACTIVE;
	return EXIT_RESUME;
}

/* Something comes before the guest, or the guest cannot run at all. */
static noinline int before_guest(struct tvx_vcpu *vcpu)
{
	/* As in slice_ended(): here, before anything else that would end RUN. */
	if (atomic_read(&vcpu->kick))
		return EXIT_ENDED;
	if (vcpu->eoi_due) {
		vcpu->eoi_due = false;
		vcpu->run->out.eoi.vector = vcpu->lapic.eoi_vector;
		return leave_for(vcpu, TVX_EXIT_EOI);
	}
	if (vcpu->hw.activity != TVX_ACTIVE)
		return inactive(vcpu);
	if (!(vmx_caps.features & TVX_FEAT_UNRESTRICTED) &&
	    !(vmx_read_cr0(&vcpu->hw) & X86_CR0_PE)) {
		exit_no_real_mode(vcpu);
		return leave_for(vcpu, TVX_EXIT_FAIL_ENTRY);
	}
	return EXIT_RESUME;
}

/* Before a section's first entry. */
static int may_enter(struct tvx_vcpu *vcpu)
{
	if (likely(!vcpu->eoi_due && vcpu->hw.activity == TVX_ACTIVE &&
		   vmx_caps.features & TVX_FEAT_UNRESTRICTED))
		return EXIT_RESUME;
	return before_guest(vcpu);
}

static int run_section(struct tvx_vcpu *vcpu)
{
	struct vmx_vcpu *hw = &vcpu->hw;
	u64 slice = tvx_slice;
	int ret = vmx_enter(hw);

	if (ret) {
		vcpu->exit = TVX_EXIT_INTERRUPTED;
		return ret;
	}
	interrupts_were_on(vcpu);
	if (vcpu->in.dirty)
		load_dirty(vcpu);
	ret = may_enter(vcpu);
	vcpu->reason = &vcpu->no_reason;
	while (ret == EXIT_RESUME) {
		if (unlikely(vcpu->in.slice)) {
			slice = next_slice(vcpu->slice_end);
			if (!slice) {
				ret = slice_ended(vcpu);
				break;
			}
		}
		ret = enter_once(vcpu, slice);
	}
	account(vcpu, rdtsc());
	vcpu->stats.cpu = hw->section_cpu;
	/* The window is open: no handler could have asked for it else. */
	if (ret == EXIT_WAIT) {
		vcpu->halt_intr = vmx_intr_open();
		vcpu->halt_nmi = vmx_nmi_open(hw);
	}
	vmx_leave(hw);
	return ret;
}

/* ---- the ioctl ------------------------------------------------------------------------- */

/* Nobody but us ended the section: who, and what to do about it. */
static int section_ended(struct tvx_vcpu *vcpu)
{
	int ret = EXIT_RESUME;

	vcpu->exit = TVX_EXIT_INTERRUPTED;
	if (atomic_xchg(&vcpu->kick, 0))
		return EXIT_USER;
	if (signal_pending(current))
		return -EINTR;
	/* NMIs are the next section's. However many come, others get the CPU too. */
	if (READ_ONCE(vcpu->lapic.requests) & (BIT(LAPIC_REQ_INIT) | BIT(LAPIC_REQ_SIPI)))
		ret = tvx_irq_requests(vcpu) ?: EXIT_RESUME;
	return tvx_thread_work() ?: ret;
}

static int run_loop(struct tvx_vcpu *vcpu)
{
	const struct exit_row *row;
	int ret;

	do {
		row = NULL;
		ret = run_section(vcpu);
		if (likely(ret == EXIT_USER))
			return ret;
		if (ret == EXIT_SLOW) {
			row = exit_row((u16)vcpu->hw.exit_reason);
			ret = row->slow(vcpu);
		} else if (ret == EXIT_ENDED) {
			ret = section_ended(vcpu);
		} else if (ret == EXIT_WAIT) {
			vcpu->exit = TVX_EXIT_INTERRUPTED;
			ret = tvx_halt(vcpu) ?: EXIT_RESUME;
		}
		if (ret != EXIT_RESUME) {
			load_and_give_out(vcpu, row);
			return ret;
		}
	} while (likely(!READ_ONCE(vcpu->vm->dead)));
	return -EIO;
}

int tvx_vcpu_run(struct tvx_vcpu *vcpu)
{
	int ret;

	take_in(vcpu);
	if (unlikely(vcpu->in.dirty >= TVX_DIRTY_RFLAGS << 1))
		return -EINVAL;
	if (unlikely(asks_for_more(&vcpu->in))) {
		ret = take_more(vcpu);
		if (ret)
			return ret;
	}
	vcpu->stats.runs++;
	vcpu->exit = TVX_EXIT_NONE;
	vcpu->no_next = false;
	vcpu->run->out.ctx.valid = 0;
	vcpu->hw.user_ran = true;
	if (unlikely(vcpu->in.immediate_exit)) {
		vcpu->exit = TVX_EXIT_INTERRUPTED;
		load_and_give_out(vcpu, NULL);
		return -EINTR;
	}
	ret = run_loop(vcpu);
	return ret == EXIT_USER ? 0 : ret;
}
