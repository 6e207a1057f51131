// SPDX-License-Identifier: GPL-2.0-only
/* The options of `vmctl run`, and the keys at a guest's terminal. */
#include "unit.h"

#include "tools/vmctl/keys.c"
#include "tools/vmctl/mistake.c"
#include "tools/vmctl/options.c"
#include "tools/vmctl/parse.c"

static struct keys keys;
static uint8_t buf[64];
static unsigned int actions;

static const char *type(const char *s, size_t len)
{
	size_t n;

	memset(buf, 0, sizeof(buf));
	memcpy(buf, s, len);
	n = keys_filter(&keys, buf, len, &actions);
	EXPECT_LE(n, len);
	buf[n] = '\0';
	return (char *)buf;
}

#define TYPE(s)	type(s, sizeof(s) - 1)

TEST(keys_pass)
{
	EXPECT_STREQ(TYPE("ls -l\r\x03\x1a\x1b[A"), "ls -l\r\x03\x1a\x1b[A");
	EXPECT_EQ(actions, 0U);
	EXPECT_STREQ(TYPE(""), "");
}

TEST(escapes)
{
	EXPECT_STREQ(TYPE("a\001xb"), "ab");
	EXPECT_EQ(actions, KEYS_QUIT);
	EXPECT_STREQ(TYPE("\001h"), "");
	EXPECT_EQ(actions, KEYS_HELP);
	EXPECT_STREQ(TYPE("\001\001\001\001x"), "\001\001x");
	EXPECT_EQ(actions, 0U);
	EXPECT_STREQ(TYPE("\001qz"), "z");
	EXPECT_EQ(actions, 0U);
	EXPECT_STREQ(TYPE("\001h\001x"), "");
	EXPECT_EQ(actions, KEYS_HELP | KEYS_QUIT);
}

/* Keys come one by one, as people type. */
TEST(escape_in_pieces)
{
	EXPECT_STREQ(TYPE("\001"), "");
	EXPECT_EQ(actions, 0U);
	EXPECT_STREQ(TYPE("x"), "");
	EXPECT_EQ(actions, KEYS_QUIT);
	EXPECT_STREQ(TYPE("x"), "x");
	EXPECT_EQ(actions, 0U);
}

/* ---- options ---- */

static bool is_kernel;

bool load_wants_pc(const struct blob *image, const struct load_options *options)
{
	return is_kernel;
}

bool load_type_known(const char *name)
{
	return true;
}

bool setreg_valid(const char *text)
{
	return true;
}

static struct run_options opt;

/* What getopt says of bad options does not belong into a test's output. */
static int parse_words(char **words)
{
	int argc = 0, status;

	while (words[argc])
		argc++;
	optind = 0;
	opterr = 0;
	status = parse_run_options(argc, words, &opt);
	return status;
}

#define PARSE(...)	parse_words((char *[]){ "run", ##__VA_ARGS__, NULL })

TEST(plain_by_default)
{
	EXPECT_EQ(PARSE("guest"), OPTIONS_RUN);
	EXPECT_STREQ(opt.guest, "guest");
	EXPECT_FALSE(opt.pc);
	EXPECT_EQ(opt.cpus, 1U);
	is_kernel = false;
	settle_run_options(&opt, NULL);
	EXPECT_FALSE(opt.pc);
	EXPECT_EQ(opt.mem, 64ULL << 20);
	EXPECT_NULL(opt.load.append);
	EXPECT_EQ(PARSE("--cpus", "1", "guest"), OPTIONS_RUN);
	EXPECT_FALSE(opt.pc);
	EXPECT_EQ(PARSE("--console", "serial", "guest"), OPTIONS_RUN);
	EXPECT_FALSE(opt.pc);
}

