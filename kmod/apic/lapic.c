// SPDX-License-Identifier: GPL-2.0-only
/*
 * A local APIC: its registers, by xAPIC page and by x2APIC MSRs, and its modes.
 */
#include <linux/errno.h>
#include <linux/nospec.h>
#include <linux/string.h>

#include "lapic_regs.h"

/* ---- what registers there are ---- */

#define NR(offset)	((offset) >> 4)
#define VECTORS(base)	NR(base) ... NR(base) + 7

#define RO	(LAPIC_XAPIC_R | LAPIC_X2APIC_R)
#define WO	(LAPIC_XAPIC_W | LAPIC_X2APIC_W)
#define RW	(RO | WO)

#define SPIV_BITS	(APIC_VECTOR_MASK | APIC_SPIV_APIC_ENABLED | APIC_SPIV_FOCUS_DISABLED)
#define ESR_BITS	(APIC_ESR_SENDILL | APIC_ESR_RECVILL)
#define SHORTHAND_BITS	APIC_DEST_ALLBUT
#define ICR_BITS	(APIC_VECTOR_MASK | APIC_MODE_MASK | APIC_DEST_LOGICAL | \
			 APIC_INT_ASSERT | APIC_INT_LEVELTRIG | SHORTHAND_BITS)
#define LVT_BITS	(APIC_VECTOR_MASK | APIC_LVT_MASKED)
#define LVTT_BITS	(LVT_BITS | LAPIC_TIMER_MODE)
#define LINT_BITS	(LVT_BITS | APIC_MODE_MASK | APIC_INPUT_POLARITY | APIC_LVT_LEVEL_TRIGGER)
#define LINT_IGNORED	(APIC_SEND_PENDING | APIC_LVT_REMOTE_IRR)
#define TDCR_BITS	0xb

static const struct lapic_row rows[LAPIC_ROWS] = {
	/* access, bits, ignored */
	[NR(APIC_ID)]		= { RO, ~0U, 0 },
	[NR(APIC_LVR)]		= { RO, LAPIC_VERSION, 0 },
	[NR(APIC_TASKPRI)]	= { RW, APIC_TPRI_MASK, 0 },
	[NR(APIC_ARBPRI)]	= { LAPIC_XAPIC_R, 0, 0 },
	[NR(APIC_PROCPRI)]	= { RO, APIC_TPRI_MASK, 0 },
	[NR(APIC_EOI)]		= { WO, 0, 0 },
	[NR(APIC_RRR)]		= { LAPIC_XAPIC_R, 0, 0 },
	[NR(APIC_LDR)]		= { RO | LAPIC_XAPIC_W, APIC_LDR_MASK, 0 },
	[NR(APIC_DFR)]		= { LAPIC_XAPIC_R | LAPIC_XAPIC_W, ~0U, 0 },
	[NR(APIC_SPIV)]		= { RW, SPIV_BITS, 0 },
	[VECTORS(APIC_ISR)]	= { RO, ~0U, 0 },
	[VECTORS(APIC_TMR)]	= { RO, ~0U, 0 },
	[VECTORS(APIC_IRR)]	= { RO, ~0U, 0 },
	[NR(APIC_ESR)]		= { RW, ESR_BITS, 0 },
	/* Intel's CPUs let BUSY, which is no more, pass in x2APIC mode. */
	[NR(APIC_ICR)]		= { RW, ICR_BITS, APIC_ICR_BUSY },
	[NR(APIC_ICR2)]		= { LAPIC_XAPIC_R | LAPIC_XAPIC_W, 0xffU << 24, 0 },
	[NR(APIC_LVTT)]		= { RW, LVTT_BITS, APIC_SEND_PENDING },
	[NR(APIC_LVTTHMR)]	= { RW, LVT_BITS | APIC_MODE_MASK, APIC_SEND_PENDING },
	[NR(APIC_LVTPC)]	= { RW, LVT_BITS | APIC_MODE_MASK, APIC_SEND_PENDING },
	[NR(APIC_LVT0)]		= { RW, LINT_BITS, LINT_IGNORED },
	[NR(APIC_LVT1)]		= { RW, LINT_BITS, LINT_IGNORED },
	[NR(APIC_LVTERR)]	= { RW, LVT_BITS, APIC_SEND_PENDING },
	[NR(APIC_TMICT)]	= { RW, ~0U, 0 },
	[NR(APIC_TMCCT)]	= { RO, ~0U, 0 },
	[NR(APIC_TDCR)]		= { RW, TDCR_BITS, 0 },
	[NR(APIC_SELF_IPI)]	= { LAPIC_X2APIC_W, APIC_VECTOR_MASK, 0 },
};

