# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest

from drivseg_ros.errors import ModelError
from drivseg_ros.training.teacher import TwinLiteNet


def test_it_finds_the_road_of_a_labelled_frame(shared_data):
    folder = shared_data / 'bdd100k_drivable'
    both = either = 0
    teacher = TwinLiteNet(shared_data / 'networks' / 'twinlitenet.onnx')
    for path in sorted((folder / 'images').iterdir())[:3]:
        image = np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])
        label = cv2.imread(str(folder / 'labels' / f'{path.stem}.png'), cv2.IMREAD_UNCHANGED) == 1
        drivable = teacher.drivable(image)
        assert drivable.dtype == bool
        assert drivable.shape == label.shape
        both += (drivable & label).sum()
        either += (drivable | label).sum()
    assert both / either > 0.7


def test_a_missing_network_is_refused(tmp_path):
    with pytest.raises(ModelError, match='no network at'):
        TwinLiteNet(tmp_path / 'twinlitenet.onnx')
