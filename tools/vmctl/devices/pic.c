// SPDX-License-Identifier: GPL-2.0-only
/* The two 8259 interrupt controllers of a PC. */
#include "device.h"

#define MASTER		0
#define SLAVE		1
#define CASCADE		2	/* the slave's input of the master */
#define SPURIOUS	7

/* Command port: which word it is */
#define IS_ICW1		0x10
#define IS_OCW3		0x08
#define ICW1_ICW4	0x01
#define ICW1_SINGLE	0x02
#define ICW4_AUTO_EOI	0x02
#define ICW4_NESTED	0x10
#define OCW3_SPECIAL	0x40	/* the next bit counts */
#define OCW3_SPECIAL_ON	0x20
#define OCW3_POLL	0x04
#define OCW3_READ	0x02	/* bit 0 counts: ISR or IRR */
#define POLL_PENDING	0x80

/* OCW2, by its upper three bits; @level is in the lower three */
#define OCW2_EOI	1
#define OCW2_EOI_LEVEL	3
#define OCW2_ROT_AEOI	4
#define OCW2_ROT_EOI	5
#define OCW2_PRIORITY	6
#define OCW2_ROT_LEVEL	7

/* Inputs that are edge triggered on every PC: timer, keyboard, cascade; clock, coprocessor */
static const uint8_t elcr_writable[2] = { 0xf8, 0xde };

/* As firmware leaves them: all is masked, so that who does not know of them is not disturbed. */
void pic_init(struct devices *d)
{
	d->pics = (struct pics){
		.chip = {
			[MASTER] = { .base = 0x08, .imr = 0xff },
			[SLAVE] = { .base = 0x70, .imr = 0xff },
		},
	};
}

/* Rank of the first of @inputs in order of priority, 8 if there is none. */
static unsigned int pic_rank(const struct pic *p, uint8_t inputs)
{
	unsigned int rank;

	for (rank = 0; rank < 8; rank++)
		if (inputs & 1 << (p->first + rank) % 8)
			break;
	return rank;
}

static unsigned int pic_input(const struct pic *p, unsigned int rank)
{
	return (p->first + rank) % 8;
}

/* Rank of the request that would be served now, 8 if none. */
static unsigned int pic_pending(const struct pics *pics, unsigned int chip)
{
	const struct pic *p = &pics->chip[chip];
	uint8_t blocking = p->isr;
	unsigned int rank = pic_rank(p, p->irr & ~p->imr);

	if (p->special_mask)
		blocking &= ~p->imr;
	/* A slave that is being served may interrupt itself with something more urgent. */
	if (p->nested && chip == MASTER)
		blocking &= ~(1 << CASCADE);
	return rank < pic_rank(p, blocking) ? rank : 8;
}

static void pic_line(struct pic *p, unsigned int input, bool level)
{
	uint8_t bit = 1 << input;

	if (p->elcr & bit)
		p->irr = level ? p->irr | bit : p->irr & ~bit;
	else if (level && !(p->lines & bit))
		p->irr |= bit;
	p->lines = level ? p->lines | bit : p->lines & ~bit;
}

/* The slave's output is the master's input, whose own goes to the CPU. */
static void pic_update(struct devices *d)
{
	struct pics *pics = &d->pics;
	bool slave = pic_pending(pics, SLAVE) < 8, raised;

	pic_line(&pics->chip[MASTER], CASCADE, slave);
	/* What the slave has withdrawn is no request any more. */
	if (!slave)
		pics->chip[MASTER].irr &= ~(1 << CASCADE);
	raised = pic_pending(pics, MASTER) < 8;
	if (raised == pics->raised)
		return;
	pics->raised = raised;
	d->irq->extint(d->irq->ctx, raised);
}

void pic_set(struct devices *d, unsigned int irq, bool level)
{
	pic_line(&d->pics.chip[irq / 8], irq % 8, level);
	pic_update(d);
}

/* Begin to serve the most urgent request; its input, -1 if there is none. */
static int pic_take(struct pics *pics, unsigned int chip)
{
	struct pic *p = &pics->chip[chip];
	unsigned int rank = pic_pending(pics, chip), input;

	if (rank == 8)
		return -1;
	input = pic_input(p, rank);
	/* A level goes on to ask. */
	if (!(p->elcr & 1 << input))
		p->irr &= ~(1 << input);
	if (!p->auto_eoi)
		p->isr |= 1 << input;
	else if (p->rotate_aeoi)
		p->first = (input + 1) % 8;
	return input;
}

