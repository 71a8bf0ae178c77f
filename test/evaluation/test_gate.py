# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The gate: a worse model is caught and named, noise is not, other data are refused."""

from __future__ import annotations

import dataclasses
from xml.etree import ElementTree

import numpy as np
import pytest
from evaluation_cases import BDD100K, DRAWN, classes, random_pair, result_of, with_failure

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.evaluation.comparison import compare, frames_that_changed
from drivseg_ros.evaluation.gate import Check, check_frames, check_limits
from drivseg_ros.evaluation.limit import Limit, LimitKind, check_directions
from drivseg_ros.evaluation.metric import TIMES, WHOLE, MetricValue, metrics_of
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.frames.matching import Area, Matching
from drivseg_ros.report.junit import junit_xml

FRAMES = 30
NAMES = ('direct:direct', 'alternative:alternative', 'background')
PAIRS = [random_pair(i, shape=(40, 60)) for i in range(FRAMES)]


def changed(share: float, frames: range, *, seed: int = 1000) -> Evaluation:
    """As the baseline, but for a share of the pixels of some frames."""
    random = np.random.default_rng(seed)
    pairs = list(PAIRS)
    for i in frames:
        label, mask = PAIRS[i]
        other = random.integers(0, 3, mask.shape).astype(np.uint8)
        pairs[i] = label, np.where(random.random(mask.shape) < share, other, mask)
    return result_of(pairs)


BASELINE = result_of(PAIRS)
WORSE = changed(0.5, range(10, 14))
NOISE = changed(0.002, range(FRAMES))


def drop(text: str, result: Evaluation, **options: bool) -> Check:
    limit = Limit.parse(LimitKind.MAX_DROP, text)
    data, found = check_limits(result, [limit], BASELINE, **options)
    assert data.passed
    return found


@pytest.mark.parametrize('beyond_noise', [False, True])
def test_a_worse_model_is_caught_and_its_frames_are_named(beyond_noise: bool) -> None:
    found = drop('miou=0.5', WORSE, beyond_noise=beyond_noise)
    assert not found.passed
    assert {line.partition(':')[0] for line in found.frames} == {
        f'frame {i}' for i in range(10, 14)
    }
    before, after = (100 * one.metrics['miou'].value for one in (BASELINE, WORSE))
    assert f'from {before:.2f} to {after:.2f} ({after - before:+.2f})' in found.message


@pytest.mark.parametrize('metric', ['miou', 'drivable_iou', 'iou/direct', 'pixel_accuracy'])
def test_noise_is_not(metric: str) -> None:
    assert drop(f'{metric}=0.5', NOISE).passed
    assert drop(f'{metric}=0', BASELINE).passed


def test_a_limit_of_nothing_lets_noise_pass_only_if_told_so() -> None:
    """One frame of thirty is worse: a drop, but other drives might not have shown it."""
    found = changed(0.5, range(1))
    assert not drop('miou=0', found).passed
    forgiven = drop('miou=0', found, beyond_noise=True)
    assert forgiven.passed
    assert 'within noise' in forgiven.message


@pytest.mark.parametrize(
    ('kind', 'text', 'passed'),
    [
        ('min', 'miou=1', True),
        ('min', 'miou=99', False),
        ('max', 'miou=99', True),
        ('max', 'miou=1', False),
        ('max-drop', 'miou=50%', True),
        ('max-drop', 'miou=1%', False),
        ('max-drop', 'miou=50', True),
        ('max-rise', 'miou=0', True),
        ('min', 'iou/direct=99', False),
        ('min', 'drivable_iou=99', False),
    ],
)
def test_limits(kind: str, text: str, passed: bool) -> None:
    limit = Limit.parse(LimitKind(kind), text)
    found = check_limits(WORSE, [limit], BASELINE)[-1]
    assert found.passed is passed
    assert limit.metric in found.title


def test_a_relative_limit_is_of_the_baseline() -> None:
    before, after = (one.metrics['miou'].value for one in (BASELINE, WORSE))
    percent = 100 * (before - after) / before
    assert drop(f'miou={percent + 0.01}%', WORSE).passed
    assert not drop(f'miou={percent - 0.01}%', WORSE).passed


def test_a_rise_is_caught() -> None:
    found = check_limits(BASELINE, [Limit.parse(LimitKind.MAX_RISE, 'miou=0.5')], WORSE)[-1]
    assert not found.passed


