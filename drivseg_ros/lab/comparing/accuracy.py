# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good a network is on a data set, whatever classes the two have."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.cross_table import count_pairs
from drivseg_ros.evaluation.measured import Measured, Terms
from drivseg_ros.evaluation.metric import metrics_of, number, rounded
from drivseg_ros.evaluation.settings import EvaluationSettings
from drivseg_ros.evaluation.sums import Sums
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.matching import Matching, areas_of
from drivseg_ros.model.card import UNLABELLED, ModelCard
from drivseg_ros.segmenter import Segmenter


def evaluate(
    segmenter: Segmenter,
    dataset: Dataset,
    *,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """The metrics of a network on a data set, from one table over all its frames.

    Args:
        segmenter: runs the network.
        dataset: the frames.
        on_frame: called with the frames done and the frames there are.

    Returns:
        Plain data; see `describe`.

    Raises:
        DrivsegError: if the engine fails, or a frame cannot be read.
    """
    classes = dataset.classes
    table = np.zeros((len(classes), segmenter.card.num_classes), np.int64)
    for index in range(len(dataset)):
        image, label = dataset[index].pair()
        (found,) = segmenter.segment([image])
        table += count_pairs(label, found.class_ids, truth=table.shape[0], network=table.shape[1])[
            0
        ]
        on_frame(index + 1, len(dataset))
    return describe(table, dataset, segmenter.card)


def describe(table: np.ndarray, dataset: Dataset, card: ModelCard) -> dict[str, Any]:
    """The metrics of a table; one that is not defined is None.

    Args:
        table: int64 [classes of the data set, classes of the network].
        dataset: whose frames were counted.
        card: of the network.

    Returns:
        'by_role': IoU by area (truth.py), None where the network has no such role;
        'miou', 'iou_by_class', 'pixel_accuracy' in the data set's classes, None where the
        network's cannot be matched to them; and the table itself.
    """
    classes = dataset.classes
    matching = Matching(classes, card.classes, areas_of(classes))
    measured = Measured(dataclasses.replace(Sums.zero(matching), table=table), matching)
    found = {
        one.name: rounded(number(one.compute(measured)))
        for one in metrics_of(Terms(matching, EvaluationSettings()))
        if one.of_counts
    }

    return {
        'by_role': {f.value: found.get(f'{f.value}_iou') for f in matching.areas},
        'miou': found.get('miou'),
        'iou_by_class': {c.name: found.get(f'iou/{c.name}') for c in classes},
        'pixel_accuracy': found.get('pixel_accuracy'),
        'frames': len(dataset),
        'pixels': {
            'rows_are_labels': [c.name for c in classes],
            'columns_are_predictions': list(card.class_names),
            'counts': table.tolist(),
        },
    }


def describe_data(dataset: Dataset) -> dict[str, Any]:
    """Which frames a data set has, what its labels say, and the hash of all of it.

    Every frame is read, so what is broken is found before anything is trained.

    Raises:
        DataError: if a frame cannot be read, or no pixel of the set is labelled.
    """
    digest = hashlib.sha256()
    pixels = np.zeros(256, np.int64)
    for index in range(len(dataset)):
        image, label = dataset[index].pair()
        for plane in (image, label):
            digest.update(str(plane.shape).encode())
            digest.update(plane.tobytes())
        pixels += np.bincount(label.ravel(), minlength=256)
    labelled = int(pixels[:UNLABELLED].sum())
    if not labelled:
        raise DataError(f'no pixel of {dataset.name} is labelled; there is nothing to measure on')
    return {
        'name': dataset.name,
        'frames': len(dataset),
        'identity': dataset.identity,
        'content_sha256': digest.hexdigest(),
        'classes': {c.name: c.role.value for c in dataset.classes},
        'share_of_labelled_pixels': {
            c.name: round(int(pixels[c.id]) / labelled, 6) for c in dataset.classes
        },
        'areas': [area.value for area in areas_of(dataset.classes)],
    }
