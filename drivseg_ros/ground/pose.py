# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Where a camera is above the ground, and where it looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivseg_ros.errors import ParameterError

_FARTHEST_M = 10_000.0
# Of a matrix that came through float32, or of a quaternion with four decimals.
_SKEWED = 1e-3
_OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True)
class CameraPose:
    """From the camera's optical frame to the ground frame.

    The ground frame has x ahead, y left, z up in metres (REP 103), and z = 0 is the ground. The
    optical frame has x right, y down, z ahead.

    Args:
        rotation: 3x3, row by row: its columns are the optical axes in the ground frame.
        position: of the camera in the ground frame, in metres; z is its height.

    Raises:
        ParameterError: if that is no rotation, or the camera is not above the ground.
    """

    rotation: tuple[float, ...]
    position: tuple[float, ...]

    def __post_init__(self) -> None:
        matrix = np.array(self.rotation, np.float64)
        if matrix.shape != (9,) or not np.isfinite(matrix).all():
            raise ParameterError(
                f'the rotation {self.rotation} of the camera is not nine finite numbers; '
                'give a 3x3 matrix, row by row'
            )
        matrix = matrix.reshape(3, 3)
        off = np.abs(matrix @ matrix.T - np.eye(3)).max()
        if off > _SKEWED or np.linalg.det(matrix) < 0:
            raise ParameterError(
                f'the matrix {self.rotation} turns, stretches or mirrors; '
                'give a rotation, from the optical frame to the ground frame'
            )
        place = np.array(self.position, np.float64)
        if place.shape != (3,) or not (np.abs(place) <= _FARTHEST_M).all():
            raise ParameterError(
                f'the camera is at {self.position} in the ground frame; three numbers up to '
                f'{_FARTHEST_M:g} m are allowed: correct its pose'
            )
        if not place[2] > 0:
            raise ParameterError(
                f'the camera is at the height {place[2]:g} m, not above the ground; give a height '
                'above 0, or a ground_frame that lies on the ground'
            )

    @classmethod
    def mounted(
        cls,
        *,
        height_m: float,
        pitch_deg: float = 0.0,
        roll_deg: float = 0.0,
        yaw_deg: float = 0.0,
        x_m: float = 0.0,
        y_m: float = 0.0,
    ) -> CameraPose:
        """A camera that looks ahead, turned by roll, then pitch, then yaw (REP 103).

        Args:
            height_m: above the ground.
            pitch_deg: positive looks down.
            roll_deg: positive leans to the right.
            yaw_deg: positive looks to the left.
            x_m: ahead of the ground frame's origin.
            y_m: left of it.

        Raises:
            ParameterError: if one of them is not allowed.
        """
        angles = {'pitch': pitch_deg, 'roll': roll_deg, 'yaw': yaw_deg}
        for name, value in angles.items():
            if not -360 <= value <= 360:
                raise ParameterError(
                    f'a camera with the {name} {value} degrees; -360 to 360 are allowed'
                )
        turn = _about(2, yaw_deg) @ _about(1, pitch_deg) @ _about(0, roll_deg) @ _OPTICAL
        return cls(tuple(turn.ravel().tolist()), (float(x_m), float(y_m), float(height_m)))

    @classmethod
    def from_transform(
        cls, *, translation: Sequence[float], quaternion: Sequence[float]
    ) -> CameraPose:
        """From a transform as TF has it: of the optical frame in the ground frame.

        Args:
            translation: x, y, z in metres.
            quaternion: x, y, z, w.

        Raises:
            ParameterError: if it is none.
        """
        values = np.array(quaternion, np.float64)
        size = float(np.linalg.norm(values)) if values.shape == (4,) else 0.0
        if not (math.isfinite(size) and abs(size - 1) < 0.01):
            raise ParameterError(
                f'the quaternion {tuple(quaternion)} has not four numbers of length 1; '
                'give x, y, z, w'
            )
        x, y, z, w = values / size
        turn = (
            *(1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
            *(2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
            *(2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
        )
        return cls(tuple(map(float, turn)), tuple(map(float, translation)))

    @classmethod
    def from_matrix(cls, matrix: np.ndarray) -> CameraPose:
        """From a 4x4 matrix that takes points of the optical frame to the ground frame.

        Raises:
            ParameterError: if it does something else.
        """
        given = np.asarray(matrix, np.float64)
        if given.shape != (4, 4) or not np.allclose(given[3], (0, 0, 0, 1)):
            raise ParameterError(
                f'a pose of shape {given.shape}; a 4x4 matrix with the last row 0, 0, 0, 1 is '
                'allowed'
            )
        return cls(tuple(given[:3, :3].ravel().tolist()), tuple(given[:3, 3].tolist()))

    @property
    def height(self) -> float:
        """Above the ground in metres."""
        return self.position[2]

    @property
    def matrix(self) -> np.ndarray:
        """The rotation, float64 [3, 3]."""
        return np.array(self.rotation, np.float64).reshape(3, 3)

    @property
    def heading(self) -> float:
        """Where the camera looks, seen from above: radians from x towards y."""
        along = self.matrix[:2, 2]
        if np.hypot(*along) < 1e-6:
            along = -self.matrix[:2, 1]  # straight down: where the top of its image is
        return math.atan2(along[1], along[0])


def _about(axis: int, degrees: float) -> np.ndarray:
    """The rotation about x, y or z by the right-hand rule, [3, 3]."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = np.eye(3)
    one, two = (axis + 1) % 3, (axis + 2) % 3
    turn[one, one] = turn[two, two] = c
    turn[one, two], turn[two, one] = -s, s
    return turn
