// SPDX-License-Identifier: GPL-2.0-only
/* Eventfds that send messages to local APICs. */
#include "tvx_eventfd.h"

GUEST64(halt, X2APIC_ON "out %al, $0x80\n sti\n hlt\n" DONE);
GUEST64(stop_and_go, X2APIC_ON "sti\n 1: out %al, $0x80\n nop\n jmp 1b\n");
GUEST64(spin, X2APIC_ON "sti\n out %al, $0x80\n" WAIT_IRQS(1) DONE);

/* The guest's APIC is on. */
static void start_open(struct guest *g, const char *code, const char *end)
{
	guest_start_apic(g, code, end, irq_x2apic_code, irq_x2apic_end);
	must(run(g) != TVX_EXIT_IO ? EPROTO : 0);
	tvx_skip_insn(&g->vcpu);
}
#define START_OPEN(g, name) start_open(g, name##_code, name##_end)

/* How many interrupts there are in all once the guest of stop_and_go went on for a while. */
static uint64_t count_now(struct guest *g)
{
	for (int i = 0; i < 2; i++) {
		must(run(g) != TVX_EXIT_IO ? EPROTO : 0);
		tvx_skip_insn(&g->vcpu);
	}
	return irqs(g)->count;
}

TEST_F(apic, irqfd_wakes)
{
	struct guest *g = &self->g;
	int fd = new_eventfd();
	struct runner r;

	ASSERT_EQ(irqfd(g, fd, IRQ, 0), 0);
	START_OPEN(g, halt);
	begin(&r, g);
	ASSERT_TRUE(sleeps(g, 1));
	signal_it(fd);
	EXPECT_TRUE(ends_done(&r));
	EXPECT_EQ(irqs(g)->of[IRQ], 1);
	/* It takes the count. */
	EXPECT_EQ(signals_of(fd), 0);
	close(fd);
}

TEST_F(apic, irqfd_of_a_running_guest)
{
	struct guest *g = &self->g;
	int fd = new_eventfd();
	struct runner r;

	ASSERT_EQ(irqfd(g, fd, IRQ, 0), 0);
	START_OPEN(g, spin);
	begin(&r, g);
	usleep(5000);
	signal_it(fd);
	EXPECT_TRUE(ends_done(&r));
	EXPECT_EQ(irqs(g)->of[IRQ], 1);
	close(fd);
}

TEST_F(apic, each_signal_is_an_interrupt)
{
	struct guest *g = &self->g;
	int fd = new_eventfd();

	ASSERT_EQ(irqfd(g, fd, IRQ, 0), 0);
	START_OPEN(g, stop_and_go);
	for (int i = 1; i <= 10; i++) {
		signal_it(fd);
		EXPECT_EQ(count_now(g), i);
	}
	/* Two before it is taken are one. */
	signal_it(fd);
	signal_it(fd);
	EXPECT_EQ(count_now(g), 11);
	close(fd);
}

TEST_F(apic, signalled_before)
{
	struct guest *g = &self->g;
	int fd = new_eventfd();

	START_OPEN(g, stop_and_go);
	signal_it(fd);
	ASSERT_EQ(irqfd(g, fd, IRQ, 0), 0);
	EXPECT_EQ(count_now(g), 1);
	signal_it(fd);
	EXPECT_EQ(count_now(g), 2);
	close(fd);
}

TEST_F(apic, one_message_of_an_eventfd)
{
	struct guest *g = &self->g;
	int fd = new_eventfd(), other = new_eventfd();

	START_OPEN(g, stop_and_go);
	ASSERT_EQ(irqfd(g, fd, 0x41, 0), 0);
	EXPECT_EQ(irqfd(g, fd, 0x42, 0), -EEXIST);
	EXPECT_EQ(irqfd(g, fd, 0x41, 0), -EEXIST);
	ASSERT_EQ(irqfd(g, other, 0x41, 0), 0);
	signal_it(fd);
	EXPECT_EQ(count_now(g), 1);
	signal_it(other);
	EXPECT_EQ(count_now(g), 2);
	EXPECT_EQ(irqs(g)->of[0x41], 2);
	close(fd);
	close(other);
}

TEST_F(apic, irqfd_is_removed)
{
	struct guest *g = &self->g;
	int fd = new_eventfd(), other = new_eventfd();

	START_OPEN(g, stop_and_go);
	ASSERT_EQ(irqfd(g, fd, 0x41, 0), 0);
	ASSERT_EQ(irqfd(g, other, 0x42, 0), 0);
	EXPECT_EQ(irqfd(g, fd, 0x43, TVX_FD_REMOVE), -ENOENT);
	EXPECT_EQ(irqfd(g, other, 0x41, TVX_FD_REMOVE), -ENOENT);
	ASSERT_EQ(irqfd(g, fd, 0x41, TVX_FD_REMOVE), 0);
	EXPECT_EQ(irqfd(g, fd, 0x41, TVX_FD_REMOVE), -ENOENT);
	signal_it(fd);
	signal_it(other);
	EXPECT_EQ(count_now(g), 1);
	EXPECT_EQ(irqs(g)->of[0x42], 1);
	EXPECT_EQ(signals_of(fd), 1);
	/* And made again. */
	ASSERT_EQ(irqfd(g, fd, 0x41, 0), 0);
	signal_it(fd);
	EXPECT_EQ(count_now(g), 2);
	close(fd);
	close(other);
}

