# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg doctor`: what this machine can run, and what to install for the rest."""

from __future__ import annotations

from typing import Annotated

import typer

from drivseg_ros.cli.console import err, out
from drivseg_ros.cli.options import JsonFile
from drivseg_ros.cli.output_file import CONSOLE, check_writable, write_json

_STYLES = {'ok': None, 'note': 'yellow', 'problem': 'red'}


def doctor(
    json: JsonFile = None,
    self_test: Annotated[
        bool, typer.Option('--self-test/--no-self-test', help='Run a frame on every engine.')
    ] = True,
) -> None:
    """Say what this machine can run, and what to install for the rest.

    The page belongs into a bug report; it holds no names of users or machines. The exit status is
    1 if the default network does not work on the engine that is taken by itself.
    """
    from drivseg_ros.doctor import examine
    from drivseg_ros.doctor.page import lines

    if json is not None:
        check_writable(json)
    with err.status('') as status:
        examination = examine(self_test=self_test, on_step=status.update)
    if json is not None:
        write_json(json, examination.describe())
    if json != CONSOLE:
        for line, level in lines(examination):
            out.print(line, style=_STYLES[level.value], markup=False, soft_wrap=True)
    if not examination.works:
        raise typer.Exit(1)
