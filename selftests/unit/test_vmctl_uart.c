// SPDX-License-Identifier: GPL-2.0-only
/* vmctl's devices: the serial port's registers, and the bus. */
#include "unit.h"

#include "tools/vmctl/devices/bus.c"
#include "tools/vmctl/devices/uart.c"
#include "tools/vmctl/devices/debugcon.c"
#include "tools/vmctl/devices/debugexit.c"
#include "tools/vmctl/devices/reset.c"

static char sent[64];
static unsigned int nr_sent;
static const char *input;

static void test_put(void *ctx, uint8_t c)
{
	if (nr_sent < sizeof(sent) - 1)
		sent[nr_sent++] = c;
}

static int test_get(void *ctx)
{
	return input && *input ? *input++ : -1;
}

static const struct chardev chardev = { test_put, test_get, NULL };
static struct devices d;

static void start(bool strict)
{
	memset(sent, 0, sizeof(sent));
	nr_sent = 0;
	input = NULL;
	devices_init(&d, &chardev, strict);
}

static uint8_t in(unsigned int reg)
{
	return devices_in(&d, 0x3f8 + reg, 1);
}

static void out(unsigned int reg, uint8_t value)
{
	devices_out(&d, 0x3f8 + reg, 1, value);
}

TEST(transmit)
{
	start(false);
	EXPECT_EQ(in(UART_LSR), 0x60);
	out(UART_TX, 'h');
	out(UART_TX, 'i');
	EXPECT_STREQ(sent, "hi");
	EXPECT_EQ(in(UART_LSR), 0x60);
}

TEST(receive)
{
	start(false);
	EXPECT_EQ(in(UART_RX), 0);
	input = "abc";
	EXPECT_EQ(in(UART_LSR), 0x61);
	EXPECT_EQ(in(UART_RX), 'a');
	EXPECT_EQ(in(UART_RX), 'b');
	EXPECT_EQ(in(UART_RX), 'c');
	EXPECT_EQ(in(UART_LSR), 0x60);
}

TEST(divisor_latch)
{
	start(false);
	out(UART_LCR, UART_LCR_DLAB | 3);
	out(UART_DLL, 0x34);
	out(UART_DLM, 0x12);
	EXPECT_EQ(in(UART_DLL), 0x34);
	EXPECT_EQ(in(UART_DLM), 0x12);
	out(UART_LCR, 3);
	EXPECT_EQ(in(UART_LCR), 3);
	EXPECT_EQ(in(UART_IER), 0);
	EXPECT_EQ(nr_sent, 0U);
}

TEST(scratch_and_ier_bits)
{
	start(false);
	out(UART_SCR, 0xa5);
	EXPECT_EQ(in(UART_SCR), 0xa5);
	out(UART_IER, 0xff);
	EXPECT_EQ(in(UART_IER), 0x0f);
	out(UART_MCR, 0xff);
	EXPECT_EQ(in(UART_MCR), 0x1f);
}

TEST(interrupt_causes_by_priority)
{
	start(false);
	EXPECT_EQ(in(UART_IIR), UART_IIR_NO_INT);
	out(UART_IER, UART_IER_THRI);
	EXPECT_EQ(in(UART_IIR), UART_IIR_THRI);
	EXPECT_EQ(in(UART_IIR), UART_IIR_NO_INT);	/* reading it took it */
	out(UART_TX, 'x');
	EXPECT_EQ(in(UART_IIR), UART_IIR_THRI);
	out(UART_IER, UART_IER_THRI | UART_IER_RDI);
	out(UART_TX, 'y');
	input = "z";
	EXPECT_EQ(in(UART_IIR), UART_IIR_RDI);
	EXPECT_EQ(in(UART_RX), 'z');
	EXPECT_EQ(in(UART_IIR), UART_IIR_THRI);
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	EXPECT_EQ(in(UART_IIR), 0xc0 | UART_IIR_NO_INT);
}

