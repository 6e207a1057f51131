/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The objects: a process's memory as guests use it (tvx_mm), a VM, a vCPU.
 *
 * Lifetime: the VM fd and each vCPU hold a reference of the VM; a vCPU fd owns
 * its vCPU; a fd holds the module.  Whatever can fail comes before a fd exists.
 *
 * Lock order, outermost first:
 *
 *	vcpu->lock	mutex: the vCPU's state; held over all of RUN
 *	vm->lock	mutex: slots as a whole, creation of vCPUs, policy
 *	mmap_lock	the kernel's (page faults of the caller's memory)
 *	tvx_mm->lock	spinlock: the VMs of a process, in MMU notifiers
 *	vm->mmu_lock	spinlock, interrupts on: slots, EPT.  Other CPUs are waited
 *			for under it (INVEPT), so nobody takes it with interrupts off;
 *			also taken in a section, with preemption off
 *	vm->irq_lock	raw spinlock, interrupts off: who gets a message; innermost, taken
 *			in any context
 */
#ifndef TVX_OBJECTS_H
#define TVX_OBJECTS_H

#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/rcuwait.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <tinyvmx.h>

#include "mem_busy.h"
#include "policy.h"
#include "vmx/vmx.h"

#define TVX_MAX_VCPUS	64
#define TVX_MAX_SLOTS	64

struct file;
struct tvx_ioeventfds;

/**
 * struct tvx_mm - the MMU notifier of one process, shared by its VMs
 * @lock: guards @vms and @busy
 */
struct tvx_mm {
	struct mmu_notifier mn;
	spinlock_t lock;
	struct list_head vms;
	struct tvx_busy busy;
};

/**
 * struct tvx_memslot - guest-physical @gpa .. + @len is @hva .. + @len of the process
 * @len: 0: slot not in use
 */
struct tvx_memslot {
	u64 gpa;
	u64 len;
	u64 hva;
	u32 flags;
};

/**
 * struct tvx_vm - a virtual machine
 * @ref: one for the fd, one for each vCPU
 * @mm: of the process that made it; its mm_struct is only compared and used
 *	while current->mm is it, the mmu notifier keeps the struct
 * @dead: a bug hit: everything answers -EIO
 */
struct tvx_vm {
	struct kref ref;
	struct mm_struct *mm;
	bool dead;
	struct dentry *debugfs;

	struct mutex lock;
	/* under lock; constant once settled, by the first vCPU */
	struct policy *policy;
	unsigned long *msr_bitmap;
	bool settled;
	enum tvx_hold hold;	/* how it holds VMX; constant. 0: it does not */
	struct file *kvm;	/* a VM of KVM's, which it keeps; NULL: none */
	unsigned long *x2apic_bitmap;	/* with APIC virtualisation: that of x2APIC mode */
	u64 tsc_offset;		/* the guest's TSC begins with its VM */
	u64 tsc_lost;		/* vmx_tsc_lost then */
	void *identity;		/* without unrestricted guest: vmx_identity_map() */
	bool has_apic;		/* TVX_VM_APIC; constant */
	void *apic_access;	/* with APIC virtualisation: takes the guest's xAPIC accesses */
	/* written under lock and irq_lock, read under either */
	struct tvx_vcpu *vcpus[TVX_MAX_VCPUS];

	/* room: irq.c */
	raw_spinlock_t irq_lock;
	u32 nr_ids;		/* one above the highest vCPU's; under irq_lock */
	u32 last_lowest;	/* who got the last lowest-priority message; the same */

	/* room: eventfd.c */
	struct list_head irqfds;	/* under lock */
	struct list_head dead_irqfds;	/* under irq_lock: their eventfd has gone */
	struct tvx_ioeventfds __rcu *ioeventfds; /* NULL: none; replaced under lock */

	/* room: mem.c */
	struct tvx_mm *tmm;
	struct list_head tmm_link;	/* in tmm->vms, under tmm->lock */
	spinlock_t mmu_lock;
	/* under mmu_lock; slots change only with vm->lock held too */
	struct tvx_memslot slots[TVX_MAX_SLOTS];
	u8 slot_order[TVX_MAX_SLOTS];	/* the numbers of those in use, by address */
	unsigned int nr_slots;		/* in slot_order */
	unsigned long mmu_seq;		/* counts what made a looked-up page, or hole, stale */
	struct tvx_busy busy;		/* as in tmm */
	struct vmx_space space;
};

