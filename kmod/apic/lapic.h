/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A local APIC: its registers and what they mean.  Pure: it knows no VMX, no VM
 * and no clock; times are TSC ticks of the host, as the caller reads them.
 *
 * The registers are in the 4 KiB layout of the xAPIC (the virtual-APIC page), so
 * that a CPU with APIC virtualisation works on the same bytes.  In x2APIC mode
 * ICR's upper half is at 0x304, as that CPU wants it, and 0x310 means nothing.
 *
 * Whoever runs the vCPU owns its local APIC and calls all but what is marked
 * [anybody]: those post what the owner takes in by lapic_sync() and
 * lapic_take_requests().  Source: SDM chapter "Advanced Programmable Interrupt
 * Controller (APIC)".
 */
#ifndef TVX_LAPIC_H
#define TVX_LAPIC_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/apicdef.h>
#include <asm/msr-index.h>

#define LAPIC_REGS_SIZE		4096
#define LAPIC_VERSION		0x00050014	/* six LVT entries, no EOI suppression */
#define LAPIC_NEVER		(~0ULL)		/* the deadline of a timer that is not armed */
/*
 * Ticks: a periodic timer fires no faster, or a guest could keep the host busy with
 * nothing else.  Some ten microseconds.
 */
#define LAPIC_MIN_PERIOD	32768

/* What a write asks the caller to do; bits. */
#define LAPIC_NOTHING	0
#define LAPIC_IPI	BIT(0)	/* send lapic_icr() */
#define LAPIC_EOI	BIT(1)	/* of a level-triggered interrupt: a->eoi_vector */
#define LAPIC_TIMER	BIT(2)	/* a->deadline is another */
#define LAPIC_MODE	BIT(3)	/* a->base is another: off, xAPIC, x2APIC */
#define LAPIC_UPDATE	BIT(4)	/* what can be delivered may have changed (TPR, EOI) */
#define LAPIC_CAME	BIT(5)	/* an interrupt is in IRR; ISR and TPR are as they were */

/* a->requests, posted [anybody] */
#define LAPIC_REQ_INIT	0
#define LAPIC_REQ_SIPI	1
#define LAPIC_REQ_NMI	2
#define LAPIC_REQ_NMI2	3	/* another one came before that was taken */

/* Delivery modes; 3 is reserved. */
enum lapic_delivery {
	LAPIC_FIXED, LAPIC_LOWEST, LAPIC_SMI,
	LAPIC_NMI = 4, LAPIC_INIT, LAPIC_STARTUP, LAPIC_EXTINT,
};

enum lapic_shorthand { LAPIC_NO_SHORTHAND, LAPIC_SELF, LAPIC_ALL, LAPIC_OTHERS };

/**
 * struct lapic_message - an interrupt message on its way to local APICs
 * @dest: APIC id, or logical destination; by @x2apic in the format of that mode
 * @vector: 0..255
 * @delivery: enum lapic_delivery
 * @shorthand: enum lapic_shorthand
 * @logical: @dest is a logical destination
 * @level: level triggered
 * @deassert: a level that went low (INIT level de-assert): nobody takes it
 * @x2apic: @dest has 32 bits, all ones being everybody; else 8
 */
struct lapic_message {
	u32 dest;
	u8 vector;
	u8 delivery;
	u8 shorthand;
	bool logical;
	bool level;
	bool deassert;
	bool x2apic;
};

/**
 * struct lapic - of one vCPU
 * @regs: the register page, 4 KiB aligned; the caller's
 * @base: IA32_APIC_BASE
 * @id: the APIC id, constant
 * @deadline: host TSC when the timer fires, LAPIC_NEVER: it is not armed
 * @period: of a periodic timer that is armed, in ticks, else 0
 * @tsc_offset: guest TSC minus host TSC: lapic_set_tsc_offset()
 * @tsc_deadline: IA32_TSC_DEADLINE, 0: not armed by that
 * @divisor: log2 of the timer's divisor, as @deadline was computed by it
 * @eoi_vector: with LAPIC_EOI
 * @esr: errors since the last write of ESR
 * @posted: [anybody] vectors that have come, for IRR
 * @posted_level: [anybody] which of these are level triggered
 * @on: [anybody] bit 0: there is something in @posted
 * @requests: [anybody] LAPIC_REQ_*
 * @sipi_vector: [anybody] of the last STARTUP; write it before lapic_request()
 */
struct lapic {
	u32 *regs;
	u64 base;
	u32 id;
	u8 eoi_vector;
	u8 divisor;
	u32 esr;
	u64 deadline;
	u64 period;
	u64 tsc_offset;
	u64 tsc_deadline;

	unsigned long posted[256 / BITS_PER_LONG];
	unsigned long posted_level[256 / BITS_PER_LONG];
	unsigned long on;
	unsigned long requests;
	u8 sipi_vector;
};

/**
 * lapic_init() - the state after RESET: xAPIC mode, software-disabled
 * @regs: zeroed page of LAPIC_REGS_SIZE
 * @id: 0 is the bootstrap processor
 */
void lapic_init(struct lapic *a, void *regs, u32 id, u64 tsc_offset);

/** lapic_reset() - by INIT: all but id and IA32_APIC_BASE; what was posted is gone but requests */
void lapic_reset(struct lapic *a);

/* ---- registers ------------------------------------------------------------- */

static inline u32 lapic_reg(const struct lapic *a, u32 offset)
{
	return a->regs[offset / 4];
}

bool lapic_is_x2apic(const struct lapic *a);
/* Hardware-enabled, in either mode. */
bool lapic_is_on(const struct lapic *a);
/* Is the xAPIC page, if there is one, elsewhere than where it is after reset? */
bool lapic_is_moved(const struct lapic *a);

