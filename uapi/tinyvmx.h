/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * tinyvmx: the whole contract between the module and user space.
 *
 * Handles are file descriptors, all O_CLOEXEC: /dev/tinyvmx gives VMs, a VM
 * gives vCPUs.  A vCPU keeps its VM alive, a VM keeps the module loaded.
 *
 * Every ioctl struct begins with `size` (set by the caller to sizeof) and
 * `flags`.  A larger size than the module knows is accepted if the unknown tail
 * is zero, else E2BIG; a smaller one reads as if the missing tail were zero, down
 * to the struct's first version (EINVAL below it).  Unknown flags and non-zero
 * reserved fields are EINVAL, an unknown command is ENOTTY, a bad pointer EFAULT.
 * A VM's ioctls return EINTR if a signal comes while another thread is in one.
 * Layouts are the same for 32-bit and 64-bit callers.
 *
 * Only the process (mm) that created a VM may use it and its vCPUs: EIO for
 * others.  A VM that hit a bug of the module is dead: EIO from then on.
 */
#ifndef _UAPI_TINYVMX_H
#define _UAPI_TINYVMX_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define TVX_DEVICE		"/dev/tinyvmx"
#define TVX_API_VERSION		3
#define TVX_IOCTL_TYPE		0xd7

/* General purpose registers, by the processor's own numbers. */
enum tvx_gpr {
	TVX_RAX, TVX_RCX, TVX_RDX, TVX_RBX, TVX_RSP, TVX_RBP, TVX_RSI, TVX_RDI,
	TVX_R8, TVX_R9, TVX_R10, TVX_R11, TVX_R12, TVX_R13, TVX_R14, TVX_R15,
	TVX_NR_GPRS
};

/* ---- device: /dev/tinyvmx ---------------------------------------------- */

/*
 * tvx_info.features: what this CPU gives; the absence of each costs something, but of
 * TSC_SCALING, PML and XSAVES, of which the module makes no use yet.
 */
#define TVX_FEAT_UNRESTRICTED	(1ULL << 0)  /* real mode; without: only PE=1 guests */
#define TVX_FEAT_VPID		(1ULL << 1)  /* TLB survives exits */
#define TVX_FEAT_EPT_AD		(1ULL << 2)  /* accessed and dirty bits in EPT */
#define TVX_FEAT_EPT_2M		(1ULL << 3)
#define TVX_FEAT_EPT_1G		(1ULL << 4)
#define TVX_FEAT_SLICE		(1ULL << 5)  /* VMX preemption timer: tvx_run_in.slice */
#define TVX_FEAT_XSAVE		(1ULL << 6)
#define TVX_FEAT_INVPCID	(1ULL << 7)
#define TVX_FEAT_RDTSCP		(1ULL << 8)
#define TVX_FEAT_TSC_SCALING	(1ULL << 9)
#define TVX_FEAT_PML		(1ULL << 10)
#define TVX_FEAT_PLE		(1ULL << 11) /* PAUSE-loop exiting */
#define TVX_FEAT_APICV		(1ULL << 12) /* register virtualisation, virtual interrupts */
#define TVX_FEAT_VNMI		(1ULL << 13) /* NMI blocking and NMI windows */
#define TVX_FEAT_TPR_SHADOW	(1ULL << 14)
#define TVX_FEAT_XSAVES		(1ULL << 15)
#define TVX_FEAT_CHECKING	(1ULL << 63) /* the module is a checking build */

/* Index into tvx_info.vmx_msrs: IA32_VMX_BASIC (0x480) and the MSRs after it. */
#define TVX_NR_VMX_MSRS		19

/*
 * How VMX, which a CPU has once, is held.  The guests notice nothing of it; what
 * differs is the price, and what KVM can do meanwhile.
 */
enum tvx_hold {
	TVX_HOLD_OWN = 1,	/* on for the module while VMs exist: nobody else has it */
	TVX_HOLD_RIDE = 2,	/* on for KVM, which keeps it on while the VM exists */
	TVX_HOLD_WINDOW = 3,	/* on for as long as interrupts are off; dearer, and needs nobody */
};

/**
 * struct tvx_info - TVX_GET_INFO: what this module and this machine offer
 * @size: of this struct
 * @flags: 0
 * @api_version: TVX_API_VERSION of the module
 * @max_vcpus: per VM
 * @max_slots: per VM
 * @run_size: bytes to mmap from a vCPU fd at offset 0
 * @features: TVX_FEAT_*
 * @gpa_bits: guest-physical addresses have that many bits
 * @xsave_size: bytes of the XSAVE area that TVX_VCPU_GET_XSAVE gives
 * @tsc_khz: of the host, 0 if unknown
 * @xcr0: the XCR0 bits a guest may set, 0 without XSAVE
 * @vmx_msrs: IA32_VMX_* capability MSRs 0x480 and up, 0 where the CPU has none
 * @hold: enum tvx_hold, how a VM that is created now would hold VMX. RIDE: if it is created
 *	with TVX_VM_KVM, else it is WINDOW
 * @reserved: 0
 */
struct tvx_info {
	__u32 size;
	__u32 flags;
	__u32 api_version;
	__u32 max_vcpus;
	__u32 max_slots;
	__u32 run_size;
	__u64 features;
	__u32 gpa_bits;
	__u32 xsave_size;
	__u64 tsc_khz;
	__u64 xcr0;
	__u64 vmx_msrs[TVX_NR_VMX_MSRS];
	__u32 hold;
	__u32 reserved[7];
};

