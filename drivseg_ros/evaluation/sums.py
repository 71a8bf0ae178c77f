# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The pixel counts that metrics are computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivseg_ros.frames.matching import Matching


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
