/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The waist: all that the objects may ask of the machine.
 *
 * Above it (kmod/) nobody knows a VMCS; below it (kmod/vmx/) nobody knows a fd,
 * a slot or a user pointer.  Another vendor's processor would come in here.
 *
 * A vCPU is used by one thread at a time (the caller holds vcpu->lock).  To run
 * it the thread begins a *section*:
 *
 *	vmx_enter(v)		preemption off; guest FPU and MSRs are on this CPU;
 *				a window is open: interrupts off, the VMCS is current
 *	  vmx_run(v)		one VM entry and exit
 *	  vmx_gap(v)		the host's interrupts come; between vmx_close(v) and
 *				vmx_open(v) likewise
 *	vmx_leave(v)		host's FPU and MSRs are back; interrupts and preemption on
 *
 * Functions marked [section] may only be called in a section's window; those marked
 * [loaded] also between vmx_load() and vmx_unload(), a window in which nothing else is
 * swapped.
 */
#ifndef TVX_VMX_H
#define TVX_VMX_H

#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/types.h>
#include <tinyvmx.h>

#include "caps.h"
#include "perflist.h"
#include "space.h"
#include "../apic/lapic.h"
#include "../policy.h"

struct vmcs;		/* one page, the CPU's format */

/* MSRs of the guest that sit in the CPU while it runs: [enter] and [leave] swap them. */
enum vmx_switched {
	VMX_SW_STAR, VMX_SW_LSTAR, VMX_SW_CSTAR, VMX_SW_SFMASK,
	VMX_SW_KERNEL_GS, VMX_SW_TSC_AUX,
	VMX_NR_SWITCHED
};

/* How many MSRs are nothing but a number that the guest may keep (msr.c). */
#define VMX_NR_SOFT_MSRS 7

/*
 * Without unrestricted guest a guest that has its paging off runs on a 4 GiB
 * identity map of ours, which takes this guest-physical page.
 */
#define VMX_IDENTITY_GPA 0xfffbc000ull

/**
 * struct vmx_cr - CR0 or CR4, of which some bits are the guest's own
 * @owned: which; the others the guest reads from the read shadow, and a write that
 *	would change them exits
 * @shadow: the others as the guest sees them
 */
struct vmx_cr {
	u64 owned;
	u64 shadow;
};

/**
 * struct vmx_vcpu - a vCPU as the machine sees it
 * @gpr: by enum tvx_gpr; the RSP slot is stale, RSP lives in the VMCS.  First
 *	member: entry.S finds it by generated offsets, as the next two
 * @spec_guest: the guest's IA32_SPEC_CTRL
 * @spec_host: the host's, at the last entry
 * @launched: VMRESUME, not VMLAUNCH
 */
struct vmx_vcpu {
	unsigned long gpr[TVX_NR_GPRS];
	u64 spec_guest;
	u64 spec_host;
	u32 spec_switch;
	u32 launched;
	unsigned long host_rsp;		/* as in the VMCS */

	/* the VMCS: which CPU holds it */
	struct vmcs *vmcs;
	u64 vmcs_pa;
	bool vmcs_made;			/* by the first VMCLEAR of the region */
	bool keeps;			/* VMX stays on while the VM lives, whose-ever it is */
	int cpu;			/* where it is loaded, -1 nowhere */
	struct list_head loaded;	/* on that CPU's list; touched there, irqs off */
	u64 settled;			/* struct vmx_cpu.epoch that the host state is of */
	u64 migrations;

	/* the VM's */
	struct vmx_space *space;
	const struct policy *policy;
	u16 vpid;			/* 0: none */
	u32 apic_id;

	/* this exit */
	u32 exit_reason;
	u32 entry_error;		/* if the entry failed: VM-instruction error, or 0 */

