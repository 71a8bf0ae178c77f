# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ego lane as bounds and a centre line."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.lookup import Lookup
from drivseg_ros.ground.spec import GridSpec
from drivseg_ros.model.card import UNLABELLED

STATION_M = 0.5
"""From one pair of bounds to the next."""
_FINE_M = 0.02
_NARROWEST_M = 1.0
_FITTED_M = 15.0


@dataclass(frozen=True, eq=False)
class Corridor:
    """The ego lane from near to far, as far as both its bounds are seen.

    Attributes:
        left: float64 [N, 2], x and y of its left bound in metres.
        right: float64 [N, 2], of its right bound.
        lateral_offset_m: how far left of the lane's middle the ground frame's origin is.
        heading_rad: the lane's direction there, from x towards y.
    """

    left: np.ndarray
    right: np.ndarray
    lateral_offset_m: float
    heading_rad: float

    @property
    def centre(self) -> np.ndarray:
        """The middle between the bounds, float64 [N, 2]."""
        return (self.left + self.right) / 2

    @property
    def width_m(self) -> float:
        """The median of the widths across x."""
        return float(np.median(self.left[:, 1] - self.right[:, 1]))


class CorridorTable:
    """Pixels across the way ahead, every half a metre, found once.

    Args:
        camera: the camera.
        spec: the ground to look at.
    """

    def __init__(self, camera: GroundCamera, spec: GridSpec) -> None:
        begin = max(spec.x_min_m, camera.pose.position[0])
        self._x = np.arange(begin, spec.x_max_m, STATION_M)
        self._y = np.arange(spec.y_min_m, spec.y_max_m, min(_FINE_M, spec.resolution_m))
        x, y = np.meshgrid(self._x, self._y, indexing='ij')
        points = np.stack([x, y], axis=-1)
        pixels = camera.pixels(points.reshape(-1, 2)).reshape(points.shape)
        pixels[~spec.trusts(camera, points)] = np.nan
        # Stations that show nothing cost nothing.
        shown = ~np.isnan(pixels[..., 0]).all(axis=1)
        self._x = self._x[shown]
        self._lookup = Lookup(pixels[shown]) if shown.any() else None

    def corridor(self, class_ids: np.ndarray, is_lane: np.ndarray) -> Corridor | None:
        """The corridor in a mask, or None where none is seen.

        Args:
            class_ids: uint8 [H, W].
            is_lane: bool [256], the classes of the ego lane.
        """
        if self._lookup is None:
            return None
        found = self._lookup.sample(class_ids)
        outside = ~is_lane[found]
        bounds: list[tuple[float, float, float]] = []
        centre, drift = 0.0, 0.0
        for x, row, beside in zip(self._x, found, outside, strict=True):
            edges = _bounds(row, beside, int(np.searchsorted(self._y, centre + drift)))
            if edges is None:
                if bounds:
                    break
                continue
            right, left = (float(self._y[i] + self._y[i + 1]) / 2 for i in edges)
            if left - right < _NARROWEST_M:
                break
            if bounds:
                drift = (right + left) / 2 - centre
            centre = (right + left) / 2
            bounds.append((float(x), left, right))
        if not bounds:
            return None
        stations, lefts, rights = np.array(bounds).T
        offset, heading = _at_origin(stations, (lefts + rights) / 2)
        left_bound, right_bound = (np.stack([stations, y], axis=1) for y in (lefts, rights))
        return Corridor(left_bound, right_bound, offset, heading)


def _bounds(row: np.ndarray, outside: np.ndarray, middle: int) -> tuple[int, int] | None:
    """The last samples before the right and the left bound round a sample, if both are seen."""
    if not 0 < middle < len(row) - 1 or outside[middle]:
        return None
    right = middle - 1 - int(np.argmax(outside[middle - 1 :: -1]))
    left = middle + 1 + int(np.argmax(outside[middle + 1 :]))
    if not (outside[right] and outside[left]) or UNLABELLED in (row[right], row[left]):
        return None
    return right, left - 1


def _at_origin(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """How far left of a line the origin is, and the line's direction there."""
    near = x <= x[0] + _FITTED_M
    degree = min(2, int(np.count_nonzero(near)) - 1)
    *_, slope, start = (0.0, 0.0, *np.polyfit(x[near], y[near], degree))
    if degree == 0:
        slope = 0.0
    heading = math.atan(slope)
    return -float(start) * math.cos(heading), heading
