# SPDX-License-Identifier: GPL-2.0-only
"""Runs one test in the emulated host and says how it ended: for check, and for what else tells of tests in its own way."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / 'host'), str(HERE / 'bench')]
from kernels import HostError               # noqa: E402
from tracing import segments                # noqa: E402

TOP = HERE.parent
RUN = TOP / 'selftests/host/run'
SILENCE = 500   # seconds of CPU time that one machine may take for a program without a word of it
LIMIT = 5400    # seconds that it may take for it at all
SPARE = 1200    # more for what is no part of the run, as to make a saved machine; the runner ends by itself in time

RESULT = re.compile(r'^(ok|not ok) (\d+)(?: -)? ?([^#\n]*)(?:# *(SKIP)?.*)?$')


def command(words, limit):
    """(status, output with errors); a status of None is a time-out."""
    try:
        done = subprocess.run(words, cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=limit, errors='replace', check=False)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        return None, (late.stdout or b'').decode(errors='replace') + f'\nno end after {limit} s\n'


def tap_results(name, status, output):
    """The results in a program's TAP; that it ended badly, or in the middle, is one more failure."""
    results, planned = [], None
    for line in output.splitlines():
        plan = re.match(r'^1\.\.(\d+)', line)
        if plan:
            planned = int(plan.group(1))
        match = RESULT.match(line)
        if match:
            word, _, test, skip = match.groups()
            results.append(('skip' if skip and word == 'ok' else 'ok' if word == 'ok' else 'failed',
                            f'{name}: {test.strip()}', line if skip else output))
    failed = any(result == 'failed' for result, _, _ in results)
    if not results or planned != len(results) or (status != 0 and not failed):
        results.append(('failed', f'{name}: ends well (status {status}, {len(results)} of {planned} results)', output))
    return results


def limits(silence):
    """Options of the runner. No test ends by the clock while it gets on, however busy this machine is."""
    return ['--idle-timeout', str(silence), '--timeout', str(LIMIT)]


def kselftests(machine, options, programs):
    """The results of some programs, in one machine; that it ended badly, as by a warning of the kernel's, is a failure of all."""
    script = ''.join(f'/selftests/{program}; echo "# {program} ended with $?";' for program in programs)
    words = [RUN, '--bochs', '--checking', *limits(SILENCE), *options, '--', 'sh', '-c', script]
    status, output = command(words, LIMIT + SPARE)
    results, rest = [], output
    for program in programs:
        own, ended, rest_of_it = re.match(r'(.*?)(?:^# ' + program + r' ended with (\d+)$(.*)|\Z)', rest, re.M | re.S).groups()
        results += tap_results(f'{machine} {program}', int(ended) if ended else 'unknown', own)
        rest = rest_of_it or ''
    if status != 0:
        results.append(('failed', f'{machine} {" ".join(programs)}: the machine ends well (status {status})', output))
    return results


def run_test(test, more=()):
    """(why it failed, or None; its output)"""
    try:
        options = [*test.options, *test.more(), *more]
    except HostError as error:
        return 'it cannot be run', str(error)
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / 'trace'
        words = [RUN, *limits(test.limit), *options, *(['--trace', trace] if test.traced else []), '--', *test.command]
        status, output = command(words, LIMIT + SPARE)
        traced = [[insn.text for insn in segment] for segment in segments(trace)] if trace.exists() else []
    missing = [word for word in test.says if word not in output]
    if status != test.status:
        return f'status {status}, not {test.status}', output
    if missing:
        return f'it does not say {missing}', output
    if traced != test.traced:
        return f'traced was {traced}, not {test.traced}', output
    return None, output


def host_test(test, more=()):
    why, output = run_test(test, more)
    return [('failed' if why else 'ok', f'host {test.name}', f'{output}\n{why}\n' if why else '')]
