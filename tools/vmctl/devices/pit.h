/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMCTL_PIT_H
#define VMCTL_PIT_H

#include <stdbool.h>
#include <stdint.h>

#define PIT_HZ		1193182

/**
 * struct pit_channel - one counter of an 8254
 * @mode: 0 .. 5
 * @access: 1 low byte, 2 high byte, 3 both
 * @bcd: decades
 * @gate: its gate input
 * @null_count: nothing was loaded since the control word
 * @write_high, @read_high: the high byte is next
 * @low: low byte written, waiting for the high one
 * @latched: bytes of @latch still to be read
 * @status_latched: @status is read before all else
 * @load: what it counts down from, 0: nothing was loaded
 * @counting: since @start
 * @start: in ns
 * @elapsed: PIT clocks that had passed before
 */
struct pit_channel {
	uint8_t mode, access;
	bool bcd, gate, null_count;
	bool write_high, read_high;
	uint8_t low;
	uint8_t latched;
	bool status_latched;
	uint8_t status;
	uint16_t latch;
	uint32_t load;
	bool counting;
	int64_t start;
	uint64_t elapsed;
};

/**
 * struct pit - an 8254, and the part of port 0x61 that belongs to it
 * @timer: of the loop, for channel 0
 * @port_b: what was written to port 0x61
 */
struct pit {
	struct pit_channel channel[3];
	int timer;
	uint8_t port_b;
};

#endif