/* tvx_create_vm.flags */
#define TVX_VM_APIC		(1U << 0)  /* each vCPU has a local APIC, in the module */
#define TVX_VM_KVM		(1U << 1)  /* @kvm_fd counts */

/**
 * struct tvx_create_vm - TVX_CREATE_VM: returns a VM fd
 * @size: of this struct
 * @flags: TVX_VM_*
 * @kvm_fd: a VM of KVM's (KVM_CREATE_VM of /dev/kvm; it needs no vCPU). The new VM holds it
 *	as long as it exists, so that KVM keeps VMX on: see TVX_HOLD_RIDE. Where VMX is held
 *	in another way it is not needed, and does no harm
 * @reserved: 0
 *
 * Errors: EBUSY VMX cannot be had the way that the module's parameter "hold" demands, or
 * the machine is about to reboot; ENODEV a CPU cannot do VMX (the log has the reasons, each
 * minute one at most); EBADF, EINVAL @kvm_fd is not open, or not a VM of KVM's; ENOMEM;
 * EMFILE.
 */
struct tvx_create_vm {
	__u32 size;
	__u32 flags;
	__s32 kvm_fd;
	__u32 reserved[5];
};

/* tvx_cpuid_entry.flags */
#define TVX_CPUID_INDEX		(1U << 0)  /* @index counts (sub-leaf) */
#define TVX_CPUID_EXIT		(1U << 1)  /* give this leaf to user space */

/**
 * struct tvx_cpuid_entry - what the guest's CPUID answers for one (sub-)leaf
 * @function: EAX before CPUID: the leaf
 * @index: ECX before CPUID: the sub-leaf, if @flags has TVX_CPUID_INDEX; else it answers all
 * @flags: TVX_CPUID_*
 * @eax: EAX after it
 * @ebx: EBX after it
 * @ecx: ECX after it
 * @edx: EDX after it
 * @reserved: 0
 *
 * The module itself fills in what depends on the vCPU: the APIC id (leaves 1,
 * 0xb, 0x1f), OSXSAVE, and the XSAVE sizes of leaf 0xd.
 */
struct tvx_cpuid_entry {
	__u32 function;
	__u32 index;
	__u32 flags;
	__u32 eax;
	__u32 ebx;
	__u32 ecx;
	__u32 edx;
	__u32 reserved;
};

#define TVX_MAX_CPUID		256

/**
 * struct tvx_cpuid - TVX_GET_CPUID (device) and TVX_VM_SET_CPUID (VM)
 * @size: of this struct
 * @flags: 0
 * @count: in: entries at @entries; out of GET: how many there are
 * @reserved: 0
 * @entries: pointer to struct tvx_cpuid_entry[]
 *
 * GET gives the table that a new VM has: what CPU and module support, and the
 * host's kernel has not turned off; leaf 0x15 tells a crystal at the TSC's rate,
 * which is the local APIC timer's.
 * E2BIG with @count set if the array is too small.
 * SET replaces the VM's table; EBUSY once the VM has a vCPU.
 * Bits in the table that the module does not support are not an error: the
 * guest sees them, and gets #GP or #UD when it uses them.
 */
struct tvx_cpuid {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 reserved;
	__u64 entries;
};

#define TVX_GET_INFO		_IOWR(TVX_IOCTL_TYPE, 0x00, struct tvx_info)
#define TVX_CREATE_VM		_IOW(TVX_IOCTL_TYPE, 0x01, struct tvx_create_vm)
#define TVX_GET_CPUID		_IOWR(TVX_IOCTL_TYPE, 0x02, struct tvx_cpuid)

/* ---- VM ------------------------------------------------------------------ */

/* tvx_slot.flags */
#define TVX_SLOT_READONLY	(1U << 0)  /* a guest write is a TVX_EXIT_MMIO */
#define TVX_SLOT_PREMAP		(1U << 1)  /* map all of it now, not at first touch */

/**
 * struct tvx_slot - TVX_VM_SET_SLOT: guest memory is a range of the caller's
 * @size: of this struct
 * @flags: TVX_SLOT_*
 * @slot: 0 .. max_slots - 1; an existing one is replaced (moved, resized)
 * @reserved: 0
 * @gpa: guest-physical start, 4 KiB aligned
 * @len: bytes, multiple of 4 KiB; 0 deletes the slot
 * @hva: start in the caller's address space, 4 KiB aligned
 *
 * The mapping may be anonymous, memfd, hugetlbfs or a file, and may change at
 * any time: the guest follows it.  May be called while vCPUs run: when it
 * returns, no vCPU uses the old slot any more.
 *
 * Errors: EINVAL alignment, wrap-around, beyond gpa_bits, not user addresses,
 * slot number; EEXIST overlaps another slot; ENOENT deleting no slot; ENOMEM;
 * with PREMAP also EFAULT (not mapped) and EINTR, and the slot is then not set.
 */
struct tvx_slot {
	__u32 size;
	__u32 flags;
	__u32 slot;
	__u32 reserved;
	__u64 gpa;
	__u64 len;
	__u64 hva;
};

/* What happens at an access that a policy covers. */
enum tvx_action {
	TVX_ACT_DEFAULT,	/* as if no rule covered it */
	TVX_ACT_EXIT,		/* to user space */
	TVX_ACT_CONST,		/* reads give the constant, writes are dropped */
	TVX_ACT_FAULT,		/* #GP (MSR, I/O) or #UD (hypercall) */
	TVX_ACT_PASS,		/* no exit: MSRs that the module switches; else EOPNOTSUPP */
};

