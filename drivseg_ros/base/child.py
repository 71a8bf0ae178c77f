# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Child processes: workers that answer requests, and programs that are watched by their log.

A runtime that crashes in a worker takes its process with it, and no more; and the memory of a
process is that of one runtime. Both kinds end with the process that started them, however that
comes about, and have a session of their own, so that Ctrl-C reaches only the parent, which ends
them in the right order.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any, TypeVar

from drivseg_ros import errors
from drivseg_ros.base.json_data import from_plain, to_plain
from drivseg_ros.errors import DrivsegError

_LEASH = 'drivseg_ros.base.leash'
_PARENT = 'DRIVSEG_PARENT_PID'
_PR_SET_PDEATHSIG = 1
_WORKER_PATIENCE_S = 10.0
# More than the leash has with the program.
_PROGRAM_PATIENCE_S = 5.0
_LOOK_S = 0.02
_LINES = 8
_LONGEST = 300
_NOTHING: Mapping[str, str] = MappingProxyType({})

OnNote = Callable[[Any], None]
"""Takes a note, plain data."""
T = TypeVar('T')


class _Child:
    """A process and its log."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path | None,
        environment: Mapping[str, str],
        *,
        pipes: bool,
    ) -> None:
        self.name = name
        self._log = _open_log(log)
        # The environment is handed on whole: the ROS wheels need LD_LIBRARY_PATH beside the
        # variable that says it is set.
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
            stdout=subprocess.PIPE if pipes else self._log,
            stderr=self._log,
            text=True,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def log(self) -> str:
        """What it has printed so far."""
        # Not by the file's place, which the child writes at.
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors='replace')

    def log_end(self, lines: int = _LINES) -> str:
        """The end of what it has printed so far."""
        return '\n'.join(self.log().strip().splitlines()[-lines:])

    def terminate(self) -> None:
        """Asks it to end (SIGTERM), without waiting."""
        self._process.terminate()

    def kill(self) -> None:
        """Ends it by force."""
        self._process.kill()

    def _wait(self, patience_s: float) -> int:
        """The exit status, after the time by force."""
        try:
            return self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


class Worker(_Child):
    """A Python module, run as a process, that calls `serve`; a context manager.

    Requests, notes and answers are lines of JSON.

    Args:
        name: what to call it in messages.
        module: the module, run as `python -m MODULE`.
        log: a file for what it and its libraries print; None keeps it in a temporary one, as does
            a file that cannot be written.
        environment: variables added to this process's own.
        orderly: whether it always ends by itself, as one with a ROS node must: Fast DDS leaves
            64 MB of shared memory behind where it is killed. Its requests must not take long
            without looking whether `sys.stdin` has ended. Any other one is killed by the kernel
            when the thread that started it ends.
    """

    def __init__(
        self,
        name: str,
        module: str,
        *,
        log: Path | None = None,
        environment: Mapping[str, str] = _NOTHING,
        orderly: bool = False,
    ) -> None:
        self._orderly = orderly
        self._given_up_s: float | None = None
        parent = {_PARENT: '' if orderly else str(os.getpid())}
        command = [sys.executable, '-m', module]
        super().__init__(name, command, log, {**environment, **parent}, pipes=True)

    def ask(
        self,
        request: Any,
        *,
        on_note: OnNote = lambda note: None,
        timeout_s: float | None = None,
    ) -> Any:
        """Sends a request and waits for the answer.

        Args:
            request: whatever `to_plain` takes.
            on_note: called with what the worker reports meanwhile; what it raises is passed on.
            timeout_s: after so long it is killed.

        Returns:
            The answer, plain data.

        Raises:
            DrivsegError: if the worker raises one, of the same kind; if it fails otherwise, or its
                process ends.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError('a worker is started with pipes')
        with self._limited(timeout_s):
            try:
                stdin.write(json.dumps(to_plain(request)) + '\n')
                stdin.flush()
            except OSError:
                raise DrivsegError(self._ending()) from None
            for line in stdout:
                reply = json.loads(line)
                if 'note' in reply:
                    on_note(reply['note'])
                elif 'error' in reply:
                    raise _KINDS.get(reply['kind'], DrivsegError)(reply['error'])
                else:
                    return reply['answer']
            raise DrivsegError(self._ending())

    def close(self) -> None:
        """Ends it, by force if it does not listen."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it is dead, and has not read all
                self._process.stdin.close()
        self._wait(_WORKER_PATIENCE_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None and not self._orderly:
            self.kill()
        self.close()

    @contextlib.contextmanager
    def _limited(self, timeout_s: float | None) -> Iterator[None]:
        if timeout_s is None:
            yield
            return

        def give_up() -> None:
            self._given_up_s = timeout_s
            self.kill()

        timer = threading.Timer(timeout_s, give_up)
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _ending(self) -> str:
        status = self._process.wait()
        if self._given_up_s is not None:
            return f'{self.name} hung, and was ended after {self._given_up_s:g} s'
        if status == -signal.SIGKILL:
            return (
                f'the process of {self.name} was killed (SIGKILL), most often by the system '
                'because memory ran out; end other programs, or take a machine with more'
            )
        cause = f'ended with exit status {status}'
        if status < 0:
            cause = f'was ended by signal {-status} ({signal.strsignal(-status)})'
        end = self.log_end(1)[-_LONGEST:]
        return f'the process of {self.name} {cause}' + (f'; it printed last: {end}' if end else '')


class Program(_Child):
    """A command that runs until it is stopped or done, watched by its log; a context manager.

    Whatever it starts itself ends with it, too.

    Args:
        name: what to call it in messages.
        command: the program and its arguments.
        log: the file for what it prints.
        environment: variables added to this process's own.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] = _NOTHING,
    ) -> None:
        leashed = [sys.executable, '-m', _LEASH, str(os.getpid()), *command]
        super().__init__(name, leashed, log, environment, pipes=False)

    def check(self, *, may_be_done: bool = True) -> None:
        """Looks whether it is well.

        Args:
            may_be_done: whether it may have ended without an error.

        Raises:
            DrivsegError: if it ended, with the end of what it printed.
        """
        status = self._process.poll()
        if status or (status == 0 and not may_be_done):
            raise DrivsegError(
                f'the {self.name} ended with exit status {status}; it printed last:\n'
                f'{self.log_end()}'
            )

    def wait_for(self, text: str, *, timeout_s: float, failure: str | None = None) -> None:
        """Waits until it has printed a text.

        Args:
            text: the text.
            timeout_s: how long at most.
            failure: a text that says that the other one will not come.

        Raises:
            DrivsegError: if it fails, ends, or the time is over before.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            running = self.running  # before its log is read, whose end may be its last
            printed = self.log()
            if text in printed:
                return
            self.check(may_be_done=running)
            for line in printed.splitlines():
                if failure is not None and failure in line:
                    reason = line[line.index(failure) :]  # without the time, and who says it
                    raise DrivsegError(f'the {self.name} cannot work: {reason}')
            if time.monotonic() > deadline:
                raise DrivsegError(
                    f'the {self.name} did not print {text!r} within {timeout_s:.0f} s; it '
                    f'printed:\n{printed.strip()}'
                )
            time.sleep(_LOOK_S)

    def stop(self) -> int:
        """Ends it as Ctrl-C does, by force if it does not listen.

        Returns:
            Its exit status.
        """
        if self.running:
            self._process.send_signal(signal.SIGINT)
        return self._wait(_PROGRAM_PATIENCE_S)

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
        self._log.close()


def serve(handle: Callable[[T, OnNote], Any], request: type[T] = dict) -> None:  # type: ignore[assignment]
    """Answers the requests of the `Worker` in the parent until it closes the pipe.

    Args:
        handle: called with a request and a function that sends notes, in any thread; returns the
            answer. Notes and answer are whatever `to_plain` takes. What it raises is sent instead
            of an answer.
        request: the type of the requests.
    """
    _end_with(os.environ.get(_PARENT))
    # Libraries print to stdout, too, which must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), 'w')
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    lock = threading.Lock()

    def send(reply: dict[str, Any]) -> None:
        text = json.dumps(to_plain(reply)) + '\n'
        with lock:
            answers.write(text)
            answers.flush()

    for line in sys.stdin:
        try:
            asked = json.loads(line)
            if request is not dict:
                asked = from_plain(request, asked, 'the request')
            answer = handle(asked, lambda note: send({'note': note}))
        except DrivsegError as error:
            send({'error': str(error), 'kind': type(error).__name__})
        except Exception as error:  # the parent must hear of it, whatever it is
            traceback.print_exc()
            send({'error': f'{type(error).__name__}: {error}', 'kind': ''})
        else:
            send({'answer': answer})


def _end_with(parent: str | None) -> None:
    """Has the kernel kill this process when its parent ends: nobody would read the answer.

    No thread could see to it: one gets no turn while a library holds Python's lock.
    """
    if parent:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != int(parent):  # it ended before
            os._exit(1)


def _open_log(path: Path | None) -> IO[bytes]:
    if path is not None:
        # A log is a help: where there is no room for it, the work goes on.
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            return path.open('w+b', buffering=0)
    return tempfile.TemporaryFile(buffering=0)


_KINDS = {
    kind.__name__: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, DrivsegError) and kind is not errors.ImageError
}
