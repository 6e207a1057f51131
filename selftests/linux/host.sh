# SPDX-License-Identifier: GPL-2.0-only
#
# In the emulated host, for tests: functions that run Linux guests. A guest has a NAME, what it says is in /tmp/NAME.

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

# start NAME JOBS [OPTION]...: the same, while the test goes on. Nobody else writes to the pipe, but it never ends.
start()
{
	name=$1
	shift
	mkfifo "/tmp/$name.keys"
	become_linux "$@" <> "/tmp/$name.keys" > "/tmp/$name" 2>&1 &
	echo $! > "/tmp/$name.pid"
}

# await NAME PATTERN: until it says so, or has ended.
await()
{
	until grep -q "$2" "/tmp/$1"; do
		[ -e "/proc/$(cat "/tmp/$1.pid")/exe" ] || break
		usleep 200000
	done
}

# type_at NAME TEXT
type_at()
{
	echo "$2" > "/tmp/$1.keys"
}

# finish NAME: its end, with all that it said, and its status.
finish()
{
	wait "$(cat "/tmp/$1.pid")"
	status=$?
	cat "/tmp/$1"
	return $status
}
