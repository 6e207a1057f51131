// SPDX-License-Identifier: GPL-2.0-only
/*
 * The contract, refusal by refusal: ioctl() by hand, and in each call one thing
 * wrong, all else being right.
 */
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "tvx_test.h"

#define PAGE	4096
#define BAD	((void *)16)	/* nothing is mapped there */

/* 0, a fd, or -errno. */
static int call(int fd, unsigned long command, void *arg)
{
	int ret = ioctl(fd, command, arg);

	return ret < 0 ? -errno : ret;
}

/* Success may be a fd, which nobody wants here. */
static int done(int ret)
{
	if (ret > 0)
		close(ret);
	return ret > 0 ? 0 : ret;
}

enum { DEV, VM, VCPU, NR_KINDS };

/* A VM without a vCPU, so that all may be set, and the vCPU of another one. */
FIXTURE(fds) {
	int fd[NR_KINDS];
	int other;		/* the vCPU's VM */
	int event;		/* an eventfd */
	struct tvx_info info;
	uint8_t *page;		/* memory for whoever wants some */
	struct tvx_cpuid_entry cpuid[TVX_MAX_CPUID];
	struct tvx_msr msrs[TVX_MAX_MSRS];
};

FIXTURE_SETUP(fds)
{
	struct tvx_create_vm vm = { .size = sizeof(vm), .flags = TVX_VM_APIC };
	struct tvx_create_vcpu vcpu = { .size = sizeof(vcpu) };

	self->event = eventfd(0, EFD_CLOEXEC);
	ASSERT_GE(self->event, 0);
	self->info.size = sizeof(self->info);
	self->fd[DEV] = open(TVX_DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd[DEV], 0);
	ASSERT_EQ(0, call(self->fd[DEV], TVX_GET_INFO, &self->info));
	self->fd[VM] = call(self->fd[DEV], TVX_CREATE_VM, &vm);
	ASSERT_GE(self->fd[VM], 0);
	self->other = call(self->fd[DEV], TVX_CREATE_VM, &vm);
	ASSERT_GE(self->other, 0);
	self->fd[VCPU] = call(self->other, TVX_VM_CREATE_VCPU, &vcpu);
	ASSERT_GE(self->fd[VCPU], 0);
	self->page = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->page);
}

FIXTURE_TEARDOWN(fds)
{
	munmap(self->page, 64 * PAGE);
	close(self->fd[VCPU]);
	close(self->other);
	close(self->fd[VM]);
	close(self->fd[DEV]);
	close(self->event);
}

/* ---- what holds for every struct ------------------------------------------------ */

#define LSTAR 0xc0000082

/* Put a call that succeeds into @arg. */
#define FILL(name) static void name(FIXTURE_DATA(fds) *self, void *arg)

FILL(fill_nothing)
{
}

FILL(fill_get_cpuid)
{
	*(struct tvx_cpuid *)arg = (struct tvx_cpuid){
		.count = TVX_MAX_CPUID, .entries = (uintptr_t)self->cpuid };
}

FILL(fill_slot)
{
	*(struct tvx_slot *)arg = (struct tvx_slot){
		.slot = 1, .gpa = 1 << 20, .len = PAGE, .hva = (uintptr_t)self->page };
}

FILL(fill_get_state)
{
	((struct tvx_state *)arg)->sections = TVX_STATE_ALL;
}

FILL(fill_set_state)
{
	*(struct tvx_state *)arg = (struct tvx_state){ .size = sizeof(struct tvx_state),
						       .sections = TVX_STATE_ALL };
	must(call(self->fd[VCPU], TVX_VCPU_GET_STATE, arg));
}

FILL(fill_msrs)
{
	self->msrs[0] = (struct tvx_msr){ .index = LSTAR, .value = 0x1000 };
	*(struct tvx_msrs *)arg = (struct tvx_msrs){ .count = 1, .msrs = (uintptr_t)self->msrs };
}

FILL(fill_get_xsave)
{
	*(struct tvx_buffer *)arg = (struct tvx_buffer){
		.data = (uintptr_t)self->page, .len = self->info.xsave_size };
}

FILL(fill_set_xsave)
{
	fill_get_xsave(self, arg);
	((struct tvx_buffer *)arg)->size = sizeof(struct tvx_buffer);
	must(call(self->fd[VCPU], TVX_VCPU_GET_XSAVE, arg));
}

