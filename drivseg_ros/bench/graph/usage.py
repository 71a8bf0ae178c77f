# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CPU time and memory of a process and of all that it started."""

from __future__ import annotations

import os
from collections.abc import Mapping
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
    seen = _look()
    below = _descendants(pid, seen)
    ticks = sum(seen[number].ticks for number in below)
    pages = sum(seen[number].pages for number in below)
    return Usage(
        cpu_s=ticks / os.sysconf('SC_CLK_TCK'),
        memory_mb=round(pages * os.sysconf('SC_PAGE_SIZE') / 1e6, 1),
        processes=len(below),
    )


def processes_below(pid: int) -> frozenset[int]:
    """The ids of all descendants of a process."""
    return _descendants(pid, _look())


@dataclass(frozen=True)
class _Entry:
    """A process in /proc: its parent, its CPU time and its pages of memory."""

    parent: int
    ticks: int
    pages: int


def _look() -> dict[int, _Entry]:
    found = {}
    for folder in Path('/proc').iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = (folder / 'stat').read_text()
        except OSError:  # it ended just now
            continue
        # The name, in brackets, may hold spaces and brackets of its own.
        fields = text.rpartition(')')[2].split()
        found[int(folder.name)] = _Entry(
            parent=int(fields[1]), ticks=sum(map(int, fields[11:15])), pages=int(fields[21])
        )
    return found


def _descendants(ancestor: int, seen: Mapping[int, _Entry]) -> frozenset[int]:
    found = set()
    for number in seen:
        above = number
        while above in seen:
            above = seen[above].parent
            if above == ancestor:
                found.add(number)
                break
    return frozenset(found)
