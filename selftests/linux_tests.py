#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Tests with Linux guests, each one command in an emulated host of its own (make check, or linux_tests.py [--all] [--only WORD]).

Several things are looked at in one boot, because a boot is what costs. linux/README.md has the guest's side.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / 'linux'))
sys.dont_write_bytecode = True
from guest import disk, guest           # noqa: E402
from host_tests import BOCHS, NEWEST, HostTest      # noqa: E402
from kernels import find_kernel, known_kernels      # noqa: E402
from payload import module              # noqa: E402

SCRIPTS = HERE / 'guests.sh', HERE / 'linux/host.sh'
CLEAN = "guest: the kernel's log is clean"
DEADLINE = 'clock tsc, timer lapic-deadline'

# Hosts with two CPUs run in the emulator's debugger. Without it an exit behind an exception may save a RIP that is not the handler's
# (docs/internals.md), which a guest that runs for long does not survive.
TWO_CPUS = ['--smp', '2', '--debugger']

# How VMX is held: own, where nothing is said; on KVM's; in windows only, by the parameter or as a kernel lets nobody own it.
RIDE = ['--kvm']
WINDOW = ['--param', 'hold=window', '--param', 'apicv=0', '--param', 'errata=0']
ON_7_3 = ['--cpu', 'skylake', '--kernel', 'backports']

# What every guest has when not asked for more; the hosts have 256 MiB.
SMALL = '--mem 96M'


def linux(name, script, *says, options=(), kernel='default', limit=240, log=(CLEAN,)):
    """The script runs in the host, with what linux/host.sh has; all is well if it ends with 0 and says what it shall."""
    folder = guest(kernel)
    files = [folder / 'kernel', folder / 'initrd', disk(), *SCRIPTS]
    add = [word for path in files for word in ('--add', f'{path}:/linux/{path.name}')]
    return HostTest(f'linux: {name}', [*BOCHS, *options, *add],
                    ['sh', '-c', f'. /linux/guests.sh; . /linux/host.sh; {script}'], 0,
                    [*says, *log], limit)


def boot(name, *says, cpus=1, jobs='cpus', memory=SMALL, more='', **others):
    """One guest that works on each of its CPUs."""
    worked = [f'guest: worked on CPU {cpu}' for cpu in range(cpus)]
    return linux(name, f'linux {jobs} {memory} --cpus {cpus} {more}', f', {cpus} CPUs, ', *worked, *says, **others)


SHELL = f'''
start_linux one shell {SMALL}
await one 'guest# '; type_at one 'echo $((6 * 7))'
await one ^42; type_at one 'cat /proc/interrupts'
await one ttyS0; type_at one exit
finish one'''

DEVICES = f'''
start_linux one net,rng,console {SMALL} --net loop --rng --console virtio
await one 'what is your name'; type_at one Tinker
finish one'''

KILLED = f'''
gunzip -c /linux/disk.gz > /tmp/disk
start_linux one disk-write,wait {SMALL} --disk /tmp/disk
await one 'all is on the disk'; kill -KILL $(cat /tmp/one.pid); finish one
linux disk-read {SMALL} --disk /tmp/disk'''

READ_ONLY = f'''
gunzip -c /linux/disk.gz > /tmp/disk
before=$(md5sum < /tmp/disk)
linux disk-refused {SMALL} --disk /tmp/disk,ro && [ "$before" = "$(md5sum < /tmp/disk)" ]'''

# The host is the peer, once vmctl has made the interface.
TAP = f'''
insmod "/linux/tun-$(uname -r).ko"
start_linux one 'net me=1 peer=2' {SMALL} --net tap=tap0
until ifconfig tap0 10.0.2.2 up 2> /dev/null; do
	[ -e "/proc/$(cat /tmp/one.pid)/exe" ] || break
	usleep 200000
done
finish one && ! ifconfig tap0 2> /dev/null'''

# Neither leaves before the other one has its answers.
WIRE = f'''
start_linux one 'net,wait me=1 peer=2' {SMALL} --net socket=/tmp/wire
start_linux two 'net,wait me=2 peer=1' {SMALL} --net socket=/tmp/wire
for name in one two; do await $name 'packets received'; done
for name in one two; do type_at $name; done
finish one && finish two'''


