// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU and its fd: RUN, and the vCPU's state out and in. */
#include <linux/anon_inodes.h>
#include <linux/debugfs.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/msr.h>

#include "compat.h"
#include "ioctl.h"
#include "objects.h"

#define REPORT_SIZE (64 * 1024)

/* ---- life ----------------------------------------------------------------------- */

/* Copes with a half-built one.  Nobody can reach it any more. */
static void destroy(struct tvx_vcpu *vcpu)
{
	tvx_halt_destroy(vcpu);
	vmx_vcpu_destroy(&vcpu->hw);
	ept_cache_drop(&vcpu->vm->space.ept, &vcpu->fault.cache);
	/* No mapping is left, each holds the file; whoever pinned the page keeps it. */
	if (vcpu->run)
		put_page(virt_to_page(vcpu->run));
	kvfree(vcpu);
}

static int vcpu_close(struct inode *inode, struct file *file)
{
	struct tvx_vcpu *vcpu = file->private_data;
	struct tvx_vm *vm = vcpu->vm;

	/*
	 * Without vm->lock, which may be held for long: by one who waits for memory behind a file.
	 * The file goes before the id is free: a new vCPU takes that name.
	 */
	debugfs_remove(vcpu->debugfs);
	tvx_irq_detach(vcpu);
	destroy(vcpu);
	tvx_vm_put(vm);
	return 0;
}

/* ---- state ------------------------------------------------------------------------- */

#define PART(section_, first, last) \
	{ .section = section_, .from = offsetof(struct tvx_state, first), \
	  .to = offsetofend(struct tvx_state, last) }

/* Which bytes of the struct a section is. */
static const struct {
	u32 section, from, to;
} parts[] = {
	PART(TVX_STATE_GPRS, gpr, rflags),
	PART(TVX_STATE_SEGMENTS, seg, idtr),
	PART(TVX_STATE_CONTROL, cr0, pdpte),
	PART(TVX_STATE_DEBUG, dr, dr7),
	PART(TVX_STATE_EVENTS, activity, activity),
	PART(TVX_STATE_EVENTS, injected, pending_dbg),
};

/* What the caller did not ask for stays as it gave it. */
static long get_state(void *object, void *arg)
{
	struct tvx_vcpu *vcpu = object;
	struct tvx_state *st = arg, *all;
	unsigned int i;
	int err;

	if (st->sections & ~TVX_STATE_ALL || memchr_inv(st->reserved, 0, sizeof(st->reserved)))
		return -EINVAL;
	all = kzalloc(sizeof(*all), GFP_KERNEL_ACCOUNT);
	if (!all)
		return -ENOMEM;
	err = vmx_load(&vcpu->hw);
	if (err)
		goto free;
	vmx_get_state(&vcpu->hw, all);
	vmx_unload(&vcpu->hw);
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (st->sections & parts[i].section)
			memcpy((void *)st + parts[i].from, (void *)all + parts[i].from,
			       parts[i].to - parts[i].from);
free:
	kfree(all);
	return err;
}

static long set_state(void *object, void *arg)
{
	struct tvx_vcpu *vcpu = object;
	const struct tvx_state *st = arg;
	int err;

	if (st->sections & ~TVX_STATE_ALL || memchr_inv(st->reserved, 0, sizeof(st->reserved)))
		return -EINVAL;
	err = vmx_load(&vcpu->hw);
	if (err)
		return err;
	err = vmx_set_state(&vcpu->hw, st);
	vmx_unload(&vcpu->hw);
	return err;
}

/* One MSR after another, so that nobody waits for 256 of them. */
static int one_msr(struct tvx_vcpu *vcpu, struct tvx_msr *msr, bool set)
{
	int err = vmx_load(&vcpu->hw);

	if (err)
		return err;
	if (set)
		err = vmx_set_msr(&vcpu->hw, msr->index, msr->value);
	else
		err = vmx_get_msr(&vcpu->hw, msr->index, &msr->value);
	vmx_unload(&vcpu->hw);
	return err ? -EINVAL : 0;
}

static int do_msrs(struct tvx_vcpu *vcpu, struct tvx_msr *msrs, u32 *count, bool set)
{
	u32 i;
	int err = 0;

	for (i = 0; i < *count && !err; i++) {
		err = msrs[i].reserved ? -EINVAL : one_msr(vcpu, &msrs[i], set);
		if (err)
			break;
	}
	*count = i;
	return err;
}

