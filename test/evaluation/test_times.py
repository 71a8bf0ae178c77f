# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Times become metrics: percentiles over all parts, ages as they are, limits in their units."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from evaluation_cases import BDD100K, DRAWN, accuracy, random_pair, result_of

from drivseg_ros.base.frame_ledger import FrameCounts
from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.evaluation.comparison import compare
from drivseg_ros.evaluation.evaluation_file import describe
from drivseg_ros.evaluation.frame_times import STAGES, FrameTimes, percentiles
from drivseg_ros.evaluation.gate import check_limits
from drivseg_ros.evaluation.limit import Limit, LimitKind
from drivseg_ros.evaluation.live.times import LiveTimes
from drivseg_ros.evaluation.live.usage import UsageSeries
from drivseg_ros.evaluation.measured import Mode, Terms
from drivseg_ros.evaluation.metric import metrics_of
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.time_series import describe_times

PAIRS = [random_pair(i) for i in range(6)]
USAGE = UsageSeries(((0.5, 80.0, 120.5, 30.0, 400.0), (1.0, 90.0, 130.0, None, None)), 'the node')


def live_times(
    latencies: list[float | None], *, period_s: float = 0.1, **changes: object
) -> LiveTimes:
    """Messages at a fixed pace."""
    played = tuple((round(i * period_s, 4), 0.5, ms) for i, ms in enumerate(latencies))
    plain = LiveTimes(
        2.0, played, 0, 0, {'infer': ((5.0, 8.0), (7.0, 9.0))}, USAGE, {'model': 'tiny'}
    )
    return dataclasses.replace(plain, **changes)


def live(latencies: list[float | None], **changes: object) -> Evaluation:
    """A live run that processed the first frames, and dropped those without a latency."""
    masks = sum(ms is not None for ms in latencies)
    result = result_of(PAIRS[:masks])
    counts = FrameCounts(offered=len(latencies), processed=masks, dropped=len(latencies) - masks)
    part = dataclasses.replace(
        result.parts[0], ledger=counts, live=live_times(latencies, **changes)
    )
    return dataclasses.replace(result, mode=Mode.LIVE, parts=(part,))


def offline(*totals: float) -> Evaluation:
    frames = tuple((0.1 * i, ms, 4.0, 1.0, ms - 3.0, 2.0) for i, ms in enumerate(totals))
    result = result_of(PAIRS[: len(totals)])
    part = dataclasses.replace(result.parts[0], times=FrameTimes(STAGES, frames))
    return dataclasses.replace(result, mode=Mode.NETWORK, parts=(part,))


def values(result: Evaluation) -> dict[str, float | None]:
    """The metrics of times."""
    return {name: one.value for name, one in result.metrics.items() if one.metric.is_time}


def time_names(mode: Mode) -> tuple[str, ...]:
    """What is known of them before the run."""
    terms = Terms(BDD100K, DRAWN, mode)
    return tuple(one.name for one in metrics_of(terms) if one.is_time)


def test_ages_against_looking_at_every_millisecond() -> None:
    # Sent at 0, 100, ... ms; the third is overtaken by the fourth, the fifth has no mask.
    run = live_times([30.0, 60.0, 150.0, 20.0, None, 40.0, 10.0])
    received = {0: 30, 100: 160, 200: 350, 300: 320, 500: 540, 600: 610}
    expected = []
    for now in range(30, 600):
        newest = max(sent for sent, at in received.items() if at <= now)
        expected.append(now - newest)
    moments, ages = run.ages
    assert moments[0] == pytest.approx(0.03)
    np.testing.assert_allclose(ages, expected, atol=1e-6)
    curve = run.age_curve(400)
    assert len(curve) == 5  # of a tenth of a second or more each
    assert max(age for _, age in curve) == max(expected)
    assert curve[0] == [0.03, max(expected[:114])]
    assert len(live_times([5.0] * 600).age_curve(40)) == 40


@pytest.mark.parametrize('latencies', [[], [None, None]])
def test_without_a_mask_there_are_no_ages(latencies: list[float | None]) -> None:
    run = live_times(latencies)
    assert run.ages[1].size == 0
    assert run.age_curve(10) == []


def test_one_mask_has_an_age() -> None:
    assert live_times([12.0]).ages[1].tolist() == pytest.approx([12.0])


def test_metrics_of_two_live_runs_are_those_of_all_their_frames() -> None:
    first, second = live([10.0, 20.0, None]), live([30.0, 40.0, 50.0])
    merged = first.merge(second)
    expected = percentiles([10.0, 20.0, 30.0, 40.0, 50.0])
    ages = np.concatenate([one.parts[0].live.ages[1] for one in (first, second)])
    assert values(merged) == {
        'latency_p50': expected['p50'],
        'latency_p95': expected['p95'],
        'latency_p99': expected['p99'],
        'age_p95': pytest.approx(np.percentile(ages, 95), abs=1e-3),
        'memory_mib': 130.0,
    }
    assert tuple(values(merged)) == time_names(Mode.LIVE)
    content = describe_times(merged)
    assert content['times']['total'] == expected
    assert content['times']['stages'] == {'infer': {'p50': 6.0, 'p95': 8.5}}
    # The second begins where the first ended.
    assert [frame[0] for frame in content['times']['frames']] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert content['live']['played'] == 6
    assert content['live']['usage']['gpu_percent'] == [[0.5, 30.0], [0.7, 30.0]]
    assert content['live']['usage']['gpu_memory_of'] == 'the node'
    assert content['live']['speed'] == 2.0
    assert content['live']['player_late_p95'] == 0.5