def test_a_metric_that_is_not_defined_breaks_its_limit() -> None:
    label = np.zeros((9, 9), np.uint8)
    neither, claimed = result_of([(label, label)]), result_of([(label, label + 1)])
    limits = [
        Limit.parse(LimitKind.MIN, 'iou/alternative=10'),
        Limit.parse(LimitKind.MAX_DROP, 'iou/alternative=10'),
    ]
    for after, before, wheres in (
        (neither, neither, ['here', 'in either evaluation']),
        (neither, claimed, ['here', 'here']),
        (claimed, neither, ['', 'in the baseline']),
    ):
        _, *found = check_limits(after, limits, before)
        assert not any(check.passed for check in found)
        for check, where in zip(found, wheres, strict=True):
            assert check.message.endswith(f'is not defined {where}' if where else 'is 0.00')


def test_a_calibration_that_did_not_come_breaks_its_limit() -> None:
    """Masks may come without confidence, which is seen when all are evaluated."""
    limits = [Limit.parse(LimitKind.MAX, 'ece=3'), Limit.parse(LimitKind.MAX_RISE, 'ece=3')]
    messages = [check.message for check in check_limits(WORSE, limits, BASELINE)[1:]]
    assert messages == ['ece is not defined here', 'ece is not defined in either evaluation']


def test_without_intervals_nothing_is_called_noise() -> None:
    few = [result_of(pairs[:3]) for pairs in (PAIRS, [(a, 0 * b) for a, b in PAIRS])]
    limit = Limit.parse(LimitKind.MAX_DROP, 'miou=0')
    for beyond_noise in (False, True):
        found = check_limits(few[1], [limit], few[0], beyond_noise=beyond_noise)[-1]
        assert not found.passed
        assert ('no interval is known' in found.message) is beyond_noise


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        ([('max-drop', 'latency_p95=20%')], 'is better when it is lower, .* write --max-rise'),
        ([('max-rise', 'miou=0.5')], 'is better when it is higher, .* write --max-drop'),
        ([('max', 'drivable_iou=70')], 'is better when it is higher, .* write --min'),
        ([('min', 'flicker=1')], 'is better when it is lower, .* write --max'),
        ([('min', 'miou=1'), ('max-drop', 'ece=1')], 'ece is better'),
        ([('max-drop', 'miou=0'), ('max-rise', 'miou=0')], ''),
        ([('min', 'miou=70'), ('max-rise', 'miou=5')], ''),
        ([('max', 'ece=3'), ('max-rise', 'flicker=0'), ('max', 'age_p95=90')], ''),
    ],
)
def test_limits_that_let_every_worse_value_pass(given: list[tuple[str, str]], message: str) -> None:
    limits = [Limit.parse(LimitKind(kind), text) for kind, text in given]
    known = {one.name: one for one in (*WHOLE, *TIMES, *metrics_of(BASELINE.terms))}
    if message:
        with pytest.raises(ParameterError, match=message):
            check_directions(limits, known)
    else:
        check_directions(limits, known)


@pytest.mark.parametrize('text', ['miou', 'miou=', '=1', 'miou=x', 'miou=-1', 'miou=nan', '1'])
def test_limits_that_are_not_understood(text: str) -> None:
    with pytest.raises(ParameterError, match='write METRIC=POINTS'):
        Limit.parse(LimitKind.MAX_DROP, text)


def test_limits_that_cannot_be_held() -> None:
    with pytest.raises(ParameterError, match='means percent of a baseline'):
        Limit.parse(LimitKind.MIN, 'miou=3%')
    with pytest.raises(ParameterError, match="no metric 'mIou' here; there are miou, pixel"):
        check_limits(WORSE, [Limit.parse(LimitKind.MIN, 'mIou=3')])
    with pytest.raises(ParameterError, match='--baseline'):
        check_limits(WORSE, [Limit.parse(LimitKind.MAX_DROP, 'miou=3')])


def _of(
    truth: tuple[str, ...] = NAMES,
    network: tuple[str, ...] = NAMES,
    areas: tuple[Area, ...] = BDD100K.areas,
    **changes: int,
) -> Evaluation:
    matching = Matching(classes(*truth), classes(*network), areas)
    return result_of(PAIRS, matching=matching, settings=dataclasses.replace(DRAWN, **changes))


