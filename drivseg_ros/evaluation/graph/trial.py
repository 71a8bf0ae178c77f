# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The figures of one run: messages sent at a rate, outputs received, matched by stamp."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from drivseg_ros.evaluation.graph.peak import HOLDS
from drivseg_ros.latency import LatencySummary

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
        unmatched: outputs whose stamp nobody sent.

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
        figures: name to value; None where there is nothing to tell.
    """

    rate_hz: float
    ledger: GraphLedger
    by_camera: tuple[GraphLedger, ...]
    figures: dict[str, float | None]

    @property
    def verdict(self) -> str:
        """HOLDS, or 'sender' or 'node', whoever did not hold the rate."""
        sent, pace = self.figures['sent_hz'], self.figures['pace']
        if sent is None or sent < MIN_PACE * self.rate_hz:
            return 'sender'
        if self.ledger.loss >= MAX_LOSS or pace is None or pace < MIN_PACE:
            return 'node'
        return HOLDS

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {
            'verdict': self.verdict,
            'ledger': dataclasses.asdict(self.ledger),
            'by_camera': [dataclasses.asdict(ledger) for ledger in self.by_camera],
            'figures': self.figures,
        }


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
        The ledger, and as figures, times in milliseconds: sent_hz and output_hz by camera; pace,
        the rate of the outputs of the slowest camera as a share of that of its messages, loss left
        out; latency_* of the outputs; first_frame, last_frame: the latencies of the first and the
        last of them; first_output: from the first message to the first output; last_output: from
        the last message to the last output; jitter_*: by how much intervals between outputs differ
        from the one before (the absolute second difference, as in ros2_benchmark); age_*: how old,
        at any moment until the last message, the newest message is that has an output;
        age_first_half and age_second_half: the medians of the two halves.
    """
    ledgers = []
    latencies: list[tuple[int, float]] = []
    jitters: list[float] = []
    ages: list[np.ndarray] = []
    paces, sent_hz, output_hz = [], [], []
    for camera in range(cameras):
        mine = [event for event in sent if event.camera == camera]
        outputs = [event for event in received if event.camera == camera]
        sent_ns = {event.key: event.time_ns for event in mine}
        first: dict[tuple[int, int], int] = {}
        for event in outputs:
            if event.key in sent_ns:
                first.setdefault(event.key, event.time_ns)
        late = sum(event.key in earlier and event.key not in sent_ns for event in outputs)
        known = sum(event.key in sent_ns for event in outputs)
        ledgers.append(
            GraphLedger(
                sent=len(mine),
                received=len(first),
                lost=len(mine) - len(first),
                outputs=len(outputs),
                duplicate=known - len(first),
                late=late,
                unmatched=len(outputs) - known - late,
            )
        )
        latencies += [(at, (at - sent_ns[key]) / 1e6) for key, at in first.items()]
        times = np.array(list(first.values()), np.int64)
        jitters += (np.abs(np.diff(times, 2)) / 1e6).tolist()
        ages.append(_ages_ms(mine, first, sent_ns))
        span = mine[-1].time_ns - mine[0].time_ns if mine else 0
        sent_hz.append(_rate(len(mine), span))
        output_hz.append(_rate(len(times), int(times[-1] - times[0]) if len(times) else 0))
        answered = [sent_ns[key] for key in first]
        if len(answered) > 1:
            paces.append((max(answered) - min(answered)) / max(1, int(times[-1] - times[0])))
        else:
            paces.append(math.nan)
    in_order = [latency for _, latency in sorted(latencies)]
    summary = LatencySummary.of(in_order)
    age = np.concatenate(ages)
    early = np.concatenate([ms[: len(ms) // 2] for ms in ages])
    later = np.concatenate([ms[len(ms) // 2 :] for ms in ages])
    matched = [at for at, _ in latencies]
    figures = {
        'sent_hz': _mean(sent_hz),
        'output_hz': _mean(output_hz),
        'pace': float(np.min(paces)),  # not a number if one of them is none
        'loss': GraphLedger.total(ledgers).loss,
        'latency_p50': summary.p50,
        'latency_p95': summary.p95,
        'latency_p99': summary.p99,
        'latency_max': summary.largest,
        'first_frame': in_order[0] if in_order else math.nan,
        'last_frame': in_order[-1] if in_order else math.nan,
        'first_output': (min(matched) - sent[0].time_ns) / 1e6 if matched else math.nan,
        'last_output': (max(matched) - sent[-1].time_ns) / 1e6 if matched else math.nan,
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
        ledger=GraphLedger.total(ledgers),
        by_camera=tuple(ledgers),
        figures={
            name: None if math.isnan(value) else round(value, 4) for name, value in figures.items()
        },
    )


def _ages_ms(
    sent: Sequence[Event], first: dict[tuple[int, int], int], sent_ns: dict[tuple[int, int], int]
) -> np.ndarray:
    """The age of the newest answered message, every millisecond from the first output on."""
    if not first:
        return np.empty(0)
    received = np.array(list(first.values()), np.int64)
    newest = np.maximum.accumulate(np.array([sent_ns[key] for key in first], np.int64))
    moments = np.arange(received[0], max(sent[-1].time_ns, received[0] + 1), _AGE_STEP_NS)
    at = np.searchsorted(received, moments, side='right') - 1
    return np.asarray((moments - newest[at]) / 1e6)


def _rate(count: int, span_ns: int) -> float:
    return (count - 1) / (span_ns / 1e9) if count > 1 and span_ns > 0 else math.nan


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else math.nan


def _percentile(values: np.ndarray, percent: float) -> float:
    return float(np.percentile(values, percent)) if values.size else math.nan
