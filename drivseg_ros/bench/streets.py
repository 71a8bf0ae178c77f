# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The images that benchmarks run on unless they are given others: the same on every machine."""

from __future__ import annotations

import cv2
import numpy as np

from drivseg_ros.scenes.drive import random_frame

_WIDTH, _HEIGHT = 640, 360


def streets(count: int, width: int, height: int) -> list[np.ndarray]:
    """Rendered streets, uint8 [H, W, 3] RGB."""
    images = [random_frame(seed, _WIDTH, _HEIGHT).image for seed in range(1, count + 1)]
    return [cv2.resize(one, (width, height), interpolation=cv2.INTER_CUBIC) for one in images]


def describe_streets(seeds: str) -> str:
    """Where such images come from, for reports.

    Args:
        seeds: which, as in 'seeds 1 to 10'.
    """
    return f'rendered streets, {seeds}, resized (drivseg_ros.scenes.drive.random_frame)'
