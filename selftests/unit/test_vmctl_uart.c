// SPDX-License-Identifier: GPL-2.0-only
/* vmctl's devices: the serial port, the bus, and those with little to them. */
#include "devices_pc.h"

static void start(bool strict)
{
	start_plain(strict);
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

/* What meets no device is counted, and what a PC has there is told. */
TEST(nowhere)
{
	start(false);
	devices_out(&d, 0xe9, 1, '!');
	EXPECT_EQ(d.nowhere.count, 0ULL);
	devices_out(&d, 0x80, 1, 0);
	EXPECT_EQ(d.nowhere.count, 1ULL);
	EXPECT_STREQ(d.nowhere.first, "OUT of 1 byte at port 0x80");
	EXPECT_NULL(d.nowhere.pc_has);
	devices_in(&d, 0x40, 2);
	EXPECT_EQ(d.nowhere.count, 2ULL);
	EXPECT_STREQ(d.nowhere.first, "OUT of 1 byte at port 0x80");
	EXPECT_STREQ(d.nowhere.pc_has, "timer");
	start(false);
	devices_write(&d, 0xfee000f0, 4, 0);
	EXPECT_STREQ(d.nowhere.first, "write of 4 bytes at physical address 0xfee000f0");
	EXPECT_STREQ(d.nowhere.pc_has, "local APIC");
	start(false);
	devices_read(&d, 0xfec00000, 4);
	EXPECT_STREQ(d.nowhere.pc_has, "IOAPIC");
}

TEST(strict)
{
	start(true);
	devices_in(&d, 0x3f8, 4);
	EXPECT_EQ(d.end, DEVICES_GO_ON);
	devices_out(&d, 0x80, 1, 0);
	EXPECT_EQ(d.end, DEVICES_STRICT);
	EXPECT_STREQ(d.what, "OUT of 1 byte at port 0x80, where there is no device");
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

TEST(plain_has_no_pc)
{
	static const uint16_t ports[] = {
		0x20, 0x40, 0x61, 0x70, 0x71, 0x92, 0xa0, 0x4d0, 0x510, 0x511, 0x600, 0x602,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		start(false);
		EXPECT_EQ(devices_in(&d, ports[i], 1), 0xffU);
		devices_out(&d, ports[i], 1, 0xff);
		EXPECT_EQ(d.end, DEVICES_GO_ON);
		start(true);
		devices_in(&d, ports[i], 1);
		EXPECT_EQ(d.end, DEVICES_STRICT);
	}
	start(true);
	devices_read(&d, IOAPIC_BASE, 4);
	EXPECT_EQ(d.end, DEVICES_STRICT);
	out(UART_IER, 0x0f);
	irq_set(&d, GSI_SERIAL, true);
	devices_eoi(&d, 0x24);
	EXPECT_EQ(pc_nr_timers + pc_nr_msi, 0U);
}

/* ---- in a PC, with interrupts ---- */

static bool line(void)
{
	return d.ioapic.lines & 1U << GSI_SERIAL;
}

/* How many edges the access makes. */
static unsigned int edges(unsigned int reg, uint8_t value)
{
	unsigned int before;

	d.ioapic.entry[GSI_SERIAL] = 0x24;	/* edge, not masked */
	before = pc_nr_msi;
	out(reg, value);
	return pc_nr_msi - before;
}

TEST(transmit_interrupts)
{
	start_pc();
	EXPECT_FALSE(line());
	EXPECT_EQ(edges(UART_IER, UART_IER_THRI), 1U);
	EXPECT_TRUE(line());
	/* A character sent without a look at IIR is a new edge, too. */
	EXPECT_EQ(edges(UART_TX, 'a'), 1U);
	EXPECT_EQ(in(UART_IIR), UART_IIR_THRI);
	EXPECT_FALSE(line());
	EXPECT_EQ(edges(UART_TX, 'b'), 1U);
	EXPECT_EQ(edges(UART_IER, 0), 0U);
	EXPECT_FALSE(line());
	EXPECT_EQ(edges(UART_TX, 'c'), 0U);
	EXPECT_EQ(edges(UART_IER, UART_IER_THRI), 1U);
	EXPECT_STREQ(sent, "abc");
}

TEST(receive_interrupts)
{
	static const struct {
		uint8_t fcr, iir;
		const char *input;
		unsigned int taken;	/* before the guest reads anything */
	} cases[] = {
		{ 0x00, UART_IIR_RDI, "abc", 1 },
		{ 0x01, 0xc0 | UART_IIR_RDI, "a", 1 },
		{ 0x41, 0xc0 | UART_IIR_RX_TIMEOUT, "abc", 3 },
		{ 0x41, 0xc0 | UART_IIR_RDI, "abcd", 4 },
		{ 0x81, 0xc0 | UART_IIR_RX_TIMEOUT, "abcdefg", 7 },
		{ 0x81, 0xc0 | UART_IIR_RDI, "abcdefgh", 8 },
		{ 0xc1, 0xc0 | UART_IIR_RX_TIMEOUT, "abcdefghijklm", 13 },
		{ 0xc1, 0xc0 | UART_IIR_RDI, "abcdefghijklmnopqrstuvwxyz", 16 },
	};
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start_pc();
		out(UART_FCR, cases[i].fcr);
		out(UART_IER, UART_IER_RDI);
		EXPECT_FALSE(line());
		input = cases[i].input;
		devices_input(&d);
		EXPECT_TRUE(line());
		EXPECT_EQ(input - cases[i].input, cases[i].taken);
		EXPECT_EQ(in(UART_IIR), cases[i].iir);
		/* Nothing is lost, and the line falls with the last. */
		for (n = 0; n < strlen(cases[i].input); n++) {
			EXPECT_TRUE(line());
			EXPECT_EQ(in(UART_RX), cases[i].input[n]);
		}
		EXPECT_FALSE(line());
	}
}

TEST(input_waits_for_the_end_of_loopback)
{
	start_pc();
	out(UART_IER, UART_IER_RDI);
	out(UART_MCR, UART_MCR_LOOP);
	input = "x";
	devices_input(&d);
	EXPECT_FALSE(line());
	out(UART_MCR, 0);
	EXPECT_TRUE(line());
	EXPECT_EQ(in(UART_RX), 'x');
}

TEST(input_of_a_virtio_console)
{
	start_pc();
	pc_virtio_console = true;
	input = "x";
	devices_input(&d);
	EXPECT_EQ(*input, 'x');
}

TEST(line_status_and_modem_interrupts)
{
	start_pc();
	out(UART_IER, UART_IER_RLSI | UART_IER_MSI);
	out(UART_MCR, UART_MCR_LOOP);
	EXPECT_TRUE(line());
	EXPECT_EQ(in(UART_IIR), UART_IIR_MSI);
	in(UART_MSR);
	EXPECT_FALSE(line());
	out(UART_TX, 'a');
	EXPECT_FALSE(line());
	out(UART_TX, 'b');
	EXPECT_EQ(in(UART_IIR), UART_IIR_RLSI);
	in(UART_LSR);
	EXPECT_FALSE(line());
}

TEST(virtio_region)
{
	start_pc();
	EXPECT_EQ(devices_read(&d, 0xd0001008, 4), 0x55667788ULL);
	EXPECT_EQ(pc_virtio.slot, 1U);
	EXPECT_EQ(pc_virtio.offset, 8ULL);
	EXPECT_EQ(pc_virtio.len, 4U);
	devices_write(&d, 0xd0000100, 1, 0x1234);
	EXPECT_EQ(pc_virtio.slot, 0U);
	EXPECT_EQ(pc_virtio.offset, 0x100ULL);
	EXPECT_EQ(pc_virtio.value, 0x34ULL);
	EXPECT_EQ(d.end, DEVICES_GO_ON);
	EXPECT_EQ(devices_read(&d, 0xd0002000, 4), 0xffffffffULL);
	EXPECT_EQ(d.end, DEVICES_STRICT);
	start_pc();
	devices_write(&d, 0xd0000ffc, 8, 0);	/* across the end of a slot */
	EXPECT_EQ(d.end, DEVICES_STRICT);
	start_pc();
	EXPECT_EQ(devices_read(&d, IOAPIC_BASE + IOAPIC_SIZE - 4, 8), ~0ULL);
	EXPECT_EQ(d.end, DEVICES_STRICT);
}

TEST(power)
{
	static const struct {
		uint16_t port;
		uint8_t value;
		enum devices_end end;
	} cases[] = {
		{ PM_SLEEP_CONTROL, 5 << 2, DEVICES_GO_ON },		/* not enabled */
		{ PM_SLEEP_CONTROL, 3 << 2 | 0x20, DEVICES_GO_ON },	/* no such state */
		{ PM_SLEEP_CONTROL, 5 << 2 | 0x20, DEVICES_POWEROFF },
		{ PM_SLEEP_STATUS, 0x80, DEVICES_GO_ON },
		{ PM_RESET, 0, DEVICES_GO_ON },
		{ PM_RESET, PM_RESET_VALUE, DEVICES_RESET },
		{ 0x92, 0x02, DEVICES_GO_ON },
		{ 0x92, 0x01, DEVICES_RESET },
		{ 0x64, 0xfe, DEVICES_RESET },
		{ 0x64, 0x20, DEVICES_GO_ON },
		{ 0xcf9, 0x06, DEVICES_RESET },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		start_pc();
		devices_out(&d, cases[i].port, 1, cases[i].value);
		EXPECT(d.end == cases[i].end, "row %u: %u", i, d.end);
	}
	start_pc();
	EXPECT_EQ(devices_in(&d, PM_SLEEP_STATUS, 1), 0U);
	EXPECT_EQ(devices_in(&d, 0x92, 1), 2U);
	EXPECT_EQ(devices_in(&d, 0x64, 1), 0xffU);	/* no keyboard controller */
}

TEST(firmware_facts)
{
	static const struct {
		uint16_t key;
		unsigned int len;
		uint64_t value;
	} cases[] = {
		{ 0x0000, 4, 0x554d4551 },
		{ 0x0001, 4, 1 },
		{ 0x0003, 8, 0x200000000 },
		{ 0x0005, 2, 3 },
		{ 0x000f, 2, 3 },
		{ 0x0019, 4, 0 },
		{ 0x0119, 4, 0 },
		{ 0x1234, 4, 0 },
	};
	unsigned int i, n, again;
	uint64_t value;

	start_pc();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (again = 0; again < 2; again++) {
			devices_out(&d, 0x510, 2, cases[i].key);
			value = 0;
			for (n = 0; n < cases[i].len; n++)
				value |= (uint64_t)devices_in(&d, 0x511, 1) << 8 * n;
			EXPECT(value == cases[i].value, "key %#x: %#llx", cases[i].key,
			       (unsigned long long)value);
		}
		EXPECT_EQ(devices_in(&d, 0x511, 1), 0U);
	}
}

TEST(no_timer_no_pc)
{
	const struct devices_options opt = {
		.pc = true, .chardev = &chardev, .ram = &pc_ram, .irq = &pc_irq, .nr_cpus = 1,
	};

	for (pc_timers_max = 0; pc_timers_max < 2; pc_timers_max++) {
		pc_reset();
		EXPECT_EQ(devices_init(&d, &opt), -ENOSPC);
	}
	pc_timers_max = PC_TIMERS;
}
