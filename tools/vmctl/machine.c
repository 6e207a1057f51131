// SPDX-License-Identifier: GPL-2.0-only
/* Setting a machine up and taking it down. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "group.h"
#include "machine.h"
#include "stop.h"

#define LARGE_PAGE	(2ULL << 20)

/* Of a local APIC: where it is, and its registers. */
#define MSR_APIC_BASE	0x1b
#define MSR_X2APIC	0x800
#define NR_X2APIC_MSRS	0x100

static int end(struct machine *m, const struct outcome *how, const char *why, va_list ap)
{
	bool first;

	pthread_mutex_lock(&m->end_lock);
	first = !m->ended;
	if (first) {
		m->end = *how;
		vsnprintf(m->end.why, sizeof(m->end.why), why, ap);
		__atomic_store_n(&m->ended, true, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&m->end_lock);
	/* A plain machine has no other thread that would have to know. */
	if (first && m->opt->pc)
		stop_request(STOP_ENDED);
	return m->end.status;
}

int machine_end(struct machine *m, int status, const char *reason, const char *why, ...)
{
	const struct outcome how = { .status = status, .vcpu = -1, .reason = reason };
	va_list ap;

	va_start(ap, why);
	status = end(m, &how, why, ap);
	va_end(ap);
	return status;
}

int vcpu_end(struct vcpu *c, int status, const char *reason, const char *why, ...)
{
	const struct outcome how = { .status = status, .vcpu = c->tvx.id, .reason = reason };
	va_list ap;

	va_start(ap, why);
	status = end(c->m, &how, why, ap);
	va_end(ap);
	return status;
}

int guest_end(struct vcpu *c, int status, const char *reason, const char *why, ...)
{
	const struct outcome how = {
		.status = status, .by_guest = true, .vcpu = c->tvx.id, .reason = reason,
	};
	va_list ap;

	va_start(ap, why);
	status = end(c->m, &how, why, ap);
	va_end(ap);
	return status;
}

int machine_end_errno(struct machine *m, const char *what, int err)
{
	return machine_end(m, ST_SYSTEM, "system", "%s: %s", what, strerror(-err));
}

/* Aligned as the guest's addresses are, so that the host's large pages can be the guest's. */
static void *map_aligned(uint64_t len)
{
	uint64_t pad = len < LARGE_PAGE ? 0 : LARGE_PAGE, skip;
	uint8_t *host = mmap(NULL, len + pad, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (host == MAP_FAILED || !pad)
		return host;
	skip = -(uintptr_t)host % LARGE_PAGE;
	if (skip)
		munmap(host, skip);
	munmap(host + skip + len, pad - skip);
	return host + skip;
}

/* A small machine would pay for more than it uses.  Some images make a PC only when loaded. */
static void offer_large_pages(const struct machine *m, void *host, uint64_t len)
{
	if (m->opt->pc)
		madvise(host, len, MADV_HUGEPAGE);
}

static int add_bank(struct machine *m, uint64_t gpa, uint64_t len)
{
	void *host = map_aligned(len);

	if (host == MAP_FAILED)
		return machine_end_errno(m, "no memory for the guest", -errno);
	offer_large_pages(m, host, len);
	m->ram.bank[m->ram.nr_banks++] = (struct ram_bank){ gpa, len, host };
	return 0;
}

void machine_init(struct machine *m, const struct run_options *opt)
{
	memset(m, 0, sizeof(*m));
	m->opt = opt;
	m->dev.fd = -1;
	m->vm.fd = -1;
	m->loop.wake_fd = -1;
	pthread_mutex_init(&m->lock, NULL);
	pthread_mutex_init(&m->end_lock, NULL);
}

int machine_alloc_ram(struct machine *m)
{
	uint64_t low = m->opt->mem < RAM_HOLE ? m->opt->mem : RAM_HOLE;
	int err = add_bank(m, 0, low);

	if (!err && m->opt->mem > low)
		err = add_bank(m, RAM_HIGH, m->opt->mem - low);
	return err;
}

int machine_add_devices(struct machine *m)
{
	const struct devices_options opt = {
		.pc = m->opt->pc,
		.strict = m->opt->strict,
		.chardev = &m->console.chardev,
		.ram = &m->ram,
		.loop = &m->loop,
		.irq = &m->irq,
		.nr_cpus = m->opt->cpus,
		.testdev = m->opt->testdev,
		.fwlog = m->fwlog,
	};
	int err;

	console_init(&m->console);
	err = m->opt->pc ? loop_init(&m->loop, &m->lock) : 0;
	if (!err)
		err = devices_init(&m->devices, &opt);
	if (err)
		return machine_end_errno(m, "setting up the devices", err);
	return m->opt->pc ? pc_add_devices(m) : 0;
}

static int end_no_permission(struct machine *m)
{
	char group[64];
	struct stat st;

	if (stat(TVX_DEVICE, &st))
		return machine_end_errno(m, TVX_DEVICE, -errno);
	group_name(st.st_gid, group, sizeof(group));
	return machine_end(m, ST_PERMISSION, "permission",
			   "no permission to open " TVX_DEVICE " (its group is %s, its mode %03o)",
			   group, st.st_mode & 0777);
}

static int open_device(struct machine *m)
{
	int err = tvx_open(&m->dev);

	switch (err) {
	case 0:
		return 0;
	case -ENOENT:
	case -ENXIO:
	case -ENODEV:
		return machine_end(m, ST_NO_DEVICE, "no-device",
				   "there is no " TVX_DEVICE ": the module is not loaded (modprobe tinyvmx); `vmctl check` says whether it can be");
	case -EACCES:
	case -EPERM:
		return end_no_permission(m);
	case -EPROTO:
	case -E2BIG:
	case -ENOTTY:
		return machine_end(m, ST_REFUSED, "refused",
				   "the module's interface is of another version than vmctl's");
	default:
		return machine_end_errno(m, TVX_DEVICE, err);
	}
}

static int create_vm(struct machine *m)
{
	int err = tvx_vm_create_flags(&m->dev, m->opt->pc ? TVX_VM_APIC : 0, &m->vm);

	switch (err) {
	case 0:
		return 0;
	case -EBUSY:
		return machine_end(m, ST_REFUSED, "refused",
				   "VMX cannot be had as the module's parameter \"hold\" demands: the kernel's log (dmesg) has the reason");
	case -ENODEV:
		return machine_end(m, ST_REFUSED, "refused",
				   "a CPU of this machine cannot do VMX; `vmctl check` says why");
	case -EINVAL:
		return machine_end(m, ST_REFUSED, "refused",
				   "the module that is loaded is too old for a PC: it has no local APICs");
	default:
		return machine_end_errno(m, "creating a VM", err);
	}
}

static int create_vcpus(struct machine *m)
{
	unsigned int i, max = m->dev.info.max_vcpus;
	int err;

	if (m->opt->cpus > max)
		return machine_end(m, ST_REFUSED, "refused",
				   "--cpus %u: the module has no more than %u for a guest",
				   m->opt->cpus, max);
	m->vcpu = calloc(m->opt->cpus, sizeof(*m->vcpu));
	if (!m->vcpu)
		return machine_end_errno(m, "creating vCPUs", -ENOMEM);
	for (i = 0; i < m->opt->cpus; i++) {
		m->vcpu[i].m = m;
		err = tvx_vcpu_create(&m->vm, i, &m->vcpu[i].tvx);
		if (err)
			return machine_end_errno(m, "creating a vCPU", err);
		m->nr_vcpus++;
	}
	return 0;
}

/* The guest's #GP comes from us then, so that we know what it was looking for. */
static int see_apic_msrs(struct machine *m)
{
	static const struct tvx_msr_rule rules[] = {
		{ MSR_APIC_BASE, 1, TVX_ACT_EXIT, TVX_ACT_EXIT, 0 },
		{ MSR_X2APIC, NR_X2APIC_MSRS, TVX_ACT_EXIT, TVX_ACT_EXIT, 0 },
	};
	const struct tvx_policy policy = {
		.nr_msr_rules = sizeof(rules) / sizeof(rules[0]),
		.msr_rules = (uintptr_t)rules,
	};
	int err = tvx_vm_set_policy(&m->vm, &policy);

	return err ? machine_end_errno(m, "setting the policy", err) : 0;
}

int machine_open(struct machine *m)
{
	unsigned int i;
	int err = open_device(m);

	if (!err)
		err = create_vm(m);
	if (err)
		return err;
	for (i = 0; i < m->ram.nr_banks; i++) {
		struct ram_bank *b = &m->ram.bank[i];

		offer_large_pages(m, b->host, b->len);
		err = tvx_vm_set_slot(&m->vm, i, b->gpa, b->len, b->host,
				      m->opt->premap ? TVX_SLOT_PREMAP : 0);
		if (err)
			return machine_end_errno(m, "giving the guest its memory", err);
	}
	if (m->ram.rom.len)
		err = tvx_vm_set_slot(&m->vm, i, m->ram.rom.gpa, m->ram.rom.len, m->ram.rom.host,
				      TVX_SLOT_READONLY);
	if (err)
		return machine_end_errno(m, "giving the guest its ROM", err);
	err = m->opt->pc ? pc_set_cpuid(m) : see_apic_msrs(m);
	return err ?: create_vcpus(m);
}

void machine_close(struct machine *m)
{
	unsigned int i;

	stop_unwatch();
	if (m->opt->pc)
		virtio_destroy(&m->devices);
	fwcfg_destroy(&m->devices);
	loop_destroy(&m->loop);
	for (i = 0; i < m->nr_vcpus; i++)
		tvx_vcpu_destroy(&m->vcpu[i].tvx);
	free(m->vcpu);
	tvx_vm_destroy(&m->vm);
	tvx_close(&m->dev);
	for (i = 0; i < m->ram.nr_banks; i++)
		munmap(m->ram.bank[i].host, m->ram.bank[i].len);
	m->ram.nr_banks = 0;
	if (m->fwlog && m->fwlog != stderr)
		fclose(m->fwlog);
	free(m->ram.rom.host);
	m->ram.rom.len = 0;
}
