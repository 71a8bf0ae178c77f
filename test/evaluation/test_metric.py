# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics against scikit-learn's on the flattened pixels of all frames."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation_cases import BDD100K, classes, random_pair, result_of

from drivseg_ros.evaluation.measured import Measured, Terms
from drivseg_ros.evaluation.metric import metrics_of
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.evaluation.sums import Sums
from drivseg_ros.frames.matching import Area, Matching, areas_of
from drivseg_ros.model.card import BDD100K_CLASSES, UNLABELLED

metrics = pytest.importorskip('sklearn.metrics', reason='scikit-learn is not installed')

LANES = classes('direct:direct', 'alternative:alternative', 'other_road:road', 'background')


def computed(sums: Sums, matching: Matching) -> dict[str, np.ndarray]:
    """The metrics of counts alone, by name."""
    measured = Measured(sums, matching)
    terms = Terms(matching, EvaluationSettings(sequence=True))
    return {one.name: one.compute(measured) for one in metrics_of(terms) if one.of_counts}


def flat(pairs: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """All labelled pixels: label and mask."""
    label = np.concatenate([one.ravel() for one, _ in pairs])
    mask = np.concatenate([one.ravel() for _, one in pairs])
    return label[label != UNLABELLED], mask[label != UNLABELLED]


def test_equal_classes() -> None:
    pairs = [random_pair(i, shape=(20 + i, 30)) for i in range(4)]
    result = result_of(pairs)
    found = computed(result.total, BDD100K)
    true, said = flat(pairs)
    table = metrics.confusion_matrix(true, said, labels=[0, 1, 2])
    np.testing.assert_array_equal(result.total.table, table)
    precision, recall, _, _ = metrics.precision_recall_fscore_support(true, said, labels=[0, 1, 2])
    iou = metrics.jaccard_score(true, said, labels=[0, 1, 2], average=None)
    for i, c in enumerate(BDD100K_CLASSES):
        assert found[f'iou/{c.name}'] == pytest.approx(iou[i], abs=1e-12)
        assert found[f'precision/{c.name}'] == pytest.approx(precision[i], abs=1e-12)
        assert found[f'recall/{c.name}'] == pytest.approx(recall[i], abs=1e-12)
    assert found['miou'] == pytest.approx(metrics.jaccard_score(true, said, average='macro'))
    assert found['pixel_accuracy'] == pytest.approx(metrics.accuracy_score(true, said))
    drivable = metrics.jaccard_score(true < 2, said < 2)
    assert found['drivable_iou'] == pytest.approx(drivable)
    assert found['drivable_precision'] == pytest.approx(metrics.precision_score(true < 2, said < 2))
    assert 'road_iou' not in found


def test_classes_that_are_told_further_apart_than_the_labels() -> None:
    """The network's other_road answers background, as BDD100K labels it."""
    matching = Matching(BDD100K_CLASSES, LANES, areas_of(BDD100K_CLASSES))
    pairs = [random_pair(i, network=4) for i in range(3)]
    found = computed(result_of(pairs, matching=matching).total, matching)
    true, said = flat(pairs)
    answered = np.array([0, 1, 2, 2])[said]
    iou = metrics.jaccard_score(true, answered, labels=[0, 1, 2], average=None)
    np.testing.assert_allclose([found[f'iou/{c.name}'] for c in BDD100K_CLASSES], iou)
    assert found['pixel_accuracy'] == pytest.approx(metrics.accuracy_score(true, answered))
    assert found['drivable_iou'] == pytest.approx(metrics.jaccard_score(true < 2, said < 2))


def test_classes_that_do_not_match_are_compared_by_role_alone() -> None:
    truth = classes('sky', 'road:drivable', 'tree')
    matching = Matching(truth, LANES, areas_of(truth))
    pairs = [random_pair(7, network=4)]
    found = computed(result_of(pairs, matching=matching).total, matching)
    true, said = flat(pairs)
    assert found['road_iou'] == pytest.approx(metrics.jaccard_score(true == 1, said < 3))
    assert not {'miou', 'drivable_iou', 'pixel_accuracy'} & set(found)


def test_truths_of_drivable_and_road_stay_apart() -> None:
    """Labels with oncoming lanes ask two questions, and the two have other answers."""
    matching = Matching(LANES, LANES, areas_of(LANES))
    pairs = [random_pair(1, truth=4, network=4)]
    found = computed(result_of(pairs, matching=matching).total, matching)
    true, said = flat(pairs)
    assert found['drivable_iou'] == pytest.approx(metrics.jaccard_score(true < 2, said < 2))
    assert found['road_iou'] == pytest.approx(metrics.jaccard_score(true < 3, said < 3))


def test_a_role_that_the_network_lacks_is_named() -> None:
    matching = Matching(BDD100K_CLASSES, classes('a', 'b'), areas_of(BDD100K_CLASSES))
    assert matching.unanswered == (Area.DRIVABLE,)
    assert matching.targets == ()
    assert set(computed(Sums.zero(matching), matching)) == {'flicker', 'change'}


def test_several_sums_at_once_are_as_one_after_the_other() -> None:
    result = result_of([random_pair(i) for i in range(3)])
    rows = [row.sums for row in result.rows]
    both = computed(Sums.from_vector(np.stack([one.vector for one in rows]), BDD100K), BDD100K)
    for i, one in enumerate(rows):
        for name, value in computed(one, BDD100K).items():
            np.testing.assert_equal(both[name][i], value, err_msg=name)


def test_a_class_that_nobody_has_is_left_out_of_the_mean() -> None:
    label = np.array([[0, 2]], np.uint8)
    found = computed(result_of([(label, label)]).total, BDD100K)
    assert np.isnan(found['iou/alternative'])
    assert found['miou'] == found['boundary_iou'] == 1


def test_titles() -> None:
    matching = Matching(LANES, LANES, areas_of(LANES))
    titles = {one.name: one.title for one in metrics_of(Terms(matching, EvaluationSettings()))}
    assert titles['miou'] == 'mIoU'
    assert titles['drivable_iou'] == 'drivable IoU'
    assert titles['road_boundary_iou'] == 'road boundary IoU'
    assert titles['iou/direct'] == 'IoU of direct'
    assert titles['time_p95'] == 'time of a frame, 95 %'
    assert len(set(titles.values())) == len(titles)
