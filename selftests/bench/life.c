// SPDX-License-Identifier: GPL-2.0-only
/* What user space times: a VM's life step by step, signals, two vCPUs taking turns. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define LIVES	11
#define SIGNALS	15
#define TICK_MIN 500		/* no tick takes less */
#define TURNS	16		/* a round */
#define ROUNDS	15

/* ---- open to close: one slot, one vCPU, one HLT exit --------------------------- */

enum { OPEN, CREATE, SLOT, VCPU, STATE, FIRST_EXIT, CLOSE_VCPU, CLOSE_VM, CLOSE, NR_STEPS };

static const char *const step_names[NR_STEPS] = {
	"life_open", "life_create", "life_slot", "life_vcpu", "life_state", "life_first_exit",
	"life_close_vcpu", "life_close_vm", "life_close",
};

/*
 * Begin right after a tick of the host, so that the next one does not fall into what is timed:
 * a reading of the clock that comes late tells it.
 */
static void after_tick(void)
{
	uint64_t last, now = rdtsc();

	do {
		last = now;
		now = rdtsc();
	} while (now - last < TICK_MIN);
}

static long waits(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		die("getrusage");
	return usage.ru_nvcsw;
}

/* @at: when each step begins, and the last one ends. */
static void live(const struct backend *vmm, const struct entry *entry, uint64_t *at)
{
	at[OPEN] = rdtsc();
	vmm->open();
	at[CREATE] = rdtsc();
	vmm->create(false);
	at[SLOT] = rdtsc();
	vmm->slot(0, 0, MEM_SIZE, memory, false);
	at[VCPU] = rdtsc();
	vmm->vcpu(0);
	at[STATE] = rdtsc();
	vmm->start(0, entry);
	at[FIRST_EXIT] = rdtsc();
	while (vmm->run(0, false, false) != STOP_HLT)
		;
	at[CLOSE_VCPU] = rdtsc();
	vmm->close_vcpu(0);
	at[CLOSE_VM] = rdtsc();
	vmm->close_vm();
	at[CLOSE] = rdtsc();
	vmm->close();
	at[NR_STEPS] = rdtsc();
}

void time_lives(const struct backend *vmm, bool trace)
{
	struct entry entry = entry_of(OP_real_hlt, 1);
	uint64_t at[LIVES][NR_STEPS + 1];
	long waited[LIVES];
	unsigned int i, step;

	memcpy(memory + IMAGE_GPA, guest_image, guest_image_end - guest_image);
	for (i = 0; i < 2; i++)
		live(vmm, &entry, at[0]);
	if (trace) {
		after_tick();
		magic();
		live(vmm, &entry, at[0]);
		magic();
		return;
	}
	for (i = 0; i < LIVES; i++) {
		waited[i] = waits();
		after_tick();
		live(vmm, &entry, at[i]);
		waited[i] = waits() - waited[i];
	}
	for (step = 0; step < NR_STEPS; step++) {
		results(vmm->name, step_names[step], 1);
		for (i = 0; i < LIVES; i++)
			result(at[i][step + 1] - at[i][step]);
		done();
	}
	results(vmm->name, "life", 1);
	for (i = 0; i < LIVES; i++)
		result(at[i][NR_STEPS] - at[i][OPEN]);
	done();
	results(vmm->name, "life_waits", 1);
	for (i = 0; i < LIVES; i++)
		result(waited[i]);
	done();
}

/* ---- a timer's signal ends the run ------------------------------------------------ */

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
	(void)number;
	signals++;
}

static timer_t make_timer(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	timer_t timer;

	if (sigaction(SIGALRM, &action, NULL) || timer_create(CLOCK_MONOTONIC, &event, &timer))
		die("timer_create");
	return timer;
}

/*
 * Both loops read the clock over and over: the longest time between two readings
 * is what the signal took, to the VMM and back into the guest.
 */
