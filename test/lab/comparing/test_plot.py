# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels in the plot: none covers another one or a point."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip('adjustText', reason="adjustText is not installed: pip install '.[report]'")

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from drivseg_ros.lab.comparing.plot import Point, place_labels

SEVEN = (
    'fcn_resnet50',
    'fcn8s_vgg16',
    'unet',
    'pspnet_resnet50',
    'deeplabv3plus_resnet50',
    'segformer_b3',
    'efficientnet_lite_fpn',
)
# As large networks are: close in size and in what they reach.
CROWD = [(33, 79.1), (134, 77.9), (31, 77.8), (47, 79.4), (40, 79.5), (45, 79.9), (2, 79.3)]
RNG = np.random.default_rng(8)


@pytest.mark.parametrize(
    'points',
    [
        CROWD,
        [(33, 46.0), (134, 46.4), (31, 46.6), (47, 45.8), (27, 46.9), (47, 43.7), (1.6, 41.3)],
        [(40, 79)] * 7,
        [(1, 60), (1.0001, 60), (200, 90), (200, 60), (1, 90), (14, 75), (14, 75.01)],
        *[list(zip(10 ** RNG.uniform(0, 2, 7), RNG.uniform(60, 90, 7), strict=True))] * 3,
    ],
)
def test_they_cover_nothing(points: list[tuple[float, float]]) -> None:
    figure = Figure(figsize=(6.4, 4.8), dpi=150)
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_xscale('log')
    axes.set_xlim(min(p[0] for p in points) / 2, max(p[0] for p in points) * 2)
    axes.set_ylim(min(p[1] for p in points) - 3, max(p[1] for p in points) + 3)
    named = [Point(title, *point) for title, point in zip(SEVEN, points, strict=True)]
    texts = place_labels(axes, named)
    canvas.draw()
    assert [text.get_text() for text in texts] == list(SEVEN)
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in texts]
    frame = axes.get_window_extent()
    for first, second in itertools.combinations(boxes, 2):
        width = min(first.x1, second.x1) - max(first.x0, second.x0)
        height = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert width < 0.5 or height < 0.5
    for box in boxes:
        assert frame.x0 - 0.5 <= box.x0
        assert box.x1 <= frame.x1 + 0.5
        assert frame.y0 - 0.5 <= box.y0
        assert box.y1 <= frame.y1 + 0.5
        for x, y in axes.transData.transform(points):
            assert not (box.x0 < x < box.x1 and box.y0 < y < box.y1)
