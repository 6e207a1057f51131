#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes what a Linux guest needs: guest.py [SERIES]... fills build/linux/SERIES with a kernel and an initrd. See README.md."""

import re
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'host'))
sys.pycache_prefix = str(HERE.parents[1] / 'build/host/pycache')

from kernels import BUILD, HostError, find_kernel, note, run_tool, write_atomically     # noqa: E402
from payload import BUSYBOX, Cpio, missing_module, stripped, unpacked                   # noqa: E402

FOLDER = BUILD / 'linux'

# Of the stock kernel's modules; what they need comes with them, and some are built in.
DRIVERS = ('virtio_mmio', 'virtio_blk', 'virtio_net', 'virtio_console', 'virtio-rng', 'ext4')

DISK_SIZE = 8 << 20


def drivers(kernel):
    """(name, content) of the modules, each after those that it needs."""
    files = {re.sub('-', '_', path.name.partition('.ko')[0]): path for path in kernel.modules.rglob('*.ko*')}
    built_in = {re.sub('-', '_', Path(line).stem) for line in (kernel.modules / 'modules.builtin').read_text().split()}
    done = {}

    def add(name):
        name = name.replace('-', '_')
        if name in done or name in built_in:
            return
        if name not in files:
            raise missing_module(kernel, name)
        content = stripped(unpacked(files[name], kernel))
        depends = re.search(rb'\0depends=([^\0]*)', content)
        for needed in filter(None, depends[1].decode().split(',') if depends else []):
            add(needed)
        done[name] = content

    for driver in DRIVERS:
        add(driver)
    return done.items()


def initrd(kernel):
    if not BUSYBOX.exists():
        raise HostError('busybox is missing: run selftests/host/setup')
    archive = Cpio()
    archive.add('/init', (HERE / 'init').read_bytes(), 0o755)
    archive.add('/bin/busybox', BUSYBOX.read_bytes(), 0o755)
    for job in sorted((HERE / 'jobs').iterdir()):
        archive.add(f'/jobs/{job.name}', job.read_bytes())
    names = []
    for name, content in drivers(kernel):
        archive.add(f'/drivers/{name}.ko', content)
        names.append(f'{name}\n')
    archive.add('/drivers/list', ''.join(names).encode())
    return archive.bytes()


def guest(series):
    """The folder with "kernel" and "initrd" of a guest that has the stock kernel of a series."""
    kernel = find_kernel(series)
    folder = FOLDER / series
    write_atomically(folder / 'initrd', initrd(kernel))
    if not (folder / 'kernel').exists() or (folder / 'kernel').stat().st_size != kernel.image.stat().st_size:
        shutil.copyfile(kernel.image, folder / 'kernel')
    return folder


def disk():
    """An empty ext4, packed."""
    packed = FOLDER / 'disk.gz'
    if not packed.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        image = FOLDER / 'disk'
        with open(image, 'wb') as file:
            file.truncate(DISK_SIZE)
        run_tool(['/usr/sbin/mkfs.ext4', '-q', image])
        run_tool(['gzip', '-f', image])
    return packed


if __name__ == '__main__':
    try:
        for one in sys.argv[1:] or ['default']:
            print(guest(one))
    except HostError as error:
        note(str(error))
        sys.exit(1)
