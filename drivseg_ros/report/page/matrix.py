# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The confusion matrix of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivseg_ros.frames.matching import Matching
from drivseg_ros.report.page.difference import Difference, difference_ids
from drivseg_ros.report.page.numbers import count, percent


@dataclass(frozen=True)
class Cell:
    """Pixels of a class in the labels that the network gives to a class of its own.

    Attributes:
        share: of the pixels of its row, 0 to 1.
        percent: the same as text.
        pixels: how many, as text.
        right: whether that is right, as far as the labels show.
    """

    share: float
    percent: str
    pixels: str
    right: bool


@dataclass(frozen=True)
class Matrix:
    """The confusion matrix; rows are labels.

    Attributes:
        columns: the network's classes.
        rows: a class of the labels with its cells.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def matrix(content: Mapping[str, Any], matching: Matching) -> Matrix | None:
    """The matrix of an evaluation, each row as shares of its pixels; None where all is empty."""
    table = content['confusion_matrix']
    names, pixels = table['columns_are_predictions'], table['pixels']
    if not any(int(number) for row in pixels for number in row):
        return None
    labels, masks = np.indices((len(pixels), len(names)), np.uint8)
    right = difference_ids(labels, masks, matching) == Difference.RIGHT
    rows = []
    for label, numbers, known in zip(table['rows_are_labels'], pixels, right, strict=True):
        whole = sum(int(number) for number in numbers)
        cells = []
        for number, good in zip(numbers, known, strict=True):
            share = int(number) / whole if whole else 0.0
            text = percent(share if whole else None, 1)
            cells.append(Cell(round(share, 3), text, count(number), bool(good)))
        rows.append((str(label), tuple(cells)))
    return Matrix(tuple(str(name) for name in names), tuple(rows))
