# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Child processes that are sure to end with their parent's work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from drivseg_ros.errors import DrivsegError

_PATIENCE_S = 5.0
_LINES = 8


class Process:
    """A Python module run as a process, its output kept in a file; a context manager.

    Args:
        name: what to call it in messages.
        module: the module, run as `python -m MODULE`.
        arguments: its arguments.
        log: the file for its stdout and stderr.
        environment: variables added to this process's own, which are handed on whole: the ROS
            wheels need LD_LIBRARY_PATH beside the variable that says it is set.
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.name = name
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open('w') as file:
            # A session of its own, so that Ctrl-C reaches only the parent, which ends the
            # children in the right order.
            self._process = subprocess.Popen(
                [sys.executable, '-m', module, *arguments],
                env={**os.environ, **environment},
                stdout=file,
                stderr=subprocess.STDOUT,
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
        return self._log.read_text(errors='replace')

    def last_words(self) -> str:
        """The end of what it has printed so far."""
        return '\n'.join(self.log().strip().splitlines()[-_LINES:])

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
                f'the {self.name} ended with status {status}; it said:\n{self.last_words()}'
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
            running = self.running  # before its words are looked at: they may be its last
            said = self.log()
            if text in said:
                return
            self.check(may_be_done=running)
            for line in said.splitlines():
                if failure is not None and failure in line:
                    reason = line[line.index(failure) :]  # without the time, and who says it
                    raise DrivsegError(f'the {self.name} cannot work: {reason}')
            if time.monotonic() > deadline:
                raise DrivsegError(
                    f'the {self.name} did not say {text!r} within {timeout_s:.0f} s; '
                    f'it said:\n{said.strip()}'
                )
            time.sleep(0.02)

    def stop(self) -> int:
        """Ends it as Ctrl-C does, by force if it does not listen.

        Returns:
            Its exit status.
        """
        if self.running:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
