# SPDX-License-Identifier: GPL-2.0-only
"""The rows of the tables, and the rule by which each meets its target or misses it."""

from dataclasses import dataclass
from statistics import median, quantiles

# Instructions that a row without an exit may differ by: the two guests are the same, but a page walk may be too.
NO_EXIT_SLACK = 3
# What both do, we do for a third.
SHARE = 1 / 3
MOST_BOOT_EXITS = 12000
# By how much a ratio may be worse with mitigations on than with them off. See README.md.
TOLERANCE = 0.05


@dataclass(frozen=True)
class Cost:
    """Instructions per operation: the median of the rounds, and the extremes."""
    value: float
    least: float
    most: float
    noise: float    # from the lower quartile to the median, as a part of it: ticks of the host only add


@dataclass(frozen=True)
class Row:
    key: str
    title: str
    rule: object = None     # function of (costs) giving (limit, words); None: only shown


def at_most(limit):
    return lambda costs: (limit, f'<= {limit:,}')


def no_exit(costs):
    """It costs what it costs on KVM, where nothing exits either."""
    return costs['kvm'].value + NO_EXIT_SLACK, 'no exit: as KVM'


def third(costs):
    """Of what the hypervisor adds to the cost of a plain process, where there is such a thing."""
    plain = costs['plain'].value if 'plain' in costs else 0
    limit = plain + (costs['kvm'].value - plain) * SHARE
    return limit, f'<= {limit:,.0f} (KVM{" above plain" if plain else ""} / 3)'


def plain_and(more):
    return lambda costs: (costs['plain'].value + more, f'<= {costs["plain"].value + more:,.0f} (plain + {more:,})')


def share_of(part):
    return lambda costs: (costs['kvm'].value * part, f"<= {costs['kvm'].value * part:,.0f} (KVM * {part})")


def boot_exits(costs):
    limit = min(costs['kvm'].value / 2, MOST_BOOT_EXITS)
    return limit, f'<= {limit:,.0f} (KVM / 2, and {MOST_BOOT_EXITS:,})'


def as_present(costs):
    """A page that was mapped beforehand costs what a page costs that a plain process has."""
    return costs['plain'].value + NO_EXIT_SLACK, 'no exit: as plain'


ROWS = (
    Row('cpuid', 'CPUID, leaf 0', at_most(300)),
    Row('vmcall', 'VMCALL, unknown number', at_most(300)),
    Row('rdmsr', 'RDMSR in the kernel (0x1a0)', at_most(330)),
    Row('wrmsr', 'WRMSR in the kernel (0x8b)', at_most(330)),
    Row('rdmsr_pass', 'RDMSR passed through', no_exit),
    Row('cr0_ts', 'CR0.TS toggle, two writes', no_exit),
    Row('cr0_wp', 'CR0.WP toggle, two writes', no_exit),
    Row('cr4_pge', 'CR4.PGE toggle, two writes', no_exit),
    Row('cr3', 'CR3 load', no_exit),
    Row('cr8', 'CR8 write', third),
    Row('xsetbv', 'XSETBV, the same value', third),
    Row('pause', 'PAUSE', no_exit),
    Row('hlt', 'HLT to user space, interrupt from there', third),
    Row('out', 'OUT to user space and back', at_most(1000)),
    Row('in', 'IN from user space', at_most(1000)),
    Row('mmio_write', 'MMIO write to user space and back', at_most(1500)),
    Row('mmio_read', 'MMIO read from user space', at_most(1500)),
    Row('outsb', 'REP OUTSB, 64 bytes', third),
    Row('apic_self_ipi', 'self IPI, interrupt, EOI', at_most(700)),
    Row('apic_self_ipi_hlt', 'the same with HLT in between', at_most(2500)),
    Row('apic_due', 'TSC deadline already due, interrupt, EOI', at_most(1700)),
    Row('apic_ipi', 'IPI to a vCPU on another CPU', at_most(1300)),
    Row('apic_deadline', 'TSC deadline far ahead', third),
    Row('apic_eoi', 'EOI alone', third),
    Row('apic_tpr', 'TPR write', no_exit),
    Row('apic_cr8', 'CR8 write, with a local APIC', no_exit),
    Row('apic_id', 'read of the APIC ID', third),
    Row('eventfd', 'OUT that signals an eventfd', at_most(600)),
    Row('real_cpuid', 'real mode: CPUID', at_most(300)),
    Row('real_vmcall', 'real mode: VMCALL', at_most(300)),
    Row('real_rdmsr', 'real mode: RDMSR in the kernel', at_most(330)),
    Row('real_out', 'real mode: OUT', at_most(1000)),
    Row('real_mmio_write', 'real mode: MMIO write', at_most(1500)),
    Row('touch_4k', 'first touch, 4 KiB', plain_and(1000)),
    Row('touch_4k_present', '4 KiB, the host has the page', third),
    Row('touch_4k_premap', '4 KiB, slot premapped', as_present),
    Row('touch_2m', 'first touch, 2 MiB'),
    Row('touch_2m_present', '2 MiB, the host has the page', third),
    Row('signal', 'signal: to the VMM and back', third),
    Row('turn', 'two vCPUs on one CPU: a turn', third),
    Row('ioctl', 'the ioctl that does least'),
    Row('life_open', 'open the device'),
    Row('life_create', 'create a VM'),
    Row('life_slot', 'set a slot'),
    Row('life_vcpu', 'create a vCPU, map its page'),
    Row('life_state', 'set its state'),
    Row('life_first_exit', 'run to the first HLT'),
    Row('life_close_vcpu', 'close the vCPU'),
    Row('life_close_vm', 'close the VM'),
    Row('life_close', 'close the device'),
    Row('life', 'open to close', at_most(120000)),
    Row('life_waits', 'open to close: times it slept', at_most(0)),
    Row('fields', 'VMREADs and VMWRITEs of a CPUID exit', at_most(6)),
    Row('boot', 'Linux to its first process', share_of(0.7)),
    Row('boot_guest', "... the guest's own"),
    Row('boot_exits', 'its exits', boot_exits),
    Row('boot_io', '... port I/O'),
    Row('boot_msr', '... RDMSR, WRMSR'),
    Row('boot_ept', '... EPT violation, misconfiguration'),
    Row('boot_cpuid', '... CPUID'),
    Row('boot_cr', '... control registers'),
    Row('boot_hlt', '... HLT'),
    Row('boot_interrupt', '... interrupts of the host'),
    Row('boot_timer', '... preemption timer'),
    Row('boot_other', '... all else'),
)