FILL(fill_report)
{
	*(struct tvx_buffer *)arg = (struct tvx_buffer){
		.data = (uintptr_t)self->page, .len = 64 * PAGE };
}

FILL(fill_msi)
{
	*(struct tvx_msi *)arg = (struct tvx_msi){ .address = 0xfee00000, .data = 0x41 };
}

/* There is none yet, whatever calls went before. */
FILL(fill_irqfd)
{
	struct tvx_irqfd fill = { .size = sizeof(fill), .flags = TVX_FD_REMOVE,
				  .address = 0xfee00000, .data = 0x41, .fd = self->event };

	call(self->fd[VM], TVX_VM_IRQFD, &fill);
	fill.flags = 0;
	*(struct tvx_irqfd *)arg = fill;
}

FILL(fill_ioeventfd)
{
	struct tvx_ioeventfd fill = { .size = sizeof(fill), .flags = TVX_FD_REMOVE,
				      .port = 0x80, .fd = self->event };

	call(self->fd[VM], TVX_VM_IOEVENTFD, &fill);
	fill.flags = 0;
	*(struct tvx_ioeventfd *)arg = fill;
}

FILL(fill_set_apic)
{
	((struct tvx_apic *)arg)->size = sizeof(struct tvx_apic);
	must(call(self->fd[VCPU], TVX_VCPU_GET_APIC, arg));
}

/* Bytes of the struct that must be 0. */
#define HOLE(type, field) { offsetof(struct type, field), sizeof(((struct type *)0)->field) }

