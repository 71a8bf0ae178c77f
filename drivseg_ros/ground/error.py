# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How wrong distances on the ground are when the camera's pitch is a little wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from drivseg_ros.errors import ParameterError

PITCH_ERROR_DEG = 0.5
"""What a car's suspension and a good calibration leave."""
RINGS_M = (5.0, 10.0, 15.0, 20.0, 30.0, 40.0)
"""Distances that errors are given for."""


def range_error(
    distance_m: np.ndarray, *, height_m: float, pitch_error_deg: float = PITCH_ERROR_DEG
) -> np.ndarray:
    """By how much a distance on the ground is too large if the camera looks lower than assumed.

    That is the worse of both directions: about (d^2 + h^2) / h times the angle while it is small.

    Args:
        distance_m: along the ground from below the camera, of any shape.
        height_m: of the camera above the ground.
        pitch_error_deg: the error of the pitch in degrees.

    Returns:
        float64, in metres; infinite where the wrong ray does not come down any more.
    """
    down = np.arctan2(height_m, distance_m) - math.radians(pitch_error_deg)
    with np.errstate(divide='ignore'):
        return np.where(down > 0, height_m / np.tan(np.maximum(down, 1e-12)) - distance_m, np.inf)


def error_by_ring(
    *,
    height_m: float,
    pitch_error_deg: float = PITCH_ERROR_DEG,
    rings_m: Sequence[float] = RINGS_M,
) -> dict[float, float]:
    """The error at distances from below the camera, in metres by metres.

    Raises:
        ParameterError: if height or angle are not above 0.
    """
    if not (height_m > 0 and 0 < pitch_error_deg < 90):
        raise ParameterError(
            f'the height {height_m} m with an error of the pitch of {pitch_error_deg} degrees; '
            'above 0, and the angle below 90, are allowed'
        )
    errors = range_error(np.array(rings_m), height_m=height_m, pitch_error_deg=pitch_error_deg)
    return dict(zip(map(float, rings_m), errors.tolist(), strict=True))
