# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""However a command ends, it is one line."""

from __future__ import annotations

import signal

import pytest
from command_line import drivseg

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


def test_other_errors_of_the_system_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> None:
        raise ChildProcessError(10, 'No child processes')

    monkeypatch.setattr(main, '_run', run)
    with pytest.raises(ChildProcessError):
        main.main()


@pytest.mark.parametrize('command', [['parity'], ['bench', 'engine']])
def test_help_shows_all_of_an_engine_spec(command: list[str]) -> None:
    shown = drivseg(*command, '--help', COLUMNS='80').stdout
    for part in ('ENGINE, then', ':PRECISION', '@DEVICE', 'int8.onnx=openvino'):
        assert part in shown


def test_interrupted_before_a_command_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(main, '_run', lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(SystemExit) as caught:
        main.main()
    assert caught.value.code == 130
    assert capsys.readouterr().err == 'drivseg: interrupted\n'