TEST(what_makes_a_pc)
{
	EXPECT_EQ(PARSE("--pc", "guest"), OPTIONS_RUN);
	EXPECT_TRUE(opt.pc);
	is_kernel = false;
	settle_run_options(&opt, NULL);
	EXPECT_EQ(opt.mem, 256ULL << 20);
	EXPECT_NULL(opt.load.append);
	EXPECT_EQ(PARSE("--cpus", "2", "guest"), OPTIONS_RUN);
	EXPECT_TRUE(opt.pc);
	EXPECT_EQ(PARSE("--xapic", "guest"), OPTIONS_RUN);
	EXPECT_TRUE(opt.pc);
	EXPECT_EQ(PARSE("--testdev", "guest"), OPTIONS_RUN);
	EXPECT_TRUE(opt.pc && opt.testdev);
	EXPECT_EQ(PARSE("--rng", "--disk", "f,ro", "--net", "loop", "--console", "virtio", "guest"),
		  OPTIONS_RUN);
	EXPECT_TRUE(opt.pc);
	EXPECT_EQ(opt.nr_added, 4U);
	EXPECT_STREQ(opt.added[1].kind, "blk");
	EXPECT_STREQ(opt.added[1].options, "f,ro");
	EXPECT_STREQ(opt.added[3].kind, "console");
	EXPECT_EQ(PARSE("bzImage"), OPTIONS_RUN);
	is_kernel = true;
	settle_run_options(&opt, NULL);
	EXPECT_TRUE(opt.pc);
	EXPECT_EQ(opt.mem, 256ULL << 20);
}

TEST(the_kernel_is_the_guest)
{
	EXPECT_EQ(PARSE("--kernel", "bzImage", "--mem", "1G"), OPTIONS_RUN);
	EXPECT_STREQ(opt.guest, "bzImage");
	EXPECT_TRUE(opt.load.kernel);
	is_kernel = true;
	settle_run_options(&opt, NULL);
	EXPECT_EQ(opt.mem, 1ULL << 30);
	EXPECT_EQ(PARSE("--kernel", "bzImage", "another"), ST_USAGE);
	EXPECT_EQ(PARSE(), ST_USAGE);
	EXPECT_EQ(PARSE("a", "b"), ST_USAGE);
}

TEST(firmware_is_the_guest)
{
	EXPECT_EQ(PARSE("--firmware", "rom"), OPTIONS_RUN);
	EXPECT_STREQ(opt.guest, "rom");
	EXPECT_TRUE(opt.pc && opt.load.firmware);
	EXPECT_FALSE(opt.fwlog);
	is_kernel = false;
	settle_run_options(&opt, NULL);
	EXPECT_NULL(opt.load.append);
	EXPECT_EQ(opt.mem, 256ULL << 20);
	EXPECT_EQ(PARSE("--firmware", "rom", "--mem", "8M", "--firmware-log"), OPTIONS_RUN);
	EXPECT_TRUE(opt.fwlog);
	EXPECT_NULL(opt.fwlog_file);
	EXPECT_EQ(max_guest_size(&opt), 16ULL << 20);
	EXPECT_EQ(PARSE("--firmware", "rom", "--firmware-log=f"), OPTIONS_RUN);
	EXPECT_STREQ(opt.fwlog_file, "f");
	EXPECT_EQ(PARSE("--firmware", "rom", "guest"), ST_USAGE);
	EXPECT_EQ(PARSE("--firmware", "rom", "--kernel", "k"), ST_USAGE);
	EXPECT_EQ(PARSE("--firmware", "rom", "--type", "raw"), ST_USAGE);
	EXPECT_EQ(PARSE("--firmware-log", "guest"), ST_USAGE);
}

static const char *default_of(int status)
{
	EXPECT_EQ(status, OPTIONS_RUN);
	is_kernel = true;
	settle_run_options(&opt, NULL);
	return opt.load.append;
}

