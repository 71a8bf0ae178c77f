# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics of networks and data sets, with equal and with other classes, by sets of pixels."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tiny_model import write_tiny_model

from drivseg_ros.errors import DataError
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.registry import open_dataset
from drivseg_ros.lab.comparing.accuracy import describe_data, measure
from drivseg_ros.model.card import UNLABELLED, ModelClass
from drivseg_ros.segmenter import Segmenter

COLORS = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255)], np.uint8)


def write_frames(root: Path, classes: Any) -> tuple[Dataset, list[np.ndarray], list[np.ndarray]]:
    """Three frames of coloured blocks; what the tiny model says of them, and noisy labels."""
    rng = np.random.default_rng(4)
    predictions, labels = [], []
    for folder in ('images', 'labels'):
        (root / folder).mkdir(parents=True)
    for index in range(3):
        blocks = rng.integers(0, 3, (6, 8)).astype(np.uint8)
        prediction = np.kron(blocks, np.ones((8, 8), np.uint8))
        label = np.where(rng.random(prediction.shape) < 0.3, (prediction + 1) % 3, prediction)
        label[rng.random(label.shape) < 0.1] = UNLABELLED
        image = COLORS[prediction]
        cv2.imwrite(str(root / 'images' / f'{index}.png'), image[..., ::-1])
        cv2.imwrite(str(root / 'labels' / f'{index}.png'), label.astype(np.uint8))
        predictions.append(prediction)
        labels.append(label.astype(np.uint8))
    return open_dataset('folder', root, classes=classes), predictions, labels


def iou(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / (first | second).sum())


def joined(planes: list[np.ndarray], labels: list[np.ndarray]) -> np.ndarray:
    known = np.concatenate([one.ravel() for one in labels]) != UNLABELLED
    return np.concatenate([one.ravel() for one in planes])[known]


def measured(model: Path, dataset: Dataset) -> dict[str, Any]:
    seen = []
    with Segmenter.open(model, engine='onnxruntime', device='cpu', threads=1) as segmenter:
        found = measure(segmenter, dataset, on_frame=lambda done, total: seen.append((done, total)))
    assert seen == ([(1, 3), (2, 3), (3, 3)] if found['pixels'] else [])
    return found


def test_equal_classes(tiny_model: Path, tmp_path: Path) -> None:
    dataset, predictions, labels = write_frames(tmp_path / 'd', 'bdd100k')
    found = measured(tiny_model, dataset)
    said, true = joined(predictions, labels), joined(labels, labels)
    wanted = [iou(said == i, true == i) for i in range(3)]
    assert list(found['iou_by_class']) == ['direct', 'alternative', 'background']
    np.testing.assert_allclose(list(found['iou_by_class'].values()), wanted, atol=1e-6)
    assert found['miou'] == pytest.approx(np.mean(wanted), abs=1e-6)
    assert found['pixel_accuracy'] == pytest.approx((said == true).mean(), abs=1e-6)
    assert found['by_role'] == {'drivable': pytest.approx(iou(said < 2, true < 2), abs=1e-6)}
    assert found['frames'] == 3
    assert np.sum(found['pixels']['counts']) == true.size


def test_other_classes_are_compared_by_role(tmp_path: Path) -> None:
    # The network's classes: background, road, drivable; the labels': road, sky, tree.
    network = (
        ModelClass(0, 'background', (0, 0, 0)),
        ModelClass(1, 'oncoming', (1, 0, 0), 'road'),
        ModelClass(2, 'drivable', (2, 0, 0), 'drivable'),
    )
    model = write_tiny_model(tmp_path / 'm.onnx', classes=network)
    truth = [{'name': 'road', 'role': 'drivable'}, 'sky', 'tree']
    dataset, predictions, labels = write_frames(tmp_path / 'd', truth)
    found = measured(model, dataset)
    said, true = joined(predictions, labels), joined(labels, labels)
    assert found['by_role'] == {'road': pytest.approx(iou(said > 0, true == 0), abs=1e-6)}
    assert found['miou'] is found['pixel_accuracy'] is None
    assert found['iou_by_class'] == {'road': None, 'sky': None, 'tree': None}


def test_a_network_without_the_role_has_no_metric(tmp_path: Path) -> None:
    network = tuple(ModelClass(i, name, (0, 0, 0)) for i, name in enumerate('abc'))
    model = write_tiny_model(tmp_path / 'm.onnx', classes=network)
    dataset, _, _ = write_frames(tmp_path / 'd', 'bdd100k')
    found = measured(model, dataset)
    assert (found['by_role'], found['miou'], found['pixels']) == ({'drivable': None}, None, None)


def test_the_data_are_described_by_all_their_pixels(tmp_path: Path) -> None:
    dataset, _, labels = write_frames(tmp_path / 'd', 'bdd100k')
    told = describe_data(dataset)
    true = joined(labels, labels)
    digest = hashlib.sha256()
    for index in range(3):
        for plane in (dataset[index].image, dataset[index].label):
            digest.update(str(plane.shape).encode() + plane.tobytes())
    assert told['content_sha256'] == digest.hexdigest()
    assert told['identity'] == dataset.identity
    assert told['share_of_labelled_pixels']['direct'] == pytest.approx((true == 0).mean(), abs=1e-6)
    assert (told['frames'], told['areas']) == (3, ['drivable'])


def test_data_that_cannot_be_measured_on_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    dataset, _, _ = write_frames(tmp_path / 'd', 'bdd100k')
    for path in (tmp_path / 'd' / 'labels').iterdir():
        cv2.imwrite(str(path), np.full((48, 64), UNLABELLED, np.uint8))
    with pytest.raises(DataError, match=r'no pixel of .* is labelled'):
        describe_data(dataset)
    (tmp_path / 'd' / 'images' / '1.png').write_bytes(b'torn')
    with pytest.raises(DataError, match=r'1\.png'):
        describe_data(dataset)
    with pytest.raises(DataError, match=r'1\.png'):
        measured(tiny_model, dataset)
