# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which ground is looked at, how finely, and how wrong it may be."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from drivseg_ros.errors import ParameterError
from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.error import PITCH_ERROR_DEG, range_error

DRIVABLE, OCCUPIED, UNKNOWN = 0, 100, -1
"""What a cell is, as in nav_msgs/OccupancyGrid."""
MAX_CELLS, MAX_SIDE = 4_000_000, 32_766


@dataclass(frozen=True)
class GridSpec:
    """A grid of square cells in the ground frame. Arrays of it are [ny, nx] from x_min and y_min.

    That is the order of nav_msgs/OccupancyGrid: its width is nx, its height ny, its origin
    (x_min_m, y_min_m).

    Args:
        x_min_m: the edge behind.
        x_max_m: the edge ahead.
        y_min_m: the edge at the right.
        y_max_m: the edge at the left.
        resolution_m: a cell's side.
        pitch_error_deg: how wrong the camera's pitch may be, in degrees.
        max_error_m: cells are unknown where that error moves them by more.
        near_m: ground nearer to the camera than this is unknown and hides nothing: what is seen
            there is the vehicle itself.
        ego_width_m: the width of the strip ahead of the camera that drivable ground has to be
            connected with.
        scan_step_deg: from one ray of the scan to the next.
        points_step: of how many pixels by how many a point is one.

    Raises:
        ParameterError: if one of them is out of range.
    """

    x_min_m: float = 0.0
    x_max_m: float = 40.0
    y_min_m: float = -10.0
    y_max_m: float = 10.0
    resolution_m: float = 0.1
    pitch_error_deg: float = PITCH_ERROR_DEG
    max_error_m: float = 5.0
    near_m: float = 0.0
    ego_width_m: float = 2.0
    scan_step_deg: float = 0.5
    points_step: int = 4

    def __post_init__(self) -> None:
        for field in fields(self):
            if not math.isfinite(value := getattr(self, field.name)):
                raise ParameterError(f'{field.name} is {value}; give a finite number')
        for name, allowed, good in (
            ('resolution_m', 'above 0', self.resolution_m > 0),
            ('pitch_error_deg', 'above 0 and below 45', 0 < self.pitch_error_deg < 45),
            ('max_error_m', 'above 0', self.max_error_m > 0),
            ('near_m', '0 or more', self.near_m >= 0),
            ('ego_width_m', 'above 0', self.ego_width_m > 0),
            ('scan_step_deg', '0.05 to 45', 0.05 <= self.scan_step_deg <= 45),
            ('points_step', '1 to 64', 1 <= self.points_step <= 64),
        ):
            if not good:
                raise ParameterError(f'{name} is {getattr(self, name):g}; {allowed} is allowed')
        if not (self.x_min_m < self.x_max_m and self.y_min_m < self.y_max_m):
            raise ParameterError(
                f'the grid reaches from x = {self.x_min_m:g} to {self.x_max_m:g} m and from '
                f'y = {self.y_min_m:g} to {self.y_max_m:g} m; the smaller number comes first'
            )
        area = (self.x_max_m - self.x_min_m) * (self.y_max_m - self.y_min_m)
        cells = area / self.resolution_m**2
        if not 1 <= cells <= MAX_CELLS or max(self.nx, self.ny) > MAX_SIDE:
            raise ParameterError(
                f'the grid has {cells:.3g} cells of {self.resolution_m:g} m; 1 to {MAX_CELLS} and '
                f'at most {MAX_SIDE} along a side are allowed: give another size or resolution'
            )

    @property
    def nx(self) -> int:
        """Cells from behind to ahead."""
        return max(1, round((self.x_max_m - self.x_min_m) / self.resolution_m))

    @property
    def ny(self) -> int:
        """Cells from right to left."""
        return max(1, round((self.y_max_m - self.y_min_m) / self.resolution_m))

    def centers(self) -> np.ndarray:
        """The middles of the cells in metres, float64 [ny, nx, 2]."""
        x = self.x_min_m + (np.arange(self.nx) + 0.5) * self.resolution_m
        y = self.y_min_m + (np.arange(self.ny) + 0.5) * self.resolution_m
        return np.stack(np.meshgrid(x, y), axis=-1)

    def cells(self, points: np.ndarray) -> np.ndarray:
        """The cells that points lie in.

        Args:
            points: float64 [N, 2], x and y in metres; NaN for none.

        Returns:
            int64 [N, 2], column and row; -1, -1 outside the grid.
        """
        offsets = points - np.array([self.x_min_m, self.y_min_m])
        found = np.floor(offsets / self.resolution_m)
        inside = ((found >= 0) & (found < (self.nx, self.ny))).all(axis=1)
        return np.where(inside[:, None], found, -1).astype(np.int64)

    def trusts(self, camera: GroundCamera, points: np.ndarray) -> np.ndarray:
        """Where a camera's distances are within the error allowed, and not of the vehicle itself.

        Args:
            camera: the camera.
            points: float64 [..., 2], x and y in metres; NaN for none.

        Returns:
            bool [...].
        """
        distances = np.hypot(*np.moveaxis(points - np.array(camera.pose.position[:2]), -1, 0))
        errors = range_error(
            distances, height_m=camera.pose.height, pitch_error_deg=self.pitch_error_deg
        )
        return (errors <= self.max_error_m) & (distances >= self.near_m)
