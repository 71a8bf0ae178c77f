# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Starts the process that builds a plan, and tells what becomes of it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from drivseg_ros.engines.base import BuildProgress, OnProgress
from drivseg_ros.engines.build_process import BuildRequest
from drivseg_ros.engines.tensorrt_messages import shorten
from drivseg_ros.errors import EngineError

OnLine = Callable[[str], None]
"""Told each line of the builder's log."""


def build_in_child(
    request: BuildRequest,
    *,
    log: Path,
    on_progress: OnProgress,
    on_line: OnLine | None = None,
) -> None:
    """Builds a plan into the cache, in another process.

    An exception that `on_progress` or `on_line` raises ends the build, and is passed on.

    Args:
        request: what to build.
        log: file that gets the builder's log.
        on_progress: told how far it is.
        on_line: told each line of the log.

    Raises:
        EngineError: if there is no plan at the end; the text says why.
    """
    command = [sys.executable, '-m', 'drivseg_ros.engines.build_process', request.to_json()]
    with _open_log(log) as log_file:
        error, last_error = '', ''
        # The environment is passed on whole: the ROS wheels look at it when Python starts.
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log_file or subprocess.DEVNULL,
        ) as process:
            try:
                for line in process.stdout or ():
                    message = json.loads(line)
                    if 'log' in message:
                        last_error = message['log'] if message['is_error'] else last_error
                        _write(log_file, message['log'])
                        if on_line is not None:
                            on_line(message['log'])
                    elif 'error' in message:
                        error = message['error']
                    else:
                        on_progress(BuildProgress(message['step'], message['fraction']))
            except BaseException:
                process.kill()
                raise
    if process.returncode:
        reason = error or _ending(process.returncode, last_error or _last_line(log))
        raise EngineError(f'no plan for {request.model}: {reason}; the log is {log}')


@contextlib.contextmanager
def _open_log(path: Path) -> Iterator[IO[bytes] | None]:
    # The log is a help, not the result: where there is no room for it, the build goes on.
    try:
        file = path.open('wb', buffering=0)
    except OSError:
        yield None
        return
    with file:
        yield file


def _write(file: IO[bytes] | None, line: str) -> None:
    if file is not None:
        with contextlib.suppress(OSError):
            file.write(line.encode() + b'\n')


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(errors='replace').split('\n')
    except OSError:
        return ''
    return next((line for line in reversed(lines) if line.strip()), '')


def _ending(status: int, last_words: str) -> str:
    if status == -signal.SIGKILL:
        return (
            'the builder was killed (SIGKILL), most often by the system because memory ran out; '
            'end other programs, or build on a machine with more'
        )
    words = f', and its last words were: {shorten(last_words)}' if last_words else ''
    if status < 0:
        return f'the builder crashed ({signal.Signals(-status).name}){words}'
    return f'the builder ended with exit status {status}{words}'
