/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vCPU that works in a thread while the test changes the world around it.
 *
 * The guest counts: lap by lap it adds 1 to the first word of each page of a
 * slot, then to a word for the laps.  What host and guest see is one memory as
 * long as the host's view of each count grows with the laps.
 */
#ifndef TVX_WORKER_H
#define TVX_WORKER_H

#include "tvx_test.h"

#define WORK_SLOT	5u
#define WORK_GPA	0x40000000ull
#define WORK_PAGES	16u
#define WORK_LEN	(WORK_PAGES * PAGE)
#define PAGE		4096ull
#define PATIENCE	20000		/* milliseconds that a change may take to show */

GUEST64(work, "1: mov %rsi, %rdi\n mov %r8, %rcx\n"
	"2: incq (%rdi)\n add $4096, %rdi\n dec %rcx\n jnz 2b\n"
	"incq (%rbx)\n cmpq $0, 8(%rbx)\n je 1b\n hlt");

/**
 * struct worker - a vCPU thread
 * @vcpu: to run
 * @control: the guest's: [0] laps done, [1] not 0 to have it halt
 * @stop: for the thread, should the guest not get that far
 * @faults: exits with MEMORY_FAULT, each answered by running again
 * @mmios: the same with MMIO
 * @interrupted: the same with INTERRUPTED
 * @last_fault: the last MEMORY_FAULT or MMIO
 * @exit: with what it ended: HLT if all is well
 * @error: of the last RUN
 */
struct worker {
	struct tvx_vcpu *vcpu;
	volatile uint64_t *control;
	pthread_t thread;
	bool started;
	volatile bool stop;
	volatile unsigned int faults, mmios, interrupted;
	struct tvx_run_out last_fault;
	volatile uint32_t exit;
	int error;
};

static inline void *worker_thread(void *arg)
{
	struct worker *w = arg;

	while (!w->stop || w->vcpu->run->out.exit == TVX_EXIT_INTERRUPTED) {
		w->error = tvx_vcpu_run(w->vcpu);
		w->exit = w->vcpu->run->out.exit;
		if (w->error && w->error != -EINTR)
			break;
		if (w->exit == TVX_EXIT_MEMORY_FAULT) {
			w->last_fault = w->vcpu->run->out;
			w->faults++;
			usleep(500);
		} else if (w->exit == TVX_EXIT_MMIO) {
			w->last_fault = w->vcpu->run->out;
			w->mmios++;
			usleep(500);
		} else if (w->exit == TVX_EXIT_INTERRUPTED) {
			w->interrupted++;
		} else {
			break;
		}
	}
	return NULL;
}

/* @vcpu is as guest_start() left it; it counts at @work_gpa, @control_gpa tells it to stop. */
static inline void worker_start(struct worker *w, struct tvx_vcpu *vcpu, uint64_t control_gpa,
				uint64_t work_gpa)
{
	w->vcpu = vcpu;
	w->control = tvx_vm_host(vcpu->vm, control_gpa, PAGE);
	w->control[0] = w->control[1] = 0;
	tvx_set_gpr(vcpu, TVX_RSI, work_gpa);
	tvx_set_gpr(vcpu, TVX_R8, WORK_PAGES);
	tvx_set_gpr(vcpu, TVX_RBX, control_gpa);
	w->stop = false;
	must(pthread_create(&w->thread, NULL, worker_thread, w));
	w->started = true;
}

/* True if it ended as it should. */
static inline bool worker_stop(struct worker *w)
{
	if (!w->started)
		return true;
	w->control[1] = 1;
	w->stop = true;
	pthread_join(w->thread, NULL);
	w->started = false;
	return !w->error && w->exit == TVX_EXIT_HLT;
}

static inline uint64_t laps(struct worker *w)
{
	return w->control[0];
}

/* Wait for @n whole laps from now on. */
static inline bool more_laps(struct worker *w, unsigned int n)
{
	uint64_t goal = laps(w) + n + 1;

	for (int i = 0; i < PATIENCE && laps(w) < goal; i++)
		usleep(1000);
	return laps(w) >= goal;
}

static inline bool grows(volatile unsigned int *count)
{
	unsigned int before = *count;

	for (int i = 0; i < PATIENCE && *count == before; i++)
		usleep(1000);
	return *count != before;
}

static inline volatile uint64_t *count_of(uint8_t *mem, unsigned int page)
{
	return (volatile uint64_t *)(mem + page * PAGE);
}

/* Does the guest count in the very pages that the host sees at @mem? */
static inline bool counts(struct worker *w, uint8_t *mem)
{
	uint64_t before[WORK_PAGES];

	for (unsigned int i = 0; i < WORK_PAGES; i++)
		before[i] = *count_of(mem, i);
	if (!more_laps(w, 2))
		return false;
	for (unsigned int i = 0; i < WORK_PAGES; i++)
		if (*count_of(mem, i) < before[i] + 2)
			return false;
	return true;
}

static inline long module_users(void)
{
	FILE *file = fopen("/sys/module/tinyvmx/refcnt", "r");
	long n = -1;

	if (file && fscanf(file, "%ld", &n) != 1)
		n = -1;
	if (file)
		fclose(file);
	return n;
}

#endif
