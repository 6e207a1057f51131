/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libtvx: the only caller of ioctl() on tinyvmx file descriptors.
 *
 * Thin: each call is one ioctl, or arithmetic on the run page. Calls return 0 or
 * -errno unless they say otherwise, and never exit or print. All structs are the
 * caller's; after a failed create there is nothing to destroy, and destroying
 * twice is harmless.
 *
 *	struct tvx_dev dev; struct tvx_vm vm; struct tvx_vcpu vcpu;
 *	struct tvx_state state;
 *
 *	tvx_open(&dev);
 *	tvx_vm_create(&dev, &vm);
 *	tvx_vm_add_memory(&vm, 0, 1 << 20);
 *	memcpy(tvx_vm_host(&vm, 0x1000, len), code, len);
 *	tvx_vcpu_create(&vm, 0, &vcpu);
 *	tvx_vcpu_get_state(&vcpu, &state, TVX_STATE_ALL);
 *	tvx_setup_real(&state, 0, 0x1000);
 *	tvx_vcpu_set_state(&vcpu, &state);
 *	tvx_vcpu_run(&vcpu);
 *	puts(tvx_exit_name(vcpu.run->out.exit));
 */
#ifndef LIBTVX_H
#define LIBTVX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode.h"	/* struct tvx_mmio_ops, struct tvx_port_ops */
#include "uapi/tinyvmx.h"


/* ---- device ------------------------------------------------------------- */

/**
 * struct tvx_dev - an open /dev/tinyvmx
 * @fd: file descriptor, -1 if closed
 * @kvm: a VM of KVM's, which keeps VMX on for ours; -1: there is none, or no need for one
 * @info: what the module answered to TVX_GET_INFO
 */
struct tvx_dev {
	int fd;
	int kvm;
	struct tvx_info info;
};

/** tvx_open - open the device, read @info; -EPROTO: another API version */
int tvx_open(struct tvx_dev *dev);
/** tvx_open_path - the same for a device node elsewhere */
int tvx_open_path(struct tvx_dev *dev, const char *path);
void tvx_close(struct tvx_dev *dev);

int tvx_get_info(const struct tvx_dev *dev, struct tvx_info *info);

/** tvx_get_cpuid - @count: in: room at @entries; out: entries there are (-E2BIG: too many) */
int tvx_get_cpuid(const struct tvx_dev *dev, struct tvx_cpuid_entry *entries, unsigned int *count);

/* ---- VM ----------------------------------------------------------------- */

/**
 * struct tvx_memslot - a slot that the library remembers
 * @gpa: guest-physical start
 * @len: bytes; 0: no such slot
 * @hva: the host memory
 * @flags: TVX_SLOT_*
 * @owned: mapped by tvx_vm_add_memory(): unmapped with the slot
 */
struct tvx_memslot {
	uint64_t gpa;
	uint64_t len;
	void *hva;
	uint32_t flags;
	bool owned;
};

/**
 * struct tvx_vm - a VM
 * @fd: file descriptor, -1 if destroyed
 * @info: of the device
 * @nr_slots: entries of @slots
 * @slots: by slot number; not protected against threads that change slots at once,
 *	or while another one is in tvx_handle_mmio(), tvx_handle_io(), tvx_vm_host()
 * @generation: counts the changes of @slots
 */
struct tvx_vm {
	int fd;
	struct tvx_info info;
	unsigned int nr_slots;
	struct tvx_memslot *slots;
	uint64_t generation;
};

/**
 * tvx_vm_create - a VM
 *
 * Where the module says that it can use the VMX that KVM has on (tvx_info.hold), a VM of
 * KVM's, which opening the device has created if /dev/kvm lets us, is handed over.
 */
