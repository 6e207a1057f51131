// SPDX-License-Identifier: GPL-2.0-only
/* Fds and mappings closed in every order, threads in RUN meanwhile: nothing is left. */
#include <linux/userfaultfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "lifetime.h"

/* ---- orders of closing ---------------------------------------------------------------- */

enum { CLOSE_DEV, CLOSE_VM, CLOSE_VCPU, UNMAP_RUN, UNMAP_MEMORY, NR_STEPS };

static void take_step(struct guest *g, int step)
{
	switch (step) {
	case CLOSE_DEV:
		must(close(g->dev.fd));
		break;
	case CLOSE_VM:
		must(close(g->vm.fd));
		break;
	case CLOSE_VCPU:
		must(close(g->vcpu.fd));
		break;
	case UNMAP_RUN:
		must(munmap(g->vcpu.run, PAGE));
		break;
	case UNMAP_MEMORY:
		must(munmap(g->mem, MEM_SIZE));
		break;
	}
}

/* The @n'th permutation of the steps. */
static void order(int n, int steps[NR_STEPS])
{
	int i, j, tmp;

	for (i = 0; i < NR_STEPS; i++)
		steps[i] = i;
	for (i = NR_STEPS - 1; i > 0; i--) {
		j = n % (i + 1);
		n /= i + 1;
		tmp = steps[i];
		steps[i] = steps[j];
		steps[j] = tmp;
	}
}

TEST(every_order_of_closing)
{
	int n, i, steps[NR_STEPS];
	struct guest g;

	ASSERT_EQ(0, users());
	for (n = 0; n < 120; n++) {
		guest_open(&g);
		guest_vcpu(&g);
		start(&g, GUEST_LONG, hlt);
		ASSERT_EQ(TVX_EXIT_HLT, run(&g));
		order(n, steps);
		for (i = 0; i < NR_STEPS; i++)
			take_step(&g, steps[i]);
		ASSERT_EQ(0, users());
	}
}

TEST(vcpu_outlives_the_others)
{
	struct guest g;

	guest_open(&g);
	guest_vcpu(&g);
	start(&g, GUEST_LONG, hlt);
	take_step(&g, CLOSE_DEV);
	take_step(&g, CLOSE_VM);
	EXPECT_EQ(1, users());
	EXPECT_EQ(TVX_EXIT_HLT, run(&g));
	take_step(&g, CLOSE_VCPU);
	/* The mapping holds the file; the page is there to be read and written. */
	EXPECT_EQ(1, users());
	EXPECT_EQ(TVX_EXIT_HLT, out(&g)->exit);
	memset(g.vcpu.run, 0xff, PAGE);
	take_step(&g, UNMAP_RUN);
	EXPECT_EQ(0, users());
	take_step(&g, UNMAP_MEMORY);
}

/* ---- while another thread is in RUN ------------------------------------------------------ */

static void *run_with_fd(void *arg)
{
	struct guest *g = arg;
	long ret;

	/* By number: another file may have it by now. */
	do {
		ret = ioctl(g->vcpu.fd, TVX_VCPU_RUN);
	} while (ret && errno == EINTR);
	left = true;
	return (void *)(long)(ret ? errno : 0);
}

TEST(every_order_of_closing_while_running)
{
	uint64_t *counter = shared_page();
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	int n, i, steps[NR_STEPS], kicker;
	struct guest g;
	pthread_t thread;
	void *result;

	ASSERT_EQ(0, sigaction(SIGUSR1, &ignore, NULL));
	for (n = 0; n < 120; n += 7) {
		make_counting(&g, counter);
		kicker = dup(g.vcpu.fd);
		left = false;
		ASSERT_EQ(0, pthread_create(&thread, NULL, run_with_fd, &g));
		wait_for_change(counter);
		order(n, steps);
		for (i = 0; i < NR_STEPS; i++)
			take_step(&g, steps[i]);
		/* The code of the guest is gone, and with it the guest, or a kick ends it. */
		ioctl(kicker, TVX_VCPU_KICK);
		close(kicker);
		ASSERT_EQ(0, pthread_join(thread, &result));
		ASSERT_TRUE(!result || (long)result == EBADF);
		ASSERT_EQ(0, users_become(0));
	}
}

/* The last fd goes while RUN is under way: RUN itself holds the vCPU. */
TEST(closing_the_last_fd_while_running)
{
	uint64_t *counter = shared_page();
	pthread_t thread;
	struct guest g;
	int i;

	for (i = 0; i < 10; i++) {
		make_counting(&g, counter);
		left = false;
		ASSERT_EQ(0, pthread_create(&thread, NULL, run_with_fd, &g));
		wait_for_change(counter);
		take_step(&g, CLOSE_VCPU);
		take_step(&g, CLOSE_VM);
		take_step(&g, CLOSE_DEV);
		wait_for_change(counter);
		EXPECT_LE(users(), 1);
		take_step(&g, UNMAP_RUN);
		wait_for_change(counter);
		/* Without its code the guest exits. */
		take_step(&g, UNMAP_MEMORY);
		ASSERT_EQ(0, pthread_join(thread, NULL));
		ASSERT_EQ(0, users_become(0));
	}
}

