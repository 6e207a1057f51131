// SPDX-License-Identifier: GPL-2.0-only
/* What only PCs have: local APICs, the CPUID that tells of them, ACPI tables, virtio devices. */
#include <errno.h>
#include <string.h>

#include "acpi.h"
#include "firmware.h"
#include "guest_cpuid.h"
#include "machine.h"

#define RESET_VECTOR		0xffff0ULL	/* F000:FFF0 */
#define APIC_BASE_X2APIC	(1ULL << 10)	/* IA32_APIC_BASE.EXTD */
#define APIC_ID			(0x20 / 16)	/* registers in struct tvx_apic */
#define APIC_LDR		(0xd0 / 16)

/* ---- devices ---- */

static int send_msi(void *ctx, uint64_t address, uint32_t data)
{
	struct machine *m = ctx;

	return tvx_vm_msi(&m->vm, address, data);
}

/* vCPU 0 looks before its next RUN, which comes soon. */
static void set_extint(void *ctx, bool raised)
{
	struct machine *m = ctx;

	__atomic_store_n(&m->extint, raised, __ATOMIC_RELEASE);
	if (raised && m->nr_vcpus)
		tvx_vcpu_kick(&m->vcpu[0].tvx);
}

static void on_input(void *ctx)
{
	devices_input(ctx);
}

static uint8_t *claim(struct machine *m, uint64_t from, uint64_t to, char *error, size_t size)
{
	return ram_claim(&m->ram, from, to - from, "video memory and ROM", error, size);
}

/*
 * Where a CPU begins after a reset, in place of firmware: asks for one. Linux goes there,
 * as it expects of a "hardware-reduced" ACPI that EFI does it, and uses no reset register.
 */
static void put_reset_code(uint8_t *at)
{
	static const uint8_t code[] = {
		0xb0, 0xfe,	/* mov $0xfe, %al */
		0xe6, 0x64,	/* out %al, $0x64 */
		0xeb, 0xfe,	/* jmp . */
	};

	memcpy(at, code, sizeof(code));
}

/* What guests are told is no memory must hold nothing of theirs. */
static int put_tables(struct machine *m, char *error, size_t size)
{
	const struct acpi_options opt = {
		.base = ACPI_BASE,
		.nr_cpus = m->opt->cpus,
		.nr_virtio = virtio_count(&m->devices),
	};
	const uint64_t acpi_end = ACPI_BASE + ACPI_SIZE;
	uint64_t rsdp = 0;
	uint8_t *rom;
	int err;

	if (!claim(m, RAM_LOW_TOP, ACPI_BASE, error, size))
		return -ENOSPC;
	rom = claim(m, acpi_end, RAM_LOW_END, error, size);
	if (!rom)
		return -ENOSPC;
	put_reset_code(rom + (RESET_VECTOR - acpi_end));
	err = acpi_build(&m->ram, &opt, &rsdp, error, size);
	m->rsdp = rsdp;
	return err;
}

int pc_add_devices(struct machine *m)
{
	const struct added_device *a;
	char error[256] = "";
	int err;

	m->irq = (struct irq_ops){ .msi = send_msi, .extint = set_extint, .ctx = m };
	err = console_attach(&m->console, &m->loop, on_input, &m->devices);
	if (err)
		return machine_end_errno(m, "setting up the console", err);
	for (a = m->opt->added; a < m->opt->added + m->opt->nr_added; a++) {
		err = virtio_add(&m->devices, a->kind, a->options, error, sizeof(error));
		if (err)
			return machine_end(m, err == -EINVAL ? ST_USAGE : ST_SYSTEM,
					   err == -EINVAL ? "usage" : "system",
					   "virtio %s%s%s: %s", a->kind, a->options ? " " : "",
					   a->options ?: "", error);
	}
	err = m->opt->load.firmware ?
	      firmware_tell(&m->devices, &m->ram, m->opt->cpus, error, sizeof(error)) :
	      put_tables(m, error, sizeof(error));
	if (err == -ENOMEM)
		return machine_end_errno(m, "describing the PC to its firmware", err);
	if (err)
		return machine_end(m, ST_USAGE, "usage", "a PC needs more memory: %s", error);
	return 0;
}

/* ---- vCPUs ---- */

int pc_set_cpuid(struct machine *m)
{
	struct tvx_cpuid_entry table[TVX_MAX_CPUID];
	unsigned int count = TVX_MAX_CPUID;
	int err = tvx_get_cpuid(&m->dev, table, &count);

	if (!err) {
		count = guest_cpuid(table, count, m->opt->cpus, m->dev.info.tsc_khz);
		err = count ? tvx_vm_set_cpuid(&m->vm, table, count) : -E2BIG;
	}
	return err ? machine_end_errno(m, "setting the guest's CPUID", err) : 0;
}

/*
 * As firmware of large machines leaves them: without it a kernel that knows x2APIC mode
 * begins with accesses to the xAPIC page, each of which may be an exit to us. Those of
 * the other vCPUs stay in the mode through INIT.
 */
static int set_x2apic(struct vcpu *c)
{
	struct tvx_apic apic;
	uint32_t id = c->tvx.id;
	int err = tvx_vcpu_get_apic(&c->tvx, &apic);

	if (err)
		return err;
	apic.base |= APIC_BASE_X2APIC;
	apic.reg[APIC_ID] = id;
	apic.reg[APIC_LDR] = (id & ~0xfU) << 12 | 1U << (id & 0xf);
	return tvx_vcpu_set_apic(&c->tvx, &apic);
}

int pc_set_apics(struct machine *m, const struct boot *boot)
{
	unsigned int i;
	int err = 0;

	if (!boot->x2apic || m->opt->xapic)
		return 0;
	for (i = 0; i < m->nr_vcpus && !err; i++)
		err = set_x2apic(&m->vcpu[i]);
	return err ? machine_end_errno(m, "setting the local APICs", err) : 0;
}

/*
 * The 8259 waits until its interrupt is taken: only then does it say which one it is,
 * so that it is asked when the vCPU is open to it, and not before.
 */
void pc_offer_extint(struct vcpu *c)
{
	const struct tvx_run_out *out = &c->tvx.run->out;
	struct tvx_run_in *in = &c->tvx.run->in;
	struct machine *m = c->m;
	uint8_t vector;

	if (c->tvx.id)
		return;
	in->requests &= ~TVX_REQ_INTR_WINDOW;
	if (!__atomic_load_n(&m->extint, __ATOMIC_ACQUIRE))
		return;
	/* An exception that the last exit has led to comes first. */
	if (!(out->flags & TVX_OUT_INTR_OPEN) || out->flags & TVX_OUT_PENDING_INTR ||
	    in->event.flags & TVX_EVENT_VALID) {
		in->requests |= TVX_REQ_INTR_WINDOW;
		return;
	}
	pthread_mutex_lock(&m->lock);
	vector = pic_acknowledge(&m->devices);
	pthread_mutex_unlock(&m->lock);
	tvx_inject_intr(&c->tvx, vector);
}
