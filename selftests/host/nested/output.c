// SPDX-License-Identifier: GPL-2.0-only
/* What comes out of the guest: its kernel's messages, and what its command says. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "vmm.h"

/* What the log takes as one message, with what it puts in front. */
#define LINE_LIMIT 900
/* What the command may be ahead of the serial port. */
#define OUTPUT_LIMIT (1 << 20)

static char line[LINE_LIMIT + 1];
static size_t line_length;
static int log_fd;
/* Value of the kernel under the guest when it started. */
static char tainted_before[24];

/* From here to the process that writes to the serial port. */
static int output_fd;
static pid_t writer;

static void read_tainted(char value[24])
{
	int fd = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, value, 23);

	if (n < 1)
		_exit(1);
	/* Without the end of the line. */
	value[n - 1] = 0;
	close(fd);
}

void log_open(void)
{
	log_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	read_tainted(tainted_before);
}

/* At the level that always shows: what of its log the guest shows, its own kernel says. */
static void log_line(const char *who, const char *text)
{
	char message[LINE_LIMIT + 64];
	int length = snprintf(message, sizeof(message), "<0>%s: %s\n", who, text);

	if (write(log_fd, message, length) != length)
		_exit(1);
}

void say(const char *format, ...)
{
	char text[LINE_LIMIT];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	log_line("nested", text);
}

void die(const char *format, ...)
{
	char text[LINE_LIMIT];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	log_line("nested", text);
	exit(1);
}

/*
 * The runner takes a machine for ended with the frame "end". Whether the kernel under the guest has
 * warned has to be told before.
 */
static void end_of_run(const char *nonce)
{
	char tainted[24];

	read_tainted(tainted);
	say("tvx-host %s taint %s %s", nonce, tainted_before, tainted);
}

void console_flush(void)
{
	char nonce[64], word[16];
	const char *frame;

	line[line_length] = 0;
	line_length = 0;
	frame = strstr(line, "tvx-host ");
	if (frame && sscanf(frame, "tvx-host %63s %15s", nonce, word) == 2 && !strcmp(word, "end"))
		end_of_run(nonce);
	if (line[0])
		log_line("L1", line);
}

void console_put(uint8_t byte)
{
	if (byte == '\r')
		return;
	if (byte == '\n' || line_length == LINE_LIMIT)
		console_flush();
	if (byte != '\n')
		line[line_length++] = byte;
}

static int open_port(void)
{
	int fd = open("/dev/ttyS1", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	struct termios settings;

	if (fd < 0 || tcgetattr(fd, &settings))
		die("/dev/ttyS1: %m");
	cfmakeraw(&settings);
	cfsetspeed(&settings, B115200);
	if (tcsetattr(fd, TCSANOW, &settings))
		die("/dev/ttyS1: %m");
	return fd;
}

static void write_all(int fd, const uint8_t *data, size_t size)
{
	ssize_t n;

	while (size) {
		n = write(fd, data, size);
		if (n < 0 && errno != EINTR)
			die("what the command says gets lost: %m");
		if (n > 0) {
			data += n;
			size -= n;
		}
	}
}

static void copy(int from, int to)
{
	static uint8_t piece[4096];
	ssize_t n;

	while ((n = read(from, piece, sizeof(piece))) > 0)
		write_all(to, piece, n);
	tcdrain(to);
	_exit(0);
}

/* The port is slow: a process of its own writes to it, so that the guest need not stand still. */
void output_open(void)
{
	int ends[2], port = open_port();

	if (pipe2(ends, O_CLOEXEC) || fcntl(ends[1], F_SETPIPE_SZ, OUTPUT_LIMIT) < 0)
		die("a pipe: %m");
	writer = fork();
	if (writer < 0)
		die("fork: %m");
	if (!writer) {
		close(ends[1]);
		copy(ends[0], port);
	}
	close(ends[0]);
	output_fd = ends[1];
}

void output_put(const uint8_t *data, size_t size)
{
	write_all(output_fd, data, size);
}

void output_drain(void)
{
	close(output_fd);
	waitpid(writer, NULL, 0);
}