const struct lapic_row *lapic_row(u32 offset)
{
	if (offset & 0xf || offset >= LAPIC_ROWS << 4 || !rows[NR(offset)].access)
		return NULL;
	return &rows[NR(offset)];
}

/* May the guest read, or write, it in this mode? */
static bool may(const struct lapic *a, u32 offset, u8 access)
{
	const struct lapic_row *row = lapic_row(offset);
	u8 mode = lapic_is_x2apic(a) ? LAPIC_X2APIC_R | LAPIC_X2APIC_W :
		  lapic_is_on(a) ? LAPIC_XAPIC_R | LAPIC_XAPIC_W : 0;

	return row && row->access & access & mode;
}

/* ---- reset and modes ---- */

/* The others are 0. */
static const struct {
	u16 offset;
	u32 value;
} reset_values[] = {
	{ APIC_LVR, LAPIC_VERSION },
	{ APIC_DFR, APIC_DFR_FLAT },
	{ APIC_SPIV, 0xff },
	{ APIC_LVTT, APIC_LVT_MASKED },
	{ APIC_LVTTHMR, APIC_LVT_MASKED },
	{ APIC_LVTPC, APIC_LVT_MASKED },
	{ APIC_LVT0, APIC_LVT_MASKED },
	{ APIC_LVT1, APIC_LVT_MASKED },
	{ APIC_LVTERR, APIC_LVT_MASKED },
};

bool lapic_is_x2apic(const struct lapic *a)
{
	return READ_ONCE(a->base) & X2APIC_ENABLE;
}

bool lapic_is_on(const struct lapic *a)
{
	return READ_ONCE(a->base) & XAPIC_ENABLE;
}

u32 lapic_id_value(const struct lapic *a, u64 base)
{
	return base & X2APIC_ENABLE ? a->id : a->id << 24;
}

u32 lapic_x2apic_ldr(const struct lapic *a)
{
	return a->id >> 4 << 16 | BIT(a->id & 0xf);
}

static void put_id(struct lapic *a)
{
	lapic_put(a, APIC_ID, lapic_id_value(a, a->base));
	if (lapic_is_x2apic(a))
		lapic_put(a, APIC_LDR, lapic_x2apic_ldr(a));
}

void lapic_reset(struct lapic *a)
{
	unsigned int i;

	memset(a->regs, 0, LAPIC_REGS_SIZE);
	for (i = 0; i < ARRAY_SIZE(reset_values); i++)
		lapic_put(a, reset_values[i].offset, reset_values[i].value);
	put_id(a);
	a->esr = 0;
	lapic_timer_reset(a);
	lapic_drop_posted(a);
}

void lapic_init(struct lapic *a, void *regs, u32 id, u64 tsc_offset)
{
	*a = (struct lapic){
		.regs = regs,
		.id = id,
		.tsc_offset = tsc_offset,
		.base = APIC_DEFAULT_PHYS_BASE | XAPIC_ENABLE | (id ? 0 : MSR_IA32_APICBASE_BSP),
	};
	lapic_reset(a);
}

bool lapic_is_moved(const struct lapic *a)
{
	return (READ_ONCE(a->base) & LAPIC_BASE_ADDRESS) != APIC_DEFAULT_PHYS_BASE;
}