TEST_F(apic, the_eventfd_goes_first)
{
	struct guest *g = &self->g;
	int fd;

	START_OPEN(g, stop_and_go);
	for (int i = 0; i < TVX_MAX_IRQFDS + 10; i++) {
		fd = new_eventfd();
		/* What has gone does not count against the limit. */
		ASSERT_EQ(irqfd(g, fd, IRQ, 0), 0);
		close(fd);
	}
	EXPECT_EQ(count_now(g), 0);
	/* These are left to the end of the VM. */
	for (int i = 0; i < 3; i++) {
		fd = new_eventfd();
		ASSERT_EQ(irqfd(g, fd, IRQ, 0), 0);
		signal_it(fd);
		close(fd);
	}
	EXPECT_EQ(count_now(g), 1);
}

TEST(the_vm_goes_first)
{
	int fd = new_eventfd();
	struct guest g;

	for (int i = 0; i < 3; i++) {
		guest_open_flags(&g, TVX_VM_APIC);
		guest_vcpu(&g);
		START_OPEN(&g, stop_and_go);
		ASSERT_EQ(irqfd(&g, fd, IRQ, 0), 0);
		ASSERT_EQ(tvx_vm_ioeventfd(&g.vm, fd, PORT, 0, 0, 0), 0);
		signal_it(fd);
		EXPECT_EQ(count_now(&g), 1);
		guest_close(&g);
		signal_it(fd);
		EXPECT_EQ(signals_of(fd), 1);
	}
	close(fd);
}

static void *signal_on(void *arg)
{
	volatile int *fd = arg;

	for (int i = 0; i < 2000; i++) {
		uint64_t one = 1;

		/* It may be gone at any time. */
		if (write(*fd, &one, sizeof(one)) < 0 && errno == EBADF)
			break;
	}
	return NULL;
}

TEST_F(apic, signals_and_ends_at_once)
{
	struct guest *g = &self->g;
	pthread_t thread;

	START_OPEN(g, stop_and_go);
	for (int i = 0; i < 20; i++) {
		volatile int fd = new_eventfd();
		int copy = fd;

		ASSERT_EQ(irqfd(g, fd, IRQ, 0), 0);
		ASSERT_EQ(pthread_create(&thread, NULL, signal_on, (void *)&fd), 0);
		count_now(g);
		if (i % 2) {
			ASSERT_EQ(irqfd(g, copy, IRQ, TVX_FD_REMOVE), 0);
		} else {
			fd = -1;
			close(copy);
		}
		pthread_join(thread, NULL);
		if (i % 2)
			close(copy);
	}
	count_now(g);
}

TEST_F(apic, how_many_irqfds)
{
	struct guest *g = &self->g;
	int fd[TVX_MAX_IRQFDS + 1], i;

	for (i = 0; i <= TVX_MAX_IRQFDS; i++)
		fd[i] = new_eventfd();
	for (i = 0; i < TVX_MAX_IRQFDS; i++)
		ASSERT_EQ(irqfd(g, fd[i], IRQ, 0), 0);
	EXPECT_EQ(irqfd(g, fd[i], IRQ, 0), -ENOSPC);
	EXPECT_EQ(irqfd(g, fd[0], IRQ, 0), -EEXIST);
	ASSERT_EQ(irqfd(g, fd[0], IRQ, TVX_FD_REMOVE), 0);
	EXPECT_EQ(irqfd(g, fd[i], IRQ, 0), 0);
	for (i = 0; i <= TVX_MAX_IRQFDS; i++)
		close(fd[i]);
}

TEST_F(apic, irqfd_refusals)
{
	struct guest *g = &self->g;
	int fd = new_eventfd(), null = open("/dev/null", O_RDWR | O_CLOEXEC);

	EXPECT_EQ(irqfd(g, -1, IRQ, 0), -EBADF);
	EXPECT_EQ(irqfd(g, NOT_OPEN, IRQ, 0), -EBADF);
	EXPECT_EQ(irqfd(g, null, IRQ, 0), -EINVAL);
	EXPECT_EQ(irqfd(g, g->vm.fd, IRQ, 0), -EINVAL);
	EXPECT_EQ(irqfd(g, fd, 0x300, 0), -EINVAL);
	EXPECT_EQ(tvx_vm_irqfd(&g->vm, fd, 0x1000, IRQ, 0), -EINVAL);
	EXPECT_EQ(irqfd(g, fd, IRQ, TVX_FD_MATCH), -EINVAL);
	EXPECT_EQ(irqfd(g, fd, IRQ, 1u << 31), -EINVAL);
	/* None of these is in the way of what is right. */
	EXPECT_EQ(irqfd(g, fd, IRQ, 0), 0);
	close(null);
	close(fd);
}

TEST_F(vm, irqfd_without_a_local_apic)
{
	int fd = new_eventfd();

	EXPECT_EQ(irqfd(&self->g, fd, IRQ, 0), -EOPNOTSUPP);
	close(fd);
}

TEST_HARNESS_MAIN
