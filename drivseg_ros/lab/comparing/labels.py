# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels of points in a plot, put where they cover neither each other nor a point."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

_RADII = (9, 14, 24, 36, 50, 66, 84, 104)  # pixels between a point and its label, by and by
_ANGLES = 16
_GAP = 4.0  # pixels kept free round a label
_POINT = 5.0  # pixels that a point and the room around it reach
_FAR = 20  # from here on a line leads from the label to its point


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the picture."""

    left: float
    bottom: float
    width: float
    height: float

    def grown(self, margin: float) -> Box:
        """With a margin on all sides."""
        return Box(
            self.left - margin,
            self.bottom - margin,
            self.width + 2 * margin,
            self.height + 2 * margin,
        )

    def overlap(self, other: Box) -> float:
        """The area that both cover."""
        width = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        height = min(self.bottom + self.height, other.bottom + other.height) - max(
            self.bottom, other.bottom
        )
        return max(0.0, width) * max(0.0, height)


def place_labels(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    titles: Sequence[str],
    *,
    font_size: float,
) -> list[Text]:
    """Writes a title beside each point.

    The points that have most neighbours choose first; each takes the nearest place that is free of
    points, of other labels and of the border, else the one that covers least.

    Args:
        axes: whose layout is final.
        points: x and y in the units of the axes.
        titles: of the points.
        font_size: in points.

    Returns:
        The texts.
    """
    figure = axes.get_figure()
    if figure is None:
        raise ValueError('the axes belong to no figure')
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    frame = axes.get_window_extent(renderer)
    inside = Box(frame.x0, frame.y0, frame.width, frame.height)
    places = [tuple(map(float, axes.transData.transform(point))) for point in points]
    taken = [Box(x - _POINT, y - _POINT, 2 * _POINT, 2 * _POINT) for x, y in places]
    texts: list[Text | None] = [None] * len(points)
    for index in sorted(range(len(points)), key=lambda i: _loneliness(places, i)):
        text = axes.annotate(
            titles[index], points[index], xytext=(0, 0), textcoords='offset pixels',
            fontsize=font_size, ha='left', va='bottom', zorder=4, parse_math=False,
        )  # fmt: skip
        extent = text.get_window_extent(renderer)
        x, y = places[index]
        best, cost = None, math.inf
        for left, bottom in _candidates(x, y, extent.width, extent.height):
            box = Box(left, bottom, extent.width, extent.height)
            covered = sum(box.grown(_GAP).overlap(other) for other in taken)
            outside = extent.width * extent.height - box.overlap(inside)
            if covered + outside < cost - 1e-6:
                best, cost = box, covered + outside
            if cost <= 1e-6:
                break
        if best is None:
            raise ValueError('there are no places for labels')
        text.set_position((best.left - x, best.bottom - y))
        taken.append(best)
        if _distance(best, x, y) > _FAR:
            near_x = min(max(x, best.left), best.left + best.width)
            near_y = min(max(y, best.bottom), best.bottom + best.height)
            line = axes.transData.inverted().transform([(x, y), (near_x, near_y)])
            axes.plot(line[:, 0], line[:, 1], color='0.6', linewidth=0.6, zorder=2)
        texts[index] = text
    return [text for text in texts if text is not None]


def _candidates(x: float, y: float, width: float, height: float) -> Iterator[tuple[float, float]]:
    """The lower left corners to try, nearest first; to the right before elsewhere."""
    for radius in _RADII:
        for step in range(_ANGLES):
            # 0, 1, -1, 2, -2, ... sixteenths of a turn
            turn = (step + 1) // 2 * (1 if step % 2 else -1)
            angle = 2 * math.pi * turn / _ANGLES
            # The label's edge, and not its middle, keeps the distance.
            middle_x = x + math.cos(angle) * (radius + width / 2)
            middle_y = y + math.sin(angle) * (radius + height / 2)
            yield middle_x - width / 2, middle_y - height / 2


def _distance(box: Box, x: float, y: float) -> float:
    dx = max(box.left - x, 0.0, x - box.left - box.width)
    dy = max(box.bottom - y, 0.0, y - box.bottom - box.height)
    return math.hypot(dx, dy)


def _loneliness(places: Sequence[tuple[float, ...]], index: int) -> float:
    """The distance to the nearest other point."""
    x, y = places[index]
    others = [math.hypot(x - a, y - b) for i, (a, b) in enumerate(places) if i != index]
    return min(others, default=math.inf)
