// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eventfds instead of calls: one that sends a message to local APICs when it is
 * signalled (irqfd), and one that an OUT of the guest signals (ioeventfd).
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/lockdep.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "compat.h"
#include "objects.h"

/* ---- irqfd ------------------------------------------------------------------- */

struct irqfd {
	struct list_head link;		/* in vm->irqfds, or dead_irqfds: the eventfd has gone */
	struct tvx_vm *vm;
	struct eventfd_ctx *ctx;
	struct wait_queue_entry wait;	/* in the eventfd's queue */
	poll_table table;
	wait_queue_head_t *head;
	struct lapic_message message;
	u64 address;
	u32 data;
};

/* The eventfd's last user has gone.  It is freed where sleeping is possible. */
static void bury(struct irqfd *irqfd)
{
	struct tvx_vm *vm = irqfd->vm;
	unsigned long flags;

	list_del_init(&irqfd->wait.entry);
	raw_spin_lock_irqsave(&vm->irq_lock, flags);
	list_move(&irqfd->link, &vm->dead_irqfds);
	raw_spin_unlock_irqrestore(&vm->irq_lock, flags);
}

/* Under the eventfd's own lock, interrupts off. */
static int signalled(struct wait_queue_entry *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	__u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->ctx, &count);
		tvx_irq_send(irqfd->vm, NULL, &irqfd->message);
	}
	if (events & EPOLLHUP)
		bury(irqfd);
	/* The count is taken: this signal is for nobody else. */
	return events & EPOLLIN && !(events & EPOLLHUP);
}

static void queue(struct file *file, wait_queue_head_t *head, poll_table *table)
{
	struct irqfd *irqfd = container_of(table, struct irqfd, table);

	irqfd->head = head;
	add_wait_queue_priority(head, &irqfd->wait);
}

static void free_irqfd(struct irqfd *irqfd)
{
	eventfd_ctx_put(irqfd->ctx);
	kfree(irqfd);
}

static void reap(struct tvx_vm *vm)
{
	struct irqfd *irqfd, *next;
	LIST_HEAD(dead);

	raw_spin_lock_irq(&vm->irq_lock);
	list_splice_init(&vm->dead_irqfds, &dead);
	raw_spin_unlock_irq(&vm->irq_lock);
	list_for_each_entry_safe(irqfd, next, &dead, link)
		free_irqfd(irqfd);
}

/* One message for an eventfd: whoever signals it waits, interrupts off, for its delivery. */
static struct irqfd *find(struct tvx_vm *vm, struct eventfd_ctx *ctx)
{
	struct irqfd *irqfd, *found = NULL;

	raw_spin_lock_irq(&vm->irq_lock);
	list_for_each_entry(irqfd, &vm->irqfds, link)
		if (irqfd->ctx == ctx)
			found = irqfd;
	raw_spin_unlock_irq(&vm->irq_lock);
	return found;
}

/* The eventfd may go at the same time: whoever takes it out of the queue says where it is. */
static void end(struct irqfd *irqfd)
{
	struct tvx_vm *vm = irqfd->vm;
	__u64 count;

	eventfd_ctx_remove_wait_queue(irqfd->ctx, &irqfd->wait, &count);
	raw_spin_lock_irq(&vm->irq_lock);
	list_del(&irqfd->link);
	raw_spin_unlock_irq(&vm->irq_lock);
	free_irqfd(irqfd);
}

static int add(struct tvx_vm *vm, struct file *file, struct eventfd_ctx *ctx,
	       const struct tvx_irqfd *args, const struct lapic_message *m)
{
	struct irqfd *irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);

	if (!irqfd)
		return -ENOMEM;
	irqfd->vm = vm;
	irqfd->ctx = ctx;
	irqfd->message = *m;
	irqfd->address = args->address;
	irqfd->data = args->data;
	raw_spin_lock_irq(&vm->irq_lock);
	list_add(&irqfd->link, &vm->irqfds);
	raw_spin_unlock_irq(&vm->irq_lock);
	init_waitqueue_func_entry(&irqfd->wait, signalled);
	init_poll_funcptr(&irqfd->table, queue);
	/* What was signalled before counts too. */
	if (vfs_poll(file, &irqfd->table) & EPOLLIN)
		tvx_irq_send(vm, NULL, m);
	return 0;
}

static unsigned int count_irqfds(struct tvx_vm *vm)
{
	struct irqfd *irqfd;
	unsigned int n = 0;

	raw_spin_lock_irq(&vm->irq_lock);
	list_for_each_entry(irqfd, &vm->irqfds, link)
		n++;
	raw_spin_unlock_irq(&vm->irq_lock);
	return n;
}

static int set(struct tvx_vm *vm, struct file *file, struct eventfd_ctx *ctx,
	       const struct tvx_irqfd *args)
{
	struct irqfd *old = find(vm, ctx);
	struct lapic_message m;

	if (args->flags & TVX_FD_REMOVE) {
		if (!old || old->address != args->address || old->data != args->data)
			return -ENOENT;
		end(old);
		eventfd_ctx_put(ctx);
		return 0;
	}
	if (old)
		return -EEXIST;
	if (!lapic_from_msi(args->address, args->data, &m))
		return -EINVAL;
	if (count_irqfds(vm) >= TVX_MAX_IRQFDS)
		return -ENOSPC;
	return add(vm, file, ctx, args, &m);
}

