# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A leashed command, and what it started, ends with its parent, and is counted while it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from drivseg_ros.base.usage import usage_below

LEASH = 'drivseg_ros.base.leash'
# A command that starts another process, as `ros2 run` does, and burns some CPU.
FAMILY = """
import os, signal, subprocess, sys, time
if 'deaf' in sys.argv:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)'])
while time.process_time() < 0.3:
    pass
with open(sys.argv[1] + '.new', 'w') as file:
    file.write(f'{os.getpid()} {child.pid}')
os.replace(sys.argv[1] + '.new', sys.argv[1])
time.sleep(100)
"""
PARENT = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, '-m', sys.argv[1], str(os.getpid()), *sys.argv[2:]])
time.sleep(100)
"""


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def has_ended(pid: int) -> bool:
    try:
        state = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
    except OSError:
        return True
    return state == 'Z'


def start(command: list[str], pids: Path) -> tuple[subprocess.Popen[str], list[int]]:
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_for(pids.exists, 'the family is there')
    return process, [int(word) for word in pids.read_text().split()]


def leashed(*command: object) -> list[str]:
    return [sys.executable, '-m', LEASH, str(os.getpid()), *map(str, command)]


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize('deaf', [[], ['deaf']])
def test_it_ends_with_its_parent(tmp_path: Path, number: int, deaf: list[str]) -> None:
    pids = tmp_path / 'pids'
    command = [sys.executable, '-c', PARENT, LEASH, sys.executable, '-c', FAMILY, str(pids), *deaf]
    parent, family = start(command, pids)
    os.kill(parent.pid, number)
    parent.wait()
    for pid in family:
        wait_for(lambda pid=pid: has_ended(pid), f'{pid} ends')  # type: ignore[misc]


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_told(tmp_path: Path, number: int) -> None:
    pids = tmp_path / 'pids'
    leash, family = start(leashed(sys.executable, '-c', FAMILY, pids), pids)
    os.kill(leash.pid, number)
    leash.communicate()
    assert leash.returncode != 0
    for pid in family:
        wait_for(lambda pid=pid: has_ended(pid), f'{pid} ends')  # type: ignore[misc]


def test_all_that_run_below_it_are_counted(tmp_path: Path) -> None:
    pids = tmp_path / 'pids'
    leash, family = start(leashed(sys.executable, '-c', FAMILY, pids), pids)
    try:
        usage = usage_below(leash.pid)
        assert usage.processes == frozenset(family)
        assert 0.25 <= usage.cpu_s < 10
        resident = sum(
            int(Path(f'/proc/{pid}/statm').read_text().split()[1]) for pid in family
        ) * os.sysconf('SC_PAGE_SIZE')
        assert usage.memory_mb == pytest.approx(resident / 1e6, rel=0.05)
    finally:
        leash.terminate()
        leash.communicate()
    assert not usage_below(leash.pid).processes


@pytest.mark.parametrize(
    ('command', 'status', 'said'),
    [
        ([sys.executable, '-c', 'import sys; sys.exit(7)'], 7, ''),
        ([sys.executable, '-c', 'import os; os.kill(os.getpid(), 9)'], 137, ''),
        (['no_such_program_here'], 127, 'no_such_program_here cannot be started'),
    ],
)
def test_exit_status(command: list[str], status: int, said: str) -> None:
    run = subprocess.run(leashed(*command), capture_output=True, text=True, check=False)
    assert run.returncode == status
    assert said in run.stderr
