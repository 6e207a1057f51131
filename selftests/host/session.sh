# SPDX-License-Identifier: GPL-2.0-only
#
# Goes on where init stops, in each run: loads the module, runs the command, tells the runner how it ended.
# Frames for the runner go through /dev/kmsg, so that no kernel message can cut one in two.
# The command talks on the second serial port, the kernel on the first.

frame()
{
	echo "<0>tvx-host $NONCE $*" > /dev/kmsg
}

tainted()
{
	cat /proc/sys/kernel/tainted
}

load_kvm()
{
	[ -n "$KVM" ] || return 0
	for one in irqbypass kvm kvm-intel; do
		insmod "/lib/modules-extra/$one.ko" 2> /tmp/.insmod && continue
		frame load-failed "$one: $(cat /tmp/.insmod)"
		return 1
	done
}

load_module()
{
	[ -n "$LOAD" ] || return 0
	# shellcheck disable=SC2086 # one word each
	insmod "$TINYVMX_KO" $PARAMETERS 2> /tmp/.insmod && return 0
	frame load-failed "$(cat /tmp/.insmod)"
	return 1
}

# What still uses one of them says so here.
unload()
{
	[ -d "/sys/module/$1" ] || return 0
	rmmod "$1" 2> /tmp/.rmmod || frame unload-failed "$1: $(cat /tmp/.rmmod)"
}

unload_modules()
{
	[ -z "$LOAD" ] || unload tinyvmx
	[ -z "$KVM" ] || { unload kvm_intel; unload kvm; }
}

# A tty in its canonical mode hands over what it has at ^D; the runner sends one after each piece, and escapes with ^V.
pipe_mode()
{
	stty -F /dev/ttyS1 icanon iexten lnext '^V' eof '^D' eol undef eol2 undef kill undef erase undef werase undef \
		rprnt undef
}

run_command()
{
	case $INPUT in
	none)
		/bin/sh /host/command < /dev/null >&3 2>&3 3>&-
		;;
	pipe)
		pipe_mode
		frame input
		/bin/sh /host/command <&3 >&3 2>&3 3>&-
		;;
	tty)
		stty -F /dev/ttyS1 sane -hupcl ${ROWS:+rows $ROWS cols $COLS}
		export TERM="$GUEST_TERM"
		frame input
		setsid -c /bin/sh /host/command < /dev/ttyS1 > /dev/ttyS1 2>&1
		;;
	esac
}

. /host/settings
cd /root
echo "$LOGLEVEL" > /proc/sys/kernel/printk

before=$(tainted)
frame ready
if load_kvm && load_module; then
	run_command
	status=$?
	unload_modules
	# Changing a setting waits until all output is out.
	stty -F /dev/ttyS1 raw -echo
	if [ -n "$relay" ]; then
		kill "$relay"
		wait "$relay"
	fi
	frame taint "$before" "$(tainted)"
	frame status "$status"
fi
frame end
poweroff -f
