# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the node's diagnostics tell of a camera's frames, read back from their texts.

Messages of rclpy and of bags are taken alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drivseg_ros.base.frame_ledger import FrameCounts

DIAGNOSTICS = '/diagnostics'
STAGES = ('wait', 'decode', 'infer', 'publish', 'total')
_FATES = ('offered', 'processed', 'dropped', 'failed', 'skipped', 'waiting')
_BY_KIND = 'frames failed: '
_NODE = (
    'model parameter',
    'model',
    'model file',
    'model sha256',
    'classes',
    'confidence',
    'engine',
    'engine choice',
    'device',
    'precision',
    'threads',
    'DDS profile',
)


def all_values(message: Any) -> dict[str, str]:
    """All that a DiagnosticArray tells, key to value."""
    return {pair.key: pair.value for status in message.status for pair in status.values}


def camera_counts(message: Any) -> FrameCounts | None:
    """The frame ledger in a DiagnosticArray; None if it tells of no camera."""
    return read_counts(all_values(message))


def read_counts(values: Mapping[str, str]) -> FrameCounts | None:
    """The frame ledger in what the diagnostics tell; None if it is not there."""
    if f'frames {_FATES[0]}' not in values:
        return None
    error = values.get('last error', 'none')
    return FrameCounts(
        **{name: int(values[f'frames {name}']) for name in _FATES},
        failed_by_kind={
            key.removeprefix(_BY_KIND): int(value)
            for key, value in values.items()
            if key.startswith(_BY_KIND)
        },
        last_error='' if error == 'none' else error,
    )


def read_node(values: Mapping[str, str]) -> dict[str, str]:
    """What the node tells of itself, and not of its frames."""
    return {name: values[name] for name in _NODE if name in values}


def read_stages(values: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """Median and 95th percentile of each stage in milliseconds, where they are told."""
    found = {}
    for stage in STAGES:
        told = [values.get(f'{stage} {p} (ms)', 'none') for p in ('p50', 'p95')]
        if 'none' not in told:
            found[stage] = (float(told[0]), float(told[1]))
    return found
