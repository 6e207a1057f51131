/* SPDX-License-Identifier: GPL-2.0-only */
/* A small VMM on KVM: one CPU, memory, two serial ports, and a stock kernel that is its guest. */
#ifndef NESTED_VMM_H
#define NESTED_VMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The log of the kernel under the guest. die() ends the VMM. */
void log_open(void);
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Where load_linux() puts what the entry needs; all of it is below the kernel. */
#define GDT_AT		0x8000
#define ZERO_PAGE_AT	0x10000
#define COMMAND_LINE_AT	0x20000
#define TABLES_AT	0x30000
#define KERNEL_AT	0x1000000

/* Ports of ACPI, and the type of sleep that turns the machine off. */
#define PM1_EVENT	0x600
#define PM1_CONTROL	0x604
#define SLEEP_OFF	5

/* The serial port, as a PC has it. */
#define UART_PORT	0x3f8
#define UART_PORTS	8
#define UART_IRQ	4

/**
 * struct guest - memory of the guest, and what is in it
 * @ram: @size bytes, from its physical address 0 on
 * @window: size of the range behind @ram that carries the payload
 * @mailbox: what the command says, in the range behind that
 * @entry: 64-bit entry point of the kernel
 */
struct guest {
	uint8_t *ram;
	uint64_t size;
	uint64_t window;
	uint8_t *mailbox;
	uint64_t entry;
};

void load_linux(struct guest *g, const char *kernel, const char *initrd, const char *command_line);
void make_acpi(uint8_t *ram);

/**
 * struct uart - a 16550 without a receiver
 * @put: takes what the guest sends
 * @empty: its transmitter ran empty, and the guest was not told yet
 * @line: its interrupt line
 */
struct uart {
	void (*put)(uint8_t byte);
	uint8_t ier, fcr, lcr, mcr, scratch, divisor[2];
	bool empty, line;
};

void uart_out(struct uart *u, unsigned int reg, uint8_t value);
uint8_t uart_in(struct uart *u, unsigned int reg);
bool uart_wants_irq(const struct uart *u);

/* What the guest's kernel says: whole lines of it go to the log of the kernel under it. */
void console_put(uint8_t byte);
void console_flush(void);

/* What the guest's command says. Nothing more comes after output_drain(). */
void output_open(void);
void output_put(const uint8_t *data, size_t size);
void output_drain(void);

#endif
