# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A sink that finds what the node's status would have been, frame by frame."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from drivseg_ros.evaluation.sink import Sink
from drivseg_ros.evaluation.tally import FrameRow
from drivseg_ros.frames.labelled_frame import DROPPED, LabelledFrame, LostFrame
from drivseg_ros.images.frame_quality import measure_quality
from drivseg_ros.model.segmentation import Segmentation
from drivseg_ros.node.trust import (
    Cause,
    FrameMeasures,
    Trust,
    TrustLimits,
    TrustState,
    measure_road_confidence,
)

PERCENTILES = (0, 5, 50, 95, 100)


@dataclass
class Span:
    """Frames in a row with one status.

    Attributes:
        status: the status, such as 'untrusted: dark'.
        first: the name of the first frame.
        last: that of the last one.
        frames: how many there are.
    """

    status: str
    first: str
    last: str
    frames: int


class StatusSink(Sink):
    """Applies the limits to every frame, in order.

    Silence and age are of a live camera: neither 'no frames' nor 'stale' is found here.

    Args:
        limits: the node's.

    Attributes:
        spans: the statuses, in order.
        frames: how many frames had each trust, by its name.
    """

    def __init__(self, limits: TrustLimits) -> None:
        self.limits = limits
        self.spans: list[Span] = []
        self.frames: Counter[str] = Counter()
        self._state = TrustState(limits)
        self._values: dict[str, list[float]] = {}

    def add(self, frame: LabelledFrame, segmentation: Segmentation, row: FrameRow) -> None:
        """See `Sink`."""
        quality = measure_quality(frame.pixels())
        measures = FrameMeasures(
            quality=quality,
            repeated=self._state.repeats(quality, stamp_ns=frame.stamp_ns or 0),
            infer_ms=0.0 if segmentation.timings is None else segmentation.timings.infer_ms,
            road_confidence=measure_road_confidence(segmentation),
        )
        for name, value in measures.values().items():
            if not math.isnan(value):
                self._values.setdefault(name, []).append(value)
        self._state.add(self.limits.levels(measures))
        self._note(frame.name)

    def lose(self, frame: LostFrame) -> None:
        """See `Sink`."""
        if frame.kind != DROPPED:
            self._state.add({Cause.FRAMES_FAILING: Trust.UNTRUSTED}, shown={Cause.FRAMES_FAILING})
            self._note(frame.name)

    def percentiles(self) -> dict[str, list[float]]:
        """The PERCENTILES of what the limits are compared with, by name."""
        return {
            name: [float(value) for value in np.percentile(values, PERCENTILES)]
            for name, values in self._values.items()
        }

    def _note(self, name: str) -> None:
        verdict = self._state.verdict
        self.frames[str(verdict.trust)] += 1
        if not self.spans or self.spans[-1].status != str(verdict):
            self.spans.append(Span(str(verdict), name, name, 0))
        self.spans[-1].last = name
        self.spans[-1].frames += 1