	/* guest state that the VMCS does not hold */
	u64 cr2;
	u64 cr8;			/* where there is no TPR shadow */
	u64 xcr0;
	u64 efer;			/* LME as the guest wrote it; LMA is the VMCS's */
	u64 dr[4];
	u64 dr6;
	u64 switched[VMX_NR_SWITCHED];
	u64 tsc_offset;
	u64 tsc_lost;			/* of vmx_tsc_lost(), what tsc_offset has made up for */
	u64 tsc_adjust;
	u64 soft_msrs[VMX_NR_SOFT_MSRS]; /* MSRs that are nothing but memory: msr.c */
	void *xsave;			/* vmx_xsave_size() bytes, 64-byte aligned */
	u8 *apic_page;			/* virtual-APIC page: with a TPR shadow, or a local APIC */
	u32 activity;			/* enum tvx_activity */

	/* the local APIC, NULL: none; its registers are in apic_page */
	struct lapic *lapic;
	bool apicv;			/* the CPU works on the register page, where it is on */
	const unsigned long *msr_bitmap, *x2apic_bitmap;
	u64 eoi_exits[4];		/* as in the VMCS */
	u32 tpr_threshold;		/* the same */

	/* events: at most one of each class waits; all zero: none */
	struct tvx_event injected;	/* goes first: its delivery had begun */
	struct tvx_event exception;
	struct tvx_event intr;
	union {
		struct {
			u32 windows;	/* the controls that open them, as in @proc */
			u8 nmi_pending;
			bool apic_waits; /* something in IRR that the CPU does not deliver itself */
			bool dr_live;	/* no event: debug registers to load; MOV DR exits not */
			u8 zero;
		};
		u64 more_waits;		/* any of these */
	};
	struct tvx_event delivering;	/* put into the VMCS for the next entry */
	u64 events_delivered;

	/* as last written to the VMCS */
	u32 proc;			/* primary controls */
	u32 proc2;			/* secondary controls */
	struct vmx_cr cr0, cr4;
	u64 slice;			/* as the preemption timer has it, TSC ticks */
	unsigned long host_cr3, host_cr4, host_fs_base;
	u32 guest_debugctl;
	struct perf_plan perf;
	struct perf_lists *perf_lists;	/* NULL: the host has no PMU driver */

	/* what the section keeps of the host */
	u64 host_kernel_gs;
	union {
		struct {
			u32 host_debugctl;	/* it has no bits above these */
			u32 dr_loaded;		/* the guest's DR0..6 are in the CPU */
		};
		u64 to_put_back;		/* after an exit; 0: nothing */
	};
	u16 host_ds, host_es, host_fs, host_gs, host_ldt;
	unsigned long host_dr[4];	/* while the guest's are loaded, if the host uses them */
	u64 quiet_due;			/* TSC from which on RCU is to be told again */
	u64 gap_due;			/* TSC from which on a gap is due */
	u64 found_msrs[VMX_NR_SWITCHED]; /* as they were, if KVM had put in its guest's */
	const u64 *host_msrs;		/* the host's, while the guest's are in the CPU; or NULL */
	int section_cpu;		/* valid while @in_section */
	bool in_section;
	bool syscall_live;		/* the guest's SYSCALL MSRs are in the CPU */
	bool breakpoints;		/* unless they are: its DR7 has some on */
	bool user_ran;			/* since the last section; set by who calls vmx_enter() */
	unsigned long seen_switches;	/* of the thread that ran it last */

	/* without unrestricted guest, while the guest has CR0.PG = 0 */
	bool unpaged;
	u64 unpaged_cr3;		/* the guest's view of CR3 */

#ifdef TVX_CHECKING
	u64 check_since;		/* TSC since which the host keeps interrupts off */
#endif
};

/* ---- life cycle (power.c) ------------------------------------------------- */

/**
 * vmx_setup() - at module load: is this a machine for us?
 *
 * Negotiates on every CPU, tries VMXON and VMXOFF on each, then hooks hotplug,
 * suspend, reboot and crash.  VMX stays off until vmx_hold().
 *
 * Return: 0; -ENODEV (no VT-x, or the firmware has it off), -EOPNOTSUPP (a
 * required feature is missing), -EBUSY (VMX is held: kvm_intel), -EIO, -ENOMEM;
 * the log says which CPU and what.
 */
