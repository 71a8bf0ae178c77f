# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np
import pytest


class Writer:
    """Writes pictures below a folder; colours are given as RGB."""

    def __init__(self, root):
        self.root = root

    def _path(self, path):
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        return full

    def image(self, path, *, size=(8, 6), level=90):
        """A picture of one grey level, distinct by its level; size is width, height."""
        assert cv2.imwrite(str(self._path(path)), np.full((size[1], size[0], 3), level, np.uint8))

    def ids(self, path, ids):
        assert cv2.imwrite(str(self._path(path)), np.asarray(ids, np.uint8))

    def colors(self, path, rgb):
        array = np.ascontiguousarray(np.asarray(rgb, np.uint8)[..., ::-1])
        assert cv2.imwrite(str(self._path(path)), array)


@pytest.fixture
def write(tmp_path):
    """Writes pictures below tmp_path / 'set', which is `write.root`."""
    root = tmp_path / 'set'
    root.mkdir()
    return Writer(root)


def stripes(values, *, width=8, height=6):
    """A label [height, width] whose columns take turns in these values."""
    return np.tile(np.resize(np.array(values, np.uint8), width), (height, 1))


@pytest.fixture(name='stripes')
def stripes_fixture():
    return stripes
