/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two vCPUs for tests of tvx_handle_mmio(): one remembers, the other one gets no
 * memory to remember in and does everything anew. Both are given the same exit
 * on the same guest, and must leave the same behind.
 *
 * Memory is three slots: 0 and 2 (read-only) in guest_ram, and between them slot 1,
 * for code and page tables, which can be moved to other host memory and back.
 */
#ifndef MMIO_HOST_H
#define MMIO_HOST_H

#include <stdlib.h>
#include <sys/ioctl.h>

#define SLOT1		0xe0000ULL
#define SLOT1_LEN	0x10000ULL
#define START		(SLOT1 + 0x1000)	/* of the code */
#define DEV		0x80000000ULL		/* linear address of the device in 64-bit mode */

static bool no_memory;
static unsigned int nr_emulated;	/* the long way was taken */
static unsigned int nr_get_state;
static struct tvx_state mock_state;
static uint8_t other_slot1[SLOT1_LEN] __attribute__((aligned(4096)));

static void *mock_aligned_alloc(size_t align, size_t size)
{
	return no_memory ? NULL : aligned_alloc(align, size);
}

int mock_close(int fd)
{
	return 0;
}

static int mock_ioctl(int fd, unsigned long cmd, ...)
{
	return fd == 3 && cmd == TVX_VM_SET_SLOT ? 0 : -1;
}

int tvx_vcpu_get_state(struct tvx_vcpu *vcpu, struct tvx_state *state, uint32_t sections)
{
	nr_get_state++;
	*state = mock_state;
	state->sections = sections;
	return 0;
}

int tvx_vcpu_set_state(struct tvx_vcpu *vcpu, const struct tvx_state *state)
{
	mock_state = *state;
	return 0;
}

#define close		mock_close
#define ioctl		mock_ioctl
#define aligned_alloc	mock_aligned_alloc
#include "tools/libtvx/emulate/alu.c"
#include "tools/libtvx/emulate/decode.c"
#include "tools/libtvx/emulate/paging.c"
#include "tools/libtvx/emulate/tlb.c"
#include "tools/libtvx/emulate/operand.c"
#include "tools/libtvx/emulate/exec.c"
#include "tools/libtvx/emulate/strio.c"
#include "tools/libtvx/runpage.c"
#include "tools/libtvx/device.c"
#include "tools/libtvx/vm.c"
#include "tools/libtvx/emulate/memo.c"
#include "tools/libtvx/emulate/emulate.c"

static int emulate_and_count(struct tvx_vcpu *vcpu, const struct tvx_mmio_ops *mmio)
{
	nr_emulated++;
	return tvx_emulate_mmio(vcpu, mmio);
}

#define tvx_emulate_mmio emulate_and_count
#include "tools/libtvx/emulate/plain.c"
#undef tvx_emulate_mmio
#undef close
#undef ioctl
#undef aligned_alloc

#include "tvx_guest.h"

/* A device gets the bytes that were written, and no others. */
static void strict_write(void *ctx, uint64_t gpa, unsigned int len, uint64_t val)
{
	EXPECT_EQ(len < 8 ? val >> 8 * len : 0, 0ULL);
	guest_mmio_write(ctx, gpa, len, val);
}

static const struct tvx_mmio_ops strict_mmio = { guest_mmio_read, strict_write, NULL };
static struct tvx_run run_page;		/* of both vCPUs */
static struct tvx_vm vm;
static struct tvx_vcpu quick, slow;
static const struct tvx_mmio_ops *devices;

static void set_slot1(void *hva)
{
	ASSERT_EQ(tvx_vm_set_slot(&vm, 1, SLOT1, SLOT1_LEN, hva, 0), 0);
}

static void host_reset(void)
{
	free(quick.memo);
	tvx_vm_destroy(&vm);
	vm = (struct tvx_vm){ .fd = 3, .info = { .max_slots = 4, .gpa_bits = 40 } };
	ASSERT_EQ(tvx_vm_set_slot(&vm, 0, 0, SLOT1, guest_ram, 0), 0);
	set_slot1(guest_ram + SLOT1);
	ASSERT_EQ(tvx_vm_set_slot(&vm, 2, GUEST_ROM, GUEST_RAM - GUEST_ROM, guest_ram + GUEST_ROM,
				  TVX_SLOT_READONLY), 0);
	devices = &strict_mmio;
	quick = slow = (struct tvx_vcpu){ .vm = &vm, .run = &run_page };
	memset(&run_page, 0, sizeof(run_page));
	memset(&mock_state, 0, sizeof(mock_state));
	guest_reset();
	nr_emulated = nr_get_state = 0;
}

