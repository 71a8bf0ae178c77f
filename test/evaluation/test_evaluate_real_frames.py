# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Real frames as a folder, as a bag, and flattened for scikit-learn: three times one number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation_cases import accuracy

from drivseg_ros.bags.from_dataset import bag_from_dataset
from drivseg_ros.bags.image_bag import ImageBagOptions
from drivseg_ros.evaluation.metric import MetricValue
from drivseg_ros.evaluation.network import RunNetwork
from drivseg_ros.evaluation.open_source import open_source
from drivseg_ros.evaluation.run import evaluate
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.registry import open_dataset
from drivseg_ros.frames.source import DatasetSource, FrameSource
from drivseg_ros.model.card import UNLABELLED
from drivseg_ros.model.store import DEFAULT_MODEL
from drivseg_ros.segmenter import Segmenter

metrics = pytest.importorskip('sklearn.metrics', reason='scikit-learn is not installed')

# By folder: the labels' classes that the network's (direct, alternative, other_road,
# background) answer, None where they do not match; the role, its classes in labels and network.
SETS: dict[str, tuple[tuple[int, ...] | None, str, tuple[int, ...], tuple[int, ...]]] = {
    'bdd100k_drivable': ((0, 1, 2, 2), 'drivable', (0, 1), (0, 1)),
    'kitti_road': ((1, 1, 1, 0), 'road', (1,), (0, 1, 2)),
    'camvid': (None, 'road', (3,), (0, 1, 2)),
}
OPTIONS = {
    'bdd100k_drivable': {'classes': 'bdd100k', 'labels': 'labels_by_lane'},
    'kitti_road': {'classes': 'kitti_road'},
    'camvid': {'classes': 'camvid11'},
}
ALL = pytest.param({}, id='all', marks=pytest.mark.slow)


@pytest.mark.parametrize('options', [pytest.param({'limit': 2}, id='two'), ALL])
@pytest.mark.parametrize('kind', SETS)
def test_one_number(shared_data: Path, tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    dataset = open_dataset('folder', shared_data / kind, **OPTIONS[kind], **options)
    bag_from_dataset(dataset, ImageBagOptions(output=tmp_path / 'bag', compressed=True))
    with Segmenter.open(DEFAULT_MODEL, engine='onnxruntime', device='cpu', threads=1) as segmenter:
        folder = evaluated(DatasetSource(kind, dataset), segmenter)
        assert evaluated(open_source(tmp_path / 'bag'), segmenter) == folder
        wanted = by_scikit_learn(kind, dataset, segmenter)
    for name, value in wanted.items():
        assert folder[name].value == pytest.approx(value, abs=1e-12), name


def evaluated(source: FrameSource, segmenter: Segmenter) -> dict[str, MetricValue]:
    return accuracy(evaluate(source, RunNetwork(segmenter), settings=EvaluationSettings()))


def by_scikit_learn(kind: str, dataset: Dataset, segmenter: Segmenter) -> dict[str, float]:
    """The metrics that it has, too. All pixels of a whole set would not fit into memory."""
    answers, role, truth, answer = SETS[kind]
    count = max(len(dataset.classes), segmenter.card.num_classes)
    table = np.zeros((count, count), int)
    for i in range(len(dataset)):
        sample = dataset[i]
        known = sample.label != UNLABELLED
        mask = segmenter.segment([sample.image])[0].class_ids
        table += metrics.confusion_matrix(sample.label[known], mask[known], labels=range(count))
    true, said = (axis.ravel() for axis in np.indices(table.shape))
    weight = {'sample_weight': table.ravel()}
    areas = np.isin(true, truth), np.isin(said, answer)
    found = {
        f'{role}_iou': metrics.jaccard_score(*areas, **weight),
        f'{role}_precision': metrics.precision_score(*areas, **weight),
        f'{role}_recall': metrics.recall_score(*areas, **weight),
    }
    if answers is not None:
        said = np.resize(answers, count)[said]
        ids = {'labels': range(len(dataset.classes)), 'average': None, **weight}
        for what, score in (
            ('iou', metrics.jaccard_score),
            ('precision', metrics.precision_score),
            ('recall', metrics.recall_score),
        ):
            by_class = score(true, said, **ids)
            found |= {f'{what}/{c.name}': by_class[c.id] for c in dataset.classes}
        found['miou'] = metrics.jaccard_score(true, said, **{**ids, 'average': 'macro'})
        found['pixel_accuracy'] = metrics.accuracy_score(true, said, **weight)
    return found