/**
 * struct tvx_host_page - a page as the process has it
 * @level: how large
 * @writable: by the process
 * @dirty: so says the entry (false of 1 GiB)
 * @own: if it is of anonymous memory, which needs no reference while mmu_lock is held; else NULL
 * @absent: if there is none: as many pages from here on, 0 if that is not known
 */
struct tvx_host_page {
	enum ept_level level;
	bool writable;
	bool dirty;
	struct page *own;
	unsigned int absent;
};

/**
 * struct tvx_fault - a page under way into the EPT (mem_fault.c); a vCPU has one, which lasts
 * @cache: pages for EPT tables
 * @gpa: of the page
 * @write: the access is one, as @fetch
 * @slot: of the page; good under mmu_lock while mmu_seq is @seq
 * @hva: the page's user address
 * @may_write: @slot is not read-only
 * @host: as the process's page table has the page
 * @page: in the host; @held: with a reference; @writable: by the guest
 * @level: how large it is for the guest
 * @error: positive errno, after TVX_MEM_ERROR of tvx_mem_fault()
 * @absent: pages of a slot that the process did not have when mmu_seq was @absent.seq:
 *	guest-physical addresses, and how much more the user addresses are
 * @hole: guest-physical addresses that were in no slot when mmu_seq was @hole.seq
 */
struct tvx_fault {
	struct ept_cache cache;
	u64 gpa;
	bool write;
	bool fetch;
	const struct tvx_memslot *slot;
	unsigned long seq;
	unsigned long hva;
	bool may_write;
	struct tvx_host_page host;
	struct page *page;
	bool held;
	bool writable;
	enum ept_level level;
	int error;
	struct {
		u64 from, end, offset;
		unsigned long seq;
		bool may_write;
	} absent;
	struct {
		u64 from, len;
		unsigned long seq;
	} hole;
};

/**
 * struct tvx_access - an access of the guest's that the CPU could not carry out
 * @gla: 0 if there is none
 * @flags: TVX_MEM_*
 */
struct tvx_access {
	u64 gpa;
	u64 gla;
	u32 flags;
};

/**
 * struct tvx_vcpu - a virtual CPU
 * @vm: holds a reference
 * @lock: whoever runs, reads or changes the vCPU; taken by trylock: EBUSY
 * @run: the shared page, kernel address: its in-half is read, its out-half only written
 * @kick: RUN is to return; set by anyone
 * @exit: enum tvx_exit, what RUN is to tell; its own fields are in @run->out
 * @access: that tvx_mem_fault() is to serve, @fault being how far it has come
 * @hw: the machine's part
 */
struct tvx_vcpu {
	struct tvx_vm *vm;
	u32 id;
	struct mutex lock;
	struct tvx_run *run;
	atomic_t kick;
	/* under lock */
	struct tvx_run_in in;		/* the copy taken at RUN; registers are not in it */
	u32 exit;
	bool no_next;			/* its instruction is finished, or there was none */
	u64 msr_value;			/* of an RDMSR; on the stack it would need a guard */
	struct tvx_access access;
	struct tvx_fault fault;
	struct vmx_vcpu hw;
	struct lapic lapic;		/* without one in the VM: nothing ever happens in it */
	struct rcuwait wait;		/* of a vCPU that is not active; anyone wakes it */
	struct hrtimer timer;		/* the local APIC's, while it waits */
	u64 slice_end;			/* of this RUN, if it has a slice: host TSC */
	bool eoi_due;			/* a TVX_EXIT_EOI that the next RUN begins with */
	bool halt_intr, halt_nmi;	/* would it take an interrupt, an NMI, while it waits? */
	u64 halt_poll;			/* how long it pays to poll before that, TSC ticks */
	u64 exited;			/* TSC at the last exit */
	struct tvx_exit_count *reason;	/* of that exit, in stats */
	struct tvx_exit_count no_reason; /* while there was none in the section */
	/* written by the running thread, read by anyone */
	struct tvx_stats stats;
	struct dentry *debugfs;
};

/* dev.c */
extern struct policy_host tvx_policy_host;
/* The CPUID table of a new VM, and its length; constant after module load. */
extern struct tvx_cpuid_entry *tvx_default_cpuid;
extern u32 tvx_nr_default_cpuid;
int tvx_dev_register(void);
void tvx_dev_unregister(void);

