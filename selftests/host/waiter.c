// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waits, in the guest, for the payload that the runner writes into a reserved range of physical
 * memory, and copies it to standard output.
 *
 *	waiter PHYS SIZE
 *
 * Layout of the range: a 64-bit length, which stays 0 until the payload is there, then the
 * payload itself at offset 4096.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAYLOAD_OFFSET 4096

static const char waiting[] = "<0>tvx-host waiting\n";

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void announce(void)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, waiting, strlen(waiting)) < 0)
		die("/dev/kmsg");
	close(fd);
}

int main(int argc, char **argv)
{
	volatile uint64_t *length;
	const char *data;
	uint64_t phys, size, left;
	void *window;
	int fd;

	if (argc != 3)
		return 2;
	phys = strtoull(argv[1], NULL, 0);
	size = strtoull(argv[2], NULL, 0);

	fd = open("/dev/mem", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("/dev/mem");
	window = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, phys);
	if (window == MAP_FAILED)
		die("mmap");

	/* The emulator's memory image has only the blocks that were written once. */
	memset(window, 0, size);
	length = window;
	announce();

	/* Spin: an idle machine cannot be saved, its clock races ahead of the user interface. */
	while (!*length)
		__builtin_ia32_pause();

	data = (const char *)window + PAYLOAD_OFFSET;
	for (left = *length; left;) {
		ssize_t n = write(STDOUT_FILENO, data, left);

		if (n <= 0)
			die("write");
		data += n;
		left -= n;
	}
	return 0;
}
