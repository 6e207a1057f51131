/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the local APIC share: one in each mode, and its accesses. */
#ifndef LAPIC_FIXTURE_H
#define LAPIC_FIXTURE_H

#include <errno.h>
#include "kmod/apic/lapic.c"
#include "kmod/apic/lapic_irq.c"
#include "kmod/apic/lapic_msg.c"
#include "kmod/apic/lapic_timer.c"
#include "kmod/apic/lapic_state.c"

static bool post(struct lapic *a, u8 vector, bool level)
{
	bool first;

	return lapic_post(a, vector, level, &first);
}

#define ID		5
#define NOW		1000000ull
#define GUEST_AHEAD	77777ull	/* the guest's TSC before the host's */
#define ON		(APIC_DEFAULT_PHYS_BASE | MSR_IA32_APICBASE_ENABLE)
#define X2APIC		(ON | X2APIC_ENABLE)
#define OFF		((u64)APIC_DEFAULT_PHYS_BASE)
#define BSP		MSR_IA32_APICBASE_BSP
#define ENABLED		(APIC_SPIV_APIC_ENABLED | 0xff)
#define MSR(offset)	(APIC_BASE_MSR + ((offset) >> 4))

static u8 page[LAPIC_REGS_SIZE] __aligned(LAPIC_REGS_SIZE);
static struct lapic a;

static inline int wr(u32 offset, u32 value)
{
	return lapic_write(&a, offset, value, NOW);
}

static inline u32 rd(u32 offset)
{
	return lapic_read(&a, offset, NOW);
}

static inline int wrmsr(u32 msr, u64 value)
{
	return lapic_write_msr(&a, msr, value, NOW);
}

/* The value of a register that can be read. */
static inline u64 rdmsr(u32 msr)
{
	u64 value = 0xbad;

	EXPECT(!lapic_read_msr(&a, msr, NOW, &value), "MSR %#x cannot be read", msr);
	return value;
}

static inline int rdmsr_error(u32 msr)
{
	u64 value;

	return lapic_read_msr(&a, msr, NOW, &value);
}

/* As the CPU does it. */
static inline int written(u32 offset, u32 value)
{
	a.regs[offset / 4] = value;
	return lapic_written(&a, offset, NOW);
}

static inline void setup(u32 id)
{
	memset(&a, 0xaa, sizeof(a));
	memset(page, 0, sizeof(page));
	lapic_init(&a, page, id, GUEST_AHEAD);
}

/* xAPIC mode, software-enabled. */
static inline void setup_xapic(u32 id)
{
	setup(id);
	EXPECT_EQ(wr(APIC_SPIV, ENABLED), LAPIC_NOTHING);
}

static inline void setup_x2apic(u32 id)
{
	setup_xapic(id);
	EXPECT_EQ(wrmsr(MSR_IA32_APICBASE, X2APIC), LAPIC_MODE | LAPIC_TIMER | LAPIC_UPDATE);
}

static inline bool irr(u8 vector)
{
	return a.regs[(APIC_IRR + vector / 32 * 16) / 4] & BIT(vector % 32);
}

static inline bool isr(u8 vector)
{
	return a.regs[(APIC_ISR + vector / 32 * 16) / 4] & BIT(vector % 32);
}

static inline bool tmr(u8 vector)
{
	return a.regs[(APIC_TMR + vector / 32 * 16) / 4] & BIT(vector % 32);
}

static inline void take(u8 vector, bool level)
{
	EXPECT_TRUE(post(&a, vector, level));
	lapic_sync(&a);
	EXPECT_TRUE(irr(vector));
}

/* What ESR has when it is asked as one should. */
static inline u32 latched(void)
{
	if (lapic_is_x2apic(&a)) {
		EXPECT_EQ(wrmsr(MSR(APIC_ESR), 0), LAPIC_NOTHING);
		return rdmsr(MSR(APIC_ESR));
	}
	EXPECT_EQ(wr(APIC_ESR, 0), LAPIC_NOTHING);
	return rd(APIC_ESR);
}

#endif /* LAPIC_FIXTURE_H */