/* SDM: "IA32_APIC_BASE MSR".  The caller knows how wide an address is, if not as wide as any. */
bool lapic_base_is_valid(u64 base)
{
	u64 flags = MSR_IA32_APICBASE_BSP | XAPIC_ENABLE | X2APIC_ENABLE;

	return !(base & ~(flags | LAPIC_BASE_ADDRESS)) && lapic_mode(base) != X2APIC_ENABLE;
}

/* SDM: "x2APIC State Transitions".  What the xAPIC says of destinations is not preserved. */
static void enter_x2apic(struct lapic *a)
{
	put_id(a);
	lapic_put(a, APIC_DFR, APIC_DFR_FLAT);
	lapic_put(a, APIC_ICR2, 0);
	lapic_put(a, LAPIC_X2APIC_ICR2, 0);
}

static int write_base(struct lapic *a, u64 value)
{
	u64 old = a->base;

	if (!lapic_base_is_valid(value))
		return -EINVAL;
	if (value == old)
		return LAPIC_NOTHING;
	/* There is a way out of x2APIC mode, and into it, but one. */
	if (old & X2APIC_ENABLE && lapic_mode(value) == XAPIC_ENABLE)
		return -EINVAL;
	if (!lapic_mode(old) && value & X2APIC_ENABLE)
		return -EINVAL;

	WRITE_ONCE(a->base, value);
	if (lapic_mode(value) == lapic_mode(old))
		return LAPIC_MODE;
	if (lapic_is_x2apic(a))
		enter_x2apic(a);
	else
		lapic_reset(a);
	return LAPIC_MODE | LAPIC_TIMER | LAPIC_UPDATE;
}

/* ---- what a write means ---- */

static void mask_lvt(struct lapic *a, u32 offset)
{
	lapic_put(a, offset, lapic_reg(a, offset) | APIC_LVT_MASKED);
}

static bool is_software_enabled(const struct lapic *a)
{
	return lapic_reg(a, APIC_SPIV) & APIC_SPIV_APIC_ENABLED;
}

static int spiv_written(struct lapic *a)
{
	u32 lvt;

	for (lvt = APIC_LVTT; !is_software_enabled(a) && lvt <= APIC_LVTERR; lvt += 0x10)
		mask_lvt(a, lvt);
	return LAPIC_NOTHING;
}

static int lvt_written(struct lapic *a, u32 offset, u64 now)
{
	if (!is_software_enabled(a))
		mask_lvt(a, offset);
	return offset == APIC_LVTT ? lapic_timer_written(a, offset, now) : LAPIC_NOTHING;
}

static int icr_written(struct lapic *a)
{
	u32 low = lapic_reg(a, APIC_ICR);

	switch (GET_APIC_DELIVERY_MODE(low)) {
	case LAPIC_FIXED:
	case LAPIC_LOWEST:
		if ((low & APIC_VECTOR_MASK) < LAPIC_LEGAL_VECTOR)
			return lapic_error(a, APIC_ESR_SENDILL);
		return LAPIC_IPI;
	case LAPIC_SMI:
	case LAPIC_NMI:
	case LAPIC_INIT:
	case LAPIC_STARTUP:
		return LAPIC_IPI;
	}
	/* ExtINT or reserved: SDM's table of valid combinations has neither. */
	return LAPIC_NOTHING;
}

int lapic_self(struct lapic *a, u8 vector)
{
	return is_software_enabled(a) ? lapic_accept(a, vector) : LAPIC_NOTHING;
}

static int self_ipi_written(struct lapic *a)
{
	u8 vector = lapic_reg(a, APIC_SELF_IPI);

	lapic_put(a, APIC_SELF_IPI, 0);
	if (vector < LAPIC_LEGAL_VECTOR)
		return lapic_error(a, APIC_ESR_SENDILL);
	return lapic_self(a, vector);
}

