// SPDX-License-Identifier: GPL-2.0-only
/*
 * On KVM: one thread, local APICs, IOAPIC, PIC and PIT in the kernel, all else vmctl's.
 * The guest has KVM's own clock, as a guest of KVM would.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "boot.h"

#define MAX_CPUID	256
/* CPUID leaf 1, ECX: what KVM leaves to the VMM to tell. */
#define TOLD		(1u << 24 | 1u << 31)	/* TSC deadline, hypervisor */
#define MISC_ENABLE	0x1a0		/* IA32_MISC_ENABLE */
#define FAST_STRINGS	1
#define X2APIC		(1u << 10)	/* IA32_APIC_BASE */

static int dev, vm, vcpu;
static struct kvm_run *run;
static struct tvx_memslot slot;

static int must(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

static void set_memory(struct machine *m)
{
	const struct ram_bank *b = &m->ram.bank[0];
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = b->gpa,
		.memory_size = b->len,
		.userspace_addr = (uintptr_t)b->host,
	};

	/* As machine_open() does. */
	madvise(b->host, b->len, MADV_HUGEPAGE);
	must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	/* For what sets up the state. */
	slot = (struct tvx_memslot){ .gpa = b->gpa, .len = b->len, .hva = b->host };
	m->vm.slots = &slot;
	m->vm.nr_slots = 1;
}

static void set_cpuid(void)
{
	struct kvm_cpuid2 *table = calloc(1, sizeof(*table) +
					     MAX_CPUID * sizeof(struct kvm_cpuid_entry2));
	struct kvm_cpuid_entry2 *e;

	if (!table)
		die("memory");
	table->nent = MAX_CPUID;
	must(ioctl(dev, KVM_GET_SUPPORTED_CPUID, table), "KVM_GET_SUPPORTED_CPUID");
	for (e = table->entries; e < table->entries + table->nent; e++)
		if (e->function == 1)
			e->ecx |= TOLD;
	must(ioctl(vcpu, KVM_SET_CPUID2, table), "KVM_SET_CPUID2");
	free(table);
}

/* Without it Linux has no fast strings; QEMU sets it, and tinyvmx has it from the start. */
static void set_fast_strings(void)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { { .nmsrs = 1 }, { .index = MISC_ENABLE, .data = FAST_STRINGS } };

	if (must(ioctl(vcpu, KVM_SET_MSRS, &msrs), "KVM_SET_MSRS") != 1)
		die("KVM_SET_MSRS");
}

/* As tinyvmx has them: the access rights of a VMCS. */
static struct kvm_segment segment(const struct tvx_segment *s)
{
	return (struct kvm_segment){
		.base = s->base, .limit = s->limit, .selector = s->selector,
		.type = s->ar & 15, .s = s->ar >> 4 & 1, .dpl = s->ar >> 5 & 3,
		.present = s->ar >> 7 & 1, .l = s->ar >> 13 & 1, .db = s->ar >> 14 & 1,
		.g = s->ar >> 15 & 1,
	};
}

