# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Bags of two evaluations find each other, in whatever order and company they were given."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from evaluation_cases import random_pair, result_of

from drivseg_ros.errors import DataError
from drivseg_ros.evaluation.comparison import compare, frames_that_changed
from drivseg_ros.evaluation.gate import Limit, LimitKind, check_limits
from drivseg_ros.evaluation.live.times import LiveTimes
from drivseg_ros.evaluation.measured import Mode
from drivseg_ros.evaluation.result import Evaluation
from drivseg_ros.evaluation.shared_frames import pair_parts, shared_frames

FRAMES = 4
Pair = tuple[np.ndarray, np.ndarray]
# Recordings that began at the same moment: their frames have the same names.
DRIVES: dict[str, list[Pair]] = {
    name: [random_pair(100 * i + k) for k in range(FRAMES)] for i, name in enumerate('abc')
}


def bag(
    drive: str, title: str = '', *, frames: range = range(FRAMES), worse: int | None = None
) -> Evaluation:
    """An evaluation of some frames of a drive.

    Args:
        drive: one of DRIVES.
        title: of the bag; that of the drive without it.
        frames: those that are evaluated; the others were dropped.
        worse: the mask of this one is wrong everywhere.
    """
    pairs = [*DRIVES[drive]]
    if worse is not None:
        label = pairs[worse][0]
        pairs[worse] = label, ((label + 1) % 3).astype(np.uint8)
    whole = result_of(pairs, confidence=True)
    rows = tuple(
        dataclasses.replace(row, group=f'{title or drive}, {row.name}')
        for place, row in enumerate(whole.rows)
        if place in frames
    )
    source = {'given': f'somewhere/{title or drive}', 'title': title or drive, 'resampled_by': ''}
    part = dataclasses.replace(whole.parts[0], source=source)
    return dataclasses.replace(whole, parts=(part,), rows=rows)


def together(*bags: Evaluation) -> Evaluation:
    first, *others = bags
    return first.merge(*others)


def live(result: Evaluation) -> Evaluation:
    """The same as a live run that the node kept up with."""
    played = tuple((0.1 * i, 0.0, 5.0) for i in range(FRAMES))
    times = LiveTimes(1.0, played, 0, 0)
    return dataclasses.replace(
        result,
        mode=Mode.LIVE,
        parts=tuple(dataclasses.replace(part, live=times) for part in result.parts),
    )


@pytest.mark.parametrize(
    ('before', 'after', 'expected'),
    [
        ([bag('a'), bag('b')], [bag('a'), bag('b')], {0: 0, 1: 1}),
        ([bag('a'), bag('b')], [bag('b'), bag('a')], {0: 1, 1: 0}),
        ([bag('a'), bag('b'), bag('c')], [bag('c'), bag('a')], {0: 2, 1: 0}),
        ([bag('b')], [bag('a'), bag('b')], {1: 0}),
        # In other company a bag is called otherwise.
        ([bag('a', 'mon/drive'), bag('b', 'tue/drive')], [bag('b', 'drive')], {0: 1}),
        # What has the same title need not be the same bag.
        ([bag('a', 'drive')], [bag('b', 'drive'), bag('a', 'copy')], {1: 0}),
        # Two copies of a bag have the same frames; the titles tell them apart.
        ([bag('a', 'x'), bag('a', 'y')], [bag('a', 'y'), bag('a', 'x')], {0: 1, 1: 0}),
        ([bag('a', 'x'), bag('a', 'y')], [bag('a', 'u'), bag('a', 'v')], {0: 0, 1: 1}),
        # The one with more frames in common is more like it.
        (
            [bag('a', 'x', frames=range(1)), bag('a', 'y')],
            [bag('a', 'z', frames=range(1, 4))],
            {0: 1},
        ),
        ([bag('a')], [bag('b', 'a')], {}),
    ],
)
def test_bags_that_are_the_same(
    before: list[Evaluation], after: list[Evaluation], expected: dict[int, int]
) -> None:
    assert pair_parts(together(*before), together(*after)) == expected


def test_frames_without_a_label_are_told_apart_by_their_images() -> None:
    def seen(drive: str, title: str) -> Evaluation:
        rows = tuple(
            dataclasses.replace(row, label_sha256='', image_sha256=f'{drive} {i}')
            for i, row in enumerate(bag(drive).rows)
        )
        return dataclasses.replace(bag(drive, title), rows=rows)

    before = together(seen('a', 'u'), seen('b', 'v'))
    assert pair_parts(before, together(seen('b', 'x'), seen('a', 'y'))) == {0: 1, 1: 0}


@pytest.mark.parametrize('order', ['ab', 'ba'])
def test_a_live_run_is_held_against_the_frames_of_the_same_bags(order: str) -> None:
    """A baseline of three bags; of the two that were played, one frame was dropped each."""
    before = together(bag('c'), bag('a'), bag('b'))
    played = {'a': bag('a', frames=range(1, 4)), 'b': bag('b', frames=range(3))}
    after = live(together(*(played[name] for name in order)))
    (mine, its), note = shared_frames(before, after)
    assert '6 frames that both have, of 12 and 6' in note
    assert len(mine.rows) == len(its.rows) == 6
    assert mine.metrics['miou'].value == its.metrics['miou'].value
    diff = compare(before, after)
    assert diff.changes['miou'].difference == 0
    # The bags are resampled alike, so there is an interval.
    assert diff.changes['miou'].beyond_noise is False
    with pytest.raises(DataError, match='of 4 frames, the other of 6, and none is in both'):
        compare(bag('c'), after)


def test_the_frame_that_got_worse_is_named_with_its_bag() -> None:
    before = together(bag('a'), bag('b'), bag('c'))
    after = live(together(bag('c', worse=2), bag('b', frames=range(3))))
    assert compare(before, after).changes['miou'].difference < 0
    (found,) = frames_that_changed(before, after, after.leading)
    assert found.name == 'c: frame 2'
    assert (found.before > 0.3, found.after) == (True, 0)
    # So it is offline, where all frames are there.
    turned = together(bag('c', worse=2), bag('b'), bag('a'))
    assert [frame.name for frame in frames_that_changed(before, turned, turned.leading)] == [
        'c: frame 2'
    ]


def test_a_limit_says_on_how_many_frames_it_was_looked_at() -> None:
    """The table beside it is of all frames that the node processed, and has other metrics."""
    before, after = together(bag('a'), bag('b')), live(bag('b', frames=range(3)))
    limits = [
        Limit.parse(LimitKind.MAX_DROP, 'miou=0'),
        Limit.parse(LimitKind.MAX_RISE, 'ece=1'),
        Limit.parse(LimitKind.MAX_RISE, 'latency_p50=1'),
    ]
    _, kept, cut, time = check_limits(after, limits, before)
    assert kept.passed
    assert '(+0.00) on the 3 frames that both have' in kept.message
    assert not cut.passed
    assert cut.message == 'ece is not defined for the 3 frames alone that both have'
    assert time.message == 'latency_p50 is not defined in the baseline'
