# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A node simulated event by event, for metrics whose right values are known."""

from __future__ import annotations

from collections import deque

from drivseg_ros.bench.graph.trial import Event, Trial, measure

BEGIN_NS = 10**12


def simulate(
    rate_hz: float, *, work_s: float, queue: int = 1, seconds: float = 2.0, least: int = 21
) -> tuple[list[Event], list[Event]]:
    """Messages at a rate to a node that takes the oldest of the newest `queue` ones."""
    sent = [
        Event(0, number + 1, BEGIN_NS + round(number * 1e9 / rate_hz))
        for number in range(max(least, round(rate_hz * seconds)))
    ]
    outputs = []
    waiting: deque[Event] = deque(maxlen=queue)
    arriving = deque(sent)
    now_ns = 0
    while arriving or waiting:
        if not waiting:
            now_ns = max(now_ns, arriving[0].time_ns)
        while arriving and arriving[0].time_ns <= now_ns:
            waiting.append(arriving.popleft())
        if waiting:
            message = waiting.popleft()
            now_ns += round(work_s * 1e9)
            outputs.append(Event(0, message.stamp_ns, now_ns))
    return sent, outputs


def run_simulated(rate_hz: float, *, work_s: float, queue: int = 1) -> Trial:
    """The metrics of it."""
    sent, outputs = simulate(rate_hz, work_s=work_s, queue=queue)
    return measure(sent, outputs, cameras=1, rate_hz=rate_hz)
