# SPDX-License-Identifier: GPL-2.0-only
"""Traces of single operations: which instructions, of which function, of guest, kernel or VMM."""

import bisect
import re
import subprocess
from collections import Counter, namedtuple

from host import BUILD, MODULES, TOP, BenchError, progress, release, run, steps

# Where an instruction is executed, by its code selector: see the GDTs of Linux and of guest.S.
PLACES = {0x10: 'kernel', 0x33: 'user', 0x08: 'guest', 0x1000: 'guest'}
REAL_SELECTOR = 0x1000

LINE = re.compile(r'\(0\)\.\[(\d+)\] \[0x\w+\] (\w{4}):(\w+) \([^)]*\): (.*?)\s*; (\w+)$')

# What is dear on silicon whatever it counts for here: column, instructions.
FIELDS = {
    'vmread': ('vmread',), 'vmwrite': ('vmwrite',), 'rdmsr': ('rdmsr',), 'wrmsr': ('wrmsr',),
    'invept': ('invept',), 'invvpid': ('invvpid',), 'vmptrld': ('vmptrld',), 'vmptrst': ('vmptrst',), 'vmclear': ('vmclear',),
    'vmxon/off': ('vmxon', 'vmxoff'), 'entries': ('vmlaunch', 'vmresume'), 'xcr0': ('xsetbv', 'xgetbv'),
    'fpu': ('xsave', 'xsave64', 'xsaveopt', 'xsaves', 'xsavec', 'xrstor', 'xrstors', 'fxsave', 'fxrstor'),
    'syscalls': ('syscall',),
}
FIELD_NAMES = tuple(FIELDS)

# Whose the instructions of a function are, by the first that matches 'place function'.
PARTS = (
    ('the guest', r'guest '),
    ('user space: ioctl() of libc', r'user __ioctl$'),
    ('user space: libtvx, the monitor', r'user '),
    ('kernel: security modules', r'kernel (security|tomoyo|apparmor|bpf_lsm)_'),
    ("kernel: the process's FPU", r'kernel .*(fpu|fpregs|xfd_)(?!.*\[)'),
    ('kernel: the system call', r'kernel [^[]*$'),
    ('module: entry and exit', r'kernel vmx_(run|enter_guest|exit_point) \[tinyvmx'),
    ('module: the section, host out and guest in, and back', r'kernel (vmx_enter|vmx_leave) \[tinyvmx'),
    ('module: RUN, and the run page', r'kernel (vcpu_ioctl|tvx_vcpu_run|take_more|before_guest|(load_and_)?give_out[\w.]*|pending_flags|vmx_queue_event|vmx_fill_ctx) \[tinyvmx'),
    ('module: what is to be done about the exit', r'kernel .*\[tinyvmx'),
    ('modules of KVM', r'kernel '),
)

Insn = namedtuple('Insn', 'tick place address text')


class Symbols:
    """What is at an address: (function, offset)."""

    def __init__(self, pairs):
        self.pairs = sorted(pairs)
        self.addresses = [address for address, _ in self.pairs]

    def find(self, address):
        at = bisect.bisect_right(self.addresses, address) - 1
        if at < 0:
            return f'{address:#x}', 0
        # Of several names of one place the first one stands for all.
        start = bisect.bisect_left(self.addresses, self.addresses[at])
        return self.pairs[start][1], address - self.addresses[at]


def tool(*words):
    return subprocess.run(words, cwd=TOP, stdout=subprocess.PIPE, check=True).stdout.decode()


def program_symbols(path):
    pairs = []
    for line in tool('nm', path).splitlines():
        address, kind, name = line.split()[-3:] if len(line.split()) == 3 else (None, None, None)
        if kind in ('t', 'T', 'w', 'W', 'i'):
            pairs.append((int(address, 16), name))
    return pairs


def module_file(name, kernel, options):
    if name == 'tinyvmx':
        if '--module' in options:
            return options[options.index('--module') + 1]
        return TOP / f'build/kmod-{kernel}/tinyvmx.ko'
    stripped = [path for path in (TOP / 'build/host/stripped').glob(f'{name.replace("_", "-")}.ko-*')
                if not path.name.endswith('.stamp') and kernel.encode() + b' ' in path.read_bytes()]
    if not stripped:
        raise BenchError(f'the {name} module of {kernel} is not in build/host/stripped')
    return stripped[0]


def module_symbols(path, name, sections):
    """By where the kernel has put the module's sections."""
    pairs = []
    for line in tool('objdump', '-t', path).splitlines():
        match = re.match(r'(\w{16}) ......[F ] (\.\S*text\S*)\s+\w{16}\s+(?:\.hidden )?(\S+)$', line)
        if match and match[2] in sections and match[3] != match[2]:
            pairs.append((sections[match[2]] + int(match[1], 16), f'{match[3]} [{name}]'))
    return pairs


def kernel_symbols(kernel, options):
    """Those of the kernel itself: the same at each boot, for it boots with nokaslr. Reading them takes half a minute."""
    cache = BUILD / f'symbols-{kernel}'
    if not cache.exists():
        progress(f'reading the symbols of {kernel}, once')
        text = run('grep -i " [tw] " /proc/kallsyms', options)
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_bytes(text)
    pairs = []
    for line in cache.read_text().splitlines():
        address, _, name = line.split()[:3]
        if int(address, 16) >> 32:
            pairs.append((int(address, 16), name))
    return pairs


