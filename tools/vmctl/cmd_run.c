// SPDX-License-Identifier: GPL-2.0-only
/* vmctl run: load a guest, run it, say how it ended. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"
#include "options.h"
#include "term.h"
#include "vmctl.h"

#define READ_CHUNK	(1U << 20)

/* A file of any kind, pipes too; more than the guest's memory can never be used. */
static int read_file(const char *path, uint64_t max, struct blob *blob)
{
	uint8_t *data = NULL, *more;
	size_t size = 0;
	ssize_t n = 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	while (n) {
		more = realloc(data, size + READ_CHUNK);
		if (!more) {
			err = -ENOMEM;
			break;
		}
		data = more;
		n = read(fd, data + size, READ_CHUNK);
		if (n < 0 || size > max) {
			err = n < 0 ? -errno : -EFBIG;
			break;
		}
		size += n;
	}
	close(fd);
	if (err) {
		free(data);
		return err;
	}
	blob->name = path;
	blob->data = data;
	blob->size = size;
	return 0;
}

static int read_files(struct machine *m, struct run_options *opt, struct blob *image)
{
	struct blob *files[LOAD_MAX_MODULES + 2] = { image };
	unsigned int i, nr = 1;
	int err = 0;

	image->name = opt->guest;
	if (opt->load.initrd.name)
		files[nr++] = &opt->load.initrd;
	for (i = 0; i < opt->load.nr_modules; i++)
		files[nr++] = &opt->load.module[i];
	for (i = 0; i < nr && !err; i++)
		err = read_file(files[i]->name, max_guest_size(opt), files[i]);
	if (err == -EFBIG)
		return machine_end(m, ST_BAD_IMAGE, "bad-image",
				   "%s is larger than the guest's memory (--mem gives more)",
				   files[i - 1]->name);
	if (err)
		return machine_end_errno(m, files[i - 1]->name, err);
	settle_run_options(opt, image);
	return 0;
}

static void free_files(struct run_options *opt, struct blob *image)
{
	unsigned int i;

	free((void *)image->data);
	free((void *)opt->load.initrd.data);
	for (i = 0; i < opt->load.nr_modules; i++)
		free((void *)opt->load.module[i].data);
	image->data = NULL;
	opt->load.initrd.data = NULL;
	opt->load.nr_modules = 0;
}

static int load_guest(struct machine *m, const struct blob *image, struct boot *boot)
{
	struct load load = {
		.image = image, .opt = &m->opt->load, .ram = &m->ram, .rsdp = m->rsdp,
	};
	int status = load_image(&load);
	static const char *const reasons[] = {
		[ST_USAGE - ST_USAGE]		= "usage",
		[ST_BAD_IMAGE - ST_USAGE]	= "bad-image",
		[ST_UNSUPPORTED - ST_USAGE]	= "unsupported-image",
		[ST_SYSTEM - ST_USAGE]		= "system",
	};

	if (status)
		return machine_end(m, status, reasons[status - ST_USAGE], "%s: %s", image->name,
				   load.error);
	*boot = load.boot;
	if (*load.hint)
		fprintf(stderr, "vmctl: %s: hint: %s\n", image->name, load.hint);
	if (m->opt->verbose)
		fprintf(stderr, "vmctl: %s: %s, %zu bytes, starts at %#llx\n", image->name,
			load.kind, image->size, (unsigned long long)boot->entry);
	if (m->opt->verbose && m->opt->load.append)
		fprintf(stderr, "vmctl: command line: %s\n", m->opt->load.append);
	return 0;
}

static int open_trace(struct machine *m)
{
	int err = m->opt->trace ? trace_open(m, m->opt->trace_file) : 0;

	return err ? machine_end_errno(m, m->opt->trace_file, err) : 0;
}

static int open_fwlog(struct machine *m)
{
	const char *path = m->opt->fwlog_file;

	if (!m->opt->fwlog)
		return 0;
	m->fwlog = path ? fopen(path, "we") : stderr;
	if (!m->fwlog)
		return machine_end_errno(m, path, -errno);
	setvbuf(m->fwlog, NULL, _IOLBF, 0);
	return 0;
}

static void run_guest(struct machine *m, struct run_options *opt)
{
	struct blob image = { 0 };
	struct boot boot;

	/* All that needs no device comes first: a bad image is one on any machine. */
	if (!read_files(m, opt, &image) && !machine_alloc_ram(m) && !open_fwlog(m) &&
	    !machine_add_devices(m) && !load_guest(m, &image, &boot) && !open_trace(m) &&
	    !machine_open(m) && !machine_boot(m, &boot)) {
		free_files(opt, &image);
		m->console.escapes = term_enter(opt->pc) && opt->pc;
		machine_run(m);
		term_leave();
	}
	free_files(opt, &image);
}

static bool failed(const struct machine *m)
{
	return !m->end.by_guest;
}

static int write_json(struct machine *m)
{
	FILE *f = m->opt->json_file ? fopen(m->opt->json_file, "we") : stderr;
	int err;

	if (!f)
		return -errno;
	print_json(m, f);
	err = ferror(f) || (f == stderr ? fflush(f) : fclose(f)) ? -EIO : 0;
	return err;
}

static void report(struct machine *m)
{
	int err;

	/* Our words begin a line of their own, not behind the guest's. */
	if (m->nr_vcpus && !m->console.out_at_line_start && isatty(STDOUT_FILENO) &&
	    (failed(m) || m->opt->verbose || m->opt->stats))
		fputc('\n', stderr);
	if (failed(m) || m->opt->verbose)
		fprintf(stderr, "vmctl: %s\n", m->end.why);
	explain_end(m, stderr);
	if (failed(m) && m->opt->dump && m->nr_vcpus)
		dump_machine(m, stderr);
	if (m->opt->stats && m->nr_vcpus)
		print_stats(m, stderr);
	if (!m->opt->json)
		return;
	err = write_json(m);
	if (err) {
		fprintf(stderr, "vmctl: --json: %s\n", strerror(-err));
		if (!m->end.status)
			m->end.status = ST_SYSTEM;
	}
}

int cmd_run(int argc, char **argv)
{
	struct run_options opt;
	struct machine *m;
	int status = parse_run_options(argc, argv, &opt);

	if (status != OPTIONS_RUN)
		return status;
	m = malloc(sizeof(*m));
	if (!m) {
		fputs("vmctl: out of memory\n", stderr);
		return ST_SYSTEM;
	}
	machine_init(m, &opt);
	run_guest(m, &opt);
	trace_close(m);
	report(m);
	machine_close(m);
	status = m->end.status;
	free(m);
	return status;
}
