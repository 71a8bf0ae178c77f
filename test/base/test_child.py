# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Children answer, report, fail, hang and die; their parent hears of each, and they end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from drivseg_ros.base.child import Program, Worker
from drivseg_ros.errors import (
    DataError,
    DrivsegError,
    EngineError,
    ImageError,
    MissingDependencyError,
)

WORKER = """
import os, signal, sys, threading, time
from dataclasses import dataclass
from pathlib import Path
from drivseg_ros.errors import EngineError, ImageError, MissingDependencyError
from drivseg_ros.base.child import serve

@dataclass
class Request:
    do: str
    numbers: list[int]
    path: Path = Path()

def handle(request, note):
    what = request.do
    if what == 'add':
        print('libraries print')
        os.write(1, b'even so\\n')
        threads = [threading.Thread(target=note, args=({'i': i},)) for i in request.numbers]
        for thread in threads:
            thread.start()
            thread.join()
        return {'sum': sum(request.numbers), 'path': request.path / 'x'}
    if what == 'refuse':
        raise EngineError('no such device')
    if what == 'miss':
        raise MissingDependencyError('install it')
    if what == 'image':
        raise ImageError('no picture', kind='encoding')
    if what == 'err':
        return 1 / 0
    if what == 'nan':
        return float('nan')
    if what == 'crash':
        print('about to crash', file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == 'memory':
        os.kill(os.getpid(), signal.SIGKILL)
    if what == 'exit':
        os._exit(3)
    if what == 'wait':
        note(os.getpid())
        time.sleep(60)
    if what == 'see the end':
        note(os.getpid())
        sys.stdin.read()

serve(handle, Request)
"""
PROGRAM = """
import os, signal, sys, time
print('hello', os.environ['GREETING'], flush=True)
if 'fail' in sys.argv:
    sys.exit('I cannot')
if 'deaf' in sys.argv:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print('deaf', flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    print('goodbye', flush=True)
"""


def start(tmp_path: Path, *arguments: str) -> Program:
    return Program(
        'child',
        [sys.executable, '-c', PROGRAM, *arguments],
        log=tmp_path / 'logs' / 'child.log',
        environment={'GREETING': 'world'},
    )


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'some_worker.py').write_text(WORKER)
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}:{Path(__file__).resolve().parents[2]}')


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    with Worker('the sum', 'some_worker', log=tmp_path / 'logs' / 'log') as made:
        yield made


def asked(what: str, *numbers: int) -> dict[str, object]:
    return {'do': what, 'numbers': numbers, 'path': Path('folder')}


def test_it_answers_again_and_again_and_reports_meanwhile(worker: Worker, tmp_path: Path) -> None:
    notes: list[int] = []
    for n in (3, 0):
        request = asked('add', *range(n), np.int64(4))  # type: ignore[arg-type]
        answer = worker.ask(request, on_note=lambda note: notes.append(note['i']))
        assert answer == {'sum': sum(range(n)) + 4, 'path': 'folder/x'}
    assert notes == [0, 1, 2, 4, 4]
    assert worker.log() == (tmp_path / 'logs' / 'log').read_text()
    assert worker.log_end(1) == 'even so'
    answer = worker.ask(asked('nan'))
    assert answer != answer


@pytest.mark.parametrize(
    ('what', 'kind', 'text'),
    [
        ('refuse', EngineError, 'no such device'),
        ('miss', MissingDependencyError, 'install it'),
        ('image', DrivsegError, 'no picture'),  # ImageError needs more than a text
        ('err', DrivsegError, 'ZeroDivisionError: division by zero'),
    ],
)
def test_an_error_is_passed_on_and_it_goes_on(
    worker: Worker, what: str, kind: type[DrivsegError], text: str
) -> None:
    assert issubclass(ImageError, DrivsegError)
    with pytest.raises(kind, match=text) as caught:
        worker.ask(asked(what))
    assert type(caught.value) is kind
    assert worker.ask(asked('add', 1))['sum'] == 1


def test_a_request_of_another_form_is_refused(worker: Worker) -> None:
    with pytest.raises(
        DataError, match=r'the request has "one" at numbers\[0\]; needed is an integer'
    ):
        worker.ask({'do': 'add', 'numbers': ['one']})


@pytest.mark.parametrize(
    ('what', 'text'),
    [
        ('crash', r'sum was ended by signal 11 \(Segmentation fault\); it printed last: about to'),
        ('exit', r'of the sum ended with exit status 3$'),
        ('memory', r'of the sum was killed \(SIGKILL\), .* memory ran out; end other programs'),
    ],
)
def test_a_death_is_reported(worker: Worker, what: str, text: str) -> None:
    for _ in range(2):
        with pytest.raises(DrivsegError, match=text):
            worker.ask(asked(what))


