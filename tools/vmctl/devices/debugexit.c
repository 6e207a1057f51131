// SPDX-License-Identifier: GPL-2.0-only
/* The value written ends the machine and is vmctl's exit status. */
#include "device.h"

void debugexit_out(struct devices *d, unsigned int reg, uint8_t value)
{
	/* The upper bytes of a wide write do not count. */
	if (reg || d->end != DEVICES_GO_ON)
		return;
	d->exit_value = value;
	devices_end(d, DEVICES_EXIT, "debug-exit port");
}
