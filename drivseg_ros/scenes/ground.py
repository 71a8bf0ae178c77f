# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ground: asphalt, verges, paint, wear and shadows, all fixed to the world."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from drivseg_ros.scenes.layout import Layout
from drivseg_ros.scenes.light import (
    HEADLIGHT_TINT,
    LAMP_TINT,
    haze,
    headlight,
    street_lamps,
)
from drivseg_ros.scenes.look import Look
from drivseg_ros.scenes.randomness import Stream
from drivseg_ros.scenes.road import RoadView
from drivseg_ros.scenes.texture import Ripmap, grain, leaf_shadows, patches

REACH = 40.0
_CROSSING_LENGTH = 3.4
_BLOCK = 17.0
_GLOSS = {'asphalt': 1.0, 'shoulder': 1.0, 'kerb': 0.5, 'paving': 0.6, 'concrete': 0.6}
_PAINT = {'white': (222.0, 222.0, 218.0), 'yellow': (214.0, 164.0, 52.0)}


def _tinted(tone: float, warmth: float) -> list[float]:
    """A grey that leans towards brick."""
    return [tone * (1.0 + 0.5 * warmth), tone * (1.0 - 0.2 * warmth), tone * (1.0 - warmth)]


def _surface_color(surface: str, stream: Stream, asphalt: float) -> tuple[list[float], float]:
    """A surface's colour and the strength of its grain."""
    u = stream.uniform
    if surface in ('asphalt', 'shoulder'):
        tone = asphalt * (1.0 if surface == 'asphalt' else u(0.8, 1.2))
        warm = u(-0.03, 0.05)
        return [tone * (1.0 + warm), tone, tone * (1.0 - warm)], u(30.0, 75.0)
    return {
        'kerb': lambda: ([u(120.0, 185.0)] * 3, 25.0),
        'paving': lambda: (_tinted(u(115.0, 175.0), u(0.0, 0.22)), 40.0),
        'concrete': lambda: ([u(130.0, 185.0)] * 3, 35.0),
        'grass': lambda: ([u(50.0, 95.0), u(85.0, 125.0), u(30.0, 60.0)], 120.0),
        'dry_grass': lambda: ([u(130.0, 165.0), u(120.0, 150.0), u(70.0, 95.0)], 110.0),
        'sand': lambda: ([u(165.0, 200.0), u(140.0, 170.0), u(100.0, 130.0)], 60.0),
        'gravel': lambda: ([u(100.0, 140.0)] * 3, 130.0),
    }[surface]()


