// SPDX-License-Identifier: GPL-2.0-only
/*
 * Beside KVM: VMs of both exist, come and go in any order, kvm_intel is loaded and removed
 * meanwhile, and whoever is not to be given up cannot be.
 */
#include "kvm_guest.h"

GUEST64(counts, "1: inc %rax\nout %al, $0x50\njmp 1b");


static bool kvm_was_loaded;

/* Without KVM at first; the test host may have loaded it. */
FIXTURE(kvm) {
	struct tvx_dev dev;
};

FIXTURE_SETUP(kvm)
{
	self->dev.fd = -1;
	if (!kvm_is_here())
		SKIP(return, "no KVM modules here");
	kvm_was_loaded = !access("/sys/module/kvm_intel", F_OK);
	ASSERT_EQ(unload_kvm(), 0);
	ASSERT_EQ(tvx_open(&self->dev), 0);
}

FIXTURE_TEARDOWN(kvm)
{
	tvx_close(&self->dev);
	EXPECT_EQ(unload_kvm(), 0);
	if (kvm_was_loaded)
		EXPECT_EQ(load_kvm(), 0);
}

static uint32_t hold(struct tvx_dev *dev)
{
	struct tvx_info info;

	must(tvx_get_info(dev, &info));
	return info.hold;
}

/* A VM that is made as it is, or with what @kvm_fd is. */
static int create(struct tvx_dev *dev, uint32_t flags, int kvm_fd)
{
	struct tvx_create_vm arg = { .size = sizeof(arg), .flags = flags, .kvm_fd = kvm_fd };
	int fd = ioctl(dev->fd, TVX_CREATE_VM, &arg);

	return fd < 0 ? -errno : fd;
}

/* Ours, by libtvx, which hands a VM of KVM's over where that is of use. */
static void make(struct guest *g)
{
	guest_open(g);
	guest_vcpu(g);
	start(g, GUEST_LONG, counts);
}

/* It counts on. */
static void check_runs(struct __test_metadata *_metadata, struct guest *g)
{
	uint64_t before = reg(g, TVX_RAX);

	ASSERT_EQ(run(g), TVX_EXIT_IO);
	EXPECT_EQ(reg(g, TVX_RAX), before + 1);
	g->vcpu.run->in.dirty |= TVX_DIRTY_RIP;
	g->vcpu.run->in.rip = out(g)->next_rip;
}

static void check_kvm_runs(struct __test_metadata *_metadata, struct kvm_guest *k)
{
	ASSERT_EQ(kvm_run_guest(k), KVM_EXIT_IO);
}

TEST_F_TIMEOUT(kvm, both_run, LONG)
{
	struct kvm_guest k;
	struct guest g;
	int i;

	ASSERT_EQ(load_kvm(), 0);
	make(&g);
	kvm_open(&k);
	kvm_start_as(&k, &g);
	for (i = 0; i < 20; i++) {
		check_runs(_metadata, &g);
		check_kvm_runs(_metadata, &k);
	}
	kvm_close(&k);
	check_runs(_metadata, &g);
	guest_close(&g);
}

/* Each has VMs, and ends them, while the other has one that runs. */
TEST_F_TIMEOUT(kvm, vms_come_and_go, LONG)
{
	struct kvm_guest k[2];
	struct guest g[2];
	int i;

	ASSERT_EQ(load_kvm(), 0);
	make(&g[0]);
	for (i = 0; i < 4; i++) {
		kvm_open(&k[0]);
		kvm_start_as(&k[0], &g[0]);
		check_kvm_runs(_metadata, &k[0]);
		check_runs(_metadata, &g[0]);
		make(&g[1]);
		check_runs(_metadata, &g[1]);
		kvm_open(&k[1]);
		kvm_start_as(&k[1], &g[1]);
		check_kvm_runs(_metadata, &k[1]);
		/* In another order each time. */
		if (i & 1)
			kvm_close(&k[0]);
		check_runs(_metadata, &g[1]);
		guest_close(&g[i & 2 ? 0 : 1]);
		check_kvm_runs(_metadata, &k[1]);
		check_runs(_metadata, &g[i & 2 ? 1 : 0]);
		if (!(i & 1))
			kvm_close(&k[0]);
		kvm_close(&k[1]);
		if (i & 2)
			g[0] = g[1];
	}
	guest_close(&g[0]);
}

/* What VMX is kept on by cannot go. */
TEST_F_TIMEOUT(kvm, kvm_intel_stays_while_we_ride, LONG)
{
	struct guest g;

	ASSERT_EQ(load_kvm(), 0);
	if (hold(&self->dev) != TVX_HOLD_RIDE)
		SKIP(return, "the module does not ride here");
	make(&g);
	check_runs(_metadata, &g);
	EXPECT_EQ(rmmod("kvm_intel"), -EWOULDBLOCK);
	check_runs(_metadata, &g);
	guest_close(&g);
}

