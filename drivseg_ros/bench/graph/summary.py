# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Several runs as one: each metric's mean without its best and its worst value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drivseg_ros.base.json_data import to_plain
from drivseg_ros.bench.graph.trial import GraphLedger


def trimmed_mean(values: Sequence[float]) -> float:
    """The mean without the smallest and the largest value; of one or two values, the mean.

    Raises:
        ValueError: if there is none.
    """
    if not values:
        raise ValueError('no value is given; at least 1 is needed')
    kept = sorted(values)[1:-1] if len(values) > 2 else values
    return sum(kept) / len(kept)


def summarize(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Runs at one rate.

    Args:
        runs: each with rate_hz, verdict, ledger and metrics.

    Returns:
        rate_hz; held, in how many runs the rate was; ledger, the sum over all runs; and by metric
        the trimmed mean over the runs that have it, None if none has it.
    """
    names = runs[0]['metrics']
    return {
        'rate_hz': runs[0]['rate_hz'],
        'held': sum(run['verdict'] == 'holds' for run in runs),
        'ledger': to_plain(GraphLedger.total([GraphLedger(**run['ledger']) for run in runs])),
        'metrics': {
            name: round(trimmed_mean(values), 4)
            if (values := [v for run in runs if (v := run['metrics'][name]) is not None])
            else None
            for name in names
        },
    }