/* Is @msr one of ours: IA32_APIC_BASE, IA32_TSC_DEADLINE, 0x800 .. 0x8ff? */
static inline bool lapic_has_msr(u32 msr)
{
	return msr - APIC_BASE_MSR < 0x100 || msr == MSR_IA32_APICBASE ||
	       msr == MSR_IA32_TSC_DEADLINE;
}

/**
 * lapic_read_msr(), lapic_write_msr() - by the guest's RDMSR, WRMSR
 * Return: -EINVAL: #GP; of a write LAPIC_* bits.  That an address in IA32_APIC_BASE is not
 * above the guest's MAXPHYADDR is for the caller to check, here and for lapic_set().
 */
int lapic_read_msr(const struct lapic *a, u32 msr, u64 now, u64 *value);
int lapic_write_msr(struct lapic *a, u32 msr, u64 value, u64 now);

/**
 * lapic_read(), lapic_write() - by an access to the xAPIC page
 * @offset: of the register, a multiple of 16; others read as 0 and drop writes
 * Only in xAPIC mode is there such a page: in others as for an offset without a register.
 * Return: of a write LAPIC_* bits.
 */
u32 lapic_read(const struct lapic *a, u32 offset, u64 now);
int lapic_write(struct lapic *a, u32 offset, u32 value, u64 now);

/**
 * lapic_written() - the CPU has put a value into the page already (APIC-write exit)
 * Return: LAPIC_* bits, as lapic_write()
 */
int lapic_written(struct lapic *a, u32 offset, u64 now);

/* The message in ICR. */
struct lapic_message lapic_icr(const struct lapic *a);

/* A fixed one to itself.  Return: LAPIC_* bits. */
int lapic_self(struct lapic *a, u8 vector);

/* ---- interrupts -------------------------------------------------------------- */

/* Is the APIC one that @m goes to?  @self: it is the sender's. [anybody] */
bool lapic_matches(const struct lapic *a, const struct lapic_message *m, bool self);

/* A message-signalled interrupt's address and data; false: no such message. */
bool lapic_from_msi(u64 address, u32 data, struct lapic_message *m);

/**
 * lapic_post() - a vector for IRR, from any thread; a software-disabled APIC takes none
 * @first: set to whether nobody has posted since the owner took in what was posted: only
 *	then it has to be woken, whether the vector was taken or not
 * [anybody]  Return: whether it was taken.  An illegal one (below 16) is not, but the owner
 * finds an error.
 */
bool lapic_post(struct lapic *a, u8 vector, bool level, bool *first);
/* @req: INIT, SIPI or NMI; INIT undoes a STARTUP that came before it. [anybody] */
void lapic_request(struct lapic *a, unsigned int req);

/* Is there something for lapic_sync() or lapic_take_requests()? [anybody] */
static inline bool lapic_has_posted(const struct lapic *a)
{
	return READ_ONCE(a->on) || READ_ONCE(a->requests);
}

/**
 * lapic_sync() - take in what was posted: IRR and TMR
 * Return: whether IRR or TMR changed
 */
bool lapic_sync(struct lapic *a);

/* What was requested since the last call: bits BIT(LAPIC_REQ_*). */
unsigned long lapic_take_requests(struct lapic *a);

int lapic_highest_irr(const struct lapic *a);	/* -1: none */
int lapic_highest_isr(const struct lapic *a);	/* -1: none */
/* The vector that would be delivered now, by priority; -1: none. */
int lapic_deliverable(const struct lapic *a);
/* Is there one, what is posted and not yet taken in counted?  Changes nothing. */
bool lapic_wakes(const struct lapic *a);

/* Without virtual-interrupt delivery: @vector goes to the guest. */
void lapic_acknowledge(struct lapic *a, u8 vector);

/* Which vectors need an EOI exit: 4 words. */
static inline void lapic_eoi_exits(const struct lapic *a, u64 bitmap[4])
{
	u32 at, n;

	for (n = 0, at = APIC_TMR; n < 4; n++, at += 0x20)
		bitmap[n] = lapic_reg(a, at) | (u64)lapic_reg(a, at + 0x10) << 32;
}

/* ---- LVT -------------------------------------------------------------------------- */

/**
 * lapic_timer() - let the timer fire if it is time
 * Return: whether it fired: an interrupt may be in IRR, the deadline is another
 */
bool lapic_timer(struct lapic *a, u64 now);

/* The guest's TSC was set: the deadline moves.  Return: LAPIC_NOTHING or LAPIC_TIMER. */
int lapic_set_tsc_offset(struct lapic *a, u64 tsc_offset, u64 now);

/*
 * The host's TSC was set back by @ticks.  The guest's goes on as if nothing had happened,
 * and so does the timer.
 */
void lapic_tsc_set_back(struct lapic *a, u64 ticks);

/* May an external interrupt (8259) come in by LINT0?  An NMI by LINT1? */
bool lapic_takes_extint(const struct lapic *a);
bool lapic_takes_lint1_nmi(const struct lapic *a);

/* ---- all of it, out and in ------------------------------------------------------------ */

struct tvx_apic;
/* All but size and flags; IRR and TMR have what is posted. */
void lapic_get(const struct lapic *a, u64 now, struct tvx_apic *out);
/*
 * What lapic_get() can give and nothing else: -EINVAL and no change for reserved bits, another
 * id, an LVT entry that is not masked in a software-disabled APIC, ...  PPR and the current
 * count are not looked at.  With a timer in TSC-deadline mode tsc_deadline counts, not timer.
 * What was posted is gone, requests are not.
 */
int lapic_set(struct lapic *a, u64 now, const struct tvx_apic *in);

#endif
