# SPDX-License-Identifier: GPL-2.0-only
"""The Bochs back end: boots a machine from an ISO, saves it, restores it in a second."""

import fcntl
import os
import re
import shutil
import socket
import struct
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from kernels import CACHE, HERE, HostError, compiled, digest, note, run_tool, wait_until
from machine import Emulator
from payload import initramfs

# The time stamp counter ticks at "ips" below. These claim another frequency by CPUID, and a kernel that believes it waits 30 to
# 70 times as long for each second.
SLOWER = 'tsc_early_khz=50000'

# The model, and what the stock kernels need on it: there are CPUID bits of which the emulator misses what goes with them.
MODELS = {
    'haswell': ('corei7_haswell_4770', ''),
    'penryn': ('core2_penryn_t9600', ''),
    'lynnfield': ('corei5_lynnfield_750', ''),
    'arrandale': ('corei5_arrandale_m520', ''),
    'sandy': ('corei7_sandy_bridge_2600k', ''),
    'ivy': ('corei7_ivy_bridge_3770k', ''),
    'broadwell': ('broadwell_ult', ''),
    'skylake': ('corei7_skylake_x', SLOWER),
    'cnl': ('corei3_cnl', SLOWER),
    'icelake': ('corei7_icelake_u', f'clearcpuid=fsrm {SLOWER}'),
    'tigerlake': ('tigerlake', f'clearcpuid=fsrm {SLOWER}'),
    'arrow': ('arrow_lake', f'clearcpuid=waitpkg,fsrm {SLOWER}'),
    'prescott': ('p4_prescott_celeron_336', ''),
    'zambezi': ('zambezi', ''),
    'trinity': ('trinity_apu', ''),
    'phenom': ('phenom_8650_toliman', 'clearcpuid=popcnt'),
    'ryzen': ('ryzen', 'clearcpuid=mwaitx'),
}

COMMAND_LINE = ('console=ttyS0,115200 quiet printk.devkmsg=on mitigations=off tsc=reliable nokaslr panic=-1 oops=panic '
                'cryptomgr.notests init_on_alloc=0 edd=off iomem=relaxed '
                'initcall_blacklist=' + ','.join((
                    # Self tests and key lists.
                    'crypto_kdf108_init', 'blake2s_mod_init', 'jent_mod_init', 'load_system_certificate_list',
                    # Waits for a quarter of a boot of 6.12, for what no test uses.
                    'dev_map_init',
                    # Work over all BTF, all caches, all events; the last costs the names of enums in built-in events only.
                    'cubictcp_register', 'slab_sysfs_init', 'trace_eval_init')))

# MONITOR misses writes there: a CPU that idles by MWAIT sleeps through what another wakes it for, up to seconds.
SEVERAL_CPUS = 'idle=halt'

WINDOW_SIZE = 24 << 20
PAYLOAD_OFFSET = 4096
# Of a machine that is to be saved: seconds of CPU time of the emulator to boot it, and of the clock to write it.
BOOT_LIMIT = 400
SAVE_LIMIT = 600

# A saved machine works only with the plugins loaded in this order: timers are saved by number.
PLUGINS = ('plugin_ctrl: unmapped=true, biosdev=true, speaker=false, extfpuirq=true, parallel=false, serial=true, '
           'gameport=false')

CONFIG = '''{plugins}
config_interface: textconfig
display_library: rfb, options="timeout=0, no_gui_console"
memory: guest={mem}, host={mem}
romimage: file={bios}/BIOS-bochs-latest, options=fastboot
vgaromimage: file={bios}/VGABIOS-lgpl-latest
vga: {screen}
cpu: model={model}, count={smp}, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=1
ata0-master: type=cdrom, path=boot.iso, status=inserted
boot: cdrom
log: bochs.log
panic: action=fatal
error: action=report
info: action=ignore
debug: action=ignore
com1: enabled=1, mode=file, dev=com1
com2: {com2}
clock: sync=none, time0=946681200
'''

# Saving needs a screen to click on.
SCREEN = 'extension=vbe, update_freq=2, realtime=0'
NO_SCREEN = 'extension=none, update_freq=1, realtime=0'
COM2_FILE = 'enabled=1, mode=file, dev=com2'

