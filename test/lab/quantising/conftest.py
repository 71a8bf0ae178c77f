# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A network to quantise, and frames to do it with."""

from __future__ import annotations

from pathlib import Path

import pytest
from convolution_model import write_colour_frames, write_convolution_model


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_convolution_model(tmp_path / 'colours.onnx')


@pytest.fixture(scope='session')
def colour_frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colour_frames(tmp_path_factory.mktemp('colours'), 40)
