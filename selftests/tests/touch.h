/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of memory slots share: a slot of their own, and guests that touch it. */
#ifndef TVX_TOUCH_H
#define TVX_TOUCH_H

#include "tvx_test.h"

#define SLOT		5u		/* the tests' own: slot 0 is the guest's code and tables */
#define SLOT_GPA	0x40000000ull	/* 1 GiB */
#define OTHER_GPA	0x48000000ull
#define HUGE		(2ull << 20)
#define PAGE		4096ull
#define EPT_VIOLATION	48		/* basic exit reason */
#define MAGIC		0x1122334455667788ull

GUEST64(load, "mov (%rdi), %rax\nhlt");
GUEST64(store, "mov %rax, (%rdi)\nhlt");
/* RCX pages from RDI: add 1 to the first word of each, their sum in RAX. */
GUEST64(touch, "xor %eax, %eax\n1: incq (%rdi)\nadd (%rdi), %rax\nadd $4096, %rdi\ndec %rcx\njnz 1b\nhlt");
GUEST64(jump, "jmp *%rdi");

static inline uint32_t guest_load(struct guest *g, uint64_t gpa)
{
	start(g, GUEST_LONG, load);
	tvx_set_gpr(&g->vcpu, TVX_RDI, gpa);
	return run(g);
}

static inline uint32_t guest_store(struct guest *g, uint64_t gpa, uint64_t value)
{
	start(g, GUEST_LONG, store);
	tvx_set_gpr(&g->vcpu, TVX_RDI, gpa);
	tvx_set_gpr(&g->vcpu, TVX_RAX, value);
	return run(g);
}

static inline uint32_t guest_touch(struct guest *g, uint64_t gpa, uint64_t pages)
{
	start(g, GUEST_LONG, touch);
	tvx_set_gpr(&g->vcpu, TVX_RDI, gpa);
	tvx_set_gpr(&g->vcpu, TVX_RCX, pages);
	return run(g);
}

static inline uint64_t violations(struct guest *g)
{
	struct tvx_stats stats;

	must(tvx_vcpu_get_stats(&g->vcpu, &stats));
	return stats.reason[EPT_VIOLATION].count;
}

/* @len bytes at an address that is a multiple of 2 MiB; of @fd, or anonymous if -1. */
static inline void *map_aligned(uint64_t len, int fd)
{
	uint8_t *room = mmap(NULL, len + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *at = (uint8_t *)(((uintptr_t)room + HUGE - 1) & ~(HUGE - 1));
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;

	if (room == MAP_FAILED)
		return MAP_FAILED;
	return mmap(at, len, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0);
}

static inline int set_slot(struct guest *g, uint64_t gpa, uint64_t len, void *hva, uint32_t flags)
{
	return tvx_vm_set_slot(&g->vm, SLOT, gpa, len, hva, flags);
}

#endif
