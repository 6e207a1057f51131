/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose is an alignment-check exception? Pure. */
#ifndef TVX_ALIGNMENT_H
#define TVX_ALIGNMENT_H

#include <linux/types.h>
#include <asm/processor-flags.h>

/**
 * ac_is_guests() - has the guest asked for this #AC, by its own alignment checks?
 * @host_detects: the CPU can raise #AC for locked accesses that are split across cache
 *	lines, at any privilege level; whether it does is the host's decision (split_lock_detect=),
 *	and goes on while a guest runs
 * @cpl: of the guest
 * @cr0: as the guest sees it
 * @rflags: the guest's
 */
static inline bool ac_is_guests(bool host_detects, u8 cpl, u64 cr0, u64 rflags)
{
	return !host_detects || (cpl == 3 && cr0 & X86_CR0_AM && rflags & X86_EFLAGS_AC);
}

#endif
