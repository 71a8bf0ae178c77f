# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far the ground is drivable, seen from the camera, in every direction.

What stands on the ground hides what lies behind it, and a mask smears it over the ground there. So
each ray along the ground, from below the camera outwards, counts to the first sample that is not
drivable and no further.
"""

from __future__ import annotations

import cv2
import numpy as np

from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.lookup import Lookup
from drivseg_ros.ground.spec import GridSpec

_MAX_RAYS, _MAX_SAMPLES = 4096, 4096


class Rays:
    """The rays that cover some of the ground, made once for a camera.

    Args:
        camera: the camera.
        spec: how finely, and what is too near.
        points: float64 [N, 2], the ground to cover, in metres.
    """

    def __init__(self, camera: GroundCamera, spec: GridSpec, points: np.ndarray) -> None:
        self._foot = np.array(camera.pose.position[:2])
        self._heading = camera.pose.heading
        angles, distances = self._polar(points)
        fine, farthest = spec.resolution_m, float(distances.max())
        self._first_angle = float(angles.min())
        span = float(angles.max()) - self._first_angle
        self._step = max(fine / max(farthest, fine), span / (_MAX_RAYS - 1), 1e-6)
        self._count = int(span / self._step) + 2
        ranges = _sample_ranges(
            max(float(distances.min()) - fine, 0.0), farthest + fine, camera, fine
        )
        directions = self._heading + self._first_angle + np.arange(self._count) * self._step
        along = np.stack([np.cos(directions), np.sin(directions)], axis=1)
        places = self._foot + along[:, None, :] * ranges[None, :, None]
        pixels = camera.pixels(places.reshape(-1, 2)).reshape(*places.shape[:2], 2)
        seen = ~np.isnan(pixels[..., 0]) & (ranges >= spec.near_m)
        start = np.argmax(seen, axis=1)
        last = len(ranges) - 1 - np.argmax(seen[:, ::-1], axis=1)
        alive = seen.any(axis=1)
        # What the image does not show is in nothing's way: the first or last sample again.
        which = np.clip(np.arange(len(ranges))[None, :], start[:, None], last[:, None])
        pixels = np.take_along_axis(pixels, which[..., None], axis=1)
        # One sample more, that nothing is seen at, ends every ray.
        ended = np.full((self._count, 1, 2), np.nan)
        self._lookup = Lookup(np.concatenate([pixels, ended], axis=1))
        self._along = along
        self._ranges = np.append(ranges, np.inf).astype(np.float32)
        self._start = np.where(alive, ranges[start], -np.inf).astype(np.float32)

    def find(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rays that points lie on.

        Args:
            points: float64 [..., 2] in metres, among those that are covered.

        Returns:
            The rays' numbers, int64 [...], and the distances from below the camera in metres.
        """
        angles, distances = self._polar(points)
        numbers = np.rint((angles - self._first_angle) / self._step)
        return np.clip(numbers, 0, self._count - 1).astype(np.int64), distances

    def free_to(self, class_ids: np.ndarray, blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where each ray ends.

        Args:
            class_ids: uint8 [H, W].
            blocks: uint8 [256], 1 for classes that end a ray; 255 must.

        Returns:
            float32 [rays], the distance of the first sample that is not drivable, in metres from
            below the camera; infinite where there is none. And its class, uint8 [rays].
        """
        samples = self._lookup.sample(class_ids)
        first = np.argmax(cv2.LUT(samples, blocks).view(bool), axis=1)
        ended_by = samples[np.arange(self._count), first]
        return np.maximum(self._ranges[first], self._start), ended_by

    def ends(self, free_to: np.ndarray, which: np.ndarray) -> np.ndarray:
        r"""The places on the ground where rays end, float64 [n, 2] in metres.

        Args:
            free_to: float32 [rays], as \`free_to\` gives it, finite where it is asked for.
            which: bool [rays], n of them.
        """
        return self._foot + self._along[which] * free_to[which, None]

    def _polar(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, y = np.moveaxis(points - self._foot, -1, 0)
        angles = np.arctan2(y, x) - self._heading
        return (angles + np.pi) % (2 * np.pi) - np.pi, np.hypot(x, y)


def _sample_ranges(
    nearest: float, farthest: float, camera: GroundCamera, fine: float
) -> np.ndarray:
    """Distances a cell apart, or a pixel where that is longer."""
    height, focal = camera.pose.height, camera.intrinsics.fy
    ranges = [nearest]
    while ranges[-1] < farthest and len(ranges) < _MAX_SAMPLES:
        pixel = (ranges[-1] ** 2 + height**2) / (height * focal)
        ranges.append(ranges[-1] + max(fine, pixel))
    return np.array(ranges)
