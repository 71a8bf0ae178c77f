# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`drivseg doctor`: what this machine can run, and what to install for the rest."""

from __future__ import annotations

from typing import Annotated

import typer

from drivseg_ros.base.output_files import check_output_files
from drivseg_ros.cli.console import err, out, write_json
from drivseg_ros.cli.options import JsonFile, Overwrite

_STYLES = {'ok': None, 'note': 'yellow', 'problem': 'red'}


def doctor(
    self_test: Annotated[
        bool, typer.Option('--self-test/--no-self-test', help='Run a frame on every engine.')
    ] = True,
    json: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Report what this machine can run, and what is missing.

    Put the output into bug reports: it has no names of users or machines. The exit status is 1 if
    the default network does not work with the engine `auto`.
    """
    check_output_files([json], overwrite=overwrite)
    from drivseg_ros.doctor import examine
    from drivseg_ros.doctor.page import lines

    with err.status('') as status:
        examination = examine(self_test=self_test, on_step=status.update)
    for line, level in lines(examination):
        out.print(line, style=_STYLES[level.value], markup=False, soft_wrap=True)
    write_json(json, examination.describe())
    if not examination.works:
        raise typer.Exit(1)