# With --trace: each "xchg %bx, %bx", in any mode of the guest, begins or ends a trace of the instructions.
TRACE_LIMIT = 1000
TRACE_SCRIPT = 'c\n' + 'trace on\nc\ntrace off\nc\n' * TRACE_LIMIT


def resolve_model(name, version):
    """(Bochs's name, kernel parameters) for a short name or Bochs's own."""
    if name in MODELS:
        return MODELS[name]
    for model, parameters in MODELS.values():
        if name == model:
            return model, parameters
    if re.fullmatch(r'\w+', name) and name in known_models(version):
        return name, ''
    raise HostError(f'--cpu {name}: use one of {", ".join(MODELS)}, or a model that `bochs --help cpu` names')


def known_models(version):
    try:
        out = subprocess.run([*version.program, '--help', 'cpu'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, timeout=20).stdout.decode(errors='replace')
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return set()
    return set(out.split())


def window(mem):
    """(address, size) of the range that carries the payload, reserved near the end of memory."""
    return (mem << 20) - (48 << 20), WINDOW_SIZE


def edited(text, edits):
    """The text of one part of a saved machine with other values: edits maps paths such as cpu0.MSR.star to them."""
    lines, groups, left = text.splitlines(keepends=True), [], dict(edits)
    for at, line in enumerate(lines):
        name, equals, value = line.strip().partition(' = ')
        if value == '{':
            groups.append(name)
        elif name == '}':
            groups.pop()
        elif equals:
            path = '.'.join([*groups, name])
            if path in left:
                lines[at] = line.replace(f' = {value}', f' = {left.pop(path)}')
    if left:
        raise HostError(f'--state {next(iter(left))}: the saved machine has no such value')
    return ''.join(lines)


class Bochs(Emulator):
    # No version of Bochs so far has virtual-interrupt delivery as it should be (docs/internals.md): what RFLAGS.IF = 0 holds
    # back comes as soon as an interrupt of the host does. A guest's handlers interrupt themselves.
    # The emulated preemption timer counts at the right rate, whatever the processor whose name it has does; and without it a guest
    # with RFLAGS.IF = 0 takes no exit for the host's interrupts.
    module_parameters = ('apicv=0', 'errata=0')

    def __init__(self, machine, folder, version, edits):
        super().__init__(machine, folder)
        self.version = version
        self.edits = edits
        self.model, parameters = resolve_model(machine.cpu, version)
        self.window = window(machine.mem)
        self.append = ' '.join(filter(None, (
            COMMAND_LINE, machine.smp > 1 and SEVERAL_CPUS, 'memmap=%#x$%#x' % self.window[::-1],
            parameters, machine.append)))
        self.base = initramfs(machine.kernel, self.window)
        self.trace = self.debugger = False
        self.steady = compiled(HERE / 'steady.c', 'steady.so', '-shared', '-fPIC')

    def title(self):
        m = self.machine
        return f'bochs {self.version.name}, {m.cpu}, {m.smp} CPU, {m.kernel.release}'

    def start(self, payload, fresh, interactive):
        """Returns the descriptors of com1 and com2."""
        com1 = self.pipe('com1')
        if interactive:
            address = ('localhost', free_port())
            com2 = f'enabled=1, mode=socket-server, dev=localhost:{address[1]}'
        else:
            com2_fd, com2 = self.pipe('com2'), COM2_FILE
        if fresh:
            self.prepare_iso(self.folder, self.base + payload, self.config(NO_SCREEN, com2))
            self.emulate(self.folder, '-f', 'bochsrc')
        else:
            self.restore(payload, com2)
        if interactive:
            com2_fd = self.connect(socket.AF_INET, address)
        return com1, com2_fd

    def config(self, screen, com2):
        return CONFIG.format(plugins=PLUGINS, mem=self.machine.mem, model=self.model, smp=self.machine.smp,
                             screen=screen, com2=com2, bios=self.version.folder)

    def emulate(self, folder, *arguments, stdin=subprocess.DEVNULL, **environment):
        debugger = []
        if self.trace or self.debugger or self.version.always_debugger:
            (folder / 'rc').write_text(TRACE_SCRIPT if self.trace else 'c\n')
            debugger = ['-rc', 'rc'] if self.version.always_debugger else ['-debugger', '-rc', 'rc']
        environment = {**os.environ, **self.version.environment, 'LD_PRELOAD': str(self.steady), **environment}
        return self.launch([*self.version.program, '-q', *arguments, *debugger], folder, environment, stdin)

    def prepare_iso(self, folder, initrd, config):
        tree = folder / 'iso'
        (tree / 'isolinux').mkdir(parents=True)
        try:
            shutil.copy('/usr/lib/ISOLINUX/isolinux.bin', tree / 'isolinux')
            shutil.copy('/usr/lib/syslinux/modules/bios/ldlinux.c32', tree / 'isolinux')
        except FileNotFoundError:
            raise HostError('isolinux is missing: run selftests/host/setup') from None
        shutil.copyfile(self.machine.kernel.image, tree / 'vmlinuz')
        (tree / 'initrd').write_bytes(initrd)
        (tree / 'isolinux/isolinux.cfg').write_text(
            f'DEFAULT linux\nPROMPT 0\nTIMEOUT 0\nLABEL linux\nKERNEL /vmlinuz\nAPPEND initrd=/initrd {self.append}\n')
        run_tool(['xorriso', '-as', 'mkisofs', '-quiet', '-o', folder / 'boot.iso', '-b', 'isolinux/isolinux.bin',
                  '-c', 'isolinux/boot.cat', '-no-emul-boot', '-boot-load-size', '4', '-boot-info-table', tree])
        shutil.rmtree(tree)
        (folder / 'bochsrc').write_text(config)

    def state_folder(self):
        m = self.machine
        name = f'{m.kernel.release}-{self.model}-x{m.smp}-{m.mem}M-{self.version.name.replace("/", "_")}'
        if m.append:
            name += '-' + digest(m.append)
        return CACHE / 'states' / name / digest(self.base, self.append, self.config(SCREEN, COM2_FILE), m.kernel.image)

    @contextmanager
    def saved(self):
        """The folder of the saved machine, which is made if need be; nobody replaces it meanwhile."""
        state = self.state_folder()
        state.parent.mkdir(parents=True, exist_ok=True)
        with open(state.parent / 'lock', 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            while not state.exists():
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not state.exists():
                    self.make_state(state)
                fcntl.flock(lock, fcntl.LOCK_SH)
            yield state

    def prepare(self):
        with self.saved():
            pass

    def restore(self, payload, com2):
        if len(payload) > WINDOW_SIZE - PAYLOAD_OFFSET:
            raise HostError(f'the files for the guest take {len(payload) >> 20} MiB; {WINDOW_SIZE >> 20} MiB is the limit')
        with self.saved() as state:
            self.copy_state(state, com2)
        with open(self.folder / 'ram', 'r+b') as ram:
            ram.seek(self.window[0] + PAYLOAD_OFFSET)
            ram.write(payload)
            ram.seek(self.window[0])
            ram.write(struct.pack('<Q', len(payload)))
        self.emulate(self.folder, '-r', 'state', TVX_HOST_RAM='ram')

    def copy_state(self, state, com2):
        """Only the memory is copied; the emulator is told to use that copy in place of one of its own."""
        copy = self.folder / 'state'
        copy.mkdir()
        for path in state.iterdir():
            if path.name not in ('memory.ram', 'config'):
                (copy / path.name).symlink_to(path)
        for part, edits in self.edits.items():
            # The text of a part is in the file of its name.
            if not (state / part).is_file():
                raise HostError(f'--state {next(iter(edits))}: the saved machine has no {part}')
            (copy / part).unlink(missing_ok=True)
            (copy / part).write_text(edited((state / part).read_text(), edits))
        (copy / 'memory.ram').touch()
        text = (state / 'config').read_text()
        text = re.sub(r'^com2:.*', f'com2: {com2}', text, flags=re.M)
        text = re.sub(r'^magic_break:.*', f'magic_break: enabled={int(self.trace)}', text, flags=re.M)
        (copy / 'config').write_text(text)
        copy_sparse(state / 'memory.ram', self.folder / 'ram')

    def make_state(self, state):
        m = self.machine
        note(f'first use of this machine ({m.cpu}, {m.smp} CPU, {m.mem} MiB, {m.kernel.release}): booting it, to save it')
        start = time.monotonic()
        for old in state.parent.iterdir():
            if old.is_dir():
                shutil.rmtree(old)
        folder = state.parent / f'making.{os.getpid()}'
        folder.mkdir()
        try:
            self.prepare_iso(folder, self.base, self.config(SCREEN, COM2_FILE))
            (folder / 'state').mkdir()
            process = self.emulate(folder, '-f', 'bochsrc', stdin=subprocess.PIPE)
            self.save(folder, process)
            config = folder / 'state/config'
            config.write_text(re.sub(r'^plugin_ctrl:.*', PLUGINS, config.read_text(), flags=re.M))
            run_tool(['cp', '-r', '--sparse=always', folder / 'state', folder / 'sparse'])
            (folder / 'sparse').rename(state)
        finally:
            self.stop()
            shutil.rmtree(folder)
        note(f'saved after {time.monotonic() - start:.1f} s')

    def save(self, folder, process):
        console = folder / 'com1'

        def waiting():
            return console.exists() and b'tvx-host waiting' in console.read_bytes()

        def over():
            return process.poll() is not None or self.cpu_time() > BOOT_LIMIT or waiting()

        if not wait_until(over, 10 * BOOT_LIMIT) or not waiting():
            log = console.read_text(errors='replace') if console.exists() else ''
            raise HostError('the machine did not boot; its console and the emulator said:\n' + log[-4000:] +
                            (folder / 'emulator.out').read_text(errors='replace')[-1000:])
        with press_save(listening_port(process.pid)):
            # The folder, and "no" to what it asks after that.
            process.stdin.write(b'state\nn\nn\n')
            process.stdin.flush()
            try:
                process.wait(SAVE_LIMIT)
            except subprocess.TimeoutExpired:
                raise HostError('the emulator did not save the machine in time') from None
        if not (folder / 'state/memory.ram').exists():
            raise HostError('the emulator did not save the machine')

    def remarks(self):
        """What the emulator said of failed VM entries: it names the check."""
        log = self.folder / 'bochs.log'
        lines = log.read_text(errors='replace').splitlines() if log.exists() else []
        return list(dict.fromkeys(line for line in lines if re.search('VMFAIL|VMENTER FAIL|PANIC', line)))[-20:]


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def copy_sparse(source, target):
    with open(source, 'rb') as src, open(target, 'wb') as dst:
        size = os.fstat(src.fileno()).st_size
        os.ftruncate(dst.fileno(), size)
        at = 0
        while True:
            try:
                at = os.lseek(src.fileno(), at, os.SEEK_DATA)
            except OSError:
                return
            end = os.lseek(src.fileno(), at, os.SEEK_HOLE)
            while at < end:
                at += os.copy_file_range(src.fileno(), dst.fileno(), end - at, at, at)


def listening_port(pid):
    """The loopback port of the emulator's screen."""
    inodes = set()
    for fd in Path(f'/proc/{pid}/fd').iterdir():
        match = re.match(r'socket:\[(\d+)\]', os.readlink(fd))
        if match:
            inodes.add(match[1])
    for line in Path('/proc/net/tcp').read_text().splitlines()[1:]:
        fields = line.split()
        if fields[9] in inodes and fields[3] == '0A':
            return int(fields[1].split(':')[1], 16)
    raise HostError('the emulator has no screen to press its "save" button on')


def receive(link, size):
    data = b''
    while len(data) < size:
        more = link.recv(size - len(data))
        if not more:
            raise HostError('the emulator closed its screen')
        data += more
    return data


def press_save(port):
    """Speak RFB 3.3: shake hands, then click on the "save" button, which is the only way to save a machine."""
    link = socket.create_connection(('127.0.0.1', port), timeout=30)
    receive(link, 12)
    link.sendall(b'RFB 003.003\n')
    receive(link, 4)
    link.sendall(b'\x01')
    head = receive(link, 24)
    width, = struct.unpack('>H', head[:2])
    receive(link, struct.unpack('>I', head[20:24])[0])
    for button in (0, 1, 0):
        link.sendall(struct.pack('>BBHH', 5, button, width - 48, 10))
        time.sleep(0.3)
    return link
