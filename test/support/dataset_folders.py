# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A small labelled folder of every sort of picture, for tests of bags made of data sets."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from drivseg_ros.frames.classes import CLASSES_FILE, classes_text
from drivseg_ros.model.card import BDD100K_CLASSES

NAMES = ('frame 2', 'frame 9', 'frame 10', 'grey', 'über.größe')
"""The frames' names, in the order of the data set."""
WIDTH, HEIGHT = 32, 24


def picture(seed: int, *, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Smooth BGR noise, which JPEG keeps nearly as it is."""
    small = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def label(seed: int, *, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Ids of BDD100K, and 255."""
    ids = np.random.default_rng(100 + seed).integers(0, 4, (height, width), np.uint8)
    ids[ids == 3] = 255
    return ids


def encoded(suffix: str, pixels: np.ndarray) -> bytes:
    """A picture as a file."""
    return cv2.imencode(suffix, pixels)[1].tobytes()


def write_dataset_folder(root: Path) -> Path:
    """Images (PNG, JPEG, a grey JPEG), labels and classes.yaml, as the kind `folder` reads them."""
    (root / 'images').mkdir(parents=True)
    (root / 'labels').mkdir()
    for seed, name in enumerate(NAMES):
        jpeg = name in ('frame 9', 'grey')
        pixels = picture(seed)
        data = encoded('.jpg' if jpeg else '.png', pixels[..., 0] if name == 'grey' else pixels)
        (root / 'images' / f'{name}{".jpg" if jpeg else ".png"}').write_bytes(data)
        (root / 'labels' / f'{name}.png').write_bytes(encoded('.png', label(seed)))
    (root / CLASSES_FILE).write_text(classes_text(BDD100K_CLASSES), encoding='utf-8')
    return root