int tvx_vm_create(const struct tvx_dev *dev, struct tvx_vm *vm);
/** tvx_vm_create_flags - the same with TVX_VM_* */
int tvx_vm_create_flags(const struct tvx_dev *dev, uint32_t flags, struct tvx_vm *vm);
/** tvx_vm_destroy - close the VM, unmap what tvx_vm_add_memory() mapped; vCPUs go first */
void tvx_vm_destroy(struct tvx_vm *vm);

/** tvx_vm_set_slot - set, replace or (len 0) delete slot number @slot */
int tvx_vm_set_slot(struct tvx_vm *vm, unsigned int slot, uint64_t gpa, uint64_t len, void *hva,
		    uint32_t flags);
/** tvx_vm_add_memory - zeroed anonymous memory at @gpa in the first free slot */
int tvx_vm_add_memory(struct tvx_vm *vm, uint64_t gpa, uint64_t len);
/** tvx_vm_add_memory_flags - the same with TVX_SLOT_* */
int tvx_vm_add_memory_flags(struct tvx_vm *vm, uint64_t gpa, uint64_t len, uint32_t flags);

/** tvx_vm_host - where [gpa, gpa + len) is in this process; NULL unless one slot holds it all */
void *tvx_vm_host(const struct tvx_vm *vm, uint64_t gpa, uint64_t len);

int tvx_vm_set_cpuid(struct tvx_vm *vm, const struct tvx_cpuid_entry *entries, unsigned int count);

/** tvx_vm_set_policy - @policy->size is filled in here, its rule pointers are the caller's */
int tvx_vm_set_policy(struct tvx_vm *vm, const struct tvx_policy *policy);

/* With local APICs, from any thread; see the uapi header for what they mean. */

/** tvx_vm_msi - send a message; returns how many local APICs took it, or -errno */
int tvx_vm_msi(const struct tvx_vm *vm, uint64_t address, uint32_t data);
/** tvx_vm_irqfd - @flags: 0 or TVX_FD_REMOVE */
int tvx_vm_irqfd(const struct tvx_vm *vm, int fd, uint64_t address, uint32_t data, uint32_t flags);
/** tvx_vm_ioeventfd - @width 0: any; @flags: TVX_FD_*; @value counts with TVX_FD_MATCH */
int tvx_vm_ioeventfd(const struct tvx_vm *vm, int fd, uint16_t port, unsigned int width,
		     uint64_t value, uint32_t flags);

/* ---- vCPU --------------------------------------------------------------- */

struct tvx_memo;

/**
 * struct tvx_vcpu - a vCPU
 * @fd: file descriptor, -1 if destroyed
 * @id: APIC id
 * @vm: its VM, which must outlive it
 * @run: the run page
 * @error: of the last tvx_handle_mmio(), tvx_handle_io() that failed, in words
 * @memo: what they remember of earlier exits; the library's own
 */
struct tvx_vcpu {
	int fd;
	unsigned int id;
	struct tvx_vm *vm;
	struct tvx_run *run;
	char error[128];
	struct tvx_memo *memo;
};

int tvx_vcpu_create(struct tvx_vm *vm, unsigned int id, struct tvx_vcpu *vcpu);
void tvx_vcpu_destroy(struct tvx_vcpu *vcpu);

/**
 * tvx_vcpu_run - run the guest until there is something for the caller to do
 *
 * 0: out.exit says what. TVX_EXIT_INTERRUPTED is a kick; in.slice bounds the time.
 * -EINTR: a signal came (out.flags has TVX_OUT_SIGNAL; a stop and SIGCONT are some, too),
 * or in.immediate_exit is set; out.exit is TVX_EXIT_INTERRUPTED. Whoever has no handler
 * that would want something else can just call again.
 *
 * After both the kernel has taken the in-half, and its dirty bits and event are cleared
 * here. Any other error: it has taken nothing, and they are left as they are.
 */
int tvx_vcpu_run(struct tvx_vcpu *vcpu);
/**
 * tvx_vcpu_run_once - the same by one TVX_VCPU_RUN
 *
 * -EINTR may also be the kernel's own work for the thread, which is done by now.
 */