/* Without a VM of KVM's ours goes on whatever KVM does. */
TEST_F_TIMEOUT(kvm, kvm_intel_comes_and_goes, LONG)
{
	struct kvm_guest k;
	struct guest g;
	int i;

	/* Created with what there is then: no KVM. */
	make(&g);
	check_runs(_metadata, &g);
	if (hold(&self->dev) == TVX_HOLD_OWN && load_kvm() == -EBUSY) {
		guest_close(&g);
		SKIP(return, "the parameter \"hold\" keeps kvm_intel out");
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(load_kvm(), 0);
		check_runs(_metadata, &g);
		kvm_open(&k);
		kvm_start_as(&k, &g);
		check_kvm_runs(_metadata, &k);
		check_runs(_metadata, &g);
		check_kvm_runs(_metadata, &k);
		kvm_close(&k);
		check_runs(_metadata, &g);
		ASSERT_EQ(unload_kvm(), 0);
		check_runs(_metadata, &g);
	}
	guest_close(&g);
}

/*
 * A thread that is in the guest as kvm_intel comes: its next window is of another kind.  Where
 * the guest's SYSCALL goes must not become what KVM takes for the host's.
 */
#define SYSCALL_TO(address)						\
	"mov $0xc0000080, %ecx; rdmsr; or $1, %eax; wrmsr\n"		\
	"mov $0xc0000082, %ecx; mov $" address ", %eax; xor %edx, %edx; wrmsr\n"
GUEST64(forever, SYSCALL_TO("0x7eadbee0") "1: incq 0x200000\ncpuid\njmp 1b");
GUEST64(one_exit, SYSCALL_TO("0x7eadbef0") "1: out %al, $0x50\njmp 1b");

static void *run_forever(void *guest)
{
	struct guest *g = guest;

	on_cpu(sysconf(_SC_NPROCESSORS_ONLN) - 1);
	while (tvx_vcpu_run(&g->vcpu) == -EINTR)
		;
	return NULL;
}

static void wait_for_more(volatile uint64_t *counter)
{
	uint64_t seen = *counter;

	while (*counter == seen)
		usleep(1000);
}

TEST_F_TIMEOUT(kvm, kvm_intel_comes_under_a_running_guest, LONG)
{
	volatile uint64_t *counter;
	struct guest g, template;
	struct kvm_guest k;
	pthread_t thread;
	int err, i;

	if (under_kvm())
		SKIP(return, "each VM of KVM's takes minutes in a guest of an emulated KVM");
	guest_open(&template);
	guest_vcpu(&template);
	start(&template, GUEST_LONG, one_exit);
	guest_open(&g);
	guest_vcpu(&g);
	start(&g, GUEST_LONG, forever);
	counter = (uint64_t *)(g.mem + 0x200000);
	ASSERT_EQ(pthread_create(&thread, NULL, run_forever, &g), 0);
	err = load_kvm();
	if (err != -EBUSY)
		EXPECT_EQ(err, 0);
	wait_for_more(counter);
	/* Its first VM, and its last one, come as our guest runs; and its guest, on that CPU. */
	for (i = 0; i < 20 && !err; i++) {
		on_cpu(0);
		kvm_open(&k);
		on_cpu(sysconf(_SC_NPROCESSORS_ONLN) - 1);
		kvm_start_as(&k, &template);
		check_kvm_runs(_metadata, &k);
		on_cpu(0);
		kvm_close(&k);
	}
	wait_for_more(counter);
	EXPECT_EQ(unload_kvm(), 0);
	wait_for_more(counter);
	must(tvx_vcpu_kick(&g.vcpu));
	pthread_join(thread, NULL);
	guest_close(&g);
	guest_close(&template);
}

TEST_F_TIMEOUT(kvm, what_is_no_vm_of_kvms, LONG)
{
	int pair[2], null = open("/dev/null", O_RDWR | O_CLOEXEC), vm;
	struct kvm_guest k;

	ASSERT_EQ(load_kvm(), 0);
	kvm_open(&k);
	ASSERT_EQ(pipe2(pair, O_CLOEXEC), 0);
	vm = create(&self->dev, TVX_VM_KVM, k.vm);
	ASSERT_GE(vm, 0);
	EXPECT_EQ(create(&self->dev, TVX_VM_KVM, -1), -EBADF);
	EXPECT_EQ(create(&self->dev, TVX_VM_KVM, 1000), -EBADF);
	EXPECT_EQ(create(&self->dev, TVX_VM_KVM, null), -EINVAL);
	EXPECT_EQ(create(&self->dev, TVX_VM_KVM, pair[0]), -EINVAL);
	EXPECT_EQ(create(&self->dev, TVX_VM_KVM, k.dev), -EINVAL);
	EXPECT_EQ(create(&self->dev, TVX_VM_KVM, k.vcpu), -EINVAL);
	EXPECT_EQ(create(&self->dev, TVX_VM_KVM, vm), -EINVAL);
	EXPECT_EQ(create(&self->dev, 0, k.vm), -EINVAL);
	close(vm);
	close(null);
	close(pair[0]);
	close(pair[1]);
	kvm_close(&k);
}

TEST_HARNESS_MAIN
