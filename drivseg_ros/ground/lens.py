# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What lenses do to directions: the distortion models of sensor_msgs/CameraInfo.

A point of the plane is where a ray meets the image before focal lengths and principal point are
applied: (x / z, y / z) of an undistorted ray. Both ways end where the lens folds back: beyond, a
polynomial would show the side of the world in the middle of the image.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from drivseg_ros.errors import ParameterError

_STEPS = 4096
_NEWTON = 12
_EXACT = 1e-8
# A lens is taken as far as its image still grows by a hundredth of what it does in the middle.
_LEAST_GROWTH = 0.01
_WIDEST_PLANE, _WIDEST_FISHEYE = math.radians(85), math.radians(110)


class Lens(Protocol):
    """One distortion model with its coefficients."""

    def distort(self, directions: np.ndarray) -> np.ndarray:
        """Where rays meet the plane.

        Args:
            directions: float64 [N, 3] in the optical frame (x right, y down, z ahead), any length.

        Returns:
            float64 [N, 2]; NaN where the lens does not see.
        """

    def undistort(self, points: np.ndarray) -> np.ndarray:
        """The rays that meet the plane at points.

        Args:
            points: float64 [N, 2].

        Returns:
            float64 [N, 3], of any length; NaN where no ray does.
        """


def make_lens(model: str, d: Sequence[float]) -> Lens:
    """The lens that a CameraInfo describes.

    Args:
        model: its distortion_model: plumb_bob, rational_polynomial, equidistant or fisheye; empty
            if nothing is distorted.
        d: its coefficients, in OpenCV's order.

    Raises:
        ParameterError: if the model is unknown or has another number of coefficients.
    """
    values = [float(value) for value in d]
    if not all(map(math.isfinite, values)):
        raise ParameterError(
            f'the distortion coefficients {values} are not all finite numbers; calibrate the camera'
        )
    if not any(values) and model in ('', *_MODELS):
        return _MODELS.get(model, Brown)()
    if model not in _MODELS:
        raise ParameterError(
            f'the distortion model {model!r} is not known; {", ".join(_MODELS)} are: '
            'publish one of them, or rectified images with camera_info without distortion'
        )
    if len(values) not in (allowed := _LENGTHS[model]):
        raise ParameterError(
            f'{len(values)} distortion coefficients were given with {model}, which has '
            f'{" or ".join(map(str, allowed))}; correct the camera_info'
        )
    return _MODELS[model](*values)


