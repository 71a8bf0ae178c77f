# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivseg_ros.errors import ParameterError
from drivseg_ros.training import augmentation
from drivseg_ros.training.augmentation import Augmentation

STILL = Augmentation(
    zoom_in=1, zoom_out=1, aspect=1, rotation=0, shift=0, flip=0, light=0, weather=0
)
MOVING = Augmentation(rotation=10, light=0, weather=0)


def discs(height=90, width=160):
    """Three discs of different grey on black, and their label: class = grey / 60 - 1."""
    rows, columns = np.mgrid[:height, :width]
    label = np.full((height, width), 2, np.uint8)
    for i, (y, x) in enumerate([(30, 40), (60, 70)]):
        label[(rows - y) ** 2 + (columns - x) ** 2 < 20**2] = i
    image = np.repeat(((2 - label) * 100)[..., None], 3, axis=2).astype(np.uint8)
    return image, label


def centroid(mask):
    return np.array(np.nonzero(mask)).mean(axis=1) + 0.5


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_the_target_moves_with_the_image(seed):
    image, label = discs()
    view, target = MOVING(
        image, label, np.random.default_rng(seed), width=160, height=96, target_stride=1
    )
    grey = view[..., 0].astype(int)
    inside = target != 255
    # Grey tells the class; only interpolated rims, and the fill colour, may contradict.
    told = np.where(grey > 150, 0, np.where(grey > 50, 1, 2))
    clear = inside & (np.abs(grey - 150) > 40) & (np.abs(grey - 50) > 40)
    assert (told == target)[clear].mean() > 0.97


@pytest.mark.parametrize('stride', [2, 4])
def test_a_smaller_target_lies_over_the_image(stride):
    """On average to a fifth of a pixel; a corner taken for a centre would be stride / 2 off."""
    image, label = discs()
    still_inside = Augmentation(zoom_in=1, rotation=10, light=0, weather=0)
    offsets = []
    for seed in range(60):
        full, small = (
            still_inside(
                image, label, np.random.default_rng(seed), width=320, height=192, target_stride=s
            )[1]
            for s in (1, stride)
        )
        assert small.shape == (192 // stride, 320 // stride)
        for i in (0, 1):
            mask = full == i
            rim = np.concatenate([mask[[0, -1]].ravel(), mask[:, [0, -1]].ravel()])
            if mask.any() and not rim.any():  # not cut off by the edge of the view
                offsets.append(centroid(small == i) * stride - centroid(mask))
    assert len(offsets) > 60
    assert np.abs(np.mean(offsets, axis=0)).max() < 0.2


def test_without_variation_it_only_resizes():
    image, label = discs()
    rng = np.random.default_rng(0)
    same = STILL(image, label, rng, width=160, height=90)
    assert np.array_equal(same[0], image)
    assert np.array_equal(same[1], label)
    half = STILL(image, label, rng, width=80, height=45)[0]
    wanted = image.reshape(45, 2, 80, 2, 3).mean(axis=(1, 3))
    assert np.abs(half - wanted).max() <= 1


def test_flip_mirrors_both():
    image, label = discs()
    flip = Augmentation(
        zoom_in=1, zoom_out=1, aspect=1, rotation=0, shift=0, flip=1, light=0, weather=0
    )
    view, target = flip(image, label, np.random.default_rng(0), width=160, height=90)
    assert np.array_equal(view, image[:, ::-1])
    assert np.array_equal(target, label[:, ::-1])


def test_a_seed_gives_the_same_view_and_another_seed_another():
    image, label = discs()
    strong = Augmentation(light=1, weather=1)
    views = [
        strong(image, label, np.random.default_rng(seed), width=160, height=96)
        for seed in (1, 1, 2)
    ]
    assert np.array_equal(views[0][0], views[1][0])
    assert np.array_equal(views[0][1], views[1][1])
    assert not np.array_equal(views[0][0], views[2][0])


def test_light_and_weather_leave_the_target_alone():
    image, label = discs()
    weather = Augmentation(
        zoom_in=1, zoom_out=1, aspect=1, rotation=0, shift=0, flip=0, light=1, weather=1
    )
    view, target = weather(image, label, np.random.default_rng(3), width=160, height=90)
    assert np.array_equal(target, label)
    assert not np.array_equal(view, image)


@pytest.mark.parametrize(
    'change',
    [
        augmentation.change_light,
        augmentation.add_noise,
        augmentation.add_rain,
        augmentation.add_shadow,
    ],
)
@pytest.mark.parametrize('size', [(90, 160), (360, 640), (32, 32)])
def test_each_change_gives_an_image_and_leaves_its_input(change, size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    before = image.copy()
    changed = [change(image, np.random.default_rng(seed)) for seed in range(8)]
    assert all(c.dtype == np.uint8 and c.shape == image.shape for c in changed)
    assert np.array_equal(image, before)
    assert any(not np.array_equal(c, image) for c in changed)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'zoom_in': 0.5}, 'zoom_in is 0.5'),
        ({'zoom_out': 9.0}, 'zoom_out is 9.0'),
        ({'aspect': 0.0}, 'aspect is 0.0'),
        ({'rotation': 90.0}, 'rotation is 90.0'),
        ({'flip': 1.5}, 'flip is 1.5'),
        ({'light': -0.1}, 'light is -0.1'),
    ],
)
def test_values_out_of_range_are_refused(changes, message):
    with pytest.raises(ParameterError, match=message):
        Augmentation(**changes)
