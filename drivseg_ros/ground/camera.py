# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera above flat ground: pixels to metres and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drivseg_ros.errors import ParameterError
from drivseg_ros.ground.intrinsics import Intrinsics
from drivseg_ros.ground.pose import CameraPose

# Rays that meet the ground at a flatter slope than this one do so at no place worth naming.
_FLATTEST = 1e-4
_LOOKS = 33


@dataclass(frozen=True)
class GroundCamera:
    """A camera that sees the ground. Two that compare equal see the same.

    Args:
        intrinsics: for the size of its images.
        pose: in the ground frame.

    Raises:
        ParameterError: if no pixel sees the ground.
    """

    intrinsics: Intrinsics
    pose: CameraPose

    def __post_init__(self) -> None:
        columns = np.linspace(0, self.intrinsics.width - 1, _LOOKS)
        rows = np.linspace(0, self.intrinsics.height - 1, _LOOKS)
        lattice = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
        if np.isnan(self.ground(lattice)).all():
            raise ParameterError(
                f'the camera at the height {self.pose.height:g} m looks at the sky: no pixel sees '
                'the ground; correct its pitch and roll (positive pitch looks down), or the '
                'transform of its optical frame (x right, y down, z ahead)'
            )

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Where points of the ground are seen.

        Args:
            points: float64 [N, 2], x and y in the ground frame, in metres.

        Returns:
            float64 [N, 2], column and row; NaN where the image does not show them.
        """
        x, y, z = self.pose.position
        down = np.full(len(points), -z)
        directions = np.stack([points[:, 0] - x, points[:, 1] - y, down], axis=1)
        return self.intrinsics.pixels(directions @ self.pose.matrix)

    def ground(self, pixels: np.ndarray) -> np.ndarray:
        """The ground that pixels see.

        Args:
            pixels: float64 [N, 2], column and row.

        Returns:
            float64 [N, 2], x and y in the ground frame, in metres; NaN above the horizon.
        """
        rays = self.intrinsics.rays(pixels) @ self.pose.matrix.T
        with np.errstate(all='ignore'):
            falls = -rays[:, 2] > _FLATTEST * np.hypot(rays[:, 0], rays[:, 1])
            reach = np.where(falls, self.pose.height / -rays[:, 2], np.nan)
        return rays[:, :2] * reach[:, None] + np.array(self.pose.position[:2])
