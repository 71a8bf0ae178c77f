# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures for people: horizon and distances in the image, and the ground seen from above."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from drivseg_ros.errors import ImageError
from drivseg_ros.ground.camera import GroundCamera
from drivseg_ros.ground.spec import UNKNOWN, GridSpec
from drivseg_ros.images.arrays import check_rgb

RINGS_M = (5.0, 10.0, 20.0)
"""Distances from below the camera that are drawn."""
_DIRECTIONS = 721
_HORIZON_COLOR, _RING_COLOR = (255, 200, 0), (255, 255, 255)


class Guides:
    """Horizon and rings of a camera, found once.

    Args:
        camera: the camera.
        rings_m: distances from below it.
    """

    def __init__(self, camera: GroundCamera, rings_m: Sequence[float] = RINGS_M) -> None:
        angles = camera.pose.heading + np.linspace(-np.pi, np.pi, _DIRECTIONS)
        along = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        level = np.column_stack([along, np.zeros(_DIRECTIONS)]) @ camera.pose.matrix
        self._horizon = _pieces(camera.intrinsics.pixels(level))
        foot = np.array(camera.pose.position[:2])
        self._rings = {ring: _pieces(camera.pixels(foot + ring * along)) for ring in rings_m}

    def draw(self, image_rgb: np.ndarray) -> np.ndarray:
        """Draws them.

        Args:
            image_rgb: uint8 [H, W, 3] of the camera's size.

        Returns:
            uint8 [H, W, 3], new.

        Raises:
            ImageError: if it is no such image.
        """
        check_rgb(image_rgb)
        out = np.ascontiguousarray(image_rgb).copy()
        width = max(1, round(image_rgb.shape[0] / 360))
        cv2.polylines(out, self._horizon, False, _HORIZON_COLOR, width, cv2.LINE_AA)
        for ring, pieces in self._rings.items():
            cv2.polylines(out, pieces, False, _RING_COLOR, width, cv2.LINE_AA)
            if pieces:
                middle = pieces[0][len(pieces[0]) // 2]
                _write(out, f'{ring:g} m', (int(middle[0]) + 4, int(middle[1]) - 4), width)
        return out


class BirdView:
    """The ground from above, ahead being up; tables are made once.

    Args:
        camera: the camera.
        spec: the grid that is shown.
        height: of the picture in pixels.
    """

    def __init__(self, camera: GroundCamera, spec: GridSpec, *, height: int = 720) -> None:
        self._spec = spec
        self._size = (camera.intrinsics.height, camera.intrinsics.width)
        self._scale = height / (spec.x_max_m - spec.x_min_m)
        width = max(1, round((spec.y_max_m - spec.y_min_m) * self._scale))
        x = spec.x_max_m - (np.arange(height) + 0.5) / self._scale
        y = spec.y_max_m - (np.arange(width) + 0.5) / self._scale
        points = np.stack(np.meshgrid(x, y, indexing='ij'), axis=-1)
        pixels = camera.pixels(points.reshape(-1, 2)).reshape(points.shape)
        pixels[np.isnan(pixels)] = -2
        self._map = pixels.astype(np.float32)
        self._foot = camera.pose.position[:2]

    def draw(self, image_rgb: np.ndarray, grid: np.ndarray) -> np.ndarray:
        """Draws an image, such as an overlay, onto the ground; what the grid does not know is dim.

        Args:
            image_rgb: uint8 [H, W, 3] of the camera's size.
            grid: int8 [ny, nx], of the spec.

        Returns:
            uint8 [h, w, 3] RGB.

        Raises:
            ImageError: if it is no such image.
        """
        check_rgb(image_rgb)
        if image_rgb.shape[:2] != self._size:
            raise ImageError(
                f'an image of {image_rgb.shape[1]} x {image_rgb.shape[0]} pixels came to the '
                f"bird's-eye view of a camera of {self._size[1]} x {self._size[0]}; the same size "
                'is allowed',
                kind='array',
            )
        out = cv2.remap(image_rgb, self._map, np.empty(0), cv2.INTER_LINEAR)
        known = cv2.resize(
            (np.ascontiguousarray(grid.T[::-1, ::-1]) != UNKNOWN).view(np.uint8),
            (out.shape[1], out.shape[0]),
            interpolation=cv2.INTER_NEAREST,
        )
        out = np.where(known[..., None] > 0, out, out // 3)
        foot = (
            round((self._spec.y_max_m - self._foot[1]) * self._scale),
            round((self._spec.x_max_m - self._foot[0]) * self._scale),
        )
        width = max(1, round(out.shape[0] / 720))
        for ring in RINGS_M:
            radius = round(ring * self._scale)
            cv2.circle(out, foot, radius, _RING_COLOR, width, cv2.LINE_AA)
            _write(out, f'{ring:g} m', (foot[0] + 4, foot[1] - radius - 4), width)
        return out


def _pieces(pixels: np.ndarray) -> list[np.ndarray]:
    """Lines of whole pixels, int32 [n, 2] each, between what is not seen."""
    seen = ~np.isnan(pixels).any(axis=1)
    breaks = np.flatnonzero(np.diff(seen)) + 1
    pieces = np.split(pixels, breaks)
    return [
        np.rint(one).astype(np.int32) for one in pieces if len(one) > 1 and not np.isnan(one[0, 0])
    ]


def _write(image: np.ndarray, text: str, at: tuple[int, int], width: int) -> None:
    for color, thick in (((0, 0, 0), width + 2), (_RING_COLOR, width)):
        cv2.putText(
            image, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45 * width, color, thick, cv2.LINE_AA
        )
