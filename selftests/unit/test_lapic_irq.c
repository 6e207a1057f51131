// SPDX-License-Identifier: GPL-2.0-only
/* A local APIC's interrupts: posting, priorities, EOI, errors. */
#include <pthread.h>
#include <sched.h>
#include "unit.h"
#include "lapic_fixture.h"

/* Who is the first since the owner looked has to wake it; others need not, taken or not. */
TEST(who_wakes)
{
	bool first;

	setup_xapic(ID);
	EXPECT_TRUE(lapic_post(&a, 0x40, false, &first));
	EXPECT_TRUE(first);
	EXPECT_TRUE(lapic_post(&a, 0x50, false, &first));
	EXPECT_FALSE(first);
	EXPECT_TRUE(lapic_post(&a, 0x40, false, &first));
	EXPECT_FALSE(first);
	EXPECT_TRUE(lapic_sync(&a));
	EXPECT_TRUE(irr(0x40) && irr(0x50));
	EXPECT_FALSE(lapic_post(&a, 3, false, &first));
	EXPECT_TRUE(first);
	lapic_drop_posted(&a);
	lapic_write(&a, APIC_SPIV, 0xff, 0);
	EXPECT_FALSE(lapic_post(&a, 0x40, false, &first));
	EXPECT_FALSE(first);
}

TEST(post_and_sync)
{
	static const u8 vectors[] = { 16, 31, 32, 63, 64, 127, 128, 191, 192, 255 };
	unsigned int i, v;

	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		setup_xapic(ID);
		EXPECT_FALSE(lapic_sync(&a));
		EXPECT_TRUE(post(&a, vectors[i], false));
		EXPECT_TRUE(lapic_has_posted(&a));
		EXPECT_EQ(lapic_highest_irr(&a), -1);
		EXPECT_TRUE(lapic_sync(&a));
		EXPECT_FALSE(lapic_has_posted(&a));
		for (v = 0; v < 256; v++)
			EXPECT_EQ(irr(v), v == vectors[i]);
		EXPECT_EQ(lapic_highest_irr(&a), vectors[i]);
		EXPECT_FALSE(tmr(vectors[i]));
		/* Once more: nothing new. */
		EXPECT_TRUE(post(&a, vectors[i], false));
		EXPECT_FALSE(lapic_sync(&a));
		/* As a level, then again as an edge: TMR changes. */
		EXPECT_TRUE(post(&a, vectors[i], true));
		EXPECT_TRUE(lapic_sync(&a));
		EXPECT_TRUE(tmr(vectors[i]));
		EXPECT_TRUE(post(&a, vectors[i], false));
		EXPECT_TRUE(lapic_sync(&a));
		EXPECT_FALSE(tmr(vectors[i]));
	}
	setup_x2apic(ID);
	for (v = 16; v < 256; v++)
		EXPECT_TRUE(post(&a, v, v % 3 == 0));
	EXPECT_TRUE(lapic_sync(&a));
	for (v = 0; v < 256; v++) {
		EXPECT_EQ(irr(v), v >= 16);
		EXPECT_EQ(tmr(v), v >= 16 && v % 3 == 0);
	}
}

/* All of TPR against all pairs of classes. */
TEST(priorities)
{
	int tpr, isr_class, irr_class;

	setup_xapic(ID);
	for (tpr = 0; tpr < 256; tpr++) {
		EXPECT_EQ(wr(APIC_TASKPRI, tpr), LAPIC_UPDATE);
		for (isr_class = 0; isr_class < 16; isr_class++) {
			int in_service = isr_class ? isr_class * 16 + 7 : -1;
			u32 ppr = tpr / 16 >= isr_class ? tpr : isr_class * 16;

			memset(&page[APIC_ISR], 0, 0x80);
			if (isr_class)
				set(&a, APIC_ISR, in_service);
			EXPECT_EQ(lapic_highest_isr(&a), in_service);
			EXPECT_EQ(rd(APIC_PROCPRI), ppr);
			for (irr_class = 0; irr_class < 16; irr_class++) {
				int vector = irr_class ? irr_class * 16 + irr_class : -1;
				int want = irr_class > max(tpr / 16, isr_class) ? vector : -1;

				memset(&page[APIC_IRR], 0, 0x80);
				if (irr_class)
					set(&a, APIC_IRR, vector);
				EXPECT_EQ(lapic_highest_irr(&a), vector);
				EXPECT_EQ(lapic_deliverable(&a), want);
				EXPECT_EQ(lapic_wakes(&a), want >= 0);
			}
		}
	}
}

