// SPDX-License-Identifier: GPL-2.0-only
/* The command line of `vmctl run`. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "mistake.h"
#include "parse.h"
#include "setreg.h"

#define DEFAULT_MEM	(64ULL << 20)
#define DEFAULT_PC_MEM	(256ULL << 20)
#define MIN_MEM		(64ULL << 10)
#define MAX_MEM		(1ULL << 40)
#define PAGE		4096

static const char usage[] =
	"Usage: vmctl run [OPTIONS] GUEST\n"
	"       vmctl run [OPTIONS] --kernel FILE\n"
	"       vmctl run [OPTIONS] --firmware FILE\n"
	"Run a guest until it halts, switches itself off, ends by port 0xf4, or fails.\n"
	"\n"
	"The guest:\n"
	"  --kernel FILE      a Linux kernel: bzImage, or vmlinux with a PVH entry\n"
	"  --initrd FILE      its initial RAM disk\n"
	"  --append STRING    command line of a kernel or of a multiboot guest (default of a kernel:\n"
	"                     \"console=ttyS0 panic=-1\", hvc0 with --console virtio, and\n"
	"                     \"root=/dev/vda rw\" with --disk and without --initrd)\n"
	"  --module FILE[,ARGS]  module for a multiboot guest; may be repeated\n"
	"  --firmware FILE    a ROM in place of a guest, as SeaBIOS is: a PC that starts as after a reset,\n"
	"                     and boots from its disk\n"
	"  --type TYPE        multiboot, pvh, elf, bzimage or raw (default: find out)\n"
	"  --mode MODE        real, protected or long, of a raw image (default: real)\n"
	"  --load ADDR        where a raw image goes (default: 0x7c00 in real mode, else 0x100000)\n"
	"  --entry ADDR       where the guest starts (default: the image's own entry, or --load)\n"
	"The machine:\n"
	"  --mem SIZE         memory, a number with K, M or G (powers of 1024; default: 64M, of a PC 256M)\n"
	"  --set REG=VALUE    a register at the start: rax..r15, rip, rflags, cr0..cr8, efer, dr6, dr7\n"
	"  --premap           map all memory at once, not when it is first touched\n"
	"  --strict           an access to no device is an error\n"
	"  --timeout SECONDS  end the guest after that time\n"
	"A PC, with local APICs, IOAPIC, PIC, PIT, RTC and ACPI; each of these makes the machine one,\n"
	"and so do a Linux kernel and firmware:\n"
	"  --pc               nothing more\n"
	"  --cpus N           CPUs (default: 1)\n"
	"  --disk FILE[,ro]   a disk, /dev/vda to Linux; may be repeated\n"
	"  --net tap=NAME|socket=PATH|loop[,mac=ADDR]  a network card; may be repeated\n"
	"  --console virtio   a console, /dev/hvc0 to Linux, in place of the serial port (serial)\n"
	"  --rng              a source of random numbers\n"
	"  --xapic            start without x2APIC mode, even if the kernel knows it\n"
	"  --testdev          the test device that guests of kvm-unit-tests look for\n"
	"What to tell (to standard error if no FILE is given):\n"
	"  --trace[=FILE]     a line for each exit that reaches vmctl\n"
	"  --firmware-log[=FILE]  what firmware writes to its debug port 0x402\n"
	"  --stats            at the end: how many exits of each kind, and what they cost\n"
	"  --dump             on failure: all registers, the stack and the VMCS\n"
	"  --json[=FILE]      at the end: one line, a JSON object\n"
	"  -v, --verbose      what happens, and how a guest ended that did not fail\n"
	"  -h, --help         this text\n"
	"\n"
	"At a terminal all keys are a PC's, but for Ctrl-A x, which ends vmctl (Ctrl-A h: help).\n"
	"\n"
	"Exit status: the value that the guest writes to port 0xf4, 0 if it halts or switches itself\n"
	"off, else\n"
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
	OPT_KERNEL, OPT_INITRD, OPT_PC, OPT_CPUS, OPT_DISK, OPT_NET, OPT_CONSOLE, OPT_RNG,
	OPT_XAPIC, OPT_TESTDEV, OPT_FIRMWARE, OPT_FWLOG,
};

static const struct option options[] = {
	{ "kernel",	required_argument,	NULL, OPT_KERNEL },
	{ "initrd",	required_argument,	NULL, OPT_INITRD },
	{ "firmware",	required_argument,	NULL, OPT_FIRMWARE },
	{ "firmware-log",	optional_argument,	NULL, OPT_FWLOG },
	{ "pc",		no_argument,		NULL, OPT_PC },
	{ "cpus",	required_argument,	NULL, OPT_CPUS },
	{ "disk",	required_argument,	NULL, OPT_DISK },
	{ "net",	required_argument,	NULL, OPT_NET },
	{ "console",	required_argument,	NULL, OPT_CONSOLE },
	{ "rng",	no_argument,		NULL, OPT_RNG },
	{ "xapic",	no_argument,		NULL, OPT_XAPIC },
	{ "testdev",	no_argument,		NULL, OPT_TESTDEV },
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
		return bad_value("mem", s, "is not a size: a number with K, M or G, as in 64M");
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
		bad_value("type", s, "must be multiboot, pvh, elf, bzimage or raw");
}

static int parse_cpus(const char *s, struct run_options *opt)
{
	uint64_t cpus;

	if (!parse_number(s, &cpus) || !cpus || cpus > MAX_CPUS)
		return bad_value("cpus", s, "must be 1 to 255");
	opt->cpus = cpus;
	opt->pc = opt->pc || cpus > 1;
	return OPTIONS_RUN;
}

static int add_device(const char *option, const char *kind, const char *s, struct run_options *opt)
{
	if (opt->nr_added == MAX_ADDED)
		return bad_value(option, s ?: "", "is one device too many");
	opt->added[opt->nr_added++] = (struct added_device){ kind, s };
	opt->pc = true;
	return OPTIONS_RUN;
}

static int parse_console(const char *s, struct run_options *opt)
{
	bool virtio = !strcmp(s, "virtio");

	if (!virtio && strcmp(s, "serial"))
		return bad_value("console", s, "must be virtio or serial");
	if (!virtio || opt->virtio_console)
		return OPTIONS_RUN;
	opt->virtio_console = true;
	return add_device("console", "console", NULL, opt);
}

static int set_kernel(const char *s, struct run_options *opt)
{
	opt->guest = s;
	opt->load.kernel = true;
	opt->pc = true;
	return OPTIONS_RUN;
}

static int set_firmware(const char *s, struct run_options *opt)
{
	opt->guest = s;
	opt->load.firmware = true;
	opt->pc = true;
	return OPTIONS_RUN;
}

/* What makes the machine a PC; 0: none of these. */
static int parse_pc_option(int c, struct run_options *opt)
{
	switch (c) {
	case OPT_KERNEL:
		return set_kernel(optarg, opt);
	case OPT_FIRMWARE:
		return set_firmware(optarg, opt);
	case OPT_CPUS:
		return parse_cpus(optarg, opt);
	case OPT_DISK:
		return add_device("disk", "blk", optarg, opt);
	case OPT_NET:
		return add_device("net", "net", optarg, opt);
	case OPT_CONSOLE:
		return parse_console(optarg, opt);
	case OPT_RNG:
		return add_device("rng", "rng", NULL, opt);
	case OPT_XAPIC:
		opt->xapic = true;
		opt->pc = true;
		return OPTIONS_RUN;
	case OPT_TESTDEV:
		opt->testdev = true;
		opt->pc = true;
		return OPTIONS_RUN;
	case OPT_PC:
		opt->pc = true;
		return OPTIONS_RUN;
	}
	return 0;
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
	case OPT_INITRD:
		opt->load.initrd.name = optarg;
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
	case OPT_FWLOG:
		opt->fwlog = true;
		opt->fwlog_file = optarg;
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
	default:
		return ST_USAGE;
	}
	return OPTIONS_RUN;
}

