# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a recipe may write, and frames that are only resized. None of it needs torch."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.images.resizing import Placement, place_image
from drivseg_ros.lab.training.augmentation import PRESETS, Augmentation, view_of
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard


def frame(height=90, width=160, seed=0):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return image, rng.choice(np.array([0, 1, 2, 255], np.uint8), (height, width))


@pytest.mark.parametrize(
    ('in_size', 'size'),
    [((160, 90), (80, 45)), ((160, 90), (160, 90)), ((50, 31), (64, 48)), ((124, 37), (64, 36))],
)
@pytest.mark.parametrize('spec', [None, 'off', {}, {'preset': 'road', 'strength': 0}], ids=str)
def test_off_is_the_segmenters_resizing(in_size, size, spec):
    image, label = frame(in_size[1], in_size[0])
    view, [target] = view_of(
        Augmentation.from_spec(spec), image, [label], 3, width=size[0], height=size[1]
    )
    card = ModelCard('test', BDD100K_CLASSES, *size)
    wanted = np.zeros((size[1], size[0], 3), np.uint8)
    place_image(image, wanted, Placement.of(card, image_width=in_size[0], image_height=in_size[1]))
    assert np.array_equal(view, wanted)
    # Nearest of pixel centres, from the definition.
    rows, columns = (
        np.minimum(((np.arange(n) + 0.5) * m / n).astype(int), m - 1)
        for n, m in zip(size[::-1], label.shape, strict=True)
    )
    # Halves may go either way where centres meet the pixels' borders.
    assert (target == label[rows][:, columns]).mean() > 0.95


def test_what_comes_out_is_new():
    image, label = frame()
    view, [target] = view_of(Augmentation(), image, [label], 0, width=160, height=90)
    assert np.array_equal(view, image)
    assert np.array_equal(target, label)
    view[:], target[:] = 0, 0
    assert image.any()
    assert label.any()


def test_planes_of_other_sizes_and_none_at_all():
    image, label = frame()
    half = cv2.resize(label, (80, 45), interpolation=cv2.INTER_NEAREST_EXACT)
    _, targets = view_of(Augmentation(), image, [label, half], 0, width=80, height=45)
    assert np.array_equal(targets[0], targets[1])
    assert view_of(Augmentation(), image, [], 0, width=80, height=45)[1] == []


@pytest.mark.parametrize(
    ('spec', 'wanted'),
    [
        (None, Augmentation()),
        (False, Augmentation()),
        ('road', PRESETS['road']),
        ({'flip': 0.5}, Augmentation(flip=0.5)),
        ({'preset': 'off', 'night': 1}, Augmentation(night=1)),
    ],
)
def test_specs(spec, wanted):
    assert Augmentation.from_spec(spec) == wanted


def test_a_preset_can_be_weakened_and_changed():
    half = Augmentation.from_spec({'preset': 'road', 'strength': 0.5, 'flip': 0})
    road = PRESETS['road']
    assert half.flip == 0
    assert half.night == road.night / 2
    assert half.zoom_in == pytest.approx(1 + (road.zoom_in - 1) / 2)
    assert not half.is_off
    assert road.scaled(0).is_off
    assert road.scaled(1) == road


@pytest.mark.parametrize(
    ('spec', 'message'),
    [
        ({'zoom_in': 0.5}, 'zoom_in is 0.5; a number from 1 to 4'),
        ({'zoom_out': 9.0}, 'zoom_out is 9.0'),
        ({'aspect': 0.0}, 'aspect is 0.0'),
        ({'rotation': 90.0}, 'rotation is 90.0; a number from 0 to 45'),
        ({'flip': 1.5}, 'flip is 1.5; a number from 0 to 1'),
        ({'rain': -0.1}, 'rain is -0.1'),
        ({'night': 'often'}, "night is 'often'"),
        ({'blur': True}, 'blur is True'),
        ({'noise': float('nan')}, 'noise is nan'),
        ({'fog': 0.5}, "augmentation has no 'fog'; there are preset, strength, zoom_in"),
        ({'preset': 'sea'}, "no augmentation 'sea'; there are off, road"),
        ('sea', "no augmentation 'sea'"),
        ({'preset': 'road', 'strength': 2}, 'strength is 2'),
        ({'preset': 'road', 'strength': 'half'}, "strength is 'half'"),
        ([1], r'augmentation is \[1\]'),
        (True, 'augmentation is True'),
    ],
    ids=str,
)
def test_what_is_refused(spec, message):
    with pytest.raises(ParameterError, match=message):
        Augmentation.from_spec(spec)


@pytest.mark.parametrize('off', [True, False])
@pytest.mark.parametrize(
    ('image', 'planes', 'message'),
    [
        (np.zeros((4, 4), np.uint8), [], r'an image to vary is uint8 \[4, 4\]'),
        (np.zeros((4, 4, 3), np.float32), [], 'float32'),
        (np.zeros((0, 4, 3), np.uint8), [], r'\[0, 4, 3\]'),
        (np.zeros((4, 4, 3), np.uint8), [np.zeros((4, 4), int)], 'a plane to vary is int64'),
        (np.zeros((4, 4, 3), np.uint8), [np.zeros((4, 4, 1), np.uint8)], r'\[4, 4, 1\]'),
    ],
)
def test_other_arrays_are_refused(image, planes, message, off):
    with pytest.raises(DataError, match=message):
        view_of(Augmentation(flip=0 if off else 1), image, planes, 0, width=8, height=8)


def test_a_stride_must_divide_the_size():
    image, label = frame()
    with pytest.raises(ParameterError, match='a target stride of 7 at 80 x 48'):
        view_of(Augmentation(), image, [label], 0, width=80, height=48, target_stride=7)