TEST(ppr_in_the_page)
{
	setup_xapic(ID);
	wr(APIC_TASKPRI, 0x31);
	EXPECT_EQ(lapic_reg(&a, APIC_PROCPRI), 0x31);
	take(0x45, false);
	lapic_acknowledge(&a, 0x45);
	EXPECT_EQ(lapic_reg(&a, APIC_PROCPRI), 0x40);
	EXPECT_EQ(wr(APIC_TASKPRI, 0x4f), LAPIC_UPDATE);
	EXPECT_EQ(lapic_reg(&a, APIC_PROCPRI), 0x4f);
	EXPECT_EQ(written(APIC_TASKPRI, 0xffffff12), LAPIC_UPDATE);
	EXPECT_EQ(lapic_reg(&a, APIC_TASKPRI), 0x12);
	EXPECT_EQ(lapic_reg(&a, APIC_PROCPRI), 0x40);
	EXPECT_EQ(wr(APIC_EOI, 0), LAPIC_UPDATE);
	EXPECT_EQ(lapic_reg(&a, APIC_PROCPRI), 0x12);
}

TEST(wakes)
{
	setup_xapic(ID);
	EXPECT_FALSE(lapic_wakes(&a));
	EXPECT_TRUE(post(&a, 0x35, false));
	EXPECT_TRUE(lapic_wakes(&a));
	EXPECT_EQ(lapic_deliverable(&a), -1);
	EXPECT_TRUE(lapic_has_posted(&a));
	wr(APIC_TASKPRI, 0x30);
	EXPECT_FALSE(lapic_wakes(&a));
	EXPECT_TRUE(post(&a, 0x40, false));
	EXPECT_TRUE(lapic_wakes(&a));
	lapic_sync(&a);
	EXPECT_TRUE(lapic_wakes(&a));
	lapic_acknowledge(&a, 0x40);
	EXPECT_FALSE(lapic_wakes(&a));
	EXPECT_TRUE(post(&a, 0x4f, false));
	EXPECT_FALSE(lapic_wakes(&a));
	EXPECT_TRUE(post(&a, 0xff, true));
	EXPECT_TRUE(lapic_wakes(&a));
	/* Illegal vectors are errors and wake nobody. */
	setup_xapic(ID);
	EXPECT_FALSE(post(&a, 15, false));
	EXPECT_FALSE(lapic_wakes(&a));
	EXPECT_TRUE(post(&a, 16, false));
	EXPECT_TRUE(lapic_wakes(&a));
	/* Nor does one that is off. */
	setup_xapic(ID);
	take(0x55, false);
	EXPECT_EQ(lapic_deliverable(&a), 0x55);
	a.base = OFF;
	EXPECT_EQ(lapic_deliverable(&a), -1);
	EXPECT_FALSE(lapic_wakes(&a));
}

TEST(acknowledge_and_eoi)
{
	unsigned int x2;

	for (x2 = 0; x2 < 2; x2++) {
		setup_xapic(ID);
		if (x2)
			EXPECT_TRUE(wrmsr(MSR_IA32_APICBASE, X2APIC) > 0);
#define EOI()	(x2 ? wrmsr(MSR(APIC_EOI), 0) : wr(APIC_EOI, 0xffff))
		EXPECT_EQ(EOI(), LAPIC_NOTHING);
		take(0x31, false);
		take(0x52, true);
		take(0x51, false);
		EXPECT_EQ(lapic_deliverable(&a), 0x52);
		lapic_acknowledge(&a, 0x52);
		EXPECT_TRUE(isr(0x52) && !irr(0x52) && tmr(0x52));
		EXPECT_EQ(lapic_deliverable(&a), -1);	/* the same class */
		take(0x61, false);
		EXPECT_EQ(lapic_deliverable(&a), 0x61);
		lapic_acknowledge(&a, 0x61);
		EXPECT_EQ(EOI(), LAPIC_UPDATE);
		EXPECT_FALSE(isr(0x61));
		EXPECT_TRUE(isr(0x52));
		a.eoi_vector = 0;
		EXPECT_EQ(EOI(), LAPIC_UPDATE | LAPIC_EOI);
		EXPECT_EQ(a.eoi_vector, 0x52);
		EXPECT_EQ(lapic_highest_isr(&a), -1);
		EXPECT_EQ(lapic_deliverable(&a), 0x51);
		EXPECT_EQ(lapic_reg(&a, APIC_EOI), 0);
	}
	EXPECT_EQ(written(APIC_EOI, 0), LAPIC_NOTHING);
	lapic_acknowledge(&a, 0x51);
	EXPECT_EQ(written(APIC_EOI, 0), LAPIC_UPDATE);
}

