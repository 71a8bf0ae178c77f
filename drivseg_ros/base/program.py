# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How a program of ours begins and ends: an error is one line and an exit status."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

from drivseg_ros.base.control_characters import shown
from drivseg_ros.base.interruption import exit_status
from drivseg_ros.errors import DrivsegError

TRACEBACK_VARIABLE = 'DRIVSEG_TRACEBACK'
"""The environment variable that, set to 1, makes errors print their traceback, too."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def run_program(name: str, action: Callable[[], object]) -> NoReturn:
    """Runs a program, and ends the process with its exit status.

    Args:
        name: begins the line of an error.
        action: the program; it ends by itself, by SystemExit, or by an error.
    """
    prepare_console()
    status: object = 0
    try:
        action()
    except SystemExit as end:
        status = end.code or 0
    except KeyboardInterrupt as interrupt:
        status = _report(name, 'interrupted', exit_status(interrupt))
    except BrokenPipeError:  # whoever read the output has enough of it
        status = 1
    except Exception as error:
        status = report_error(name, error)
    sys.exit(_flush(name) or status)  # type: ignore[arg-type]


def report_error(name: str, error: Exception) -> int:
    """Prints the one line of an error, before it the traceback if that is asked for; gives 1."""
    if os.environ.get(TRACEBACK_VARIABLE, '0') not in ('', '0'):
        traceback.print_exc()
    return _report(name, _sentence(error), 1)


def prepare_console() -> None:
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


def _report(name: str, sentence: str, status: int) -> int:
    with contextlib.suppress(OSError):  # stderr is closed or full
        sys.stderr.write(f'{name}: {shown(sentence)}\n')
        sys.stderr.flush()
    return status


def _flush(name: str) -> int:
    """Flushes stdout while an error can still be reported; gives 1 if it cannot be written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 1
        return _report(name, f'stdout cannot be written ({error.strerror})', 1)
    return 0
