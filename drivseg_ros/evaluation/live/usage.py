# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""CPU, memory and GPU of the node over a live run."""

from __future__ import annotations

import time
from dataclasses import dataclass

from drivseg_ros.base.gpu_memory import GpuUse, gpu_use
from drivseg_ros.base.gpus import find_gpus
from drivseg_ros.base.usage import usage_below

PERIOD_S = 0.5
# The kernel counts CPU time in ticks of 10 ms; over a shorter time that is too coarse.
_LEAST_S = 0.2
_MIB = 2**20
_CUDA = 'cuda'


@dataclass(frozen=True)
class UsageSeries:
    """What the node used, over time.

    Args:
        rows: seconds since the first message was played; CPU in percent of one core; resident
            memory in MiB; percent of the time that the GPU was busy for any process, and its
            memory in MiB, both None without a GPU.
        gpu_memory_of: what uses that memory: NODE or EVERYBODY; '' without a GPU.
    """

    rows: tuple[tuple[float, float, float, float | None, float | None], ...] = ()
    gpu_memory_of: str = ''

    def column(self, name: str) -> list[list[float]]:
        """[second, value] of one of COLUMNS, where it is known."""
        place = 1 + COLUMNS.index(name)
        found: list[list[float]] = []
        for row in self.rows:
            value = row[place]
            if value is not None:
                found.append([row[0], value])
        return found


COLUMNS = ('cpu_percent', 'memory_mib', 'gpu_percent', 'gpu_memory_mib')
"""What is known over time."""
NODE, EVERYBODY = 'the node', 'all processes'


@dataclass(frozen=True)
class _Sample:
    time_ns: int
    cpu_s: float
    memory_mb: float
    gpus: tuple[GpuUse | None, ...]


class UsageSampler:
    """Looks now and then at what a process started.

    Args:
        pid: the process; what it started counts, itself it does not.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._gpus = len(find_gpus())
        self._samples: list[_Sample] = []
        self._next_s = 0.0

    def look(self, *, at_once: bool = False) -> None:
        """Takes a sample if one is due.

        Args:
            at_once: take it even if it is due only soon.
        """
        now_s = time.monotonic()
        if now_s < self._next_s - (PERIOD_S - _LEAST_S if at_once else 0):
            return
        self._next_s = now_s + PERIOD_S
        usage = usage_below(self._pid)
        if not usage.processes:  # it has ended
            return
        self._samples.append(
            _Sample(
                time.time_ns(),
                usage.cpu_s,
                usage.memory_mb,
                tuple(gpu_use(index, usage.processes) for index in range(self._gpus)),
            )
        )

    def series(self, *, begin_ns: int, end_ns: int, device: str) -> UsageSeries:
        """What was seen in a span of time.

        Args:
            begin_ns: its begin, wall time; seconds count from here.
            end_ns: its end.
            device: where the network ran, such as 'cpu' or 'cuda:0'.
        """
        kind, _, index = device.partition(':')
        # The driver numbers the GPUs from 0; the first is meant where there is no number.
        place = int(index or 0) if kind == _CUDA else -1
        rows = []
        whose = ''
        for before, after in zip(self._samples, self._samples[1:], strict=False):
            if not begin_ns <= after.time_ns <= end_ns:
                continue
            took_s = (after.time_ns - before.time_ns) / 1e9
            if took_s <= 0:
                continue
            use = after.gpus[place] if 0 <= place < len(after.gpus) else None
            memory = None
            if use is not None:
                memory = use.memory_mb if use.own_memory_mb is None else use.own_memory_mb
                whose = EVERYBODY if use.own_memory_mb is None else NODE
            rows.append(
                (
                    round((after.time_ns - begin_ns) / 1e9, 3),
                    round(100 * (after.cpu_s - before.cpu_s) / took_s, 1),
                    round(after.memory_mb * 1e6 / _MIB, 1),
                    None if use is None or use.busy_percent is None else use.busy_percent,
                    None if memory is None else round(memory * 1e6 / _MIB, 1),
                )
            )
        return UsageSeries(tuple(rows), whose)