TEST(eoi_exits)
{
	u64 bitmap[4];
	unsigned int v;

	setup_xapic(ID);
	lapic_eoi_exits(&a, bitmap);
	EXPECT_EQ(bitmap[0] | bitmap[1] | bitmap[2] | bitmap[3], 0);
	for (v = 16; v < 256; v++)
		take(v, v % 5 == 0);
	lapic_eoi_exits(&a, bitmap);
	for (v = 0; v < 256; v++)
		EXPECT_EQ(bitmap[v / 64] >> v % 64 & 1, v >= 16 && v % 5 == 0);
}

TEST(self_ipi)
{
	setup_x2apic(ID);
	take(0x44, true);
	lapic_acknowledge(&a, 0x44);
	EXPECT_EQ(wrmsr(MSR(APIC_SELF_IPI), 0x44), LAPIC_CAME);
	EXPECT_TRUE(irr(0x44));
	EXPECT_FALSE(tmr(0x44));
	EXPECT_EQ(lapic_reg(&a, APIC_SELF_IPI), 0);
	EXPECT_EQ(wrmsr(MSR(APIC_SELF_IPI), 0x10), LAPIC_CAME);
	EXPECT_EQ(wrmsr(MSR(APIC_SELF_IPI), 0x0f), LAPIC_NOTHING);
	EXPECT_EQ(lapic_highest_irr(&a), 0x44);
	EXPECT_FALSE(irr(0x0f));
	EXPECT_EQ(latched(), APIC_ESR_SENDILL);
	/* SDM: an illegal one is what the CPU leaves to us. */
	EXPECT_EQ(written(APIC_SELF_IPI, 0x0a), LAPIC_NOTHING);
	EXPECT_EQ(latched(), APIC_ESR_SENDILL);
}

/* ---- errors ---- */

TEST(illegal_vectors_received)
{
	unsigned int v;

	for (v = 0; v < 16; v++) {
		setup_xapic(ID);
		EXPECT_FALSE(post(&a, v, v & 1));
		EXPECT_TRUE(lapic_has_posted(&a));
		EXPECT_FALSE(lapic_sync(&a));
		EXPECT_EQ(lapic_highest_irr(&a), -1);
		EXPECT_FALSE(tmr(v));
		EXPECT_EQ(rd(APIC_ESR), 0);
		EXPECT_EQ(latched(), APIC_ESR_RECVILL);
		EXPECT_EQ(latched(), 0);
	}
	/* With good ones beside it, and with somebody to tell. */
	setup_xapic(ID);
	wr(APIC_LVTERR, 0xe5);
	EXPECT_FALSE(post(&a, 0, false));
	EXPECT_TRUE(post(&a, 0x30, true));
	EXPECT_TRUE(lapic_sync(&a));
	EXPECT_TRUE(irr(0x30) && tmr(0x30) && irr(0xe5));
}

TEST(illegal_vectors_sent)
{
	unsigned int v, delivery, x2;

	for (x2 = 0; x2 < 2; x2++) {
		for (v = 0; v < 256; v++) {
			for (delivery = 0; delivery < 8; delivery++) {
				u32 icr = delivery << 8 | v;
				bool bad = v < 16 && delivery < 2;
				bool none = delivery == 3 || delivery == 7;
				int did;

				if (x2)
					setup_x2apic(ID);
				else
					setup_xapic(ID);
				did = x2 ? wrmsr(MSR(APIC_ICR), icr) : wr(APIC_ICR, icr);
				EXPECT_EQ(did, bad || none ? LAPIC_NOTHING : LAPIC_IPI);
				EXPECT_EQ(latched(), bad ? APIC_ESR_SENDILL : 0);
			}
		}
	}
}

