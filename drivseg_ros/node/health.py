# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a camera, if anything: from its report to a level and a sentence."""

from __future__ import annotations

import enum
from collections.abc import Callable

from drivseg_ros.node.camera_monitor import CameraReport

OTHER_CLOCK_S = 3600.0
"""A stamp older than that, or from the future, was made by another clock than the node's: a bag
is played without /clock, for instance. Its age then has no meaning for freshness."""

RECENT_S = 10.0
"""How long a failed frame is worth a warning."""

MANY_LOST = 0.1
"""The share of frames lost on the way that is worth a warning."""

LOST_ADVICE = (
    'frames are lost on the way: start both ends with FASTDDS_DEFAULT_PROFILES_FILE (Jazzy: '
    'FASTRTPS_DEFAULT_PROFILES_FILE) naming config/dds/fastdds_images.xml, which gives images '
    'shared memory'
)


class Level(enum.IntEnum):
    """The levels of a DiagnosticStatus that are in use, with the same values."""

    OK = 0
    WARN = 1
    ERROR = 2


class Phase(enum.Enum):
    """The lifecycle state of the node, by the words a user sees."""

    UNCONFIGURED = 'unconfigured'
    CONFIGURING = 'configuring'
    INACTIVE = 'inactive'
    ACTIVE = 'active'
    FINALIZED = 'finalized'


def assess_camera(
    report: CameraReport,
    *,
    phase: Phase,
    enabled: bool,
    stale_after_s: float,
    pause_s: float = 0.0,
    find_silence: Callable[[], str],
) -> tuple[Level, str]:
    """Assesses a camera.

    Args:
        report: the camera at this moment.
        phase: the state of the node.
        enabled: whether processing is switched on by ~/enable.
        stale_after_s: the age at which an output is stale.
        pause_s: the time between two outputs that was asked for, which adds to that age.
        find_silence: says why no frame arrives; called only when none does.

    Returns:
        The level and a sentence without a full stop.
    """
    if phase is not Phase.ACTIVE:
        return Level.OK, phase.value
    if not enabled:
        return Level.OK, 'disabled by ~/enable: frames are skipped'
    if report.failing:
        return Level.ERROR, f'frames fail: {report.counts.last_error}'
    if report.rate_lost_hz > MANY_LOST * (report.rate_in_hz + report.rate_lost_hz):
        return Level.WARN, (
            f'{report.rate_lost_hz:.1f} frames/s are sent and never arrive: {LOST_ADVICE}'
        )
    if report.silent_s > stale_after_s:
        return Level.WARN, f'no frame for {report.silent_s:.1f} s: {find_silence()}'
    if report.skipping:
        return Level.OK, 'frames are skipped: nobody subscribes to an output'
    if report.idle_s > stale_after_s + pause_s:
        return Level.WARN, (
            f'stale: frames arrive, but the newest output is {report.idle_s:.1f} s old: the '
            'engine is too slow or does not answer'
        )
    if stale_after_s + pause_s < report.age_s < OTHER_CLOCK_S:
        return Level.WARN, (
            f'stale: the stamp of the newest output is {report.age_s:.1f} s old: frames are late '
            'already when they arrive, or the camera has another clock'
        )
    if report.since_failure_s < RECENT_S:
        return Level.WARN, f'some frames fail: {report.counts.last_error}'
    return Level.OK, f'{report.rate_out_hz:.1f} of {report.rate_in_hz:.1f} frames/s processed'
