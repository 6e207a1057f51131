# SPDX-License-Identifier: GPL-2.0-only
"""The nested host: a guest of the stock KVM in an emulated machine, with VMX. KVM is the hardware that our module runs on."""

from dataclasses import replace

from bochs import COMMAND_LINE, WINDOW_SIZE, Bochs, resolve_model
from kernels import CACHE, HERE, HostError, compiled_from, digest
from payload import BUSYBOX, Cpio, initramfs, kernel_modules, stripped

SOURCES = HERE / 'nested'

# What the kernel under the nested host has besides.
LOWER_MEMORY = 256

# The command line of a kernel that reboots by a triple fault, as the machine has no other means.
REBOOT = 'reboot=t'

# Options that have no meaning here, and why.
REFUSED = {
    'fresh': 'there is a saved machine only',
    'state': 'a saved machine is the one under the nested host',
    'next': 'the machine has no room for a second kernel',
    'shell': 'the nested host has no input',
    'stdin': 'the nested host has no input',
    'trace': 'two kernels and their guests would be in it',
}


def refuse(options):
    """Say no to what --nested does not go with."""
    if options.back_end not in (None, 'bochs'):
        raise HostError(f'--nested is for the emulator: leave out --{options.back_end}')
    if options.smp != 1:
        raise HostError('--nested has one CPU: leave out --smp')
    for name, why in REFUSED.items():
        if getattr(options, name):
            raise HostError(f'--nested does not go with --{name}: {why}')


class Nested(Bochs):
    """
    The machine's memory and the words of --append are those of the nested host. The range that carries the payload is
    memory of both kernels: the nested host has it behind its own memory.
    """

    def __init__(self, machine, folder, version):
        super().__init__(replace(machine, mem=machine.mem + LOWER_MEMORY, append=''), folder, version, {})
        self.inner = machine
        inner_window = (machine.mem << 20, WINDOW_SIZE)
        command_line = ' '.join(filter(None, (COMMAND_LINE, REBOOT, resolve_model(machine.cpu, version)[1], machine.append)))
        mailbox = sum(inner_window)
        relay = stripped(compiled_from([SOURCES / 'relay.c', SOURCES / 'mailbox.h'], 'relay', '-static'))
        initrd = initramfs(machine.kernel, inner_window,
                           [('/bin/relay', relay, 0o755), ('/etc/mailbox', b'%d\n' % mailbox)])
        self.base = self.lower_initramfs(initrd, command_line)

    def lower_initramfs(self, initrd, command_line):
        """The archive that the machine under the nested host boots with."""
        kernel = self.machine.kernel
        sources = [path for path in sorted(SOURCES.glob('*.[ch]')) if path.name != 'relay.c']
        archive = Cpio()
        archive.add('/init', (HERE / 'init-nested').read_bytes(), 0o755)
        archive.add('/bin/busybox', BUSYBOX.read_bytes(), 0o755)
        archive.add('/bin/nested', stripped(compiled_from(sources, 'nested', '-static')), 0o755)
        for name, content in kernel_modules(kernel):
            archive.add(f'/lib/modules-extra/{name}.ko', content)
        archive.add('/nested/kernel', kernel.image.read_bytes())
        archive.add('/nested/initrd', initrd)
        archive.add('/nested/command-line', command_line.encode())
        archive.add('/nested/machine', b'%d %d %d\n' % (self.inner.mem, *self.window))
        return archive.bytes()

    def state_folder(self):
        folder = super().state_folder()
        name = f'{folder.parent.name}-nested' + (f'-{digest(self.inner.append)}' if self.inner.append else '')
        return CACHE / 'states' / name / folder.name

    def title(self):
        return f'{super().title()}, nested in KVM'
