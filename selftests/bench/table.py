# SPDX-License-Identifier: GPL-2.0-only
"""make bench: measure, with the mitigations off and on, show it, judge it."""

import json

from host import BUILD, HOLDS, BenchError, boot_files, progress, release, run, steps, words_of, write
from rows import RIDE_ADDS, ROWS, TOLERANCE, cost, judge, judge_mitigated
from tracing import FIELD_NAMES, Traces

EVERYBODY = ('plain', 'kvm', 'tvx')
MITIGATED = ['--append', 'mitigations=auto']


def measure(options, boot):
    """The results of all three on one machine, which is booted once; with Linux or without it."""
    files = boot_files(options) if boot else []
    results = words_of(run(steps(*((who, (who,)) for who in EVERYBODY), boot=boot), [*options, *files]))
    for who in EVERYBODY:
        if not any(owner == who for owner, _ in results):
            raise BenchError(f'there are no results of {who}')
    return results


def measure_ipis(options):
    """What takes two CPUs: a machine of its own, where both execute as many instructions as the clock counts."""
    if '--smp' in options:
        return {}
    return words_of(run(steps(('kvm', ('kvm', 'ipi')), ('tvx', ('tvx', 'ipi'))), [*options, '--smp', '2', '--debugger']))


def count_fields(options):
    """VMREADs and VMWRITEs on a CPUID exit, as results."""
    found = {}
    for who in ('kvm', 'tvx'):
        counts = Traces(who, ['cpuid'], options).mnemonics('cpuid')
        found[who, 'fields'] = 1, [counts['vmread'] + counts['vmwrite']]
    return found


def number(value):
    return f'{value:,.0f}' if value is not None else ''


def spread(cost):
    return '' if not cost or cost.least == cost.most else f'{cost.least:,.0f}..{cost.most:,.0f}'


def table(judged):
    """Lines, one column as wide as it must be."""
    cells = [('operation', 'plain', 'KVM', '', 'tinyvmx', '', 'ratio', 'target', '')]
    for row, costs, share, words, met in judged:
        plain, kvm, tvx = (costs.get(who) for who in EVERYBODY)
        cells.append((row.title, number(plain and plain.value), number(kvm and kvm.value), spread(kvm),
                      number(tvx and tvx.value), spread(tvx), '' if share is None else f'{share:.3f}', words,
                      {None: '', True: 'met', False: 'MISSED'}[met]))
    return aligned(cells, (0, 3, 5, 7, 8))


def aligned(cells, left):
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return ['  '.join(cell.ljust(width) if column in left else cell.rjust(width)
                      for column, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in cells]


def show(title, judged):
    print(f'\n{title}\n')
    print('\n'.join(table(judged)), flush=True)
    noisiest = max(((cost.noise, row.title, who) for row, costs, *_ in judged for who, cost in costs.items()),
                   key=lambda found: found[0])
    print(f'\nLower quartile and median of the rounds differ by {noisiest[0]:.1%} at most ({noisiest[1]}, {noisiest[2]}).')


def as_data(judged):
    return [{'key': row.key, 'title': row.title, 'ratio': share, 'target': words, 'met': met,
             'costs': {who: {'median': cost.value, 'min': cost.least, 'max': cost.most} for who, cost in costs.items()}}
            for row, costs, share, words, met in judged]


def compare(options, host_options):
    """Both tables, and whether every target is met."""
    machine = f'{release(host_options)}, {" ".join(host_options) or "haswell"}'
    progress('measuring with mitigations=off: plain process, KVM, tinyvmx')
    results = measure(host_options, True)
    progress('measuring IPIs between two CPUs')
    results.update(measure_ipis(host_options))
    progress('counting VMREADs and VMWRITEs')
    off = judge({**results, **count_fields(host_options)})
    show(f'Instructions per operation, mitigations=off ({machine}). Median of the rounds, and least..most.', off)

    progress("measuring with the kernel's default mitigations; the first time a machine is made")
    auto = judge_mitigated(measure([*host_options, *MITIGATED], False), off)
    show(f"Instructions per operation, the kernel's default mitigations ({machine}). The ratio to KVM is to be no worse than "
         f'with them off, within {TOLERANCE:.0%}; what they add to an operation on KVM and on tinyvmx stands beside it.', auto)

    missed = [f'{name}: {row.title}' for name, judged in (('mitigations=off', off), ('mitigations on', auto))
              for row, _, _, _, met in judged if met is False]
    path = write(BUILD / 'bench.json', json.dumps(
        {'machine': machine, 'mitigations=off': as_data(off), 'mitigations=auto': as_data(auto), 'missed': missed}, indent=1))
    print()
    for line in missed:
        print(f'missed: {line}')
    judged = sum(met is not None for table_ in (off, auto) for *_, met in table_)
    print(f'{judged - len(missed)} targets met, {len(missed)} missed ({path})')
    return 1 if missed else 0


def holds(options, host_options):
    """What it costs to ride on KVM's VMX, or to turn it on for each window, beside having it."""
    results = {}
    for hold in HOLDS:
        progress(f'measuring with VMX held: {hold}')
        found = words_of(run(steps((hold, ('tvx',))), host_options))
        results.update({(hold, key): value for (_, key), value in found.items()})
    cells, missed = [('operation', *HOLDS, 'ride adds', 'at most', '')], []
    for row in ROWS:
        costs = [cost(results, hold, row.key) for hold in HOLDS]
        if None in costs:
            continue
        own, ride, window = (one.value for one in costs)
        limit = RIDE_ADDS.get(row.key)
        met = '' if limit is None else 'met' if ride - own <= limit else 'MISSED'
        missed += [row.title] if met == 'MISSED' else []
        cells.append((row.title, number(own), number(ride), number(window), number(ride - own),
                      '' if limit is None else number(limit), met))
    print(f'\nInstructions per operation by how VMX is held, mitigations=off ({release(host_options)}). Medians.\n')
    print('\n'.join(aligned(cells, (0, 6))), flush=True)
    for title in missed:
        print(f'missed: {title}')
    return 1 if missed else 0


def fields(options, host_options):
    """VMREADs, VMWRITEs, MSR accesses and the like of each operation."""
    operations = options.operations
    data = {}
    for who in ('kvm', 'tvx', 'ride', 'window'):
        progress(f'tracing {len(operations)} operations on {who}')
        traces = Traces(who, operations, host_options)
        data[who] = {name: {'instructions': traces.instructions(name), **traces.fields(name)} for name in operations}
    head = ('instr', *FIELD_NAMES)
    # Columns that are 0 throughout say nothing.
    head = [name for name in head if name == 'instr' or any(data[who][op].get(name) for who in data for op in operations)]
    width = max(map(len, operations))
    for who in data:
        title = {'kvm': 'KVM', 'tvx': 'tinyvmx'}.get(who, f'tinyvmx, VMX held: {who}')
        print(f'\n{title}, one iteration each\n')
        print('operation'.ljust(width), *(name.rjust(max(8, len(name))) for name in head))
        for op in operations:
            row = data[who][op]
            values = (row['instructions'] if name == 'instr' else row[name] for name in head)
            print(op.ljust(width), *(f'{value:,}'.rjust(max(8, len(name))) for name, value in zip(head, values)), flush=True)
    progress(f'as JSON in {write(BUILD / "fields.json", json.dumps(data, indent=1))}')
    return 0