int tvx_irqfd(struct tvx_vm *vm, const struct tvx_irqfd *args)
{
	struct eventfd_ctx *ctx;
	struct file *file;
	int err;

	lockdep_assert_held(&vm->lock);
	reap(vm);
	file = fget(args->fd);
	if (!file)
		return -EBADF;
	ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(ctx)) {
		err = PTR_ERR(ctx);
	} else {
		err = set(vm, file, ctx, args);
		if (err)
			eventfd_ctx_put(ctx);
	}
	fput(file);
	return err;
}

/* ---- ioeventfd ------------------------------------------------------------------ */

/* Those of a VM, in the order of their making. */
struct tvx_ioeventfds {
	struct rcu_head rcu;
	struct eventfd_ctx *removed;	/* put with the array, when no vCPU looks at it any more */
	u32 nr;
	struct ioeventfd {
		struct eventfd_ctx *ctx;
		u64 value;
		u16 port;
		u16 width;		/* 0: any */
		bool match;		/* only @value */
	} e[];
};

static bool signals(const struct ioeventfd *e, u16 port, u32 width, u32 value)
{
	return e->port == port && (!e->width || e->width == width) &&
	       (!e->match || e->value == value);
}

bool tvx_ioeventfd_signal(struct tvx_vm *vm, u16 port, u32 width, u32 value)
{
	const struct tvx_ioeventfds *all;
	bool found = false;
	u32 i;

	rcu_read_lock();
	all = rcu_dereference(vm->ioeventfds);
	for (i = 0; all && i < all->nr && !found; i++) {
		found = signals(&all->e[i], port, width, value);
		if (found)
			compat_eventfd_signal(all->e[i].ctx);
	}
	rcu_read_unlock();
	return found;
}

static void free_array(struct rcu_head *rcu)
{
	struct tvx_ioeventfds *all = container_of(rcu, struct tvx_ioeventfds, rcu);

	if (all->removed)
		eventfd_ctx_put(all->removed);
	kfree(all);
}

/* Replace the array by one without entry @without (or with none missing), and with @extra. */
static int replace(struct tvx_vm *vm, struct tvx_ioeventfds *old, u32 without,
		   const struct ioeventfd *extra)
{
	u32 nr = old ? old->nr : 0, i;
	struct tvx_ioeventfds *all;

	all = kzalloc(struct_size(all, e, nr + 1), GFP_KERNEL_ACCOUNT);
	if (!all)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		if (i != without)
			all->e[all->nr++] = old->e[i];
	if (extra)
		all->e[all->nr++] = *extra;
	if (!all->nr) {
		kfree(all);
		all = NULL;
	}
	rcu_assign_pointer(vm->ioeventfds, all);
	if (old) {
		old->removed = without < nr ? old->e[without].ctx : NULL;
		call_rcu(&old->rcu, free_array);
	}
	return 0;
}

static bool same(const struct ioeventfd *a, const struct ioeventfd *b)
{
	return a->port == b->port && a->width == b->width && a->match == b->match &&
	       a->value == b->value;
}

/* Takes over @e->ctx if it returns 0 and did not remove one. */
static int set_ioeventfd(struct tvx_vm *vm, const struct ioeventfd *e, bool remove)
{
	struct tvx_ioeventfds *old = rcu_dereference_protected(vm->ioeventfds,
							       lockdep_is_held(&vm->lock));
	u32 i, nr = old ? old->nr : 0;
	int err;

	for (i = 0; i < nr; i++)
		if (same(&old->e[i], e) && (!remove || old->e[i].ctx == e->ctx))
			break;
	if (remove) {
		if (i == nr)
			return -ENOENT;
		err = replace(vm, old, i, NULL);
		if (!err)
			eventfd_ctx_put(e->ctx);
		return err;
	}
	/* Two for one OUT: the second would never be signalled. */
	if (i < nr)
		return -EEXIST;
	return nr >= TVX_MAX_IOEVENTFDS ? -ENOSPC : replace(vm, old, nr, e);
}

int tvx_ioeventfd(struct tvx_vm *vm, const struct tvx_ioeventfd *args)
{
	struct ioeventfd e = {
		.port = args->port,
		.width = args->width,
		.match = args->flags & TVX_FD_MATCH,
		.value = args->value,
	};
	int err;

	/* Signalling may sleep there, and an exit may not. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return -EOPNOTSUPP;
	if (args->reserved[0] | args->reserved[1] || (!e.match && e.value) ||
	    (e.width && e.width != 1 && e.width != 2 && e.width != 4))
		return -EINVAL;
	e.ctx = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(e.ctx))
		return PTR_ERR(e.ctx);
	err = set_ioeventfd(vm, &e, args->flags & TVX_FD_REMOVE);
	if (err)
		eventfd_ctx_put(e.ctx);
	return err;
}

/* No vCPU is left, so nobody looks at them; an eventfd may still be signalled. */
void tvx_eventfds_destroy(struct tvx_vm *vm)
{
	struct tvx_ioeventfds *all = rcu_dereference_protected(vm->ioeventfds, true);
	struct irqfd *irqfd;
	u32 i;

	for (;;) {
		raw_spin_lock_irq(&vm->irq_lock);
		irqfd = list_first_entry_or_null(&vm->irqfds, struct irqfd, link);
		raw_spin_unlock_irq(&vm->irq_lock);
		if (!irqfd)
			break;
		end(irqfd);
	}
	reap(vm);
	for (i = 0; all && i < all->nr; i++)
		eventfd_ctx_put(all->e[i].ctx);
	kfree(all);
}
