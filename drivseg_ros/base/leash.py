# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a command that ends when the process that started it ends, however that comes about.

    python -m drivseg_ros.base.leash PARENT_PID COMMAND [ARGUMENT...]

The command and whatever it starts are a process group of their own. SIGINT and SIGTERM, and the
death of the parent, end the group as Ctrl-C does, and by force if it does not listen.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

_LOOK_S = 0.05
# Less than that of `child.Program`, which would otherwise kill the leash alone.
_PATIENCE_S = 3.0


def main() -> int:
    """Runs the command of sys.argv and returns its exit status."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    asked_to_end: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: asked_to_end.append(received))
    try:
        child = subprocess.Popen(command, start_new_session=True)
    except OSError as error:
        sys.stderr.write(f'{command[0]} cannot be started: {error.strerror}\n')
        return 127
    while child.poll() is None:
        if asked_to_end or os.getppid() != parent:
            _end(child)
        else:
            time.sleep(_LOOK_S)
    # What it started may have outlived it.
    _signal_group(child, signal.SIGKILL)
    status = child.returncode
    return 128 - status if status < 0 else status


def _end(child: subprocess.Popen[bytes]) -> None:
    _signal_group(child, signal.SIGINT)
    try:
        child.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        _signal_group(child, signal.SIGKILL)
        child.wait()


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)


if __name__ == '__main__':
    sys.exit(main())