/**
 * struct tvx_msr_rule - policy of a range of MSRs; of two rules the first counts
 * @first: MSR number
 * @count: how many, at least 1
 * @read: enum tvx_action of RDMSR
 * @write: enum tvx_action of WRMSR
 * @value: for TVX_ACT_CONST
 */
struct tvx_msr_rule {
	__u32 first;
	__u32 count;
	__u32 read;
	__u32 write;
	__u64 value;
};

/**
 * struct tvx_io_rule - policy of a range of I/O ports; of two rules the first counts
 * @first: port
 * @reserved: 0
 * @count: how many
 * @action: enum tvx_action; the default is EXIT; CONST reads as @value, writes dropped
 * @value: for TVX_ACT_CONST
 *
 * An access that touches several ports obeys the rule of its first port.
 */
struct tvx_io_rule {
	__u16 first;
	__u16 reserved;
	__u32 count;
	__u32 action;
	__u32 value;
};

#define TVX_MAX_RULES		256

/* tvx_policy.exits: exits that are off by default */
#define TVX_WANT_PAUSE		(1U << 0)  /* each PAUSE: TVX_EXIT_PAUSE */
#define TVX_WANT_RDTSC		(1U << 1)  /* RDTSC, RDTSCP: TVX_EXIT_RDTSC */
#define TVX_WANT_DESC		(1U << 2)  /* LGDT, SIDT, LTR...: TVX_EXIT_DESC */
#define TVX_WANT_RANDOM		(1U << 3)  /* RDRAND, RDSEED: TVX_EXIT_RANDOM */
#define TVX_WANT_CR3		(1U << 4)  /* writes of CR3: TVX_EXIT_CR3, before they happen */
#define TVX_WANT_WBINVD		(1U << 5)  /* WBINVD, INVD: TVX_EXIT_WBINVD */

/**
 * struct tvx_policy - TVX_VM_SET_POLICY: which guest actions exit, and where to
 * @size: of this struct
 * @flags: 0
 * @nr_msr_rules: at @msr_rules
 * @nr_io_rules: at @io_rules
 * @msr_rules: pointer to struct tvx_msr_rule[]; what no rule covers is handled
 *	by the module if it knows the MSR, and is #GP if not
 * @io_rules: pointer to struct tvx_io_rule[]
 * @exceptions: bit n: exception vector n exits (TVX_EXIT_EXCEPTION), also where the module
 *	raises it in the CPU's place (#UD for VMX instructions, #GP for an unknown MSR, ...;
 *	hw_reason tells); what user space injects, and the #DF that it may become, does not
 * @exits: TVX_WANT_*
 * @hypercall: enum tvx_action of VMCALL; DEFAULT is CONST with -ENOSYS
 * @reserved: 0
 * @hypercall_value: RAX after a VMCALL with TVX_ACT_CONST
 *
 * EBUSY once the VM has a vCPU; EOPNOTSUPP for an exit this CPU cannot give or
 * an MSR that cannot be passed.
 */
struct tvx_policy {
	__u32 size;
	__u32 flags;
	__u32 nr_msr_rules;
	__u32 nr_io_rules;
	__u64 msr_rules;
	__u64 io_rules;
	__u32 exceptions;
	__u32 exits;
	__u32 hypercall;
	__u32 reserved;
	__u64 hypercall_value;
};

/**
 * struct tvx_create_vcpu - TVX_VM_CREATE_VCPU: returns a vCPU fd
 * @size: of this struct
 * @flags: 0
 * @id: the APIC id, below max_vcpus
 * @reserved: 0
 *
 * The vCPU is in the state after RESET. The VM's CPUID and policy are fixed
 * from now on.  Errors: EINVAL id; EEXIST the VM has it; ENOMEM; EMFILE.
 */
struct tvx_create_vcpu {
	__u32 size;
	__u32 flags;
	__u32 id;
	__u32 reserved;
};

/*
 * Interrupts of a VM with local APICs (TVX_VM_APIC; EOPNOTSUPP without). A message
 * is what a device would write: an address in 0xfee00000 .. 0xfeefffff, whose bits 12
 * to 19 are the destination, and the data, as the SDM's "Message Signalled Interrupts"
 * says. What is level triggered comes back as TVX_EXIT_EOI from the vCPU that took it.
 */

/**
 * struct tvx_msi - TVX_VM_MSI: returns how many local APICs took the message
 * @size: of this struct
 * @flags: 0
 * @address: where the device would write
 * @data: what it would write
 * @reserved: 0
 *
 * May be called by any thread of the process at any time. EINVAL: no such message.
 */
struct tvx_msi {
	__u32 size;
	__u32 flags;
	__u64 address;
	__u32 data;
	__u32 reserved;
};

/* tvx_irqfd.flags, tvx_ioeventfd.flags */
#define TVX_FD_REMOVE		(1U << 0)  /* end it: all else as when it was made */
#define TVX_FD_MATCH		(1U << 1)  /* ioeventfd: only writes of @value */

/**
 * struct tvx_irqfd - TVX_VM_IRQFD: each signal of an eventfd sends a message
 * @size: of this struct
 * @flags: 0 or TVX_FD_REMOVE
 * @address: of the message, as for TVX_VM_MSI
 * @data: of the message
 * @fd: an eventfd
 *
 * It ends with REMOVE, with the last reference to the eventfd, or with the VM.
 * Errors: EBADF, EINVAL not an eventfd, or no such message; EEXIST the VM has one for
 * this eventfd; ENOENT;
 * ENOSPC over TVX_MAX_IRQFDS.
 */
