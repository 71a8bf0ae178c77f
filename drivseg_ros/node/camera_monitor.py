# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What is known of one camera: its ledger, rates, latencies and ages. It knows no ROS."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from drivseg_ros.base.diagnostics import STAGES
from drivseg_ros.base.frame_ledger import FrameCounts, FrameLedger
from drivseg_ros.base.latency import LatencySummary, LatencyWindow, RateWindow

_STAMPS = 100  # of which the rate by stamps is made
_AHEAD_S = 1.0  # what two clocks of one system may differ by


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
        age_s: age of the newest output by its header stamp; NaN if there is none, or if the stamp
            is of the future.
        rate_stamps_hz: frames by second that arrive, by their header stamps.
        delay_s: age of the newest frame by its header stamp when it arrived; NaN as above.
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
    rate_stamps_hz: float
    delay_s: float
    since_failure_s: float
    failing: bool
    skipping: bool
    latencies_ms: Mapping[str, LatencySummary]


class CameraMonitor:
    """Collects what the diagnostics report of a camera. Every method is safe in any thread.

    Two clocks are in use: `steady_s`, seconds of a clock that never goes back, for silence, rates
    and latencies; and `now_s`, seconds of the node's clock, which may be simulated, for the ages of
    header stamps.

    Args:
        steady_s: the time of the steady clock.
    """

    def __init__(self, *, steady_s: float) -> None:
        self.ledger = FrameLedger()
        self._lock = threading.Lock()
        self._rate_in = RateWindow(now=steady_s)
        self._rate_out = RateWindow(now=steady_s)
        self._rate_lost = RateWindow(now=steady_s)
        self._stamps_s: deque[float] = deque(maxlen=_STAMPS)
        self._lost = 0
        self._missing = 0
        self._latencies = {stage: LatencyWindow() for stage in STAGES}
        self.newest_stages_ms: Mapping[str, float] = {}
        self._fate = ''
        self._failed_s = -math.inf
        self.restart(steady_s=steady_s)

    def restart(self, *, steady_s: float) -> None:
        """Work starts now: what was before does not count as silence."""
        with self._lock:
            self._arrived_s = self._published_s = steady_s
        self.forget_stamps()

    def forget_stamps(self) -> None:
        """The node's clock jumped: ages would be negative, or as long as the jump."""
        with self._lock:
            self._stamp_s = self._delay_s = math.nan
            self._stamps_s.clear()

    def arrived(self, *, steady_s: float, now_s: float, stamp_s: float) -> None:
        """A frame arrived; the slot counts it in the ledger.

        Args:
            steady_s: the time of the steady clock.
            now_s: the time of the node's clock.
            stamp_s: the frame's header stamp in seconds.
        """
        self._rate_in.add(now=steady_s)
        with self._lock:
            self._arrived_s = steady_s
            self._delay_s = _age(now_s, stamp_s)
            self._stamps_s.append(stamp_s)

    def lost(self, count: int, *, steady_s: float) -> None:
        """Frames were lost on the way; never offered, they are not in the ledger."""
        self._lost += count
        self._rate_lost.add(now=steady_s, count=count)

    def miss(self, count: int) -> None:
        """Frames are missing in the numbers of a publisher."""
        self._missing += count

    def processed(self, *, steady_s: float, stamp_s: float, stages_ms: Mapping[str, float]) -> None:
        """A frame's outputs are published.

        Args:
            steady_s: the time of the steady clock.
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
            self._published_s, self._stamp_s = steady_s, stamp_s
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
            stamps, delay_s = list(self._stamps_s), self._delay_s
        return CameraReport(
            counts=self.ledger.counts(),
            rate_in_hz=self._rate_in.rate(now=steady_s),
            rate_out_hz=self._rate_out.rate(now=steady_s),
            lost=self._lost,
            rate_lost_hz=self._rate_lost.rate(now=steady_s),
            missing=self._missing,
            silent_s=steady_s - arrived_s,
            idle_s=steady_s - published_s,
            age_s=_age(now_s, stamp_s),
            rate_stamps_hz=_rate(stamps),
            delay_s=delay_s,
            since_failure_s=steady_s - self._failed_s,
            failing=self._fate == 'failed',
            skipping=self._fate == 'skipped',
            latencies_ms={
                stage: window.summary(now=steady_s) for stage, window in self._latencies.items()
            },
        )


def _age(now_s: float, stamp_s: float) -> float:
    """NaN for a stamp of the future: it is of another clock, or of before a jump of this one."""
    age_s = now_s - stamp_s
    return max(0.0, age_s) if age_s > -_AHEAD_S else math.nan


def _rate(stamps_s: list[float]) -> float:
    """Frames by second between the first stamp and the last; 0 if they do not grow."""
    span_s = stamps_s[-1] - stamps_s[0] if stamps_s else 0.0
    return (len(stamps_s) - 1) / span_s if span_s > 0 else 0.0
