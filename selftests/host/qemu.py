# SPDX-License-Identifier: GPL-2.0-only
"""The QEMU back end: with KVM where that gives the guest VT-x, else without VT-x."""

import os
import socket
from pathlib import Path

from kernels import note
from machine import Emulator
from payload import initramfs

COMMAND_LINE = ('console=ttyS0,115200 quiet printk.devkmsg=on mitigations=off nokaslr panic=-1 oops=panic '
                'cryptomgr.notests')


def cpu_flags():
    """(vendor, flags) of this machine's first CPU."""
    found = {}
    for line in Path('/proc/cpuinfo').read_text().splitlines():
        name, _, value = line.partition(':')
        found.setdefault(name.strip(), value.strip())
    return found.get('vendor_id', ''), found.get('flags', '').split()


def has_vtx():
    """Ask CPUID: a /dev/kvm proves nothing of nested VT-x."""
    vendor, flags = cpu_flags()
    return vendor == 'GenuineIntel' and 'vmx' in flags


def nested_kvm():
    """True where KVM runs a guest that has VT-x itself."""
    try:
        nested = Path('/sys/module/kvm_intel/parameters/nested').read_text().strip()
    except OSError:
        return False
    return has_vtx() and nested in ('Y', '1') and os.access('/dev/kvm', os.R_OK | os.W_OK)


class Qemu(Emulator):
    def __init__(self, machine, folder):
        super().__init__(machine, folder)
        if nested_kvm():
            self.accelerator, self.cpu = 'kvm', machine.cpu or 'host'
        else:
            note('qemu without VT-x: good only for what refuses to load')
            self.accelerator, self.cpu = 'tcg', machine.cpu or 'max,vendor=GenuineIntel'

    def title(self):
        m = self.machine
        return f'qemu ({self.accelerator}), {self.cpu}, {m.smp} CPU, {m.kernel.release}'

    def start(self, payload, _fresh, interactive):
        """Returns the descriptors of com1 and com2."""
        m = self.machine
        com1 = self.pipe('com1')
        if interactive:
            com2 = 'socket,id=com2,path=com2.socket,server=on,wait=on'
        else:
            com2_fd, com2 = self.pipe('com2'), 'file,id=com2,path=com2'
        # Nothing waits for the window: the payload is there from the start.
        (self.folder / 'initrd').write_bytes(initramfs(m.kernel, (0, 0)) + payload)
        self.launch(['qemu-system-x86_64', '-nodefaults', '-display', 'none', '-no-reboot', '-accel', self.accelerator,
                     '-cpu', self.cpu, '-smp', str(m.smp), '-m', str(m.mem), '-kernel', str(m.kernel.image),
                     '-initrd', 'initrd', '-append', f'{COMMAND_LINE} {m.append}',
                     '-chardev', 'file,id=com1,path=com1', '-serial', 'chardev:com1',
                     '-chardev', com2, '-serial', 'chardev:com2'], self.folder)
        if interactive:
            com2_fd = self.connect(socket.AF_UNIX, str(self.folder / 'com2.socket'))
        return com1, com2_fd

    def remarks(self):
        return [line for line in self.output().splitlines() if 'info:' not in line]
