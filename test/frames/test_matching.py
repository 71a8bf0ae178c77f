# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which truths labels tell, and which classes of a network answer them."""

from __future__ import annotations

import pytest

from drivseg_ros.frames.camvid import CAMVID11_CLASSES
from drivseg_ros.frames.cityscapes import CITYSCAPES_CLASSES
from drivseg_ros.frames.kitti_road import KITTI_LANE_CLASSES, KITTI_ROAD_CLASSES
from drivseg_ros.frames.matching import Area, answers, areas_of
from drivseg_ros.model.card import BDD100K_CLASSES, ModelClass


def classes(*described: str) -> tuple[ModelClass, ...]:
    """As 'name:role', the role none if it is left out."""
    parts = [text.partition(':') for text in described]
    return tuple(ModelClass(i, p[0], (0, 0, 0), p[2] or 'none') for i, p in enumerate(parts))


DRIVABLE_CLASSES = classes('not_drivable', 'drivable:drivable')
LANES = classes('direct:direct', 'alternative:alternative', 'other_road:road', 'background')
TWINLITENET = classes('background', 'drivable:drivable')
ADAS = classes('background', 'road:drivable', 'kerb', 'marking:drivable')


@pytest.mark.parametrize(
    ('truth', 'figures'),
    [
        (BDD100K_CLASSES, [Area.DRIVABLE]),
        (DRIVABLE_CLASSES, [Area.DRIVABLE]),
        (LANES, [Area.DRIVABLE, Area.ROAD]),
        (KITTI_ROAD_CLASSES, [Area.ROAD]),
        (KITTI_LANE_CLASSES, [Area.EGO_LANE]),
        (CAMVID11_CLASSES, [Area.ROAD]),
        (CITYSCAPES_CLASSES, [Area.ROAD]),
        (classes('road:drivable', 'oncoming:road', 'rest'), [Area.DRIVABLE, Area.ROAD]),
        (classes('sky', 'rest'), []),
    ],
)
def test_the_truths_of_labels(truth: tuple[ModelClass, ...], figures: list[Area]) -> None:
    assert list(areas_of(truth)) == figures


@pytest.mark.parametrize(
    ('figure', 'ids'),
    [(Area.DRIVABLE, (0, 1)), (Area.ROAD, (0, 1, 2)), (Area.EGO_LANE, (0,))],
)
def test_the_classes_of_a_figure(figure: Area, ids: tuple[int, ...]) -> None:
    assert figure.ids(LANES) == ids


@pytest.mark.parametrize(
    ('truth', 'network', 'answered'),
    [
        (BDD100K_CLASSES, BDD100K_CLASSES, (0, 1, 2)),
        (BDD100K_CLASSES, (*BDD100K_CLASSES[2:], *BDD100K_CLASSES[:2]), (2, 0, 1)),
        # Oncoming lanes are background in BDD100K, and road in KITTI.
        (BDD100K_CLASSES, LANES, (0, 1, 2, 2)),
        (KITTI_ROAD_CLASSES, LANES, (1, 1, 1, 0)),
        (DRIVABLE_CLASSES, LANES, (1, 1, 0, 0)),
        (KITTI_LANE_CLASSES, LANES, (1, 0, 0, 0)),
        (KITTI_ROAD_CLASSES, TWINLITENET, (0, 1)),
        (KITTI_ROAD_CLASSES, ADAS, (0, 1, 0, 1)),
        (DRIVABLE_CLASSES, TWINLITENET, (0, 1)),
        # It does not tell direct from alternative.
        (BDD100K_CLASSES, TWINLITENET, None),
        (KITTI_LANE_CLASSES, TWINLITENET, None),
        # What is no road may be ten things there.
        (CAMVID11_CLASSES, BDD100K_CLASSES, None),
        (CAMVID11_CLASSES, CAMVID11_CLASSES, tuple(range(11))),
        # Nothing of the network answers 'alternative'.
        (BDD100K_CLASSES, classes('direct:direct', 'background'), None),
        (LANES, BDD100K_CLASSES, None),
    ],
)
def test_the_classes_that_answer(
    truth: tuple[ModelClass, ...],
    network: tuple[ModelClass, ...],
    answered: tuple[int, ...] | None,
) -> None:
    by_id = tuple(ModelClass(i, c.name, c.color, c.role) for i, c in enumerate(network))
    assert answers(truth, by_id) == answered
