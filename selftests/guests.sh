# SPDX-License-Identifier: GPL-2.0-only
#
# In the emulated host, for tests: guests that run while the test goes on. A guest has a NAME, what it says is in /tmp/NAME.

# start NAME COMMAND...: a guest. Nobody else writes to the pipe, but it never ends.
start()
{
	name=$1
	shift
	mkfifo "/tmp/$name.keys"
	"$@" <> "/tmp/$name.keys" > "/tmp/$name" 2>&1 &
	echo $! > "/tmp/$name.pid"
}

# screen NAME: what it showed, in order, without what moves the cursor; which may be in the middle of a word.
screen()
{
	sed "s/$(printf '\033')\[[0-9;?]*[A-Za-z]//g" "/tmp/$1"
}

# await NAME PATTERN: until it shows that, or has ended.
await()
{
	until screen "$1" | grep -q "$2"; do
		[ -e "/proc/$(cat "/tmp/$1.pid")/exe" ] || break
		usleep 200000
	done
}

# press NAME KEYS, as printf has them, once it has shown something. If it has ended, they are lost: a pipe that is opened for both
# ends does not wait for a reader.
press()
{
	printf "$2" 1<> "/tmp/$1.keys"
}

# finish NAME: its end, with all that it showed, and its status.
finish()
{
	wait "$(cat "/tmp/$1.pid")"
	status=$?
	screen "$1"
	return $status
}
