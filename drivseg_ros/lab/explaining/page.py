# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""An explanation as one picture: the image, what the network says, and the maps over it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from drivseg_ros.base.install_hint import install_hint
from drivseg_ros.base.whole_file import whole_file
from drivseg_ros.errors import MissingDependencyError
from drivseg_ros.images.overlay import draw_overlay
from drivseg_ros.images.resizing import restore_plane
from drivseg_ros.lab.explaining.explanation import Explanation, HeatMap, effective_cells
from drivseg_ros.model.segmentation import Segmentation, Timings

try:
    import matplotlib
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
except ImportError:
    raise MissingDependencyError(
        f'the page needs matplotlib, which is not installed: {install_hint("report")}'
    ) from None

_COLORS = 'inferno'
_PANEL_INCHES = 2.4
_PANEL_PIXELS = 480
_TALLEST = 2.0  # of a panel, as a multiple of its width; taller pictures leave its sides free
_LETTERS_AN_INCH = 15  # of the headline's size, on the safe side
_COLUMNS = 4  # of maps that are not in rows of their own
_MARK = (0, 255, 255)


def draw_page(explanation: Explanation, path: Path) -> None:
    """Writes an explanation as a picture.

    Each map is drawn from its least value to its peak, which stand in its title with the number
    of cells that it is spread over (`effective_cells`): colours show where, the title how much.

    Args:
        explanation: of any method.
        path: a .png; its folder is made.

    Raises:
        DataError: if it cannot be written.
    """
    image, overlay = _image_and_overlay(explanation)
    rows: list[Sequence[HeatMap]] = []
    for title, maps in explanation.rows:
        if title:
            rows.append(maps)
        else:
            rows += [maps[i : i + _COLUMNS] for i in range(0, len(maps), _COLUMNS)]
    columns = max(2, *(len(maps) for maps in rows))
    # The first stages of a SegFormer have few heads; what they leave free is enough for both.
    free = columns - max(len(maps) for maps in rows[:2])
    inside = len(rows) > 1 and free >= 4
    lines = len(rows) + (0 if inside else 1)
    height, width = image.shape[:2]
    panel = _PANEL_INCHES * min(height / width, _TALLEST)
    size = (columns * _PANEL_INCHES, lines * (panel + 0.35) + 0.5)
    figure = Figure(figsize=size, dpi=150, layout='constrained')
    FigureCanvasAgg(figure)
    words = textwrap.wrap(_headline(explanation), int(_LETTERS_AN_INCH * size[0]))
    figure.suptitle('\n'.join(words), fontsize=7, parse_math=False)
    grid = figure.add_gridspec(lines, columns)
    if inside:
        half = free // 2
        places = [grid[:2, columns - 2 * half : columns - half], grid[:2, columns - half :]]
    else:
        places = [grid[0, 0], grid[0, 1]]
    said = f'the network: {", ".join(_shares(explanation))}'
    _show(figure.add_subplot(places[0]), _mark(explanation, image), 'the image')
    _show(figure.add_subplot(places[1]), overlay, said)
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    for line, part in enumerate(rows, start=0 if inside else 1):
        for column, heat in enumerate(part):
            picture = _heat(explanation, heat, grey)
            _show(figure.add_subplot(grid[line, column]), picture, _title(explanation, heat))
    with whole_file(path) as partial:
        figure.savefig(partial, format='png', metadata={'Software': None})


def _show(axes: Axes, picture: np.ndarray, title: str) -> None:
    axes.set_axis_off()
    axes.imshow(picture)
    axes.set_title(title, fontsize=6, parse_math=False)


def _image_and_overlay(explanation: Explanation) -> tuple[np.ndarray, np.ndarray]:
    """Both, small enough for a panel."""
    image = np.ascontiguousarray(explanation.image)
    nothing = Timings(prepare_ms=0.0, infer_ms=0.0, restore_ms=0.0, batch_size=1)
    segmentation = Segmentation(
        class_ids=explanation.class_ids, confidence=None, card=explanation.card, timings=nothing
    )
    overlay = draw_overlay(image, segmentation)
    height, width = image.shape[:2]
    scale = min(1.0, _PANEL_PIXELS / width, _TALLEST * _PANEL_PIXELS / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (image, overlay)]
    return small[0], small[1]


def _mark(explanation: Explanation, image: np.ndarray) -> np.ndarray:
    """The image with the pixels that were asked about: an outline, or a ring round a few."""
    if explanation.asked is None:
        return image
    marked = image.copy()
    asked = restore_plane(
        explanation.asked.astype(np.uint8), explanation.image.shape[:2], explanation.placement
    )
    size = (image.shape[1], image.shape[0])
    # By areas, so that single pixels survive.
    small = (cv2.resize(asked * 255, size, interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
    contours, _ = cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for contour in contours:
        (x, y), radius = cv2.minEnclosingCircle(contour)
        if radius < 4:
            cv2.circle(marked, (round(x), round(y)), 6, _MARK, 2, cv2.LINE_AA)
        else:
            cv2.drawContours(marked, [contour], -1, _MARK, 2)
    return marked


def _heat(explanation: Explanation, heat: HeatMap, grey: np.ndarray) -> np.ndarray:
    """The map's colours over the image in grey, the stronger the higher the value."""
    card = explanation.card
    values = heat.over(
        explanation.placement,
        network=(card.input_width, card.input_height),
        shape=(grey.shape[0], grey.shape[1]),
    )
    least, peak = float(heat.values.min()), float(heat.values.max())
    share = ((values - least) / (peak - least)).clip(0, 1) if peak > least else 0 * values
    colors = matplotlib.colormaps[_COLORS](share)[..., :3] * 255
    alpha = 0.35 + 0.45 * share[..., None]
    return (grey * (1 - alpha) + colors * alpha).round().clip(0, 255).astype(np.uint8)


def _title(explanation: Explanation, heat: HeatMap) -> str:
    if heat.note:
        return f'{heat.name}: {heat.note}'
    if not heat.values.any():
        return f'{heat.name}: nothing speaks for it'
    spread = f'spread over {effective_cells(heat.values):.0f} of {heat.values.size} cells'
    if explanation.method == 'attention':
        least, peak = 100 * float(heat.values.min()), 100 * float(heat.values.max())
        return f'{heat.name}: {least:.2g} to {peak:.2g} %\n{spread}'
    return f'{heat.name}: peak {float(heat.values.max()):.3g}\n{spread}'


def _headline(explanation: Explanation) -> str:
    facts = explanation.facts
    where = f'layer {facts["layer"]}' if 'layer' in facts else f'block: {facts["block"]}'
    return (
        f'{explanation.card.name} ({facts["architecture"]}): {explanation.question}; '
        f'{where}. {facts["source"]}'
    )


def _shares(explanation: Explanation) -> list[str]:
    """What share of the image each class has, the background aside."""
    ids = explanation.class_ids
    road = explanation.card.road_ids or range(min(4, explanation.card.num_classes))
    names = explanation.card.class_names
    return [f'{names[i]} {100 * float((ids == i).mean()):.0f} %' for i in road]