TEST(error_interrupt)
{
	setup_xapic(ID);
	wr(APIC_LVTERR, 0xfe);
	EXPECT_EQ(wr(APIC_ICR, 3), LAPIC_CAME);
	EXPECT_TRUE(irr(0xfe));
	lapic_acknowledge(&a, 0xfe);
	/* The same error tells no more until ESR is written; another one does. */
	EXPECT_EQ(wr(APIC_ICR, 3), LAPIC_NOTHING);
	EXPECT_FALSE(irr(0xfe));
	EXPECT_FALSE(post(&a, 9, false));
	EXPECT_TRUE(lapic_sync(&a));
	EXPECT_TRUE(irr(0xfe));
	lapic_acknowledge(&a, 0xfe);
	EXPECT_EQ(latched(), APIC_ESR_SENDILL | APIC_ESR_RECVILL);
	EXPECT_EQ(wr(APIC_ICR, 3), LAPIC_CAME);
	EXPECT_TRUE(irr(0xfe));
	/* Masked. */
	setup_xapic(ID);
	wr(APIC_LVTERR, 0xfe | APIC_LVT_MASKED);
	EXPECT_EQ(wr(APIC_ICR, 3), LAPIC_NOTHING);
	EXPECT_EQ(lapic_highest_irr(&a), -1);
	/* Itself with an illegal vector. */
	setup_xapic(ID);
	wr(APIC_LVTERR, 0x0e);
	EXPECT_EQ(wr(APIC_ICR, 3), LAPIC_NOTHING);
	EXPECT_EQ(lapic_highest_irr(&a), -1);
	EXPECT_EQ(latched(), APIC_ESR_SENDILL | APIC_ESR_RECVILL);
}

TEST(esr_write_latches)
{
	setup_x2apic(ID);
	wrmsr(MSR(APIC_ICR), 1);
	EXPECT_EQ(rdmsr(MSR(APIC_ESR)), 0);
	EXPECT_EQ(wrmsr(MSR(APIC_ESR), 1), -EINVAL);
	EXPECT_EQ(rdmsr(MSR(APIC_ESR)), 0);
	EXPECT_EQ(wrmsr(MSR(APIC_ESR), 0), LAPIC_NOTHING);
	EXPECT_EQ(rdmsr(MSR(APIC_ESR)), APIC_ESR_SENDILL);
	EXPECT_EQ(rdmsr(MSR(APIC_ESR)), APIC_ESR_SENDILL);
	EXPECT_EQ(wrmsr(MSR(APIC_ESR), 0), LAPIC_NOTHING);
	EXPECT_EQ(rdmsr(MSR(APIC_ESR)), 0);
	setup_xapic(ID);
	wr(APIC_ICR, 1);
	EXPECT_EQ(written(APIC_ESR, 0x1234), LAPIC_NOTHING);
	EXPECT_EQ(rd(APIC_ESR), APIC_ESR_SENDILL);
}

/* ---- requests ---- */

TEST(requests)
{
	setup_xapic(ID);
	EXPECT_EQ(lapic_take_requests(&a), 0);
	lapic_request(&a, LAPIC_REQ_NMI);
	EXPECT_TRUE(lapic_has_posted(&a));
	lapic_request(&a, LAPIC_REQ_INIT);
	a.sipi_vector = 0x9a;
	lapic_request(&a, LAPIC_REQ_SIPI);
	EXPECT_EQ(lapic_take_requests(&a),
		  BIT(LAPIC_REQ_NMI) | BIT(LAPIC_REQ_INIT) | BIT(LAPIC_REQ_SIPI));
	EXPECT_EQ(lapic_take_requests(&a), 0);
	EXPECT_FALSE(lapic_has_posted(&a));
	/* If both are there INIT came first. */
	lapic_request(&a, LAPIC_REQ_SIPI);
	lapic_request(&a, LAPIC_REQ_INIT);
	EXPECT_EQ(lapic_take_requests(&a), BIT(LAPIC_REQ_INIT));
	/* Of NMIs two count. */
	lapic_request(&a, LAPIC_REQ_NMI);
	lapic_request(&a, LAPIC_REQ_NMI);
	lapic_request(&a, LAPIC_REQ_NMI);
	EXPECT_EQ(lapic_take_requests(&a), BIT(LAPIC_REQ_NMI) | BIT(LAPIC_REQ_NMI2));
	/* Taking in vectors does not hide them. */
	EXPECT_TRUE(post(&a, 0x40, false));
	lapic_request(&a, LAPIC_REQ_NMI);
	lapic_sync(&a);
	EXPECT_TRUE(lapic_has_posted(&a));
	EXPECT_EQ(lapic_take_requests(&a), BIT(LAPIC_REQ_NMI));
	EXPECT_FALSE(lapic_has_posted(&a));
}

