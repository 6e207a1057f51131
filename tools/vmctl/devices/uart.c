// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 16550 serial port. What is sent is gone at once, so the transmitter is always
 * empty. The interrupt line is up while IIR shows a cause.
 */
#include <linux/serial_reg.h>

#include "device.h"

#define MSR_CONNECTED	(UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS)
#define MSR_LINES	0xf0
#define IER_BITS	0x0f
#define MCR_BITS	0x1f
#define IIR_FIFO	0xc0

static unsigned int uart_capacity(const struct uart *uart)
{
	return uart->fifo_on ? UART_FIFO : 1;
}

/* What is left in the FIFO below the trigger is the end of what came: its time-out is now. */
static uint8_t uart_cause(const struct uart *uart)
{
	if ((uart->ier & UART_IER_RLSI) && uart->lsr_errors)
		return UART_IIR_RLSI;
	if ((uart->ier & UART_IER_RDI) && uart->count)
		return uart->fifo_on && uart->count < uart->trigger ? UART_IIR_RX_TIMEOUT :
								      UART_IIR_RDI;
	if ((uart->ier & UART_IER_THRI) && uart->thr_empty)
		return UART_IIR_THRI;
	if ((uart->ier & UART_IER_MSI) && uart->msr_delta)
		return UART_IIR_MSI;
	return UART_IIR_NO_INT;
}

/*
 * PCs let OUT2 switch the line; many guests do not know, as emulators do not.
 * An interrupt that nobody wants goes unheard anyway: its pin is masked.
 */
static void uart_update(struct devices *d)
{
	irq_set(d, GSI_SERIAL, uart_cause(&d->uart) != UART_IIR_NO_INT);
}

void uart_init(struct devices *d)
{
	d->uart = (struct uart){ .dll = 1, .trigger = 1, .thr_empty = true };
}

static void uart_receive(struct uart *uart, uint8_t c)
{
	if (uart->count == uart_capacity(uart)) {
		uart->lsr_errors |= UART_LSR_OE;
		/* A full FIFO keeps what it has, the lone register takes the new one. */
		if (uart->fifo_on)
			return;
		uart->count = 0;
	}
	uart->fifo[(uart->head + uart->count++) % UART_FIFO] = c;
}

/* In loopback the outside is cut off. */
static void uart_fill(struct devices *d)
{
	struct uart *uart = &d->uart;
	int c;

	while (!(uart->mcr & UART_MCR_LOOP) && uart->count < uart_capacity(uart)) {
		c = d->chardev->get(d->chardev->ctx);
		if (c < 0)
			break;
		uart_receive(uart, c);
	}
}

static uint8_t uart_take(struct devices *d)
{
	struct uart *uart = &d->uart;
	uint8_t c;

	if (!uart->count)
		uart_fill(d);
	if (!uart->count)
		return 0;
	c = uart->fifo[uart->head];
	uart->head = (uart->head + 1) % UART_FIFO;
	uart->count--;
	return c;
}

static uint8_t uart_msr_lines(const struct uart *uart)
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

static void uart_set_mcr(struct uart *uart, uint8_t value)
{
	uint8_t before = uart_msr_lines(uart), after, changed;

	uart->mcr = value & MCR_BITS;
	after = uart_msr_lines(uart);
	changed = before ^ after;
	/* Ring is noticed only when it ends. */
	if (after & UART_MSR_RI)
		changed &= ~UART_MSR_RI;
	uart->msr_delta |= changed >> 4;
}

static void uart_set_fcr(struct uart *uart, uint8_t value)
{
	static const uint8_t triggers[] = { 1, 4, 8, 14 };
	bool on = value & UART_FCR_ENABLE_FIFO;

	if (on != uart->fifo_on || (value & UART_FCR_CLEAR_RCVR))
		uart->count = 0;
	uart->fifo_on = on;
	if (on)
		uart->trigger = triggers[value >> 6];
}

static void uart_set_ier(struct uart *uart, uint8_t value)
{
	if (!(uart->ier & UART_IER_THRI) && (value & UART_IER_THRI))
		uart->thr_empty = true;
	uart->ier = value & IER_BITS;
}

static uint8_t uart_read_iir(struct devices *d)
{
	struct uart *uart = &d->uart;
	uint8_t iir;

	uart_fill(d);
	iir = uart_cause(uart);
	/* Of this cause alone nothing else tells that it was seen. */
	if (iir == UART_IIR_THRI)
		uart->thr_empty = false;
	return iir | (uart->fifo_on ? IIR_FIFO : 0);
}

static uint8_t uart_read_lsr(struct devices *d)
{
	struct uart *uart = &d->uart;
	uint8_t lsr = UART_LSR_THRE | UART_LSR_TEMT | uart->lsr_errors;

	uart_fill(d);
	uart->lsr_errors = 0;
	return lsr | (uart->count ? UART_LSR_DR : 0);
}

static uint8_t uart_read_msr(struct uart *uart)
{
	uint8_t msr = uart_msr_lines(uart) | uart->msr_delta;

	uart->msr_delta = 0;
	return msr;
}

/* For a moment the transmitter is busy: that it is empty again is a new interrupt. */
static void uart_transmit(struct devices *d, uint8_t c)
{
	struct uart *uart = &d->uart;

	uart->thr_empty = false;
	uart_update(d);
	if (uart->mcr & UART_MCR_LOOP)
		uart_receive(uart, c);
	else
		d->chardev->put(d->chardev->ctx, c);
	uart->thr_empty = true;
}

static uint8_t uart_read_register(struct devices *d, unsigned int reg)
{
	struct uart *uart = &d->uart;
	bool dlab = uart->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_RX:
		return dlab ? uart->dll : uart_take(d);
	case UART_IER:
		return dlab ? uart->dlm : uart->ier;
	case UART_IIR:
		return uart_read_iir(d);
	case UART_LCR:
		return uart->lcr;
	case UART_MCR:
		return uart->mcr;
	case UART_LSR:
		return uart_read_lsr(d);
	case UART_MSR:
		return uart_read_msr(uart);
	default:
		return uart->scr;
	}
}

static void uart_write_register(struct devices *d, unsigned int reg, uint8_t value)
{
	struct uart *uart = &d->uart;
	bool dlab = uart->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_TX:
		if (dlab)
			uart->dll = value;
		else
			uart_transmit(d, value);
		break;
	case UART_IER:
		if (dlab)
			uart->dlm = value;
		else
			uart_set_ier(uart, value);
		break;
	case UART_FCR:
		uart_set_fcr(uart, value);
		break;
	case UART_LCR:
		uart->lcr = value;
		break;
	case UART_MCR:
		uart_set_mcr(uart, value);
		break;
	case UART_SCR:
		uart->scr = value;
		break;
	default:	/* LSR and MSR are read-only */
		break;
	}
}

/* In a PC the console tells when there is input, and an access may have made room for it. */
void serial_input(struct devices *d)
{
	uart_fill(d);
	uart_update(d);
}

uint8_t serial_in(struct devices *d, unsigned int reg)
{
	uint8_t value = uart_read_register(d, reg);

	if (d->pc)
		serial_input(d);
	return value;
}

void serial_out(struct devices *d, unsigned int reg, uint8_t value)
{
	uart_write_register(d, reg, value);
	if (d->pc)
		serial_input(d);
}
