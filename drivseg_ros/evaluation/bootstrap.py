# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far a figure might lie elsewhere on other drives: the bootstrap (Efron 1979).

Groups of frames are drawn with replacement, their counts added, and the figures read off as they
are for the whole set; 95 % of the figures found lie in the interval. Frames of one drive are alike,
so drives are drawn, and not frames, where they are known: frames would make it too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from drivseg_ros.errors import ParameterError
from drivseg_ros.evaluation.sums import Sums, figures
from drivseg_ros.frames.matching import Matching

MIN_GROUPS = 5
"""With fewer groups an interval would say more than is known."""

_AT_ONCE = 100


@dataclass(frozen=True)
class BootstrapSettings:
    """How it is drawn.

    Args:
        draws: how often; 0 gives no intervals.
        seed: another one gives other draws.
        level: the share of the draws that the interval holds.

    Raises:
        ParameterError: if a value is not allowed.
    """

    draws: int = 1000
    seed: int = 0
    level: float = 0.95

    def __post_init__(self) -> None:
        if self.draws and not 100 <= self.draws <= 100_000:
            raise ParameterError(
                f'{self.draws} draws were asked for; 100 to 100000 are allowed, or 0 for none'
            )
        if not 0.5 <= self.level < 1:
            raise ParameterError(f'the level is {self.level}; 0.5 to below 1 is allowed')
        if self.seed < 0:
            raise ParameterError(f'the seed is {self.seed}; 0 or more is allowed')


def draw(
    groups: Mapping[str, Sums], matching: Matching, settings: BootstrapSettings
) -> dict[str, np.ndarray]:
    """The figures of every draw.

    The draws depend on the groups' names and the seed alone, not on the order of the groups: two
    evaluations of the same frames draw the same groups, so that differences can be taken draw by
    draw.

    Args:
        groups: the counts of each group by its name.
        matching: their classes.
        settings: how many, and the seed.

    Returns:
        float64 [draws] by figure; nothing if there are too few groups.
    """
    if settings.draws == 0 or len(groups) < MIN_GROUPS:
        return {}
    vectors = np.stack([groups[name].vector for name in sorted(groups)]).astype(np.float64)
    # Columns that are 0 everywhere, such as pairs of classes that never meet, need no product.
    used = vectors.any(0)
    found: list[dict[str, np.ndarray]] = []
    for weights in _weights(len(vectors), settings):
        drawn = np.zeros((len(weights), vectors.shape[1]))
        drawn[:, used] = weights @ vectors[:, used]
        found.append(figures(Sums.from_vector(drawn, matching), matching))
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def interval(values: np.ndarray, level: float) -> tuple[float, float] | None:
    """The middle of the draws' figures; None if a figure is not defined in most of them."""
    known = values[~np.isnan(values)]
    if 2 * known.size <= values.size:
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _weights(groups: int, settings: BootstrapSettings) -> Iterator[np.ndarray]:
    """How often each group is drawn: float64 [draws, groups], a part of the draws at a time."""
    random = np.random.default_rng(settings.seed)
    for start in range(0, settings.draws, _AT_ONCE):
        count = min(_AT_ONCE, settings.draws - start)
        yield random.multinomial(groups, np.full(groups, 1 / groups), size=count).astype(float)
