# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The metrics of one run: messages sent at a rate, outputs received, matched by stamp."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from drivseg_ros.base.latency import LatencySummary
from drivseg_ros.bench.graph.peak import HOLDS

MAX_LOSS = 0.05
"""A rate is held with less loss than this (ros2_benchmark's share)."""
MIN_PACE = 0.95
"""... and if the outputs come at this share of the rate at least: a queue hides loss for a while,
but it fills at the pace at which its node falls behind."""
_AGE_STEP_NS = 1_000_000


@dataclass(frozen=True)
class Event:
    """A message that was sent or received.

    Attributes:
        camera: number of the camera, from 0.
        stamp_ns: of its header.
        time_ns: when, in nanoseconds of the system's monotonic clock.
    """

    camera: int
    stamp_ns: int
    time_ns: int

    @property
    def key(self) -> tuple[int, int]:
        """What a message and its output have in common."""
        return (self.camera, self.stamp_ns)


@dataclass(frozen=True)
class GraphLedger:
    """What became of every message, and where every output came from.

    Attributes:
        sent: messages sent.
        received: messages with an output.
        lost: messages without.
        outputs: outputs received.
        duplicate: outputs for a message that had one already.
        late: outputs for messages of an earlier run.
        unmatched: outputs whose stamp was not sent.

    Raises:
        ValueError: if the counts do not add up.
    """

    sent: int
    received: int
    lost: int
    outputs: int
    duplicate: int
    late: int
    unmatched: int

    def __post_init__(self) -> None:
        came_from = self.received + self.duplicate + self.late + self.unmatched
        if (
            min(dataclasses.astuple(self)) < 0
            or self.sent != self.received + self.lost
            or self.outputs != came_from
        ):
            raise ValueError(f'the ledger does not add up: {self}')

    @property
    def loss(self) -> float:
        """The share of messages without an output."""
        return self.lost / self.sent if self.sent else 0.0

    @classmethod
    def total(cls, ledgers: Sequence[GraphLedger]) -> GraphLedger:
        """The sum of some ledgers."""
        return cls(
            *(sum(column) for column in zip(*map(dataclasses.astuple, ledgers), strict=True))
        )


@dataclass(frozen=True)
class Trial:
    """One run.

    Attributes:
        rate_hz: the rate asked for, by camera.
        ledger: of all cameras.
        by_camera: of each.
        metrics: name to value; None where it is not defined.
    """

    rate_hz: float
    ledger: GraphLedger
    by_camera: tuple[GraphLedger, ...]
    metrics: dict[str, float | None]

    @property
    def verdict(self) -> str:
        """HOLDS, or 'sender' or 'node', whoever did not hold the rate."""
        sent, pace = self.metrics['sent_hz'], self.metrics['pace']
        if sent is None or sent < MIN_PACE * self.rate_hz:
            return 'sender'
        if self.ledger.loss >= MAX_LOSS or pace is None or pace < MIN_PACE:
            return 'node'
        return HOLDS