/* Firmware brings what boots, and no other guest tells anything at its port. */
static const char *firmware_mistake(const struct run_options *opt)
{
	if (!opt->load.firmware)
		return opt->fwlog ? "--firmware-log is for --firmware" : NULL;
	if (opt->load.kernel)
		return "either --kernel or --firmware";
	return opt->load.type ? "--type is not for --firmware" : NULL;
}

static int check_guest(int argc, char **argv, struct run_options *opt)
{
	const char *mistake = firmware_mistake(opt);
	int left = argc - optind;

	if (mistake) {
		fprintf(stderr, "vmctl: %s\n", mistake);
		return ST_USAGE;
	}
	if (left == !opt->guest) {
		opt->guest = opt->guest ?: argv[optind];
		return OPTIONS_RUN;
	}
	fputs(!left ? "vmctl: no guest is given, as in `vmctl run hello.elf` (vmctl run --help)\n" :
	      opt->guest ?
	      "vmctl: --kernel or --firmware is the guest, and there must be no other\n" :
	      "vmctl: there must be one guest, and options come before it\n", stderr);
	return ST_USAGE;
}

int parse_run_options(int argc, char **argv, struct run_options *opt)
{
	int c, status = OPTIONS_RUN;
	const char *word;

	memset(opt, 0, sizeof(*opt));
	opt->cpus = 1;
	while (status == OPTIONS_RUN) {
		word = argv[optind ?: 1];
		if (mistaken_option("run", word, options))
			return ST_USAGE;
		/* '+': what is behind the guest's name is no option of ours. ':': we tell. */
		c = getopt_long(argc, argv, "+:vh", options, NULL);
		if (c == -1)
			break;
		if (c == '?' || c == ':')
			tell_misused_option("run", word, c == ':', optopt);
		status = parse_pc_option(c, opt) ?: parse_option(c, opt);
	}
	return status == OPTIONS_RUN ? check_guest(argc, argv, opt) : status;
}

uint64_t max_guest_size(const struct run_options *opt)
{
	uint64_t mem = opt->mem ?: DEFAULT_PC_MEM;

	return opt->load.firmware && mem < FIRMWARE_MAX ? FIRMWARE_MAX : mem;
}

static const struct added_device *first_disk(const struct run_options *opt)
{
	unsigned int i;

	for (i = 0; i < opt->nr_added; i++)
		if (!strcmp(opt->added[i].kind, "blk"))
			return &opt->added[i];
	return NULL;
}

static void default_cmdline(struct run_options *opt)
{
	const struct added_device *disk = opt->load.initrd.name ? NULL : first_disk(opt);
	const char *comma = disk ? strrchr(disk->options, ',') : NULL;
	bool ro = comma && !strcmp(comma, ",ro");

	snprintf(opt->cmdline, sizeof(opt->cmdline), "console=%s panic=-1%s%s",
		 opt->virtio_console ? "hvc0" : "ttyS0", disk ? " root=/dev/vda " : "",
		 !disk ? "" : ro ? "ro" : "rw");
	opt->load.append = opt->cmdline;
}

void settle_run_options(struct run_options *opt, const struct blob *image)
{
	bool kernel = load_wants_pc(image, &opt->load);

	opt->pc = opt->pc || kernel;
	if (!opt->mem)
		opt->mem = opt->pc ? DEFAULT_PC_MEM : DEFAULT_MEM;
	if (kernel && !opt->load.append)
		default_cmdline(opt);
}
