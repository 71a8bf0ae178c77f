# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Rain in a picture: streaks, haze, drops on the windscreen."""

from __future__ import annotations

import cv2
import numpy as np


def add_rain(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Falling rain; some of the time, and more or less of each of its three.

    Args:
        image: uint8 [H, W, 3] RGB.
        rng: Where chance comes from.

    Returns:
        A new image.
    """
    height, width = image.shape[:2]
    haze = float(rng.uniform(0, 0.3))
    level = float(rng.uniform(90, 190))
    wet = cv2.convertScaleAbs(image, alpha=1 - haze, beta=haze * level)
    wet = cv2.add(wet, _streaks(height, width, rng))
    return _through_drops(wet, rng)


def _streaks(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    streaks = np.zeros((height, width), np.uint8)
    slant = rng.uniform(-0.3, 0.3)
    for _ in range(int(rng.integers(20, 160))):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        length = int(rng.integers(max(2, height // 36), max(3, height // 9)))
        end = (int(x + slant * length), y + length)
        cv2.line(streaks, (x, y), end, int(rng.integers(30, 90)), 1, cv2.LINE_AA)
    return cv2.cvtColor(cv2.blur(streaks, (1, 3)), cv2.COLOR_GRAY2RGB)


def _through_drops(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Drops show the scene upside down and small; what is seen of it is a blur."""
    height, width = image.shape[:2]
    count = int(rng.integers(0, 25))
    if not count:
        return image
    drops: np.ndarray = np.zeros((height, width), np.uint8)
    for _ in range(count):
        at = (int(rng.integers(width)), int(rng.integers(height)))
        radius = max(1, round(rng.uniform(2, 14) * width / 640))
        axes = (radius, max(1, round(radius * rng.uniform(0.8, 1.6))))
        cv2.ellipse(drops, at, axes, 0, 0, 360, int(rng.integers(120, 256)), -1, cv2.LINE_AA)
    drops = cv2.GaussianBlur(drops, (0, 0), max(0.3, 1.2 * width / 640))
    small = cv2.resize(
        image, (max(1, width // 16), max(1, height // 16)), interpolation=cv2.INTER_AREA
    )
    turned = cv2.resize(cv2.flip(small, 0), (width, height), interpolation=cv2.INTER_LINEAR)
    share = drops.astype(np.float32) / 255
    return cv2.blendLinear(image, turned, 1 - share, share)