/* Two threads make and close the same vCPU. */
static void *make_and_close(void *arg)
{
	struct guest *g = arg;
	int i, fd;

	for (i = 0; i < 300; i++) {
		struct tvx_create_vcpu create = { .size = sizeof(create), .id = i & 1 };

		fd = ioctl(g->vm.fd, TVX_VM_CREATE_VCPU, &create);
		must(fd < 0 && errno != EEXIST ? errno : 0);
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

TEST(vcpus_come_and_go_in_two_threads)
{
	pthread_t thread;
	struct guest g;

	guest_open(&g);
	ASSERT_EQ(0, pthread_create(&thread, NULL, make_and_close, &g));
	make_and_close(&g);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	guest_close(&g);
	EXPECT_EQ(0, users());
}

/* ---- many, and too many --------------------------------------------------------------------- */

TEST(many_vms_and_vcpus)
{
	struct tvx_vcpu vcpu[64];
	struct guest g;
	int i;

	for (i = 0; i < 50; i++) {
		guest_open(&g);
		guest_vcpu(&g);
		start(&g, GUEST_LONG, hlt);
		ASSERT_EQ(TVX_EXIT_HLT, run(&g));
		guest_close(&g);
	}
	guest_open(&g);
	ASSERT_EQ(64, g.dev.info.max_vcpus);
	for (i = 0; i < 64; i++)
		ASSERT_EQ(0, tvx_vcpu_create(&g.vm, i, &vcpu[i]));
	for (i = 0; i < 64; i++) {
		g.vcpu = vcpu[i];
		start(&g, GUEST_LONG, hlt);
		ASSERT_EQ(TVX_EXIT_HLT, run(&g));
	}
	EXPECT_EQ(66, users());
	for (i = 0; i < 64; i++)
		tvx_vcpu_destroy(&vcpu[i]);
	g.vcpu.fd = -1;
	guest_close(&g);
	EXPECT_EQ(0, users());
}

/*
 * A CPU may hold a VMCS for long, and write it back to where it was. In pages of the kernel's own,
 * of which pipes are made too, that would be seen.
 */
TEST(nothing_is_written_after_the_end)
{
	static uint8_t text[1 << 20], seen[sizeof(text)];
	struct guest other, g;
	int pipes[4][2], i;

	guest_open(&other);
	guest_vcpu(&other);
	start(&other, GUEST_LONG, hlt);
	guest_open(&g);
	guest_vcpu(&g);
	start(&g, GUEST_LONG, hlt);
	ASSERT_EQ(TVX_EXIT_HLT, run(&g));
	guest_close(&g);
	memset(text, 0x5a, sizeof(text));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, pipe2(pipes[i], O_CLOEXEC));
		ASSERT_EQ(sizeof(text), fcntl(pipes[i][1], F_SETPIPE_SZ, sizeof(text)));
		ASSERT_EQ(sizeof(text), write(pipes[i][1], text, sizeof(text)));
	}
	/* Another VMCS is loaded. */
	ASSERT_EQ(TVX_EXIT_HLT, run(&other));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(sizeof(text), read(pipes[i][0], seen, sizeof(seen)));
		EXPECT_EQ(0, memcmp(text, seen, sizeof(text)));
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	guest_close(&other);
}

/* ---- and while others wait ------------------------------------------------------------ */

static void *lazy;	/* a page that nobody has given yet */

static void *premap(void *guest)
{
	struct guest *g = guest;

	return (void *)(long)tvx_vm_set_slot(&g->vm, 2, 0x900000, PAGE, lazy, TVX_SLOT_PREMAP);
}

/* Another process may have the vCPU's fd, and is not to depend on what this one waits for. */
TEST(closing_a_vcpu_waits_for_no_memory)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register place = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage zero = { };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg msg;
	pthread_t thread;
	struct guest g;
	void *err;

	if (uffd < 0)
		SKIP(return, "no userfaultfd here");
	guest_open(&g);
	guest_vcpu(&g);
	lazy = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(lazy, MAP_FAILED);
	place.range.start = zero.range.start = (unsigned long)lazy;
	place.range.len = zero.range.len = PAGE;
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_API, &api));
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_REGISTER, &place));
	ASSERT_EQ(0, pthread_create(&thread, NULL, premap, &g));
	/* It waits for its page. */
	ASSERT_EQ(sizeof(msg), read(uffd, &msg, sizeof(msg)));
	take_step(&g, UNMAP_RUN);
	take_step(&g, CLOSE_VCPU);
	ASSERT_EQ(0, ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	ASSERT_EQ(0, pthread_join(thread, &err));
	EXPECT_EQ(NULL, err);
	tvx_vm_destroy(&g.vm);
	tvx_close(&g.dev);
	close(uffd);
	EXPECT_EQ(0, users());
}

TEST(out_of_fds)
{
	struct tvx_create_vm vm = { .size = sizeof(vm) };
	struct tvx_create_vcpu vcpu = { .size = sizeof(vcpu) };
	struct rlimit old, none = { 0 };
	struct guest g;
	int i;

	guest_open(&g);
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	none.rlim_max = old.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &none));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(-1, ioctl(g.dev.fd, TVX_CREATE_VM, &vm));
		EXPECT_EQ(EMFILE, errno);
		EXPECT_EQ(-1, ioctl(g.vm.fd, TVX_VM_CREATE_VCPU, &vcpu));
		EXPECT_EQ(EMFILE, errno);
	}
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	EXPECT_EQ(2, users());
	guest_close(&g);
	EXPECT_EQ(0, users());
}

TEST(no_unload_while_a_fd_is_open)
{
	struct guest g;
	int step;

	guest_open(&g);
	guest_vcpu(&g);
	for (step = CLOSE_DEV; step <= CLOSE_VCPU; step++) {
		EXPECT_EQ(-1, syscall(SYS_delete_module, "tinyvmx", O_NONBLOCK));
		EXPECT_TRUE(errno == EBUSY || errno == EWOULDBLOCK);
		take_step(&g, step);
	}
	EXPECT_EQ(0, access(TVX_DEVICE, F_OK));
}

TEST_HARNESS_MAIN
