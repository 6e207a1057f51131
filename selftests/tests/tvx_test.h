/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kselftests share: a VM with memory and one vCPU, and guest code in
 * the same file as the test that runs it.
 *
 * Guest code is a named blob of assembly, copied to CODE_GPA and entered in the
 * mode that the test asks for:
 *
 *	GUEST64(hello, "mov $42, %eax; hlt");
 *	TEST_F(vm, hello) { start(self, GUEST_LONG, hello); ASSERT_EQ(run(self), TVX_EXIT_HLT); }
 *
 * foo() asserts, _foo() returns the error.
 */
#ifndef TVX_TEST_H
#define TVX_TEST_H

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "libtvx.h"

#define MEM_SIZE	(4ull << 20)
#define CODE_GPA	0x10000ull	/* in real mode: cs 0x1000 */
#define STACK_GPA	0x80000ull
#define TABLES_GPA	0x100000ull	/* identity page tables of 64-bit guests */
#define DATA_GPA	0x200000ull	/* free for the test */

enum guest_mode { GUEST_REAL, GUEST_PROTECTED, GUEST_LONG };

#define GUEST_BLOB(name, bits, text)						\
	extern const char name##_code[], name##_end[];				\
	asm(".pushsection .rodata\n.code" bits "\n.globl " #name "_code, " #name "_end\n" \
	    #name "_code:\n" text "\n" #name "_end:\n.code64\n.popsection\n")
#define GUEST16(name, text) GUEST_BLOB(name, "16", text)
#define GUEST32(name, text) GUEST_BLOB(name, "32", text)
#define GUEST64(name, text) GUEST_BLOB(name, "64", text)

struct guest {
	struct tvx_dev dev;
	struct tvx_vm vm;
	struct tvx_vcpu vcpu;
	uint8_t *mem;		/* guest-physical 0 */
};

#define must(expression) do {								\
	int must_err = (expression);							\
	if (must_err) {									\
		fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #expression,	\
			strerror(must_err < 0 ? -must_err : must_err));			\
		abort();								\
	}										\
} while (0)

/* Write to a knob of the kernel's; errno says why not. */
static inline bool write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_APPEND | O_CLOEXEC), err;
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	err = errno;
	if (fd >= 0)
		close(fd);
	errno = err;
	return ok;
}

/* Is the kernel that we run on a guest of KVM? */
static inline bool under_kvm(void)
{
	unsigned int eax, name[3];

	__cpuid(1, eax, name[0], name[1], name[2]);
	if (!(name[1] & 1u << 31))
		return false;
	__cpuid(0x40000000, eax, name[0], name[1], name[2]);
	return !memcmp(name, "KVMKVMKVM\0\0", sizeof(name));
}

/* A VM with MEM_SIZE of memory at 0; no vCPU yet, so that policies can be set. */
static inline void guest_open_flags(struct guest *g, uint32_t flags)
{
	memset(g, 0, sizeof(*g));
	g->vcpu.fd = -1;
	must(tvx_open(&g->dev));
	must(tvx_vm_create_flags(&g->dev, flags, &g->vm));
	/*
	 * Bochs tells a wrong vector of a virtual interrupt whose delivery an EPT violation
	 * interrupts: with local APICs no page is missing.
	 */
	must(tvx_vm_add_memory_flags(&g->vm, 0, MEM_SIZE,
				     flags & TVX_VM_APIC ? TVX_SLOT_PREMAP : 0));
	g->mem = tvx_vm_host(&g->vm, 0, MEM_SIZE);
}

static inline void guest_open(struct guest *g)
{
	guest_open_flags(g, 0);
}

static inline void guest_vcpu(struct guest *g)
{
	must(tvx_vcpu_create(&g->vm, 0, &g->vcpu));
}

static inline void guest_close(struct guest *g)
{
	if (g->vcpu.fd >= 0)
		tvx_vcpu_destroy(&g->vcpu);
	tvx_vm_destroy(&g->vm);
	tvx_close(&g->dev);
}

static inline bool has_feature(const struct guest *g, uint64_t feature)
{
	return g->dev.info.features & feature;
}

/* Put code at CODE_GPA and the vCPU into @mode, to start there. */
static inline void guest_start(struct guest *g, enum guest_mode mode, const char *code,
			       const char *end)
{
	struct tvx_state state;

	memcpy(g->mem + CODE_GPA, code, end - code);
	must(tvx_vcpu_get_state(&g->vcpu, &state, TVX_STATE_ALL));
	switch (mode) {
	case GUEST_REAL:
		tvx_setup_real(&state, CODE_GPA >> 4, 0);
		break;
	case GUEST_PROTECTED:
		tvx_setup_protected(&state, CODE_GPA);
		break;
	case GUEST_LONG:
		must(tvx_setup_long(&g->vm, &state, CODE_GPA, TABLES_GPA));
		break;
	}
	state.gpr[TVX_RSP] = mode == GUEST_REAL ? 0xfff0 : STACK_GPA;
	state.activity = TVX_ACTIVE;
	state.sections = TVX_STATE_ALL;
	must(tvx_vcpu_set_state(&g->vcpu, &state));
}
#define start(g, mode, name) guest_start(g, mode, name##_code, name##_end)

/* No signal is expected: the exit. */
static inline uint32_t guest_run(struct guest *g)
{
	must(tvx_vcpu_run(&g->vcpu));
	return g->vcpu.run->out.exit;
}
#define run(g) guest_run(g)

static inline struct tvx_run_out *out(struct guest *g)
{
	return &g->vcpu.run->out;
}

static inline uint64_t reg(struct guest *g, enum tvx_gpr r)
{
	return g->vcpu.run->out.gpr[r];
}

/* The fixture that most tests want. */
FIXTURE(vm) {
	struct guest g;
};

FIXTURE_SETUP(vm)
{
	guest_open(&self->g);
	guest_vcpu(&self->g);
}

FIXTURE_TEARDOWN(vm)
{
	guest_close(&self->g);
}

#endif
