# SPDX-License-Identifier: GPL-2.0-only
#
# In the emulated host, for tests, with guests.sh: functions that run Linux guests.

KERNEL_PARAMETERS='console=ttyS0 quiet panic=-1 mitigations=off cryptomgr.notests nokaslr init_on_alloc=0 pci=off'
KERNEL_PARAMETERS="$KERNEL_PARAMETERS initcall_blacklist=trace_eval_init,init_kprobe_trace,cubictcp_register,slab_sysfs_init"
KERNEL_PARAMETERS="$KERNEL_PARAMETERS,load_system_certificate_list,crypto_kdf108_init,blake2s_mod_init"

# become_linux JOBS [OPTION]...: in place of this shell. There may be more kernel parameters behind the jobs.
become_linux()
{
	jobs=$1
	shift
	exec vmctl run --kernel /linux/kernel --initrd /linux/initrd --append "$KERNEL_PARAMETERS job=$jobs" "$@"
}

# linux JOBS [OPTION]...: a guest, from its start to its end.
linux()
{
	(become_linux "$@")
}

# start_linux NAME JOBS [OPTION]...: the same, while the test goes on (guests.sh).
start_linux()
{
	name=$1
	shift
	start "$name" become_linux "$@"
}

# type_at NAME TEXT, and a new line; as press() does.
type_at()
{
	echo "$2" 1<> "/tmp/$1.keys"
}
