// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ioctl.h"

/* What every struct of the contract begins with. */
struct header {
	u32 size;
	u32 flags;
};

static const struct ioctl_row *find(const struct ioctl_row *table, unsigned int nr, u32 cmd)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (_IOC_TYPE(table[i].cmd) == _IOC_TYPE(cmd) &&
		    _IOC_NR(table[i].cmd) == _IOC_NR(cmd) &&
		    _IOC_DIR(table[i].cmd) == _IOC_DIR(cmd))
			return &table[i];
	return NULL;
}

static long call(const struct ioctl_row *row, void *object, void __user *user)
{
	struct header *arg;
	u32 size;
	long ret;

	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (size < row->min)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	arg = kzalloc(row->size, GFP_KERNEL_ACCOUNT);
	if (!arg)
		return -ENOMEM;
	ret = copy_struct_from_user(arg, row->size, user, size);
	if (!ret && arg->flags & ~row->flags)
		ret = -EINVAL;
	if (ret)
		goto free;
	ret = row->fn(object, arg);
	arg->size = size;
	if (_IOC_DIR(row->cmd) & _IOC_READ &&
	    copy_to_user(user, arg, min(size, row->size)))
		ret = -EFAULT;
free:
	kfree(arg);
	return ret;
}

long tvx_ioctl(const struct ioctl_row *table, unsigned int nr, void *object,
	       unsigned int cmd, void __user *arg)
{
	const struct ioctl_row *row = find(table, nr, cmd);

	if (!row)
		return -ENOTTY;
	return row->min ? call(row, object, arg) : row->fn(object, NULL);
}

void *tvx_copy_array(u64 user, u32 count, size_t element, u32 max)
{
	void *copy;

	if (count > max)
		return ERR_PTR(-EINVAL);
	copy = kvmalloc(max_t(size_t, count * element, 1), GFP_KERNEL_ACCOUNT);
	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(copy, u64_to_user_ptr(user), count * element)) {
		kvfree(copy);
		return ERR_PTR(-EFAULT);
	}
	return copy;
}
