// SPDX-License-Identifier: GPL-2.0-only
/* Eventfds that an OUT of the guest signals. */
#include "tvx_eventfd.h"

static int ioeventfd(struct guest *g, int fd, unsigned int width)
{
	return tvx_vm_ioeventfd(&g->vm, fd, PORT, width, 0, 0);
}

static int matching(struct guest *g, int fd, unsigned int width, uint64_t value, uint32_t flags)
{
	return tvx_vm_ioeventfd(&g->vm, fd, PORT, width, value, TVX_FD_MATCH | flags);
}

/* AL, AX, EAX. */
GUEST64(outs_of_each_width, "mov $0x1234, %edx\n mov $0x11223344, %eax\n"
	"out %al, %dx\n out %ax, %dx\n out %ax, %dx\n"
	"out %eax, %dx\n out %eax, %dx\n out %eax, %dx\n hlt\n");

TEST_F(vm, widths)
{
	struct guest *g = &self->g;
	int fd[3] = { new_eventfd(), new_eventfd(), new_eventfd() };
	struct tvx_stats stats;

	for (int i = 0; i < 3; i++)
		ASSERT_EQ(ioeventfd(g, fd[i], 1 << i), 0);
	start(g, GUEST_LONG, outs_of_each_width);
	/* No exit but the last reaches user space. */
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(signals_of(fd[i]), i + 1);
	must(tvx_vcpu_get_stats(&g->vcpu, &stats));
	EXPECT_EQ(stats.reason[30].count, 6);
	for (int i = 0; i < 3; i++)
		close(fd[i]);
}

TEST_F(vm, any_width)
{
	struct guest *g = &self->g;
	int fd = new_eventfd();

	ASSERT_EQ(ioeventfd(g, fd, 0), 0);
	start(g, GUEST_LONG, outs_of_each_width);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(signals_of(fd), 6);
	close(fd);
}

/* It goes on counting when user space has closed its own. */
TEST_F(vm, it_holds_the_eventfd)
{
	struct guest *g = &self->g;
	int fd = new_eventfd(), copy = dup(fd);

	ASSERT_EQ(ioeventfd(g, fd, 0), 0);
	close(fd);
	start(g, GUEST_LONG, outs_of_each_width);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(signals_of(copy), 6);
	close(copy);
	start(g, GUEST_LONG, outs_of_each_width);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
}

TEST_F(vm, other_widths_and_ports_exit)
{
	struct guest *g = &self->g;
	int fd = new_eventfd();

	ASSERT_EQ(ioeventfd(g, fd, 2), 0);
	ASSERT_EQ(tvx_vm_ioeventfd(&g->vm, fd, PORT + 1, 0, 0, 0), 0);
	start(g, GUEST_LONG, outs_of_each_width);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->io.width, 1);
	EXPECT_EQ(out(g)->io.value, 0x44);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->io.width, 4);
	EXPECT_EQ(out(g)->io.value, 0x11223344);
	EXPECT_EQ(signals_of(fd), 2);
	close(fd);
}

/* A rule that says "as if there were none" is none for an eventfd, too. */
FIXTURE(rules) {
	struct guest g;
};

FIXTURE_SETUP(rules)
{
	static const struct tvx_io_rule some[] = {
		{ PORT, 0, 1, TVX_ACT_DEFAULT, 0 }, { PORT, 0, 16, TVX_ACT_FAULT, 0 },
	};
	const struct tvx_policy policy = { .nr_io_rules = 2, .io_rules = (uintptr_t)some };

	guest_open(&self->g);
	must(tvx_vm_set_policy(&self->g.vm, &policy));
	guest_vcpu(&self->g);
}

FIXTURE_TEARDOWN(rules)
{
	guest_close(&self->g);
}

TEST_F(rules, a_default_rule_is_none)
{
	struct guest *g = &self->g;
	int fd = new_eventfd();

	ASSERT_EQ(ioeventfd(g, fd, 0), 0);
	start(g, GUEST_LONG, outs_of_each_width);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_GT(signals_of(fd), 0);
	close(fd);
}

