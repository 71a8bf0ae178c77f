# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Size against accuracy as a picture, a panel for each data set."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.errors import MissingDependencyError

try:
    from adjustText import adjust_text
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.text import Text
except ImportError:
    raise MissingDependencyError(
        f'the plot needs matplotlib and adjustText, of which one is not installed: '
        f'{install_hint("report")}'
    ) from None

_NAMES = {'drivable': 'drivable IoU', 'road': 'road IoU', 'ego_lane': 'IoU of the ego lane'}
_FONT = 8
# The library's own first; where titles end on each other, gentler ones.
_FORCES: tuple[dict[str, tuple[float, float]], ...] = (
    {},
    {'force_text': (0.3, 0.6), 'force_static': (0.1, 0.2)},
)


@dataclass(frozen=True)
class Point:
    """A network in a panel.

    Args:
        title: of the network.
        millions: of parameters.
        percent: of the metric.
    """

    title: str
    millions: float
    percent: float


def points_of(report: Mapping[str, Any], title: str) -> tuple[str, list[Point]]:
    """What a data set's panel shows.

    mIoU where all networks that were measured have one, else the first metric by role, which all
    networks have.

    Args:
        report: of `compare`.
        title: of the data set.

    Returns:
        The metric's name, and the networks.
    """
    (data,) = [one for one in report['data'] if one['title'] == title]
    rows = [row for row in report['rows'] if title in row.get('accuracy', {})]
    by_role = data['areas']
    all_have = all(row['accuracy'][title]['miou'] is not None for row in rows)
    name = 'mIoU' if all_have or not by_role else _NAMES[by_role[0]]
    found = []
    for row in rows:
        metrics = row['accuracy'][title]
        value = metrics['miou'] if name == 'mIoU' else metrics['by_role'][by_role[0]]
        if value is not None:
            found.append(Point(row['title'], max(row['parameters'], 1) / 1e6, 100 * value))
    return name, found


def draw_plot(report: Mapping[str, Any], path: Path) -> bool:
    """Writes the picture.

    Args:
        report: of `compare`.
        path: a .png; its folder is made.

    Returns:
        Whether there was anything to draw; if not, there is no such file afterwards.

    Raises:
        DataError: if it cannot be written.
    """
    panels = [(one['title'], *points_of(report, one['title'])) for one in report['data']]
    panels = [panel for panel in panels if panel[2]]
    if not panels:
        path.unlink(missing_ok=True)  # of an earlier comparison; it would belong to no table
        return False
    figure = Figure(figsize=(6.4 * len(panels), 4.8), dpi=150, layout='constrained')
    FigureCanvasAgg(figure)
    for axes, (title, name, points) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        _draw_panel(axes, title, name, points)
    # The layout is made when it is drawn; labels are put where points are then.
    figure.draw_without_rendering()
    figure.set_layout_engine('none')
    for axes, (_, _, points) in zip(figure.axes, panels, strict=True):
        place_labels(axes, points)
    with whole_file(path) as partial:
        figure.savefig(partial, format='png', metadata={'Software': None})
    return True


def _draw_panel(axes: Axes, title: str, name: str, points: Sequence[Point]) -> None:
    axes.set_title(title, fontsize=10, parse_math=False)
    axes.set_xlabel('parameters, millions')
    axes.set_ylabel(f'{name}, %')
    axes.set_xscale('log')
    sizes = [p.millions for p in points]
    axes.set_xlim(min(sizes) / 2, max(sizes) * 2)
    low, high = min(p.percent for p in points), max(p.percent for p in points)
    margin = max(1.0, 0.15 * (high - low))
    axes.set_ylim(max(0.0, low - margin), min(100.0, high + margin))
    axes.xaxis.set_major_formatter(lambda value, _: f'{value:g}')
    if math.log10(max(sizes) / min(sizes)) < 1.5:
        axes.xaxis.set_minor_formatter(lambda value, _: f'{value:g}')
        axes.tick_params(axis='x', which='minor', labelsize=7)
    axes.grid(True, which='major', color='0.9')
    axes.set_axisbelow(True)
    axes.scatter(sizes, [p.percent for p in points], s=28, color='#2c7fb8', zorder=3)


def place_labels(axes: Axes, points: Sequence[Point]) -> list[Text]:
    """Writes a title beside each point, where it covers neither another title nor a point.

    Args:
        axes: Whose layout is final.
        points: What they show.
    """
    for forces in _FORCES:
        texts = [
            axes.text(p.millions, p.percent, p.title, fontsize=_FONT, parse_math=False)
            for p in points
        ]
        _, arrows = adjust_text(
            texts,
            x=[p.millions for p in points],
            y=[p.percent for p in points],
            ax=axes,
            expand=(1.1, 1.4),
            max_move=None,
            arrowprops={'arrowstyle': '-', 'color': '0.6', 'linewidth': 0.6},
            # By steps and not by the clock: the same comparison gives the same picture.
            iter_lim=2000,
            time_lim=None,
            **forces,
        )
        boxes = [text.get_window_extent() for text in texts]
        if forces is _FORCES[-1] or not any(
            one.overlaps(other) for one, other in itertools.combinations(boxes, 2)
        ):
            break
        for artist in (*texts, *arrows):
            artist.remove()
    return texts
