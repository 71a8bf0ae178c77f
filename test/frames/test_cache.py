# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from drivseg_ros.errors import DataError
from drivseg_ros.frames.cache import cached_arrays, in_threads, resize_frame

SHAPES = {'image': (4, 6, 3), 'label': (4, 6)}


def frames(count, *, made=None, level=0):
    for i in range(count):
        if made is not None:
            made.append(i)
        yield {
            'image': np.full((4, 6, 3), level + i, np.uint8),
            'label': np.full((4, 6), i % 3, np.uint8),
        }


def read(folder, made=None, *, key='a', count=3, shapes=SHAPES, make=None):
    return cached_arrays(
        *(folder,), key=key, count=count, shapes=shapes,
        make=make or (lambda: frames(count, made=made)),
    )  # fmt: skip


def test_frames_are_made_once_for_a_key(tmp_path):
    made = []
    first, again = read(tmp_path, made), read(tmp_path, made)
    assert made == [0, 1, 2]
    for arrays in (first, again):
        assert arrays['image'].shape == (3, 4, 6, 3)
        assert [int(i.mean()) for i in arrays['image']] == [0, 1, 2]
        assert arrays['label'][:, 0, 0].tolist() == [0, 1, 2]
        assert not arrays['image'].flags.writeable


@pytest.mark.parametrize(
    'change', [{'key': 'b'}, {'count': 2}, {'shapes': {'image': (4, 6, 3)}}], ids=str
)
def test_anything_else_is_another_entry(tmp_path, change):
    made = []
    read(tmp_path, made)
    made.clear()
    read(tmp_path, made, **change)
    assert made


def test_an_interrupted_entry_is_made_again(tmp_path):
    def stops():
        yield from frames(2, level=50)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(tmp_path, make=stops)
    made = []
    assert [int(i.mean()) for i in read(tmp_path, made)['image']] == [0, 1, 2]
    assert made == [0, 1, 2]


@pytest.mark.parametrize('count', [2, 4])
def test_another_number_of_frames_is_refused(tmp_path, count):
    with pytest.raises(DataError, match=f'3 frames were to be cached, {count} came'):
        read(tmp_path, make=lambda: frames(count))


def test_a_cache_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(DataError, match=r'cannot be written .*; make room'):
        read(tmp_path / 'file' / 'cache')


def test_more_than_a_disk_holds_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r'cannot be written .*; make room'):
        read(tmp_path, shapes={'image': (1 << 20, 1 << 20, 1 << 10)})


def test_two_who_want_an_entry_make_it_once(tmp_path):
    """The lock is of the open file, so that threads stand for processes here."""
    made = []
    first_began = threading.Event()

    def make():
        first_began.set()
        for one in frames(3, made=made):
            time.sleep(0.01)
            yield one

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(read, tmp_path, make=make)
        first_began.wait(20)
        second = pool.submit(read, tmp_path, make=make)
        for arrays in (first.result(), second.result()):
            assert [int(i.mean()) for i in arrays['image']] == [0, 1, 2]
    assert made == [0, 1, 2]


def test_threads_keep_the_order():
    assert list(in_threads(lambda i: i * i, 200, threads=3)) == [i * i for i in range(200)]
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda i: 1 // (i - 70), 200, threads=2))


def test_frames_are_resized_as_the_segmenter_does():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (72, 128, 3), dtype=np.uint8)
    label = rng.integers(0, 3, (72, 128), dtype=np.uint8)
    small, labels = resize_frame(image, label, width=64, height=36)
    assert np.array_equal(small, cv2.resize(image, (64, 36), interpolation=cv2.INTER_AREA))
    # Of two that are equally near, OpenCV takes the later one; old versions take the earlier.
    assert any(np.array_equal(labels, label[i::2, i::2]) for i in (0, 1))
    large, _ = resize_frame(image, label, width=200, height=72)
    assert np.array_equal(large, cv2.resize(image, (200, 72), interpolation=cv2.INTER_LINEAR))
    same, _ = resize_frame(image, label, width=128, height=72)
    assert same is image