def test_metrics_of_times_offline() -> None:
    merged = offline(10.0, 20.0).merge(offline(30.0))
    assert values(merged) == {f'time_{name}': v for name, v in percentiles([10, 20, 30]).items()}
    assert tuple(values(merged)) == time_names(Mode.NETWORK)
    times = describe_times(merged)['times']
    assert times['stages']['infer'] == percentiles([7, 17, 27])
    assert times['frames'] == [[0.0, 10.0], [0.1, 20.0], [0.1, 30.0]]
    assert 'live' not in describe_times(merged)


def test_recorded_masks_have_no_times() -> None:
    assert describe_times(result_of(PAIRS)) == {}
    assert values(result_of(PAIRS)) == {}
    assert time_names(Mode.MASKS) == ()


def test_times_do_not_touch_accuracy() -> None:
    run = live([1.0, 2.0])
    assert accuracy(run) == accuracy(result_of(PAIRS[:2]))
    shown = {one.metric.name: one.metric.unit.shown(0.5) for one in run.metrics.values()}
    assert (shown['latency_p95'], shown['memory_mib'], shown['miou']) == (0.5, 0.5, 50)
    suffixes = {one.metric.name: one.metric.unit.suffix for one in run.metrics.values()}
    assert (suffixes['latency_p95'], suffixes['memory_mib'], suffixes['miou']) == (
        ' ms',
        ' MiB',
        '',
    )


@pytest.mark.parametrize(
    'result', [live([10.0, None, 30.0], period_s=0.05), offline(1.25, 2.5)], ids=['live', 'offline']
)
def test_json_and_back(result: Evaluation) -> None:
    again = Evaluation.from_plain(json.loads(json.dumps(describe(result))))
    assert again.parts == result.parts
    assert describe_times(again) == describe_times(result)


@pytest.mark.parametrize(
    ('limit', 'before', 'after', 'kept', 'text'),
    [
        ('latency_p50=12', None, [11.0, 11.0], True, 'latency_p50 is 11.00 ms'),
        ('latency_p50=10', None, [11.0, 11.0], False, 'latency_p50 is 11.00 ms'),
        ('memory_mib=100', None, [11.0], False, 'memory_mib is 130.00 MiB'),
        ('latency_p50=20%', [10.0, 10.0], [12.0, 12.0], True, 'from 10.00 to 12.00 ms (+2.00)'),
        ('latency_p50=20%', [10.0, 10.0], [12.1, 12.1], False, 'from 10.00 to 12.10 ms (+2.10)'),
        ('latency_p50=1', [10.0, 10.0], [11.1, 11.1], False, '(+1.10)'),
    ],
)
def test_limits_of_times(
    limit: str, before: list[float] | None, after: list[float], kept: bool, text: str
) -> None:
    kind = LimitKind.MAX if before is None else LimitKind.MAX_RISE
    check = check_limits(
        live(list(after)),
        [Limit.parse(kind, limit)],
        None if before is None else live(list(before)),
    )[-1]
    assert (check.passed, check.frames) == (kept, ())
    assert text in check.message


def test_times_have_no_interval_and_cannot_be_called_noise() -> None:
    limit = Limit.parse(LimitKind.MAX_RISE, 'latency_p50=20%')
    before, after = live([10.0] * 6), live([13.0] * 6)
    check = check_limits(after, [limit], before, beyond_noise=True)[-1]
    assert not check.passed
    assert 'no interval is known, so it cannot be called noise' in check.message


def test_what_was_left_out_of_a_comparison_is_told_beside_the_limits() -> None:
    limit = Limit.parse(LimitKind.MAX_DROP, 'miou=0')
    found = check_limits(live([20.0, 20.0, None]), [limit], live([10.0] * 3))
    assert [check.passed for check in found] == [True, True]
    assert 'accuracy is compared on the 2 frames that both have' in found[0].message


def test_a_limit_of_a_time_that_is_not_told() -> None:
    with pytest.raises(ParameterError, match="no metric 'latency_p95' here"):
        check_limits(offline(1.0), [Limit.parse(LimitKind.MAX, 'latency_p95=3')])


def test_live_runs_are_compared_on_the_frames_that_both_have() -> None:
    before, after = live([10.0] * 6), live([20.0, 20.0, 20.0, 20.0, None, None])
    diff = compare(before, after)
    assert diff.changes['miou'].difference == 0
    assert diff.changes['miou'].after == result_of(PAIRS[:4]).metrics['miou'].value
    assert diff.changes['latency_p50'].difference == 10
    assert diff.changes['latency_p50'].low is None
    assert 'the 4 frames that both have, of 6 and 4' in diff.notes[0]
    # The same frames need no note, and offline is a baseline, too.
    assert compare(before, before).notes == ()
    assert compare(offline(*[5.0] * 6), before).changes['time_p50'].after is None
    other = dataclasses.replace(before, rows=tuple(
        dataclasses.replace(row, name=f'x{row.name}') for row in before.rows
    ))  # fmt: skip
    with pytest.raises(DataError, match='none is in both'):
        compare(other, after)


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: live([1.0, 2.0]).merge(offline(1.0)), 'other modes'),
        (lambda: live([1.0], lost_before_node=1), '1 messages were played, but 1 offered'),
        (lambda: live_times([1.0], lost_after_node=-1), 'no count is below 0'),
        (lambda: FrameTimes(('a',), ((0.0, 1.0),)), 'a frame has 2 times; 3 are needed'),
    ],
)
def test_what_contradicts_itself(make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=message):
        make()


def test_percentiles_of_nothing_are_unknown() -> None:
    assert percentiles([]) == {'p50': None, 'p95': None, 'p99': None}
    found = values(live([None, None], usage=UsageSeries()))
    assert found == dict.fromkeys(time_names(Mode.LIVE))
