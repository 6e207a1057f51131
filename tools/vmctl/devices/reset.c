// SPDX-License-Identifier: GPL-2.0-only
/* The ways to reset a PC: the keyboard controller, the chip set's reset control, port 0x92. */
#include "device.h"

#define KBD_PULSE_RESET	0xfe
#define RESET_CPU	0x04
#define PORT_A_RESET	0x01
#define PORT_A_A20	0x02

/*
 * There is no keyboard. The plain machine takes commands at once and has no data; a
 * PC has no controller at all, which drivers find out without waiting for replies.
 */
uint8_t keyboard_in(struct devices *d, unsigned int reg)
{
	(void)reg;
	return d->pc ? 0xff : 0;
}

void keyboard_out(struct devices *d, unsigned int reg, uint8_t value)
{
	(void)reg;
	if (value == KBD_PULSE_RESET)
		devices_end(d, DEVICES_RESET, "keyboard controller");
}

void resetctl_out(struct devices *d, unsigned int reg, uint8_t value)
{
	(void)reg;
	if (value & RESET_CPU)
		devices_end(d, DEVICES_RESET, "reset control port 0xcf9");
}

/* Address line 20 is always there. */
uint8_t port_a_in(struct devices *d, unsigned int reg)
{
	(void)reg;
	return d->port_a | PORT_A_A20;
}

void port_a_out(struct devices *d, unsigned int reg, uint8_t value)
{
	(void)reg;
	if (value & ~d->port_a & PORT_A_RESET)
		devices_end(d, DEVICES_RESET, "system port 0x92");
	d->port_a = value;
}
