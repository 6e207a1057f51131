# SPDX-License-Identifier: GPL-2.0-only
"""What others made: Debian's packages, unpacked under build/packages, and disks that GRUB boots, made of them."""

import fcntl
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'linux'))
from guest import guest                                                 # noqa: E402
from kernels import BUILD, run_tool, write_atomically                   # noqa: E402

FOLDER = BUILD / 'packages'
DISKS = BUILD / 'systems'

SECTOR = 512
# Behind GRUB, whose own size is of no interest then.
FILES_AT = 1 << 20


# The release whose packages the tests know, wherever they run.
RELEASE = '12'


def package(name):
    """The tree of a package, which is fetched once."""
    tree = FOLDER / name
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if tree.exists():
            return tree
        scratch = FOLDER / '.fetch'
        shutil.rmtree(scratch, ignore_errors=True)
        run_tool([HERE.parent / 'host/debian', 'fetch', RELEASE, scratch, name], timeout=600)
        run_tool(['dpkg', '-x', next(scratch.glob('*.deb')), scratch / 'tree'])
        (scratch / 'tree').rename(tree)
    return tree


def memtest(bits):
    return package('memtest86+') / f'boot/memtest86+{bits}.bin'


def seabios(name):
    return package('seabios') / f'usr/share/seabios/{name}.bin'


def ipxe(name):
    return package('ipxe') / f'usr/lib/ipxe/{name}' if name.endswith('.iso') else package('ipxe') / f'boot/{name}'


def grub_disk(name, script, *modules, files=b''):
    """A disk without partitions: GRUB's first sector, its core with a script, and behind them some bytes."""
    images = package('grub-pc-bin') / 'usr/lib/grub/i386-pc'
    folder = DISKS / name
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / 'script', script.encode())
    run_tool([package('grub-common') / 'usr/bin/grub-mkimage', '-O', 'i386-pc', '-d', images, '-p', '/',
              '-c', folder / 'script', '-o', folder / 'core', 'biosdisk', 'echo', *modules])
    start = (images / 'boot.img').read_bytes() + (folder / 'core').read_bytes()
    write_atomically(folder / 'disk', start.ljust(FILES_AT, b'\0') + files)
    return folder / 'disk'


def whole_sectors(data):
    return data + bytes(-len(data) % SECTOR)


def linux_disk(parameters):
    """A disk from which GRUB boots a stock kernel. Without a file system, files are lists of sectors."""
    folder = guest('default')
    kernel, initrd = (whole_sectors((folder / name).read_bytes()) for name in ('kernel', 'initrd'))
    first = FILES_AT // SECTOR
    second = first + len(kernel) // SECTOR
    script = (f'linux (hd0){first}+{len(kernel) // SECTOR} {parameters}\n'
              f'initrd (hd0){second}+{len(initrd) // SECTOR}\n'
              'boot\n')
    return grub_disk('linux', script, 'linux', 'boot', files=kernel + initrd)
