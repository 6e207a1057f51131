// SPDX-License-Identifier: GPL-2.0-only
/* /sys/kernel/debug/tinyvmx/<process>-<n>/vcpu<id>: exits by reason, while the VM runs. */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <asm/vmx.h>

#include "objects.h"

static struct dentry *root;
static atomic_t serial;

static const struct {
	u32 reason;
	const char *name;
} names[] = { VMX_EXIT_REASONS };

static const char *reason_name(u32 reason)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].reason == reason)
			return names[i].name;
	return "?";
}

static int vcpu_show(struct seq_file *s, void *unused)
{
	struct tvx_stats *stats = kmalloc(sizeof(*stats), GFP_KERNEL);
	unsigned int i;

	if (!stats)
		return -ENOMEM;
	tvx_vcpu_stats(s->private, stats);
	seq_printf(s, "cpu %d\nruns %llu\nmigrations %llu\ninjected %llu\nguest_cycles %llu\n",
		   stats->cpu, stats->runs, stats->migrations, stats->injected,
		   stats->guest_cycles);
	for (i = 0; i < TVX_NR_EXIT_REASONS; i++)
		if (stats->reason[i].count)
			seq_printf(s, "%-20s %12llu %16llu\n", reason_name(i),
				   stats->reason[i].count, stats->reason[i].cycles);
	kfree(stats);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vcpu);

void tvx_debugfs_add_vm(struct tvx_vm *vm)
{
	char name[32];

	snprintf(name, sizeof(name), "%d-%d", current->tgid, atomic_inc_return(&serial));
	vm->debugfs = debugfs_create_dir(name, root);
}

void tvx_debugfs_add_vcpu(struct tvx_vcpu *vcpu)
{
	char name[16];

	snprintf(name, sizeof(name), "vcpu%u", vcpu->id);
	vcpu->debugfs = debugfs_create_file(name, 0400, vcpu->vm->debugfs, vcpu, &vcpu_fops);
}

void tvx_debugfs_init(void)
{
	root = debugfs_create_dir("tinyvmx", NULL);
}

void tvx_debugfs_exit(void)
{
	debugfs_remove(root);
}
