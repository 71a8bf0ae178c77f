# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CPU time and memory of processes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Usage:
    """What some processes have used.

    Attributes:
        cpu_s: CPU time since their start, in seconds, that of children that ended included.
        memory_mb: resident memory now, in 10^6 bytes; what two of them share counts twice.
        processes: their ids.
    """

    cpu_s: float
    memory_mb: float
    processes: frozenset[int]


def usage_below(pid: int) -> Usage:
    """The use of all descendants of a process, without the process itself."""
    try:
        below = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        below = []
    cpu_s, resident, processes = 0.0, 0, set()
    for process in below:
        with suppress(psutil.NoSuchProcess), process.oneshot():  # it may have ended just now
            times = process.cpu_times()
            resident += process.memory_info().rss
            cpu_s += times.user + times.system + times.children_user + times.children_system
            processes.add(process.pid)
    return Usage(cpu_s, round(resident / 1e6, 1), frozenset(processes))


def own_memory_mb() -> float:
    """Resident memory of this process, in 10^6 bytes."""
    return float(psutil.Process().memory_info().rss / 1e6)
