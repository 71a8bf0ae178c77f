# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How the command `drivseg` begins and ends: an error is one line and an exit status."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
import traceback

from drivseg_ros.base.control_characters import shown
from drivseg_ros.base.install_hint import pip_install
from drivseg_ros.base.interruption import exit_status
from drivseg_ros.errors import DrivsegError, MissingDependencyError

TRACEBACK_VARIABLE = 'DRIVSEG_TRACEBACK'
"""The environment variable that, set to 1, makes errors print their traceback, too."""
# The first that takes `Path | None` for an option; Ubuntu 24.04 has 0.9.
_TYPER = (0, 12, 4)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def main() -> None:
    """Runs the command line, and ends the process with its exit status."""
    _prepare_console()
    status: object = 0
    try:
        _check_typer()
        _run()
    except SystemExit as end:
        status = end.code or 0
    except KeyboardInterrupt as interrupt:
        status = _report('interrupted', exit_status(interrupt))
    except BrokenPipeError:  # whoever read the output has enough of it
        status = 1
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE, '0') not in ('', '0'):
            traceback.print_exc()
        status = _report(_sentence(error), 1)
    sys.exit(_flush() or status)  # type: ignore[arg-type]


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


def _sentence(error: Exception) -> str:
    if isinstance(error, DrivsegError):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return (
            f'{error.filename} cannot be read or written ({error.strerror}); name another file or '
            'folder, or make room and the permissions for it'
        )
    if isinstance(error, OSError) and error.errno in _FULL:
        return (
            f'writing failed ({error.strerror}); make room where the output goes, or send it '
            'elsewhere'
        )
    if isinstance(error, FileNotFoundError) and not _has_folder():
        return 'the folder that this was called from is gone; change into one that exists'
    lines = str(error).strip().splitlines()
    what = ': '.join([type(error).__name__, *lines[:1]])
    return (
        f'unexpected error, {what}; with {TRACEBACK_VARIABLE}=1 the command prints the traceback, '
        'please report it with the output of drivseg doctor'
    )


def _has_folder() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return False
    return True


def _report(sentence: str, status: int) -> int:
    with contextlib.suppress(OSError):  # stderr is closed or full
        sys.stderr.write(f'drivseg: {shown(sentence)}\n')
        sys.stderr.flush()
    return status


def _prepare_console() -> None:
    """Makes printing safe: on a console that is closed, is not UTF-8, or has no width."""
    for name in ('stdout', 'stderr'):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell
            setattr(sys, name, open(os.devnull, 'w'))  # noqa: SIM115  # until the process ends
        elif hasattr(stream, 'reconfigure'):
            stream.reconfigure(errors='backslashreplace')
    for name in ('COLUMNS', 'LINES'):
        if not os.environ.get(name, '1').strip('0'):  # rich takes a width of 0 at its word
            del os.environ[name]


def _flush() -> int:
    """Flushes stdout while an error can still be reported; gives 1 if it cannot be written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 1
        return _report(f'stdout cannot be written ({error.strerror})', 1)
    return 0


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
