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

    def check(self) -> None:
        """Looks whether it still runs.

        Raises:
            DrivsegError: if it ended with an error, with the end of what it printed.
        """
        if self._process.poll():
            end = '\n'.join(self.log().strip().splitlines()[-8:])
            raise DrivsegError(
                f'the {self.name} ended with status {self._process.returncode}; it said:\n{end}'
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
        while text not in self.log():
            self.check()
            for line in self.log().splitlines():
                if failure is not None and failure in line:
                    raise DrivsegError(f'the {self.name} cannot work: {line}')
            if not self.running or time.monotonic() > deadline:
                raise DrivsegError(
                    f'the {self.name} did not say {text!r} within {timeout_s:.0f} s; '
                    f'it said:\n{self.log().strip()}'
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
