# SPDX-License-Identifier: GPL-2.0-only
#
# In the emulated host, for tests: a guest that others made, which has a screen and a keyboard.

# start COMMAND...: the guest, while the test goes on. Nobody else writes to the pipe, but it never ends.
start()
{
	mkfifo /tmp/keys
	"$@" <> /tmp/keys > /tmp/screen 2>&1 &
	guest=$!
}

# screen: what was shown, in order, without what moves the cursor; which may be in the middle of a word.
screen()
{
	sed "s/$(printf '\033')\[[0-9;?]*[A-Za-z]//g" /tmp/screen
}

# await PATTERN: until it is shown, or the guest has ended.
await()
{
	until screen | grep -q "$1"; do
		[ -e "/proc/$guest/exe" ] || break
		usleep 200000
	done
}

# press KEYS, as printf has them.
press()
{
	printf "$1" > /tmp/keys
}

# finish: its end, all that it showed, and its status.
finish()
{
	wait "$guest"
	status=$?
	screen
	return $status
}
