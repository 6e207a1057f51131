/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMCTL_PIC_H
#define VMCTL_PIC_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct pic - one 8259; a bit for each of its 8 inputs where not said otherwise
 * @lines: inputs that are asserted
 * @irr: requests that wait; of an edge until it is acknowledged
 * @isr: being served
 * @imr: masked
 * @elcr: level triggered
 * @base: the vector of input 0
 * @first: the input of the highest priority
 * @next_icw: which initialisation word comes next, 0: none
 * @single, @icw4_comes: as ICW1 said
 * @auto_eoi: ICW4: acknowledging ends the interrupt as well
 * @nested: ICW4: special fully nested mode
 * @rotate_aeoi: each automatic EOI also rotates
 * @special_mask: masked interrupts in service block nothing
 * @read_isr: the command port reads as ISR, not as IRR
 * @poll: its next read acknowledges
 */
struct pic {
	uint8_t lines, irr, isr, imr, elcr;
	uint8_t base;
	uint8_t first;
	uint8_t next_icw;
	bool single, icw4_comes;
	bool auto_eoi, nested, rotate_aeoi, special_mask, read_isr, poll;
};

/**
 * struct pics - the two of a PC
 * @chip: master, and slave at its input 2
 * @raised: the master's output, as irq_ops.extint was told
 */
struct pics {
	struct pic chip[2];
	bool raised;
};

#endif
