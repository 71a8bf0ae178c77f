# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masks of flat worlds that are painted in metres."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from drivseg_ros.ground.camera import GroundCamera

ROAD, OTHER, UNLABELLED = 0, 7, 255
Paint = Callable[[np.ndarray, np.ndarray], np.ndarray]


def painted(seen: GroundCamera, paint: Paint) -> np.ndarray:
    """The mask of a flat world: `paint` gives class ids by x and y; the sky is OTHER."""
    height, width = seen.intrinsics.height, seen.intrinsics.width
    columns, rows = np.meshgrid(np.arange(width, dtype=float), np.arange(height, dtype=float))
    ground = seen.ground(np.stack([columns.ravel(), rows.ravel()], axis=1))
    with np.errstate(invalid='ignore'):
        ids = np.where(np.isnan(ground[:, 0]), OTHER, paint(*ground.T))
    return ids.reshape(height, width).astype(np.uint8)


def road(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Three metres to either side, with something on it from 12 to 13 m ahead."""
    on_it = (x > 12) & (x < 13) & (y > 0.5) & (y < 2)
    return np.where((np.abs(y) < 3) & ~on_it, ROAD, OTHER)