int tvx_vcpu_run_once(struct tvx_vcpu *vcpu);

/** tvx_vcpu_kick - from any thread or a signal handler: end this RUN or the next */
int tvx_vcpu_kick(struct tvx_vcpu *vcpu);

/** tvx_vcpu_get_state - the sections TVX_STATE_* of @sections, also noted in @state->sections */
int tvx_vcpu_get_state(struct tvx_vcpu *vcpu, struct tvx_state *state, uint32_t sections);
/** tvx_vcpu_set_state - the sections that @state->sections names */
int tvx_vcpu_set_state(struct tvx_vcpu *vcpu, const struct tvx_state *state);

/** tvx_vcpu_get_msrs - @done (may be NULL): how many were read, also on error */
int tvx_vcpu_get_msrs(struct tvx_vcpu *vcpu, struct tvx_msr *msrs, unsigned int count,
		      unsigned int *done);
int tvx_vcpu_set_msrs(struct tvx_vcpu *vcpu, const struct tvx_msr *msrs, unsigned int count,
		      unsigned int *done);
/** tvx_vcpu_list_msrs - all MSRs kept; @count: in: room; out: how many (-E2BIG: more) */
int tvx_vcpu_list_msrs(struct tvx_vcpu *vcpu, struct tvx_msr *msrs, unsigned int *count);

/** tvx_vcpu_get_xsave - @len: in: room at @buf; out: bytes of the area */
int tvx_vcpu_get_xsave(struct tvx_vcpu *vcpu, void *buf, uint64_t *len);
int tvx_vcpu_set_xsave(struct tvx_vcpu *vcpu, const void *buf, uint64_t len);

int tvx_vcpu_get_apic(struct tvx_vcpu *vcpu, struct tvx_apic *apic);
int tvx_vcpu_set_apic(struct tvx_vcpu *vcpu, const struct tvx_apic *apic);
/* Registers of the xAPIC page, for a TVX_EXIT_MMIO there. */
int tvx_vcpu_apic_read(struct tvx_vcpu *vcpu, uint32_t offset, uint32_t *value);
int tvx_vcpu_apic_write(struct tvx_vcpu *vcpu, uint32_t offset, uint32_t value);

int tvx_vcpu_get_stats(struct tvx_vcpu *vcpu, struct tvx_stats *stats);

/** tvx_vcpu_report - @flags: TVX_REPORT_*; @text is allocated, the caller frees it */
int tvx_vcpu_report(struct tvx_vcpu *vcpu, uint32_t flags, char **text);

/* ---- the run page ------------------------------------------------------- */

void tvx_set_gpr(struct tvx_vcpu *vcpu, enum tvx_gpr reg, uint64_t value);
void tvx_set_rip(struct tvx_vcpu *vcpu, uint64_t rip);
void tvx_set_rflags(struct tvx_vcpu *vcpu, uint64_t rflags);
/** tvx_skip_insn - go on behind the instruction that exited */
void tvx_skip_insn(struct tvx_vcpu *vcpu);

/* What the guest will have in a register at the next RUN. */
uint64_t tvx_get_gpr(const struct tvx_vcpu *vcpu, enum tvx_gpr reg);
uint64_t tvx_get_rip(const struct tvx_vcpu *vcpu);
uint64_t tvx_get_rflags(const struct tvx_vcpu *vcpu);

/* Queue an event for the next RUN; -EBUSY: one is in the run page already. */
int tvx_inject_exception(struct tvx_vcpu *vcpu, uint8_t vector);
int tvx_inject_exception_error(struct tvx_vcpu *vcpu, uint8_t vector, uint32_t error_code);
int tvx_inject_intr(struct tvx_vcpu *vcpu, uint8_t vector);
int tvx_inject_nmi(struct tvx_vcpu *vcpu);