static void set_state(const struct tvx_state *state)
{
	struct kvm_regs regs = {
		.rip = state->rip, .rflags = state->rflags,
		.rsp = state->gpr[TVX_RSP], .rsi = state->gpr[TVX_RSI],
	};
	struct kvm_sregs s;

	must(ioctl(vcpu, KVM_GET_SREGS, &s), "KVM_GET_SREGS");
	s.es = segment(&state->seg[TVX_ES]);
	s.cs = segment(&state->seg[TVX_CS]);
	s.ss = segment(&state->seg[TVX_SS]);
	s.ds = segment(&state->seg[TVX_DS]);
	s.fs = segment(&state->seg[TVX_FS]);
	s.gs = segment(&state->seg[TVX_GS]);
	s.gdt = (struct kvm_dtable){ .base = state->gdtr.base, .limit = state->gdtr.limit };
	s.idt = (struct kvm_dtable){ .base = state->idtr.base, .limit = state->idtr.limit };
	s.cr0 = state->cr0;
	s.cr3 = state->cr3;
	s.cr4 = state->cr4;
	s.efer = state->efer;
	s.apic_base |= X2APIC;
	must(ioctl(vcpu, KVM_SET_SREGS, &s), "KVM_SET_SREGS");
	must(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

/* boot.c of vmctl does the same for a vCPU of tinyvmx. */
static void set_up_long(struct machine *m, const struct boot *boot)
{
	struct tvx_state state = { 0 };
	char error[256];
	uint64_t tables;
	unsigned int i;

	if (boot->mode != BOOT_LONG ||
	    !ram_place(&m->ram, tvx_long_tables_size(&m->vm), 4096, "the initial page tables",
		       &tables, error, sizeof(error)) ||
	    tvx_setup_long(&m->vm, &state, boot->entry, tables)) {
		errno = EINVAL;
		die("the kernel's entry");
	}
	state.gdtr = (struct tvx_dtable){ .base = boot->gdt, .limit = BOOT_GDT_SIZE - 1 };
	for (i = TVX_ES; i <= TVX_GS; i++)
		state.seg[i].selector = i == TVX_CS ? BOOT_GDT_CS : BOOT_GDT_DS;
	state.gpr[TVX_RSP] = tables;
	state.gpr[TVX_RSI] = boot->esi;
	set_state(&state);
}

static void kvm_boot_open(struct machine *m, const struct boot *boot)
{
	struct kvm_pit_config pit = { 0 };
	int size;

	dev = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	vm = must(ioctl(dev, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	must(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	must(ioctl(vm, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
	set_memory(m);
	vcpu = must(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	size = must(ioctl(dev, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		die("mmap of the run page");
	set_cpuid();
	set_fast_strings();
	set_up_long(m, boot);
}

static void port(struct devices *d)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;
	uint32_t value, i;

	for (i = 0; i < run->io.count; i++, data += run->io.size) {
		value = 0;
		if (run->io.direction == KVM_EXIT_IO_OUT) {
			memcpy(&value, data, run->io.size);
			devices_out(d, run->io.port, run->io.size, value);
		} else {
			value = devices_in(d, run->io.port, run->io.size);
			memcpy(data, &value, run->io.size);
		}
	}
}

static void mmio(struct devices *d)
{
	uint64_t value = 0;

	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, run->mmio.len);
		devices_write(d, run->mmio.phys_addr, run->mmio.len, value);
	} else {
		value = devices_read(d, run->mmio.phys_addr, run->mmio.len);
		memcpy(run->mmio.data, &value, run->mmio.len);
	}
}

static void kvm_boot_run(struct machine *m)
{
	while (m->devices.end == DEVICES_GO_ON) {
		if (ioctl(vcpu, KVM_RUN, 0) < 0) {
			if (errno != EINTR)
				die("KVM_RUN");
			continue;
		}
		switch (run->exit_reason) {
		case KVM_EXIT_IO:
			port(&m->devices);
			break;
		case KVM_EXIT_MMIO:
			mmio(&m->devices);
			break;
		default:
			errno = run->exit_reason;
			die("KVM_RUN: an exit that was not expected, by number");
		}
	}
	console_flush(&m->console);
}

/* KVM counts all exits, and of the reasons only some. */
static const struct {
	const char *name, *key;
} counted[] = {
	{ "exits", "boot_exits" },
	{ "io_exits", "boot_io" },
	{ "halt_exits", "boot_hlt" },
	{ "irq_exits", "boot_interrupt" },
};

static void count(int fd, const struct kvm_stats_header *h, const struct kvm_stats_desc *desc)
{
	off_t at = h->data_offset + desc->offset;
	uint64_t value;
	unsigned int i;

	for (i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		if (strcmp(desc->name, counted[i].name))
			continue;
		if (pread(fd, &value, sizeof(value), at) != sizeof(value))
			die("KVM's statistics");
		report(counted[i].key, value);
	}
}

static void kvm_boot_count(struct machine *m)
{
	int fd = must(ioctl(vcpu, KVM_GET_STATS_FD, 0), "KVM_GET_STATS_FD");
	struct kvm_stats_desc *desc;
	struct kvm_stats_header h;
	unsigned int i;
	size_t size;

	(void)m;
	if (pread(fd, &h, sizeof(h), 0) != sizeof(h))
		die("KVM's statistics");
	size = sizeof(*desc) + h.name_size;
	desc = malloc(size);
	for (i = 0; desc && i < h.num_desc; i++) {
		if (pread(fd, desc, size, h.desc_offset + i * size) != (ssize_t)size)
			die("KVM's statistics");
		count(fd, &h, desc);
	}
	free(desc);
}

const struct hypervisor kvm_hypervisor = {
	.name = "kvm",
	.open = kvm_boot_open,
	.run = kvm_boot_run,
	.count = kvm_boot_count,
};
