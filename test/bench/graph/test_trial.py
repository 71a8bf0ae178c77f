# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every message and every output is in the ledger once, and times are what they are."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_graph import BEGIN_NS, run_simulated, simulate

from drivseg_ros.base.json_data import to_plain
from drivseg_ros.bench.graph.peak import HOLDS
from drivseg_ros.bench.graph.summary import summarize, trimmed_mean
from drivseg_ros.bench.graph.trial import Event, GraphLedger, Trial, measure

MS = 1_000_000


def events(*rows: tuple[int, int, float]) -> list[Event]:
    """Camera, stamp, milliseconds."""
    return [Event(camera, stamp, BEGIN_NS + round(ms * MS)) for camera, stamp, ms in rows]


def test_ledger() -> None:
    sent = events((0, 1, 0), (1, 1, 1), (0, 2, 100), (1, 2, 101), (0, 3, 200), (1, 3, 201))
    received = events(
        (0, 77, 1),  # nobody sent it
        (0, 9, 2),  # an earlier run's
        (0, 1, 10),
        (0, 1, 12),  # again
        (1, 2, 130),
        (0, 2, 140),
        (1, 1, 150),  # late, but of this run
    )
    trial = measure(sent, received, cameras=2, rate_hz=10, earlier={(0, 9), (0, 1)})
    first, second = trial.by_camera
    assert first == GraphLedger(3, 2, 1, outputs=5, duplicate=1, late=1, unmatched=1)
    assert second == GraphLedger(3, 2, 1, outputs=2, duplicate=0, late=0, unmatched=0)
    assert trial.ledger == GraphLedger(6, 4, 2, outputs=7, duplicate=1, late=1, unmatched=1)
    assert trial.ledger.loss == pytest.approx(1 / 3)
    assert trial.verdict == 'node'


def test_times() -> None:
    sent = events((0, 1, 0), (0, 2, 100), (0, 3, 200), (0, 4, 300))
    received = events((0, 1, 20), (0, 3, 230), (0, 4, 360))
    metrics = measure(sent, received, cameras=1, rate_hz=10).metrics
    assert metrics['sent_hz'] == 10
    assert metrics['output_hz'] == pytest.approx(2 / 0.340, abs=1e-3)
    assert metrics['pace'] == pytest.approx(300 / 340, abs=1e-3)
    assert metrics['loss'] == 0.25
    assert metrics['latency_p50'] == 30
    assert metrics['latency_max'] == 60
    assert (metrics['first_frame'], metrics['last_frame']) == (20, 60)
    assert (metrics['first_output'], metrics['last_output']) == (20, 60)
    assert metrics['jitter_mean'] == 80  # 130 after 210
    # From 20 to 230 ms message 1 is the newest with an output, then, until 300 ms, message 3.
    assert metrics['age_max'] == 229
    # That is 20 to 229 ms once, and 30 to 99 ms again: half of 280 are below 95.
    assert metrics['age_p50'] == pytest.approx(95, abs=1)


def test_nothing_comes() -> None:
    trial = measure(events((0, 1, 0), (0, 2, 100)), [], cameras=1, rate_hz=10)
    assert trial.ledger == GraphLedger(2, 0, 2, outputs=0, duplicate=0, late=0, unmatched=0)
    assert trial.metrics['sent_hz'] == 10
    silent = {name for name, value in trial.metrics.items() if value is None}
    assert silent == trial.metrics.keys() - {'sent_hz', 'loss'}
    assert trial.verdict == 'node'


@pytest.mark.parametrize(
    ('asked_hz', 'work_s', 'queue', 'verdict'),
    [
        (10, 0.05, 1, HOLDS),
        (30, 0.05, 1, 'node'),  # it loses a third
        (30, 0.05, 1000, 'node'),  # it loses nothing, and falls behind
        (30, 0.01, 1, HOLDS),
    ],
)
def test_verdicts(asked_hz: float, work_s: float, queue: int, verdict: str) -> None:
    trial = run_simulated(asked_hz, work_s=work_s, queue=queue)
    assert trial.verdict == verdict
    if queue == 1000:
        assert trial.ledger.loss == 0


