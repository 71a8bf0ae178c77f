# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Convex outlines: hulls and the pixels inside them, by exact arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

Point = tuple[float, float]
_SHIFT = 4
_LIMIT = 20000.0


def convex_hull(points: Sequence[Point]) -> list[Point]:
    """Andrew's monotone chain; the hull's corners in order."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return ordered

    def chain(sequence: Sequence[Point]) -> list[Point]:
        part: list[Point] = []
        for p in sequence:
            while len(part) > 1:
                a, b = part[-2], part[-1]
                if (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) > 0.0:
                    break
                part.pop()
            part.append(p)
        return part[:-1]

    return chain(ordered) + chain(ordered[::-1])


def cover_convex(
    class_ids: np.ndarray, outline: Sequence[Point], value: int, *, last_row: float
) -> None:
    """Write ``value`` where a pixel's centre lies in a convex outline, down to ``last_row``.

    Unlike cv2.fillConvexPoly this neither widens the outline nor rounds its corners.
    """
    height, width = class_ids.shape
    if len(outline) < 3:
        return
    top = min(p[1] for p in outline)
    bottom = min(max(p[1] for p in outline), last_row, height - 1.0)
    first = max(0, -int(-top // 1.0))
    last = int(bottom // 1.0)
    if last < first:
        return
    rows = np.arange(first, last + 1, dtype=np.float64)
    left: np.ndarray = np.full(len(rows), np.inf)
    right: np.ndarray = np.full(len(rows), -np.inf)
    for (ax, ay), (bx, by) in zip(outline, [*outline[1:], outline[0]], strict=True):
        if ay == by:
            continue
        low, high = (ay, by) if ay < by else (by, ay)
        crossed = (rows >= low) & (rows <= high)
        at = ax + (rows - ay) * ((bx - ax) / (by - ay))
        left = np.where(crossed & (at < left), at, left)
        right = np.where(crossed & (at > right), at, right)
    start = np.clip(np.ceil(np.clip(left, -1.0, width)), 0, width).astype(np.int64)
    stop = np.clip(np.floor(np.clip(right, -1.0, width)) + 1.0, 0, width).astype(np.int64)
    for row, a, b in zip(range(first, last + 1), start.tolist(), stop.tolist(), strict=True):
        if a < b:
            class_ids[row, a:b] = value


def fill(image: np.ndarray, outline: Sequence[Point], color: Sequence[float]) -> None:
    """Paint a convex polygon with smooth edges; fewer than three corners paint nothing."""
    if len(outline) < 3:
        return
    scale = 1 << _SHIFT
    corners = [
        (int(min(max(x, -_LIMIT), _LIMIT) * scale), int(min(max(y, -_LIMIT), _LIMIT) * scale))
        for x, y in outline
    ]
    cv2.fillConvexPoly(
        image,
        np.array(corners, np.int32),
        tuple(min(max(c, 0.0), 255.0) for c in color),
        cv2.LINE_AA,
        _SHIFT,
    )
