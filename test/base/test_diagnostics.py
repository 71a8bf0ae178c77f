# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The values on /diagnostics are read as they were written."""

from __future__ import annotations

from types import SimpleNamespace

from drivseg_ros.base.diagnostics import (
    STAGES,
    all_values,
    read_counts,
    read_setup,
    read_stages,
    write_counts,
    write_stages,
)
from drivseg_ros.base.frame_ledger import FrameCounts
from drivseg_ros.base.latency import LatencySummary


def message(*statuses: dict[str, str]) -> SimpleNamespace:
    return SimpleNamespace(
        status=[
            SimpleNamespace(values=[SimpleNamespace(key=k, value=v) for k, v in status.items()])
            for status in statuses
        ]
    )


CAMERA = {
    'frames offered': '9',
    'frames processed': '5',
    'frames dropped': '1',
    'frames failed': '2',
    'frames skipped': '0',
    'frames waiting': '1',
    'frames failed: jpeg': '2',
    'last error': 'it is torn',
    'infer p50 (ms)': '4.5',
    'infer p95 (ms)': '6.0',
    'total p50 (ms)': 'none',
    'total p95 (ms)': 'none',
}


def test_values_of_a_message() -> None:
    given = message({'model': 'tiny', 'node state': 'active'}, CAMERA)
    assert read_counts(all_values(given)) == FrameCounts(
        9, 5, 1, 2, waiting=1, failed_by_kind={'jpeg': 2}, last_error='it is torn'
    )
    values = all_values(given)
    assert read_stages(values) == {'infer': (4.5, 6.0)}
    assert read_setup(values) == {'model': 'tiny'}
    assert read_counts({'model': 'tiny'}) is None
    plain = {**CAMERA, 'last error': 'none', 'frames failed': '0', 'frames processed': '7'}
    del plain['frames failed: jpeg']
    assert read_counts(plain) == FrameCounts(9, 7, 1, waiting=1)


def test_what_is_written_is_read() -> None:
    failed = FrameCounts(9, 5, 1, 2, waiting=1, failed_by_kind={'jpeg': 2}, last_error='it is torn')
    for counts in (FrameCounts(), FrameCounts(7, 7), failed):
        assert read_counts(write_counts(counts)) == counts
    latencies = {stage: LatencySummary.of([]) for stage in STAGES}
    assert read_stages(write_stages(latencies)) == {}
    latencies['infer'] = LatencySummary.of([1.0, 2.0, 3.0])
    assert read_stages(write_stages(latencies)) == {'infer': (2.0, 2.9)}
