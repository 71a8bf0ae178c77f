# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The figures against scikit-learn's and against counting by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.confusion_matrix import ConfusionMatrix
from drivseg_ros.evaluation.figures import Figures
from drivseg_ros.evaluation.report import describe_accuracy
from drivseg_ros.model.card import BDD100K_CLASSES, ModelCard, ModelClass, Role

CARD = ModelCard(
    'four',
    (
        ModelClass(0, 'direct', (0, 255, 0), Role.DIRECT),
        ModelClass(1, 'alternative', (0, 0, 255), Role.ALTERNATIVE),
        ModelClass(2, 'other_road', (255, 255, 0), Role.ROAD),
        ModelClass(3, 'background', (0, 0, 0), Role.NONE),
    ),
    64,
    48,
)
DRIVABLE, ROAD = (0, 1), (0, 1, 2)


def images(labels, predictions, count=5, seed=0):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(4, 30, (count, 2))
    return [
        (rng.choice(labels, size).astype(np.uint8), rng.choice(predictions, size).astype(np.uint8))
        for size in map(tuple, sizes)
    ]


def figures_of(pairs, card=CARD):
    matrix = ConfusionMatrix(card.num_classes)
    for label, prediction in pairs:
        matrix.update(label=label, prediction=prediction)
    return Figures.of(matrix, card), matrix


@pytest.mark.parametrize(
    ('labels', 'predictions'),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3]),
        ([0, 1, 2, 3, 255], [0, 1, 2, 3]),
        ([3, 3, 3, 3, 0, 255], [3, 3, 0, 1]),
        ([0, 3], [0, 3]),
    ],
    ids=str,
)
def test_scikit_learn_finds_the_same(labels, predictions):
    metrics = pytest.importorskip('sklearn.metrics', reason='scikit-learn is not installed')
    pairs = images(labels, predictions)
    figures, matrix = figures_of(pairs)
    truth = np.concatenate([label.ravel() for label, _ in pairs])
    told = np.concatenate([prediction.ravel() for _, prediction in pairs])
    truth, told = truth[truth != 255], told[truth != 255]

    assert np.array_equal(matrix.counts, metrics.confusion_matrix(truth, told, labels=range(4)))
    present = sorted({*truth.tolist(), *told.tolist()})
    iou = metrics.jaccard_score(truth, told, labels=present, average=None)
    by_id = dict(zip(present, iou, strict=True))
    wanted = [by_id.get(c, math.nan) for c in range(4)]
    np.testing.assert_allclose(list(figures.iou_by_class.values()), wanted)
    assert list(figures.iou_by_class) == ['direct', 'alternative', 'other_road', 'background']
    assert figures.miou == pytest.approx(
        metrics.jaccard_score(truth, told, labels=present, average='macro')
    )
    assert figures.pixel_accuracy == pytest.approx(metrics.accuracy_score(truth, told))
    assert figures.pixels == len(truth)
    for share, ids in ((figures.drivable_iou, DRIVABLE), (figures.road_iou, ROAD)):
        assert share == pytest.approx(
            metrics.jaccard_score(np.isin(truth, ids), np.isin(told, ids))
        )


def test_by_hand():
    label = np.array([[0, 0, 1, 2], [3, 3, 255, 2]], np.uint8)
    prediction = np.array([[0, 1, 1, 3], [3, 0, 0, 2]], np.uint8)
    figures, _ = figures_of([(label, prediction)])
    assert figures.iou_by_class == {
        'direct': 1 / 3,
        'alternative': 1 / 2,
        'other_road': 1 / 2,
        'background': 1 / 3,
    }
    assert figures.miou == pytest.approx(5 / 12)
    assert figures.drivable_iou == pytest.approx(3 / 4)
    assert figures.road_iou == pytest.approx(4 / 6)
    assert figures.pixel_accuracy == pytest.approx(4 / 7)
    assert figures.pixels == 7


def test_a_class_that_is_nowhere_is_not_a_number():
    figures, _ = figures_of([(np.full((2, 2), 3, np.uint8), np.full((2, 2), 3, np.uint8))])
    assert figures.miou == 1
    assert math.isnan(figures.iou_by_class['direct'])
    assert math.isnan(figures.drivable_iou)
    content = json.loads(figures.to_json())
    assert content['drivable_iou'] is None
    assert content['iou_by_class'] == {
        'direct': None,
        'alternative': None,
        'other_road': None,
        'background': 1.0,
    }


def test_nothing_labelled():
    figures, _ = figures_of([(np.full((2, 2), 255, np.uint8), np.zeros((2, 2), np.uint8))])
    assert figures.pixels == 0
    assert all(
        math.isnan(value)
        for value in (figures.miou, figures.pixel_accuracy, figures.drivable_iou, figures.road_iou)
    )


@pytest.mark.parametrize('labels', [[0, 1, 2, 3, 255], [3], [255]], ids=str)
def test_json_and_back(labels):
    figures, _ = figures_of(images(labels, [2, 3]))
    again = Figures.from_json(figures.to_json())
    assert again.pixels == figures.pixels
    assert list(again.iou_by_class) == list(figures.iou_by_class)
    np.testing.assert_allclose(
        [*again.iou_by_class.values(), again.miou, again.drivable_iou, again.road_iou],
        [*figures.iou_by_class.values(), figures.miou, figures.drivable_iou, figures.road_iou],
        atol=1e-6,
    )
    assert Figures.from_json(again.to_json()).to_json() == again.to_json()


def test_the_report_has_the_same_figures():
    figures, matrix = figures_of(images([0, 1, 2, 3], [0, 1, 2, 3]))
    described = describe_accuracy(matrix, CARD)
    assert described.pop('confusion_matrix')['pixels'] == matrix.counts.tolist()
    assert described == figures.to_dict()


def test_other_classes_are_refused():
    with pytest.raises(DataError, match='3 classes with the card of four, which has 4'):
        Figures.of(ConfusionMatrix(3), CARD)
    assert Figures.of(ConfusionMatrix(3), ModelCard('three', BDD100K_CLASSES, 8, 8)).pixels == 0


GOOD = {
    'miou': 0.5,
    'iou_by_class': {'a': 0.5},
    'drivable_iou': None,
    'road_iou': None,
    'pixel_accuracy': 0.5,
    'pixels': 3,
}


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'miou': 1.5}, 'the figure miou is 1.5'),
        ({'iou_by_class': {'road': -0.1}}, 'the figure road is -0.1'),
        ({'pixels': -1}, 'figures of -1 pixels'),
        ({'pixels': 1.5}, 'pixels must be an integer'),
        ({'pixels': None}, 'no figures'),
        ({'f1': 0.5}, 'no figures .*f1'),
        ({'iou_by_class': [1]}, 'no figures'),
        ({'miou': 'high'}, 'no figures'),
    ],
    ids=str,
)
def test_what_is_no_figures(changes, message):
    assert Figures.from_json(json.dumps(GOOD)).miou == 0.5
    with pytest.raises(DataError, match=message):
        Figures.from_json(json.dumps({**GOOD, **changes}))


@pytest.mark.parametrize('text', ['', '[]', '{}', '3', json.dumps({'miou': 1.0})])
def test_what_is_no_json_of_figures(text):
    with pytest.raises(DataError, match='no figures'):
        Figures.from_json(text)
