# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The command `drivseg`."""

from __future__ import annotations

import logging

from drivseg_ros.base.install_hint import pip_install
from drivseg_ros.base.program import run_program
from drivseg_ros.errors import MissingDependencyError

# The first that takes `Path | None` for an option; Ubuntu 24.04 has 0.9.
_TYPER = (0, 12, 4)


def main() -> None:
    """Runs the command line, and ends the process with its exit status."""
    run_program('drivseg', _begin)


def _begin() -> None:
    _check_typer()
    _run()


def _run() -> None:
    try:
        from rich.logging import RichHandler

        from drivseg_ros.cli.app import app
        from drivseg_ros.cli.console import err
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f'the Python package {error.name!r} is not installed; {pip_install(str(error.name))}'
        ) from None
    except ImportError as error:
        lines = str(error).strip().splitlines() or [repr(error)]
        raise MissingDependencyError(
            f'a Python package that is installed cannot be imported ({lines[0]}): install it '
            'again; python -m drivseg_ros.doctor says which one'
        ) from None
    logging.basicConfig(
        level=logging.WARNING,
        format='%(message)s',
        handlers=[RichHandler(console=err, show_time=False, show_path=False)],
    )
    app(prog_name='drivseg')


def _check_typer() -> None:
    wanted = '.'.join(map(str, _TYPER))
    try:
        import typer
    except ModuleNotFoundError:
        found = None
    else:
        found = typer.__version__
        if tuple(int(part) for part in found.split('.')[:3] if part.isdigit()) >= _TYPER:
            return
    given = 'typer is not installed' if found is None else f'typer {found} is too old'
    raise MissingDependencyError(f'{given}; {pip_install(f"typer>={wanted}")}')
