# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good a network is on a data set, whatever classes the two have."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from drivseg_ros.comparison.truth import answers, figures_of
from drivseg_ros.datasets.base import Dataset
from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.confusion_matrix import ConfusionMatrix
from drivseg_ros.model_card import UNLABELLED, ModelCard
from drivseg_ros.segmenter import Segmenter


class CrossTable:
    """Counts pixels by class of a data set (rows) and class of a network (columns).

    Args:
        truth: the data set's number of classes.
        network: the network's.
    """

    def __init__(self, truth: int, network: int) -> None:
        # One square matrix in which the network's classes come behind the truth's.
        self._both = ConfusionMatrix(truth + network)
        self._truth = truth

    def update(self, *, label: np.ndarray, prediction: np.ndarray) -> None:
        """Adds an image: uint8 [H, W] each, UNLABELLED pixels of the label not counted."""
        self._both.update(label=label, prediction=prediction + np.uint8(self._truth))

    @property
    def counts(self) -> np.ndarray:
        """int64 [truth, network]."""
        return self._both.counts[: self._truth, self._truth :]

    def grouped(self, rows: np.ndarray, columns: np.ndarray, groups: int) -> ConfusionMatrix:
        """The matrix of groups of classes.

        Args:
            rows: the group of each class of the truth; columns likewise of the network's.
            columns: see there.
            groups: how many there are.
        """
        matrix = ConfusionMatrix(groups)
        np.add.at(matrix.counts, (rows[:, None], columns[None, :]), self.counts)
        return matrix


def evaluate(
    segmenter: Segmenter,
    dataset: Dataset,
    *,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """The figures of a network on a data set, from one table over all its frames.

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
    table = CrossTable(len(classes), segmenter.card.num_classes)
    for index in range(len(dataset)):
        sample = dataset[index]
        (found,) = segmenter.segment([sample.image])
        table.update(label=sample.label, prediction=found.class_ids)
        on_frame(index + 1, len(dataset))
    return describe(table, dataset, segmenter.card)


def describe(table: CrossTable, dataset: Dataset, card: ModelCard) -> dict[str, Any]:
    """The figures of a table; one that is not defined is None.

    Returns:
        'by_role': IoU by figure (truth.py), None where the network has no such role;
        'miou', 'iou_by_class', 'pixel_accuracy' in the data set's classes, None where the
        network's cannot be matched to them; and the table itself.
    """
    classes = dataset.classes
    by_role = {}
    for figure in figures_of(classes):
        inside = figure.ids(card.classes)
        rows = np.isin(np.arange(len(classes)), figure.ids(classes)).astype(np.int64)
        columns = np.isin(np.arange(card.num_classes), inside).astype(np.int64)
        matrix = table.grouped(rows, columns, 2)
        by_role[figure.value] = _number(matrix.iou_of([1])) if inside else None
    matched = answers(classes, card.classes)
    found: dict[str, Any] = {
        'by_role': by_role,
        'miou': None,
        'iou_by_class': {c.name: None for c in classes},
        'pixel_accuracy': None,
    }
    if matched is not None:
        columns = np.array(matched)
        matrix = table.grouped(np.arange(len(classes)), columns, len(classes))
        found['miou'] = _number(matrix.miou)
        found['iou_by_class'] = {
            c.name: _number(iou) for c, iou in zip(classes, matrix.iou_by_class, strict=True)
        }
        found['pixel_accuracy'] = _number(matrix.pixel_accuracy)
    return found | {
        'frames': len(dataset),
        'pixels': {
            'rows_are_labels': [c.name for c in classes],
            'columns_are_predictions': list(card.class_names),
            'counts': table.counts.tolist(),
        },
    }


def describe_data(dataset: Dataset) -> dict[str, Any]:
    """Which frames a data set has, what its labels tell, and the hash of all of it.

    Every frame is read, so what is broken is found before anything is trained.

    Raises:
        DataError: if a frame cannot be read, or no pixel of the set is labelled.
    """
    digest = hashlib.sha256()
    pixels = np.zeros(256, np.int64)
    for index in range(len(dataset)):
        sample = dataset[index]
        for plane in (sample.image, sample.label):
            digest.update(str(plane.shape).encode())
            digest.update(plane.tobytes())
        pixels += np.bincount(sample.label.ravel(), minlength=256)
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
        'figures_by_role': [figure.value for figure in figures_of(dataset.classes)],
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 6)
