# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a windscreen adds to a picture: reflections of the dashboard, and the glare of a low sun."""

from __future__ import annotations

import cv2
import numpy as np


def add_reflection(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Things on the dashboard seen in the windscreen: pale shapes over the scene, and stripes.

    Args:
        image: uint8 [H, W, 3] RGB.
        rng: Where chance comes from.

    Returns:
        A new image.
    """
    height, width = image.shape[:2]
    veil: np.ndarray = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        centre = rng.uniform((0, 0.3), (1, 1.05)) * (width, height)
        size = rng.uniform((0.08, 0.05), (0.8, 0.4)) * (width, height)
        corners = rng.uniform(-0.5, 0.5, (int(rng.integers(4, 8)), 2)) * size
        corners = corners[np.argsort(np.arctan2(*corners.T))] + centre
        shape = np.zeros_like(veil)
        cv2.fillPoly(shape, [corners.astype(np.int32)], int(rng.integers(60, 256)))
        veil = cv2.max(veil, shape)
    if rng.random() < 0.35:  # the grille of the ventilation
        period = rng.uniform(0.008, 0.03) * width
        stripes = (np.arange(width) % period < period / 2).astype(np.uint8) * 255
        top = int(rng.uniform(0.5, 0.95) * height)
        bottom = min(height, top + max(1, int(rng.uniform(0.02, 0.12) * height)))
        grille = np.tile(stripes, (bottom - top, 1))
        veil[top:bottom] = cv2.max(veil[top:bottom], grille)
    veil = cv2.GaussianBlur(veil, (0, 0), float(rng.uniform(0.8, 8)) * max(0.3, width / 640))
    tint = 1 + rng.uniform(-0.2, 0.2, 3)
    strength = float(rng.uniform(0.15, 0.8)) * max(60.0, float(image.mean())) / 255
    light = veil[..., None] * (strength * tint)
    return cv2.add(image, np.clip(light, 0, 255).astype(np.uint8))


def add_glare(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A low sun, or another strong light: a bright spot, a veil round it, rays, less contrast.

    Args:
        image: uint8 [H, W, 3] RGB.
        rng: Where chance comes from.

    Returns:
        A new image.
    """
    height, width = image.shape[:2]
    # Light falls off smoothly, so it is worked out on a sixteenth of the pixels.
    rows, columns = np.mgrid[: max(2, height // 4), : max(2, width // 4)].astype(np.float32)
    y, x = rows / len(rows), columns / columns.shape[1]
    across, down = rng.uniform(0, 1), rng.uniform(0, 0.55)
    distance = np.hypot(x - across, (y - down) * height / width)
    core = np.exp(-((distance / rng.uniform(0.01, 0.05)) ** 2))
    veil = rng.uniform(0.2, 0.8) * np.exp(-distance / rng.uniform(0.1, 0.5))
    rays = np.zeros_like(distance)
    if rng.random() < 0.6:  # along and across the wipers' way
        angle = np.arctan2((y - down) * height / width, x - across)
        count, turn = int(rng.integers(1, 4)), rng.uniform(0, np.pi)
        narrow = np.abs(np.cos(count * (angle - turn))) ** rng.uniform(30, 150)
        rays = rng.uniform(0.1, 0.6) * narrow * np.exp(-distance / rng.uniform(0.1, 0.5))
    haze = rng.uniform(0, 0.12)
    light = np.clip(core + veil + rays + haze, 0, 1)[..., None]
    tint = np.array([1.0, rng.uniform(0.85, 1.0), rng.uniform(0.65, 1.0)])
    shine = cv2.resize((light * tint * 255).astype(np.uint8), (width, height))
    return cv2.add(cv2.convertScaleAbs(image, alpha=float(rng.uniform(0.65, 1.0))), shine)
