# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Flat pictures that stand upright beside the road (trees, people, signs), and glows."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from drivseg_ros.scenes.randomness import Stream
from drivseg_ros.scenes.texture import fractal_noise

_TALL = 256
_WIDE = 128


@dataclass(frozen=True)
class Sprite:
    """A picture (uint8 [H, W, 3]) and where it is solid (bool [H, W]), by halving sizes."""

    levels: tuple[tuple[np.ndarray, np.ndarray], ...]
    height: float
    width: float


def _levels(picture: np.ndarray, mask: np.ndarray, height: float, width: float) -> Sprite:
    levels = [(picture, mask)]
    weight = mask.astype(np.float64)
    value = picture.astype(np.float64) * weight[:, :, None]
    while min(weight.shape) > 4:
        weight = (weight[0::2, 0::2] + weight[1::2, 0::2] + weight[0::2, 1::2]
                  + weight[1::2, 1::2])  # fmt: skip
        value = value[0::2, 0::2] + value[1::2, 0::2] + value[0::2, 1::2] + value[1::2, 1::2]
        full = float(4 ** len(levels))
        color = value / np.maximum(weight, 1e-9)[:, :, None]
        levels.append((color.astype(np.uint8), weight > 0.42 * full))
    return Sprite(tuple(levels), height, width)


def _tree(stream: Stream, variant: int, *, bush: bool) -> Sprite:
    noise = fractal_noise(_TALL, 16, 5, 'tree', variant)[:, :_WIDE].astype(np.float64) / 255.0
    rows = np.arange(_TALL)[:, None] / _TALL
    columns = np.arange(_WIDE)[None, :] / _WIDE - 0.5
    shape = variant % 4
    foot = 1.0 if bush else stream.uniform(0.6, 0.78)
    if shape == 3 and not bush:
        radius = 0.42 * np.clip(rows / foot, 0.0, 1.0)
        inside = np.abs(columns) / np.maximum(radius, 0.01)
    else:
        middle = 0.5 * foot
        inside = np.sqrt((columns / 0.46) ** 2 + ((rows - middle) / (0.5 * foot)) ** 2)
    bare = stream.chance(0.25) and not bush
    solid = (inside + (noise - 0.5) * (1.6 if not bare else 2.2) < 0.95) & (rows < foot)
    if bare:
        twigs = fractal_noise(_TALL, 64, 3, 'twigs', variant)[:, :_WIDE]
        solid &= twigs > 140
    color = stream.pick([(70, 100, 45), (55, 85, 40), (95, 115, 50), (120, 95, 50), (45, 75, 45)])
    if bare:
        color = (95, 85, 78)
    lit = 0.45 + 0.9 * noise - 0.35 * (rows - 0.3) + 0.2 * columns
    picture = np.empty((_TALL, _WIDE, 3), np.uint8)
    for c in range(3):
        picture[:, :, c] = np.clip(color[c] * lit, 0, 255)
    if not bush:
        trunk = (np.abs(columns) < 0.035) & (rows > 0.3 * foot)
        only = trunk & ~solid
        picture[only] = (72, 60, 50)
        solid = solid | trunk
    tall = stream.uniform(1.2, 2.4) if bush else stream.uniform(5.0, 11.0)
    return _levels(picture, solid, tall, tall * stream.uniform(0.5, 0.8) * (1.6 if bush else 1.0))


def _person(stream: Stream) -> Sprite:
    picture = np.zeros((_TALL, _WIDE, 3), np.uint8)
    mask = np.zeros((_TALL, _WIDE), np.uint8)
    coat = [stream.integer(20, 210) for _ in range(3)]
    legs = [stream.integer(15, 90) for _ in range(3)]
    stride = stream.integer(0, 26)
    parts: list[tuple[list[tuple[int, int]], list[int]]] = [
        ([(44, 130), (64, 130), (60 - stride, 256), (42 - stride, 256)], legs),
        ([(62, 130), (84, 130), (88 + stride, 256), (70 + stride, 256)], legs),
        ([(38, 44), (90, 44), (88, 140), (40, 140)], coat),
        ([(28, 50), (42, 46), (40, 128), (30, 128)], coat),
        ([(86, 46), (100, 50), (98, 128), (88, 128)], coat),
        ([(54, 8), (74, 8), (80, 24), (74, 42), (54, 42), (48, 24)], [196, 150, 122]),
    ]
    for corners, color in parts:
        points = np.array(corners, np.int32)
        cv2.fillConvexPoly(picture, points, color)
        cv2.fillConvexPoly(mask, points, (255,))
    return _levels(picture, mask > 0, stream.uniform(1.6, 1.9), 0.85)