GUEST64(outs_of_values, "mov $0x1234, %edx\n mov $0xffffff01, %eax\n out %al, %dx\n"
	"mov $2, %eax\n out %al, %dx\n out %al, %dx\n out %ax, %dx\n"
	"mov $3, %eax\n out %al, %dx\n hlt\n");

TEST_F(vm, values)
{
	struct guest *g = &self->g;
	int one = new_eventfd(), two = new_eventfd(), wide = new_eventfd();

	ASSERT_EQ(matching(g, one, 1, 1, 0), 0);
	ASSERT_EQ(matching(g, two, 1, 2, 0), 0);
	ASSERT_EQ(matching(g, wide, 2, 2, 0), 0);
	start(g, GUEST_LONG, outs_of_values);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->io.value, 3);
	EXPECT_EQ(signals_of(one), 1);
	EXPECT_EQ(signals_of(two), 2);
	EXPECT_EQ(signals_of(wide), 1);
	/* What is not matched may have one that takes all. */
	ASSERT_EQ(ioeventfd(g, wide, 0), 0);
	start(g, GUEST_LONG, outs_of_values);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(signals_of(one), 1);
	EXPECT_EQ(signals_of(two), 2);
	EXPECT_EQ(signals_of(wide), 2);
	close(one);
	close(two);
	close(wide);
}

GUEST64(not_plain_outs, "mov $0x1234, %edx\n in %dx, %al\n mov $0x200000, %esi\n outsb\n"
	"mov $2, %ecx\n rep outsb\n hlt\n");

TEST_F(vm, strings_and_in_exit)
{
	struct guest *g = &self->g;
	int fd = new_eventfd();

	ASSERT_EQ(ioeventfd(g, fd, 0), 0);
	start(g, GUEST_LONG, not_plain_outs);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->io.flags, TVX_IO_IN);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->io.flags, TVX_IO_STRING);
	tvx_skip_insn(&g->vcpu);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(out(g)->io.flags, TVX_IO_STRING | TVX_IO_REP);
	EXPECT_EQ(signals_of(fd), 0);
	close(fd);
}

TEST_F(vm, ioeventfd_is_removed)
{
	struct guest *g = &self->g;
	int fd = new_eventfd(), other = new_eventfd();

	ASSERT_EQ(ioeventfd(g, fd, 0), 0);
	ASSERT_EQ(matching(g, fd, 1, 5, 0), 0);
	EXPECT_EQ(ioeventfd(g, fd, 0), -EEXIST);
	EXPECT_EQ(ioeventfd(g, other, 0), -EEXIST);
	EXPECT_EQ(tvx_vm_ioeventfd(&g->vm, other, PORT, 0, 0, TVX_FD_REMOVE), -ENOENT);
	EXPECT_EQ(tvx_vm_ioeventfd(&g->vm, fd, PORT, 1, 0, TVX_FD_REMOVE), -ENOENT);
	EXPECT_EQ(matching(g, fd, 1, 6, TVX_FD_REMOVE), -ENOENT);
	EXPECT_EQ(matching(g, fd, 1, 5, TVX_FD_REMOVE), 0);
	EXPECT_EQ(tvx_vm_ioeventfd(&g->vm, fd, PORT, 0, 0, TVX_FD_REMOVE), 0);
	EXPECT_EQ(tvx_vm_ioeventfd(&g->vm, fd, PORT, 0, 0, TVX_FD_REMOVE), -ENOENT);
	start(g, GUEST_LONG, outs_of_each_width);
	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(signals_of(fd), 0);
	ASSERT_EQ(ioeventfd(g, other, 0), 0);
	ASSERT_EQ(run(g), TVX_EXIT_HLT);
	EXPECT_EQ(signals_of(other), 6);
	close(fd);
	close(other);
}

