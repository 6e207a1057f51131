# SPDX-License-Identifier: GPL-2.0-only
"""Tests of the whole, each one command in a machine of its own: what the runner, the module and vmctl say and how they end."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from first_hour import first_program, mistakes, mistakes_say, rounds, rounds_say

sys.path.insert(0, str(Path(__file__).resolve().parent / 'host'))
from kernels import known_kernels           # noqa: E402


@dataclass
class HostTest:
    name: str
    options: list                   # of selftests/host/run
    command: list
    status: int = 0
    says: list = field(default_factory=list)
    limit: int = 60                 # of the silence, in seconds of CPU time of the emulator
    more: Callable = list           # returns more options, for which something may have to be fetched or made
    traced: list = field(default_factory=list)      # of what --trace shall write, each segment's instructions


def shell(text):
    return ['sh', '-c', text]


BOCHS = ['--bochs', '--checking']
NESTED = [*BOCHS, '--nested']
NEWEST = ['--cpu', 'arrow', '--kernel', '6.12+deb13' if '6.12+deb13' in known_kernels() else '6.12']
LOAD = 'insmod "$TINYVMX_KO" 2>&1; dmesg | grep tinyvmx:; [ ! -e /dev/tinyvmx ]'


def refusal(name, cpu, *says, options=()):
    return HostTest(f'refuses: {name}', [*(options or ['--bochs', '--cpu', cpu]), '--no-load'], shell(LOAD), 0, says)


# IA32_FEAT_CTL of each CPU, by the msr module.
FEAT_CTL = ('for msr in /dev/cpu/*/msr; do echo CPU $(basename $(dirname $msr)): '
            '$(dd if=$msr bs=8 count=1 skip=58 iflag=skip_bytes 2> /dev/null | od -An -tx8); done')


def firmware(cpu, value):
    """As the firmware may leave IA32_FEAT_CTL: bit 0 locks, bit 2 allows VMX."""
    return ['--state', f'cpu{cpu}.MSR.ia32_feature_ctrl={value:#x}']


def spin(cpu=1):
    """A guest that runs all the time, on the CPUs of a mask; a reset by the chipset, as the default one is a triple fault here."""
    return (f'taskset {cpu} vmctl run /guests/spin.elf & sleep 0.5; [ $(cat /sys/module/tinyvmx/refcnt) -gt 0 ] || exit 9;'
            'echo pci > /sys/kernel/reboot/type;')


# The firmware has the machine again, and finds nothing to boot, or no keyboard.
RESET = ['reboot: Restarting system', '[BIOS  ] >>PANIC<<']

# VMX must have been off on each CPU as the next kernel began: a CPU in VMX operation takes no INIT, and no VMXON.
NEXT = 'echo CPUs: $(nproc); for cpu in $(seq $(nproc)); do taskset $cpu vmctl run /guests/hello-long.elf || exit 9; done; echo all ran'
CRASHES = ['--mem', '384', '--append', 'crashkernel=128M']

# What the checking build says on each CPU whose VMX it took off in an emergency; the log may take it from the last one only.
OFF = 'CPU 0: VMX off in an emergency; CPUs so far: {}, VMCSs cleared: 1'

# KVM beside us: kvm_intel has left kvm; is there before us, with VMX on or idle; comes while a guest runs.
KVM = 'cd /lib/modules-extra; insmod irqbypass.ko; insmod kvm.ko'
LEFT = f'{KVM} && insmod kvm-intel.ko && rmmod kvm_intel || exit 9;'
THERE = f'{KVM} && insmod kvm-intel.ko || exit 9;'


def reset(name, *options, cpus=1, before=''):
    return HostTest(f'reset while a guest runs{name}', [*BOCHS, *options], shell(f'{before}{spin(cpus)} reboot -f'), 123, RESET)


def kexec(name, *options, cpus=1, limit=100, before=''):
    """The guest runs on the last CPU, this on the first."""
    return HostTest(f'kexec while a guest runs, {name}', [*BOCHS, *options, '--next', NEXT], shell(
        f'{before}{spin(cpus)} next-kernel load && taskset 1 next-kernel start'), 0, [f'CPUs: {cpus}', 'all ran'], limit=limit)


def crash(name, *options, cpus=1, limit=100, before='', after='', says=()):
    return HostTest(f'crash while a guest runs, {name}', [*BOCHS, *CRASHES, *options, '--next', NEXT], shell(
        f'{before}{spin(cpus)}{after} next-kernel crash && taskset 1 sh -c "echo c > /proc/sysrq-trigger"'),
        0, [f'CPUs: {cpus}', 'all ran', *says], limit=limit)


def crash_beside_kvm(name, *options, **more):
    return crash(f'beside {name}', *options, limit=300, **more)


def emergency_reset(name, *options, before='', after='', says=()):
    """Nobody is told, and nothing stopped."""
    return HostTest(f'emergency reset while a guest runs, {name}', [*BOCHS, '--verbose', *options], shell(
        f'{before}{spin()}{after} echo b > /proc/sysrq-trigger'), 123, ['[BIOS  ] >>PANIC<<', *says], limit=200)


def panic_reset(name, *options, before='', after='', says=()):
    """No next kernel: the panic stops the guest's CPU, the second one, and then resets the machine."""
    return HostTest(f'panic while a guest runs, {name}', [*BOCHS, '--smp', '2', '--verbose', *options], shell(
        f'{before}{spin(2)}{after} echo -1 > /proc/sys/kernel/panic; taskset 1 sh -c "echo c > /proc/sysrq-trigger"'), 121,
        says, limit=200)