/* The exit, and the state behind it, of a CPU as guest_cpu() makes them. */
static void set_exit(const struct tvx_cpu *cpu)
{
	struct tvx_run_out *out = &run_page.out;
	unsigned int i;

	memcpy(out->gpr, cpu->gpr, sizeof(out->gpr));
	out->rip = cpu->rip;
	out->rflags = cpu->rflags;
	out->ctx = (struct tvx_run_ctx){
		.valid = 1, .cs_ar = cpu->seg[TVX_CS].ar, .cs_base = cpu->seg[TVX_CS].base,
		.cr0 = cpu->paging.cr0, .cr3 = cpu->paging.cr3, .cr4 = cpu->paging.cr4,
		.efer = cpu->paging.efer,
		.ss_ar = cpu->seg[TVX_SS].ar | cpu->paging.cpl << 5,
		.seg_valid = tvx_cpu_mode(cpu) != 64,
	};
	for (i = 0; i < TVX_NR_SREGS; i++)
		out->ctx.seg[i] = out->ctx.seg_valid ?
			(struct tvx_run_segment){ cpu->seg[i].base, cpu->seg[i].limit,
						  cpu->seg[i].ar } :
			(struct tvx_run_segment){ ~0ULL, ~0U, ~0U };	/* means nothing */
	memcpy(mock_state.seg, cpu->seg, sizeof(cpu->seg));
	memcpy(mock_state.pdpte, cpu->paging.pdpte, sizeof(mock_state.pdpte));
}

/* All that an exit can leave behind. */
struct outcome {
	int ret;
	uint64_t gpr[TVX_NR_GPRS], rip, rflags;
	struct tvx_event event;
	struct tvx_state state;
	unsigned int nr_accesses;
	struct guest_access log[64];
	char error[128];
	uint8_t ram[GUEST_RAM], other[SLOT1_LEN], dev[GUEST_DEV_SIZE];
};

static void note_outcome(struct outcome *o, const struct tvx_vcpu *vcpu, int ret)
{
	unsigned int i;

	memset(o, 0, offsetof(struct outcome, ram));
	o->ret = ret;
	for (i = 0; i < TVX_NR_GPRS; i++)
		o->gpr[i] = tvx_get_gpr(vcpu, i);
	o->rip = tvx_get_rip(vcpu);
	o->rflags = tvx_get_rflags(vcpu);
	o->event = run_page.in.event;
	o->state = mock_state;
	o->state.sections = 0;
	o->nr_accesses = guest_nr_accesses;
	memcpy(o->log, guest_log, sizeof(o->log));
	if (ret)
		memcpy(o->error, vcpu->error, sizeof(o->error));
	memcpy(o->ram, guest_ram, sizeof(o->ram));
	memcpy(o->other, other_slot1, sizeof(o->other));
	memcpy(o->dev, guest_dev, sizeof(o->dev));
}

static struct outcome expected, got;

/* Handle the exit by the vCPU that remembers, and compare with what the other one does. */
static bool handle_both(void)
{
	static uint8_t ram[GUEST_RAM], other[SLOT1_LEN], dev[GUEST_DEV_SIZE];
	struct tvx_state state = mock_state;
	struct tvx_run run = run_page;
	unsigned int gets;

	memcpy(ram, guest_ram, sizeof(ram));
	memcpy(other, other_slot1, sizeof(other));
	memcpy(dev, guest_dev, sizeof(dev));
	memset(guest_log, 0, sizeof(guest_log));
	guest_nr_accesses = 0;
	no_memory = true;
	gets = nr_get_state;
	note_outcome(&expected, &slow, tvx_emulate_mmio(&slow, devices));
	nr_get_state = gets;
	no_memory = false;

	memcpy(guest_ram, ram, sizeof(ram));
	memcpy(other_slot1, other, sizeof(other));
	memcpy(guest_dev, dev, sizeof(dev));
	memset(guest_log, 0, sizeof(guest_log));
	guest_nr_accesses = 0;
	mock_state = state;
	run_page = run;
	note_outcome(&got, &quick, tvx_handle_mmio(&quick, devices));
	run_page = run;
	mock_state = state;
	return EXPECT_FALSE(slow.memo) & EXPECT_EQ(memcmp(&got, &expected, sizeof(got)), 0);
}

static struct tvx_cpu cpu;

/* Memory is mapped where it is, the device at DEV. */
static __attribute__((unused)) void start(int mode)
{
	uint64_t at;

	host_reset();
	cpu = guest_cpu(mode);
	cpu.rip = START;
	if (mode != 64)
		return;
	for (at = 0; at < GUEST_RAM; at += 4096)
		guest_map(at, at, PT_P | PT_W);
	for (at = 0; at < GUEST_DEV_SIZE; at += 4096)
		guest_map(DEV + at, GUEST_DEV + at, PT_P | PT_W);
}

static void code(const char *bytes, size_t n)
{
	memcpy(guest_ram + (cpu.seg[TVX_CS].ar & TVX_AR_L ? 0 : cpu.seg[TVX_CS].base) + cpu.rip,
	       bytes, n);
}

#define CODE(bytes)	code(bytes, sizeof(bytes) - 1)

/* One exit; how often the long way was taken. */
static __attribute__((unused)) unsigned int once(void)
{
	unsigned int before = nr_emulated;

	set_exit(&cpu);
	handle_both();
	return nr_emulated - before;
}

#endif
