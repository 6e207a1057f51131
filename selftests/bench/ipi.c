// SPDX-License-Identifier: GPL-2.0-only
/* An IPI from a vCPU that runs to another one that runs, each on a CPU of its own. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "bench.h"

#define ROUNDS	15

static const struct backend *ipi_vmm;
static bool ended;

static void on_signal(int number)
{
	(void)number;
}

static void use_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity: it takes two CPUs");
}

static void *run_target(void *unused)
{
	(void)unused;
	use_cpu(1);
	while (!__atomic_load_n(&ended, __ATOMIC_ACQUIRE))
		ipi_vmm->run(1, false, false);
	return NULL;
}

/* A signal that comes before its run would be lost: send it until the thread has ended. */
static void end_target(pthread_t thread)
{
	__atomic_store_n(&ended, true, __ATOMIC_RELEASE);
	while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
		pthread_kill(thread, SIGUSR1);
		sched_yield();
	}
}

void time_ipis(const struct backend *vmm)
{
	struct entry entry = entry_of(OP_apic_ipi, ROUNDS);
	struct entry target = entry_of(OP_apic_ipi_target, 1);
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t thread;
	unsigned int i;

	use_cpu(0);
	open_vm(vmm, true);
	for (i = 0; i < NR_VCPUS; i++)
		vmm->vcpu(i);
	vmm->start(0, &entry);
	vmm->start(1, &target);
	ipi_vmm = vmm;
	if (sigaction(SIGUSR1, &action, NULL) || pthread_create(&thread, NULL, run_target, NULL))
		die("starting a thread");
	guest_results(vmm, "apic_ipi", &entry);
	end_target(thread);
	close_vm(vmm, NR_VCPUS);
}
