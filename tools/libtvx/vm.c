// SPDX-License-Identifier: GPL-2.0-only
/* A VM and its memory slots. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

int tvx_vm_create(const struct tvx_dev *dev, struct tvx_vm *vm)
{
	return tvx_vm_create_flags(dev, 0, vm);
}

static int create_vm(const struct tvx_dev *dev, struct tvx_create_vm *create)
{
	int fd = ioctl(dev->fd, TVX_CREATE_VM, create);

	return fd < 0 ? -errno : fd;
}

int tvx_vm_create_flags(const struct tvx_dev *dev, uint32_t flags, struct tvx_vm *vm)
{
	struct tvx_create_vm create = { .size = sizeof(create), .flags = flags };
	int kvm = tvx_dev_kvm(dev);

	memset(vm, 0, sizeof(*vm));
	vm->info = dev->info;
	if (kvm >= 0) {
		create.flags |= TVX_VM_KVM;
		create.kvm_fd = kvm;
	}
	vm->fd = create_vm(dev, &create);
	/* Unless one was found as the device was opened, this one was made for us. */
	if (kvm >= 0 && kvm != dev->kvm)
		close(kvm);
	return vm->fd < 0 ? vm->fd : 0;
}

static void forget_slot(struct tvx_memslot *slot)
{
	if (slot->owned)
		munmap(slot->hva, slot->len);
	memset(slot, 0, sizeof(*slot));
}

void tvx_vm_destroy(struct tvx_vm *vm)
{
	unsigned int i;

	if (vm->fd >= 0)
		close(vm->fd);
	vm->fd = -1;
	for (i = 0; i < vm->nr_slots; i++)
		forget_slot(&vm->slots[i]);
	free(vm->slots);
	vm->slots = NULL;
	vm->nr_slots = 0;
}

/* Room to remember slot number @slot, so that nothing can fail once it is set. */
static int grow_slots(struct tvx_vm *vm, unsigned int slot)
{
	struct tvx_memslot *slots;

	if (slot < vm->nr_slots || slot >= vm->info.max_slots)
		return 0;
	slots = reallocarray(vm->slots, slot + 1, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memset(slots + vm->nr_slots, 0, (slot + 1 - vm->nr_slots) * sizeof(*slots));
	vm->slots = slots;
	vm->nr_slots = slot + 1;
	return 0;
}

int tvx_vm_set_slot(struct tvx_vm *vm, unsigned int slot, uint64_t gpa, uint64_t len, void *hva,
		    uint32_t flags)
{
	struct tvx_slot arg = {
		.size = sizeof(arg),
		.flags = flags,
		.slot = slot,
		.gpa = gpa,
		.len = len,
		.hva = (uintptr_t)hva,
	};
	int err = grow_slots(vm, slot);

	if (err)
		return err;
	if (ioctl(vm->fd, TVX_VM_SET_SLOT, &arg) < 0)
		return -errno;
	if (slot >= vm->nr_slots)	/* the module took more than it said it has */
		return -EPROTO;
	__atomic_fetch_add(&vm->generation, 1, __ATOMIC_RELAXED);
	forget_slot(&vm->slots[slot]);
	if (len)
		vm->slots[slot] = (struct tvx_memslot){ gpa, len, hva, flags, false };
	return 0;
}

static unsigned int free_slot(const struct tvx_vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->nr_slots; i++)
		if (!vm->slots[i].len)
			break;
	return i;
}

int tvx_vm_add_memory_flags(struct tvx_vm *vm, uint64_t gpa, uint64_t len, uint32_t flags)
{
	unsigned int slot = free_slot(vm);
	void *hva;
	int err;

	hva = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		   -1, 0);
	if (hva == MAP_FAILED)
		return -errno;
	err = tvx_vm_set_slot(vm, slot, gpa, len, hva, flags);
	if (err)
		munmap(hva, len);
	else
		vm->slots[slot].owned = true;
	return err;
}

int tvx_vm_add_memory(struct tvx_vm *vm, uint64_t gpa, uint64_t len)
{
	return tvx_vm_add_memory_flags(vm, gpa, len, 0);
}

static const struct tvx_memslot *find_slot(const struct tvx_vm *vm, uint64_t gpa, uint64_t len)
{
	const struct tvx_memslot *s;

	for (s = vm->slots; s < vm->slots + vm->nr_slots; s++)
		if (gpa >= s->gpa && gpa - s->gpa < s->len && len <= s->len - (gpa - s->gpa))
			return s;
	return NULL;
}

void *tvx_vm_host(const struct tvx_vm *vm, uint64_t gpa, uint64_t len)
{
	const struct tvx_memslot *s = find_slot(vm, gpa, len);

	return s ? (char *)s->hva + (gpa - s->gpa) : NULL;
}

bool tvx_vm_readonly(const struct tvx_vm *vm, uint64_t gpa)
{
	const struct tvx_memslot *s = find_slot(vm, gpa, 1);

	return s && (s->flags & TVX_SLOT_READONLY);
}

int tvx_vm_set_cpuid(struct tvx_vm *vm, const struct tvx_cpuid_entry *entries, unsigned int count)
{
	struct tvx_cpuid cpuid = {
		.size = sizeof(cpuid),
		.count = count,
		.entries = (uintptr_t)entries,
	};

	return ioctl(vm->fd, TVX_VM_SET_CPUID, &cpuid) < 0 ? -errno : 0;
}

int tvx_vm_set_policy(struct tvx_vm *vm, const struct tvx_policy *policy)
{
	struct tvx_policy arg = *policy;

	arg.size = sizeof(arg);
	return ioctl(vm->fd, TVX_VM_SET_POLICY, &arg) < 0 ? -errno : 0;
}

int tvx_vm_msi(const struct tvx_vm *vm, uint64_t address, uint32_t data)
{
	struct tvx_msi msi = { .size = sizeof(msi), .address = address, .data = data };
	int taken = ioctl(vm->fd, TVX_VM_MSI, &msi);

	return taken < 0 ? -errno : taken;
}

int tvx_vm_irqfd(const struct tvx_vm *vm, int fd, uint64_t address, uint32_t data, uint32_t flags)
{
	struct tvx_irqfd irqfd = {
		.size = sizeof(irqfd),
		.flags = flags,
		.address = address,
		.data = data,
		.fd = fd,
	};

	return ioctl(vm->fd, TVX_VM_IRQFD, &irqfd) < 0 ? -errno : 0;
}

int tvx_vm_ioeventfd(const struct tvx_vm *vm, int fd, uint16_t port, unsigned int width,
		     uint64_t value, uint32_t flags)
{
	struct tvx_ioeventfd ioeventfd = {
		.size = sizeof(ioeventfd),
		.flags = flags,
		.port = port,
		.width = width,
		.fd = fd,
		.value = value,
	};

	return ioctl(vm->fd, TVX_VM_IOEVENTFD, &ioeventfd) < 0 ? -errno : 0;
}