struct tvx_irqfd {
	__u32 size;
	__u32 flags;
	__u64 address;
	__u32 data;
	__s32 fd;
};

/**
 * struct tvx_ioeventfd - TVX_VM_IOEVENTFD: an OUT signals an eventfd, and no exit reaches
 *	user space
 * @size: of this struct
 * @flags: TVX_FD_*
 * @port: I/O port
 * @width: bytes of the OUT that count: 1, 2, 4; 0: any
 * @fd: an eventfd
 * @reserved: 0
 * @value: with TVX_FD_MATCH
 *
 * String instructions exit to user space all the same. Needs no local APIC. Memory
 * is not offered: the kernel decodes no instructions. Errors as for TVX_VM_IRQFD,
 * ENOSPC over TVX_MAX_IOEVENTFDS.
 */
struct tvx_ioeventfd {
	__u32 size;
	__u32 flags;
	__u16 port;
	__u16 width;
	__s32 fd;
	__u32 reserved[2];
	__u64 value;
};

#define TVX_MAX_IRQFDS		256
#define TVX_MAX_IOEVENTFDS	64

#define TVX_VM_SET_SLOT		_IOW(TVX_IOCTL_TYPE, 0x20, struct tvx_slot)
#define TVX_VM_SET_CPUID	_IOW(TVX_IOCTL_TYPE, 0x21, struct tvx_cpuid)
#define TVX_VM_SET_POLICY	_IOW(TVX_IOCTL_TYPE, 0x22, struct tvx_policy)
#define TVX_VM_CREATE_VCPU	_IOW(TVX_IOCTL_TYPE, 0x23, struct tvx_create_vcpu)
#define TVX_VM_MSI		_IOW(TVX_IOCTL_TYPE, 0x24, struct tvx_msi)
#define TVX_VM_IRQFD		_IOW(TVX_IOCTL_TYPE, 0x25, struct tvx_irqfd)
#define TVX_VM_IOEVENTFD	_IOW(TVX_IOCTL_TYPE, 0x26, struct tvx_ioeventfd)

/* ---- vCPU: state --------------------------------------------------------- */

/* tvx_segment.ar: as in a VMCS: type, S, DPL, P; AVL, L, D/B, G; unusable */
#define TVX_AR_UNUSABLE		(1U << 16)

struct tvx_segment {
	__u64 base;
	__u32 limit;
	__u32 ar;
	__u16 selector;
	__u16 reserved[3];
};

struct tvx_dtable {
	__u64 base;
	__u16 limit;
	__u16 reserved[3];
};

/* tvx_event.type: the types of VM-entry interruption information */
enum tvx_event_type {
	TVX_EVENT_INTR		= 0,
	TVX_EVENT_NMI		= 2,
	TVX_EVENT_EXCEPTION	= 3,	/* hardware exception */
	TVX_EVENT_SOFT_INTR	= 4,	/* INT n */
	TVX_EVENT_PRIV_EXCEPTION = 5,	/* INT1 */
	TVX_EVENT_SOFT_EXCEPTION = 6,	/* INT3, INTO */
};

#define TVX_EVENT_VALID		(1U << 0)
#define TVX_EVENT_ERROR_CODE	(1U << 1)

/**
 * struct tvx_event - an event to deliver to the guest
 * @flags: TVX_EVENT_VALID, TVX_EVENT_ERROR_CODE; 0: no event
 * @type: enum tvx_event_type
 * @vector: 0..255; 2 for NMI, below 32 for exceptions
 * @insn_len: of the INT instruction (soft types), 1..15; else 0
 * @error_code: if TVX_EVENT_ERROR_CODE
 */
struct tvx_event {
	__u8 flags;
	__u8 type;
	__u8 vector;
	__u8 insn_len;
	__u32 error_code;
};

/**
 * enum tvx_activity - tvx_state.activity
 * @TVX_ACTIVE: executes instructions
 * @TVX_HALTED: waits for an event: RUN returns TVX_EXIT_HLT until then, or with a local
 *	APIC sleeps
 * @TVX_SHUTDOWN: after a triple fault; RUN returns TVX_EXIT_SHUTDOWN
 * @TVX_WAIT_SIPI: with a local APIC: at first, and after INIT, but where IA32_APIC_BASE
 *	says bootstrap processor (at first vCPU 0)
 */
enum tvx_activity {
	TVX_ACTIVE,
	TVX_HALTED,
	TVX_SHUTDOWN,
	TVX_WAIT_SIPI,
};

/* tvx_state.shadow */
#define TVX_SHADOW_STI		(1U << 0)
#define TVX_SHADOW_MOV_SS	(1U << 1)
#define TVX_SHADOW_NMI		(1U << 3)  /* NMIs are blocked until IRET */

/* tvx_state.sections */
#define TVX_STATE_GPRS		(1U << 0)  /* gpr, rip, rflags */
#define TVX_STATE_SEGMENTS	(1U << 1)  /* es .. tr, gdtr, idtr */
#define TVX_STATE_CONTROL	(1U << 2)  /* cr*, xcr0, efer, pdpte */
#define TVX_STATE_DEBUG		(1U << 3)  /* dr* */
#define TVX_STATE_EVENTS	(1U << 4)  /* events, shadow, activity, pending_dbg */
#define TVX_STATE_ALL		0x1fU

