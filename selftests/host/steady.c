// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loaded into the emulator by LD_PRELOAD.
 *
 * - time() stands still: RDRAND is seeded from it, and runs shall be repeatable.
 * - The guest's memory is kept in a file. On a restore the emulator would copy the saved memory
 *   into a temporary file, 64 bytes at a time; TVX_HOST_RAM names the file to use in its place.
 * - The screen's port is nobody else's from bind() on. With SO_REUSEADDR two emulators that start
 *   at once can bind the same one, and the second to listen gives up.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define STEADY_TIME 1700000000

time_t time(time_t *t)
{
	if (t)
		*t = STEADY_TIME;
	return STEADY_TIME;
}

static FILE *guest_memory(void)
{
	const char *path = getenv("TVX_HOST_RAM");

	return path ? fopen(path, "r+b") : NULL;
}

FILE *tmpfile(void)
{
	return guest_memory();
}

FILE *tmpfile64(void)
{
	return guest_memory();
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	int (*real)(int fd, int level, int name, const void *value, socklen_t size) =
		dlsym(RTLD_NEXT, "setsockopt");

	return level == SOL_SOCKET && name == SO_REUSEADDR ? 0 : real(fd, level, name, value, size);
}
