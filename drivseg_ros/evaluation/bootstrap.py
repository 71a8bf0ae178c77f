# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How far a metric might differ on other drives: the bootstrap (Efron 1979).

Groups of frames are drawn with replacement, their counts added, and the metrics computed as they
are for the whole set; the interval holds 95 % of the values found. Frames of one drive are alike,
so drives are drawn, and not frames, where they are known: frames would make it too narrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from drivseg_ros.evaluation.measured import Measured
from drivseg_ros.evaluation.metric import Metric
from drivseg_ros.evaluation.settings import BootstrapSettings
from drivseg_ros.evaluation.sums import Sums
from drivseg_ros.frames.matching import Matching

MIN_GROUPS = 5
"""With fewer groups an interval would say more than is known."""

_AT_ONCE = 100


def draw(
    groups: Mapping[str, Sums],
    matching: Matching,
    metrics: Sequence[Metric],
    settings: BootstrapSettings,
) -> dict[str, np.ndarray]:
    """The metrics of every draw.

    The draws depend on the groups' names and the seed alone, not on the order of the groups: two
    evaluations of the same frames draw the same groups, so that differences can be taken draw by
    draw.

    Args:
        groups: the counts of each group by its name.
        matching: their classes.
        metrics: those that are computed of counts.
        settings: how many, and the seed.

    Returns:
        float64 [draws] by metric; nothing if there are too few groups.
    """
    if settings.draws == 0 or len(groups) < MIN_GROUPS:
        return {}
    vectors = np.stack([groups[name].vector for name in sorted(groups)]).astype(np.float64)
    # Columns that are 0 everywhere, such as pairs of classes that never meet, need no product.
    used = vectors.any(0)
    found: dict[str, list[np.ndarray]] = {one.name: [] for one in metrics}
    for weights in _weights(len(vectors), settings):
        drawn = np.zeros((len(weights), vectors.shape[1]))
        drawn[:, used] = weights @ vectors[:, used]
        measured = Measured(Sums.from_vector(drawn, matching), matching)
        for one in metrics:
            found[one.name].append(one.compute(measured))
    return {name: np.concatenate(values) for name, values in found.items()}


def interval(values: np.ndarray, level: float) -> tuple[float, float] | None:
    """The middle of the draws' values; None if a metric is not defined in most of them."""
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