class Ground:
    """Paints the ground of one road.

    Everything that varies only across the road lies in one table of running sums; a pixel takes
    the mean over exactly the width it covers, so lines stay smooth without supersampling.

    Args:
        layout: The cross-section.
        look: Light and weather.
        stream: Where colours and wear come from.
        resolution: Width of a table entry in metres.
    """

    def __init__(self, layout: Layout, look: Look, stream: Stream, *, resolution: float) -> None:
        self._layout = layout
        self._look = look
        self._resolution = resolution
        self._count = int(2.0 * REACH / resolution)
        self._asphalt = stream.weighted(
            [(stream.uniform(75.0, 115.0), 0.6), (stream.uniform(50.0, 75.0), 0.2),
             (stream.uniform(115.0, 148.0), 0.2)]
        ) * (0.8 if look.wet else 1.0)  # fmt: skip
        self._stains = stream.uniform(0.1, 0.4)
        self._blocks = 1.0 + stream.uniform(0.0, 0.16) * (stream.numbers(64) * 2.0 - 1.0)
        self._shift = stream.integer(0, 1 << 20)
        self._shade_heights = stream.numbers(64)
        self._leaves = look.sun > 0.0 and stream.chance(0.6)
        channels = self._channels(stream)
        self._names = [name for name, _ in channels]
        sums = np.zeros((self._count + 1, len(channels)), np.int32)
        table = np.stack([values for _, values in channels], axis=1)
        np.cumsum(table.astype(np.int32), axis=0, out=sums[1:])
        self._sums = sums

    def _channels(self, stream: Stream) -> list[tuple[str, np.ndarray]]:
        layout, n = self._layout, self._count
        at = (np.arange(n) + 0.5) * self._resolution - REACH
        base = np.zeros((n, 4))
        base[:] = (90.0, 100.0, 60.0, 100.0)
        colors: dict[str, tuple[list[float], float]] = {}
        # The far ground to either side first, what lies nearer over it.
        for strip in sorted(layout.strips, key=lambda s: s.left - s.right):
            if strip.surface not in colors:
                colors[strip.surface] = _surface_color(strip.surface, stream, self._asphalt)
            color, rough = colors[strip.surface]
            base[(at >= strip.left) & (at < strip.right)] = (*color, rough)
        self._tracks(stream, at, base)
        channels = [(name, base[:, i]) for i, name in enumerate('rgba')]
        for color_name in ('white', 'yellow'):
            for dashed in (False, True):
                paint = np.zeros(n)
                for line in layout.lines:
                    if line.color == color_name and line.dashed == dashed:
                        paint[np.abs(at - line.at) <= 0.5 * line.width] = 255.0
                if paint.any():
                    channels.append((f'{color_name}{"-" if dashed else ""}', paint))
        if self._look.wet:
            gloss = np.zeros(n)
            for strip in sorted(layout.strips, key=lambda s: s.left - s.right):
                inside = (at >= strip.left) & (at < strip.right)
                gloss[inside] = _GLOSS.get(strip.surface, 0.0) * 255.0
            channels.append(('gloss', gloss))
        if layout.crossing_every:
            edges = [*layout.lane_edges, *layout.oncoming]
            inside = (at > min(edges) + 0.2) & (at < max(edges) - 0.2)
            stripe = (at - np.floor(at)) < 0.5
            channels.append(('zebra', np.where(inside & stripe, 255.0, 0.0)))
        if self._leaves:
            cover = np.zeros(n)
            stands = [row.at for row in layout.rows if row.kind == 'tree']
            stands += [wall.at for wall in layout.walls if wall.style == 'forest']
            for stand in stands:
                shifted = stand + 5.0 * self._look.sun_side
                cover = np.maximum(cover, np.clip(1.6 - np.abs(at - shifted) / 6.0, 0.0, 1.0))
            if cover.any():
                channels.append(('leaves', cover * 255.0))
        return channels

    def _tracks(self, stream: Stream, at: np.ndarray, base: np.ndarray) -> None:
        """Darker or lighter wheel tracks, oil in the middle, tar seams."""
        layout = self._layout
        depth, oil = stream.uniform(-0.08, 0.08), stream.uniform(0.0, 0.1)
        centers = [layout.lane_center(i) for i in range(layout.lanes)] + list(layout.oncoming)
        factor = np.ones_like(at)
        for center in centers:
            for offset, strength in ((-0.8, depth), (0.8, depth), (0.0, -oil)):
                near = np.clip(1.0 - np.abs(at - center - offset) / 0.55, 0.0, 1.0)
                factor += strength * near * near * (3.0 - 2.0 * near)
        for _ in range(stream.integer(0, 3)):
            seam = stream.uniform(min(layout.lane_edges), max(layout.lane_edges))
            factor[np.abs(at - seam) < stream.uniform(0.02, 0.06)] *= stream.uniform(0.6, 0.85)
        base[:, :3] *= factor[:, None]
        np.clip(base, 0.0, 255.0, out=base)

    def paint(self, view: RoadView, image: np.ndarray) -> np.ndarray | None:
        """Paint the ground rows of ``image`` (uint8 [H, W, 3]).

        Returns:
            How much each pixel of ``image`` mirrors, uint8 [H, W], or None on a dry road.
        """
        camera, look = view.camera, self._look
        edges = np.arange(camera.width + 1) - (camera.cx + 0.5)
        scale = (view.depth / (camera.focal * view.q))[:, None]
        across_edge = edges * scale - (view.x / view.q)[:, None]
        index = ((across_edge + REACH) * (1.0 / self._resolution)).astype(np.int32)
        left = np.clip(index[:, :-1], 0, self._count - 1)
        right = np.maximum(np.minimum(index[:, 1:], self._count), left + 1)
        share = np.float32(1.0) / (right - left).astype(np.float32)
        mean: dict[str, np.ndarray] = {}
        sums = np.take(self._sums, right, axis=0)
        sums -= np.take(self._sums, left, axis=0)
        for i, name in enumerate(self._names):
            mean[name] = sums[:, :, i] * share
        across = (0.5 * (across_edge[:, :-1] + across_edge[:, 1:])).astype(np.float32)
        m = view.m.astype(np.float32)[:, None]
        along = (view.arc - np.floor(view.arc[0] / 8192.0) * 8192.0).astype(np.float32)[:, None]
        along = along + across * m
        wide = view.depth / camera.focal

        def texture(ripmap: Ripmap, texel_a: float, texel_b: float) -> np.ndarray:
            ia = (along * np.float32(1.0 / texel_a) + np.float32(0.0)).astype(np.int32)
            ib = ((across + np.float32(512.0)) * np.float32(1.0 / texel_b)).astype(np.int32)
            ia += self._shift
            la = ripmap.level(0, view.row_length / texel_a)[:, None]
            lb = ripmap.level(1, wide / texel_b)[:, None]
            out = ripmap.sample(ia, ib, la, lb)
            return np.asarray(out)

        fine = texture(grain(), 0.02, 0.02).astype(np.float32) - np.float32(128.0)
        stain = texture(patches(), 0.2, 0.1).astype(np.float32) - np.float32(128.0)
        block = self._blocks[np.floor(view.arc / _BLOCK).astype(np.int64) & 63]
        tone = fine * mean['a'] * np.float32(1.0 / (128.0 * 110.0))
        tone += stain * np.float32(self._stains / 128.0)
        tone += block.astype(np.float32)[:, None]
        white, yellow = self._paint_cover(view, mean)
        if white is not None or yellow is not None:
            keep = np.clip(
                np.float32(1.15 - 0.75 * self._layout.wear)
                - (stain + fine) * np.float32(0.016 * self._layout.wear),
                0.0, 1.0,
            )  # fmt: skip
        light, lamps = self._light(view, along, across, mean, texture)
        fade = haze(look, view.z).astype(np.float32)[:, None]
        rows = slice(view.first_row, None)
        for c, name in enumerate('rgb'):
            value = mean[name] * tone
            for cover, color in ((white, 'white'), (yellow, 'yellow')):
                if cover is not None:
                    value += (np.float32(_PAINT[color][c]) - value) * (cover * keep)
            value *= light * np.float32(look.ambient[c]) + (
                lamps[0] * np.float32(HEADLIGHT_TINT[c]) + lamps[1] * np.float32(LAMP_TINT[c])
            )
            value += (np.float32(look.haze[c]) - value) * fade
            np.clip(value, 0.0, 255.0, out=value)
            image[rows, :, c] = value
        if 'gloss' not in mean:
            return None
        gloss = np.zeros(image.shape[:2], np.uint8)
        gloss[rows] = np.clip(mean['gloss'] - stain * np.float32(0.8), 0.0, 255.0)
        return gloss

    def _paint_cover(
        self, view: RoadView, mean: dict[str, np.ndarray]
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        covers: list[np.ndarray | None] = []
        dash = periodic_cover(view.arc, view.row_length, *self._layout.dash)
        for color in ('white', 'yellow'):
            cover = mean.get(color)
            if f'{color}-' in mean:
                dashed = mean[f'{color}-'] * dash.astype(np.float32)[:, None]
                cover = dashed if cover is None else cover + dashed
            if color == 'white' and 'zebra' in mean:
                zebra = periodic_cover(
                    view.arc, view.row_length, _CROSSING_LENGTH, self._layout.crossing_every
                )
                if zebra.any():
                    stripes = mean['zebra'] * zebra.astype(np.float32)[:, None]
                    cover = stripes if cover is None else np.maximum(cover, stripes)
            covers.append(None if cover is None else cover * np.float32(1.0 / 255.0))
        return covers[0], covers[1]

    def _light(
        self,
        view: RoadView,
        along: np.ndarray,
        across: np.ndarray,
        mean: dict[str, np.ndarray],
        texture: Callable[[Ripmap, float, float], np.ndarray],
    ) -> tuple[np.ndarray | np.float32, tuple[np.ndarray, np.ndarray]]:
        look, layout = self._look, self._layout
        light: np.ndarray | np.float32 = np.float32(1.0)
        if 'leaves' in mean:
            sunny = texture(leaf_shadows(), 0.2, 0.2)
            shade = (255 - sunny).astype(np.float32) * mean['leaves']
            light = np.float32(1.0) - shade * np.float32(look.sun / (255.0 * 255.0))
        if look.sun > 0.0 and layout.built_up:
            side = 1.0 if look.sun_side > 0.0 else -1.0
            tall = [w for w in layout.walls if w.height > 4.0 and (w.at > 0.0) != (side > 0.0)]
            for wall in tall:
                heights = self._shade_heights[np.floor(view.arc / _BLOCK).astype(np.int64) & 63]
                reach = wall.at + wall.height * np.maximum(heights - 0.25, 0.0) * look.sun_side
                inside = (reach.astype(np.float32)[:, None] - across) * np.float32(side * 2.0)
                light = light * (np.float32(1.0) - np.clip(inside, 0.0, 1.0) * np.float32(look.sun))
        if not look.dark:
            zero = np.zeros((1, 1), np.float32)
            return light, (zero, zero)
        columns = np.arange(view.camera.width, dtype=np.float32) - np.float32(view.camera.cx)
        x = columns * (view.depth / view.camera.focal).astype(np.float32)[:, None]
        head = headlight(look, x, view.z.astype(np.float32)[:, None])
        lamps = street_lamps(look, view.arc).astype(np.float32)[:, None]
        return light, (head.astype(np.float32), lamps)


def periodic_cover(
    at: np.ndarray, footprint: np.ndarray, length: float, period: float
) -> np.ndarray:
    """Share of each footprint covered by marks of ``length`` every ``period`` metres."""

    def total(place: np.ndarray) -> np.ndarray:
        whole = np.floor(place / period)
        return whole * length + np.minimum(place - whole * period, length)

    width = np.maximum(footprint, 1e-3)
    return (total(at + 0.5 * width) - total(at - 0.5 * width)) / width