static const struct command {
	const char *name;
	unsigned long cmd;
	int kind;
	uint32_t size, flags;
	void (*fill)(FIXTURE_DATA(fds) *self, void *arg);
	struct { uint32_t at, len; } holes[4];
} commands[] = {
#define ROW(kind, cmd, type, flags, fill, ...) \
	{ #cmd, cmd, kind, sizeof(struct type), flags, fill, { __VA_ARGS__ } }
	ROW(DEV, TVX_GET_INFO, tvx_info, 0, fill_nothing, HOLE(tvx_info, reserved)),
	ROW(DEV, TVX_CREATE_VM, tvx_create_vm, TVX_VM_APIC, fill_nothing,
	    HOLE(tvx_create_vm, reserved)),
	ROW(DEV, TVX_GET_CPUID, tvx_cpuid, 0, fill_get_cpuid, HOLE(tvx_cpuid, reserved)),
	ROW(VM, TVX_VM_SET_SLOT, tvx_slot, TVX_SLOT_READONLY | TVX_SLOT_PREMAP, fill_slot,
	    HOLE(tvx_slot, reserved)),
	ROW(VM, TVX_VM_SET_CPUID, tvx_cpuid, 0, fill_nothing, HOLE(tvx_cpuid, reserved)),
	ROW(VM, TVX_VM_SET_POLICY, tvx_policy, 0, fill_nothing, HOLE(tvx_policy, reserved)),
	ROW(VM, TVX_VM_MSI, tvx_msi, 0, fill_msi, HOLE(tvx_msi, reserved)),
	ROW(VM, TVX_VM_IRQFD, tvx_irqfd, TVX_FD_REMOVE, fill_irqfd),
	ROW(VM, TVX_VM_IOEVENTFD, tvx_ioeventfd, TVX_FD_REMOVE | TVX_FD_MATCH, fill_ioeventfd,
	    HOLE(tvx_ioeventfd, reserved)),
	/* Last of the VM's: it settles the others. */
	ROW(VM, TVX_VM_CREATE_VCPU, tvx_create_vcpu, 0, fill_nothing,
	    HOLE(tvx_create_vcpu, reserved)),
	ROW(VCPU, TVX_VCPU_GET_STATE, tvx_state, 0, fill_get_state, HOLE(tvx_state, reserved)),
	ROW(VCPU, TVX_VCPU_SET_STATE, tvx_state, 0, fill_set_state, HOLE(tvx_state, reserved),
	    HOLE(tvx_state, seg[7].reserved), HOLE(tvx_state, gdtr.reserved),
	    HOLE(tvx_state, idtr.reserved)),
	ROW(VCPU, TVX_VCPU_GET_MSRS, tvx_msrs, TVX_MSRS_LIST, fill_msrs,
	    HOLE(tvx_msrs, reserved)),
	ROW(VCPU, TVX_VCPU_SET_MSRS, tvx_msrs, 0, fill_msrs, HOLE(tvx_msrs, reserved)),
	ROW(VCPU, TVX_VCPU_GET_XSAVE, tvx_buffer, 0, fill_get_xsave),
	ROW(VCPU, TVX_VCPU_SET_XSAVE, tvx_buffer, 0, fill_set_xsave),
	ROW(VCPU, TVX_VCPU_GET_STATS, tvx_stats, 0, fill_nothing),
	ROW(VCPU, TVX_VCPU_GET_APIC, tvx_apic, 0, fill_nothing),
	ROW(VCPU, TVX_VCPU_SET_APIC, tvx_apic, 0, fill_set_apic),
	ROW(VCPU, TVX_VCPU_APIC_ACCESS, tvx_apic_access, TVX_APIC_WRITE, fill_nothing),
	ROW(VCPU, TVX_VCPU_REPORT, tvx_buffer, TVX_REPORT_ENTRY | TVX_REPORT_VMCS, fill_report),
};

/* Every struct begins like this. */
struct header {
	uint32_t size, flags;
};

/* A good call in a buffer that ends in @tail of the struct's own end on. */
static struct header *good(FIXTURE_DATA(fds) *self, const struct command *c, uint32_t size)
{
	static uint8_t buffer[2 * PAGE] __attribute__((aligned(8)));
	struct header *header = (void *)buffer;

	memset(buffer, 0, sizeof(buffer));
	c->fill(self, buffer);
	header->size = size;
	return header;
}

#define FOR_EACH_COMMAND(c) \
	for (const struct command *c = commands; c < commands + ARRAY_SIZE(commands); c++)
#define EXPECT_CALL_AT(expected, c, arg, at) \
	EXPECT_EQ(expected, done(call(self->fd[(c)->kind], (c)->cmd, arg))) \
		TH_LOG("%s at %u", (c)->name, at)
#define EXPECT_CALL(expected, c, arg) EXPECT_CALL_AT(expected, c, arg, __LINE__)

TEST_F(fds, size_is_accepted)
{
	FOR_EACH_COMMAND(c) {
		EXPECT_CALL(0, c, good(self, c, c->size));
	}
}

TEST_F(fds, larger_with_a_zero_tail_is_accepted)
{
	FOR_EACH_COMMAND(c) {
		EXPECT_CALL(0, c, good(self, c, c->size + 8));
	}
	FOR_EACH_COMMAND(c) {
		if (c->kind != VM) {
			EXPECT_CALL(0, c, good(self, c, PAGE));
		}
	}
}

TEST_F(fds, size_too_small_is_einval)
{
	FOR_EACH_COMMAND(c) {
		EXPECT_CALL(-EINVAL, c, good(self, c, c->size - 1));
		EXPECT_CALL(-EINVAL, c, good(self, c, 8));
		EXPECT_CALL(-EINVAL, c, good(self, c, 0));
	}
}

TEST_F(fds, unknown_tail_is_e2big)
{
	FOR_EACH_COMMAND(c) {
		struct header *arg = good(self, c, c->size + 8);

		((uint8_t *)arg)[c->size] = 1;
		EXPECT_CALL(-E2BIG, c, arg);
		arg = good(self, c, PAGE);
		((uint8_t *)arg)[PAGE - 1] = 1;
		EXPECT_CALL(-E2BIG, c, arg);
	}
}

TEST_F(fds, size_beyond_a_page_is_e2big)
{
	FOR_EACH_COMMAND(c) {
		EXPECT_CALL(-E2BIG, c, good(self, c, PAGE + 1));
		EXPECT_CALL(-E2BIG, c, good(self, c, ~0u));
	}
}

TEST_F(fds, unknown_flags_are_einval)
{
	unsigned int i;

	FOR_EACH_COMMAND(c)
		for (i = 0; i < 32; i++) {
			struct header *arg = good(self, c, c->size);

			if (c->flags & 1u << i)
				continue;
			arg->flags = 1u << i;
			EXPECT_CALL_AT(-EINVAL, c, arg, i);
		}
}

TEST_F(fds, reserved_fields_are_einval)
{
	unsigned int i, j;

	FOR_EACH_COMMAND(c)
		for (i = 0; i < ARRAY_SIZE(c->holes); i++)
			for (j = 0; j < c->holes[i].len; j++) {
				struct header *arg = good(self, c, c->size);

				((uint8_t *)arg)[c->holes[i].at + j] = 1;
				EXPECT_CALL_AT(-EINVAL, c, arg, i * 1000 + j);
			}
}

/* The struct ends on the last byte of a mapping, or just beyond it, or is not there. */
TEST_F(fds, pointer_of_the_struct)
{
	uint8_t *area = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, area);
	ASSERT_EQ(0, munmap(area + PAGE, PAGE));
	FOR_EACH_COMMAND(c) {
		uint8_t *at = area + PAGE - c->size;

		EXPECT_CALL(-EFAULT, c, NULL);
		EXPECT_CALL(-EFAULT, c, BAD);
		EXPECT_CALL(-EFAULT, c, (void *)-4096l);
		EXPECT_CALL(-EFAULT, c, area + PAGE);
		memcpy(at + 8, good(self, c, c->size), c->size - 8);
		EXPECT_CALL(-EFAULT, c, at + 8);
		memcpy(at, good(self, c, c->size), c->size);
		EXPECT_CALL(0, c, at);
	}
	munmap(area, PAGE);
}