TEST(loopback)
{
	unsigned int i;

	start(false);
	EXPECT_EQ(in(UART_MSR), 0xb0);
	out(UART_MCR, UART_MCR_LOOP);
	EXPECT_EQ(in(UART_MSR), 0x0b);		/* all lines fell */
	out(UART_MCR, UART_MCR_LOOP | UART_MCR_RTS | UART_MCR_OUT2);
	EXPECT_EQ(in(UART_MSR), 0x99);
	EXPECT_EQ(in(UART_MSR), 0x90);
	input = "outside";
	out(UART_TX, 'a');
	EXPECT_EQ(nr_sent, 0U);
	EXPECT_EQ(in(UART_LSR), 0x61);
	out(UART_TX, 'b');			/* without FIFO it replaces the other */
	EXPECT_EQ(in(UART_LSR), 0x63);
	EXPECT_EQ(in(UART_LSR), 0x61);
	EXPECT_EQ(in(UART_RX), 'b');
	EXPECT_EQ(in(UART_RX), 0);
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	for (i = 0; i < 17; i++)
		out(UART_TX, 'A' + i);
	EXPECT_EQ(in(UART_LSR), 0x63);
	for (i = 0; i < 16; i++)
		EXPECT_EQ(in(UART_RX), 'A' + i);
	EXPECT_EQ(in(UART_LSR), 0x60);		/* the 17th is lost */
	out(UART_TX, 'q');
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	EXPECT_EQ(in(UART_LSR), 0x60);
}

TEST(wide_and_unknown_ports)
{
	start(false);
	EXPECT_EQ(devices_in(&d, 0x1234, 1), 0xffU);
	EXPECT_EQ(devices_in(&d, 0x1234, 2), 0xffffU);
	EXPECT_EQ(devices_in(&d, 0xffff, 4), 0xffffffffU);
	EXPECT_EQ(devices_in(&d, 0xe8, 2), 0xe9ffU);
	devices_out(&d, 0x1234, 4, 0);
	EXPECT_EQ(d.end, DEVICES_GO_ON);
	EXPECT_EQ(devices_read(&d, 0xd0000000, 8), ~0ULL);
	EXPECT_EQ(devices_read(&d, 0xd0000000, 2), 0xffffULL);
	devices_write(&d, 0xd0000000, 4, 1);
	EXPECT_EQ(d.end, DEVICES_GO_ON);
	devices_out(&d, 0xe9, 1, '!');
	EXPECT_STREQ(sent, "!");
}

TEST(strict)
{
	start(true);
	devices_in(&d, 0x3f8, 4);
	EXPECT_EQ(d.end, DEVICES_GO_ON);
	devices_out(&d, 0x80, 1, 0);
	EXPECT_EQ(d.end, DEVICES_STRICT);
	EXPECT_TRUE(strstr(d.what, "0x80"));
	start(true);
	devices_read(&d, 0xd0000000, 4);
	EXPECT_EQ(d.end, DEVICES_STRICT);
}

TEST(exit_and_reset)
{
	start(false);
	devices_out(&d, 0xf4, 4, 0x1207);
	EXPECT_EQ(d.end, DEVICES_EXIT);
	EXPECT_EQ(d.exit_value, 7);
	devices_out(&d, 0xf4, 1, 9);		/* the first counts */
	devices_out(&d, 0x64, 1, 0xfe);
	EXPECT_EQ(d.exit_value, 7);
	EXPECT_EQ(d.end, DEVICES_EXIT);
	start(false);
	devices_out(&d, 0x64, 1, 0xd1);
	EXPECT_EQ(d.end, DEVICES_GO_ON);
	EXPECT_EQ(devices_in(&d, 0x64, 1), 0U);
	devices_out(&d, 0x64, 1, 0xfe);
	EXPECT_EQ(d.end, DEVICES_RESET);
	start(false);
	devices_out(&d, 0xcf9, 1, 0x02);
	EXPECT_EQ(d.end, DEVICES_GO_ON);
	devices_out(&d, 0xcf9, 1, 0x06);
	EXPECT_EQ(d.end, DEVICES_RESET);
}