def segments(path):
    """[[Insn]]: what was executed between each pair of marks."""
    found, current = [], None
    for line in path.read_text(errors='replace').splitlines():
        if line.startswith('Tracing enabled'):
            current = []
        elif line.startswith('Tracing disabled'):
            found.append(current)
            current = None
        elif current is not None:
            match = LINE.match(line)
            if match:
                tick, selector, address, text, _ = match.groups()
                selector, address = int(selector, 16), int(address, 16)
                if selector == REAL_SELECTOR:
                    address += selector << 4
                current.append(Insn(int(tick), PLACES.get(selector, f'{selector:#x}'), address, text))
    return found


def iterations(segment, head):
    """The whole iterations of a loop that begins at the address head; what follows one is the next one's first instruction."""
    starts = [at for at, insn in enumerate(segment) if insn.place == 'guest' and insn.address == head]
    return [segment[start:end + 1] for start, end in zip(starts, starts[1:])]


def cost(iteration):
    """A tick is an instruction, also one that the trace lacks: those that end in an exit."""
    return iteration[-1].tick - iteration[0].tick


class Traces:
    """One iteration of each operation, the cheapest: an interrupt of the host may have come into another."""

    def __init__(self, who, operations, options):
        self.who = who
        kernel = release(options)
        raw = BUILD / f'trace-{who}'
        sections = ''.join(f'for s in /sys/module/{name}/sections/.*text*; do echo section {name} $(basename $s) $(cat $s); done\n'
                           for name in MODULES[who])
        script = steps((who, ('kvm' if who == 'kvm' else 'tvx', 'trace', *operations)))
        head, _, last = script.partition('rmmod')
        BUILD.mkdir(parents=True, exist_ok=True)
        try:
            output = run(f'{head}{sections}rmmod{last}', options, raw).decode(errors='replace')
            traced = segments(raw)
        finally:
            raw.unlink(missing_ok=True)
        places = {}
        for name, section, address in re.findall(r'^section (\S+) (\S+) (\w+)\s*$', output, flags=re.M):
            places.setdefault(name, {})[section] = int(address, 16)
        pairs = kernel_symbols(kernel, options)
        for name in MODULES[who]:
            pairs += module_symbols(module_file(name, kernel, options), name, places.get(name, {}))
        guest = program_symbols(BUILD / 'guest.elf')
        self.symbols = {'kernel': Symbols(pairs), 'user': Symbols(program_symbols(BUILD / 'vmbench')),
                        'guest': Symbols((address, name) for address, name in guest if not name.startswith('loop_'))}
        heads = {name: address for address, name in guest}
        self.iterations = {}
        for operation, segment in zip(operations, traced, strict=True):
            if operation == 'life':
                self.iterations[operation] = segment
                continue
            whole = iterations(segment, heads[f'loop_{operation}'])
            if not whole:
                raise BenchError(f'the trace of {operation} on {who} has no whole iteration')
            self.iterations[operation] = min(whole, key=cost)

    def name(self, insn):
        symbols = self.symbols.get(insn.place)
        return symbols.find(insn.address) if symbols else (f'{insn.address:#x}', 0)

    def mnemonics(self, operation):
        """How often each instruction occurs, by its name; a repeated one counts once."""
        counts, last = Counter(), None
        for insn in self.iterations[operation][:-1]:
            if insn.place != 'guest' and insn.address != last:
                counts[insn.text.split()[0]] += 1
            last = insn.address
        return counts

    def fields(self, operation):
        counts = self.mnemonics(operation)
        return {name: sum(counts[word] for word in words) for name, words in FIELDS.items()}

    def instructions(self, operation):
        return cost(self.iterations[operation])

    def functions(self, operation):
        """[(place, function, ticks, entries)] in the order of their first instruction."""
        ticks, entries, last = Counter(), Counter(), None
        steps_of = self.iterations[operation]
        for insn, following in zip(steps_of, steps_of[1:]):
            function, offset = self.name(insn)
            key = insn.place, function
            ticks[key] += following.tick - insn.tick
            if (offset == 0 and insn.address != last) or key not in entries:
                entries[key] += 1
            last = insn.address
        return [(*key, count, entries[key]) for key, count in ticks.items()]

    def parts(self, operation):
        """[(part, ticks)] in the order of PARTS, without those that have none."""
        ticks = Counter()
        for place, function, count, _ in self.functions(operation):
            ticks[next((part for part, pattern in PARTS if re.match(pattern, f'{place} {function}')), place)] += count
        order = {part: at for at, (part, _) in enumerate(PARTS)}
        return sorted(ticks.items(), key=lambda item: order.get(item[0], len(order)))

    def annotated(self, operation):
        """The iteration as text, repeated instructions on one line."""
        lines, insns, at = [], self.iterations[operation], 0
        function = None
        while at < len(insns) - 1:
            insn, end = insns[at], at + 1
            while end < len(insns) - 1 and insns[end].address == insn.address and insns[end].text.startswith('rep'):
                end += 1
            name, offset = self.name(insn)
            if (insn.place, name) != function:
                function = insn.place, name
                lines.append(f'\n{insn.place} {name}:')
            times = f'   * {end - at}' if end - at > 1 else ''
            lines.append(f'{insn.tick - insns[0].tick:7} {insn.address:16x} +{offset:<#6x} {insn.text}{times}')
            at = end
        return '\n'.join(lines).lstrip('\n') + '\n'
