// SPDX-License-Identifier: GPL-2.0-only
/* The command line of `vmctl run`. */
#include <getopt.h>
#include <string.h>

#include "options.h"
#include "setreg.h"
#include "parse.h"

#define DEFAULT_MEM	(64ULL << 20)
#define MIN_MEM		(64ULL << 10)
#define MAX_MEM		(1ULL << 40)
#define PAGE		4096

static const char usage[] =
	"Usage: vmctl run [OPTIONS] GUEST\n"
	"Run GUEST until it halts, ends by port 0xf4, or fails.\n"
	"\n"
	"The guest:\n"
	"  --type TYPE        multiboot, elf, bzimage or raw (default: find out)\n"
	"  --mode MODE        real, protected or long, of a raw image (default: real)\n"
	"  --load ADDR        where a raw image goes (default: 0x7c00 in real mode, else 0x100000)\n"
	"  --entry ADDR       where the guest starts (default: the image's own entry, or --load)\n"
	"  --append STRING    command line of a multiboot guest\n"
	"  --module FILE[,ARGS]  module for a multiboot guest; may be repeated\n"
	"The machine:\n"
	"  --mem SIZE         memory, with K, M or G (default: 64M)\n"
	"  --set REG=VALUE    a register at the start: rax..r15, rip, rflags, cr0..cr8, efer, dr6, dr7\n"
	"  --premap           map all memory at once, not when it is first touched\n"
	"  --strict           an access to no device is an error\n"
	"  --timeout SECONDS  end the guest after that time\n"
	"What to tell (to standard error if no FILE is given):\n"
	"  --trace[=FILE]     a line for each exit that reaches vmctl\n"
	"  --stats            at the end: how many exits of each kind, and what they cost\n"
	"  --dump             on failure: all registers and the VMCS\n"
	"  --json[=FILE]      at the end: one line, a JSON object\n"
	"  -v, --verbose      what happens, and how a guest ended that did not fail\n"
	"  -h, --help         this text\n"
	"\n"
	"Exit status: the value that the guest writes to port 0xf4, 0 if it halts, else\n"
	"  100  bad usage                       107  triple fault\n"
	"  101  bad image                       108  the guest cannot be entered\n"
	"  102  kind of image not supported     109  memory fault\n"
	"  103  the module is not loaded        110  exit that is not handled\n"
	"  104  no permission                   111  --strict: access to no device\n"
	"  105  the module or CPU refuses       112  instruction that is not handled\n"
	"  106  system error                    113  the guest asked for a reset\n"
	"  124  time limit                      128+N  ended by signal N\n";

enum {
	OPT_TYPE = 256, OPT_MODE, OPT_LOAD, OPT_ENTRY, OPT_APPEND, OPT_MODULE, OPT_MEM,
	OPT_PREMAP, OPT_STRICT, OPT_TIMEOUT, OPT_TRACE, OPT_STATS, OPT_DUMP, OPT_JSON, OPT_SET,
};