TEST_F(vm, how_many_ioeventfds)
{
	struct guest *g = &self->g;
	int fd = new_eventfd(), i;

	for (i = 0; i < TVX_MAX_IOEVENTFDS; i++)
		ASSERT_EQ(matching(g, fd, 1, i, 0), 0);
	EXPECT_EQ(matching(g, fd, 1, i, 0), -ENOSPC);
	EXPECT_EQ(matching(g, fd, 1, 0, 0), -EEXIST);
	ASSERT_EQ(matching(g, fd, 1, 0, TVX_FD_REMOVE), 0);
	EXPECT_EQ(matching(g, fd, 1, i, 0), 0);
	close(fd);
}

TEST_F(vm, ioeventfd_refusals)
{
	struct guest *g = &self->g;
	int fd = new_eventfd(), null = open("/dev/null", O_RDWR | O_CLOEXEC);

	EXPECT_EQ(ioeventfd(g, -1, 1), -EBADF);
	EXPECT_EQ(ioeventfd(g, NOT_OPEN, 1), -EBADF);
	EXPECT_EQ(ioeventfd(g, null, 1), -EINVAL);
	EXPECT_EQ(ioeventfd(g, fd, 3), -EINVAL);
	EXPECT_EQ(ioeventfd(g, fd, 8), -EINVAL);
	EXPECT_EQ(tvx_vm_ioeventfd(&g->vm, fd, PORT, 1, 7, 0), -EINVAL);
	EXPECT_EQ(tvx_vm_ioeventfd(&g->vm, fd, PORT, 1, 0, 4), -EINVAL);
	EXPECT_EQ(ioeventfd(g, fd, 1), 0);
	close(null);
	close(fd);
}

/* They change while a guest uses them. */
GUEST64(outs_for_ever, "mov $0x1234, %edx\n 1: out %al, %dx\n jmp 1b\n");

TEST_F(vm, ioeventfds_change_under_a_guest)
{
	struct guest *g = &self->g;
	int fd = new_eventfd(), other = new_eventfd();
	struct runner r;

	ASSERT_EQ(ioeventfd(g, fd, 0), 0);
	start(g, GUEST_LONG, outs_for_ever);
	begin(&r, g);
	ASSERT_TRUE(WAIT_FOR(signals_of(fd) > 0));
	for (int i = 0; i < 50; i++) {
		ASSERT_EQ(matching(g, other, 1, i % 3, 0), 0);
		usleep(500);
		ASSERT_EQ(matching(g, other, 1, i % 3, TVX_FD_REMOVE), 0);
	}
	EXPECT_FALSE(r.done);
	EXPECT_TRUE(WAIT_FOR(signals_of(fd) > 0));
	ASSERT_EQ(tvx_vm_ioeventfd(&g->vm, fd, PORT, 0, 0, TVX_FD_REMOVE), 0);
	ASSERT_EQ(end(&r), 0);
	EXPECT_EQ(out(g)->exit, TVX_EXIT_IO);
	close(fd);
	close(other);
}

/* ---- both at once: a device whose interrupt follows from the OUT -------------------------- */

GUEST64(doorbell, X2APIC_ON "sti\n mov $0x1234, %edx\n out %al, %dx\n nop\n" GET_IRQS("%r8")
	"mov $0x1234, %edx\n out %al, %dx\n nop\n" DONE);

TEST_F(apic, an_out_that_interrupts)
{
	struct guest *g = &self->g;
	int fd = new_eventfd();

	ASSERT_EQ(ioeventfd(g, fd, 1), 0);
	ASSERT_EQ(irqfd(g, fd, IRQ, 0), 0);
	start_apic(g, doorbell);
	ASSERT_TRUE(runs_to_done(g));
	EXPECT_EQ(reg(g, TVX_R8), 1);
	EXPECT_EQ(irqs(g)->of[IRQ], 2);
	close(fd);
}

TEST_HARNESS_MAIN
