# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the ego lane in every frame says of the camera."""

from __future__ import annotations

from collections.abc import Iterable

from drivseg_ros.evaluation.sink import Sink
from drivseg_ros.evaluation.tally import FrameRow
from drivseg_ros.frames.labelled_frame import LabelledFrame
from drivseg_ros.ground.calibration import LaneSight, see_lane
from drivseg_ros.ground.intrinsics import Intrinsics
from drivseg_ros.model.segmentation import Segmentation


class LaneSights(Sink):
    """Collects them, in the order of the frames.

    Args:
        intrinsics: of the camera.
        lane_ids: the classes of the ego lane.
        roll_deg: of the camera, positive leans to the right.
    """

    def __init__(
        self, intrinsics: Intrinsics, *, lane_ids: Iterable[int], roll_deg: float = 0.0
    ) -> None:
        self._intrinsics = intrinsics
        self._lane_ids = tuple(lane_ids)
        self._roll_deg = roll_deg
        self.found: list[LaneSight] = []

    def add(self, frame: LabelledFrame, segmentation: Segmentation, row: FrameRow) -> None:
        """See `Sink`."""
        height, width = segmentation.class_ids.shape
        sight = see_lane(
            segmentation.class_ids,
            lane_ids=self._lane_ids,
            intrinsics=self._intrinsics.at_size(width, height),
            roll_deg=self._roll_deg,
        )
        if sight is not None:
            self.found.append(sight)
