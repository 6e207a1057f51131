# SPDX-License-Identifier: GPL-2.0-only
"""The native back end: this machine's own VT-x, this machine's own kernel."""

import os
import subprocess
import tempfile

from kernels import BUILD, HERE, HostError, Kernel, note
from qemu import has_vtx
from session import FATAL, MODULE, TIMED_OUT, TROUBLE, WARNED


def check(options):
    if not has_vtx():
        raise HostError('--native: this machine has no VT-x (CPUID shows no Intel CPU with the vmx flag)')
    if os.geteuid():
        raise HostError('--native loads a module into this kernel: it needs root')
    for name in ('cpu', 'append', 'fresh', 'state', 'next', 'trace'):
        if getattr(options, name):
            raise HostError(f'--{name} has no meaning with --native')
    if options.add:
        raise HostError('--add has no meaning with --native: the command sees this machine\'s files')


class KernelLog:
    """The messages that come after this object was made."""

    def __init__(self):
        self.fd = os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.fd, 0, os.SEEK_END)

    def lines(self):
        found = []
        while True:
            try:
                record = os.read(self.fd, 8192).decode(errors='replace')
            except BlockingIOError:
                return found
            except BrokenPipeError:
                # Older records were overwritten; go on with the oldest one left.
                continue
            found.append(record.partition(';')[2].splitlines()[0])


def run_native(options, command):
    check(options)
    release = os.uname().release
    module = options.module or Kernel(release, None, None).module(options.checking)
    if not options.no_load and not module.exists():
        raise HostError(f'there is no {module}: run make KERNELS={release}')
    log = KernelLog()
    if not options.no_load:
        loaded = subprocess.run(['insmod', module], stderr=subprocess.PIPE)
        if loaded.returncode:
            note(f'the module does not load: {loaded.stderr.decode().strip()}; ending with {MODULE}')
            return MODULE
    note(f'native, {release}')
    environment = {**os.environ, 'TINYVMX_KO': str(module),
                   'PATH': f'{BUILD}/tools:{BUILD}/selftests/bin:{HERE}:{os.environ["PATH"]}'}
    with tempfile.TemporaryDirectory() as folder:
        try:
            stdin = None if options.shell or options.stdin else subprocess.DEVNULL
            status = subprocess.run(command, cwd=folder, env=environment, stdin=stdin, timeout=options.timeout).returncode
        except subprocess.TimeoutExpired:
            note(f'no end after {options.timeout:g} s; ending with {TIMED_OUT}')
            status = TIMED_OUT
        except FileNotFoundError:
            status = 127
    if status < 0:
        status = 128 - status
    if not options.no_load and os.path.isdir('/sys/module/tinyvmx') and subprocess.run(['rmmod', 'tinyvmx']).returncode:
        note(f'the module does not unload; ending with {MODULE}')
        status = MODULE
    lines = log.lines()
    if any(FATAL.search(line) or TROUBLE.search(line) for line in lines):
        note('the kernel warned:\n' + '\n'.join(lines))
        return WARNED
    return status
