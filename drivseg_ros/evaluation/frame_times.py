# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How long the network took for each frame of an evaluation."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from drivseg_ros.base.latency import LatencySummary
from drivseg_ros.errors import DataError
from drivseg_ros.model.segmentation import Timings

STAGES = ('read', 'prepare', 'infer', 'restore')
"""Where the time of a frame goes: reading and decoding it, then the Segmenter (`Timings`)."""


@dataclass(frozen=True)
class FrameTimes:
    """The times of the frames of a run, in order.

    Args:
        stages: the names of the stages.
        frames: of each frame the seconds since the run began, its time in the Segmenter, and that
            of each stage, in milliseconds.

    Raises:
        DataError: if a frame has another number of times.
    """

    stages: tuple[str, ...]
    frames: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        for frame in self.frames:
            if len(frame) != 2 + len(self.stages):
                raise DataError(
                    f'a frame has {len(frame)} times; {2 + len(self.stages)} are needed with '
                    f'the stages {", ".join(self.stages)}'
                )

    @property
    def total_ms(self) -> list[float]:
        """The time of each frame in the Segmenter, without reading it."""
        return [frame[1] for frame in self.frames]

    def stage_ms(self, stage: str) -> list[float]:
        """The time of each frame in a stage."""
        place = 2 + self.stages.index(stage)
        return [frame[place] for frame in self.frames]

    @property
    def duration_s(self) -> float:
        """When the last frame was done."""
        return self.frames[-1][0] if self.frames else 0.0


class FrameTimer:
    """Keeps the times of frames as they are done."""

    def __init__(self) -> None:
        self._began_s = time.perf_counter()
        self._frames: list[tuple[float, ...]] = []

    def add(self, timings: Timings | None, *, read_ms: float) -> None:
        """Keeps those of a frame that is done now; nothing of one whose mask was recorded.

        Args:
            timings: of the Segmenter.
            read_ms: how long it took to read and decode the frame.
        """
        if timings is None:
            return
        stages = (timings.prepare_ms, timings.infer_ms, timings.restore_ms)
        offset_s = time.perf_counter() - self._began_s
        self._frames.append(
            (
                round(offset_s, 4),
                round(sum(stages), 3),
                *(round(ms, 3) for ms in (read_ms, *stages)),
            )
        )

    @property
    def times(self) -> FrameTimes | None:
        """The times so far; None if there are none."""
        return FrameTimes(STAGES, tuple(self._frames)) if self._frames else None


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """Median and tail as plain data; None where there are no values."""
    summary = LatencySummary.of(values)
    found = {'p50': summary.p50, 'p95': summary.p95, 'p99': summary.p99}
    return {name: round(value, 3) if values else None for name, value in found.items()}
