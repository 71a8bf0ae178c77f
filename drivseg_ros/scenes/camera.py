# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pinhole camera that looks at a scene."""

from __future__ import annotations

import math
from dataclasses import dataclass

from drivseg_ros.scenes.randomness import Stream


@dataclass(frozen=True)
class CameraInfo:
    """The numbers of a sensor_msgs/CameraInfo (plumb_bob without distortion).

    Attributes:
        width: Image width in pixels.
        height: Image height in pixels.
        k: 3x3 intrinsic matrix, row by row; pixel centres lie at whole numbers.
        d: Five distortion coefficients, all 0.
        r: 3x3 rectification matrix, the identity.
        p: 3x4 projection matrix, row by row.
    """

    width: int
    height: int
    k: tuple[float, ...]
    d: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]


@dataclass(frozen=True)
class Camera:
    """A camera above the road, without roll.

    World axes: x right, y up, z ahead, metres, the origin on the ground below the camera.

    Attributes:
        width: Image width in pixels.
        height: Image height in pixels.
        focal: Focal length in pixels.
        above_ground: Height of the camera above the road in metres.
        pitch_cos: Cosine of the downward pitch.
        pitch_sin: Sine of the downward pitch (positive looks down).
    """

    width: int
    height: int
    focal: float
    above_ground: float
    pitch_cos: float
    pitch_sin: float

    @property
    def cx(self) -> float:
        """Principal point, column."""
        return (self.width - 1) / 2.0

    @property
    def cy(self) -> float:
        """Principal point, row."""
        return (self.height - 1) / 2.0

    @property
    def horizon(self) -> float:
        """The row of the horizon of a flat world."""
        return self.cy - self.focal * self.pitch_sin / self.pitch_cos

    def tilted(self, half_tan: float) -> Camera:
        """The same camera pitched further down by 2 atan(half_tan)."""
        c, s = rotation(half_tan)
        return Camera(
            self.width,
            self.height,
            self.focal,
            self.above_ground,
            self.pitch_cos * c - self.pitch_sin * s,
            self.pitch_sin * c + self.pitch_cos * s,
        )

    def depth(self, y: float, z: float) -> float:
        """Distance of a point along the optical axis."""
        return z * self.pitch_cos + (self.above_ground - y) * self.pitch_sin

    def project(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Column and row of a point in front of the camera."""
        down = self.above_ground - y
        depth = z * self.pitch_cos + down * self.pitch_sin
        row = self.cy + self.focal * (down * self.pitch_cos - z * self.pitch_sin) / depth
        return self.cx + self.focal * x / depth, row

    @property
    def info(self) -> CameraInfo:
        """The calibration as sensor_msgs/CameraInfo has it."""
        f, cx, cy = self.focal, self.cx, self.cy
        return CameraInfo(
            width=self.width,
            height=self.height,
            k=(f, 0.0, cx, 0.0, f, cy, 0.0, 0.0, 1.0),
            d=(0.0,) * 5,
            r=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
            p=(f, 0.0, cx, 0.0, 0.0, f, cy, 0.0, 0.0, 0.0, 1.0, 0.0),
        )


def rotation(half_tan: float) -> tuple[float, float]:
    """Cosine and sine of 2 atan(half_tan), without a transcendental function."""
    square = half_tan * half_tan
    return (1.0 - square) / (1.0 + square), 2.0 * half_tan / (1.0 + square)


def draw_camera(stream: Stream, *, width: int, height: int) -> Camera:
    """A dash-cam, roof or lorry camera of random mounting and field of view."""
    focal = width * stream.weighted(
        [
            (stream.uniform(0.72, 1.0), 0.55),
            (stream.uniform(0.52, 0.72), 0.3),
            (stream.uniform(1.0, 1.25), 0.15),
        ]
    )
    above = stream.weighted(
        [
            (stream.uniform(1.1, 1.5), 0.65),
            (stream.uniform(1.5, 1.9), 0.25),
            (stream.uniform(1.9, 2.7), 0.1),
        ]
    )
    # The horizon may stand between 36 % and 60 % of the height; wide pictures cut the sky first.
    row = stream.uniform(0.38, 0.58) * height
    slope = ((height - 1) / 2.0 - row) / focal
    # tan(pitch) = slope; half the angle by t = slope / (1 + sqrt(1 + slope^2)).
    half = slope / (1.0 + math.sqrt(1.0 + slope * slope))
    cos, sin = rotation(half)
    return Camera(width, height, focal, above, cos, sin)
