# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Child processes: started with the environment, watched, and sure to end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from drivseg_ros.base.processes import Process
from drivseg_ros.errors import DrivsegError

SCRIPT = """
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


@pytest.fixture(autouse=True)
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'child_of_the_test.py').write_text(SCRIPT)
    monkeypatch.setenv('PYTHONPATH', str(tmp_path))


def start(tmp_path: Path, *arguments: str) -> Process:
    return Process(
        'child',
        'child_of_the_test',
        arguments,
        log=tmp_path / 'logs' / 'child.log',
        environment={'GREETING': 'world'},
    )


def test_it_ends_as_by_ctrl_c(tmp_path: Path) -> None:
    with start(tmp_path) as child:
        child.wait_for('hello world', timeout_s=20)
        assert child.running
        child.check()
    assert not child.running
    assert 'goodbye' in child.log()
    assert child.stop() == 0


def test_a_deaf_one_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('drivseg_ros.base.processes._PATIENCE_S', 0.3)
    with start(tmp_path, 'deaf') as child:
        child.wait_for('deaf', timeout_s=20)
    assert child.stop() == -9


def test_failure_shows_what_it_said(tmp_path: Path) -> None:
    with start(tmp_path, 'fail') as child:
        with pytest.raises(DrivsegError, match='I cannot'):
            child.wait_for('something else', timeout_s=20)
        with pytest.raises(DrivsegError, match=r'(?s)ended with status 1; it said:.*I cannot'):
            child.check()


def test_one_that_should_go_on_may_not_end_without_an_error_either(tmp_path: Path) -> None:
    with start(tmp_path) as child:
        child.wait_for('hello', timeout_s=20)
        child.check(may_be_done=False)
        assert child.stop() == 0
        child.check()
        with pytest.raises(DrivsegError, match=r'(?s)ended with status 0; it said:.*goodbye'):
            child.check(may_be_done=False)
        # What it said before is there, and what it never said will not come.
        child.wait_for('goodbye', timeout_s=20)
        with pytest.raises(DrivsegError, match='ended with status 0'):
            child.wait_for('more', timeout_s=20)


def test_a_failure_is_told_without_the_time(tmp_path: Path) -> None:
    with start(tmp_path) as child, pytest.raises(DrivsegError, match=r'child cannot work: world$'):
        child.wait_for('never', timeout_s=20, failure='world')


def test_time_is_over(tmp_path: Path) -> None:
    with start(tmp_path) as child:
        child.wait_for('hello', timeout_s=20)
        with pytest.raises(DrivsegError, match='did not say'):
            child.wait_for('never', timeout_s=0.1)


def test_it_is_this_python(tmp_path: Path) -> None:
    with start(tmp_path) as child:
        child.wait_for('hello', timeout_s=20)  # the wheels of ROS 2 execute Python twice
        command = Path(f'/proc/{child.pid}/cmdline').read_bytes().split(b'\0')
    assert command[0] == sys.executable.encode()
