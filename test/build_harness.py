# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Finding and waiting for the processes in which plans are built."""

from __future__ import annotations

import os
import time
from pathlib import Path

BUILDER = 'drivseg_ros.engines.build_process'


def builders_of(parent: int) -> list[int]:
    """Process ids of the builders that a process has started."""
    found = []
    for folder in Path('/proc').iterdir():
        try:
            # "PID (NAME) STATE PPID ...", and the name may have spaces.
            state, ppid = (folder / 'stat').read_text().rpartition(')')[2].split()[:2]
            command = (folder / 'cmdline').read_bytes().decode(errors='replace')
        except (OSError, ValueError):
            continue
        if int(ppid) == parent and state != 'Z' and BUILDER in command:
            found.append(int(folder.name))
    return found


def wait_until_gone(process: int, *, seconds: float = 60) -> None:
    """Waits until a process has ended; a zombie has.

    Raises:
        TimeoutError: if it lives on.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(process, 0)
            state = Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[0]
        except (OSError, IndexError):
            return
        if state == 'Z':
            return
        time.sleep(0.02)
    raise TimeoutError(f'process {process} lives on')