TEST(default_command_lines)
{
	EXPECT_STREQ(default_of(PARSE("--kernel", "k")), "console=ttyS0 panic=-1");
	EXPECT_STREQ(default_of(PARSE("--kernel", "k", "--console", "virtio")),
		     "console=hvc0 panic=-1");
	EXPECT_STREQ(default_of(PARSE("--kernel", "k", "--disk", "d")),
		     "console=ttyS0 panic=-1 root=/dev/vda rw");
	EXPECT_STREQ(default_of(PARSE("--kernel", "k", "--disk", "d,ro", "--disk", "e")),
		     "console=ttyS0 panic=-1 root=/dev/vda ro");
	EXPECT_STREQ(default_of(PARSE("--kernel", "k", "--disk", "d", "--initrd", "i")),
		     "console=ttyS0 panic=-1");
	EXPECT_STREQ(default_of(PARSE("--kernel", "k", "--append", "quiet")), "quiet");
	EXPECT_STREQ(default_of(PARSE("--kernel", "k", "--append", "")), "");
}

/* getopt_long() would take the beginning of an option for it. */
TEST(no_abbreviations)
{
	EXPECT_EQ(PARSE("--cpu", "2", "g"), ST_USAGE);
	EXPECT_EQ(PARSE("--cpu=2", "g"), ST_USAGE);
	EXPECT_EQ(PARSE("--firmware-l", "g"), ST_USAGE);
	EXPECT_EQ(PARSE("--cpus=2", "g"), OPTIONS_RUN);
	/* A value that looks like one is none, nor is what is behind the guest's name. */
	EXPECT_EQ(PARSE("--append", "--cpu", "g"), OPTIONS_RUN);
	EXPECT_EQ(PARSE("--", "g"), OPTIONS_RUN);
	EXPECT_EQ(PARSE("g", "--cpu"), ST_USAGE);
	EXPECT_EQ(PARSE("--mem"), ST_USAGE);
	EXPECT_EQ(PARSE("--pc=1", "g"), ST_USAGE);
	EXPECT_EQ(PARSE("-x", "g"), ST_USAGE);
	EXPECT_EQ(PARSE("-v", "g"), OPTIONS_RUN);
}

#define CLOSEST(word) closest_word(word, strlen(word), &options->name, sizeof(*options))

TEST(closest_words)
{
	EXPECT_STREQ(CLOSEST("cpu"), "cpus");
	EXPECT_STREQ(CLOSEST("tiemout"), "timeout");
	EXPECT_STREQ(CLOSEST("cmdline") ?: "none", "none");
	EXPECT_STREQ(CLOSEST("initrdd"), "initrd");
	EXPECT_STREQ(CLOSEST("gdb") ?: "none", "none");
	EXPECT_STREQ(CLOSEST("") ?: "none", "none");
	EXPECT_STREQ(CLOSEST("m") ?: "none", "none");
	EXPECT_NULL(CLOSEST("a-word-that-is-longer-than-any-option-there-is"));
}

TEST(refused_options)
{
	char *words[2 * MAX_ADDED + 5] = { "run" };
	unsigned int i;

	EXPECT_EQ(PARSE("--cpus", "0", "g"), ST_USAGE);
	EXPECT_EQ(PARSE("--cpus", "256", "g"), ST_USAGE);
	EXPECT_EQ(PARSE("--cpus", "x", "g"), ST_USAGE);
	EXPECT_EQ(PARSE("--console", "vga", "g"), ST_USAGE);
	EXPECT_EQ(PARSE("--none", "g"), ST_USAGE);
	for (i = 0; i <= MAX_ADDED; i++) {
		words[1 + 2 * i] = "--disk";
		words[2 + 2 * i] = "f";
	}
	words[1 + 2 * i] = "guest";
	EXPECT_EQ(parse_words(words), ST_USAGE);
	words[1 + 2 * MAX_ADDED] = "guest";
	words[2 + 2 * MAX_ADDED] = NULL;
	EXPECT_EQ(parse_words(words), OPTIONS_RUN);
	EXPECT_EQ(opt.nr_added, (unsigned int)MAX_ADDED);
}
