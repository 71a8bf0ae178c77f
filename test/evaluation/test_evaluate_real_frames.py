# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Real frames as a folder, as a bag, and flattened for scikit-learn: three times one number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drivseg_ros.bags.dataset_info import read_dataset_info
from drivseg_ros.bags.from_dataset import bag_from_dataset
from drivseg_ros.bags.image_bag import ImageBagOptions
from drivseg_ros.datasets.registry import open_dataset
from drivseg_ros.evaluation.bag_source import BagSource, BagTopics
from drivseg_ros.evaluation.evaluate import evaluate_source
from drivseg_ros.evaluation.frame_source import DatasetSource, FrameSource
from drivseg_ros.evaluation.label_map import plain_map
from drivseg_ros.evaluation.measures import measures
from drivseg_ros.evaluation.tally import EvaluationSettings
from drivseg_ros.model_card import UNLABELLED
from drivseg_ros.model_store import DEFAULT_MODEL
from drivseg_ros.segmenter import Segmenter

metrics = pytest.importorskip('sklearn.metrics', reason='scikit-learn is not installed')

# By kind: folder, the classes that are the truth by role, those of the network that answer it (it
# tells direct, alternative, other_road, background), the figure.
SETS = {
    'shared_bdd100k': ('bdd100k_drivable', (0, 1), (0, 1), 'drivable_iou'),
    'shared_kitti': ('kitti_road', (1,), (0, 1, 2), 'road_iou'),
    'shared_camvid': ('camvid', (3,), (0, 1, 2), 'road_iou'),
}


@pytest.mark.parametrize('kind', SETS)
def test_one_number(shared_data: Path, tmp_path: Path, kind: str) -> None:
    folder, truth, answer, figure = SETS[kind]
    dataset = open_dataset(kind, shared_data / folder, limit=2)
    bag_from_dataset(dataset, ImageBagOptions(output=tmp_path / 'bag', jpeg=True))
    info = read_dataset_info(tmp_path / 'bag')
    assert info is not None
    topics = BagTopics(info.image_topic, info.label_topic)
    bag = BagSource(tmp_path / 'bag', topics, plain_map('bag', info.classes), by_block=False)
    with Segmenter.open(DEFAULT_MODEL, engine='onnxruntime', device='cpu', threads=1) as segmenter:
        found = [_judge(source, segmenter) for source in (DatasetSource(kind, dataset), bag)]
        samples = [dataset[i] for i in range(2)]
        masks = [segmenter.segment([sample.image])[0].class_ids for sample in samples]
    assert found[0] == found[1]
    true = np.concatenate([sample.label.ravel() for sample in samples])
    said = np.concatenate([mask.ravel() for mask in masks])[true != UNLABELLED]
    true = true[true != UNLABELLED]
    wanted = metrics.jaccard_score(np.isin(true, truth), np.isin(said, answer))
    assert found[0][figure] == pytest.approx(wanted, abs=1e-9)
    if kind == 'shared_bdd100k':
        lanes = np.minimum(said, 2)  # other_road and background are the background of BDD100K
        mean = metrics.jaccard_score(true, lanes, average='macro')
        assert found[0]['miou'] == pytest.approx(mean, abs=1e-9)


def _judge(source: FrameSource, segmenter: Segmenter) -> dict[str, float | None]:
    classes = segmenter.card.classes
    result = evaluate_source(
        source, segmenter, EvaluationSettings(), network={}, network_classes=classes
    )
    return {name: one.value for name, one in measures(result).items()}