/** tvx_io_in_value - what IN reads: 8 and 16 bits merge into RAX, 32 bits zero-extend */
void tvx_io_in_value(struct tvx_vcpu *vcpu, uint32_t value);
/** tvx_rdmsr_value - what RDMSR reads, into EDX:EAX */
void tvx_rdmsr_value(struct tvx_vcpu *vcpu, uint64_t value);

/**
 * tvx_handle_mmio - finish a TVX_EXIT_MMIO: decode and carry out the instruction
 *
 * A fault of the instruction is queued for the guest (and is not an error). A
 * repeated instruction may be left half done: the next RUN exits for the rest.
 * -EOPNOTSUPP: the instruction is beyond the decoder, nothing has changed;
 * @vcpu->error says what it is.
 */
int tvx_handle_mmio(struct tvx_vcpu *vcpu, const struct tvx_mmio_ops *mmio);

/**
 * tvx_handle_io - finish a TVX_EXIT_IO
 * @ports: the devices
 * @mmio: for INS and OUTS whose memory operand is not memory
 *
 * As tvx_handle_mmio(). IN and OUT take no system call.
 */
int tvx_handle_io(struct tvx_vcpu *vcpu, const struct tvx_port_ops *ports,
		  const struct tvx_mmio_ops *mmio);

/**
 * tvx_translate_gva - guest linear to guest-physical, by the guest's page tables
 * @access: TVX_MEM_READ, TVX_MEM_WRITE, TVX_MEM_FETCH; supervisor rights
 *
 * The guest's accessed and dirty bits are left alone. -EFAULT: the guest would
 * get #PF or #GP; -ENXIO: a page table is not in memory.
 */
int tvx_translate_gva(struct tvx_vcpu *vcpu, uint64_t gva, uint32_t access, uint64_t *gpa);

/*
 * ---- modes: change a state that GET_STATE gave, all sections --------------
 *
 * Interrupts are off, there is no IDT, and the TSS (at address 0) has no I/O permission
 * bitmap: in protected and long mode a guest that goes to ring 3 has no ports there.
 */

/** tvx_setup_real - 16-bit real mode at @cs:@ip, the other segments 0 */
void tvx_setup_real(struct tvx_state *state, uint16_t cs, uint16_t ip);
/** tvx_setup_protected - flat 32-bit protected mode, no paging */
void tvx_setup_protected(struct tvx_state *state, uint32_t entry);

/** tvx_long_tables_size - bytes of guest memory that tvx_setup_long() fills for @vm */
uint64_t tvx_long_tables_size(const struct tvx_vm *vm);
/**
 * tvx_setup_long - flat 64-bit mode on an identity map, GDT included
 * @tables: guest-physical, page aligned, tvx_long_tables_size() bytes of memory
 *
 * Maps the first 4 GiB and all memory there is, by 2 MiB pages. The GDT is in the
 * last page: 0x08 64-bit code, 0x10 data. -EINVAL: @tables is not in memory.
 */
int tvx_setup_long(const struct tvx_vm *vm, struct tvx_state *state, uint64_t entry,
		   uint64_t tables);

/* ---- names: never NULL, "unknown" at worst --------------------------------- */

const char *tvx_exit_name(uint32_t exit);	/* enum tvx_exit */
const char *tvx_hw_exit_name(uint32_t basic);	/* the hardware's basic exit reason */
const char *tvx_exception_name(uint8_t vector);	/* "#GP" */
const char *tvx_gpr_name(unsigned int reg);	/* "rax" */
const char *tvx_sreg_name(unsigned int sreg);	/* "es" */

/**
 * struct tvx_feature - one TVX_FEAT_* in words
 * @bit: the bit
 * @name: short
 * @what: what it gives
 * @cost: what its absence costs; NULL: nothing, for the module only tells of it and makes
 *	no use of it
 */
struct tvx_feature {
	uint64_t bit;
	const char *name;
	const char *what;
	const char *cost;
};

/** tvx_features - all of them, ended by a row with @bit 0 */
const struct tvx_feature *tvx_features(void);

#endif
