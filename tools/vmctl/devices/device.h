/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices on I/O ports. Each is one file, and a row of the table in bus.c. They
 * know nothing of vCPUs: they are given bytes, and may say that the machine ends.
 */
#ifndef VMCTL_DEVICE_H
#define VMCTL_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct chardev - where characters go to and come from
 * @put: a character goes out
 * @get: the next one, or -1: none now
 * @ctx: passed to both
 */
struct chardev {
	void (*put)(void *ctx, uint8_t c);
	int (*get)(void *ctx);
	void *ctx;
};

#define UART_FIFO	16

struct uart {
	const struct chardev *chardev;
	uint8_t ier, lcr, mcr, scr, dll, dlm;
	uint8_t msr_delta;	/* low nibble of MSR: what changed since it was read */
	uint8_t lsr_errors;	/* until LSR is read */
	bool fifo_on;
	bool thr_empty;		/* an interrupt cause until IIR is read */
	unsigned int head, count;
	uint8_t fifo[UART_FIFO];
};

void uart_init(struct uart *uart, const struct chardev *chardev);
uint8_t uart_in(struct uart *uart, unsigned int reg);
void uart_out(struct uart *uart, unsigned int reg, uint8_t value);

enum devices_end {
	DEVICES_GO_ON,
	DEVICES_EXIT,		/* a write to the debug-exit port: @exit_value */
	DEVICES_RESET,		/* @what asked for a reset */
	DEVICES_STRICT,		/* an access to no device, in words in @what */
};

/**
 * struct devices - all devices of a machine
 * @strict: an access that no device claims ends the machine
 * @end: has the machine ended, and how? The first reason stays.
 * @exit_value: of DEVICES_EXIT
 * @what: which device, or which access
 * @chardev: of the consoles
 * @uart: the serial port
 */
struct devices {
	bool strict;
	enum devices_end end;
	uint8_t exit_value;
	char what[96];
	const struct chardev *chardev;
	struct uart uart;
};

void devices_init(struct devices *d, const struct chardev *chardev, bool strict);
/** devices_end - end the machine, unless it has ended already */
void __attribute__((format(printf, 3, 4)))
devices_end(struct devices *d, enum devices_end end, const char *what, ...);

/* An access of 1, 2 or 4 bytes: each byte goes to the device of its own port. */
uint32_t devices_in(struct devices *d, uint16_t port, unsigned int len);
void devices_out(struct devices *d, uint16_t port, unsigned int len, uint32_t value);

/* Memory that is no RAM: there are no devices there. */
uint64_t devices_read(struct devices *d, uint64_t gpa, unsigned int len);
void devices_write(struct devices *d, uint64_t gpa, unsigned int len, uint64_t value);

/* The devices' own handlers, called with the offset from their first port. */
uint8_t serial_in(struct devices *d, unsigned int reg);
void serial_out(struct devices *d, unsigned int reg, uint8_t value);
uint8_t debugcon_in(struct devices *d, unsigned int reg);
void debugcon_out(struct devices *d, unsigned int reg, uint8_t value);
void debugexit_out(struct devices *d, unsigned int reg, uint8_t value);
uint8_t keyboard_in(struct devices *d, unsigned int reg);
void keyboard_out(struct devices *d, unsigned int reg, uint8_t value);
void resetctl_out(struct devices *d, unsigned int reg, uint8_t value);

#endif
