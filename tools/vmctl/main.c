// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mistake.h"
#include "status.h"
#include "vmctl.h"
#include "uapi/tinyvmx.h"

static const char usage[] =
	"Usage: vmctl COMMAND [OPTIONS]\n"
	"Run guests with the tinyvmx hypervisor.\n"
	"\n"
	"Commands:\n"
	"  run GUEST    run a guest: a raw image, an ELF or a multiboot file\n"
	"  check        say what this machine and its module offer\n"
	"  help         this text\n"
	"\n"
	"Options:\n"
	"  --help       this text; after a command, that command's options\n"
	"  --version    the version\n"
	"\n"
	"See vmctl(8).\n";

static int cmd_help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	fputs(usage, stdout);
	return ST_OK;
}

static int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("vmctl " VMCTL_VERSION " (interface %d)\n", TVX_API_VERSION);
	return ST_OK;
}

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run",	cmd_run },
	{ "check",	cmd_check },
	{ "help",	cmd_help },
	{ "--help",	cmd_help },
	{ "-h",		cmd_help },
	{ "--version",	cmd_version },
	{ "-V",		cmd_version },
	{ NULL, NULL },
};

static void tell_no_command(const char *word)
{
	const char *meant = closest_word(word, strlen(word), &commands->name, sizeof(*commands));

	fprintf(stderr, "vmctl: no command '%s'", word);
	if (meant)
		fprintf(stderr, ": is %s meant?", meant);
	else if (!access(word, F_OK))
		fprintf(stderr, ": to run a guest, `vmctl run %s`", word);
	fputs(" (vmctl --help lists them)\n", stderr);
}

int main(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		fputs(usage, stderr);
		return ST_USAGE;
	}
	for (c = commands; c->name; c++)
		if (!strcmp(argv[1], c->name))
			return c->run(argc - 1, argv + 1);
	tell_no_command(argv[1]);
	return ST_USAGE;
}
