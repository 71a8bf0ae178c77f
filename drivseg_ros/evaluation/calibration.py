# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a network is right as often as its confidence says (Guo et al., ICML 2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from drivseg_ros.errors import DataError

LEVELS = 256


@dataclass(frozen=True)
class ReliabilityRow:
    """Pixels whose confidence is in a range.

    Attributes:
        low: from this probability.
        high: up to it, left out but for 1.
        pixels: how many.
        confidence: their mean confidence, 0 to 1.
        accuracy: the share that is right.
    """

    low: float
    high: float
    pixels: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class Calibration:
    """Labelled pixels by confidence, 0 to 255 for a probability of 0 to 1.

    Args:
        pixels: int64 [256].
        right: int64 [256], those whose class is the label's.

    Raises:
        DataError: if more are right than there are.
    """

    pixels: np.ndarray
    right: np.ndarray

    def __post_init__(self) -> None:
        for plane in (self.pixels, self.right):
            if plane.shape != (LEVELS,) or plane.dtype.kind != 'i' or (plane < 0).any():
                raise DataError(f'calibration counts {LEVELS} levels as integers, none below 0')
        if (self.right > self.pixels).any():
            raise DataError('of a level of confidence, more pixels are right than there are')

    @classmethod
    def zero(cls) -> Calibration:
        """Of no image."""
        return cls(np.zeros(LEVELS, np.int64), np.zeros(LEVELS, np.int64))

    @classmethod
    def of(cls, confidence: np.ndarray, right: np.ndarray, known: np.ndarray) -> Calibration:
        """Of an image.

        Args:
            confidence: uint8 [H, W].
            right: bool [H, W].
            known: bool [H, W], the pixels with a label.
        """
        return cls(
            np.bincount(confidence[known], minlength=LEVELS).astype(np.int64),
            np.bincount(confidence[known & right], minlength=LEVELS).astype(np.int64),
        )

    def __add__(self, other: Calibration) -> Calibration:
        return Calibration(self.pixels + other.pixels, self.right + other.right)

    @property
    def ece(self) -> float:
        """The expected calibration error, each level a bin of its own; NaN without pixels.

        Level 0 included, these are 256 bins: as fine as the output, so no error hides in a bin.
        """
        total = int(self.pixels.sum())
        if not total:
            return math.nan
        claimed = self.pixels * (np.arange(LEVELS) / (LEVELS - 1))
        return float(np.abs(self.right - claimed).sum() / total)

    def table(self, rows: int = 10) -> tuple[ReliabilityRow, ...]:
        """The reliability table; ranges without pixels are left out."""
        levels = np.arange(LEVELS) / (LEVELS - 1)
        bins = np.minimum((levels * rows).astype(int), rows - 1)
        found = []
        for i in range(rows):
            pixels, right = self.pixels[bins == i], self.right[bins == i]
            count = int(pixels.sum())
            if count:
                mean = float(pixels @ levels[bins == i] / count)
                share = float(right.sum() / count)
                found.append(ReliabilityRow(i / rows, (i + 1) / rows, count, mean, share))
        return tuple(found)
