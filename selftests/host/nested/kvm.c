// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boots a kernel as a guest of KVM that has VMX, on one CPU:
 *
 *	nested MEMORY-MIB WINDOW-ADDRESS WINDOW-SIZE KERNEL INITRD COMMAND-LINE
 *
 * The window is a range of this machine's physical memory; the guest has it behind its own memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mailbox.h"
#include "vmm.h"

#define MAX_CPUID	256
#define HYPERVISOR	(1u << 31)	/* CPUID leaf 1, ECX: left to the VMM to tell */
#define TSC_DEADLINE	(1u << 24)	/* the same, as the local APIC is KVM's */
#define VMX		(1u << 5)

/* IA32_... */
#define FEATURE_CONTROL	0x3a
#define MISC_ENABLE	0x1a0
#define MTRR_DEF_TYPE	0x2ff

#define SCI_ENABLED	(1 << 0)	/* PM1 control */
#define SLEEP_TYPE_SHIFT 10
#define SLEEP_ENABLE	(1 << 13)

static struct guest guest;
static struct uart uart = { .put = console_put };
static int dev, vm, vcpu;
static struct kvm_run *run;

static int must(int result, const char *what)
{
	if (result < 0)
		die("%s: %m", what);
	return result;
}

static void add_memory(unsigned int slot, uint64_t gpa, void *host, uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
}

static void *map(uint64_t size, int flags, int fd, uint64_t offset)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, offset);

	if (at == MAP_FAILED)
		die("mmap: %m");
	return at;
}

static void set_up_memory(struct guest *g, uint64_t window)
{
	int mem = must(open("/dev/mem", O_RDWR | O_CLOEXEC), "/dev/mem");

	g->ram = map(g->size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	madvise(g->ram, g->size, MADV_HUGEPAGE);
	add_memory(0, 0, g->ram, g->size);
	add_memory(1, g->size, map(g->window, MAP_SHARED, mem, window), g->window);
	g->mailbox = map(MAILBOX_SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	add_memory(2, g->size + g->window, g->mailbox, MAILBOX_SIZE);
}

static void set_cpuid(void)
{
	struct kvm_cpuid2 *table = calloc(1, sizeof(*table) +
					     MAX_CPUID * sizeof(struct kvm_cpuid_entry2));
	struct kvm_cpuid_entry2 *e;

	if (!table)
		die("no memory");
	table->nent = MAX_CPUID;
	must(ioctl(dev, KVM_GET_SUPPORTED_CPUID, table), "KVM_GET_SUPPORTED_CPUID");
	for (e = table->entries; e < table->entries + table->nent; e++) {
		if (e->function != 1)
			continue;
		if (!(e->ecx & VMX))
			die("kvm_intel gives its guests no VMX");
		e->ecx |= HYPERVISOR | TSC_DEADLINE;
	}
	must(ioctl(vcpu, KVM_SET_CPUID2, table), "KVM_SET_CPUID2");
	free(table);
}

/* As firmware leaves them. */
static void set_msrs(void)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry[3];
	} msrs = {
		{ .nmsrs = 3 }, {
			{ .index = FEATURE_CONTROL, .data = 5 },	/* VMX, locked */
			{ .index = MISC_ENABLE, .data = 1 },		/* fast strings */
			{ .index = MTRR_DEF_TYPE, .data = 0x806 },	/* on, write-back */
		}
	};

	if (must(ioctl(vcpu, KVM_SET_MSRS, &msrs), "KVM_SET_MSRS") != 3)
		die("KVM_SET_MSRS: an MSR is missing");
}

