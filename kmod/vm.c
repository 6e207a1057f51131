// SPDX-License-Identifier: GPL-2.0-only
/* A VM and its fd. */
#define pr_fmt(fmt) "tinyvmx: " fmt

#include <linux/anon_inodes.h>
#include <linux/debugfs.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <asm/apicdef.h>
#include <asm/tsc.h>

#include "ioctl.h"
#include "objects.h"
#include "trace.h"

/* ---- life --------------------------------------------------------------------- */

/* Copes with a half-built one: each part knows whether it was made. */
static void destroy(struct tvx_vm *vm)
{
	debugfs_remove(vm->debugfs);
	tvx_eventfds_destroy(vm);
	tvx_mem_destroy(vm);
	free_page((unsigned long)vm->identity);
	free_page((unsigned long)vm->apic_access);
	free_page((unsigned long)vm->msr_bitmap);
	free_page((unsigned long)vm->x2apic_bitmap);
	kvfree(vm->policy);
	if (vm->hold)
		vmx_release();
	/* KVM may turn VMX off from here on. */
	if (vm->kvm)
		fput(vm->kvm);
	if (vm->mm)
		mmdrop(vm->mm);
	kvfree(vm);
}

static void release(struct kref *ref)
{
	destroy(container_of(ref, struct tvx_vm, ref));
}

void tvx_vm_put(struct tvx_vm *vm)
{
	kref_put(&vm->ref, release);
}

void tvx_vm_kill(struct tvx_vm *vm, const char *why)
{
	pr_err_ratelimited("a VM of process %d is dead: %s\n", current->tgid, why);
	WRITE_ONCE(vm->dead, true);
	tvx_irq_kick_all(vm);
}

static int make_policy(struct tvx_vm *vm)
{
	vm->policy = kvmalloc(sizeof(*vm->policy), GFP_KERNEL_ACCOUNT);
	vm->msr_bitmap = (unsigned long *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!vm->policy || !vm->msr_bitmap)
		return -ENOMEM;
	policy_init(vm->policy, tvx_default_cpuid, tvx_nr_default_cpuid);
	if (vm->has_apic)
		policy_add_apic(vm->policy);
	return 0;
}

/* A page of ours where the guest can reach it. */
static int map_ours(struct tvx_vm *vm, u64 gpa, void *page, bool write)
{
	struct ept_cache cache = {};
	int err = ept_cache_fill(&vm->space.ept, &cache, EPT_CACHE_ENOUGH);

	if (!err) {
		spin_lock(&vm->mmu_lock);
		err = vmx_space_map(&vm->space, gpa, __pa(page), EPT_4K, write, false, &cache);
		spin_unlock(&vm->mmu_lock);
	}
	ept_cache_drop(&vm->space.ept, &cache);
	return err;
}

/* Without unrestricted guest: what a guest with its paging off runs on (vmx.h). */
static int make_identity(struct tvx_vm *vm)
{
	if (vmx_caps.features & TVX_FEAT_UNRESTRICTED)
		return 0;
	vm->identity = vmx_identity_map();
	if (!vm->identity)
		return -ENOMEM;
	/* With accessed and dirty bits in EPT a page walk counts as a write. */
	return map_ours(vm, VMX_IDENTITY_GPA, vm->identity,
			vmx_caps.features & TVX_FEAT_EPT_AD);
}

/*
 * The page whose accesses the CPU turns into those of the register page.  A vCPU that is
 * not in xAPIC mode, or has moved its page, finds memory there, which is nobody's and harms
 * nobody.
 */
static int make_apic(struct tvx_vm *vm)
{
	if (!(vmx_caps.features & TVX_FEAT_APICV) || !READ_ONCE(tvx_apicv))
		return 0;
	vm->apic_access = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vm->x2apic_bitmap = (unsigned long *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!vm->apic_access || !vm->x2apic_bitmap)
		return -ENOMEM;
	return map_ours(vm, APIC_DEFAULT_PHYS_BASE, vm->apic_access, true);
}

