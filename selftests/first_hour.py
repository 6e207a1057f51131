# SPDX-License-Identifier: GPL-2.0-only
"""What a user meets in the first hour: README's first program, as it stands there, and commands that are not quite right."""

import shlex
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
FOLDER = TOP / 'build/selftests/first'
FIRST_SAYS = r'port 0xe9: A\nHLT\n'


def first_program():
    """Its text and the command that builds it are README's; options of host/run that put it into the machine."""
    section = (TOP / 'README.md').read_text().split('\n## A first program\n')[1].split('\n## ')[0]
    indented = [line[1:] if line.startswith('\t') else '' for line in section.splitlines()]
    source = '\n'.join(indented).split('\n}\n')[0] + '\n}\n'
    build = next(line for line in indented if line.startswith('gcc '))
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / 'first.c').write_text(source)
    words = [{'first': str(FOLDER / 'first'), 'first.c': str(FOLDER / 'first.c')}.get(word, word) for word in shlex.split(build)]
    subprocess.run(words, cwd=TOP, check=True)
    return ['--add', f'{FOLDER}/first:/bin/first']


# Takes the CPU away again and again, as another program on a busy machine does.
RIVAL = 'sh -c "while :; do :; done" & rival=$!; '


def rounds(count, traces):
    """README's program, and three guests whose traces are the same each time: nothing of the rival's is to be seen in them."""
    return RIVAL + f'''
printf '{FIRST_SAYS}' > /tmp/wanted; wrong=0; i=0
while [ $i -lt {count} ]; do first > /tmp/said 2>&1; cmp -s /tmp/said /tmp/wanted || {{ wrong=$((wrong + 1)); cat /tmp/said; }}; i=$((i + 1)); done
echo "README: $wrong of $i wrong"
for guest in '--mode real /guests/hello-real.bin' '--mode protected /guests/hello-protected.bin' /guests/hello-long.elf; do
    vmctl run --trace=/tmp/first $guest > /dev/null; wrong=0; i=0
    while [ $i -lt {traces} ]; do
        vmctl run --trace=/tmp/trace $guest > /dev/null
        cmp -s /tmp/trace /tmp/first && ! grep -q INTERRUPTED /tmp/trace || wrong=$((wrong + 1)); i=$((i + 1))
    done
    echo "$guest: $wrong of $i wrong"
done
kill $rival'''


def rounds_say(count, traces):
    names = '/guests/hello-real.bin', '/guests/hello-protected.bin', '/guests/hello-long.elf'
    return [f'README: 0 of {count} wrong', *(f'{name}: 0 of {traces} wrong' for name in names)]


# A command, its status, and how what it says begins. The guests at the end: MOV ECX, 1bh; RDMSR, and OUT 20h, AL; JMP $.
MISTAKES = [
    ('vmctl rnu g', 100, "vmctl: no command 'rnu': is run meant?"),
    ('vmctl /guests/spin.elf', 100, "vmctl: no command '/guests/spin.elf': to run a guest, `vmctl run /guests/spin.elf`"),
    ('vmctl run', 100, 'vmctl: no guest is given, as in `vmctl run hello.elf` (vmctl run --help)'),
    ('vmctl run --cpu 2 g', 100, "vmctl: run has no option '--cpu': is --cpus meant?"),
    ('vmctl run --tiemout 2 g', 100, "vmctl: run has no option '--tiemout': is --timeout meant?"),
    ('vmctl run --gdb g', 100, "vmctl: run has no option '--gdb' (vmctl run --help lists them)"),
    ('vmctl run -x g', 100, "vmctl: run has no option '-x' (vmctl run --help lists them)"),
    ('vmctl run --mem', 100, 'vmctl: --mem must have a value'),
    ('vmctl run --pc=1 g', 100, 'vmctl: --pc takes no value'),
    ('vmctl run --mem 64MB g', 100, 'vmctl: --mem 64MB: is not a size: a number with K, M or G, as in 64M'),
    ('vmctl run --mem 1T g', 100, 'vmctl: --mem 1T: is not a size: a number with K, M or G, as in 64M'),
    ('vmctl run --mem 5 g', 100, 'vmctl: --mem 5: must be whole 4K pages, 64K to 1024G'),
    ('vmctl run --cpus 300 g', 100, 'vmctl: --cpus 300: must be 1 to 255'),
    ('vmctl run --mode lng g', 100, 'vmctl: --mode lng: must be real, protected or long'),
    ('vmctl run --timeout 0 g', 100, 'vmctl: --timeout 0: must be a number of seconds above 0'),
    ('vmctl run /guests/spin.elf --timeout 1', 100, 'vmctl: there must be one guest, and options come before it'),
    ('vmctl run --kernel /guests/spin.elf', 101, 'vmctl: /guests/spin.elf: neither a Linux bzImage nor an ELF file with a PVH entry'),
    ('vmctl run /nope', 106, 'vmctl: /nope: No such file or directory'),
    ('vmctl run /bin/busybox', 102, 'vmctl: /bin/busybox: this is a program for Linux or the like'),
    ('vmctl check --jsn', 100, "vmctl: check has no option '--jsn': is --json meant?"),
    ('vmctl run --mode long --timeout 1 /guests/hello-real.bin', None,
     'vmctl: /guests/hello-real.bin: hint: its first bytes look like 16-bit code, for --mode real'),
    ('vmctl run --mode protected /tmp/apic', 107, 'vmctl: the guest shut down: a triple fault',
     "vmctl:   hint: the guest looks for a PC's local APIC: --pc makes the machine one"),
    ('vmctl run --mode protected --timeout 1 /tmp/port', 124, 'vmctl: the guest still ran',
     'vmctl:   hint: 1 access of the guest met no device, the first: OUT of 1 byte at port 0x20',
     "vmctl:   hint: the guest looks for a PC's master PIC: --pc makes the machine one"),
]

MAKE_GUESTS = r"printf '\271\033\0\0\0\017\062\364' > /tmp/apic; printf '\346\040\353\376' > /tmp/port; "


def status_word(number, status):
    return f'{number}: ' if status is None else f'{number} [{status}]: '


def mistakes():
    """Each answer begins with its number and status, so that none can stand in for another's."""
    lines = []
    for number, (command, status, *_) in enumerate(MISTAKES):
        told = '' if status is None else ' [$status]'
        lines.append(f'answer=$({command} 2>&1 < /dev/null); status=$?; echo "{number}{told}: $answer"')
    return MAKE_GUESTS + '\n'.join(lines)


def mistakes_say():
    return [words for number, (_, status, first, *more) in enumerate(MISTAKES)
            for words in (status_word(number, status) + first, *more)]

