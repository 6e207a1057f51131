# SPDX-License-Identifier: GPL-2.0-only
"""Places of the project, the errors of the host, and the stock kernels it boots."""

import hashlib
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / 'build'
CACHE = BUILD / 'host'


class HostError(Exception):
    """The host cannot be started as asked; the message is for the user."""


def note(text):
    os.write(2, f'host: {text}\n'.encode())


def run_tool(argv, **options):
    """Run a helper program; its output is shown only when it fails."""
    try:
        done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, **options)
    except FileNotFoundError:
        raise HostError(f'{argv[0]} is missing: run selftests/host/setup') from None
    except subprocess.TimeoutExpired:
        raise HostError(f'{argv[0]} took too long') from None
    if done.returncode:
        raise HostError(f'{argv[0]} failed:\n{done.stdout.decode(errors="replace")}')
    return done.stdout


def digest(*parts):
    """A short name for the given texts, bytes and files."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            part = part.read_bytes()
        elif isinstance(part, str):
            part = part.encode()
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()[:12]


def write_atomically(path, data, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f'{path.name}.{os.getpid()}')
    scratch.write_bytes(data)
    scratch.chmod(mode)
    scratch.rename(path)


def compiled(source, target, *flags):
    """Compile a small C file of the host's own, unless that was done since it changed."""
    return compiled_from([source], target, *flags)


def compiled_from(sources, target, *flags):
    """The same of several files; headers among them are looked at for changes only."""
    target = CACHE / target
    if target.exists() and target.stat().st_mtime_ns > max(source.stat().st_mtime_ns for source in sources):
        return target
    CACHE.mkdir(parents=True, exist_ok=True)
    scratch = CACHE / f'{target.name}.{os.getpid()}'
    run_tool(['gcc', '-O2', '-Wall', *flags, '-o', scratch, *(s for s in sources if s.suffix == '.c')])
    scratch.rename(target)
    return target


def wait_until(condition, limit):
    """Poll; false when the condition has not come true in the given seconds."""
    end = time.monotonic() + limit
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@dataclass(frozen=True)
class Kernel:
    release: str
    image: Path
    modules: Path

    def module(self, checking):
        """Where `make` puts our module for this kernel."""
        return BUILD / f'kmod-{self.release}{"-checking" if checking else ""}' / 'tinyvmx.ko'


def release_of(image):
    """The release in the header of a bzImage."""
    head = image.read_bytes()[:0x10000]
    if head[0x202:0x206] != b'HdrS':
        raise HostError(f'{image} is not a bzImage')
    offset = 0x200 + int.from_bytes(head[0x20e:0x210], 'little')
    return head[offset:].split(b'\0')[0].split()[0].decode()


def known_kernels():
    """Names for --kernel: the series that setup fetched."""
    folder = BUILD / 'kernels'
    return sorted(link.name for link in folder.iterdir() if link.is_symlink()) if folder.is_dir() else []


def find_kernel(name):
    """A series that setup fetched (6.1, 6.12, ...; "default" is one of them), or the path of a bzImage."""
    link = BUILD / 'kernels' / name
    if '/' not in name and link.is_dir():
        modules = link.resolve()
        # A package has its image below /boot, or from 7.2 on beside the modules; and modules below /lib or /usr/lib.
        tree = modules.parents[3 if modules.parents[2].name == 'usr' else 2]
        images = (modules / 'vmlinuz', tree / 'boot' / f'vmlinuz-{modules.name}')
        return Kernel(modules.name, next(image for image in images if image.exists()), modules)
    if re.fullmatch(r'\d+\.\d+(\+deb\d+)?|default|backports', name):
        raise HostError(f'there is no kernel {name} under {link.parent}: run selftests/host/setup {name}'.replace(' default', ''))
    image = Path(name).resolve()
    if not image.is_file():
        raise HostError(f'--kernel {name}: neither a series that setup fetched ({", ".join(known_kernels())}) nor a bzImage')
    release = release_of(image)
    return Kernel(release, image, image.parent.parent / 'lib/modules' / release)
