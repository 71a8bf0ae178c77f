# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What lies between the scene and the file: bonnet, wet road, rain, blur, exposure, noise."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from drivseg_ros.scenes.look import Look
from drivseg_ros.scenes.polygon import convex_hull, cover_convex, fill
from drivseg_ros.scenes.randomness import Stream, random_bytes


@functools.cache
def _noise() -> np.ndarray:
    """int16 [1 << 21], about normal with standard deviation 37 (the sum of four bytes / 4)."""
    raw = random_bytes(1 << 23, 'sensor').reshape(4, -1).astype(np.int16)
    return (raw.sum(axis=0, dtype=np.int16) - np.int16(510)) >> np.int16(2)


class Lens:
    """The camera's own part of a picture, drawn once for a drive."""

    def __init__(self, look: Look, stream: Stream, *, width: int, height: int) -> None:
        self._look = look
        self._key = int(stream.unit() * (1 << 48))
        self._size = (width, height)
        dark = look.time == 'night'
        self._noise = (
            stream.uniform(0.0, 7.0) * (1.6 if dark else 1.0) * (1.0 if stream.chance(0.7) else 0.2)
        )
        self._blur = stream.weighted([(0, 0.62), (3, 0.28), (5, 0.1)])
        corner = stream.uniform(0.0, 0.4) if stream.chance(0.5) else 0.0
        x = (np.arange(width) - 0.5 * (width - 1)) / (0.5 * width)
        y = (np.arange(height) - 0.5 * (height - 1)) / (0.5 * width)
        r2 = x[None, :] * x[None, :] + y[:, None] * y[:, None]
        self._vignette = (255.0 * (1.0 - corner * r2 * r2 / 1.7)).astype(np.uint16)
        self._has_vignette = corner > 0.02
        self._tables = self._draw_tables(stream)
        self._bonnet = self._draw_bonnet(stream) if stream.chance(0.45) else []
        self._drops = (
            [(stream.unit(), stream.unit(), stream.uniform(0.006, 0.03)) for _ in range(14)]
            if look.weather == 'rain' and stream.chance(0.6)
            else []
        )
        self._glare = stream.uniform(0.0, 30.0) if stream.chance(0.2) and not dark else 0.0

    def _draw_tables(self, stream: Stream) -> np.ndarray:
        exposure = stream.uniform(0.8, 1.15)
        curve = stream.uniform(-0.25, 0.45)
        lift = stream.uniform(0.0, 0.05) if stream.chance(0.4) else 0.0
        warm = stream.uniform(-0.07, 0.07)
        ramp = np.arange(256) / 255.0
        tables = np.empty((256, 3), np.uint8)
        for c, gain in enumerate((1.0 + warm, 1.0 + stream.uniform(-0.03, 0.03), 1.0 - warm)):
            value = ramp * (exposure * gain)
            value = lift + (1.0 - lift) * value * (1.0 + curve) / (1.0 + curve * value)
            tables[:, c] = np.clip(value * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8)
        return tables

    def _draw_bonnet(
        self, stream: Stream
    ) -> list[tuple[list[tuple[float, float]], tuple[float, float, float]]]:
        width, height = self._size
        top = height * (1.0 - stream.uniform(0.04, 0.19))
        bulge = height * stream.uniform(0.02, 0.12)
        tone = stream.weighted([(stream.uniform(8.0, 40.0), 0.7), (stream.uniform(60, 200), 0.3)])
        tint = stream.pick([(1.0, 1.0, 1.0), (0.7, 0.8, 1.1), (1.1, 0.6, 0.55)])
        points = []
        for i in range(13):
            t = i / 6.0 - 1.0
            points.append((width * (0.5 + 0.56 * t), top + bulge * t * t * (0.4 + 0.6 * t * t)))
        light = self._look.ambient
        parts = []
        for drop, gain in ((0.0, 1.0), (0.02 * height, 0.8), (0.06 * height, 0.65)):
            outline = [(x, y + drop) for x, y in points]
            outline = convex_hull(
                [*outline, (-0.1 * width, 2.0 * height), (1.1 * width, 2.0 * height)]
            )
            color = tuple(tone * t * a * gain for t, a in zip(tint, light, strict=True))
            parts.append((outline, (color[0], color[1], color[2])))
        return parts

    def wet_road(self, image: np.ndarray, gloss: np.ndarray, first: int, horizon: float) -> None:
        """Let ground from row ``first`` on mirror what stands above the horizon.

        Args:
            image: uint8 [H, W, 3], changed in place.
            gloss: uint8 [H, W], how much each pixel mirrors.
            first: The topmost ground row.
            horizon: The row about which is mirrored.
        """
        last = image.shape[0]
        if first < 1 or last <= first:
            return
        mirror = np.clip(np.floor(2.0 * horizon - np.arange(first, last)), 0, first - 1)
        above = image[mirror.astype(np.int64)].astype(np.uint16)
        if above.shape[0] > 12:
            # Ripples smear the reflection up and down.
            sums = np.cumsum(above, axis=0, dtype=np.uint32)
            above[8:] = ((sums[8:] - sums[:-8]) >> 3).astype(np.uint16)
        t = np.arange(last - first) / (last - first)
        share = (256.0 * 0.62 * self._look.wet * (1.0 - 0.85 * t)).astype(np.uint16)[:, None]
        share = ((share * gloss[first:last]) >> 8)[:, :, None]
        ground = image[first:last].astype(np.uint16)
        image[first:last] = ((ground * (256 - share) + above * share) >> 8).astype(np.uint8)

    def finish(self, image: np.ndarray, class_ids: np.ndarray, frame: int) -> np.ndarray:
        """Everything from the bonnet to the sensor's noise; the bonnet becomes background."""
        for outline, color in self._bonnet:
            fill(image, outline, color)
        if self._bonnet:
            cover_convex(class_ids, self._bonnet[0][0], 2, last_row=1e9)
        stream = Stream(self._key, frame)
        if self._look.weather == 'rain':
            self._rain(image, stream)
        if self._blur:
            image = cv2.GaussianBlur(image, (self._blur, self._blur), 0)
        for x, y, size in self._drops:
            self._drop(image, x, y, size)
        if self._has_vignette:
            image = ((image * self._vignette[:, :, None]) >> 8).astype(np.uint8)
        if self._glare:
            image = cv2.add(image, np.full_like(image, int(self._glare)))
        image = cv2.LUT(image, np.ascontiguousarray(self._tables[None]))
        if self._noise > 0.4:
            start = stream.integer(0, (1 << 21) - 1)
            need = image.size
            field = _noise()
            gain = np.int16(int(self._noise * 256.0 / 37.0))
            reps = -(-(need + start) // field.size)
            tiled = field if reps == 1 else np.concatenate([field] * reps)
            noise = (tiled[start : start + need] * gain) >> np.int16(8)
            value = image.astype(np.int16) + noise.reshape(image.shape)
            image = np.clip(value, 0, 255).astype(np.uint8)
        return image

    def _rain(self, image: np.ndarray, stream: Stream) -> None:
        width, height = self._size
        streaks: np.ndarray = np.zeros((height, width), np.uint8)
        slant = stream.uniform(-0.02, 0.02) + (self._key % 13 - 6) * 0.02
        for _ in range(int(90 * (0.4 + self._look.wet))):
            x, y = stream.uniform(0, width), stream.uniform(-0.1 * height, height)
            length = stream.uniform(0.02, 0.09) * height
            end = x + slant * length * 3.0
            streak = [(x, y), (x + 0.5, y), (end + 0.5, y + length), (end, y + length)]
            fill(streaks, streak, (stream.uniform(12.0, 60.0),))
        level = min(1.0, self._look.ambient[1] + 0.15)
        streaks = ((streaks.astype(np.uint16) * int(256 * level)) >> 8).astype(np.uint8)
        image[:] = cv2.add(image, cv2.cvtColor(streaks, cv2.COLOR_GRAY2RGB))

    def _drop(self, image: np.ndarray, x: float, y: float, size: float) -> None:
        width, height = self._size
        r = max(2, int(size * width))
        c0, c1 = max(0, int(x * width) - r), min(width, int(x * width) + r)
        r0, r1 = max(0, int(y * height) - r), min(height, int(y * height) + r)
        if c1 - c0 < 3 or r1 - r0 < 3:
            return
        patch = image[r0:r1, c0:c1]
        # A drop shows the scene upside down and blurred.
        seen = cv2.blur(np.ascontiguousarray(patch[::-1, ::-1]), (5, 5))
        mask = np.zeros((r1 - r0, c1 - c0), np.uint8)
        center = ((c1 - c0) // 2, (r1 - r0) // 2)
        cv2.circle(mask, center, max(1, min(center) - 1), (200,), -1, cv2.LINE_AA)
        share = mask.astype(np.uint16)[:, :, None]
        patch[:] = ((patch * (255 - share) + seen * share) >> 8).astype(np.uint8)
