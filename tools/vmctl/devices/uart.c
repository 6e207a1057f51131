// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 16550 serial port. What is sent is gone at once, so the transmitter is always
 * empty; interrupt causes show in IIR, but no interrupt is raised.
 */
#include <string.h>

#include <linux/serial_reg.h>

#include "device.h"

#define MSR_CONNECTED	(UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS)
#define MSR_LINES	0xf0
#define IER_BITS	0x0f
#define MCR_BITS	0x1f
#define IIR_FIFO	0xc0

void uart_init(struct uart *uart, const struct chardev *chardev)
{
	memset(uart, 0, sizeof(*uart));
	uart->chardev = chardev;
	uart->dll = 1;
	uart->thr_empty = true;
}

static unsigned int capacity(const struct uart *uart)
{
	return uart->fifo_on ? UART_FIFO : 1;
}

static void receive(struct uart *uart, uint8_t c)
{
	if (uart->count == capacity(uart)) {
		uart->lsr_errors |= UART_LSR_OE;
		/* A full FIFO keeps what it has, the lone register takes the new one. */
		if (uart->fifo_on)
			return;
		uart->count = 0;
	}
	uart->fifo[(uart->head + uart->count++) % UART_FIFO] = c;
}

/* In loopback the outside is cut off. */
static void fill(struct uart *uart)
{
	int c;

	while (!(uart->mcr & UART_MCR_LOOP) && uart->count < capacity(uart)) {
		c = uart->chardev->get(uart->chardev->ctx);
		if (c < 0)
			break;
		receive(uart, c);
	}
}

static uint8_t take(struct uart *uart)
{
	uint8_t c;

	if (!uart->count)
		fill(uart);
	if (!uart->count)
		return 0;
	c = uart->fifo[uart->head];
	uart->head = (uart->head + 1) % UART_FIFO;
	uart->count--;
	return c;
}

static uint8_t msr_lines(const struct uart *uart)
{
	uint8_t lines = 0;

	if (!(uart->mcr & UART_MCR_LOOP))
		return MSR_CONNECTED;
	/* The outputs come back as inputs. */
	lines |= uart->mcr & UART_MCR_RTS ? UART_MSR_CTS : 0;
	lines |= uart->mcr & UART_MCR_DTR ? UART_MSR_DSR : 0;
	lines |= uart->mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0;
	lines |= uart->mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0;
	return lines;
}

static void set_mcr(struct uart *uart, uint8_t value)
{
	uint8_t before = msr_lines(uart), after, changed;

	uart->mcr = value & MCR_BITS;
	after = msr_lines(uart);
	changed = before ^ after;
	/* Ring is noticed only when it ends. */
	if (after & UART_MSR_RI)
		changed &= ~UART_MSR_RI;
	uart->msr_delta |= changed >> 4;
}

static void set_fcr(struct uart *uart, uint8_t value)
{
	bool on = value & UART_FCR_ENABLE_FIFO;

	if (on != uart->fifo_on || (value & UART_FCR_CLEAR_RCVR))
		uart->count = 0;
	uart->fifo_on = on;
}

static void set_ier(struct uart *uart, uint8_t value)
{
	if (!(uart->ier & UART_IER_THRI) && (value & UART_IER_THRI))
		uart->thr_empty = true;
	uart->ier = value & IER_BITS;
}

static uint8_t read_iir(struct uart *uart)
{
	uint8_t iir = UART_IIR_NO_INT;

	fill(uart);
	if ((uart->ier & UART_IER_RLSI) && uart->lsr_errors) {
		iir = UART_IIR_RLSI;
	} else if ((uart->ier & UART_IER_RDI) && uart->count) {
		iir = UART_IIR_RDI;
	} else if ((uart->ier & UART_IER_THRI) && uart->thr_empty) {
		iir = UART_IIR_THRI;
		uart->thr_empty = false;
	} else if ((uart->ier & UART_IER_MSI) && uart->msr_delta) {
		iir = UART_IIR_MSI;
	}
	return iir | (uart->fifo_on ? IIR_FIFO : 0);
}

static uint8_t read_lsr(struct uart *uart)
{
	uint8_t lsr = UART_LSR_THRE | UART_LSR_TEMT | uart->lsr_errors;

	fill(uart);
	uart->lsr_errors = 0;
	return lsr | (uart->count ? UART_LSR_DR : 0);
}

static uint8_t read_msr(struct uart *uart)
{
	uint8_t msr = msr_lines(uart) | uart->msr_delta;

	uart->msr_delta = 0;
	return msr;
}

static void transmit(struct uart *uart, uint8_t c)
{
	if (uart->mcr & UART_MCR_LOOP)
		receive(uart, c);
	else
		uart->chardev->put(uart->chardev->ctx, c);
	uart->thr_empty = true;
}

uint8_t uart_in(struct uart *uart, unsigned int reg)
{
	bool dlab = uart->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_RX:
		return dlab ? uart->dll : take(uart);
	case UART_IER:
		return dlab ? uart->dlm : uart->ier;
	case UART_IIR:
		return read_iir(uart);
	case UART_LCR:
		return uart->lcr;
	case UART_MCR:
		return uart->mcr;
	case UART_LSR:
		return read_lsr(uart);
	case UART_MSR:
		return read_msr(uart);
	default:
		return uart->scr;
	}
}

void uart_out(struct uart *uart, unsigned int reg, uint8_t value)
{
	bool dlab = uart->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_TX:
		if (dlab)
			uart->dll = value;
		else
			transmit(uart, value);
		break;
	case UART_IER:
		if (dlab)
			uart->dlm = value;
		else
			set_ier(uart, value);
		break;
	case UART_FCR:
		set_fcr(uart, value);
		break;
	case UART_LCR:
		uart->lcr = value;
		break;
	case UART_MCR:
		set_mcr(uart, value);
		break;
	case UART_SCR:
		uart->scr = value;
		break;
	default:	/* LSR and MSR are read-only */
		break;
	}
}

uint8_t serial_in(struct devices *d, unsigned int reg)
{
	return uart_in(&d->uart, reg);
}

void serial_out(struct devices *d, unsigned int reg, uint8_t value)
{
	uart_out(&d->uart, reg, value);
}