def test_one_that_hangs_is_ended() -> None:
    with Worker('the sum', 'some_worker') as worker:
        assert worker.ask(asked('add', 1), timeout_s=60)['sum'] == 1
        with pytest.raises(DrivsegError, match=r'^the sum hung, and was ended after 0\.5 s$'):
            worker.ask(asked('wait'), timeout_s=0.5)
        assert not worker.running


def test_it_ends_with_the_block(worker: Worker) -> None:
    worker.ask(asked('add'))
    worker.close()
    assert not Path(f'/proc/{worker.pid}').exists()


def test_what_a_listener_raises_ends_it() -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Worker('the sum', 'some_worker') as worker:
        worker.ask(asked('wait'), on_note=interrupt)
    assert not runs(worker.pid)


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    with Worker('the sum', 'some_worker', log=Path('/proc/no/log')) as worker:
        assert worker.ask(asked('add', 1))['sum'] == 1
        assert worker.log_end(1) == 'even so'


PARENT = """
import sys
from drivseg_ros.base.child import Worker

request = {'do': sys.argv[1], 'numbers': []}
with Worker('the sleeper', 'some_worker', orderly=sys.argv[2] == 'True') as worker:
    worker.ask(request, on_note=lambda note: print(note, flush=True))
"""


@pytest.mark.parametrize('state', ['busy', 'stopped', 'orderly'])
def test_it_does_not_outlive_a_parent_that_was_killed(state: str) -> None:
    """In the middle of its work, when it reads no request, or is in a library that never yields."""
    what = 'see the end' if state == 'orderly' else 'wait'
    arguments = [sys.executable, '-c', PARENT, what, str(state == 'orderly')]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert runs(pid)
        if state == 'stopped':
            os.kill(pid, signal.SIGSTOP)
        parent.kill()
    end = time.monotonic() + 30
    while runs(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not runs(pid)


def test_an_orderly_one_is_not_killed_for_an_error_beside_it(tmp_path: Path) -> None:
    worker = Worker('the sum', 'some_worker', log=tmp_path / 'log', orderly=True)

    def fail() -> None:
        with worker:
            worker.ask(asked('add'))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert worker._process.returncode == 0


def runs(pid: int) -> bool:
    """Whether there is such a process, and not only what is left of one."""
    try:
        status = Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return False
    return status.rpartition(')')[2].split()[0] != 'Z'


def test_a_program_ends_as_by_ctrl_c(tmp_path: Path) -> None:
    with start(tmp_path) as child:
        child.wait_for('hello world', timeout_s=20)
        assert child.running
        child.check()
    assert not child.running
    assert 'goodbye' in (tmp_path / 'logs' / 'child.log').read_text()
    assert child.stop() == 0


def test_a_deaf_program_is_killed(tmp_path: Path) -> None:
    with start(tmp_path, 'deaf') as child:
        child.wait_for('deaf', timeout_s=20)
    assert child.stop() == 128 + signal.SIGKILL


def test_failure_shows_what_it_printed(tmp_path: Path) -> None:
    with start(tmp_path, 'fail') as child:
        with pytest.raises(DrivsegError, match='I cannot'):
            child.wait_for('something else', timeout_s=20)
        with pytest.raises(DrivsegError, match=r'(?s)ended with exit status 1; .*I cannot'):
            child.check()


def test_one_that_should_go_on_may_not_end_without_an_error_either(tmp_path: Path) -> None:
    with start(tmp_path) as child:
        child.wait_for('hello', timeout_s=20)
        child.check(may_be_done=False)
        assert child.stop() == 0
        child.check()
        with pytest.raises(DrivsegError, match=r'(?s)ended with exit status 0; .*goodbye'):
            child.check(may_be_done=False)
        # What it printed before is there, and what it never printed will not come.
        child.wait_for('goodbye', timeout_s=20)
        with pytest.raises(DrivsegError, match='ended with exit status 0'):
            child.wait_for('more', timeout_s=20)


def test_a_failure_is_reported_without_the_time(tmp_path: Path) -> None:
    with start(tmp_path) as child, pytest.raises(DrivsegError, match=r'child cannot work: world$'):
        child.wait_for('never', timeout_s=20, failure='world')


def test_time_is_over(tmp_path: Path) -> None:
    with start(tmp_path) as child:
        child.wait_for('hello', timeout_s=20)
        with pytest.raises(DrivsegError, match=r"did not print 'never' within 0 s"):
            child.wait_for('never', timeout_s=0.1)
