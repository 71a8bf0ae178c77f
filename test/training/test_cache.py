# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import cv2
import numpy as np

from drivseg_ros.training.cache import cached_frames, keep_drivable, resize_frame


def frames(count, *, made):
    for i in range(count):
        made.append(i)
        yield f'f{i}', np.full((20, 40, 3), i, np.uint8), np.full((20, 40), i % 3, np.uint8)


def read(folder, made, *, key='a', count=3, width=20):
    return cached_frames(
        folder, key=key, count=count, frames=lambda: frames(count, made=made), width=width,
        height=10,
    )  # fmt: skip


def test_frames_are_made_once_for_a_key_and_size(tmp_path):
    made = []
    first = read(tmp_path, made)
    again = read(tmp_path, made)
    assert made == [0, 1, 2]
    assert first.names == again.names == ('f0', 'f1', 'f2')
    assert len(first) == 3
    assert again.images.shape == (3, 10, 20, 3)
    assert [int(image.mean()) for image in again.images] == [0, 1, 2]
    assert np.array_equal(first.targets, again.targets)
    for change in ({'key': 'b'}, {'count': 2}, {'width': 22}):
        made.clear()
        read(tmp_path, made, **change)
        assert made, change


def test_an_interrupted_entry_is_made_again(tmp_path):
    made = []
    read(tmp_path, made)
    next(tmp_path.glob('*/names.json')).unlink()
    read(tmp_path, made)
    assert made == [0, 1, 2] * 2


def test_frames_are_resized_as_the_segmenter_does():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (72, 128, 3), dtype=np.uint8)
    target = rng.integers(0, 3, (72, 128), dtype=np.uint8)
    small, labels = resize_frame(image, target, width=64, height=36)
    assert np.array_equal(small, cv2.resize(image, (64, 36), interpolation=cv2.INTER_AREA))
    assert np.array_equal(labels, target[1::2, 1::2]), 'the pixel whose corner is the centre'
    same, _ = resize_frame(image, target, width=128, height=72)
    assert np.array_equal(same, image)


def test_a_second_opinion_only_takes_away():
    target = np.array([[254, 254, 2, 2, 255, 0]], np.uint8)
    opinion = np.array([[True, False, True, False, True, False]])
    assert keep_drivable(target, opinion).tolist() == [[254, 255, 2, 2, 255, 0]]