int vmx_setup(void);
void vmx_teardown(void);

/**
 * vmx_hold() - the right to open windows, for one more user (a VM).  Sleeps.
 * @pinned: the caller keeps KVM from turning VMX off until vmx_release()
 * Return: how VMX is held, enum tvx_hold; -EBUSY, -ENODEV, -EINVAL (@pinned, and VMX is not on).
 */
int vmx_hold(bool pinned);
void vmx_release(void);

/* How would a VM that is made now hold VMX?  RIDE: if somebody pins it, else WINDOW. */
enum tvx_hold vmx_hold_next(void);

/*
 * By how many ticks suspends have set this machine's TSC back, all together.  It
 * changes only while no process runs; a vCPU follows when its VMCS is loaded.
 */
u64 vmx_tsc_lost(void);

extern struct vmx_caps vmx_caps;	/* constant after vmx_setup() */

/* The CPUs have no preemption timer that can be relied on: the reverse of TVX_FEAT_SLICE. */
DECLARE_STATIC_KEY_FALSE(vmx_lacks_timer);

/* ---- a vCPU (vmcs.c) -------------------------------------------------------- */

/**
 * struct vmx_vm - what the vCPUs of a VM share; what it points at outlives them
 * @policy: settled
 * @msr_bitmap: for a guest that is not in x2APIC mode
 * @x2apic_bitmap: with APIC virtualisation: for one that is
 * @apic_access: with APIC virtualisation: the page that takes xAPIC accesses; else NULL
 * @tsc_offset: the guest's TSC minus the host's, at a moment when
 * @tsc_lost: was what vmx_tsc_lost() returned
 * @keeps: VMX stays on while the VM lives: its VMCSs need not be cleared after each window
 */
struct vmx_vm {
	struct vmx_space *space;
	const struct policy *policy;
	const unsigned long *msr_bitmap;
	const unsigned long *x2apic_bitmap;
	const void *apic_access;
	u64 tsc_offset;
	u64 tsc_lost;
	bool keeps;
};

/**
 * vmx_vcpu_init() - a vCPU in the state after RESET
 * @lapic: its local APIC, which is initialised here; NULL: none
 * Return: 0 or -ENOMEM.  vmx_vcpu_destroy() copes with a failed one, and with a zeroed one.
 */
int vmx_vcpu_init(struct vmx_vcpu *v, const struct vmx_vm *vm, struct lapic *lapic, u32 apic_id);

/**
 * vmx_vcpu_reset() - INIT: as after RESET but for what the SDM's "Processor State After
 * Reset" keeps: the FPU, most MSRs
 * Sleeps.  Return: 0, -ENOMEM, -EINTR; nothing is changed then.
 */
int vmx_vcpu_reset(struct vmx_vcpu *v);
/* STARTUP: begin in real mode at @vector << 12. [loaded] */
void vmx_vcpu_startup(struct vmx_vcpu *v, u8 vector);
void vmx_vcpu_destroy(struct vmx_vcpu *v);

/* ---- running (section.c, switch.c) ------------------------------------------------------- */

/**
 * vmx_enter() - begin a section, with a window open; may sleep before
 *
 * In a section preemption is off, and the guest's FPU and MSRs are in the CPU.
 * Return: 0, or -EINTR: a fatal signal came while there was no VMX on this CPU
 * (hotplug, suspend), and no section was begun.
 */
int vmx_enter(struct vmx_vcpu *v);
/* End it; the window is open, or could not be opened again. */
void vmx_leave(struct vmx_vcpu *v);

/**
 * vmx_run() - one entry and exit, in a section's window
 * @slice: TSC ticks until the guest is stopped at the latest
 *
 * Sets v->exit_reason, which says whether the entry failed, and then v->entry_error.  With a
 * VM-instruction error the reason is ~0.  An NMI or machine check that made the guest exit
 * has been handed to the host.
 *
 * Return: 0, or -EAGAIN: VMX went off under us (emergency); leave the section.
 */
