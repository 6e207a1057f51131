// SPDX-License-Identifier: GPL-2.0-only
/* What single commands refuse beyond the rules that all of them obey (contract.c). */
#include <sys/resource.h>

#include "tvx_test.h"

#define PAGE 4096

static int call(int fd, unsigned long command, void *arg)
{
	int ret = ioctl(fd, command, arg);

	return ret < 0 ? -errno : ret;
}

FIXTURE(bare) {
	struct guest g;		/* no vCPU */
};

FIXTURE_SETUP(bare)
{
	guest_open(&self->g);
}

FIXTURE_TEARDOWN(bare)
{
	guest_close(&self->g);
}

/* ---- slots -------------------------------------------------------------------------- */

/* Slot 1, a page at 16 MiB, with one field changed. */
#define SLOT(...) set_slot(&self->g, &(struct tvx_slot){				\
	.size = sizeof(struct tvx_slot), .slot = 1, .gpa = 16 << 20, .len = PAGE,	\
	.hva = (uintptr_t)self->g.mem, __VA_ARGS__ })

#pragma GCC diagnostic ignored "-Woverride-init"

static int set_slot(struct guest *g, struct tvx_slot *slot)
{
	return call(g->vm.fd, TVX_VM_SET_SLOT, slot);
}

TEST_F(bare, slot_alignment_and_limits)
{
	const uint64_t end = 1ull << self->g.dev.info.gpa_bits;

	EXPECT_EQ(0, SLOT());
	EXPECT_EQ(-EINVAL, SLOT(.gpa = (16 << 20) + 1));
	EXPECT_EQ(-EINVAL, SLOT(.gpa = (16 << 20) + 2048));
	EXPECT_EQ(-EINVAL, SLOT(.len = 1));
	EXPECT_EQ(-EINVAL, SLOT(.len = PAGE + 8));
	EXPECT_EQ(-EINVAL, SLOT(.hva = (uintptr_t)self->g.mem + 1));
	EXPECT_EQ(-EINVAL, SLOT(.slot = self->g.dev.info.max_slots));
	EXPECT_EQ(-EINVAL, SLOT(.slot = ~0u));
	EXPECT_EQ(0, SLOT(.slot = self->g.dev.info.max_slots - 1, .gpa = 20 << 20));
	/* The last page of the address space, and what is beyond it. */
	EXPECT_EQ(0, SLOT(.gpa = end - PAGE));
	EXPECT_EQ(-EINVAL, SLOT(.gpa = end - PAGE, .len = 2 * PAGE));
	EXPECT_EQ(-EINVAL, SLOT(.gpa = end));
	EXPECT_EQ(-EINVAL, SLOT(.gpa = -4096ull));
	EXPECT_EQ(-EINVAL, SLOT(.gpa = 4096, .len = -4096ull));
	EXPECT_EQ(-EINVAL, SLOT(.gpa = 1ull << 63, .len = 1ull << 63));
}

TEST_F(bare, slot_addresses_are_the_callers)
{
	const uint64_t top = 0x7ffffffff000;

	EXPECT_EQ(-EINVAL, SLOT(.hva = top));
	EXPECT_EQ(-EINVAL, SLOT(.hva = top - PAGE, .len = 2 * PAGE));
	EXPECT_EQ(-EINVAL, SLOT(.hva = 1ull << 47));
	EXPECT_EQ(-EINVAL, SLOT(.hva = 0xffff888000000000));
	EXPECT_EQ(-EINVAL, SLOT(.hva = 0xffffffff81000000));
	EXPECT_EQ(-EINVAL, SLOT(.hva = -4096ull));
}

