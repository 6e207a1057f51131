// SPDX-License-Identifier: GPL-2.0-only
/*
 * No memory, at each allocation in turn: the kernel's fault injection fails the
 * first one of a call, then the second, until the call gets by without. Each
 * failure is ENOMEM or none at all, and the same call succeeds after it.
 *
 * Needs a kernel with CONFIG_FAULT_INJECTION and its failslab and
 * fail_page_alloc (make check-debug builds one); skipped elsewhere.
 */

#include "tvx_test.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define FAULT_DIR	"/sys/kernel/debug/"
#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define ENOUGH		500	/* allocations of one call, the kernel's own with them */
#define PAGE		4096

/* Which allocation to fail: the first two knobs let those fail that may sleep, and single pages. */
static int arm_kernel(void)
{
	static const char *const knobs[][2] = {
		{ FAULT_DIR "failslab/ignore-gfp-wait", "N" },
		{ FAULT_DIR "failslab/verbose", "0" },
		{ FAULT_DIR "fail_page_alloc/ignore-gfp-wait", "N" },
		{ FAULT_DIR "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ FAULT_DIR "fail_page_alloc/min-order", "0" },
		{ FAULT_DIR "fail_page_alloc/verbose", "0" },
	};
	unsigned int i;

	if (access(FAIL_NTH, W_OK))
		return -errno;
	for (i = 0; i < sizeof(knobs) / sizeof(*knobs); i++)
		if (!write_file(knobs[i][0], knobs[i][1]))
			return -errno;
	return 0;
}

/* ---- the calls ----------------------------------------------------------------------- */

struct world {
	struct tvx_dev dev;
	struct tvx_vm vm;
	struct tvx_vcpu vcpu;
	struct tvx_state state;
	struct tvx_msr msr;
	struct tvx_cpuid_entry cpuid[TVX_MAX_CPUID];
	unsigned int nr_cpuid;
	uint8_t xsave[4 * PAGE];
	uint64_t xsave_len;
	char text[64 * 1024];
	uint8_t *mem;
	int fd;			/* of a call that made one */
};

static int raw(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

static int do_create_vm(struct world *w)
{
	struct tvx_create_vm arg = { .size = sizeof(arg) };

	w->fd = raw(w->dev.fd, TVX_CREATE_VM, &arg);
	return w->fd < 0 ? w->fd : 0;
}

static int do_create_vcpu(struct world *w)
{
	struct tvx_create_vcpu arg = { .size = sizeof(arg), .id = 1 };

	w->fd = raw(w->vm.fd, TVX_VM_CREATE_VCPU, &arg);
	return w->fd < 0 ? w->fd : 0;
}

static int do_slot(struct world *w, uint32_t flags)
{
	struct tvx_slot arg = { .size = sizeof(arg), .slot = 5, .gpa = 1ull << 30,
				.len = 64 * PAGE, .hva = (uintptr_t)w->mem, .flags = flags };
	int err;

	/* What is premapped is there already: take it away first. */
	madvise(w->mem, 64 * PAGE, MADV_DONTNEED);
	err = raw(w->vm.fd, TVX_VM_SET_SLOT, &arg);
	return err;
}

static int do_set_slot(struct world *w)
{
	return do_slot(w, 0);
}

static int do_premap(struct world *w)
{
	return do_slot(w, TVX_SLOT_PREMAP);
}

static int do_delete_slot(struct world *w)
{
	struct tvx_slot arg = { .size = sizeof(arg), .slot = 5 };

	return raw(w->vm.fd, TVX_VM_SET_SLOT, &arg);
}

/* A VM that no vCPU has settled yet is made outside of the injection. */
static int do_cpuid(struct world *w)
{
	struct tvx_cpuid arg = { .size = sizeof(arg), .count = w->nr_cpuid,
				 .entries = (uintptr_t)w->cpuid };

	return raw(w->fd, TVX_VM_SET_CPUID, &arg);
}

static int do_policy(struct world *w)
{
	struct tvx_msr_rule msr = { .first = 0x1000, .count = 0x1000, .read = TVX_ACT_EXIT,
				    .write = TVX_ACT_EXIT };
	struct tvx_io_rule io = { .first = 0x80, .count = 1, .action = TVX_ACT_FAULT };
	struct tvx_policy arg = { .size = sizeof(arg), .msr_rules = (uintptr_t)&msr,
				  .nr_msr_rules = 1, .io_rules = (uintptr_t)&io,
				  .nr_io_rules = 1 };

	return raw(w->fd, TVX_VM_SET_POLICY, &arg);
}

static int do_get_state(struct world *w)
{
	return raw(w->vcpu.fd, TVX_VCPU_GET_STATE, &w->state);
}

static int do_set_state(struct world *w)
{
	return raw(w->vcpu.fd, TVX_VCPU_SET_STATE, &w->state);
}

static int do_msrs(struct world *w)
{
	struct tvx_msrs arg = { .size = sizeof(arg), .count = 1, .msrs = (uintptr_t)&w->msr };

	return raw(w->vcpu.fd, TVX_VCPU_SET_MSRS, &arg) ?: raw(w->vcpu.fd, TVX_VCPU_GET_MSRS, &arg);
}

static int do_xsave(struct world *w)
{
	struct tvx_buffer arg = { .size = sizeof(arg), .data = (uintptr_t)w->xsave,
				  .len = w->xsave_len };

	return raw(w->vcpu.fd, TVX_VCPU_SET_XSAVE, &arg);
}

static int do_report(struct world *w)
{
	struct tvx_buffer arg = { .size = sizeof(arg), .flags = TVX_REPORT_VMCS,
				  .data = (uintptr_t)w->text, .len = sizeof(w->text) };

	return raw(w->vcpu.fd, TVX_VCPU_REPORT, &arg);
}

/* The guest writes to a page that neither the process nor EPT has. */
GUEST64(touch_all, "mov $0x40000000, %rdi\n1: movb $1, (%rdi)\n hlt\n jmp 1b");

static int do_run(struct world *w)
{
	int err;

	madvise(w->mem, 64 * PAGE, MADV_DONTNEED);
	do {
		err = raw(w->vcpu.fd, TVX_VCPU_RUN, NULL);
	} while (err == -EINTR);
	if (err)
		return err;
	if (w->vcpu.run->out.exit == TVX_EXIT_MEMORY_FAULT)
		return -w->vcpu.run->out.fault.error;
	return w->vcpu.run->out.exit == TVX_EXIT_HLT ? 0 : -EPROTO;
}

static void close_fd(struct world *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

static void open_vm(struct world *w)
{
	must(do_create_vm(w));
}

static void make_slot(struct world *w)
{
	must(do_set_slot(w));
}

static void drop_slot(struct world *w)
{
	must(do_delete_slot(w));
}

static const struct call {
	const char *name;
	void (*before)(struct world *w);	/* without injection, each time */
	int (*call)(struct world *w);
	void (*after)(struct world *w);
	bool allocates;		/* at least once, or the test does not see what it should */
} calls[] = {
	{ "CREATE_VM", NULL, do_create_vm, close_fd, true },
	{ "CREATE_VCPU", NULL, do_create_vcpu, close_fd, true },
	{ "SET_SLOT", NULL, do_set_slot, drop_slot, false },
	{ "SET_SLOT, premapped", NULL, do_premap, drop_slot, true },
	{ "SET_SLOT, deleted", make_slot, do_delete_slot, NULL, false },
	{ "SET_CPUID", open_vm, do_cpuid, close_fd, true },
	{ "SET_POLICY", open_vm, do_policy, close_fd, true },
	{ "GET_STATE", NULL, do_get_state, NULL, true },
	{ "SET_STATE", NULL, do_set_state, NULL, true },
	{ "SET_MSRS, GET_MSRS", NULL, do_msrs, NULL, true },
	{ "SET_XSAVE", NULL, do_xsave, NULL, true },
	{ "REPORT", NULL, do_report, NULL, true },
	{ "RUN", make_slot, do_run, drop_slot, true },
};

/* ---- one call, failed everywhere -------------------------------------------------------- */

/*
 * Write and read the knob through fds that are open already: opening allocates.
 * Return: whether the @nth allocation was reached, and so failed.
 */
static bool inject(int knob, int nth, const struct call *c, struct world *w, int *err)
{
	char text[16];
	ssize_t len = snprintf(text, sizeof(text), "%d", nth);

	must(pwrite(knob, text, len, 0) != len ? errno : 0);
	*err = c->call(w);
	len = pread(knob, text, sizeof(text) - 1, 0);
	must(len <= 0 ? EIO : 0);
	text[len] = 0;
	must(pwrite(knob, "0", 1, 0) != 1 ? errno : 0);
	return atoi(text) == 0;
}

/* Return: how many allocations the call makes, or -1 with the reason told. */
static int fail_everywhere(const struct call *c, struct world *w)
{
	int knob = open(FAIL_NTH, O_RDWR | O_CLOEXEC), nth, err, refused = 0;
	bool reached = true;

	must(knob < 0 ? errno : 0);
	for (nth = 1; nth < ENOUGH && reached; nth++) {
		if (c->before)
			c->before(w);
		reached = inject(knob, nth, c, w, &err);
		if (err && (!reached || err != -ENOMEM)) {
			fprintf(stderr, "# %s: %s with allocation %d\n", c->name, strerror(-err), nth);
			close(knob);
			return -1;
		}
		if (err) {
			refused++;
			/* As if nothing had been. */
			err = c->call(w);
			if (err) {
				fprintf(stderr, "# %s: %s after allocation %d had failed\n",
					c->name, strerror(-err), nth);
				close(knob);
				return -1;
			}
		}
		if (c->after)
			c->after(w);
	}
	close(knob);
	printf("# %s: %d allocations, %d of them needed\n", c->name, nth - 2, refused);
	return nth - 2;
}

FIXTURE(nomem) {
	struct world w;
	int unarmed;		/* why there is no fault injection, or 0 */
};

FIXTURE_SETUP(nomem)
{
	struct world *w = &self->w;
	struct guest g;

	self->unarmed = arm_kernel();
	guest_open(&g);
	guest_vcpu(&g);
	start(&g, GUEST_LONG, touch_all);
	w->dev = g.dev;
	w->vm = g.vm;
	w->vcpu = g.vcpu;
	w->fd = -1;
	w->mem = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(w->mem == MAP_FAILED ? errno : 0);
	must(madvise(w->mem, 64 * PAGE, MADV_NOHUGEPAGE));
	w->nr_cpuid = TVX_MAX_CPUID;
	must(tvx_get_cpuid(&w->dev, w->cpuid, &w->nr_cpuid));
	w->msr = (struct tvx_msr){ .index = 0xc0000082, .value = 0x1000 };
	w->xsave_len = sizeof(w->xsave);
	must(tvx_vcpu_get_xsave(&w->vcpu, w->xsave, &w->xsave_len));
	must(tvx_vcpu_get_state(&w->vcpu, &w->state, TVX_STATE_ALL));
}

FIXTURE_TEARDOWN(nomem)
{
	tvx_vcpu_destroy(&self->w.vcpu);
	tvx_vm_destroy(&self->w.vm);
	tvx_close(&self->w.dev);
}

TEST_F_TIMEOUT(nomem, every_allocation_of_every_call, 300)
{
	unsigned int i;
	int made;

	if (self->unarmed)
		SKIP(return, "no fault injection in this kernel: %s", strerror(-self->unarmed));
	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		made = fail_everywhere(&calls[i], &self->w);
		EXPECT_GE(made, calls[i].allocates ? 1 : 0)
			TH_LOG("%s", calls[i].name);
		EXPECT_LT(made, ENOUGH - 2);
	}
}

/* kmemleak looks on where the command line has kmemleak=on. */
TEST_F_TIMEOUT(nomem, nothing_leaked, 300)
{
	char text[4096];
	unsigned int i;
	ssize_t len;
	int fd;

	if (self->unarmed || !write_file(KMEMLEAK, "clear"))
		SKIP(return, "no fault injection in this kernel, or kmemleak is not on");
	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		EXPECT_GE(fail_everywhere(&calls[i], &self->w), 0);
	/* What is freed by RCU is no leak, and a scan takes only what is some seconds old. */
	for (i = 0; i < 2; i++) {
		sleep(6);
		must(write_file(KMEMLEAK, "scan") ? 0 : errno);
	}
	fd = open(KMEMLEAK, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	while ((len = read(fd, text, sizeof(text) - 1)) > 0) {
		text[len] = 0;
		EXPECT_EQ(NULL, strstr(text, "tvx"));
		EXPECT_EQ(NULL, strstr(text, "vmx"));
		printf("%s", text);
	}
	close(fd);
}

TEST_HARNESS_MAIN
