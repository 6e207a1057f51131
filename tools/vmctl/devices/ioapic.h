/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMCTL_IOAPIC_H
#define VMCTL_IOAPIC_H

#include <stdint.h>

#define IOAPIC_BASE	0xfec00000ULL
#define IOAPIC_SIZE	0x1000ULL
#define IOAPIC_PINS	24

/**
 * struct ioapic - an 82093AA, with the EOI register of version 0x20
 * @select: IOREGSEL
 * @id: in bits 24 to 27
 * @lines: the pins that are asserted, a bit each
 * @entry: the redirection table; bit 14 is remote IRR
 */
struct ioapic {
	uint8_t select;
	uint32_t id;
	uint32_t lines;
	uint64_t entry[IOAPIC_PINS];
};

#endif