TEST_F(bare, slots_do_not_overlap)
{
	EXPECT_EQ(-EEXIST, SLOT(.gpa = 0));
	EXPECT_EQ(-EEXIST, SLOT(.gpa = MEM_SIZE - PAGE));
	EXPECT_EQ(0, SLOT(.gpa = MEM_SIZE));
	EXPECT_EQ(-EEXIST, SLOT(.slot = 2, .gpa = MEM_SIZE));
	/* A slot may be put where it is, or across where it was. */
	EXPECT_EQ(0, SLOT(.gpa = MEM_SIZE, .len = 4 * PAGE));
	EXPECT_EQ(0, SLOT(.gpa = MEM_SIZE + PAGE, .len = 4 * PAGE));
	EXPECT_EQ(0, SLOT(.slot = 2, .gpa = MEM_SIZE));
	EXPECT_EQ(-EEXIST, SLOT(.gpa = MEM_SIZE));
}

TEST_F(bare, slots_are_deleted_once)
{
	EXPECT_EQ(-ENOENT, SLOT(.len = 0));
	EXPECT_EQ(0, SLOT());
	EXPECT_EQ(0, SLOT(.len = 0));
	EXPECT_EQ(-ENOENT, SLOT(.len = 0));
	EXPECT_EQ(-EINVAL, SLOT(.len = 0, .slot = self->g.dev.info.max_slots));
}

/* Nothing mapped there: no matter now, unless all is to be mapped now. */
TEST_F(bare, slot_premap_of_no_memory_is_efault)
{
	void *hole = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, hole);
	EXPECT_EQ(-EFAULT, SLOT(.hva = (uintptr_t)hole, .flags = TVX_SLOT_PREMAP));
	munmap(hole, PAGE);
	EXPECT_EQ(-EFAULT, SLOT(.hva = (uintptr_t)hole, .flags = TVX_SLOT_PREMAP));
	EXPECT_EQ(-ENOENT, SLOT(.len = 0));
	EXPECT_EQ(0, SLOT(.hva = (uintptr_t)hole));
}

/* ---- vCPUs, CPUID, policy ------------------------------------------------------------ */

static int create_vcpu(struct guest *g, uint32_t id)
{
	struct tvx_create_vcpu arg = { .size = sizeof(arg), .id = id };

	return call(g->vm.fd, TVX_VM_CREATE_VCPU, &arg);
}

TEST_F(bare, vcpu_ids)
{
	uint32_t max = self->g.dev.info.max_vcpus;
	int fd, last;

	EXPECT_EQ(-EINVAL, create_vcpu(&self->g, max));
	EXPECT_EQ(-EINVAL, create_vcpu(&self->g, ~0u));
	fd = create_vcpu(&self->g, 0);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EEXIST, create_vcpu(&self->g, 0));
	last = create_vcpu(&self->g, max - 1);
	ASSERT_GE(last, 0);
	close(last);
	/* The id is free again with its fd. */
	close(fd);
	fd = create_vcpu(&self->g, 0);
	EXPECT_GE(fd, 0);
	close(fd);
}

static int set_cpuid(struct guest *g, uint32_t count, const void *entries)
{
	struct tvx_cpuid arg = { .size = sizeof(arg), .count = count,
				 .entries = (uintptr_t)entries };

	return call(g->vm.fd, TVX_VM_SET_CPUID, &arg);
}

TEST_F(bare, cpuid_tables)
{
	static struct tvx_cpuid_entry e[TVX_MAX_CPUID + 1];
	struct tvx_cpuid arg = { .size = sizeof(arg), .entries = (uintptr_t)e };
	int i;

	EXPECT_EQ(-E2BIG, call(self->g.dev.fd, TVX_GET_CPUID, &arg));
	ASSERT_GT(arg.count, 3);
	arg.count--;
	EXPECT_EQ(-E2BIG, call(self->g.dev.fd, TVX_GET_CPUID, &arg));
	EXPECT_EQ(0, call(self->g.dev.fd, TVX_GET_CPUID, &arg));
	arg.entries = 16;
	EXPECT_EQ(-EFAULT, call(self->g.dev.fd, TVX_GET_CPUID, &arg));

	EXPECT_EQ(0, set_cpuid(&self->g, arg.count, e));
	EXPECT_EQ(-EFAULT, set_cpuid(&self->g, arg.count, NULL));
	e[1].reserved = 1;
	EXPECT_EQ(-EINVAL, set_cpuid(&self->g, arg.count, e));
	e[1].reserved = 0;
	e[1].flags |= 4;
	EXPECT_EQ(-EINVAL, set_cpuid(&self->g, arg.count, e));
	for (i = 0; i <= TVX_MAX_CPUID; i++)
		e[i] = (struct tvx_cpuid_entry){ .function = i };
	EXPECT_EQ(0, set_cpuid(&self->g, TVX_MAX_CPUID, e));
	EXPECT_EQ(-EINVAL, set_cpuid(&self->g, TVX_MAX_CPUID + 1, e));
	EXPECT_EQ(-EINVAL, set_cpuid(&self->g, ~0u, e));
}

