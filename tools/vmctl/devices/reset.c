// SPDX-License-Identifier: GPL-2.0-only
/* The ways to reset a PC: the keyboard controller, and the chip set's reset control. */
#include "device.h"

#define KBD_PULSE_RESET	0xfe
#define RESET_CPU	0x04

/* There is no keyboard: no data, and commands are taken at once. */
uint8_t keyboard_in(struct devices *d, unsigned int reg)
{
	(void)d;
	(void)reg;
	return 0;
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