/**
 * struct tvx_state - TVX_VCPU_GET_STATE, TVX_VCPU_SET_STATE
 * @size: of this struct
 * @flags: 0
 * @sections: TVX_STATE_*: which parts to read or write
 * @activity: enum tvx_activity
 * @gpr: by enum tvx_gpr
 * @rip: instruction pointer
 * @rflags: flags; bit 1 is set by the module
 * @seg: ES CS SS DS FS GS LDTR TR, in this order
 * @gdtr: GDTR
 * @idtr: IDTR
 * @cr0: as the guest sees it
 * @cr2: page-fault address
 * @cr3: page-table root
 * @cr4: as the guest sees it
 * @cr8: task priority, 0..15
 * @xcr0: XCR0; must have bit 0 where there is XSAVE, and be 0 where there is none
 * @efer: IA32_EFER
 * @pdpte: the PDPTEs that a PAE guest loaded at its last write of CR3
 * @dr: DR0 .. DR3
 * @dr6: DR6
 * @dr7: DR7
 * @injected: an event whose delivery was begun, and is repeated at the next entry
 * @exception: an exception that waits for delivery
 * @intr: an external interrupt that waits for delivery
 * @nmi_pending: NMIs that wait, 0..2
 * @shadow: TVX_SHADOW_*
 * @pending_dbg: the guest's pending debug exceptions
 * @reserved: 0
 *
 * SET checks what the module itself relies on (EINVAL: reserved bits of CR0,
 * CR4, EFER, XCR0, DR6, DR7, events, non-canonical bases); all else that the
 * processor would refuse is told by TVX_EXIT_FAIL_ENTRY at the next RUN.
 * EBUSY while another thread uses the vCPU.
 */
struct tvx_state {
	__u32 size;
	__u32 flags;
	__u32 sections;
	__u32 activity;
	__u64 gpr[TVX_NR_GPRS];
	__u64 rip;
	__u64 rflags;
	struct tvx_segment seg[8];
	struct tvx_dtable gdtr;
	struct tvx_dtable idtr;
	__u64 cr0;
	__u64 cr2;
	__u64 cr3;
	__u64 cr4;
	__u64 cr8;
	__u64 xcr0;
	__u64 efer;
	__u64 pdpte[4];
	__u64 dr[4];
	__u64 dr6;
	__u64 dr7;
	struct tvx_event injected;
	struct tvx_event exception;
	struct tvx_event intr;
	__u32 nmi_pending;
	__u32 shadow;
	__u64 pending_dbg;
	__u64 reserved[8];
};

enum tvx_sreg {
	TVX_ES, TVX_CS, TVX_SS, TVX_DS, TVX_FS, TVX_GS, TVX_LDTR, TVX_TR
};

struct tvx_msr {
	__u32 index;
	__u32 reserved;
	__u64 value;
};

#define TVX_MAX_MSRS		256

/**
 * struct tvx_msrs - TVX_VCPU_GET_MSRS, TVX_VCPU_SET_MSRS
 * @size: of this struct
 * @flags: 0
 * @count: in: entries; out: how many were done (also on error)
 * @reserved: 0
 * @msrs: pointer to struct tvx_msr[]
 *
 * Works on the MSRs that the module keeps for a vCPU, whatever the policy says.
 * EINVAL: unknown MSR or refused value, at entry @count.
 * GET with @count 0 gives E2BIG and in @count the number of MSRs kept; GET with
 * TVX_MSRS_LIST in @flags fills in the indices too.
 */
struct tvx_msrs {
	__u32 size;
	__u32 flags;
	__u32 count;
	__u32 reserved;
	__u64 msrs;
};
#define TVX_MSRS_LIST		(1U << 0)

/**
 * struct tvx_buffer - TVX_VCPU_GET_XSAVE, TVX_VCPU_SET_XSAVE, TVX_VCPU_REPORT
 * @size: of this struct
 * @flags: TVX_REPORT_* for REPORT, else 0
 * @data: pointer
 * @len: in: bytes at @data; out: bytes there are (E2BIG if there was not room)
 *
 * XSAVE: the standard format (or FXSAVE's 512 bytes without XSAVE); SET checks
 * header and MXCSR (EINVAL).
 * REPORT: text for people, lines ending in a newline, as in a verifier's log.
 */
struct tvx_buffer {
	__u32 size;
	__u32 flags;
	__u64 data;
	__u64 len;
};
#define TVX_REPORT_ENTRY	(1U << 0)  /* VM-entry checks that do not hold */
#define TVX_REPORT_VMCS		(1U << 1)  /* all VMCS fields by name */

/**
 * struct tvx_apic - TVX_VCPU_GET_APIC, TVX_VCPU_SET_APIC: all of a local APIC
 * @size: of this struct
 * @flags: 0
 * @base: IA32_APIC_BASE; where there is a slot, at another address than 0xfee00000, the
 *	guest finds memory and not its xAPIC page
 * @tsc_deadline: IA32_TSC_DEADLINE
 * @timer: guest TSC ticks until the timer fires, 0: it is not armed
 * @reg: the register at offset 16 * n of the xAPIC page; ICR's upper half is
 *	reg[0x31] in either mode; the current count is not set but follows from @timer
 *
 * EINVAL: reserved bits, another id than the vCPU's. EOPNOTSUPP: no local APIC.
 */