@dataclass(frozen=True)
class Brown:
    """Brown and Conrady's model: plumb_bob, with k4 to k6 rational_polynomial.

    Raises:
        ParameterError: if the coefficients fold the image back at its middle.
    """

    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0
    k5: float = 0.0
    k6: float = 0.0

    def __post_init__(self) -> None:
        self._reach  # noqa: B018  refuses what no lens does

    def distort(self, directions: np.ndarray) -> np.ndarray:
        """See `Lens`."""
        x, y, z = directions.T
        with np.errstate(all='ignore'):
            ahead = z > 1e-9 * np.abs(directions).max(axis=1)
            x, y = np.where(ahead, x / z, np.nan), np.where(ahead, y / z, np.nan)
            points, turn = self._at(x, y)
            seen = (np.hypot(x, y) <= self._reach[0][-1]) & _grows(turn)
        return np.where(seen[:, None], points, np.nan)

    def undistort(self, points: np.ndarray) -> np.ndarray:
        """See `Lens`."""
        radii, images = self._reach
        with np.errstate(all='ignore'):
            size = np.hypot(*points.T)
            # The radial part alone is a good place to start from.
            shrink = np.where(size > 0, np.interp(size, images, radii) / size, 1.0)
            x, y = points.T * shrink
            for _ in range(_NEWTON):
                found, (a, b, c, d) = self._at(x, y)
                off_x, off_y = (found - points).T
                if not (np.abs(found - points) > _EXACT / 100).any():
                    break
                determinant = a * d - b * c
                x = x - (d * off_x - b * off_y) / determinant
                y = y - (a * off_y - c * off_x) / determinant
            found, turn = self._at(x, y)
            exact = np.abs(found - points).max(axis=1) < _EXACT
            good = exact & (np.hypot(x, y) <= radii[-1]) & _grows(turn)
        rays = np.stack([x, y, np.ones_like(x)], axis=1)
        return np.where(good[:, None], rays, np.nan)

    def _at(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
        """The distorted points [N, 2], and their derivatives: dx/dx, dx/dy, dy/dx, dy/dy."""
        r2 = x * x + y * y
        gain, slope = self._radial(r2)
        bend_x = 2 * self.p1 * x * y + self.p2 * (r2 + 2 * x * x)
        bend_y = self.p1 * (r2 + 2 * y * y) + 2 * self.p2 * x * y
        cross = 2 * x * y * slope + 2 * self.p1 * x + 2 * self.p2 * y
        turn = (
            gain + 2 * x * x * slope + 2 * self.p1 * y + 6 * self.p2 * x,
            cross,
            cross,
            gain + 2 * y * y * slope + 6 * self.p1 * y + 2 * self.p2 * x,
        )
        return np.stack([x * gain + bend_x, y * gain + bend_y], axis=1), turn

    def _radial(self, r2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The radial factor, and its derivative by the squared radius."""
        over = 1 + r2 * (self.k1 + r2 * (self.k2 + r2 * self.k3))
        under = 1 + r2 * (self.k4 + r2 * (self.k5 + r2 * self.k6))
        over_slope = self.k1 + r2 * (2 * self.k2 + 3 * r2 * self.k3)
        under_slope = self.k4 + r2 * (2 * self.k5 + 3 * r2 * self.k6)
        return over / under, (over_slope * under - over * under_slope) / (under * under)

    @cached_property
    def _reach(self) -> tuple[np.ndarray, np.ndarray]:
        """Radii before the lens and behind it, from the middle to where it folds back."""
        radii = np.tan(np.linspace(0, _WIDEST_PLANE, _STEPS))
        with np.errstate(all='ignore'):
            gain, slope = self._radial(radii * radii)
            under = 1 + radii**2 * (self.k4 + radii**2 * (self.k5 + radii**2 * self.k6))
            growth = gain + 2 * radii * radii * slope
            growing = (growth > _LEAST_GROWTH) & (gain > 0) & (under > 0)
        return _until_it_folds(radii, radii * gain, growing)


@dataclass(frozen=True)
class Equidistant:
    """The model of Kannala and Brandt as OpenCV's fisheye has it: equidistant.

    Raises:
        ParameterError: if the coefficients fold the image back at its middle.
    """

    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0

    def __post_init__(self) -> None:
        self._reach  # noqa: B018  refuses what no lens does

    def distort(self, directions: np.ndarray) -> np.ndarray:
        """See `Lens`."""
        x, y, z = directions.T
        with np.errstate(all='ignore'):
            beside = np.hypot(x, y)
            angle = np.arctan2(beside, z)
            scale = np.where(beside > 0, self._image(angle) / beside, 1.0)
            seen = angle <= self._reach[0][-1]
        return np.where(seen[:, None], np.stack([x * scale, y * scale], axis=1), np.nan)

    def undistort(self, points: np.ndarray) -> np.ndarray:
        """See `Lens`."""
        angles, images = self._reach
        with np.errstate(all='ignore'):
            size = np.hypot(*points.T)
            angle = np.interp(size, images, angles)
            for _ in range(_NEWTON):
                angle = angle - (self._image(angle) - size) / self._growth(angle)
            good = (np.abs(self._image(angle) - size) < _EXACT) & (angle >= 0)
            good &= (angle <= angles[-1]) & (size <= images[-1])
            beside = np.where(size > 0, np.sin(angle) / size, 1.0)
        rays = np.stack([*(points.T * beside), np.cos(angle)], axis=1)
        return np.where(good[:, None], rays, np.nan)

    def _image(self, angle: np.ndarray) -> np.ndarray:
        """The distance from the middle at which a ray of an angle is seen."""
        a2 = angle * angle
        return angle * (1 + a2 * (self.k1 + a2 * (self.k2 + a2 * (self.k3 + a2 * self.k4))))

    def _growth(self, angle: np.ndarray) -> np.ndarray:
        a2 = angle * angle
        inner = 5 * self.k2 + a2 * (7 * self.k3 + 9 * a2 * self.k4)
        return 1 + a2 * (3 * self.k1 + a2 * inner)

    @cached_property
    def _reach(self) -> tuple[np.ndarray, np.ndarray]:
        """Angles and their distances from the middle, to where the lens folds back."""
        angles = np.linspace(0, _WIDEST_FISHEYE, _STEPS)
        with np.errstate(all='ignore'):
            return _until_it_folds(
                angles, self._image(angles), self._growth(angles) > _LEAST_GROWTH
            )


def _until_it_folds(
    inside: np.ndarray, outside: np.ndarray, growing: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    stop = len(growing) if growing.all() else int(np.argmin(growing))
    if stop < 2:
        raise ParameterError(
            'the distortion coefficients fold the image back at its middle already, which no lens '
            'does; correct the camera_info'
        )
    return inside[:stop], outside[:stop]


def _grows(turn: tuple[np.ndarray, ...]) -> np.ndarray:
    a, b, c, d = turn
    return a * d - b * c > _LEAST_GROWTH**2


_MODELS: dict[str, type[Brown] | type[Equidistant]] = {
    'plumb_bob': Brown,
    'rational_polynomial': Brown,
    'equidistant': Equidistant,
    'fisheye': Equidistant,
}
_LENGTHS = {
    'plumb_bob': (4, 5),
    'rational_polynomial': (5, 8),
    'equidistant': (4,),
    'fisheye': (4,),
}