int vmx_run(struct vmx_vcpu *v, u64 slice);

/**
 * vmx_kick() - make @v exit soon if it runs on some CPU
 *
 * Any context with interrupts on.  An entry that comes later is not stopped:
 * the caller sets a flag first, and who runs @v looks at it with interrupts off.
 */
void vmx_kick(struct vmx_vcpu *v);

/* Can this CPU give the exits of TVX_WANT_*? */
bool vmx_can_exit(u32 wants);

/**
 * vmx_nudge() - the same, asynchronously, from any context, interrupts off included
 */
void vmx_nudge(struct vmx_vcpu *v);

/* A page with the identity map for VMX_IDENTITY_GPA, NULL: no memory. free_page() it. */
void *vmx_identity_map(void);

/* ---- events (inject.c) [section] ----------------------------------------------- */

/* Keep the event whose delivery the exit interrupted; @info: IDT_VECTORING_INFO_FIELD, valid. */
void vmx_recover_event(struct vmx_vcpu *v, u32 info);
/* An event as a word: 0 if there is none. */
static inline u64 vmx_event_word(const struct tvx_event *e)
{
	u64 word;

	static_assert(sizeof(*e) == sizeof(word));
	memcpy(&word, e, sizeof(word));
	return word;
}

/* Before each entry: is there anything for vmx_deliver_events() to do?  Rarely. */
static inline bool vmx_events_wait(const struct vmx_vcpu *v, u32 requests)
{
	return vmx_event_word(&v->exception) | vmx_event_word(&v->injected) |
	       vmx_event_word(&v->intr) | v->more_waits | requests;
}

/*
 * Put the first deliverable event in, open windows for the rest; and load the debug registers
 * of a guest that uses them.  With interrupts off, right before an entry.
 * Return: whether one went in; it is in v->delivering.
 */
bool vmx_deliver_events(struct vmx_vcpu *v, u32 requests);
/*
 * An exception of the guest's own doing; a second one makes #DF, a third shuts down.
 * Whether it is the guest's or user space's to see, the caller has asked the policy.
 * Return: false: the guest has shut down.
 */
bool vmx_raise(struct vmx_vcpu *v, u8 vector, bool has_error, u32 error_code);
/*
 * Queue an event of user space's for delivery.  Return: 0; -EINVAL: malformed;
 * -EBUSY: one of its class (exception, NMI, interrupt) waits already.
 */
int vmx_queue_event(struct vmx_vcpu *v, const struct tvx_event *e);
/* After a failed entry: what it was to deliver waits again, in v->injected. */
void vmx_undeliver(struct vmx_vcpu *v);
/* Would the next entry deliver something?  Ends a HLT. */
bool vmx_event_ready(struct vmx_vcpu *v);
/* Could an NMI be taken right now?  For interrupts vmx_intr_open(), in intr.h. */
bool vmx_nmi_open(struct vmx_vcpu *v);
/* Is one being handled, or delivered?  STI and MOV SS do not count. */
bool vmx_nmi_blocked(struct vmx_vcpu *v);

/* ---- the local APIC (apicv.c) [loaded] -------------------------------------------- */

/* With APIC virtualisation, the MSR bitmap of x2APIC mode: @from, less what needs no exit. */
void vmx_x2apic_bitmap(const unsigned long *from, const struct policy *policy, unsigned long *to);
/* The guest has chosen another mode (LAPIC_MODE), or all of the state is new. */
void vmx_apic_mode(struct vmx_vcpu *v);
/* IRR, TMR, TPR or ISR may be others than they were. */
void vmx_apic_update(struct vmx_vcpu *v);
/* IRR and TMR alone. */
void vmx_apic_irr(struct vmx_vcpu *v);
/* Does the CPU deliver what is in IRR? */
bool vmx_apic_delivers(const struct vmx_vcpu *v);
/* Would an interrupt be taken at the next entry? */
bool vmx_apic_ready(struct vmx_vcpu *v);
/* Without that: the TPR below which something in IRR could go in. */
void vmx_apic_threshold(struct vmx_vcpu *v);

