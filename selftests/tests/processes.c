// SPDX-License-Identifier: GPL-2.0-only
/* Processes that end, fork, or become another program, with VMs of theirs: nothing is left. */
#include <sys/socket.h>

#include "lifetime.h"

static pid_t counting_process(uint64_t *counter)
{
	pid_t child = fork();
	struct guest g;

	if (child)
		return child;
	make_counting(&g, counter);
	for (;;)
		run(&g);
}

TEST(killed_while_running)
{
	uint64_t *counter = shared_page();
	pid_t child[3];
	int i, j;

	for (i = 0; i < 10; i++) {
		for (j = 0; j < 3; j++)
			child[j] = counting_process(counter);
		wait_for_change(counter);
		usleep(i * 3000);
		for (j = 0; j < 3; j++)
			ASSERT_EQ(0, kill(child[j], SIGKILL));
		for (j = 0; j < 3; j++)
			reap(child[j], SIGKILL);
		ASSERT_EQ(0, users_become(0));
	}
}

/* exec closes all: the program goes on, nothing of ours does. */
TEST(exec_closes_all)
{
	volatile uint64_t *counter = shared_page();
	struct guest g;
	pid_t child = fork();

	ASSERT_GE(child, 0);
	if (!child) {
		make_counting(&g, (uint64_t *)counter);
		*counter = 1;
		execl("/bin/busybox", "busybox", "sleep", "1000", NULL);
		_exit(1);
	}
	/* It is written once, perhaps before this process runs again. */
	while (!*counter)
		usleep(1000);
	EXPECT_EQ(0, users_become(0));
	EXPECT_EQ(0, kill(child, SIGKILL));
	reap(child, SIGKILL);
}

/* A child has nothing of the vCPU: its run page would change the guest's registers. */
TEST(the_run_page_is_not_inherited)
{
	struct guest g;
	pid_t child;

	guest_open(&g);
	guest_vcpu(&g);
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		signal(SIGSEGV, SIG_DFL);
		*(volatile uint32_t *)&g.vcpu.run->in.dirty = TVX_DIRTY_RIP;
		_exit(0);
	}
	reap(child, SIGSEGV);
	start(&g, GUEST_LONG, hlt);
	ASSERT_EQ(run(&g), TVX_EXIT_HLT);
	guest_close(&g);
	EXPECT_EQ(0, users_become(0));
}

/* The maker dies, another process still holds its fds, and can only close them. */
TEST(fds_outlive_their_process)
{
	int pair[2], pass[1] = { -1 };
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 0;
	struct iovec one = { &byte, 1 };
	struct msghdr message = { .msg_iov = &one, .msg_iovlen = 1, .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	struct guest g;
	pid_t child;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	child = fork();
	ASSERT_GE(child, 0);
	if (!child) {
		make_counting(&g, shared_page());
		*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
				       .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(c), &g.vcpu.fd, sizeof(int));
		_exit(sendmsg(pair[1], &message, 0) == 1 ? 0 : 1);
	}
	reap(child, 0);
	ASSERT_EQ(1, recvmsg(pair[0], &message, MSG_CMSG_CLOEXEC));
	memcpy(pass, CMSG_DATA(c), sizeof(int));
	EXPECT_EQ(-1, ioctl(pass[0], TVX_VCPU_RUN));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-1, ioctl(pass[0], TVX_VCPU_KICK));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(1, users_become(1));
	close(pass[0]);
	EXPECT_EQ(0, users());
}

TEST_HARNESS_MAIN