struct tvx_apic {
	__u32 size;
	__u32 flags;
	__u64 base;
	__u64 tsc_deadline;
	__u64 timer;
	__u32 reg[64];
};

/* tvx_apic_access.flags */
#define TVX_APIC_WRITE		(1U << 0)

/**
 * struct tvx_apic_access - TVX_VCPU_APIC_ACCESS: an access to the xAPIC page
 * @size: of this struct
 * @flags: 0 (read) or TVX_APIC_WRITE
 * @offset: of the register, 0 .. 0xfff
 * @value: in or out
 *
 * For a TVX_EXIT_MMIO in that page, which is at 0xfee00000 but with TVX_MEM_APIC_MOVED:
 * where the CPU cannot virtualise the access, user space decodes it. EINVAL: not in
 * xAPIC mode, offset. A write of EOI may be what makes the next RUN return
 * TVX_EXIT_EOI; until then EBUSY for writes.
 */
struct tvx_apic_access {
	__u32 size;
	__u32 flags;
	__u32 offset;
	__u32 value;
};

#define TVX_NR_EXIT_REASONS	80

/**
 * struct tvx_exit_count - of one basic exit reason
 * @count: how many
 * @cycles: TSC ticks from the exit until the next entry, or until the way back to
 *	user space or to work that may sleep begins
 */
struct tvx_exit_count {
	__u64 count;
	__u64 cycles;
};

/**
 * struct tvx_stats - TVX_VCPU_GET_STATS: may be called while the vCPU runs
 * @size: of this struct
 * @flags: 0
 * @nr: entries of @reason that the module fills
 * @cpu: the CPU that last ran the vCPU, -1 if none
 * @runs: calls of RUN
 * @migrations: how often it moved to another CPU
 * @injected: events delivered
 * @guest_cycles: TSC ticks between entry and exit
 * @reason: by basic exit reason of the hardware
 */
struct tvx_stats {
	__u32 size;
	__u32 flags;
	__u32 nr;
	__s32 cpu;
	__u64 runs;
	__u64 migrations;
	__u64 injected;
	__u64 guest_cycles;
	struct tvx_exit_count reason[TVX_NR_EXIT_REASONS];
};

#define TVX_VCPU_RUN		_IO(TVX_IOCTL_TYPE, 0x40)
#define TVX_VCPU_KICK		_IO(TVX_IOCTL_TYPE, 0x41)
#define TVX_VCPU_GET_STATE	_IOWR(TVX_IOCTL_TYPE, 0x42, struct tvx_state)
#define TVX_VCPU_SET_STATE	_IOW(TVX_IOCTL_TYPE, 0x43, struct tvx_state)
#define TVX_VCPU_GET_MSRS	_IOWR(TVX_IOCTL_TYPE, 0x44, struct tvx_msrs)
#define TVX_VCPU_SET_MSRS	_IOWR(TVX_IOCTL_TYPE, 0x45, struct tvx_msrs)
#define TVX_VCPU_GET_XSAVE	_IOWR(TVX_IOCTL_TYPE, 0x46, struct tvx_buffer)
#define TVX_VCPU_SET_XSAVE	_IOWR(TVX_IOCTL_TYPE, 0x47, struct tvx_buffer)
#define TVX_VCPU_GET_STATS	_IOWR(TVX_IOCTL_TYPE, 0x48, struct tvx_stats)
#define TVX_VCPU_REPORT		_IOWR(TVX_IOCTL_TYPE, 0x49, struct tvx_buffer)
#define TVX_VCPU_GET_APIC	_IOWR(TVX_IOCTL_TYPE, 0x4a, struct tvx_apic)
#define TVX_VCPU_SET_APIC	_IOW(TVX_IOCTL_TYPE, 0x4b, struct tvx_apic)
#define TVX_VCPU_APIC_ACCESS	_IOWR(TVX_IOCTL_TYPE, 0x4c, struct tvx_apic_access)

/* ---- vCPU: the run page --------------------------------------------------- */

/*
 * TVX_VCPU_RUN runs the guest until user space is needed.  It returns
 *   0       and tvx_run_out.exit says why,
 *   EINTR   exit is TVX_EXIT_INTERRUPTED: a signal is pending (TVX_OUT_SIGNAL), or
 *           immediate_exit was set, or else the kernel had work for the thread that is
 *           done on the way out, of which there is nothing to see: call again,
 *   EBUSY   another thread uses the vCPU, or an event of that kind still waits,
 *   EINVAL  the in-half asks for something malformed,
 *   ENOMEM  there is none for carrying out an INIT; call again,
 *   EIO     the VM is dead or not this process's.
 * The kernel remembers nothing of an exit: user space finishes the guest's
 * instruction by putting registers into the in-half with their dirty bits
 * (`rip` = next_rip), and calls RUN again.
 *
 * TVX_VCPU_KICK, from any thread, makes the RUN under way, or if there is none
 * the next one, return with TVX_EXIT_INTERRUPTED (and 0).  A RUN that waits for a
 * page of the process's memory (a file's, userfaultfd's) returns once it has that page;
 * a signal ends such a wait too on kernels since 6.6, before only one that kills.
 * A CPU may have no VMX for a while: it is on its way down or up, the machine is being
 * suspended, or another hypervisor than KVM has VMX.  What needs it waits then, RUN and all
 * that reads or writes a vCPU's state, and only a signal that kills ends that wait.
 */

/* tvx_run_in.requests */
#define TVX_REQ_INTR_WINDOW	(1U << 0)  /* exit when an interrupt could be taken */
#define TVX_REQ_NMI_WINDOW	(1U << 1)  /* exit when an NMI could be taken (TVX_FEAT_VNMI) */

