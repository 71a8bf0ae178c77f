# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Sky, clouds and hills: a panorama that turns with the road."""

from __future__ import annotations

import numpy as np

from drivseg_ros.scenes.look import Look
from drivseg_ros.scenes.randomness import Stream
from drivseg_ros.scenes.texture import clouds, fractal_noise, smooth


class Sky:
    """The picture above the horizon.

    Args:
        look: Light and weather.
        stream: Where the shapes come from.
        width: Width of the panorama in pixels; it wraps.
        turns: How many picture widths the panorama is wide.
        height: Height of the panorama in pixels; its last row stands at the horizon.
    """

    def __init__(self, look: Look, stream: Stream, *, width: int, height: int, turns: int) -> None:
        rise = np.linspace(1.0, 0.0, height)[:, None]
        t = smooth(np.minimum(rise * stream.uniform(1.0, 1.6), 1.0))
        pattern = clouds()
        # Clouds lie on a plane: rows near the horizon span much of the texture.
        columns = np.arange(width) * (256 * turns) // width
        far = (60.0 / (rise[:, 0] + 0.18)).astype(np.int64) + stream.integer(0, 255)
        shape = pattern[(far & 255)[:, None], ((columns + stream.integer(0, 255)) & 255)[None]]
        threshold = 255.0 * (1.0 - look.cloud)
        cover = np.clip((shape - threshold) / 60.0, 0.0, 1.0) * (0.85 * np.minimum(rise * 4, 1.0))
        picture = np.empty((height, width, 3), np.float32)
        for c in range(3):
            plain = look.sky_low[c] * (1.0 - t) + look.sky_top[c] * t
            picture[:, :, c] = plain + (look.cloud_color[c] - plain) * cover
        self._hills(look, stream, picture)
        if look.time == 'night':
            self._city_lights(look, stream, picture)
        self._picture = np.clip(picture, 0.0, 255.0).astype(np.uint8)

    def _hills(self, look: Look, stream: Stream, picture: np.ndarray) -> None:
        height, width = picture.shape[:2]
        profiles = fractal_noise(256, 4, 5, 'hills')
        for layer in range(stream.integer(0, 3)):
            tall = height * stream.uniform(0.02, 0.2) / (1.0 + layer)
            line = profiles[stream.integer(0, 255)].astype(np.float64) / 255.0
            at = np.arange(width) * (256.0 / width)
            low = at.astype(np.int64)
            f = at - low
            crest = (line[low] * (1.0 - f) + line[(low + 1) & 255] * f) * tall
            green = (stream.uniform(40, 90), stream.uniform(60, 100), stream.uniform(50, 90))
            mix = stream.uniform(0.25, 0.75) if layer else stream.uniform(0.5, 0.85)
            inside = np.arange(height)[:, None] >= height - crest[None]
            for c in range(3):
                color = green[c] * look.ambient[c] * (1.0 - mix) + look.haze[c] * mix
                picture[:, :, c][inside] = color

    def _city_lights(self, look: Look, stream: Stream, picture: np.ndarray) -> None:
        height, width = picture.shape[:2]
        for _ in range(int(width * look.lamps * 0.12)):
            row = height - 1 - int(stream.unit() * stream.unit() * 0.25 * height)
            column = stream.integer(0, width - 2)
            warm = stream.uniform(90.0, 255.0)
            picture[row, column : column + 2] = (warm, warm * 0.85, warm * 0.6)

    def paint(self, image: np.ndarray, *, horizon: float, turn: float) -> None:
        """Fill the rows above ``horizon``, turned by ``turn`` pixels to the right."""
        height, width = self._picture.shape[:2]
        last = min(max(int(np.ceil(horizon)) + 2, 0), image.shape[0])
        top = height - last
        start = int(np.floor(turn)) % width
        if top < 0:
            image[:-top] = self._picture[0, 0]
        rows = slice(max(top, 0), height)
        target = image[max(-top, 0) : last]
        first = min(width - start, image.shape[1])
        target[:, :first] = self._picture[rows, start : start + first]
        if first < image.shape[1]:
            target[:, first:] = self._picture[rows, : image.shape[1] - first]
