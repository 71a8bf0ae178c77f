# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The counts that every figure is a ratio of, and the figures read off them.

Counts of frames are added before a ratio is taken, so a figure is of the whole set: a mean of
frames would depend on how the set is cut (DESIGN.md, contract 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivseg_ros.frames.matching import Matching

MIOU, PIXEL_ACCURACY, BOUNDARY_IOU = 'miou', 'pixel_accuracy', 'boundary_iou'
FLICKER, CHANGE, ECE = 'flicker', 'change', 'ece'
LOWER_IS_BETTER = (FLICKER, CHANGE, ECE)
"""Figures that are better when they are smaller."""


@dataclass(frozen=True, eq=False)
class Sums:
    """Counts of a frame or of many; a leading axis of all four stands for several sums.

    Args:
        table: int64 [..., T, N], pixels by class of the label and of the network.
        boundary: int64 [..., Q, 2], by target the pixels in both boundaries and in either.
        flicker: int64 [..., 2], pixels that changed class without a change of the label, and
            pixels without one.
        change: int64 [..., 2], pixels that changed class, and pixels that could.
    """

    table: np.ndarray
    boundary: np.ndarray
    flicker: np.ndarray
    change: np.ndarray

    @classmethod
    def zero(cls, matching: Matching) -> Sums:
        """Of no frame."""
        return cls.from_vector(np.zeros(cls._length(matching), np.int64), matching)

    @staticmethod
    def _length(matching: Matching) -> int:
        cells = len(matching.truth) * len(matching.network)
        return cells + 2 * len(matching.targets) + 4

    @property
    def vector(self) -> np.ndarray:
        """int64 [..., K]: all of it in one row."""
        lead = self.flicker.shape[:-1]
        parts = (self.table, self.boundary, self.flicker, self.change)
        return np.concatenate([part.reshape(*lead, -1) for part in parts], axis=-1)

    @classmethod
    def from_vector(cls, vector: np.ndarray, matching: Matching) -> Sums:
        """What `vector` gave."""
        lead, truth, network = vector.shape[:-1], len(matching.truth), len(matching.network)
        cells, targets = truth * network, len(matching.targets)
        return cls(
            vector[..., :cells].reshape(*lead, truth, network),
            vector[..., cells : cells + 2 * targets].reshape(*lead, targets, 2),
            vector[..., -4:-2],
            vector[..., -2:],
        )


def add(sums: Sequence[Sums], matching: Matching) -> Sums:
    """Of all of these frames together."""
    total = Sums.zero(matching).vector
    for one in sums:
        total += one.vector
    return Sums.from_vector(total, matching)


def figures(sums: Sums, matching: Matching) -> dict[str, np.ndarray]:
    """Every figure by its name, float64 [...], NaN where it is not defined.

    IoU, precision and recall of a target are of the pixels that label and mask give to it; the
    mIoU is the mean over the classes of the labels that label or mask have.
    """
    table = sums.table.astype(np.float64)
    found: dict[str, np.ndarray] = {}
    by_class: list[np.ndarray] = []
    rims: list[np.ndarray] = []
    right = np.zeros(table.shape[:-2])
    for i, target in enumerate(matching.targets):
        rows = table[..., list(target.truth), :]
        hits = rows[..., list(target.network)].sum((-1, -2))
        there, said = rows.sum((-1, -2)), table[..., list(target.network)].sum((-1, -2))
        iou = _ratio(hits, there + said - hits)
        rim = _ratio(sums.boundary[..., i, 0], sums.boundary[..., i, 1])
        found |= {
            target.metric('iou'): iou,
            target.metric('precision'): _ratio(hits, said),
            target.metric('recall'): _ratio(hits, there),
            target.metric('boundary_iou'): rim,
        }
        if not target.by_role:
            by_class.append(iou)
            rims.append(rim)
            right = right + hits
    if by_class:
        whole = {
            MIOU: _mean(by_class),
            PIXEL_ACCURACY: _ratio(right, table.sum((-1, -2))),
            BOUNDARY_IOU: _mean(rims),
        }
        found = whole | found
    for name, pair in ((FLICKER, sums.flicker), (CHANGE, sums.change)):
        found[name] = _ratio(pair[..., 0], pair[..., 1])
    return found


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)


def _mean(values: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of those that are defined."""
    stack = np.stack(values)
    known = ~np.isnan(stack)
    return _ratio(np.where(known, stack, 0).sum(0), known.sum(0))
