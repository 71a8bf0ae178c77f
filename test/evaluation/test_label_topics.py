# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Labels of a bag are counted in the classes that the bag tells of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivseg_ros.bags.from_scenes import bag_from_scenes
from drivseg_ros.bags.image_bag import ImageBagOptions
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.label_matcher import match_labels
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard, ModelClass, Role
from drivseg_ros.scenes.drive import Drive

FOUR = ModelCard(
    'four',
    (
        *BDD100K_CLASSES[:2],
        ModelClass(2, 'other_road', (155, 89, 182), Role.ROAD),
        ModelClass(3, 'background', (0, 0, 0), Role.NONE),
    ),
    64,
    48,
)
TWO = ModelCard(
    'two',
    (
        ModelClass(0, 'background', (0, 0, 0), Role.NONE),
        ModelClass(1, 'drivable', (0, 255, 0), Role.DRIVABLE),
    ),
    64,
    48,
)


@pytest.fixture(scope='module')
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    drive = Drive(1, width=64, height=48, rate_hz=10, duration_s=0.3)
    made = tmp_path_factory.mktemp('bags') / 'drive'
    bag_from_scenes(drive, ImageBagOptions(output=made, topic='/cam/image_raw'))
    return made


def test_a_network_that_tells_more_than_the_labels(bag: Path) -> None:
    topic = ImageBagOptions(output=bag, topic='/cam/image_raw').labels_on
    matcher, judged = match_labels(bag, topic, FOUR)
    assert judged.class_names == ('direct', 'alternative', 'background')
    matcher.add_label(1, np.array([[0, 1, 2, 2]], np.uint8))
    matcher.add_prediction(1, np.array([[0, 1, 2, 3]], np.uint8))
    assert matcher.matrix.pixel_accuracy == 1
    with pytest.raises(DataError, match=r'drivable \(drivable\): these do not .*drivseg evaluate'):
        match_labels(bag, topic, TWO)


def test_without_labels_the_networks_own_classes_stay(bag: Path) -> None:
    matcher, judged = match_labels(bag, None, FOUR)
    assert judged is FOUR
    assert matcher.matrix.num_classes == 4
