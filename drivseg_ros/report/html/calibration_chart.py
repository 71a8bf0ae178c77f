# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The calibration diagram as plain geometry: how often the network is right by what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Bar:
    """A range of confidence, in percent from the left and from the bottom.

    Attributes:
        left: where it begins.
        width: how wide it is.
        height: the share that is right.
        said: the mean confidence.
        weight: its share of all pixels, 0 to 1.
    """

    left: float
    width: float
    height: float
    said: float
    weight: float


@dataclass(frozen=True)
class CalibrationChart:
    """The diagram.

    Attributes:
        summary: the same in words.
        bars: from low confidence to high.
    """

    summary: str
    bars: tuple[Bar, ...]


def calibration_chart(rows: Sequence[Mapping[str, Any]]) -> CalibrationChart | None:
    """Lays out the reliability table of an evaluation; None where there is none."""
    total = sum(int(row['pixels']) for row in rows)
    if not total:
        return None
    bars = tuple(
        Bar(
            round(100 * float(row['low']), 2),
            round(100 * (float(row['high']) - float(row['low'])), 2),
            round(100 * float(row['accuracy']), 2),
            round(100 * float(row['confidence']), 2),
            round(int(row['pixels']) / total, 4),
        )
        for row in rows
    )
    words = [f'said {bar.said:.0f} %, right {bar.height:.0f} %' for bar in bars]
    return CalibrationChart('; '.join(words), bars)
