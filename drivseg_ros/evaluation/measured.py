# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What metrics are computed from."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drivseg_ros.evaluation.calibration import Calibration
from drivseg_ros.evaluation.frame_times import FrameTimes
from drivseg_ros.evaluation.live.times import LiveTimes
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.evaluation.sums import Sums
from drivseg_ros.frames.matching import Matching


class Mode(str, enum.Enum):
    """Where the masks of an evaluation come from."""

    NETWORK = 'network'
    """The Segmenter made them, frame by frame."""
    MASKS = 'masks'
    """Somebody recorded them."""
    LIVE = 'live'
    """The node published them while the bag was played to it."""


@dataclass(frozen=True)
class Terms:
    """What decides which metrics an evaluation has; known before the first frame."""

    matching: Matching
    settings: EvaluationSettings
    mode: Mode = Mode.NETWORK


@dataclass(frozen=True, eq=False)
class TargetCounts:
    """Pixel counts of one class, or of all classes of a role; float64 [...].

    Attributes:
        hits: pixels that label and mask give to it.
        labelled: pixels that the label gives to it.
        predicted: labelled pixels that the mask gives to it.
        rim_hits: pixels in both boundaries.
        rim: pixels in either boundary.
        by_role: whether it is of a role.
    """

    hits: np.ndarray
    labelled: np.ndarray
    predicted: np.ndarray
    rim_hits: np.ndarray
    rim: np.ndarray
    by_role: bool


@dataclass(frozen=True, eq=False)
class Measured:
    """What metrics are computed from: a frame, a slice, the draws of the bootstrap, or the set.

    Args:
        sums: the pixel counts; their leading axes are those of the values.
        matching: the classes.
        calibration: of the whole set; None where it is not known.
        times: of the frames of each part, offline.
        live: of each live run.
    """

    sums: Sums
    matching: Matching
    calibration: Calibration | None = None
    times: Sequence[FrameTimes] = ()
    live: Sequence[LiveTimes] = ()

    @cached_property
    def targets(self) -> tuple[TargetCounts, ...]:
        """One for each target of the matching."""
        table = self.sums.table.astype(np.float64)
        found = []
        for place, target in enumerate(self.matching.targets):
            rows = table[..., list(target.truth), :]
            found.append(
                TargetCounts(
                    hits=rows[..., list(target.network)].sum((-1, -2)),
                    labelled=rows.sum((-1, -2)),
                    predicted=table[..., list(target.network)].sum((-1, -2)),
                    rim_hits=self.sums.boundary[..., place, 0],
                    rim=self.sums.boundary[..., place, 1],
                    by_role=target.by_role,
                )
            )
        return tuple(found)

    @property
    def classes(self) -> tuple[TargetCounts, ...]:
        """Those that are classes of the labels."""
        return tuple(one for one in self.targets if not one.by_role)
