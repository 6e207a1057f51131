// SPDX-License-Identifier: GPL-2.0-only
/* Setting a machine up and taking it down. The exits are in exits.c. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "group.h"
#include "machine.h"
#include "setreg.h"
#include "stop.h"

int machine_end(struct machine *m, int status, const char *reason, const char *why, ...)
{
	va_list ap;

	if (m->ended)
		return m->end.status;
	m->ended = true;
	m->end.status = status;
	m->end.reason = reason;
	va_start(ap, why);
	vsnprintf(m->end.why, sizeof(m->end.why), why, ap);
	va_end(ap);
	return status;
}

int machine_end_errno(struct machine *m, const char *what, int err)
{
	return machine_end(m, ST_SYSTEM, "system", "%s: %s", what, strerror(-err));
}

static int add_bank(struct machine *m, uint64_t gpa, uint64_t len)
{
	void *host = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (host == MAP_FAILED)
		return machine_end_errno(m, "no memory for the guest", -errno);
	m->ram.bank[m->ram.nr_banks++] = (struct ram_bank){ gpa, len, host };
	return 0;
}

void machine_init(struct machine *m, const struct run_options *opt)
{
	memset(m, 0, sizeof(*m));
	m->opt = opt;
	m->dev.fd = -1;
	m->vm.fd = -1;
	m->vcpu.fd = -1;
}

int machine_alloc_ram(struct machine *m)
{
	uint64_t low = m->opt->mem < RAM_HOLE ? m->opt->mem : RAM_HOLE;
	int err = add_bank(m, 0, low);

	if (!err && m->opt->mem > low)
		err = add_bank(m, RAM_HIGH, m->opt->mem - low);
	return err;
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
	int err = tvx_vm_create(&m->dev, &m->vm);

	switch (err) {
	case 0:
		return 0;
	case -EBUSY:
		return machine_end(m, ST_REFUSED, "refused",
				   "another hypervisor (kvm_intel?) holds VMX on this machine");
	case -ENODEV:
		return machine_end(m, ST_REFUSED, "refused",
				   "a CPU of this machine cannot do VMX; `vmctl check` says why");
	default:
		return machine_end_errno(m, "creating a VM", err);
	}
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

		err = tvx_vm_set_slot(&m->vm, i, b->gpa, b->len, b->host,
				      m->opt->premap ? TVX_SLOT_PREMAP : 0);
		if (err)
			return machine_end_errno(m, "giving the guest its memory", err);
	}
	err = tvx_vcpu_create(&m->vm, 0, &m->vcpu);
	return err ? machine_end_errno(m, "creating a vCPU", err) : 0;
}

/* 64-bit guests start on page tables that they need not know of, as high as possible. */
static int setup_long(struct machine *m, const struct boot *boot, struct tvx_state *state)
{
	char error[256];
	uint64_t tables;
	int err;

	if (!ram_place(&m->ram, tvx_long_tables_size(&m->vm), 4096, "the initial page tables",
		       &tables, error, sizeof(error)))
		return machine_end(m, ST_BAD_IMAGE, "bad-image", "%s", error);
	err = tvx_setup_long(&m->vm, state, boot->entry, tables);
	if (err)
		return machine_end_errno(m, "setting up long mode", err);
	/* A stack is below, for guests that bring none. */
	state->gpr[TVX_RSP] = tables;
	return 0;
}

static int setup_mode(struct machine *m, const struct boot *boot, struct tvx_state *state)
{
	uint32_t linear = boot->entry;

	switch (boot->mode) {
	case BOOT_LONG:
		return setup_long(m, boot, state);
	case BOOT_PROTECTED:
		tvx_setup_protected(state, boot->entry);
		return 0;
	default:
		break;
	}
	if (!(m->dev.info.features & TVX_FEAT_UNRESTRICTED))
		return machine_end(m, ST_REFUSED, "refused",
				   "this CPU has no unrestricted guest mode: guests in real mode cannot run");
	tvx_setup_real(state, (linear >> 4) & 0xf000, linear & 0xffff);
	/* Where a BIOS leaves it: below the boot sector. */
	state->gpr[TVX_RSP] = 0x7c00;
	return 0;
}

int machine_boot(struct machine *m, const struct boot *boot)
{
	struct tvx_state state;
	unsigned int i;
	int err = tvx_vcpu_get_state(&m->vcpu, &state, TVX_STATE_ALL);

	if (err)
		return machine_end_errno(m, "reading the vCPU's state", err);
	err = setup_mode(m, boot, &state);
	if (err)
		return err;
	state.gpr[TVX_RAX] = boot->eax;
	state.gpr[TVX_RBX] = boot->ebx;
	for (i = 0; i < m->opt->nr_settings; i++)
		setreg_apply(m->opt->settings[i], &state);
	err = tvx_vcpu_set_state(&m->vcpu, &state);
	if (err)
		return machine_end_errno(m, "setting the vCPU's state", err);
	console_init(&m->console);
	devices_init(&m->devices, &m->console.chardev, m->opt->strict);
	memcpy(m->trace.gpr, state.gpr, sizeof(state.gpr));
	m->trace.rflags = state.rflags;
	return 0;
}

void machine_close(struct machine *m)
{
	unsigned int i;

	stop_unwatch();
	tvx_vcpu_destroy(&m->vcpu);
	tvx_vm_destroy(&m->vm);
	tvx_close(&m->dev);
	for (i = 0; i < m->ram.nr_banks; i++)
		munmap(m->ram.bank[i].host, m->ram.bank[i].len);
	m->ram.nr_banks = 0;
}
