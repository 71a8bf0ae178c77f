# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CPU time and memory of a process and of all that it started."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """What some processes have used.

    Attributes:
        cpu_s: CPU time since their start, in seconds, that of children that ended included.
        memory_mb: resident memory now, in 10^6 bytes; what two of them share counts twice.
        processes: how many they are.
    """

    cpu_s: float
    memory_mb: float
    processes: int


def usage_below(pid: int) -> Usage:
    """The use of all descendants of a process, without the process itself (proc(5))."""
    parents: dict[int, int] = {}
    figures: dict[int, tuple[int, int]] = {}
    for folder in Path('/proc').iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / 'stat').read_text()
        except OSError:  # it ended just now
            continue
        # The name, in brackets, may hold spaces and brackets of its own.
        fields = text.rpartition(')')[2].split()
        number = int(folder.name)
        parents[number] = int(fields[1])
        figures[number] = (sum(map(int, fields[11:15])), int(fields[21]))
    below = {number for number in parents if _descends(number, pid, parents)}
    ticks = sum(figures[number][0] for number in below)
    pages = sum(figures[number][1] for number in below)
    return Usage(
        cpu_s=ticks / os.sysconf('SC_CLK_TCK'),
        memory_mb=round(pages * os.sysconf('SC_PAGE_SIZE') / 1e6, 1),
        processes=len(below),
    )


def _descends(number: int, ancestor: int, parents: dict[int, int]) -> bool:
    while number in parents:
        number = parents[number]
        if number == ancestor:
            return True
    return False