/* What the command writes back, it cannot. */
TEST_F(fds, struct_in_read_only_memory)
{
	uint8_t *area = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, area);
	FOR_EACH_COMMAND(c) {
		ASSERT_EQ(0, mprotect(area, PAGE, PROT_READ | PROT_WRITE));
		memcpy(area, good(self, c, c->size), c->size);
		ASSERT_EQ(0, mprotect(area, PAGE, PROT_READ));
		EXPECT_CALL(_IOC_DIR(c->cmd) & _IOC_READ ? -EFAULT : 0, c, area);
	}
	munmap(area, PAGE);
}

TEST_F(fds, wrong_kind_of_fd_is_enotty)
{
	int kind;

	FOR_EACH_COMMAND(c)
		for (kind = DEV; kind < NR_KINDS; kind++)
			if (kind != c->kind) {
				EXPECT_EQ(-ENOTTY, call(self->fd[kind], c->cmd,
							good(self, c, c->size)))
					TH_LOG("%s on kind %d", c->name, kind);
			}
	for (kind = DEV; kind < VCPU; kind++) {
		EXPECT_EQ(-ENOTTY, call(self->fd[kind], TVX_VCPU_RUN, NULL));
		EXPECT_EQ(-ENOTTY, call(self->fd[kind], TVX_VCPU_KICK, NULL));
	}
}

TEST_F(fds, unknown_command_is_enotty)
{
	int kind, nr;

	for (kind = DEV; kind < NR_KINDS; kind++) {
		for (nr = 0x50; nr < 0x60; nr++) {
			EXPECT_EQ(-ENOTTY, call(self->fd[kind], _IO(TVX_IOCTL_TYPE, nr), NULL));
		}
		/* The right number with another type, or the wrong direction. */
		EXPECT_EQ(-ENOTTY, call(self->fd[kind], _IO(0xd6, 0x40), NULL));
		EXPECT_EQ(-ENOTTY, call(self->fd[kind], _IO(TVX_IOCTL_TYPE, 0x42), NULL));
		EXPECT_EQ(-ENOTTY, call(self->fd[kind], _IO(TVX_IOCTL_TYPE, 0x00), NULL));
		EXPECT_EQ(-ENOTTY, call(self->fd[kind], _IO(TVX_IOCTL_TYPE, 0x20), NULL));
	}
}

/* A VM's fds belong to the process that made it, whoever holds them. */
TEST_F(fds, another_process_gets_eio)
{
	int status;
	pid_t child = fork();

	ASSERT_GE(child, 0);
	if (!child) {
		FOR_EACH_COMMAND(c)
			if (c->kind != DEV &&
			    call(self->fd[c->kind], c->cmd, self->page) != -EIO)
				_exit(1);
		_exit(call(self->fd[VCPU], TVX_VCPU_RUN, NULL) == -EIO &&
		      call(self->fd[VCPU], TVX_VCPU_KICK, NULL) == -EIO &&
		      call(self->fd[VM], 0, NULL) == -EIO ? 0 : 2);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	FOR_EACH_COMMAND(c) {
		EXPECT_CALL(0, c, good(self, c, c->size));
	}
}

TEST_F(fds, fds_are_close_on_exec)
{
	int kind;

	for (kind = VM; kind < NR_KINDS; kind++)
		EXPECT_EQ(FD_CLOEXEC, fcntl(self->fd[kind], F_GETFD));
}

TEST_HARNESS_MAIN
