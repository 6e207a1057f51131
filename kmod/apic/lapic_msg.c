// SPDX-License-Identifier: GPL-2.0-only
/*
 * A local APIC: messages between them and from devices, and whom they go to.
 */
#include <linux/bitops.h>

#include "lapic_regs.h"

/* SDM: "Message Address Register Format", "Message Data Register Format" */
#define MSI_ADDRESS_MASK	(~GENMASK_ULL(19, 0))
#define MSI_LOWEST		(MSI_REDIRECT | MSI_LOGICAL)
#define MSI_REDIRECT		BIT(3)
#define MSI_LOGICAL		BIT(2)

static u8 delivery_of(u32 low)
{
	return GET_APIC_DELIVERY_MODE(low);
}

struct lapic_message lapic_icr(const struct lapic *a)
{
	u32 low = lapic_reg(a, APIC_ICR);
	bool x2apic = lapic_is_x2apic(a);
	struct lapic_message m = {
		.dest = x2apic ? lapic_reg(a, LAPIC_X2APIC_ICR2) :
				 GET_XAPIC_DEST_FIELD(lapic_reg(a, APIC_ICR2)),
		.vector = low & APIC_VECTOR_MASK,
		.delivery = delivery_of(low),
		.shorthand = (low & APIC_DEST_ALLBUT) / APIC_DEST_SELF,
		.logical = low & APIC_DEST_LOGICAL,
		.x2apic = x2apic,
	};

	/* The trigger mode of other IPIs is ignored: they are edges. */
	m.deassert = m.delivery == LAPIC_INIT && low & APIC_INT_LEVELTRIG &&
		     !(low & APIC_INT_ASSERT);
	return m;
}

bool lapic_from_msi(u64 address, u32 data, struct lapic_message *m)
{
	bool level = data & APIC_INT_LEVELTRIG;

	*m = (struct lapic_message){
		.dest = address >> 12 & 0xff,
		.vector = data & APIC_VECTOR_MASK,
		.delivery = delivery_of(data),
		.logical = address & MSI_LOGICAL,
	};
	if ((address & MSI_ADDRESS_MASK) != APIC_DEFAULT_PHYS_BASE)
		return false;

	switch (m->delivery) {
	case LAPIC_FIXED:
		if ((address & MSI_LOWEST) == MSI_LOWEST)
			m->delivery = LAPIC_LOWEST;
		fallthrough;
	case LAPIC_LOWEST:
		m->level = level;
		fallthrough;
	case LAPIC_INIT:
		m->deassert = level && !(data & APIC_INT_ASSERT);
		return true;
	case LAPIC_SMI:
	case LAPIC_NMI:
	case LAPIC_EXTINT:
		return true;	/* edges, whatever the data say */
	}
	return false;
}

/* ---- destinations: registers of others, which their owners write meanwhile ---- */

static u32 peek(const struct lapic *a, u32 offset)
{
	return READ_ONCE(a->regs[offset / 4]);
}

/* The id that counts is the whole one: an xAPIC beyond 255 can still be reached. */
static bool matches_physical(const struct lapic *a, u32 dest)
{
	return dest == a->id;
}

static bool matches_x2apic(const struct lapic *a, u32 dest)
{
	u32 ldr = peek(a, APIC_LDR);

	return ldr >> 16 == dest >> 16 && ldr & dest & 0xffff;
}

static bool matches_xapic(const struct lapic *a, u32 dest)
{
	u32 id = GET_APIC_LOGICAL_ID(peek(a, APIC_LDR));

	if (dest > 0xff)
		return false;
	switch (peek(a, APIC_DFR)) {
	case APIC_DFR_FLAT:
		return id & dest;
	case APIC_DFR_CLUSTER:
		return id >> 4 == dest >> 4 && id & dest & 0xf;
	}
	return false;
}

/*
 * Without interrupt remapping a device's message has 8 bits also for x2APICs: as a
 * logical destination they are the first of cluster 0.
 */
bool lapic_matches(const struct lapic *a, const struct lapic_message *m, bool self)
{
	u32 everybody = m->x2apic ? ~0U : 0xff;

	if (!lapic_is_on(a) || m->deassert)
		return false;
	switch (m->shorthand) {
	case LAPIC_SELF:
		return self;
	case LAPIC_ALL:
		return true;
	case LAPIC_OTHERS:
		return !self;
	}
	if (m->dest == everybody)
		return true;
	if (!m->logical)
		return matches_physical(a, m->dest);
	return lapic_is_x2apic(a) ? matches_x2apic(a, m->dest) : matches_xapic(a, m->dest);
}