/* A policy that is good but for what is named. */
#define POLICY(...) set_policy(&self->g, &(struct tvx_policy){ \
	.size = sizeof(struct tvx_policy), __VA_ARGS__ })
#define MSR_RULE(...) POLICY(.nr_msr_rules = 1, .msr_rules = \
	(uintptr_t)&(struct tvx_msr_rule){ .first = 0x10, .count = 1, __VA_ARGS__ })
#define IO_RULE(...) POLICY(.nr_io_rules = 1, .io_rules = \
	(uintptr_t)&(struct tvx_io_rule){ .first = 0x10, .count = 1, __VA_ARGS__ })

static int set_policy(struct guest *g, struct tvx_policy *policy)
{
	return call(g->vm.fd, TVX_VM_SET_POLICY, policy);
}

TEST_F(bare, policies)
{
	static struct tvx_msr_rule msr[TVX_MAX_RULES + 1];
	static struct tvx_io_rule io[TVX_MAX_RULES + 1];
	const uintptr_t msrs = (uintptr_t)msr, ios = (uintptr_t)io;
	int i;

	for (i = 0; i <= TVX_MAX_RULES; i++) {
		msr[i].count = 1;
		io[i].count = 1;
	}
	EXPECT_EQ(0, POLICY(.nr_msr_rules = TVX_MAX_RULES, .msr_rules = msrs,
			    .nr_io_rules = TVX_MAX_RULES, .io_rules = ios));
	EXPECT_EQ(-EINVAL, POLICY(.nr_msr_rules = TVX_MAX_RULES + 1, .msr_rules = msrs));
	EXPECT_EQ(-EINVAL, POLICY(.nr_io_rules = TVX_MAX_RULES + 1, .io_rules = ios));
	EXPECT_EQ(-EFAULT, POLICY(.nr_msr_rules = 1, .msr_rules = 16));
	EXPECT_EQ(-EFAULT, POLICY(.nr_io_rules = 1));
	EXPECT_EQ(-EINVAL, POLICY(.hypercall = TVX_ACT_PASS + 1));
	EXPECT_EQ(-EOPNOTSUPP, POLICY(.hypercall = TVX_ACT_PASS));
	EXPECT_EQ(-EINVAL, POLICY(.exits = TVX_WANT_WBINVD << 1));
	EXPECT_EQ(-EINVAL, POLICY(.exits = 1u << 31));
}