# Takes a second of CPU time, more or less: ten times are more than a silence of five seconds, and once is not.
BUSY = 'n=0; while [ $n -lt 10000 ]; do n=$((n + 1)); done'

# A guest in real mode: twice two instructions between "xchg %bx, %bx", and a HLT.
MARKED = r'\207\333\220\371\207\333\370\207\333\220\370\207\333\364'


def traces(emulator):
    return HostTest(f'a trace, Bochs {emulator}', [*BOCHS, '--emulator', emulator], shell(
        f"printf '{MARKED}' > /tmp/code; vmctl run --mode real /tmp/code"), 0,
        traced=[['nop', 'stc', 'xchg bx, bx'], ['nop', 'clc', 'xchg bx, bx']])


def holds(name, how, *options):
    return HostTest(f'VMX is held: {name}', [*BOCHS, *options], shell(
        'mount -t tracefs none /sys/kernel/tracing; cd /sys/kernel/tracing; echo 1 > events/tinyvmx/tvx_hold/enable;'
        'vmctl check | grep "VMX is held"; vmctl run /guests/hello-long.elf && grep "a new VM" trace'), 0,
        [f'VMX is held: {how}:', 'Hello from long mode', f'a new VM: {how}'], limit=100)


def guest(name, run, status, *says, options=BOCHS):
    return HostTest(f'vmctl: {name}', options, shell(f'vmctl run {run}'), status, says)


