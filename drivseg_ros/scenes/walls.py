# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What stands along the whole road: houses, forest edges, hedges, rails and barriers.

A wall is a vertical band above a line along the road. Each image column meets it at most once
(the nearest time), so it is drawn by columns, and its foot is exact on the ground.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from drivseg_ros.scenes.layout import Wall
from drivseg_ros.scenes.light import (
    HEADLIGHT_TINT,
    LAMP_TINT,
    haze,
    headlight,
    street_lamps,
)
from drivseg_ros.scenes.look import Look
from drivseg_ros.scenes.randomness import Stream, random_bytes
from drivseg_ros.scenes.road import RoadView
from drivseg_ros.scenes.texture import Ripmap, fractal_noise

TEXEL = 0.25
_LONG = 512
_TALL = 64


@dataclass(frozen=True)
class _Style:
    """Texture with a fourth channel that shines in the dark; heights 0 to 1 by texel."""

    texture: Ripmap
    heights: np.ndarray
    foot: float


def _houses(variant: int, *, tall: bool) -> _Style:
    stream = Stream('houses', variant, int(tall))
    picture = np.zeros((_LONG, _TALL, 4), np.uint8)
    heights = np.zeros(_LONG)
    start = 0
    while start < _LONG:
        length = min(stream.integer(26, 90) if tall else stream.integer(28, 60), _LONG - start)
        end = start + length
        if length < 12 or stream.chance(0.12 if tall else 0.25):
            start = end
            continue
        tone = stream.uniform(70.0, 215.0)
        tint = stream.pick([(1.0, 1.0, 1.0), (1.0, 0.9, 0.75), (0.95, 0.62, 0.5), (0.9, 0.95, 1.0)])
        wall = [min(tone * t, 235.0) for t in tint]
        picture[start:end, :, :3] = wall
        across, floor = stream.integer(6, 12), stream.integer(11, 14)
        wide, high = stream.integer(3, across - 2), stream.integer(5, 8)
        shine = stream.uniform(35.0, 110.0)
        glass = [shine * f for f in (0.88, 0.97, 1.1)]
        for left in range(start + 2, end - wide - 1, across):
            for low in range(3, _TALL - high, floor):
                picture[left : left + wide, low : low + high, :3] = glass
                if stream.chance(0.3):
                    picture[left : left + wide, low : low + high, 3] = stream.integer(60, 255)
        if stream.chance(0.5):
            grey = stream.uniform(40.0, 190.0)
            shop = [grey * stream.uniform(0.7, 1.25) for _ in range(3)]
            picture[start:end, 12:15, :3] = shop
            picture[start + 2 : end - 2, 2:11, :3] = glass
            picture[start + 2 : end - 2, 2:15, 3] = stream.integer(0, 220)
        picture[start : start + 1, :, :3] = [c * 0.6 for c in wall]
        heights[start:end] = stream.uniform(0.45, 1.0)
        start = end
    return _Style(Ripmap(picture), heights, 0.0)


def _plants(variant: int, *, forest: bool) -> _Style:
    stream = Stream('plants', variant, int(forest))
    noise = fractal_noise(_LONG, 64, 4, 'plants', variant)[:, :_TALL].astype(np.float64) / 255.0
    shade = np.linspace(0.35 if forest else 0.6, 1.1, _TALL)[None, :]
    color = (stream.uniform(45, 100), stream.uniform(75, 120), stream.uniform(30, 60))
    picture = np.zeros((_LONG, _TALL, 4), np.uint8)
    for c in range(3):
        picture[:, :, c] = np.clip(color[c] * shade * (0.35 + 1.2 * noise), 0, 255)
    outline = fractal_noise(_LONG, 32, 4, 'outline', variant)[7].astype(np.float64) / 255.0
    heights = 0.45 + 0.55 * outline if forest else 0.85 + 0.15 * outline
    return _Style(Ripmap(picture), heights, 0.0)


def _barrier(variant: int, *, rail: bool) -> _Style:
    stream = Stream('barrier', variant, int(rail))
    grain = random_bytes(_LONG * _TALL, 'barrier', variant).reshape(_LONG, _TALL) / 255.0
    tone = stream.uniform(120.0, 200.0)
    picture = np.zeros((_LONG, _TALL, 4), np.uint8)
    values = tone * (0.9 + 0.2 * grain)
    values[:: 16 if rail else 40] *= 0.75
    if rail:
        values[:, 0::4] *= 0.8
    picture[:, :, :3] = np.clip(values, 0, 255).astype(np.uint8)[:, :, None]
    return _Style(Ripmap(picture), np.ones(_LONG), 0.45 if rail else 0.0)


@functools.cache
def _style(name: str, variant: int) -> _Style:
    if name in ('houses', 'blocks'):
        return _houses(variant, tall=name == 'blocks')
    if name in ('forest', 'hedge', 'hedge_high'):
        return _plants(variant, forest=name == 'forest')
    return _barrier(variant, rail=name == 'rail')


