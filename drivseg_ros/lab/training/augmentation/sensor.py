# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What lens and sensor add to a picture: blur and noise."""

from __future__ import annotations

import cv2
import numpy as np


def add_blur(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A lens out of focus: a Gaussian of 0.4 to 1.5 pixels in an image of 640 columns.

    Args:
        image: uint8 [H, W, 3] RGB.
        rng: Where chance comes from.

    Returns:
        A new image.
    """
    pixels = float(rng.uniform(0.4, 1.5)) * max(0.5, image.shape[1] / 640)
    return cv2.GaussianBlur(image, (0, 0), pixels)


def add_noise(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A sensor's noise with a deviation of 3 to 15 grey levels.

    Args:
        image: uint8 [H, W, 3] RGB.
        rng: Where chance comes from.

    Returns:
        A new image.
    """
    # OpenCV's generator, four times as fast as numpy's.
    cv2.setRNGSeed(int(rng.integers(2**31 - 1)))
    noise = np.empty(image.shape, np.int16)
    cv2.randn(noise, np.zeros(3), np.full(3, rng.uniform(3, 15)))
    return cv2.add(image, noise, dtype=cv2.CV_8U)
