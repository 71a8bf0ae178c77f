# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Tiling textures with a separate level of detail along and across (ripmaps)."""

from __future__ import annotations

import functools

import numpy as np

from drivseg_ros.scenes.randomness import random_bytes

_POWERS = np.array([2.0**n for n in range(16)], np.float64)


class Ripmap:
    """A tiling texture, averaged to every power of two in both directions independently.

    A road seen from a car is squeezed along the view far more than across it; one level for both
    would either flicker or blur.

    Args:
        texture: uint8 [A, B] or [A, B, C], A and B powers of two.
    """

    def __init__(self, texture: np.ndarray) -> None:
        self.size = texture.shape[:2]
        self.levels = tuple(side.bit_length() for side in self.size)
        offsets = np.zeros(self.levels, np.int32)
        parts: list[np.ndarray] = []
        start = 0
        along: np.ndarray = texture.astype(np.uint16)
        for i in range(self.levels[0]):
            across: np.ndarray = along
            for j in range(self.levels[1]):
                offsets[i, j] = start
                parts.append(across.reshape(-1, *texture.shape[2:]).astype(np.uint8))
                start += across.shape[0] * across.shape[1]
                if across.shape[1] > 1:
                    across = (across[:, 0::2] + across[:, 1::2] + 1) >> 1
            if along.shape[0] > 1:
                along = (along[0::2] + along[1::2] + 1) >> 1
        self._data = np.concatenate(parts)
        self._offsets = offsets

    def level(self, axis: int, footprint: np.ndarray) -> np.ndarray:
        """The level for a footprint given in texels."""
        found = np.searchsorted(_POWERS, footprint, side='right')
        return np.minimum(found, self.levels[axis] - 1).astype(np.int32)

    def sample(
        self, along: np.ndarray, across: np.ndarray, level_a: np.ndarray, level_b: np.ndarray
    ) -> np.ndarray:
        """Texels at whole coordinates (int32, wrapped), at levels that broadcast with them."""
        index = ((along >> level_a) & ((self.size[0] - 1) >> level_a)) * (self.size[1] >> level_b)
        index = index + ((across >> level_b) & ((self.size[1] - 1) >> level_b))
        index += self._offsets[level_a, level_b]
        return np.take(self._data, index, axis=0)


def smooth(t: np.ndarray) -> np.ndarray:
    """The smoothstep polynomial on [0, 1]."""
    return t * t * (3.0 - 2.0 * t)


def lattice_noise(size: int, cells: int, *key: int | str) -> np.ndarray:
    """Tiling value noise, float64 [size, size] in [0, 1]."""
    lattice = random_bytes(cells * cells, *key).reshape(cells, cells) / 255.0
    at = np.arange(size) * (cells / size)
    low = at.astype(np.int64)
    t = smooth(at - low)
    high = (low + 1) % cells
    rows = lattice[low] * (1.0 - t)[:, None] + lattice[high] * t[:, None]
    return rows[:, low] * (1.0 - t) + rows[:, high] * t


def fractal_noise(size: int, cells: int, octaves: int, *key: int | str) -> np.ndarray:
    """Tiling fractal noise, uint8 [size, size], stretched to 0...255."""
    total: np.ndarray = np.zeros((size, size), np.float64)
    weight = 1.0
    for octave in range(octaves):
        total = total + weight * lattice_noise(size, min(cells << octave, size), octave, *key)
        weight *= 0.55
    low, high = total.min(), total.max()
    return ((total - low) * (255.0 / (high - low))).astype(np.uint8)


@functools.cache
def grain() -> Ripmap:
    """Fine grain of asphalt, grass and concrete; one texel is 2 cm."""
    noise = random_bytes(256 * 256, 'grain').reshape(256, 256).astype(np.uint16)
    mixed = (noise + fractal_noise(256, 64, 2, 'grain') + 1) >> 1
    return Ripmap(mixed.astype(np.uint8))


@functools.cache
def patches() -> Ripmap:
    """Stains and repairs; one texel is 0.2 m along and 0.1 m across."""
    return Ripmap(fractal_noise(256, 8, 5, 'patches'))


@functools.cache
def leaf_shadows() -> Ripmap:
    """Shadows of trees on the ground (0 shadow, 255 sun); one texel is 0.2 m."""
    noise = fractal_noise(256, 16, 4, 'leaves').astype(np.int32)
    return Ripmap(np.clip((noise - 118) * 9 + 128, 0, 255).astype(np.uint8))


@functools.cache
def clouds() -> np.ndarray:
    """uint8 [256, 256] of clouds."""
    return fractal_noise(256, 4, 6, 'clouds')
