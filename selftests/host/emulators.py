# SPDX-License-Identifier: GPL-2.0-only
"""The versions of Bochs that the host knows: where they are, and how they are started."""

import os
from dataclasses import dataclass
from pathlib import Path

from kernels import BUILD, HostError

# The Debian release whose package it is, which the setup unpacked below build/; see the scripts "setup" and "debian".
EMULATORS = {'3.0': 13, '2.7': 12}
DEFAULT = '3.0'
LIBRARIES = ('lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu/pulseaudio')


@dataclass(frozen=True)
class BochsVersion:
    name: str
    program: tuple          # the words that start it
    folder: Path            # with the images of the BIOS
    environment: dict
    # Debian's 2.7 is always in its debugger, which a script of commands has to drive; 3.0 only if it is told so.
    always_debugger: bool


def unpacked(name):
    """A package's program runs with the loader and the libraries of its own release, which need not be this machine's."""
    tree = BUILD / f'debian{EMULATORS[name]}/root'
    program = tree / 'usr/bin/bochs-bin'
    loader = tree / 'lib64/ld-linux-x86-64.so.2'
    if not program.exists() or not loader.exists():
        raise HostError(f'there is no Bochs {name} below {tree}: run selftests/host/setup' + (' all' if name != DEFAULT else ''))
    libraries = [str(tree / folder) for folder in LIBRARIES]
    return BochsVersion(
        name, (loader, '--library-path', ':'.join(libraries), program), tree / 'usr/share/bochs',
        {'LTDL_LIBRARY_PATH': str(tree / 'usr/lib/x86_64-linux-gnu/bochs/plugins')},
        always_debugger=name == '2.7')


def find_emulator(name):
    """One of EMULATORS, or the path of a Bochs that somebody built; that one is taken for a newer one than 3.0."""
    if name in EMULATORS:
        return unpacked(name)
    program = Path(name).resolve()
    if not os.access(program, os.X_OK) or not program.is_file():
        raise HostError(f'--emulator {name}: neither {" nor ".join(EMULATORS)} nor an executable')
    return BochsVersion(str(program), (program,), unpacked(DEFAULT).folder, {}, always_debugger=False)