/* ---- a random walk beside a slow model ---- */

static struct {
	bool irr[256], isr[256], tmr[256], posted[256], level[256];
	u8 tpr;
} model;

static int model_highest(const bool *set)
{
	int v;

	for (v = 255; v >= 0 && !set[v]; v--)
		;
	return v;
}

static int model_deliverable(void)
{
	int v = model_highest(model.irr), service = max(model_highest(model.isr), 0);

	return v / 16 > max(model.tpr / 16, service / 16) ? v : -1;
}

static void model_step(void)
{
	int v = 16 + unit_random_below(240), want, did;
	bool level = unit_random() & 1;

	switch (unit_random_below(5)) {
	case 0:
		EXPECT_TRUE(post(&a, v, level));
		model.posted[v] = true;
		model.level[v] = level;
		break;
	case 1:
		lapic_sync(&a);
		for (v = 0; v < 256; v++) {
			model.irr[v] |= model.posted[v];
			if (model.posted[v])
				model.tmr[v] = model.level[v];
			model.posted[v] = false;
		}
		break;
	case 2:
		v = lapic_deliverable(&a);
		if (v < 0)
			break;
		lapic_acknowledge(&a, v);
		model.irr[v] = false;
		model.isr[v] = true;
		break;
	case 3:
		v = model_highest(model.isr);
		want = v < 0 ? LAPIC_NOTHING : LAPIC_UPDATE | (model.tmr[v] ? LAPIC_EOI : 0);
		did = wr(APIC_EOI, 0);
		EXPECT_EQ(did, want);
		if (did & LAPIC_EOI)
			EXPECT_EQ(a.eoi_vector, v);
		if (v >= 0)
			model.isr[v] = false;
		break;
	case 4:
		model.tpr = unit_random();
		wr(APIC_TASKPRI, model.tpr);
		break;
	}
}

TEST(random_walk)
{
	unsigned int i, v;

	memset(&model, 0, sizeof(model));
	setup_xapic(ID);
	for (i = 0; i < 100000; i++) {
		model_step();
		if (!EXPECT_EQ(lapic_deliverable(&a), model_deliverable()))
			break;
		for (v = i % 16; v < 256; v += 16)
			EXPECT_TRUE(irr(v) == model.irr[v] && isr(v) == model.isr[v] &&
				    tmr(v) == model.tmr[v]);
	}
}

/*
 * Real threads: each posts a vector, waits until it was taken in, and goes on. The
 * owner looks only when `on` says so: a lost one would be waited for forever.
 */
#define ROUNDS	20000
#define THREADS	3

static unsigned long taken[THREADS];
static bool gave_up;

static void *poster(void *arg)
{
	unsigned long n = (unsigned long)arg, i, spins;

	for (i = 0; i < ROUNDS; i++) {
		u8 vector = 0x20 + 0x41 * n;

		post(&a, vector, i & 1);
		for (spins = 0; READ_ONCE(taken[n]) <= i; spins++) {
			if (READ_ONCE(gave_up))
				return NULL;
			sched_yield();
		}
	}
	return NULL;
}

TEST(posting_by_threads)
{
	unsigned long n, idle = 0, all = 0;
	pthread_t threads[THREADS];

	setup_xapic(ID);
	memset(taken, 0, sizeof(taken));
	gave_up = false;
	for (n = 0; n < THREADS; n++)
		ASSERT_EQ(pthread_create(&threads[n], NULL, poster, (void *)n), 0);
	while (all < THREADS * ROUNDS && idle < 50000000) {
		if (!lapic_has_posted(&a)) {
			idle++;
			sched_yield();
			continue;
		}
		idle = 0;
		lapic_sync(&a);
		for (n = 0; n < THREADS; n++) {
			u8 vector = 0x20 + 0x41 * n;

			if (!irr(vector))
				continue;
			EXPECT_EQ(tmr(vector), taken[n] & 1);
			clear(&a, APIC_IRR, vector);
			WRITE_ONCE(taken[n], taken[n] + 1);
			all++;
		}
	}
	EXPECT_EQ(all, THREADS * ROUNDS);
	WRITE_ONCE(gave_up, true);
	for (n = 0; n < THREADS; n++)
		pthread_join(threads[n], NULL);
}
