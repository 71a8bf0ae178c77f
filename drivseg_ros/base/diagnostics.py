# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The values that the node reports on /diagnostics: their keys, how they are written and read back.

Both ends use this table. Messages of rclpy and of bags are taken alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from drivseg_ros.base.frame_ledger import FrameCounts
from drivseg_ros.base.latency import LatencySummary

DIAGNOSTICS_TOPIC = '/diagnostics'
"""The one absolute name: aggregators listen there and nowhere else."""

STAGES = ('wait', 'decode', 'infer', 'publish', 'total')
"""Where a frame's time goes: in the slot, to RGB, in the Segmenter, out; and all of it."""

NONE = 'none'
"""The value of what does not exist yet."""


class Key:
    """The keys of the engine's status, and those of a camera's that have no function here."""

    STATE = 'node state'
    ENABLED = 'enabled'
    BUILD = 'engine build'
    MEMORY = 'memory (MB)'
    GPU_MEMORY = 'GPU memory in use, all processes (MB)'
    MODEL_PARAMETER = 'model parameter'
    MODEL = 'model'
    FILE = 'model file'
    SHA256 = 'model sha256'
    CLASSES = 'classes'
    CONFIDENCE = 'confidence'
    ENGINE = 'engine'
    CHOICE = 'engine choice'
    DEVICE = 'device'
    PRECISION = 'precision'
    THREADS = 'threads'
    DDS_PROFILE = 'DDS profile'

    RATE_IN = 'rate in (Hz)'
    RATE_OUT = 'rate out (Hz)'
    AGE = 'age of newest output (s)'
    # By these names greenwave_monitor's dashboard knows them.
    RATE_STAMPS = 'frame_rate_msg'
    RATE_NODE = 'frame_rate_node'
    DELAY = 'current_delay_from_realtime_ms'
    LOST = 'frames lost before arrival'
    MISSING = 'frames missing in the sequence'
    TRUST = 'trust'
    CAUSES = 'causes'
    OUTPUTS = 'outputs'


SETUP_KEYS = (
    Key.MODEL_PARAMETER,
    Key.MODEL,
    Key.FILE,
    Key.SHA256,
    Key.CLASSES,
    Key.CONFIDENCE,
    Key.ENGINE,
    Key.CHOICE,
    Key.DEVICE,
    Key.PRECISION,
    Key.THREADS,
    Key.DDS_PROFILE,
)
"""What describes the node itself, and not its state or its frames."""

_FATES = ('offered', 'processed', 'dropped', 'failed', 'skipped', 'waiting')
_BY_KIND = 'frames failed: '
_LAST_ERROR = 'last error'
_PERCENTILES = ('p50', 'p95')


def all_values(message: Any) -> dict[str, str]:
    """All values of a DiagnosticArray, whatever status they belong to."""
    return {pair.key: pair.value for status in message.status for pair in status.values}


def number(value: float, *, digits: int = 1) -> str:
    """A number as a value; NaN is NONE."""
    return NONE if math.isnan(value) else f'{value:.{digits}f}'


def write_counts(counts: FrameCounts) -> dict[str, str]:
    """The frame ledger as values."""
    return {
        **{f'frames {fate}': str(getattr(counts, fate)) for fate in _FATES},
        _LAST_ERROR: counts.last_error or NONE,
        **{f'{_BY_KIND}{kind}': str(n) for kind, n in sorted(counts.failed_by_kind.items())},
    }


def read_counts(values: Mapping[str, str]) -> FrameCounts | None:
    """The frame ledger in values; None if it is not there."""
    if f'frames {_FATES[0]}' not in values:
        return None
    error = values.get(_LAST_ERROR, NONE)
    return FrameCounts(
        **{fate: int(values[f'frames {fate}']) for fate in _FATES},
        failed_by_kind={
            key.removeprefix(_BY_KIND): int(value)
            for key, value in values.items()
            if key.startswith(_BY_KIND)
        },
        last_error='' if error == NONE else error,
    )


def write_stages(latencies_ms: Mapping[str, LatencySummary]) -> dict[str, str]:
    """The latencies by stage as values."""
    return {
        _stage(stage, percentile): number(getattr(latencies_ms[stage], percentile))
        for stage in STAGES
        for percentile in _PERCENTILES
    }


def read_stages(values: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Median and 95th percentile of each stage in milliseconds, of the stages that have them."""
    found = {}
    for stage in STAGES:
        median, high = (values.get(_stage(stage, percentile), NONE) for percentile in _PERCENTILES)
        if NONE not in (median, high):
            found[stage] = (float(median), float(high))
    return found


def read_setup(values: Mapping[str, str]) -> dict[str, str]:
    """The values of SETUP_KEYS, as far as they are there."""
    return {key: values[key] for key in SETUP_KEYS if key in values}


def _stage(stage: str, percentile: str) -> str:
    return f'{stage} {percentile} (ms)'
