// SPDX-License-Identifier: GPL-2.0-only
/* The guest's serial port. */
#include <linux/serial_reg.h>

#include "vmm.h"

bool uart_wants_irq(const struct uart *u)
{
	/* OUT2 is what connects the line on a PC. */
	return u->empty && u->ier & UART_IER_THRI && u->mcr & UART_MCR_OUT2;
}

static uint8_t *divisor(struct uart *u, unsigned int reg)
{
	return u->lcr & UART_LCR_DLAB && reg <= UART_DLM ? &u->divisor[reg] : NULL;
}

void uart_out(struct uart *u, unsigned int reg, uint8_t value)
{
	if (divisor(u, reg)) {
		*divisor(u, reg) = value;
		return;
	}
	switch (reg) {
	case UART_TX:
		u->empty = true;
		if (!(u->mcr & UART_MCR_LOOP))
			u->put(value);
		break;
	case UART_IER:
		/* To turn it on tells of a transmitter that is empty, which ours always is. */
		if (value & ~u->ier & UART_IER_THRI)
			u->empty = true;
		u->ier = value & 0xf;
		break;
	case UART_FCR:
		u->fcr = value;
		break;
	case UART_LCR:
		u->lcr = value;
		break;
	case UART_MCR:
		u->mcr = value & 0x1f;
		break;
	case UART_SCR:
		u->scratch = value;
		break;
	}
}

/* With the loop closed the outputs are the inputs; else the line is up. */
static uint8_t modem_status(const struct uart *u)
{
	uint8_t status = 0;

	if (!(u->mcr & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	if (u->mcr & UART_MCR_RTS)
		status |= UART_MSR_CTS;
	if (u->mcr & UART_MCR_DTR)
		status |= UART_MSR_DSR;
	if (u->mcr & UART_MCR_OUT1)
		status |= UART_MSR_RI;
	if (u->mcr & UART_MCR_OUT2)
		status |= UART_MSR_DCD;
	return status;
}

static uint8_t interrupt_id(struct uart *u)
{
	uint8_t id = UART_IIR_NO_INT;

	if (u->empty && u->ier & UART_IER_THRI) {
		u->empty = false;
		id = UART_IIR_THRI;
	}
	return u->fcr & UART_FCR_ENABLE_FIFO ? id | 0xc0 : id;
}

uint8_t uart_in(struct uart *u, unsigned int reg)
{
	if (divisor(u, reg))
		return *divisor(u, reg);
	switch (reg) {
	case UART_IER:
		return u->ier;
	case UART_IIR:
		return interrupt_id(u);
	case UART_LCR:
		return u->lcr;
	case UART_MCR:
		return u->mcr;
	case UART_LSR:
		return UART_LSR_TEMT | UART_LSR_THRE;
	case UART_MSR:
		return modem_status(u);
	case UART_SCR:
		return u->scratch;
	}
	return 0;
}