/* vm.c */

/*
 * A VM of current->mm, @flags TVX_VM_*; @kvm_fd counts with TVX_VM_KVM.
 * Return: its fd, or -errno with nothing left behind.
 */
int tvx_vm_create(u32 flags, int kvm_fd);
void tvx_vm_put(struct tvx_vm *vm);
/* A bug: the VM answers -EIO from now on, the host goes on.  Any context. */
void tvx_vm_kill(struct tvx_vm *vm, const char *why);
/* May the caller use it?  0 or -EIO. */
static inline int tvx_vm_usable(const struct tvx_vm *vm)
{
	return unlikely(vm->mm != current->mm || READ_ONCE(vm->dead)) ? -EIO : 0;
}

/* vcpu.c: return a fd or -errno; under vm->lock */
int tvx_vcpu_create(struct tvx_vm *vm, u32 id);

/* vcpu_apic.c: ioctls; under vcpu->lock */
long tvx_vcpu_get_apic(void *object, void *arg);
long tvx_vcpu_set_apic(void *object, void *arg);
long tvx_vcpu_apic_access(void *object, void *arg);

/* debugfs.c: failures are ignored, seeing is optional */
void tvx_debugfs_init(void);
void tvx_debugfs_exit(void);
void tvx_debugfs_add_vm(struct tvx_vm *vm);
void tvx_debugfs_add_vcpu(struct tvx_vcpu *vcpu);

/* main.c: the host's time slice, and the most that a halt is polled for; TSC ticks */
extern u64 tvx_slice;
extern u64 tvx_halt_poll;
/* main.c: do VMs that are made now use APIC virtualisation? */
extern bool tvx_apicv;

/* run.c: under vcpu->lock */
int tvx_vcpu_run(struct tvx_vcpu *vcpu);

/* ---- irq.c: messages to local APICs ---- */

/* The vCPU becomes, or is no longer, one that messages go to; under vm->lock. */
void tvx_irq_attach(struct tvx_vcpu *vcpu);
void tvx_irq_detach(struct tvx_vcpu *vcpu);

/**
 * tvx_irq_send() - deliver a message
 * @from: the vCPU that sends it, NULL: a device
 * Any context.  Return: how many local APICs took it.
 */
int tvx_irq_send(struct tvx_vm *vm, struct tvx_vcpu *from, const struct lapic_message *m);

/* RUN returns on all vCPUs, as by TVX_VCPU_KICK.  Any context. */
void tvx_irq_kick_all(struct tvx_vm *vm);

/**
 * tvx_irq_take_in() - what was posted and what the timer brings, before an entry [section]
 * Return: false: a request waits (INIT, STARTUP) for tvx_irq_requests()
 */
bool tvx_irq_take_in(struct tvx_vcpu *vcpu, u64 now);

/**
 * tvx_irq_effects() - do what a write of a local APIC's register asks for [section]
 * @effects: LAPIC_*
 * Return: EXIT_RESUME, EXIT_USER (TVX_EXIT_EOI)
 */
int tvx_irq_effects(struct tvx_vcpu *vcpu, int effects);

/* INIT, STARTUP; outside a section.  Return: 0, -ENOMEM, -EINTR: they wait on. */
int tvx_irq_requests(struct tvx_vcpu *vcpu);

/* ---- halt.c: waiting ---- */

void tvx_halt_init(struct tvx_vcpu *vcpu);
void tvx_halt_destroy(struct tvx_vcpu *vcpu);
/**
 * tvx_halt() - sleep until there may be a reason to enter the guest, or to leave RUN
 * Under vcpu->lock, outside a section.  Return: 0 or -EINTR.
 */
int tvx_halt(struct tvx_vcpu *vcpu);
/*
 * Have this CPU interrupted when the local APIC's timer, or the slice of this RUN, is up:
 * the vCPU sleeps, or the guest runs on a CPU without a preemption timer.
 */
void tvx_halt_start_timer(struct tvx_vcpu *vcpu);
/* Look again: it sleeps, or runs the guest.  Any context. */
void tvx_wake(struct tvx_vcpu *vcpu);

/* ---- work.c ---- */

/**
 * tvx_thread_work() - let others have the CPU, do what the kernel wants of the thread
 * Outside a section; sleeps, and may go to the caller's memory.  Return: 0; -EINTR: a signal
 * came, or a kernel without KVM does it on the way to user space only.
 */
