/* SPDX-License-Identifier: GPL-2.0-only */
/* The local APIC: what its files share.  Others include lapic.h. */
#ifndef TVX_LAPIC_REGS_H
#define TVX_LAPIC_REGS_H

#include <linux/kernel.h>

#include "lapic.h"

#define LAPIC_ROWS		64		/* registers and the gaps between them */
#define LAPIC_LEGAL_VECTOR	16		/* the first */
#define LAPIC_X2APIC_ICR2	(APIC_ICR + 4)
#define LAPIC_TIMER_MODE	GENMASK(18, 17)

/**
 * struct lapic_row - a register
 * @access: LAPIC_R, LAPIC_W by mode; 0: there is none
 * @bits: that can be 1, and if it can be written, be written
 * @ignored: bits that read as 0 but are no fault to write in x2APIC mode
 */
struct lapic_row {
	u8 access;
	u32 bits;
	u32 ignored;
};

#define LAPIC_XAPIC_R	BIT(0)
#define LAPIC_XAPIC_W	BIT(1)
#define LAPIC_X2APIC_R	BIT(2)
#define LAPIC_X2APIC_W	BIT(3)

/* NULL: no register begins at @offset. */
const struct lapic_row *lapic_row(u32 offset);

/* Others read some registers at any time. */
static inline void lapic_put(struct lapic *a, u32 offset, u32 value)
{
	WRITE_ONCE(a->regs[offset / 4], value);
}

/* Of IRR, ISR, TMR: the 32 vectors of word @n. */
static inline u32 *lapic_word(const struct lapic *a, u32 base, unsigned int n)
{
	return &a->regs[base / 4 + n * 4];
}

#define LAPIC_BASE_ADDRESS	GENMASK_ULL(51, 12)	/* IA32_APIC_BASE */

static inline u64 lapic_mode(u64 base)
{
	return base & (XAPIC_ENABLE | X2APIC_ENABLE);
}

/* lapic.c */
bool lapic_base_is_valid(u64 base);
u32 lapic_id_value(const struct lapic *a, u64 base);
u32 lapic_x2apic_ldr(const struct lapic *a);

/* lapic_irq.c */
u32 lapic_ppr(const struct lapic *a);
void lapic_update_ppr(struct lapic *a);
int lapic_eoi(struct lapic *a);
/* An edge from the APIC itself: LVT, SELF IPI. */
int lapic_accept(struct lapic *a, u8 vector);
/* @error: APIC_ESR_* */
int lapic_error(struct lapic *a, u32 error);
/* What is posted of word @n, 64 vectors each, illegal ones among it. */
unsigned long lapic_posted(const struct lapic *a, unsigned int n);
void lapic_drop_posted(struct lapic *a);

/* lapic_timer.c */
void lapic_timer_reset(struct lapic *a);
/* @offset has been written: APIC_LVTT, APIC_TMICT, APIC_TDCR */
int lapic_timer_written(struct lapic *a, u32 offset, u64 now);
int lapic_timer_write_deadline(struct lapic *a, u64 value, u64 now);
u32 lapic_timer_count(const struct lapic *a, u64 now);
/* Ticks until it fires, 0: it is not armed. */
u64 lapic_timer_left(const struct lapic *a, u64 now);
/* Is this what lapic_timer_left() can be with these registers? */
bool lapic_timer_is_valid(const u32 *reg, u64 left, u64 tsc_deadline);
/* Go on with @left ticks, or with @tsc_deadline; the registers are there. */
void lapic_timer_restore(struct lapic *a, u64 left, u64 tsc_deadline, u64 now);

#endif
