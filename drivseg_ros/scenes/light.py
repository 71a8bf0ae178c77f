# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How much light falls where, and how distance fades."""

from __future__ import annotations

import numpy as np

from drivseg_ros.scenes.look import Color, Look

HEADLIGHT_TINT = (1.0, 0.96, 0.86)
LAMP_TINT = (1.0, 0.86, 0.62)
LAMP_SPACING = 32.0


def headlight(look: Look, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Light of our own headlights at points x metres right and z metres ahead."""
    if look.headlights <= 0.0:
        return np.zeros_like(x + z)
    reach = z / 24.0
    start = z * z / (z * z + 9.0)
    spread = x / (0.3 * z + 1.4)
    spread = spread * spread
    return look.headlights * start / ((1.0 + reach * reach) * (1.0 + spread * spread))


def street_lamps(look: Look, along: np.ndarray) -> np.ndarray:
    """Light of street lamps at places along the road."""
    place = along / LAMP_SPACING
    t = np.abs(place - np.floor(place) - 0.5) * 2.0
    return look.lamps * (0.08 + 0.5 * t * t)


def haze(look: Look, z: np.ndarray) -> np.ndarray:
    """Share of haze over a distance, 0 to 1."""
    r = np.maximum(z, 0.0) / look.haze_length
    r = r * (r + 0.4) / 1.4
    return r / (1.0 + r)


class Spot:
    """The light at one place, for small surfaces there."""

    def __init__(self, look: Look, *, x: float, z: float, along: float) -> None:
        self._look = look
        head = 0.8 * float(headlight(look, np.asarray(x), np.asarray(max(z, 0.5))))
        lamp = float(street_lamps(look, np.asarray(along))) if look.dark else 0.0
        self._fade = float(haze(look, np.asarray(z)))
        self._head = [head * tint for tint in HEADLIGHT_TINT]
        self._sky = [a + lamp * tint for a, tint in zip(look.ambient, LAMP_TINT, strict=True)]

    def color(self, color: Color, facing: float = 1.0) -> Color:
        """The colour a surface shows, turned more (1) or less (0) to the sky's light."""
        clear = 1.0 - self._fade
        r, g, b = (
            c * (sky * facing + head) * clear + self._fade * far
            for c, sky, head, far in zip(color, self._sky, self._head, self._look.haze, strict=True)
        )
        return r, g, b