def _sign(stream: Stream) -> Sprite:
    picture = np.full((_TALL, _WIDE, 3), 110, np.uint8)
    mask = np.zeros((_TALL, _WIDE), np.uint8)
    mask[80:, 61:67] = 255
    face = stream.pick(
        [(190, 30, 35), (235, 235, 235), (30, 80, 160), (235, 190, 40), (30, 110, 60)]
    )
    if stream.chance(0.5):
        points = np.array([(34, 2), (94, 2), (126, 34), (126, 86), (94, 118), (34, 118), (2, 86),
                           (2, 34)], np.int32)  # fmt: skip
    else:
        points = np.array([(6, 6), (122, 6), (122, 112), (6, 112)], np.int32)
    cv2.fillConvexPoly(picture, points, (240, 240, 240))
    cv2.fillConvexPoly(mask, points, (255,))
    inner = ((points - 64) * 4) // 5 + np.array([64, 60], np.int32) - np.array([0, -2], np.int32)
    cv2.fillConvexPoly(picture, inner.astype(np.int32), face)
    return _levels(picture, mask > 0, stream.uniform(2.4, 3.4), stream.uniform(0.7, 1.2))


@functools.cache
def sprite(kind: str, variant: int) -> Sprite:
    """A picture of tree, bush, person or sign; the same for the same variant."""
    stream = Stream('sprite', kind, variant)
    if kind == 'person':
        return _person(stream)
    if kind == 'sign':
        return _sign(stream)
    return _tree(stream, variant, bush=kind == 'bush')


def paint_sprite(
    image: np.ndarray,
    class_ids: np.ndarray,
    picture: Sprite,
    box: tuple[float, float, float, float],
    *,
    light: tuple[float, float, float],
    haze: tuple[float, tuple[float, float, float]],
    last_row: float,
    flip: bool,
) -> None:
    """Stand a sprite into ``box`` (left, top, right, bottom in pixels), down to ``last_row``.

    The picture's own pixels are taken (nearest), so image and labels agree exactly.
    """
    left, top, right, bottom = box
    height, width = class_ids.shape
    c0, c1 = max(0, int(np.ceil(left))), min(width, int(np.ceil(right)))
    r0 = max(0, int(np.ceil(top)))
    r1 = min(height, int(np.ceil(bottom)), int(min(last_row, 1e6)) + 1)
    if c1 <= c0 or r1 <= r0 or right - left < 1.0 or bottom - top < 1.0:
        return
    level = 0
    while level + 1 < len(picture.levels) and _TALL >> (level + 1) >= 0.8 * (bottom - top):
        level += 1
    color, solid = picture.levels[level]
    rows = (np.arange(r0, r1) - top) * (color.shape[0] / (bottom - top))
    columns = (np.arange(c0, c1) - left) * (color.shape[1] / (right - left))
    i = np.clip(rows.astype(np.int64), 0, color.shape[0] - 1)[:, None]
    j = np.clip(columns.astype(np.int64), 0, color.shape[1] - 1)[None, :]
    if flip:
        j = color.shape[1] - 1 - j
    mask = solid[i, j]
    share, far = haze
    table = np.empty((256, 3), np.uint8)
    ramp = np.arange(256)
    for c in range(3):
        table[:, c] = np.clip(ramp * (light[c] * (1.0 - share)) + far[c] * share, 0.0, 255.0)
    shown = color[i, j]
    target = image[r0:r1, c0:c1]
    for c in range(3):
        np.copyto(target[:, :, c], table[:, c][shown[:, :, c]], where=mask)
    class_ids[r0:r1, c0:c1][mask] = 2


@functools.cache
def _glow() -> np.ndarray:
    at = (np.arange(64) - 31.5) / 32.0
    r2 = at[:, None] * at[:, None] + at[None, :] * at[None, :]
    value = np.maximum(1.0 / (1.0 + 22.0 * r2) - 1.0 / 23.0, 0.0)
    return (255.0 * value / value.max()).astype(np.uint16)


def add_glow(
    image: np.ndarray,
    center: tuple[float, float],
    radius: float,
    color: tuple[float, float, float],
    strength: float,
    *,
    tall: float = 1.0,
) -> None:
    """Add the halo of a light."""
    x, y = center
    rx, ry = max(radius, 1.0), max(radius, 1.0) * tall
    height, width = image.shape[:2]
    if not (-rx < x < width + rx and -ry < y < height + ry) or rx > 4.0 * width:
        return
    c0, c1 = max(0, int(np.ceil(x - rx))), min(width, int(np.floor(x + rx)) + 1)
    r0, r1 = max(0, int(np.ceil(y - ry))), min(height, int(np.floor(y + ry)) + 1)
    if c1 <= c0 or r1 <= r0:
        return
    i = np.clip(((np.arange(r0, r1) - y) / ry * 32.0 + 32.0).astype(np.int64), 0, 63)[:, None]
    j = np.clip(((np.arange(c0, c1) - x) / rx * 32.0 + 32.0).astype(np.int64), 0, 63)[None, :]
    weight = _glow()[i, j][:, :, None]
    tint = np.array([min(max(int(c * strength), 0), 255) for c in color], np.uint16)
    added = ((weight * tint) >> 8).astype(np.uint8)
    patch = image[r0:r1, c0:c1]
    patch[:] = cv2.add(np.ascontiguousarray(patch), added)
