# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bonnets: the image and what is told of it. The pipeline is asked where torchvision is there."""

from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.errors import ParameterError
from drivseg_ros.lab.training.augmentation import Augmentation, view_of
from drivseg_ros.lab.training.augmentation.bonnet import add_bonnet


def picture(height=90, width=160, seed=0):
    return np.random.default_rng(seed).integers(60, 200, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize('size', [(90, 160), (360, 640), (32, 32), (5, 3), (1, 1)])
def test_it_gives_new_arrays_and_hangs_on_its_generator(size):
    image = picture(*size)
    before = image.copy()
    drawn, cover = add_bonnet(image, np.random.default_rng(1))
    again, _ = add_bonnet(image, np.random.default_rng(1))
    assert drawn.dtype == cover.dtype == np.uint8
    assert drawn.shape == image.shape
    assert cover.shape == image.shape[:2]
    assert np.array_equal(drawn, again)
    drawn[:] = 0
    assert np.array_equal(image, before)


def test_it_covers_the_lower_edge_and_nothing_else():
    image = picture()
    heights = []
    for seed in range(60):
        drawn, cover = add_bonnet(image, np.random.default_rng(seed))
        assert np.array_equal(drawn[cover == 0], image[cover == 0])
        assert not cover[: int(0.6 * len(cover))].any()
        covered = cover > 127
        # No hole: below a covered pixel all are covered.
        assert (np.diff(covered.astype(int), axis=0) >= 0).all()
        heights.append(covered.mean())
    assert min(heights) < 0.05
    assert max(heights) > 0.12


def test_most_are_dark():
    darker = [
        drawn[cover > 250].mean() < 0.6 * image.mean()
        for seed in range(60)
        for image in [picture(seed=seed)]
        for drawn, cover in [add_bonnet(image, np.random.default_rng(seed))]
        if (cover > 250).any()
    ]
    assert 0.5 < np.mean(darker) < 0.98


class TestPipeline:
    @pytest.fixture(autouse=True)
    def _torchvision(self):
        pytest.importorskip('torchvision', reason="torchvision is missing: pip install '.[train]'")

    @pytest.mark.parametrize('stride', [1, 2])
    def test_planes_tell_what_is_covered(self, stride):
        image = picture()
        planes = [np.full((90, 160), value, np.uint8) for value in (0, 1, 200)]
        view, found = view_of(
            Augmentation(bonnet=1),
            image,
            planes,
            5,
            width=160,
            height=90,
            target_stride=stride,
            covered=[3, 255, 0],
        )
        changed = (view != image).any(axis=2)[::stride, ::stride]
        for plane, before, value in zip(found, (0, 1, 200), (3, 255, 0), strict=True):
            assert set(np.unique(plane)) == {before, value}
            assert (plane == value).mean() == pytest.approx(changed.mean(), abs=0.02)
            assert (plane[-1] == value).any()

    def test_unless_told_otherwise_it_is_unlabelled(self):
        _, [plane] = view_of(
            Augmentation(bonnet=1),
            picture(),
            [np.zeros((90, 160), np.uint8)],
            5,
            width=160,
            height=90,
        )
        assert set(np.unique(plane)) == {0, 255}


def test_values_for_other_planes_are_refused():
    with pytest.raises(ParameterError, match='2 values for what is covered, and 1 planes'):
        view_of(
            Augmentation(bonnet=1),
            picture(),
            [np.zeros((90, 160), np.uint8)],
            5,
            width=160,
            height=90,
            covered=[1, 2],
        )
