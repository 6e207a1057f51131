// SPDX-License-Identifier: GPL-2.0-only
/* The back end on /dev/tinyvmx, by libtvx. */
#include <errno.h>
#include <string.h>

#include "bench.h"
#include "libtvx.h"

/* What the mode has as it likes; KVM does it by itself. */
#define APIC_ID		0x20
#define APIC_LDR	0xd0

static struct tvx_dev dev;
static struct tvx_vm vm;
static struct tvx_vcpu vcpus[NR_VCPUS];
static bool has_apic;

static void must(int err, const char *what)
{
	if (!err)
		return;
	errno = -err;
	die(what);
}

static void tvx_bench_open(void)
{
	must(tvx_open(&dev), "tvx_open");
}

/* There is none that does nothing: this one fills in a struct. */
static void tvx_bench_cheapest(void)
{
	struct tvx_info info;

	must(tvx_get_info(&dev, &info), "tvx_get_info");
}

static void tvx_bench_create(bool apic)
{
	must(tvx_vm_create_flags(&dev, apic ? TVX_VM_APIC : 0, &vm), "tvx_vm_create");
	has_apic = apic;
}

static void tvx_bench_eventfd(uint16_t port, int fd)
{
	must(tvx_vm_ioeventfd(&vm, fd, port, 0, 0, 0), "tvx_vm_ioeventfd");
}

static void tvx_bench_slot(unsigned int nr, uint64_t gpa, uint64_t len, void *hva, bool premap)
{
	must(tvx_vm_set_slot(&vm, nr, gpa, len, hva, premap ? TVX_SLOT_PREMAP : 0),
	     "tvx_vm_set_slot");
}

static void tvx_bench_vcpu(unsigned int id)
{
	must(tvx_vcpu_create(&vm, id, &vcpus[id]), "tvx_vcpu_create");
}

static void set_long(struct tvx_state *state)
{
	static const struct tvx_segment code = { .selector = 0x08, .limit = ~0u, .ar = 0xa09b },
					data = { .selector = 0x10, .limit = ~0u, .ar = 0xc093 };
	unsigned int i;

	for (i = TVX_ES; i <= TVX_GS; i++)
		state->seg[i] = data;
	state->seg[TVX_CS] = code;
	state->gdtr = (struct tvx_dtable){ .base = GUEST_HEADER->gdt, .limit = GDT_LIMIT };
	state->idtr = (struct tvx_dtable){ .base = GUEST_HEADER->idt, .limit = IDT_LIMIT };
	state->cr0 = 0x80010033;	/* PG, WP, NE, ET, MP, PE */
	state->cr3 = GUEST_HEADER->pml4;
	state->cr4 = long_cr4();
	state->efer = 0x500;		/* LMA, LME */
}

static void set_real(struct tvx_state *state)
{
	unsigned int i;

	tvx_setup_real(state, IMAGE_GPA >> 4, 0);
	for (i = TVX_ES; i <= TVX_GS; i++) {
		state->seg[i].selector = IMAGE_GPA >> 4;
		state->seg[i].base = IMAGE_GPA;
	}
}

static void start_apic(unsigned int id)
{
	struct tvx_apic apic;

	must(tvx_vcpu_get_apic(&vcpus[id], &apic), "tvx_vcpu_get_apic");
	apic.base |= APIC_BASE_X2APIC;
	apic.reg[APIC_ID / 16] = id;
	apic.reg[APIC_LDR / 16] = 1u << id;
	apic.reg[APIC_SPIV / 16] = APIC_SPIV_VALUE;
	apic.reg[APIC_LVTT / 16] = APIC_LVTT_VALUE;
	must(tvx_vcpu_set_apic(&vcpus[id], &apic), "tvx_vcpu_set_apic");
}

static void tvx_bench_start(unsigned int id, const struct entry *entry)
{
	struct tvx_state state;

	must(tvx_vcpu_get_state(&vcpus[id], &state, TVX_STATE_ALL), "tvx_vcpu_get_state");
	(entry->real ? set_real : set_long)(&state);
	state.rip = entry->real ? GUEST_HEADER->real_entry : GUEST_HEADER->long_entry;
	state.rflags = 2;
	state.activity = TVX_ACTIVE;
	state.gpr[TVX_RSP] = entry->real ? REAL_SP : STACK_GPA(id);
	state.gpr[TVX_RDI] = entry->op;
	state.gpr[TVX_RSI] = entry->iterations;
	state.gpr[TVX_RDX] = entry->rounds;
	state.gpr[TVX_RBX] = entry->trace;
	must(tvx_vcpu_set_state(&vcpus[id], &state), "tvx_vcpu_set_state");
	if (has_apic)
		start_apic(id);
}

static uint32_t port_read(void *ctx, uint16_t number, unsigned int width)
{
	(void)ctx, (void)number, (void)width;
	return device_read();
}

static void port_write(void *ctx, uint16_t number, unsigned int width, uint32_t value)
{
	(void)ctx, (void)number, (void)width;
	device_write(value);
}

static uint64_t mmio_read(void *ctx, uint64_t gpa, unsigned int len)
{
	(void)ctx, (void)gpa, (void)len;
	return device_read();
}

static void mmio_write(void *ctx, uint64_t gpa, unsigned int len, uint64_t value)
{
	(void)ctx, (void)gpa, (void)len;
	device_write(value);
}

static const struct tvx_port_ops ports = { .in = port_read, .out = port_write };
static const struct tvx_mmio_ops mmio = { .read = mmio_read, .write = mmio_write };

static enum stop tvx_bench_run(unsigned int id, bool wake, bool stop_at_io)
{
	struct tvx_vcpu *vcpu = &vcpus[id];

	for (;;) {
		int err = tvx_vcpu_run(vcpu);

		if (err == -EINTR)
			return STOP_SIGNAL;
		must(err, "tvx_vcpu_run");
		switch (vcpu->run->out.exit) {
		case TVX_EXIT_IO:
			if (vcpu->run->out.io.port == END_PORT)
				return STOP_END;
			must(tvx_handle_io(vcpu, &ports, &mmio), vcpu->error);
			if (stop_at_io)
				return STOP_IO;
			break;
		case TVX_EXIT_MMIO:
			must(tvx_handle_mmio(vcpu, &mmio), vcpu->error);
			break;
		case TVX_EXIT_HLT:
			if (!wake)
				return STOP_HLT;
			must(tvx_inject_intr(vcpu, INTR_VECTOR), "tvx_inject_intr");
			break;
		case TVX_EXIT_INTERRUPTED:
			return STOP_SIGNAL;
		default:
			errno = 0;
			die(tvx_exit_name(vcpu->run->out.exit));
		}
	}
}

static void tvx_bench_close_vcpu(unsigned int id)
{
	tvx_vcpu_destroy(&vcpus[id]);
}

static void tvx_bench_close_vm(void)
{
	tvx_vm_destroy(&vm);
}

static void tvx_bench_close(void)
{
	tvx_close(&dev);
}

const struct backend tvx_backend = {
	.name = "tvx",
	.open = tvx_bench_open,
	.cheapest = tvx_bench_cheapest,
	.create = tvx_bench_create,
	.eventfd = tvx_bench_eventfd,
	.slot = tvx_bench_slot,
	.vcpu = tvx_bench_vcpu,
	.start = tvx_bench_start,
	.run = tvx_bench_run,
	.close_vcpu = tvx_bench_close_vcpu,
	.close_vm = tvx_bench_close_vm,
	.close = tvx_bench_close,
};