/* ---- guest state (state.c, msr.c, fpu.c) ----------------------------------------- */

/* All sections; [loaded], not in a section. */
void vmx_get_state(struct vmx_vcpu *v, struct tvx_state *st);
/* The sections that st->sections names, [loaded] likewise.  -EINVAL: nothing is changed. */
int vmx_set_state(struct vmx_vcpu *v, const struct tvx_state *st);
int vmx_get_msr(struct vmx_vcpu *v, u32 msr, u64 *value);	/* [loaded]; -ENOENT */
int vmx_set_msr(struct vmx_vcpu *v, u32 msr, u64 value);	/* the same; -ENOENT, -EINVAL */
u32 vmx_msr_list(const u32 **list);
bool vmx_msr_may_pass(u32 msr);
const u32 *vmx_msr_passed(void);				/* 0-terminated */
int vmx_set_xsave(struct vmx_vcpu *v, const void *area);	/* -EINVAL */
u32 vmx_xsave_size(void);
u64 vmx_xcr0_supported(void);
u64 vmx_cr4_supported(void);
/* @what: TVX_REPORT_*; @all: fields that tell where the host's kernel is, too. [loaded] */
size_t vmx_report(struct vmx_vcpu *v, u32 what, bool all, char *buf, size_t size);

/* A failed entry for which we are to blame: the log says which rule. [section] */
void vmx_log_entry_failure(struct vmx_vcpu *v);

/* ---- control registers (regs.c) [section] ------------------------------------------ */

u64 vmx_read_cr0(struct vmx_vcpu *v);		/* as the guest sees them */
u64 vmx_read_cr3(struct vmx_vcpu *v);
u64 vmx_read_cr4(struct vmx_vcpu *v);
u64 vmx_read_efer(struct vmx_vcpu *v);
/*
 * Take the host-owned bits of a CR0 value that the guest tries to write, so that
 * the MOV succeeds in hardware when it is executed again.  With unrestricted
 * guest only: PE and PG are the guest's own there.  Return: 0, or -EINVAL: #GP.
 */
int vmx_adopt_cr0(struct vmx_vcpu *v, u64 value);
/* The same for CR4, of which all but MCE is the guest's own. */
int vmx_adopt_cr4(struct vmx_vcpu *v, u64 value);
/*
 * Set CR0 as the guest's MOV would, paging mode included, for CPUs without
 * unrestricted guest.  @pdptes: what CR3 points at, for PAE paging.
 * Return: 0; -EINVAL: #GP; -EOPNOTSUPP: PE would be 0.
 */
int vmx_write_cr0(struct vmx_vcpu *v, u64 value, const u64 pdptes[4]);
/* Would vmx_write_cr0() of @value turn PAE paging on, so that it needs PDPTEs? */
bool vmx_cr0_loads_pdptes(struct vmx_vcpu *v, u64 value);
/* CR3 and CR4 while the guest's paging is off without unrestricted guest. */
void vmx_write_cr3(struct vmx_vcpu *v, u64 value);
int vmx_write_cr4(struct vmx_vcpu *v, u64 value);	/* -EINVAL: #GP */
int vmx_write_xcr0(struct vmx_vcpu *v, u64 value);	/* -EINVAL: #GP */
u64 vmx_read_cr8(struct vmx_vcpu *v);
int vmx_write_cr8(struct vmx_vcpu *v, u64 value);	/* -EINVAL: #GP */
/* Debug registers go in at each entry, and MOV DR exits no more until the section ends. */
void vmx_dr_live(struct vmx_vcpu *v);
/* CPL of the guest: SS.DPL. */
int vmx_cpl(struct vmx_vcpu *v);
/* tvx_run_out.ctx for an instruction that user space must decode; @ctx is only written */
void vmx_fill_ctx(struct vmx_vcpu *v, struct tvx_run_ctx *ctx);

#include "window.h"

#endif
