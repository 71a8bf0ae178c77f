# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A worker answers, tells, fails and dies, and its parent hears of each."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivseg_ros.base.workers import Worker
from drivseg_ros.errors import DrivsegError, MissingDependencyError

MODULE = """
import os, signal, sys, time
from drivseg_ros.errors import EngineError, MissingDependencyError
from drivseg_ros.base.workers import serve

def handle(request, tell):
    what = request['do']
    if what == 'add':
        print('libraries print')
        os.write(1, b'even so\\n')
        for i in range(request['notes']):
            tell({'i': i})
        return sum(request['numbers'])
    if what == 'refuse':
        raise EngineError('no such device')
    if what == 'miss':
        raise MissingDependencyError('pip install it')
    if what == 'err':
        return 1 / 0
    if what == 'crash':
        print('about to crash', file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == 'exit':
        os._exit(3)
    if what == 'wait':
        tell({'pid': os.getpid()})
        time.sleep(60)

serve(handle)
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    (tmp_path / 'some_worker.py').write_text(MODULE)
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}:{Path(__file__).resolve().parents[2]}')
    with Worker('the sum', 'some_worker', log=tmp_path / 'log') as made:
        yield made


def test_it_answers_again_and_again_and_tells_meanwhile(worker: Worker) -> None:
    notes: list[int] = []
    for n in (3, 0):
        request = {'do': 'add', 'numbers': [n, 4], 'notes': n}
        assert worker.ask(request, on_note=lambda note: notes.append(note['i'])) == n + 4
    assert notes == [0, 1, 2]


@pytest.mark.parametrize(
    ('what', 'kind', 'text'),
    [
        ('refuse', DrivsegError, 'no such device'),
        ('miss', MissingDependencyError, 'pip install it'),
        ('err', DrivsegError, 'ZeroDivisionError: division by zero'),
    ],
)
def test_an_error_is_passed_on_and_it_goes_on(
    worker: Worker, what: str, kind: type[DrivsegError], text: str
) -> None:
    with pytest.raises(kind, match=text) as caught:
        worker.ask({'do': what})
    assert type(caught.value) is kind
    assert worker.ask({'do': 'add', 'numbers': [1], 'notes': 0}) == 1


@pytest.mark.parametrize(
    ('what', 'text'),
    [
        ('crash', 'process of the sum ended with SIGSEGV; it said last: about to crash'),
        ('exit', 'process of the sum ended with status 3'),
    ],
)
def test_a_death_is_told(worker: Worker, what: str, text: str) -> None:
    for _ in range(2):
        with pytest.raises(DrivsegError, match=text):
            worker.ask({'do': what})


def test_it_ends_with_the_block(tmp_path: Path, worker: Worker) -> None:
    worker.ask({'do': 'add', 'numbers': [], 'notes': 0})
    worker.close()
    assert not Path(f'/proc/{worker.pid}').exists()


PARENT = """
import os, sys
from pathlib import Path
from drivseg_ros.base.workers import Worker

def note(told):
    print(told['pid'], flush=True)

with Worker('the sleeper', 'some_worker', log=Path(sys.argv[1])) as worker:
    worker.ask({'do': 'wait'}, on_note=note)
"""


def test_it_does_not_outlive_a_parent_that_was_killed(worker: Worker, tmp_path: Path) -> None:
    """In the middle of its work, when it reads no request."""
    arguments = [sys.executable, '-c', PARENT, str(tmp_path / 'other.log')]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert runs(pid)
        parent.kill()
    end = time.monotonic() + 30
    while runs(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not runs(pid)


def runs(pid: int) -> bool:
    """Whether there is such a process, and not only what is left of one."""
    try:
        status = Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return False
    return status.rpartition(')')[2].split()[0] != 'Z'
