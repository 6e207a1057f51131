// SPDX-License-Identifier: GPL-2.0-only
/* The back end on /dev/kvm: interrupt controllers in the kernel only where a VM has local APICs. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define MAX_CPUID 256
#define bit_TSC_DEADLINE (1u << 24)	/* leaf 1, ECX */

static int dev, vm, run_size;
static bool has_apic;

static struct {
	int fd;
	struct kvm_run *run;
} vcpus[NR_VCPUS];

static int must(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

static void kvm_open(void)
{
	dev = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	run_size = must(ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
}

static void kvm_cheapest(void)
{
	must(ioctl(dev, KVM_GET_API_VERSION, 0), "KVM_GET_API_VERSION");
}

static void kvm_create(bool apic)
{
	vm = must(ioctl(dev, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	has_apic = apic;
	if (apic)
		must(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
}

static void kvm_eventfd(uint16_t port, int fd)
{
	struct kvm_ioeventfd args = { .addr = port, .fd = fd, .flags = KVM_IOEVENTFD_FLAG_PIO };

	must(ioctl(vm, KVM_IOEVENTFD, &args), "KVM_IOEVENTFD");
}

/* KVM has no slot that is mapped at once. */
static void kvm_slot(unsigned int nr, uint64_t gpa, uint64_t len, void *hva, bool premap)
{
	struct kvm_userspace_memory_region region = {
		.slot = nr,
		.guest_phys_addr = gpa,
		.memory_size = len,
		.userspace_addr = (uintptr_t)hva,
	};

	(void)premap;
	must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
}

static void kvm_vcpu(unsigned int id)
{
	vcpus[id].fd = must(ioctl(vm, KVM_CREATE_VCPU, id), "KVM_CREATE_VCPU");
	vcpus[id].run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpus[id].fd, 0);
	if (vcpus[id].run == MAP_FAILED)
		die("mmap of the run page");
}

/* KVM tells of it by a capability. */
static void add_tsc_deadline(struct kvm_cpuid2 *table)
{
	struct kvm_cpuid_entry2 *e;

	for (e = table->entries; e < table->entries + table->nent; e++)
		if (e->function == 1)
			e->ecx |= bit_TSC_DEADLINE;
}

static void put_apic(struct kvm_lapic_state *state, unsigned int offset, uint32_t value)
{
	memcpy(state->regs + offset, &value, sizeof(value));
}

/* Behind KVM_SET_SREGS, which sets the mode. */
static void start_apic(unsigned int id)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct kvm_lapic_state state;

	must(ioctl(vcpus[id].fd, KVM_GET_LAPIC, &state), "KVM_GET_LAPIC");
	put_apic(&state, APIC_SPIV, APIC_SPIV_VALUE);
	put_apic(&state, APIC_LVTT, APIC_LVTT_VALUE);
	must(ioctl(vcpus[id].fd, KVM_SET_LAPIC, &state), "KVM_SET_LAPIC");
	must(ioctl(vcpus[id].fd, KVM_SET_MP_STATE, &runnable), "KVM_SET_MP_STATE");
}

/* tinyvmx's VMs have a table from the start; the guest's XSETBV needs one. */
static void set_cpuid(unsigned int id)
{
	struct kvm_cpuid2 *table = calloc(1, sizeof(*table) +
					     MAX_CPUID * sizeof(struct kvm_cpuid_entry2));

	if (!table)
		die("memory");
	table->nent = MAX_CPUID;
	must(ioctl(dev, KVM_GET_SUPPORTED_CPUID, table), "KVM_GET_SUPPORTED_CPUID");
	if (has_apic)
		add_tsc_deadline(table);
	must(ioctl(vcpus[id].fd, KVM_SET_CPUID2, table), "KVM_SET_CPUID2");
	free(table);
}

static struct kvm_segment segment(uint16_t selector, uint64_t base, uint32_t limit, uint32_t type)
{
	return (struct kvm_segment){
		.base = base, .limit = limit, .selector = selector, .type = type,
		.present = 1, .s = 1,
	};
}

static void set_long(struct kvm_sregs *s)
{
	struct kvm_segment code = segment(0x08, 0, ~0u, 11), data = segment(0x10, 0, ~0u, 3);

	code.l = code.g = data.db = data.g = 1;
	s->cs = code;
	s->ds = s->es = s->ss = s->fs = s->gs = data;
	s->gdt.base = GUEST_HEADER->gdt;
	s->gdt.limit = GDT_LIMIT;
	s->idt.base = GUEST_HEADER->idt;
	s->idt.limit = IDT_LIMIT;
	s->cr0 = 0x80010033;		/* PG, WP, NE, ET, MP, PE */
	s->cr3 = GUEST_HEADER->pml4;
	s->cr4 = long_cr4();
	s->efer = 0x500;		/* LMA, LME */
}

static void set_real(struct kvm_sregs *s)
{
	s->cs = segment(IMAGE_GPA >> 4, IMAGE_GPA, 0xffff, 11);
	s->ds = s->es = s->ss = s->fs = s->gs = segment(IMAGE_GPA >> 4, IMAGE_GPA, 0xffff, 3);
	s->cr0 = 0x10;
}

static void kvm_start(unsigned int id, const struct entry *entry)
{
	struct kvm_regs regs = {
		.rip = entry->real ? GUEST_HEADER->real_entry : GUEST_HEADER->long_entry,
		.rflags = 2,
		.rsp = entry->real ? REAL_SP : STACK_GPA(id),
		.rdi = entry->op, .rsi = entry->iterations, .rdx = entry->rounds,
		.rbx = entry->trace,
	};
	struct kvm_sregs sregs;

	set_cpuid(id);
	must(ioctl(vcpus[id].fd, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	(entry->real ? set_real : set_long)(&sregs);
	if (has_apic)
		sregs.apic_base |= APIC_BASE_X2APIC;
	must(ioctl(vcpus[id].fd, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	if (has_apic)
		start_apic(id);
	must(ioctl(vcpus[id].fd, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

static void port(const struct kvm_run *run)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	uint32_t value = 0, i;

	for (i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction == KVM_EXIT_IO_OUT) {
			memcpy(&value, data, run->io.size);
			device_write(value);
		} else {
			value = device_read();
			memcpy(data, &value, run->io.size);
		}
	}
}

static void mmio(struct kvm_run *run)
{
	uint32_t value = 0;

	if (run->mmio.len > sizeof(value))
		die("a wide access to a device");
	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, run->mmio.len);
		device_write(value);
	} else {
		value = device_read();
		memcpy(run->mmio.data, &value, run->mmio.len);
	}
}

static enum stop kvm_run(unsigned int id, bool wake, bool stop_at_io)
{
	static const struct kvm_interrupt interrupt = { INTR_VECTOR };
	struct kvm_run *run = vcpus[id].run;

	for (;;) {
		if (ioctl(vcpus[id].fd, KVM_RUN, 0) < 0) {
			if (errno == EINTR)
				return STOP_SIGNAL;
			die("KVM_RUN");
		}
		switch (run->exit_reason) {
		case KVM_EXIT_IO:
			if (run->io.port == END_PORT)
				return STOP_END;
			port(run);
			if (stop_at_io)
				return STOP_IO;
			break;
		case KVM_EXIT_MMIO:
			mmio(run);
			break;
		case KVM_EXIT_HLT:
			if (!wake)
				return STOP_HLT;
			must(ioctl(vcpus[id].fd, KVM_INTERRUPT, &interrupt), "KVM_INTERRUPT");
			break;
		case KVM_EXIT_SET_TPR:
			break;
		default:
			errno = run->exit_reason;
			die("KVM_RUN: an exit that was not expected, by number");
		}
	}
}

static void kvm_close_vcpu(unsigned int id)
{
	munmap(vcpus[id].run, run_size);
	close(vcpus[id].fd);
}

static void kvm_close_vm(void)
{
	close(vm);
}

static void kvm_close(void)
{
	close(dev);
}

const struct backend kvm_backend = {
	.name = "kvm",
	.open = kvm_open,
	.cheapest = kvm_cheapest,
	.create = kvm_create,
	.eventfd = kvm_eventfd,
	.slot = kvm_slot,
	.vcpu = kvm_vcpu,
	.start = kvm_start,
	.run = kvm_run,
	.close_vcpu = kvm_close_vcpu,
	.close_vm = kvm_close_vm,
	.close = kvm_close,
};