HOST_TESTS = [
    HostTest('status of the command', BOCHS, shell('exit 7'), 7),
    HostTest('arguments as given', BOCHS, ['echo', 'a  b', 'c$d'], 0, ['a  b c$d']),
    HostTest('a kernel warning fails the run', [*BOCHS, '--no-load'],
             shell('echo "WARNING: made up" > /dev/kmsg'), 122, ['WARNING: made up']),
    HostTest('a hanging command', [*BOCHS, '--timeout', '20'], shell('sleep 1000000'), 124, ['no end after 20 s']),
    HostTest('a silent command', BOCHS, shell('sleep 1000000'), 124, ['no word for 5 s'], limit=5),
    HostTest('a command that takes long, and says how far it is', BOCHS, shell(
        f'for i in $(seq 10); do {BUSY}; echo said $i; done; sleep 1000000'), 124, ['said 10', 'no word for 5 s'], limit=5),
    traces('3.0'),
    traces('2.7'),

    HostTest('nested: output and status', NESTED, shell('seq 20000; exit 7'), 7, ['\n19999\n20000\n']),
    HostTest('nested: a kernel warning fails the run', NESTED, shell('echo "WARNING: made up" > /dev/kmsg'), 122,
             ['WARNING: made up']),
    HostTest('nested: a panic', NESTED, shell('echo c > /proc/sysrq-trigger'), 121, ['Kernel panic']),
    HostTest('nested: the machine goes off', NESTED, shell('poweroff -f'), 123),

    refusal('no VT-x', 'prescott', 'CPU 0 has no VT-x', 'No such device'),
    refusal('an AMD processor', 'zambezi', 'an AMD processor', 'No such device'),
    refusal('no EPT', 'penryn', 'CPU 0 lacks EPT (MSR 0x48b, bit 33)', 'Operation not supported'),
    refusal('QEMU without VT-x', '', 'CPU 0 has no VT-x', options=['--qemu']),
    HostTest('vmctl check tells why: no VT-x', ['--bochs', '--cpu', 'prescott', '--no-load'],
             shell('vmctl check'), 3, ['no VT-x']),

    HostTest('100 loads and unloads', BOCHS, shell(
        'i=0; while [ $i -lt 100 ]; do rmmod tinyvmx && insmod "$TINYVMX_KO" || exit 1; i=$((i + 1)); done; echo all $i'),
        0, ['all 100'], limit=400),
    HostTest('100 loads and unloads, 2 CPUs', [*BOCHS, '--smp', '2'], shell(
        'i=0; while [ $i -lt 100 ]; do rmmod tinyvmx && insmod "$TINYVMX_KO" || exit 1; i=$((i + 1)); done; echo all $i'),
        0, ['all 100'], limit=600),

    HostTest('no such value in a saved machine', [*BOCHS, '--state', 'cpu0.MSR.none=1'], ['true'], 120,
             ['cpu0.MSR.none: the saved machine has no such value']),
    refusal('VT-x locked off by the firmware', '', 'CPU 0: the firmware has locked VT-x off', 'No such device',
            options=[*BOCHS, *firmware(0, 1)]),
    refusal('VT-x locked off on the second CPU only', '', 'CPU 1: the firmware has locked VT-x off', 'No such device',
            options=[*BOCHS, '--smp', '2', *firmware(1, 1)]),
    HostTest('sets IA32_FEAT_CTL where the firmware left it open', [*BOCHS, '--smp', '2', '--no-load',
             *firmware(0, 0), *firmware(1, 0)], shell(
        f'insmod /lib/modules-extra/msr.ko; {FEAT_CTL}; insmod "$TINYVMX_KO" || exit 9; {FEAT_CTL};'
        'for cpu in 1 2; do taskset $cpu vmctl run /guests/hello-long.elf || exit 9; done'),
        0, ['CPU 0: 0000000000000000', 'CPU 1: 0000000000000000', 'CPU 0: 0000000000000005', 'CPU 1: 0000000000000005',
            'Hello from long mode']),

    reset(''),
    reset(', 2 CPUs', '--smp', '2', cpus=2),
    kexec('1 CPU'),
    kexec('2 CPUs', '--smp', '2', cpus=2),
    kexec('6.12', '--kernel', '6.12', limit=200),
    crash('1 CPU'),
    crash('2 CPUs', '--smp', '2', cpus=2),
    crash('6.12', '--kernel', '6.12', limit=200),
    crash('VMX on in windows only', '--param', 'hold=window'),
    crash('7.3', '--kernel', 'backports', limit=300),
    crash_beside_kvm('kvm without kvm_intel', '--verbose', before=LEFT, says=[OFF.format(1)]),
    crash_beside_kvm('kvm_intel', before=THERE),
    crash_beside_kvm('a kvm_intel that comes later', after=THERE),
    crash_beside_kvm('kvm_intel, 6.12, 2 CPUs', '--kernel', '6.12', '--smp', '2', cpus=2, before=THERE),
    crash_beside_kvm('kvm_intel, 7.3', '--kernel', 'backports', before=THERE),
    emergency_reset('no KVM', says=[OFF.format(1)]),
    emergency_reset('beside kvm_intel, 6.12', '--kernel', '6.12', before=THERE),
    panic_reset('6.12', '--kernel', '6.12', says=[OFF.format(2)]),
    panic_reset('beside kvm_intel, 6.12', '--kernel', '6.12', before=THERE),

    # How VMX is held: as the kernel and KVM let it be, or as the parameter says.
    holds('owned while nobody else wants it', 'own'),
    holds('for each window, by the parameter', 'window', '--param', 'hold=window'),
    holds("on KVM's", 'ride', '--kvm'),
    holds("for each window, with KVM's on, by the parameter", 'window', '--kvm', '--param', 'hold=window'),
    holds('for each window, where a kernel lets nobody own it', 'window', '--kernel', 'backports'),
    holds("on KVM's, where a kernel lets nobody own it", 'ride', '--kernel', 'backports', '--kvm'),
    HostTest('hold=own: not beside kvm_intel', [*BOCHS, '--kvm', '--param', 'hold=own'], shell(
        'vmctl run /guests/hello-long.elf; dmesg | grep tinyvmx:; vmctl check; [ $? = 7 ]'), 0,
        ['VMX cannot be had', 'hold=own leaves VMX to it'], limit=100),
    HostTest('hold=own: kvm_intel is refused while there is a VM', [*BOCHS, '--param', 'hold=own'], shell(
        f'{KVM}; vmctl run /guests/spin.elf & sleep 1; cd /lib/modules-extra; insmod kvm-intel.ko; kill $!; wait;'
        'dmesg | grep tinyvmx:; insmod kvm-intel.ko && echo and now it comes'), 0,
        ['Device or resource busy', 'kvm_intel cannot be loaded', 'and now it comes'], limit=100),
    HostTest("hold=ride: not without KVM's VM", [*BOCHS, '--param', 'hold=ride'], shell(
        'vmctl run /guests/hello-long.elf; dmesg | grep tinyvmx:'), 0, ['VMX cannot be had', 'has to hand one']),
    HostTest('hold=own: not where a kernel lets nobody own it', [*BOCHS, '--kernel', 'backports', '--no-load'], shell(
        'insmod "$TINYVMX_KO" hold=own; dmesg | grep tinyvmx:'), 0, ['Invalid argument', 'lets no module keep VMX on']),
    HostTest('hold: no such word', [*BOCHS, '--no-load'], shell('insmod "$TINYVMX_KO" hold=some; dmesg | grep tinyvmx:'), 0,
             ['Invalid argument', 'there are own, ride, window and auto']),

    HostTest('the newest CPU has the kernel track indirect branches', [*BOCHS, *NEWEST], shell(
        'dmesg | grep "Indirect Branch Tracking enabled" && grep -m 1 -ow user_shstk /proc/cpuinfo &&'
        'vmctl run /guests/hello-long.elf'), 0, ['Indirect Branch Tracking enabled', 'user_shstk', 'Hello from long mode']),

    HostTest('the first program of README, 100 times', BOCHS, shell(rounds(100, 10)), 0, rounds_say(100, 10), limit=300,
             more=first_program),
    HostTest('vmctl: commands that are not quite right', BOCHS, shell(mistakes()), 0, mistakes_say()),
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
    HostTest('vmctl: firmware without unrestricted guest', [*BOCHS, '--cpu', 'lynnfield'], shell(
        'head -c 65536 /dev/zero > /tmp/rom; vmctl run --firmware /tmp/rom'), 105, ['no unrestricted guest']),
    guest('2 CPUs without unrestricted guest', '--cpus 2 /guests/hello-multiboot.elf', 105,
          'more than one CPU', options=[*BOCHS, '--cpu', 'lynnfield']),
    guest('64-bit ELF without unrestricted guest', '/guests/hello-long.elf', 0, 'Hello from long mode',
          options=[*BOCHS, '--cpu', 'lynnfield']),
    HostTest('a preemption timer that is known to be wrong', [*BOCHS, '--cpu', 'lynnfield', '--param', 'errata=1'], shell(
        'vmctl check; vmctl run /guests/hello-long.elf'), 0, ['preemption timer             no', 'Hello from long mode']),
    guest('multiboot without unrestricted guest', '/guests/hello-multiboot.elf', 0, 'Hello from multiboot',
          options=[*BOCHS, '--cpu', 'lynnfield']),
]