@pytest.mark.parametrize(
    ('other', 'message'),
    [
        (result_of(PAIRS[1:]), 'other data: 30 frames with the labels .* and 29'),
        (result_of([(PAIRS[0][0].clip(max=1), PAIRS[0][1]), *PAIRS[1:]]), 'of other data'),
        (with_failure(result_of(PAIRS[1:])), r'0 and 1 frames failed'),
        (_of(truth=(*NAMES[:2], 'rest')), r'labels .* background, the other .* rest; only'),
        (_of(areas=()), 'ground truth of other roles'),
        (_of(bands=2), 'other settings .the one --bands 4 .*, the other --bands 2 --boundary'),
    ],
)
def test_baselines_that_are_refused(other: Evaluation, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_limits(other, [Limit.parse(LimitKind.MAX_DROP, 'miou=1')], BASELINE)


def test_the_order_of_the_frames_does_not_matter_to_a_baseline() -> None:
    turned = dataclasses.replace(BASELINE, rows=BASELINE.rows[::-1])
    assert compare(BASELINE, turned).changes['miou'].difference == 0


def test_a_diff_has_every_metric_and_how_sure_it_is() -> None:
    found = compare(BASELINE, WORSE)
    change = found.changes['miou']
    assert change.low <= change.difference <= change.high < 0
    assert change.beyond_noise
    assert compare(BASELINE, BASELINE).changes['miou'].beyond_noise is False
    assert set(found.changes) == set(BASELINE.metrics)
    better = frames_that_changed(WORSE, BASELINE, WORSE.leading, worse=True)
    assert better == []
    both = frames_that_changed(WORSE, BASELINE, WORSE.leading, worse=False)
    assert {frame.name for frame in both} == {f'frame {i}' for i in range(10, 14)}


def test_images_that_changed_under_the_same_labels_are_noted() -> None:
    def seen(digest: str) -> Evaluation:
        rows = [dataclasses.replace(row, image_sha256=digest) for row in BASELINE.rows]
        return dataclasses.replace(BASELINE, rows=tuple(rows))

    assert compare(seen('a'), seen('a')).notes == ()
    (note,) = compare(seen('a'), seen('b')).notes
    assert 'the images are not' in note
    limit = Limit.parse(LimitKind.MAX_DROP, 'miou=0')
    checks = [check_limits(seen(digest), [limit], seen('a'))[0] for digest in ('a', 'b')]
    assert [(check.passed, check.of_limit) for check in checks] == [(True, False)] * 2
    assert [check.message == note for check in checks] == [False, True]


def test_frames_that_failed_are_a_check_of_their_own() -> None:
    assert check_frames(BASELINE).passed
    found = check_frames(with_failure(BASELINE))
    assert not found.passed
    assert found.frames == ('last: it is torn',)
    assert found.message == '1 of 31 frames failed'


def test_junit() -> None:
    odd = Check('odd \x07\ud800\uffff', False, 'a < b \x07&')
    checks = [check_frames(BASELINE), drop('miou=0.5', WORSE), odd]
    odd_name = MetricValue(WHOLE[0], 0.5)
    metrics = {**BASELINE.metrics, 'iou/\x1b': odd_name}
    text = junit_xml(checks, metrics, title='net.onnx on a & b\x00')
    root = ElementTree.fromstring(text.partition('\n')[2])
    (suite,) = root
    assert (root.get('tests'), root.get('failures'), suite.get('failures')) == ('3', '2', '2')
    cases = suite.findall('testcase')
    assert [case.get('name') for case in cases] == [*(check.title for check in checks[:2]), 'odd ']
    assert {case.get('classname') for case in cases} == {'net.onnx on a & b'}
    assert [case.find('failure') is not None for case in cases] == [False, True, True]
    assert 'frame 1' in (cases[1].findtext('failure') or '')
    assert cases[2].find('failure').get('message') == 'a < b &'
    values = {p.get('name'): float(p.get('value')) for p in suite.iter('property')}
    assert values['miou'] == pytest.approx(BASELINE.metrics['miou'].value, abs=1e-6)
    assert values['iou/'] == 0.5


def test_networks_of_other_classes_are_compared_by_what_both_have() -> None:
    """The labels are the same; the one network does not separate the lanes."""
    lanes = _of()
    merged = [(label, np.where(mask < 2, 0, 1).astype(np.uint8)) for label, mask in PAIRS]
    matching = Matching(classes(*NAMES), classes('lane:drivable', 'rest'), BDD100K.areas)
    area = result_of(merged, matching=matching)
    found = compare(lanes, area)
    assert found.changes['drivable_iou'].difference == 0
    assert found.changes['drivable_iou'].beyond_noise is False
    assert found.changes['miou'].after is None
    assert 'the networks have other classes' in found.notes[0]
    limits = [Limit.parse(LimitKind.MAX_DROP, 'drivable_iou=0')]
    assert [check.passed for check in check_limits(area, limits, lanes)] == [True, True]
    assert area.leading.name == 'drivable_iou'
    assert frames_that_changed(lanes, area, area.leading, worse=False) == []


def test_networks_whose_classes_match_the_labels_otherwise_are_compared_by_class() -> None:
    """Four classes, one of which the labels count as background."""
    more = _of(network=('direct:direct', 'alternative:alternative', 'other:road', 'background'))
    found = compare(_of(), more)
    assert found.changes['miou'].difference is not None
    assert found.changes['iou/direct'].difference == 0