/* Keep the VM of KVM's that the caller has handed over. */
static int keep_kvm(struct tvx_vm *vm, int fd)
{
	struct file *file = fget(fd);

	if (!file)
		return -EBADF;
	/* Only KVM names a file of this kind so. */
	if (file_inode(file)->i_sb->s_magic != ANON_INODE_FS_MAGIC ||
	    strcmp(file->f_path.dentry->d_name.name, "kvm-vm")) {
		fput(file);
		return -EINVAL;
	}
	vm->kvm = file;
	return 0;
}

static int hold_vmx(struct tvx_vm *vm, u32 flags, int kvm_fd)
{
	int err = flags & TVX_VM_KVM ? keep_kvm(vm, kvm_fd) : 0;

	if (!err)
		err = vmx_hold(vm->kvm);
	if (err < 0)
		return err;
	vm->hold = err;
	trace_tvx_hold(vm->hold);
	if (vm->kvm && vm->hold != TVX_HOLD_RIDE) {
		fput(vm->kvm);
		vm->kvm = NULL;
	}
	return 0;
}

static int build(struct tvx_vm *vm, u32 flags, int kvm_fd)
{
	int err;

	raw_spin_lock_init(&vm->irq_lock);
	INIT_LIST_HEAD(&vm->irqfds);
	INIT_LIST_HEAD(&vm->dead_irqfds);
	vm->has_apic = flags & TVX_VM_APIC;

	kref_init(&vm->ref);
	mutex_init(&vm->lock);
	mmgrab(current->mm);
	vm->mm = current->mm;
	vm->tsc_offset = -rdtsc();
	vm->tsc_lost = vmx_tsc_lost();
	err = hold_vmx(vm, flags, kvm_fd);
	if (err)
		return err;
	err = make_policy(vm) ?: tvx_mem_init(vm) ?: make_identity(vm);
	return err || !vm->has_apic ? err : make_apic(vm);
}

/* ---- ioctls ---------------------------------------------------------------------- */

static long set_slot(void *object, void *arg)
{
	struct tvx_vm *vm = object;
	const struct tvx_slot *slot = arg;
	u64 end = slot->gpa + slot->len;

	/* These are ours, or the local APIC's; guests would find them in their memory. */
	if (vm->identity && slot->gpa <= VMX_IDENTITY_GPA && end > VMX_IDENTITY_GPA)
		return -EEXIST;
	if (vm->has_apic && slot->gpa <= APIC_DEFAULT_PHYS_BASE && end > APIC_DEFAULT_PHYS_BASE)
		return -EEXIST;
	return tvx_mem_set_slot(vm, slot);
}

static long set_cpuid(void *object, void *arg)
{
	struct tvx_vm *vm = object;
	const struct tvx_cpuid *args = arg;
	struct tvx_cpuid_entry *table;
	long err;

	if (args->reserved)
		return -EINVAL;
	if (vm->settled)
		return -EBUSY;
	table = tvx_copy_array(args->entries, args->count, sizeof(*table), TVX_MAX_CPUID);
	if (IS_ERR(table))
		return PTR_ERR(table);
	err = policy_set_cpuid(vm->policy, table, args->count);
	kvfree(table);
	return err;
}

static long set_policy(void *object, void *arg)
{
	struct tvx_vm *vm = object;
	const struct tvx_policy *args = arg;
	struct tvx_msr_rule *msr;
	struct tvx_io_rule *io;
	long err;

	if (vm->settled)
		return -EBUSY;
	if (!vmx_can_exit(args->exits))
		return -EOPNOTSUPP;
	msr = tvx_copy_array(args->msr_rules, args->nr_msr_rules, sizeof(*msr), TVX_MAX_RULES);
	if (IS_ERR(msr))
		return PTR_ERR(msr);
	io = tvx_copy_array(args->io_rules, args->nr_io_rules, sizeof(*io), TVX_MAX_RULES);
	err = PTR_ERR_OR_ZERO(io);
	if (!err) {
		err = policy_set_rules(vm->policy, args, msr, io, vmx_msr_may_pass);
		kvfree(io);
	}
	kvfree(msr);
	return err;
}

