# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivseg_ros.errors import DataError, ParameterError
from drivseg_ros.frames.split import Part, part_named, split, stable_part

SHARES = {Part.TRAINING: 0.6, Part.VALIDATION: 0.2, Part.HELD_OUT: 0.2}


def test_a_stable_part_goes_by_the_name_of_the_drive_alone():
    shares = {Part.HELD_OUT: 0.25, Part.VALIDATION: 0.07, Part.TRAINING: 0.68}
    sides = dict.fromkeys(Part, 0)
    for i in range(2000):
        x = int(hashlib.sha256(f'bdd100k_drivable:{i:08x}'.encode()).hexdigest()[:8], 16) / 2**32
        wanted = Part.HELD_OUT if x < 0.25 else Part.VALIDATION if x < 0.32 else Part.TRAINING
        assert stable_part(f'{i:08x}', shares, 'bdd100k_drivable') is wanted
        sides[wanted] += 1
    assert sides[Part.TEST] == 0
    assert sides[Part.HELD_OUT] == pytest.approx(500, abs=60)
    # These were on the cards of the first networks.
    parts = [stable_part(d, shares, 'bdd100k_drivable') for d in ('b1c66a42', 'b1c81faa')]
    assert parts == [Part.TRAINING, Part.HELD_OUT]
    with pytest.raises(ParameterError, match='must be 1 in all'):
        stable_part('a', {Part.TRAINING: 0.5}, 0)


@pytest.mark.parametrize(
    ('name', 'part'),
    [
        ('train', Part.TRAINING),
        ('Validation', Part.VALIDATION),
        ('val', Part.VALIDATION),
        ('held_out', Part.HELD_OUT),
        ('held out', Part.HELD_OUT),
        (Part.TEST, Part.TEST),
    ],
)
def test_parts_have_their_usual_names(name, part):
    assert part_named(name) is part


def test_a_part_that_is_none_is_refused():
    with pytest.raises(ParameterError, match=r"no part 'trian'; the parts are training"):
        part_named('trian')


def group(name):
    return name.split('-')[0]


@settings(deadline=None)
@given(
    drives=st.lists(st.integers(1, 9), min_size=15, max_size=60),
    seed=st.integers(0, 1000),
    order=st.randoms(use_true_random=False),
)
def test_drives_stay_together_and_nothing_is_lost(drives, seed, order):
    names = [f'drive{d}-{i}' for d, count in enumerate(drives) for i in range(count)]
    parts = split(names, SHARES, seed=seed, group_of=group)
    assert sorted(n for part in parts.values() for n in part) == sorted(names)
    groups = [{group(n) for n in part} for part in parts.values()]
    assert sum(map(len, groups)) == len(set().union(*groups))
    for part, share in SHARES.items():
        assert abs(len(parts[part]) - share * len(names)) <= max(drives)
    order.shuffle(names)
    again = split(names, SHARES, seed=seed, group_of=group)
    assert {p: set(n) for p, n in again.items()} == {p: set(n) for p, n in parts.items()}


def test_another_seed_is_another_division_and_the_same_one_is_fixed():
    names = [f'f{i}' for i in range(20)]
    assert split(names, seed=1) != split(names, seed=2)
    assert split(names, SHARES)[Part.VALIDATION] == ('f9', 'f13', 'f17', 'f18')


@pytest.mark.parametrize(
    ('shares', 'message'),
    [
        ({}, 'must each be above 0'),
        ({Part.TRAINING: 0.5, Part.VALIDATION: 0.4}, 'training 0.5, validation 0.4 must be 1'),
        ({Part.TRAINING: 1.5, Part.VALIDATION: -0.5}, 'must each be above 0'),
    ],
)
def test_shares_that_are_none_are_refused(shares, message):
    with pytest.raises(ParameterError, match=message):
        split(['a', 'b'], shares)


def test_too_few_drives_are_refused():
    with pytest.raises(DataError, match=r"4 frames of 1 drives leave nothing for \['validation'"):
        split(['a-1', 'a-2', 'a-3', 'a-4'], group_of=group)