int lapic_written(struct lapic *a, u32 offset, u64 now)
{
	/* The CPU lets a write of the xAPIC's pass; it cannot be changed here. */
	if (offset == APIC_ID)
		put_id(a);
	if (!may(a, offset, WO))
		return LAPIC_NOTHING;
	lapic_put(a, offset, lapic_reg(a, offset) & lapic_row(offset)->bits);

	switch (offset) {
	case APIC_TASKPRI:
		lapic_update_ppr(a);
		return LAPIC_UPDATE;
	case APIC_EOI:
		return lapic_eoi(a);
	case APIC_DFR:
		lapic_put(a, offset, lapic_reg(a, offset) | APIC_DFR_CLUSTER);
		return LAPIC_NOTHING;
	case APIC_SPIV:
		return spiv_written(a);
	case APIC_ESR:
		lapic_put(a, offset, a->esr);
		a->esr = 0;
		return LAPIC_NOTHING;
	case APIC_ICR:
		return icr_written(a);
	case APIC_LVTT ... APIC_LVTERR:
		return lvt_written(a, offset, now);
	case APIC_TMICT:
	case APIC_TDCR:
		return lapic_timer_written(a, offset, now);
	case APIC_SELF_IPI:
		return self_ipi_written(a);
	}
	return LAPIC_NOTHING;
}

/* ---- accesses ---- */

static u32 value_of(const struct lapic *a, u32 offset, u64 now)
{
	switch (offset) {
	case APIC_PROCPRI:
		return lapic_ppr(a);
	case APIC_TMCCT:
		return lapic_timer_count(a, now);
	}
	return lapic_reg(a, offset);
}

u32 lapic_read(const struct lapic *a, u32 offset, u64 now)
{
	return may(a, offset, LAPIC_XAPIC_R) ? value_of(a, offset, now) : 0;
}

int lapic_write(struct lapic *a, u32 offset, u32 value, u64 now)
{
	if (!may(a, offset, LAPIC_XAPIC_W))
		return LAPIC_NOTHING;
	lapic_put(a, offset, value);
	return lapic_written(a, offset, now);
}

/* 0 is no register, also for a CPU that speculates with an MSR out of range. */
static u32 msr_offset(u32 msr)
{
	return array_index_nospec(msr - APIC_BASE_MSR, LAPIC_ROWS) << 4;
}

int lapic_read_msr(const struct lapic *a, u32 msr, u64 now, u64 *value)
{
	u32 offset = msr_offset(msr);

	if (msr == MSR_IA32_APICBASE) {
		*value = a->base;
		return 0;
	}
	if (msr == MSR_IA32_TSC_DEADLINE) {
		*value = a->tsc_deadline;
		return 0;
	}
	if (!may(a, offset, LAPIC_X2APIC_R))
		return -EINVAL;
	*value = value_of(a, offset, now);
	if (offset == APIC_ICR)
		*value |= (u64)lapic_reg(a, LAPIC_X2APIC_ICR2) << 32;
	return 0;
}

/* What WRMSR may write without a fault. */
static u64 msr_bits(u32 offset)
{
	const struct lapic_row *row = lapic_row(offset);

	return offset == APIC_ESR ? 0 : row->bits | row->ignored;
}

/* The one with two halves. */
static int write_icr(struct lapic *a, u64 value)
{
	u32 low = value;

	if (!lapic_is_x2apic(a) || low & ~(ICR_BITS | APIC_ICR_BUSY))
		return -EINVAL;
	lapic_put(a, APIC_ICR, low & ICR_BITS);
	lapic_put(a, LAPIC_X2APIC_ICR2, value >> 32);
	return icr_written(a);
}

int lapic_write_msr(struct lapic *a, u32 msr, u64 value, u64 now)
{
	u32 offset;

	/* The two that guests write most come first. */
	if (msr == MSR_IA32_TSC_DEADLINE)
		return lapic_timer_write_deadline(a, value, now);
	if (msr == APIC_BASE_MSR + (APIC_ICR >> 4))
		return write_icr(a, value);
	if (msr == MSR_IA32_APICBASE)
		return write_base(a, value);
	offset = msr_offset(msr);
	if (!may(a, offset, LAPIC_X2APIC_W) || value & ~msr_bits(offset))
		return -EINVAL;
	lapic_put(a, offset, value);
	return lapic_written(a, offset, now);
}
