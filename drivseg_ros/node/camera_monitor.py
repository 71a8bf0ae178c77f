# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is known of one camera: its ledger, rates, latencies and ages. It knows no ROS."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from drivseg_ros.base.diagnostics import STAGES
from drivseg_ros.base.frame_ledger import FrameCounts, FrameLedger
from drivseg_ros.base.latency import LatencySummary, LatencyWindow, RateWindow


@dataclass(frozen=True)
class CameraReport:
    """A camera at one moment.

    Attributes:
        counts: the frame ledger.
        rate_in_hz: frames by second that arrive.
        rate_out_hz: frames by second whose outputs are published.
        lost: frames that the middleware knows were sent and never arrived.
        rate_lost_hz: such frames by second.
        missing: frames missing in the publishers' numbers: lost, replaced inside the middleware
            by a newer one, or not readable.
        silent_s: time since the newest frame arrived, or since the start of work.
        idle_s: time since the newest output was published, or since the start of work.
        age_s: age of the newest output by its header stamp; NaN if there is none.
        since_failure_s: time since a frame failed, by the steady clock; infinite if none did.
        failing: whether the newest frame that had a fate failed.
        skipping: whether the newest frame that had a fate was skipped.
        latencies_ms: the latencies by stage in milliseconds.
    """

    counts: FrameCounts
    rate_in_hz: float
    rate_out_hz: float
    lost: int
    rate_lost_hz: float
    missing: int
    silent_s: float
    idle_s: float
    age_s: float
    since_failure_s: float
    failing: bool
    skipping: bool
    latencies_ms: Mapping[str, LatencySummary]


class CameraMonitor:
    """Collects what the diagnostics report of a camera. Every method is safe in any thread.

    Two clocks are in use: `steady_s`, seconds of a clock that never goes back, for rates and
    latencies; and `now_s`, seconds of the node's clock, which may be simulated, for ages.

    Args:
        steady_s: the time of the steady clock.
        now_s: the time of the node's clock.
    """

    def __init__(self, *, steady_s: float, now_s: float) -> None:
        self.ledger = FrameLedger()
        self._lock = threading.Lock()
        self._rate_in = RateWindow(now=steady_s)
        self._rate_out = RateWindow(now=steady_s)
        self._rate_lost = RateWindow(now=steady_s)
        self._lost = 0
        self._missing = 0
        self._latencies = {stage: LatencyWindow() for stage in STAGES}
        self.newest_stages_ms: Mapping[str, float] = {}
        self._fate = ''
        self._failed_s = -math.inf
        self.restart(now_s=now_s)

    def restart(self, *, now_s: float) -> None:
        """Forgets all ages: work starts now, or the node's clock jumped."""
        with self._lock:
            self._arrived_s = self._published_s = now_s
            self._stamp_s = math.nan

    def arrived(self, *, steady_s: float, now_s: float) -> None:
        """A frame arrived; the slot counts it in the ledger."""
        self._rate_in.add(now=steady_s)
        self._arrived_s = now_s

    def lost(self, count: int, *, steady_s: float) -> None:
        """Frames were lost on the way; never offered, they are not in the ledger."""
        self._lost += count
        self._rate_lost.add(now=steady_s, count=count)

    def miss(self, count: int) -> None:
        """Frames are missing in the numbers of a publisher."""
        self._missing += count

    def processed(
        self, *, steady_s: float, now_s: float, stamp_s: float, stages_ms: Mapping[str, float]
    ) -> None:
        """A frame's outputs are published.

        Args:
            steady_s: the time of the steady clock.
            now_s: the time of the node's clock.
            stamp_s: the frame's header stamp in seconds.
            stages_ms: its latency in each of STAGES, in milliseconds.
        """
        # Before the count: who waits for that finds the stages of the same frame.
        self.newest_stages_ms = stages_ms
        self.ledger.process()
        self._rate_out.add(now=steady_s)
        for stage, latency in stages_ms.items():
            self._latencies[stage].add(latency, now=steady_s)
        with self._lock:
            self._published_s, self._stamp_s = now_s, stamp_s
            self._fate = 'processed'

    def failed(self, kind: str, message: str, *, steady_s: float) -> None:
        """A frame failed; see `FrameLedger.fail`."""
        self.ledger.fail(kind, message)
        self._failed_s = steady_s
        self._fate = 'failed'

    def skipped(self) -> None:
        """A frame was left alone."""
        self.ledger.skip()
        self._fate = 'skipped'

    def report(self, *, steady_s: float, now_s: float) -> CameraReport:
        """The camera at this moment."""
        with self._lock:
            arrived_s, published_s, stamp_s = self._arrived_s, self._published_s, self._stamp_s
        return CameraReport(
            counts=self.ledger.counts(),
            rate_in_hz=self._rate_in.rate(now=steady_s),
            rate_out_hz=self._rate_out.rate(now=steady_s),
            lost=self._lost,
            rate_lost_hz=self._rate_lost.rate(now=steady_s),
            missing=self._missing,
            silent_s=now_s - arrived_s,
            idle_s=now_s - published_s,
            age_s=now_s - stamp_s,
            since_failure_s=steady_s - self._failed_s,
            failing=self._fate == 'failed',
            skipping=self._fate == 'skipped',
            latencies_ms={
                stage: window.summary(now=steady_s) for stage, window in self._latencies.items()
            },
        )
