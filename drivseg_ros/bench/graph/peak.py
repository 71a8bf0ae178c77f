# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The highest rate that something holds, by bisection."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from drivseg_ros.errors import ParameterError

HOLDS = 'holds'
"""The verdict of a probe on a rate that is held; any other one names what did not hold it."""


@dataclass(frozen=True)
class Peak:
    """The result of a search.

    Attributes:
        rate_hz: the highest rate that was held; 0 if not even the lowest one was.
        limited_by: what did not hold the next higher rate that was tried, or 'highest rate' if
            there was none to try.
        probes: rate and verdict of every probe, in order.
    """

    rate_hz: float
    limited_by: str
    probes: tuple[tuple[float, str], ...]


def find_peak(
    probe: Callable[[float], str], *, lowest_hz: float, highest_hz: float, accuracy: float = 0.05
) -> Peak:
    """Looks for the highest rate that is held.

    Args:
        probe: tries a rate in Hz and returns HOLDS, or what did not hold it.
        lowest_hz: where to look.
        highest_hz: likewise.
        accuracy: how much higher than the result, as a share of it, a rate that fails may be.

    Raises:
        ParameterError: if the limits are not in order.
    """
    if not 0 < lowest_hz < highest_hz < math.inf or not accuracy > 0:
        raise ParameterError(
            f'a peak between {lowest_hz:g} and {highest_hz:g} Hz was to be found, to '
            f'{accuracy:.0%}; the lowest rate must be above 0 and below the highest'
        )
    verdicts: dict[float, str] = {}

    def holds(rate_hz: float) -> bool:
        if rate_hz not in verdicts:
            verdicts[rate_hz] = probe(rate_hz)
        return verdicts[rate_hz] == HOLDS

    low, high = lowest_hz, highest_hz
    while high > low * (1 + accuracy):
        # The geometric mean: a share of the rate is looked for, not a number of Hz.
        middle = float(f'{math.sqrt(low * high):.4g}')
        if not low < middle < high:
            break
        if holds(middle):
            low = middle
        else:
            high = middle
    # The limits themselves are tried only if the search ran up to them.
    if high == highest_hz and holds(high):
        low = high
    elif low == lowest_hz and not holds(low):
        low, high = 0.0, lowest_hz
    return Peak(
        rate_hz=low,
        limited_by='highest rate' if low == highest_hz else verdicts[high],
        probes=tuple(verdicts.items()),
    )
