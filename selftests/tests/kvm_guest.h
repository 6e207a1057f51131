/* SPDX-License-Identifier: GPL-2.0-only */
/* KVM's modules, and a guest of KVM's beside one of ours: the same code in the same state. */
#ifndef KVM_GUEST_H
#define KVM_GUEST_H

#include <linux/kvm.h>
#include <sys/syscall.h>

#include "tvx_test.h"

#define MODULES		"/lib/modules-extra/"
#define KVM_CPUIDS	200

/* Seconds for a test: the emulator takes long for much of what KVM does. */
#define LONG		1000

/* This thread, from now on. */
static inline void on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(sched_setaffinity(0, sizeof(set), &set) ? errno : 0);
}

static inline bool kvm_is_here(void)
{
	return !access(MODULES "kvm-intel.ko", R_OK);
}

/* Return: 0, also if it was there already; -errno */
static inline int insmod(const char *name)
{
	char path[128];
	int fd, err;

	snprintf(path, sizeof(path), MODULES "%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);
	return err == -EEXIST ? 0 : err;
}

static inline int rmmod(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

static inline int load_kvm(void)
{
	int err;

	insmod("irqbypass");	/* where there is one */
	err = insmod("kvm");
	return err ? err : insmod("kvm-intel");
}

/* If it is there.  What it needs stays: that is what takes long to load. */
static inline int unload_kvm(void)
{
	return access("/sys/module/kvm_intel", F_OK) ? 0 : rmmod("kvm_intel");
}

struct kvm_guest {
	int dev, vm, vcpu;
	uint8_t *mem;		/* guest-physical 0, MEM_SIZE */
	struct kvm_run *run;
	size_t run_size;
};

/* All the CPUID that KVM supports: without it the guest has no long mode, and no RDTSCP. */
static inline void kvm_all_cpuid(struct kvm_guest *k)
{
	struct kvm_cpuid2 *all = calloc(1, sizeof(*all) +
					KVM_CPUIDS * sizeof(struct kvm_cpuid_entry2));

	must(all ? 0 : ENOMEM);
	all->nent = KVM_CPUIDS;
	must(ioctl(k->dev, KVM_GET_SUPPORTED_CPUID, all) ? errno : 0);
	must(ioctl(k->vcpu, KVM_SET_CPUID2, all) ? errno : 0);
	free(all);
}

static inline void kvm_open(struct kvm_guest *k)
{
	struct kvm_userspace_memory_region memory = { .memory_size = MEM_SIZE };

	k->dev = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	must(k->dev < 0 ? errno : 0);
	k->vm = ioctl(k->dev, KVM_CREATE_VM, 0);
	must(k->vm < 0 ? errno : 0);
	k->mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(k->mem == MAP_FAILED ? errno : 0);
	memory.userspace_addr = (uintptr_t)k->mem;
	must(ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &memory) ? errno : 0);
	k->vcpu = ioctl(k->vm, KVM_CREATE_VCPU, 0);
	must(k->vcpu < 0 ? errno : 0);
	k->run_size = ioctl(k->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
	k->run = mmap(NULL, k->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, k->vcpu, 0);
	must(k->run == MAP_FAILED ? errno : 0);
	kvm_all_cpuid(k);
}

static inline void kvm_close(struct kvm_guest *k)
{
	munmap(k->run, k->run_size);
	munmap(k->mem, MEM_SIZE);
	close(k->vcpu);
	close(k->vm);
	close(k->dev);
}

static inline struct kvm_segment kvm_segment_of(const struct tvx_segment *s)
{
	return (struct kvm_segment){
		.base = s->base, .limit = s->limit, .selector = s->selector, .type = s->ar & 0xf,
		.s = s->ar >> 4 & 1, .dpl = s->ar >> 5 & 3, .present = s->ar >> 7 & 1,
		.avl = s->ar >> 12 & 1, .l = s->ar >> 13 & 1, .db = s->ar >> 14 & 1,
		.g = s->ar >> 15 & 1, .unusable = s->ar >> 16 & 1,
	};
}

/* KVM's guest begins where ours does, in a copy of its memory. */
static inline void kvm_start_as(struct kvm_guest *k, struct guest *g)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct tvx_state st;

	must(tvx_vcpu_get_state(&g->vcpu, &st, TVX_STATE_ALL));
	memcpy(k->mem, g->mem, MEM_SIZE);
	must(ioctl(k->vcpu, KVM_GET_SREGS, &sregs) ? errno : 0);
	sregs.cs = kvm_segment_of(&st.seg[TVX_CS]);
	sregs.ss = kvm_segment_of(&st.seg[TVX_SS]);
	sregs.ds = kvm_segment_of(&st.seg[TVX_DS]);
	sregs.es = kvm_segment_of(&st.seg[TVX_ES]);
	sregs.fs = kvm_segment_of(&st.seg[TVX_FS]);
	sregs.gs = kvm_segment_of(&st.seg[TVX_GS]);
	sregs.gdt.base = st.gdtr.base;
	sregs.gdt.limit = st.gdtr.limit;
	sregs.cr0 = st.cr0;
	sregs.cr3 = st.cr3;
	sregs.cr4 = st.cr4;
	sregs.efer = st.efer;
	must(ioctl(k->vcpu, KVM_SET_SREGS, &sregs) ? errno : 0);
	memset(&regs, 0, sizeof(regs));
	regs.rax = st.gpr[TVX_RAX];
	regs.rsp = st.gpr[TVX_RSP];
	regs.r8 = st.gpr[TVX_R8];
	regs.r9 = st.gpr[TVX_R9];
	regs.r10 = st.gpr[TVX_R10];
	regs.rip = st.rip;
	regs.rflags = st.rflags;
	must(ioctl(k->vcpu, KVM_SET_REGS, &regs) ? errno : 0);
}

/* Until it exits, whatever signals come.  Return: KVM_EXIT_* */
static inline uint32_t kvm_run_guest(struct kvm_guest *k)
{
	while (ioctl(k->vcpu, KVM_RUN, 0))
		must(errno == EINTR ? 0 : errno);
	return k->run->exit_reason;
}

#endif
