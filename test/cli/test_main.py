# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""However a command ends, it is one line."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from bag_files import samples, write_rosbag2
from command_line import drivseg

from drivseg_ros.base.program import TRACEBACK_VARIABLE
from drivseg_ros.cli import main


def test_a_file_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> None:
        raise PermissionError(13, 'Permission denied', '/car/frames')

    monkeypatch.setattr(main, '_run', run)
    with pytest.raises(SystemExit) as caught:
        main.main()
    assert caught.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith('drivseg: /car/frames cannot be read or written (Permission denied);')
    assert said.count('\n') == 1


@pytest.mark.parametrize(
    ('error', 'words'),
    [
        (ChildProcessError(10, 'No child processes'), 'ChildProcessError: [Errno 10] No child'),
        (ValueError('first\nsecond'), 'ValueError: first; '),
        (MemoryError(), 'MemoryError; '),
    ],
    ids=str,
)
@pytest.mark.parametrize('traceback', ['', '0', '1'])
def test_whatever_is_left_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    words: str,
    traceback: str,
) -> None:
    def run() -> None:
        raise error

    monkeypatch.setattr(main, '_run', run)
    monkeypatch.setenv(TRACEBACK_VARIABLE, traceback)
    with pytest.raises(SystemExit) as caught:
        main.main()
    assert caught.value.code == 1
    *before, last = capsys.readouterr().err.splitlines()
    assert last.startswith(f'drivseg: unexpected error, {words}')
    assert 'DRIVSEG_TRACEBACK=1' in last
    assert ('Traceback (most recent call last):' in before) == (traceback == '1')
    assert bool(before) == (traceback == '1')


@pytest.mark.process
@pytest.mark.parametrize(
    ('line', 'status'),
    [
        ('COLUMNS=0 LINES=0 {} models', 0),
        ('COLUMNS=1 {} --help', 0),
        ('PYTHONIOENCODING=ascii {} --help', 0),
        ('PYTHONIOENCODING=latin-1 {} models', 0),
        ('{} models >&-', 0),
        ('{} models 2>&-', 0),
        ('{} nothing 2>&-', 2),
        ('{} models show nothing 2>/dev/full', 1),
        ('{} models >/dev/full', 1),
        ('{} --version >/dev/full', 1),
        ('{} models list --json - >/dev/full', 1),
        ('PYTHONUNBUFFERED=1 {} dataset kinds >/dev/full', 1),
        ('mkdir "$GONE"; cd "$GONE"; rmdir "$GONE"; {} models', 0),
        ('mkdir "$GONE"; cd "$GONE"; rmdir "$GONE"; {} doctor', 1),
        ('mkdir "$GONE"; cd "$GONE"; rmdir "$GONE"; {} dataset check folder x', 1),
        ('umask 002; {} models', 0),
        ('ROS_DOMAIN_ID=abc {} models', 0),
    ],
)
def test_on_any_console(line: str, status: int, tmp_path: Path) -> None:
    command = line.format(shlex.join([sys.executable, '-m', 'drivseg_ros.cli']))
    environment = {**os.environ, 'GONE': str(tmp_path / 'gone')}
    done = subprocess.run(
        ['sh', '-c', command], capture_output=True, text=True, check=False, env=environment
    )
    assert 'unexpected error' not in done.stderr
    assert done.returncode == status, done.stderr
    assert 'Traceback' not in done.stderr
    assert 'Exception ignored' not in done.stderr
    assert done.stderr.count('\n') == (status == 1 and '2>' not in line)


@pytest.mark.parametrize(
    ('line', 'status'),
    [
        ('{} -m drivseg_ros.node --help >/dev/full', 1),
        ('{} -m drivseg_ros.node --help >&-', 0),
        ('{} -m drivseg_ros.doctor >/dev/full', 1),
        ('{} -m drivseg_ros.doctor >&-', 0),
    ],
)
@pytest.mark.process
def test_programs_on_any_console(line: str, status: int) -> None:
    command = line.format(shlex.quote(sys.executable))
    done = subprocess.run(['sh', '-c', command], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert 'Traceback' not in done.stderr
    assert 'Exception ignored' not in done.stderr
    assert ('writing failed' in done.stderr or 'cannot be written' in done.stderr) == bool(status)


@pytest.mark.ros
@pytest.mark.process
@pytest.mark.parametrize('domain', ['abc', '233', '99999'])
def test_a_domain_that_is_none(domain: str, tmp_path: Path) -> None:
    write_rosbag2(tmp_path / 'bag', samples())
    for module, *arguments in (
        ('drivseg_ros.cli', 'play', str(tmp_path / 'bag')),
        ('drivseg_ros.cli', 'record', '/a', '--output', str(tmp_path / 'made')),
        ('drivseg_ros.node',),
    ):
        done = subprocess.run(
            [sys.executable, '-m', module, *arguments],
            capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, 'ROS_DOMAIN_ID': domain},
        )  # fmt: skip
        assert done.returncode == 1
        last = done.stderr.splitlines()[-1]
        assert 'ROS 2 cannot be started: ' in last
        assert f"ROS_DOMAIN_ID is '{domain}'; 0 to 101 are allowed" in last
        assert 'Traceback' not in done.stderr


def test_help_shows_all_of_an_engine_spec() -> None:
    shown = drivseg('bench', 'engine', '--help', COLUMNS='80').stdout
    for part in ('openvino:bf16', 'torch:fp16@cuda', 'int8.onnx=openvino'):
        assert part in shown


def test_interrupted_before_a_command_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, '_run', lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(SystemExit) as caught:
        main.main()
    assert caught.value.code == 130
    assert capsys.readouterr().err == 'drivseg: interrupted\n'
