# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""One confusion matrix for a whole data set, and the figures read off it.

IoU is defined over the whole set (Everingham et al., "The Pascal VOC challenge", 2010; the
Cityscapes tools do the same): all pixels go into one matrix, and the ratios are taken once. A
mean over images or batches is another quantity and depends on how the set is cut.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivseg_ros.model.card import UNLABELLED


class ConfusionMatrix:
    """Counts pixels by label (rows) and prediction (columns).

    Args:
        num_classes: the number of classes; ids are 0 to num_classes - 1.

    Raises:
        ValueError: if num_classes is not from 1 to 255.
    """

    def __init__(self, num_classes: int) -> None:
        if not 1 <= num_classes <= UNLABELLED:
            raise ValueError(f'num_classes is {num_classes}; 1 to {UNLABELLED} are allowed')
        self.num_classes = num_classes
        self.counts = np.zeros((num_classes, num_classes), np.int64)

    def update(self, *, label: np.ndarray, prediction: np.ndarray) -> None:
        """Adds an image.

        Args:
            label: uint8 [H, W]; UNLABELLED pixels are not counted.
            prediction: uint8 [H, W].

        Raises:
            ValueError: if the shapes differ, or an id is neither a class nor, in the label,
                UNLABELLED.
        """
        if label.shape != prediction.shape:
            raise ValueError(
                f'the label is {label.shape}, the prediction {prediction.shape}; '
                'they must have the same height and width'
            )
        # 256 x label + prediction is unique for uint8, and one bincount does the rest.
        codes = label.astype(np.uint16) * 256 + prediction
        counts = np.bincount(codes.ravel(), minlength=256 * 256).reshape(256, 256)
        n = self.num_classes
        strays = counts[:UNLABELLED].copy()
        strays[:n, :n] = 0
        if strays.any():
            rows, columns = strays.nonzero()
            raise ValueError(
                f'ids beyond 0 to {n - 1}: labels {sorted(set(rows.tolist()))} met predictions '
                f'{sorted(set(columns.tolist()))}; map them to the {n} classes first '
                f'({UNLABELLED} in the label means unlabelled)'
            )
        self.counts += counts[:n, :n]

    def merge(self, other: ConfusionMatrix) -> None:
        """Adds the counts of another matrix.

        Raises:
            ValueError: if it has another number of classes.
        """
        if other.num_classes != self.num_classes:
            raise ValueError(
                f'a matrix of {other.num_classes} classes cannot be added to one of '
                f'{self.num_classes}'
            )
        self.counts += other.counts

    @property
    def iou_by_class(self) -> np.ndarray:
        """float64 [num_classes]; NaN for a class that neither label nor prediction has."""
        hits = self.counts.diagonal()
        union = self.counts.sum(0) + self.counts.sum(1) - hits
        return np.where(union > 0, hits / np.maximum(union, 1), np.nan)

    @property
    def miou(self) -> float:
        """The mean IoU over the classes that occur; NaN if none does."""
        return mean_iou(self.iou_by_class)

    @property
    def pixel_accuracy(self) -> float:
        """The share of labelled pixels that are right; NaN if there are none."""
        total = self.counts.sum()
        return float(self.counts.trace() / total) if total else float('nan')

    def iou_of(self, ids: Sequence[int]) -> float:
        """The IoU of several classes taken as one, such as a card's drivable_ids.

        NaN if neither label nor prediction has any of them.
        """
        inside = np.zeros(self.num_classes, bool)
        inside[list(ids)] = True
        hits = self.counts[np.ix_(inside, inside)].sum()
        union = self.counts.sum() - self.counts[np.ix_(~inside, ~inside)].sum()
        return float(hits / union) if union else float('nan')


def mean_iou(iou: np.ndarray) -> float:
    """The mean of the IoUs that are defined; NaN if none is."""
    return float(np.nanmean(iou)) if not np.isnan(iou).all() else float('nan')
