// SPDX-License-Identifier: GPL-2.0-only
/* Power management of a "hardware-reduced" ACPI machine: sleep, which is off, and reset. */
#include "device.h"

#define SLEEP_TYPE(value)	((value) >> 2 & 7)
#define SLEEP_ENABLE		0x20

/* It never wakes up, so no status bit is ever set. */
uint8_t pm_in(struct devices *d, unsigned int reg)
{
	(void)d;
	(void)reg;
	return 0;
}

void pm_out(struct devices *d, unsigned int reg, uint8_t value)
{
	switch (PM_SLEEP_CONTROL + reg) {
	case PM_SLEEP_CONTROL:
		if ((value & SLEEP_ENABLE) && SLEEP_TYPE(value) == PM_SLEEP_TYPE_S5)
			devices_end(d, DEVICES_POWEROFF, "ACPI sleep state S5");
		break;
	case PM_RESET:
		if (value == PM_RESET_VALUE)
			devices_end(d, DEVICES_RESET, "ACPI reset register");
		break;
	default:
		break;
	}
}
