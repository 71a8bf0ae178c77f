# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a run over pictures or a video came to."""

from __future__ import annotations

from drivseg_ros.base.latency import percentile
from drivseg_ros.model.segmentation import Timings


class Tally:
    """Counts frames and remembers their times.

    Attributes:
        done: frames of which everything was written.
        failed: why, by name, for those that could not be used.
        interrupted: whether the run was ended early.
    """

    def __init__(self) -> None:
        self.done = 0
        self.failed: dict[str, str] = {}
        self.interrupted = False
        self._times: dict[str, list[float]] = {'prepare': [], 'infer': [], 'restore': []}

    def add(self, timings: Timings | None) -> None:
        """Counts a frame that is done."""
        self.done += 1
        if timings is not None:
            self._times['prepare'].append(timings.prepare_ms)
            self._times['infer'].append(timings.infer_ms)
            self._times['restore'].append(timings.restore_ms)

    def median_ms(self) -> dict[str, float]:
        """The median of each stage in milliseconds; NaN without a frame."""
        return {stage: percentile(times, 50) for stage, times in self._times.items()}
