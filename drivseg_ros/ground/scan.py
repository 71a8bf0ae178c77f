# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Free space as distances by angle, as sensor_msgs/LaserScan has them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from drivseg_ros.ground.lookup import Lookup
from drivseg_ros.ground.spec import DRIVABLE, OCCUPIED, GridSpec
from drivseg_ros.model.card import UNLABELLED


@dataclass(frozen=True, eq=False)
class Scan:
    """Distances along the ground from the ground frame's origin.

    Attributes:
        angle_min_rad: of the first, from x towards y.
        angle_step_rad: from one to the next.
        range_max_m: the farthest that any of them can be.
        obstacles_m: float32 [N], to the first cell that is not drivable; infinite where the grid
            knows of none, NaN where it knows nothing.
        free_m: float32 [N], how far it is drivable without a gap, from where the ground is first
            seen; 0 where nothing is.
    """

    angle_min_rad: float
    angle_step_rad: float
    range_max_m: float
    obstacles_m: np.ndarray
    free_m: np.ndarray


class ScanTable:
    """The grid's cells along rays from the ground frame's origin, found once.

    Args:
        spec: the grid.
        seen: bool [ny, nx], its cells that may be known.
    """

    def __init__(self, spec: GridSpec, seen: np.ndarray) -> None:
        x, y = spec.centers()[seen].T
        # The opening begins behind the widest gap between directions: it may lie round pi.
        angles = np.sort(np.arctan2(y, x))
        gaps = np.diff(angles, append=angles[0] + 2 * math.pi)
        begin = int(np.argmax(gaps)) + 1
        self._step = math.radians(spec.scan_step_deg)
        first = float(angles[begin % len(angles)]) - (2 * math.pi if begin < len(angles) else 0)
        count = int((2 * math.pi - float(gaps.max())) / self._step) + 1
        self._first = first
        fine = spec.resolution_m / 2
        self._ranges = np.arange(fine, float(np.hypot(x, y).max()) + 2 * fine, fine)
        directions = first + np.arange(count) * self._step
        along = np.stack([np.cos(directions), np.sin(directions)], axis=1)
        points = along[:, None] * self._ranges[None, :, None]
        cells = spec.cells(points.reshape(-1, 2)).reshape(points.shape)
        # One sample more, which is unknown, ends every ray.
        ended = np.full((count, 1, 2), -1)
        self._lookup = Lookup(np.concatenate([cells, ended], axis=1))

    def scan(self, grid: np.ndarray) -> Scan:
        """The scan of a grid, int8 [ny, nx]."""
        cells = self._lookup.sample(grid.view(np.uint8))
        ranges = np.append(self._ranges, np.inf)
        hits = cells == OCCUPIED
        hits[:, -1] = True
        obstacles = ranges[np.argmax(hits, axis=1)]
        obstacles[(cells == UNLABELLED).all(axis=1)] = np.nan
        free = cells == DRIVABLE
        begins = np.argmax(free, axis=1)
        ended = ~free
        ended[np.arange(cells.shape[1]) < begins[:, None]] = False
        ends = np.maximum(np.argmax(ended, axis=1) - 1, 0)
        reach = np.where(free.any(axis=1), ranges[ends], 0.0)
        # What is drivable behind something else is not reached along this ray.
        reach[obstacles < reach] = 0.0
        return Scan(
            self._first,
            self._step,
            float(self._ranges[-1]),
            obstacles.astype(np.float32),
            reach.astype(np.float32),
        )
