// SPDX-License-Identifier: GPL-2.0-only
/*
 * An 82093AA IOAPIC: a pin that is asserted becomes the message that its entry of
 * the redirection table describes.
 */
#include <string.h>

#include "device.h"

/* Registers in memory, and those behind them */
#define IOREGSEL	0x00
#define IOWIN		0x10
#define IOEOI		0x40
#define REG_ID		0x00
#define REG_VERSION	0x01
#define REG_ARBITRATION	0x02
#define REG_TABLE	0x10
#define VERSION		0x20

/* Of an entry */
#define RTE_VECTOR		0xffULL
#define RTE_MODE(e)		((e) >> 8 & 7)
#define RTE_LOGICAL		(1ULL << 11)
#define RTE_STATUS		(1ULL << 12)
#define RTE_REMOTE_IRR		(1ULL << 14)
#define RTE_LEVEL		(1ULL << 15)
#define RTE_MASKED		(1ULL << 16)
#define RTE_DESTINATION(e)	((e) >> 56)
#define RTE_READ_ONLY		(RTE_STATUS | RTE_REMOTE_IRR)
#define RTE_RESERVED		0x00fffffffffe0000ULL

#define MODE_LOWEST_PRIORITY	1
#define MODE_EXTINT		7

/* Of a message */
#define MSI_ADDRESS		0xfee00000ULL
#define MSI_REDIRECT		(1ULL << 3)
#define MSI_LOGICAL		(1ULL << 2)
#define MSI_ASSERT		(1U << 14)
#define MSI_LEVEL		(1U << 15)

void ioapic_init(struct devices *d)
{
	unsigned int pin;

	memset(&d->ioapic, 0, sizeof(d->ioapic));
	for (pin = 0; pin < IOAPIC_PINS; pin++)
		d->ioapic.entry[pin] = RTE_MASKED;
}

static int ioapic_send(struct devices *d, uint64_t entry)
{
	uint64_t address = MSI_ADDRESS | RTE_DESTINATION(entry) << 12;
	uint32_t data = (entry & RTE_VECTOR) | RTE_MODE(entry) << 8 | MSI_ASSERT;

	if (entry & RTE_LOGICAL)
		address |= MSI_LOGICAL;
	if (RTE_MODE(entry) == MODE_LOWEST_PRIORITY)
		address |= MSI_REDIRECT;
	if (entry & RTE_LEVEL)
		data |= MSI_LEVEL;
	return d->irq->msi(d->irq->ctx, address, data);
}

/* A message, unless the pin is masked or an earlier one is still being served. */
static void ioapic_try(struct devices *d, unsigned int pin)
{
	uint64_t *entry = &d->ioapic.entry[pin];

	/* The PIC's output has a line of its own to the local APIC. */
	if ((*entry & RTE_MASKED) || RTE_MODE(*entry) == MODE_EXTINT)
		return;
	if (!(*entry & RTE_LEVEL))
		ioapic_send(d, *entry);
	/* Where nobody took it, no EOI would ever come. */
	else if (!(*entry & RTE_REMOTE_IRR) && ioapic_send(d, *entry) > 0)
		*entry |= RTE_REMOTE_IRR;
}

static void ioapic_try_level(struct devices *d, unsigned int pin)
{
	if ((d->ioapic.lines & 1U << pin) && (d->ioapic.entry[pin] & RTE_LEVEL))
		ioapic_try(d, pin);
}

void ioapic_set(struct devices *d, unsigned int pin, bool level)
{
	struct ioapic *io = &d->ioapic;
	uint32_t before = io->lines;

	if (pin >= IOAPIC_PINS)
		return;
	io->lines = level ? before | 1U << pin : before & ~(1U << pin);
	/* An edge that finds its pin masked is lost. A level that nobody took asks again. */
	if (io->lines & ~before)
		ioapic_try(d, pin);
	else
		ioapic_try_level(d, pin);
}

void ioapic_eoi(struct devices *d, uint8_t vector)
{
	uint64_t *entry;
	unsigned int pin;

	for (pin = 0; pin < IOAPIC_PINS; pin++) {
		entry = &d->ioapic.entry[pin];
		if ((*entry & RTE_VECTOR) != vector || !(*entry & RTE_REMOTE_IRR))
			continue;
		*entry &= ~RTE_REMOTE_IRR;
		ioapic_try_level(d, pin);
	}
}

static void ioapic_write_entry(struct devices *d, unsigned int reg, uint32_t value)
{
	unsigned int pin = reg / 2, shift = reg % 2 * 32;
	uint64_t *entry = &d->ioapic.entry[pin], e;

	e = (*entry & ~(0xffffffffULL << shift)) | (uint64_t)value << shift;
	e &= ~(RTE_READ_ONLY | RTE_RESERVED);
	/* To become edge triggered, as kernels do for a moment, is as good as an EOI. */
	if (e & RTE_LEVEL)
		e |= *entry & RTE_REMOTE_IRR;
	*entry = e;
	ioapic_try_level(d, pin);
}

static uint32_t ioapic_read_register(const struct ioapic *io)
{
	unsigned int reg = io->select;

	switch (reg) {
	case REG_ID:
	case REG_ARBITRATION:
		return io->id;
	case REG_VERSION:
		return (IOAPIC_PINS - 1) << 16 | VERSION;
	default:
		reg -= REG_TABLE;
		return reg < 2 * IOAPIC_PINS ? io->entry[reg / 2] >> (reg % 2 * 32) : 0;
	}
}

static void ioapic_write_register(struct devices *d, uint32_t value)
{
	unsigned int reg = d->ioapic.select;

	if (reg == REG_ID)
		d->ioapic.id = value & 0x0f000000;
	else if (reg - REG_TABLE < 2 * IOAPIC_PINS)
		ioapic_write_entry(d, reg - REG_TABLE, value);
}

/* The registers are 32 bits wide, at multiples of 16. */
uint64_t ioapic_read(struct devices *d, uint64_t offset, unsigned int len)
{
	(void)len;
	switch (offset) {
	case IOREGSEL:
		return d->ioapic.select;
	case IOWIN:
		return ioapic_read_register(&d->ioapic);
	default:
		return 0;
	}
}

void ioapic_write(struct devices *d, uint64_t offset, unsigned int len, uint64_t value)
{
	(void)len;
	switch (offset) {
	case IOREGSEL:
		d->ioapic.select = value;
		break;
	case IOWIN:
		ioapic_write_register(d, value);
		break;
	case IOEOI:
		ioapic_eoi(d, value);
		break;
	default:
		break;
	}
}
