# SPDX-License-Identifier: GPL-2.0-only
"""What every emulated machine has: its description, its folder, its process and its two serial ports."""

import os
import select
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from kernels import CACHE, HostError, Kernel

CONNECT_LIMIT = 30
TICKS = os.sysconf('SC_CLK_TCK')


@dataclass(frozen=True)
class Machine:
    kernel: Kernel
    cpu: str
    smp: int
    mem: int
    append: str


def new_folder():
    """The folder of one run; what dead runs left behind is cleared on the way."""
    runs = CACHE / 'runs'
    runs.mkdir(parents=True, exist_ok=True)
    for old in runs.iterdir():
        if not Path('/proc', old.name).exists():
            shutil.rmtree(old, ignore_errors=True)
    folder = runs / str(os.getpid())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


class Emulator:
    """A machine's emulator. com1 (the kernel's log) is a pipe; com2 is one too, or a socket where there is input."""

    module_parameters = ()

    def __init__(self, machine, folder):
        self.machine = machine
        self.folder = folder
        self.process = None
        self.link = None

    def launch(self, argv, folder, environment=None, stdin=subprocess.DEVNULL):
        """Start the emulator, which dies with us."""
        with open(folder / 'emulator.out', 'wb') as output:
            try:
                self.process = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', *argv], cwd=folder, env=environment,
                                                stdin=stdin, stdout=output, stderr=subprocess.STDOUT)
            except FileNotFoundError:
                raise HostError('setpriv is missing: run selftests/host/setup') from None
        return self.process

    def pipe(self, name):
        """A pipe for the emulator to write to. Holding both its ends keeps it open whenever the emulator comes and goes."""
        path = self.folder / name
        os.mkfifo(path)
        return os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def connect(self, family, address):
        """The emulator waits for us at its end of com2."""
        end = time.monotonic() + CONNECT_LIMIT
        while True:
            self.link = socket.socket(family, socket.SOCK_STREAM)
            try:
                self.link.connect(address)
                break
            except OSError:
                self.link.close()
                if time.monotonic() > end or self.process.poll() is not None:
                    raise HostError('the emulator does not open its second serial port:\n' + self.output()) from None
                time.sleep(0.05)
        self.link.setblocking(False)
        return self.link.fileno()

    def send(self, data):
        while data:
            select.select([], [self.link], [])
            data = data[self.link.send(data):]

    def output(self):
        return (self.folder / 'emulator.out').read_text(errors='replace')[-2000:]

    def cpu_time(self):
        """Seconds of this machine's CPUs that the emulator has had: they pass as fast as it works, whatever else runs here."""
        try:
            fields = Path(f'/proc/{self.process.pid}/stat').read_text().rpartition(')')[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return 0
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