# By how much more an operation may cost when VMX is KVM's: an exit that the kernel answers, and one to user space.
RIDE_ADDS = {**dict.fromkeys(('cpuid', 'vmcall', 'rdmsr', 'wrmsr', 'xsetbv', 'apic_self_ipi', 'apic_due', 'apic_deadline',
                              'eventfd', 'real_cpuid', 'real_vmcall', 'real_rdmsr'), 10),
             **dict.fromkeys(('hlt', 'out', 'in', 'mmio_write', 'mmio_read', 'real_out', 'real_mmio_write'), 80)}

# What the rows of a plain process are compared with, where its key is another one.
PLAIN_KEY = {'touch_4k_premap': 'touch_4k_present'}


def cost(results, who, key):
    """None: not measured. The empty loop that was timed along is subtracted."""
    if (who, key) not in results:
        return None
    divisor, ticks = results[who, key]
    empty = median(results[who, f'empty_{key}'][1]) if (who, f'empty_{key}') in results else 0
    each = [(tick - empty) / divisor for tick in ticks]
    middle = median(each)
    lower = quantiles(each, n=4)[0] if len(each) > 1 else middle
    return Cost(middle, min(each), max(each), (middle - lower) / middle if middle else 0)


def costs_of(results, row):
    found = {who: cost(results, who, PLAIN_KEY.get(row.key, row.key) if who == 'plain' else row.key)
             for who in ('plain', 'kvm', 'tvx')}
    return {who: value for who, value in found.items() if value}


def ratio(costs):
    if 'kvm' not in costs or not costs['kvm'].value:
        return None
    return costs['tvx'].value / costs['kvm'].value


def judge(results):
    """[(row, costs, ratio, target in words, met)] with the mitigations off; met is None where there is no target."""
    judged = []
    for row in ROWS:
        costs = costs_of(results, row)
        if 'tvx' not in costs:
            continue    # not on this machine
        limit, words = row.rule(costs) if row.rule else (None, '')
        judged.append((row, costs, ratio(costs), words, None if limit is None else costs['tvx'].value <= limit))
    return judged


def judge_mitigated(results, off):
    """The same with them on, where what counts is that the ratio to KVM is no worse than in `off`."""
    before = {row.key: (share, costs) for row, costs, share, _, _ in off}
    judged = []
    for row in ROWS:
        costs = costs_of(results, row)
        if 'tvx' not in costs:
            continue
        share, words, met = ratio(costs), '', None
        if row.rule in (no_exit, as_present) or row.key == 'life_waits':
            limit, words = row.rule(costs)
            met = costs['tvx'].value <= limit
        elif share is not None:
            limit = before[row.key][0] * (1 + TOLERANCE)
            words, met = f'ratio <= {limit:.3f}', share <= limit
            words += '; they add ' + ' and '.join(f'{costs[who].value - before[row.key][1][who].value:,.0f}'
                                                  for who in ('kvm', 'tvx'))
        judged.append((row, costs, share, words, met))
    return judged
