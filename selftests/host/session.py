# SPDX-License-Identifier: GPL-2.0-only
"""One run: passes the command's output on as it comes, reads the kernel's log, decides how the run ended."""

import os
import re
import secrets
import selectors
import time

from kernels import note

# Exit statuses of the host's own; see README.md.
NOT_STARTED = 120
PANICKED = 121
WARNED = 122
STOPPED = 123
TIMED_OUT = 124
MODULE = 125

# After these nothing that follows counts. (A process of its own that dies by #GP is told with "ip:".)
FATAL = re.compile(r'Kernel panic|kernel BUG at|BUG: unable to handle|BUG: kernel|Oops|general protection fault(?! ip:)|'
                   r'soft lockup|hard LOCKUP|double fault')
TROUBLE = re.compile(r'WARNING:|BUG:|Call Trace|rcu.*stall|KASAN|UBSAN|possible circular|possible recursive|'
                     r'inconsistent lock|suspicious RCU|bad unlock balance|scheduling while atomic|sleeping function|'
                     r'blocked for more than|kmemleak: \d+ new')
# What a kernel says that panics as it shall.
WANTED = re.compile(r'Kernel panic - not syncing: sysrq triggered crash|Call Trace')
FRAME = re.compile(r'tvx-host (\S+) ?(.*)')
TAINT_WARN = 1 << 9

# After a panic, the time that the rest of the log gets.
PANIC_GRACE = 2

# The shortest wait for the emulator to have had the CPU time that is left to it.
LEAST_WAIT = 0.05


class Session:
    """Reads the two serial ports of a running machine until the command has ended or cannot end any more."""

    def __init__(self, backend, timeout, idle_timeout, verbose, keyboard=None, successor=False):
        self.backend = backend
        self.nonce = secrets.token_hex(8)
        self.timeout = timeout
        self.idle_timeout = idle_timeout
        self.heard = 0
        self.verbose = verbose
        self.keyboard = keyboard
        self.log = []
        self.partial = b''
        self.ready = False
        self.kernels = 2 if successor else 1
        self.booted = 0
        self.leaving = None
        self.ended = False
        self.status = None
        self.load_error = None
        self.unload_error = None
        self.fatal = False
        self.trouble = False
        self.timed_out = False
        self.silent = False
        self.detached = False

    def begin(self):
        """The machine is being started."""
        self.start = time.monotonic()

    def run(self, com1, com2):
        self.deadline = time.monotonic() + self.timeout
        self.com1, self.com2 = com1, com2
        self.selector = selectors.PollSelector()
        self.selector.register(com1, selectors.EVENT_READ, self.read_com1)
        self.selector.register(com2, selectors.EVENT_READ, self.read_com2)
        stopped = os.pidfd_open(self.backend.process.pid)
        self.selector.register(stopped, selectors.EVENT_READ, None)
        try:
            running = True
            while running:
                running = self.step(stopped)
            self.drain()
        finally:
            os.close(stopped)
            self.selector.close()
            self.backend.stop()

    def step(self, stopped):
        events = self.selector.select(max(0, self.wait()))
        for key, _ in events:
            if key.fd == stopped:
                return False
            key.data()
        if self.ended or self.detached:
            return False
        if time.monotonic() >= self.deadline:
            self.timed_out = not self.fatal
            return False
        if self.idle_left() <= 0:
            self.silent = True
            return False
        return True

    def wait(self):
        return min(self.deadline - time.monotonic(), max(self.idle_left(), LEAST_WAIT))

    def idle_left(self):
        """CPU time that the emulator may still have before the next word."""
        if self.idle_timeout is None:
            return float('inf')
        return self.heard + self.idle_timeout - self.backend.cpu_time()

    def hear(self):
        """The command or the host said something. The kernel does not count: a hung one complains every few seconds."""
        self.heard = self.backend.cpu_time()

    def drain(self):
        """What was sent before the end is in the pipes."""
        while self.read_com1() or self.read_com2():
            pass

    def read(self, fd):
        try:
            return os.read(fd, 65536)
        except (BlockingIOError, ConnectionResetError):
            return b''

    def read_com2(self):
        data = self.read(self.com2)
        if data:
            self.hear()
        left = memoryview(data)
        while left:
            left = left[os.write(1, left):]
        return data

    def read_com1(self):
        data = self.read(self.com1)
        *lines, self.partial = (self.partial + data).split(b'\n')
        for line in lines:
            self.line(line.decode(errors='replace').rstrip('\r'))
        return data

    def line(self, text):
        frame = FRAME.search(text)
        if frame:
            self.frame(frame[1], *(frame[2].split(' ', 1) + [''])[:2])
            return
        self.log.append(text)
        if self.verbose:
            os.write(2, f'{text}\n'.encode())
        if self.leaving and re.search(r'\] Linux version', text):
            self.ready, self.leaving = False, None
        if not self.ready:
            fatal = re.search('Kernel panic', text)
        elif self.leaving == 'crash' and WANTED.search(text):
            fatal = None
        else:
            fatal = FATAL.search(text)
            self.trouble = self.trouble or bool(TROUBLE.search(text))
        if fatal and not self.fatal:
            self.fatal = True
            self.deadline = min(self.deadline, time.monotonic() + PANIC_GRACE)

    def frame(self, nonce, word, rest):
        if nonce != self.nonce:
            return
        self.hear()
        if word == 'ready':
            self.ready = True
            self.booted += 1
            which = 'the next kernel'
            if self.booted == 1:
                self.log.clear()
                which = self.backend.title()
            note(f'{which}, ready in {time.monotonic() - self.start:.1f} s')
        elif word == 'input' and self.keyboard:
            self.keyboard.attach(self)
        elif word == 'next':
            self.leaving = rest
        elif word == 'load-failed':
            self.load_error = rest
        elif word == 'unload-failed':
            self.unload_error = rest
        elif word == 'taint':
            before, after = map(int, rest.split())
            self.trouble = self.trouble or bool(after & ~before & TAINT_WARN)
        elif word == 'status':
            self.status = int(rest)
        elif word == 'end':
            self.ended = True

    def verdict(self):
        """(exit status, what to say of it or None)."""
        if self.detached:
            return STOPPED, 'left by the user'
        if self.fatal:
            return PANICKED, 'the kernel of the host panicked or oopsed'
        if not self.booted:
            return NOT_STARTED, 'the host did not come up' + (' in time' if self.timed_out or self.silent else '')
        if self.timed_out:
            return TIMED_OUT, f'no end after {self.timeout:g} s'
        if self.silent:
            return TIMED_OUT, f'no word for {self.idle_timeout:g} s of CPU time of the emulator'
        if self.load_error is not None:
            return MODULE, f'the module does not load: {self.load_error}'
        if self.status is None:
            return STOPPED, 'the host stopped or was reset before the command ended'
        if self.booted < self.kernels:
            return STOPPED, f'no next kernel was started (the command ended with {self.status})'
        if self.trouble:
            return WARNED, f'the kernel of the host warned (the command ended with {self.status})'
        if self.unload_error is not None:
            return MODULE, f'the module does not unload: {self.unload_error} (the command ended with {self.status})'
        return self.status, None
