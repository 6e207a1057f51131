# SPDX-License-Identifier: GPL-2.0-only
"""Tests of the whole, each one command in a machine of its own: what the runner, the module and vmctl say and how they end."""

from dataclasses import dataclass, field


@dataclass
class HostTest:
    name: str
    options: list                   # of selftests/host/run
    command: list
    status: int = 0
    says: list = field(default_factory=list)
    limit: int = 60


def shell(text):
    return ['sh', '-c', text]


BOCHS = ['--bochs', '--checking']
LOAD = 'insmod "$TINYVMX_KO" 2>&1; dmesg | grep tinyvmx:; [ ! -e /dev/tinyvmx ]'


def refusal(name, cpu, *says, options=()):
    return HostTest(f'refuses: {name}', [*(options or ['--bochs', '--cpu', cpu]), '--no-load'], shell(LOAD), 0, says)


def guest(name, run, status, *says, options=BOCHS):
    return HostTest(f'vmctl: {name}', options, shell(f'vmctl run {run}'), status, says)


HOST_TESTS = [
    HostTest('status of the command', BOCHS, shell('exit 7'), 7),
    HostTest('arguments as given', BOCHS, ['echo', 'a  b', 'c$d'], 0, ['a  b c$d']),
    HostTest('a kernel warning fails the run', [*BOCHS, '--no-load'],
             shell('echo "WARNING: made up" > /dev/kmsg'), 122, ['WARNING: made up']),
    HostTest('a hanging command', BOCHS, shell('sleep 1000'), 124, ['no end after 5 s'], limit=5),

    refusal('no VT-x', 'prescott', 'CPU 0 has no VT-x', 'No such device'),
    refusal('an AMD processor', 'zambezi', 'an AMD processor', 'No such device'),
    refusal('no EPT', 'penryn', 'CPU 0 lacks EPT (MSR 0x48b, bit 33)', 'Operation not supported'),
    refusal('QEMU without VT-x', '', 'CPU 0 has no VT-x', options=['--qemu']),
    HostTest('vmctl check tells why: no VT-x', ['--bochs', '--cpu', 'prescott', '--no-load'],
             shell('vmctl check'), 3, ['no VT-x']),

    HostTest('refuses: kvm_intel has VMX', [*BOCHS, '--kernel', '6.12', '--no-load'], shell(
        'cd /lib/modules-extra; insmod irqbypass.ko; insmod kvm.ko && insmod kvm-intel.ko || exit 9;' + LOAD),
        0, ['most likely kvm_intel', 'Device or resource busy'], limit=100),
    HostTest('100 loads and unloads', BOCHS, shell(
        'i=0; while [ $i -lt 100 ]; do rmmod tinyvmx && insmod "$TINYVMX_KO" || exit 1; i=$((i + 1)); done; echo all $i'),
        0, ['all 100'], limit=200),
    HostTest('5 loads and unloads, 2 CPUs', [*BOCHS, '--smp', '2'], shell(
        'i=0; while [ $i -lt 5 ]; do rmmod tinyvmx && insmod "$TINYVMX_KO" || exit 1; i=$((i + 1)); done; echo all $i'),
        0, ['all 5'], limit=500),

    guest("real mode", "--mode real /guests/hello-real.bin", 0, 'Hello from real mode'),
    guest('protected mode', '--mode protected /guests/hello-protected.bin', 0, 'Hello from protected mode'),
    guest('64-bit ELF', '/guests/hello-long.elf', 0, 'Hello from long mode'),
    guest('multiboot', '--append "x y" /guests/hello-multiboot.elf', 0, 'Hello from multiboot', 'x y'),
    guest('triple fault', '/guests/triple.elf', 107, 'triple fault'),
    guest('jump into the void', '/guests/void.elf', 109, 'there is no memory'),
    guest('no HLT at its end', '/guests/nohlt.elf', 109, 'there is no memory'),
    guest('endless loop with interrupts off', '--timeout 1 /guests/spin.elf', 124, 'still ran'),
    guest('a state that cannot be entered', '--set rflags=0x20002 /guests/hello-long.elf', 108, 'GUEST_RFLAGS'),
    guest('a register that there is not', '--set foo=1 /guests/hello-long.elf', 100, '--set foo=1'),
    guest('no such file', '/guests/none', 106, 'No such file'),
    guest('real mode without unrestricted guest', '--mode real /guests/hello-real.bin', 105,
          'no unrestricted guest', options=[*BOCHS, '--cpu', 'lynnfield']),
    guest('64-bit ELF without unrestricted guest', '/guests/hello-long.elf', 0, 'Hello from long mode',
          options=[*BOCHS, '--cpu', 'lynnfield']),
    guest('multiboot without unrestricted guest', '/guests/hello-multiboot.elf', 0, 'Hello from multiboot',
          options=[*BOCHS, '--cpu', 'lynnfield']),
]
