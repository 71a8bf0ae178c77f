# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Each change of a picture for itself: OpenCV and numpy only."""

from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.lab.training.augmentation.light import add_shadow, change_exposure, make_night
from drivseg_ros.lab.training.augmentation.rain import add_rain
from drivseg_ros.lab.training.augmentation.sensor import add_blur, add_noise
from drivseg_ros.lab.training.augmentation.windscreen import add_glare, add_reflection

CHANGES = [
    *(change_exposure, make_night, add_shadow, add_rain, add_blur, add_noise),
    *(add_reflection, add_glare),
]


def picture(height=90, width=160, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def changed(change, image, count=8):
    return [change(image, np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize('change', CHANGES)
@pytest.mark.parametrize('size', [(90, 160), (360, 640), (32, 32), (5, 3), (1, 1)])
def test_each_gives_another_image_and_leaves_its_own(change, size):
    image = picture(*size)
    before = image.copy()
    images = changed(change, image)
    assert all(c.dtype == np.uint8 and c.shape == image.shape for c in images)
    assert np.array_equal(image, before)
    if min(size) > 30:
        assert any(not np.array_equal(c, image) for c in images)
    for one in images:
        one[:] = 0
    assert np.array_equal(image, before), 'a change gave its input back'


@pytest.mark.parametrize('change', CHANGES)
def test_each_hangs_on_its_generator_alone(change):
    image = picture()
    first, again, other = (change(image, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_exposure_goes_both_ways_and_cuts_off():
    image = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    images = changed(change_exposure, image, 40)
    means = [c.mean() for c in images]
    assert min(means) < image.mean() - 20 < image.mean() + 20 < max(means)
    assert max((c == 255).all(axis=2).mean() for c in images) > 0.1
    for one in images:
        levels = one.reshape(-1, 3).astype(int)
        assert (np.diff(levels, axis=0) >= 0).all(), 'brighter light never becomes darker'


def test_night_is_dark_and_brightest_before_the_car():
    day = np.full((180, 320, 3), 150, np.uint8)
    nights = np.mean(changed(make_night, day, 40), axis=0).mean(axis=2)
    assert nights.mean() < 75
    road, sky = nights[110:160, 100:220].mean(), nights[:40].mean()
    assert road > 1.5 * sky


def test_night_does_not_fall_twice():
    dark = np.full((90, 160, 3), 30, np.uint8)
    for one in changed(make_night, dark):
        assert np.array_equal(one, dark)
        assert one is not dark


def test_shadows_darken_the_lower_part_only():
    day = np.full((180, 320, 3), 200, np.uint8)
    for one in changed(add_shadow, day, 20):
        assert (one <= 200).all()
        assert (one[:40] == 200).all()
        assert one.min() > 50, 'a shadow is not black'
    assert np.mean([c[63:].mean() for c in changed(add_shadow, day, 20)]) < 190


def test_rain_is_bright_and_everywhere():
    grey = np.full((180, 320, 3), 60, np.uint8)
    rains = np.array(changed(add_rain, grey, 30)).astype(float)
    assert rains.mean() > 60
    parts = rains.max(axis=(0, 3)).reshape(6, 30, 8, 40).max(axis=(1, 3))
    assert (parts > 75).all(), 'streaks fall everywhere'


def test_noise_has_no_bias_and_the_stated_deviation():
    grey = np.full((120, 160, 3), 128, np.uint8)
    noises = [c.astype(int) - 128 for c in changed(add_noise, grey, 20)]
    deviations = [n.std() for n in noises]
    assert np.abs(np.mean(noises)) < 0.3
    assert 2.9 < min(deviations) < max(deviations) < 15.3


def test_blur_keeps_the_light_and_softens_edges():
    edge = np.zeros((90, 160, 3), np.uint8)
    edge[:, 80:] = 200
    for one in changed(add_blur, edge):
        assert one.mean() == pytest.approx(edge.mean(), abs=0.5)
    assert (
        np.mean([np.abs(np.diff(c[45, :, 0].astype(int))).max() for c in changed(add_blur, edge)])
        < 200
    )


@pytest.mark.parametrize('change', [add_reflection, add_glare])
def test_a_windscreen_adds_light(change):
    grey = np.full((90, 160, 3), 60, np.uint8)
    images = changed(change, grey, 20)
    assert np.mean([c.mean() for c in images]) > 61
    if change is add_reflection:
        assert all((c >= 60).all() for c in images)


def test_a_low_sun_has_a_spot_that_dazzles():
    grey = np.full((90, 160, 3), 60, np.uint8)
    assert all(c.max() > 180 for c in changed(add_glare, grey, 20))
