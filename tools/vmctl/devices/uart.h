/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VMCTL_UART_H
#define VMCTL_UART_H

#include <stdbool.h>
#include <stdint.h>

#define UART_FIFO	16

struct uart {
	uint8_t ier, lcr, mcr, scr, dll, dlm;
	uint8_t msr_delta;	/* low nibble of MSR: what changed since it was read */
	uint8_t lsr_errors;	/* until LSR is read */
	bool fifo_on;
	unsigned int trigger;	/* characters that raise an interrupt without delay */
	bool thr_empty;		/* an interrupt cause until IIR is read */
	unsigned int head, count;
	uint8_t fifo[UART_FIFO];
};

#endif