uint8_t pic_acknowledge(struct devices *d)
{
	struct pics *pics = &d->pics;
	int input = pic_take(pics, MASTER), from = MASTER;

	if (input == CASCADE) {
		from = SLAVE;
		input = pic_take(pics, SLAVE);
		/* An edge that another of the slave's inputs can make again. */
		pics->chip[MASTER].lines &= ~(1 << CASCADE);
	}
	pic_update(d);
	return pics->chip[from].base + (input < 0 ? SPURIOUS : input);
}

static void pic_end(struct pic *p, unsigned int input, bool rotate)
{
	p->isr &= ~(1 << input);
	if (rotate)
		p->first = (input + 1) % 8;
}

static void pic_ocw2(struct pic *p, uint8_t value)
{
	unsigned int command = value >> 5, level = value & 7, rank;

	switch (command) {
	case OCW2_EOI:
	case OCW2_ROT_EOI:
		/* In special mask mode a masked interrupt is not the one that ends. */
		rank = pic_rank(p, p->special_mask ? p->isr & ~p->imr : p->isr);
		if (rank < 8)
			pic_end(p, pic_input(p, rank), command == OCW2_ROT_EOI);
		break;
	case OCW2_EOI_LEVEL:
	case OCW2_ROT_LEVEL:
		pic_end(p, level, command == OCW2_ROT_LEVEL);
		break;
	case OCW2_PRIORITY:
		p->first = (level + 1) % 8;
		break;
	default:	/* rotation at automatic EOIs: set or clear */
		if (!(command & 3))
			p->rotate_aeoi = command == OCW2_ROT_AEOI;
		break;
	}
}

static void pic_ocw3(struct pic *p, uint8_t value)
{
	if (value & OCW3_SPECIAL)
		p->special_mask = value & OCW3_SPECIAL_ON;
	if (value & OCW3_POLL)
		p->poll = true;
	if (value & OCW3_READ)
		p->read_isr = value & 1;
}

/* Edges must be made anew; levels ask on. */
static void pic_icw1(struct pic *p, uint8_t value)
{
	*p = (struct pic){
		.lines = p->lines,
		.irr = p->lines & p->elcr,
		.elcr = p->elcr,
		.base = p->base,
		.next_icw = 2,
		.single = value & ICW1_SINGLE,
		.icw4_comes = value & ICW1_ICW4,
	};
}

static void pic_icw(struct pic *p, uint8_t value)
{
	uint8_t after_icw3 = p->icw4_comes ? 4 : 0;

	switch (p->next_icw) {
	case 2:
		p->base = value & 0xf8;
		p->next_icw = p->single ? after_icw3 : 3;
		break;
	case 3:		/* how they are wired is known */
		p->next_icw = after_icw3;
		break;
	default:
		p->auto_eoi = value & ICW4_AUTO_EOI;
		p->nested = value & ICW4_NESTED;
		p->next_icw = 0;
		break;
	}
}

static void pic_out(struct devices *d, unsigned int chip, unsigned int reg, uint8_t value)
{
	struct pic *p = &d->pics.chip[chip];

	if (reg) {
		if (p->next_icw)
			pic_icw(p, value);
		else
			p->imr = value;
	} else if (value & IS_ICW1) {
		pic_icw1(p, value);
	} else if (value & IS_OCW3) {
		pic_ocw3(p, value);
	} else {
		pic_ocw2(p, value);
	}
	pic_update(d);
}

static uint8_t pic_in(struct devices *d, unsigned int chip, unsigned int reg)
{
	struct pic *p = &d->pics.chip[chip];
	int input;

	if (p->poll) {
		p->poll = false;
		input = pic_take(&d->pics, chip);
		pic_update(d);
		return input < 0 ? 0 : POLL_PENDING | input;
	}
	if (reg)
		return p->imr;
	return p->read_isr ? p->isr : p->irr;
}

uint8_t pic_master_in(struct devices *d, unsigned int reg)
{
	return pic_in(d, MASTER, reg);
}

void pic_master_out(struct devices *d, unsigned int reg, uint8_t value)
{
	pic_out(d, MASTER, reg, value);
}

uint8_t pic_slave_in(struct devices *d, unsigned int reg)
{
	return pic_in(d, SLAVE, reg);
}

void pic_slave_out(struct devices *d, unsigned int reg, uint8_t value)
{
	pic_out(d, SLAVE, reg, value);
}

uint8_t elcr_in(struct devices *d, unsigned int reg)
{
	return d->pics.chip[reg].elcr;
}

void elcr_out(struct devices *d, unsigned int reg, uint8_t value)
{
	struct pic *p = &d->pics.chip[reg];
	uint8_t levels = value & elcr_writable[reg];

	/* An input that becomes a level asks while it is asserted, and not for an old edge. */
	p->irr = (p->irr & ~(levels | p->elcr)) | (p->lines & levels);
	p->elcr = levels;
	pic_update(d);
}
