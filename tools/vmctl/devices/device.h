/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices: each is one file, and a row of a table in bus.c. They know nothing of
 * vCPUs: they are given bytes, raise interrupt lines, and may say that the machine
 * ends. All of their functions are called with the devices' one lock held, which is
 * the caller's: around the accesses of a vCPU, and in the event loop's callbacks.
 */
#ifndef VMCTL_DEVICE_H
#define VMCTL_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "chardev.h"
#include "fwcfg.h"
#include "ioapic.h"
#include "pic.h"
#include "pit.h"
#include "rtc.h"
#include "testdev.h"
#include "uart.h"
#include "virtio.h"

struct loop;
struct ram;

/* Interrupts of devices that are always there: pins of the IOAPIC. */
#define GSI_TIMER	2
#define GSI_SERIAL	4
#define GSI_RTC		8

/* Power: ports of pm.c, which the ACPI tables name. */
#define PM_SLEEP_CONTROL	0x600
#define PM_SLEEP_STATUS		0x601
#define PM_RESET		0x602
#define PM_RESET_VALUE		1
#define PM_SLEEP_TYPE_S5	5

enum devices_end {
	DEVICES_GO_ON,
	DEVICES_EXIT,		/* a write to the debug-exit port: @exit_value */
	DEVICES_RESET,		/* @what asked for a reset */
	DEVICES_STRICT,		/* an access to no device, in words in @what */
	DEVICES_POWEROFF,	/* the guest has put itself to sleep for good */
};

/**
 * struct irq_ops - where interrupts go to
 * @msi: a message to the local APICs; returns how many took it, or -errno
 * @extint: the 8259s' output, to vCPU 0, has changed; see pic_acknowledge()
 * @ctx: passed to both
 */
struct irq_ops {
	int (*msi)(void *ctx, uint64_t address, uint32_t data);
	void (*extint)(void *ctx, bool raised);
	void *ctx;
};

/**
 * struct devices_options - what the devices are built from; all of it outlives them
 * @pc: a whole PC; otherwise a few ports without interrupts, and all below is unused
 * @strict: an access that no device claims ends the machine
 * @chardev: of the consoles, in both kinds of machine
 * @ram: guest memory
 * @loop: of the timers
 * @irq: where interrupts go to
 * @nr_cpus: vCPUs there are
 * @testdev: with the test device of kvm-unit-tests
 * @fwlog: what firmware tells goes there; NULL: it is not asked to
 */
struct devices_options {
	bool pc;
	bool strict;
	const struct chardev *chardev;
	struct ram *ram;
	struct loop *loop;
	const struct irq_ops *irq;
	unsigned int nr_cpus;
	bool testdev;
	FILE *fwlog;
};

/**
 * struct devices - all devices of a machine
 * @pc, @strict, @chardev, @ram, @loop, @irq, @nr_cpus, @fwlog: as in struct devices_options
 * @end: has the machine ended, and how? The first reason stays.
 * @exit_value: of DEVICES_EXIT
 * @what: which device, or which access
 * @virtio: none until virtio_add()
 * @port_a: port 0x92
 * @port_row: by port: 0 for none, or 1 + the row of bus.c's table
 */
/**
 * struct nowhere - accesses to what is not there
 * @count: how many
 * @first: the first, in words
 * @pc_has: a device that one of them would have met in a PC; NULL: none
 */
struct nowhere {
	uint64_t count;
	char first[80];
	const char *pc_has;
};

struct devices {
	bool pc;
	bool strict;
	enum devices_end end;
	uint8_t exit_value;
	char what[96];
	struct nowhere nowhere;
	const struct chardev *chardev;
	struct ram *ram;
	struct loop *loop;
	const struct irq_ops *irq;
	unsigned int nr_cpus;
	FILE *fwlog;
	struct uart uart;
	struct ioapic ioapic;
	struct pics pics;
	struct pit pit;
	struct rtc rtc;
	struct testdev testdev;
	struct virtio_bus virtio;
	struct fwcfg fwcfg;
	uint8_t port_a;
	uint8_t port_row[1 << 16];
};

/* ---- for the machine ------------------------------------------------------ */

/** devices_init - 0, or -errno if a timer cannot be had; the loop owns the timers */
int devices_init(struct devices *d, const struct devices_options *opt);

/* An access of 1, 2 or 4 bytes: each byte goes to the device of its own port. */
uint32_t devices_in(struct devices *d, uint16_t port, unsigned int len);
void devices_out(struct devices *d, uint16_t port, unsigned int len, uint32_t value);

/* Memory that is no RAM, 1, 2, 4 or 8 bytes. */
uint64_t devices_read(struct devices *d, uint64_t gpa, unsigned int len);
void devices_write(struct devices *d, uint64_t gpa, unsigned int len, uint64_t value);