static long get_msrs(void *object, void *arg)
{
	struct tvx_msrs *args = arg;
	const u32 *list;
	u32 i, nr = vmx_msr_list(&list), room = args->count;
	struct tvx_msr *msrs;
	long err;

	if (args->reserved)
		return -EINVAL;
	if (!room || (args->flags & TVX_MSRS_LIST && room < nr)) {
		args->count = nr;
		return -E2BIG;
	}
	msrs = tvx_copy_array(args->msrs, room, sizeof(*msrs), TVX_MAX_MSRS);
	if (IS_ERR(msrs))
		return PTR_ERR(msrs);
	if (args->flags & TVX_MSRS_LIST) {
		args->count = nr;
		for (i = 0; i < nr; i++)
			msrs[i] = (struct tvx_msr){ .index = list[i] };
	}
	err = do_msrs(object, msrs, &args->count, false);
	if (copy_to_user(u64_to_user_ptr(args->msrs), msrs, args->count * sizeof(*msrs)))
		err = -EFAULT;
	kvfree(msrs);
	return err;
}

static long set_msrs(void *object, void *arg)
{
	struct tvx_msrs *args = arg;
	struct tvx_msr *msrs;
	long err;

	if (args->reserved)
		return -EINVAL;
	msrs = tvx_copy_array(args->msrs, args->count, sizeof(*msrs), TVX_MAX_MSRS);
	if (IS_ERR(msrs))
		return PTR_ERR(msrs);
	err = do_msrs(object, msrs, &args->count, true);
	kvfree(msrs);
	return err;
}

/* ---- buffers ------------------------------------------------------------------------ */

static long give(struct tvx_buffer *args, const void *data, u64 len)
{
	u64 room = args->len;

	args->len = len;
	if (room < len)
		return -E2BIG;
	return copy_to_user(u64_to_user_ptr(args->data), data, len) ? -EFAULT : 0;
}

static long get_xsave(void *object, void *arg)
{
	struct tvx_vcpu *vcpu = object;

	return give(arg, vcpu->hw.xsave, vmx_xsave_size());
}

static long set_xsave(void *object, void *arg)
{
	struct tvx_vcpu *vcpu = object;
	struct tvx_buffer *args = arg;
	void *area;
	long err;

	if (args->len != vmx_xsave_size())
		return -EINVAL;
	area = tvx_copy_array(args->data, args->len, 1, args->len);
	if (IS_ERR(area))
		return PTR_ERR(area);
	err = vmx_set_xsave(&vcpu->hw, area);
	kvfree(area);
	return err;
}

static long report(void *object, void *arg)
{
	struct tvx_vcpu *vcpu = object;
	struct tvx_buffer *args = arg;
	char *text = kvmalloc(REPORT_SIZE, GFP_KERNEL_ACCOUNT);
	size_t len = 0;
	bool all;
	long err;

	if (!text)
		return -ENOMEM;
	/* Security modules take locks, and may write to the log: not with interrupts off. */
	all = args->flags & TVX_REPORT_VMCS && capable(CAP_SYSLOG);
	err = vmx_load(&vcpu->hw);
	if (!err) {
		len = vmx_report(&vcpu->hw, args->flags, all, text, REPORT_SIZE);
		vmx_unload(&vcpu->hw);
		err = give(args, text, len);
	}
	kvfree(text);
	return err;
}

/* ---- without the lock: while the vCPU runs --------------------------------------------- */

void tvx_vcpu_stats(const struct tvx_vcpu *vcpu, struct tvx_stats *stats)
{
	*stats = vcpu->stats;
	stats->flags = 0;
	stats->nr = TVX_NR_EXIT_REASONS;
	stats->migrations = READ_ONCE(vcpu->hw.migrations);
	stats->injected = READ_ONCE(vcpu->hw.events_delivered);
}

static long get_stats(void *object, void *arg)
{
	struct tvx_vcpu *vcpu = object;
	struct tvx_stats *stats = arg;

	tvx_vcpu_stats(vcpu, stats);
	return 0;
}

static long kick(void *object, void *arg)
{
	struct tvx_vcpu *vcpu = object;

	atomic_set(&vcpu->kick, 1);
	rcuwait_wake_up(&vcpu->wait);
	vmx_kick(&vcpu->hw);
	return 0;
}

static const struct ioctl_row unlocked_ioctls[] = {
	{ .cmd = TVX_VCPU_KICK, .fn = kick },
	IOCTL_ROW(TVX_VCPU_GET_STATS, struct tvx_stats, 0, get_stats),
};

