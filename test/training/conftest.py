# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture(autouse=True, scope='session')
def one_thread():
    """The maps here are tiny: several threads would only wait for each other."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)


@pytest.fixture
def write_folder(tmp_path):
    """Writes images/ and labels/ of the given frames: {name: (image RGB, label)}."""

    def write(frames, folder='set') -> tuple[Path, Path]:
        images, labels = tmp_path / folder / 'images', tmp_path / folder / 'labels'
        for directory in (images, labels):
            directory.mkdir(parents=True, exist_ok=True)
        for name, (image, label) in frames.items():
            if image is not None:
                cv2.imwrite(str(images / f'{name}.png'), np.ascontiguousarray(image[..., ::-1]))
            if label is not None:
                cv2.imwrite(str(labels / f'{name}.png'), label)
        return images, labels

    return write