def tun_modules():
    """Of whatever kernel the host is going to have."""
    found = {find_kernel(series).release: find_kernel(series) for series in known_kernels()}
    return [word for release, kernel in sorted(found.items())
            for word in ('--add', f"{module(kernel, 'tun')}:/linux/tun-{release}.ko")]


def mixed():
    """Another kernel in the guest than in the host, where there are two."""
    here, other = find_kernel('default'), find_kernel('6.12')
    if here == other:
        return []
    return [boot('6.12 in the guest', DEADLINE, kernel='6.12'),
            boot('6.12 in the host', DEADLINE, options=['--kernel', '6.12'])]


def linux_tests(every=False):
    """Those of make check; with every, also what tells less than it costs."""
    tests = [
        linux('1 CPU, a shell on the serial port', SHELL, DEADLINE, '\n42', 'ttyS0', 'guest: job shell ended with 0'),
        linux('virtio: network, random numbers, console', DEVICES,
              '5 packets received', 'guest: random numbers of virtio_rng', 'guest: job rng ended with 0',
              'guest: good day, Tinker'),
        linux("virtio: a disk after SIGKILL, VMX is KVM's, on 7.3", KILLED, 'random: OK', 'guest: job disk-read ended with 0',
              options=[*RIDE, *ON_7_3]),
        linux("virtio: two guests on one wire, VMX is KVM's", WIRE, '10.0.2.1 ping', '10.0.2.2 ping', '5 packets received',
              options=[*RIDE, '--mem', '384']),
        linux('virtio: a network with the host, by tap', TAP, '5 packets received',
              options=tun_modules()),
        linux('a panic is a reset', f'linux panic {SMALL}; [ $? = 113 ]',
              'Kernel panic - not syncing', 'the guest asked for a reset', log=()),
        boot('2 CPUs on 2', cpus=2, options=[*TWO_CPUS]),
        boot('4 CPUs on 2', cpus=4, options=[*TWO_CPUS], limit=400),
        boot('2 CPUs on 1', cpus=2),
        *mixed(),
        boot('no unrestricted guest, no x2APIC, no XSAVE', options=['--cpu', 'lynnfield']),
        boot('2 CPUs, no APIC virtualisation', cpus=2, options=['--cpu', 'ivy']),
        boot('2 CPUs on 2, the newest CPU, in windows on 7.3', DEADLINE, cpus=2, options=['--cpu', 'arrow', '--kernel', 'backports', *TWO_CPUS]),
        boot('72 MiB, which is what the kernel asks for, in windows on 7.3', memory='--mem 72M',
             options=ON_7_3),
        boot('1 GiB, in windows', memory='--mem 1G', options=[*WINDOW, '--mem', '640']),
    ]
    if every:
        tests += [
            linux('virtio: a disk that may only be read', READ_ONLY, 'guest: the disk takes no writes'),
            boot('6.12 on 6.12', DEADLINE, kernel='6.12', options=['--kernel', '6.12']),
            boot('6.12, 2 CPUs on 2', cpus=2, kernel='6.12', options=[*TWO_CPUS], limit=400),
            boot('2 CPUs on 2 of 6.12', cpus=2, options=[*TWO_CPUS, '--kernel', '6.12'], limit=400),
            boot("2 CPUs on 2, VMX is KVM's", cpus=2, options=[*TWO_CPUS, *RIDE], limit=400),
            boot('2 CPUs on 2, the newest CPU', DEADLINE, cpus=2, options=[*NEWEST, *TWO_CPUS]),
            boot('2 CPUs on 2, in windows', cpus=2, options=[*TWO_CPUS, *WINDOW], limit=400),
            boot('2 CPUs on 2, no APIC virtualisation', cpus=2, options=[*TWO_CPUS, '--cpu', 'ivy'], limit=400),
            boot('2 CPUs in xAPIC mode', cpus=2, more='--xapic'),
            boot('xAPIC mode, 6.12', kernel='6.12', more='--xapic'),
            boot('skylake', options=['--cpu', 'skylake']),
            boot('tigerlake', options=['--cpu', 'tigerlake']),
            boot('4 GiB', memory='--mem 4G', options=['--mem', '640']),
        ]
    return tests


if __name__ == '__main__':
    os.execv(HERE / 'check', ['check', '--linux', *sys.argv[1:]])