static const struct option options[] = {
	{ "type",	required_argument,	NULL, OPT_TYPE },
	{ "mode",	required_argument,	NULL, OPT_MODE },
	{ "load",	required_argument,	NULL, OPT_LOAD },
	{ "entry",	required_argument,	NULL, OPT_ENTRY },
	{ "append",	required_argument,	NULL, OPT_APPEND },
	{ "module",	required_argument,	NULL, OPT_MODULE },
	{ "mem",	required_argument,	NULL, OPT_MEM },
	{ "set",	required_argument,	NULL, OPT_SET },
	{ "premap",	no_argument,		NULL, OPT_PREMAP },
	{ "strict",	no_argument,		NULL, OPT_STRICT },
	{ "timeout",	required_argument,	NULL, OPT_TIMEOUT },
	{ "trace",	optional_argument,	NULL, OPT_TRACE },
	{ "stats",	no_argument,		NULL, OPT_STATS },
	{ "dump",	no_argument,		NULL, OPT_DUMP },
	{ "json",	optional_argument,	NULL, OPT_JSON },
	{ "verbose",	no_argument,		NULL, 'v' },
	{ "help",	no_argument,		NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int bad_value(const char *option, const char *value, const char *want)
{
	fprintf(stderr, "vmctl: --%s %s: %s\n", option, value, want);
	return ST_USAGE;
}

static int parse_mode(const char *s, enum boot_mode *mode)
{
	static const struct { const char *name; enum boot_mode mode; } modes[] = {
		{ "real", BOOT_REAL }, { "protected", BOOT_PROTECTED }, { "long", BOOT_LONG },
	};
	unsigned int i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (!strcmp(s, modes[i].name)) {
			*mode = modes[i].mode;
			return OPTIONS_RUN;
		}
	}
	return bad_value("mode", s, "must be real, protected or long");
}

static int parse_address(const char *option, const char *s, uint64_t *value, bool *has)
{
	*has = true;
	return parse_number(s, value) ? OPTIONS_RUN : bad_value(option, s, "is not an address");
}

static int parse_mem(const char *s, uint64_t *mem)
{
	if (!parse_size(s, mem))
		return bad_value("mem", s, "is not a size");
	if (*mem < MIN_MEM || *mem > MAX_MEM || *mem % PAGE)
		return bad_value("mem", s, "must be whole 4K pages, 64K to 1024G");
	return OPTIONS_RUN;
}

static int add_module(char *s, struct load_options *load)
{
	struct blob *m = &load->module[load->nr_modules];
	char *comma = strchr(s, ',');

	if (load->nr_modules == LOAD_MAX_MODULES)
		return bad_value("module", s, "is one module too many");
	if (comma) {
		*comma = '\0';
		m->args = comma + 1;
	}
	m->name = s;
	load->nr_modules++;
	return OPTIONS_RUN;
}

static int add_setting(const char *s, struct run_options *opt)
{
	if (opt->nr_settings == MAX_SETTINGS)
		return bad_value("set", s, "is one register too many");
	if (!setreg_valid(s))
		return bad_value("set", s, "must be a register, = and a number");
	opt->settings[opt->nr_settings++] = s;
	return OPTIONS_RUN;
}

static int parse_type(const char *s, struct load_options *load)
{
	load->type = s;
	return load_type_known(s) ? OPTIONS_RUN :
		bad_value("type", s, "must be multiboot, elf, bzimage or raw");
}

static int parse_option(int c, struct run_options *opt)
{
	switch (c) {
	case OPT_TYPE:
		return parse_type(optarg, &opt->load);
	case OPT_MODE:
		return parse_mode(optarg, &opt->load.mode);
	case OPT_LOAD:
		return parse_address("load", optarg, &opt->load.load, &opt->load.has_load);
	case OPT_ENTRY:
		return parse_address("entry", optarg, &opt->load.entry, &opt->load.has_entry);
	case OPT_MODULE:
		return add_module(optarg, &opt->load);
	case OPT_SET:
		return add_setting(optarg, opt);
	case OPT_MEM:
		return parse_mem(optarg, &opt->mem);
	case OPT_TIMEOUT:
		return parse_seconds(optarg, &opt->timeout_ms) ? OPTIONS_RUN :
			bad_value("timeout", optarg, "must be a number of seconds above 0");
	case OPT_APPEND:
		opt->load.append = optarg;
		break;
	case OPT_PREMAP:
		opt->premap = true;
		break;
	case OPT_STRICT:
		opt->strict = true;
		break;
	case OPT_TRACE:
		opt->trace = true;
		opt->trace_file = optarg;
		break;
	case OPT_STATS:
		opt->stats = true;
		break;
	case OPT_DUMP:
		opt->dump = true;
		break;
	case OPT_JSON:
		opt->json = true;
		opt->json_file = optarg;
		break;
	case 'v':
		opt->verbose = true;
		break;
	case 'h':
		fputs(usage, stdout);
		return ST_OK;
	default:	/* getopt has told */
		fputs("vmctl: `vmctl run --help` lists the options\n", stderr);
		return ST_USAGE;
	}
	return OPTIONS_RUN;
}

int parse_run_options(int argc, char **argv, struct run_options *opt)
{
	int c, status = OPTIONS_RUN;

	memset(opt, 0, sizeof(*opt));
	opt->mem = DEFAULT_MEM;
	/* '+': what is behind the guest's name is no option of ours. */
	while (status == OPTIONS_RUN && (c = getopt_long(argc, argv, "+vh", options, NULL)) != -1)
		status = parse_option(c, opt);
	if (status != OPTIONS_RUN)
		return status;
	if (optind + 1 != argc) {
		fputs(optind == argc ? "vmctl: no guest is given\n" :
		      "vmctl: there must be one guest, and options come before it\n", stderr);
		return ST_USAGE;
	}
	opt->guest = argv[optind];
	return OPTIONS_RUN;
}
