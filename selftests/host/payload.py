# SPDX-License-Identifier: GPL-2.0-only
"""What goes into the guest: the initramfs that is part of a saved machine, and the payload of each run."""

import lzma
import os
import re
import shlex
import stat
from pathlib import Path

from kernels import BUILD, CACHE, HERE, HostError, compiled, digest, run_tool, write_atomically

MODULE_PLACE = '/lib/modules-extra/tinyvmx.ko'
EXTRA_MODULES = ('irqbypass', 'kvm', 'kvm-intel', 'msr')
BUSYBOX = Path('/bin/busybox')


class Cpio:
    """A cpio archive in the "newc" format, with the folders its files need."""

    def __init__(self):
        self.data = bytearray()
        self.folders = set()
        self.count = 0

    def _entry(self, name, mode, content=b''):
        self.count += 1
        name = name.encode() + b'\0'
        fields = (self.count, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
        self.data += b'070701' + b''.join(b'%08x' % field for field in fields) + name
        self._pad()
        self.data += content
        self._pad()

    def _pad(self):
        self.data += bytes(-len(self.data) % 4)

    def _folder(self, name):
        if name and name not in self.folders:
            self._folder(os.path.dirname(name))
            self.folders.add(name)
            self._entry(name, stat.S_IFDIR | 0o755)

    def add(self, place, content, mode=0o644):
        name = os.path.normpath(place).lstrip('/')
        self._folder(os.path.dirname(name))
        self._entry(name, stat.S_IFREG | mode, content)

    def bytes(self):
        self._entry('TRAILER!!!', 0)
        return bytes(self.data)


def stripped(path):
    """The file without debug information and BTF, which cost more to load than all the rest. Other files as they are."""
    data = path.read_bytes()
    if data[:4] != b'\x7fELF':
        return data
    state = path.stat()
    slot = CACHE / 'stripped' / f'{path.name}-{digest(str(path))}'
    stamp = f'{state.st_mtime_ns} {state.st_size}'
    stamp_file = slot.with_name(slot.name + '.stamp')
    if not (slot.exists() and stamp_file.exists() and stamp_file.read_text() == stamp):
        slot.parent.mkdir(parents=True, exist_ok=True)
        scratch = slot.with_name(f'{slot.name}.{os.getpid()}')
        run_tool(['objcopy', '-g', '-R', '.BTF', path, scratch])
        scratch.rename(slot)
        write_atomically(stamp_file, stamp.encode())
    return slot.read_bytes()


def unpacked(path, kernel):
    """A module as it is loaded, from the file that the kernel's package has."""
    if path.suffix != '.xz':
        return path
    plain = CACHE / 'modules' / kernel.release / path.stem
    if not plain.exists():
        write_atomically(plain, lzma.decompress(path.read_bytes()))
    return plain


def missing_module(kernel, name):
    return HostError(f'{name}.ko is missing under {kernel.modules}: run selftests/host/setup')


def module(kernel, name):
    """A file with one of the stock kernel's modules, as it is loaded."""
    found = next(kernel.modules.rglob(f'{name}.ko*'), None)
    if not found:
        raise missing_module(kernel, name)
    return unpacked(found, kernel)


def kernel_modules(kernel):
    """(name, content) of those of the stock modules that tests may load. A kernel of the user's own may have none."""
    if not kernel.modules.is_dir():
        return
    for name in EXTRA_MODULES:
        yield name, stripped(module(kernel, name))


def initramfs(kernel, window, add=()):
    """
    The archive that a machine boots with, up to the point where it waits for a payload at (address, size), and to add,
    (place, content, mode) of what else it needs for that.
    """
    if not BUSYBOX.exists():
        raise HostError('busybox is missing: run selftests/host/setup')
    waiter = compiled(HERE / 'waiter.c', 'waiter', '-static')
    archive = Cpio()
    archive.add('/init', (HERE / 'init').read_bytes(), 0o755)
    archive.add('/bin/busybox', BUSYBOX.read_bytes(), 0o755)
    archive.add('/bin/waiter', stripped(waiter), 0o755)
    archive.add('/etc/window', b'%d %d\n' % window)
    archive.add('/etc/passwd', b'root:x:0:0:root:/root:/bin/sh\n')
    archive.add('/etc/group', b'root:x:0:\n')
    for name, content in kernel_modules(kernel):
        archive.add(f'/lib/modules-extra/{name}.ko', content)
    for entry in add:
        archive.add(*entry)
    return archive.bytes()


def executables(folder):
    if not folder.is_dir():
        return
    for path in sorted(folder.rglob('*')):
        if path.is_file() and os.access(path, os.X_OK) and not path.suffix in ('.so', '.o', '.a'):
            yield path


def libraries(programs):
    """The shared libraries that the programs are linked against, and their loader."""
    dynamic = [str(path) for path, content in programs if content[:4] == b'\x7fELF' and b'ld-linux' in content[:4096]]
    if not dynamic:
        return set()
    return set(re.findall(r'(/\S+) \(0x', run_tool(['ldd', *dynamic]).decode()))


def added_files(requests):
    """(path, place) for each --add FILE[:DEST]; a folder stands for all that is in it."""
    for request in requests:
        name, _, place = request.partition(':')
        path = Path(name)
        if not path.exists():
            raise HostError(f'--add {request}: no such file')
        place = place or f'/{path.name}'
        if place.endswith('/'):
            place += path.name
        if not path.is_dir():
            yield path, place
            continue
        for inner in sorted(path.rglob('*')):
            if inner.is_file():
                yield inner, f'{place}/{inner.relative_to(path)}'


def script(command):
    words = b' '.join(os.fsencode(shlex.quote(word)) for word in command)
    return b'exec ' + words + b'\n'


def next_kernel(archive, kernel, command):
    """What a next kernel needs, and what starts it."""
    archive.add('/next/kernel', kernel.image.read_bytes())
    archive.add('/next/command', script(['sh', '-c', command]), 0o755)
    archive.add('/bin/next-kernel', (HERE / 'next-kernel').read_bytes(), 0o755)
    archive.add('/bin/kexec', stripped(compiled(HERE / 'kexec.c', 'kexec', '-static')), 0o755)


def kselftests(command):
    """The kselftests that a command names; all for a shell, or one that speaks of the folder. They take a lot of room."""
    programs = list(executables(BUILD / 'selftests/bin'))
    text = ' '.join(os.fsdecode(word) for word in command)
    named = re.findall(r'/selftests(?:/(\w*))?', text)
    if command and '' not in named:
        programs = [path for path in programs if path.name in named]
    return [(path, f'/selftests/{path.name}') for path in programs]


def payload(settings, command, module, add, successor=None):
    """
    The archive of one run: the module, our programs, the kselftests that are wanted, the added files, the command and
    how to run it; for a successor (kernel, command) its image in place of the kselftests, as there is no room for both.
    """
    archive = Cpio()
    files = [(path, f'/bin/{path.name}') for path in executables(BUILD / 'tools') if path.parent.name != 'guests']
    files += [(path, f'/guests/{path.name}') for suffix in ('bin', 'elf')
              for path in sorted((BUILD / 'tools/guests').glob(f'*.{suffix}'))]
    if not successor:
        files += kselftests(command)
    files += added_files(add)
    loaded = [(path, stripped(path) if os.access(path, os.X_OK) else path.read_bytes()) for path, _ in files]
    for (path, content), (_, place) in zip(loaded, files):
        archive.add(place, content, 0o755 if os.access(path, os.X_OK) else 0o644)
    for library in sorted(libraries(loaded)):
        archive.add(library, Path(library).read_bytes(), 0o755)
    if module:
        archive.add(MODULE_PLACE, stripped(module))
        settings = {'TINYVMX_KO': MODULE_PLACE, **settings}
    archive.add('/host/session.sh', (HERE / 'session.sh').read_bytes())
    lines = [f'{name}={shlex.quote(str(value))}\n' for name, value in settings.items()]
    archive.add('/host/settings', ''.join(['set -a\n', *lines, 'set +a\n']).encode())
    archive.add('/host/command', script(command), 0o755)
    if successor:
        next_kernel(archive, *successor)
    return archive.bytes()