/* tvx_run_in.dirty: bits 0..15 are the GPRs by number */
#define TVX_DIRTY_RIP		(1U << 16) /* also ends an STI or MOV SS shadow */
#define TVX_DIRTY_RFLAGS	(1U << 17)

/**
 * struct tvx_run_in - read by the kernel at each RUN, each field at most once (of the
 * registers only those that are dirty); the caller's to write
 * @immediate_exit: not 0: load what is dirty, enter nothing, return EINTR
 * @requests: TVX_REQ_*; stays in force until changed
 * @dirty: which of @gpr, @rip, @rflags to load; the caller clears it
 * @reserved: 0
 * @event: to queue for delivery if TVX_EVENT_VALID; the caller clears it. One
 *	event of each class (exception, interrupt; two NMIs) can wait: EBUSY, nothing
 *	loaded, while out.pending says that one does
 * @slice: return TVX_EXIT_SLICE after about that many TSC ticks in this RUN; 0: never.
 *	The way to bound the time that a guest may take
 * @gpr: by enum tvx_gpr
 * @rip: instruction pointer
 * @rflags: flags
 */
struct tvx_run_in {
	__u32 immediate_exit;
	__u32 requests;
	__u32 dirty;
	__u32 reserved;
	struct tvx_event event;
	__u64 slice;
	__u64 gpr[TVX_NR_GPRS];
	__u64 rip;
	__u64 rflags;
};

enum tvx_exit {
	TVX_EXIT_NONE,
	TVX_EXIT_INTERRUPTED,	/* signal, kick, immediate_exit; seldom the kernel's own work */
	TVX_EXIT_IO,		/* .io */
	TVX_EXIT_MMIO,		/* .mmio, .ctx: outside every slot, or a write to a read-only one */
	TVX_EXIT_MEMORY_FAULT,	/* .fault: a slot with no usable host memory behind it */
	TVX_EXIT_HLT,		/* next_rip: activity is already TVX_HALTED, RIP is past it */
	TVX_EXIT_HYPERCALL,	/* arguments in gpr; answer in RAX, go on at next_rip */
	TVX_EXIT_CPUID,		/* leaf in RAX, RCX */
	TVX_EXIT_RDMSR,		/* .msr; answer in RAX, RDX or inject #GP */
	TVX_EXIT_WRMSR,		/* .msr */
	TVX_EXIT_EXCEPTION,	/* .exception: not delivered to the guest */
	TVX_EXIT_INTR_WINDOW,	/* asked for by requests */
	TVX_EXIT_NMI_WINDOW,
	TVX_EXIT_SLICE,		/* slice used up */
	TVX_EXIT_SHUTDOWN,	/* triple fault */
	TVX_EXIT_TASK_SWITCH,	/* .task */
	TVX_EXIT_PAUSE,		/* asked for by the policy, as the rest below */
	TVX_EXIT_RDTSC,
	TVX_EXIT_DESC,
	TVX_EXIT_RANDOM,
	TVX_EXIT_CR3,		/* .cr3: the new value; set CONTROL state to make it so */
	TVX_EXIT_WBINVD,
	TVX_EXIT_FAIL_ENTRY,	/* .fail: bad guest state; TVX_VCPU_REPORT says why */
	TVX_EXIT_UNKNOWN,	/* hw_reason and hw_qual are all there is */
	TVX_EXIT_EOI,		/* .eoi: a level-triggered interrupt is done; RIP is past it */
	TVX_NR_EXITS
};

/* tvx_run_out.flags */
#define TVX_OUT_INTR_OPEN	(1U << 0)  /* an interrupt would be taken now */
#define TVX_OUT_PENDING_EXC	(1U << 1)  /* such an event still waits */
#define TVX_OUT_PENDING_NMI	(1U << 2)
#define TVX_OUT_PENDING_INTR	(1U << 3)
#define TVX_OUT_SIGNAL		(1U << 4)  /* INTERRUPTED: a signal is pending for the thread */

/* tvx_run_out.io.flags */
#define TVX_IO_IN		(1U << 0)
#define TVX_IO_STRING		(1U << 1)  /* INS, OUTS: @gla, .ctx */
#define TVX_IO_REP		(1U << 2)

/* tvx_run_out.mmio.flags, .fault.flags */
#define TVX_MEM_READ		(1U << 0)
#define TVX_MEM_WRITE		(1U << 1)
#define TVX_MEM_FETCH		(1U << 2)
#define TVX_MEM_GLA_VALID	(1U << 3)  /* @gla is the linear address */
#define TVX_MEM_PAGE_WALK	(1U << 4)  /* an access of the guest's page walk itself */
#define TVX_MEM_READONLY	(1U << 5)  /* in a read-only slot */
#define TVX_MEM_APIC_MOVED	(1U << 6)  /* the xAPIC page is where TVX_VCPU_GET_APIC says */

/* A segment register but for its selector, as in struct tvx_segment. */
struct tvx_run_segment {
	__u64 base;
	__u32 limit;
	__u32 ar;
};

