// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "term.h"

static struct termios saved, ours;
static volatile sig_atomic_t entered;

static void apply(const struct termios *t)
{
	tcsetattr(STDIN_FILENO, TCSANOW, t);
}

void term_leave(void)
{
	if (!entered)
		return;
	entered = 0;
	apply(&saved);
}

/* Put the terminal back, then die of the same signal: SA_RESETHAND has armed it again. */
static void on_fatal(int sig)
{
	term_leave();
	raise(sig);
}

static void on_stop(int sig)
{
	int error = errno;

	(void)sig;
	apply(&saved);
	raise(SIGSTOP);
	apply(&ours);	/* after SIGCONT */
	errno = error;
}

static void watch_signals(void)
{
	static const int fatal[] = { SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE };
	struct sigaction sa = { .sa_handler = on_fatal, .sa_flags = SA_RESETHAND };
	unsigned int i;

	for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &sa, NULL);
	sa.sa_handler = on_stop;
	sa.sa_flags = 0;
	sigaction(SIGTSTP, &sa, NULL);
}

bool term_enter(bool raw)
{
	/* In the background the terminal is somebody else's. */
	if (!isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp() ||
	    tcgetattr(STDIN_FILENO, &saved))
		return false;
	ours = saved;
	ours.c_lflag &= ~(ICANON | ECHO | (raw ? ISIG | IEXTEN : 0));
	ours.c_iflag &= ~(ICRNL | INLCR | IXON);
	ours.c_cc[VMIN] = 1;
	ours.c_cc[VTIME] = 0;
	watch_signals();
	atexit(term_leave);
	entered = 1;
	apply(&ours);
	return true;
}
