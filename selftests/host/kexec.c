// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loads and starts a next kernel, in the guest.
 *
 *	kexec load|crash BZIMAGE INITRD PARAMETERS
 *	kexec start
 *
 * "crash" loads the kernel that a panic starts, into the range of crashkernel=.
 *
 * By kexec_load(), as kexec_file_load() hashes all that it loads, which takes an emulated
 * machine half a minute; so the placing is done here.  The next kernel gets no memory of what
 * crashed.
 */
#include <asm/bootparam.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE		4096ul
#define PAGES(n)	(((n) + PAGE - 1) & -PAGE)
#define ALIGN		(2ul << 20)
#define KERNEL_PLACE	(16ul << 20)
#define ENTRY_64	0x200			/* in what follows the setup sectors */
#define LOW_RAM_END	0x9f000

struct file {
	void *data;
	size_t size;
};

/* What goes to the next kernel, in one piece. */
static struct boot {
	struct boot_params params;
	char command_line[PAGE - 64];
	uint8_t entry[64];
} boot __attribute__((aligned(4096)));

static uint64_t crash_start, crash_end;

static int fail(const char *what)
{
	perror(what);
	exit(1);
}

static struct file file(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct file f = { MAP_FAILED, 0 };
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st)) {
		f.size = st.st_size;
		f.data = mmap(NULL, f.size, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	if (f.data == MAP_FAILED)
		fail(name);
	close(fd);
	return f;
}

static void add_range(uint64_t start, uint64_t end, uint32_t type)
{
	boot.params.e820_table[boot.params.e820_entries++] =
		(struct boot_e820_entry){ .addr = start, .size = end - start, .type = type };
}

/* The machine's memory map, with as much RAM as the next kernel may use. */
static void memory_map(bool crash)
{
	FILE *iomem = fopen("/proc/iomem", "r");
	char line[200], name[100];
	unsigned long start, end;

	if (!iomem)
		fail("/proc/iomem");
	while (fgets(line, sizeof(line), iomem)) {
		if (sscanf(line, "%lx-%lx : %99[^\n]", &start, &end, name) != 3)
			continue;
		end++;
		if (!strcmp(name, "Crash kernel")) {
			crash_start = start;
			crash_end = end;
			if (crash)
				add_range(start, end, 1);
		} else if (!strcmp(name, "System RAM") && (!crash || end <= LOW_RAM_END)) {
			add_range(start, end, 1);
		} else if (!strcmp(name, "Reserved") && line[0] != ' ') {
			add_range(start, end, 2);
		} else if (!strcmp(name, "ACPI Tables")) {
			add_range(start, end, 3);
		}
	}
	fclose(iomem);
}

/* mov $params, %rsi; mov $kernel, %rax; jmp *%rax: the 64-bit boot protocol. */
static void entry_code(uint64_t params, uint64_t kernel)
{
	static const uint8_t code[] = { 0x48, 0xbe, 0, 0, 0, 0, 0, 0, 0, 0,
					0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0 };

	memcpy(boot.entry, code, sizeof(code));
	memcpy(boot.entry + 2, &params, 8);
	memcpy(boot.entry + 12, &kernel, 8);
}

static void load(bool crash, struct file kernel, struct file initrd, const char *command_line)
{
	uint8_t *image = kernel.data;
	struct setup_header *header = &boot.params.hdr;
	size_t setup = (image[0x1f1] + 1) * 512;
	uint64_t kernel_at, initrd_at, boot_at;

	memory_map(crash);
	if (crash && !crash_end) {
		fprintf(stderr, "kexec: no memory is kept for a crash: crashkernel= is missing\n");
		exit(1);
	}
	memcpy(header, image + 0x1f1, 0x202 + image[0x201] - 0x1f1);
	kernel_at = crash ? (crash_start + ALIGN - 1) & -ALIGN : KERNEL_PLACE;
	/* It unpacks itself within init_size bytes. */
	initrd_at = kernel_at + PAGES(header->init_size);
	boot_at = initrd_at + PAGES(initrd.size);

	header->type_of_loader = 0xff;
	header->ramdisk_image = initrd_at;
	header->ramdisk_size = initrd.size;
	header->cmd_line_ptr = boot_at + offsetof(struct boot, command_line);
	snprintf(boot.command_line, sizeof(boot.command_line), "%s", command_line);
	entry_code(boot_at, kernel_at + ENTRY_64);

	struct kexec_segment segments[] = {
		{ image + setup, kernel.size - setup, (void *)kernel_at,
		  PAGES(kernel.size - setup) },
		{ initrd.data, initrd.size, (void *)initrd_at, PAGES(initrd.size) },
		{ &boot, sizeof(boot), (void *)boot_at, PAGES(sizeof(boot)) },
	};

	if (syscall(SYS_kexec_load, boot_at + offsetof(struct boot, entry), 3ul, segments,
		    KEXEC_ARCH_X86_64 | (crash ? KEXEC_ON_CRASH : 0)))
		fail("kexec_load");
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "start")) {
		syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
			LINUX_REBOOT_CMD_KEXEC, 0);
		return fail("reboot");
	}
	if (argc != 5)
		return 2;
	load(!strcmp(argv[1], "crash"), file(argv[2]), file(argv[3]), argv[4]);
	return 0;
}
