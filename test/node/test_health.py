# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""From a camera's report to a level and a sentence."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from drivseg_ros.base.diagnostics import STAGES
from drivseg_ros.base.frame_ledger import FrameCounts
from drivseg_ros.base.latency import LatencySummary
from drivseg_ros.node.camera_monitor import CameraMonitor, CameraReport
from drivseg_ros.node.health import Level, Phase, assess_camera

FAILED = FrameCounts(offered=1, failed=1, failed_by_kind={'step': 1}, last_error='step is 5')
GOOD = CameraReport(
    counts=FrameCounts(),
    rate_in_hz=30.0,
    rate_out_hz=20.0,
    lost=0,
    rate_lost_hz=0.0,
    missing=0,
    silent_s=0.1,
    idle_s=0.1,
    age_s=0.1,
    rate_stamps_hz=30.0,
    delay_s=0.1,
    since_failure_s=math.inf,
    failing=False,
    skipping=False,
    latencies_ms={stage: LatencySummary.of([]) for stage in STAGES},
)


@pytest.mark.parametrize(
    ('report', 'state', 'level', 'message'),
    [
        ({}, {}, Level.OK, '20.0 of 30.0 frames/s processed'),
        ({'age_s': math.nan}, {}, Level.OK, 'processed'),
        ({'failing': True}, {'phase': Phase.INACTIVE}, Level.OK, 'inactive'),
        ({'silent_s': 9.0}, {'phase': Phase.CONFIGURING}, Level.OK, 'configuring'),
        ({'silent_s': 9.0}, {'enabled': False}, Level.OK, 'disabled by ~/enable'),
        ({'failing': True, 'counts': FAILED}, {}, Level.ERROR, 'frames fail: step is 5'),
        (
            {'failing': True, 'counts': FAILED, 'silent_s': 9.0},
            {},
            Level.ERROR,
            'frames fail: step is 5',
        ),
        ({'silent_s': 1.1}, {}, Level.WARN, 'no frame for 1.1 s: the cable'),
        ({'silent_s': 0.9}, {}, Level.OK, 'processed'),
        ({'rate_lost_hz': 3.0}, {}, Level.OK, 'processed'),
        ({'rate_lost_hz': 4.0}, {}, Level.WARN, '4.0 frames/s are sent and never arrive'),
        ({'rate_lost_hz': 30.0, 'rate_in_hz': 0.0, 'silent_s': 9.0}, {}, Level.WARN, 'never arr'),
        ({'skipping': True, 'idle_s': 99.0}, {}, Level.OK, 'nobody subscribes'),
        ({'idle_s': 1.1}, {}, Level.WARN, 'the newest output is 1.1 s old'),
        ({'idle_s': 2.9, 'age_s': 2.9}, {'pause_s': 2.0}, Level.OK, 'processed'),
        ({'idle_s': 3.1}, {'pause_s': 2.0}, Level.WARN, 'the newest output is 3.1 s old'),
        ({'age_s': 2.0}, {}, Level.WARN, 'stamp of the newest output is 2.0 s old'),
        ({'age_s': 1e8}, {}, Level.OK, 'processed'),  # a recording
        ({'age_s': -50.0}, {}, Level.OK, 'processed'),
        ({'since_failure_s': 3.0, 'counts': FAILED}, {}, Level.WARN, 'some frames fail: step'),
        ({'since_failure_s': 11.0, 'counts': FAILED}, {}, Level.OK, 'processed'),
    ],
)
def test_assessment(
    report: dict[str, Any], state: dict[str, Any], level: Level, message: str
) -> None:
    arguments: dict[str, Any] = {'phase': Phase.ACTIVE, 'enabled': True, **state}
    given = assess_camera(
        dataclasses.replace(GOOD, **report),
        stale_after_s=1.0,
        find_silence=lambda: 'the cable',
        **arguments,
    )
    assert given[0] is level
    assert message in given[1]


def test_monitor() -> None:
    monitor = CameraMonitor(steady_s=0.0)
    for count in range(1, 5):
        monitor.ledger.offer()
        monitor.arrived(steady_s=float(count), now_s=1000.0 + count, stamp_s=999.5 + count / 2)
        if count == 2:
            monitor.failed('step', 'step is 5', steady_s=2.0)
            assert monitor.report(steady_s=2.0, now_s=1002.0).failing
        elif count == 3:
            monitor.skipped()
            monitor.lost(9, steady_s=3.0)
            assert monitor.report(steady_s=3.0, now_s=1003.0).skipping
        else:
            monitor.processed(
                steady_s=float(count),
                stamp_s=999.0 + count,
                stages_ms=dict.fromkeys(STAGES, 10.0 * count),
            )
    report = monitor.report(steady_s=4.5, now_s=1004.5)
    assert (report.silent_s, report.idle_s, report.age_s) == (0.5, 0.5, 1.5)
    assert (report.rate_stamps_hz, report.delay_s) == (2.0, 2.5)
    assert (report.failing, report.skipping, report.since_failure_s) == (False, False, 2.5)
    assert (report.lost, report.rate_lost_hz) == (9, 2.0)
    assert report.rate_in_hz == pytest.approx(4 / 4.5)
    assert report.rate_out_hz == pytest.approx(2 / 4.5)
    assert report.latencies_ms['infer'].p50 == 25.0
    assert report.counts == FrameCounts(
        offered=4,
        processed=2,
        failed=1,
        skipped=1,
        failed_by_kind={'step': 1},
        last_error='step is 5',
    )
    # A clock that jumped back makes no age negative, before that is known and after.
    assert math.isnan(monitor.report(steady_s=4.5, now_s=5.5).age_s)
    monitor.forget_stamps()
    report = monitor.report(steady_s=4.5, now_s=2000.0)
    assert (report.silent_s, report.idle_s) == (0.5, 0.5)
    assert math.isnan(report.age_s)
    assert math.isnan(report.delay_s)
    assert report.rate_stamps_hz == 0
    assert report.counts.processed == 2
    # Stamps a little ahead, as between two machines, are new.
    monitor.ledger.offer()
    monitor.processed(steady_s=5.0, stamp_s=7.05, stages_ms={})
    assert monitor.report(steady_s=5.0, now_s=7.0).age_s == 0
    monitor.restart(steady_s=9.0)
    assert monitor.report(steady_s=9.5, now_s=8.0).silent_s == 0.5