static uint64_t spin_in_guest(const struct backend *vmm, const struct entry *entry)
{
	uint32_t *signalled = (uint32_t *)(memory + GUEST_HEADER->signalled);

	*signalled = 0;
	vmm->start(0, entry);
	while (vmm->run(0, false, false) == STOP_SIGNAL)
		*signalled = signals;
	return *(uint64_t *)(memory + GUEST_HEADER->results);
}

static uint64_t spin_here(void)
{
	uint64_t before, last = rdtsc(), now = last;

	do {
		before = last;
		last = now;
		now = rdtsc();
	} while (!signals);
	/* It came between two of these readings, or after the last one. */
	before = last - before;
	last = now - last;
	now = rdtsc() - now;
	if (last < before)
		last = before;
	return now < last ? last : now;
}

void time_signals(const struct backend *vmm)
{
	struct itimerspec in_a_while = { .it_value.tv_nsec = 3000000 };
	struct entry entry = entry_of(OP_spin, 1);
	timer_t timer = make_timer();
	uint64_t ticks[SIGNALS];
	unsigned int i;

	if (vmm) {
		open_vm(vmm, false);
		vmm->vcpu(0);
	}
	for (i = 0; i < SIGNALS; i++) {
		signals = 0;
		after_tick();
		if (timer_settime(timer, 0, &in_a_while, NULL))
			die("timer_settime");
		ticks[i] = vmm ? spin_in_guest(vmm, &entry) : spin_here();
	}
	if (vmm)
		close_vm(vmm, 1);
	timer_delete(timer);
	results(vmm ? vmm->name : "plain", "signal", 1);
	for (i = 0; i < SIGNALS; i++)
		result(ticks[i]);
	done();
}

/* ---- two threads, a vCPU each, on one CPU: each runs to an OUT, in turns -------------- */

static const struct backend *turns_vmm;
static uint32_t turn;		/* counts on: whose it is, modulo 2 */

static void wait_for_turn(uint32_t id)
{
	uint32_t now;

	while ((now = __atomic_load_n(&turn, __ATOMIC_ACQUIRE)) % 2 != id)
		syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
}

static void end_turn(void)
{
	__atomic_add_fetch(&turn, 1, __ATOMIC_ACQ_REL);
	syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void take_turn(uint32_t id)
{
	wait_for_turn(id);
	while (turns_vmm && turns_vmm->run(id, false, true) != STOP_IO)
		;
	end_turn();
}

static void *other_thread(void *unused)
{
	unsigned int i;

	(void)unused;
	for (i = 0; i < (ROUNDS + 1) * TURNS / 2; i++)
		take_turn(1);
	return NULL;
}

void time_turns(const struct backend *vmm)
{
	const struct sched_param fifo = { .sched_priority = 1 }, other = { 0 };
	struct entry entry = entry_of(OP_out, 1);
	uint64_t ticks[ROUNDS];
	unsigned int i, j;
	pthread_t thread;

	/* The one that wakes the other goes on until it sleeps itself. */
	if (sched_setscheduler(0, SCHED_FIFO, &fifo))
		die("sched_setscheduler");
	turns_vmm = vmm;
	turn = 0;
	if (vmm) {
		open_vm(vmm, false);
		entry.iterations = ~0u;
		for (i = 0; i < NR_VCPUS; i++) {
			vmm->vcpu(i);
			vmm->start(i, &entry);
		}
	}
	if (pthread_create(&thread, NULL, other_thread, NULL))
		die("pthread_create");
	for (i = 0; i <= ROUNDS; i++) {
		uint64_t start = rdtsc();

		for (j = 0; j < TURNS / 2; j++)
			take_turn(0);
		wait_for_turn(0);
		/* The first round warms up. */
		if (i)
			ticks[i - 1] = rdtsc() - start;
	}
	pthread_join(thread, NULL);
	if (vmm)
		close_vm(vmm, NR_VCPUS);
	if (sched_setscheduler(0, SCHED_OTHER, &other))
		die("sched_setscheduler");
	results(vmm ? vmm->name : "plain", "turn", TURNS);
	for (i = 0; i < ROUNDS; i++)
		result(ticks[i]);
	done();
}
