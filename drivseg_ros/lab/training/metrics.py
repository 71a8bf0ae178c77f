# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics of a set of frames whose labels may say only a part.

Every pixel's label allows some classes. For a group of classes (one class, the drivable ones, the
road) a pixel counts as positive if all it allows is in the group, as negative if nothing is, and
not at all otherwise. Where every label allows one class, these are the ordinary metrics of
`drivseg evaluate`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from drivseg_ros.frames.label_sets import LabelSets
from drivseg_ros.model.card import DRIVABLE_ROLES, ROAD_ROLES, ModelClass


class PartialMetrics:
    """Reads metrics off the counts of a whole set.

    Args:
        counts: Pixels by code of the label (rows) and predicted class (columns), int64
            [num_codes, num_classes].
        sets: What the codes mean.

    Raises:
        ValueError: If the counts have another shape.
    """

    def __init__(self, counts: np.ndarray, sets: LabelSets) -> None:
        wanted = (sets.num_codes, sets.num_classes)
        if counts.shape != wanted:
            raise ValueError(f'counts have the shape {counts.shape}; {wanted} is needed')
        self.counts = counts.astype(np.int64)
        self._allowed = sets.table()

    def iou_of(self, ids: Sequence[int]) -> float:
        """The IoU of several classes taken as one; NaN where it says nothing.

        That is where neither label nor prediction has any of them, and where some labels may be of
        the group, and none surely is, or none surely is not: what is left of the ratio then is no
        IoU.
        """
        inside = np.zeros(self._allowed.shape[1], bool)
        inside[list(ids)] = True
        positive = ~(self._allowed & ~inside).any(axis=1)
        negative = ~(self._allowed & inside).any(axis=1)
        hits = self.counts[np.ix_(positive, inside)].sum()
        misses = self.counts[np.ix_(positive, ~inside)].sum()
        false = self.counts[np.ix_(negative, inside)].sum()
        doubtful = self.counts[~positive & ~negative].any()
        one_sided = not hits + misses or not self.counts[negative].any()
        if (doubtful and one_sided) or not hits + misses + false:
            return float('nan')
        return float(hits / (hits + misses + false))

    @property
    def iou_by_class(self) -> np.ndarray:
        """The IoU of each class, float64 [num_classes]."""
        return np.array([self.iou_of([c]) for c in range(self._allowed.shape[1])])

    @property
    def miou(self) -> float:
        """Mean of the IoUs that say something; NaN if none does."""
        known = self.iou_by_class[~np.isnan(self.iou_by_class)]
        return float(known.mean()) if known.size else float('nan')

    @property
    def pixel_accuracy(self) -> float:
        """The share of labelled pixels whose class the label allows; NaN if there are none."""
        total = self.counts.sum()
        return float(self.counts[self._allowed].sum() / total) if total else float('nan')

    def by_name(self, classes: Sequence[ModelClass]) -> dict[str, float]:
        """All metrics that the classes give reason to, by name."""
        metrics = {'miou': self.miou, 'pixel_accuracy': self.pixel_accuracy}
        drivable = [c.id for c in classes if c.role in DRIVABLE_ROLES]
        road = [c.id for c in classes if c.role in ROAD_ROLES]
        if drivable:
            metrics['drivable_iou'] = self.iou_of(drivable)
        if road != drivable:
            metrics['road_iou'] = self.iou_of(road)
        iou = self.iou_by_class
        return metrics | {f'iou_{c.name}': float(iou[c.id]) for c in classes}
