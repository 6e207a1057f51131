# SPDX-License-Identifier: GPL-2.0-only
"""Runs the bench's programs in the emulated host, one hypervisor after the other."""

import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / 'selftests/host'))
sys.pycache_prefix = str(TOP / 'build/host/pycache')
from kernels import HostError, find_kernel      # noqa: E402

BUILD = TOP / 'build/bench'
RUN = TOP / 'selftests/host/run'
PROGRAMS = ('vmbench', 'bootbench')
SILENCE = 360   # seconds of CPU time of the emulator without a result
LIMIT = 7200    # seconds for one machine; 60 are usual

# What boots Linux on both, with as many large pages as there can be, whatever ran before.
BOOT = """echo 3 > /proc/sys/vm/drop_caches
echo 1 > /proc/sys/vm/compact_memory
bootbench {} /vmlinuz /initrd || exit 1
"""
# Machines of little memory have no huge pages unless they are asked for.
PREPARE = 'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled\n'
LOAD = {
    'plain': '',
    'kvm': 'for m in irqbypass kvm kvm-intel; do insmod /lib/modules-extra/$m.ko || exit 1; done\n',
    'tvx': 'insmod "$TINYVMX_KO" || exit 1\n',
}
UNLOAD = {'plain': '', 'kvm': 'rmmod kvm_intel kvm irqbypass\n', 'tvx': 'rmmod tinyvmx\n'}
MODULES = {'kvm': ('kvm', 'kvm_intel', 'irqbypass'), 'tvx': ('tinyvmx',)}

# How tinyvmx can hold VMX: as it does where nobody else is; on KVM's; and by itself for each window.
HOLDS = ('own', 'ride', 'window')
LOAD.update({'own': LOAD['tvx'], 'ride': LOAD['kvm'] + LOAD['tvx'], 'window': 'insmod "$TINYVMX_KO" hold=window || exit 1\n'})
UNLOAD.update({'own': UNLOAD['tvx'], 'ride': UNLOAD['tvx'] + UNLOAD['kvm'], 'window': UNLOAD['tvx']})
MODULES.update({hold: MODULES['tvx'] for hold in HOLDS})


class BenchError(Exception):
    """The bench cannot go on; the words say why."""


def progress(words):
    print(f'bench: {words}', file=sys.stderr, flush=True)


def steps(*who_and_arguments, boot=False):
    """
    A script that runs vmbench for each (who, arguments), with the hypervisor that it needs, and none else; if asked
    for, Linux, too.
    """
    script = PREPARE
    for who, arguments in who_and_arguments:
        script += f'{LOAD[who]}vmbench {" ".join(arguments)} || exit 1\n'
        script += BOOT.format(who) if boot and who != 'plain' else ''
        script += UNLOAD[who]
    return script


def boot_files(options):
    """--add for what bootbench boots: the stock kernel that the machine itself runs, and a root of one process."""
    return ['--add', f'{kernel(options).image}:/vmlinuz', '--add', f'{BUILD / "initrd"}:/initrd']

def run(script, options, trace=None):
    """The output of a shell script in the emulated host, as bytes."""
    words = [RUN, '--bochs', '--no-load', '--idle-timeout', str(SILENCE), '--timeout', str(LIMIT), *options]
    for name in PROGRAMS:
        words += ['--add', f'{BUILD / name}:/bin/{name}']
    if trace:
        words += ['--trace', trace]
    done = subprocess.run([*words, '--', 'sh', '-c', script], cwd=TOP, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise BenchError(f'the emulated host ended with {done.returncode} (selftests/host/README.md says what that is):\n' +
                         done.stderr.decode(errors='replace') + done.stdout.decode(errors='replace')[-2000:])
    return done.stdout


def kernel(options):
    """The kernel that the options of selftests/host/run ask for."""
    try:
        return find_kernel(options[options.index('--kernel') + 1] if '--kernel' in options else 'default')
    except HostError as error:
        raise BenchError(str(error)) from None


def release(options):
    return kernel(options).release


def operations():
    """Those of the guest that can be traced, by the list in ops.h."""
    found = re.findall(r'\bOP\((\w+), \d+\)', (TOP / 'selftests/bench/ops.h').read_text())
    return [name for name in found if name not in ('spin', 'real_hlt', 'apic_ipi', 'apic_ipi_target') and not name.endswith('empty')]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path.relative_to(TOP)


def words_of(results):
    """{(who, key): (divisor, [ticks])} from the lines of vmbench."""
    found = {}
    for line in results.decode(errors='replace').splitlines():
        match = re.fullmatch(r'result (\w+) (\w+) (\d+)((?: \d+)+)', line.strip())
        if match:
            who, key, divisor, ticks = match.groups()
            found[who, key] = int(divisor), [int(tick) for tick in ticks.split()]
    return found
