# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good a network is on a data set, whatever classes the two have."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.metric import rounded
from drivseg_ros.evaluation.network import RunNetwork
from drivseg_ros.evaluation.run import evaluate
from drivseg_ros.evaluation.settings import PLAIN
from drivseg_ros.frames.base import Dataset
from drivseg_ros.frames.matching import Matching
from drivseg_ros.frames.paired_files import labels_of
from drivseg_ros.frames.source import DatasetSource
from drivseg_ros.model.card import UNLABELLED
from drivseg_ros.segmenter import Segmenter


def measure(
    segmenter: Segmenter,
    dataset: Dataset,
    *,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """The metrics of a network on a data set.

    Args:
        segmenter: runs the network.
        dataset: the frames.
        on_frame: called with the frames done and the frames there are.

    Returns:
        'by_role': IoU by area (matching.py), None where the network has no such role; 'miou',
        'iou_by_class', 'pixel_accuracy' in the data set's classes, None where the network's cannot
        be matched to them; 'frames'; and the confusion matrix, 'pixels', None where nothing can be
        matched.

    Raises:
        DataError: if a frame cannot be read.
        EngineError: if the engine fails.
    """
    classes, card = dataset.classes, segmenter.card
    labels = labels_of(dataset)
    matching = Matching(classes, card.classes, () if labels is None else labels.truth)
    values: dict[str, float | None] = {}
    pixels = None
    if matching.targets:  # else there is nothing to count
        found = evaluate(
            DatasetSource(dataset.name, dataset),
            RunNetwork(segmenter, confidence=False),
            settings=PLAIN,
            on_frame=on_frame,
        )
        (part,) = found.parts
        for message in part.failures.values():
            raise DataError(message)
        values = {name: rounded(one.value) for name, one in found.metrics.items()}
        pixels = {
            'rows_are_labels': [c.name for c in classes],
            'columns_are_predictions': list(card.class_names),
            'counts': found.total.table.tolist(),
        }
    return {
        'by_role': {area.value: values.get(f'{area.value}_iou') for area in matching.areas},
        'miou': values.get('miou'),
        'iou_by_class': {c.name: values.get(f'iou/{c.name}') for c in classes},
        'pixel_accuracy': values.get('pixel_accuracy'),
        'frames': len(dataset),
        'pixels': pixels,
    }


def describe_data(dataset: Dataset) -> dict[str, Any]:
    """Which frames a data set has, what its labels are of, and the hash of all of it.

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
    labels = labels_of(dataset)
    return {
        'name': dataset.name,
        'frames': len(dataset),
        'identity': dataset.identity,
        'content_sha256': digest.hexdigest(),
        'classes': {c.name: c.role.value for c in dataset.classes},
        'share_of_labelled_pixels': {
            c.name: round(int(pixels[c.id]) / labelled, 6) for c in dataset.classes
        },
        'areas': [] if labels is None else [area.value for area in labels.truth],
    }