/** devices_no_apic - the guest has tried the local APIC of a machine without */
void devices_no_apic(struct devices *d);

/**
 * fwcfg_add_file - give firmware a file, which is copied
 * Returns 0, -ENOSPC if there are too many or the name is too long, or -ENOMEM.
 */
int fwcfg_add_file(struct devices *d, const char *name, const void *data, uint32_t size);
void fwcfg_destroy(struct devices *d);

/** devices_eoi - a local APIC is done with a level-triggered interrupt */
void devices_eoi(struct devices *d, uint8_t vector);

/** devices_input - the chardev has characters, for a virtio console or the serial port */
void devices_input(struct devices *d);

/**
 * pic_acknowledge - the vCPU takes the interrupt of irq_ops.extint
 * Returns the vector: the spurious one if the line fell in the meantime.
 */
uint8_t pic_acknowledge(struct devices *d);

/* ---- for devices ---------------------------------------------------------- */

/** devices_end - end the machine, unless it has ended already */
void __attribute__((format(printf, 3, 4)))
devices_end(struct devices *d, enum devices_end end, const char *what, ...);

/**
 * irq_set - an interrupt line changes
 * @gsi: 0 .. 23, the IOAPIC's pin; the same as the ISA interrupt below 16, but for the
 *	timer, which is 2 there
 * @level: asserted; an edge-triggered pin sees a change to true
 *
 * Under the devices' lock, as all of the devices' functions. Who shares a line sets
 * it to what all of its users together ask for. Nothing happens without a PC.
 */
void irq_set(struct devices *d, unsigned int gsi, bool level);

/* The parts that have something to set up. */
void uart_init(struct devices *d);
void ioapic_init(struct devices *d);
void pic_init(struct devices *d);
void testdev_init(struct devices *d);
int pit_init(struct devices *d);
int rtc_init(struct devices *d);

/** serial_input - take from the chardev what there is room for */
void serial_input(struct devices *d);

/* Interrupt controllers: a line, and the end of an interrupt. */
void pic_set(struct devices *d, unsigned int irq, bool level);
void ioapic_set(struct devices *d, unsigned int pin, bool level);
void ioapic_eoi(struct devices *d, uint8_t vector);

/* The rows' handlers, called with the offset from their first port or address. */
uint8_t serial_in(struct devices *d, unsigned int reg);
void serial_out(struct devices *d, unsigned int reg, uint8_t value);
uint8_t debugcon_in(struct devices *d, unsigned int reg);
void debugcon_out(struct devices *d, unsigned int reg, uint8_t value);
void debugexit_out(struct devices *d, unsigned int reg, uint8_t value);
uint8_t keyboard_in(struct devices *d, unsigned int reg);
void keyboard_out(struct devices *d, unsigned int reg, uint8_t value);
void resetctl_out(struct devices *d, unsigned int reg, uint8_t value);
uint8_t port_a_in(struct devices *d, unsigned int reg);
void port_a_out(struct devices *d, unsigned int reg, uint8_t value);
uint8_t pic_master_in(struct devices *d, unsigned int reg);
void pic_master_out(struct devices *d, unsigned int reg, uint8_t value);
uint8_t pic_slave_in(struct devices *d, unsigned int reg);
void pic_slave_out(struct devices *d, unsigned int reg, uint8_t value);
uint8_t elcr_in(struct devices *d, unsigned int reg);
void elcr_out(struct devices *d, unsigned int reg, uint8_t value);
uint8_t pit_in(struct devices *d, unsigned int reg);
void pit_out(struct devices *d, unsigned int reg, uint8_t value);
uint8_t port_b_in(struct devices *d, unsigned int reg);
void port_b_out(struct devices *d, unsigned int reg, uint8_t value);
uint8_t rtc_in(struct devices *d, unsigned int reg);
void rtc_out(struct devices *d, unsigned int reg, uint8_t value);
uint8_t fwcfg_in(struct devices *d, unsigned int reg);
void fwcfg_out(struct devices *d, unsigned int reg, uint8_t value);
uint8_t fwlog_in(struct devices *d, unsigned int reg);
void fwlog_out(struct devices *d, unsigned int reg, uint8_t value);
uint8_t pm_in(struct devices *d, unsigned int reg);
void pm_out(struct devices *d, unsigned int reg, uint8_t value);
uint8_t testdev_in(struct devices *d, unsigned int reg);
void testdev_out(struct devices *d, unsigned int reg, uint8_t value);
void testdev_irq_out(struct devices *d, unsigned int reg, uint8_t value);
uint64_t testdev_read(struct devices *d, uint64_t offset, unsigned int len);
void testdev_write(struct devices *d, uint64_t offset, unsigned int len, uint64_t value);
uint64_t ioapic_read(struct devices *d, uint64_t offset, unsigned int len);
void ioapic_write(struct devices *d, uint64_t offset, unsigned int len, uint64_t value);

#endif
