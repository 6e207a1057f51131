/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest-physical address space: the EPT tables of one VM, and which CPUs may
 * hold translations of theirs.  Knows no slots and no user addresses.
 */
#ifndef TVX_SPACE_H
#define TVX_SPACE_H

#include <linux/cpumask.h>
#include "ept.h"

/**
 * struct vmx_space - of one VM
 * @ept: the tables; under the VM's mmu_lock
 * @eptp: the value for the VMCS; constant
 * @ran: CPUs that entered a guest with @eptp since their last INVEPT of it.
 *	A CPU sets its own bit before it enters, and only its own INVEPT clears it.
 * @freed: tables taken out of the tree and not yet flushed; under mmu_lock
 * @flushed: checking build: no change since the last flush
 */
struct vmx_space {
	struct ept ept;
	u64 eptp;
	cpumask_t ran;
	struct ept_freelist freed;
#ifdef TVX_CHECKING
	bool flushed;
#endif
};

/**
 * vmx_space_init() - an empty address space.  Return: 0 or -ENOMEM.
 */
int vmx_space_init(struct vmx_space *s);

/**
 * vmx_space_destroy() - flush what CPUs hold, then free all tables
 *
 * Nobody runs in it any more.  Sleeps not, but waits for other CPUs.
 */
void vmx_space_destroy(struct vmx_space *s);

/**
 * vmx_space_map() - map one page, write-back memory
 * @gpa: aligned to @level
 * @hpa: the same
 * @write: the guest may write it
 * @exec: the guest may execute from it
 * @cache: filled with EPT_CACHE_ENOUGH pages before the lock was taken
 *
 * Under mmu_lock, interrupts on.  Flushes if it must.  Return: 0, -EINVAL, -ENOMEM.
 */
int vmx_space_map(struct vmx_space *s, u64 gpa, u64 hpa, enum ept_level level,
		  bool write, bool exec, struct ept_cache *cache);

/**
 * vmx_space_unmap() - take [start, end) away from the guest
 *
 * When it returns no CPU can reach the old pages.  Under mmu_lock, interrupts on.
 */
void vmx_space_unmap(struct vmx_space *s, u64 start, u64 end);

/**
 * vmx_space_age() - was anything in [start, end) accessed since the last call?
 * @clear: start a new period (else only look)
 * Under mmu_lock, interrupts on.
 */
bool vmx_space_age(struct vmx_space *s, u64 start, u64 end, bool clear);

/**
 * vmx_space_max_level() - the largest pages this CPU maps for a guest, enum ept_level
 */
enum ept_level vmx_space_max_level(void);

/**
 * vmx_space_large_exec() - may the guest execute from pages above 4 KiB on this CPU?
 */
bool vmx_space_large_exec(void);

#endif