class WallPainter:
    """Paints one wall of a road."""

    def __init__(self, wall: Wall, look: Look, stream: Stream) -> None:
        self.wall = wall
        self._look = look
        self._style = _style(wall.style, stream.integer(0, 4))
        self._shift = stream.integer(0, _LONG - 1)
        self._facing = stream.uniform(0.55, 1.05)
        self._glow = look.lamps if wall.style in ('houses', 'blocks') else 0.0

    def paint(
        self,
        view: RoadView,
        image: np.ndarray,
        class_ids: np.ndarray,
        gloss: np.ndarray | None,
    ) -> None:
        """Paint it, and turn the ground it hides to background that does not mirror."""
        camera, wall = view.camera, self.wall
        seen = np.flatnonzero(view.node_depth > 0.3)
        if not len(seen):
            return
        nodes = slice(int(seen[0]), None)
        depth = view.node_depth[nodes]
        x = view.node_x[nodes] + wall.at * view.node_q[nodes]
        column = camera.cx + camera.focal * x / depth
        side = 1.0 if float(x[0]) > 0.0 else -1.0
        swept = np.maximum.accumulate(-side * column)
        pixels = np.arange(camera.width, dtype=np.float64)
        right = np.searchsorted(swept, -side * pixels, side='left')
        hit = np.flatnonzero((right > 0) & (right < len(swept)))
        if not len(hit):
            return
        first, last = int(hit[0]), int(hit[-1]) + 1
        right = np.clip(right[first:last], 1, len(swept) - 1)
        left = right - 1
        gap = swept[right] - swept[left]
        t = (-side * pixels[first:last] - swept[left]) / np.where(gap > 0.0, gap, 1.0)
        t = np.clip(t, 0.0, 1.0)

        def at(values: np.ndarray) -> np.ndarray:
            return values[left] * (1.0 - t) + values[right] * t

        d = at(depth)
        y = at(view.node_y[nodes])
        z = at(view.node_z[nodes])
        along = at(view.node_arc[nodes] + wall.at * view.node_m[nodes]) + view.along
        down = camera.above_ground - y
        foot = camera.cy + camera.focal * (down * camera.pitch_cos - z * camera.pitch_sin) / d
        per_metre = camera.focal * camera.pitch_cos / d
        texel = np.floor(along / TEXEL).astype(np.int64) + self._shift
        height = wall.height * self._style.heights[texel & (_LONG - 1)]
        top = foot - per_metre * height
        bottom = np.minimum(foot - per_metre * height * self._style.foot, at(view.node_seen[nodes]))
        r0 = max(0, int(np.floor(top.min())))
        r1 = min(camera.height, int(np.ceil(bottom.max())) + 1)
        if r1 <= r0:
            return
        rows = np.arange(r0, r1, dtype=np.float64)[:, None]
        mask = (rows >= top) & (rows < bottom)
        mask &= height > 0.0
        self._shade(view, image, mask, (r0, first), (d, z, along, foot, per_metre, texel))
        class_ids[r0:r1, first:last][mask] = 2
        if gloss is not None:
            gloss[r0:r1, first:last][mask] = 0

    def _shade(
        self,
        view: RoadView,
        image: np.ndarray,
        mask: np.ndarray,
        corner: tuple[int, int],
        wall: tuple[np.ndarray, ...],
    ) -> None:
        look, camera = self._look, view.camera
        depth, z, along, foot, per_metre, texel = wall
        r0, c0 = corner
        r1, c1 = r0 + mask.shape[0], c0 + mask.shape[1]
        rows = np.arange(r0, r1, dtype=np.float32)[:, None]
        scale = (1.0 / (per_metre * TEXEL)).astype(np.float32)
        up = ((foot.astype(np.float32) - rows) * scale).astype(np.int32)
        step = np.abs(along[1:] - along[:-1]) / TEXEL if len(along) > 1 else np.ones(1)
        step = np.concatenate([step[:1], step])[: len(along)]
        texture = self._style.texture
        color = texture.sample(
            texel.astype(np.int32)[None], up,
            texture.level(0, step)[None], texture.level(1, scale.astype(np.float64))[None],
        )  # fmt: skip
        columns = np.arange(c0, c1) - camera.cx
        head = 0.7 * headlight(look, columns * depth / camera.focal, z)
        lamps = street_lamps(look, along) if look.dark else np.zeros_like(along)
        fade = haze(look, z).astype(np.float32)
        target = image[r0:r1, c0:c1]
        shine = color[:, :, 3] * np.float32(self._glow) if self._glow > 0.0 else None
        for c in range(3):
            light = look.ambient[c] * self._facing + head * HEADLIGHT_TINT[c]
            light = (light + lamps * LAMP_TINT[c] * 0.5).astype(np.float32)
            value = color[:, :, c] * light
            if shine is not None:
                value += shine * np.float32(LAMP_TINT[c])
            value += (np.float32(look.haze[c]) - value) * fade
            np.clip(value, 0.0, 255.0, out=value)
            np.copyto(target[:, :, c], value.astype(np.uint8), where=mask)