def test_the_sender_may_be_too_slow() -> None:
    sent, outputs = simulate(20, work_s=0.01)
    assert measure(sent, outputs, cameras=1, rate_hz=40).verdict == 'sender'


def test_a_queue_shows_in_the_age_and_not_in_the_first_frame() -> None:
    fresh = run_simulated(60, work_s=0.05, queue=1).metrics
    stale = run_simulated(60, work_s=0.05, queue=20).metrics
    for metrics in (fresh, stale):
        assert metrics['first_frame'] == 50
    assert stale['last_frame'] == pytest.approx(20 * 50 + 50, abs=51)
    assert fresh['last_frame'] <= 50 + 50
    assert stale['age_second_half'] > 3 * fresh['age_second_half']
    assert fresh['age_second_half'] == pytest.approx(fresh['age_first_half'], rel=0.25)


def test_one_silent_camera_of_two_fails() -> None:
    sent = [Event(c, n + 1, BEGIN_NS + n * 100 * MS) for n in range(20) for c in (0, 1)]
    received = [Event(0, e.stamp_ns, e.time_ns + MS) for e in sent if e.camera == 0]
    trial = measure(sent, received, cameras=2, rate_hz=10)
    assert trial.ledger.loss == 0.5
    assert trial.metrics['pace'] is None
    assert trial.verdict == 'node'


ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 12)), max_size=60)


@given(sent=st.sets(st.tuples(st.integers(0, 2), st.integers(1, 8)), min_size=1), received=ROWS)
def test_every_ledger_adds_up(sent: set[tuple[int, int]], received: list[tuple[int, int]]) -> None:
    trial = measure(
        events(*((c, s, float(s)) for c, s in sorted(sent, key=lambda row: row[1]))),
        events(*((c, s, 20.0 + i) for i, (c, s) in enumerate(received))),
        cameras=3,
        rate_hz=10,
        earlier={(0, 9), (1, 9)},
    )
    ledger = trial.ledger
    assert ledger.sent == len(sent)
    assert ledger.outputs == len(received)
    assert ledger.received == len(sent & set(received))
    assert ledger.late == sum(row in {(0, 9), (1, 9)} for row in received)
    assert ledger.duplicate == sum(row in sent for row in received) - ledger.received
    assert GraphLedger.total(trial.by_camera) == ledger


@pytest.mark.parametrize('field', [f.name for f in dataclasses.fields(GraphLedger)])
def test_a_ledger_that_does_not_add_up_is_refused(field: str) -> None:
    right = GraphLedger(sent=5, received=3, lost=2, outputs=6, duplicate=1, late=1, unmatched=1)
    with pytest.raises(ValueError, match='does not add up'):
        dataclasses.replace(right, **{field: getattr(right, field) + 1})


@pytest.mark.parametrize(
    ('values', 'expected'),
    [([4.0], 4.0), ([4.0, 8.0], 6.0), ([9.0, 1.0, 5.0], 5.0), ([1, 2, 3, 4, 1000], 3.0)],
)
def test_trimmed_mean(values: list[float], expected: float) -> None:
    assert trimmed_mean(values) == expected


def test_trimmed_mean_of_nothing() -> None:
    with pytest.raises(ValueError, match='at least 1'):
        trimmed_mean([])


def test_summary() -> None:
    def run(trial: Trial) -> dict[str, object]:
        return {'verdict': trial.verdict, **to_plain(trial)}

    works = (0.01, 0.02, 0.03, 0.04, 0.2)
    runs = [run(run_simulated(20, work_s=work)) for work in works]
    summary = summarize(runs)
    assert summary['held'] == 4
    assert summary['rate_hz'] == 20
    assert summary['metrics']['latency_p50'] == pytest.approx(30)
    assert summary['ledger']['sent'] == 5 * 40
    assert summary['ledger']['lost'] == runs[-1]['ledger']['lost'] > 0  # type: ignore[index]
    silent = run(measure(events((0, 1, 0), (0, 2, 50)), [], cameras=1, rate_hz=20))
    assert summarize([silent])['metrics']['latency_p50'] is None
    assert summarize([silent, *runs])['metrics']['latency_max'] is not None
