# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An interrupted command ends with one line and the status a shell expects."""

from __future__ import annotations

import signal
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from drivseg_ros.base.interruption import orderly_end
from drivseg_ros.cli.app import app as drivseg
from drivseg_ros.cli.command_group import CommandGroup

app = typer.Typer(cls=CommandGroup)


@app.command()
def wait(number: int) -> None:
    with orderly_end():
        signal.raise_signal(number)


def _raise(number: int) -> int:
    signal.raise_signal(number)
    return number


@app.callback()
def options(number: Annotated[int, typer.Option(callback=_raise)] = 0) -> None:
    pass


@app.command()
def fail() -> None:
    raise ValueError('of its own')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_one_line(number: int) -> None:
    result = CliRunner().invoke(app, ['wait', str(int(number))])
    assert (result.exit_code, result.output) == (128 + number, 'interrupted\n')


def test_a_signal_while_arguments_are_read_is_one_line() -> None:
    result = CliRunner().invoke(app, ['--number', '2', 'fail'])
    assert (result.exit_code, result.output) == (130, 'interrupted\n')


def test_other_ends_are_left_alone() -> None:
    result = CliRunner().invoke(app, ['fail'])
    assert isinstance(result.exception, ValueError)
    assert CliRunner().invoke(app, ['nothing']).exit_code == 2


def test_drivseg_is_such_a_group() -> None:
    assert isinstance(typer.main.get_command(drivseg), CommandGroup)
