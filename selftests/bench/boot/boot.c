// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boots Linux until its first process writes to the port that ends the machine:
 *
 *	bootbench kvm|tvx KERNEL INITRD
 *
 * TSC ticks from before the first entry to the end, and exits: "result WHO KEY 1 COUNT".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"

#define MEMORY	(128u << 20)
/* What makes a boot short and one like the other: no tests of algorithms, no random addresses. */
#define CMDLINE	"quiet console=ttyS0 panic=-1 mitigations=off nokaslr cryptomgr.notests"

static const struct hypervisor *hypervisor;

void die(const char *what)
{
	fprintf(stderr, "bootbench: %s: %s (%d)\n", what, strerror(errno), errno);
	exit(1);
}

void report(const char *key, uint64_t value)
{
	printf("result %s %s 1 %llu\n", hypervisor->name, key, (unsigned long long)value);
}

static uint64_t rdtsc(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a" (low), "=d" (high) : : "memory");
	return low | (uint64_t)high << 32;
}

static void map_file(const char *name, struct blob *blob)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		die(name);
	blob->name = name;
	blob->size = st.st_size;
	blob->data = mmap(NULL, blob->size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (blob->data == MAP_FAILED)
		die(name);
	close(fd);
}

static void unmap(struct blob *blob)
{
	munmap((void *)blob->data, blob->size);
}

/* As `vmctl run --kernel` does it. */
static void set_up(struct machine *m, struct run_options *opt, struct blob *kernel,
		   struct boot *boot)
{
	struct load load = { .image = kernel, .opt = &opt->load, .ram = &m->ram };

	machine_init(m, opt);
	if (machine_alloc_ram(m) || machine_add_devices(m))
		die(m->end.why);
	load.rsdp = m->rsdp;
	if (load_image(&load))
		die(load.error);
	*boot = load.boot;
	unmap(kernel);
	unmap(&opt->load.initrd);
}

int main(int argc, char **argv)
{
	static struct run_options opt = {
		.pc = true, .cpus = 1, .mem = MEMORY,
		.load = { .kernel = true, .append = CMDLINE },
	};
	static struct machine machine;
	struct blob kernel;
	struct boot boot;
	uint64_t start;

	if (argc != 4 || (strcmp(argv[1], "kvm") && strcmp(argv[1], "tvx"))) {
		fputs("usage: bootbench kvm|tvx KERNEL INITRD\n", stderr);
		return 2;
	}
	hypervisor = strcmp(argv[1], "kvm") ? &tvx_hypervisor : &kvm_hypervisor;
	opt.guest = argv[2];
	map_file(argv[2], &kernel);
	map_file(argv[3], &opt.load.initrd);
	set_up(&machine, &opt, &kernel, &boot);
	hypervisor->open(&machine, &boot);
	start = rdtsc();
	hypervisor->run(&machine);
	report("boot", rdtsc() - start);
	if (machine.devices.end != DEVICES_EXIT) {
		errno = 0;
		die(machine.devices.what[0] ? machine.devices.what : machine.end.why);
	}
	hypervisor->count(&machine);
	return 0;
}