def measure(
    sent: Sequence[Event],
    received: Sequence[Event],
    *,
    cameras: int,
    rate_hz: float,
    earlier: Collection[tuple[int, int]] = frozenset(),
) -> Trial:
    """Matches outputs with messages.

    Args:
        sent: in order of time; no stamp twice for a camera.
        received: in order of time.
        cameras: how many there are.
        rate_hz: the rate asked for.
        earlier: the keys of messages of earlier runs.

    Returns:
        The ledger, and as metrics, times in milliseconds: sent_hz and output_hz by camera; pace,
        the rate of the outputs of the slowest camera as a share of that of its messages, loss left
        out; latency_* of the outputs; first_frame, last_frame: the latencies of the first and the
        last of them; first_output: from the first message to the first output; last_output: from
        the last message to the last output; jitter_*: by how much intervals between outputs differ
        from the one before (the absolute second difference, as in ros2_benchmark); age_*: how old,
        at any moment until the last message, the newest message is that has an output;
        age_first_half and age_second_half: the medians of the two halves.
    """
    seen = [
        _Camera.match(
            [event for event in sent if event.camera == camera],
            [event for event in received if event.camera == camera],
            earlier,
        )
        for camera in range(cameras)
    ]
    ledger = GraphLedger.total([camera.ledger for camera in seen])
    answers = sorted((at, ms) for camera in seen for at, ms in camera.latencies_ms)
    latencies = [ms for _, ms in answers]
    summary = LatencySummary.of(latencies)
    jitters = [ms for camera in seen for ms in camera.jitters_ms]
    ages = [camera.ages_ms for camera in seen]
    age = np.concatenate(ages)
    early = np.concatenate([ms[: len(ms) // 2] for ms in ages])
    later = np.concatenate([ms[len(ms) // 2 :] for ms in ages])
    metrics = {
        'sent_hz': _mean([camera.sent_hz for camera in seen]),
        'output_hz': _mean([camera.output_hz for camera in seen]),
        # Not a number if one of them is none.
        'pace': float(np.min([camera.pace for camera in seen])),
        'loss': ledger.loss,
        'latency_p50': summary.p50,
        'latency_p95': summary.p95,
        'latency_p99': summary.p99,
        'latency_max': summary.largest,
        'first_frame': latencies[0] if latencies else math.nan,
        'last_frame': latencies[-1] if latencies else math.nan,
        'first_output': (answers[0][0] - sent[0].time_ns) / 1e6 if answers else math.nan,
        'last_output': (answers[-1][0] - sent[-1].time_ns) / 1e6 if answers else math.nan,
        'jitter_mean': _mean(jitters),
        'jitter_p95': LatencySummary.of(jitters).p95,
        'jitter_max': max(jitters, default=math.nan),
        'age_p50': _percentile(age, 50),
        'age_p95': _percentile(age, 95),
        'age_max': float(age.max()) if age.size else math.nan,
        'age_first_half': _percentile(early, 50),
        'age_second_half': _percentile(later, 50),
    }
    return Trial(
        rate_hz=rate_hz,
        ledger=ledger,
        by_camera=tuple(camera.ledger for camera in seen),
        metrics={
            name: None if math.isnan(value) else round(value, 4) for name, value in metrics.items()
        },
    )


@dataclass(frozen=True, eq=False)
class _Camera:
    """One camera's messages and outputs.

    Attributes:
        ledger: what became of them.
        sent: when each message was sent, in order, int64 [M] in nanoseconds.
        answered: when each message with an output was sent, in the order of the outputs, int64 [N].
        received: when its first output was received, int64 [N].
    """

    ledger: GraphLedger
    sent: np.ndarray
    answered: np.ndarray
    received: np.ndarray

    @classmethod
    def match(
        cls, sent: Sequence[Event], outputs: Sequence[Event], earlier: Collection[tuple[int, int]]
    ) -> _Camera:
        sent_ns = {event.key: event.time_ns for event in sent}
        first: dict[tuple[int, int], int] = {}
        known = late = 0
        for event in outputs:
            if event.key in sent_ns:
                known += 1
                first.setdefault(event.key, event.time_ns)
            else:
                late += event.key in earlier
        return cls(
            ledger=GraphLedger(
                sent=len(sent),
                received=len(first),
                lost=len(sent) - len(first),
                outputs=len(outputs),
                duplicate=known - len(first),
                late=late,
                unmatched=len(outputs) - known - late,
            ),
            sent=np.array(list(sent_ns.values()), np.int64),
            answered=np.array([sent_ns[key] for key in first], np.int64),
            received=np.array(list(first.values()), np.int64),
        )

    @property
    def sent_hz(self) -> float:
        return _rate(self.sent)

    @property
    def output_hz(self) -> float:
        return _rate(self.received)

    @property
    def pace(self) -> float:
        """The time over which the answered messages were sent, by that of their outputs."""
        if len(self.answered) < 2:
            return math.nan
        return float(np.ptp(self.answered) / max(1, np.ptp(self.received)))

    @property
    def latencies_ms(self) -> list[tuple[int, float]]:
        """When an output was received, and how long it took."""
        taken = (self.received - self.answered) / 1e6
        return list(zip(self.received.tolist(), taken.tolist(), strict=True))

    @property
    def jitters_ms(self) -> list[float]:
        jitters: list[float] = (np.abs(np.diff(self.received, 2)) / 1e6).tolist()
        return jitters

    @property
    def ages_ms(self) -> np.ndarray:
        """The age of the newest answered message, every millisecond from the first output on."""
        if not len(self.received):
            return np.empty(0)
        begin = self.received[0]
        moments = np.arange(begin, max(self.sent[-1], begin + 1), _AGE_STEP_NS)
        at = np.searchsorted(self.received, moments, side='right') - 1
        return np.asarray((moments - np.maximum.accumulate(self.answered)[at]) / 1e6)


def _rate(times_ns: np.ndarray) -> float:
    if len(times_ns) < 2:
        return math.nan
    return float((len(times_ns) - 1) * 1e9 / max(1, np.ptp(times_ns)))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _percentile(values: np.ndarray, percent: float) -> float:
    return float(np.percentile(values, percent)) if values.size else math.nan
