# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ground as organised points, with a mask and a confidence of exactly their size."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.rays import Rays
from drivseg_ros.ground.spec import GridSpec


@dataclass(frozen=True, eq=False)
class Points:
    """Some pixels of an image and where they are on the ground.

    Attributes:
        xyz: float32 [h, w, 3] in the ground frame in metres; NaN where no ground is known.
        class_ids: uint8 [h, w].
        confidence: uint8 [h, w], or None if there is none.
    """

    xyz: np.ndarray
    class_ids: np.ndarray
    confidence: np.ndarray | None


class PointTable:
    """Where every few pixels are on the ground, found once.

    Args:
        camera: the camera.
        spec: the ground that counts, and how many pixels are one.
        rays: that cover it.
    """

    def __init__(self, camera: GroundCamera, spec: GridSpec, rays: Rays) -> None:
        eye, step = camera.intrinsics, spec.points_step
        # The pixel in the middle of each square; images smaller than one give one.
        self._taken = (_middles(eye.height, step), _middles(eye.width, step))
        rows, columns = np.mgrid[self._taken]
        pixels = np.stack([columns, rows], axis=-1).reshape(-1, 2).astype(np.float64)
        ground = camera.ground(pixels)
        known = spec.trusts(camera, ground) & (spec.cells(ground)[:, 0] >= 0)
        xyz = np.zeros((len(pixels), 3), np.float32)
        xyz[:, :2] = np.where(known[:, None], ground, np.nan)
        xyz[~known, 2] = np.nan
        self._xyz = xyz.reshape(*columns.shape, 3)
        numbers, distances = rays.find(np.where(known[:, None], ground, 0.0))
        height = camera.pose.height
        # A square of the image counts as long as its near edge does.
        square = step * (distances**2 + height**2) / (height * eye.fy)
        near_edge = np.where(known, distances - square, np.inf)
        self._ray_of = numbers.reshape(columns.shape)
        self._near_edge = near_edge.reshape(columns.shape).astype(np.float32)

    def points(
        self, free_to: np.ndarray, class_ids: np.ndarray, confidence: np.ndarray | None
    ) -> Points:
        """The points of one mask.

        Args:
            free_to: float32 [rays], where the rays end (`Rays.free_to`).
            class_ids: uint8 [H, W].
            confidence: uint8 [H, W], or None.
        """
        shown = self._near_edge <= np.take(free_to, self._ray_of)
        xyz = np.full_like(self._xyz, np.nan)
        cv2.copyTo(self._xyz, shown.view(np.uint8), xyz)
        return Points(
            xyz,
            self._reduced(class_ids),
            None if confidence is None else self._reduced(confidence),
        )

    def _reduced(self, plane: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(plane[self._taken])


def _middles(size: int, step: int) -> slice:
    start, count = min(step // 2, size - 1), max(1, size // step)
    return slice(start, start + (count - 1) * step + 1, step)
