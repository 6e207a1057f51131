// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guests of kvm-unit-tests know as QEMU's pc-testdev: four ports that keep
 * what is written, a page of memory that is taken away and given back, interrupt lines,
 * and a piece of memory all of whose accesses come to us.
 */
#include <string.h>
#include <sys/mman.h>

#include "../ram.h"
#include "device.h"

#define TESTDEV_DATA		0	/* offsets from the first port */
#define TESTDEV_FLUSH		4

#define TESTDEV_PAGE		4096ULL

#define TESTDEV_PIC_INPUT	3	/* of the slave: the interrupt line 11 */
#define TESTDEV_PIC_CASCADE	2

/* The guest in real mode knows nothing of PICs, and expects this line's interrupt at 0x73. */
void testdev_init(struct devices *d)
{
	d->pics.chip[0].imr &= ~(1 << TESTDEV_PIC_CASCADE);
	d->pics.chip[1].imr &= ~(1 << TESTDEV_PIC_INPUT);
}

uint8_t testdev_in(struct devices *d, unsigned int reg)
{
	return reg < TESTDEV_FLUSH ? d->testdev.data[reg - TESTDEV_DATA] : 0;
}

/* The guest loses the page and finds it again: next time the host has to look for it. */
static void testdev_flush(struct devices *d, uint32_t gpa)
{
	uint8_t *host = ram_host(d->ram, gpa & -TESTDEV_PAGE, TESTDEV_PAGE);

	if (host && !mprotect(host, TESTDEV_PAGE, PROT_NONE))
		mprotect(host, TESTDEV_PAGE, PROT_READ | PROT_WRITE);
}

void testdev_out(struct devices *d, unsigned int reg, uint8_t value)
{
	uint32_t gpa;

	if (reg < TESTDEV_FLUSH) {
		d->testdev.data[reg - TESTDEV_DATA] = value;
		return;
	}
	/* The address is complete with its highest byte. */
	d->testdev.flush[reg - TESTDEV_FLUSH] = value;
	if (reg != TESTDEV_FLUSH + sizeof(d->testdev.flush) - 1)
		return;
	memcpy(&gpa, d->testdev.flush, sizeof(gpa));
	testdev_flush(d, gpa);
}

/* One port for each line; of a wide write the first byte counts. */
void testdev_irq_out(struct devices *d, unsigned int reg, uint8_t value)
{
	irq_set(d, reg, value);
}

uint64_t testdev_read(struct devices *d, uint64_t offset, unsigned int len)
{
	uint64_t value = 0;

	memcpy(&value, d->testdev.memory + offset, len);
	return value;
}

void testdev_write(struct devices *d, uint64_t offset, unsigned int len, uint64_t value)
{
	memcpy(d->testdev.memory + offset, &value, len);
}