TEST_F(bare, policy_rules)
{
	EXPECT_EQ(0, MSR_RULE(.read = TVX_ACT_EXIT));
	EXPECT_EQ(-EINVAL, MSR_RULE(.count = 0));
	EXPECT_EQ(-EINVAL, MSR_RULE(.first = ~0u, .count = 2));
	EXPECT_EQ(0, MSR_RULE(.first = ~0u));
	EXPECT_EQ(-EINVAL, MSR_RULE(.read = TVX_ACT_PASS + 1));
	EXPECT_EQ(-EINVAL, MSR_RULE(.write = TVX_ACT_PASS + 1));
	EXPECT_EQ(-EOPNOTSUPP, MSR_RULE(.first = 0x1b, .read = TVX_ACT_PASS));
	EXPECT_EQ(-EOPNOTSUPP, MSR_RULE(.first = 0, .count = ~0u, .write = TVX_ACT_PASS));
	EXPECT_EQ(0, MSR_RULE(.first = 0xc0000100, .count = 3, .read = TVX_ACT_PASS));

	EXPECT_EQ(0, IO_RULE(.action = TVX_ACT_CONST));
	EXPECT_EQ(-EINVAL, IO_RULE(.reserved = 1));
	EXPECT_EQ(-EINVAL, IO_RULE(.count = 0));
	EXPECT_EQ(0, IO_RULE(.first = 0, .count = 0x10000));
	EXPECT_EQ(-EINVAL, IO_RULE(.first = 1, .count = 0x10000));
	EXPECT_EQ(-EINVAL, IO_RULE(.count = ~0u));
	EXPECT_EQ(-EINVAL, IO_RULE(.action = TVX_ACT_PASS + 1));
	EXPECT_EQ(-EOPNOTSUPP, IO_RULE(.action = TVX_ACT_PASS));
}

TEST_F(bare, fixed_by_the_first_vcpu)
{
	struct rlimit old, none = { 0 };
	int fd;

	/* One that could not be made fixes nothing. */
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none.rlim_max = old.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	EXPECT_EQ(-EMFILE, create_vcpu(&self->g, 0));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(0, POLICY());
	EXPECT_EQ(0, set_cpuid(&self->g, 0, NULL));

	fd = create_vcpu(&self->g, 0);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EBUSY, POLICY());
	EXPECT_EQ(-EBUSY, set_cpuid(&self->g, 0, NULL));
	EXPECT_EQ(0, SLOT());
	close(fd);
	EXPECT_EQ(-EBUSY, POLICY());
}

/* ---- arrays and buffers of a vCPU ------------------------------------------------------- */

#define LSTAR 0xc0000082

static int msrs(struct guest *g, unsigned long cmd, uint32_t flags, uint32_t *count, void *array)
{
	struct tvx_msrs arg = { .size = sizeof(arg), .flags = flags, .count = *count,
				.msrs = (uintptr_t)array };
	int ret = call(g->vcpu.fd, cmd, &arg);

	*count = arg.count;
	return ret;
}

TEST_F(vm, msr_arrays)
{
	static struct tvx_msr m[TVX_MAX_MSRS + 1];
	struct guest *g = &self->g;
	uint32_t n = 0, all;

	EXPECT_EQ(-E2BIG, msrs(g, TVX_VCPU_GET_MSRS, 0, &n, m));
	all = n;
	ASSERT_GT(all, 5);
	n = all - 1;
	EXPECT_EQ(-E2BIG, msrs(g, TVX_VCPU_GET_MSRS, TVX_MSRS_LIST, &n, m));
	EXPECT_EQ(all, n);
	n = TVX_MAX_MSRS;
	EXPECT_EQ(0, msrs(g, TVX_VCPU_GET_MSRS, TVX_MSRS_LIST, &n, m));
	EXPECT_EQ(all, n);
	EXPECT_EQ(-EFAULT, msrs(g, TVX_VCPU_GET_MSRS, 0, &n, NULL));
	n = all;
	EXPECT_EQ(-EFAULT, msrs(g, TVX_VCPU_SET_MSRS, 0, &n, (void *)16));
	n = TVX_MAX_MSRS + 1;
	EXPECT_EQ(-EINVAL, msrs(g, TVX_VCPU_GET_MSRS, 0, &n, m));
	n = ~0u;
	EXPECT_EQ(-EINVAL, msrs(g, TVX_VCPU_SET_MSRS, 0, &n, m));

	/* An error is told with the entry that is to blame. */
	m[0] = m[1] = (struct tvx_msr){ .index = LSTAR, .value = 0x1000 };
	m[2] = (struct tvx_msr){ .index = 0xdead };
	n = 3;
	EXPECT_EQ(-EINVAL, msrs(g, TVX_VCPU_GET_MSRS, 0, &n, m));
	EXPECT_EQ(2, n);
	m[1].value = 1ull << 63;
	n = 3;
	EXPECT_EQ(-EINVAL, msrs(g, TVX_VCPU_SET_MSRS, 0, &n, m));
	EXPECT_EQ(1, n);
	m[0].reserved = 1;
	n = 3;
	EXPECT_EQ(-EINVAL, msrs(g, TVX_VCPU_SET_MSRS, 0, &n, m));
	EXPECT_EQ(0, n);
}