static void set_registers(const struct guest *g)
{
	struct kvm_regs regs = {
		.rip = g->entry, .rsi = ZERO_PAGE_AT, .rsp = TABLES_AT, .rflags = 2,
	};
	struct kvm_segment data = {
		.limit = 0xffffffff, .selector = 0x18, .type = 3,
		.present = 1, .s = 1, .db = 1, .g = 1,
	};
	struct kvm_sregs s;

	must(ioctl(vcpu, KVM_GET_SREGS, &s), "KVM_GET_SREGS");
	s.ds = s.es = s.fs = s.gs = s.ss = s.cs = data;
	s.cs.selector = 0x10;
	s.cs.type = 11;
	s.cs.db = 0;
	s.cs.l = 1;
	s.gdt = (struct kvm_dtable){ .base = GDT_AT, .limit = 31 };
	s.cr0 = 0x80000011;	/* PG, ET, PE */
	s.cr3 = TABLES_AT;
	s.cr4 = 0x20;		/* PAE */
	s.efer = 0x500;		/* LME, LMA */
	must(ioctl(vcpu, KVM_SET_SREGS, &s), "KVM_SET_SREGS");
	must(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

static void open_kvm(struct guest *g, uint64_t window)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	int size;

	dev = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	vm = must(ioctl(dev, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	must(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	must(ioctl(vm, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
	set_up_memory(g, window);
	vcpu = must(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	size = must(ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	run = map(size, MAP_SHARED, vcpu, 0);
	set_cpuid();
	set_msrs();
}

static void set_line(struct uart *u)
{
	struct kvm_irq_level level = { .irq = UART_IRQ, .level = uart_wants_irq(u) };

	if (u->line == level.level)
		return;
	u->line = level.level;
	must(ioctl(vm, KVM_IRQ_LINE, &level), "KVM_IRQ_LINE");
}

/* The guest's relay tells how much is in the mailbox. */
static void take_mailbox(const uint8_t *data)
{
	uint32_t size;

	memcpy(&size, data, sizeof(size));
	if (!size)
		output_drain();
	else if (size <= MAILBOX_SIZE)
		output_put(guest.mailbox, size);
}

/* Of ACPI there is what turns the machine on, which it always is, and off. */
static void acpi_in(uint16_t port, uint8_t *data)
{
	const uint16_t value = port == PM1_CONTROL ? SCI_ENABLED : 0;

	if (run->io.size == sizeof(value) && port >= PM1_EVENT && port <= PM1_CONTROL)
		memcpy(data, &value, sizeof(value));
}

static bool turns_off(uint16_t port, const uint8_t *data)
{
	uint16_t value;

	if (run->io.size != 2 || port != PM1_CONTROL)
		return false;
	memcpy(&value, data, sizeof(value));
	return value & SLEEP_ENABLE && (value >> SLEEP_TYPE_SHIFT & 7) == SLEEP_OFF;
}

/* A port with nothing behind it reads as ones. */
static void port_in(uint16_t port, uint8_t *data)
{
	memset(data, 0xff, run->io.size);
	if (run->io.size == 1 && port >= UART_PORT && port < UART_PORT + UART_PORTS)
		*data = uart_in(&uart, port - UART_PORT);
	else
		acpi_in(port, data);
}

/* False if the machine is off. */
static bool port_out(uint16_t port, const uint8_t *data)
{
	if (run->io.size == 1 && port >= UART_PORT && port < UART_PORT + UART_PORTS)
		uart_out(&uart, port - UART_PORT, *data);
	else if (run->io.size == 4 && port == MAILBOX_PORT)
		take_mailbox(data);
	return !turns_off(port, data);
}

static bool handle_io(void)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	bool running = true;
	uint32_t i;

	for (i = 0; i < run->io.count; i++, data += run->io.size)
		if (run->io.direction == KVM_EXIT_IO_IN)
			port_in(run->io.port, data);
		else
			running = port_out(run->io.port, data) && running;
	set_line(&uart);
	return running;
}

static bool handle_exit(void)
{
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		return handle_io();
	case KVM_EXIT_MMIO:
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0xff, sizeof(run->mmio.data));
		return true;
	case KVM_EXIT_INTR:
		return true;
	case KVM_EXIT_SHUTDOWN:
		say("the guest was reset, or shut down by a triple fault");
		return false;
	case KVM_EXIT_FAIL_ENTRY:
		say("KVM could not enter the guest: %#llx",
		    run->fail_entry.hardware_entry_failure_reason);
		return false;
	case KVM_EXIT_INTERNAL_ERROR:
		say("KVM could not go on: internal error %u", run->internal.suberror);
		return false;
	default:
		say("KVM ended with exit reason %u", run->exit_reason);
		return false;
	}
}

int main(int argc, char **argv)
{
	if (argc != 7)
		return 2;
	guest.size = strtoull(argv[1], NULL, 0) << 20;
	guest.window = strtoull(argv[3], NULL, 0);
	log_open();
	output_open();
	open_kvm(&guest, strtoull(argv[2], NULL, 0));
	load_linux(&guest, argv[4], argv[5], argv[6]);
	set_registers(&guest);
	do {
		if (ioctl(vcpu, KVM_RUN, 0) < 0 && errno != EINTR)
			die("KVM_RUN: %m");
	} while (handle_exit());
	console_flush();
	output_drain();
	return 1;
}
