# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Other lights on a picture: exposure, night, shadows."""

from __future__ import annotations

import cv2
import numpy as np

GAMMA = 2.2
"""Grey levels of cameras are about the light's power 1 / GAMMA."""

_DARK = 60
"""Mean grey level of a picture taken at night; by day it is 80 to 140."""


def change_exposure(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A camera that took up to 2.6 times more or less light, and another white balance.

    Lights that exceed the sensor are cut off, as in a frame that leaves a tunnel.

    Args:
        image: uint8 [H, W, 3] RGB.
        rng: Where chance comes from.

    Returns:
        A new image.
    """
    stops = rng.uniform(-1.4, 1.4) + rng.uniform(-0.15, 0.15, 3)
    black = rng.uniform(-0.03, 0.03)
    light = (np.arange(256) / 255.0) ** GAMMA
    levels = np.clip(light[:, None] * 2.0**stops, 0, 1) ** (1 / GAMMA) + black
    return cv2.LUT(image, _bytes(levels).reshape(1, 256, 3))


def make_night(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Dusk to night: little light from the sky, one's own headlights, some lamps.

    A picture that is dark already stays as it is; there would be nothing left to see.

    Args:
        image: uint8 [H, W, 3] RGB.
        rng: Where chance comes from.

    Returns:
        A new image.
    """
    if image.mean() < _DARK:
        return image.copy()
    height, width = image.shape[:2]
    # The colour that is left: blue of dusk to yellow of street lamps.
    tint = np.array([1.0, 0.92, 0.8]) if rng.random() < 0.6 else np.array([0.85, 0.95, 1.1])
    gamma, gain = rng.uniform(1.1, 1.7), rng.uniform(0.7, 1.1)
    levels = gain * tint * ((np.arange(256) / 255.0) ** gamma)[:, None]
    dark = cv2.LUT(image, _bytes(levels).reshape(1, 256, 3))
    grey = cv2.cvtColor(cv2.cvtColor(dark, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    colour = float(rng.uniform(0.3, 0.9))
    dark = cv2.addWeighted(dark, colour, grey, 1 - colour, 0)
    # Light falls off smoothly, so it is worked out on an eighth of the pixels.
    rows, columns = np.mgrid[: max(2, height // 8), : max(2, width // 8)].astype(np.float32)
    y, x = (rows + 0.5) / rows.shape[0], (columns + 0.5) / rows.shape[1]
    ambient = rng.uniform(0.15, 0.6)
    spot_x, spot_y = rng.uniform(0.4, 0.6), rng.uniform(0.65, 0.85)
    spread_x, spread_y = rng.uniform(0.2, 0.4), rng.uniform(0.12, 0.25)
    headlights = np.exp(-(((x - spot_x) / spread_x) ** 2) - ((y - spot_y) / spread_y) ** 2)
    light = ambient * np.clip(0.4 + 1.2 * y, 0, 1) + (1 - ambient) * headlights
    light = cv2.resize(light, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.add(_lit(dark, _bytes(light)), _lamps(height, width, rng))


def add_shadow(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One to three darker areas in the lower part, as of houses, trees and bridges.

    Args:
        image: uint8 [H, W, 3] RGB.
        rng: Where chance comes from.

    Returns:
        A new image.
    """
    height, width = image.shape[:2]
    light = np.full((height, width), 255, np.uint8)
    level = int(rng.integers(80, 190))
    for _ in range(int(rng.integers(1, 4))):
        corners = rng.uniform(0, 1, (4, 2)) * (1.2 * width, 0.7 * height)
        corners += (-0.1 * width, 0.35 * height)
        centre = corners.mean(axis=0)
        order = np.argsort(np.arctan2(*(corners - centre).T[::-1]))
        cv2.fillPoly(light, [corners[order].astype(np.int32)], level)
    edge = float(rng.uniform(0.5, 4.0)) * width / 640
    return _lit(image, cv2.GaussianBlur(light, (0, 0), edge))


def _lamps(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Street lamps and oncoming headlights with their glow, on black."""
    small: np.ndarray = np.zeros((max(2, height // 4), max(2, width // 4), 3), np.uint8)
    for _ in range(int(rng.integers(0, 9))):
        at = (int(rng.uniform(0, 1) * small.shape[1]), int(rng.uniform(0.1, 0.6) * small.shape[0]))
        color = np.array([255, 255 - rng.integers(0, 60), 235 - rng.integers(0, 150)])
        radius = max(1, round(rng.uniform(0.5, 2.0) * small.shape[1] / 160))
        cv2.circle(small, at, radius, color.tolist(), -1, cv2.LINE_AA)
    small = cv2.GaussianBlur(small, (0, 0), 0.7)
    glow = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(2, 5)) * small.shape[1] / 160)
    small = cv2.addWeighted(small, 1.0, glow, float(rng.uniform(1.0, 2.5)), 0)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def _lit(image: np.ndarray, light: np.ndarray) -> np.ndarray:
    """The image with a share of its light, uint8 [H, W] in 255ths."""
    return cv2.multiply(image, cv2.cvtColor(light, cv2.COLOR_GRAY2RGB), scale=1 / 255)


def _bytes(levels: np.ndarray) -> np.ndarray:
    return np.clip(levels * 255 + 0.5, 0, 255).astype(np.uint8)
