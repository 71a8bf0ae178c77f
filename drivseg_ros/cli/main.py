# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How the command `drivseg` begins and ends: an error is one line and exit status 1."""

from __future__ import annotations

import logging
import signal
import sys

from drivseg_ros.base.install_hint import pip_install
from drivseg_ros.errors import DrivsegError, MissingDependencyError

# The first that takes `Path | None` for an option; Ubuntu 24.04 has 0.9.
_TYPER = (0, 12, 4)


def main() -> None:
    """Runs the command line."""
    try:
        _check_typer()
        _run()
    except DrivsegError as error:
        sys.stderr.write(f'drivseg: {error}\n')
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write('drivseg: interrupted\n')
        sys.exit(128 + signal.SIGINT)
    except OSError as error:
        if error.filename is None:  # not about a file of the user's
            raise
        sys.stderr.write(
            f'drivseg: {error.filename} cannot be read or written ({error.strerror}); name another '
            'file or folder, or make room and the permissions for it\n'
        )
        sys.exit(1)


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
            'again; python -m drivseg_ros.doctor tells which one'
        ) from None
    logging.basicConfig(
        level=logging.WARNING,
        format='%(message)s',
        handlers=[RichHandler(console=err, show_time=False, show_path=False)],
    )
    app()


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
