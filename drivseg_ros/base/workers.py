# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Work done in a process of its own, asked for and answered in lines of JSON.

A runtime that crashes takes its process with it, and no more; and the memory of a process is that
of one runtime.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from drivseg_ros.errors import DrivsegError, MissingDependencyError

_PATIENCE_S = 10.0
_LOOK_S = 0.5
_GRACE_S = 3.0

Tell = Callable[[dict[str, Any]], None]
"""Sends the parent a note while a request is being worked on."""


class Worker:
    """A Python module run as a process that calls `serve`; a context manager.

    Args:
        name: what to call it in messages.
        module: the module, run as `python -m MODULE`.
        log: the file for what it and its libraries print.
        environment: variables added to this process's own.
    """

    def __init__(
        self,
        name: str,
        module: str,
        *,
        log: Path,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.name = name
        self._log = log
        with log.open('w') as file:
            # A session of its own, so that Ctrl-C reaches only the parent, which then ends it.
            self._process = subprocess.Popen(
                [sys.executable, '-m', module],
                env={**os.environ, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def ask(self, request: dict[str, Any], *, on_note: Tell = lambda note: None) -> Any:
        """Sends a request and waits for the answer.

        Args:
            request: plain data.
            on_note: called with what the worker tells meanwhile.

        Returns:
            The answer, plain data.

        Raises:
            MissingDependencyError: if the worker raises one.
            DrivsegError: if the worker fails, or its process ends.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError('a worker is started with pipes')
        try:
            stdin.write(json.dumps(request) + '\n')
            stdin.flush()
        except OSError:
            raise DrivsegError(self._obituary()) from None
        for line in stdout:
            reply = json.loads(line)
            if 'note' in reply:
                on_note(reply['note'])
            elif 'error' in reply:
                kind = MissingDependencyError if reply['missing'] else DrivsegError
                raise kind(reply['error'])
            else:
                return reply['answer']
        raise DrivsegError(self._obituary())

    def end(self) -> None:
        """Asks it to end at once (SIGTERM); whoever waits for its answer hears of its death."""
        self._process.terminate()

    def kill(self) -> None:
        """Ends it by force."""
        self._process.kill()

    def close(self) -> None:
        """Ends it, by force if it does not listen."""
        if self._process.stdin is not None:
            with suppress(OSError):  # it is dead, and has not read all
                self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._process.kill()
        self.close()

    def _obituary(self) -> str:
        status = self._process.wait()
        cause = f'status {status}' if status >= 0 else signal.Signals(-status).name
        said = self._log.read_text(errors='replace').strip().splitlines()
        end = f'; it said last: {said[-1]}' if said else ''
        return f'the process of {self.name} ended with {cause}{end}'


def serve(handle: Callable[[dict[str, Any], Tell], Any]) -> None:
    """Answers the parent's requests until it closes the pipe; ends at once when the parent is gone.

    Args:
        handle: called with a request and a function that sends notes; returns the answer, plain
            data. What it raises is sent instead of an answer.
    """
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    # Libraries print to stdout, too, which must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), 'w')
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def send(reply: dict[str, Any]) -> None:
        answers.write(json.dumps(reply) + '\n')
        answers.flush()

    for line in sys.stdin:
        try:
            answer = handle(json.loads(line), lambda note: send({'note': note}))
        except DrivsegError as error:
            missing = isinstance(error, MissingDependencyError)
            send({'error': str(error), 'missing': missing})
        except Exception as error:  # the parent must hear of it, whatever it is
            traceback.print_exc()
            send({'error': f'{type(error).__name__}: {error}', 'missing': False})
        else:
            send({'answer': answer})


def _end_with(parent: int) -> None:
    """Ends this process when the parent was killed: nobody would ever read the answer."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    # One that waits for a request sees the end of its pipe, and ends in good order by itself.
    time.sleep(_GRACE_S)
    os._exit(1)
