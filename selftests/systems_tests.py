#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Tests with systems and firmware that others made, each in an emulated host of its own (make check, or systems_tests.py [--all]
[--only WORD]). They are fetched: one that cannot be had is a failure. systems/README.md tells what starts.
"""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / 'systems'))
sys.dont_write_bytecode = True
from host_tests import BOCHS, HostTest                                  # noqa: E402
from packages import grub_disk, ipxe, linux_disk, memtest, seabios      # noqa: E402

SCRIPT = HERE / 'guests.sh'
RESET = 113

LINUX = ('console=ttyS0 quiet panic=-1 mitigations=off cryptomgr.notests nokaslr init_on_alloc=0 pci=off job=cpus '
         'initcall_blacklist=trace_eval_init,init_kprobe_trace,cubictcp_register,slab_sysfs_init')

MEMTEST = 'start guest vmctl run --kernel /systems/guest --append console=ttyS0,115200 --mem 16M --timeout 60'
FIRMWARE = 'vmctl run --firmware /systems/bios --disk /systems/disk --mem 96M --timeout 60'

IPXE = f'''
start guest {FIRMWARE}
await guest 'Ctrl-B'; press guest '\\002'
await guest 'iPXE>'; press guest 'show version\\r'
await guest 'builtin'; press guest 'reboot\\r'
finish guest'''


def memory_map():
    """Shows what GRUB knows of the memory, and asks for a reset."""
    return grub_disk('map', 'echo GRUB on $grub_cpu-$grub_platform\nlsmmap\necho done\nsleep 1\nreboot\n',
                     'lsmmap', 'sleep', 'reboot')


def system(name, script, status, *says, options=(), limit=200, **files):
    """The script runs in the host, with what guests.sh has, and the files, each made by a function."""
    def add():
        found = {place: make() for place, make in files.items()} | {'guests.sh': SCRIPT}
        return [word for place, path in found.items() for word in ('--add', f'{path}:/systems/{place}')]

    return HostTest(f'systems: {name}', [*BOCHS, *options], ['sh', '-c', f'. /systems/guests.sh; {script}'], status,
                    says, limit, add)


def systems_tests(every=False):
    """Those of make check; with every, also what tells less than it costs."""
    tests = [
        system('memtest86+', f"{MEMTEST}; await guest 'Moving inversions'; press guest '\\033'; finish guest", RESET,
               'Memtest86+ v', '[Moving inversions', 'Errors: 0 ', guest=lambda: memtest('x64')),
        system('SeaBIOS, GRUB, Linux from a disk', f'start guest {FIRMWARE}; finish guest', 0,
               'SeaBIOS (version', 'Welcome to GRUB', 'guest: worked on CPU 0', "guest: the kernel's log is clean",
               bios=lambda: seabios('bios-microvm'), disk=lambda: linux_disk(LINUX)),
    ]
    if every:
        tests += [
            system('memtest86+ in 32 bits', f"{MEMTEST}; await guest 'Moving inversions'; press guest '\\033'; finish guest", RESET,
                   'Memtest86+ v', 'Errors: 0 ', guest=lambda: memtest('ia32')),
            system('SeaBIOS, iPXE and its command line', IPXE, RESET,
                   'SeaBIOS (version', 'ISOLINUX', 'Open Source Network Boot Firmware', 'builtin/version:string = 1',
                   bios=lambda: seabios('bios-256k'), disk=lambda: ipxe('ipxe.iso')),
            system('SeaBIOS, GRUB with 2 CPUs', f'start guest {FIRMWARE} --cpus 2 --firmware-log; finish guest', RESET,
                   'Found 2 cpu(s)', 'GRUB on i386-pc', 'base_addr = 0x0, length = 0x9fc00, available RAM',
                   options=['--smp', '2'], bios=lambda: seabios('bios-256k'), disk=memory_map),
            system('SeaBIOS without a disk', 'vmctl run --firmware /systems/bios --timeout 4 > /tmp/guest; screen guest', 0,
                   'No bootable device', bios=lambda: seabios('bios')),
            system('iPXE as a kernel', 'vmctl run --kernel /systems/guest', 102, 'it begins in real mode only',
                   guest=lambda: ipxe('ipxe.lkrn')),
        ]
    return tests


if __name__ == '__main__':
    os.execv(HERE / 'check', ['check', '--systems', *sys.argv[1:]])
