# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from drivseg_ros.errors import DataError
from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.lab.training.augmentation.sheet import blend_target
from drivseg_ros.model.card import BDD100K_CLASSES

SETS = LabelSets(3, (frozenset({0, 1}),))
IMAGE = np.full((40, 60, 3), 100, np.uint8)


def mixed(color, alpha):
    return np.rint(100 * (1 - alpha) + np.array(color) * alpha).astype(int)


@pytest.mark.parametrize('alpha', [0.45, 0.0, 1.0])
def test_classes_have_their_colours_and_black_is_left_alone(alpha):
    target = np.zeros((40, 60), np.uint8)
    target[:, 20:40] = 1
    target[:, 40:] = 2
    picture = blend_target(IMAGE, target, BDD100K_CLASSES, SETS, alpha=alpha)
    for c, columns in ((0, slice(0, 20)), (1, slice(20, 40))):
        assert np.abs(picture[:, columns] - mixed(BDD100K_CLASSES[c].color, alpha)).max() <= 1
    assert (picture[:, 40:] == 100).all()
    assert (IMAGE == 100).all()


def test_a_set_shows_the_colours_of_its_classes():
    picture = blend_target(IMAGE, np.full((40, 60), 3, np.uint8), BDD100K_CLASSES, SETS, alpha=1)
    shown = {tuple(c) for c in picture.reshape(-1, 3).tolist()}
    assert shown == {BDD100K_CLASSES[0].color, BDD100K_CLASSES[1].color}


def test_what_is_unlabelled_is_striped():
    picture = blend_target(IMAGE, np.full((40, 60), 255, np.uint8), BDD100K_CLASSES, SETS, alpha=1)
    assert set(np.unique(picture)) == {100, 128}
    assert 0.4 < (picture == 128).mean() < 0.6


def test_a_smaller_target_is_stretched():
    target = np.array([[0, 2], [2, 1]], np.uint8)
    picture = blend_target(IMAGE, target, BDD100K_CLASSES, SETS, alpha=1)
    assert (picture[:20, :30] == BDD100K_CLASSES[0].color).all()
    assert (picture[20:, 30:] == BDD100K_CLASSES[1].color).all()
    assert (picture[:20, 30:] == 100).all()


def test_strange_codes_are_refused():
    with pytest.raises(DataError, match=r'codes \[7\]; allowed are 0 to 3'):
        blend_target(IMAGE, np.full((40, 60), 7, np.uint8), BDD100K_CLASSES, SETS)