static const struct ioctl_row locked_ioctls[] = {
	IOCTL_ROW(TVX_VCPU_GET_STATE, struct tvx_state, 0, get_state),
	IOCTL_ROW(TVX_VCPU_SET_STATE, struct tvx_state, 0, set_state),
	IOCTL_ROW(TVX_VCPU_GET_MSRS, struct tvx_msrs, TVX_MSRS_LIST, get_msrs),
	IOCTL_ROW(TVX_VCPU_SET_MSRS, struct tvx_msrs, 0, set_msrs),
	IOCTL_ROW(TVX_VCPU_GET_XSAVE, struct tvx_buffer, 0, get_xsave),
	IOCTL_ROW(TVX_VCPU_SET_XSAVE, struct tvx_buffer, 0, set_xsave),
	IOCTL_ROW(TVX_VCPU_GET_APIC, struct tvx_apic, 0, tvx_vcpu_get_apic),
	IOCTL_ROW(TVX_VCPU_SET_APIC, struct tvx_apic, 0, tvx_vcpu_set_apic),
	IOCTL_ROW(TVX_VCPU_APIC_ACCESS, struct tvx_apic_access, TVX_APIC_WRITE,
		  tvx_vcpu_apic_access),
	IOCTL_ROW(TVX_VCPU_REPORT, struct tvx_buffer, TVX_REPORT_ENTRY | TVX_REPORT_VMCS, report),
};

static noinline long by_table(struct tvx_vcpu *vcpu, unsigned int cmd, void __user *arg)
{
	long ret = tvx_ioctl(unlocked_ioctls, ARRAY_SIZE(unlocked_ioctls), vcpu, cmd, arg);

	if (ret != -ENOTTY)
		return ret;
	if (!mutex_trylock(&vcpu->lock))
		return -EBUSY;
	ret = tvx_ioctl(locked_ioctls, ARRAY_SIZE(locked_ioctls), vcpu, cmd, arg);
	mutex_unlock(&vcpu->lock);
	return ret;
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct tvx_vcpu *vcpu = file->private_data;
	long ret = tvx_vm_usable(vcpu->vm);

	if (unlikely(ret))
		return ret;
	/* The one that each exit to user space waits for does not look for its row. */
	if (unlikely(cmd != TVX_VCPU_RUN))
		return by_table(vcpu, cmd, (void __user *)arg);
	if (!mutex_trylock(&vcpu->lock))
		return -EBUSY;
	ret = tvx_vcpu_run(vcpu);
	mutex_unlock(&vcpu->lock);
	return ret;
}

/* ---- the run page -------------------------------------------------------------------------- */

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct tvx_vcpu *vcpu = file->private_data;
	int err = tvx_vm_usable(vcpu->vm);

	if (err)
		return err;
	if (vma->vm_pgoff || vma_pages(vma) != 1 || !(vma->vm_flags & VM_SHARED) ||
	    vma->vm_flags & VM_EXEC)
		return -EINVAL;
	/* Another process is not to have a say in what the guest's registers are. */
	compat_vm_flags(vma, VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY, VM_MAYEXEC);
	return vm_insert_page(vma, vma->vm_start, virt_to_page(vcpu->run));
}

static const struct file_operations vcpu_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcpu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vcpu_mmap,
	.release = vcpu_close,
	.llseek = noop_llseek,
};

static int build(struct tvx_vcpu *vcpu)
{
	struct tvx_vm *vm = vcpu->vm;
	const struct vmx_vm shared = {
		.space = &vm->space,
		.policy = vm->policy,
		.msr_bitmap = vm->msr_bitmap,
		.x2apic_bitmap = vm->x2apic_bitmap,
		.apic_access = vm->apic_access,
		.tsc_offset = vm->tsc_offset,
		.tsc_lost = vm->tsc_lost,
		.keeps = vm->hold == TVX_HOLD_RIDE,
	};

	tvx_halt_init(vcpu);
	vcpu->lapic.deadline = U64_MAX;
	mutex_init(&vcpu->lock);
	vcpu->stats.cpu = -1;
	vcpu->run = (struct tvx_run *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->run)
		return -ENOMEM;
	return vmx_vcpu_init(&vcpu->hw, &shared, vm->has_apic ? &vcpu->lapic : NULL, vcpu->id);
}

int tvx_vcpu_create(struct tvx_vm *vm, u32 id)
{
	struct tvx_vcpu *vcpu;
	struct file *file;
	int fd, err;

	lockdep_assert_held(&vm->lock);
	BUILD_BUG_ON(sizeof(struct tvx_run) != PAGE_SIZE);
	vcpu = kvzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	if (!vcpu)
		return -ENOMEM;
	vcpu->vm = vm;
	vcpu->id = id;
	err = build(vcpu);
	if (err)
		goto destroy;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		err = fd;
		goto destroy;
	}
	file = anon_inode_getfile("tinyvmx-vcpu", &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto put_fd;
	}
	kref_get(&vm->ref);
	tvx_irq_attach(vcpu);
	tvx_debugfs_add_vcpu(vcpu);
	fd_install(fd, file);
	return fd;

put_fd:
	put_unused_fd(fd);
destroy:
	destroy(vcpu);
	return err;
}