static long create_vcpu(void *object, void *arg)
{
	struct tvx_vm *vm = object;
	const struct tvx_create_vcpu *args = arg;
	int fd;

	if (args->reserved || args->id >= TVX_MAX_VCPUS)
		return -EINVAL;
	/* Only who holds the lock adds one; one that goes away needs no lock. */
	if (READ_ONCE(vm->vcpus[array_index_nospec(args->id, TVX_MAX_VCPUS)]))
		return -EEXIST;
	if (!vm->settled) {
		policy_settle(vm->policy, &tvx_policy_host, vmx_cr4_supported());
		policy_msr_bitmap(vm->policy, vmx_msr_passed(), vm->msr_bitmap);
		if (vm->apic_access)
			vmx_x2apic_bitmap(vm->msr_bitmap, vm->policy, vm->x2apic_bitmap);
	}
	fd = tvx_vcpu_create(vm, args->id);
	if (fd >= 0)
		vm->settled = true;
	return fd;
}

static long irqfd(void *object, void *arg)
{
	struct tvx_vm *vm = object;

	return vm->has_apic ? tvx_irqfd(vm, arg) : -EOPNOTSUPP;
}

static long ioeventfd(void *object, void *arg)
{
	return tvx_ioeventfd(object, arg);
}

/* Without vm->lock: a device's thread does not wait for one that changes slots. */
static long msi(void *object, void *arg)
{
	const struct tvx_msi *args = arg;
	struct tvx_vm *vm = object;
	struct lapic_message m;

	if (!vm->has_apic)
		return -EOPNOTSUPP;
	if (args->reserved || !lapic_from_msi(args->address, args->data, &m))
		return -EINVAL;
	return tvx_irq_send(vm, NULL, &m);
}

static const struct ioctl_row unlocked_ioctls[] = {
	IOCTL_ROW(TVX_VM_MSI, struct tvx_msi, 0, msi),
};

static const struct ioctl_row vm_ioctls[] = {
	IOCTL_ROW(TVX_VM_SET_SLOT, struct tvx_slot, TVX_SLOT_READONLY | TVX_SLOT_PREMAP, set_slot),
	IOCTL_ROW(TVX_VM_SET_CPUID, struct tvx_cpuid, 0, set_cpuid),
	IOCTL_ROW(TVX_VM_SET_POLICY, struct tvx_policy, 0, set_policy),
	IOCTL_ROW(TVX_VM_CREATE_VCPU, struct tvx_create_vcpu, 0, create_vcpu),
	IOCTL_ROW(TVX_VM_IRQFD, struct tvx_irqfd, TVX_FD_REMOVE, irqfd),
	IOCTL_ROW(TVX_VM_IOEVENTFD, struct tvx_ioeventfd, TVX_FD_REMOVE | TVX_FD_MATCH,
		  ioeventfd),
};

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct tvx_vm *vm = file->private_data;
	long ret;

	ret = tvx_vm_usable(vm);
	if (ret)
		return ret;
	ret = tvx_ioctl(unlocked_ioctls, ARRAY_SIZE(unlocked_ioctls), vm, cmd,
			(void __user *)arg);
	if (ret != -ENOTTY)
		return ret;
	if (mutex_lock_interruptible(&vm->lock))
		return -EINTR;
	ret = tvx_ioctl(vm_ioctls, ARRAY_SIZE(vm_ioctls), vm, cmd, (void __user *)arg);
	mutex_unlock(&vm->lock);
	return ret;
}

static int vm_close(struct inode *inode, struct file *file)
{
	tvx_vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vm_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = vm_close,
	.llseek = noop_llseek,
};

int tvx_vm_create(u32 flags, int kvm_fd)
{
	struct tvx_vm *vm;
	struct file *file;
	int fd, err;

	vm = kvzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return -ENOMEM;
	err = build(vm, flags, kvm_fd);
	if (err)
		goto destroy;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		err = fd;
		goto destroy;
	}
	file = anon_inode_getfile("tinyvmx-vm", &vm_fops, vm, O_RDWR);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto put_fd;
	}
	tvx_debugfs_add_vm(vm);
	fd_install(fd, file);
	return fd;

put_fd:
	put_unused_fd(fd);
destroy:
	destroy(vm);
	return err;
}
