# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from tiny_model import write_tiny_model

from drivseg_ros.segmenter import Segmenter
from drivseg_ros.training.figures import lane_figures, road_figures

PAINT = np.array([(200, 0, 0), (0, 200, 0), (0, 0, 200)], np.uint8)


@pytest.fixture
def segmenter(tmp_path):
    """Red is direct, green alternative, blue background."""
    segmenter = Segmenter.open(write_tiny_model(tmp_path / 'tiny.onnx'), engine='onnxruntime')
    yield segmenter
    segmenter.close()


def frames(labels, predictions):
    """Frames on which the model gives the predictions."""
    for i, (label, prediction) in enumerate(zip(labels, predictions, strict=True)):
        size = (48, 64)
        rows = [
            np.broadcast_to(np.array(x, np.uint8).reshape(-1, 1), size) for x in (label, prediction)
        ]
        yield f'f{i}', PAINT[rows[1]], np.ascontiguousarray(rows[0])


def test_lane_figures_come_from_one_matrix(segmenter):
    # Rows of the first frame by (label, prediction): 24 x (0, 0), 24 x (1, 0); of the second:
    # 12 x (1, 1), 12 x (2, 1), 24 x (255, 2).
    labels = [[0] * 24 + [1] * 24, [1] * 12 + [2] * 12 + [255] * 24]
    predictions = [[0] * 48, [1] * 24 + [2] * 24]
    figures = lane_figures(segmenter, frames(labels, predictions))
    assert figures['frames'] == 2
    assert figures['iou'] == {'direct': 0.5, 'alternative': 0.25, 'background': 0.0}
    assert figures['miou'] == 0.25
    assert figures['drivable_iou'] == pytest.approx(60 / 72, abs=1e-4)


def test_road_figures_compare_drivable_with_road(segmenter):
    labels = [[254] * 24 + [2] * 12 + [255] * 12]
    predictions = [[0] * 10 + [1] * 8 + [2] * 6 + [1] * 4 + [2] * 8 + [0] * 12]
    figures = road_figures(segmenter, frames(labels, predictions))
    assert figures == {'frames': 1, 'road_iou': pytest.approx(18 / 28, abs=1e-4)}