/**
 * struct tvx_run_ctx - what is needed to fetch and decode the instruction at RIP
 * @valid: 1 at TVX_EXIT_MMIO and at string I/O
 * @cs_ar: CS, as in struct tvx_segment
 * @cs_base: its base
 * @cr0: as the guest sees it
 * @cr3: page-table root
 * @cr4: as the guest sees it
 * @efer: IA32_EFER
 * @ss_ar: of SS, whose DPL is the CPL
 * @seg_valid: 1 outside 64-bit mode; in it few instructions ask for FS and GS, and
 *	none for the others: TVX_VCPU_GET_STATE has them
 * @seg: ES CS SS DS FS GS, in this order; means nothing unless @seg_valid is 1
 */
struct tvx_run_ctx {
	__u32 valid;
	__u32 cs_ar;
	__u64 cs_base;
	__u64 cr0;
	__u64 cr3;
	__u64 cr4;
	__u64 efer;
	__u32 ss_ar;
	__u32 seg_valid;
	struct tvx_run_segment seg[TVX_GS + 1];
};

/**
 * struct tvx_run_out - written by the kernel when RUN returns; never read back
 * @exit: enum tvx_exit
 * @flags: TVX_OUT_*. A preemption of the thread is no reason for RUN to return, and a kick
 *	is told by @exit without TVX_OUT_SIGNAL
 * @hw_reason: the exit reason field as the hardware gave it
 * @insn_len: length of the instruction that exited, where it counts; else 0
 * @hw_qual: the exit qualification
 * @gpr: by enum tvx_gpr
 * @rip: instruction pointer at the exit
 * @rflags: flags
 * @next_rip: where the guest goes on once the instruction is finished
 * @ctx: for decoding; means nothing unless its @valid is 1
 * @io: TVX_EXIT_IO: an access to a port that the policy does not answer
 * @mmio: TVX_EXIT_MMIO: an access to memory where no slot is, or a write to a read-only slot
 * @fault: TVX_EXIT_MEMORY_FAULT: the process has no memory at an address of a slot
 * @msr: TVX_EXIT_RDMSR, TVX_EXIT_WRMSR
 * @exception: TVX_EXIT_EXCEPTION: what the policy wants to see of the guest's exceptions
 * @task: TVX_EXIT_TASK_SWITCH
 * @cr3: TVX_EXIT_CR3: what MOV to CR3 is to load
 * @eoi: TVX_EXIT_EOI: the end of a level-triggered interrupt
 * @fail: TVX_EXIT_FAIL_ENTRY: the vCPU's state cannot be entered
 * @pad: nothing; the union's size for fields to come
 *
 * Of the union only the member that goes with @exit means anything: the rest is
 * what earlier exits left.
 */
struct tvx_run_out {
	__u32 exit;
	__u32 flags;
	__u32 hw_reason;
	__u32 insn_len;
	__u64 hw_qual;
	__u64 gpr[TVX_NR_GPRS];
	__u64 rip;
	__u64 rflags;
	__u64 next_rip;
	struct tvx_run_ctx ctx;
	union {
		struct {
			__u16 port;
			__u8 width;	/* 1, 2, 4 bytes */
			__u8 addr_width; /* of a string instruction: 2, 4, 8 */
			__u32 flags;	/* TVX_IO_* */
			__u8 sreg;	/* of OUTS: enum tvx_sreg */
			__u8 reserved[7];
			__u64 gla;
			__u64 count;	/* RCX by addr_width if REP, else 1 */
			__u64 value;	/* OUT: what is written */
		} io;
		struct {
			__u64 gpa;
			__u64 gla;
			__u32 flags;	/* TVX_MEM_* */
			__u32 reserved;
		} mmio;
		struct {
			__u64 gpa;
			__u64 hva;
			__u32 flags;	/* TVX_MEM_* */
			__s32 error;	/* errno, positive */
		} fault;
		struct {
			__u32 index;
			__u32 reserved;
			__u64 value;	/* WRMSR: EDX:EAX */
		} msr;
		struct {
			struct tvx_event event;
			__u64 address;	/* #PF: linear address; #DB: DR6 bits */
		} exception;
		struct {
			__u16 selector;
			__u8 source;	/* 0 CALL, 1 IRET, 2 JMP, 3 task gate */
			__u8 reserved[5];
			struct tvx_event event; /* for a task gate: what went through it */
		} task;
		struct {
			__u64 value;
		} cr3;
		struct {
			__u8 vector;
			__u8 reserved[7];
		} eoi;
		struct {
			__u32 insn_error; /* VM-instruction error, 0 if it was an exit */
			__u32 reason;	/* TVX_FAIL_* */
		} fail;
		__u64 pad[24];
	};
};

/* tvx_run_out.fail.reason */
#define TVX_FAIL_GUEST_STATE	1  /* hardware refused the guest state */
#define TVX_FAIL_NO_REAL_MODE	2  /* a guest without CR0.PE needs unrestricted guest */
#define TVX_FAIL_MSR_LOADING	3
#define TVX_FAIL_CONTROLS	4  /* hardware refused the controls: a bug of the module */

/**
 * struct tvx_run - the shared page: mmap(vcpu_fd, info.run_size, offset 0)
 * @in: what user space tells the kernel
 * @pad_in: nothing
 * @out: what the kernel tells user space
 * @pad_out: nothing
 *
 * The kernel reads nothing of @in twice in a RUN, and writes @out only.  Scribbling over it
 * harms nobody but the guest.
 */
struct tvx_run {
	struct tvx_run_in in;
	__u8 pad_in[512 - sizeof(struct tvx_run_in)];
	struct tvx_run_out out;
	__u8 pad_out[3584 - sizeof(struct tvx_run_out)];
};

#endif /* _UAPI_TINYVMX_H */
