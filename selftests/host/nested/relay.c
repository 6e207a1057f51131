// SPDX-License-Identifier: GPL-2.0-only
/*
 * In the nested host: gives the command a terminal, and what is written to it to the VMM, a piece
 * with each exit. A serial port would take an exit for each byte.
 *
 *	relay MAILBOX-ADDRESS LINK
 *
 * LINK becomes a link to the terminal. SIGTERM hands over what is left, and ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mailbox.h"

static volatile sig_atomic_t leaving;

static void leave(int signal)
{
	leaving = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void *map_mailbox(uint64_t address)
{
	int fd = open("/dev/mem", O_RDWR | O_CLOEXEC);
	void *mailbox;

	if (fd < 0)
		die("/dev/mem");
	mailbox = mmap(NULL, MAILBOX_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, address);
	if (mailbox == MAP_FAILED || ioperm(MAILBOX_PORT, 4, 1))
		die("the mailbox");
	return mailbox;
}

/* The terminal stays open here, too: without that its end would be seen between two commands. */
static int open_terminal(const char *link)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	const char *name;

	if (terminal < 0 || grantpt(terminal) || unlockpt(terminal))
		die("a terminal");
	name = ptsname(terminal);
	if (!name || open(name, O_RDWR | O_NOCTTY | O_CLOEXEC) < 0)
		die("a terminal");
	unlink(link);
	if (symlink(name, link))
		die(link);
	return terminal;
}

/* A read that finds nothing has looked for what is still on its way through the terminal. */
static void hand_over(int terminal, void *mailbox)
{
	ssize_t n;

	while ((n = read(terminal, mailbox, MAILBOX_SIZE)) > 0)
		outl(n, MAILBOX_PORT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		die("the terminal");
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = leave };
	sigset_t term, none;
	struct pollfd wait;
	void *mailbox;

	if (argc != 3)
		return 2;
	sigemptyset(&none);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	sigaction(SIGTERM, &action, NULL);
	mailbox = map_mailbox(strtoull(argv[1], NULL, 0));
	wait = (struct pollfd){ .fd = open_terminal(argv[2]), .events = POLLIN };
	while (!leaving) {
		hand_over(wait.fd, mailbox);
		ppoll(&wait, 1, NULL, &none);
	}
	hand_over(wait.fd, mailbox);
	outl(0, MAILBOX_PORT);
	return 0;
}