int tvx_thread_work(void);
/* Interrupts off: a section is no reason for RCU to wait. */
void tvx_tell_rcu(struct tvx_vcpu *vcpu, u64 now);

/* ---- eventfd.c ---- */

int tvx_irqfd(struct tvx_vm *vm, const struct tvx_irqfd *args);		/* under vm->lock */
int tvx_ioeventfd(struct tvx_vm *vm, const struct tvx_ioeventfd *args);	/* under vm->lock */
/* Does an OUT signal one?  [section] */
bool tvx_ioeventfd_signal(struct tvx_vm *vm, u16 port, u32 width, u32 value);
void tvx_eventfds_destroy(struct tvx_vm *vm);

/* vcpu.c: any context; a running vCPU's counts may be an exit apart from each other */
void tvx_vcpu_stats(const struct tvx_vcpu *vcpu, struct tvx_stats *stats);

/* mem.c */

/**
 * tvx_mem_init() - the memory part of a new VM of current->mm; no slots yet
 * Return: 0, -ENOMEM, -ERESTARTNOINTR (a signal came first: hand it on, the call
 * is started again).  Undone by tvx_mem_destroy().
 */
int tvx_mem_init(struct tvx_vm *vm);

/**
 * tvx_mem_destroy() - give up all memory; copes with a half-built VM.
 * No vCPU exists any more.  Never waits for a grace period.
 */
void tvx_mem_destroy(struct tvx_vm *vm);

/**
 * tvx_mem_set_slot() - TVX_VM_SET_SLOT, all checks included
 * Under vm->lock, in the VM's process.  Errors as the uapi header says.
 */
int tvx_mem_set_slot(struct tvx_vm *vm, const struct tvx_slot *args);

/* What tvx_mem_fault() found. */
enum tvx_mem_result {
	TVX_MEM_MAPPED,		/* go on, the access works now (or a retry is due) */
	TVX_MEM_NO_SLOT,	/* MMIO */
	TVX_MEM_RDONLY,		/* a write to a read-only slot: MMIO */
	TVX_MEM_ERROR,		/* the host memory is not to be had */
};

/*
 * tvx_mem_known_hole() - was @gpa found in no slot, or a neighbour of its, by faults of
 * @f, and has no slot changed?  Any context.
 */
static inline bool tvx_mem_known_hole(const struct tvx_vm *vm, const struct tvx_fault *f, u64 gpa)
{
	return gpa - f->hole.from < f->hole.len && f->hole.seq == READ_ONCE(vm->mmu_seq);
}

/**
 * tvx_mem_fault_now() - make the page at @gpa present for an access, without sleeping
 * @access: TVX_MEM_READ, TVX_MEM_WRITE, TVX_MEM_FETCH
 * Return: MAPPED, NO_SLOT or RDONLY, or ERROR: tvx_mem_fault() has to do it.
 *
 * In the VM's process, preemption may be off; interrupts are on.
 */
enum tvx_mem_result tvx_mem_fault_now(struct tvx_vm *vm, struct tvx_fault *f, u64 gpa,
				      u32 access);

/**
 * tvx_mem_fault() - go on with a fault that tvx_mem_fault_now() could not serve
 * Return: as above; with ERROR, @f->error is EFAULT, EHWPOISON, ENOMEM, or EINTR (a fatal signal).
 *
 * In the VM's process, no locks, sleeps.
 */
enum tvx_mem_result tvx_mem_fault(struct tvx_vm *vm, struct tvx_fault *f);

/* mem_access.c: guest memory, in the VM's process, sleeps.  0 or -EFAULT. */
int tvx_mem_read(struct tvx_vm *vm, u64 gpa, void *buf, size_t len);

/* mem_notifier.c: MMU notifier subscriptions, one per process */
struct tvx_mm *tvx_mm_attach(struct tvx_vm *vm);
void tvx_mm_detach(struct tvx_vm *vm);
/* called by the notifier, interrupts on, may not sleep */
void tvx_mem_invalidate_begin(struct tvx_vm *vm, unsigned long start, unsigned long end);
void tvx_mem_invalidate_end(struct tvx_vm *vm, unsigned long start, unsigned long end);
bool tvx_mem_age(struct tvx_vm *vm, unsigned long start, unsigned long end, bool clear);

#endif