TEST_F(vm, buffers)
{
	static uint8_t area[65536];
	struct guest *g = &self->g;
	struct tvx_buffer arg = { .size = sizeof(arg), .data = (uintptr_t)area };
	uint32_t len = g->dev.info.xsave_size;

	EXPECT_EQ(-E2BIG, call(g->vcpu.fd, TVX_VCPU_GET_XSAVE, &arg));
	EXPECT_EQ(len, arg.len);
	EXPECT_EQ(0, call(g->vcpu.fd, TVX_VCPU_GET_XSAVE, &arg));
	arg.len = len - 1;
	EXPECT_EQ(-EINVAL, call(g->vcpu.fd, TVX_VCPU_SET_XSAVE, &arg));
	arg.len = ~0ull;
	EXPECT_EQ(-EINVAL, call(g->vcpu.fd, TVX_VCPU_SET_XSAVE, &arg));
	arg = (struct tvx_buffer){ .size = sizeof(arg), .len = len, .data = 16 };
	EXPECT_EQ(-EFAULT, call(g->vcpu.fd, TVX_VCPU_SET_XSAVE, &arg));
	EXPECT_EQ(-EFAULT, call(g->vcpu.fd, TVX_VCPU_GET_XSAVE, &arg));
	arg = (struct tvx_buffer){ .size = sizeof(arg), .flags = TVX_REPORT_VMCS };
	EXPECT_EQ(-E2BIG, call(g->vcpu.fd, TVX_VCPU_REPORT, &arg));
	EXPECT_GT(arg.len, 1000);
	arg.len += 100;
	EXPECT_EQ(-EFAULT, call(g->vcpu.fd, TVX_VCPU_REPORT, &arg));
}

/* ---- the run page -------------------------------------------------------------------------- */

static int map(int fd, size_t len, int prot, int flags, off_t at)
{
	void *page = mmap(NULL, len, prot, flags, fd, at);

	if (page == MAP_FAILED)
		return -errno;
	munmap(page, len);
	return 0;
}

TEST_F(vm, run_page_mappings)
{
	const int rw = PROT_READ | PROT_WRITE;
	int fd = self->g.vcpu.fd, err;

	ASSERT_EQ(PAGE, self->g.dev.info.run_size);
	EXPECT_EQ(0, map(fd, PAGE, rw, MAP_SHARED, 0));
	EXPECT_EQ(0, map(fd, PAGE, PROT_READ, MAP_SHARED, 0));
	EXPECT_EQ(-EINVAL, map(fd, 2 * PAGE, rw, MAP_SHARED, 0));
	EXPECT_EQ(-EINVAL, map(fd, PAGE, rw, MAP_SHARED, PAGE));
	EXPECT_EQ(-EINVAL, map(fd, PAGE, rw, MAP_PRIVATE, 0));
	/* Newer kernels let nobody execute from such a file. */
	err = map(fd, PAGE, rw | PROT_EXEC, MAP_SHARED, 0);
	EXPECT_TRUE(err == -EINVAL || err == -EPERM);
	EXPECT_NE(0, mprotect(self->g.vcpu.run, PAGE, rw | PROT_EXEC));
	EXPECT_EQ(MAP_FAILED, mremap(self->g.vcpu.run, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	EXPECT_EQ(-ENODEV, map(self->g.vm.fd, PAGE, rw, MAP_SHARED, 0));
	EXPECT_EQ(-ENODEV, map(self->g.dev.fd, PAGE, rw, MAP_SHARED, 0));
}

TEST_HARNESS_MAIN
