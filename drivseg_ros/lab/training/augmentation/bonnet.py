# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One's own vehicle at the lower edge of a picture: a bonnet or a dashboard in front of the road.

Unlike the other changes it covers what is there, so it also returns where.
"""

from __future__ import annotations

import cv2
import numpy as np

_TALLEST = 0.28
"""Of the picture's height; most are lower."""


def add_bonnet(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A bonnet or dashboard: dark most of the time, or painted; it may mirror what lies before it.

    Args:
        image: uint8 [H, W, 3] RGB.
        rng: Where chance comes from.

    Returns:
        A new image, and how much of each pixel the vehicle covers, uint8 [H, W] in 255ths.
    """
    height, width = image.shape[:2]
    edge = _edge(width, rng) * height
    depth = np.arange(height, dtype=np.float32)[:, None] - (height - edge)[None]
    softness = float(rng.uniform(0.4, 2.5)) * max(0.5, width / 640)
    cover = np.clip(depth / softness + 0.5, 0, 1).astype(np.float32)
    surface = _surface(image, depth, rng)
    mixed = cv2.blendLinear(surface, image, cover, 1 - cover)
    return mixed, (cover * 255 + 0.5).astype(np.uint8)


def _edge(width: int, rng: np.random.Generator) -> np.ndarray:
    """The vehicle's height over the lower edge by column, as a share of the picture's."""
    x = np.linspace(-1, 1, width, dtype=np.float32)
    middle = rng.uniform(-0.35, 0.35)
    top = float(rng.uniform(0.03, 1) ** 1.5 * _TALLEST)
    if rng.random() < 0.3:  # a dashboard: straight, slanted a little
        edge = top + rng.uniform(-0.03, 0.03) * x
    else:  # a bonnet: an arch that falls to the sides, steeper at its ends
        power = rng.uniform(1.8, 4.5)
        fall = rng.uniform(0.05, 0.9) * top
        edge = top - fall * np.abs((x - middle) / (1 + abs(middle))) ** power
    if rng.random() < 0.25:  # a bump: a bonnet's ridge, a wiper's arm, an ornament, a phone
        at, spread = rng.uniform(-0.9, 0.9), rng.uniform(0.01, 0.12)
        edge = edge + rng.uniform(0.01, 0.06) * np.exp(-(((x - at) / spread) ** 4))
    return np.clip(edge, 0, 1.2 * _TALLEST).astype(np.float32)


def _surface(image: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What the vehicle looks like; uint8 [H, W, 3].

    Args:
        image: The picture that it mirrors.
        depth: Rows below the vehicle's edge, float32 [H, W].
        rng: Where chance comes from.
    """
    height, width = image.shape[:2]
    brightness = float(image.mean())
    # Paint is seen by the picture's own light; most of what dash cameras see is black.
    lit = rng.uniform(0.02, 0.35) if rng.random() < 0.7 else rng.uniform(0.3, 1.4)
    tint = 1 + rng.uniform(-0.25, 0.25, 3) * rng.random()
    slope = np.clip(depth / max(1.0, _TALLEST * height), 0, 1)
    shade = 1 + rng.uniform(-0.7, 0.7) * slope
    if rng.random() < 0.5:  # a rim that shines
        shade = shade + rng.uniform(0.2, 2.0) * np.exp(-np.abs(depth) / (0.012 * height + 1))
    shade = shade * (1 + rng.uniform(-0.4, 0.4) * np.linspace(-1, 1, width)[None])
    paint = np.clip(brightness * lit * shade[..., None] * tint, 0, 255).astype(np.uint8)
    share = float(rng.uniform(0, 0.6)) if rng.random() < 0.7 else 0.0
    if share:
        paint = cv2.addWeighted(paint, 1 - 0.5 * share, _mirrored(image, depth, rng), share, 0)
    return paint


def _mirrored(image: np.ndarray, depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a polished surface shows below its edge: the scene above it, upside down, blurred."""
    height, width = image.shape[:2]
    stretch = float(rng.uniform(1.0, 4.0))
    rows = np.arange(height, dtype=np.float32)[:, None] - (1 + stretch) * np.maximum(depth, 0)
    columns = np.broadcast_to(np.arange(width, dtype=np.float32)[None], (height, width))
    shown = cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    blur = float(rng.uniform(0.002, 0.02)) * width
    return cv2.GaussianBlur(shown, (0, 0), max(0.3, blur))
